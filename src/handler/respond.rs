//! The work on one request, its undo, and its response.

use std::sync::Arc;

use aws_sdk_ssm::Client;
use futures_util::FutureExt;
use lambda_runtime::Context;
use tokio::time::Instant;

use crate::cfn::delivery::Delivery;
use crate::cfn::physical_id::FailedCreate;
use crate::cfn::request::{Envelope, Request, RequestType};
use crate::cfn::response::{Outcome, ResponseTemplate};
use crate::cfn::response_url::ResponseUrl;
use crate::cfn::standing::Standing;
use crate::failure::Failure;
use crate::invocation::deadline::Deadlines;
use crate::invocation::guard::{self, WorkError};
use crate::invocation::undo_log::{UndoEntry, UndoLog};
use crate::invocation::watchdog::{ResponseRight, Watchdog};
use crate::invocation::writes::{self, Writes};
use crate::resource::Kind;
use crate::resource::document;
use crate::resource::location::Location;
use crate::resource::reconciled::Reconciled;
use crate::resource::service_setting;
use crate::resource::undo::{Undo, UndoDue};
use crate::ssm::retry::LastRetry;

/// A request that is being handled, shared by the working thread and the watchdog.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) ssm: Client,
    pub(super) last_retry: LastRetry,
    pub(super) delivery: Delivery,
    pub(super) response: ResponseTemplate,
    pub(super) url: ResponseUrl,
    pub(super) standing: Arc<Standing>,
    pub(super) writes: Arc<Writes>,
    pub(super) deadlines: Deadlines,
    pub(super) undo_log: UndoLog<Undo>,
    pub(super) right: ResponseRight,
}

impl Invocation {
    /// Carries out the request. If the request fails, undoes what it did.
    pub(super) async fn outcome(&self, envelope: &Envelope<'_>, context: &Context) -> Outcome {
        // Boxed, because the compiler can't compute the layout of a future nested this deeply.
        let work = async {
            let request = envelope.request(self.url.signed_at)?;
            self.dispatch(&request, context).await
        }
        .boxed();
        let work = self.standing.ask_while(guard::run(self.deadlines.work, work));
        let result = writes::within(Arc::clone(&self.writes), work).await;
        let failure = match (result, self.standing.overtaken()) {
            (_, Some(overtaken)) => overtaken.failure,
            (Ok(done), None) => return Outcome::Success { physical_resource_id: done.physical_id, data: done.data },
            (Err(error), None) => self.reason(error),
        };
        match self.undo_log.entry() {
            Some(entry) => self.undo(entry, failure).await,
            None => Outcome::failed(failure),
        }
    }

    /// Passes the request to its resource. If the request fails, the undo log holds what must be undone.
    async fn dispatch(&self, request: &Request, context: &Context) -> Result<Reconciled, Failure> {
        let (ssm, standing, undo_log) = (&self.ssm, &*self.standing, &self.undo_log);
        let (location, function) =
            (Location::from_arn(&context.invoked_function_arn), context.env_config.function_name.as_str());
        let location = location.as_ref();
        let is_delete = request.request_type == RequestType::Delete;
        let deleted = || Reconciled::deleted(request);
        if let Some(Err(refused)) = location.map(|location| location.accept(&request.stack_id)) {
            if is_delete {
                tracing::info!("the stack is not known to be in this account and Region, so nothing is deleted");
                return Ok(deleted());
            }
            return Err(refused);
        }
        match (Kind::of(&request.resource_type), is_delete) {
            (Ok(Kind::Document), false) => document::reconcile(ssm, location, request, standing, undo_log).await,
            (Ok(Kind::Document), true) => document::release(ssm, request, standing, undo_log).await.map(|()| deleted()),
            (Ok(Kind::ServiceSetting), false) => {
                service_setting::reconcile(ssm, location, function, request, standing, undo_log).await
            }
            (Ok(Kind::ServiceSetting), true) => {
                service_setting::release(ssm, function, request, standing, undo_log).await.map(|()| deleted())
            }
            (Err(_), true) => Ok(deleted()),
            (Err(unknown), false) => Err(unknown),
        }
    }

    /// Undoes what a failed request did. Anything not known to have been undone counts as left behind.
    async fn undo(&self, entry: UndoEntry<Undo>, failure: Failure) -> Outcome {
        let left_behind = Some(self.unfinished(&entry));
        self.undo_log.step("asking CloudFormation whether it is still waiting for a response to this request");
        // Asking may take half of the remaining time. The other half is for the undo.
        let now = Instant::now();
        let until = now + self.deadlines.undo.saturating_duration_since(now) / 2;
        if guard::run(until, self.standing.ask_before_undo().map(Ok)).await.is_err() {
            tracing::warn!("CloudFormation did not reply in time; the changes are undone anyway");
        }
        match entry.undo.due(self.standing.overtaken().as_ref()) {
            UndoDue::Never => return Outcome::Failed { failure, left_behind },
            UndoDue::WhileStanding => {}
            UndoDue::Always => self.standing.allow_undo(),
        }
        self.undo_log.step("undoing the changes");
        let (ssm, undo_log) = (&self.ssm, &self.undo_log);
        let undo = async {
            match &entry.undo {
                Undo::Document(undo) => document::apply::undo::undo(ssm, undo).await,
                Undo::Keys(undo) => document::apply::merge::undo(ssm, undo, undo_log).await,
                Undo::ServiceSetting(undo) => undo.run(ssm, undo_log).await,
            }
        }
        .boxed();
        let id = &entry.physical_id;
        match writes::within(Arc::clone(&self.writes), guard::run(self.deadlines.undo, undo)).await {
            Ok(()) if self.writes.has_unreplied() => {
                let failure = failure.and(format!(
                    "The changes to {id} were undone, but a call got no response and may still take effect."
                ));
                Outcome::Failed { failure, left_behind }
            }
            Ok(()) => {
                self.undo_log.clear();
                Outcome::failed(failure)
            }
            Err(error) => {
                let failure = failure.and(format!("The changes to {id} could not be undone: {}", self.reason(error)));
                Outcome::Failed { failure, left_behind }
            }
        }
    }

    /// The physical id of a failed Create that may have left something behind.
    fn unfinished(&self, entry: &UndoEntry<Undo>) -> String {
        FailedCreate::Unfinished { signature: self.standing.signature(), id: entry.physical_id.clone() }.to_string()
    }

    fn reason(&self, error: WorkError) -> Failure {
        match error {
            WorkError::Failed(failure) => failure,
            WorkError::TimedOut => self.timed_out(),
            WorkError::Panicked => Failure::new(format!(
                "The function panicked while {}. This is a bug. Report it with the location from the log.",
                self.undo_log.current_step()
            )),
        }
    }

    fn timed_out(&self) -> Failure {
        let last = self.last_retry.get().map(|error| format!("The last error was: {error}"));
        let last = last.unwrap_or_else(|| "Try again.".to_owned());
        Failure::new(format!("The request timed out while {}. {last}", self.undo_log.current_step()))
    }

    /// Starts the watchdog, which responds if the working thread stalls.
    pub(super) fn watch(self: &Arc<Self>) -> Watchdog {
        let this = Arc::clone(self);
        Watchdog::start(self.deadlines.watchdog, self.right.clone(), move || {
            let failure = Failure::new("The function stalled.").and(this.timed_out());
            let left_behind = this.undo_log.entry().map(|entry| this.unfinished(&entry));
            let outcome = Outcome::Failed { failure, left_behind };
            let delivery = this.delivery.on_this_thread()?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime =
                runtime.map_err(|error| Failure::new(format!("The watchdog can't start its runtime: {error}.")))?;
            let delivered = runtime.block_on(this.deliver(&delivery, &outcome));
            // Dropping the runtime would wait for a name resolution in progress.
            runtime.shutdown_background();
            delivered
        })
    }

    pub(super) async fn deliver(&self, delivery: &Delivery, outcome: &Outcome) -> Result<(), Failure> {
        let delivered = delivery.deliver(&self.url, self.response.encode(outcome)?, self.deadlines.response).await;
        // Logged after the delivery, because writing blocks if the log's pipe is full.
        self.log(outcome);
        delivered
    }

    fn log(&self, outcome: &Outcome) {
        let resource = self.response.logical_resource_id.as_str();
        match outcome {
            Outcome::Success { physical_resource_id, .. } => {
                tracing::info!(resource, physical_resource_id, "the response is SUCCESS");
            }
            Outcome::Failed { failure, left_behind } => {
                tracing::error!(resource, reason = %failure, ?left_behind, "the response is FAILED");
            }
        }
    }
}
