//! How long an attempt to write may last: 7 s after the signature, and 2 s after CloudFormation was asked.
//!
//! Everything runs without sockets in a runtime whose time is paused.

use std::time::Duration;

use loopback_aws::cloudformation::ResourceStatus;
use loopback_aws::ssm::{Activation, Document, Status, Version};
use loopback_aws::{Fault, Loopback};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{NAME, content, desired, desired_with, preferences, signed_now};
use crate::world::{Reply, Request, World};

fn world(latency: u64) -> World {
    let world = World::on(Loopback::builder().latency(Duration::from_millis(latency)));
    world.aws.ssm(|model| model.put_document(Document::session(NAME, preferences("1"))));
    world
}

async fn cancelled_after(world: &World, time: Duration) {
    sleep(time).await;
    world.resource_is("a", ResourceStatus::CreateFailed);
}

fn millis(time: Duration) -> u128 {
    time.as_millis()
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_began_within_the_lease_ends_seven_seconds_after_the_signature() {
    let world = world(0);
    let create = signed_now(&world, Request::create(desired("10")));
    let signed = Instant::now();
    sleep(Duration::from_secs(4)).await;
    world.aws.on("UpdateDocument").always().fault(Fault::Hang);
    // The retry asks, and learns that CloudFormation is no longer waiting for a response.
    let ((), reply) = tokio::join!(cancelled_after(&world, Duration::from_secs(1)), world.send(&create));
    reply.assert_given_up();
    // The retry follows after a pause of at most 0.3 s.
    assert!((7_000..7_500).contains(&millis(signed.elapsed())), "{:?}", signed.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_relies_on_a_reply_of_cloudformation_ends_two_seconds_after_the_question() {
    let world = world(0);
    let create = signed_now(&world, Request::create(desired("10")));
    sleep(Duration::from_secs(30)).await;
    world.aws.on("UpdateDocument").always().fault(Fault::Hang);
    let begun = Instant::now();
    let ((), reply) = tokio::join!(cancelled_after(&world, Duration::from_secs(1)), world.send(&create));
    reply.assert_given_up();
    assert!((2_000..2_500).contains(&millis(begun.elapsed())), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn each_write_after_the_lease_rests_on_a_question_that_is_at_most_two_seconds_old() {
    // The tags, the upload and the promotion follow each other in steps of 1.5 s.
    let world = world(0);
    for operation in ["AddTagsToResource", "UpdateDocument", "UpdateDocumentDefaultVersion"] {
        world.aws.on(operation).always().fault(Fault::DelayAfter(Duration::from_millis(1_500)));
    }
    let create = signed_now(&world, Request::create(desired("10")));
    sleep(Duration::from_secs(30)).await;
    world.send(&create).await.ok();
    assert!(world.aws.cloudformation_calls().len() >= 3, "{:?}", world.aws.trace());
}

#[tokio::test(start_paused = true)]
async fn a_failed_request_asks_before_it_undoes_anything_whatever_its_age() {
    for (stands, undone) in [(true, true), (false, false)] {
        let world = world(0);
        world.aws.on("UpdateDocumentDefaultVersion").fault(Fault::error(400, "InvalidDocumentVersion", "no"));
        let create = signed_now(&world, Request::create(desired("10")));
        let event = create.event(create.response_url.as_deref().unwrap());
        world.aws.cloudformation(|known| known.sent(&event));
        if !stands {
            cancelled_after(&world, Duration::ZERO).await;
        }
        world.deliver(&event, Duration::from_secs(60)).await.unwrap();
        assert_eq!((world.tags(NAME).is_empty(), world.aws.cloudformation_calls().len()), (undone, 1), "{stands}");
    }
}

#[tokio::test(start_paused = true)]
async fn when_time_runs_out_while_waiting_the_reason_names_the_status_last_seen() {
    let world = world(0);
    let updating = |model: &mut loopback_aws::ssm::Model| {
        let document = model.document_mut(NAME).unwrap();
        document.push(Version::json(preferences("10")).with_status(Status::Updating));
    };
    world.aws.ssm(updating);
    let create = signed_now(&world, Request::create(desired("10")));
    world.invoke_within(&create, Duration::from_secs(180)).await.unwrap();
    let reply = Reply(world.aws.delivered().pop().unwrap());
    assert!(reply.reason().contains("(it is Updating)"), "{}", reply.reason());
    assert_eq!(world.default_content(NAME), content("1"));
    let delete = Request::delete(NAME, desired_with("10", json!({"OnDelete": "Restore"})));
    world.send(&delete).await.ok();
}

#[tokio::test(start_paused = true)]
async fn a_version_that_needs_longer_than_the_function_has_fails_and_the_next_update_promotes_it() {
    let world = World::new();
    world.send(&Request::create(desired("1"))).await.ok();
    world.aws.ssm(|model| model.activation = Activation::After(Duration::from_secs(400)));
    sleep(Duration::from_secs(60)).await;
    let update = signed_now(&world, Request::update(NAME, desired("1"), desired("10")));
    world.aws.cloudformation(|known| known.sent(&update.event(update.response_url.as_deref().unwrap())));
    world.invoke_within(&update, Duration::from_secs(180)).await.unwrap();
    let reply = Reply(world.aws.delivered().pop().unwrap());
    let expected =
        "waiting for version 2 to become Active (it is still Updating; AWS may need more time than this function has)";
    assert!(reply.reason().contains(expected), "{}", reply.reason());
    sleep(Duration::from_secs(400)).await;
    world.send(&Request::update(NAME, desired("1"), desired("10"))).await.ok();
    assert_eq!((world.default_content(NAME), world.versions(NAME)), (content("10"), (2, 2)));
}
