//! Systems Manager: the client, what it retries, and what AWS's errors mean for whoever deploys a stack.

pub mod client;
mod code;
mod error;
mod remedy;
pub mod retry;

pub(crate) use self::code::ErrorCode;
pub(crate) use self::error::SsmError;
