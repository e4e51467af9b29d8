//! Two deliveries of one request: reads show each of them late what the other wrote, or one fails and the other succeeds.
//!
//! Everything runs without sockets in a runtime whose time is paused.

use std::time::Duration;

use loopback_aws::cloudformation::ResourceStatus;
use loopback_aws::ssm::{Document, Lag, Version};
use loopback_aws::{Fault, Loopback};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{NAME, content, desired, desired_with, preferences, signed_now};
use crate::world::{Request, World};

const NOT_CREATED: &str = "cfn-ssm-document:not-created";
const ORIGIN: &str = "cfn-ssm-document:origin";
const PREVIOUS: &str = "cfn-ssm-document:previous-default-version";

fn world() -> World {
    World::new()
}

fn tag(world: &World, key: &str) -> Option<String> {
    world.aws.ssm(|model| model.document(NAME).unwrap().tags.get(key).cloned())
}

#[tokio::test(start_paused = true)]
async fn the_second_waits_for_the_tags_of_the_document_that_the_first_created() {
    for on_existing in ["Adopt", "Fail"] {
        let world = world();
        world.aws.ssm(|model| model.lags.tags = Lag::Fixed(Duration::from_secs(1)));
        let create = signed_now(&world, Request::create(desired_with("10", json!({ "OnExisting": on_existing }))));
        world.send(&create).await.ok();
        world.send(&create).await.ok();
        assert_eq!((tag(&world, ORIGIN).as_deref(), tag(&world, PREVIOUS)), (Some("created"), None), "{on_existing}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_second_does_not_record_the_version_that_the_first_promoted_as_the_previous_one() {
    let world = world();
    let lags = |seconds| world.aws.ssm(|model| model.lags.tags = Lag::Fixed(Duration::from_secs(seconds)));
    // The model remembers as much of the past as the longest lag needs.
    world.aws.ssm(|model| model.lags.settings = Lag::Fixed(Duration::from_secs(10)));
    world.aws.ssm(|model| model.put_document(Document::session(NAME, preferences("1"))));
    lags(1);
    let create = signed_now(&world, Request::create(desired("10")));
    world.send(&create).await.ok();
    // Another replica still shows the document without tags, but with the version that the first delivery promoted.
    lags(4);
    world.send(&create).await.ok();
    assert_eq!((tag(&world, PREVIOUS).as_deref(), world.default_content(NAME)), (Some("1"), content("10")));
}

#[tokio::test(start_paused = true)]
async fn the_second_waits_for_the_tags_of_the_first_if_an_earlier_owner_left_some() {
    for owner in ["b", "a"] {
        let world = world();
        world.aws.ssm(|model| model.lags.settings = Lag::Fixed(Duration::from_secs(10)));
        world.send(&Request::create(desired("1")).of_stack(owner)).await.ok();
        sleep(Duration::from_secs(60)).await;
        let create = signed_now(&world, Request::create(desired_with("10", json!({"OnExisting": "TakeOver"}))));
        world.send(&create).await.ok();
        world.aws.ssm(|model| model.lags.tags = Lag::Fixed(Duration::from_secs(4)));
        world.send(&create).await.ok();
        assert_eq!(
            (tag(&world, PREVIOUS).as_deref(), world.default_content(NAME)),
            (Some("1"), content("10")),
            "{owner}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_delete_after_a_failed_create_undoes_what_another_delivery_did_while_it_still_saw_the_tags_of_the_first() {
    let world = World::on(Loopback::builder().latency(Duration::from_millis(100)));
    world.aws.ssm(|model| {
        model.put_document(Document::session(NAME, preferences("1")));
        model.lags.settings = Lag::Fixed(Duration::from_secs(10));
    });
    sleep(Duration::from_secs(60)).await;
    let create = signed_now(&world, Request::create(desired("10")));
    world.aws.on("UpdateDocument").fault(Fault::error(400, "ValidationException", "no"));
    let reply = world.send(&create).await;
    reply.reason();
    // The first has removed its tags.
    world.aws.ssm(|model| model.lags.tags = Lag::Fixed(Duration::from_millis(300)));
    let event = create.event(create.response_url.as_deref().unwrap());
    world.deliver(&event, Duration::from_secs(60)).await.unwrap();
    assert_eq!(world.default_content(NAME), content("10"), "within its lease the other delivery asks nobody");
    sleep(Duration::from_secs(1)).await;
    world.send(&Request::delete(reply.id(), desired("10"))).await.ok();
    assert_eq!(world.default_content(NAME), content("1"));
}

#[tokio::test(start_paused = true)]
async fn the_second_waits_for_the_version_that_aws_calls_a_duplicate() {
    let world = world();
    world.aws.ssm(|model| model.put_document(Document::session(NAME, preferences("1"))));
    let duplicate = Fault::error(400, "DuplicateDocumentContent", "matches another document");
    world.aws.on("UpdateDocument").always().fault(duplicate);
    let appears = async {
        sleep(Duration::from_secs(1)).await;
        world.aws.ssm(|model| model.document_mut(NAME).unwrap().push(Version::json(preferences("10"))));
    };
    let create = signed_now(&world, Request::create(desired("10")));
    let (reply, ()) = tokio::join!(world.send(&create), appears);
    reply.ok();
    assert_eq!((world.default_content(NAME), world.versions(NAME)), (content("10"), (2, 2)));
}

#[tokio::test(start_paused = true)]
async fn a_document_that_is_deleted_before_its_tags_are_written_is_created() {
    for is_own in [false, true] {
        let world = world();
        match is_own {
            true => drop(world.send(&Request::create(desired("1"))).await.ok()),
            false => world.aws.ssm(|model| model.put_document(Document::session(NAME, preferences("1")))),
        }
        sleep(Duration::from_secs(60)).await;
        world.aws.on("AddTagsToResource").before(|model| drop(model.remove_document(NAME)));
        world.send(&Request::create(desired("10"))).await.ok();
        assert_eq!(
            (tag(&world, ORIGIN).as_deref(), world.default_content(NAME)),
            (Some("created"), content("10")),
            "{is_own}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_undoes_nothing_after_the_other_has_succeeded() {
    let shared = || desired_with("10", json!({"AccountIds": ["444455556666"]}));
    let world = world();
    let create = signed_now(&world, Request::create(shared()));
    let event = create.event(create.response_url.as_deref().unwrap());
    world.aws.on("ModifyDocumentPermission").fault(Fault::error(400, "InvalidPermissionType", "no"));
    // The response of the other delivery has arrived.
    world.resource_is("a", ResourceStatus::CreateComplete);
    world.deliver(&event, Duration::from_secs(60)).await.unwrap();
    assert_eq!(world.aws.delivered()[0]["Status"], "FAILED");
    assert_eq!(world.default_content(NAME), content("10"));
}

#[tokio::test(start_paused = true)]
async fn the_delete_after_a_failed_create_undoes_what_another_delivery_has_created() {
    for on_delete in ["Retain", "Restore"] {
        let world = world();
        let properties = desired_with("10", json!({ "OnDelete": on_delete }));
        let create = signed_now(&world, Request::create(properties.clone()));
        world.aws.on("CreateDocument").fault(Fault::error(400, "ValidationException", "no"));
        let reply = world.send(&create).await;
        reply.reason();
        assert_eq!((reply.marker(), world.exists(NAME)), (NOT_CREATED, false));
        let event = create.event(create.response_url.as_deref().unwrap());
        world.deliver(&event, Duration::from_secs(60)).await.unwrap();
        assert!(world.exists(NAME), "within its lease the other delivery asks nobody");
        sleep(Duration::from_secs(1)).await;
        let id = reply.id().to_owned();
        assert_eq!(world.send(&Request::delete(&id, properties)).await.ok().id(), id);
        assert!(!world.exists(NAME), "{on_delete}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_delete_after_a_failed_create_that_left_nothing_looks_once_and_does_not_wait() {
    for (is_readable, longest) in [(true, 1), (false, 11)] {
        let world = world();
        world.aws.ssm(|model| model.put_document(Document::session(NAME, preferences("1"))));
        let reply = world.send(&Request::create(desired_with("10", json!({"OnExisting": "Fail"})))).await;
        reply.reason();
        sleep(Duration::from_secs(60)).await;
        world.aws.forget();
        if !is_readable {
            world.aws.on("DescribeDocument").always().fault(Fault::access_denied("ssm:DescribeDocument", "document"));
        }
        let begun = Instant::now();
        world.send(&Request::delete(reply.id(), desired("10"))).await.ok();
        assert!(begun.elapsed() < Duration::from_secs(longest), "{:?}", begun.elapsed());
        assert!(!is_readable || world.aws.calls() == ["DescribeDocument"], "{:?}", world.aws.calls());
        assert_eq!(world.default_content(NAME), content("1"));
    }
}
