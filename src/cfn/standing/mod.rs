//! Whether a request still stands, that is, whether CloudFormation is still waiting for its response.
//!
//! CloudFormation can give up on a request while the function carries it out, and Lambda can deliver a request late or twice.
//! [`rules`] decides; this module knows the time and asks CloudFormation. It is the gate that every attempt to write passes
//! through.

pub mod cloudformation;
pub(crate) mod rules;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use self::cloudformation::CloudFormation;
use self::rules::{StackResource, Verdict};
use crate::cfn::request::{Envelope, RequestType};
use crate::cfn::response_url::Signature;
use crate::failure::Failure;
use crate::invocation::writes::{Admission, Gate};

/// The maximum number of questions before one attempt. CloudFormation is asked again if its reply arrives too late to rely on.
const QUESTIONS: usize = 3;

/// After a question fails, no other is asked for this long.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(2);

/// The time limit of an attempt that is admitted without a reply from CloudFormation, either because the function can't ask
/// CloudFormation or because [`Standing::allow_undo`] was called.
const LONGEST_UNASKED: Duration = Duration::from_secs(2);

/// The request of one invocation, and what CloudFormation reported about it.
#[derive(Debug)]
pub(crate) struct Standing {
    request_type: Option<RequestType>,
    stack_id: String,
    logical_resource_id: String,
    physical_resource_id: Option<String>,
    signature: Signature,
    /// When the invocation began, as the time since 1970 and on the monotonic clock. Later times are measured from there.
    began: (Duration, Instant),
    /// `None` if this stack may not be asked about.
    cloudformation: Option<CloudFormation>,
    /// Locked while a question is being asked.
    asked: tokio::sync::Mutex<LastReplies>,
    overtaken: Mutex<Option<Overtaken>>,
    undoes: AtomicBool,
}

/// CloudFormation has given up on the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Overtaken {
    /// The reason in the FAILED response. CloudFormation ignores that response.
    pub(crate) failure: Failure,
    /// Whether another delivery of the same request has succeeded.
    pub(crate) another_delivery_succeeded: bool,
}

/// What is known from the last replies.
#[derive(Debug, Default)]
struct LastReplies {
    /// When the function asked the last question whose reply was that the request stands.
    stands: Option<Duration>,
    /// When the last question failed, and why.
    failed: Option<(Duration, String)>,
}

/// Why a request can't continue.
enum Stopped {
    Overtaken(Overtaken),
    NotAsked(String),
}

impl Standing {
    /// Creates the standing of the request in `envelope`. `began` is when the invocation began: the time since 1970, and the same
    /// moment on the monotonic clock. `cloudformation` is `None` if this stack may not be asked about.
    pub(crate) fn new(
        envelope: &Envelope<'_>,
        signature: Signature,
        began: (Duration, Instant),
        cloudformation: Option<CloudFormation>,
    ) -> Self {
        Self {
            request_type: envelope.request_type(),
            stack_id: envelope.stack_id.clone(),
            logical_resource_id: envelope.logical_resource_id.clone(),
            physical_resource_id: envelope.physical_resource_id.clone(),
            signature,
            began,
            cloudformation,
            asked: tokio::sync::Mutex::default(),
            overtaken: Mutex::new(None),
            undoes: AtomicBool::new(false),
        }
    }

    /// Returns when CloudFormation signed the request, in seconds since 1970.
    pub(crate) fn signature(&self) -> i64 {
        self.signature.seconds()
    }

    /// Waits until every lease of an earlier request has ended and its writes are visible: 10 s after the signature, or 10 s
    /// after the invocation began if the URL is signed with Signature Version 2.
    pub(crate) async fn wait_for_patience(&self) {
        tokio::time::sleep_until(self.instant(rules::patience_ends(self.signature, self.began.0))).await;
    }

    /// Runs `work`. If the request has no lease when the invocation begins, asks CloudFormation concurrently, so that the first
    /// write need not wait for the reply. A Delete never asks.
    pub(crate) async fn ask_while<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            biased;
            result = &mut work => result,
            () = self.ask_ahead() => work.await,
        }
    }

    /// Asks once, whatever the age of the request, and fails if the request no longer stands. Called after a write that no
    /// later request can undo, before the response.
    ///
    /// # Errors
    /// The request no longer stands, or the function can't ask CloudFormation and the request arrived late.
    pub(crate) async fn confirm(&self) -> Result<(), Failure> {
        let mut asked = self.asked.lock().await;
        match self.ask(&mut asked).await {
            Ok(()) => Ok(()),
            Err(Stopped::Overtaken(overtaken)) => Err(overtaken.failure),
            Err(Stopped::NotAsked(why)) => self.unasked(&why),
        }
    }

    /// Asks once, whatever the age of the request, before an undo: another delivery of the same request may have succeeded. The
    /// reply shows in [`Standing::overtaken`]. If the function can't ask CloudFormation, the request counts as standing.
    pub(crate) async fn ask_before_undo(&self) {
        let mut asked = self.asked.lock().await;
        if self.request_type != Some(RequestType::Delete) && self.cloudformation.is_some() && self.overtaken().is_none()
        {
            let _seen_by_the_caller = self.ask(&mut asked).await;
        }
    }

    /// Returns why the request no longer stands; `None` unless CloudFormation has said so.
    pub(crate) fn overtaken(&self) -> Option<Overtaken> {
        self.overtaken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Admits every attempt from now on, for an undo that no later request can perform.
    pub(crate) fn allow_undo(&self) {
        self.undoes.store(true, Ordering::SeqCst);
    }

    async fn ask_ahead(&self) {
        if self.cloudformation.is_some()
            && rules::admission(self.request_type, self.signature, self.began.0, None) == rules::Admission::Ask
        {
            // The result is not needed here: if the request no longer stands, its first write is refused.
            let mut asked = self.asked.lock().await;
            let _seen_by_the_first_write = self.ask(&mut asked).await;
        }
    }

    async fn ask(&self, asked: &mut LastReplies) -> Result<(), Stopped> {
        let Some(cloudformation) = &self.cloudformation else {
            return Err(Stopped::NotAsked("the stack is not known to be in this account and Region".to_owned()));
        };
        let sent = self.now();
        let resource = cloudformation.describe(&self.stack_id, &self.logical_resource_id).await;
        let resource = resource.map_err(|why| {
            asked.failed = Some((self.now(), why.clone()));
            Stopped::NotAsked(why)
        })?;
        match rules::verdict(self.request_type, self.signature, &resource) {
            Verdict::Stands => {
                *asked = LastReplies { stands: Some(sent), failed: None };
                Ok(())
            }
            Verdict::Overtaken(why) => Err(Stopped::Overtaken(self.give_up(&why, &resource))),
        }
    }

    fn give_up(&self, why: &str, resource: &StackResource) -> Overtaken {
        let request = self.request_type.map_or_else(|| "request".to_owned(), |request_type| request_type.to_string());
        let overtaken = Overtaken {
            failure: Failure::new(format!(
                "CloudFormation is no longer waiting for a response to this {request}: {why}. The request was stopped."
            )),
            another_delivery_succeeded: rules::another_delivery_succeeded(
                self.request_type,
                self.physical_resource_id.as_deref(),
                resource,
            ),
        };
        tracing::warn!(why, "CloudFormation is no longer waiting for a response to the request");
        *self.overtaken.lock().unwrap_or_else(PoisonError::into_inner) = Some(overtaken.clone());
        overtaken
    }

    /// Decides whether a request continues when the function can't ask CloudFormation about it.
    fn unasked(&self, why: &str) -> Result<(), Failure> {
        if rules::continues_unasked(self.signature, self.began.0) {
            tracing::warn!(
                why,
                "the function can't ask CloudFormation whether it is still waiting for the response. The request arrived \
                promptly, so it continues"
            );
            return Ok(());
        }
        Err(Failure::new(format!(
            "The function can't ask CloudFormation whether it is still waiting for a response to this request: {why}. The \
             request arrived late, so it was stopped. Check that the function's role allows \
             cloudformation:DescribeStackResource and that the function can reach CloudFormation (in a VPC, it needs an \
             endpoint for cloudformation), then try again."
        )))
    }

    async fn admission(&self) -> Result<Option<Instant>, Failure> {
        let soon = || Some(Instant::now() + LONGEST_UNASKED);
        if self.undoes.load(Ordering::SeqCst) {
            return Ok(soon());
        }
        let mut asked = self.asked.lock().await;
        if let Some(overtaken) = self.overtaken() {
            return Err(overtaken.failure);
        }
        let mut questions = 0..QUESTIONS;
        loop {
            match rules::admission(self.request_type, self.signature, self.now(), asked.stands) {
                rules::Admission::Free => return Ok(None),
                rules::Admission::Until(end) => return Ok(Some(self.instant(end))),
                rules::Admission::Ask => {}
            }
            let why = match (&asked.failed, questions.next()) {
                // An endpoint that can't be reached must not delay every write.
                (Some((failed, why)), _) if self.now() < *failed + PAUSE_AFTER_FAILURE => why.clone(),
                (_, None) => "its replies take too long".to_owned(),
                (_, Some(_)) => match self.ask(&mut asked).await {
                    Ok(()) => continue,
                    Err(Stopped::Overtaken(overtaken)) => return Err(overtaken.failure),
                    Err(Stopped::NotAsked(why)) => why,
                },
            };
            return self.unasked(&why).map(|()| soon());
        }
    }

    /// Returns the time since 1970.
    pub(crate) fn now(&self) -> Duration {
        self.began.0 + self.began.1.elapsed()
    }

    /// Converts a time since 1970 to an `Instant`. A time before the invocation began becomes the beginning of the invocation.
    fn instant(&self, moment: Duration) -> Instant {
        self.began.1 + moment.saturating_sub(self.began.0)
    }
}

impl Gate for Standing {
    fn admit(&self) -> Admission<'_> {
        Box::pin(self.admission())
    }
}
