//! The loopback AWS under the SDK without sockets: with the time of the runtime paused, retries and timeouts take none.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use std::sync::Arc;

use cfn_ssm_document::http::put::Put;
use futures_util::future::BoxFuture;
use http::StatusCode;
use loopback_aws::InProcess;
use reqwest::Url;

/// The transport as the SDK wants it.
#[derive(Debug, Clone)]
pub struct InProcessClient(pub InProcess);

impl HttpClient for InProcessClient {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InProcessClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = request.try_into_http1x().expect("a request that HTTP can carry");
        let request = request.map(|body| body.bytes().expect("a body in memory").to_vec());
        let transport = self.0.clone();
        HttpConnectorFuture::new(async move {
            let response = transport.send(request).await.map_err(|reset| ConnectorError::io(reset.into()))?;
            Ok(HttpResponse::try_from(response.map(SdkBody::from)).expect("a response that HTTP can carry"))
        })
    }
}

/// The transport of the PUTs that deliver responses.
#[derive(Debug, Clone)]
pub struct InProcessPut(pub InProcess);

impl Put for InProcessPut {
    fn connect(&self, _: Url) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn put(&self, url: Url, body: Vec<u8>) -> BoxFuture<'_, Result<StatusCode, String>> {
        let request = http::Request::put(url.as_str()).header("content-type", "").body(body).expect("a request");
        Box::pin(async move {
            let response = self.0.send(request).await.map_err(|reset| reset.to_string())?;
            Ok(response.status())
        })
    }

    fn on_this_thread(&self) -> Result<Arc<dyn Put>, String> {
        Ok(Arc::new(self.clone()))
    }
}

mod tests {
    use std::time::{Duration, SystemTime};

    use aws_config::BehaviorVersion;
    use aws_sdk_ssm::Client;
    use aws_sdk_ssm::config::{Credentials, Region};
    use cfn_ssm_document::ssm;
    use cfn_ssm_document::ssm::retry::LastRetry;
    use loopback_aws::ssm::Document;
    use loopback_aws::{ACCESS_KEY_ID, Fault, Loopback, Loss, SECRET_ACCESS_KEY, TakesEffect};
    use tokio::time::Instant;

    use super::InProcessClient;

    async fn client(aws: &Loopback) -> Client {
        let config = aws_config::defaults(BehaviorVersion::latest())
            .http_client(InProcessClient(aws.transport()))
            .region(Region::new(crate::world::REGION))
            .credentials_provider(Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "tests"))
            .endpoint_url(aws.ssm_url())
            .load()
            .await;
        ssm::client::client(&config, LastRetry::default(), Instant::now())
    }

    #[tokio::test(start_paused = true)]
    async fn the_sdk_signs_retries_and_times_out_without_a_socket_and_without_waiting() {
        let aws =
            Loopback::builder().signatures(true).in_process(SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 30));
        aws.ssm(|model| model.put_document(Document::session("Doc", "{}")));
        aws.on("*").fault(Fault::Hang);
        aws.on("*").nth(2).fault(Fault::throttling());
        aws.on("*").nth(3).fault(Fault::Late(Loss::Reset, TakesEffect::WhenReleased));
        let begun = Instant::now();
        let described = client(&aws).await.describe_document().name("Doc").send().await.unwrap();
        assert_eq!(described.document().unwrap().name(), Some("Doc"));
        let expected = [
            "1 DescribeDocument Doc no response",
            "1 DescribeDocument Doc 400 ThrottlingException",
            "2 DescribeDocument Doc no response",
            "2 DescribeDocument Doc 200",
        ];
        assert_eq!(aws.trace(), expected);
        assert!(begun.elapsed() >= Duration::from_secs(10), "the call that hung was given its time");
    }
}
