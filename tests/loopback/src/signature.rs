//! The check of requests' signatures (AWS Signature Version 4) against the test credentials, if it is enabled.

use crate::ssm::ModelError;
use hyper::http::request::Parts;
use ring::{digest, hmac};

/// The credentials that the loopback AWS knows.
pub const ACCESS_KEY_ID: &str = "AKIAEXAMPLELOOPBACK0";
/// Their secret.
pub const SECRET_ACCESS_KEY: &str = "loopback-secret-that-opens-nothing";

/// Whether signatures are checked.
pub(crate) struct Signatures {
    pub(crate) required: bool,
}

impl Signatures {
    /// Refuses a request that is not signed for this service.
    pub(crate) fn check(&self, head: &Parts, body: &[u8], service: &str) -> Result<(), ModelError> {
        if !self.required {
            return Ok(());
        }
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let refuse = |code: &str, text: &str| Err(ModelError { status: 403, ..ModelError::new(code, text) });
        let Some(authorization) = header("authorization") else {
            return refuse("MissingAuthenticationTokenException", "Missing Authentication Token");
        };
        let Some((scope, signed, signature)) = parts(authorization) else {
            return refuse("IncompleteSignatureException", "The Authorization header is not complete.");
        };
        let Some(scope) = scope.strip_prefix(ACCESS_KEY_ID).and_then(|rest| rest.strip_prefix('/')) else {
            return refuse("UnrecognizedClientException", "The security token included in the request is invalid.");
        };
        let date = header("x-amz-date").unwrap_or_default();
        if expected(head, body, service, (scope, signed, date)).as_deref() != Some(signature) {
            let text = "The request signature we calculated does not match the signature you provided.";
            return refuse("InvalidSignatureException", text);
        }
        Ok(())
    }
}

/// The credential, the signed headers and the signature of an Authorization header.
fn parts(authorization: &str) -> Option<(&str, &str, &str)> {
    let rest = authorization.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let part = |name: &str| {
        let mut pairs = rest.split(',').filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    Some((part("Credential")?, part("SignedHeaders")?, part("Signature")?))
}

/// The signature that this request should have; `None` if the scope is of another service or a signed header is missing.
fn expected(head: &Parts, body: &[u8], service: &str, (scope, signed, date): (&str, &str, &str)) -> Option<String> {
    let mut steps = scope.split('/');
    let (day, region) = (steps.next()?, steps.next()?);
    if steps.next() != Some(service) || steps.next() != Some("aws4_request") || !date.starts_with(day) {
        return None;
    }
    let mut canonical = format!("{}\n{}\n{}\n", head.method, head.uri.path(), head.uri.query().unwrap_or(""));
    for name in signed.split(';') {
        let values: Vec<&str> = head.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        if values.is_empty() {
            return None;
        }
        let words: Vec<String> =
            values.iter().map(|value| value.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        canonical.push_str(&format!("{name}:{}\n", words.join(",")));
    }
    canonical.push_str(&format!("\n{signed}\n{}", hex(digest::digest(&digest::SHA256, body).as_ref())));
    let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashed}");
    let mut key = format!("AWS4{SECRET_ACCESS_KEY}").into_bytes();
    for step in [day, region, service, "aws4_request", &text] {
        key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), step.as_bytes()).as_ref().to_vec();
    }
    Some(hex(&key))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"Name":"Doc"}"#;
    /// Signed by botocore for that body with the test credentials.
    const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 \
        Credential=AKIAEXAMPLELOOPBACK0/20261121/eu-central-1/ssm/aws4_request, \
        SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
        Signature=31e59f23baa3f12d3e0749686c5d641e0907d1c5b20c1cc0ae3ff5c216703ee5";

    fn refusal(authorization: &str, host: &str, body: &[u8]) -> Option<String> {
        let request = hyper::Request::post("/")
            .header("host", host)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-date", "20261121T194110Z")
            .header("x-amz-target", "AmazonSSM.DescribeDocument")
            .header("authorization", authorization);
        let (head, ()) = request.body(()).unwrap().into_parts();
        let refusal = Signatures { required: true }.check(&head, body, "ssm").err()?;
        assert_eq!(refusal.status, 403);
        Some(refusal.code)
    }

    #[test]
    fn a_question_to_cloudformation_is_signed_for_cloudformation() {
        let body = b"Action=DescribeStackResource&Version=2010-05-15&StackName=a&LogicalResourceId=b";
        let authorization = "AWS4-HMAC-SHA256 \
            Credential=AKIAEXAMPLELOOPBACK0/20261121/eu-central-1/cloudformation/aws4_request, \
            SignedHeaders=content-type;host;x-amz-date, \
            Signature=3d0b5492f14de4c28b0393dad4231b8bb9e08cf8cac5360337da354cb1b5b80a";
        let request = hyper::Request::post("/")
            .header("host", "127.0.0.1")
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .header("x-amz-date", "20261121T194110Z")
            .header("authorization", authorization);
        let (head, ()) = request.body(()).unwrap().into_parts();
        let check = |service| Signatures { required: true }.check(&head, body, service);
        assert_eq!((check("cloudformation").is_ok(), check("ssm").is_ok()), (true, false));
    }

    #[test]
    fn only_the_signature_that_an_sdk_makes_is_accepted() {
        let other_key = AUTHORIZATION.replace("LOOPBACK0", "LOOPBACK1");
        let other_service = AUTHORIZATION.replace("/ssm/", "/s3/");
        let table = [
            (AUTHORIZATION, "127.0.0.1", BODY, None),
            (AUTHORIZATION, "127.0.0.1", b"{}".as_slice(), Some("InvalidSignatureException")),
            (AUTHORIZATION, "localhost", BODY, Some("InvalidSignatureException")),
            (&other_service, "127.0.0.1", BODY, Some("InvalidSignatureException")),
            (&other_key, "127.0.0.1", BODY, Some("UnrecognizedClientException")),
            ("Bearer token", "127.0.0.1", BODY, Some("IncompleteSignatureException")),
        ];
        for (authorization, host, body, expected) in table {
            assert_eq!(refusal(authorization, host, body).as_deref(), expected, "{authorization} {host}");
        }
    }
}
