//! One process from its start to its end, the AWS that it talks to, and what each invocation cost.

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use loopback_aws::ssm::Model;
use loopback_aws::{Age, Entry, Loopback, Response, RuntimeApi};
use serde::Serialize;
use serde_json::Value;

use crate::process::Process;
use crate::provider::Provider;
use crate::quota::Quota;

const PATIENCE: Duration = Duration::from_secs(300);
/// How far in the future requests are signed, so that they stay within the lease however slow valgrind makes the function.
/// Otherwise, a request would ask CloudFormation, which is not measured here.
const LEASE: Duration = Duration::from_secs(600);
const GLANCE: Duration = Duration::from_micros(500);

/// A provider's process, waiting for events.
pub(crate) struct Life {
    /// The AWS that it talks to, its own.
    pub(crate) aws: Loopback,
    /// CPU time until it asked for the first event.
    pub(crate) init_cpu: Duration,
    api: RuntimeApi,
    process: Process,
    /// Declared after the process, which has to end first.
    quota: Option<Quota>,
    asked: u64,
}

/// Where the providers' files are: what they print, and the certificates that they read.
pub(crate) const SCRATCH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bench");

/// What one invocation cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// CPU time, until the process is idle again.
    pub(crate) cpu: Duration,
    /// From handing over the event to the arrival of the response at the sink.
    pub(crate) time: Duration,
    /// Of that, how long at least one call was with SSM: from its arrival there to when its response left.
    pub(crate) ssm: Duration,
    /// SSM calls.
    pub(crate) calls: usize,
    /// Sequential SSM round trips.
    pub(crate) round_trips: usize,
}

/// The connections that one process opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Connections {
    /// TLS handshakes, with SSM and with the sink.
    pub(crate) handshakes: u64,
    /// Connections to SSM.
    pub(crate) ssm: u64,
    /// Connections to the sink.
    pub(crate) sink: u64,
    /// Connections to the Runtime API.
    pub(crate) runtime_api: u64,
}

impl Life {
    /// Starts a process with an AWS of its own, whose SSM takes `latency` per call, and waits until it asks for an event.
    pub(crate) async fn begin(provider: &Provider, latency: Duration, wrapper: Option<Command>) -> io::Result<Self> {
        let model = Model::new("111122223333", "us-east-1");
        let aws = Loopback::builder().model(model).tls(true).signatures(true).latency(latency).start().await;
        let api = aws.runtime_api().await;
        std::fs::create_dir_all(SCRATCH)?;
        let log = Path::new(SCRATCH).join(format!("{provider}.log"));
        let process = Process::spawn(&mut provider.command(&aws, &api, wrapper)?, &log)?;
        let mut life = Self { aws, init_cpu: Duration::ZERO, api, process, quota: None, asked: 0 };
        life.asks_for_an_event().await?;
        life.init_cpu = life.process.cpu()?;
        Ok(life)
    }

    /// Puts the process under a quota of its own from now on.
    pub(crate) fn throttle(&mut self) -> io::Result<()> {
        self.quota.insert(Quota::new()?).apply(self.process.id())
    }

    /// Hands over one event and waits until the process is idle again. Any response but SUCCESS is an error.
    pub(crate) async fn invoke(&mut self, event: impl FnOnce(&str) -> Value) -> io::Result<Cost> {
        self.aws.forget();
        let event = event(&self.aws.response_url(Age::Ahead(LEASE)));
        let cpu = self.process.cpu()?;
        let handed_over = Instant::now();
        let result = self.api.invoke(&event, PATIENCE).await;
        result.map_err(|error| io::Error::other(format!("{error:?}\n{}", self.process.printed())))?;
        self.asks_for_an_event().await?;
        let cpu = self.process.cpu()? - cpu;
        let journal = self.aws.journal();
        let response = journal.iter().rev().find(|entry| entry.response().is_some_and(Response::is_delivered));
        let Some((entry, response)) = response.and_then(|entry| Some((entry, entry.response()?))) else {
            return Err(io::Error::other("no response was delivered"));
        };
        if response.body["Status"] != "SUCCESS" {
            return Err(io::Error::other(format!("the response is {}\n{}", response.body, self.process.printed())));
        }
        let (time, ssm) = (entry.arrived - handed_over, with_ssm(&journal));
        Ok(Cost { cpu, time, ssm, calls: self.aws.calls().len(), round_trips: self.aws.round_trips() })
    }

    /// The connections opened so far.
    pub(crate) fn connections(&self) -> Connections {
        let (ssm, sink) = (self.aws.ssm_counts(), self.aws.sink_counts());
        Connections {
            handshakes: ssm.handshakes + sink.handshakes,
            ssm: ssm.connections,
            sink: sink.connections,
            runtime_api: self.api.counts().connections,
        }
    }

    /// The most memory that the process had in use so far.
    pub(crate) fn peak_kib(&self) -> io::Result<u64> {
        self.process.peak_kib()
    }

    /// Ends the process with SIGTERM, so that a program that wraps it writes its report.
    pub(crate) fn end(self) -> io::Result<()> {
        self.process.terminate()
    }

    async fn asks_for_an_event(&mut self) -> io::Result<()> {
        self.asked += 1;
        let since = Instant::now();
        while self.api.polls() < self.asked {
            if let Some(how) = self.process.ended() {
                return Err(io::Error::other(how));
            }
            if since.elapsed() > PATIENCE {
                return Err(io::Error::other(format!("it asks for no event\n{}", self.process.printed())));
            }
            tokio::time::sleep(GLANCE).await;
        }
        self.process.rest().await
    }
}

fn with_ssm(journal: &[Entry]) -> Duration {
    let (mut total, mut until) = (Duration::ZERO, None::<Instant>);
    for entry in journal.iter().filter(|entry| entry.call().is_some()) {
        let Some(left) = entry.left else { continue };
        total += left.saturating_duration_since(until.map_or(entry.arrived, |until| until.max(entry.arrived)));
        until = until.max(Some(left));
    }
    total
}
