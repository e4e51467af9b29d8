//! Plays CloudFormation: sends requests, waits for responses, cancels, and rolls back.

use std::collections::BTreeSet;
use std::time::Duration;

use loopback_aws::Age;
use loopback_aws::cloudformation::{Resource as Known, ResourceStatus};
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};

use super::lambda::Sent;
use super::steps::{Part, Then, Way, Wish, quiet};
use super::{History, NAMES, Resource, STACKS, Wanted};
use crate::world::{Request, stack as stack_id};

const LOGICAL_ID: &str = "Preferences";

/// How a request ended.
#[derive(Debug, PartialEq)]
enum End {
    Success(String),
    Failed(String),
    GivenUp,
    /// One delivery undid its work while another succeeded: the history ends.
    Race,
}

/// The resource's status during an operation, after its success, and after its failure.
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
        if !self.over {
            self.check(Some(stack));
        }
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
                if way.deliveries.len() > 1 {
                    self.may_have_taken_over(stack, &wanted);
                }
                sleep(Duration::from_secs(1)).await;
                self.delete(stack, &id, &properties, &quiet()).await;
                self.dead.extend(wanted.parts());
                self.is_as_before(&wanted);
            }
            End::Race => {}
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
                if way.deliveries.len() > 1 {
                    self.may_have_taken_over(stack, &wanted);
                }
                id
            }
            End::Race => return,
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
        // Under `Retain`, the document that a rename found stays as it is. Under `SetDefaultVersion: false`, a rollback promotes
        // nothing.
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
        if !self.over {
            self.check(Some(stack));
        }
    }

    /// Deletes the resource. If that fails, somebody deletes it again.
    async fn delete(&mut self, stack: usize, id: &str, properties: &Value, way: &Way) {
        let request = || Request::delete(id, properties.clone());
        let mut end = self.send(stack, request(), way, DELETE).await;
        if !matches!(end, End::Success(_) | End::Race) {
            end = self.send(stack, request(), &quiet(), DELETE).await;
        }
        if self.over {
            return;
        }
        assert_eq!(end, End::Success(id.to_owned()), "a Delete without faults succeeds");
    }

    /// What the stack declares: parts that it keeps, and new ones.
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

    /// The other stack's tags on this document may be gone: the undo of a cancelled request does not know a former owner.
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

    /// These histories don't cover two stacks that act at the same time.
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
        // By now, reads show what the previous request did, including a deletion.
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
        self.sent.borrow_mut().push(Sent { stack, event: event.clone(), signed, twice, done: None, running: 0 });
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
        if twice && way.fault.is_some() && self.is_race(number, &url).await {
            self.count("race");
            self.over = true;
            return End::Race;
        }
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
        assert!(is_refused || !way.is_quiet(), "it had no fault: {reason}");
        End::Failed(id)
    }
}
