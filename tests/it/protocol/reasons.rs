//! Every error of Systems Manager becomes a reason that its reader can act on.

use std::time::Duration;

use loopback_aws::Fault;
use loopback_aws::ssm::{Document, Model, Version};
use serde_json::json;

use super::stages::{TIMEOUT, delivered, restoring};
use crate::documents::{NAME, desired, desired_with, preferences};
use crate::world::{LOG_STREAM, Request, World};

/// A request that leads to a call of `operation`, and a world prepared for it.
async fn leads_to(operation: &str) -> (World, Request) {
    let adopted = |model: &mut Model| model.put_document(Document::session(NAME, preferences("5")));
    let world = World::new();
    let request = match operation {
        "DescribeDocument" | "CreateDocument" => Request::create(desired("20")),
        "DescribeDocumentPermission" => {
            world.aws.ssm(adopted);
            Request::create(desired_with("20", json!({"AccountIds": ["444455556666"]})))
        }
        "ModifyDocumentPermission" => Request::create(desired_with("20", json!({"AccountIds": ["444455556666"]}))),
        "GetDocument" | "AddTagsToResource" | "UpdateDocument" | "UpdateDocumentDefaultVersion" => {
            world.aws.ssm(adopted);
            Request::create(desired("20"))
        }
        "ListDocumentVersions" => {
            // AWS refuses the content as a duplicate, and the latest version has other content, so the versions are listed.
            world.aws.ssm(|model| {
                let versions = Document::session(NAME, preferences("5")).version(Version::json(preferences("6")));
                model.put_document(versions);
            });
            world.aws.on("UpdateDocument").fault(Fault::error(400, "DuplicateDocumentContent", "Duplicate."));
            Request::create(desired("20"))
        }
        "RemoveTagsFromResource" => {
            world.send(&Request::create(desired("20"))).await.ok();
            Request::delete(NAME, desired("20"))
        }
        "DeleteDocument" => {
            world.send(&Request::create(restoring("20"))).await.ok();
            Request::delete(NAME, restoring("20"))
        }
        other => panic!("no request leads to {other}"),
    };
    world.aws.forget();
    (world, request)
}

async fn reason(operation: &str, fault: Fault, timeout: Duration) -> String {
    let (world, request) = leads_to(operation).await;
    world.aws.on(operation).always().fault(fault);
    world.invoke_within(&request, timeout).await.unwrap();
    let reply = delivered(&world, operation);
    assert!(world.aws.calls().iter().any(|call| call == operation), "{:?}", world.aws.trace());
    assert!(reply.reason().ends_with(&format!("(see log stream {LOG_STREAM})")), "{}", reply.0);
    reply.reason().to_owned()
}

/// Operation, AWS's code, and what the remedy must say.
#[rustfmt::skip]
const ERRORS: [(&str, &str, &str); 34] = [
    ("CreateDocument", "MaxDocumentSizeExceeded", "64 KB"),
    ("CreateDocument", "InvalidDocumentContent", "Correct the content"),
    ("CreateDocument", "DocumentLimitExceeded", "500 documents"),
    ("CreateDocument", "InvalidDocumentSchemaVersion", "schemaVersion"),
    ("CreateDocument", "NoLongerSupported", "another DocumentType"),
    ("CreateDocument", "NoLongerSupportedException", "another DocumentType"),
    ("CreateDocument", "ValidationException", "Correct the property"),
    ("UpdateDocument", "MaxDocumentSizeExceeded", "64 KB"),
    ("UpdateDocument", "DocumentVersionLimitExceeded", "Delete old ones"),
    ("UpdateDocument", "DuplicateDocumentContent", "already has this content"),
    ("UpdateDocument", "DuplicateDocumentVersionName", "another VersionName"),
    ("UpdateDocument", "InvalidDocumentContent", "Correct the content"),
    ("UpdateDocument", "InvalidDocumentVersion", "try again"),
    ("UpdateDocument", "InvalidDocumentSchemaVersion", "schemaVersion"),
    ("UpdateDocument", "InvalidDocumentOperation", "try again"),
    ("UpdateDocumentDefaultVersion", "InvalidDocument", "does not exist"),
    ("UpdateDocumentDefaultVersion", "InvalidDocumentVersion", "try again"),
    ("UpdateDocumentDefaultVersion", "InvalidDocumentSchemaVersion", "schemaVersion"),
    ("DeleteDocument", "InvalidDocumentOperation", "still be shared"),
    ("DeleteDocument", "AssociatedInstances", "associations"),
    ("ModifyDocumentPermission", "InvalidDocument", "does not exist"),
    ("ModifyDocumentPermission", "InvalidPermissionType", "report it"),
    ("ModifyDocumentPermission", "DocumentPermissionLimit", "1,000 accounts"),
    ("ModifyDocumentPermission", "DocumentLimitExceeded", "500 documents"),
    ("AddTagsToResource", "TooManyTagsError", "50 tags"),
    ("AddTagsToResource", "InvalidResourceType", "report it"),
    ("AddTagsToResource", "InvalidResourceId", "report it"),
    ("RemoveTagsFromResource", "InvalidResourceId", "report it"),
    ("ListDocumentVersions", "InvalidDocument", "does not exist"),
    ("DescribeDocumentPermission", "InvalidPermissionType", "report it"),
    ("DescribeDocument", "UnrecognizedClientException", "rejected the function's credentials"),
    ("GetDocument", "ExpiredTokenException", "rejected the function's credentials"),
    ("GetDocument", "SomethingNewException", "Correct what AWS's message names"),
    ("CreateDocument", "InvalidDocumentType", "Correct DocumentType"),
];

#[tokio::test(start_paused = true)]
async fn every_error_names_the_operation_the_document_aws_code_and_words_and_the_remedy() {
    for (operation, code, remedy) in ERRORS {
        let reason = reason(operation, Fault::error(400, code, "As AWS words it"), Duration::from_secs(20)).await;
        for expected in [&format!("{operation} for document {NAME} failed with {code}: As AWS words it. "), remedy] {
            assert!(reason.contains(expected), "{operation} {code}: {reason}");
        }
        assert!(reason.contains("(AWS request "), "{reason}");
    }
}

/// What is retried until the time runs out, on each operation.
#[tokio::test(start_paused = true)]
async fn a_retried_error_that_lasts_until_the_deadline_is_named_with_its_remedy() {
    let operations =
        ["DescribeDocument", "CreateDocument", "UpdateDocument", "UpdateDocumentDefaultVersion", "DeleteDocument"];
    for (code, status, remedy) in [
        ("ThrottlingException", 400, "fewer stacks at a time"),
        ("TooManyUpdates", 400, "being changed by another request"),
        ("InternalServerError", 500, "internal error"),
    ] {
        let each = operations.map(|operation| reason(operation, Fault::error(status, code, "Rate"), TIMEOUT));
        for (operation, reason) in operations.iter().zip(futures_util::future::join_all(each).await) {
            assert!(reason.contains(&format!("{operation} failed with {code}. ")), "{operation} {code}: {reason}");
            assert!(
                reason.contains("The request timed out while ") && reason.contains(remedy),
                "{operation}: {reason}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_without_a_message_or_with_a_namespace_is_read() {
    let bare = Fault::Raw(400, r#"{"__type":"com.amazonaws.ssm#InvalidDocumentContent"}"#.into());
    let text = reason("CreateDocument", bare, TIMEOUT).await;
    assert!(
        text.starts_with(&format!("CreateDocument for document {NAME} failed with InvalidDocumentContent. Correct")),
        "{text}"
    );
    let text = reason("CreateDocument", Fault::Raw(400, "<html>".into()), TIMEOUT).await;
    assert!(text.contains("status 400"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_error_about_a_signature_quotes_nothing_of_the_signed_request() {
    let canonical = "The Canonical String should have been\n'POST\n/\n\nx-amz-security-token:SESSION-TOKEN\n'";
    for code in ["InvalidSignatureException", "IncompleteSignatureException"] {
        let reason = reason("DescribeDocument", Fault::error(400, code, canonical), TIMEOUT).await;
        assert!(reason.contains(code) && reason.contains("rejected the function's credentials"), "{reason}");
        assert!(!reason.contains("SESSION-TOKEN") && !reason.contains("Canonical"), "{reason}");
    }
}
