//! The sink of CloudFormation's responses: the bucket behind the presigned response URL, following a script.

use crate::journal::{Response, What};
use crate::server::{Outcome, Reset, reply};
use crate::shared::Shared;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Body;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// What the sink does with one PUT.
#[derive(Clone, Debug)]
pub enum Sink {
    /// Stores it, if S3 would accept the request.
    Ok,
    /// Refuses it with this status.
    Status(u16),
    /// Sends the caller to another path of the sink, with 307.
    Redirect(String),
    /// Resets the connection before the body is read.
    Reset,
    /// Stores it, and resets the connection instead of responding.
    ResetAfter,
    /// Stores it, and responds after this time.
    Delay(Duration),
    /// Begins to read the body after this time, and stores it.
    SlowRead(Duration),
    /// Never responds.
    Hang,
}

/// What happens to the next PUTs.
#[derive(Default)]
pub(crate) struct Script {
    next: VecDeque<Sink>,
    then: Option<Sink>,
}

/// The handle by which a test scripts the sink.
pub struct SinkScript<'a>(pub(crate) &'a Mutex<Script>);

impl SinkScript<'_> {
    /// Applies these steps to the next PUTs, one each. Later PUTs are stored.
    pub fn script(&self, steps: impl IntoIterator<Item = Sink>) {
        let mut script = self.0.lock().unwrap();
        *script = Script { next: steps.into_iter().collect(), then: None };
    }

    /// Applies this step to every PUT from now on.
    pub fn always(&self, step: Sink) {
        *self.0.lock().unwrap() = Script { next: VecDeque::new(), then: Some(step) };
    }
}

impl Script {
    fn step(&mut self) -> Sink {
        self.next.pop_front().or_else(|| self.then.clone()).unwrap_or(Sink::Ok)
    }
}

/// Responds to one request to the sink.
pub(crate) async fn serve<B>(shared: Arc<Shared>, request: Request<B>, connection: u64) -> Outcome
where
    B: Body<Data = Bytes>,
{
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    if request.method() != "PUT" {
        let stray = What::Stray(request.method().to_string(), path);
        let entry = shared.journal.begin(stray, connection);
        shared.journal.end(entry, |_| {});
        return Ok(reply(403, "application/xml", xml("AccessDenied", "Access Denied")));
    }
    let step = shared.sink.lock().unwrap().step();
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = request.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let expected = refusal(&path, request.headers(), shared.clock.now_system());
    let put = Response { path, headers, body: Value::Null, bytes: Vec::new(), status: None };
    let entry = shared.journal.begin(What::Response(put), connection);
    match &step {
        Sink::Reset => return Err(Reset),
        Sink::SlowRead(time) => tokio::time::sleep(*time).await,
        _ => {}
    }
    let bytes = request.into_body().collect().await.map_err(|_| Reset)?.to_bytes().to_vec();
    let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    shared.journal.note(entry, |what| {
        if let What::Response(put) = what {
            put.body = body.clone();
            put.bytes = bytes;
        }
    });
    let mut response = match (step, expected) {
        (Sink::Hang, _) => return std::future::pending().await,
        (Sink::Status(status), _) => reply(status, "application/xml", xml("Scripted", "As the script says")),
        (Sink::Redirect(to), _) => {
            let mut reply = reply(307, "application/xml", xml("TemporaryRedirect", "Please re-send this request"));
            reply.headers_mut().insert("location", to.parse().expect("a location that is a valid header"));
            reply
        }
        (_, Some((code, text))) => reply(403, "application/xml", xml(code, text)),
        (Sink::Delay(time), None) => {
            tokio::time::sleep(time).await;
            reply(200, "application/xml", "")
        }
        (step, None) => {
            let stored = reply(200, "application/xml", "");
            if matches!(step, Sink::ResetAfter) {
                stored_at(&shared, entry, &body, 200);
                return Err(Reset);
            }
            stored
        }
    };
    response.headers_mut().insert("x-amz-request-id", shared.request_id().parse().expect("hexadecimal digits"));
    stored_at(&shared, entry, &body, response.status().as_u16());
    Ok(response)
}

/// Records how a PUT ended, and tells CloudFormation what was stored.
fn stored_at(shared: &Shared, entry: u64, body: &Value, status: u16) {
    if status == 200 {
        shared.cloudformation.lock().unwrap().responded(body);
    }
    shared.journal.end(entry, |what| {
        if let What::Response(put) = what {
            put.status = Some(status);
        }
    });
}

/// Why S3 would refuse: the URL is signed for an empty Content-Type, and for a limited time.
fn refusal(path: &str, headers: &hyper::HeaderMap, now: SystemTime) -> Option<(&'static str, &'static str)> {
    if headers.get("content-type").is_some_and(|value| !value.is_empty()) {
        return Some(("SignatureDoesNotMatch", "The request signature does not match the signature you provided."));
    }
    crate::response_url::is_expired(path, now).then_some(("AccessDenied", "Request has expired"))
}

fn xml(code: &str, message: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
}
