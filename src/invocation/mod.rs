//! Bounds the work of one invocation: its deadlines, its panics and stalls, and what a failure must undo.
//!
//! Nothing here knows CloudFormation or AWS.

pub mod clock;
pub mod deadline;
pub mod guard;
pub mod undo_log;
pub mod watchdog;
pub mod writes;
