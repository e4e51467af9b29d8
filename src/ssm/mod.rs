//! Systems Manager: its client, what is tried again, and what its errors mean to the owner of a stack.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sdk_ssm::config::retry::{RetryPartition, TokenBucket};
use aws_sdk_ssm::config::{ConfigBag, Intercept, RuntimeComponents, StalledStreamProtectionConfig};
use aws_sdk_ssm::error::BoxError;
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssm::operation::RequestId;
use aws_smithy_runtime_api::client::interceptors::context::{FinalizerInterceptorContextRef, InterceptorContext};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction, RetryClassifierPriority};
use aws_smithy_runtime_api::http::StatusCode;
use tokio::time::Instant;

use crate::failure::Failure;

/// How long a new role may be refused before that is taken at its word: IAM takes seconds to reach everywhere.
const NEW_ROLE: Duration = Duration::from_secs(30);
const ACCESS_DENIED: &str = "AccessDeniedException";
const CHECK_ENDPOINT: &str = "Check that the function reaches the endpoint (a VPC needs one for ssm), then try again.";
/// A call that hangs is given up, and tried again, after this long.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(10);

/// A client that tries again what can pass, for as long as the caller lets it run.
///
/// Tried again with jitter are failed connections, 5xx, throttling, TooManyUpdates and, while the process is younger than half
/// a minute, AccessDenied.
pub fn client(config: &SdkConfig, obstacle: Obstacle, started: Instant) -> Client {
    let retry = RetryConfig::standard()
        .with_max_attempts(14)
        .with_initial_backoff(Duration::from_millis(300))
        .with_max_backoff(Duration::from_secs(4));
    // The default bucket outlives invocations: after a few that failed, the next in the same process would try nothing again.
    let unlimited = RetryPartition::custom("unlimited").token_bucket(TokenBucket::unlimited()).build();
    let config = aws_sdk_ssm::config::Builder::from(config)
        .retry_config(retry)
        .retry_partition(unlimited)
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(LONGEST_ATTEMPT).build())
        // It would end a call that stalls for 5 s with an error that is not tried again; the timeout above is.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .retry_classifier(Passing { started })
        .interceptor(obstacle);
    Client::from_conf(config.build())
}

/// Where the calls of such a client go.
pub async fn endpoint(config: &SdkConfig) -> Option<String> {
    let params = Params::builder()
        .set_region(config.region().map(ToString::to_string))
        .set_use_fips(config.use_fips())
        .set_use_dual_stack(config.use_dual_stack())
        .set_endpoint(config.endpoint_url().map(str::to_owned));
    let endpoint = DefaultResolver::new().resolve_endpoint(&params.build().ok()?).await.ok()?;
    Some(endpoint.url().to_owned())
}

/// The last thing in this invocation that was worth another try: what a request that ran out of time has to tell.
#[derive(Debug, Clone, Default)]
pub struct Obstacle(Arc<Mutex<Option<String>>>);

impl Obstacle {
    /// Forgets it; to be called when an invocation begins.
    pub fn clear(&self) {
        self.set(None);
    }

    /// What it was, and what to do about it.
    pub fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, obstacle: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = obstacle;
    }
}

impl Intercept for Obstacle {
    fn name(&self) -> &'static str {
        "obstacle"
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
            self.set(Some(format!("{operation} got no answer from Systems Manager. {CHECK_ENDPOINT}")));
            return Ok(());
        };
        match WireError::read(response) {
            Some(error) if error.can_pass(response.status()) => self.set(Some(error.obstacle(operation))),
            None => self.set(Some(format!("{operation} was answered with status {}. Try again.", response.status()))),
            Some(_) => {}
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Passing {
    started: Instant,
}

impl ClassifyRetry for Passing {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        if !matches!(context.output_or_error(), Some(Err(_))) {
            return RetryAction::NoActionIndicated;
        }
        let error = context.response().and_then(WireError::read);
        match error.as_ref().map(|error| error.code.as_str()) {
            Some(ACCESS_DENIED) if self.started.elapsed() < NEW_ROLE => RetryAction::transient_error(),
            Some("TooManyUpdates") => RetryAction::throttling_error(),
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

/// An error in its wire form, `{"__type":"com.amazonaws.ssm#Code","Message":"…"}`.
#[derive(serde::Deserialize)]
struct WireError {
    #[serde(rename = "__type")]
    code: String,
    #[serde(default, alias = "Message")]
    message: String,
}

impl WireError {
    fn read(response: &HttpResponse) -> Option<Self> {
        let error: Self = serde_json::from_slice(response.body().bytes()?).ok()?;
        let code = error.code.split('#').next_back()?.split(':').next()?.to_owned();
        Some(Self { code, ..error })
    }

    /// Whether another try may have another answer.
    fn can_pass(&self, status: StatusCode) -> bool {
        let code = self.code.as_str();
        status.is_server_error() || [ACCESS_DENIED, "TooManyUpdates"].contains(&code) || is_throttling(code)
    }

    fn obstacle(&self, operation: &str) -> String {
        let Self { code, message } = self;
        // Of the messages only this one can't quote a content; it names the role, the action and the resource.
        let message = if code == ACCESS_DENIED && !message.is_empty() { format!(": {message}") } else { String::new() };
        format!("{operation} failed with {code}{message}. {}", remedy(code, operation, &self.message))
    }
}

/// An error of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SsmError {
    operation: &'static str,
    /// `None` where there was no answer.
    code: Option<String>,
    message: String,
    request_id: Option<String>,
}

impl SsmError {
    /// Takes what the SDK says of a call of `operation`.
    pub fn new<E: ProvideErrorMetadata>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Self {
        let code = error.code().map(str::to_owned);
        let request_id = error.raw_response().and_then(|response| response.request_id()).map(str::to_owned);
        let message = match error {
            // These quote the signed request, and with it the session's token.
            SdkError::ServiceError(_) if code.as_ref().is_some_and(|code| code.contains("Signature")) => String::new(),
            SdkError::ServiceError(service) if code.is_none() => {
                format!("status {} without an error's code", service.raw().status())
            }
            SdkError::ServiceError(_) => error.message().unwrap_or_default().to_owned(),
            SdkError::TimeoutError(_) => "no answer in time".to_owned(),
            SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
                Some(error) => error.to_string(),
                None => "the request could not be sent".to_owned(),
            },
            SdkError::ConstructionFailure(_) => "the request could not be built".to_owned(),
            _ => {
                let status = error.raw_response().map(|response| format!(" (status {})", response.status()));
                format!("the answer can't be read{}", status.unwrap_or_default())
            }
        };
        Self { operation, code, message, request_id }
    }

    /// Whether AWS answered with this code.
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// Whether the call may have been carried out although no answer came.
    pub fn is_unanswered(&self) -> bool {
        self.code.is_none()
    }

    /// The reason for a stack's owner: what was refused, why, and the remedy. `subject` is what the call was about; `redact`
    /// takes document content out of AWS's words.
    pub fn failure(&self, subject: &str, redact: impl Fn(&str) -> String) -> Failure {
        let operation = self.operation;
        let message = redact(&self.message);
        let stop = if message.is_empty() || message.ends_with('.') { "" } else { "." };
        let request_id = self.request_id.as_ref().map(|id| format!(" (AWS request {id})")).unwrap_or_default();
        match &self.code {
            Some(code) => {
                let colon = if message.is_empty() { "." } else { ": " };
                let remedy = remedy(code, operation, &message);
                Failure::new(format!(
                    "{operation} of {subject} failed with {code}{colon}{message}{stop} {remedy}{request_id}"
                ))
            }
            None => Failure::new(format!(
                "{operation} of {subject} got no answer from Systems Manager: {message}{stop} {CHECK_ENDPOINT}{request_id}"
            )),
        }
    }
}

fn is_throttling(code: &str) -> bool {
    matches!(code, "ThrottlingException" | "Throttling" | "RequestLimitExceeded" | "TooManyRequestsException")
}

/// The action that IAM's words say was denied: not always the operation, such as `ssm:AddTagsToResource` for CreateDocument.
fn denied_action(message: &str) -> Option<&str> {
    let action = message.split_once("not authorized to perform: ")?.1.split_whitespace().next()?;
    action.contains(':').then(|| action.trim_end_matches(['.', ',']))
}

/// What to do about an error: the one table of Systems Manager's errors.
fn remedy(code: &str, operation: &str, message: &str) -> String {
    let text = match code {
        ACCESS_DENIED => {
            let action = denied_action(message).map_or_else(|| format!("ssm:{operation}"), str::to_owned);
            return format!(
                "The function's execution role must allow {action} on it; a policy of the organization or a permissions boundary \
                 may deny it, too."
            );
        }
        "AssociatedInstances" => "Delete the State Manager associations of the document first.",
        "DocumentAlreadyExists" => "Another document of this name appeared at the same moment. Try again.",
        "DocumentLimitExceeded" => {
            "The account has its 500 documents in this Region: delete some, or ask AWS for more."
        }
        "DocumentPermissionLimit" => "A document is shared with at most 1,000 accounts: remove some from AccountIds.",
        "DocumentVersionLimitExceeded" => {
            "The document has all the versions that it may have. Delete old ones (aws ssm delete-document --name NAME \
             --document-version N), then try again."
        }
        "DuplicateDocumentContent" => "AWS says that another version has this content already.",
        "DuplicateDocumentVersionName" => {
            "Version names can't be used again, not even for the same content: choose another VersionName."
        }
        "InternalServerError" => "Systems Manager had an internal error several times in a row. Try again.",
        "InvalidDocument" => "The document does not exist, or not for this account.",
        "InvalidDocumentContent" => "Correct the content: what AWS said of it is above, without what it quoted.",
        "InvalidDocumentOperation" => {
            "The document can't be changed so now: it may still be shared, be in use, or be changed by someone else. Check it, then \
             try again."
        }
        "InvalidDocumentSchemaVersion" => "Its schemaVersion does not fit its DocumentType: correct one of them.",
        "InvalidDocumentType" => "Correct DocumentType.",
        "InvalidDocumentVersion" => {
            "That version does not exist or is not Active. Someone may have deleted it: try again."
        }
        "InvalidPermissionType" | "InvalidResourceType" | "InvalidResourceId" => "Try again; if it stays, report it.",
        "MaxDocumentSizeExceeded" => "A document has at most 64 KB: shorten its content.",
        "NoLongerSupported" | "NoLongerSupportedException" => {
            "AWS no longer takes documents of this kind: choose another DocumentType."
        }
        "ServiceSettingNotFound" => "There is no setting of this id in this Region: correct SettingId.",
        "TooManyTagsError" => "A document has at most 50 tags: remove some from Tags or from the document.",
        "TooManyUpdates" => "Someone else is changing it at the same time. Try again.",
        code if is_throttling(code) => {
            "Systems Manager throttled the account, however often it was tried again. Try again, with fewer stacks at a time."
        }
        "ExpiredTokenException"
        | "IncompleteSignatureException"
        | "InvalidSignatureException"
        | "UnrecognizedClientException" => {
            "The function's credentials were not accepted. Try again; if it stays, redeploy the function."
        }
        "ValidationException" => "Correct the property that AWS names.",
        _ => "Correct what AWS names, or try again.",
    };
    text.to_owned()
}
