//! Which errors are retried, and what was retried last.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_ssm::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ssm::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{FinalizerInterceptorContextRef, InterceptorContext};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction, RetryClassifierPriority};
use tokio::time::Instant;

use super::code::ErrorCode;
use super::error::WireError;
use super::remedy::CHECK_ENDPOINT;

/// IAM is eventually consistent: a role that was just created may be denied for this long.
const NEW_ROLE: Duration = Duration::from_secs(30);

/// The last retryable error of this invocation. It is kept even if the retry succeeds. A request that runs out of time quotes it
/// in its reason.
#[derive(Debug, Clone, Default)]
pub struct LastRetry(Arc<Mutex<Option<String>>>);

impl LastRetry {
    /// Forgets the error. Called when an invocation begins.
    pub fn clear(&self) {
        self.set(None);
    }

    /// Returns the error and its remedy.
    pub fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, error: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }
}

/// Retries what the SDK's own classifiers don't, and records what may be retried.
#[derive(Debug, Clone)]
pub(super) struct Retries {
    pub(super) last_retry: LastRetry,
    pub(super) process_started: Instant,
}

impl Retries {
    /// Whether AWS may have denied a call merely because the function's role is new.
    fn is_new_role(&self, code: &ErrorCode) -> bool {
        *code == ErrorCode::AccessDenied && self.process_started.elapsed() < NEW_ROLE
    }
}

impl Intercept for Retries {
    fn name(&self) -> &'static str {
        "last retry"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if !matches!(context.output_or_error(), Some(Err(_))) {
            return Ok(());
        }
        let operation = config.load::<Metadata>().map_or("A call", Metadata::name);
        let error = match context.response().map(|response| (response.status(), WireError::read(response))) {
            None => format!("{operation} got no response from Systems Manager. {CHECK_ENDPOINT}"),
            Some((status, None)) => format!("{operation} failed with status {status}. Try again."),
            Some((status, Some(error))) if error.is_transient(status) || self.is_new_role(&error.code) => {
                error.describe_retry(operation)
            }
            Some((_, Some(_))) => return Ok(()),
        };
        self.last_retry.set(Some(error));
        Ok(())
    }
}

impl ClassifyRetry for Retries {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        if !matches!(context.output_or_error(), Some(Err(_))) {
            return RetryAction::NoActionIndicated;
        }
        match context.response().and_then(WireError::read).map(|error| error.code) {
            Some(code) if self.is_new_role(&code) => RetryAction::transient_error(),
            Some(ErrorCode::TooManyUpdates) => RetryAction::throttling_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "new role and concurrent updates"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}
