//! A Delete, under Retain and Restore.

use std::time::Duration;

use loopback_aws::ssm::{Document, Status, Version};
use loopback_aws::{Fault, Loopback};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{NAME, content, desired, desired_with, preferences, with};
use crate::world::{Request, World};

fn restoring(idle: &str) -> Value {
    desired_with(idle, json!({"OnDelete": "Restore"}))
}

#[tokio::test(start_paused = true)]
async fn retain_leaves_the_document_and_removes_our_tags_so_that_another_stack_can_adopt_it() {
    let world = World::new();
    world.send(&Request::create(desired("10"))).await.ok();
    let reply = world.send(&Request::delete(NAME, desired("10"))).await.ok();
    assert_eq!(reply.id(), NAME);
    assert_eq!((world.default_content(NAME), world.tags(NAME)), (content("10"), vec![]));
    world.send(&Request::create(desired("10")).of_stack("b")).await.ok();
}

#[tokio::test(start_paused = true)]
async fn restore_unshares_and_deletes_what_the_resource_made() {
    let world = World::new();
    let ids: Vec<String> = (0..25).map(|id| format!("{id:012}")).collect();
    let properties = desired_with("10", json!({"OnDelete": "Restore", "AccountIds": ids}));
    world.send(&Request::create(properties.clone())).await.ok();
    world.aws.forget();
    world.send(&Request::delete(NAME, properties.clone())).await.ok();
    assert!(!world.exists(NAME));
    assert_eq!(world.writes(), ["ModifyDocumentPermission", "ModifyDocumentPermission", "DeleteDocument"]);
    world.send(&Request::delete(NAME, properties)).await.ok();
}

#[tokio::test(start_paused = true)]
async fn a_delete_under_restore_takes_three_round_trips() {
    let world = World::on(Loopback::builder().latency(Duration::from_millis(1)));
    world.send(&Request::create(restoring("10"))).await.ok();
    world.aws.forget();
    world.send(&Request::delete(NAME, restoring("10"))).await.ok();
    assert_eq!((world.exists(NAME), world.aws.round_trips()), (false, 3), "{:?}", world.aws.trace());
}

#[tokio::test(start_paused = true)]
async fn restore_promotes_the_earlier_version_of_an_adopted_document_and_never_deletes_the_document() {
    let world = World::with(|model| {
        let document = Document::session(NAME, preferences("1")).version(Version::json(preferences("2")));
        model.put_document(document.tag("team", "blue"));
    });
    world.send(&Request::create(restoring("10"))).await.ok();
    world.send(&Request::update(NAME, restoring("10"), restoring("20"))).await.ok();
    assert_eq!(world.default_content(NAME), content("20"));
    for _ in 0..2 {
        world.send(&Request::delete(NAME, restoring("20"))).await.ok();
        assert_eq!(world.default_content(NAME), content("1"));
        assert_eq!(world.tags(NAME), [("team".to_owned(), "blue".to_owned())]);
    }
}

#[tokio::test(start_paused = true)]
async fn restore_keeps_the_default_version_if_the_earlier_version_is_gone() {
    let world = World::with(|model| model.put_document(Document::session(NAME, preferences("1"))));
    world.send(&Request::create(restoring("10"))).await.ok();
    world.aws.ssm(|model| model.call("DeleteDocument", &json!({"Name": NAME, "DocumentVersion": "1"})).unwrap());
    world.send(&Request::delete(NAME, restoring("10"))).await.ok();
    assert_eq!((world.default_content(NAME), world.tags(NAME)), (content("10"), vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_document_of_another_resource_or_of_none_is_left_alone() {
    let world = World::with(|model| model.put_document(Document::session(NAME, preferences("1"))));
    world.send(&Request::delete(NAME, restoring("1"))).await.ok();
    world.send(&Request::create(restoring("10")).of_stack("b")).await.ok();
    let before = world.tags(NAME);
    world.aws.forget();
    world.send(&Request::delete(NAME, restoring("10"))).await.ok();
    world.send(&Request::delete(NAME, restoring("10")).of_stack("b").of_resource("Other")).await.ok();
    assert_eq!(world.writes(), [""; 0]);
    assert_eq!(world.tags(NAME), before);
}

#[tokio::test(start_paused = true)]
async fn the_delete_after_a_failed_create_of_an_older_release_does_nothing() {
    let world = World::new();
    let reply = world.send(&Request::delete("cfn-ssm-document:not-created", json!({"DocumentNmae": 1}))).await.ok();
    assert_eq!(reply.id(), "cfn-ssm-document:not-created");
    assert_eq!(world.aws.calls(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn broken_properties_do_not_break_a_delete_and_are_read_as_retain() {
    for broken in [json!({"OnDelete": "Destroy"}), json!({"OnDelete": ["Restore"]}), json!("broken"), json!(null)] {
        let world = World::new();
        world.send(&Request::create(restoring("10"))).await.ok();
        world.send(&Request::delete(NAME, broken)).await.ok();
        assert!(world.exists(NAME));
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_is_refused_names_the_remedy_and_keeps_the_tags() {
    let world = World::new();
    world.send(&Request::create(restoring("10"))).await.ok();
    world.aws.on("DeleteDocument").fault(Fault::error(400, "AssociatedInstances", ""));
    let reply = world.send(&Request::delete(NAME, restoring("10"))).await;
    assert!(reply.reason().contains("associations"), "{}", reply.reason());
    assert_eq!(reply.id(), NAME);
    world.send(&Request::delete(NAME, restoring("10"))).await.ok();
    assert!(!world.exists(NAME));
}

#[tokio::test(start_paused = true)]
async fn a_refused_deletion_puts_the_shares_back() {
    let world = World::new();
    let shared = desired_with("10", json!({"OnDelete": "Restore", "AccountIds": ["444455556666"]}));
    world.send(&Request::create(shared.clone())).await.ok();
    world.aws.on("DeleteDocument").fault(Fault::error(400, "AssociatedInstances", "in use"));
    world.send(&Request::delete(NAME, shared.clone())).await.reason();
    let shares = world.shares(NAME);
    assert_eq!(shares, ["444455556666"]);
    world.send(&Request::delete(NAME, shared)).await.ok();
    assert!(!world.exists(NAME));
}

#[tokio::test(start_paused = true)]
async fn restore_removes_what_was_declared_and_waits_while_the_document_is_changing() {
    let world = with(Document::session(NAME, preferences("1")).tag("cost", "7"));
    let more = json!({"OnDelete": "Restore", "AccountIds": ["444455556666"], "Tags": {"team": "blue"}});
    let properties = desired_with("10", more);
    world.send(&Request::create(properties.clone())).await.ok();
    sleep(Duration::from_secs(60)).await;
    world.aws.ssm(|model| {
        let updating = Version::json(preferences("11")).with_status(Status::Updating);
        let document = model.document_mut(NAME).unwrap();
        document.default_version = document.push(updating);
    });
    let settle = async {
        sleep(Duration::from_secs(3)).await;
        world.aws.ssm(|model| {
            let document = model.document_mut(NAME).unwrap();
            document.default_version = document.push(Version::json(preferences("12")));
        });
    };
    let delete = Request::delete(NAME, properties);
    let (reply, ()) = tokio::join!(world.send(&delete), settle);
    reply.ok();
    assert_eq!(
        (world.default_content(NAME), world.tags(NAME)),
        (content("1"), vec![("cost".to_owned(), "7".to_owned())])
    );
    assert_eq!(world.shares(NAME), [""; 0]);
}
