//! Bounds the work of one invocation: its deadlines, its panics and stalls, and what a failure must undo.
//!
//! Nothing here knows CloudFormation or AWS.

pub mod clock;
pub(crate) mod deadline;
pub(crate) mod guard;
pub(crate) mod undo_log;
pub(crate) mod watchdog;
pub(crate) mod writes;
