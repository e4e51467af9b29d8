//! The one thread blocks, or the work panics, at every call of every request.
//!
//! An HTTP client with the SDK's own interface does this, so the function has no code for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use aws_sdk_ssm::Client;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use cfn_ssm_document::http::client::{self as http, SdkHttpClient};

use crate::protocol::stages::{STAGES, Stage, TIMEOUT, delivered, state_of_documents};
use crate::world::World;

const SECRET: &str = "what a panic may quote";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClientFault {
    /// The thread blocks before the call, for longer than the function's timeout.
    StallBefore,
    /// The same, after the call.
    StallAfter,
    /// The call panics.
    Panic,
    /// The call and every later one panic.
    PanicAlways,
}

/// An HTTP client that works except for one call.
#[derive(Debug, Clone)]
struct FaultyClient {
    inner: SdkHttpClient,
    fault: ClientFault,
    at: u64,
    calls: Arc<AtomicU64>,
}

fn stall() {
    std::thread::sleep(TIMEOUT * 11 / 10);
}

impl HttpClient for FaultyClient {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for FaultyClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        match self.fault {
            ClientFault::StallBefore if number == self.at => stall(),
            ClientFault::Panic if number == self.at => panic!("{SECRET}"),
            ClientFault::PanicAlways if number >= self.at => panic!("{SECRET}"),
            ClientFault::StallAfter if number == self.at => {
                let call = self.inner.call(request);
                return HttpConnectorFuture::new(async {
                    let reply = call.await;
                    stall();
                    reply
                });
            }
            _ => {}
        }
        self.inner.call(request)
    }
}

fn set(world: &mut World, fault: ClientFault, at: u64) {
    let client = SdkHttpClient::new(&http::tls(None).unwrap()).unwrap();
    let faulty = FaultyClient { inner: client, fault, at, calls: Arc::default() };
    let config = world.provider.ssm.config().to_builder().http_client(faulty);
    world.provider.ssm = Client::from_conf(config.build());
}

async fn at_call(stage: Stage, n: u64, fault: ClientFault) {
    let case = format!("{fault:?} at call {n}");
    let (mut world, request) = stage.set_on_sockets().await;
    let before = state_of_documents(&world);
    let sound = world.provider.clone();
    set(&mut world, fault, n);
    let started = Instant::now();
    let result = world.invoke_within(&request, TIMEOUT).await;
    assert!(result.is_ok(), "{stage:?}: {case}: {result:?}");
    let arrived = world.aws.journal().iter().find_map(|entry| entry.response().is_some().then_some(entry.arrived));
    let took = arrived.expect("a response") - started;
    assert!(took < TIMEOUT, "{stage:?}: {case}: responded after {took:?}");
    let reply = delivered(&world, &case);
    let expected = if matches!(fault, ClientFault::Panic | ClientFault::PanicAlways) { "panicked" } else { "stalled" };
    assert!(reply.reason().contains(expected) && !reply.reason().contains(SECRET), "{stage:?}: {case}: {}", reply.0);
    world.provider = sound;
    stage.assert_truthful(&world, &request, &before, &reply, &case).await;
}

/// Each case runs on a thread of its own, since it blocks that thread.
fn at_every_call(fault: ClientFault) {
    let block_on = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut cases = Vec::new();
    for stage in STAGES {
        let calls = block_on().block_on(stage.calls());
        cases.extend((1..=calls).map(|n| (stage, n)));
    }
    for some in cases.chunks(20) {
        std::thread::scope(|scope| {
            for (stage, n) in some.iter().copied() {
                scope.spawn(move || block_on().block_on(at_call(stage, n, fault)));
            }
        });
    }
}

#[test]
fn a_stall_of_the_thread_before_a_call_delays_no_response() {
    at_every_call(ClientFault::StallBefore);
}

#[test]
fn a_stall_of_the_thread_after_a_call_delays_no_response() {
    at_every_call(ClientFault::StallAfter);
}

#[test]
fn the_response_to_a_panic_lacks_its_payload() {
    at_every_call(ClientFault::Panic);
}

#[test]
fn a_panic_that_repeats_during_the_undo_gets_a_response() {
    at_every_call(ClientFault::PanicAlways);
}
