//! The events that EventBridge sends to the drift guard.
//!
//! See [AWS service events delivered via
//! CloudTrail](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html). Whoever may invoke the
//! function can forge an event. A forged event can do no more than have a document checked, bring the second check
//! forward, and put a wrong time and a wrong author into the log.

use std::time::Duration;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::resource::document::desired::is_document_name;

/// The maximum number of characters logged from each text in an event.
const LONGEST: usize = 256;

/// An event that the drift guard handles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Somebody called UpdateDocumentDefaultVersion.
    Moved(Moved),
    /// The daily schedule.
    Daily,
}

/// What an event says about a changed default version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moved {
    /// The document's name.
    pub(crate) name: String,
    /// Who changed it, if the event says so.
    pub(crate) who: Option<String>,
    /// When it was changed, as written in the event.
    pub(crate) when: Option<String>,
    /// When it was changed, as the time since 1970.
    pub(crate) at: Option<Duration>,
}

#[derive(Deserialize)]
struct Wire {
    source: String,
    #[serde(rename = "detail-type")]
    detail_type: String,
    #[serde(default)]
    detail: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(rename = "eventName")]
    event_name: String,
    #[serde(rename = "eventTime")]
    event_time: Option<String>,
    #[serde(rename = "errorCode")]
    error_code: Option<String>,
    #[serde(rename = "userIdentity")]
    user_identity: Option<UserIdentity>,
    #[serde(rename = "requestParameters")]
    request_parameters: Option<RequestParameters>,
}

#[derive(Deserialize)]
struct UserIdentity {
    arn: Option<String>,
}

#[derive(Deserialize)]
struct RequestParameters {
    name: Option<String>,
}

impl Event {
    /// Reads an event; `None` if the drift guard does not handle it.
    pub(crate) fn parse(event: &RawValue) -> Option<Self> {
        let wire: Wire = serde_json::from_str(event.get()).ok()?;
        match (wire.source.as_str(), wire.detail_type.as_str()) {
            ("aws.events", "Scheduled Event") => Some(Self::Daily),
            ("aws.ssm", "AWS API Call via CloudTrail") => {
                let detail: Detail = serde_json::from_str(wire.detail?.get()).ok()?;
                let moves_default_version =
                    detail.event_name == "UpdateDocumentDefaultVersion" && detail.error_code.is_none();
                let name =
                    detail.request_parameters?.name.filter(|name| moves_default_version && is_document_name(name))?;
                let at = detail.event_time.as_deref().and_then(since_1970);
                let who = detail.user_identity.and_then(|identity| identity.arn);
                Some(Self::Moved(Moved { name, who: who.map(shortened), when: detail.event_time.map(shortened), at }))
            }
            _ => None,
        }
    }
}

fn since_1970(text: &str) -> Option<Duration> {
    let time = DateTime::from_str(text, Format::DateTime).ok()?;
    Duration::try_from_secs_f64(time.as_secs_f64()).ok()
}

fn shortened(text: String) -> String {
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn moved() -> Value {
        json!({
            "version": "0", "id": "1", "source": "aws.ssm", "detail-type": "AWS API Call via CloudTrail",
            "account": "111122223333", "time": "2026-11-21T19:41:10Z", "region": "eu-central-1", "resources": [],
            "detail": {
                "eventName": "UpdateDocumentDefaultVersion",
                "eventTime": "2026-11-21T19:41:10Z",
                "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/alice"},
                "requestParameters": {"name": "SSM-SessionManagerRunShell", "documentVersion": "1"},
            }
        })
    }

    fn parsed(event: &Value) -> Option<Event> {
        Event::parse(&serde_json::value::to_raw_value(event).unwrap())
    }

    #[test]
    fn a_cloudtrail_event_says_which_document_was_changed_by_whom_and_when() {
        let expected = Moved {
            name: "SSM-SessionManagerRunShell".into(),
            who: Some("arn:aws:iam::111122223333:user/alice".into()),
            when: Some("2026-11-21T19:41:10Z".into()),
            at: Some(Duration::from_secs(1_795_290_070)),
        };
        assert_eq!(parsed(&moved()), Some(Event::Moved(expected)));
        let schedule = json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}});
        assert_eq!(parsed(&schedule), Some(Event::Daily));
    }

    #[test]
    fn an_event_that_the_guard_does_not_handle_is_none() {
        for (pointer, value) in [
            ("/source", json!("aws.s3")),
            ("/detail-type", json!("Other")),
            ("/detail/eventName", json!("UpdateDocument")),
            ("/detail/errorCode", json!("AccessDenied")),
            ("/detail/requestParameters", Value::Null),
            ("/detail/requestParameters/name", json!("../x")),
            ("/detail", json!("text")),
        ] {
            let mut event = moved();
            match event.pointer_mut(pointer) {
                Some(place) => *place = value,
                None => event["detail"]["errorCode"] = value,
            }
            assert_eq!(parsed(&event), None, "{pointer}");
        }
        for event in [json!({}), json!([]), json!({"RequestType": "Create", "ResponseURL": "https://x"})] {
            assert_eq!(parsed(&event), None, "{event}");
        }
    }

    #[test]
    fn a_long_text_in_an_event_is_cut_before_it_is_logged() {
        let mut event = moved();
        event["detail"]["userIdentity"]["arn"] = json!("x".repeat(10_000));
        let Some(Event::Moved(moved)) = parsed(&event) else { panic!("it is an event of the guard") };
        assert_eq!(moved.who.unwrap().len(), LONGEST);
    }
}
