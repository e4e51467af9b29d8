//! Wiring: reads the environment, makes the clients, runs on Lambda.

use std::env;

use aws_config::BehaviorVersion;
use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use cfn_ssm_document::cfn::callback::Callback;
use cfn_ssm_document::cfn::response_url::UrlRules;
use cfn_ssm_document::handler::Provider;
use cfn_ssm_document::http::{self, SdkHttpClient};
use cfn_ssm_document::logging;
use cfn_ssm_document::ssm::{self, Obstacle};
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use serde_json::value::RawValue;
use tokio::time::Instant;

// One thread: on several, lambda_runtime opens a connection per invocation.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let started = Instant::now();
    let level = env::var("AWS_LAMBDA_LOG_LEVEL").or_else(|_| env::var("RUST_LOG")).ok();
    logging::start(level.as_deref());
    let commit = option_env!("CFN_SSM_DOCUMENT_COMMIT").unwrap_or("unknown");
    tracing::info!(version = env!("CARGO_PKG_VERSION"), commit, "started");

    let ca_bundle = env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()).map(std::fs::read).transpose()?;
    let tls = http::tls(ca_bundle.as_deref())?;
    let client = http::client(&tls)?;
    // What Lambda's environment gives; nothing else is probed. A set of no files at all is refused, so it is an empty one.
    let no_profiles = EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, "").build();
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(SdkHttpClient::new(client.clone()))
        .region(EnvironmentVariableRegionProvider::new())
        .credentials_provider(EnvironmentVariableCredentialsProvider::new())
        .profile_files(no_profiles)
        .load()
        .await;
    let obstacle = Obstacle::default();
    let provider = Provider {
        ssm: ssm::client(&config, obstacle.clone(), started),
        obstacle,
        callback: Callback::new(tls, client),
        url_rules: url_rules(),
    };
    let handler = service_fn(|event: LambdaEvent<Box<RawValue>>| {
        let provider = &provider;
        async move { provider.handle(event).await.map_err(|failure| Error::from(failure.to_string())) }
    });
    Runtime::new(handler).run().await
}

fn url_rules() -> UrlRules {
    let suffix = env::var("CFN_SSM_DOCUMENT_URL_SUFFIX").ok().filter(|suffix| !suffix.is_empty());
    UrlRules {
        suffixes: suffix.map_or_else(|| vec!["amazonaws.com".into(), "amazonaws.com.cn".into()], |suffix| vec![suffix]),
        allow_loopback: env::var("CFN_SSM_DOCUMENT_ALLOW_LOOPBACK").is_ok_and(|allowed| allowed == "true"),
    }
}
