//! One invocation, from the raw event to the delivered response.

pub mod unhandled;

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_ssm::Client;
use futures_util::FutureExt;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::value::RawValue;
use tokio::time::Instant;

use self::unhandled::Unhandled;
use crate::cfn::delivery::Delivery;
use crate::cfn::physical_id::FailedCreate;
use crate::cfn::request::{Envelope, Request, RequestType};
use crate::cfn::response::{Outcome, ResponseTemplate};
use crate::cfn::response_url::{ResponseUrl, UrlRules};
use crate::cfn::standing::Standing;
use crate::cfn::standing::cloudformation::CloudFormation;
use crate::drift;
use crate::failure::Failure;
use crate::http::put::Put;
use crate::invocation::clock::Clock;
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
use crate::resource::undo::Undo;
use crate::ssm::client::client;
use crate::ssm::retry::LastRetry;

/// Handles requests. It keeps clients and configuration between requests, but nothing about a request.
#[derive(Debug, Clone)]
pub struct Provider {
    /// The Systems Manager client.
    pub ssm: Client,
    /// Which response URLs are accepted.
    pub url_rules: UrlRules,
    /// Asks CloudFormation whether it is still waiting for a response to a request.
    pub cloudformation: CloudFormation,
    /// The wall clock.
    pub clock: Clock,
    /// What the drift guard does. It is off unless this is set.
    pub drift_guard: drift::Mode,
    /// Where the drift guard writes its metrics.
    pub metrics: drift::report::Metrics,
    last_retry: LastRetry,
    delivery: Delivery,
}

impl Provider {
    /// Creates a provider. Until 30 s after `process_started`, it retries calls that are denied, since a new role takes time to
    /// take effect.
    pub fn new(
        config: &SdkConfig,
        cloudformation: CloudFormation,
        put: Arc<dyn Put>,
        url_rules: UrlRules,
        clock: Clock,
        process_started: Instant,
    ) -> Self {
        let last_retry = LastRetry::default();
        let ssm = client(config, last_retry.clone(), process_started);
        Self {
            ssm,
            url_rules,
            cloudformation,
            clock,
            drift_guard: drift::Mode::Off,
            metrics: drift::report::Metrics::stdout(),
            last_retry,
            delivery: Delivery::new(put),
        }
    }

    /// Carries out a request and delivers its response before Lambda ends the process, or passes an event for the drift guard to
    /// it.
    ///
    /// # Errors
    /// The response was not delivered, or the drift guard could not check every document. Lambda then retries the event. A
    /// response is not delivered if the event is not a CloudFormation request, the response URL is not accepted or has expired,
    /// the request's ids leave no room for a response, the PUT fails, or the function panics outside of the request's own work. A
    /// request that fails is not an error.
    pub async fn handle(&self, event: LambdaEvent<Box<RawValue>>) -> Result<(), Unhandled> {
        let started = Instant::now();
        let LambdaEvent { payload, context } = event;
        self.last_retry.clear();
        let drift_event = match self.drift_guard {
            drift::Mode::Off => None,
            drift::Mode::Report | drift::Mode::Repair => drift::event::Event::parse(&payload),
        };
        match drift_event {
            Some(event) => caught(self.guard_drift(event, &context)).await.map_err(Unhandled::DriftNotChecked),
            None => caught(self.respond(&payload, &context, started)).await.map_err(Unhandled::ResponseNotDelivered),
        }
    }

    async fn guard_drift(&self, event: drift::event::Event, context: &Context) -> Result<(), Failure> {
        let guard = drift::Guard {
            mode: self.drift_guard,
            client: &self.ssm,
            cloudformation: &self.cloudformation,
            clock: &self.clock,
            metrics: &self.metrics,
            location: Location::from_arn(&context.invoked_function_arn),
            function: &context.env_config.function_name,
        };
        let time = Duration::from_millis(context.deadline).saturating_sub(self.clock.now());
        guard.handle(event, time).boxed().await
    }

    async fn respond(&self, event: &RawValue, context: &Context, started: Instant) -> Result<(), Failure> {
        let envelope = Envelope::parse(event)?;
        let url = ResponseUrl::parse(&envelope.response_url, &self.url_rules)?;
        let now = self.clock.now();
        if url.expired(seconds(now)) {
            return Err(Failure::new(
                "ResponseURL: has expired. CloudFormation is no longer waiting for the response, so nothing was changed.",
            ));
        }
        // A request whose response would be too long must not be carried out.
        let signature = url.signature(now);
        let response = ResponseTemplate::new(&envelope, signature.seconds(), &context.env_config.log_stream)?;
        let service_timeout = envelope.service_timeout();
        let age = url.signed_at.map_or(0, |signed_at| seconds(now) - signed_at);
        let location = Location::from_arn(&context.invoked_function_arn);
        let may_ask = location.is_some_and(|location| location.has(&envelope.stack_id));
        let cloudformation = may_ask.then(|| self.cloudformation.clone());
        let standing = Arc::new(Standing::new(&envelope, signature, (now, started), cloudformation));
        let invocation = Arc::new(Invocation {
            provider: self.clone(),
            response,
            writes: Arc::new(Writes::new(Arc::<Standing>::clone(&standing))),
            standing,
            deadlines: Deadlines::new(started, remaining(context, now, service_timeout - age)),
            url,
            undo_log: UndoLog::new(),
            right: ResponseRight::default(),
        });
        let watchdog = invocation.watch();
        let outcome = if age >= service_timeout {
            Outcome::failed(Failure::new(format!(
                "The request is {age} s old, and CloudFormation waits only {service_timeout} s for a response \
                 (ServiceTimeout), so nothing was changed."
            )))
        } else {
            let connect = self.delivery.connect(&invocation.url, invocation.deadlines.work);
            tokio::join!(invocation.outcome(&envelope, context), connect).0
        };
        if !invocation.right.take() {
            return watchdog.join();
        }
        watchdog.stop();
        invocation.deliver(&self.delivery, &outcome).await
    }
}

/// A request that is being handled, shared by the working thread and the watchdog.
#[derive(Debug)]
struct Invocation {
    provider: Provider,
    response: ResponseTemplate,
    url: ResponseUrl,
    standing: Arc<Standing>,
    writes: Arc<Writes>,
    deadlines: Deadlines,
    undo_log: UndoLog<Undo>,
    right: ResponseRight,
}

impl Invocation {
    /// Carries out the request. If the request fails, undoes what it did.
    async fn outcome(&self, envelope: &Envelope<'_>, context: &Context) -> Outcome {
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
        let (ssm, standing, undo_log) = (&self.provider.ssm, &*self.standing, &self.undo_log);
        let (location, function) =
            (Location::from_arn(&context.invoked_function_arn), context.env_config.function_name.as_str());
        let location = location.as_ref();
        let is_delete = request.request_type == RequestType::Delete;
        let deleted = || Reconciled::deleted(request);
        if let Some(Err(refused)) = location.map(|location| location.accept(&request.stack_id)) {
            if is_delete {
                tracing::info!("the stack is in another account or Region, so there is nothing to delete");
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
            tracing::warn!("CloudFormation did not reply in time, so the changes are undone anyway");
        }
        if let Some(overtaken) = self.standing.overtaken() {
            if !entry.undo.is_due_after(&overtaken) {
                return Outcome::Failed { failure, left_behind };
            }
            self.standing.allow_undo();
        }
        self.undo_log.step("undoing the changes");
        let (ssm, undo_log) = (&self.provider.ssm, &self.undo_log);
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
        let last = self.provider.last_retry.get().map(|error| format!("The last error was: {error}"));
        let last = last.unwrap_or_else(|| "Try again.".to_owned());
        Failure::new(format!("The request timed out while {}. {last}", self.undo_log.current_step()))
    }

    /// Starts the watchdog, which responds if the working thread stalls.
    fn watch(self: &Arc<Self>) -> Watchdog {
        let this = Arc::clone(self);
        Watchdog::start(self.deadlines.watchdog, self.right.clone(), move || {
            let failure = Failure::new("The function stalled.").and(this.timed_out());
            let left_behind = this.undo_log.entry().map(|entry| this.unfinished(&entry));
            let outcome = Outcome::Failed { failure, left_behind };
            let delivery = this.provider.delivery.on_this_thread()?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime =
                runtime.map_err(|error| Failure::new(format!("The watchdog can't start its runtime: {error}.")))?;
            let delivered = runtime.block_on(this.deliver(&delivery, &outcome));
            // Dropping the runtime would wait for a name resolution in progress.
            runtime.shutdown_background();
            delivered
        })
    }

    async fn deliver(&self, delivery: &Delivery, outcome: &Outcome) -> Result<(), Failure> {
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

async fn caught(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    guard::catch(work).await.map_err(|error| match error {
        WorkError::Failed(failure) => failure,
        // Caught here, because the runtime would log the panic's payload.
        WorkError::Panicked | WorkError::TimedOut => Failure::new("The function panicked. This is a bug."),
    })
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// Returns the time until Lambda ends the invocation or CloudFormation stops waiting, whichever comes first.
fn remaining(context: &Context, now: Duration, service_timeout_left: i64) -> Duration {
    let invocation = Duration::from_millis(context.deadline).saturating_sub(now);
    match u64::try_from(service_timeout_left) {
        Ok(seconds) if seconds > 0 => invocation.min(Duration::from_secs(seconds)),
        _ => invocation,
    }
}
