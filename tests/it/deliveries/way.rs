//! What can befall a request, and how it is drawn.

use proptest::prelude::*;

/// How a request travels.
#[derive(Debug, Clone)]
pub struct Way {
    pub deliveries: Vec<Delivery>,
    /// CloudFormation gives up on it so many milliseconds after the last delivery begins, if there is no response by then.
    pub cancelled: Option<u64>,
    /// What the n-th call of an operation meets.
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
    /// The call waits for so many milliseconds. One that is cut off meanwhile changes nothing.
    Slow(u64),
    /// The caller loses the response, and the call takes effect so many milliseconds after it arrived.
    Late(u64),
}

/// What becomes of a deployment whose request succeeded.
#[derive(Debug, Clone)]
pub enum Then {
    Complete,
    /// A sibling fails, and everything is rolled back.
    RollBack,
}

/// The way of a request that nothing befalls.
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

/// A way on which the calls of these operations may meet a fault.
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
