//! The calls to Systems Manager about one document, and how their responses become plain values.

mod merge;
pub(crate) mod observe;
pub(crate) mod read;
pub(crate) mod write;

use std::time::Duration;

/// How long a write may take to show in reads.
pub(crate) const LONGEST_LAG: Duration = Duration::from_secs(5);
