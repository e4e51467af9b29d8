//! A provider and the AWS around it.

mod request;

use std::sync::{Arc, Once};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::BehaviorVersion;
use aws_sdk_ssm::config::{Credentials, Region, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use cfn_ssm_document::cfn::response_url::UrlRules;
use cfn_ssm_document::cfn::standing::cloudformation::{CloudFormation, Endpoint};
use cfn_ssm_document::handler::Provider;
use cfn_ssm_document::handler::unhandled::Unhandled;
use cfn_ssm_document::http::client::{self as http, SdkHttpClient};
use cfn_ssm_document::http::put::HttpsPut;
use cfn_ssm_document::invocation::clock::Clock;
use lambda_runtime::{Config, Context, LambdaEvent};
use loopback_aws::cloudformation::{Resource, ResourceStatus};
use loopback_aws::ssm::Model;
use loopback_aws::{ACCESS_KEY_ID, Age, Builder, Loopback, Response, SECRET_ACCESS_KEY};
use serde_json::Value;
use tokio::time::Instant;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

pub use self::request::{LOGICAL_ID, Reply, Request, made_up, stack};
use crate::transport::{InProcessClient, InProcessPut};

pub const ACCOUNT: &str = "111122223333";
pub const REGION: &str = "eu-central-1";
/// The function's name, which is also the session name of its role.
pub const FUNCTION: &str = "cfn-ssm-document";
/// The tag that records when CloudFormation signed the last request that wrote.
pub const SINCE: &str = "cfn-ssm-document:since";
pub const PREVIOUS_DEFAULT_VERSION: &str = "cfn-ssm-document:previous-default-version";
/// The tag that names the version that the resource made the default version.
pub const DEFAULT_VERSION: &str = "cfn-ssm-document:default-version";
/// What every reason ends with.
pub const LOG_STREAM: &str = "2026/11/21/[$LATEST]0123456789abcdef0123456789abcdef";
/// What the clock of a loopback AWS without sockets shows at the beginning, as the time since 1970.
pub const BEGIN: Duration = Duration::from_secs(1_800_000_000);
/// The function's timeout, unless a test says otherwise.
const TIMEOUT: Duration = Duration::from_secs(180);

/// A provider in an account of its own.
pub struct World {
    pub aws: Loopback,
    pub provider: Provider,
}

impl World {
    /// Without sockets, for a runtime whose time is paused: what is sent is what the wire would carry, minutes pass in no time,
    /// and nothing depends on how busy the machine is.
    pub fn new() -> Self {
        Self::on(Loopback::builder())
    }

    pub fn with(arrange: impl FnOnce(&mut Model)) -> Self {
        let world = Self::new();
        world.aws.ssm(arrange);
        world
    }

    pub fn on(builder: Builder) -> Self {
        let aws = builder.in_process(UNIX_EPOCH + BEGIN);
        let provider = provider_in_process(&aws);
        Self { aws, provider }
    }

    /// With sockets, and TLS if the builder says so, in real time.
    pub async fn on_sockets(builder: Builder) -> Self {
        let aws = builder.start().await;
        let provider = provider(&aws, Instant::now()).await;
        Self { aws, provider }
    }

    /// Sends a request and returns the response that was delivered for it.
    pub async fn send(&self, request: &Request) -> Reply {
        let before = self.aws.responses().len();
        self.invoke(request).await.expect("the response is delivered");
        let responses = self.aws.responses();
        let mut new: Vec<&Response> = responses[before..].iter().filter(|response| response.is_delivered()).collect();
        // On a busy machine, a PUT may be so slow that a second one with the same response runs alongside it.
        new.dedup_by(|one, other| one.bytes == other.bytes);
        assert_eq!(new.len(), 1, "one response is delivered for one request");
        assert_eq!(new[0].body["StackId"], request.stack_id.as_str());
        assert_eq!(new[0].body["LogicalResourceId"], request.logical_id.as_str());
        Reply(new[0].body.clone())
    }

    /// Sends a request; an error is what Lambda's runtime is told.
    pub async fn invoke(&self, request: &Request) -> Result<(), Unhandled> {
        self.invoke_within(request, TIMEOUT).await
    }

    pub async fn invoke_within(&self, request: &Request, timeout: Duration) -> Result<(), Unhandled> {
        let url = request.response_url.clone().unwrap_or_else(|| self.aws.response_url(Age::Now));
        let event = request.event(&url);
        self.aws.cloudformation(|cloudformation| cloudformation.sent(&event));
        self.deliver(&event, timeout).await
    }

    /// Delivers an event, whatever CloudFormation has sent since.
    pub async fn deliver(&self, event: &Value, timeout: Duration) -> Result<(), Unhandled> {
        deliver(&self.aws, &self.provider, event, timeout).await
    }

    /// The default version's content, parsed.
    pub fn default_content(&self, name: &str) -> Value {
        self.aws.ssm(|model| {
            let document = model.document(name).expect("the document is there");
            serde_json::from_str(&document.default().content).unwrap()
        })
    }

    /// The default version's number and how many versions there are.
    pub fn versions(&self, name: &str) -> (u64, usize) {
        self.aws.ssm(|model| {
            let document = model.document(name).expect("the document is there");
            (document.default_version, document.versions().len())
        })
    }

    /// The document's tags; while a resource owns it, without those that depend on the clock and on the default version.
    pub fn tags(&self, name: &str) -> Vec<(String, String)> {
        let mut tags = self.aws.ssm(|model| model.document(name).expect("the document is there").tags.clone());
        let is_of_owner = |tag: &String| tag.ends_with(":stack-id") || tag.starts_with("cfn-ssm-document:key:");
        if tags.keys().any(is_of_owner) {
            tags.remove(SINCE);
            tags.remove(DEFAULT_VERSION);
        }
        tags.into_iter().collect()
    }

    /// The accounts that the document is shared with.
    pub fn shares(&self, name: &str) -> Vec<String> {
        self.aws.ssm(|model| model.document(name).expect("the document is there").shares.clone())
    }

    /// From now on, CloudFormation reports this status of the stack's resource, whatever is sent.
    pub fn resource_is(&self, stack_name: &str, status: ResourceStatus) {
        let resource = Resource::new(status, self.aws.clock().now_system());
        self.aws.cloudformation(|known| known.put(&stack(stack_name), "Preferences", resource));
    }

    /// The value of one tag.
    pub fn tag(&self, name: &str, tag: &str) -> Option<String> {
        self.aws.ssm(|model| model.document(name).expect("the document is there").tags.get(tag).cloned())
    }

    pub fn exists(&self, name: &str) -> bool {
        self.aws.ssm(|model| model.document(name).is_some())
    }

    /// The writing calls so far.
    pub fn writes(&self) -> Vec<String> {
        let reads = [
            "DescribeDocument",
            "GetDocument",
            "ListDocuments",
            "ListDocumentVersions",
            "DescribeDocumentPermission",
            "GetServiceSetting",
        ];
        self.aws.calls().into_iter().filter(|call| !reads.contains(&call.as_str())).collect()
    }
}

/// A provider as `main` makes it, against `aws`.
pub async fn provider(aws: &Loopback, started: Instant) -> Provider {
    enable_events();
    let ca_bundle = aws.ca_pem_path().map(|path| std::fs::read(path).unwrap());
    let tls = http::tls(ca_bundle.as_deref()).unwrap();
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(SdkHttpClient::new(&tls).unwrap())
        .region(Region::new(REGION))
        .credentials_provider(credentials())
        .endpoint_url(aws.ssm_url())
        .load()
        .await;
    let for_cloudformation = tls.clone();
    let cloudformation =
        cloudformation(aws, move || Ok(SharedHttpConnector::new(SdkHttpClient::new(&for_cloudformation)?)));
    let put = Arc::new(HttpsPut::new(tls).unwrap());
    Provider::new(&config, cloudformation, put, url_rules(), Clock::system(), started)
}

/// A provider whose calls reach `aws` without sockets, and which tells the time by the same clock.
pub fn provider_in_process(aws: &Loopback) -> Provider {
    provider_in_process_since(aws, Instant::now())
}

/// The same, in a process that started at this instant.
pub fn provider_in_process_since(aws: &Loopback, started: Instant) -> Provider {
    enable_events();
    let config = |endpoint: String| {
        aws_config::SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(InProcessClient(aws.transport()))
            .region(Region::new(REGION))
            .credentials_provider(SharedCredentialsProvider::new(credentials()))
            .endpoint_url(endpoint)
            .build()
    };
    let (ssm, connector) = (config(aws.ssm_url()), SharedHttpConnector::new(InProcessClient(aws.transport())));
    let clock = aws.clock();
    let clock = Clock::new(move || clock.now_system().duration_since(UNIX_EPOCH).unwrap());
    let cloudformation = cloudformation(aws, move || Ok(connector.clone()));
    let put = Arc::new(InProcessPut(aws.transport()));
    Provider::new(&ssm, cloudformation, put, url_rules(), clock, started)
}

/// Delivers an event to a provider, as Lambda does.
pub async fn deliver(aws: &Loopback, provider: &Provider, event: &Value, timeout: Duration) -> Result<(), Unhandled> {
    let payload = serde_json::value::to_raw_value(event).unwrap();
    provider.handle(LambdaEvent::new(payload, context_at(aws.clock().now_system(), timeout))).await
}

/// Enables the events of every thread. Otherwise, a thread without a subscriber that reaches an event first may disable it for
/// good, even if another thread begins to record events at the same time.
fn enable_events() {
    static ENABLED: Once = Once::new();
    ENABLED.call_once(|| {
        let subscriber = tracing_subscriber::registry().with(LevelFilter::INFO);
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

fn credentials() -> Credentials {
    Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "tests")
}

fn url_rules() -> UrlRules {
    UrlRules { suffixes: vec!["amazonaws.com".into()], allow_loopback: true }
}

/// The client that asks CloudFormation in `aws`.
fn cloudformation(
    aws: &Loopback,
    connector: impl Fn() -> Result<SharedHttpConnector, String> + Send + Sync + 'static,
) -> CloudFormation {
    let url = aws.cloudformation_url();
    CloudFormation::new(move || {
        let credentials = SharedCredentialsProvider::new(credentials());
        Ok(Endpoint { url: url.clone(), region: REGION.to_owned(), credentials, connector: connector()? })
    })
}

/// Lambda's context of an invocation with this timeout.
pub fn context(timeout: Duration) -> Context {
    context_at(SystemTime::now(), timeout)
}

fn context_at(now: SystemTime, timeout: Duration) -> Context {
    let mut context = Context::default();
    let deadline = now.duration_since(UNIX_EPOCH).unwrap() + timeout;
    context.deadline = u64::try_from(deadline.as_millis()).unwrap();
    let (function_name, log_stream) = (FUNCTION.into(), LOG_STREAM.into());
    context.env_config = Arc::new(Config { function_name, log_stream, ..Config::default() });
    context.invoked_function_arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{FUNCTION}");
    context
}
