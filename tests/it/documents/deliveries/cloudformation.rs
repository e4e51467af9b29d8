//! Plays CloudFormation and Lambda: sends requests, waits for responses, cancels, rolls back, and delivers again.

use std::collections::BTreeSet;
use std::time::Duration;

use loopback_aws::cloudformation::{Resource as Known, ResourceStatus};
use loopback_aws::ssm::ModelError;
use loopback_aws::{Age, Fault, Loss, TakesEffect};
use serde_json::Value;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::steps::{Part, Then, Trouble, Way, Wish, quiet};
use super::{History, NAMES, Resource, STACKS, Wanted};
use crate::world::{Request, deliver, provider_in_process, stack as stack_id};

const LOGICAL_ID: &str = "Preferences";
const LAMBDA_TIMEOUT: Duration = Duration::from_secs(180);
/// For so long after its signature a request writes without asking. The signature has no fractions of a second.
const LEASE: Duration = Duration::from_secs(5);

/// A request that was sent.
pub(super) struct Sent {
    pub(super) stack: usize,
    pub(super) event: Value,
    pub(super) signed: Instant,
    /// Whether Lambda delivers it twice.
    pub(super) twice: bool,
    /// When CloudFormation had its response, or gave up.
    pub(super) done: Option<Instant>,
}

/// How a request ended.
#[derive(Debug, PartialEq)]
enum End {
    Success(String),
    Failed(String),
    GivenUp,
}

/// The statuses while, after success, and after failure.
type Statuses = (ResourceStatus, ResourceStatus, ResourceStatus);
const CREATE: Statuses =
    (ResourceStatus::CreateInProgress, ResourceStatus::CreateComplete, ResourceStatus::CreateFailed);
const UPDATE: Statuses =
    (ResourceStatus::UpdateInProgress, ResourceStatus::UpdateComplete, ResourceStatus::UpdateFailed);
const DELETE: Statuses =
    (ResourceStatus::DeleteInProgress, ResourceStatus::DeleteComplete, ResourceStatus::DeleteFailed);

impl History {
    pub(super) async fn deploy(&mut self, stack: usize, wish: &Wish, way: &Way, then: &Then) {
        self.keep_apart(stack).await;
        self.before = self.states();
        let wanted = self.wanted(stack, wish);
        match self.resources[stack].clone() {
            None => self.create(stack, wanted, way, then).await,
            Some(resource) => self.update(stack, resource, wanted, way, then).await,
        }
        self.check(Some(stack));
    }

    async fn create(&mut self, stack: usize, wanted: Wanted, way: &Way, then: &Then) {
        self.count("create");
        let properties = wanted.properties();
        let end = self.send(stack, Request::create(properties.clone()), way, CREATE).await;
        let is_complete = matches!((&end, then), (End::Success(_), Then::Complete));
        match end {
            End::Success(id) => {
                self.succeeded(stack, &id, &wanted);
                if is_complete {
                    return;
                }
                self.count("rolled back");
                sleep(Duration::from_secs(1)).await;
                let was_ours = self.is_ours(stack, wanted.name);
                self.delete(stack, &id, &properties, &quiet()).await;
                self.resources[stack] = None;
                if was_ours && wanted.on_delete == "Restore" {
                    self.dead.extend(wanted.parts());
                }
            }
            End::Failed(id) => {
                sleep(Duration::from_secs(1)).await;
                self.delete(stack, &id, &properties, &quiet()).await;
                self.dead.extend(wanted.parts());
                self.is_as_before(&wanted);
            }
            End::GivenUp => {
                self.count("create cancelled");
                self.may_have_taken_over(stack, &wanted);
                sleep(Duration::from_secs(1)).await;
                let made_up = format!("{}-{LOGICAL_ID}-1TIDTIDTIDTID", STACKS[stack]);
                self.delete(stack, &made_up, &properties, &quiet()).await;
                self.dead.extend(wanted.parts());
                self.is_as_before(&wanted);
            }
        }
    }

    async fn update(&mut self, stack: usize, old: Resource, wanted: Wanted, way: &Way, then: &Then) {
        self.count(if wanted.name == old.wanted.name { "update" } else { "rename" });
        let (properties, old_properties) = (wanted.properties(), old.wanted.properties());
        let request = Request::update(&old.id, old_properties.clone(), properties.clone());
        let end = self.send(stack, request, way, UPDATE).await;
        let added: BTreeSet<u32> = wanted.parts().difference(&old.wanted.parts()).copied().collect();
        let rolled_back_from = match end {
            End::Success(id) => {
                self.succeeded(stack, &id, &wanted);
                if matches!(then, Then::Complete) {
                    if id != old.id {
                        sleep(Duration::from_secs(1)).await;
                        self.delete(stack, &old.id, &old_properties, &quiet()).await;
                    }
                    return;
                }
                self.count("rolled back");
                id
            }
            End::Failed(id) => {
                assert_eq!(id, old.id, "an Update that fails keeps its id");
                id
            }
            End::GivenUp => {
                self.count("update cancelled");
                self.may_have_taken_over(stack, &wanted);
                old.id.clone()
            }
        };
        sleep(Duration::from_secs(1)).await;
        let was_ours = self.is_ours(stack, wanted.name);
        let rollback = || Request::update(&rolled_back_from, properties.clone(), old_properties.clone());
        let mut end = self.send(stack, rollback(), &quiet(), UPDATE).await;
        if !matches!(end, End::Success(_)) {
            // Somebody continues the rollback.
            end = self.send(stack, rollback(), &quiet(), UPDATE).await;
        }
        let End::Success(id) = end else {
            self.count("rollback refused");
            let wanted = if rolled_back_from == old.id { old.wanted } else { wanted };
            self.resources[stack] = Some(Resource { id: rolled_back_from, wanted, undisturbed: false });
            return;
        };
        self.succeeded(stack, &id, &old.wanted);
        if id != rolled_back_from {
            sleep(Duration::from_secs(1)).await;
            self.delete(stack, &rolled_back_from, &properties, &quiet()).await;
        }
        // Under `Retain`, the document that a rename met stays as it is. Without `SetDefaultVersion`, a rollback moves no default.
        let stays = id != rolled_back_from && wanted.on_delete == "Retain" || !old.wanted.set_default;
        if !stays && (was_ours || id == rolled_back_from) {
            self.dead.extend(added);
        }
    }

    pub(super) async fn remove(&mut self, stack: usize, way: &Way) {
        self.keep_apart(stack).await;
        self.before = self.states();
        let Some(resource) = self.resources[stack].clone() else { return };
        self.count("delete");
        self.delete(stack, &resource.id, &resource.wanted.properties(), way).await;
        self.resources[stack] = None;
        self.check(Some(stack));
    }

    /// Deletes; where that fails, somebody deletes again.
    async fn delete(&mut self, stack: usize, id: &str, properties: &Value, way: &Way) {
        let request = || Request::delete(id, properties.clone());
        let mut end = self.send(stack, request(), way, DELETE).await;
        if !matches!(end, End::Success(_)) {
            end = self.send(stack, request(), &quiet(), DELETE).await;
        }
        assert_eq!(end, End::Success(id.to_owned()), "a Delete that nothing befalls succeeds");
    }

    /// What the stack wants: what it has kept, and new parts.
    fn wanted(&mut self, stack: usize, wish: &Wish) -> Wanted {
        let old = self.resources[stack].as_ref().map(|resource| resource.wanted.clone());
        let mut choose = |part: Part, kept: Option<u32>| match (part, kept) {
            (Part::None, _) => None,
            (Part::Kept, Some(kept)) => Some(kept),
            (Part::Kept | Part::New, _) => Some(self.part()),
        };
        let content = choose(wish.content, old.as_ref().map(|old| old.content)).expect("content is kept or new");
        let tag = choose(wish.tag, old.as_ref().and_then(|old| old.tag));
        let share = choose(wish.share, old.as_ref().and_then(|old| old.share));
        let Wish { name, set_default, on_existing, on_delete, .. } = *wish;
        Wanted { name, content, tag, share, set_default, on_existing, on_delete }
    }

    fn succeeded(&mut self, stack: usize, id: &str, wanted: &Wanted) {
        assert_eq!(id, NAMES[wanted.name]);
        self.resources[stack] = Some(Resource { id: id.to_owned(), wanted: wanted.clone(), undisturbed: true });
        self.abandoned.remove(&(stack, wanted.name));
        self.holds(stack);
        self.may_have_taken_over(stack, wanted);
    }

    /// What the other stack had of this document may be gone: the undo of a cancelled request knows no former owner.
    fn may_have_taken_over(&mut self, stack: usize, wanted: &Wanted) {
        if let Some(other) = &mut self.resources[1 - stack]
            && other.wanted.name == wanted.name
        {
            other.undisturbed = false;
        }
    }

    /// The stack no longer has the resource.
    pub(super) fn gone(&self, stack: usize) {
        self.aws.cloudformation(|known| known.remove(&stack_id(STACKS[stack]), LOGICAL_ID));
    }

    /// What two stacks do at the same time is not what these histories are about.
    async fn keep_apart(&self, stack: usize) {
        let moments = |sent: &Sent| sent.done.unwrap_or(sent.signed);
        let others = self.sent.borrow().iter().filter(|sent| sent.stack != stack).map(moments).max();
        sleep_until(others.unwrap_or_else(Instant::now) + Duration::from_secs(15)).await;
    }

    fn resource_is(&self, stack: usize, status: ResourceStatus) {
        let now = self.aws.clock().now_system();
        self.aws.cloudformation(|known| known.put(&stack_id(STACKS[stack]), LOGICAL_ID, Known::new(status, now)));
    }

    async fn send(&mut self, stack: usize, request: Request, way: &Way, statuses: Statuses) -> End {
        // What the request before did shows by now, a deletion too.
        let soonest = |sent: &Sent| {
            let signed = sent.signed + Duration::from_secs(if sent.twice { 10 } else { 3 });
            sent.done.map_or(signed, |done| signed.max(done + Duration::from_secs(2)))
        };
        let before = self.sent.borrow().iter().filter(|sent| sent.stack == stack).map(soonest).max();
        sleep_until(before.unwrap_or_else(Instant::now)).await;
        let (during, complete, failed) = statuses;
        self.resource_is(stack, during);
        let url = self.aws.response_url(Age::Now);
        let event = request.of_stack(STACKS[stack]).event(&url);
        let signed = Instant::now();
        let (number, twice) = (self.sent.borrow().len(), way.deliveries.len() > 1);
        self.sent.borrow_mut().push(Sent { stack, event: event.clone(), signed, twice, done: None });
        if let Some((operation, nth, trouble)) = way.fault {
            self.count("fault");
            self.aws.on(operation).nth(nth).fault(trouble.fault());
        }
        if twice {
            self.count("delivered twice");
        }
        for delivery in &way.deliveries {
            let killed = delivery.killed.map(Duration::from_millis);
            if killed.is_some() {
                self.count("killed");
            }
            self.start(number, Duration::from_millis(delivery.after), killed);
        }
        let all_die = way.deliveries.iter().all(|delivery| delivery.killed.is_some());
        let longest = way.deliveries.iter().map(|delivery| delivery.after + delivery.killed.unwrap_or(300_000)).max();
        let last = way.deliveries.iter().map(|delivery| delivery.after).max().unwrap_or_default();
        let cancelled = way.cancelled.map(|cancelled| last + cancelled);
        let gives_up = cancelled.or(longest.map(|longest| longest + 5_000)).map(Duration::from_millis).unwrap();
        let response = tokio::select! {
            response = self.response(&url) => Some(response),
            () = sleep_until(signed + gives_up) => None,
        };
        self.sent.borrow_mut()[number].done = Some(Instant::now());
        self.aws.no_faults();
        let Some(response) = response else {
            assert!(way.cancelled.is_some() || all_die, "a response is sent: {event}");
            self.resource_is(stack, failed);
            return End::GivenUp;
        };
        let id = response["PhysicalResourceId"].as_str().unwrap().to_owned();
        if response["Status"] == "SUCCESS" {
            self.resource_is(stack, complete);
            return End::Success(id);
        }
        self.resource_is(stack, failed);
        let reason = response["Reason"].as_str().unwrap();
        let is_refused = ["is managed by the resource", "OnExisting is Fail"].iter().any(|why| reason.contains(why));
        assert!(is_refused || !way.is_quiet(), "nothing befell it: {reason}");
        End::Failed(id)
    }

    /// Waits for the first response to this URL.
    async fn response(&mut self, url: &str) -> Value {
        loop {
            let responses = self.aws.responses();
            let found = responses.into_iter().find(|response| response.is_delivered() && url.ends_with(&response.path));
            if let Some(found) = found {
                return found.body;
            }
            self.ends.1.recv().await;
        }
    }

    /// Has Lambda deliver a request in a process of its own.
    fn start(&self, number: usize, after: Duration, killed: Option<Duration>) {
        let (aws, sent, ends) = (self.aws.clone(), self.sent.clone(), self.ends.0.clone());
        spawn_local(async move {
            sleep(after).await;
            if !is_within_the_lease_and_late(&sent.borrow()[number]) {
                let event = sent.borrow()[number].event.clone();
                let provider = provider_in_process(&aws);
                let delivery = deliver(&aws, &provider, &event, LAMBDA_TIMEOUT);
                match killed {
                    None => drop(delivery.await),
                    Some(life) => drop(timeout(life, delivery).await),
                }
            }
            ends.send(()).ok();
        });
    }

    pub(super) fn again(&mut self, pick: usize, after: u64) {
        let known = self.sent.borrow().len();
        if known > 0 {
            self.count("delivered again later");
            self.start(pick % known, Duration::from_millis(after), None);
        }
    }
}

/// A delivery that begins within the lease, after the request is done: the following request may not notice it.
fn is_within_the_lease_and_late(sent: &Sent) -> bool {
    sent.done.is_some() && sent.signed.elapsed() <= LEASE
}

impl Trouble {
    fn fault(self) -> Fault {
        match self {
            Self::Refused => Fault::error(400, "ValidationException", "no"),
            Self::Denied => Fault::access_denied("ssm:Something", "document"),
            Self::Throttled => Fault::throttling(),
            Self::FailedAfter => {
                Fault::ErrorAfter(ModelError { status: 500, ..ModelError::new("InternalServerError", "oops") })
            }
            Self::ResetBefore => Fault::ResetBefore,
            Self::ResetAfter => Fault::ResetAfter,
            Self::Hang => Fault::Hang,
            Self::Slow(millis) => Fault::Delay(Duration::from_millis(millis)),
            Self::Late(millis) => Fault::Late(Loss::Reset, TakesEffect::After(Duration::from_millis(millis))),
        }
    }
}
