//! A request from CloudFormation.
//!
//! The envelope is parsed first and field by field, so that a request with a defect elsewhere still gets a response. See
//! [request objects](https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html).

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::failure::{Failure, quoted};

/// What CloudFormation asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestType {
    /// The resource is new to its stack.
    Create,
    /// The properties have changed, or a change is rolled back.
    Update,
    /// The resource was removed from its stack or replaced, or its Create failed.
    Delete,
}

impl fmt::Display for RequestType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The fields that a response needs, and the rest unparsed.
#[derive(Debug)]
pub struct Envelope<'a> {
    /// Where the response goes. It is a secret: whoever has it can respond.
    pub response_url: String,
    /// Echoed in the response.
    pub stack_id: String,
    /// Echoed in the response.
    pub request_id: String,
    /// Echoed in the response.
    pub logical_resource_id: String,
    /// Present in an Update and a Delete.
    pub physical_resource_id: Option<String>,
    fields: BTreeMap<String, &'a RawValue>,
}

/// A parsed request whose properties are not yet checked.
#[derive(Debug, Clone)]
pub struct Request {
    pub(crate) request_type: RequestType,
    /// The resource type, such as `Custom::SsmDocument`.
    pub resource_type: String,
    /// The stack's ARN.
    pub stack_id: String,
    /// The resource's name in its template.
    pub logical_resource_id: String,
    /// Present in an Update and a Delete.
    pub physical_resource_id: Option<String>,
    /// Empty if a Delete's properties can't be parsed, since a Delete must succeed without them.
    pub properties: Map<String, Value>,
    /// Empty for a Create and a Delete, and if an Update's old properties can't be parsed.
    pub old_properties: Map<String, Value>,
    /// When CloudFormation signed the response URL, in seconds since 1970. A URL that is signed with Signature Version 2 does
    /// not contain this.
    pub requested_at: Option<i64>,
    /// How long CloudFormation waits for the response, in seconds.
    pub service_timeout: i64,
}

impl<'a> Envelope<'a> {
    /// Parses the envelope of an event.
    ///
    /// # Errors
    /// The event is not a CloudFormation request: it is not a JSON object, or a required field is missing or not a string.
    pub fn parse(event: &'a RawValue) -> Result<Self, Failure> {
        let not_a_request = |what: &str| Failure::new(format!("The event is not a CloudFormation request: {what}"));
        let fields: BTreeMap<String, &RawValue> =
            serde_json::from_str(event.get()).map_err(|_| not_a_request("it is not a JSON object."))?;
        let field = |name: &str| fields.get(name).and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
        let required =
            |name: &str| field(name).ok_or_else(|| not_a_request(&format!("{name} is missing or not a string.")));
        Ok(Self {
            response_url: required("ResponseURL")?,
            stack_id: required("StackId")?,
            request_id: required("RequestId")?,
            logical_resource_id: required("LogicalResourceId")?,
            physical_resource_id: field("PhysicalResourceId"),
            fields,
        })
    }

    /// The request's type; `None` if it is missing or unknown.
    pub fn request_type(&self) -> Option<RequestType> {
        match self.text("RequestType").ok()?.as_str() {
            "Create" => Some(RequestType::Create),
            "Update" => Some(RequestType::Update),
            "Delete" => Some(RequestType::Delete),
            _ => None,
        }
    }

    /// How long CloudFormation waits for the response, in seconds: the property `ServiceTimeout` if it is a number from 1 to
    /// 3,600, and otherwise 3,600.
    pub fn service_timeout(&self) -> i64 {
        // The other properties are skipped: they may be large or nested too deeply.
        #[derive(Deserialize)]
        struct Properties {
            #[serde(rename = "ServiceTimeout")]
            service_timeout: Option<Value>,
        }
        let properties = self.fields.get("ResourceProperties");
        // A derived `Deserialize` would accept a JSON array as well.
        let properties = properties.filter(|raw| raw.get().starts_with('{'));
        let properties = properties.and_then(|raw| serde_json::from_str::<Properties>(raw.get()).ok());
        let declared = match properties.and_then(|properties| properties.service_timeout) {
            Some(Value::String(text)) => text.parse().ok(),
            Some(Value::Number(number)) => number.as_i64(),
            _ => None,
        };
        declared.filter(|seconds| (1..=3600).contains(seconds)).unwrap_or(3600)
    }

    /// Parses the rest of the request.
    ///
    /// # Errors
    /// `RequestType` is unknown, or a field is missing, has the wrong type or is nested deeper than 127 levels. The failure names
    /// the field. Old properties, and the properties of a Delete, never cause an error.
    pub fn request(&self, requested_at: Option<i64>) -> Result<Request, Failure> {
        let Some(request_type) = self.request_type() else {
            let text = self.text("RequestType")?;
            return Err(Failure::new(format!("RequestType: {} is not one of Create, Update, Delete.", quoted(&text))));
        };
        let resource_type = self.text("ResourceType")?;
        if request_type != RequestType::Create && self.physical_resource_id.is_none() {
            return Err(Failure::new(format!(
                "PhysicalResourceId: must be a string in requests of type {request_type}."
            )));
        }
        let properties = match (request_type, self.object("ResourceProperties")) {
            (RequestType::Delete, properties) => properties.unwrap_or_default(),
            (_, properties) => properties?,
        };
        let old_properties = match request_type {
            RequestType::Update => self.object("OldResourceProperties").unwrap_or_default(),
            RequestType::Create | RequestType::Delete => Map::new(),
        };
        Ok(Request {
            request_type,
            resource_type,
            stack_id: self.stack_id.clone(),
            logical_resource_id: self.logical_resource_id.clone(),
            physical_resource_id: self.physical_resource_id.clone(),
            properties,
            old_properties,
            requested_at,
            service_timeout: self.service_timeout(),
        })
    }

    fn raw(&self, name: &str) -> Result<&'a str, Failure> {
        self.fields.get(name).map(|raw| raw.get()).ok_or_else(|| Failure::new(format!("{name}: is missing.")))
    }

    fn text(&self, name: &str) -> Result<String, Failure> {
        serde_json::from_str(self.raw(name)?).map_err(|_| Failure::new(format!("{name}: must be a string.")))
    }

    fn object(&self, name: &str) -> Result<Map<String, Value>, Failure> {
        let raw = self.raw(name)?;
        if !raw.starts_with('{') {
            return Err(Failure::new(format!("{name}: must be an object.")));
        }
        serde_json::from_str(raw)
            .map_err(|_| Failure::new(format!("{name}: can't be read. JSON can be nested at most 127 levels deep.")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn raw(value: &Value) -> Box<RawValue> {
        serde_json::value::to_raw_value(value).unwrap()
    }

    fn event() -> Value {
        json!({
            "RequestType": "Create", "ResponseURL": "https://example.amazonaws.com/", "StackId": "stack",
            "RequestId": "request", "LogicalResourceId": "Preferences", "ResourceType": "Custom::SsmDocument",
            "ResourceProperties": {"ServiceToken": "arn", "DocumentName": "a-document"},
        })
    }

    #[test]
    fn an_event_that_is_not_a_request_is_refused() {
        for missing in ["ResponseURL", "StackId", "RequestId", "LogicalResourceId"] {
            let mut event = event();
            event.as_object_mut().unwrap().remove(missing);
            let error = Envelope::parse(&raw(&event)).unwrap_err().to_string();
            assert!(error.contains(missing), "{error}");
        }
        assert!(Envelope::parse(&raw(&json!("ping"))).is_err());
    }

    #[test]
    fn a_defect_outside_the_envelope_is_named() {
        for (field, value, expected) in [
            ("RequestType", json!({}), "RequestType: must be a string."),
            ("RequestType", json!("Recreate"), "RequestType: \"Recreate\" is not one of Create, Update, Delete."),
            ("RequestType", json!("Update"), "PhysicalResourceId: must be a string in requests of type Update."),
            ("RequestType", json!("Delete"), "PhysicalResourceId: must be a string in requests of type Delete."),
            ("ResourceType", json!(7), "ResourceType: must be a string."),
            ("ResourceProperties", json!([]), "ResourceProperties: must be an object."),
        ] {
            let mut event = event();
            event[field] = value;
            let raw = raw(&event);
            assert_eq!(Envelope::parse(&raw).unwrap().request(None).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn properties_nested_too_deep_leave_the_envelope_readable() {
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        let mut event = event();
        event["ResourceProperties"]["ServiceTimeout"] = json!("900");
        let text = serde_json::to_string(&event).unwrap().replace("\"a-document\"", &deep);
        let raw: Box<RawValue> = serde_json::from_str(&text).unwrap();
        let envelope = Envelope::parse(&raw).unwrap();
        let reason = envelope.request(None).unwrap_err().to_string();
        assert!(reason.starts_with("ResourceProperties: can't be read"), "{reason}");
        assert_eq!(envelope.service_timeout(), 900);
    }

    #[test]
    fn a_delete_with_unreadable_properties_is_a_delete_without_properties() {
        let mut event = event();
        event["RequestType"] = json!("Delete");
        event["PhysicalResourceId"] = json!("a-document");
        event["ResourceProperties"] = json!("broken");
        let raw = raw(&event);
        let request = Envelope::parse(&raw).unwrap().request(None).unwrap();
        assert_eq!((request.request_type, request.properties), (RequestType::Delete, Map::new()));
    }

    #[test]
    fn properties_that_are_a_list_or_null_have_no_service_timeout_and_do_not_prevent_a_delete() {
        for properties in [json!([1]), json!(["1"]), json!([]), Value::Null, json!(1)] {
            let mut event = event();
            event["RequestType"] = json!("Delete");
            event["PhysicalResourceId"] = json!("a-document");
            event["ResourceProperties"] = properties;
            let raw = raw(&event);
            let envelope = Envelope::parse(&raw).unwrap();
            assert_eq!(envelope.service_timeout(), 3600);
            assert_eq!(envelope.request(None).unwrap().properties, Map::new());
        }
    }

    #[test]
    fn the_service_timeout_is_read_from_the_properties_within_its_limits() {
        for (given, expected) in
            [(json!("900"), 900), (json!(60), 60), (json!("0"), 3600), (json!("soon"), 3600), (Value::Null, 3600)]
        {
            let mut event = event();
            event["ResourceProperties"]["ServiceTimeout"] = given;
            let raw = raw(&event);
            assert_eq!(Envelope::parse(&raw).unwrap().service_timeout(), expected);
        }
    }
}
