//! Response URLs as CloudFormation forms them: presigned, in the newer and the older form, of any age.

use crate::clock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;

/// How long CloudFormation's URLs are valid.
const VALID: Duration = Duration::from_secs(7200);

/// How long ago a URL was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Just now.
    Now,
    /// This long ago.
    Ago(Duration),
    /// In the future, as if the clock were wrong.
    Ahead(Duration),
}

impl Age {
    /// This many minutes ago.
    pub fn minutes(minutes: u64) -> Self {
        Self::Ago(Duration::from_secs(minutes * 60))
    }

    fn signed(self, now: SystemTime) -> OffsetDateTime {
        let now = OffsetDateTime::UNIX_EPOCH + clock::since_1970(now);
        match self {
            Self::Now => now,
            Self::Ago(time) => now - time,
            Self::Ahead(time) => now + time,
        }
    }
}

/// The path of a new object for each request: the part of a URL before the question mark.
pub(crate) fn path(region: &str, number: u64) -> String {
    format!(
        "/arn%3Aaws%3Acloudformation%3A{region}%3A111122223333%3Astack/example/11111111-2222-3333-4444-\
         {number:012}%7CDocument%7C{number:08x}-5555-6666-7777-888888888888"
    )
}

/// The newer form: Signature Version 4, which contains the date.
pub(crate) fn version_4(base: &str, path: &str, region: &str, (age, now): (Age, SystemTime)) -> String {
    let signed = age.signed(now);
    let (date, time) = (signed.date(), signed.time());
    let day = format!("{:04}{:02}{:02}", date.year(), u8::from(date.month()), date.day());
    let moment = format!("{day}T{:02}{:02}{:02}Z", time.hour(), time.minute(), time.second());
    format!(
        "{base}{path}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={moment}&X-Amz-SignedHeaders=host&X-Amz-Expires={}\
         &X-Amz-Credential=AKIAEXAMPLEFAKE00000%2F{day}%2F{region}%2Fs3%2Faws4_request&X-Amz-Signature={}",
        VALID.as_secs(),
        "fake".repeat(16),
    )
}

/// The older form: Signature Version 2, which contains only the expiry.
pub(crate) fn version_2(base: &str, path: &str, (age, now): (Age, SystemTime)) -> String {
    let expires = (age.signed(now) + VALID).unix_timestamp();
    format!(
        "{base}{path}?AWSAccessKeyId=AKIAEXAMPLEFAKE00000&Expires={expires}&Signature=fakefakefakefakefakefakefak%3D"
    )
}

/// Whether a URL of either form has expired; one without a date never does.
pub(crate) fn is_expired(url: &str, now: SystemTime) -> bool {
    let now = clock::since_1970(now).as_secs();
    if let Some(expires) = parameter(url, "Expires").and_then(|expires| expires.parse::<u64>().ok()) {
        return now > expires;
    }
    let signed = parameter(url, "X-Amz-Date").and_then(moment);
    let valid = parameter(url, "X-Amz-Expires").and_then(|expires| expires.parse::<u64>().ok());
    matches!((signed, valid), (Some(signed), Some(valid)) if now > signed + valid)
}

/// When a URL of either form was signed.
pub(crate) fn signed(url: &str) -> Option<SystemTime> {
    let signed = parameter(url, "X-Amz-Date").and_then(moment).or_else(|| {
        let expires = parameter(url, "Expires")?.parse::<u64>().ok()?;
        expires.checked_sub(VALID.as_secs())
    });
    signed.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds))
}

fn parameter<'a>(url: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = url.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// `20261121T194110Z` as seconds since 1970.
fn moment(text: &str) -> Option<u64> {
    let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<u16>().ok();
    let small = |range| part(range).and_then(|number| u8::try_from(number).ok());
    let month = time::Month::try_from(small(4..6)?).ok()?;
    let date = time::Date::from_calendar_date(part(0..4)?.into(), month, small(6..8)?).ok()?;
    let time = time::Time::from_hms(small(9..11)?, small(11..13)?, small(13..15)?).ok()?;
    u64::try_from(time::PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp()).ok()
}
