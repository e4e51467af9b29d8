//! Systems Manager: the client, what it retries, and what AWS's errors mean for a stack's owner.

pub mod client;
mod code;
mod error;
mod remedy;
pub mod retry;

pub use self::code::ErrorCode;
pub use self::error::SsmError;
