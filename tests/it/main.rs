//! Whole invocations, in process, against a loopback AWS that speaks the real wire protocol.

#![allow(unreachable_pub, reason = "a test crate has no users")]

mod documents;
mod world;
