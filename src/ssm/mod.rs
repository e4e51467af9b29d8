//! Systems Manager: the client, what it retries, and what AWS's errors mean for whoever deploys a stack.
//!
//! [`retry`] decides which errors are retried, `AccessDeniedException` of a new role among them; `remedy` has the text about the
//! others. Without a remedy, an error is reported as AWS words it.

pub mod client;
mod code;
mod error;
mod remedy;
pub mod retry;

pub(crate) use self::code::ErrorCode;
pub(crate) use self::error::SsmError;
