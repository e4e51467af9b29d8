//! An Update of the resource's own document, and to another name.

use std::time::Duration;

use loopback_aws::ssm::{Activation, Document, Version};
use loopback_aws::{Fault, Loopback};
use serde_json::json;

use super::{NAME, content, desired, desired_with, preferences};
use crate::world::{Request, World};

async fn with_a_document(builder: loopback_aws::Builder) -> World {
    let world = World::on(builder);
    world.send(&Request::create(desired("10"))).await.ok();
    world.aws.forget();
    world
}

#[tokio::test(start_paused = true)]
async fn an_update_takes_four_round_trips_and_promotes_the_new_version() {
    let world = with_a_document(Loopback::builder().latency(Duration::from_millis(30))).await;
    let reply = world.send(&Request::update(NAME, desired("10"), desired("20"))).await.ok();
    assert_eq!((reply.id(), reply.data("DefaultVersion"), reply.data("LatestVersion")), (NAME, "2", "2"));
    assert_eq!((world.default_content(NAME), world.versions(NAME)), (content("20"), (2, 2)));
    assert_eq!(world.aws.round_trips(), 4, "{:?}", world.aws.trace());
    assert_eq!(world.writes(), ["UpdateDocument", "UpdateDocumentDefaultVersion", "AddTagsToResource"]);
}

#[tokio::test(start_paused = true)]
async fn an_update_that_changes_nothing_is_one_round_trip_and_writes_nothing() {
    let world = with_a_document(Loopback::builder().latency(Duration::from_millis(30))).await;
    let spaced = desired("10")["DocumentContent"].as_str().unwrap().replace(',', " ,\n");
    let properties = desired_with("10", json!({"DocumentContent": spaced}));
    let reply = world.send(&Request::update(NAME, desired("10"), properties)).await.ok();
    assert_eq!(reply.data("DefaultVersion"), "1");
    assert_eq!((world.aws.round_trips(), world.writes()), (1, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_new_version_is_promoted_only_once_it_is_active() {
    let world = with_a_document(Loopback::builder()).await;
    world.aws.ssm(|model| model.activation = Activation::AfterReads(3));
    world.send(&Request::update(NAME, desired("10"), desired("20"))).await.ok();
    assert_eq!(world.default_content(NAME), content("20"));
}

#[tokio::test(start_paused = true)]
async fn a_new_version_that_is_not_seen_at_once_is_waited_for() {
    let world = with_a_document(Loopback::builder()).await;
    world.aws.ssm(|model| model.activation = Activation::AfterReads(1));
    world.aws.on("DescribeDocument").nth(2).fault(Fault::error(400, "InvalidDocumentVersion", ""));
    world.send(&Request::update(NAME, desired("10"), desired("20"))).await.ok();
    assert_eq!(world.default_content(NAME), content("20"));
}

#[tokio::test(start_paused = true)]
async fn a_default_version_that_somebody_moved_is_put_back() {
    let world = with_a_document(Loopback::builder()).await;
    world.send(&Request::update(NAME, desired("10"), desired("20"))).await.ok();
    world.aws.ssm(|model| model.set_default(NAME, 1));
    world.aws.forget();
    world.send(&Request::update(NAME, desired("20"), desired_with("20", json!({"Tags": []})))).await.ok();
    assert_eq!((world.default_content(NAME), world.versions(NAME)), (content("20"), (2, 2)));
    // If the request was signed in another second than the previous one, a tag records that as well.
    let writes = world.writes().into_iter().filter(|call| call != "AddTagsToResource").collect::<Vec<_>>();
    assert_eq!(writes, ["UpdateDocumentDefaultVersion"]);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_somebody_made_by_hand_does_not_stay_the_default_version() {
    let world = with_a_document(Loopback::builder()).await;
    world.aws.ssm(|model| {
        let number = model.document_mut(NAME).unwrap().push(Version::json(preferences("59")));
        model.set_default(NAME, number);
    });
    world.send(&Request::update(NAME, desired("10"), desired("20"))).await.ok();
    assert_eq!((world.default_content(NAME), world.versions(NAME)), (content("20"), (3, 3)));
}

#[tokio::test(start_paused = true)]
async fn a_document_deleted_outside_the_stack_is_created_again() {
    let world = with_a_document(Loopback::builder()).await;
    world.aws.ssm(|model| drop(model.remove_document(NAME)));
    world.send(&Request::update(NAME, desired("10"), desired("20"))).await.ok();
    assert_eq!(world.default_content(NAME), content("20"));
}

#[tokio::test(start_paused = true)]
async fn an_update_of_the_same_name_that_fails_keeps_its_id_and_leaves_the_default_version() {
    let world = with_a_document(Loopback::builder()).await;
    world.aws.on("UpdateDocument").always().fault(Fault::error(400, "InvalidDocumentContent", "no"));
    let reply = world.send(&Request::update(NAME, desired("10"), desired("20"))).await;
    assert!(reply.reason().contains("InvalidDocumentContent"), "{}", reply.reason());
    assert_eq!((reply.id(), world.default_content(NAME)), (NAME, content("10")));
}

#[tokio::test(start_paused = true)]
async fn set_default_version_false_uploads_and_keeps_the_default_version() {
    let world = with_a_document(Loopback::builder()).await;
    let properties = desired_with("20", json!({"SetDefaultVersion": "false"}));
    let reply = world.send(&Request::update(NAME, desired("10"), properties.clone())).await.ok();
    assert_eq!((reply.data("DefaultVersion"), reply.data("LatestVersion")), ("1", "2"));
    assert_eq!((world.default_content(NAME), world.versions(NAME)), (content("10"), (1, 2)));
    world.aws.forget();
    world.send(&Request::update(NAME, properties.clone(), properties.clone())).await.ok();
    assert_eq!(world.writes(), [""; 0]);
    world.send(&Request::update(NAME, properties, desired("20"))).await.ok();
    assert_eq!((world.default_content(NAME), world.versions(NAME)), (content("20"), (2, 2)));
}

#[tokio::test(start_paused = true)]
async fn another_type_is_refused_since_a_documents_type_cannot_change() {
    let world = with_a_document(Loopback::builder()).await;
    let command = json!({"schemaVersion": "2.2", "mainSteps": []}).to_string();
    let properties = json!({"DocumentName": NAME, "DocumentType": "Command", "DocumentContent": command});
    let reply = world.send(&Request::update(NAME, desired("10"), properties)).await;
    assert!(reply.reason().contains("of type Session"), "{}", reply.reason());
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_document_of_another_account_is_refused() {
    let world =
        World::with(|model| model.put_document(Document::session(NAME, preferences("1")).owner("444455556666")));
    let reply = world.send(&Request::create(desired("20"))).await;
    assert!(reply.reason().contains("444455556666"), "{}", reply.reason());
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn tags_that_left_the_properties_are_removed_and_tags_of_others_stay() {
    let world = with_a_document(Loopback::builder()).await;
    let tags = |tags: serde_json::Value| desired_with("10", json!({ "Tags": tags }));
    let (old, new) =
        (tags(json!([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "1"}])), tags(json!({"b": "2", "c": "1"})));
    world.send(&Request::update(NAME, desired("10"), old.clone())).await.ok();
    world.aws.ssm(|model| drop(model.document_mut(NAME).unwrap().tags.insert("theirs".into(), "1".into())));
    world.send(&Request::update(NAME, old, new)).await.ok();
    let tags: Vec<_> = world.tags(NAME).into_iter().filter(|(key, _)| !key.starts_with("cfn-ssm")).collect();
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(tags, [pair("b", "2"), pair("c", "1"), pair("theirs", "1")]);
}

#[tokio::test(start_paused = true)]
async fn only_accounts_that_differ_are_shared_or_unshared_20_in_a_call() {
    let world = with_a_document(Loopback::builder()).await;
    let accounts = |ids: std::ops::Range<u64>| {
        let ids: Vec<String> = ids.map(|id| format!("{id:012}")).collect();
        desired_with("10", json!({ "AccountIds": ids }))
    };
    world.send(&Request::update(NAME, desired("10"), accounts(0..45))).await.ok();
    assert_eq!(world.writes(), ["ModifyDocumentPermission"; 3]);
    world.aws.ssm(|model| model.document_mut(NAME).unwrap().shares.push("999900001111".into()));
    world.send(&Request::update(NAME, accounts(0..45), accounts(44..46))).await.ok();
    let mut shares = world.shares(NAME);
    shares.sort();
    assert_eq!(shares, ["000000000044", "000000000045", "999900001111"]);
}

#[tokio::test(start_paused = true)]
async fn another_name_is_a_replacement_and_its_delete_releases_the_old_document() {
    let world = with_a_document(Loopback::builder()).await;
    let renamed = desired_with("10", json!({"DocumentName": "Team-Preferences"}));
    let reply = world.send(&Request::update(NAME, desired("10"), renamed)).await.ok();
    assert_eq!(reply.id(), "Team-Preferences");
    assert_eq!(world.default_content("Team-Preferences"), content("10"));
    world.send(&Request::delete(NAME, desired("10"))).await.ok();
    assert!(world.exists(NAME), "Retain leaves it");
    assert_eq!(world.tags(NAME), []);
}

#[tokio::test(start_paused = true)]
async fn a_rename_that_fails_deletes_what_it_made_and_keeps_the_old_id() {
    let world = with_a_document(Loopback::builder()).await;
    world.aws.on("ModifyDocumentPermission").always().fault(Fault::error(400, "InvalidPermissionType", "no"));
    let renamed = desired_with("10", json!({"DocumentName": "Team-Preferences", "AccountIds": ["444455556666"]}));
    let reply = world.send(&Request::update(NAME, desired("10"), renamed)).await;
    reply.reason();
    assert_eq!(reply.id(), NAME);
    assert!(!world.exists("Team-Preferences") && world.exists(NAME));
}

#[tokio::test(start_paused = true)]
async fn a_rename_that_fails_and_cannot_be_undone_keeps_the_old_id_and_says_what_stays() {
    let world = with_a_document(Loopback::builder()).await;
    world.aws.on("ModifyDocumentPermission").always().fault(Fault::error(400, "InvalidPermissionType", "no"));
    world.aws.on("DeleteDocument").always().fault(Fault::error(400, "InvalidDocumentOperation", "no"));
    let renamed = desired_with("10", json!({"DocumentName": "Team-Preferences", "AccountIds": ["444455556666"]}));
    let reply = world.send(&Request::update(NAME, desired("10"), renamed)).await;
    assert!(reply.reason().contains("The changes to Team-Preferences could not be undone"), "{}", reply.reason());
    assert_eq!(reply.id(), NAME);
    assert_eq!(world.tags("Team-Preferences").len(), 3, "no Delete comes for it: it keeps our tags");
}

#[tokio::test(start_paused = true)]
async fn a_rename_back_in_a_rollback_never_deletes_the_document_it_returns_to() {
    let world = with_a_document(Loopback::builder()).await;
    let renamed = desired_with("10", json!({"DocumentName": "Team-Preferences"}));
    world.send(&Request::update(NAME, desired("10"), renamed.clone())).await.ok();
    world.aws.ssm(|model| {
        let number = model.document_mut(NAME).unwrap().push(Version::json(preferences("33")));
        model.set_default(NAME, number);
    });
    world.aws.on("UpdateDocumentDefaultVersion").nth(1).fault(Fault::error(400, "InvalidDocumentVersion", "no"));
    let reply = world.send(&Request::update("Team-Preferences", renamed, desired("10"))).await;
    reply.reason();
    assert_eq!(reply.id(), "Team-Preferences");
    assert!(world.exists(NAME), "it was there before");
    assert_eq!(world.default_content(NAME), content("33"), "and the default version stays");
}
