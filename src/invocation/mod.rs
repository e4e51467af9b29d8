//! Bounds the work of one invocation by deadlines, turns its panics and stalls into failures, and records its writes and how to
//! undo them.
//!
//! Nothing here depends on CloudFormation's protocol or on Systems Manager.

pub mod clock;
pub(crate) mod deadline;
pub(crate) mod guard;
pub(crate) mod undo_log;
pub(crate) mod watchdog;
pub(crate) mod writes;
