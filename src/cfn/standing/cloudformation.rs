//! Asks CloudFormation for the status of a resource.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_cloudformation::config::StalledStreamProtectionConfig;
use aws_sdk_cloudformation::config::retry::RetryConfig;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::{Client, Config};

use super::rules::StackResource;

/// A call that gets no reply within this time counts as failed.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Asks CloudFormation. The client and its connection are created for the first question of the process.
#[derive(Clone)]
pub struct CloudFormation {
    config: Arc<dyn Fn() -> Result<Config, String> + Send + Sync>,
    client: Arc<Mutex<Option<Client>>>,
}

impl CloudFormation {
    /// Creates an instance whose client has the configuration that `config` returns. `config` is called for the first question.
    pub fn new(config: impl Fn() -> Result<Config, String> + Send + Sync + 'static) -> Self {
        Self { config: Arc::new(config), client: Arc::default() }
    }

    /// Returns what CloudFormation reports about the resource with this logical id in this stack, within 3 s.
    ///
    /// # Errors
    /// CloudFormation can't be asked; the error says why. A stack or resource that does not exist is not an error.
    pub(crate) async fn describe(&self, stack_id: &str, logical_resource_id: &str) -> Result<StackResource, String> {
        let client = self.client()?;
        let request = client.describe_stack_resource().stack_name(stack_id).logical_resource_id(logical_resource_id);
        // Boxed, because the compiler can't compute the layout of a future nested this deeply.
        let Ok(reply) = tokio::time::timeout(TIMEOUT, Box::pin(request.send())).await else {
            return Err(format!("there was no reply within {} s", TIMEOUT.as_secs()));
        };
        let detail = match reply {
            Ok(reply) => reply.stack_resource_detail,
            Err(error) if does_not_exist(&error) => return Ok(StackResource::Missing),
            Err(error) => return Err(describe(&error)),
        };
        let found = detail.and_then(|detail| {
            let status = detail.resource_status?.as_str().to_owned();
            let updated_at = Duration::try_from_secs_f64(detail.last_updated_timestamp?.as_secs_f64()).ok()?;
            Some(StackResource::Found { status, updated_at })
        });
        found.ok_or_else(|| "the reply has no status".to_owned())
    }

    fn client(&self) -> Result<Client, String> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &*client {
            return Ok(client.clone());
        }
        let retry = RetryConfig::standard().with_initial_backoff(Duration::from_millis(100));
        let config = (self.config)()?.to_builder().retry_config(retry);
        // The timeout ends a call that stalls.
        let config = config.stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        Ok(client.insert(Client::from_conf(config.build())).clone())
    }
}

impl fmt::Debug for CloudFormation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CloudFormation")
    }
}

/// CloudFormation has no error code for this, only messages: "Stack … does not exist", "Resource … does not exist for stack …".
fn does_not_exist<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.code() == Some("ValidationError")
        && error.message().is_some_and(|message| message.trim_end_matches('.').contains("does not exist"))
}

/// Describes an error by its code or kind. Messages are left out, since one about a signature quotes the signed request.
fn describe<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    match (error.code(), error) {
        (Some(code), _) => format!("it refused the call with {code}"),
        (None, SdkError::DispatchFailure(_) | SdkError::TimeoutError(_)) => "it can't be reached".to_owned(),
        (None, _) => "its reply can't be read".to_owned(),
    }
}
