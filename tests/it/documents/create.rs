//! A Create of a document that does not exist, and of one that exists and has no owner.

use std::time::Duration;

use loopback_aws::ssm::{Activation, Document, Version};
use loopback_aws::{Age, Fault, Loopback};
use serde_json::json;

use super::{NAME, content, desired, desired_with, preferences};
use crate::world::{ACCOUNT, REGION, Request, World, stack};

#[tokio::test(start_paused = true)]
async fn an_absent_document_is_created_in_two_round_trips_with_ownership_tags() {
    let world = World::on(Loopback::builder().latency(Duration::from_millis(30)));
    let reply = world.send(&Request::create(desired("20"))).await.ok();
    assert_eq!(reply.id(), NAME);
    assert_eq!(world.default_content(NAME), content("20"));
    assert_eq!(world.aws.round_trips(), 2, "{:?}", world.aws.trace());
    assert_eq!(
        world.tags(NAME),
        [
            ("cfn-ssm-document:logical-id".to_owned(), "Preferences".to_owned()),
            ("cfn-ssm-document:origin".to_owned(), "created".to_owned()),
            ("cfn-ssm-document:stack-id".to_owned(), stack("a")),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn get_att_gives_arn_name_type_versions_and_hash() {
    let world = World::new();
    let reply = world.send(&Request::create(desired("20"))).await.ok();
    assert_eq!(reply.data("Arn"), format!("arn:aws:ssm:{REGION}:{ACCOUNT}:document/{NAME}"));
    assert_eq!(reply.data("DocumentName"), NAME);
    assert_eq!(reply.data("DocumentType"), "Session");
    assert_eq!((reply.data("DefaultVersion"), reply.data("LatestVersion")), ("1", "1"));
    assert_eq!(reply.data("Hash").len(), 64);
}

#[tokio::test(start_paused = true)]
async fn success_waits_until_the_new_document_is_active() {
    let world = World::with(|model| model.activation = Activation::AfterReads(2));
    world.send(&Request::create(desired("20"))).await.ok();
    assert!(world.aws.calls().iter().filter(|call| *call == "DescribeDocument").count() >= 2);
}

#[tokio::test(start_paused = true)]
async fn a_mapping_gets_its_booleans_back_and_keeps_its_timeouts_as_strings() {
    let world = World::new();
    let properties = json!({
        "DocumentName": NAME,
        "DocumentContent": {
            "schemaVersion": "1.0",
            "sessionType": "Standard_Stream",
            "inputs": {
                "cloudWatchStreamingEnabled": "true", "runAsEnabled": "false", "s3EncryptionEnabled": "{{ flag }}",
                "idleSessionTimeout": "15", "shellProfile": {"linux": "true"}
            }
        }
    });
    world.send(&Request::create(properties)).await.ok();
    let inputs = world.default_content(NAME)["inputs"].clone();
    assert_eq!(
        inputs,
        json!({"cloudWatchStreamingEnabled": true, "runAsEnabled": false, "s3EncryptionEnabled": "{{ flag }}",
               "idleSessionTimeout": "15", "shellProfile": {"linux": "true"}})
    );
}

#[tokio::test(start_paused = true)]
async fn a_document_that_exists_is_adopted_in_five_round_trips_with_its_default_version_remembered_before_it_changes() {
    let world = World::on(Loopback::builder().latency(Duration::from_millis(30)));
    world.aws.ssm(|model| {
        let versions = Document::session(NAME, preferences("1")).version(Version::json(preferences("2")));
        model.put_document(versions.default_version(2).tag("team", "blue"));
    });
    world.send(&Request::create(desired("20"))).await.ok();
    assert_eq!((world.default_content(NAME), world.versions(NAME)), (content("20"), (3, 3)));
    let tags = world.tags(NAME);
    assert!(tags.contains(&("cfn-ssm-document:origin".into(), "adopted".into())), "{tags:?}");
    assert!(tags.contains(&("cfn-ssm-document:previous-default-version".into(), "2".into())), "{tags:?}");
    assert!(tags.contains(&("team".into(), "blue".into())), "tags of others stay");
    assert_eq!(world.aws.round_trips(), 5, "{:?}", world.aws.trace());
    let calls = world.aws.calls();
    let at = |name: &str| calls.iter().position(|call| call == name).unwrap();
    assert!(at("AddTagsToResource") < at("UpdateDocumentDefaultVersion"), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_document_that_has_the_content_already_is_adopted_without_a_new_version() {
    let world = World::with(|model| model.put_document(Document::session(NAME, preferences("20"))));
    world.send(&Request::create(desired("20"))).await.ok();
    assert_eq!(world.versions(NAME), (1, 1));
    assert_eq!(world.writes(), ["AddTagsToResource"], "of ownership, the default version among them");
}

#[tokio::test(start_paused = true)]
async fn a_version_that_fails_is_not_promoted_and_the_reason_quotes_aws() {
    let world = World::with(|model| model.put_document(Document::session(NAME, preferences("1"))));
    world
        .aws
        .ssm(|model| model.activation = Activation::Fails { reads: 1, information: "the attachment is gone".into() });
    let reply = world.send(&Request::create(desired("20"))).await;
    assert!(reply.reason().contains("attachment is gone"), "{}", reply.reason());
    assert_eq!(reply.marker(), "cfn-ssm-document:not-created");
    assert_eq!(world.default_content(NAME), content("1"));
    assert_eq!(world.tags(NAME), []);
}

#[tokio::test(start_paused = true)]
async fn a_document_that_fails_is_deleted_and_the_reason_quotes_aws() {
    let world = World::with(|model| {
        model.activation = Activation::Fails { reads: 1, information: "the attachment is gone".into() };
    });
    let reply = world.send(&Request::create(desired("20"))).await;
    let expected = format!("AWS could not create the document {NAME}: the attachment is gone");
    assert!(reply.reason().starts_with(&expected), "{}", reply.reason());
    assert_eq!((reply.marker(), world.exists(NAME)), ("cfn-ssm-document:not-created", false));
}

#[tokio::test(start_paused = true)]
async fn a_create_that_fails_after_writing_deletes_what_it_made() {
    let world = World::new();
    world.aws.on("ModifyDocumentPermission").always().fault(Fault::error(400, "InvalidPermissionType", "no"));
    let reply = world.send(&Request::create(desired_with("20", json!({"AccountIds": ["444455556666"]})))).await;
    assert!(reply.reason().contains("ModifyDocumentPermission"), "{}", reply.reason());
    assert_eq!(reply.marker(), "cfn-ssm-document:not-created");
    assert!(!world.exists(NAME));
}

#[tokio::test(start_paused = true)]
async fn a_create_that_fails_and_cannot_be_undone_is_unfinished() {
    let world = World::new();
    world.aws.on("ModifyDocumentPermission").always().fault(Fault::error(400, "InvalidPermissionType", "no"));
    world.aws.on("DeleteDocument").always().fault(Fault::error(400, "InvalidDocumentOperation", "no"));
    let reply = world.send(&Request::create(desired_with("20", json!({"AccountIds": ["444455556666"]})))).await;
    assert!(reply.reason().contains("could not be undone"), "{}", reply.reason());
    assert!(reply.id().starts_with("cfn-ssm-document:unfinished:") && reply.id().ends_with(NAME), "{}", reply.id());
}

#[tokio::test(start_paused = true)]
async fn a_create_that_fails_after_adopting_puts_back_version_tags_and_shares() {
    let world = World::with(|model| {
        let document = Document::session(NAME, preferences("1")).tag("team", "blue").share("999900001111");
        model.put_document(document);
    });
    world.aws.on("UpdateDocumentDefaultVersion").nth(1).fault(Fault::error(400, "InvalidDocumentVersion", "no"));
    let more = json!({"AccountIds": ["444455556666"], "Tags": [{"Key": "team", "Value": "red"}, {"Key": "new", "Value": "1"}]});
    let reply = world.send(&Request::create(desired_with("20", more))).await;
    assert!(reply.reason().contains("InvalidDocumentVersion"), "{}", reply.reason());
    assert_eq!(reply.marker(), "cfn-ssm-document:not-created");
    assert_eq!(world.default_content(NAME), content("1"));
    assert_eq!(world.tags(NAME), [("team".to_owned(), "blue".to_owned())]);
    assert_eq!(world.shares(NAME), ["999900001111"]);
}

#[tokio::test(start_paused = true)]
async fn a_create_succeeds_if_the_reply_of_its_call_is_lost() {
    let world = World::new();
    world.aws.on("CreateDocument").nth(1).fault(Fault::ResetAfter);
    world.send(&Request::create(desired("20"))).await.ok();
    assert_eq!((world.default_content(NAME), world.versions(NAME)), (content("20"), (1, 1)));
}

#[tokio::test(start_paused = true)]
async fn a_request_with_problems_names_them_all_and_writes_nothing() {
    let world = World::new();
    let reply = world
        .send(&Request::create(
            json!({"DocumentNmae": NAME, "DocumentType": "Sesion", "OnDelete": "Keep", "Tags": "x"}),
        ))
        .await;
    let reason = reply.reason();
    for expected in
        ["Did you mean DocumentName?", "Did you mean Session?", "\"Keep\" is not one of Retain, Restore", "Tags:"]
    {
        assert!(reason.contains(expected), "{expected}: {reason}");
    }
    assert_eq!(reply.marker(), "cfn-ssm-document:not-created");
    assert_eq!(world.aws.calls(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_create_from_another_region_is_refused_and_its_delete_does_nothing() {
    let world = World::new();
    let mut request = Request::create(desired("20"));
    request.stack_id = request.stack_id.replace(REGION, "us-east-1");
    let reply = world.send(&request).await;
    assert!(reply.reason().contains("us-east-1"), "{}", reply.reason());
    assert_eq!(world.aws.calls(), [""; 0]);
    request.request_type = "Delete";
    request.physical_id = Some(NAME.into());
    world.send(&request).await.ok();
    assert_eq!(world.aws.calls(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_request_older_than_its_service_timeout_changes_nothing_and_fails() {
    let world = World::new();
    let request = Request::create(desired_with("20", json!({"ServiceTimeout": "600"})));
    let old = request.clone().with_response_url(world.aws.response_url(Age::minutes(11)));
    let reply = world.send(&old).await;
    assert!(reply.reason().contains("ServiceTimeout"), "{}", reply.reason());
    assert_eq!(world.aws.calls(), [""; 0]);
    world.send(&request.with_response_url(world.aws.response_url(Age::minutes(9)))).await.ok();
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_url_has_expired_changes_nothing_and_gets_no_response() {
    let world = World::new();
    for url in [world.aws.response_url(Age::minutes(121)), world.aws.response_url_v2(Age::minutes(121))] {
        let error = world.invoke(&Request::create(desired("20")).with_response_url(url)).await.unwrap_err();
        assert!(error.to_string().contains("expired"), "{error}");
    }
    assert_eq!((world.aws.calls(), world.aws.responses().len()), (vec![], 0));
}
