//! Reads the environment, creates the clients and starts the Lambda runtime.

use std::env;
use std::sync::Arc;
use std::time::Duration;

use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::meta::region::ProvideRegion;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_ssm::config::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use cfn_ssm_document::cfn::response_url::UrlRules;
use cfn_ssm_document::cfn::standing::cloudformation::{CloudFormation, Endpoint};
use cfn_ssm_document::drift::Mode;
use cfn_ssm_document::handler::Provider;
use cfn_ssm_document::http::client::{self as http, SdkHttpClient};
use cfn_ssm_document::http::put::HttpsPut;
use cfn_ssm_document::invocation::clock::Clock;
use cfn_ssm_document::logging;
use cfn_ssm_document::ssm::client::default_endpoint;
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout};

/// How long a cold start waits for a connection to Systems Manager.
const PRECONNECT_TIMEOUT: Duration = Duration::from_secs(1);

// With more than one thread, lambda_runtime would open a connection for each invocation.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let started = Instant::now();
    let level = env::var("AWS_LAMBDA_LOG_LEVEL").or_else(|_| env::var("RUST_LOG")).ok();
    logging::start(level.as_deref());
    let commit = option_env!("CFN_SSM_DOCUMENT_COMMIT").unwrap_or("unknown");
    // Logged under the library's target, because the target of the binary, `bootstrap`, is capped at WARN.
    tracing::info!(target: "cfn_ssm_document", version = env!("CARGO_PKG_VERSION"), commit, "started");

    // The path might not be valid Unicode. Ignoring such a path would silently trust Mozilla's roots instead.
    let ca_bundle = env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()).map(|path| {
        std::fs::read(&path).map_err(|error| format!("AWS_CA_BUNDLE: {} can't be read: {error}", path.display()))
    });
    let ca_bundle = ca_bundle.transpose()?;
    let tls = http::tls(ca_bundle.as_deref())?;
    let client = SdkHttpClient::new(&tls)?;
    let config = sdk_config(client.clone()).await;
    // Lambda's init phase gets more CPU than an invocation of a small function, so the handshake is done here.
    let default_endpoint = default_endpoint(&config).await;
    if let Some(endpoint) = config.endpoint_url().or(default_endpoint.as_deref()) {
        let _late = timeout(PRECONNECT_TIMEOUT, client.open(endpoint)).await;
    }
    let cloudformation = cloudformation(&config, default_endpoint, tls.clone());
    let put = Arc::new(HttpsPut::new(tls)?);
    let mut provider = Provider::new(&config, cloudformation, put, url_rules(), Clock::system(), started);
    provider.drift_guard =
        set("CFN_SSM_DOCUMENT_DRIFT_GUARD").map(|mode| Mode::parse(&mode)).transpose()?.unwrap_or_default();
    let handler = service_fn(|event: LambdaEvent<Box<RawValue>>| provider.handle(event));
    Runtime::new(handler).run().await
}

/// Reads the SDK's configuration from Lambda's environment.
///
/// The default loader of aws-config would also link profiles, IMDS, STS and SSO, which a function never needs and which would
/// make up a fifth of the binary.
async fn sdk_config(client: SdkHttpClient) -> SdkConfig {
    let flag = |name: &str| set(name).map(|value| value.eq_ignore_ascii_case("true"));
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(client)
        .region(EnvironmentVariableRegionProvider::new().region().await)
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()));
    config
        .set_endpoint_url(set("AWS_ENDPOINT_URL_SSM").or_else(|| set("AWS_ENDPOINT_URL")))
        .set_use_fips(flag("AWS_USE_FIPS_ENDPOINT"))
        .set_use_dual_stack(flag("AWS_USE_DUALSTACK_ENDPOINT"));
    config.build()
}

/// Creates the client that asks CloudFormation. It has its own connections, because it calls a different host than the
/// SDK's client does.
///
/// `beside_ssm` is the default endpoint of Systems Manager, from which CloudFormation's is derived.
fn cloudformation(config: &SdkConfig, beside_ssm: Option<String>, tls: rustls::ClientConfig) -> CloudFormation {
    let region = config.region().map(ToString::to_string).unwrap_or_default();
    let credentials = config.credentials_provider();
    // In every partition, and also for FIPS and dual-stack endpoints, the two hosts differ only in the service's name.
    // tests/verify/test_endpoints.py checks this against AWS's rules.
    let url = set("AWS_ENDPOINT_URL_CLOUDFORMATION")
        .or_else(|| set("AWS_ENDPOINT_URL"))
        .or_else(|| beside_ssm.map(|url| url.replacen("://ssm", "://cloudformation", 1)));
    CloudFormation::new(move || {
        Ok(Endpoint {
            url: url.clone().ok_or("AWS_REGION is not set")?,
            region: region.clone(),
            credentials: credentials.clone().ok_or("there are no credentials")?,
            connector: SharedHttpConnector::new(SdkHttpClient::new(&tls)?),
        })
    })
}

fn set(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn url_rules() -> UrlRules {
    let suffix = env::var("CFN_SSM_DOCUMENT_URL_SUFFIX").ok().filter(|suffix| !suffix.is_empty());
    UrlRules {
        suffixes: suffix.map_or_else(|| vec!["amazonaws.com".into(), "amazonaws.com.cn".into()], |suffix| vec![suffix]),
        allow_loopback: env::var("CFN_SSM_DOCUMENT_ALLOW_LOOPBACK").is_ok_and(|allowed| allowed == "true"),
    }
}
