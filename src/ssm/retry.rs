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

/// The last error of this invocation that looked transient, whether or not it was retried and the retry succeeded. A request that
/// runs out of time quotes it in its reason.
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

impl Intercept for LastRetry {
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
        let Some(response) = context.response() else {
            self.set(Some(format!("{operation} got no response from Systems Manager. {CHECK_ENDPOINT}")));
            return Ok(());
        };
        match WireError::read(response) {
            Some(error) if error.is_transient(response.status()) => self.set(Some(error.describe(operation))),
            None => self.set(Some(format!("{operation} failed with status {}. Try again.", response.status()))),
            Some(_) => {}
        }
        Ok(())
    }
}

/// Retries what the SDK's own classifiers don't.
#[derive(Debug)]
pub(super) struct RetryClassifier {
    pub(super) process_started: Instant,
}

impl ClassifyRetry for RetryClassifier {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        if !matches!(context.output_or_error(), Some(Err(_))) {
            return RetryAction::NoActionIndicated;
        }
        match context.response().and_then(WireError::read).map(|error| error.code) {
            Some(ErrorCode::AccessDenied) if self.process_started.elapsed() < NEW_ROLE => {
                RetryAction::transient_error()
            }
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
