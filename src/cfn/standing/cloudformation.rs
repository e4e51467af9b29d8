//! Asks CloudFormation for the status of a resource or a stack.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_cloudformation::config::StalledStreamProtectionConfig;
use aws_sdk_cloudformation::config::retry::RetryConfig;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::{Client, Config};

use super::rules::StackResource;

/// A question that gets no reply within this time counts as failed.
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
    /// Says why CloudFormation can't be asked. It is not an error if the stack or the resource does not exist.
    pub(crate) async fn describe(&self, stack_id: &str, logical_resource_id: &str) -> Result<StackResource, String> {
        let client = self.client()?;
        let request = client.describe_stack_resource().stack_name(stack_id).logical_resource_id(logical_resource_id);
        // Boxed because the compiler refuses to lay out a future of this depth.
        let Ok(reply) = tokio::time::timeout(TIMEOUT, Box::pin(request.send())).await else {
            return Err(no_reply());
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

    /// Returns the status of the stack with this id, within 3 s; `None` if there is no such stack. A deleted stack has a status, too.
    ///
    /// # Errors
    /// Says why CloudFormation can't be asked.
    pub(crate) async fn describe_stack(&self, stack_id: &str) -> Result<Option<String>, String> {
        let request = self.client()?.describe_stacks().stack_name(stack_id);
        let Ok(reply) = tokio::time::timeout(TIMEOUT, Box::pin(request.send())).await else {
            return Err(no_reply());
        };
        let stacks = match reply {
            Ok(reply) => reply.stacks.unwrap_or_default(),
            Err(error) if does_not_exist(&error) => return Ok(None),
            Err(error) => return Err(describe(&error)),
        };
        let status = stacks.into_iter().find_map(|stack| stack.stack_status);
        status.map(|status| Some(status.as_str().to_owned())).ok_or_else(|| "the reply has no status".to_owned())
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

fn no_reply() -> String {
    format!("there was no reply within {} s", TIMEOUT.as_secs())
}

/// CloudFormation has no error code for this, only messages: "Stack … does not exist", "Resource … does not exist for stack …".
fn does_not_exist<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.code() == Some("ValidationError")
        && error.message().is_some_and(|message| message.trim_end_matches('.').contains("does not exist"))
}

/// Names the error's code or kind. Messages about a signature quote the signed request, so they are left out.
fn describe<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    match (error.code(), error) {
        (Some(code), _) => format!("it refused the question with {code}"),
        (None, SdkError::DispatchFailure(_) | SdkError::TimeoutError(_)) => "it can't be reached".to_owned(),
        (None, _) => "its reply can't be read".to_owned(),
    }
}
