//! The sink of CloudFormation's responses: the bucket behind the presigned response URL, following a script.

use crate::journal::{Response, What};
use crate::server::{Link, Reply, reply};
use crate::shared::Shared;
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the sink does with one PUT.
#[derive(Clone, Debug)]
pub enum Sink {
    /// Stores it, where the request is as S3 wants it.
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

/// What is to happen to the PUTs to come.
#[derive(Default)]
pub(crate) struct Script {
    next: VecDeque<Sink>,
    then: Option<Sink>,
}

/// The handle by which a test scripts the sink.
pub struct SinkScript<'a>(pub(crate) &'a Mutex<Script>);

impl SinkScript<'_> {
    /// The next PUTs meet these, one each; those after them are stored.
    pub fn script(&self, steps: impl IntoIterator<Item = Sink>) {
        let mut script = self.0.lock().unwrap();
        *script = Script { next: steps.into_iter().collect(), then: None };
    }

    /// Every PUT from now on meets this.
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
pub(crate) async fn serve(shared: Arc<Shared>, request: Request<Incoming>, link: Link) -> Reply {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    if request.method() != "PUT" {
        let stray = What::Stray(request.method().to_string(), path);
        let entry = shared.journal.begin(stray, link.number);
        shared.journal.end(entry, |_| {});
        return reply(403, "application/xml", xml("AccessDenied", "Access Denied"));
    }
    let step = shared.sink.lock().unwrap().step();
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = request.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let expected = refusal(&path, request.headers());
    let put = Response { path, headers, body: Value::Null, bytes: Vec::new(), status: None };
    let entry = shared.journal.begin(What::Response(put), link.number);
    match &step {
        Sink::Reset => return link.reset().await,
        Sink::SlowRead(time) => tokio::time::sleep(*time).await,
        _ => {}
    }
    let Ok(body) = request.into_body().collect().await else { return link.reset().await };
    let bytes = body.to_bytes().to_vec();
    shared.journal.note(entry, |what| {
        if let What::Response(put) = what {
            put.body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
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
                note_status(&shared, entry, 200);
                return link.reset().await;
            }
            stored
        }
    };
    response.headers_mut().insert("x-amz-request-id", shared.request_id().parse().expect("hexadecimal digits"));
    note_status(&shared, entry, response.status().as_u16());
    response
}

fn note_status(shared: &Shared, entry: u64, status: u16) {
    shared.journal.end(entry, |what| {
        if let What::Response(put) = what {
            put.status = Some(status);
        }
    });
}

/// Why S3 would refuse: the URL is signed for an empty Content-Type, and for a time.
fn refusal(path: &str, headers: &hyper::HeaderMap) -> Option<(&'static str, &'static str)> {
    if headers.get("content-type").is_some_and(|value| !value.is_empty()) {
        return Some(("SignatureDoesNotMatch", "The request signature does not match the signature you provided."));
    }
    crate::response_url::is_expired(path).then_some(("AccessDenied", "Request has expired"))
}

fn xml(code: &str, message: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
}
