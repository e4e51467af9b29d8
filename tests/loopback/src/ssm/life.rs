//! The status of a version over time: when it becomes Active, or that it fails.

use crate::clock::Clock;
use std::time::{Duration, SystemTime};

/// The status of a document's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The first version, not usable yet.
    Creating,
    /// Usable.
    Active,
    /// A later version, not usable yet.
    Updating,
    /// Being deleted.
    Deleting,
    /// Never usable; `StatusInformation` says why.
    Failed,
}

impl Status {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "Creating",
            Self::Active => "Active",
            Self::Updating => "Updating",
            Self::Deleting => "Deleting",
            Self::Failed => "Failed",
        }
    }
}

/// When versions that are created from now on become Active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Active in the response already.
    AtOnce,
    /// Creating or Updating in the response and for this many reads; with 0 the first read sees it Active.
    AfterReads(u32),
    /// Creating or Updating until this time has passed.
    After(Duration),
    /// Creating or Updating in the response and for `reads` reads, then Failed.
    Fails {
        /// How many reads still see it pending.
        reads: u32,
        /// What `StatusInformation` says then.
        information: String,
    },
}

#[derive(Clone, Debug)]
enum Wait {
    Reads(u32),
    Until(SystemTime, Clock),
}

/// One version's status, now and to come.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pending: Option<(Status, Wait)>,
    settled: Status,
    information: Option<String>,
}

impl Life {
    pub(crate) fn settled(status: Status, information: Option<String>) -> Self {
        Self { pending: None, settled: status, information }
    }

    /// A life that begins now, by this clock.
    pub(crate) fn begin(activation: &Activation, pending: Status, now: SystemTime, clock: &Clock) -> Self {
        let (wait, settled, information) = match activation {
            Activation::AtOnce => return Self::settled(Status::Active, None),
            Activation::AfterReads(reads) => (Wait::Reads(*reads), Status::Active, None),
            Activation::After(time) => (Wait::Until(now + *time, clock.clone()), Status::Active, None),
            Activation::Fails { reads, information } => {
                (Wait::Reads(*reads), Status::Failed, Some(information.clone()))
            }
        };
        Self { pending: Some((pending, wait)), settled, information }
    }

    /// The status in the response of the call that made the version.
    pub(crate) fn at_birth(&self) -> Status {
        self.pending.as_ref().map_or(self.settled, |(status, _)| *status)
    }

    /// The status that the next read would see.
    pub(crate) fn status(&self) -> Status {
        match &self.pending {
            Some((_, Wait::Until(_, clock))) => self.status_at(clock.now_system()),
            // These don't depend on the time.
            Some((_, Wait::Reads(_))) | None => self.status_at(SystemTime::UNIX_EPOCH),
        }
    }

    /// The status that a read at this time would see.
    pub(crate) fn status_at(&self, time: SystemTime) -> Status {
        match &self.pending {
            Some((status, Wait::Reads(left))) if *left > 0 => *status,
            Some((status, Wait::Until(moment, _))) if time < *moment => *status,
            _ => self.settled,
        }
    }

    /// The status as a read at this time sees it. The read is counted.
    pub(crate) fn observe(&mut self, time: SystemTime) -> Status {
        let status = self.status_at(time);
        if let Some((_, Wait::Reads(left))) = &mut self.pending {
            *left = left.saturating_sub(1);
        }
        status
    }

    /// Why it failed, once it has.
    pub(crate) fn information(&self) -> Option<&str> {
        self.information.as_deref().filter(|_| self.status() == self.settled)
    }
}
