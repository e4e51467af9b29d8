//! What the fuzz targets do with their input, and an ordinary test with the corpus: nothing may panic, hang or grow, and what
//! is asserted here must hold for every input.
#![allow(dead_code, reason = "each target uses its own function")]

use std::fmt::Write;

use cfn_ssm_document::cfn::request::{Envelope, Request};
use cfn_ssm_document::cfn::response::{MAX_RESPONSE_BYTES, Outcome, ResponseTemplate};
use cfn_ssm_document::cfn::response_url::{ResponseUrl, UrlRules};
use cfn_ssm_document::failure::Failure;
use cfn_ssm_document::resource::document::content::{Content, Format, redact};
use cfn_ssm_document::resource::document::desired::{self as document, session};
use cfn_ssm_document::resource::service_setting::{desired as setting, physical_id::PhysicalId};
use serde_json::Value;
use serde_json::value::RawValue;

/// An event; an object without a `ResponseURL` counts as the properties of one.
pub fn request(bytes: &[u8]) {
    let Ok(raw) = serde_json::from_slice::<Box<RawValue>>(bytes) else { return };
    if Envelope::parse(&raw).is_ok() {
        return event(&raw);
    }
    for (request_type, resource_type) in [("Create", "SsmDocument"), ("Update", "SsmServiceSetting")] {
        let mut whole = String::new();
        write!(
            whole,
            "{{\"RequestType\":\"{request_type}\",\"ResourceType\":\"Custom::{resource_type}\",\"ResponseURL\":\
             \"https://bucket.s3.amazonaws.com/\",\"StackId\":\"s\",\"RequestId\":\"r\",\"LogicalResourceId\":\"l\",\
             \"PhysicalResourceId\":\"p\",\"ResourceProperties\":{0},\"OldResourceProperties\":{0}}}",
            raw.get()
        )
        .unwrap();
        event(&RawValue::from_string(whole).unwrap());
    }
}

fn event(raw: &RawValue) {
    let Ok(envelope) = Envelope::parse(raw) else { return };
    let rules = UrlRules { suffixes: vec!["amazonaws.com".into()], allow_loopback: false };
    if let Ok(url) = ResponseUrl::parse(&envelope.response_url, &rules) {
        url.expired(0);
        assert!(envelope.response_url.to_ascii_lowercase().contains("amazonaws.com"));
    }
    assert!((1..=3600).contains(&envelope.service_timeout()));
    let failure = match envelope.request(Some(0)) {
        Ok(request) => read(&request).err(),
        Err(failure) => Some(failure),
    };
    let failure = failure.unwrap_or_else(|| Failure::new(raw.get()));
    let left_behind = envelope.physical_resource_id.clone().filter(|id| id.len() < 200);
    let ids = envelope.stack_id.len() + envelope.request_id.len() + envelope.logical_resource_id.len();
    let ids = ids + envelope.physical_resource_id.as_ref().map_or(0, String::len);
    let outcome = Outcome::Failed { failure, left_behind };
    match ResponseTemplate::new(&envelope, 1_767_225_600, "stream").and_then(|template| template.encode(&outcome)) {
        Ok(body) => {
            assert!(body.len() <= MAX_RESPONSE_BYTES);
            let response: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(response["StackId"], envelope.stack_id.as_str());
            assert_eq!(response["RequestId"], envelope.request_id.as_str());
            assert_eq!(response["LogicalResourceId"], envelope.logical_resource_id.as_str());
        }
        // Escaped, a byte takes six at most.
        Err(_) => assert!(ids > 500),
    }
}

fn read(request: &Request) -> Result<(), Failure> {
    document::Declared::read(&request.old_properties);
    document::Declared::read(&request.properties);
    setting::OnDelete::read(&request.properties);
    request.physical_resource_id.as_deref().map(PhysicalId::parse);
    match request.resource_type.as_str() {
        "Custom::SsmDocument" => {
            let desired = document::Desired::read(&request.properties)?;
            assert!(document::is_document_name(&desired.name));
            assert!(desired.content.text.len() <= cfn_ssm_document::resource::document::content::MAX_BYTES);
        }
        _ => drop(setting::Desired::read(&request.properties, None)?),
    }
    Ok(())
}

/// Content; the first byte selects the format.
pub fn content(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let format = match first % 4 {
        0 => None,
        1 => Some(Format::Json),
        2 => Some(Format::Yaml),
        _ => Some(Format::Text),
    };
    let Ok(content) = Content::read("DocumentContent", text.to_owned(), format) else { return };
    assert!(content.same_as(text), "content is the same as itself");
    assert!(content.changed_paths(text).is_none_or(|paths| paths.is_empty()));
    session::check(Some("SSM-SessionManagerRunShell"), &content);
    redact(text, &content.text, content.node.as_ref());
}
