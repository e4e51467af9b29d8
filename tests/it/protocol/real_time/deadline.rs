//! Systems Manager or the response URL fails on the wire; the function has [`TIMEOUT`].

use std::time::Instant;

use futures_util::future::join_all;
use loopback_aws::{Fault, Loopback, Sink};
use tokio::sync::Semaphore;

use crate::documents::desired;
use crate::protocol::stages::{STAGES, Stage, TIMEOUT, delivered};
use crate::world::{Request, World};

/// How many cases of all tests run concurrently: their deadlines are in real time, and they share the processors.
static AT_ONCE: Semaphore = Semaphore::const_new(16);

#[tokio::test]
async fn a_call_that_hangs_on_its_socket_delays_no_response() {
    let cases = STAGES.map(async |stage| {
        let _turn = AT_ONCE.acquire().await.unwrap();
        let (world, request) = stage.set_on_sockets().await;
        world.aws.on("*").always().fault(Fault::Hang);
        let started = Instant::now();
        let result = world.invoke_within(&request, TIMEOUT).await;
        let took = started.elapsed();
        assert!(result.is_ok() && took < TIMEOUT, "{stage:?}: {result:?} after {took:?}");
        assert_eq!(delivered(&world, "a hanging call").0["Status"], "FAILED", "{stage:?}");
    });
    join_all(cases).await;
}

/// The sink's faults, while Systems Manager works and while it hangs.
async fn sink(script: &[Sink], ssm_hangs: bool) {
    let case = format!("{script:?}, ssm_hangs: {ssm_hangs}");
    let _turn = AT_ONCE.acquire_many(4).await.unwrap();
    let (world, request) = Stage::Create.set_on_sockets().await;
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
        // So slow that more attempts start before the first one has a reply.
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
        let world = World::on_sockets(Loopback::builder()).await;
        world.aws.sink().always(step.clone());
        let started = Instant::now();
        assert!(world.invoke_within(&Request::create(desired("20")), TIMEOUT).await.is_err(), "{step:?}");
        assert!(started.elapsed() < TIMEOUT, "{step:?}: {:?}", started.elapsed());
        let attempts = world.aws.responses().len();
        assert!((3..=12).contains(&attempts), "{step:?}: {attempts} attempts");
    }))
    .await;
}
