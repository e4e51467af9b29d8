//! Plays CloudFormation: sends requests, waits for responses, and gives up.

use std::time::Duration;

use loopback_aws::cloudformation::{Resource as Known, ResourceStatus};
use loopback_aws::{Age, Response};
use tokio::time::{Instant, sleep, sleep_until};

use super::lambda::Sent;
use super::way::{Way, quiet};
use super::{STACKS, Simulation};
use crate::world::{LOGICAL_ID, Request, stack as stack_id};

/// How a request ended.
#[derive(Debug, PartialEq)]
pub enum End {
    Success(String),
    Failed(String),
    GivenUp,
    /// One delivery undid its work while another succeeded: the history ends.
    Race,
}

/// The resource's status during a request of this type, after its success, and after its failure.
fn statuses(request_type: &str) -> (ResourceStatus, ResourceStatus, ResourceStatus) {
    use ResourceStatus::*;
    match request_type {
        "Create" => (CreateInProgress, CreateComplete, CreateFailed),
        "Update" => (UpdateInProgress, UpdateComplete, UpdateFailed),
        _ => (DeleteInProgress, DeleteComplete, DeleteFailed),
    }
}

impl Simulation {
    /// The stack no longer has the resource.
    pub fn gone(&self, stack: usize) {
        self.aws.cloudformation(|known| known.remove(&stack_id(STACKS[stack]), LOGICAL_ID));
    }

    /// What two stacks do at the same time is not what these histories are about.
    pub async fn keep_apart(&self, stack: usize) {
        let moments = |sent: &Sent| sent.done.unwrap_or(sent.signed);
        let others = self.sent.borrow().iter().filter(|sent| sent.stack != stack).map(moments).max();
        sleep_until(others.unwrap_or_else(Instant::now) + Duration::from_secs(15)).await;
    }

    fn resource_is(&self, stack: usize, status: ResourceStatus, physical_id: Option<&str>) {
        let known = Known::new(status, self.aws.clock().now_system());
        let known = Known { physical_id: physical_id.map(str::to_owned), ..known };
        self.aws.cloudformation(|all| all.put(&stack_id(STACKS[stack]), LOGICAL_ID, known));
    }

    /// Waits until the leases of the requests before are over, and their calls have taken effect.
    pub async fn all_leases_end(&self) {
        let last = self.sent.borrow().last().map(|sent| (sent.signed, sent.done));
        let (signed, done) = last.unwrap_or((Instant::now(), None));
        sleep_until(signed + Duration::from_secs(15)).await;
        sleep_until(done.unwrap_or(signed) + Duration::from_secs(3)).await;
    }

    /// Deletes the resource. If that fails, somebody deletes it again.
    pub async fn delete(&mut self, stack: usize, request: &Request, way: &Way) {
        let mut end = self.send(stack, request, way).await;
        if !matches!(end, End::Success(_) | End::Race) {
            end = self.send(stack, request, &quiet()).await;
        }
        if !self.over {
            let id = request.physical_id.clone().expect("a Delete has an id");
            assert_eq!(end, End::Success(id), "a Delete without faults succeeds");
        }
    }

    pub async fn send(&mut self, stack: usize, request: &Request, way: &Way) -> End {
        // By now, reads show what the previous request did, including a deletion.
        let soonest = |sent: &Sent| {
            let signed = sent.signed + Duration::from_secs(if sent.twice { 10 } else { 3 });
            sent.done.map_or(signed, |done| signed.max(done + Duration::from_secs(2)))
        };
        let before = self.sent.borrow().iter().filter(|sent| sent.stack == stack).map(soonest).max();
        sleep_until(before.unwrap_or_else(Instant::now)).await;
        let (during, complete, failed) = statuses(request.request_type);
        self.resource_is(stack, during, request.physical_id.as_deref());
        let url = self.aws.response_url(Age::Now);
        let event = request.clone().of_stack(STACKS[stack]).event(&url);
        let signed = Instant::now();
        let (number, twice) = (self.sent.borrow().len(), way.deliveries.len() > 1);
        let sent = Sent { stack, event: event.clone(), signed, twice, done: None, running: 0, overlap: false };
        self.sent.borrow_mut().push(sent);
        for (operation, nth, trouble) in way.faults.iter().copied() {
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
        if response.is_none() {
            self.resource_is(stack, failed, request.physical_id.as_deref());
        }
        if twice && !way.faults.is_empty() && self.is_race(number, &url, way).await {
            self.count("race");
            self.over = true;
            return End::Race;
        }
        let Some(response) = response else {
            assert!(way.cancelled.is_some() || all_die, "a response is sent: {event}");
            return End::GivenUp;
        };
        let id = response["PhysicalResourceId"].as_str().unwrap().to_owned();
        if response["Status"] == "SUCCESS" {
            self.resource_is(stack, complete, Some(&id));
            return End::Success(id);
        }
        self.resource_is(stack, failed, Some(&id));
        let reason = response["Reason"].as_str().unwrap();
        let is_refused = self.refusals.iter().any(|why| reason.contains(why));
        assert!(is_refused || !way.is_quiet(), "it had no fault: {reason}");
        End::Failed(id)
    }

    /// The number of the last request.
    pub fn last(&self) -> usize {
        self.sent.borrow().len() - 1
    }

    /// Waits until those deliveries of a request that have begun have ended. Says whether one of them succeeded although
    /// CloudFormation had given up on it, because it had asked CloudFormation in the seconds before.
    pub async fn ended(&mut self, number: usize) -> bool {
        self.all_end(number).await;
        // What they did last shows.
        sleep(Duration::from_secs(2)).await;
        let (url, done) = {
            let sent = &self.sent.borrow()[number];
            (sent.event["ResponseURL"].as_str().unwrap().to_owned(), sent.done.expect("it is done"))
        };
        let succeeded = |response: &Response| url.ends_with(&response.path) && response.body["Status"] == "SUCCESS";
        self.asked(done - Duration::from_secs(2)..=done) && self.aws.responses().iter().any(succeeded)
    }
}
