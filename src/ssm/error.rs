//! The error of one call.

use std::error::Error;

use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssm::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::http::StatusCode;

use super::code::ErrorCode;
use super::remedy::{CHECK_ENDPOINT, remedy};
use crate::failure::Failure;
use crate::invocation::writes::Refused;

/// An error as it is sent on the wire: `{"__type":"com.amazonaws.ssm#Code","Message":"…"}`.
pub(super) struct WireError {
    pub(super) code: ErrorCode,
    message: String,
}

impl WireError {
    pub(super) fn read(response: &HttpResponse) -> Option<Self> {
        #[derive(serde::Deserialize)]
        struct Body {
            #[serde(rename = "__type")]
            code: String,
            #[serde(default, alias = "Message")]
            message: String,
        }
        let body = response.body().bytes()?.trim_ascii_start();
        // A derived `Deserialize` would accept a JSON array as well.
        let Body { code, message } = serde_json::from_slice(body.starts_with(b"{").then_some(body)?).ok()?;
        Some(Self { code: ErrorCode::parse(&code), message })
    }

    /// Whether a retry may succeed.
    pub(super) fn is_transient(&self, status: StatusCode) -> bool {
        status.is_server_error() || self.code == ErrorCode::TooManyUpdates || self.code.is_throttling()
    }

    /// Describes the error and its remedy. A request that runs out of time while it retries quotes this in its failure's reason.
    pub(super) fn describe_retry(&self, operation: &str) -> String {
        let Self { code, message } = self;
        // Only the message of an AccessDenied error is quoted: it names the role, the action and the resource. Others may quote
        // the content.
        let quoted = match code {
            ErrorCode::AccessDenied if !message.is_empty() => format!(": {message}"),
            _ => String::new(),
        };
        format!("{operation} failed with {code}{quoted}. {}", remedy(code, operation, message))
    }
}

/// Why the invocation's gate refused a call, if it did.
fn refused<E>(error: &SdkError<E, HttpResponse>) -> Option<Failure> {
    let SdkError::DispatchFailure(failure) = error else { return None };
    let source = failure.as_connector_error()?.source()?;
    source.downcast_ref::<Refused>().map(|refused| refused.0.clone())
}

/// The error of one call to Systems Manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SsmError {
    operation: &'static str,
    /// `None` if there was no response, or none with a code.
    code: Option<ErrorCode>,
    message: String,
    request_id: Option<String>,
    /// Why the invocation's gate refused the call, if it did.
    refused: Option<Failure>,
}

impl SsmError {
    /// Converts the SDK's error of a call to `operation`.
    pub(crate) fn new<E: ProvideErrorMetadata>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Self {
        let code = error.code().map(ErrorCode::parse);
        let request_id = error.raw_response().and_then(|response| response.request_id()).map(str::to_owned);
        let message = match error {
            // Messages about a signature quote the signed request, which holds the session token.
            SdkError::ServiceError(_) if code.as_ref().is_some_and(|code| code.as_str().contains("Signature")) => {
                String::new()
            }
            SdkError::ServiceError(service) if code.is_none() => {
                format!("status {} without an error code", service.raw().status())
            }
            SdkError::ServiceError(_) => error.message().unwrap_or_default().to_owned(),
            SdkError::TimeoutError(_) => "the attempt timed out".to_owned(),
            SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
                Some(error) => error.to_string(),
                None => "the request could not be sent".to_owned(),
            },
            SdkError::ConstructionFailure(_) => "the request could not be built".to_owned(),
            _ => {
                let status = error.raw_response().map(|response| format!(" (status {})", response.status()));
                format!("the response can't be read{}", status.unwrap_or_default())
            }
        };
        Self { operation, code, message, request_id, refused: refused(error) }
    }

    /// The code that AWS returned, if a response arrived.
    pub(crate) fn code(&self) -> Option<&ErrorCode> {
        self.code.as_ref()
    }

    /// Whether AWS returned this code.
    pub(crate) fn is(&self, code: &ErrorCode) -> bool {
        self.code.as_ref() == Some(code)
    }

    /// Whether the call may have taken effect although it failed: no response with an error code arrived, or AWS failed midway.
    pub(crate) fn may_have_taken_effect(&self) -> bool {
        self.code.as_ref().is_none_or(|code| *code == ErrorCode::InternalServerError)
    }

    /// Converts the error into a reason that names the call, its `subject`, AWS's message and the remedy.
    ///
    /// If the call was not allowed to write, the reason for that is returned instead. `redact` removes the document's content
    /// from AWS's message.
    pub(crate) fn failure(&self, subject: &str, redact: impl Fn(&str) -> String) -> Failure {
        if let Some(refused) = &self.refused {
            return refused.clone();
        }
        let operation = self.operation;
        let message = redact(&self.message);
        let stop = if message.is_empty() || message.ends_with('.') { "" } else { "." };
        let request_id = self.request_id.as_ref().map(|id| format!(" (AWS request {id})")).unwrap_or_default();
        match &self.code {
            Some(code) => {
                let colon = if message.is_empty() { "." } else { ": " };
                let remedy = remedy(code, operation, &message);
                Failure::new(format!(
                    "{operation} for {subject} failed with {code}{colon}{message}{stop} {remedy}{request_id}"
                ))
            }
            None => Failure::new(format!(
                "{operation} for {subject} got no usable response from Systems Manager: {message}{stop} \
                 {CHECK_ENDPOINT}{request_id}"
            )),
        }
    }
}
