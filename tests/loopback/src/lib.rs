//! A loopback AWS for the tests: SSM at the level of its wire, the sink of CloudFormation's answers, and the
//! Lambda Runtime API, with faults on demand and a journal of everything that reached them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test support: a broken expectation is a broken test, and has to stop it loudly"
)]

pub mod ssm;

mod answer_url;
mod fault;
mod journal;
mod loopback;
mod runtime_api;
mod server;
mod shared;
mod signature;
mod sink;
mod tls;
mod wire;

pub use answer_url::Age;
pub use fault::{Fault, Gate, On};
pub use journal::{Answer, Call, Entry, What};
pub use loopback::{Builder, Loopback};
pub use runtime_api::{InvocationError, RuntimeApi};
pub use server::Counts;
pub use signature::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};
pub use sink::{Sink, SinkScript};
