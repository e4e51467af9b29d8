//! What can happen in a history, and how it is drawn.

use std::time::Duration;

use proptest::prelude::*;

pub const NAMES: [&str; 2] = ["Preferences-One", "Preferences-Two"];
pub const STACKS: [&str; 2] = ["a", "b"];

/// How AWS behaves during a history.
#[derive(Debug, Clone)]
pub struct Setting {
    pub latency: Duration,
    pub lag: Duration,
    /// How long a version takes to become Active.
    pub activation: Duration,
    pub busy_refuses: bool,
    pub seed: u64,
}

#[derive(Debug, Clone)]
pub enum Step {
    /// A stack creates or updates its resource.
    Deploy { stack: usize, wish: Wish, way: Way, then: Then },
    /// A stack deletes its resource.
    Remove { stack: usize, way: Way },
    /// A stack abandons its resource under `DeletionPolicy: Retain`: nothing is sent.
    Abandon { stack: usize },
    /// Lambda delivers an earlier request again, `after` milliseconds from now.
    Again { pick: usize, after: u64 },
    /// Somebody changes a document by hand.
    Hand { name: usize, edit: Edit },
    /// Nothing happens for this many seconds.
    Pause { seconds: u64 },
}

/// What a stack wants of its document. Each new part gets a number, by which its traces are recognized.
#[derive(Debug, Clone)]
pub struct Wish {
    pub name: usize,
    pub content: Part,
    pub tag: Part,
    pub share: Part,
    pub set_default: bool,
    pub on_existing: &'static str,
    pub on_delete: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Part {
    None,
    Kept,
    New,
}

/// How a request travels.
#[derive(Debug, Clone)]
pub struct Way {
    pub deliveries: Vec<Delivery>,
    /// CloudFormation gives up on it this many milliseconds after the last delivery begins, if there is no response by then.
    pub cancelled: Option<u64>,
    pub fault: Option<(&'static str, u64, Trouble)>,
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

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Edit {
    Put,
    Delete,
    AddDefault,
    RemoveOurTags,
}

/// One delivery without a fault.
pub fn quiet() -> Way {
    Way { deliveries: vec![Delivery { after: 0, killed: None }], cancelled: None, fault: None }
}

impl Way {
    pub fn is_quiet(&self) -> bool {
        matches!(self.deliveries[..], [Delivery { killed: None, .. }])
            && self.cancelled.is_none()
            && self.fault.is_none()
    }
}

pub fn setting() -> impl Strategy<Value = Setting> {
    let millis = |choices: &[u64]| proptest::sample::select(choices.to_vec()).prop_map(Duration::from_millis);
    (millis(&[0, 100, 400, 900]), millis(&[0, 0, 1_000]), millis(&[0, 0, 500, 3_000]), any::<bool>(), any::<u64>())
        .prop_map(|(latency, lag, activation, busy_refuses, seed)| Setting {
            latency,
            lag,
            activation,
            busy_refuses,
            seed,
        })
}

fn wish() -> impl Strategy<Value = Wish> {
    let part = || prop_oneof![2 => Just(Part::None), 1 => Just(Part::Kept), 2 => Just(Part::New)];
    (
        prop_oneof![4 => Just(0), 1 => Just(1)],
        prop_oneof![1 => Just(Part::Kept), 4 => Just(Part::New)],
        part(),
        part(),
        proptest::bool::weighted(0.9),
        prop_oneof![3 => Just("Adopt"), 2 => Just("TakeOver"), 1 => Just("Fail")],
        prop_oneof![Just("Retain"), Just("Restore")],
    )
        .prop_map(|(name, content, tag, share, set_default, on_existing, on_delete)| Wish {
            name,
            content,
            tag,
            share,
            set_default,
            on_existing,
            on_delete,
        })
}

fn fault() -> impl Strategy<Value = (&'static str, u64, Trouble)> {
    let operations = vec![
        "CreateDocument",
        "UpdateDocument",
        "UpdateDocumentDefaultVersion",
        "DeleteDocument",
        "AddTagsToResource",
        "RemoveTagsFromResource",
        "ModifyDocumentPermission",
        "DescribeDocument",
        "GetDocument",
    ];
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

fn way(may_be_cancelled: bool) -> impl Strategy<Value = Way> {
    let cancelled = proptest::option::weighted(0.3, 200..12_000_u64);
    let cancelled = cancelled.prop_map(move |millis| millis.filter(|_| may_be_cancelled));
    let eventful =
        (delivery(), proptest::option::weighted(0.35, second()), cancelled, proptest::option::weighted(0.3, fault()))
            .prop_map(|(first, second, cancelled, fault)| Way {
                deliveries: std::iter::once(first).chain(second).collect(),
                cancelled,
                fault,
            });
    prop_oneof![1 => Just(quiet()), 3 => eventful]
}

fn stack() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(0), 1 => Just(1)]
}

fn step() -> impl Strategy<Value = Step> {
    let edit =
        proptest::sample::select(vec![Edit::Put, Edit::Put, Edit::Delete, Edit::AddDefault, Edit::RemoveOurTags]);
    let then = prop_oneof![3 => Just(Then::Complete), 1 => Just(Then::RollBack)];
    prop_oneof![
        12 => (stack(), wish(), way(true), then)
            .prop_map(|(stack, wish, way, then)| Step::Deploy { stack, wish, way, then }),
        1 => (stack(), way(false)).prop_map(|(stack, way)| Step::Remove { stack, way }),
        1 => stack().prop_map(|stack| Step::Abandon { stack }),
        4 => (any::<prop::sample::Index>(), prop_oneof![0..20_000_u64, 20_000..400_000_u64])
            .prop_map(|(pick, after)| Step::Again { pick: pick.index(64), after }),
        2 => (prop_oneof![4 => Just(0), 1 => Just(1)], edit).prop_map(|(name, edit)| Step::Hand { name, edit }),
        1 => prop_oneof![3..30_u64, 60..400_u64].prop_map(|seconds| Step::Pause { seconds }),
    ]
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(step(), 1..10)
}
