//! Deleting documents and versions.

use super::{A, B, ok, promote, refused, update, with_doc};
use crate::ssm::{Document, Model, Version};
use serde_json::json;

#[test]
fn a_deleted_document_is_gone_and_its_name_is_free() {
    let mut model = with_doc();
    ok(&mut model, "DeleteDocument", json!({"Name": "Doc"}));
    assert_eq!(refused(&mut model, "DescribeDocument", json!({"Name": "Doc"})), "InvalidDocument");
    assert_eq!(refused(&mut model, "DeleteDocument", json!({"Name": "Doc"})), "InvalidDocument");
    let described = ok(&mut model, "CreateDocument", json!({"Name": "Doc", "Content": B, "DocumentType": "Session"}));
    assert_eq!(described["DocumentDescription"]["DocumentVersion"], "1");
}

#[test]
fn what_cannot_be_deleted_is_refused_with_its_error() {
    let document = || Document::session("Doc", A);
    let associated = Document { associated: true, ..document() };
    let schema = Document::new("Doc", "ApplicationConfigurationSchema").version(Version::json("{}"));
    let table = [
        (document().share("444455556666"), json!({"Name": "Doc"}), Some("InvalidDocumentOperation")),
        (associated, json!({"Name": "Doc"}), Some("AssociatedInstances")),
        (schema.clone(), json!({"Name": "Doc"}), Some("InvalidDocumentOperation")),
        (schema, json!({"Name": "Doc", "Force": true}), None),
        (document().owner("444455556666"), json!({"Name": "Doc"}), Some("InvalidDocument")),
        (document(), promote("1"), Some("InvalidDocumentOperation")),
        (document(), promote("$LATEST"), Some("InvalidDocumentOperation")),
        (document(), promote("7"), Some("InvalidDocumentVersion")),
        (document().version(Version::json(B)), promote("$LATEST"), None),
        (document().version(Version::json(B).named("b")), json!({"Name": "Doc", "VersionName": "b"}), None),
    ];
    for (document, input, expected) in table {
        let mut model = Model::default();
        model.put_document(document);
        let result = model.call("DeleteDocument", &input);
        assert_eq!(result.err().map(|error| error.code).as_deref(), expected, "{input}");
    }
}

#[test]
fn numbers_of_deleted_versions_are_not_used_again() {
    let mut model = with_doc();
    ok(&mut model, "UpdateDocument", update(B));
    ok(&mut model, "DeleteDocument", promote("2"));
    let described = ok(&mut model, "UpdateDocument", update(B));
    assert_eq!(described["DocumentDescription"]["DocumentVersion"], "3");
}

#[test]
fn a_document_that_is_being_deleted_is_seen_as_deleting_and_then_gone() {
    let mut model = with_doc();
    model.deletion_reads = 2;
    ok(&mut model, "DeleteDocument", json!({"Name": "Doc"}));
    assert_eq!(refused(&mut model, "UpdateDocument", update(B)), "InvalidDocument");
    for _ in 0..2 {
        let described = ok(&mut model, "DescribeDocument", json!({"Name": "Doc"}));
        assert_eq!(described["Document"]["Status"], "Deleting");
    }
    assert_eq!(refused(&mut model, "DescribeDocument", json!({"Name": "Doc"})), "InvalidDocument");
    ok(&mut model, "CreateDocument", json!({"Name": "Doc", "Content": A, "DocumentType": "Session"}));
}
