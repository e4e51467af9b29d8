//! A loopback AWS for the tests: SSM, and CloudFormation's DescribeStackResource and DescribeStacks, at the level of their wire
//! protocols, the sink of CloudFormation's responses, and the Lambda Runtime API, with faults on demand and a journal of
//! everything that reached them.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use loopback_aws::ssm::Document;
//! use loopback_aws::{Age, Fault, Loopback, Sink};
//!
//! let aws = Loopback::start().await;
//! aws.ssm(|model| model.put_document(Document::session("Doc", "{}").tag("team", "ops")));
//! aws.on("UpdateDocument").nth(2).fault(Fault::ResetAfter);
//! aws.sink().script([Sink::Status(503), Sink::Ok]);
//! let (endpoint, response_url) = (aws.ssm_url(), aws.response_url(Age::Now));
//! // … run what is tested against the two, then ask what it did:
//! # let _ = (endpoint, response_url);
//! assert_eq!(aws.calls(), Vec::<String>::new());
//! assert_eq!((aws.round_trips(), aws.responses().len()), (0, 0));
//! assert_eq!(aws.ssm(|model| model.document("Doc").unwrap().default_version), 1);
//! # });
//! ```
//!
//! Without sockets, in a runtime whose time is paused, minutes pass in no time, and the same seeds give the same history:
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
//! use loopback_aws::cloudformation::{Resource, ResourceStatus};
//! use loopback_aws::ssm::Lags;
//! use loopback_aws::{Fault, Loopback, Loss, TakesEffect};
//! use std::time::{Duration, SystemTime};
//!
//! let second = Duration::from_secs(1);
//! let aws = Loopback::builder().latency_up_to(second / 10, 42).in_process(SystemTime::UNIX_EPOCH + 1_800_000_000 * second);
//! aws.ssm(|model| model.lags = Lags::up_to(second, 42));
//! aws.on("UpdateDocument").fault(Fault::Late(Loss::Reset, TakesEffect::After(3 * second)));
//! let cancelled = Resource::new(ResourceStatus::CreateFailed, aws.clock().now_system());
//! aws.cloudformation(|known| known.put("arn:aws:cloudformation:…:stack/prod/…", "Preferences", cancelled));
//! let transport = aws.transport();
//! // … give the clients `transport.send(request)` in place of sockets.
//! # let _ = transport;
//! # });
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test support: a broken expectation is a broken test, and has to stop it loudly"
)]

pub mod cloudformation;
pub mod ssm;

mod builder;
mod call;
mod clock;
mod draws;
mod fault;
mod in_process;
mod journal;
mod late;
mod loopback;
mod response_url;
mod runtime_api;
mod server;
mod shared;
mod signature;
mod sink;
mod tls;

pub use builder::Builder;
pub use clock::Clock;
pub use fault::{Fault, Gate, Loss, On};
pub use in_process::InProcess;
pub use journal::{Call, Entry, Response, Service, What};
pub use late::TakesEffect;
pub use loopback::Loopback;
pub use response_url::Age;
pub use runtime_api::{InvocationError, RuntimeApi};
pub use server::{Counts, Reset};
pub use signature::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};
pub use sink::{Sink, SinkScript};
