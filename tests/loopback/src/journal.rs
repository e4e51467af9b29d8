//! One ordered list of everything that reached the loopback AWS: calls, and requests to the response sink.

use crate::clock::Clock;
use serde_json::Value;
use std::sync::Mutex;
use std::time::{Instant, SystemTime};

/// A service that is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Systems Manager.
    Ssm,
    /// CloudFormation.
    Cloudformation,
}

impl Service {
    /// Its name in the scope of a signature.
    pub(crate) fn scope(self) -> &'static str {
        match self {
            Self::Ssm => "ssm",
            Self::Cloudformation => "cloudformation",
        }
    }
}

/// One call of SSM or CloudFormation.
#[derive(Clone, Debug)]
pub struct Call {
    /// Whose operation it is.
    pub service: Service,
    /// The operation, as in `DescribeDocument`.
    pub operation: String,
    /// The document's name, the setting's id or the resource's logical id, if the call has one.
    pub subject: Option<String>,
    /// The input as sent, a form as an object; null if it can't be parsed.
    pub input: Value,
    /// The HTTP status of the response; `None` if none was sent.
    pub status: Option<u16>,
    /// The error's code, if the call was refused.
    pub error: Option<String>,
}

impl Call {
    pub(crate) fn new(service: Service, operation: String, input: Value) -> Self {
        let mut call = Self { service, operation, subject: None, input: Value::Null, status: None, error: None };
        call.read(input);
        call
    }

    /// Records what was sent.
    pub(crate) fn read(&mut self, input: Value) {
        let members = ["Name", "SettingId", "ResourceId", "LogicalResourceId"];
        self.subject = members.iter().find_map(|member| input[*member].as_str()).map(str::to_owned);
        self.input = input;
    }
}

/// One PUT to the response sink.
#[derive(Clone, Debug)]
pub struct Response {
    /// The path and query it went to.
    pub path: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, parsed; null if it is not JSON.
    pub body: Value,
    /// The body as sent.
    pub bytes: Vec<u8>,
    /// The HTTP status of the response; `None` if none was sent.
    pub status: Option<u16>,
}

impl Response {
    /// The longest response that CloudFormation accepts, in bytes.
    pub const MAX_BYTES: usize = 4096;

    /// Whether CloudFormation would say "Response object is too long."
    pub fn is_too_long(&self) -> bool {
        self.bytes.len() > Self::MAX_BYTES
    }

    /// Whether it was delivered: stored by the sink.
    pub fn is_delivered(&self) -> bool {
        self.status == Some(200)
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What an entry of the journal is about.
#[derive(Clone, Debug)]
pub enum What {
    /// A call of SSM or CloudFormation.
    Call(Call),
    /// A call that took effect after its caller had given up, or was refused then.
    Late(Call),
    /// A PUT to the sink.
    Response(Response),
    /// Any other request to the sink: its method and path. None is ever needed.
    Stray(String, String),
}

/// One request, in the order of arrival.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it was.
    pub what: What,
    /// When it arrived, on the journal's own clock.
    pub started: u64,
    /// When it arrived, by the machine's clock.
    pub arrived: Instant,
    /// When it arrived, by the clock of the loopback AWS.
    pub time: SystemTime,
    /// When its response left; `None` if it has not, or never will.
    pub ended: Option<u64>,
    /// When its response left, by the machine's clock.
    pub left: Option<Instant>,
    /// For a call: which sequential round trip it belongs to, from 1; calls that overlap share one. Otherwise 0.
    pub round: usize,
    /// Which of its endpoint's connections it arrived on, from 1.
    pub connection: u64,
}

impl Entry {
    /// The call, if it is one.
    pub fn call(&self) -> Option<&Call> {
        if let What::Call(call) = &self.what { Some(call) } else { None }
    }

    /// The response, if it is one.
    pub fn response(&self) -> Option<&Response> {
        if let What::Response(response) = &self.what { Some(response) } else { None }
    }
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let status = |status: Option<u16>| status.map_or_else(|| "no response".to_owned(), |status| status.to_string());
        match &self.what {
            What::Call(call) => {
                let error = call.error.as_deref().map(|error| format!(" {error}")).unwrap_or_default();
                let subject = call.subject.as_deref().unwrap_or("-");
                write!(f, "{} {} {subject} {}{error}", self.round, call.operation, status(call.status))
            }
            What::Response(response) => {
                write!(f, "PUT {} {}", response.body["Status"].as_str().unwrap_or("-"), status(response.status))
            }
            What::Late(call) => {
                let effect = call.error.as_deref().unwrap_or("took effect");
                write!(f, "late {} {} {effect}", call.operation, call.subject.as_deref().unwrap_or("-"))
            }
            What::Stray(method, path) => write!(f, "{method} {path}"),
        }
    }
}

#[derive(Default)]
struct Pages {
    clock: u64,
    entries: Vec<Entry>,
}

impl Pages {
    fn find(&mut self, started: u64) -> Option<&mut Entry> {
        self.entries.iter_mut().rev().find(|entry| entry.started == started)
    }
}

/// The journal, shared by the endpoints.
pub(crate) struct Journal {
    pages: Mutex<Pages>,
    clock: Clock,
}

impl Journal {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { pages: Mutex::default(), clock }
    }

    /// Records an arrival, and returns its time on the journal's clock, which identifies the entry.
    pub(crate) fn begin(&self, what: What, connection: u64) -> u64 {
        let mut pages = self.pages.lock().unwrap();
        pages.clock += 1;
        let started = pages.clock;
        let (arrived, time) = (Instant::now(), self.clock.now_system());
        pages.entries.push(Entry { what, started, arrived, time, ended: None, left: None, round: 0, connection });
        started
    }

    /// Completes an entry, unless the journal has been emptied since.
    pub(crate) fn note(&self, started: u64, change: impl FnOnce(&mut What)) {
        if let Some(entry) = self.pages.lock().unwrap().find(started) {
            change(&mut entry.what);
        }
    }

    /// Records that the response leaves.
    pub(crate) fn end(&self, started: u64, change: impl FnOnce(&mut What)) {
        let mut pages = self.pages.lock().unwrap();
        pages.clock += 1;
        let clock = pages.clock;
        if let Some(entry) = pages.find(started) {
            entry.ended = Some(clock);
            entry.left = Some(Instant::now());
            change(&mut entry.what);
        }
    }

    pub(crate) fn clear(&self) {
        self.pages.lock().unwrap().entries.clear();
    }

    /// All entries, their rounds filled in.
    pub(crate) fn read(&self) -> Vec<Entry> {
        let mut entries = self.pages.lock().unwrap().entries.clone();
        for index in 0..entries.len() {
            if entries[index].call().is_none() {
                continue;
            }
            let started = entries[index].started;
            let earlier = entries[..index].iter().filter(|entry| entry.ended.is_some_and(|ended| ended < started));
            entries[index].round = 1 + earlier.map(|entry| entry.round).max().unwrap_or(0);
        }
        entries
    }
}
