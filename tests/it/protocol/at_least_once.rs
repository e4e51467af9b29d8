//! Lambda delivers a request at least once: perhaps again later, perhaps twice concurrently.

use std::time::Duration;

use super::stages::{STAGES, Stage, state_of_documents};
use crate::world::{Reply, World, deliver, provider_in_process};

#[tokio::test(start_paused = true)]
async fn a_request_that_is_delivered_again_ends_in_the_same_state_and_gets_the_same_response() {
    for stage in STAGES {
        let (world, request) = stage.set().await;
        let request = request.with_response_url(world.aws.response_url(loopback_aws::Age::Now));
        let first = world.send(&request).await.ok();
        let state = state_of_documents(&world);
        let second = world.send(&request).await.ok();
        assert_eq!(first, second, "{stage:?}");
        assert_eq!(state_of_documents(&world), state, "{stage:?}");
    }
}

/// The first delivery pauses just before or after its n-th call while the second runs from beginning to end.
async fn overlapping(stage: Stage, n: u64, before: bool) {
    let (world, request) = stage.set().await;
    let request = request.with_response_url(world.aws.response_url(loopback_aws::Age::Now));
    let on = world.aws.on("*").nth(n);
    let mut gate = if before { on.hold_before() } else { on.hold_after() };
    // Another process: its own clients.
    let other = provider_in_process(&world.aws);
    let World { aws, provider } = world;
    let (one, two) = (World { aws, provider }, other);
    let first = one.invoke(&request);
    let second = async {
        gate.reached().await;
        let event = request.event(request.response_url.as_deref().unwrap());
        let result = deliver(&one.aws, &two, &event, Duration::from_secs(60)).await;
        gate.open();
        result
    };
    let (first, second) = tokio::join!(first, second);
    let case = format!("{stage:?} at call {n}, before: {before}: {:?}", one.aws.trace());
    assert!(first.is_ok() && second.is_ok(), "{case}");
    let bodies = one.aws.delivered();
    assert_eq!(bodies.len(), 2, "{case}");
    // A delivery that was held for longer than its lease learns from CloudFormation that the other one has succeeded.
    let (succeeded, failed): (Vec<_>, Vec<_>) = bodies.into_iter().partition(|body| body["Status"] == "SUCCESS");
    assert!(!succeeded.is_empty(), "{case}");
    for body in failed {
        assert!(Reply(body).reason().contains("CloudFormation is no longer waiting for a response to this"), "{case}");
    }
    // The clean-up of a rename follows.
    let state = state_of_documents(&one);
    let (undisturbed, request) = stage.set().await;
    undisturbed.send(&request).await.ok();
    assert_eq!(state, state_of_documents(&undisturbed), "{case}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_delivered_twice_concurrently_ends_in_the_same_state_as_if_delivered_once() {
    for stage in STAGES {
        for n in 1..=stage.calls().await {
            overlapping(stage, n, true).await;
            overlapping(stage, n, false).await;
        }
    }
}
