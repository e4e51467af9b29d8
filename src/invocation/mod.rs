//! One invocation of a function: its deadlines, what a panic or a stall becomes, and what a failure must undo.
//!
//! Nothing here knows CloudFormation or AWS.

pub mod clock;
pub mod deadline;
pub mod guard;
pub mod undo_log;
pub mod watchdog;
pub mod writes;
