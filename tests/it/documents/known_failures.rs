//! Failures that other providers of documents are known for, one test each.

use loopback_aws::Fault;
use loopback_aws::ssm::{Document, Version};
use serde_json::{Value, json};

use super::{NAME, content, desired, desired_with, preferences};
use crate::world::{Request, World, stack};

#[tokio::test(start_paused = true)]
async fn a_session_document_moves_over_from_the_native_resource_with_its_old_spellings() {
    let world = World::with(|model| model.put_document(Document::session(NAME, preferences("10"))));
    let native = json!({
        "ServiceToken": "arn", "Name": NAME, "DocumentType": "Session", "DocumentFormat": "JSON", "UpdateMethod": "Replace",
        "Content": serde_json::from_str::<Value>(&preferences("20")).unwrap(), "Tags": [{"Key": "team", "Value": "blue"}],
    });
    let reply = world.send(&Request::create(native)).await.ok();
    assert_eq!((reply.id(), world.default_content(NAME), world.versions(NAME)), (NAME, content("20"), (2, 2)));
}

#[tokio::test(start_paused = true)]
async fn a_warm_container_never_promotes_another_documents_version() {
    let world = World::with(|model| {
        let many = (2..9).fold(Document::session("Other-Preferences", preferences("1")), |document, idle| {
            document.version(Version::json(preferences(&idle.to_string())))
        });
        model.put_document(many);
    });
    let other = |idle: &str| desired_with(idle, json!({"DocumentName": "Other-Preferences"}));
    world.send(&Request::create(other("30")).of_resource("Other")).await.ok();
    world.send(&Request::create(desired("10"))).await.ok();
    world.send(&Request::update(NAME, desired("10"), desired("20"))).await.ok();
    world.send(&Request::update("Other-Preferences", other("30"), other("40")).of_resource("Other")).await.ok();
    assert_eq!((world.versions(NAME), world.default_content(NAME)), ((2, 2), content("20")));
    assert_eq!(
        (world.versions("Other-Preferences"), world.default_content("Other-Preferences")),
        ((10, 10), content("40"))
    );
}

#[tokio::test(start_paused = true)]
async fn no_key_is_added_to_the_content_and_encryption_is_never_switched_off() {
    let encrypted = json!({
        "schemaVersion": "1.0", "sessionType": "Standard_Stream",
        "inputs": {"s3BucketName": "b", "s3EncryptionEnabled": true, "cloudWatchLogGroupName": "g",
                   "cloudWatchEncryptionEnabled": true, "kmsKeyId": "alias/sessions", "idleSessionTimeout": "20"}
    });
    let as_mapping = json!({
        "schemaVersion": "1.0", "sessionType": "Standard_Stream",
        "inputs": {"s3BucketName": "b", "s3EncryptionEnabled": "true", "cloudWatchLogGroupName": "g",
                   "cloudWatchEncryptionEnabled": "true", "kmsKeyId": "alias/sessions", "idleSessionTimeout": "20"}
    });
    for given in [json!(encrypted.to_string()), as_mapping] {
        let world = World::new();
        let properties = desired_with("20", json!({ "DocumentContent": given }));
        world.send(&Request::create(properties.clone())).await.ok();
        assert_eq!(world.default_content(NAME), encrypted);
        world.send(&Request::delete(NAME, properties)).await.ok();
        assert_eq!(world.default_content(NAME), encrypted, "a Delete under Retain writes no defaults of its own");
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_works_if_the_default_and_the_latest_version_differ() {
    let world = World::new();
    world.send(&Request::create(desired("10"))).await.ok();
    world.aws.ssm(|model| {
        let document = model.document_mut(NAME).unwrap();
        document.push(Version::json(preferences("31")));
        document.push(Version::json(preferences("32")));
    });
    world.send(&Request::update(NAME, desired("10"), desired("20"))).await.ok();
    assert_eq!((world.default_content(NAME), world.versions(NAME)), (content("20"), (4, 4)));
}

#[tokio::test(start_paused = true)]
async fn what_aws_quotes_from_the_content_never_reaches_the_response() {
    let secret = |idle: &str| {
        let content = preferences(idle).replace("Session Manager preferences", "hunter2 Zw\\u00f6lf");
        desired_with(idle, json!({ "DocumentContent": content }))
    };
    let quoting = "Value 'hunter2 Zwölf' at 'description' is not valid";
    for operation in ["CreateDocument", "UpdateDocument"] {
        let world = World::new();
        world.send(&Request::create(desired("10"))).await.ok();
        if operation == "CreateDocument" {
            world.aws.ssm(|model| drop(model.remove_document(NAME)));
        }
        for fault in
            [Fault::error(400, "InvalidDocumentContent", quoting), Fault::error(400, "ValidationException", quoting)]
        {
            world.aws.on(operation).fault(fault);
            let reply = world.send(&Request::update(NAME, desired("10"), secret("20"))).await;
            let reason = reply.reason();
            assert!(reason.contains("Value '…' at 'description' is not valid"), "{reason}");
            let response = reply.0.to_string();
            assert!(!response.contains("hunter2") && !response.contains("Zwölf"), "{response}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn status_information_that_quotes_the_content_is_reported_without_the_quotation() {
    let world = World::new();
    world.send(&Request::create(desired("10"))).await.ok();
    world.aws.ssm(|model| {
        let information = "'hunter2' is not valid at description".to_owned();
        model.activation = loopback_aws::ssm::Activation::Fails { reads: 1, information };
    });
    let content = preferences("20").replace("Session Manager preferences", "hunter2");
    let reply = world
        .send(&Request::update(NAME, desired("10"), desired_with("20", json!({"DocumentContent": content}))))
        .await;
    assert!(reply.reason().contains("'…' is not valid at description"), "{}", reply.reason());
}

#[tokio::test(start_paused = true)]
async fn findings_never_block_a_rollback_of_a_document_that_is_ours_and_has_the_content() {
    // Other code wrote this content in the past, or somebody did in AWS's console.
    let wrong = preferences("20").replace("\"20\"", "20");
    let properties = desired_with("20", json!({ "DocumentContent": wrong }));
    let ours = Document::session(NAME, wrong)
        .tag("cfn-ssm-document:stack-id", &stack("a"))
        .tag("cfn-ssm-document:logical-id", "Preferences")
        .tag("cfn-ssm-document:origin", "created")
        .tag("cfn-ssm-document:default-version", "1");
    let world = World::with(|model| model.put_document(ours.clone()));
    world.send(&Request::update(NAME, desired("30"), properties.clone())).await.ok();
    assert_eq!(world.writes(), [""; 0]);
    // Everywhere else they are refused, before anything is written.
    let nobodys = Document::session(NAME, preferences("1"));
    for document in [Some(nobodys), None] {
        world.aws.ssm(|model| {
            model.remove_document(NAME);
            document.into_iter().for_each(|document| model.put_document(document));
        });
        let reply = world.send(&Request::update(NAME, desired("30"), properties.clone())).await;
        assert!(reply.reason().contains("DocumentContent.inputs.idleSessionTimeout: must be"), "{}", reply.reason());
    }
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_rollback_of_a_refused_update_of_reserved_tags_keeps_our_tags() {
    let world = World::new();
    world.send(&Request::create(desired("10"))).await.ok();
    let before = world.tags(NAME);
    let reserved = desired_with("10", json!({"Tags": {"cfn-ssm-document:stack-id": "x", "aws:x": "y"}}));
    let reply = world.send(&Request::update(NAME, desired("10"), reserved.clone())).await;
    assert!(reply.reason().contains("reserved"), "{}", reply.reason());
    world.send(&Request::update(NAME, reserved, desired("10"))).await.ok();
    assert_eq!(world.tags(NAME), before);
}
