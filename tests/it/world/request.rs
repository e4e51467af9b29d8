//! Requests as CloudFormation makes them, and their responses.

use serde_json::{Value, json};

use super::{ACCOUNT, REGION};

/// The resource that requests are about, unless a test says otherwise.
pub const LOGICAL_ID: &str = "Preferences";

/// A request from CloudFormation.
#[derive(Clone)]
pub struct Request {
    pub request_type: &'static str,
    pub resource_type: String,
    pub stack_id: String,
    pub logical_id: String,
    pub physical_id: Option<String>,
    pub properties: Value,
    pub old_properties: Option<Value>,
    /// If it is `None`, each delivery gets a new URL from the loopback AWS.
    pub response_url: Option<String>,
}

/// The id that CloudFormation makes up for the resource of this stack after it gave up on its Create.
pub fn made_up(stack_name: &str) -> String {
    format!("{stack_name}-{LOGICAL_ID}-1TIDTIDTIDTID")
}

impl Request {
    fn new(request_type: &'static str, properties: Value) -> Self {
        Self {
            request_type,
            resource_type: "Custom::SsmDocument".into(),
            stack_id: stack("a"),
            logical_id: LOGICAL_ID.into(),
            physical_id: None,
            properties,
            old_properties: None,
            response_url: None,
        }
    }

    pub fn create(properties: Value) -> Self {
        Self::new("Create", properties)
    }

    pub fn update(physical_id: &str, old_properties: Value, properties: Value) -> Self {
        let (physical_id, old_properties) = (Some(physical_id.into()), Some(old_properties));
        Self { physical_id, old_properties, ..Self::new("Update", properties) }
    }

    pub fn delete(physical_id: &str, properties: Value) -> Self {
        Self { physical_id: Some(physical_id.into()), ..Self::new("Delete", properties) }
    }

    /// The same request from another stack.
    pub fn of_stack(mut self, name: &str) -> Self {
        self.stack_id = stack(name);
        self
    }

    /// The same request for another resource in the stack.
    pub fn of_resource(mut self, logical_id: &str) -> Self {
        self.logical_id = logical_id.into();
        self
    }

    /// The same request with this response URL.
    pub fn with_response_url(mut self, url: String) -> Self {
        self.response_url = Some(url);
        self
    }

    pub fn event(&self, url: &str) -> Value {
        let mut event = json!({
            "RequestType": self.request_type,
            "ResponseURL": url,
            "StackId": self.stack_id,
            "RequestId": "e9a1c2b3-0000-4000-8000-000000000001",
            "ResourceType": self.resource_type,
            "LogicalResourceId": self.logical_id,
            "ResourceProperties": self.properties,
        });
        if let Some(id) = &self.physical_id {
            event["PhysicalResourceId"] = json!(id);
        }
        if let Some(old) = &self.old_properties {
            event["OldResourceProperties"] = old.clone();
        }
        event
    }
}

pub fn stack(name: &str) -> String {
    format!("arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/51af3dc0-da77-11e4-872e-1234567db123")
}

/// A response.
#[derive(Debug, PartialEq)]
pub struct Reply(pub Value);

impl Reply {
    /// Asserts SUCCESS.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.0["Status"], "SUCCESS", "{}", self.0);
        self
    }

    /// Asserts FAILED, and returns the reason.
    #[track_caller]
    pub fn reason(&self) -> &str {
        assert_eq!(self.0["Status"], "FAILED", "{}", self.0);
        self.0["Reason"].as_str().unwrap()
    }

    /// Asserts that CloudFormation has given up on the request.
    #[track_caller]
    pub fn assert_given_up(&self) {
        assert!(self.reason().contains("CloudFormation is no longer waiting for a response to this"), "{}", self.0);
    }

    pub fn id(&self) -> &str {
        self.0["PhysicalResourceId"].as_str().unwrap()
    }

    /// The id, without the signature that the marker of a failed Create ends with.
    #[track_caller]
    pub fn marker(&self) -> &str {
        let (marker, signature) = self.id().rsplit_once(':').expect("the marker of a failed Create");
        assert!(signature.parse::<i64>().is_ok(), "{}", self.id());
        marker
    }

    pub fn data(&self, name: &str) -> &str {
        self.0["Data"][name].as_str().unwrap()
    }
}
