//! A request that is cut short, that gets no reply from AWS, or that is delivered again: later, or at the same time.

use std::time::Duration;

use loopback_aws::ssm::{Activation, Document, Duplicates, Status, Version};
use loopback_aws::{Age, Fault, Loopback};
use serde_json::{Value, json};

use super::{NAME, content, desired, desired_with, killed_at, preferences, signed_now};
use crate::world::{Request, World, stack};

const NOT_CREATED: &str = "cfn-ssm-document:not-created";

fn shared(idle: &str) -> Value {
    desired_with(idle, json!({"AccountIds": ["444455556666"]}))
}

#[tokio::test(start_paused = true)]
async fn a_create_that_was_interrupted_anywhere_succeeds_when_it_is_delivered_again() {
    for operation in ["CreateDocument", "ModifyDocumentPermission"] {
        let world = World::new();
        let create = signed_now(&world, Request::create(shared("20")));
        killed_at(&world, operation, &create).await;
        world.send(&create).await.ok();
        assert_eq!((world.default_content(NAME), world.versions(NAME)), (content("20"), (1, 1)));
    }
    for operation in ["AddTagsToResource", "UpdateDocument", "ModifyDocumentPermission", "UpdateDocumentDefaultVersion"]
    {
        let world = World::with(|model| model.put_document(Document::session(NAME, preferences("1"))));
        let create = signed_now(&world, Request::create(shared("20")));
        killed_at(&world, operation, &create).await;
        world.send(&create).await.ok();
        assert_eq!(world.default_content(NAME), content("20"), "{operation}");
        let remembered = ("cfn-ssm-document:previous-default-version".to_owned(), "1".to_owned());
        assert!(world.tags(NAME).contains(&remembered), "{operation}: {:?}", world.tags(NAME));
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_that_was_interrupted_and_fails_when_delivered_again_deletes_what_it_made() {
    let world = World::new();
    let create = signed_now(&world, Request::create(shared("20")));
    killed_at(&world, "CreateDocument", &create).await;
    world.aws.on("ModifyDocumentPermission").always().fault(Fault::error(400, "InvalidPermissionType", "no"));
    let reply = world.send(&create).await;
    reply.reason();
    assert_eq!((reply.marker(), world.exists(NAME)), (NOT_CREATED, false));
}

#[tokio::test(start_paused = true)]
async fn a_create_that_was_interrupted_after_adopting_and_fails_when_delivered_again_restores_what_existed() {
    let world = World::with(|model| model.put_document(Document::session(NAME, preferences("1")).tag("team", "blue")));
    let create = signed_now(&world, Request::create(shared("20")));
    killed_at(&world, "UpdateDocumentDefaultVersion", &create).await;
    assert_eq!(world.default_content(NAME), content("20"), "the first delivery promoted it");
    world.aws.ssm(|model| model.document_mut(NAME).unwrap().shares.clear());
    world.aws.on("ModifyDocumentPermission").fault(Fault::error(400, "InvalidPermissionType", "no"));
    let reply = world.send(&create).await;
    reply.reason();
    assert_eq!((reply.marker(), world.default_content(NAME)), (NOT_CREATED, content("1")));
    assert_eq!(world.tags(NAME), [("team".to_owned(), "blue".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_create_that_fails_when_delivered_again_takes_back_the_shares_that_its_first_delivery_made() {
    let existing = Document::session(NAME, preferences("1")).share("999900001111");
    let world = World::with(|model| model.put_document(existing));
    let create = signed_now(&world, Request::create(shared("20")));
    killed_at(&world, "ModifyDocumentPermission", &create).await;
    world.aws.on("GetDocument").always().fault(Fault::error(400, "ValidationException", "no"));
    let reply = world.send(&create).await;
    reply.reason();
    let shares = world.shares(NAME);
    assert_eq!((reply.marker(), shares), (NOT_CREATED, vec!["999900001111".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_document_of_ours_that_is_older_than_the_request_is_never_deleted_by_a_create_that_fails() {
    // What a DeletionPolicy of Retain leaves behind: the tags, and no Delete.
    let world = World::new();
    world.send(&Request::create(desired("10"))).await.ok();
    world.aws.on("UpdateDocumentDefaultVersion").always().fault(Fault::error(400, "InvalidDocumentVersion", "no"));
    let later = world.aws.response_url(Age::Ahead(Duration::from_secs(5)));
    let reply = world.send(&Request::create(desired("20")).with_response_url(later)).await;
    reply.reason();
    assert_eq!((reply.marker(), world.default_content(NAME)), (NOT_CREATED, content("10")));
    let reply = world.send(&Request::delete(reply.id(), desired_with("20", json!({"OnDelete": "Restore"})))).await.ok();
    assert_eq!((reply.marker(), world.default_content(NAME)), (NOT_CREATED, content("10")));
}

#[tokio::test(start_paused = true)]
async fn a_create_that_fails_does_not_undo_an_adoption_by_an_earlier_request() {
    let world = World::with(|model| model.put_document(Document::session(NAME, preferences("1"))));
    world.send(&Request::create(desired("10"))).await.ok();
    world.aws.on("UpdateDocumentDefaultVersion").nth(1).fault(Fault::error(400, "InvalidDocumentVersion", "no"));
    let later = world.aws.response_url(Age::Ahead(Duration::from_secs(5)));
    let reply = world.send(&Request::create(desired("20")).with_response_url(later)).await;
    reply.reason();
    assert_eq!(world.default_content(NAME), content("10"));
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_tried_to_create_a_document_does_not_delete_one_that_another_delivery_adopted() {
    let world = World::new();
    world.aws.on("CreateDocument").before(|model| {
        let adopted = Document::new(NAME, "Session").tag("cfn-ssm-document:stack-id", &stack("a"));
        let adopted =
            adopted.tag("cfn-ssm-document:logical-id", "Preferences").tag("cfn-ssm-document:origin", "adopted");
        model.put_document(adopted.version(Version::json(preferences("1")).with_status(Status::Updating)));
    });
    world.invoke_within(&Request::create(desired("20")), Duration::from_secs(2)).await.unwrap();
    assert_eq!(world.aws.delivered()[0]["Status"], "FAILED");
    assert!(world.exists(NAME));
}

#[tokio::test(start_paused = true)]
async fn an_undo_after_a_second_round_also_undoes_the_first() {
    let world = World::with(|model| model.put_document(Document::session(NAME, preferences("1")).tag("team", "blue")));
    world.aws.on("UpdateDocument").fault(Fault::error(400, "InvalidDocumentOperation", "busy"));
    world.aws.on("UpdateDocumentDefaultVersion").nth(1).fault(Fault::error(400, "InvalidDocumentVersion", "no"));
    let more = json!({"AccountIds": ["444455556666"], "Tags": {"team": "red", "new": "1"}});
    let reply = world.send(&Request::create(desired_with("20", more))).await;
    assert!(reply.reason().contains("InvalidDocumentVersion"), "{}", reply.reason());
    assert_eq!((reply.marker(), world.default_content(NAME)), (NOT_CREATED, content("1")));
    assert_eq!(world.tags(NAME), [("team".to_owned(), "blue".to_owned())]);
    assert_eq!(world.shares(NAME), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_upload_is_always_refused_as_busy_fails_with_what_aws_said_last() {
    let world = World::new();
    world.send(&Request::create(desired("10"))).await.ok();
    world.aws.on("UpdateDocument").always().fault(Fault::error(400, "InvalidDocumentOperation", "busy"));
    let reply = world.send(&Request::update(NAME, desired("10"), desired("20"))).await;
    for expected in ["InvalidDocumentOperation", "busy", "repeatedly"] {
        assert!(reply.reason().contains(expected), "{}", reply.reason());
    }
}

/// Delivers a request twice at once, and asserts that both responses are SUCCESS with the same id.
async fn twice_at_once(world: &World, request: Request) {
    let request = signed_now(world, request);
    world.aws.forget();
    let (one, other) = tokio::join!(world.invoke(&request), world.invoke(&request));
    one.and(other).unwrap();
    let responses = world.aws.delivered();
    assert_eq!(responses.len(), 2);
    for response in &responses {
        assert_eq!(response["Status"], "SUCCESS", "{response}");
        assert_eq!(response["PhysicalResourceId"], responses[0]["PhysicalResourceId"]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_request_delivered_twice_at_once_succeeds_twice_and_ends_as_if_delivered_once() {
    for duplicates in [Duplicates::LatestVersion, Duplicates::AnyVersion] {
        for activation in [Activation::AtOnce, Activation::AfterReads(3)] {
            for exists in [false, true] {
                let world = World::on(Loopback::builder().latency(Duration::from_millis(15)));
                world.aws.ssm(|model| {
                    (model.duplicates, model.activation) = (duplicates, activation.clone());
                    if exists {
                        model.put_document(Document::session(NAME, preferences("1")));
                    }
                });
                let restoring =
                    |idle: &str| desired_with(idle, json!({"OnDelete": "Restore", "AccountIds": ["444455556666"]}));
                let first = u64::from(exists) + 1;
                twice_at_once(&world, Request::create(restoring("10"))).await;
                assert_eq!((world.default_content(NAME), world.versions(NAME).0), (content("10"), first));
                twice_at_once(&world, Request::update(NAME, restoring("10"), restoring("20"))).await;
                assert_eq!((world.default_content(NAME), world.versions(NAME).0), (content("20"), first + 1));
                twice_at_once(&world, Request::delete(NAME, restoring("20"))).await;
                match exists {
                    true => assert_eq!((world.default_content(NAME), world.tags(NAME)), (content("1"), vec![])),
                    false => assert!(!world.exists(NAME)),
                }
            }
        }
    }
}
