//! The PUT to the response URL.

use loopback_aws::{Loopback, Sink};
use serde_json::json;

use crate::documents::desired;
use crate::world::{Request, World};

pub(super) fn create() -> Request {
    Request::create(desired("20"))
}

/// How many PUTs it takes until one is stored.
pub(super) async fn puts(script: impl IntoIterator<Item = Sink>) -> usize {
    let world = World::on_sockets(Loopback::builder()).await;
    world.aws.sink().script(script);
    world.send(&create()).await.ok();
    world.aws.responses().len()
}

#[tokio::test]
async fn a_transient_failure_is_retried() {
    for status in [408, 429, 500, 502, 503, 504] {
        assert_eq!(puts([Sink::Status(status), Sink::Status(status)]).await, 3, "{status}");
    }
    assert_eq!(puts([Sink::Status(503), Sink::Status(429)]).await, 3);
    assert_eq!(puts([Sink::Reset, Sink::Status(503), Sink::Reset]).await, 4);
}

#[tokio::test]
async fn a_response_that_was_stored_but_not_confirmed_is_sent_again_unchanged() {
    let world = World::on_sockets(Loopback::builder()).await;
    world.aws.sink().script([Sink::ResetAfter]);
    world.invoke(&create()).await.unwrap();
    let responses = world.aws.responses();
    assert_eq!(responses.len(), 2);
    assert_eq!(responses[0].bytes, responses[1].bytes);
}

#[tokio::test]
async fn a_permanent_failure_is_not_retried_and_is_reported_to_the_runtime() {
    for status in [400, 401, 403, 404, 412] {
        let world = World::on_sockets(Loopback::builder()).await;
        world.aws.sink().always(Sink::Status(status));
        let error = world.invoke(&create()).await.unwrap_err().to_string();
        assert!(error.contains(&status.to_string()), "{error}");
        assert_eq!(world.aws.responses().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let world = World::on_sockets(Loopback::builder()).await;
    world.aws.sink().always(Sink::Redirect("/elsewhere".into()));
    let error = world.invoke(&create()).await.unwrap_err().to_string();
    assert!(error.contains("307"), "{error}");
    assert_eq!(world.aws.responses().len(), 1, "{:?}", world.aws.trace());
    let strays =
        world.aws.journal().iter().filter(|entry| entry.call().is_none() && entry.response().is_none()).count();
    assert_eq!(strays, 0);
}

#[tokio::test]
async fn a_failed_request_whose_response_was_delivered_is_not_an_error_for_the_runtime() {
    let world = World::on_sockets(Loopback::builder()).await;
    assert!(world.invoke(&Request::create(json!({}))).await.is_ok());
    assert_eq!(world.aws.delivered()[0]["Status"], "FAILED");
}

#[tokio::test]
async fn a_response_is_a_put_with_an_empty_content_type_and_no_header_that_s3_did_not_sign() {
    let world = World::on_sockets(Loopback::builder()).await;
    world.send(&create()).await.ok();
    let response = world.aws.responses().remove(0);
    assert_eq!(response.header("content-type"), Some(""));
    assert_eq!(response.header("content-length"), Some(response.bytes.len().to_string().as_str()));
    let mut names: Vec<&str> = response.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "content-length", "content-type", "host"]);
}
