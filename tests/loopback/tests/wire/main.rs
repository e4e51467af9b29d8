//! The loopback AWS as a client meets it: bytes on a socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod calls;
mod client;
mod cloudformation;
mod faults;
mod in_process;
mod lambda;
mod process;
mod sink;
mod tls;
