//! Random histories of stacks, hand edits, faults and deaths, under every reading of what AWS calls a duplicate.
//!
//! What always holds: after every SUCCESS of a Create or an Update, the default version is Active and has the desired content,
//! and the tag names it (under `SetDefaultVersion: false`, some Active version has the content, and the default version has not
//! changed); a resource deletes no document that it did not create; an adopted document loses no version; and a Create that
//! failed and was undone has changed nothing.
//!
//! A failing history is shrunk and printed, and its seed is kept in `mod.regressions`; `PROPTEST_CASES` sets how many run.

mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use loopback_aws::ssm::{Activation, Duplicates, ModelError, Sameness, Status, Version};
use loopback_aws::{Age, Fault};
use proptest::prelude::ProptestConfig;
use proptest::test_runner::{FileFailurePersistence, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

use self::steps::{Disturbance, NAMES, STACKS, Step, Wanted, step};
use super::preferences;
use crate::world::{DEFAULT_VERSION, Reply, Request, World, made_up, provider_in_process, stack};

/// A document as a test compares it.
#[derive(Debug, Clone, PartialEq)]
struct State {
    default: u64,
    versions: BTreeMap<u64, (String, Status)>,
    tags: BTreeMap<String, String>,
    shares: Vec<String>,
}

/// A stack's resource as CloudFormation knows it: physical id and properties.
type Resource = Option<(String, Wanted)>;

struct History {
    world: World,
    version_limit: usize,
    resources: [Resource; 2],
    /// For each document, the stack whose resource created it. No other resource may delete it.
    makers: BTreeMap<usize, usize>,
}

impl History {
    fn state(&self, name: usize) -> Option<State> {
        self.world.aws.ssm(|model| {
            let document = model.document(NAMES[name])?;
            let version = |version: &Version| (version.number, (version.content.clone(), version.status()));
            Some(State {
                default: document.default_version,
                versions: document.versions().iter().map(version).collect(),
                tags: document.tags.clone(),
                shares: document.shares.clone(),
            })
        })
    }

    async fn run(&mut self, step: &Step) {
        let before = [self.state(0), self.state(1)];
        match step {
            Step::Hand { name, edit, pick } => {
                if self.world.aws.ssm(|model| edit.make(model, NAMES[*name], *pick)) {
                    self.makers.remove(name);
                }
                return;
            }
            Step::Deploy { stack, wanted, disturbance } => self.deploy(*stack, wanted, disturbance, &before).await,
            Step::Remove { stack, disturbance } => self.remove(*stack, disturbance).await,
        }
        let (Step::Deploy { stack, .. } | Step::Remove { stack, .. }) = step else { return };
        for (name, before) in before.iter().enumerate() {
            let made_here = self.makers.get(&name) == Some(stack);
            match (before, self.state(name)) {
                (None, Some(_)) => drop(self.makers.insert(name, *stack)),
                (Some(_), None) => {
                    assert!(made_here, "{} was not made by stack {} and is gone", NAMES[name], STACKS[*stack]);
                    self.makers.remove(&name);
                }
                (Some(before), Some(after)) => {
                    if !made_here {
                        let (before, after): (BTreeSet<_>, BTreeSet<_>) =
                            (before.versions.keys().collect(), after.versions.keys().collect());
                        assert!(before.is_subset(&after), "{} lost a version: {before:?} {after:?}", NAMES[name]);
                    }
                    // Released or taken over: from now on, it counts as existing before.
                    let maker = self.makers.get(&name).map(|maker| self::stack(STACKS[*maker]));
                    if maker.as_ref() != after.tags.get("cfn-ssm-document:stack-id") {
                        self.makers.remove(&name);
                    }
                }
                (None, None) => {}
            }
        }
    }

    async fn deploy(&mut self, stack: usize, wanted: &Wanted, disturbance: &Disturbance, before: &[Option<State>; 2]) {
        let resource = self.resources[stack].clone();
        let properties = wanted.properties();
        let request = match &resource {
            None => Request::create(properties.clone()),
            Some((id, old)) => Request::update(id, old.properties(), properties.clone()),
        };
        let reply = self.deliver(stack, request, disturbance).await;
        let before = before[wanted.name].as_ref();
        if let Some(reply) = &reply {
            if reply.0["Status"] == "SUCCESS" {
                assert_eq!(reply.id(), NAMES[wanted.name]);
                self.holds(stack, wanted, before);
                self.resources[stack] = Some((reply.id().to_owned(), wanted.clone()));
            } else {
                assert!(!self.must_succeed(stack, wanted, disturbance, before), "{}", reply.0);
                let is_new = resource.as_ref().is_none_or(|(id, _)| id != NAMES[wanted.name]);
                let undone = is_new && !reply.reason().contains("could not be undone");
                if undone && !matches!(disturbance, Disturbance::Killed { .. }) {
                    self.is_as_before(wanted.name, before);
                }
            }
        }
        // What CloudFormation does next.
        let succeeded = reply.as_ref().is_some_and(|reply| reply.0["Status"] == "SUCCESS");
        let made_up = made_up(STACKS[stack]);
        let given = reply.as_ref().map_or(made_up.as_str(), |reply| reply.id()).to_owned();
        match (resource, succeeded) {
            (None, false) => self.clean_up(stack, &given, properties).await,
            (Some((id, old)), true) if given != id => self.clean_up(stack, &id, old.properties()).await,
            (Some((id, old)), false) => {
                assert!(reply.is_none() || given == id, "a failed Update keeps its id");
                let rollback = Request::update(&id, properties, old.properties());
                let reply = self.deliver(stack, rollback, &Disturbance::Quiet).await.unwrap();
                assert_eq!(reply.id(), id, "a rollback goes back to the same name");
            }
            _ => {}
        }
    }

    async fn remove(&mut self, stack: usize, disturbance: &Disturbance) {
        let Some((id, old)) = self.resources[stack].take() else { return };
        let exists = self.state(old.name).is_some();
        let reply = self.deliver(stack, Request::delete(&id, old.properties()), disturbance).await;
        assert!(reply.is_none_or(|reply| reply.id() == id));
        self.clean_up(stack, &id, old.properties()).await;
        assert!(old.on_delete == "Restore" || self.state(old.name).is_some() == exists, "Retain deletes nothing");
    }

    /// A Delete without a disturbance.
    async fn clean_up(&mut self, stack: usize, id: &str, properties: Value) {
        let reply = self.deliver(stack, Request::delete(id, properties), &Disturbance::Quiet).await.unwrap().ok();
        assert_eq!(reply.id(), id);
    }

    async fn deliver(&mut self, stack: usize, request: Request, disturbance: &Disturbance) -> Option<Reply> {
        let aws = &self.world.aws;
        // CloudFormation takes a while from one request to the next.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let request = request.of_stack(STACKS[stack]).with_response_url(aws.response_url(Age::Now));
        match *disturbance {
            Disturbance::Quiet => Some(self.world.send(&request).await),
            Disturbance::Twice => {
                let reply = self.world.send(&request).await;
                if reply.0["Status"] == "SUCCESS" {
                    let once = [self.state(0), self.state(1)];
                    self.world.send(&request).await.ok();
                    assert_eq!([self.state(0), self.state(1)], once, "the same request twice ends as once");
                }
                Some(reply)
            }
            Disturbance::Fault(at, kind) => {
                // A call that AWS refuses has no effect. One that ends with an internal error may have.
                let failed = ModelError { status: 500, ..ModelError::new("InternalServerError", "oops") };
                let fault = match kind {
                    0 => Fault::error(400, "ValidationException", "no"),
                    1 => Fault::ErrorAfter(failed),
                    2 => Fault::ResetBefore,
                    _ => Fault::ResetAfter,
                };
                aws.on("*").nth(at).fault(fault);
                let reply = self.world.send(&request).await;
                aws.no_faults();
                Some(reply)
            }
            Disturbance::Killed { at, after, again } => {
                let rule = aws.on("*").nth(at);
                let mut gate = if after { rule.hold_after() } else { rule.hold_before() };
                let responded = tokio::select! {
                    result = self.world.invoke(&request) => { result.unwrap(); true }
                    () = gate.reached() => false,
                };
                aws.no_faults();
                if responded {
                    return Some(Reply(aws.delivered().pop().unwrap()));
                }
                if !again {
                    return None;
                }
                // Lambda starts another process for the second delivery.
                self.world.provider = provider_in_process(&self.world.aws);
                Some(self.world.send(&request).await)
            }
        }
    }

    /// The promise of a SUCCESS.
    fn holds(&self, stack: usize, wanted: &Wanted, before: Option<&State>) {
        let state = self.state(wanted.name).expect("the document is there");
        let desired: Value = serde_json::from_str(&preferences(&wanted.idle.to_string())).unwrap();
        let has_it = |(content, status): &(String, Status)| {
            let json = content.lines().filter(|line| !line.starts_with('#')).collect::<String>();
            *status == Status::Active && serde_json::from_str::<Value>(&json).unwrap() == desired
        };
        match (wanted.set_default, before) {
            (false, Some(before)) => {
                assert_eq!(state.default, before.default, "the default did not move");
                assert!(state.versions.values().any(has_it), "an Active version has the content: {state:?}");
            }
            _ => assert!(has_it(&state.versions[&state.default]), "the default has the content: {state:?}"),
        }
        assert_eq!(state.tags.get("cfn-ssm-document:stack-id"), Some(&self::stack(STACKS[stack])));
        let recorded = wanted.set_default.then(|| state.default.to_string());
        assert_eq!(state.tags.get(DEFAULT_VERSION), recorded.as_ref(), "the drift guard compares with the tag");
        assert_eq!(state.tags.get("tag"), wanted.tag.map(|tag| tag.to_string()).as_ref().or(state.tags.get("tag")));
        assert!(!wanted.shared || state.shares == ["444455556666"]);
    }

    /// Whether nothing stands in the way of a request.
    fn must_succeed(&self, stack: usize, wanted: &Wanted, disturbance: &Disturbance, before: Option<&State>) -> bool {
        let Some(before) = before else { return matches!(disturbance, Disturbance::Quiet | Disturbance::Twice) };
        let me = self::stack(STACKS[stack]);
        let owner = before.tags.get("cfn-ssm-document:stack-id");
        let may = match wanted.on_existing {
            "TakeOver" => true,
            "Adopt" => owner.is_none_or(|owner| *owner == me),
            _ => owner == Some(&me),
        };
        let none_failed = before.versions.values().all(|(_, status)| *status == Status::Active);
        may && none_failed
            && before.versions.len() < self.version_limit
            && !wanted.version_name
            && matches!(disturbance, Disturbance::Quiet | Disturbance::Twice)
    }

    /// A failed request leaves a document that was new to the resource as it was.
    fn is_as_before(&self, name: usize, before: Option<&State>) {
        let after = self.state(name);
        assert_eq!(after.is_some(), before.is_some(), "what was made is undone, what was there stays");
        if let (Some(after), Some(before)) = (after, before) {
            assert_eq!((after.default, &after.tags, &after.shares), (before.default, &before.tags, &before.shares));
        }
    }
}

#[track_caller]
fn histories(duplicates: Duplicates, sameness: Sameness) {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(100);
    let config = ProptestConfig {
        cases,
        max_shrink_iters: 400,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        source_file: Some(file!()),
        ..ProptestConfig::default()
    };
    let activations = [Activation::AtOnce, Activation::AfterReads(0), Activation::AfterReads(1)];
    let aws = (proptest::sample::select(activations.to_vec()), proptest::sample::select(vec![1000, 4]));
    let steps = proptest::collection::vec(step(), 1..12);
    // The same histories in each run, so that the test never fails by chance. `make soak` draws new ones.
    let result = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)).run(
        &(steps, aws),
        |(steps, (activation, version_limit))| {
            // The jitter of the retries is the same in each run, too.
            fastrand::seed(0);
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let world = World::new();
                world.aws.ssm(|model| {
                    (model.duplicates, model.sameness) = (duplicates, sameness);
                    (model.activation, model.version_limit) = (activation, version_limit);
                });
                let mut history = History { world, version_limit, resources: [None, None], makers: BTreeMap::new() };
                for step in &steps {
                    history.run(step).await;
                }
            });
            Ok(())
        },
    );
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn every_history_holds_if_a_duplicate_has_the_bytes_of_the_latest_version() {
    histories(Duplicates::LatestVersion, Sameness::Bytes);
}

#[test]
fn every_history_holds_if_a_duplicate_says_the_same_as_the_latest_version() {
    histories(Duplicates::LatestVersion, Sameness::Parsed);
}

#[test]
fn every_history_holds_if_a_duplicate_has_the_bytes_of_any_version() {
    histories(Duplicates::AnyVersion, Sameness::Bytes);
}

#[test]
fn every_history_holds_if_a_duplicate_says_the_same_as_any_version() {
    histories(Duplicates::AnyVersion, Sameness::Parsed);
}
