//! What can happen in a history, and how it is drawn.

use std::time::Duration;

use proptest::prelude::*;

use crate::deliveries::way::{self, again, millis, pause, stack, then, way};

pub const NAMES: [&str; 2] = ["Preferences-One", "Preferences-Two"];

const OPERATIONS: &[&str] = &[
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

pub type Step = way::Step<Wish, Edit>;

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

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Edit {
    Put,
    Delete,
    AddDefault,
    RemoveOurTags,
}

fn setting() -> impl Strategy<Value = Setting> {
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

fn step() -> impl Strategy<Value = Step> {
    let edit =
        proptest::sample::select(vec![Edit::Put, Edit::Put, Edit::Delete, Edit::AddDefault, Edit::RemoveOurTags]);
    prop_oneof![
        12 => (stack(), wish(), way(OPERATIONS, true), then())
            .prop_map(|(stack, wish, way, then)| Step::Deploy { stack, wish, way, then }),
        1 => (stack(), way(OPERATIONS, false)).prop_map(|(stack, way)| Step::Remove { stack, way }),
        1 => stack().prop_map(|stack| Step::Abandon { stack }),
        4 => again(),
        2 => (prop_oneof![4 => Just(0), 1 => Just(1)], edit).prop_map(|(of, edit)| Step::Hand { of, edit }),
        1 => pause(),
    ]
}

pub fn histories() -> BoxedStrategy<(Setting, Vec<Step>)> {
    (setting(), proptest::collection::vec(step(), 1..10)).boxed()
}
