//! The calls to Systems Manager about one document, and how their responses become plain values.

mod merge;
pub(crate) mod observe;
pub(crate) mod read;
pub(crate) mod write;
