//! The status of a document and its versions: what a request waits for, and what does not count as having the content.

use std::time::Duration;

use loopback_aws::ssm::{Activation, Document, Status, Version};
use serde_json::json;

use super::{NAME, content, desired, preferences};
use crate::world::{Reply, Request, World};

#[tokio::test(start_paused = true)]
async fn a_document_that_is_being_deleted_is_waited_for_and_created_again() {
    let world = World::with(|model| model.put_document(Document::session(NAME, preferences("1")).deleting(5)));
    let reply = world.send(&Request::create(desired("20"))).await.ok();
    assert_eq!((reply.data("DefaultVersion"), world.default_content(NAME)), ("1", content("20")));
    assert_eq!(world.writes(), ["CreateDocument"]);
}

#[tokio::test(start_paused = true)]
async fn a_document_that_somebody_is_creating_is_waited_for_and_adopted() {
    let world = World::with(|model| {
        model.activation = Activation::AfterReads(4);
        model
            .call("CreateDocument", &json!({"Name": NAME, "DocumentType": "Session", "Content": preferences("1")}))
            .unwrap();
        model.activation = Activation::AtOnce;
    });
    world.send(&Request::create(desired("20"))).await.ok();
    assert_eq!((world.default_content(NAME), world.versions(NAME)), (content("20"), (2, 2)));
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_still_being_made_is_waited_for_and_promoted_without_another_upload() {
    let world = World::new();
    world.send(&Request::create(desired("10"))).await.ok();
    world.aws.ssm(|model| {
        model.activation = Activation::AfterReads(2);
        let update = json!({"Name": NAME, "DocumentVersion": "$LATEST", "Content": preferences("20")});
        model.call("UpdateDocument", &update).unwrap();
    });
    world.aws.forget();
    world.send(&Request::update(NAME, desired("10"), desired("20"))).await.ok();
    assert_eq!(
        (world.default_content(NAME), world.writes()),
        (content("20"), ["UpdateDocumentDefaultVersion", "AddTagsToResource"].map(str::to_owned).to_vec())
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_default_version_does_not_count_as_having_the_content() {
    let world = World::new();
    world.send(&Request::create(desired("10"))).await.ok();
    world.aws.ssm(|model| {
        let number = model.document_mut(NAME).unwrap().push(Version::json(preferences("20")).failed("why"));
        model.set_default(NAME, number);
        model.document_mut(NAME).unwrap().push(Version::json(preferences("30")));
    });
    world.send(&Request::update(NAME, desired("10"), desired("20"))).await.ok();
    assert_eq!((world.default_content(NAME), world.versions(NAME)), (content("20"), (4, 4)));
}

#[tokio::test(start_paused = true)]
async fn a_failed_default_version_whose_content_aws_does_not_accept_again_is_refused_with_the_remedy() {
    let world = World::with(|model| {
        model.put_document(Document::session(NAME, "{}").version(Version::json(preferences("20")).failed("why")));
        model.set_default(NAME, 2);
    });
    let reply = world.send(&Request::create(desired("20"))).await;
    assert!(reply.reason().contains("Delete that version after you promote another one"), "{}", reply.reason());
    assert_eq!(reply.marker(), "cfn-ssm-document:not-created");
}

#[tokio::test(start_paused = true)]
async fn a_request_for_a_document_that_stays_pending_fails_before_lambda_ends_the_process() {
    let world = World::new();
    world.aws.ssm(|model| {
        model.put_document(
            Document::new(NAME, "Session").version(Version::json(preferences("1")).with_status(Status::Updating)),
        );
    });
    let create = Request::create(desired("20"));
    world.invoke_within(&create, Duration::from_secs(2)).await.unwrap();
    let response = &world.aws.delivered()[0];
    assert_eq!(response["Status"], "FAILED");
    assert_eq!(Reply(response.clone()).marker(), "cfn-ssm-document:not-created");
    assert!(
        response["Reason"].as_str().unwrap().contains("waiting while AWS changes the document (it is Updating)"),
        "{response}"
    );
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_delete_of_a_document_that_is_being_deleted_or_is_deleted_meanwhile_succeeds() {
    for on_delete in ["Retain", "Restore"] {
        let properties = super::desired_with("10", json!({"OnDelete": on_delete, "AccountIds": ["444455556666"]}));
        for goes_meanwhile in [false, true] {
            let world = World::new();
            world.send(&Request::create(properties.clone())).await.ok();
            if goes_meanwhile {
                for call in ["RemoveTagsFromResource", "ModifyDocumentPermission"] {
                    world.aws.on(call).before(|model| drop(model.remove_document(NAME)));
                }
            } else {
                world.aws.ssm(|model| {
                    let document = model.remove_document(NAME).unwrap();
                    model.put_document(document.deleting(3));
                });
            }
            world.send(&Request::delete(NAME, properties.clone())).await.ok();
        }
    }
}
