//! Plays Lambda: delivers each request in a process of its own, sometimes twice, sometimes with a fault.

use std::ops::RangeBounds;
use std::time::Duration;

use loopback_aws::ssm::ModelError;
use loopback_aws::{Call, Fault, Loss, Response, TakesEffect};
use serde_json::Value;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout};

use super::Simulation;
use super::way::{Trouble, Way};
use crate::world::{deliver, provider_in_process};

const LAMBDA_TIMEOUT: Duration = Duration::from_secs(180);
/// How long after its signature a request writes without asking CloudFormation. A signature is in whole seconds.
const LEASE: Duration = Duration::from_secs(5);

/// A request that was sent.
pub(super) struct Sent {
    pub(super) stack: usize,
    pub(super) event: Value,
    pub(super) signed: Instant,
    /// Whether Lambda delivers it twice.
    pub(super) twice: bool,
    /// When CloudFormation got its response, or gave up on it.
    pub(super) done: Option<Instant>,
    /// How many deliveries of it are running.
    pub(super) running: usize,
    /// Whether several have run at the same time.
    pub(super) overlap: bool,
}

impl Simulation {
    /// Waits for the first response to this URL.
    pub(super) async fn response(&mut self, url: &str) -> Value {
        loop {
            let responses = self.aws.responses();
            let found = responses.into_iter().find(|response| response.is_delivered() && url.ends_with(&response.path));
            if let Some(found) = found {
                return found.body;
            }
            self.ends.1.recv().await;
        }
    }

    /// Waits until those deliveries of a request that have begun have ended.
    pub(super) async fn all_end(&mut self, number: usize) {
        while self.sent.borrow()[number].running > 0 {
            self.ends.1.recv().await;
        }
    }

    /// Whether any request asked CloudFormation within this time.
    pub(super) fn asked(&self, within: impl RangeBounds<Instant>) -> bool {
        let (now, now_system) = (Instant::now(), self.aws.clock().now_system());
        let is_question = |call: &Call| call.operation == "DescribeStackResource";
        self.aws.journal().iter().any(|one| {
            let at = now - now_system.duration_since(one.time).unwrap_or_default();
            within.contains(&at) && one.call().is_some_and(is_question)
        })
    }

    /// Whether one delivery of a request failed for a reason of its own, and so undid its work, while another one did not fail.
    /// One that was killed may have been doing either. If it asked CloudFormation, it may have been undoing its work. Waits until
    /// all running deliveries have ended.
    pub(super) async fn is_race(&mut self, number: usize, url: &str, way: &Way) -> bool {
        if !self.sent.borrow()[number].overlap {
            return false;
        }
        self.all_end(number).await;
        let responses = self.aws.responses();
        let all: Vec<_> = responses.iter().filter(|response| url.ends_with(&response.path)).collect();
        let fails = |response: &&Response| {
            let reason = response.body["Reason"].as_str().unwrap_or_default();
            response.body["Status"] == "FAILED"
                && !reason.contains("CloudFormation is no longer waiting for a response to this")
        };
        let signed = self.sent.borrow()[number].signed;
        let is_killed = all.len() < way.deliveries.len() && way.kills();
        let (any_fails, all_fail) = (all.iter().any(fails), all.iter().all(fails));
        any_fails && (is_killed || !all_fail) || is_killed && self.asked(signed..) && !all_fail
    }

    /// Has Lambda deliver a request in a process of its own.
    pub(super) fn start(&self, number: usize, after: Duration, killed: Option<Duration>) {
        let (aws, sent, ends) = (self.aws.clone(), self.sent.clone(), self.ends.0.clone());
        spawn_local(async move {
            sleep(after).await;
            if !is_beside_the_following_request(&sent.borrow(), number) {
                let event = sent.borrow()[number].event.clone();
                {
                    let this = &mut sent.borrow_mut()[number];
                    this.running += 1;
                    this.overlap |= this.running > 1;
                }
                let provider = provider_in_process(&aws);
                let delivery = deliver(&aws, &provider, &event, LAMBDA_TIMEOUT);
                match killed {
                    None => drop(delivery.await),
                    Some(life) => drop(timeout(life, delivery).await),
                }
                sent.borrow_mut()[number].running -= 1;
            }
            ends.send(()).ok();
        });
    }

    pub fn again(&mut self, pick: usize, after: u64) {
        let known = self.sent.borrow().len();
        if known > 0 {
            self.count("delivered again later");
            let (number, after) = (pick % known, Duration::from_millis(after));
            let again = &mut self.sent.borrow_mut()[number];
            again.twice |= again.signed.elapsed() + after <= LEASE;
            self.start(number, after, None);
        }
    }
}

/// Whether a delivery begins within its lease although the following request was already sent. That one may not see its writes.
fn is_beside_the_following_request(sent: &[Sent], number: usize) -> bool {
    let this = &sent[number];
    let is_followed = sent[number + 1..].iter().any(|later| later.stack == this.stack);
    is_followed && this.signed.elapsed() <= LEASE
}

impl Trouble {
    pub(super) fn fault(self) -> Fault {
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
