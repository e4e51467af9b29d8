//! CloudFormation on the wire: the Query protocol, a form posted and XML returned.

use crate::server::{Reply, reply};
use crate::ssm::ModelError;
use serde_json::{Map, Value};

/// The version of the API, which every request has to name.
const VERSION: &str = "2010-05-15";
const NAMESPACE: &str = "http://cloudformation.amazonaws.com/doc/2010-05-15/";
pub(crate) const XML: &str = "text/xml";

/// The action of a form, and its parameters.
pub(crate) fn input(body: &[u8]) -> Result<(String, Value), ModelError> {
    let mut parameters = Map::new();
    for (name, value) in form_urlencoded::parse(body) {
        if parameters.insert(name.to_string(), Value::String(value.into_owned())).is_some() {
            let text = format!("Duplicate parameter {name}");
            return Err(ModelError::new("MalformedQueryString", text));
        }
    }
    let known = ["Action", "Version", "StackName", "LogicalResourceId"];
    if let Some(unknown) = parameters.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(ModelError::new("ValidationError", format!("The parameter {unknown} is not recognized")));
    }
    let Some(action) = parameters.get("Action").and_then(Value::as_str).map(str::to_owned) else {
        return Err(ModelError::new("MissingAction", "The request is missing an action"));
    };
    let version = parameters.get("Version").and_then(Value::as_str).unwrap_or("NO_VERSION_SPECIFIED");
    if version != VERSION {
        let text = format!("Could not find operation {action} for version {version}");
        return Err(ModelError::new("InvalidAction", text));
    }
    Ok((action, Value::Object(parameters)))
}

/// The response to a call.
pub(crate) fn response(operation: &str, result: &Result<Value, ModelError>, request_id: &str) -> Reply {
    match result {
        Ok(value) => {
            let result = element(&format!("{operation}Result"), value);
            reply(
                200,
                XML,
                format!(
                    "<{operation}Response xmlns=\"{NAMESPACE}\">{result}<ResponseMetadata><RequestId>{request_id}\
                     </RequestId></ResponseMetadata></{operation}Response>"
                ),
            )
        }
        Err(error) => {
            let (status, code) = named(error);
            let kind = if status < 500 { "Sender" } else { "Receiver" };
            let message = escaped(error.message.as_deref().unwrap_or_default());
            reply(
                status,
                XML,
                format!(
                    "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{kind}</Type><Code>{code}</Code>\
                     <Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
                ),
            )
        }
    }
}

/// The status and the code of an error: faults and refused signatures have SSM's codes, and CloudFormation has others.
pub(crate) fn named(error: &ModelError) -> (u16, &str) {
    match error.code.as_str() {
        "ThrottlingException" => (400, "Throttling"),
        "AccessDeniedException" => (403, "AccessDenied"),
        "InternalServerError" => (500, "InternalFailure"),
        "InvalidSignatureException" => (403, "SignatureDoesNotMatch"),
        "UnrecognizedClientException" => (403, "InvalidClientTokenId"),
        "MissingAuthenticationTokenException" => (403, "MissingAuthenticationToken"),
        "IncompleteSignatureException" => (400, "IncompleteSignature"),
        code => (error.status, code),
    }
}

fn element(name: &str, value: &Value) -> String {
    let inner = match value {
        Value::Object(members) => members.iter().map(|(name, value)| element(name, value)).collect(),
        Value::Array(items) => items.iter().map(|item| element("member", item)).collect(),
        Value::String(text) => escaped(text),
        other => other.to_string(),
    };
    format!("<{name}>{inner}</{name}>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
