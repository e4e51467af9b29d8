//! Whole invocations, in process, against a loopback AWS that speaks the real wire protocol.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a broken expectation is a broken test, and a test crate has no users"
)]

mod architecture;
mod deliveries;
mod documents;
mod drift;
mod module_graph;
mod process;
mod protocol;
mod service_settings;
mod transport;
mod world;
