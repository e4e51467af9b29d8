//! What can happen in a history of settings, and how it is drawn.

use std::time::Duration;

use proptest::prelude::*;

use crate::deliveries::way::{Then, Trouble, Way, quiet, stack, then, way};

/// Settings that take any value.
pub const IDS: [&str; 2] =
    ["/ssm/automation/customer-script-log-group-name", "/ssm/automation/customer-script-log-destination"];
const OPERATIONS: &[&str] =
    &["GetServiceSetting", "UpdateServiceSetting", "UpdateServiceSetting", "ResetServiceSetting"];

/// The account and the moods of AWS.
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

#[derive(Debug, Clone)]
pub enum Step {
    /// A stack creates or updates its resource.
    Deploy { stack: usize, wish: Wish, way: Way, then: Then },
    /// A stack deletes its resource.
    Remove { stack: usize, way: Way },
    /// A stack lets go of its resource under `DeletionPolicy: Retain`: nothing is sent.
    Abandon { stack: usize },
    /// Lambda delivers an earlier request once more, so long from now.
    Again { pick: usize, after: u64 },
    /// Somebody changes a setting by hand.
    Hand { setting: usize, edit: Edit },
    /// Nothing happens for so many seconds.
    Pause { seconds: u64 },
}

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
    let millis = |choices: &[u64]| proptest::sample::select(choices.to_vec()).prop_map(Duration::from_millis);
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

/// The way of a request that fails, and whose first write takes effect later than others.
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
        4 => (any::<prop::sample::Index>(), prop_oneof![0..20_000_u64, 20_000..400_000_u64])
            .prop_map(|(pick, after)| Step::Again { pick: pick.index(64), after }),
        3 => (setting(), edit).prop_map(|(setting, edit)| Step::Hand { setting, edit }),
        1 => prop_oneof![3..30_u64, 60..400_u64].prop_map(|seconds| Step::Pause { seconds }),
    ]
}

pub fn histories() -> BoxedStrategy<(Account, Vec<Step>)> {
    (account(), proptest::collection::vec(step(), 1..12)).boxed()
}
