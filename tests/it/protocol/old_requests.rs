//! Requests that come too late change nothing.

use std::time::Duration;

use loopback_aws::Age;
use serde_json::{Value, json};

use super::stages::state_of_documents;
use crate::documents::{NAME, content, desired, desired_with};
use crate::world::{Request, SINCE, World};

fn patient(idle: &str, seconds: &str) -> Value {
    desired_with(idle, json!({"ServiceTimeout": seconds}))
}

async fn created() -> World {
    let world = World::new();
    world.send(&Request::create(desired("10"))).await.ok();
    // As if it had been created long ago.
    world.aws.ssm(|model| model.document_mut(NAME).unwrap().tags.remove(SINCE));
    world.aws.forget();
    world
}

#[tokio::test(start_paused = true)]
async fn a_request_older_than_its_service_timeout_fails_without_a_call() {
    for (seconds, minutes) in [("900", 16), ("60", 2), ("3600", 61)] {
        let world = created().await;
        let request = Request::update(NAME, desired("10"), patient("20", seconds));
        let reply = world.send(&request.with_response_url(world.aws.response_url(Age::minutes(minutes)))).await;
        assert!(
            reply.reason().contains(&format!("waits only {seconds} s for a response (ServiceTimeout)")),
            "{}",
            reply.0
        );
        assert_eq!((reply.id(), world.aws.calls().len()), (NAME, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_service_timeout_a_request_is_too_old_after_an_hour() {
    let world = created().await;
    let request = Request::update(NAME, desired("10"), desired("20"));
    world.send(&request.clone().with_response_url(world.aws.response_url(Age::minutes(61)))).await.reason();
    assert_eq!(world.aws.calls().len(), 0);
    world.send(&request.with_response_url(world.aws.response_url(Age::minutes(59)))).await.ok();
}

#[tokio::test(start_paused = true)]
async fn a_request_within_its_service_timeout_is_carried_out_however_long_lambdas_retries_took() {
    for age in [Age::minutes(14), Age::Ahead(Duration::from_secs(300))] {
        let world = created().await;
        let request = Request::update(NAME, desired("10"), patient("20", "900"));
        world.send(&request.with_response_url(world.aws.response_url(age))).await.ok();
        assert_eq!(world.default_content(NAME), content("20"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_url_has_expired_changes_nothing_and_gets_no_response() {
    let world = created().await;
    for url in [world.aws.response_url(Age::minutes(121)), world.aws.response_url_v2(Age::minutes(121))] {
        let request = Request::update(NAME, desired("10"), desired("20")).with_response_url(url);
        let error = world.invoke(&request).await.unwrap_err().to_string();
        assert!(error.contains("has expired") && !error.contains("Signature"), "{error}");
    }
    assert_eq!(world.aws.journal().len(), 0, "{:?}", world.aws.trace());
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_url_has_the_older_form_is_carried_out_until_the_url_expires() {
    let world = created().await;
    let request = Request::update(NAME, desired("10"), patient("20", "900"));
    world.send(&request.with_response_url(world.aws.response_url_v2(Age::minutes(100)))).await.ok();
}

#[tokio::test(start_paused = true)]
async fn a_late_retry_does_not_undo_a_rollback() {
    let world = created().await;
    let update = Request::update(NAME, patient("10", "900"), patient("20", "900"));
    let rollback = Request::update(NAME, patient("20", "900"), patient("10", "900"));
    world.send(&update).await.ok();
    world.send(&rollback).await.ok();
    let state = state_of_documents(&world);
    world.send(&update.with_response_url(world.aws.response_url(Age::minutes(16)))).await.reason();
    assert_eq!(state_of_documents(&world), state);
    assert_eq!(world.default_content(NAME), content("10"));
}
