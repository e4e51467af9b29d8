//! What AWS calls a duplicate, under both readings of the word.

use std::time::Duration;

use loopback_aws::Fault;
use loopback_aws::ssm::{Document, Duplicates, Sameness, Version};
use serde_json::json;
use tokio::time::sleep;

use super::{NAME, content, desired, desired_with, preferences};
use crate::world::{Request, World};

#[tokio::test(start_paused = true)]
async fn a_rollback_promotes_the_old_content_whatever_aws_considers_a_duplicate() {
    for duplicates in [Duplicates::LatestVersion, Duplicates::AnyVersion] {
        for sameness in [Sameness::Bytes, Sameness::Parsed] {
            let world = World::with(|model| (model.duplicates, model.sameness) = (duplicates, sameness));
            world.send(&Request::create(desired("10"))).await.ok();
            world.send(&Request::update(NAME, desired("10"), desired("20"))).await.ok();
            world.send(&Request::update(NAME, desired("20"), desired("10"))).await.ok();
            assert_eq!(world.default_content(NAME), content("10"), "{duplicates:?} {sameness:?}");
            world.send(&Request::update(NAME, desired("10"), desired("20"))).await.ok();
            assert_eq!(world.default_content(NAME), content("20"), "{duplicates:?} {sameness:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_that_was_uploaded_but_not_promoted_is_promoted_without_another_upload() {
    let world = World::new();
    world.send(&Request::create(desired("10"))).await.ok();
    world.aws.ssm(|model| model.document_mut(NAME).unwrap().push(Version::json(preferences("20"))));
    world.aws.forget();
    let reply = world.send(&Request::update(NAME, desired("10"), desired("20"))).await.ok();
    assert_eq!((world.default_content(NAME), world.versions(NAME)), (content("20"), (2, 2)));
    assert_eq!((reply.data("DefaultVersion"), reply.data("Hash").len()), ("2", 64));
    assert_eq!(world.writes(), ["UpdateDocumentDefaultVersion", "AddTagsToResource"]);
}

#[tokio::test(start_paused = true)]
async fn the_newest_of_many_versions_with_the_content_is_found() {
    let world = World::with(|model| model.duplicates = Duplicates::AnyVersion);
    world.send(&Request::create(desired("10"))).await.ok();
    world.aws.ssm(|model| {
        let document = model.document_mut(NAME).unwrap();
        for number in 0..70 {
            document.push(Version::json(if number == 33 {
                preferences("20")
            } else {
                preferences(&format!("5{number}"))
            }));
        }
    });
    world.send(&Request::update(NAME, desired("10"), desired("20"))).await.ok();
    assert_eq!((world.default_content(NAME), world.versions(NAME)), (content("20"), (35, 71)));
}

#[tokio::test(start_paused = true)]
async fn a_reused_version_name_is_found_with_the_same_content_and_refused_with_other_content() {
    let world = World::new();
    let named = |idle: &str, name: &str| desired_with(idle, json!({ "VersionName": name }));
    world.send(&Request::create(named("10", "v1"))).await.ok();
    world.send(&Request::update(NAME, named("10", "v1"), named("20", "v2"))).await.ok();
    world.send(&Request::update(NAME, named("20", "v2"), named("10", "v1"))).await.ok();
    assert_eq!((world.default_content(NAME), world.versions(NAME)), (content("10"), (1, 2)));
    let reply = world.send(&Request::update(NAME, named("10", "v1"), named("30", "v2"))).await;
    assert!(reply.reason().contains("Choose another VersionName"), "{}", reply.reason());
    assert_eq!(world.default_content(NAME), content("10"));
}

#[tokio::test(start_paused = true)]
async fn a_failed_version_with_the_content_is_replaced_if_the_resource_created_the_document() {
    let world = World::with(|model| model.duplicates = Duplicates::AnyVersion);
    world.send(&Request::create(desired("10"))).await.ok();
    world.aws.ssm(|model| model.document_mut(NAME).unwrap().push(Version::json(preferences("20")).failed("why")));
    world.send(&Request::update(NAME, desired("10"), desired("20"))).await.ok();
    assert_eq!((world.default_content(NAME), world.versions(NAME)), (content("20"), (3, 2)));
}

#[tokio::test(start_paused = true)]
async fn a_failed_version_with_the_content_is_refused_with_the_remedy_if_the_document_was_adopted() {
    let world = World::with(|model| {
        model.duplicates = Duplicates::AnyVersion;
        let failed = Version::json(preferences("20")).failed("why");
        model.put_document(Document::session(NAME, preferences("10")).version(failed));
    });
    let reply = world.send(&Request::create(desired("20"))).await;
    assert!(reply.reason().contains("--document-version 2"), "{}", reply.reason());
    assert_eq!((world.default_content(NAME), world.versions(NAME), world.tags(NAME)), (content("10"), (1, 2), vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_that_no_version_has_is_refused() {
    let world = World::new();
    world.send(&Request::create(desired("10"))).await.ok();
    world.aws.on("UpdateDocument").always().fault(Fault::error(
        400,
        "DuplicateDocumentContent",
        "matches another document",
    ));
    let reply = world.send(&Request::update(NAME, desired("10"), desired("20"))).await;
    assert!(reply.reason().contains("No Active version has the desired content"), "{}", reply.reason());
}

#[tokio::test(start_paused = true)]
async fn at_the_version_limit_a_created_document_loses_its_oldest_version_that_can_be_pruned() {
    let world = World::with(|model| model.version_limit = 3);
    let named = desired_with("10", json!({"VersionName": "keep"}));
    world.send(&Request::create(named.clone())).await.ok();
    let mut old = named;
    for idle in ["20", "30", "40", "50"] {
        world.send(&Request::update(NAME, old, desired(idle))).await.ok();
        assert_eq!(world.default_content(NAME), content(idle));
        old = desired(idle);
    }
    let numbers = world
        .aws
        .ssm(|model| model.document(NAME).unwrap().versions().iter().map(|version| version.number).collect::<Vec<_>>());
    assert_eq!(numbers, [1, 4, 5], "the named version stays");
}

#[tokio::test(start_paused = true)]
async fn at_the_version_limit_the_version_that_restore_needs_stays() {
    let world = World::new();
    world.aws.ssm(|model| model.version_limit = 3);
    world.send(&Request::create(desired("10"))).await.ok();
    // The stack abandons the document under `DeletionPolicy: Retain`, and a later Create finds it.
    sleep(Duration::from_secs(60)).await;
    world.send(&Request::create(desired("20"))).await.ok();
    let remembered = ("cfn-ssm-document:previous-default-version".to_owned(), "1".to_owned());
    assert!(world.tags(NAME).contains(&remembered), "{:?}", world.tags(NAME));
    for (old, new) in [("20", "30"), ("30", "40"), ("40", "50")] {
        world.send(&Request::update(NAME, desired(old), desired(new))).await.ok();
        assert_eq!(world.default_content(NAME), content(new));
    }
    assert!(world.aws.ssm(|model| model.document(NAME).unwrap().get(1).is_some()));
}

#[tokio::test(start_paused = true)]
async fn at_the_version_limit_an_adopted_document_loses_nothing() {
    let world = World::with(|model| {
        model.version_limit = 2;
        model.put_document(Document::session(NAME, preferences("1")).version(Version::json(preferences("2"))));
    });
    let reply = world.send(&Request::create(desired("20"))).await;
    assert!(reply.reason().contains("delete-document"), "{}", reply.reason());
    assert_eq!((world.default_content(NAME), world.versions(NAME)), (content("1"), (1, 2)));
}

#[tokio::test(start_paused = true)]
async fn an_upload_whose_reply_is_lost_is_not_repeated() {
    for duplicates in [Duplicates::LatestVersion, Duplicates::AnyVersion] {
        let world = World::new();
        world.aws.ssm(|model| model.duplicates = duplicates);
        world.send(&Request::create(desired("10"))).await.ok();
        world.aws.on("UpdateDocument").fault(Fault::ResetAfter);
        world.send(&Request::update(NAME, desired("10"), desired("20"))).await.ok();
        assert_eq!((world.default_content(NAME), world.versions(NAME)), (content("20"), (2, 2)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_json_version_is_found_for_yaml_content_however_aws_converts_it() {
    let world = World::with(|model| {
        (model.duplicates, model.sameness) = (Duplicates::AnyVersion, Sameness::Parsed);
        model.put_document(Document::session(NAME, preferences("10")));
    });
    // The same content, but for a timeout that lost its quotes on the way from JSON.
    let unquoted = preferences("10").replace("\"10\"", "10");
    let reply = json!({"Name": NAME, "DocumentVersion": "1", "Status": "Active", "Content": unquoted}).to_string();
    world.aws.on("GetDocument").times(2).fault(Fault::Raw(200, reply));
    let yaml = format!("# the same\n{}", preferences("10"));
    world.send(&Request::create(desired_with("10", json!({ "DocumentContent": yaml })))).await.ok();
    assert_eq!((world.default_content(NAME), world.versions(NAME)), (content("10"), (1, 1)));
}
