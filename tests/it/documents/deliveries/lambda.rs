//! Plays Lambda: delivers requests in processes of their own, again, and into trouble.

use std::time::Duration;

use loopback_aws::ssm::ModelError;
use loopback_aws::{Fault, Loss, TakesEffect};
use serde_json::Value;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout};

use super::History;
use super::steps::Trouble;
use crate::world::{deliver, provider_in_process};

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

impl History {
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

    /// Has Lambda deliver a request in a process of its own.
    pub(super) fn start(&self, number: usize, after: Duration, killed: Option<Duration>) {
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
