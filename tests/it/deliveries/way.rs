//! What can happen in a history of any kind of resource, and how it is drawn.

use std::fmt::Debug;
use std::time::Duration;

use proptest::prelude::*;

/// A step of a history. `W` is what a stack wants of its resource, and `E` what somebody changes by hand.
#[derive(Debug, Clone)]
pub enum Step<W, E> {
    /// A stack creates or updates its resource.
    Deploy { stack: usize, wish: W, way: Way, then: Then },
    /// A stack deletes its resource.
    Remove { stack: usize, way: Way },
    /// A stack abandons its resource under `DeletionPolicy: Retain`: nothing is sent.
    Abandon { stack: usize },
    /// Lambda delivers an earlier request again, `after` milliseconds from now.
    Again { pick: usize, after: u64 },
    /// Somebody changes one of the two documents or settings by hand.
    Hand { of: usize, edit: E },
    /// Nothing happens for this many seconds.
    Pause { seconds: u64 },
}

/// How a request travels.
#[derive(Debug, Clone)]
pub struct Way {
    pub deliveries: Vec<Delivery>,
    /// CloudFormation gives up on it this many milliseconds after the last delivery begins, if there is no response by then.
    pub cancelled: Option<u64>,
    /// The faults, each of the n-th call of an operation.
    pub faults: Vec<(&'static str, u64, Trouble)>,
}

/// In milliseconds: when Lambda starts it, and how long the process lives.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub after: u64,
    pub killed: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Trouble {
    Refused,
    Denied,
    Throttled,
    FailedAfter,
    ResetBefore,
    ResetAfter,
    Hang,
    /// The call waits for this many milliseconds. If it is cut off meanwhile, it changes nothing.
    Slow(u64),
    /// The caller loses the reply, and the call takes effect this many milliseconds after it arrived.
    Late(u64),
}

/// What becomes of a deployment whose request succeeded.
#[derive(Debug, Clone)]
pub enum Then {
    Complete,
    /// A sibling fails, and everything is rolled back.
    RollBack,
}

/// One delivery without a fault.
pub fn quiet() -> Way {
    Way { deliveries: vec![Delivery { after: 0, killed: None }], cancelled: None, faults: Vec::new() }
}

impl Way {
    pub fn kills(&self) -> bool {
        self.deliveries.iter().any(|delivery| delivery.killed.is_some())
    }

    pub fn is_quiet(&self) -> bool {
        matches!(self.deliveries[..], [Delivery { killed: None, .. }])
            && self.cancelled.is_none()
            && self.faults.is_empty()
    }
}

fn fault(operations: &'static [&'static str]) -> impl Strategy<Value = (&'static str, u64, Trouble)> {
    let trouble = prop_oneof![
        1 => Just(Trouble::Refused),
        1 => Just(Trouble::Denied),
        1 => Just(Trouble::Throttled),
        1 => Just(Trouble::FailedAfter),
        1 => Just(Trouble::ResetBefore),
        1 => Just(Trouble::ResetAfter),
        1 => Just(Trouble::Hang),
        3 => (1_000..14_000_u64).prop_map(Trouble::Slow),
        3 => (0..2_000_u64).prop_map(Trouble::Late),
    ];
    (proptest::sample::select(operations), 1..3_u64, trouble)
}

fn delivery() -> impl Strategy<Value = Delivery> {
    let after = prop_oneof![8 => Just(0), 1 => 0..9_000_u64, 1 => 30_000..130_000_u64];
    let killed = proptest::option::weighted(0.2, 0..4_000_u64);
    (after, killed).prop_map(|(after, killed)| Delivery { after, killed })
}

fn second() -> impl Strategy<Value = Delivery> {
    let after = prop_oneof![2 => 0..4_000_u64, 1 => 4_000..15_000_u64, 1 => 60_000..130_000_u64];
    (after, proptest::option::weighted(0.1, 0..4_000_u64)).prop_map(|(after, killed)| Delivery { after, killed })
}

/// A way on which a call of one of these operations may have a fault.
pub fn way(operations: &'static [&'static str], may_be_cancelled: bool) -> impl Strategy<Value = Way> {
    let cancelled = proptest::option::weighted(0.3, 200..12_000_u64);
    let cancelled = cancelled.prop_map(move |millis| millis.filter(|_| may_be_cancelled));
    let eventful = (
        delivery(),
        proptest::option::weighted(0.35, second()),
        cancelled,
        proptest::option::weighted(0.3, fault(operations)),
    )
        .prop_map(|(first, second, cancelled, fault)| Way {
            deliveries: std::iter::once(first).chain(second).collect(),
            cancelled,
            faults: fault.into_iter().collect(),
        });
    prop_oneof![1 => Just(quiet()), 3 => eventful]
}

pub fn stack() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(0), 1 => Just(1)]
}

pub fn then() -> impl Strategy<Value = Then> {
    prop_oneof![3 => Just(Then::Complete), 1 => Just(Then::RollBack)]
}

pub fn again<W: Debug, E: Debug>() -> impl Strategy<Value = Step<W, E>> {
    (any::<prop::sample::Index>(), prop_oneof![0..20_000_u64, 20_000..400_000_u64])
        .prop_map(|(pick, after)| Step::Again { pick: pick.index(64), after })
}

pub fn pause<W: Debug, E: Debug>() -> impl Strategy<Value = Step<W, E>> {
    prop_oneof![3..30_u64, 60..400_u64].prop_map(|seconds| Step::Pause { seconds })
}

/// One of these times, in milliseconds.
pub fn millis(choices: &[u64]) -> impl Strategy<Value = Duration> {
    proptest::sample::select(choices.to_vec()).prop_map(Duration::from_millis)
}
