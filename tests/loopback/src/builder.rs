//! How a loopback AWS is made: over sockets on free ports of 127.0.0.1, or in process.

use crate::call;
use crate::clock::Clock;
use crate::cloudformation::Cloudformation;
use crate::draws::Draws;
use crate::fault::Rules;
use crate::journal::Journal;
use crate::late::LateCalls;
use crate::loopback::{Loopback, Server};
use crate::server::{self, Counters, Handler};
use crate::shared::{Latency, Shared};
use crate::signature::Signatures;
use crate::sink::{self, Script};
use crate::ssm::Model;
use crate::tls::Authority;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
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

    /// Each call takes up to this time, drawn from `seed`: so that concurrent requests arrive in another order for each seed.
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

    /// Makes one without sockets and threads, reached by [`Loopback::transport`] alone. It takes the time from the
    /// clock of the tokio runtime that this is called in, and it is `base` now. If that clock is paused, and everything that
    /// waits does so in that runtime, waits take no time, and the same seeds give the same history.
    pub fn in_process(self, base: SystemTime) -> Loopback {
        assert!(!self.tls, "there is no TLS without sockets");
        // Nobody listens at these ports: a request that bypasses the transport is refused.
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
