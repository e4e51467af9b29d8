//! The process is killed after every call of every request, and before the first, and Lambda delivers the request again.
//! Being killed before a later call is the same as being killed after the call before it.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::iter;
use loopback_aws::Age;

use super::bootstrap::Bootstrap;
use crate::protocol::stages::{STAGES, Stage, delivered, state_of_documents};

const PATIENCE: Duration = Duration::from_secs(60);

async fn killed_at(stage: Stage, n: u64, before: bool) {
    let case = format!("{stage:?}: killed {} call {n}", if before { "before" } else { "after" });
    let (world, request) = stage.set_on_sockets().await;
    let runtime = world.aws.runtime_api().await;
    let event = request.event(&world.aws.response_url(Age::Now));
    let on = world.aws.on("*").nth(n);
    let mut gate = if before { on.hold_before() } else { on.hold_after() };
    let first = Bootstrap::quiet(&world.aws, &runtime);
    tokio::select! {
        () = gate.reached() => first.kill(),
        result = runtime.invoke(&event, PATIENCE) => panic!("{case}: ended before it: {result:?}"),
    }
    gate.open();
    assert_eq!(world.aws.responses().len(), 0, "{case}");

    let second = Bootstrap::quiet(&world.aws, &runtime);
    runtime.invoke(&event, PATIENCE).await.unwrap_or_else(|error| panic!("{case}: {error:?}"));
    second.kill();
    let reply = delivered(&world, &case);
    let (undisturbed, request) = stage.set_on_sockets().await;
    assert_eq!(reply, undisturbed.send(&request).await.ok(), "{case}");
    assert_eq!(state_of_documents(&world), state_of_documents(&undisturbed), "{case}");
}

#[tokio::test]
async fn a_request_whose_process_was_killed_at_any_call_ends_as_if_it_had_not_been() {
    let mut cases = Vec::new();
    for stage in STAGES {
        cases.push((stage, 1, true));
        cases.extend((1..=stage.calls().await).map(|n| (stage, n, false)));
    }
    let runs = cases.into_iter().map(|(stage, n, before)| killed_at(stage, n, before));
    let done: Vec<()> = iter(runs).buffer_unordered(4).collect().await;
    assert!(done.len() > 30, "killed {} times", done.len());
}
