//! What can happen in a history of settings, and how it is drawn.

use std::time::Duration;

use proptest::prelude::*;

use crate::deliveries::way::{self, Trouble, Way, again, millis, pause, quiet, stack, then, way};

/// Settings that take any value.
pub const IDS: [&str; 2] =
    ["/ssm/automation/customer-script-log-group-name", "/ssm/automation/customer-script-log-destination"];
const OPERATIONS: &[&str] =
    &["GetServiceSetting", "UpdateServiceSetting", "UpdateServiceSetting", "ResetServiceSetting"];

/// How AWS behaves during a history.
#[derive(Debug, Clone)]
pub struct Account {
    pub latency: Duration,
    pub lag: Duration,
    /// How many reads see a change as PendingUpdate.
    pub pending_reads: u32,
    /// Whether AWS writes values its own way.
    pub capitalizes: bool,
    pub seed: u64,
}

pub type Step = way::Step<Wish, Edit>;

/// What a stack wants of its setting.
#[derive(Debug, Clone)]
pub struct Wish {
    pub setting: usize,
    pub value: Choice,
    pub on_delete: &'static str,
}

#[derive(Debug, Clone, Copy)]
pub enum Choice {
    /// What the stack declared last.
    Kept,
    /// What the setting has, whoever set it.
    Present,
    New,
}

#[derive(Debug, Clone, Copy)]
pub enum Edit {
    Put,
    /// Somebody sets the value that the setting has.
    PutSame,
    Reset,
}

fn account() -> impl Strategy<Value = Account> {
    let pending_reads = proptest::sample::select(vec![0, 0, 1, 3]);
    (millis(&[0, 100, 400, 900]), millis(&[0, 0, 1_000]), pending_reads, any::<bool>(), any::<u64>()).prop_map(
        |(latency, lag, pending_reads, capitalizes, seed)| Account { latency, lag, pending_reads, capitalizes, seed },
    )
}

fn setting() -> impl Strategy<Value = usize> {
    prop_oneof![4 => Just(0), 1 => Just(1)]
}

fn wish() -> impl Strategy<Value = Wish> {
    let value = prop_oneof![2 => Just(Choice::Kept), 1 => Just(Choice::Present), 5 => Just(Choice::New)];
    let on_delete = prop_oneof![Just("Retain"), Just("Reset"), Just("Restore"), Just("Restore")];
    (setting(), value, on_delete).prop_map(|(setting, value, on_delete)| Wish { setting, value, on_delete })
}

/// The way of a request that CloudFormation gives up on while it waits for a call.
fn given_up() -> impl Strategy<Value = Way> {
    let operation = proptest::sample::select(vec!["GetServiceSetting", "UpdateServiceSetting"]);
    (operation, 2_000..6_900_u64, 200..2_000_u64).prop_map(|(operation, slow, cancelled)| Way {
        cancelled: Some(cancelled),
        faults: vec![(operation, 1, Trouble::Slow(slow))],
        ..quiet()
    })
}

/// The way of a request that fails and whose first write, without a reply, takes effect late.
fn lost() -> impl Strategy<Value = Way> {
    let refused = ("UpdateServiceSetting", 2, Trouble::Refused);
    (0..4_900_u64).prop_map(move |late| Way {
        faults: vec![("UpdateServiceSetting", 1, Trouble::Late(late)), refused],
        ..quiet()
    })
}

fn deploying() -> impl Strategy<Value = Way> {
    prop_oneof![8 => way(OPERATIONS, true), 1 => given_up(), 1 => lost()]
}

fn step() -> impl Strategy<Value = Step> {
    let edit = prop_oneof![Just(Edit::Put), Just(Edit::PutSame), Just(Edit::Reset)];
    prop_oneof![
        12 => (stack(), wish(), deploying(), then())
            .prop_map(|(stack, wish, way, then)| Step::Deploy { stack, wish, way, then }),
        4 => (stack(), way(OPERATIONS, false)).prop_map(|(stack, way)| Step::Remove { stack, way }),
        1 => stack().prop_map(|stack| Step::Abandon { stack }),
        4 => again(),
        3 => (setting(), edit).prop_map(|(of, edit)| Step::Hand { of, edit }),
        1 => pause(),
    ]
}

pub fn histories() -> BoxedStrategy<(Account, Vec<Step>)> {
    (account(), proptest::collection::vec(step(), 1..12)).boxed()
}
