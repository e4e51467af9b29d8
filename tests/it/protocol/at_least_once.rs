//! Lambda delivers a request at least once: again later, and at the same time elsewhere.

use std::time::Duration;

use tokio::time::Instant;

use super::stages::{STAGES, Stage, in_force};
use crate::world::{Reply, World, provider};

#[tokio::test]
async fn a_request_that_is_delivered_again_ends_in_the_same_state_and_gets_the_same_answer() {
    for stage in STAGES {
        let (world, request) = stage.set().await;
        let request = request.answered_at(world.aws.response_url(loopback_aws::Age::Now));
        let first = world.send(&request).await.ok();
        let state = in_force(&world);
        let second = world.send(&request).await.ok();
        assert_eq!(first, second, "{stage:?}");
        assert_eq!(in_force(&world), state, "{stage:?}");
    }
}

/// The first delivery stands just before or after its n-th call while the second runs from beginning to end.
async fn overlapping(stage: Stage, n: u64, before: bool) {
    let (world, request) = stage.set().await;
    let request = request.answered_at(world.aws.response_url(loopback_aws::Age::Now));
    let on = world.aws.on("*").nth(n);
    let mut gate = if before { on.hold_before() } else { on.hold_after() };
    // Another process: its own clients.
    let other = provider(&world.aws, Instant::now()).await;
    let World { aws, provider } = world;
    let (one, two) = (World { aws, provider }, other);
    let first = one.invoke(&request);
    let second = async {
        gate.reached().await;
        let event = request.event(request.response_url.as_deref().unwrap());
        let payload = serde_json::value::to_raw_value(&event).unwrap();
        let context = crate::world::context(Duration::from_secs(60));
        let result = two.handle(lambda_runtime::LambdaEvent::new(payload, context)).await;
        gate.open();
        result
    };
    let (first, second) = tokio::join!(first, second);
    let case = format!("{stage:?} at call {n}, before: {before}: {:?}", one.aws.trace());
    assert!(first.is_ok() && second.is_ok(), "{case}");
    let bodies = one.aws.delivered();
    assert_eq!(bodies.len(), 2, "{case}");
    for body in bodies {
        Reply(body).ok();
    }
    // The clean-up of a rename follows.
    let state = in_force(&one);
    let (undisturbed, request) = stage.set().await;
    undisturbed.send(&request).await.ok();
    assert_eq!(state, in_force(&undisturbed), "{case}");
}

#[tokio::test]
async fn a_request_that_is_delivered_twice_at_once_ends_in_the_same_state_as_once() {
    for stage in STAGES {
        for n in 1..=stage.calls().await {
            overlapping(stage, n, true).await;
            overlapping(stage, n, false).await;
        }
    }
}
