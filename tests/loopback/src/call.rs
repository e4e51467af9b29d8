//! One call of SSM or CloudFormation: finds the service, checks the signature, applies faults and records the call.

use crate::cloudformation;
use crate::fault::{Action, Fault, Loss};
use crate::journal::{Call, Service, What};
use crate::server::{Outcome, Reply, Reset, reply};
use crate::shared::Shared;
use crate::ssm::{self, ModelError};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Body;
use hyper::http::request::Parts;
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How a call ends: with a response, or without.
enum End {
    Response(Result<Value, ModelError>),
    Raw(u16, String),
    Reset,
    Hang,
}

impl From<Loss> for End {
    fn from(loss: Loss) -> Self {
        match loss {
            Loss::Hang => Self::Hang,
            Loss::Reset => Self::Reset,
        }
    }
}

/// Responds to one request to the endpoint of the two services.
pub(crate) async fn serve<B>(shared: Arc<Shared>, request: Request<B>, connection: u64) -> Outcome
where
    B: Body<Data = Bytes>,
{
    let (head, body) = request.into_parts();
    let Some((service, operation)) = addressed(&head) else {
        let error = ModelError::new("UnknownOperationException", "No X-Amz-Target of SSM.");
        return Ok(response(&shared, Service::Ssm, "", &Err(error)));
    };
    let call = Call::new(service, operation.clone(), Value::Null);
    let entry = shared.journal.begin(What::Call(call), connection);
    let body = body.collect().await.map_err(|_| Reset)?.to_bytes();
    let parsed = match service {
        Service::Ssm => ssm::wire::input(&body).map(|input| (operation, input)),
        Service::Cloudformation => cloudformation::wire::input(&body),
    };
    shared.journal.note(entry, |what| {
        if let (What::Call(call), Ok((operation, input))) = (what, &parsed) {
            call.operation.clone_from(operation);
            call.read(input.clone());
        }
    });
    let latency = shared.latency.lock().unwrap().draw();
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let operation = parsed.as_ref().map(|(operation, _)| operation.clone()).unwrap_or_default();
    let end = match (shared.signatures.check(&head, &body, service.scope()), parsed) {
        (Err(refusal), _) | (Ok(()), Err(refusal)) => End::Response(Err(refusal)),
        (Ok(()), Ok((operation, input))) => carry_out(&shared, service, &operation, &input).await,
    };
    let reply = match end {
        End::Reset => return Err(Reset),
        End::Hang => return std::future::pending().await,
        End::Raw(status, text) => Raw { service, status, text }.into(),
        End::Response(result) => {
            let error = result.as_ref().err().map(|error| error_code(service, error).to_owned());
            shared.journal.note(entry, |what| {
                if let What::Call(call) = what {
                    call.error = error;
                }
            });
            response(&shared, service, &operation, &result)
        }
    };
    shared.journal.end(entry, |what| {
        if let What::Call(call) = what {
            call.status = Some(reply.status().as_u16());
        }
    });
    Ok(reply)
}

/// The service that a request is for, and the operation if a header names it.
fn addressed(head: &Parts) -> Option<(Service, String)> {
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(operation) = header("x-amz-target").and_then(|target| target.strip_prefix("AmazonSSM.")) {
        return Some((Service::Ssm, operation.to_owned()));
    }
    let is_form = header("content-type")?.starts_with("application/x-www-form-urlencoded");
    is_form.then_some((Service::Cloudformation, String::new()))
}

/// Carries out a call, with the actions of the rules before and after it.
async fn carry_out(shared: &Shared, service: Service, operation: &str, input: &Value) -> End {
    let actions = shared.rules.meet(operation);
    let (after, before): (Vec<_>, Vec<_>) = actions.into_iter().partition(|action| action.lock().unwrap().is_after());
    for action in before {
        if let Some(end) = act(shared, &action, service, operation, input).await {
            return end;
        }
    }
    let result = match service {
        Service::Ssm => shared.model_for_call().call(operation, input),
        Service::Cloudformation => shared.cloudformation.lock().unwrap().call(operation, input),
    };
    for action in after {
        if let Some(end) = act(shared, &action, service, operation, input).await {
            return end;
        }
    }
    End::Response(result)
}

async fn act(shared: &Shared, action: &Mutex<Action>, service: Service, operation: &str, input: &Value) -> Option<End> {
    let (wait, gate) = match &mut *action.lock().unwrap() {
        Action::Before(hook) | Action::After(hook) => {
            hook(&mut shared.model());
            return None;
        }
        Action::Fault(fault) => match fault.clone() {
            Fault::Error(error) | Fault::ErrorAfter(error) => return Some(End::Response(Err(error))),
            Fault::Raw(status, text) => return Some(End::Raw(status, text)),
            Fault::Hang | Fault::HangAfter => return Some(End::Hang),
            Fault::ResetBefore | Fault::ResetAfter => return Some(End::Reset),
            Fault::Late(loss, effect) => {
                if service == Service::Ssm {
                    shared.late.add(effect, shared.clock.now_system(), operation, input);
                }
                return Some(loss.into());
            }
            Fault::Delay(time) | Fault::DelayAfter(time) => (time, None),
        },
        Action::GateBefore(post) | Action::GateAfter(post) => (Duration::ZERO, Some(post.clone())),
    };
    match gate {
        Some(post) => post.pass().await,
        None => tokio::time::sleep(wait).await,
    }
    None
}

/// A response that a fault determines.
struct Raw {
    service: Service,
    status: u16,
    text: String,
}

impl From<Raw> for Reply {
    fn from(Raw { service, status, text }: Raw) -> Self {
        let content_type = match service {
            Service::Ssm => ssm::wire::JSON,
            Service::Cloudformation => cloudformation::wire::XML,
        };
        reply(status, content_type, text)
    }
}

fn error_code(service: Service, error: &ModelError) -> &str {
    match service {
        Service::Ssm => &error.code,
        Service::Cloudformation => cloudformation::wire::named(error).1,
    }
}

fn response(shared: &Shared, service: Service, operation: &str, result: &Result<Value, ModelError>) -> Reply {
    let id = shared.request_id();
    let mut reply = match service {
        Service::Ssm => ssm::wire::response(result),
        Service::Cloudformation => cloudformation::wire::response(operation, result, &id),
    };
    reply.headers_mut().insert("x-amzn-requestid", id.parse().expect("an id of hexadecimal digits"));
    reply
}
