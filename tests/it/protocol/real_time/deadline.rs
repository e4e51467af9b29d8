//! Systems Manager or the response URL fails at every point of every request; the function has [`TIMEOUT`].

use std::time::Instant;

use futures_util::future::join_all;
use loopback_aws::ssm::ModelError;
use loopback_aws::{Fault, Sink};
use tokio::sync::Semaphore;

use crate::documents::desired;
use crate::protocol::stages::{STAGES, Stage, TIMEOUT, delivered, state_of_documents};
use crate::world::{Request, World};

/// How many cases run side by side, of all tests together: their deadlines are real time, and they share the processors.
static AT_ONCE: Semaphore = Semaphore::const_new(16);

/// From its n-th call on the request meets this fault only.
async fn from_call(stage: Stage, n: u64, fault: Fault) {
    let case = format!("{fault:?} from call {n}");
    let _turn = AT_ONCE.acquire().await.unwrap();
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

#[tokio::test]
async fn calls_that_hang_delay_no_response() {
    at_every_call(Fault::Hang).await;
}

#[tokio::test]
async fn calls_that_are_carried_out_and_then_hang_delay_no_response() {
    at_every_call(Fault::HangAfter).await;
}

#[tokio::test]
async fn calls_that_are_reset_delay_no_response() {
    at_every_call(Fault::ResetBefore).await;
}

#[tokio::test]
async fn calls_that_are_carried_out_and_then_reset_delay_no_response() {
    at_every_call(Fault::ResetAfter).await;
}

#[tokio::test]
async fn throttling_delays_no_response() {
    at_every_call(Fault::throttling()).await;
}

#[tokio::test]
async fn calls_that_are_carried_out_and_then_return_500_delay_no_response() {
    let error = ModelError { status: 500, ..ModelError::new("InternalServerError", "An error occurred.") };
    at_every_call(Fault::ErrorAfter(error)).await;
}

#[tokio::test]
async fn slow_calls_delay_no_response() {
    at_every_call(Fault::Delay(TIMEOUT * 3 / 10)).await;
}

/// The sink's misbehaviour, with Systems Manager as it should be and hanging.
async fn sink(script: &[Sink], ssm_hangs: bool) {
    let case = format!("{script:?}, ssm_hangs: {ssm_hangs}");
    let _turn = AT_ONCE.acquire_many(4).await.unwrap();
    let (world, request) = Stage::Create.set().await;
    if ssm_hangs {
        world.aws.on("*").always().fault(Fault::Hang);
    }
    world.aws.sink().script(script.iter().cloned());
    let started = Instant::now();
    let result = world.invoke_within(&request, TIMEOUT).await;
    let took = started.elapsed();
    assert!(result.is_ok() && took < TIMEOUT, "{case}: {result:?} after {took:?}");
    let expected = if ssm_hangs { "FAILED" } else { "SUCCESS" };
    assert_eq!(delivered(&world, &case).0["Status"], expected, "{case}");
}

#[tokio::test]
async fn a_response_url_that_stalls_or_fails_at_first_gets_the_response_before_the_deadline() {
    let scripts = [
        vec![Sink::Hang],
        vec![Sink::Reset, Sink::Reset],
        vec![Sink::ResetAfter],
        vec![Sink::Status(503)],
        vec![Sink::Status(429)],
        vec![Sink::Delay(TIMEOUT / 20)],
        vec![Sink::SlowRead(TIMEOUT / 20)],
        // Slower than half of the time that is left for it.
        vec![Sink::Delay(TIMEOUT / 4); 6],
    ];
    let cases = scripts.iter().flat_map(|script| [sink(script, false), sink(script, true)]);
    join_all(cases).await;
}

#[tokio::test]
async fn a_response_url_that_never_replies_is_an_error_before_the_deadline() {
    let steps = [Sink::Hang, Sink::Reset, Sink::Status(503)];
    join_all(steps.map(async |step| {
        let _turn = AT_ONCE.acquire_many(4).await.unwrap();
        let world = World::new().await;
        world.aws.sink().always(step.clone());
        let started = Instant::now();
        assert!(world.invoke_within(&Request::create(desired("20")), TIMEOUT).await.is_err(), "{step:?}");
        assert!(started.elapsed() < TIMEOUT, "{step:?}: {:?}", started.elapsed());
        let attempts = world.aws.responses().len();
        assert!((3..=12).contains(&attempts), "{step:?}: {attempts} attempts");
    }))
    .await;
}

#[tokio::test]
async fn a_service_timeout_shorter_than_the_functions_timeout_is_the_deadline() {
    let world = World::new().await;
    world.aws.on("*").always().fault(Fault::Hang);
    let mut properties = desired("20");
    properties["ServiceTimeout"] = TIMEOUT.as_secs().to_string().into();
    let started = Instant::now();
    assert!(world.invoke_within(&Request::create(properties), TIMEOUT * 300).await.is_ok());
    assert!(started.elapsed() < TIMEOUT, "{:?}", started.elapsed());
    assert!(delivered(&world, "ServiceTimeout").reason().contains("The request timed out"));
}

#[tokio::test]
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
        let world = World::new().await;
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
