//! What CloudFormation is answered, in at most 4,096 bytes.
//!
//! See [response objects](https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html).

use serde_json::{Map, Value, json};

use super::request::{Envelope, RequestType};
use crate::failure::Failure;

/// The physical id of a Create that left nothing behind. Its Delete, which follows, does nothing.
///
/// The colon can't stand in the name of a document or in the id of a setting.
pub const NOT_CREATED: &str = "cfn-ssm-document:not-created";

/// A longer answer is refused by CloudFormation, and the stack hangs.
pub const MAX_ANSWER_BYTES: usize = 4096;

/// How a request ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is done.
    Success {
        /// What `Ref` gives.
        physical_resource_id: String,
        /// What `Fn::GetAtt` gives.
        data: Map<String, Value>,
    },
    /// It is not done.
    Failed {
        /// Why.
        failure: Failure,
        /// The id of what was written and could not be undone.
        left_behind: Option<String>,
    },
}

/// The physical id that the answer to a request must bear.
///
/// A failed Create bears [`NOT_CREATED`] where it left nothing behind. A failed Update bears the id it was given, since any
/// other reads as a replacement. A Delete always bears the id it was given.
pub fn physical_resource_id<'a>(
    request_type: Option<RequestType>,
    given: Option<&'a str>,
    outcome: &'a Outcome,
) -> &'a str {
    let given_or_marker = given.unwrap_or(NOT_CREATED);
    match (request_type, outcome) {
        (Some(RequestType::Create | RequestType::Update), Outcome::Success { physical_resource_id, .. }) => {
            physical_resource_id
        }
        (Some(RequestType::Create), Outcome::Failed { left_behind, .. }) => {
            left_behind.as_deref().unwrap_or(NOT_CREATED)
        }
        (Some(RequestType::Update | RequestType::Delete) | None, _) => given_or_marker,
    }
}

/// The answer's body: at most [`MAX_ANSWER_BYTES`] of JSON.
///
/// The reason is cut first, at a character's boundary, and keeps its end, which names the log stream; then the data go. The
/// other fields are never cut.
///
/// # Errors
/// Where those other fields alone are too long, no answer can be given.
pub fn encode(envelope: &Envelope<'_>, outcome: &Outcome, log_stream: &str) -> Result<Vec<u8>, Failure> {
    let id = physical_resource_id(envelope.request_type(), envelope.physical_resource_id.as_deref(), outcome);
    let mut answer = json!({
        "StackId": envelope.stack_id,
        "RequestId": envelope.request_id,
        "LogicalResourceId": envelope.logical_resource_id,
        "PhysicalResourceId": id,
    });
    match outcome {
        Outcome::Success { data, .. } => {
            answer["Status"] = json!("SUCCESS");
            answer["Data"] = Value::Object(data.clone());
            if answer.to_string().len() > MAX_ANSWER_BYTES {
                answer["Data"] = json!({});
            }
        }
        Outcome::Failed { failure, .. } => {
            answer["Status"] = json!("FAILED");
            answer["Reason"] = json!("");
            let room = MAX_ANSWER_BYTES.saturating_sub(answer.to_string().len());
            let (reason, see) = (failure.to_string(), format!(" (see log stream {log_stream})"));
            answer["Reason"] = match room.checked_sub(encoded_len(&see)) {
                Some(room) => json!(fit(&reason, room) + &see),
                None => json!(fit(&reason, room)),
            };
        }
    }
    let body = answer.to_string().into_bytes();
    if body.len() > MAX_ANSWER_BYTES {
        return Err(Failure::new("The request's ids alone are longer than an answer may be."));
    }
    Ok(body)
}

/// As much of `text` as takes at most `room` bytes inside a JSON string, whole characters only.
fn fit(text: &str, room: usize) -> String {
    if encoded_len(text) <= room {
        return text.to_owned();
    }
    let mut left = room.saturating_sub("…".len());
    let kept = text.chars().take_while(|character| {
        let size = encoded_len(character.encode_utf8(&mut [0; 4]));
        left.checked_sub(size).inspect(|rest| left = *rest).is_some()
    });
    let kept: String = kept.collect();
    if room < "…".len() { String::new() } else { format!("{kept}…") }
}

/// How many bytes `text` takes inside a JSON string.
fn encoded_len(text: &str) -> usize {
    json!(text).to_string().len() - "\"\"".len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::{RawValue, to_raw_value};

    fn ok(id: &str) -> Outcome {
        Outcome::Success { physical_resource_id: id.into(), data: Map::new() }
    }

    fn failed(left_behind: Option<&str>) -> Outcome {
        Outcome::Failed { failure: Failure::new("No."), left_behind: left_behind.map(str::to_owned) }
    }

    #[test]
    fn the_physical_id_is_right_for_every_request_and_result() {
        use RequestType::{Create, Delete, Update};
        for (request_type, given, outcome, expected) in [
            (Some(Create), None, ok("doc"), "doc"),
            (Some(Create), None, failed(None), NOT_CREATED),
            (Some(Create), None, failed(Some("doc")), "doc"),
            (Some(Create), Some("stray"), failed(None), NOT_CREATED),
            (Some(Update), Some("doc"), ok("doc"), "doc"),
            (Some(Update), Some("doc"), ok("renamed"), "renamed"),
            (Some(Update), Some("doc"), failed(None), "doc"),
            (Some(Update), Some("doc"), failed(Some("renamed")), "doc"),
            (Some(Update), None, failed(None), NOT_CREATED),
            (Some(Delete), Some("doc"), ok("other"), "doc"),
            (Some(Delete), Some("doc"), failed(None), "doc"),
            (Some(Delete), Some(NOT_CREATED), ok(NOT_CREATED), NOT_CREATED),
            (Some(Delete), None, failed(None), NOT_CREATED),
            (None, Some("doc"), failed(None), "doc"),
            (None, None, failed(None), NOT_CREATED),
        ] {
            assert_eq!(physical_resource_id(request_type, given, &outcome), expected, "{request_type:?} {outcome:?}");
        }
    }

    fn event(logical_resource_id: &str) -> Box<RawValue> {
        to_raw_value(&json!({
            "RequestType": "Create", "ResponseURL": "https://example.amazonaws.com/", "StackId": "stack",
            "RequestId": "request", "LogicalResourceId": logical_resource_id,
        }))
        .unwrap()
    }

    fn encoded(outcome: &Outcome) -> Value {
        let event = event("Preferences");
        let body = encode(&Envelope::parse(&event).unwrap(), outcome, "2026/11/21/[$LATEST]0123").unwrap();
        assert!(body.len() <= MAX_ANSWER_BYTES, "{} bytes", body.len());
        serde_json::from_slice(&body).unwrap()
    }

    #[test]
    fn an_answer_echoes_the_request() {
        let answer = encoded(&ok("doc"));
        assert_eq!(
            answer,
            json!({"Status": "SUCCESS", "StackId": "stack", "RequestId": "request", "LogicalResourceId": "Preferences",
                   "PhysicalResourceId": "doc", "Data": {}})
        );
    }

    #[test]
    fn a_reason_of_any_length_and_script_is_cut_to_fit_and_keeps_the_log_stream() {
        for text in ["x", "é", "🦀", "\"", "\n", "\u{1}", "日本", "a\u{301}\"\\"] {
            for copies in [0, 1, 700, 1_300, 4_000, 1_000_000] {
                let failure = Failure::new(text.repeat(copies));
                let answer = encoded(&Outcome::Failed { failure, left_behind: None });
                let reason = answer["Reason"].as_str().unwrap();
                assert!(reason.ends_with("(see log stream 2026/11/21/[$LATEST]0123)"), "{reason}");
                assert_eq!(answer["Status"], "FAILED");
            }
        }
    }

    #[test]
    fn a_reason_that_is_cut_uses_the_room_there_is() {
        let event = event("Preferences");
        let outcome = Outcome::Failed { failure: Failure::new("x".repeat(10_000)), left_behind: None };
        let body = encode(&Envelope::parse(&event).unwrap(), &outcome, "stream").unwrap();
        assert_eq!(body.len(), MAX_ANSWER_BYTES);
    }

    #[test]
    fn long_ids_take_room_from_the_reason_before_they_make_an_answer_impossible() {
        let event = event(&"x".repeat(3_800));
        let outcome = Outcome::Failed { failure: Failure::new("No."), left_behind: None };
        let body = encode(&Envelope::parse(&event).unwrap(), &outcome, &"s".repeat(400)).unwrap();
        assert!(body.len() <= MAX_ANSWER_BYTES);
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["Reason"], "No.");
    }

    #[test]
    fn data_that_do_not_fit_are_left_out() {
        let mut data = Map::new();
        data.insert("Arn".into(), json!("x".repeat(5_000)));
        let answer = encoded(&Outcome::Success { physical_resource_id: "doc".into(), data });
        assert_eq!(answer["Data"], json!({}));
    }

    #[test]
    fn ids_that_leave_no_room_for_an_answer_are_an_error() {
        let event = event(&"x".repeat(1_000_000));
        assert!(encode(&Envelope::parse(&event).unwrap(), &ok("doc"), "stream").is_err());
    }
}
