//! The Systems Manager calls for one document. Their responses become plain values.

mod merge;
pub(crate) mod observe;
pub(crate) mod read;
pub(crate) mod write;
