//! Random histories of the settings of two stacks, with requests that are late, duplicate, cancelled or cut off.
//!
//! Each new value has a number of its own, by which its traces are recognized. Whenever CloudFormation has finished an operation,
//! this holds: the SUCCESS of the newest request is true; a request that was cancelled or rolled back left no trace; the id
//! `not-created` is sent only if nothing stayed changed; a Delete under `Restore` restores the earlier value if the setting still
//! has what this resource set, and otherwise, as under `Retain`, changes nothing.
//!
//! Besides what [`crate::deliveries`] leaves out, the histories avoid what remains possible because a setting has no ownership
//! tags:
//! - What a Create, or an Update to another setting, set before its process was killed. If no delivery succeeds, somebody
//!   restores the setting.
//! - A Create, or an Update to another setting, that CloudFormation gives up on between its reply and the response.
//! - A call that got no response and takes effect more than 5 s later.
//! - A request of any stack while a cancelled Create, or a cancelled Update to another setting, undoes its work.
//! - The earlier value, if a request is delivered twice: the second delivery may not know it (`?unknown`).
//! - The earlier value after the rollback of an Update to another setting: CloudFormation no longer has the id that records it.
//! - A cancelled Update to AWS's default, or to a value that the other stack has set, if the setting has that value: its rollback
//!   can't see that it may still be written.
//! - Two stacks that set the same value: the Delete of one takes it from the other.

mod checks;
mod cloudformation;
mod steps;

use std::collections::BTreeSet;
use std::time::Duration;

use loopback_aws::Loopback;
use loopback_aws::ssm::{Lags, Setting};
use serde_json::{Value, json};
use tokio::time::sleep;

use self::steps::{Account, Choice, Edit, IDS, Step, Wish};
use super::{SOMEBODY, function};
use crate::deliveries::soak::Kind;
use crate::deliveries::{self, Counts, Simulation};

const SETTINGS: Kind<(Account, Vec<Step>)> = Kind { what: "settings", histories: steps::histories, run };

/// What a stack declares of its setting.
#[derive(Debug, Clone)]
struct Wanted {
    setting: usize,
    value: String,
    /// Whether nobody else ever had this value.
    is_new: bool,
    on_delete: &'static str,
}

/// A stack's resource as CloudFormation knows it.
#[derive(Debug, Clone)]
struct Resource {
    id: String,
    wanted: Wanted,
    /// What was set before the resource was; `None` for AWS's default.
    before: Option<String>,
    /// Whether nobody else has had a hand in the setting since the last SUCCESS.
    undisturbed: bool,
}

struct History {
    sim: Simulation,
    resources: [Option<Resource>; 2],
    /// What each stack declared last.
    declared: [Option<String>; 2],
    /// The values of requests that were cancelled or rolled back.
    dead: BTreeSet<String>,
    /// How many values there have been.
    values: u32,
}

impl Wanted {
    fn properties(&self) -> Value {
        json!({"SettingId": IDS[self.setting], "SettingValue": self.value, "OnDelete": self.on_delete, "ServiceTimeout": "900"})
    }
}

impl History {
    fn new(account: &Account) -> Self {
        let sim = Simulation::new(Loopback::builder().latency_up_to(account.latency, account.seed), &[]);
        sim.aws.ssm(|model| {
            model.lags = Lags::up_to(account.lag, account.seed);
            model.settings.pending_reads = account.pending_reads;
            model.settings.capitalizes = account.capitalizes;
        });
        Self { sim, resources: [None, None], declared: [None, None], dead: BTreeSet::new(), values: 0 }
    }

    /// What is set; `None` for AWS's default.
    fn set(&self, setting: usize) -> Option<Setting> {
        self.sim.aws.ssm(|model| model.settings.get(IDS[setting]).cloned())
    }

    fn value(&self, setting: usize) -> Option<String> {
        self.set(setting).map(|set| set.value)
    }

    fn new_value(&mut self) -> String {
        self.values += 1;
        format!("value-{}", self.values)
    }

    /// The value that the setting has.
    fn present(&self, setting: usize) -> String {
        self.sim.aws.ssm(|model| model.settings.value(IDS[setting]).expect("a known setting").to_owned())
    }

    fn wanted(&mut self, stack: usize, wish: &Wish) -> Wanted {
        let present = self.present(wish.setting);
        let is_the_others = self.declared[1 - stack].as_ref().is_some_and(|value| value.eq_ignore_ascii_case(&present));
        let is_default = self.value(wish.setting).is_none();
        let (value, is_new) = match (wish.value, &self.declared[stack]) {
            (Choice::Present, _) if !is_the_others && !is_default => (present, false),
            (Choice::Kept, Some(value)) => (value.clone(), false),
            (Choice::Kept | Choice::New | Choice::Present, _) => (self.new_value(), true),
        };
        self.declared[stack] = Some(value.clone());
        // What is declared again may be there.
        let is_new = self.dead.remove(&value) || is_new;
        Wanted { setting: wish.setting, value, is_new, on_delete: wish.on_delete }
    }

    async fn edit(&mut self, setting: usize, edit: Edit) {
        self.sim.all_leases_end().await;
        self.sim.count("by hand");
        let value = match edit {
            Edit::Put => Some(self.new_value()),
            Edit::PutSame => Some(self.present(setting)),
            Edit::Reset => None,
        };
        self.put(setting, value.as_deref());
        self.disturbed(setting, None);
        sleep(Duration::from_secs(2)).await;
    }

    fn put(&self, setting: usize, value: Option<&str>) {
        self.sim.aws.ssm(|model| match value {
            Some(value) => model.settings.put(IDS[setting], value, SOMEBODY),
            None => model.settings.reset(IDS[setting]),
        });
    }
}

impl deliveries::History<Step> for History {
    fn sim(&mut self) -> &mut Simulation {
        &mut self.sim
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Deploy { stack, wish, way, then } => self.deploy(*stack, wish, way, then).await,
            Step::Remove { stack, way } => self.remove(*stack, way).await,
            Step::Abandon { stack } => {
                if self.resources[*stack].take().is_some() {
                    self.sim.count("abandon");
                    // It takes another operation of the stack.
                    self.sim.all_leases_end().await;
                    self.sim.gone(*stack);
                }
            }
            Step::Again { pick, after } => self.sim.again(*pick, *after),
            Step::Hand { of, edit } => self.edit(*of, *edit).await,
            Step::Pause { seconds } => {
                self.sim.count("pause");
                sleep(Duration::from_secs(*seconds)).await;
                self.check(None);
            }
        }
    }

    fn check_end(&mut self) {
        self.check(None);
    }
}

fn run((account, steps): &(Account, Vec<Step>)) -> Counts {
    deliveries::run(account.seed, || History::new(account), steps)
}

#[test]
fn the_first_histories_of_the_soak_hold() {
    SETTINGS.first(25);
}

/// Random histories for a given time: `make soak MINUTES=60`.
#[test]
#[ignore = "it runs for as long as MINUTES says"]
fn soak() {
    SETTINGS.soak();
}
