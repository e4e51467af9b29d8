//! The Lambda Runtime API: hands events to the real binary and takes its responses.

use crate::loopback::Loopback;
use crate::server::{self, Counters, Counts, Outcome, Reply, Reset, reply};
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{Notify, oneshot};
use tokio::task::AbortHandle;

const JSON: &str = "application/json";

/// Why an invocation has no response.
#[derive(Clone, Debug, PartialEq)]
pub enum InvocationError {
    /// The function reported an error to the runtime; Lambda would retry.
    Function(Value),
    /// Nothing came before the deadline; Lambda would kill the process.
    TimedOut,
}

struct Invocation {
    id: String,
    deadline_ms: u128,
    event: Vec<u8>,
}

/// What is queued and what is under way.
#[derive(Default)]
struct State {
    queue: VecDeque<Invocation>,
    under_way: HashMap<String, oneshot::Sender<Result<Value, InvocationError>>>,
    invocations: u64,
    polls: u64,
    init_error: Option<Value>,
}

#[derive(Default)]
struct Runtime {
    state: Mutex<State>,
    queued: Notify,
    arn: String,
}

/// A Runtime API for one process at a time.
pub struct RuntimeApi {
    runtime: Arc<Runtime>,
    address: SocketAddr,
    counters: Arc<Counters>,
    server: AbortHandle,
}

impl Loopback {
    /// Starts a Runtime API, for the function `cfn-ssm-document` in the model's account and Region.
    pub async fn runtime_api(&self) -> RuntimeApi {
        let (account, region) = self.ssm(|model| (model.account.clone(), model.region.clone()));
        let arn = format!("arn:aws:lambda:{region}:{account}:function:cfn-ssm-document");
        let runtime = Arc::new(Runtime { arn, ..Runtime::default() });
        let counters = Arc::new(Counters::default());
        let (ours, counted) = (Arc::clone(&runtime), Arc::clone(&counters));
        let (bound, address) = oneshot::channel();
        let task = self.handle().spawn(async move {
            let (listener, address) = server::bind(0).await;
            bound.send(address).ok();
            let handler: server::Handler = Arc::new(move |request, _| Box::pin(serve(Arc::clone(&ours), request)));
            server::serve(listener, None, counted, handler).await;
        });
        let address = address.await.expect("the Runtime API starts");
        RuntimeApi { runtime, address, counters, server: task.abort_handle() }
    }
}

impl RuntimeApi {
    /// The address, as for `AWS_LAMBDA_RUNTIME_API`.
    pub fn addr(&self) -> String {
        self.address.to_string()
    }

    /// Hands over an event and waits for its outcome until the deadline, which the function is told. Events are
    /// queued while the process is busy or not running.
    pub async fn invoke(&self, event: &Value, timeout: Duration) -> Result<Value, InvocationError> {
        self.invoke_raw(event.to_string().into_bytes(), timeout).await
    }

    /// Hands over bytes that may not be JSON.
    pub async fn invoke_raw(&self, event: Vec<u8>, timeout: Duration) -> Result<Value, InvocationError> {
        let (response, finished) = oneshot::channel();
        let deadline = SystemTime::now() + timeout;
        let deadline_ms = deadline.duration_since(UNIX_EPOCH).expect("a clock after 1970").as_millis();
        let id = {
            let mut state = self.runtime.state.lock().unwrap();
            state.invocations += 1;
            let id = format!("00000000-0000-4000-9000-{:012x}", state.invocations);
            state.under_way.insert(id.clone(), response);
            state.queue.push_back(Invocation { id: id.clone(), deadline_ms, event });
            id
        };
        self.runtime.queued.notify_one();
        let result = tokio::time::timeout(timeout, finished).await;
        if let Ok(Ok(result)) = result {
            return result;
        }
        let mut state = self.runtime.state.lock().unwrap();
        state.under_way.remove(&id);
        state.queue.retain(|invocation| invocation.id != id);
        Err(InvocationError::TimedOut)
    }

    /// The error that the process reported for its initialization, if any.
    pub fn init_error(&self) -> Option<Value> {
        self.runtime.state.lock().unwrap().init_error.clone()
    }

    /// How often the process has asked for the next event.
    pub fn polls(&self) -> u64 {
        self.runtime.state.lock().unwrap().polls
    }

    /// The connections that the process has opened.
    pub fn counts(&self) -> Counts {
        self.counters.read()
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(runtime: Arc<Runtime>, request: Request<Incoming>) -> Outcome {
    let path = request.uri().path().to_owned();
    let steps: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    if matches!(steps[..], ["2018-06-01", "runtime", "invocation", "next"]) {
        return Ok(runtime.next().await);
    }
    let body = request.into_body().collect().await.map_err(|_| Reset)?.to_bytes();
    let value =
        || serde_json::from_slice(&body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()));
    Ok(match steps[..] {
        ["2018-06-01", "runtime", "invocation", id, "response"] => runtime.finish(id, Ok(value())),
        ["2018-06-01", "runtime", "invocation", id, "error"] => {
            runtime.finish(id, Err(InvocationError::Function(value())))
        }
        ["2018-06-01", "runtime", "init", "error"] => {
            runtime.state.lock().unwrap().init_error = Some(value());
            accepted()
        }
        _ => reply(404, JSON, json!({"errorType": "NotFound", "errorMessage": path}).to_string()),
    })
}

impl Runtime {
    /// Waits for an event. A process that goes away meanwhile leaves the event in the queue.
    async fn next(&self) -> Reply {
        self.state.lock().unwrap().polls += 1;
        loop {
            let next = self.state.lock().unwrap().queue.pop_front();
            let Some(invocation) = next else {
                self.queued.notified().await;
                continue;
            };
            let mut reply = reply(200, JSON, invocation.event);
            let headers = [
                ("lambda-runtime-aws-request-id", invocation.id),
                ("lambda-runtime-deadline-ms", invocation.deadline_ms.to_string()),
                ("lambda-runtime-invoked-function-arn", self.arn.clone()),
                ("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000;Sampled=0".to_owned()),
            ];
            for (name, value) in headers {
                reply.headers_mut().insert(name, value.parse().expect("a valid header"));
            }
            return reply;
        }
    }

    fn finish(&self, id: &str, result: Result<Value, InvocationError>) -> Reply {
        let Some(waiting) = self.state.lock().unwrap().under_way.remove(id) else {
            let text = json!({"errorType": "InvalidRequestID", "errorMessage": "No such invocation is under way"});
            return reply(400, JSON, text.to_string());
        };
        // The test may have stopped waiting at this very moment.
        waiting.send(result).ok();
        accepted()
    }
}

fn accepted() -> Reply {
    reply(202, JSON, json!({"status": "OK"}).to_string())
}
