//! SSM on the wire: AWS JSON 1.1.

use super::ModelError;
use crate::server::{Reply, reply};
use serde_json::{Value, json};

pub(crate) const JSON: &str = "application/x-amz-json-1.1";

/// The input of a call.
pub(crate) fn input(body: &[u8]) -> Result<Value, ModelError> {
    serde_json::from_slice(body).map_err(|_| ModelError::new("SerializationException", "The body is no JSON."))
}

/// The response to a call.
pub(crate) fn response(result: &Result<Value, ModelError>) -> Reply {
    match result {
        Ok(value) => reply(200, JSON, value.to_string()),
        Err(error) => {
            let mut body = json!({"__type": error.code});
            // The service's own errors write `Message`, those of the layers before it `message`.
            let own = ["AccessDeniedException", "NoLongerSupportedException"];
            let layer = error.code.ends_with("Exception") && !own.contains(&error.code.as_str());
            if let Some(message) = &error.message {
                body[if layer { "message" } else { "Message" }] = json!(message);
            }
            reply(error.status, JSON, body.to_string())
        }
    }
}
