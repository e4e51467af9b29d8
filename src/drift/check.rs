//! Checks one document: reads it, asks CloudFormation about its owner, reports drift and repairs it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::event::Moved;
use super::guard::{Guard, Mode};
use super::report::Metric;
use super::rules::{self, Difference, OwnerStatus, Owners};
use crate::backoff::Backoff;
use crate::cfn::standing::rules::StackResource;
use crate::failure::Failure;
use crate::invocation::writes::{self, Admission, Gate, Writes};
use crate::resource::document::aws::read::Reader;
use crate::resource::document::aws::write::Writer;
use crate::resource::document::key_ownership::key_ownerships;
use crate::resource::document::observed::{Description, Status};
use crate::resource::document::ownership::{Owner, REPAIRED_AT, Tags};

/// How long a repair may rely on CloudFormation's reply.
const REPLY_LASTS: Duration = Duration::from_secs(2);

/// The maximum number of promotions in one repair, in case the tag keeps changing.
const MAX_PROMOTIONS: usize = 3;

/// The outcome for one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing to report: its default version is the one in the tag, no managed key differs, no resource owns it, it does not
    /// exist, or a request is in progress.
    InOrder,
    /// It drifted, and was not repaired.
    Drifted,
    /// It drifted, and was repaired.
    Repaired,
}

/// The check of one document.
#[derive(Debug)]
pub(super) struct DriftCheck<'a> {
    pub(super) guard: &'a Guard<'a>,
    pub(super) name: &'a str,
    pub(super) moved: Option<&'a Moved>,
}

impl DriftCheck<'_> {
    /// Checks the document. If it seems to have drifted, checks it again once it has settled.
    ///
    /// # Errors
    /// The document can't be read.
    pub(super) async fn run(&self) -> Result<Outcome, Failure> {
        if self.difference().await?.is_none() {
            return Ok(Outcome::InOrder);
        }
        let moved_at = self.moved.and_then(|moved| moved.at);
        self.wait_until(rules::second_check(moved_at, self.now())).await;
        let (described, difference) = loop {
            let Some((described, difference)) = self.difference().await? else { return Ok(Outcome::InOrder) };
            let made_at = self.reader().created_at(&described.latest_version).await?;
            match rules::settles_at(made_at, self.now()) {
                Some(settled) => self.wait_until(settled).await,
                None => break (described, difference),
            }
        };
        let Some(owners) = rules::owners(&described) else { return Ok(Outcome::InOrder) };
        if matches!(owners, Owners::Keys(_)) && !self.is_drift_of_keys(&described, &difference).await? {
            return Ok(Outcome::InOrder);
        }
        let (status, _) = self.ask(&owners).await;
        if status == OwnerStatus::InProgress {
            return Ok(Outcome::InOrder);
        }
        self.report(&owners, &difference, &status);
        match (self.guard.mode, status) {
            (Mode::Repair, OwnerStatus::Settled) => self.repair(&owners, described, difference).await,
            (Mode::Off | Mode::Report | Mode::Repair, _) => Ok(Outcome::Drifted),
        }
    }

    /// Whether the drift concerns a key that a resource manages.
    async fn is_drift_of_keys(&self, described: &Description, difference: &Difference) -> Result<bool, Failure> {
        let Difference { default_version, tagged } = difference;
        let reader = self.reader();
        let (default, tagged) = tokio::try_join!(reader.content_of(default_version), reader.content_of(tagged))?;
        Ok(rules::is_drift_of_keys(&key_ownerships(&described.tags), default.as_ref(), tagged.as_ref()))
    }

    /// Promotes the version in the tag. If the tag changes meanwhile, the new value wins.
    async fn repair(
        &self,
        owners: &Owners,
        described: Description,
        mut difference: Difference,
    ) -> Result<Outcome, Failure> {
        let document = self.name;
        if rules::was_repaired_lately(&described, self.now()) {
            tracing::warn!(
                document,
                "a repair of the document was begun less than ten minutes ago, so it is left as it is"
            );
            return Ok(Outcome::Drifted);
        }
        let version = self.reader().describe_version(&difference.tagged).await?;
        if version.is_none_or(|version| version.status() != Status::Active) {
            tracing::warn!(
                document,
                version = difference.tagged,
                "the version in the tag no longer exists or is not Active, so it is not promoted"
            );
            return Ok(Outcome::Drifted);
        }
        // Written before the promotion: without this tag, two guards could fight.
        let repaired_at = Tags::from([(REPAIRED_AT.to_owned(), self.now().as_secs().to_string())]);
        if let Err(failure) = self.writer().tag(&repaired_at).await {
            tracing::warn!(document, reason = %failure, "the repair can't be recorded, so nothing is promoted");
            return Ok(Outcome::Drifted);
        }
        let mut restored = None;
        for _ in 0..MAX_PROMOTIONS {
            let (status, asked_at) = self.ask(owners).await;
            if status != OwnerStatus::Settled {
                break;
            }
            let gate = Arc::new(Writes::new(Arc::new(OneAttempt::until(asked_at + REPLY_LASTS))));
            match writes::within(gate, self.writer().promote(&difference.tagged)).await {
                Ok(_) => restored = Some(difference.tagged.clone()),
                Err(why) => {
                    tracing::warn!(document, reason = %Failure::from(why), "the repair failed");
                    break;
                }
            }
            Backoff::new().pause().await;
            match self.difference().await? {
                None => break,
                Some((_, changed)) => difference = changed,
            }
        }
        let Some(version) = restored else { return Ok(Outcome::Drifted) };
        tracing::warn!(document, version, "the default version was restored");
        self.guard.metrics.count(Metric::RepairedDocuments, self.guard.function, self.now());
        Ok(Outcome::Repaired)
    }

    fn report(&self, owners: &Owners, difference: &Difference, status: &OwnerStatus) {
        let stack = match owners {
            Owners::Whole(owner) => owner.stack_id.clone(),
            Owners::Keys(stacks) => stacks.join(", "),
        };
        let only_reported = match status {
            OwnerStatus::Settled | OwnerStatus::InProgress => None,
            OwnerStatus::Unclear(why) => Some(why),
        };
        let Difference { default_version, tagged } = difference;
        let (who, when) =
            (self.moved.and_then(|moved| moved.who.as_ref()), self.moved.and_then(|moved| moved.when.as_ref()));
        tracing::warn!(
            document = self.name,
            default_version,
            tagged,
            stack,
            who,
            when,
            only_reported,
            "the document drifted"
        );
        self.guard.metrics.count(Metric::DriftedDocuments, self.guard.function, self.now());
    }

    async fn difference(&self) -> Result<Option<(Description, Difference)>, Failure> {
        let described = self.reader().describe().await?.map(|described| described.description);
        Ok(described.and_then(|described| {
            let difference = rules::difference(&described)?;
            rules::owners(&described).map(|_| (described, difference))
        }))
    }

    /// Asks CloudFormation about the owners. Returns its report and when the first question was sent.
    async fn ask(&self, owners: &Owners) -> (OwnerStatus, Instant) {
        let asked_at = Instant::now();
        let replies = match owners {
            Owners::Whole(owner) => vec![self.status_of_resource(owner).await],
            // The tags of keys contain no logical id, so only their stacks can be looked up.
            Owners::Keys(stacks) => join_all(stacks.iter().map(|stack_id| self.status_of_stack(stack_id))).await,
        };
        (rules::owner_status(&replies), asked_at)
    }

    async fn status_of_resource(&self, owner: &Owner) -> Result<Option<String>, String> {
        self.refuse_other_location(&owner.stack_id)?;
        Ok(match self.guard.cloudformation.describe(&owner.stack_id, &owner.logical_id).await? {
            StackResource::Missing => None,
            StackResource::Found { status, .. } => Some(status),
        })
    }

    async fn status_of_stack(&self, stack_id: &str) -> Result<Option<String>, String> {
        self.refuse_other_location(stack_id)?;
        self.guard.cloudformation.describe_stack(stack_id).await
    }

    fn refuse_other_location(&self, stack_id: &str) -> Result<(), String> {
        let is_here = self.guard.location.as_ref().is_some_and(|location| location.has(stack_id));
        if is_here { Ok(()) } else { Err("the stack is not in this account and Region".to_owned()) }
    }

    async fn wait_until(&self, moment: Duration) {
        sleep(moment.saturating_sub(self.now())).await;
    }

    fn now(&self) -> Duration {
        self.guard.clock.now()
    }

    fn reader(&self) -> Reader<'_> {
        Reader { client: self.guard.client, name: self.name }
    }

    fn writer(&self) -> Writer<'_> {
        Writer { client: self.guard.client, name: self.name }
    }
}

/// Admits one attempt, which must end by `end`.
#[derive(Debug)]
struct OneAttempt {
    end: Instant,
    was_made: AtomicBool,
}

impl OneAttempt {
    fn until(end: Instant) -> Self {
        Self { end, was_made: AtomicBool::new(false) }
    }
}

impl Gate for OneAttempt {
    fn admit(&self) -> Admission<'_> {
        let is_late = self.was_made.swap(true, Ordering::SeqCst) || Instant::now() >= self.end;
        let refusal = || {
            Failure::new(
                "The promotion was not sent, or it failed and was not retried: a promotion gets only one attempt, within \
                 2 s of asking CloudFormation. The first check that comes at least ten minutes later tries again.",
            )
        };
        Box::pin(std::future::ready(if is_late { Err(refusal()) } else { Ok(Some(self.end)) }))
    }
}
