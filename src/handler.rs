//! One invocation, from raw event to delivered answer.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_ssm::Client;
use futures_util::FutureExt;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::cfn::delivery::Delivery;
use crate::cfn::request::Envelope;
use crate::cfn::response::{Outcome, encode};
use crate::cfn::response_url::{ResponseUrl, UrlRules};
use crate::failure::Failure;
use crate::invocation::deadline::Deadlines;
use crate::invocation::guard::{self, WorkError};
use crate::invocation::undo_log::UndoLog;
use crate::invocation::watchdog::{Turn, Watchdog};
use crate::resource;
use crate::resource::location::Location;
use crate::resource::undo::Undo;
use crate::ssm::retry::LastRetry;

/// What answers requests. It keeps clients and configuration, nothing of a request.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Provider {
    pub ssm: Client,
    pub last_retry: LastRetry,
    pub delivery: Delivery,
    pub url_rules: UrlRules,
}

impl Provider {
    /// Carries out the request and delivers its answer, before Lambda ends the process.
    ///
    /// # Errors
    /// Only where the answer was not delivered: then Lambda's retry is a second chance. Such are an event that did not come from
    /// CloudFormation, a response URL that must not be answered or has expired, and a PUT that failed.
    pub async fn handle(&self, event: LambdaEvent<Box<RawValue>>) -> Result<(), Failure> {
        let started = Instant::now();
        let LambdaEvent { payload, context } = event;
        let result = match guard::catch(self.answer(payload.into(), &context, started)).await {
            Ok(()) => Ok(()),
            Err(WorkError::Failed(failure)) => Err(failure),
            // The runtime would print the payload of the panic.
            Err(WorkError::Panicked | WorkError::TimedOut) => {
                Err(Failure::new("The function has a defect: it panicked."))
            }
        };
        if let Err(failure) = &result {
            tracing::error!(%failure, "the request was not answered");
        }
        result
    }

    async fn answer(&self, event: Arc<RawValue>, context: &Context, started: Instant) -> Result<(), Failure> {
        self.last_retry.clear();
        let envelope = Envelope::parse(&event)?;
        let url = ResponseUrl::parse(&envelope.response_url, &self.url_rules)?;
        let now = since_1970();
        if url.expired(seconds(now)) {
            return Err(Failure::new("ResponseURL: has expired. Nothing is changed, and nobody waits for an answer."));
        }
        let service_timeout = envelope.service_timeout();
        let age = url.signed_at.map_or(0, |signed_at| seconds(now) - signed_at);
        let deadlines = Deadlines::new(started, remaining(context, now, service_timeout - age));
        let undo_log = Arc::new(UndoLog::new());
        let log_stream = context.env_config.log_stream.as_str();
        // A request that leaves no room for an answer must not be carried out either.
        encode(&envelope, &Outcome::Failed { failure: Failure::new(""), left_behind: None }, log_stream)?;

        let turn = Turn::default();
        let watchdog = self.watch(&event, &url, deadlines, &undo_log, log_stream.to_owned(), turn.clone());
        let outcome = if age >= service_timeout {
            Outcome::Failed {
                failure: Failure::new(format!(
                    "The request is {age} s old, and CloudFormation waits {service_timeout} s (ServiceTimeout): it has given up \
                     by now, and nothing was changed."
                )),
                left_behind: None,
            }
        } else {
            let work = self.outcome(&envelope, &url, context, deadlines, &undo_log);
            tokio::join!(work, self.delivery.connect(&url, deadlines.work)).0
        };
        if !turn.take() {
            return watchdog.answered();
        }
        watchdog.stop();
        let delivered = self.delivery.deliver(&url, encode(&envelope, &outcome, log_stream)?, deadlines.answer).await;
        // Not before: who writes to a log that nobody takes is stalled.
        log(&envelope, &outcome);
        delivered
    }

    /// Carries out the request; where that fails, takes back what it did.
    async fn outcome(
        &self,
        envelope: &Envelope<'_>,
        url: &ResponseUrl,
        context: &Context,
        deadlines: Deadlines,
        undo_log: &UndoLog<Undo>,
    ) -> Outcome {
        // Boxed: a future of this depth is more than the compiler lays out.
        let work = async {
            let request = envelope.request(url.signed_at)?;
            let location = Location::from_arn(&context.invoked_function_arn);
            resource::dispatch(&self.ssm, location.as_ref(), &context.env_config.function_name, &request, undo_log)
                .await
        }
        .boxed();
        let cut = match guard::run(deadlines.work, work).await {
            Ok(done) => return Outcome::Success { physical_resource_id: done.physical_id, data: done.data },
            Err(cut) => cut,
        };
        let failure = self.reason(cut, undo_log);
        let Some(written) = undo_log.entry() else {
            return Outcome::Failed { failure, left_behind: None };
        };
        undo_log.step("undoing what was done");
        match guard::run(deadlines.undo, written.undo.run(&self.ssm).boxed()).await {
            Ok(()) => {
                undo_log.clear();
                Outcome::Failed { failure, left_behind: None }
            }
            Err(cut) => {
                let id = written.physical_id;
                let why = self.reason(cut, undo_log);
                let failure = failure.and(format!("What was done to {id} could not be undone: {why}"));
                Outcome::Failed { failure, left_behind: Some(id) }
            }
        }
    }

    fn reason(&self, cut: WorkError, undo_log: &UndoLog<Undo>) -> Failure {
        match cut {
            WorkError::Failed(failure) => failure,
            WorkError::TimedOut => self.out_of_time(undo_log),
            WorkError::Panicked => Failure::new(format!(
                "The function has a defect: it panicked while {}. Its log has the place; please report it.",
                undo_log.current_step()
            )),
        }
    }

    fn out_of_time(&self, undo_log: &UndoLog<Undo>) -> Failure {
        let last = self.last_retry.get().map(|last_retry| format!("The last trouble: {last_retry}"));
        let last = last.unwrap_or_else(|| "Try again.".to_owned());
        Failure::new(format!("The time ran out while {}. {last}", undo_log.current_step()))
    }

    /// Arms the thread that answers when this one is stalled.
    fn watch(
        &self,
        event: &Arc<RawValue>,
        url: &ResponseUrl,
        deadlines: Deadlines,
        undo_log: &Arc<UndoLog<Undo>>,
        log_stream: String,
        turn: Turn,
    ) -> Watchdog {
        let (this, event, url, undo_log) = (self.clone(), Arc::clone(event), url.clone(), Arc::clone(undo_log));
        Watchdog::arm(deadlines.watchdog, turn, move || {
            let failure = this.out_of_time(&undo_log).and("The function was stalled.");
            let left_behind = undo_log.entry().map(|written| written.physical_id);
            let outcome = Outcome::Failed { failure, left_behind };
            let envelope = Envelope::parse(&event)?;
            let body = encode(&envelope, &outcome, &log_stream)?;
            let delivery = this.delivery.on_this_thread()?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| Failure::new(format!("There is no runtime: {error}.")))?;
            let delivered = runtime.block_on(delivery.deliver(&url, body, deadlines.answer));
            // A name that is still being resolved is not waited for.
            runtime.shutdown_background();
            log(&envelope, &outcome);
            delivered
        })
    }
}

fn log(envelope: &Envelope<'_>, outcome: &Outcome) {
    let resource = envelope.logical_resource_id.as_str();
    match outcome {
        Outcome::Success { physical_resource_id, .. } => {
            tracing::info!(resource, physical_resource_id, "the answer is SUCCESS");
        }
        Outcome::Failed { failure, left_behind } => {
            tracing::error!(resource, reason = %failure, ?left_behind, "the answer is FAILED");
        }
    }
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// What is left of the invocation, and of CloudFormation's patience.
fn remaining(context: &Context, now: Duration, patience: i64) -> Duration {
    let invocation = Duration::from_millis(context.deadline).saturating_sub(now);
    match u64::try_from(patience) {
        Ok(seconds) if seconds > 0 => invocation.min(Duration::from_secs(seconds)),
        _ => invocation,
    }
}
