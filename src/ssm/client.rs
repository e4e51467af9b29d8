//! The client of Systems Manager.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::config::StalledStreamProtectionConfig;
use aws_sdk_ssm::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sdk_ssm::config::retry::{RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use tokio::time::Instant;

use super::retry::{LastRetry, Retries};
use crate::http::gate::Gated;

/// More attempts than fit into a function's 15 minutes: the caller's deadline ends the retries.
const MAX_ATTEMPTS: u32 = 1_000;

/// How long loading the credentials may take. By default, the SDK derives this from the retry configuration: with so many
/// attempts, the computation is slow and the limit is hours.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(5);

/// An attempt that hangs for longer is abandoned and retried.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// Creates a client that retries transient errors for as long as its caller keeps polling.
///
/// With jitter, it retries failed connections, attempts that get no reply within 10 s, 5xx responses, throttling,
/// `TooManyUpdates` and, until 30 s after `process_started`, `AccessDeniedException`. It records the last of these errors in
/// `last_retry`. Its attempts to write pass through the invocation's gate.
pub fn client(config: &SdkConfig, last_retry: LastRetry, process_started: Instant) -> Client {
    let retry = RetryConfig::standard()
        .with_max_attempts(MAX_ATTEMPTS)
        .with_initial_backoff(Duration::from_millis(300))
        .with_max_backoff(Duration::from_secs(4));
    // The default token bucket outlives an invocation: after a few failed invocations, the next one would retry nothing.
    let unlimited = RetryPartition::custom("unlimited").token_bucket(TokenBucket::unlimited()).build();
    let http_client = config.http_client().map(|client| SharedHttpClient::new(Gated(client)));
    let retries = Retries { last_retry, process_started };
    let mut config = aws_sdk_ssm::config::Builder::from(config)
        .retry_config(retry)
        .retry_partition(unlimited)
        .identity_cache(IdentityCache::lazy().load_timeout(CREDENTIALS_TIMEOUT).build())
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build())
        // After a stall of 5 s, this protection fails the call with an error that is not retried. The attempt timeout is retried.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .retry_classifier(retries.clone())
        .interceptor(retries);
    config.set_http_client(http_client);
    Client::from_conf(config.build())
}

/// Resolves the endpoint of the configuration's Region, whatever endpoint URL the configuration has. Returns `None` if there is
/// no Region.
pub async fn default_endpoint(config: &SdkConfig) -> Option<String> {
    let params = Params::builder()
        .set_region(config.region().map(ToString::to_string))
        .set_use_fips(config.use_fips())
        .set_use_dual_stack(config.use_dual_stack());
    let endpoint = DefaultResolver::new().resolve_endpoint(&params.build().ok()?).await.ok()?;
    Some(endpoint.url().to_owned())
}
