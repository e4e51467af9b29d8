//! Systems Manager: the client, what it retries, and what AWS's errors mean for whoever deploys a stack.
//!
//! [`retry`] decides which errors are retried. `AccessDeniedException` is retried only while the function's role may be new. If
//! an error is not retried, or is no longer retried, [`SsmError`] turns it into the reason for a failure, with the remedy that
//! `remedy` has for its code: for `AccessDeniedException`, the permission that is missing. With few exceptions, the request
//! then fails with this reason and is undone.

pub mod client;
mod code;
mod error;
mod remedy;
pub mod retry;

pub(crate) use self::code::ErrorCode;
pub(crate) use self::error::SsmError;
