//! What the endpoints of one loopback AWS share.

use crate::clock::Clock;
use crate::cloudformation::Cloudformation;
use crate::draws::Draws;
use crate::fault::Rules;
use crate::journal::{Call, Journal, Service, What};
use crate::late::{LateCalls, Occasion};
use crate::server::Counters;
use crate::signature::Signatures;
use crate::sink::Script;
use crate::ssm::Model;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) model: Mutex<Model>,
    pub(crate) cloudformation: Mutex<Cloudformation>,
    pub(crate) rules: Rules,
    pub(crate) late: LateCalls,
    pub(crate) journal: Journal,
    pub(crate) sink: Mutex<Script>,
    pub(crate) latency: Mutex<Latency>,
    pub(crate) signatures: Signatures,
    pub(crate) ssm_counters: Arc<Counters>,
    pub(crate) sink_counters: Arc<Counters>,
    pub(crate) urls: AtomicU64,
    pub(crate) requests: AtomicU64,
}

impl Shared {
    /// The model, after every late call that is due has taken effect.
    pub(crate) fn model(&self) -> MutexGuard<'_, Model> {
        self.model_at(Occasion::Look)
    }

    /// The model for a call, after the late calls that waited for it.
    pub(crate) fn model_for_call(&self) -> MutexGuard<'_, Model> {
        self.model_at(Occasion::Call)
    }

    /// The model after these late calls.
    pub(crate) fn model_at(&self, occasion: Occasion) -> MutexGuard<'_, Model> {
        let mut model = self.model.lock().unwrap();
        let now = self.clock.now_system();
        for late in self.late.take(occasion, now) {
            // A call that waits for its time may be released earlier.
            let moment = late.moment(now).min(now);
            let result = model.call_at(moment, &late.operation, &late.input);
            let mut call = Call::new(Service::Ssm, late.operation, late.input);
            call.error = result.err().map(|error| error.code);
            self.journal.begin(What::Late(call), 0);
        }
        model
    }

    /// The id of one more response.
    pub(crate) fn request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        format!("00000000-0000-4000-8000-{number:012x}")
    }
}

/// How long calls take.
#[derive(Clone, Debug)]
pub(crate) enum Latency {
    Fixed(Duration),
    UpTo(Duration, Draws),
}

impl Latency {
    /// How long one call takes.
    pub(crate) fn draw(&mut self) -> Duration {
        match self {
            Self::Fixed(time) => *time,
            Self::UpTo(longest, draws) => draws.up_to(*longest),
        }
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self::Fixed(Duration::ZERO)
    }
}
