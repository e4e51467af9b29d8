//! The PUT to the response URL.

use std::time::{Duration, Instant};

use loopback_aws::{Age, Loopback, Sink};
use serde_json::json;

use super::stages::TIMEOUT;
use crate::documents::desired;
use crate::world::{Request, World, provider};

fn create() -> Request {
    Request::create(desired("20"))
}

/// How many PUTs it takes until one is stored.
async fn puts(script: impl IntoIterator<Item = Sink>) -> usize {
    let world = World::new().await;
    world.aws.sink().script(script);
    world.send(&create()).await.ok();
    world.aws.responses().len()
}

#[tokio::test]
async fn what_can_pass_is_tried_again() {
    for status in [408, 429, 500, 502, 503, 504] {
        assert_eq!(puts([Sink::Status(status), Sink::Status(status)]).await, 3, "{status}");
    }
    assert_eq!(puts([Sink::Status(503), Sink::Status(429)]).await, 3);
    assert_eq!(puts([Sink::Reset, Sink::Status(503), Sink::Reset]).await, 4);
}

#[tokio::test]
async fn a_slow_response_url_is_waited_for_and_answered_once() {
    assert_eq!(puts([Sink::Delay(Duration::from_secs(3))]).await, 1);
    assert_eq!(puts([Sink::SlowRead(Duration::from_secs(2))]).await, 1);
}

#[tokio::test]
async fn an_answer_that_was_stored_and_not_confirmed_is_sent_again_the_same() {
    let world = World::new().await;
    world.aws.sink().script([Sink::ResetAfter]);
    world.invoke(&create()).await.unwrap();
    let answers = world.aws.responses();
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0].bytes, answers[1].bytes);
}

#[tokio::test]
async fn what_cannot_pass_is_tried_once_and_told_to_the_runtime() {
    for status in [400, 401, 403, 404, 412] {
        let world = World::new().await;
        world.aws.sink().always(Sink::Status(status));
        let started = Instant::now();
        let error = world.invoke(&create()).await.unwrap_err().to_string();
        assert!(error.contains(&status.to_string()), "{error}");
        assert_eq!(world.aws.responses().len(), 1, "{status}");
        assert!(started.elapsed() < Duration::from_secs(1));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let world = World::new().await;
    world.aws.sink().always(Sink::Redirect("/elsewhere".into()));
    let error = world.invoke(&create()).await.unwrap_err().to_string();
    assert!(error.contains("307"), "{error}");
    assert_eq!(world.aws.responses().len(), 1, "{:?}", world.aws.trace());
    let strays =
        world.aws.journal().iter().filter(|entry| entry.call().is_none() && entry.response().is_none()).count();
    assert_eq!(strays, 0);
}

#[tokio::test]
async fn a_host_that_has_no_address_is_an_error_to_the_runtime_in_time() {
    let mut world = World::new().await;
    world.provider.url_rules.suffixes = vec!["invalid".into()];
    let url = "https://bucket.s3.invalid/key?X-Amz-Signature=secret-signature".to_owned();
    let started = Instant::now();
    let error = world.invoke_within(&create().answered_at(url), TIMEOUT).await.unwrap_err().to_string();
    assert!(started.elapsed() < TIMEOUT, "{:?}", started.elapsed());
    assert!(error.contains("not delivered") && !error.contains("secret") && !error.contains("key"), "{error}");
}

#[tokio::test]
async fn a_port_nobody_listens_on_is_an_error_to_the_runtime_in_time() {
    let world = World::new().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}/key?X-Amz-Signature=secret-signature");
    let started = Instant::now();
    let error = world.invoke_within(&create().answered_at(url), TIMEOUT).await.unwrap_err().to_string();
    assert!(started.elapsed() < TIMEOUT, "{:?}", started.elapsed());
    assert!(error.contains("not delivered") && !error.contains("secret") && !error.contains("key"), "{error}");
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_is_not_sent_an_answer() {
    let aws = Loopback::builder().tls(true).start().await;
    let trusting = provider(&aws, tokio::time::Instant::now()).await;
    let other = Loopback::start().await;
    let provider = provider(&other, tokio::time::Instant::now()).await;
    let world = World { aws: other, provider };
    let request = create().answered_at(aws.response_url(Age::Now));
    let error = world.invoke_within(&request, TIMEOUT).await.unwrap_err().to_string();
    assert!(error.contains("certificate"), "{error}");
    assert_eq!(aws.responses().len(), 0);
    let world = World { aws, provider: trusting };
    world.send(&create()).await.ok();
}

#[tokio::test]
async fn a_failed_request_whose_answer_was_delivered_is_no_error_to_the_runtime() {
    let world = World::new().await;
    assert!(world.invoke(&Request::create(json!({}))).await.is_ok());
    assert_eq!(world.aws.delivered()[0]["Status"], "FAILED");
}

#[tokio::test]
async fn an_answer_is_a_put_with_an_empty_content_type_and_nothing_that_s3_did_not_sign() {
    let world = World::new().await;
    world.send(&create()).await.ok();
    let answer = world.aws.responses().remove(0);
    assert_eq!(answer.header("content-type"), Some(""));
    assert_eq!(answer.header("content-length"), Some(answer.bytes.len().to_string().as_str()));
    let mut names: Vec<&str> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "content-length", "content-type", "host"]);
}
