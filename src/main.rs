//! Wiring: reads the environment, makes the clients, runs on Lambda.

use std::env;
use std::time::Duration;

use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::meta::region::ProvideRegion;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_ssm::config::SharedCredentialsProvider;
use cfn_ssm_document::cfn::delivery::Delivery;
use cfn_ssm_document::cfn::response_url::UrlRules;
use cfn_ssm_document::handler::Provider;
use cfn_ssm_document::http::client::{self as http, SdkHttpClient};
use cfn_ssm_document::logging;
use cfn_ssm_document::ssm::client as ssm;
use cfn_ssm_document::ssm::retry::LastRetry;
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout};

/// Where Systems Manager can't be reached, the start is not held up for longer.
const LONGEST_OPENING: Duration = Duration::from_secs(1);

// One thread: on several, lambda_runtime opens a connection per invocation.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let started = Instant::now();
    let level = env::var("AWS_LAMBDA_LOG_LEVEL").or_else(|_| env::var("RUST_LOG")).ok();
    logging::start(level.as_deref());
    let commit = option_env!("CFN_SSM_DOCUMENT_COMMIT").unwrap_or("unknown");
    // By the library's name: what is printed at this level is the library's alone, and this is another crate.
    tracing::info!(target: "cfn_ssm_document", version = env!("CARGO_PKG_VERSION"), commit, "started");

    let ca_bundle = env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()).map(std::fs::read).transpose()?;
    let tls = http::tls(ca_bundle.as_deref())?;
    let client = SdkHttpClient::new(&tls)?;
    let config = sdk_config(client.clone()).await;
    // Init has the CPU of a large function, an invocation that of its own size: so the handshake is done here.
    if let Some(endpoint) = ssm::endpoint(&config).await {
        let _late = timeout(LONGEST_OPENING, client.open(&endpoint)).await;
    }
    let last_retry = LastRetry::default();
    let provider = Provider {
        ssm: ssm::client(&config, last_retry.clone(), started),
        last_retry,
        delivery: Delivery::new(tls)?,
        url_rules: url_rules(),
    };
    let handler = service_fn(|event: LambdaEvent<Box<RawValue>>| {
        let provider = &provider;
        async move { provider.handle(event).await.map_err(|failure| Error::from(failure.to_string())) }
    });
    Runtime::new(handler).run().await
}

/// What Lambda's environment gives. The loader of aws-config links all that it could ask besides, which a function never needs
/// (profiles, IMDS, STS, SSO): a fifth of the binary.
async fn sdk_config(client: SdkHttpClient) -> SdkConfig {
    let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
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

fn url_rules() -> UrlRules {
    let suffix = env::var("CFN_SSM_DOCUMENT_URL_SUFFIX").ok().filter(|suffix| !suffix.is_empty());
    UrlRules {
        suffixes: suffix.map_or_else(|| vec!["amazonaws.com".into(), "amazonaws.com.cn".into()], |suffix| vec![suffix]),
        allow_loopback: env::var("CFN_SSM_DOCUMENT_ALLOW_LOOPBACK").is_ok_and(|allowed| allowed == "true"),
    }
}
