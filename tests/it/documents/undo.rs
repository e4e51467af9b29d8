//! What a failed request takes back, also while reads lag behind its writes.
//!
//! Everything runs without sockets in a runtime whose time is paused, so that waits of seconds take none.

use std::time::Duration;

use loopback_aws::Fault;
use loopback_aws::ssm::{Document, Lags, Version};
use serde_json::json;
use tokio::time::sleep;

use super::{NAME, content, desired, desired_with, killed_at, killed_at_nth, preferences, signed_now, with};
use crate::world::{Request, World, made_up};

const NOT_CREATED: &str = "cfn-ssm-document:not-created";

#[tokio::test(start_paused = true)]
async fn an_adoption_succeeds_when_its_tags_show_up_late_and_its_undo_does_not_need_to_see_them() {
    for millis in [50, 500, 1_000] {
        let lagging = |fails: bool| {
            let world = with(Document::session(NAME, preferences("1")).tag("team", "blue"));
            world.aws.ssm(|model| model.lags = Lags::fixed(Duration::from_millis(millis)));
            if fails {
                world.aws.on("UpdateDocument").always().fault(Fault::error(400, "InvalidDocumentContent", "no"));
            }
            world
        };
        let world = lagging(false);
        world.send(&Request::create(desired("20"))).await.ok();
        sleep(Duration::from_secs(2)).await;
        assert_eq!(world.default_content(NAME), content("20"), "{millis}");
        let world = lagging(true);
        let reply = world.send(&Request::create(desired("20"))).await;
        reply.reason();
        assert_eq!((reply.marker(), world.tags(NAME)), (NOT_CREATED, vec![("team".to_owned(), "blue".to_owned())]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_created_document_that_shows_up_late_is_undone() {
    let world = World::new();
    world.aws.ssm(|model| model.lags = Lags::fixed(Duration::from_secs(1)));
    world.aws.on("ModifyDocumentPermission").always().fault(Fault::error(400, "InvalidPermissionType", "no"));
    let shared = desired_with("20", json!({"AccountIds": ["444455556666"]}));
    let reply = world.send(&Request::create(shared)).await;
    reply.reason();
    assert_eq!((reply.marker(), world.exists(NAME)), (NOT_CREATED, false));
}

#[tokio::test(start_paused = true)]
async fn a_failed_create_of_a_retained_document_leaves_its_default_version_and_its_tags() {
    let world = World::new();
    world.send(&Request::create(desired("10"))).await.ok();
    sleep(Duration::from_secs(600)).await;
    let tags = world.tags(NAME);
    world.aws.on("UpdateDocumentDefaultVersion").fault(Fault::error(400, "InvalidDocumentVersion", "no"));
    let reply = world.send(&Request::create(desired("20"))).await;
    reply.reason();
    assert_eq!((reply.marker(), world.default_content(NAME), world.tags(NAME)), (NOT_CREATED, content("10"), tags));
}

#[tokio::test(start_paused = true)]
async fn a_failed_take_over_gives_the_former_owner_its_tags_back() {
    for (is_update, is_updating) in [(false, false), (false, true), (true, false)] {
        let world = World::new();
        let theirs = Request::create(desired("10")).of_stack("b");
        world.send(&theirs).await.ok();
        sleep(Duration::from_secs(60)).await;
        let before = world.aws.ssm(|model| model.document(NAME).unwrap().tags.clone());
        if is_updating {
            world.aws.on("GetDocument").before(|model| {
                let document = model.document_mut(NAME).unwrap();
                document.default_version = document.push(Version::json(preferences("11")));
            });
        }
        world.aws.on("UpdateDocumentDefaultVersion").fault(Fault::error(400, "InvalidDocumentVersion", "no"));
        let take = desired_with("20", json!({"OnExisting": "TakeOver"}));
        let request = match is_update {
            false => Request::create(take),
            true => Request::update(NAME, desired("10"), take),
        };
        world.send(&request).await.reason();
        let after = world.aws.ssm(|model| model.document(NAME).unwrap().tags.clone());
        assert_eq!(after, before, "{is_update} {is_updating}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_undo_of_a_take_over_that_is_cut_off_leaves_no_declared_tags() {
    for (operation, nth) in [("RemoveTagsFromResource", 1), ("AddTagsToResource", 3), ("RemoveTagsFromResource", 2)] {
        let world = World::new();
        world.send(&Request::create(desired("10")).of_stack("b")).await.ok();
        sleep(Duration::from_secs(60)).await;
        world.aws.on("UpdateDocumentDefaultVersion").fault(Fault::error(400, "InvalidDocumentVersion", "no"));
        let take = desired_with("20", json!({"OnExisting": "TakeOver", "Tags": {"team": "blue"}}));
        let create = signed_now(&world, Request::create(take.clone()));
        killed_at_nth(&world, operation, nth, &create).await;
        sleep(Duration::from_secs(60)).await;
        world.send(&Request::delete(&made_up("a"), take)).await.ok();
        let tags = world.tags(NAME);
        assert!(!tags.contains(&("team".to_owned(), "blue".to_owned())), "{operation} {tags:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_undo_of_a_create_that_is_cut_off_keeps_the_document_that_an_earlier_create_left_behind() {
    for (operation, nth) in [("RemoveTagsFromResource", 1), ("AddTagsToResource", 3), ("RemoveTagsFromResource", 2)] {
        let world = World::new();
        world.send(&Request::create(desired("10"))).await.ok();
        sleep(Duration::from_secs(7_200)).await;
        world.aws.on("UpdateDocumentDefaultVersion").fault(Fault::error(400, "InvalidDocumentVersion", "no"));
        let properties = desired_with("20", json!({"Tags": {"team": "blue"}}));
        let create = signed_now(&world, Request::create(properties.clone()));
        killed_at_nth(&world, operation, nth, &create).await;
        sleep(Duration::from_secs(60)).await;
        world.send(&Request::delete(&made_up("a"), properties)).await.ok();
        assert_eq!(world.default_content(NAME), content("10"), "{operation} {nth}");
        assert!(!world.tags(NAME).contains(&("team".to_owned(), "blue".to_owned())), "{operation} {nth}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_denied_modify_document_permission_leaves_no_tags_on_an_adopted_document() {
    let world = with(Document::session(NAME, preferences("1")));
    let denied = || Fault::access_denied("ssm:ModifyDocumentPermission", "document");
    world.aws.on("ModifyDocumentPermission").always().fault(denied());
    let shared = desired_with("20", json!({"AccountIds": ["444455556666"]}));
    let reply = world.send(&Request::create(shared)).await;
    reply.reason();
    assert_eq!((world.default_content(NAME), world.tags(NAME)), (content("1"), vec![]));
}

#[tokio::test(start_paused = true)]
async fn an_undo_removes_tags_that_are_not_visible_yet() {
    let world = with(Document::session(NAME, preferences("1")).tag("team", "blue"));
    world.aws.ssm(|model| model.lags = Lags::fixed(Duration::from_secs(1)));
    world.aws.on("GetDocument").fault(Fault::error(400, "InvalidDocumentContent", "no"));
    let reply = world.send(&Request::create(desired("20"))).await;
    reply.reason();
    assert!(world.writes().contains(&"AddTagsToResource".to_owned()), "{:?}", world.aws.trace());
    assert_eq!((reply.marker(), world.tags(NAME)), (NOT_CREATED, vec![("team".to_owned(), "blue".to_owned())]));
}

#[tokio::test(start_paused = true)]
async fn an_undo_keeps_a_declared_share_that_it_did_not_make() {
    let world = with(Document::session(NAME, preferences("1")).share("444455556666"));
    world.aws.on("UpdateDocumentDefaultVersion").fault(Fault::error(400, "InvalidDocumentVersion", "no"));
    let shared = desired_with("20", json!({"AccountIds": ["444455556666", "777788889999"]}));
    world.send(&Request::create(shared)).await.reason();
    assert_eq!(world.shares(NAME), ["444455556666"]);
}

#[tokio::test(start_paused = true)]
async fn the_undo_of_a_document_that_goes_meanwhile_succeeds() {
    let world = World::new();
    let create = signed_now(&world, Request::create(desired("20")));
    killed_at(&world, "CreateDocument", &create).await;
    sleep(Duration::from_secs(60)).await;
    world.aws.on("DescribeDocument").nth(2).before(|model| drop(model.remove_document(NAME)));
    world.send(&Request::delete(&made_up("a"), desired("20"))).await.ok();
    assert!(!world.exists(NAME));
}
