//! The Update by which CloudFormation rolls back a failed Update.
//!
//! Everything runs without sockets in a runtime whose time is paused, so that waits of seconds take none.

use std::time::Duration;

use loopback_aws::{Fault, Loss, TakesEffect};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{NAME, content, desired, desired_with, killed_at};
use crate::world::{Request, World, stack};

#[tokio::test(start_paused = true)]
async fn a_rollback_keeps_a_tag_and_a_share_that_the_cancelled_update_is_still_removing() {
    for (operation, part) in [
        ("RemoveTagsFromResource", json!({"Tags": {"team": "blue"}})),
        ("ModifyDocumentPermission", json!({"AccountIds": ["444455556666"]})),
    ] {
        let world = World::new();
        let old = desired_with("10", part);
        world.send(&Request::create(old.clone())).await.ok();
        sleep(Duration::from_secs(60)).await;
        world.aws.on(operation).fault(Fault::Late(Loss::Hang, TakesEffect::After(Duration::from_secs(4))));
        let update = Request::update(NAME, old.clone(), desired("10"));
        tokio::select! {
            _ = world.invoke(&update) => panic!("it ended"),
            () = sleep(Duration::from_secs(1)) => {}
        }
        world.send(&Request::update(NAME, desired("10"), old)).await.ok();
        sleep(Duration::from_secs(60)).await;
        let is_tagged = world.tags(NAME).contains(&("team".to_owned(), "blue".to_owned()));
        assert!(is_tagged || world.shares(NAME) == ["444455556666"], "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_waits_only_if_the_update_before_it_failed_half_way() {
    for fails in [false, true] {
        let world = World::new();
        world.send(&Request::create(desired("10"))).await.ok();
        sleep(Duration::from_secs(60)).await;
        let update = Request::update(NAME, desired("10"), desired("20"));
        if fails {
            world.aws.on("UpdateDocumentDefaultVersion").fault(Fault::error(400, "InvalidDocumentVersion", "no"));
            world.send(&update).await.reason();
        } else {
            world.send(&update).await.ok();
        }
        let begun = Instant::now();
        world.send(&Request::update(NAME, desired("20"), desired("10"))).await.ok();
        assert_eq!(begun.elapsed() >= Duration::from_secs(10), fails, "{:?}", begun.elapsed());
        assert_eq!(world.default_content(NAME), content("10"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_rollback_of_a_rename_undoes_the_document_that_the_rename_made() {
    let world = World::new();
    world.send(&Request::create(desired("10"))).await.ok();
    sleep(Duration::from_secs(60)).await;
    let renamed = desired_with("10", json!({"DocumentName": "Team-Preferences"}));
    killed_at(&world, "CreateDocument", &Request::update(NAME, desired("10"), renamed.clone())).await;
    assert!(world.exists("Team-Preferences"));
    sleep(Duration::from_secs(60)).await;
    world.send(&Request::update(NAME, renamed, desired("10"))).await.ok();
    assert!(!world.exists("Team-Preferences"));
    assert_eq!(world.default_content(NAME), content("10"));
}

#[tokio::test(start_paused = true)]
async fn the_rollback_of_a_rename_restores_a_document_that_an_earlier_request_left_behind() {
    // `UpdateReplacePolicy: Retain` leaves the documents of renames behind, with the ownership tags.
    for killed in ["UpdateDocumentDefaultVersion", "ModifyDocumentPermission"] {
        let world = World::new();
        let named = |idle: &str| desired_with(idle, json!({"DocumentName": "Team-Preferences"}));
        world.send(&Request::create(named("10"))).await.ok();
        sleep(Duration::from_secs(60)).await;
        world.send(&Request::update("Team-Preferences", named("10"), desired("10"))).await.ok();
        sleep(Duration::from_secs(60)).await;
        let mut back = named("20");
        back["AccountIds"] = json!(["210987654321"]);
        world.aws.on("AddTagsToResource").fault(Fault::Hang);
        killed_at(&world, killed, &Request::update(NAME, desired("10"), back.clone())).await;
        sleep(Duration::from_secs(60)).await;
        world.send(&Request::update(NAME, back, desired("10"))).await.ok();
        assert_eq!(world.default_content("Team-Preferences"), content("10"), "{killed}");
        let shares = world.shares("Team-Preferences");
        assert!(shares.is_empty(), "{killed}: {shares:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_document_that_a_rename_found_long_ago_stays_in_a_rollback() {
    let world = World::new();
    let other = desired_with("10", json!({"DocumentName": "Team-Preferences"}));
    world.send(&Request::create(other.clone())).await.ok();
    sleep(Duration::from_secs(60)).await;
    // The second one looks like the rollback of a rename, but the document to return to was written later than the abandoned
    // one.
    world.send(&Request::update("Team-Preferences", other.clone(), desired("10"))).await.ok();
    sleep(Duration::from_secs(60)).await;
    world.send(&Request::update(NAME, other, desired("20"))).await.ok();
    assert!(world.exists("Team-Preferences"));
}

#[tokio::test(start_paused = true)]
async fn a_refused_rollback_of_a_rename_still_undoes_the_document_that_the_rename_made() {
    let world = World::new();
    world.send(&Request::create(desired("10"))).await.ok();
    sleep(Duration::from_secs(60)).await;
    let take = desired_with("30", json!({"OnExisting": "TakeOver"}));
    world.send(&Request::create(take).of_stack("b")).await.ok();
    sleep(Duration::from_secs(60)).await;
    let renamed = desired_with("10", json!({"DocumentName": "Team-Preferences"}));
    killed_at(&world, "CreateDocument", &Request::update(NAME, desired("10"), renamed.clone())).await;
    sleep(Duration::from_secs(60)).await;
    let reply = world.send(&Request::update(NAME, renamed, desired("10"))).await;
    assert!(reply.reason().contains(&stack("b")), "{}", reply.reason());
    assert!(!world.exists("Team-Preferences"));
}
