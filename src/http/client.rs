//! The HTTP client. It delivers responses and carries the SDK's calls, so that both share one TLS stack.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CipherSuite, ClientConfig, RootCertStore};

use crate::http::preconnect::Preconnect;
use crate::invocation::guard;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Creates a configuration for TLS 1.2 and 1.3 that trusts Mozilla's roots or, if `ca_bundle` is given, only its PEM
/// certificates.
///
/// `ca_bundle` is the content of the file that
/// [`AWS_CA_BUNDLE`](https://docs.aws.amazon.com/sdkref/latest/guide/feature-gen-config.html) names.
///
/// The roots are compiled in: parsing the system's roots takes more instructions than the rest of a cold start.
///
/// # Errors
/// The bundle is not PEM or has no certificate, or a certificate can't be used.
pub fn tls(ca_bundle: Option<&[u8]>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match ca_bundle {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| format!("AWS_CA_BUNDLE is not PEM: {error}"))?;
                roots.add(certificate).map_err(|error| format!("AWS_CA_BUNDLE has a bad certificate: {error}"))?;
            }
            if roots.is_empty() {
                return Err("AWS_CA_BUNDLE has no certificate in PEM format".to_owned());
            }
        }
    }
    let mut provider = rustls::crypto::ring::default_provider();
    // Lambda's processors have instructions for SHA-256 but not for SHA-384, the hash of the suite that ring prefers.
    provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    let provider = Arc::new(provider);
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(config.map_err(|error| error.to_string())?.with_root_certificates(roots).with_no_client_auth())
}

/// Creates a client that follows no redirects, uses no proxy, and uses the connections that `preconnect` keeps.
///
/// # Errors
/// The client can't be built.
pub(crate) fn client(tls: &ClientConfig, preconnect: &Preconnect) -> Result<reqwest::Client, String> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .connector_layer(preconnect.clone())
        .build()
        .map_err(describe)
}

/// Describes an error and its causes, without the URL.
pub(crate) fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// A client for the SDK, with connections of its own.
#[derive(Debug, Clone)]
pub struct SdkHttpClient {
    client: reqwest::Client,
    preconnect: Preconnect,
}

impl SdkHttpClient {
    /// Creates a client. It opens no connection yet.
    ///
    /// # Errors
    /// The client can't be built.
    pub fn new(tls: &ClientConfig) -> Result<Self, String> {
        let preconnect = Preconnect::default();
        Ok(Self { client: client(tls, &preconnect)?, preconnect })
    }

    /// Opens a connection to `url` for the first call. If that fails, the first call opens one itself. No call may run at the
    /// same time.
    pub async fn open(&self, url: &str) {
        self.preconnect.open(self.client.get(url).send()).await;
    }
}

impl HttpClient for SdkHttpClient {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for SdkHttpClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if guard::is_past_deadline() {
            // The guard reports the timeout at its next poll. An error here would replace that reason.
            return HttpConnectorFuture::new(std::future::pending());
        }
        let client = self.client.clone();
        HttpConnectorFuture::new(async move { send(&client, request).await })
    }
}

/// No connection could be made.
#[derive(Debug)]
pub(super) struct NotSent(pub(super) String);

impl std::fmt::Display for NotSent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for NotSent {}

async fn send(client: &reqwest::Client, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let request = request.map(|body| reqwest::Body::from(body.bytes().unwrap_or_default().to_vec()));
    let request = reqwest::Request::try_from(request).map_err(|error| ConnectorError::user(error.into()))?;
    let mut response = client.execute(request).await.map_err(connector_error)?;
    let mut converted = http::Response::builder().status(response.status());
    if let Some(headers) = converted.headers_mut() {
        std::mem::swap(headers, response.headers_mut());
    }
    let body = response.bytes().await.map_err(connector_error)?;
    let converted = converted.body(SdkBody::from(body)).map_err(|error| ConnectorError::other(error.into(), None))?;
    HttpResponse::try_from(converted).map_err(|error| ConnectorError::other(error.into(), None))
}

fn connector_error(error: reqwest::Error) -> ConnectorError {
    let (is_timeout, is_connect) = (error.is_timeout(), error.is_connect());
    let text = describe(error);
    let source = if is_connect { NotSent(text).into() } else { text.into() };
    if is_timeout { ConnectorError::timeout(source) } else { ConnectorError::io(source) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_without_a_certificate_is_refused() {
        for bundle in [
            "",
            "not PEM",
            "-----BEGIN CERTIFICATE-----\nAA",
            "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
        ] {
            let error = tls(Some(bundle.as_bytes())).unwrap_err();
            assert!(error.starts_with("AWS_CA_BUNDLE "), "{bundle}: {error}");
        }
    }
}
