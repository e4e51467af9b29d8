//! The gate that every attempt to write passes through, including the SDK's retries.

use std::error::Error;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use super::client::NotSent;
use crate::invocation::writes::{self, Effect, Stopped};

/// A client whose attempts to write are admitted and recorded by the invocation's [`writes`].
#[derive(Debug, Clone)]
pub(crate) struct Gated(pub(crate) SharedHttpClient);

#[derive(Debug)]
struct Connector(SharedHttpConnector);

impl HttpClient for Gated {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector(self.0.http_connector(settings, components)))
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if !is_write(&request) {
            return self.0.call(request);
        }
        let connector = self.0.clone();
        HttpConnectorFuture::new(async move {
            match writes::attempt(async { connector.call(request).await }, effect).await {
                Ok(result) => result,
                // The SDK does not retry a user error.
                Err(Stopped::Refused(refused)) => Err(ConnectorError::user(refused.into())),
                Err(Stopped::CutOff) => Err(ConnectorError::timeout("the attempt was cut off".into())),
            }
        })
    }
}

/// Whether the request is for an operation that may write. A header names the operation; an operation that only reads has a
/// name that begins with one of three words.
fn is_write(request: &HttpRequest) -> bool {
    let operation = request.headers().get("x-amz-target").and_then(|target| target.split_once('.'));
    operation.is_some_and(|(_, name)| !["Describe", "Get", "List"].iter().any(|read| name.starts_with(read)))
}

/// What is known about an attempt to write. After a server error, it may or may not have taken effect.
fn effect(result: &Result<HttpResponse, ConnectorError>) -> Effect {
    match result {
        Ok(response) if response.status().is_client_error() => Effect::Nothing,
        Ok(_) => Effect::Replied,
        Err(error) if error.is_user() || error.source().is_some_and(|source| source.is::<NotSent>()) => Effect::Nothing,
        Err(_) => Effect::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_writes_unless_its_name_says_that_it_reads() {
        for (target, expected) in [
            (Some("AmazonSSM.UpdateDocument"), true),
            (Some("AmazonSSM.AddTagsToResource"), true),
            (Some("AmazonSSM.ResetServiceSetting"), true),
            (Some("AmazonSSM.SomethingNew"), true),
            (Some("AmazonSSM.DescribeDocument"), false),
            (Some("AmazonSSM.GetServiceSetting"), false),
            (Some("AmazonSSM.ListDocumentVersions"), false),
            (None, false),
        ] {
            let mut request = HttpRequest::empty();
            if let Some(target) = target {
                request.headers_mut().insert("X-Amz-Target", target);
            }
            assert_eq!(is_write(&request), expected, "{target:?}");
        }
    }

    #[test]
    fn an_attempt_did_nothing_only_if_aws_refused_it_or_it_was_not_sent() {
        use aws_smithy_runtime_api::http::StatusCode;
        use aws_smithy_types::body::SdkBody;
        let response = |status: u16| Ok(HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty()));
        for (result, expected) in [
            (response(200), Effect::Replied),
            (response(400), Effect::Nothing),
            (response(429), Effect::Nothing),
            (response(503), Effect::Replied),
            (Err(ConnectorError::io(NotSent("refused".into()).into())), Effect::Nothing),
            (Err(ConnectorError::user("no request".into())), Effect::Nothing),
            (Err(ConnectorError::io("reset".into())), Effect::Unknown),
            (Err(ConnectorError::timeout("late".into())), Effect::Unknown),
        ] {
            assert_eq!(effect(&result), expected, "{result:?}");
        }
    }
}
