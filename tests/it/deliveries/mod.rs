//! Random histories of requests that are late, duplicate, cancelled or cut off. Several deliveries run concurrently, in paused
//! time.
//!
//! This plays what surrounds a resource: Lambda, CloudFormation and AWS. [`crate::documents`] and [`crate::service_settings`] say
//! what the resources declare and what must hold.
//!
//! The histories avoid what is known to remain possible for every kind of resource:
//! - A duplicate that works within its lease during the following request, or after it. A delivery that would begin within 5 s of
//!   its signature, but after the following request was sent, is dropped. After a request that was delivered twice, the following
//!   one is sent no sooner than 10 s after its signature.
//! - Two deliveries at the same time, one of which fails and undoes its work while the other one works: the history ends there.
//! - Requests of one resource within 2 s of each other. The next one is sent no sooner than 3 s after the signature of the
//!   previous one and 2 s after its response, so that a deletion is visible. Two stacks keep 15 s apart.
//! - A CloudFormation that does not reply: `DescribeStackResource` has no fault, and no call takes a second.

pub mod cloudformation;
mod lambda;
pub mod soak;
pub mod way;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use loopback_aws::{Builder, Loopback};
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio::time::sleep;

use self::lambda::Sent;
use crate::world::BEGIN;

pub const STACKS: [&str; 2] = ["a", "b"];

/// How often each kind of step occurred.
pub type Counts = BTreeMap<&'static str, u64>;

/// The AWS around the resources of two stacks, and what was sent for them.
pub struct Simulation {
    pub aws: Rc<Loopback>,
    /// Whether the history has ended with a race, after which nothing can be checked.
    pub over: bool,
    pub counts: Counts,
    /// What the reason of a request that had no fault may say.
    refusals: &'static [&'static str],
    sent: Rc<RefCell<Vec<Sent>>>,
    ends: (mpsc::UnboundedSender<()>, mpsc::UnboundedReceiver<()>),
}

/// A history that fails when it is replayed prints when each call arrived, and its input.
impl Drop for Simulation {
    fn drop(&mut self) {
        if std::thread::panicking() && std::env::var_os("SOAK_SEED").is_some() {
            for entry in self.aws.journal() {
                let after = entry.time.duration_since(UNIX_EPOCH + BEGIN).unwrap().as_secs_f64();
                let input = entry.call().map(|call| call.input.to_string());
                eprintln!("{after:9.3} {entry} {}", input.unwrap_or_default());
            }
        }
    }
}

impl Simulation {
    pub fn new(builder: Builder, refusals: &'static [&'static str]) -> Self {
        Self {
            aws: Rc::new(builder.in_process(UNIX_EPOCH + BEGIN)),
            over: false,
            counts: Counts::new(),
            refusals,
            sent: Rc::default(),
            ends: mpsc::unbounded_channel(),
        }
    }

    pub fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }
}

/// The histories of one kind of resource, in which steps `S` happen.
pub trait History<S> {
    fn sim(&mut self) -> &mut Simulation;

    async fn step(&mut self, step: &S);

    /// Checks what holds once every delivery has ended and every call has taken effect.
    fn check_end(&mut self);
}

/// Runs a history in paused time, beginning with `begin`. `seed` draws the jitter of retries. Panics if a check fails.
pub fn run<S, H: History<S>>(seed: u64, begin: impl FnOnce() -> H, steps: &[S]) -> Counts {
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let mut history = begin();
        for step in steps {
            if !history.sim().over {
                history.step(step).await;
            }
        }
        sleep(Duration::from_secs(1_000)).await;
        if !history.sim().over {
            history.check_end();
        }
        std::mem::take(&mut history.sim().counts)
    })
}
