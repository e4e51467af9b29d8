//! The loopback AWS itself. It stops when it is dropped.

use crate::builder::Builder;
use crate::clock::Clock;
use crate::cloudformation::Cloudformation;
use crate::fault::On;
use crate::journal::{Call, Entry, Response, Service};
use crate::late::Occasion;
use crate::response_url::{self, Age};
use crate::server::Counts;
use crate::shared::{Latency, Shared};
use crate::sink::SinkScript;
use crate::ssm::Model;
use crate::tls::Authority;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// A running loopback AWS: SSM, CloudFormation and the sink of its responses.
pub struct Loopback {
    pub(crate) shared: Arc<Shared>,
    pub(crate) ssm: SocketAddr,
    pub(crate) sink: SocketAddr,
    pub(crate) authority: Option<Authority>,
    pub(crate) server: Option<Server>,
}

/// What serves the sockets; it ends when it is dropped.
pub(crate) struct Server {
    pub(crate) handle: Handle,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) thread: Option<JoinHandle<()>>,
}

impl Loopback {
    /// Starts one with the defaults: an empty account, plain HTTP, no faults.
    pub async fn start() -> Self {
        Builder::default().start().await
    }

    /// Returns a builder, which starts one with other settings.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// SSM's endpoint, as for `AWS_ENDPOINT_URL_SSM`.
    pub fn ssm_url(&self) -> String {
        self.url(self.ssm)
    }

    /// CloudFormation's endpoint, as for `AWS_ENDPOINT_URL_CLOUDFORMATION`.
    ///
    /// It is the same as SSM's: a request's headers say which service it is for.
    pub fn cloudformation_url(&self) -> String {
        self.ssm_url()
    }

    /// The sink's address, with no path.
    pub fn sink_url(&self) -> String {
        self.url(self.sink)
    }

    /// A response URL of the newer form (signature version 4), another object each time.
    pub fn response_url(&self, age: Age) -> String {
        let (path, region) = self.path();
        response_url::version_4(&self.sink_url(), &path, &region, (age, self.shared.clock.now_system()))
    }

    /// A response URL of the older form (signature version 2), which contains only the expiry.
    pub fn response_url_v2(&self, age: Age) -> String {
        response_url::version_2(&self.sink_url(), &self.path().0, (age, self.shared.clock.now_system()))
    }

    /// The file with the authority's certificate, as for `AWS_CA_BUNDLE`; `None` without TLS.
    pub fn ca_pem_path(&self) -> Option<&Path> {
        self.authority.as_ref().map(Authority::pem_path)
    }

    /// Works on the model under its lock. Hooks run under that lock too: don't call this from one.
    pub fn ssm<R>(&self, work: impl FnOnce(&mut Model) -> R) -> R {
        work(&mut self.shared.model())
    }

    /// Works on what CloudFormation knows, under its lock.
    pub fn cloudformation<R>(&self, work: impl FnOnce(&mut Cloudformation) -> R) -> R {
        work(&mut self.shared.cloudformation.lock().unwrap())
    }

    /// The clock from which everything here takes the time.
    pub fn clock(&self) -> Clock {
        self.shared.clock.clone()
    }

    /// Makes every late call take effect now, if it has not yet.
    pub fn release_late_calls(&self) {
        drop(self.shared.model_at(Occasion::Release));
    }

    /// Begins a rule for calls of this operation; `*` is every operation, of CloudFormation too.
    pub fn on(&self, operation: &str) -> On<'_> {
        On::new(&self.shared.rules, operation)
    }

    /// Removes all rules.
    pub fn no_faults(&self) {
        self.shared.rules.clear();
    }

    /// Sets how long every call takes from now on.
    pub fn set_latency(&self, latency: Duration) {
        *self.shared.latency.lock().unwrap() = Latency::Fixed(latency);
    }

    /// The sink, to be scripted.
    pub fn sink(&self) -> SinkScript<'_> {
        SinkScript(&self.shared.sink)
    }

    /// Everything that arrived, in order.
    pub fn journal(&self) -> Vec<Entry> {
        self.shared.journal.read()
    }

    /// Empties the journal, as between two steps of a test.
    pub fn forget(&self) {
        self.shared.journal.clear();
    }

    /// The operations of SSM called, in order of arrival.
    pub fn calls(&self) -> Vec<String> {
        self.ssm_calls().into_iter().map(|call| call.operation).collect()
    }

    /// The calls of SSM, in order of arrival.
    pub fn ssm_calls(&self) -> Vec<Call> {
        self.calls_of(Service::Ssm)
    }

    /// The calls of CloudFormation, in order of arrival.
    pub fn cloudformation_calls(&self) -> Vec<Call> {
        self.calls_of(Service::Cloudformation)
    }

    fn calls_of(&self, service: Service) -> Vec<Call> {
        let journal = self.journal();
        journal.iter().filter_map(Entry::call).filter(|call| call.service == service).cloned().collect()
    }

    /// The number of sequential round trips: calls that overlap count once.
    pub fn round_trips(&self) -> usize {
        self.journal().iter().map(|entry| entry.round).max().unwrap_or(0)
    }

    /// Every PUT to the sink, refused ones too.
    pub fn responses(&self) -> Vec<Response> {
        self.journal().iter().filter_map(|entry| entry.response().cloned()).collect()
    }

    /// The bodies of the responses that were delivered.
    pub fn delivered(&self) -> Vec<Value> {
        self.responses().into_iter().filter(Response::is_delivered).map(|response| response.body).collect()
    }

    /// The journal, one line per entry.
    pub fn trace(&self) -> Vec<String> {
        self.journal().iter().map(ToString::to_string).collect()
    }

    /// The connections and handshakes at SSM's endpoint.
    pub fn ssm_counts(&self) -> Counts {
        self.shared.ssm_counters.read()
    }

    /// The connections and handshakes at the sink.
    pub fn sink_counts(&self) -> Counts {
        self.shared.sink_counters.read()
    }

    /// The runtime that serves the sockets.
    pub(crate) fn handle(&self) -> &Handle {
        &self.server.as_ref().expect("a loopback AWS with sockets").handle
    }

    fn path(&self) -> (String, String) {
        let region = self.ssm(|model| model.region.clone());
        let number = self.shared.urls.fetch_add(1, Ordering::SeqCst) + 1;
        (response_url::path(&region, number), region)
    }

    fn url(&self, address: SocketAddr) -> String {
        format!("{}://{address}", if self.authority.is_some() { "https" } else { "http" })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The runtime ends with its thread, and every open connection ends with the runtime.
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
