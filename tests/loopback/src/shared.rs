//! What the endpoints of one loopback AWS share.

use crate::fault::Rules;
use crate::journal::Journal;
use crate::server::Counters;
use crate::signature::Signatures;
use crate::sink::Script;
use crate::ssm::Model;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) struct Shared {
    pub(crate) model: Mutex<Model>,
    pub(crate) rules: Rules,
    pub(crate) journal: Journal,
    pub(crate) sink: Mutex<Script>,
    pub(crate) latency: Mutex<Duration>,
    pub(crate) signatures: Signatures,
    pub(crate) ssm_counters: Arc<Counters>,
    pub(crate) sink_counters: Arc<Counters>,
    pub(crate) urls: AtomicU64,
    pub(crate) requests: AtomicU64,
}

impl Shared {
    /// The id of one more response.
    pub(crate) fn request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        format!("00000000-0000-4000-8000-{number:012x}")
    }
}
