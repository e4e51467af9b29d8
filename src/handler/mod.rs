//! The entry point of every event.
//!
//! [`resource::document`](crate::resource::document) and [`resource::service_setting`](crate::resource::service_setting) carry
//! out a request. [`respond`] bounds that work, delivers the response, and undoes what a failed request did. Changes to a document,
//! including its adoption, are undone by [`document::apply::undo`](crate::resource::document::apply::undo), changes to its keys by
//! [`document::apply::merge`](crate::resource::document::apply::merge), and changes to a setting by
//! [`service_setting::undo`](crate::resource::service_setting::undo). What can't be undone is left to the Delete or the rollback
//! that follows. [`ssm`](crate::ssm) decides what happens to a call that Systems Manager refuses, such as one that is denied.
//! Clients and configuration are kept for the next event.

mod respond;
pub mod unhandled;

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_ssm::Client;
use futures_util::FutureExt;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::value::RawValue;
use tokio::time::Instant;

use self::respond::Invocation;
use self::unhandled::Unhandled;
use crate::cfn::delivery::Delivery;
use crate::cfn::request::Envelope;
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
use crate::invocation::undo_log::UndoLog;
use crate::invocation::watchdog::ResponseRight;
use crate::invocation::writes::Writes;
use crate::resource::location::Location;
use crate::ssm::client::client;
use crate::ssm::retry::LastRetry;

/// Handles requests. Between requests, it keeps clients and configuration. What it records about a request (`last_retry`) is
/// cleared when the next one begins.
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

    /// Handles one event. Carries out a CloudFormation request and delivers its response before Lambda ends the process. If the
    /// drift guard is on, passes it the events that are meant for it.
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
            ssm: self.ssm.clone(),
            last_retry: self.last_retry.clone(),
            delivery: self.delivery.clone(),
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

/// Returns the time until Lambda ends the invocation or CloudFormation stops waiting, whichever comes first. If CloudFormation
/// has already stopped waiting, only Lambda's time counts.
fn remaining(context: &Context, now: Duration, service_timeout_left: i64) -> Duration {
    let invocation = Duration::from_millis(context.deadline).saturating_sub(now);
    match u64::try_from(service_timeout_left) {
        Ok(seconds) if seconds > 0 => invocation.min(Duration::from_secs(seconds)),
        _ => invocation,
    }
}
