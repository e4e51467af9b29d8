//! Response URLs as CloudFormation forms them: presigned, in the newer and the older form, of any age.

use std::time::Duration;
use time::OffsetDateTime;

/// For how long CloudFormation's URLs are valid.
const VALID: Duration = Duration::from_secs(7200);

/// How long ago a URL was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Just now.
    Now,
    /// So long ago.
    Ago(Duration),
    /// In the future, as a wrong clock has it.
    Ahead(Duration),
}

impl Age {
    /// So many minutes ago.
    pub fn minutes(minutes: u64) -> Self {
        Self::Ago(Duration::from_secs(minutes * 60))
    }

    fn signed(self) -> OffsetDateTime {
        let now = OffsetDateTime::now_utc();
        match self {
            Self::Now => now,
            Self::Ago(time) => now - time,
            Self::Ahead(time) => now + time,
        }
    }
}

/// The object's path, one for each request: what is in a URL before the question mark.
pub(crate) fn path(region: &str, number: u64) -> String {
    format!(
        "/arn%3Aaws%3Acloudformation%3A{region}%3A111122223333%3Astack/example/11111111-2222-3333-4444-\
         {number:012}%7CDocument%7C{number:08x}-5555-6666-7777-888888888888"
    )
}

/// The newer form: signature version 4, whose date tells the age.
pub(crate) fn version_4(base: &str, path: &str, region: &str, age: Age) -> String {
    let (date, time) = (age.signed().date(), age.signed().time());
    let day = format!("{:04}{:02}{:02}", date.year(), u8::from(date.month()), date.day());
    let moment = format!("{day}T{:02}{:02}{:02}Z", time.hour(), time.minute(), time.second());
    format!(
        "{base}{path}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={moment}&X-Amz-SignedHeaders=host&X-Amz-Expires={}\
         &X-Amz-Credential=AKIAEXAMPLEFAKE00000%2F{day}%2F{region}%2Fs3%2Faws4_request&X-Amz-Signature={}",
        VALID.as_secs(),
        "fake".repeat(16),
    )
}

/// The older form: signature version 2, which tells only when it expires.
pub(crate) fn version_2(base: &str, path: &str, age: Age) -> String {
    let expires = (age.signed() + VALID).unix_timestamp();
    format!(
        "{base}{path}?AWSAccessKeyId=AKIAEXAMPLEFAKE00000&Expires={expires}&Signature=fakefakefakefakefakefakefak%3D"
    )
}

/// Whether a URL of either form has expired; one without a date never does.
pub(crate) fn is_expired(path_and_query: &str) -> bool {
    let query = path_and_query.split_once('?').map_or("", |(_, query)| query);
    let value = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let now = OffsetDateTime::now_utc().unix_timestamp();
    if let Some(expires) = value("Expires").and_then(|expires| expires.parse::<i64>().ok()) {
        return now > expires;
    }
    let signed = value("X-Amz-Date").and_then(moment);
    let valid = value("X-Amz-Expires").and_then(|expires| expires.parse::<i64>().ok());
    matches!((signed, valid), (Some(signed), Some(valid)) if now > signed + valid)
}

/// `20261121T194110Z` as seconds since 1970.
fn moment(text: &str) -> Option<i64> {
    let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<u16>().ok();
    let small = |range| part(range).and_then(|number| u8::try_from(number).ok());
    let month = time::Month::try_from(small(4..6)?).ok()?;
    let date = time::Date::from_calendar_date(part(0..4)?.into(), month, small(6..8)?).ok()?;
    let time = time::Time::from_hms(small(9..11)?, small(11..13)?, small(13..15)?).ok()?;
    Some(time::PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp())
}
