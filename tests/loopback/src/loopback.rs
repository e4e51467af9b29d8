//! The loopback AWS itself: started on free ports of 127.0.0.1, gone when it is dropped.

use crate::call;
use crate::clock::Clock;
use crate::cloudformation::Cloudformation;
use crate::draws::Draws;
use crate::fault::{On, Rules};
use crate::journal::{Call, Entry, Journal, Response, Service};
use crate::late::{LateCalls, Occasion};
use crate::response_url::{self, Age};
use crate::server::{self, Counters, Counts, Handler};
use crate::shared::{Latency, Shared};
use crate::signature::Signatures;
use crate::sink::{self, Script, SinkScript};
use crate::ssm::Model;
use crate::tls::Authority;
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// How a loopback AWS is to be started.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    model: Model,
    tls: bool,
    hosts: Vec<String>,
    signatures: bool,
    latency: Latency,
    ssm_port: u16,
}

impl Builder {
    /// Starts with this model.
    #[must_use]
    pub fn model(mut self, model: Model) -> Self {
        self.model = model;
        self
    }

    /// Whether SSM and the sink speak TLS, with certificates of a generated authority.
    #[must_use]
    pub fn tls(mut self, tls: bool) -> Self {
        self.tls = tls;
        self
    }

    /// One more host name for the certificates, beside 127.0.0.1 and localhost.
    #[must_use]
    pub fn host(mut self, name: &str) -> Self {
        self.hosts.push(name.to_owned());
        self
    }

    /// Whether SSM refuses requests that are not signed with the test credentials.
    #[must_use]
    pub fn signatures(mut self, required: bool) -> Self {
        self.signatures = required;
        self
    }

    /// How long every call takes. Round trips are counted by overlap, so a test that counts them sets this.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = Latency::Fixed(latency);
        self
    }

    /// Each call takes up to this time, drawn from `seed`: so requests side by side meet in another order for each seed.
    #[must_use]
    pub fn latency_up_to(mut self, longest: Duration, seed: u64) -> Self {
        self.latency = Latency::UpTo(longest, Draws::new(seed));
        self
    }

    /// SSM's port; 0, the default, is a free one.
    #[must_use]
    pub fn ssm_port(mut self, port: u16) -> Self {
        self.ssm_port = port;
        self
    }

    /// Starts it, on a thread of its own, so that a test that blocks its runtime does not stop it.
    pub async fn start(self) -> Loopback {
        let (ready, started) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let authority = self.tls.then(|| Authority::new(&self.hosts));
        let acceptor = authority.as_ref().map(Authority::acceptor);
        let port = self.ssm_port;
        let shared = self.shared(Clock::default());
        let ours = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("loopback-aws".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let (ssm, ssm_address) = server::bind(port).await;
                let (sink, sink_address) = server::bind(0).await;
                tokio::spawn(server::serve(ssm, acceptor.clone(), Arc::clone(&ours.ssm_counters), ssm_handler(&ours)));
                tokio::spawn(server::serve(sink, acceptor, Arc::clone(&ours.sink_counters), sink_handler(&ours)));
                ready.send((ssm_address, sink_address, Handle::current())).ok();
                stopped.await.ok();
            });
        });
        let thread = thread.expect("a thread");
        let (ssm, sink, handle) = started.await.expect("the loopback AWS starts");
        let server = Some(Server { handle, stop: Some(stop), thread: Some(thread) });
        Loopback { shared, ssm, sink, authority, server }
    }

    /// Makes one without sockets and threads, reached by [`Loopback::transport`] alone. It tells time by the clock of the
    /// tokio runtime that this is called in, where it is `base` now; with that clock paused, and everything that waits
    /// waiting in that runtime, the same seeds give the same history, and no one waits.
    pub fn in_process(self, base: SystemTime) -> Loopback {
        assert!(!self.tls, "there is no TLS without sockets");
        // Nobody listens at these ports: a request that misses the transport is refused.
        let [ssm, sink] = [1, 2].map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        Loopback { shared: self.shared(Clock::starting_at(base)), ssm, sink, authority: None, server: None }
    }

    fn shared(self, clock: Clock) -> Arc<Shared> {
        let mut model = self.model;
        model.set_clock(&clock);
        Arc::new(Shared {
            model: Mutex::new(model),
            cloudformation: Mutex::new(Cloudformation::new(clock.clone())),
            rules: Rules::default(),
            late: LateCalls::default(),
            journal: Journal::new(clock.clone()),
            sink: Mutex::new(Script::default()),
            latency: Mutex::new(self.latency),
            signatures: Signatures { required: self.signatures },
            ssm_counters: Arc::new(Counters::default()),
            sink_counters: Arc::new(Counters::default()),
            urls: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            clock,
        })
    }
}

fn ssm_handler(shared: &Arc<Shared>) -> Handler {
    let shared = Arc::clone(shared);
    Arc::new(move |request, connection| Box::pin(call::serve(Arc::clone(&shared), request, connection)))
}

fn sink_handler(shared: &Arc<Shared>) -> Handler {
    let shared = Arc::clone(shared);
    Arc::new(move |request, connection| Box::pin(sink::serve(Arc::clone(&shared), request, connection)))
}

/// A running loopback AWS: SSM, CloudFormation and the sink of its responses.
pub struct Loopback {
    pub(crate) shared: Arc<Shared>,
    ssm: SocketAddr,
    pub(crate) sink: SocketAddr,
    authority: Option<Authority>,
    server: Option<Server>,
}

/// What serves the sockets; it ends when it is dropped.
struct Server {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Loopback {
    /// Starts one with the defaults: an empty account, plain HTTP, no faults.
    pub async fn start() -> Self {
        Builder::default().start().await
    }

    /// Starts one otherwise.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// SSM's endpoint, as for `AWS_ENDPOINT_URL_SSM`.
    pub fn ssm_url(&self) -> String {
        self.url(self.ssm)
    }

    /// CloudFormation's endpoint, as for `AWS_ENDPOINT_URL_CLOUDFORMATION`. It is SSM's: the two are told apart by what is sent.
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

    /// A response URL of the older form (signature version 2), which tells no age, only when it expires.
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

    /// The clock that everything here tells time by.
    pub fn clock(&self) -> Clock {
        self.shared.clock.clone()
    }

    /// Every call whose caller lost its response takes effect now if it has not yet.
    pub fn release_late_calls(&self) {
        drop(self.shared.model_at(Occasion::Release));
    }

    /// Begins a rule for calls of this operation; `*` is every operation, of CloudFormation too.
    pub fn on(&self, operation: &str) -> On<'_> {
        On::new(&self.shared.rules, operation)
    }

    /// Takes all rules back.
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

    /// How many calls followed one another: calls side by side count once.
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

    /// The journal, one line an entry.
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
        // The runtime goes with its thread, and every open connection with the runtime.
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
