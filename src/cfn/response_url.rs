//! Where a response may be sent, and until when.
//!
//! The URL is presigned: whoever reads it can respond for the stack. So it has no `Display`, and its `Debug` shows only the host.

use std::fmt;
use std::time::Duration;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use reqwest::Url;

use crate::failure::{Failure, quoted};

/// Which response URLs are accepted.
#[derive(Debug, Clone)]
pub struct UrlRules {
    /// The domain suffixes of the partition, such as `amazonaws.com`.
    pub suffixes: Vec<String>,
    /// Whether loopback addresses are accepted as well, over `http` and on any port. For local runs only.
    pub allow_loopback: bool,
}

/// How long CloudFormation's URLs are valid.
const LIFETIME: Duration = Duration::from_secs(7200);

/// When CloudFormation signed a request, as the time since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// The URL contains it, to the second. For an unsigned URL, it is when the invocation began.
    Dated(Duration),
    /// The URL is signed with Signature Version 2 and contains only its expiry, 7,200 s after the signature.
    Derived(Duration),
}

impl Signature {
    /// When the request was signed, as the time since 1970.
    pub fn at(self) -> Duration {
        match self {
            Self::Dated(at) | Self::Derived(at) => at,
        }
    }

    /// The time of the signature, in whole seconds since 1970.
    pub fn seconds(self) -> i64 {
        i64::try_from(self.at().as_secs()).unwrap_or(i64::MAX)
    }
}

/// A response URL that was accepted.
#[derive(Clone)]
pub struct ResponseUrl {
    url: Url,
    /// When it was signed, in seconds since 1970. A URL that is signed with Signature Version 2 does not contain this.
    pub signed_at: Option<i64>,
    expires_at: Option<i64>,
}

impl ResponseUrl {
    /// Parses a URL. It must use https on port 443, with a host below one of the suffixes and without user information. If
    /// `allow_loopback` is set, a loopback address is accepted as well, over http or https and on any port, but not with user
    /// information.
    ///
    /// # Errors
    /// The URL is not accepted. The failure names the host, never the rest of the URL.
    pub fn parse(text: &str, rules: &UrlRules) -> Result<Self, Failure> {
        let refuse = |why: &str| Err(Failure::new(format!("ResponseURL: {why} No response is sent.")));
        let Ok(url) = Url::parse(text) else {
            return refuse("is not a URL.");
        };
        let host = url.host_str().unwrap_or_default();
        let on_loopback = rules.allow_loopback
            && matches!(url.scheme(), "http" | "https")
            && matches!(host, "127.0.0.1" | "localhost" | "[::1]");
        let below = |suffix: &String| host.strip_suffix(suffix.as_str()).and_then(|rest| rest.strip_suffix('.'));
        let on_aws = url.scheme() == "https"
            && url.port().is_none()
            && rules.suffixes.iter().filter_map(below).any(|labels| labels.split('.').all(is_label));
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("must not contain a user name or a password.");
        }
        if !on_loopback && !on_aws {
            let suffixes = rules.suffixes.join(" or ");
            let host = quoted(host);
            return refuse(&format!(
                "must be an https URL on port 443 with a host below {suffixes}. Its host is {host}."
            ));
        }
        let query = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let signed_at = query("X-Amz-Date").and_then(|date| seconds_since_1970(&date));
        let lifetime: Option<i64> = query("X-Amz-Expires").and_then(|seconds| seconds.parse().ok());
        let expires_at = match (signed_at, lifetime) {
            (Some(signed_at), Some(lifetime)) => Some(signed_at.saturating_add(lifetime)),
            _ => query("Expires").and_then(|seconds| seconds.parse().ok()),
        };
        Ok(Self { url, signed_at, expires_at })
    }

    /// When it was signed. An unsigned URL comes from a local tool and counts as signed at `now`, when the invocation begins.
    pub fn signature(&self, now: Duration) -> Signature {
        let moment = |seconds: i64| u64::try_from(seconds).ok().map(Duration::from_secs);
        let derived = || moment(self.expires_at?)?.checked_sub(LIFETIME);
        match self.signed_at.and_then(moment) {
            Some(signed_at) => Signature::Dated(signed_at),
            None => derived().map_or(Signature::Dated(now), Signature::Derived),
        }
    }

    /// Whether its signature has expired at `now`, in seconds since 1970.
    pub fn expired(&self, now: i64) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }

    /// The URL itself, for the PUT.
    pub(super) fn url(&self) -> Url {
        self.url.clone()
    }
}

impl fmt::Debug for ResponseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResponseUrl(host {:?})", self.url.host_str())
    }
}

fn is_label(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Parses a time such as `20261121T193140Z`.
fn seconds_since_1970(date: &str) -> Option<i64> {
    if date.len() != 16 || !date.is_ascii() {
        return None;
    }
    let (day, time) = date.split_once('T')?;
    let iso = format!(
        "{}-{}-{}T{}:{}:{}",
        day.get(..4)?,
        day.get(4..6)?,
        day.get(6..)?,
        time.get(..2)?,
        time.get(2..4)?,
        time.get(4..)?
    );
    DateTime::from_str(&iso, Format::DateTime).ok().map(|date| date.secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str, allow_loopback: bool) -> Result<ResponseUrl, Failure> {
        let suffixes = vec!["amazonaws.com".to_owned(), "amazonaws.com.cn".to_owned()];
        ResponseUrl::parse(url, &UrlRules { suffixes, allow_loopback })
    }

    #[test]
    fn urls_of_cloudformation_are_accepted() {
        for url in [
            "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/arn%3Aaws?X-Amz-Signature=0",
            "https://cloudformation-custom-resource-response-euwest3.s3.eu-west-3.amazonaws.com:443/a",
            "https://cloudformation-custom-resource-response-cnnorth1.s3.cn-north-1.amazonaws.com.cn/a",
            "HTTPS://CLOUDFORMATION.S3.AMAZONAWS.COM/a",
        ] {
            assert!(parse(url, false).is_ok(), "{url}");
        }
    }

    #[test]
    fn other_addresses_are_refused_and_not_repeated() {
        for url in [
            "http://bucket.s3.amazonaws.com/secret",
            "https://bucket.s3.amazonaws.com:8443/secret",
            "https://amazonaws.com/secret",
            "https://evil-amazonaws.com/secret",
            "https://s3.amazonaws.com.evil.example/secret",
            "https://s3.amazonaws.com@evil.example/secret",
            "https://user:password@s3.amazonaws.com/secret",
            "https://user@s3.amazonaws.com/secret",
            "https://evil.example/secret?.amazonaws.com",
            "https://evil.example#.amazonaws.com/secret",
            "https://evil.example\\.amazonaws.com/secret",
            "https://s3.amazonaws.com./secret",
            "https://.amazonaws.com/secret",
            "https://a..amazonaws.com/secret",
            "https://127.0.0.1;.amazonaws.com/secret",
            "https://169.254.169.254/secret",
            "https://[::1]/secret",
            "https://0x7f000001/secret",
            "https://s3.ämazonaws.com/secret",
            "http://127.0.0.1:8080/secret",
            "http://localhost/secret",
            "ftp://s3.amazonaws.com/secret",
            "file:///secret",
            "secret",
            "",
        ] {
            let error = parse(url, false).unwrap_err().to_string();
            assert!(!error.contains("secret") && !error.contains("password@"), "{url}: {error}");
        }
    }

    #[test]
    fn loopback_is_accepted_only_if_it_is_allowed_and_nothing_else_with_it() {
        for url in ["http://127.0.0.1:4577/a", "http://localhost:1/a", "https://[::1]:1/a"] {
            assert!(parse(url, true).is_ok(), "{url}");
        }
        for url in [
            "http://10.0.0.1/a",
            "http://127.0.0.1.evil.example/a",
            "http://u@127.0.0.1/a",
            "http://s3.amazonaws.com/a",
        ] {
            assert!(parse(url, true).is_err(), "{url}");
        }
    }

    #[test]
    fn both_forms_of_a_signature_tell_when_the_url_expires_and_the_newer_its_age() {
        let base = "https://bucket.s3.amazonaws.com/a";
        let v4 = parse(&format!("{base}?X-Amz-Date=20260101T000000Z&X-Amz-Expires=7200"), false).unwrap();
        assert_eq!(v4.signed_at, Some(1_767_225_600));
        assert!(!v4.expired(1_767_225_600 + 7199) && v4.expired(1_767_225_600 + 7200));
        let v2 = parse(&format!("{base}?AWSAccessKeyId=A&Expires=1767225600&Signature=S"), false).unwrap();
        assert_eq!(v2.signed_at, None);
        assert!(!v2.expired(1_767_225_599) && v2.expired(1_767_225_600));
        for odd in
            ["X-Amz-Date=yesterday&X-Amz-Expires=1", "X-Amz-Date=20261340T000000Z&X-Amz-Expires=1", "Expires=x", ""]
        {
            let url = parse(&format!("{base}?{odd}"), false).unwrap();
            assert_eq!((url.signed_at, url.expired(i64::MAX)), (None, false), "{odd}");
        }
    }

    #[test]
    fn the_signature_is_dated_or_derived_from_the_expiry_and_an_unsigned_url_counts_as_signed_now() {
        let now = Duration::from_secs(1_800_000_000);
        let signed = Duration::from_secs(1_767_225_600);
        for (query, expected) in [
            ("X-Amz-Date=20260101T000000Z&X-Amz-Expires=7200", Signature::Dated(signed)),
            ("X-Amz-Date=20260101T000000Z", Signature::Dated(signed)),
            ("AWSAccessKeyId=A&Expires=1767232800&Signature=S", Signature::Derived(signed)),
            ("Expires=60", Signature::Dated(now)),
            ("Expires=-1", Signature::Dated(now)),
            ("", Signature::Dated(now)),
        ] {
            let url = parse(&format!("https://bucket.s3.amazonaws.com/a?{query}"), false).unwrap();
            assert_eq!(url.signature(now), expected, "{query}");
        }
    }
}
