//! The response to a request, in at most 4,096 bytes.
//!
//! See [response objects](https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html).

use serde_json::{Map, Value, json};

use super::physical_id::{FailedCreate, NOT_CREATED};
use super::request::{Envelope, RequestType};
use crate::failure::Failure;

/// CloudFormation refuses a longer response, and the stack hangs.
pub const MAX_RESPONSE_BYTES: usize = 4096;

/// How a request ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The resource is in its desired state.
    Success {
        /// The value of `Ref`.
        physical_resource_id: String,
        /// The values of `Fn::GetAtt`.
        data: Map<String, Value>,
    },
    /// The request failed.
    Failed {
        /// The reason.
        failure: Failure,
        /// The physical id by which a later Delete finds what could not be undone.
        left_behind: Option<String>,
    },
}

impl Outcome {
    /// A failure that left nothing behind.
    pub fn failed(failure: Failure) -> Self {
        Self::Failed { failure, left_behind: None }
    }
}

/// What every response to one request has in common.
#[derive(Debug, Clone)]
pub struct ResponseTemplate {
    request_type: Option<RequestType>,
    stack_id: String,
    request_id: String,
    pub(crate) logical_resource_id: String,
    physical_resource_id: Option<String>,
    /// The physical id of a failed Create that left nothing behind.
    not_created: String,
    log_stream: String,
}

impl ResponseTemplate {
    /// Creates the template of the responses to a request that CloudFormation signed at `signature`, in seconds since 1970. Their
    /// reasons end with the log stream.
    ///
    /// # Errors
    /// The request's ids leave no room for a reason in a response.
    pub fn new(envelope: &Envelope<'_>, signature: i64, log_stream: &str) -> Result<Self, Failure> {
        let template = Self {
            request_type: envelope.request_type(),
            stack_id: envelope.stack_id.clone(),
            request_id: envelope.request_id.clone(),
            logical_resource_id: envelope.logical_resource_id.clone(),
            physical_resource_id: envelope.physical_resource_id.clone(),
            not_created: FailedCreate::NotCreated { signature: Some(signature) }.to_string(),
            log_stream: log_stream.to_owned(),
        };
        let failed = Outcome::failed(Failure::new(""));
        template.room_for_reason(template.physical_id(&failed)).ok_or_else(too_long)?;
        Ok(template)
    }

    /// Encodes the body of a response: JSON of at most [`MAX_RESPONSE_BYTES`].
    ///
    /// A reason that is too long is cut at a character boundary. The name of the log stream at its end is kept if there is room.
    /// If the data doesn't fit, all of it is left out. The other fields are never cut.
    ///
    /// # Errors
    /// The other fields alone are too long.
    pub fn encode(&self, outcome: &Outcome) -> Result<Vec<u8>, Failure> {
        let physical_id = self.physical_id(outcome);
        let mut body = json!({
            "StackId": self.stack_id,
            "RequestId": self.request_id,
            "LogicalResourceId": self.logical_resource_id,
            "PhysicalResourceId": physical_id,
        });
        match outcome {
            Outcome::Success { data, .. } => {
                body["Status"] = json!("SUCCESS");
                body["Data"] = Value::Object(data.clone());
                if body.to_string().len() > MAX_RESPONSE_BYTES {
                    body["Data"] = json!({});
                }
            }
            Outcome::Failed { failure, .. } => {
                let room = self.room_for_reason(physical_id).ok_or_else(too_long)?;
                let (reason, see) = (failure.to_string(), format!(" (see log stream {})", self.log_stream));
                body["Status"] = json!("FAILED");
                body["Reason"] = match room.checked_sub(encoded_len(&see)) {
                    Some(room) => json!(fit(&reason, room) + &see),
                    None => json!(fit(&reason, room)),
                };
            }
        }
        let body = body.to_string().into_bytes();
        if body.len() > MAX_RESPONSE_BYTES { Err(too_long()) } else { Ok(body) }
    }

    /// The physical id that a response must have.
    ///
    /// For a failed Create it is a [`FailedCreate`]. For a failed Update it is the id in the request,
    /// since CloudFormation treats any other id as a replacement. For a Delete it is always the id in the request.
    fn physical_id<'a>(&'a self, outcome: &'a Outcome) -> &'a str {
        match (self.request_type, outcome) {
            (Some(RequestType::Create | RequestType::Update), Outcome::Success { physical_resource_id, .. }) => {
                physical_resource_id
            }
            (Some(RequestType::Create), Outcome::Failed { left_behind, .. }) => {
                left_behind.as_deref().unwrap_or(&self.not_created)
            }
            (Some(RequestType::Update | RequestType::Delete) | None, _) => {
                self.physical_resource_id.as_deref().unwrap_or(NOT_CREATED)
            }
        }
    }

    /// How many bytes of a FAILED response are left for the reason.
    fn room_for_reason(&self, physical_id: &str) -> Option<usize> {
        const EMPTY: &str = r#"{"LogicalResourceId":"","PhysicalResourceId":"","Reason":"","RequestId":"","StackId":"","Status":"FAILED"}"#;
        let ids = [&self.stack_id, &self.request_id, &self.logical_resource_id, physical_id];
        MAX_RESPONSE_BYTES.checked_sub(EMPTY.len() + ids.map(encoded_len).iter().sum::<usize>())
    }
}

fn too_long() -> Failure {
    Failure::new("The request's ids alone exceed the maximum length of a response.")
}

/// Returns `text`, cut at a character boundary and ended with an ellipsis if it would take more than `room` bytes in a JSON
/// string.
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

/// The number of bytes that `text` takes in a JSON string.
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
            (Some(Create), None, failed(None), "cfn-ssm-document:not-created:7"),
            (Some(Create), None, failed(Some("doc")), "doc"),
            (Some(Create), Some("stray"), failed(None), "cfn-ssm-document:not-created:7"),
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
            let physical_resource_id = given.map(str::to_owned);
            let template = ResponseTemplate { request_type, physical_resource_id, ..template("Preferences").unwrap() };
            assert_eq!(template.physical_id(&outcome), expected, "{request_type:?} {outcome:?}");
        }
    }

    fn template(logical_resource_id: &str) -> Result<ResponseTemplate, Failure> {
        let event: Box<RawValue> = to_raw_value(&json!({
            "RequestType": "Create", "ResponseURL": "https://example.amazonaws.com/", "StackId": "stack",
            "RequestId": "request", "LogicalResourceId": logical_resource_id,
        }))
        .unwrap();
        ResponseTemplate::new(&Envelope::parse(&event).unwrap(), 7, "2026/11/21/[$LATEST]0123")
    }

    fn encoded(outcome: &Outcome) -> Value {
        let body = template("Preferences").unwrap().encode(outcome).unwrap();
        assert!(body.len() <= MAX_RESPONSE_BYTES, "{} bytes", body.len());
        serde_json::from_slice(&body).unwrap()
    }

    #[test]
    fn a_response_echoes_the_request() {
        let response = encoded(&ok("doc"));
        assert_eq!(
            response,
            json!({"Status": "SUCCESS", "StackId": "stack", "RequestId": "request", "LogicalResourceId": "Preferences",
                   "PhysicalResourceId": "doc", "Data": {}})
        );
    }

    #[test]
    fn a_reason_of_any_length_and_script_is_cut_to_fit_and_keeps_the_log_stream() {
        for text in ["x", "é", "🦀", "\"", "\n", "\u{1}", "日本", "a\u{301}\"\\"] {
            for copies in [0, 1, 700, 1_300, 4_000, 1_000_000] {
                let failure = Failure::new(text.repeat(copies));
                let response = encoded(&Outcome::failed(failure));
                let reason = response["Reason"].as_str().unwrap();
                assert!(reason.ends_with("(see log stream 2026/11/21/[$LATEST]0123)"), "{reason}");
                assert_eq!(response["Status"], "FAILED");
            }
        }
    }

    #[test]
    fn a_reason_that_is_cut_uses_the_room_there_is() {
        let outcome = Outcome::failed(Failure::new("x".repeat(10_000)));
        let body = template("Preferences").unwrap().encode(&outcome).unwrap();
        assert_eq!(body.len(), MAX_RESPONSE_BYTES);
    }

    #[test]
    fn long_ids_take_room_from_the_reason_before_they_make_a_response_impossible() {
        let template = ResponseTemplate { log_stream: "s".repeat(400), ..template(&"x".repeat(3_800)).unwrap() };
        let body = template.encode(&Outcome::failed(Failure::new("No."))).unwrap();
        assert!(body.len() <= MAX_RESPONSE_BYTES);
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["Reason"], "No.");
    }

    #[test]
    fn data_that_does_not_fit_is_left_out() {
        let mut data = Map::new();
        data.insert("Arn".into(), json!("x".repeat(5_000)));
        let response = encoded(&Outcome::Success { physical_resource_id: "doc".into(), data });
        assert_eq!(response["Data"], json!({}));
    }

    #[test]
    fn ids_that_leave_no_room_for_a_response_are_an_error() {
        let longest = (0..4_096).rev().find(|&length| template(&"x".repeat(length)).is_ok()).unwrap();
        let template_of = |length: usize| template(&"\"".repeat(length / 2));
        assert_eq!(template_of(longest).unwrap().encode(&failed(None)).unwrap().len(), MAX_RESPONSE_BYTES);
        assert!(template_of(longest + 2).is_err() && template(&"x".repeat(1_000_000)).is_err());
        let huge = ok(&"x".repeat(MAX_RESPONSE_BYTES));
        assert!(
            template("Preferences").unwrap().encode(&huge).is_err(),
            "a physical id that is too long is an error, too"
        );
    }
}
