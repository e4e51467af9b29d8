//! Requests that CloudFormation has given up on, and requests that arrive late.
//!
//! Everything runs without sockets in a runtime whose time is paused, so that waits of seconds take none.

use std::time::Duration;

use loopback_aws::cloudformation::ResourceStatus;
use loopback_aws::ssm::Document;
use loopback_aws::{Age, Fault, Loopback};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{NAME, content, desired, desired_with, killed_at, preferences, signed_now, with};
use crate::world::{Reply, Request, World, made_up, stack};

fn world() -> World {
    World::new()
}

fn restored(idle: &str) -> Value {
    desired_with(idle, json!({"OnDelete": "Restore"}))
}

fn asked(world: &World) -> usize {
    world.aws.cloudformation_calls().len()
}

#[tokio::test(start_paused = true)]
async fn within_its_lease_a_request_never_calls_cloudformation() {
    let world = with(Document::session(NAME, preferences("1")));
    world.send(&Request::create(desired("10"))).await.ok();
    world.send(&Request::update(NAME, desired("10"), desired("20"))).await.ok();
    world.send(&Request::delete(NAME, desired("20"))).await.ok();
    assert_eq!(asked(&world), 0);
}

#[tokio::test(start_paused = true)]
async fn a_late_request_writes_only_while_cloudformation_waits_for_it() {
    for (status, writes) in [(ResourceStatus::CreateInProgress, true), (ResourceStatus::DeleteInProgress, false)] {
        let world = world();
        let create = signed_now(&world, Request::create(desired("10")));
        world.resource_is("a", status);
        sleep(Duration::from_secs(30)).await;
        let reply = world.send(&create).await;
        assert_eq!((world.exists(NAME), reply.0["Status"] == "SUCCESS"), (writes, writes), "{status:?} {reply:?}");
        assert!(asked(&world) > 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_delete_with_a_generated_id_of_a_cancelled_create_undoes_it_whatever_on_delete_says() {
    for on_delete in ["Retain", "Restore"] {
        let properties = desired_with("20", json!({"OnDelete": on_delete, "Tags": {"team": "blue"}}));
        let (new, met) = (world(), with(Document::session(NAME, preferences("1")).tag("cost", "7")));
        for (world, operation) in [(&new, "CreateDocument"), (&met, "UpdateDocumentDefaultVersion")] {
            killed_at(world, operation, &Request::create(properties.clone())).await;
            let begun = Instant::now();
            sleep(Duration::from_secs(4)).await;
            let delete = signed_now(world, Request::delete(&made_up("a"), properties.clone()));
            let delete_signed = Instant::now();
            assert_eq!(world.send(&delete).await.ok().id(), made_up("a"));
            let waited = delete_signed.elapsed();
            assert!(waited >= Duration::from_secs(10), "{waited:?} after its signature, {:?} in all", begun.elapsed());
        }
        assert!(!new.exists(NAME));
        assert_eq!(met.default_content(NAME), content("1"));
        assert_eq!(met.tags(NAME), [("cost".to_owned(), "7".to_owned())]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_that_goes_on_after_its_cancellation_leaves_nothing_behind() {
    // The Create is slow; CloudFormation cancels it after 4 s, and sends the Delete while the Create still works.
    let world = World::on(Loopback::builder().latency(Duration::from_millis(2_500)));
    world.aws.ssm(|model| model.put_document(Document::session(NAME, preferences("1"))));
    let create = signed_now(&world, Request::create(desired("20")));
    let cancel = async {
        sleep(Duration::from_secs(4)).await;
        world.resource_is("a", ResourceStatus::DeleteInProgress);
        let delete = signed_now(&world, Request::delete(&made_up("a"), desired("20")));
        world.invoke(&delete).await
    };
    let (created, deleted) = tokio::join!(world.invoke(&create), cancel);
    created.and(deleted).unwrap();
    assert_eq!((world.default_content(NAME), world.tags(NAME)), (content("1"), vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_delete_with_a_generated_id_leaves_a_document_of_an_earlier_create_with_a_warning() {
    let world = world();
    world.send(&Request::create(desired("10"))).await.ok();
    sleep(Duration::from_secs(4_000)).await;
    let properties = desired_with("20", json!({"ServiceTimeout": "900"}));
    world.send(&Request::delete(&made_up("a"), properties)).await.ok();
    assert_eq!((world.default_content(NAME), world.tags(NAME).len()), (content("10"), 3));
}

#[tokio::test(start_paused = true)]
async fn an_id_equal_to_the_name_of_the_document_is_not_a_generated_one() {
    let world = world();
    let properties = desired_with("10", json!({"DocumentName": made_up("a"), "OnDelete": "Retain"}));
    world.send(&Request::create(properties.clone())).await.ok();
    world.send(&Request::delete(&made_up("a"), properties)).await.ok();
    assert_eq!((world.exists(&made_up("a")), world.tags(&made_up("a"))), (true, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_create_with_a_write_that_got_no_response_is_unfinished_and_its_delete_undoes_it() {
    for fault in [Fault::Hang, Fault::HangAfter] {
        let world = world();
        world.aws.on("CreateDocument").always().fault(fault.clone());
        let reply = world.send(&Request::create(desired("20"))).await;
        reply.reason();
        let id = reply.id().to_owned();
        assert!(id.starts_with("cfn-ssm-document:unfinished:") && id.ends_with(NAME), "{id}");
        world.aws.no_faults();
        // The lost call takes effect now, with the tags that it carried.
        let signature: i64 = id.split(':').nth(2).unwrap().parse().unwrap();
        world.aws.ssm(|model| {
            let ours = [("stack-id", stack("a")), ("logical-id", "Preferences".into()), ("origin", "created".into())];
            let document =
                ours.into_iter().fold(Document::session(NAME, preferences("20")), |document, (key, value)| {
                    document.tag(&format!("cfn-ssm-document:{key}"), &value)
                });
            model.put_document(document.tag("cfn-ssm-document:since", &signature.to_string()));
        });
        assert_eq!(world.send(&Request::delete(&id, desired("20"))).await.ok().id(), id);
        assert!(!world.exists(NAME), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unfinished_create_leaves_a_document_of_another_request() {
    let world = world();
    world.send(&Request::create(desired("10"))).await.ok();
    let id = format!("cfn-ssm-document:unfinished:7:{NAME}");
    world.send(&Request::delete(&id, desired("20"))).await.ok();
    assert_eq!(world.default_content(NAME), content("10"));
}

#[tokio::test(start_paused = true)]
async fn a_late_duplicate_of_a_create_or_a_delete_changes_nothing() {
    let world = world();
    let create = signed_now(&world, Request::create(restored("10")));
    world.send(&create).await.ok();
    sleep(Duration::from_secs(10)).await;
    world.send(&Request::update(NAME, restored("10"), restored("20"))).await.ok();
    world.send(&create).await.reason();
    assert_eq!(world.default_content(NAME), content("20"));

    sleep(Duration::from_secs(10)).await;
    let delete = signed_now(&world, Request::delete(NAME, restored("20")));
    world.send(&delete).await.ok();
    assert!(!world.exists(NAME));
    sleep(Duration::from_secs(10)).await;
    world.send(&Request::create(restored("30"))).await.ok();
    world.send(&delete).await.ok();
    assert_eq!(world.default_content(NAME), content("30"), "a document made since stays");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_create_of_a_retained_document_is_undone_to_the_version_it_found() {
    let world = world();
    world.send(&Request::create(desired("10"))).await.ok();
    sleep(Duration::from_secs(600)).await;
    killed_at(&world, "UpdateDocumentDefaultVersion", &Request::create(desired("20"))).await;
    sleep(Duration::from_secs(4)).await;
    world.send(&Request::delete(&made_up("a"), desired("20"))).await.ok();
    assert_eq!((world.default_content(NAME), world.tags(NAME)), (content("10"), vec![]));
}

#[tokio::test(start_paused = true)]
async fn throttling_that_lasts_for_two_minutes_is_outlasted() {
    let world = world();
    world.aws.on("*").always().fault(Fault::throttling());
    let create = Request::create(desired("10"));
    let relieve = async {
        sleep(Duration::from_secs(90)).await;
        world.aws.no_faults();
    };
    let (result, ()) = tokio::join!(world.invoke_within(&create, Duration::from_secs(180)), relieve);
    result.unwrap();
    Reply(world.aws.delivered().pop().unwrap()).ok();
}

#[tokio::test(start_paused = true)]
async fn the_resources_own_document_without_its_tags_is_adopted_again_under_fail() {
    let world = world();
    let fail = |idle: &str| desired_with(idle, json!({"OnExisting": "Fail"}));
    world.send(&Request::create(fail("10"))).await.ok();
    world.aws.ssm(|model| model.document_mut(NAME).unwrap().tags.clear());
    sleep(Duration::from_secs(60)).await;
    world.send(&Request::update(NAME, fail("10"), fail("20"))).await.ok();
    assert_eq!(world.default_content(NAME), content("20"));
    assert!(world.tags(NAME).iter().any(|(key, _)| key == "cfn-ssm-document:stack-id"));
}

#[tokio::test(start_paused = true)]
async fn a_url_of_the_older_form_gives_no_lease_and_always_asks() {
    let world = world();
    let request = Request::create(desired("10")).with_response_url(world.aws.response_url_v2(Age::Now));
    world.resource_is("a", ResourceStatus::CreateInProgress);
    world.send(&request).await.ok();
    assert!(asked(&world) > 0);
}
