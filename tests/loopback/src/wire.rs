//! SSM on the wire: AWS JSON 1.1 over POST, faults applied, every call journalled.

use crate::fault::{Action, Fault};
use crate::journal::{Call, What};
use crate::server::{Link, Reply, reply};
use crate::shared::Shared;
use crate::ssm::ModelError;
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::sync::Arc;

const JSON: &str = "application/x-amz-json-1.1";

/// How a call ends: with a response, or without.
enum End {
    Response(Result<Value, ModelError>),
    Raw(u16, String),
    Reset,
    Hang,
}

/// Responds to one request to SSM's endpoint.
pub(crate) async fn serve(shared: Arc<Shared>, request: Request<Incoming>, link: Link) -> Reply {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let Some(operation) = header("x-amz-target").and_then(|target| target.strip_prefix("AmazonSSM.")) else {
        return response(&shared, &Err(ModelError::new("UnknownOperationException", "No X-Amz-Target of SSM.")));
    };
    let operation = operation.to_owned();
    let call = Call { operation: operation.clone(), subject: None, input: Value::Null, status: None, error: None };
    let entry = shared.journal.begin(What::Call(call), link.number);
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return link.reset().await };
    let body = body.to_bytes();
    let input: Result<Value, _> = serde_json::from_slice(&body);
    shared.journal.note(entry, |what| {
        if let (What::Call(call), Ok(input)) = (what, &input) {
            let subject = ["Name", "SettingId", "ResourceId"].iter().find_map(|member| input[*member].as_str());
            call.subject = subject.map(str::to_owned);
            call.input = input.clone();
        }
    });
    let latency = *shared.latency.lock().unwrap();
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let end = match (shared.signatures.check(&head, &body), input) {
        (Err(refusal), _) => End::Response(Err(refusal)),
        (Ok(()), Err(_)) => End::Response(Err(ModelError::new("SerializationException", "The body is no JSON."))),
        (Ok(()), Ok(input)) => carry_out(&shared, &operation, &input).await,
    };
    let (status, error) = match &end {
        End::Response(Ok(_)) => (200, None),
        End::Response(Err(error)) => (error.status, Some(error.code.clone())),
        End::Raw(status, _) => (*status, None),
        End::Reset => return link.reset().await,
        End::Hang => return std::future::pending().await,
    };
    shared.journal.end(entry, |what| {
        if let What::Call(call) = what {
            (call.status, call.error) = (Some(status), error);
        }
    });
    match end {
        End::Raw(status, text) => reply(status, JSON, text),
        End::Response(result) => response(&shared, &result),
        End::Reset | End::Hang => unreachable!("returned above"),
    }
}

/// The change and what was asked to happen around it.
async fn carry_out(shared: &Shared, operation: &str, input: &Value) -> End {
    let actions = shared.rules.meet(operation);
    let (after, before): (Vec<_>, Vec<_>) = actions.into_iter().partition(|action| action.lock().unwrap().is_after());
    for action in before {
        if let Some(end) = act(shared, &action).await {
            return end;
        }
    }
    let result = shared.model.lock().unwrap().call(operation, input);
    for action in after {
        if let Some(end) = act(shared, &action).await {
            return end;
        }
    }
    End::Response(result)
}

async fn act(shared: &Shared, action: &std::sync::Mutex<Action>) -> Option<End> {
    let (wait, gate) = match &mut *action.lock().unwrap() {
        Action::Before(hook) | Action::After(hook) => {
            hook(&mut shared.model.lock().unwrap());
            return None;
        }
        Action::Fault(fault) => match fault.clone() {
            Fault::Error(error) | Fault::ErrorAfter(error) => return Some(End::Response(Err(error))),
            Fault::Raw(status, text) => return Some(End::Raw(status, text)),
            Fault::Hang | Fault::HangAfter => return Some(End::Hang),
            Fault::ResetBefore | Fault::ResetAfter => return Some(End::Reset),
            Fault::Delay(time) | Fault::DelayAfter(time) => (time, None),
        },
        Action::GateBefore(post) | Action::GateAfter(post) => (std::time::Duration::ZERO, Some(post.clone())),
    };
    match gate {
        Some(post) => post.pass().await,
        None => tokio::time::sleep(wait).await,
    }
    None
}

fn response(shared: &Shared, result: &Result<Value, ModelError>) -> Reply {
    let mut reply = match result {
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
    };
    let id = shared.request_id().parse().expect("an id of hexadecimal digits");
    reply.headers_mut().insert("x-amzn-requestid", id);
    reply
}
