//! Random histories of requests that are late, duplicate, cancelled or cut off. Several deliveries run concurrently, in paused
//! time.
//!
//! Whatever a request adds (its content, a tag, a share) has a number of its own, by which each trace of it is recognized.
//! Whenever CloudFormation has finished an operation, this holds: the SUCCESS of the newest request is true; a request that was
//! cancelled or rolled back left no trace, neither a default version nor a tag nor a share; a Create that was undone leaves the
//! document as it was; nothing is lost that the resource did not create; and no ownership tags name a resource that is gone.
//!
//! The histories avoid what is known to remain possible:
//! - A duplicate that works within its lease during the following request, or after it. A delivery that would begin within 5 s of
//!   its signature, but after the following request was sent, is dropped. After a request that was delivered twice, the following
//!   one is sent no sooner than 10 s after its signature.
//! - Two deliveries at the same time, one of which fails and undoes its work while the other succeeds: the history ends there.
//! - Requests of one resource within 2 s of each other. The next one is sent no sooner than 3 s after the signature of the
//!   previous one and 2 s after its response, so that a deletion is visible. Two stacks keep 15 s apart.
//! - A CloudFormation that can't be asked: `DescribeStackResource` has no fault, and no call takes a second.
//! - A resource that is created again within `ServiceTimeout`: a stack that abandoned its document waits for longer.
//! - Ownership tags that are lost because a `TakeOver` was cancelled, or failed in another delivery: its undo does not know the
//!   former owner.
//! - A rollback to `SetDefaultVersion: false`, which promotes nothing.

mod checks;
mod cloudformation;
mod lambda;
mod soak;
mod steps;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use loopback_aws::Loopback;
use loopback_aws::ssm::{Activation, Document, Lags, Version};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep, sleep_until};

use self::checks::State;
use self::lambda::Sent;
use self::steps::{Edit, NAMES, STACKS, Setting, Step};

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
    aws: Rc<Loopback>,
    resources: [Option<Resource>; 2],
    sent: Rc<RefCell<Vec<Sent>>>,
    ends: (mpsc::UnboundedSender<()>, mpsc::UnboundedReceiver<()>),
    /// The parts of requests that were cancelled or rolled back.
    dead: BTreeSet<u32>,
    /// How many parts there are so far.
    parts: u32,
    /// For each document, the stack whose resource created it and still manages it.
    makers: [Option<usize>; 2],
    /// Each abandoned document, with the stack that abandoned it. Its ownership tags stay.
    abandoned: BTreeSet<(usize, usize)>,
    before: [Option<State>; 2],
    /// Whether the history has ended with a race, after which nothing can be checked.
    over: bool,
    counts: BTreeMap<&'static str, u64>,
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

/// A history that fails when it is replayed prints every call.
impl Drop for History {
    fn drop(&mut self) {
        if std::thread::panicking() && std::env::var_os("SOAK_SEED").is_some() {
            eprintln!("{}", self.aws.trace().join("\n"));
        }
    }
}

impl History {
    fn new(setting: &Setting) -> Self {
        let builder = Loopback::builder().latency_up_to(setting.latency, setting.seed);
        let aws = builder.in_process(std::time::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        aws.ssm(|model| {
            model.busy_refuses = setting.busy_refuses;
            if !setting.activation.is_zero() {
                model.activation = Activation::After(setting.activation);
            }
            model.lags = Lags::up_to(setting.lag, setting.seed);
        });
        Self {
            aws: Rc::new(aws),
            resources: [None, None],
            sent: Rc::default(),
            ends: mpsc::unbounded_channel(),
            dead: BTreeSet::new(),
            parts: 0,
            makers: [None, None],
            abandoned: BTreeSet::new(),
            before: [None, None],
            over: false,
            counts: BTreeMap::new(),
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn part(&mut self) -> u32 {
        self.parts += 1;
        self.parts
    }

    async fn run(&mut self, step: &Step) {
        match step {
            Step::Deploy { stack, wish, way, then } => self.deploy(*stack, wish, way, then).await,
            Step::Remove { stack, way } => self.remove(*stack, way).await,
            Step::Abandon { stack } => self.abandon(*stack).await,
            Step::Again { pick, after } => self.again(*pick, *after),
            Step::Hand { name, edit } => self.edit(*name, *edit).await,
            Step::Pause { seconds } => {
                self.count("pause");
                sleep(Duration::from_secs(*seconds)).await;
            }
        }
    }

    /// Only its age tells an abandoned document from the next resource's, so the stack waits for longer than `ServiceTimeout`.
    async fn abandon(&mut self, stack: usize) {
        let Some(resource) = self.resources[stack].take() else { return };
        self.count("abandon");
        self.abandoned.insert((stack, resource.wanted.name));
        self.gone(stack);
        sleep(Duration::from_secs(1_000)).await;
    }

    async fn edit(&mut self, name: usize, edit: Edit) {
        // Wait until the leases of earlier requests have ended and their calls have taken effect.
        let last = self.sent.borrow().last().map(|sent| (sent.signed, sent.done));
        let (signed, done) = last.unwrap_or((Instant::now(), None));
        sleep_until(signed + Duration::from_secs(15)).await;
        sleep_until(done.unwrap_or(signed) + Duration::from_secs(3)).await;
        let part = self.part();
        let made = self.aws.ssm(|model| match (edit, model.document_mut(NAMES[name])) {
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
        self.count("by hand");
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

/// Runs a history. Panics if a check fails.
fn run(setting: &Setting, steps: &[Step]) -> BTreeMap<&'static str, u64> {
    // The jitter of the retries is part of the history, too.
    fastrand::seed(setting.seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let mut history = History::new(setting);
        for step in steps {
            if !history.over {
                history.run(step).await;
            }
        }
        // Every delivery has ended, and every call has taken effect.
        sleep(Duration::from_secs(1_000)).await;
        if !history.over {
            history.check(None);
        }
        std::mem::take(&mut history.counts)
    })
}

#[test]
fn the_first_histories_of_the_soak_hold() {
    for seed in 0..150 {
        let (setting, steps) = soak::draw(seed);
        eprintln!("seed {seed}: {setting:?} {steps:?}");
        run(&setting, &steps);
    }
}
