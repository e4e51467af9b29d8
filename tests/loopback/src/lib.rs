//! A loopback AWS for the tests: SSM at the level of its wire, the sink of CloudFormation's responses, and the
//! Lambda Runtime API, with faults on demand and a journal of everything that reached them.
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
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test support: a broken expectation is a broken test, and has to stop it loudly"
)]

pub mod ssm;

mod fault;
mod journal;
mod loopback;
mod response_url;
mod runtime_api;
mod server;
mod shared;
mod signature;
mod sink;
mod tls;
mod wire;

pub use fault::{Fault, Gate, On};
pub use journal::{Call, Entry, Response, What};
pub use loopback::{Builder, Loopback};
pub use response_url::Age;
pub use runtime_api::{InvocationError, RuntimeApi};
pub use server::Counts;
pub use signature::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};
pub use sink::{Sink, SinkScript};
