//! Systems Manager fails at every point of every request, until the function's time runs out. Time is paused, so the
//! tests take none. Those that need sockets and threads are in `real_time`.

use std::time::Duration;

use futures_util::future::join_all;
use loopback_aws::Fault;
use loopback_aws::ssm::{Document, ModelError, Status, Version};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::documents::{NAME, desired, desired_with, preferences};
use crate::protocol::stages::{STAGES, Stage, TIMEOUT, delivered, state_of_documents};
use crate::world::{Request, World};

/// Every call of the request from the n-th on meets this fault.
async fn from_call(stage: Stage, n: u64, fault: Fault) {
    let case = format!("{fault:?} from call {n}");
    let (world, request) = stage.set().await;
    let before = state_of_documents(&world);
    world.aws.on("*").nth(n).always().fault(fault);
    let started = Instant::now();
    let result = world.invoke_within(&request, TIMEOUT).await;
    let took = started.elapsed();
    assert!(result.is_ok() && took < TIMEOUT, "{stage:?}: {case}: {result:?} after {took:?}");
    let reply = delivered(&world, &case);
    world.aws.no_faults();
    stage.assert_truthful(&world, &request, &before, &reply, &case).await;
}

async fn at_every_call(fault: Fault) {
    let mut cases = Vec::new();
    for stage in STAGES {
        let calls = stage.calls().await;
        cases.extend((1..=calls).map(|n| (stage, n)));
    }
    let runs = cases.into_iter().map(|(stage, n)| from_call(stage, n, fault.clone()));
    let done = join_all(runs).await;
    assert!(done.len() > 30, "a fault at {} calls", done.len());
}

#[tokio::test(start_paused = true)]
async fn calls_that_hang_delay_no_response() {
    at_every_call(Fault::Hang).await;
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_carried_out_and_then_hang_delay_no_response() {
    at_every_call(Fault::HangAfter).await;
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_reset_delay_no_response() {
    at_every_call(Fault::ResetBefore).await;
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_carried_out_and_then_reset_delay_no_response() {
    at_every_call(Fault::ResetAfter).await;
}

#[tokio::test(start_paused = true)]
async fn throttling_delays_no_response() {
    at_every_call(Fault::throttling()).await;
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_carried_out_and_then_return_500_delay_no_response() {
    let error = ModelError { status: 500, ..ModelError::new("InternalServerError", "An error occurred.") };
    at_every_call(Fault::ErrorAfter(error)).await;
}

#[tokio::test(start_paused = true)]
async fn slow_calls_delay_no_response() {
    at_every_call(Fault::Delay(TIMEOUT * 3 / 10)).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_timeout_shorter_than_the_functions_timeout_is_the_deadline() {
    let world = World::new();
    world.aws.on("*").always().fault(Fault::Hang);
    let mut properties = desired("20");
    properties["ServiceTimeout"] = TIMEOUT.as_secs().to_string().into();
    let started = Instant::now();
    assert!(world.invoke_within(&Request::create(properties), TIMEOUT * 300).await.is_ok());
    assert!(started.elapsed() < TIMEOUT, "{:?}", started.elapsed());
    assert!(delivered(&world, "ServiceTimeout").reason().contains("The request timed out"));
}

#[tokio::test(start_paused = true)]
async fn the_reason_of_a_timeout_names_the_step_the_last_error_and_the_remedy() {
    let reasons = [
        (
            Fault::throttling(),
            "DescribeDocument failed with ThrottlingException. Systems Manager throttled the account",
        ),
        (Fault::Raw(503, "busy".into()), "DescribeDocument failed with status 503"),
        (Fault::ResetBefore, "got no response from Systems Manager. Check that the function can reach the endpoint"),
        (Fault::access_denied("ssm:DescribeDocument", "*"), "assumed-role/cfn-ssm-document"),
        (Fault::Hang, "Try again."),
    ];
    join_all(reasons.map(async |(fault, expected)| {
        let world = World::new();
        world.aws.on("*").always().fault(fault);
        world.invoke_within(&Request::create(desired("20")), TIMEOUT).await.unwrap();
        let reply = delivered(&world, expected);
        let reason = reply.reason().replace("GetDocument", "DescribeDocument");
        assert!(
            reason.starts_with("The request timed out while reading the document.") && reason.contains(expected),
            "{reason}"
        );
    }))
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_reason_of_a_timeout_does_not_quote_a_denial_that_was_tolerated() {
    let updating = Version::json(preferences("10")).with_status(Status::Updating);
    let world = World::with(|model| model.put_document(Document::new(NAME, "Session").version(updating)));
    // The role is no longer new, so a denial is not retried.
    sleep(Duration::from_secs(60)).await;
    world
        .aws
        .on("DescribeDocumentPermission")
        .always()
        .fault(Fault::access_denied("ssm:DescribeDocumentPermission", "*"));
    let delete = Request::delete(NAME, desired_with("10", json!({"OnDelete": "Restore"})));
    world.invoke_within(&delete, TIMEOUT).await.unwrap();
    let reply = delivered(&world, "a tolerated denial");
    let reason = reply.reason();
    assert!(reason.contains("it is Updating") && !reason.contains("DescribeDocumentPermission"), "{reason}");
}
