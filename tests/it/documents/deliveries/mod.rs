//! Random histories of requests that are late, duplicate, cancelled or cut off. Several deliveries run concurrently, in paused
//! time.
//!
//! Whatever a request adds (its content, a tag, a share) has a number of its own, by which each trace of it is recognized.
//! Whenever CloudFormation has finished an operation, this holds: the SUCCESS of the newest request is true; a request that was
//! cancelled or rolled back left no trace, neither a default version nor a tag nor a share; a Create that was undone leaves the
//! document as it was; nothing is lost that the resource did not create; and no ownership tags name a resource that is gone.
//!
//! Besides what [`crate::deliveries`] leaves out, the histories avoid what is known to remain possible:
//! - A resource that is created again within `ServiceTimeout`: a stack that abandoned its document waits for longer.
//! - Ownership tags that are lost because a `TakeOver` was cancelled, or failed in another delivery: its undo does not know the
//!   former owner.
//! - A rollback to `SetDefaultVersion: false`, which promotes nothing.

mod checks;
mod cloudformation;
mod steps;

use std::collections::BTreeSet;
use std::time::Duration;

use loopback_aws::Loopback;
use loopback_aws::ssm::{Activation, Document, Lags, Version};
use serde_json::{Value, json};
use tokio::time::sleep;

use self::checks::State;
use self::steps::{Edit, NAMES, Setting, Step};
use crate::deliveries::soak::Kind;
use crate::deliveries::{self, Counts, Simulation};

const DOCUMENTS: Kind<(Setting, Vec<Step>)> = Kind { what: "documents", histories: steps::histories, run };

/// What a stack declares of its document.
#[derive(Debug, Clone)]
struct Wanted {
    name: usize,
    content: u32,
    tag: Option<u32>,
    share: Option<u32>,
    set_default: bool,
    on_existing: &'static str,
    on_delete: &'static str,
}

/// A stack's resource as CloudFormation knows it.
#[derive(Debug, Clone)]
struct Resource {
    id: String,
    wanted: Wanted,
    /// Whether nobody else has changed the document since the last SUCCESS.
    undisturbed: bool,
}

struct History {
    sim: Simulation,
    resources: [Option<Resource>; 2],
    /// The parts of requests that were cancelled or rolled back.
    dead: BTreeSet<u32>,
    /// How many parts there are so far.
    parts: u32,
    /// For each document, the stack whose resource created it and still manages it.
    makers: [Option<usize>; 2],
    /// Each abandoned document, with the stack that abandoned it. Its ownership tags stay.
    abandoned: BTreeSet<(usize, usize)>,
    before: [Option<State>; 2],
}

fn json_of(part: u32) -> String {
    let inputs = json!({"cloudWatchLogGroupName": format!("/part/{part}"), "idleSessionTimeout": "20"});
    json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs}).to_string()
}

fn share_of(part: u32) -> String {
    format!("{:012}", 100_000_000_000 + u64::from(part))
}

fn tag_of(part: u32) -> String {
    format!("part-{part}")
}

impl Wanted {
    fn properties(&self) -> Value {
        let mut properties = json!({
            "DocumentName": NAMES[self.name], "DocumentContent": json_of(self.content), "ServiceTimeout": "900",
            "SetDefaultVersion": self.set_default.to_string(), "OnExisting": self.on_existing, "OnDelete": self.on_delete,
        });
        if let Some(tag) = self.tag {
            properties["Tags"] = json!({ tag_of(tag): "x" });
        }
        if let Some(share) = self.share {
            properties["AccountIds"] = json!([share_of(share)]);
        }
        properties
    }

    fn parts(&self) -> BTreeSet<u32> {
        [Some(self.content), self.tag, self.share].into_iter().flatten().collect()
    }
}

impl History {
    fn new(setting: &Setting) -> Self {
        let builder = Loopback::builder().latency_up_to(setting.latency, setting.seed);
        let sim = Simulation::new(builder, &["is managed by the resource", "OnExisting is Fail"]);
        sim.aws.ssm(|model| {
            model.busy_refuses = setting.busy_refuses;
            if !setting.activation.is_zero() {
                model.activation = Activation::After(setting.activation);
            }
            model.lags = Lags::up_to(setting.lag, setting.seed);
        });
        Self {
            sim,
            resources: [None, None],
            dead: BTreeSet::new(),
            parts: 0,
            makers: [None, None],
            abandoned: BTreeSet::new(),
            before: [None, None],
        }
    }

    fn part(&mut self) -> u32 {
        self.parts += 1;
        self.parts
    }

    /// Only its age tells an abandoned document from the next resource's, so the stack waits for longer than `ServiceTimeout`.
    async fn abandon(&mut self, stack: usize) {
        let Some(resource) = self.resources[stack].take() else { return };
        self.sim.count("abandon");
        self.abandoned.insert((stack, resource.wanted.name));
        self.sim.gone(stack);
        sleep(Duration::from_secs(1_000)).await;
    }

    async fn edit(&mut self, name: usize, edit: Edit) {
        self.sim.all_leases_end().await;
        let part = self.part();
        let made = self.sim.aws.ssm(|model| match (edit, model.document_mut(NAMES[name])) {
            (Edit::Put, None) => {
                model
                    .put_document(Document::session(NAMES[name], json_of(part)).tag("cost", "7").share("999999999999"));
                true
            }
            (Edit::Delete, Some(_)) => model.remove_document(NAMES[name]).is_some(),
            (Edit::AddDefault, Some(document)) => {
                document.default_version = document.push(Version::json(json_of(part)));
                true
            }
            (Edit::RemoveOurTags, Some(document)) => {
                document.tags.retain(|key, _| !key.starts_with("cfn-ssm-document:"));
                true
            }
            (Edit::Put, Some(_)) | (Edit::Delete | Edit::AddDefault | Edit::RemoveOurTags, None) => false,
        });
        if !made {
            return;
        }
        self.sim.count("by hand");
        if edit != Edit::AddDefault {
            self.makers[name] = None;
            self.abandoned.retain(|(_, abandoned)| *abandoned != name);
        }
        for resource in self.resources.iter_mut().flatten().filter(|resource| resource.wanted.name == name) {
            resource.undisturbed = false;
        }
        self.before = self.states();
        sleep(Duration::from_secs(2)).await;
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
            Step::Abandon { stack } => self.abandon(*stack).await,
            Step::Again { pick, after } => self.sim.again(*pick, *after),
            Step::Hand { of, edit } => self.edit(*of, *edit).await,
            Step::Pause { seconds } => {
                self.sim.count("pause");
                sleep(Duration::from_secs(*seconds)).await;
            }
        }
    }

    fn check_end(&mut self) {
        self.check(None);
    }
}

fn run((setting, steps): &(Setting, Vec<Step>)) -> Counts {
    deliveries::run(setting.seed, || History::new(setting), steps)
}

#[test]
fn the_first_histories_of_the_soak_hold() {
    DOCUMENTS.first(150);
}

/// Random histories for a given time: `make soak MINUTES=60`.
#[test]
#[ignore = "it runs for as long as MINUTES says"]
fn soak() {
    DOCUMENTS.soak();
}
