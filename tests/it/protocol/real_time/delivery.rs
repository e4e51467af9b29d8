//! A response URL that is slow, or that can't be reached.

use std::time::Instant;

use loopback_aws::{Age, Loopback, Sink};

use crate::protocol::put::{create, puts};
use crate::protocol::stages::TIMEOUT;
use crate::world::{World, provider};

#[tokio::test]
async fn a_slow_response_url_is_waited_for_and_gets_one_response() {
    assert_eq!(puts([Sink::Delay(TIMEOUT / 2)]).await, 1);
    assert_eq!(puts([Sink::SlowRead(TIMEOUT / 3)]).await, 1);
}

#[tokio::test]
async fn a_host_that_has_no_address_is_reported_to_the_runtime_in_time() {
    let mut world = World::on_sockets(Loopback::builder()).await;
    world.provider.url_rules.suffixes = vec!["invalid".into()];
    let url = "https://bucket.s3.invalid/key?X-Amz-Signature=secret-signature".to_owned();
    let started = Instant::now();
    let error = world.invoke_within(&create().with_response_url(url), TIMEOUT).await.unwrap_err().to_string();
    assert!(started.elapsed() < TIMEOUT, "{:?}", started.elapsed());
    assert!(error.contains("not delivered") && !error.contains("secret") && !error.contains("key"), "{error}");
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_is_reported_to_the_runtime_in_time() {
    let world = World::on_sockets(Loopback::builder()).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}/key?X-Amz-Signature=secret-signature");
    let started = Instant::now();
    let error = world.invoke_within(&create().with_response_url(url), TIMEOUT).await.unwrap_err().to_string();
    assert!(started.elapsed() < TIMEOUT, "{:?}", started.elapsed());
    assert!(error.contains("not delivered") && !error.contains("secret") && !error.contains("key"), "{error}");
}

#[tokio::test]
async fn no_response_is_sent_to_a_host_with_an_untrusted_certificate() {
    let aws = Loopback::builder().tls(true).start().await;
    let trusting = provider(&aws, tokio::time::Instant::now()).await;
    let other = Loopback::start().await;
    let provider = provider(&other, tokio::time::Instant::now()).await;
    let world = World { aws: other, provider };
    let request = create().with_response_url(aws.response_url(Age::Now));
    let error = world.invoke_within(&request, TIMEOUT).await.unwrap_err().to_string();
    assert!(error.contains("certificate"), "{error}");
    assert_eq!(aws.responses().len(), 0);
    let world = World { aws, provider: trusting };
    world.send(&create()).await.ok();
}
