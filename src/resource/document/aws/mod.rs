//! The Systems Manager calls for one document. Their responses become plain values.

mod merge;
pub(crate) mod observe;
pub(crate) mod read;
pub(crate) mod write;

use std::time::Duration;

/// How long a write may take to become visible to reads.
pub(crate) const LONGEST_LAG: Duration = Duration::from_secs(5);
