//! Creating and updating: what is refused, and what is a duplicate.

use super::{A, B, C, ok, promote, refused, update, with, with_doc};
use crate::ssm::{Activation, DOCUMENT_TYPES, Document, Duplicates, Model, Sameness, Version};
use serde_json::{Value, json};

fn create(name: &str) -> Value {
    json!({"Name": name, "Content": A, "DocumentType": "Session"})
}

#[test]
fn a_created_document_is_described_whole() {
    let mut model = Model::default();
    let content =
        r#"{"schemaVersion":"2.2","description":"says hello","parameters":{"who":{"type":"String","default":"you"}}}"#;
    let input = json!({
        "Name": "Doc", "Content": content, "DocumentType": "Command", "DocumentFormat": "JSON", "VersionName": "one",
        "DisplayName": "My doc", "TargetType": "/AWS::EC2::Instance", "Tags": [{"Key": "k", "Value": "v"}],
        "Requires": [{"Name": "Other", "Version": "1"}],
        "Attachments": [{"Key": "S3FileUrl", "Values": ["s3://bucket/dir/file.zip"]}],
    });
    let mut described = ok(&mut model, "CreateDocument", input)["DocumentDescription"].take();
    assert!(described["CreatedDate"].as_f64().unwrap() > 1.0e9);
    assert_eq!(described["Hash"].as_str().unwrap().len(), 64);
    described["CreatedDate"].take();
    described["Hash"].take();
    let expected = json!({
        "Name": "Doc", "CreatedDate": null, "Hash": null, "HashType": "Sha256", "Owner": "111122223333",
        "Status": "Active", "DocumentVersion": "1", "LatestVersion": "1", "DefaultVersion": "1", "VersionName": "one",
        "DisplayName": "My doc", "TargetType": "/AWS::EC2::Instance", "DocumentType": "Command",
        "DocumentFormat": "JSON", "SchemaVersion": "2.2", "Description": "says hello",
        "Parameters": [{"Name": "who", "Type": "String", "DefaultValue": "you"}],
        "PlatformTypes": ["Windows", "Linux", "MacOS"], "Tags": [{"Key": "k", "Value": "v"}],
        "Requires": [{"Name": "Other", "Version": "1"}], "AttachmentsInformation": [{"Name": "file.zip"}],
    });
    assert_eq!(described, expected);
}

#[test]
fn create_refuses_what_aws_refuses() {
    let table = [
        ("DocumentAlreadyExists", create("Doc")),
        ("ValidationException", create("ab")),
        ("ValidationException", create("no spaces")),
        ("ValidationException", create("aws-mine")),
        ("ValidationException", create("Amazon-mine")),
        ("ValidationException", json!({"Name": "New"})),
        ("ValidationException", with(create("New"), "Content", json!(""))),
        ("ValidationException", with(create("New"), "DocumentType", json!("Sesion"))),
        ("ValidationException", with(create("New"), "DocumentFormat", json!("XML"))),
        ("ValidationException", with(create("New"), "VersionName", json!("a b"))),
        ("ValidationException", with(create("New"), "TargetType", json!("AWS::EC2::Instance"))),
        ("ValidationException", with(create("New"), "Tags", json!([{"Key": "aws:x", "Value": "v"}]))),
        ("SerializationException", with(create("New"), "Content", json!({"schemaVersion": "1.0"}))),
        ("InvalidDocumentContent", with(create("New"), "Content", json!("{"))),
        ("InvalidDocumentContent", with(create("New"), "Content", json!("[]"))),
        ("InvalidDocumentContent", with(create("New"), "Content", json!("{}"))),
        ("InvalidDocumentSchemaVersion", with(create("New"), "Content", json!(r#"{"schemaVersion":"2.2"}"#))),
    ];
    for (code, input) in table {
        assert_eq!(refused(&mut with_doc(), "CreateDocument", input.clone()), code, "{input}");
    }
}

#[test]
fn create_accepts_the_names_that_aws_accepts() {
    for name in ["SSM-SessionManagerRunShell", "a.b", "x_1", &"n".repeat(128)] {
        ok(&mut with_doc(), "CreateDocument", create(name));
    }
}

#[test]
fn every_document_type_of_the_api_is_accepted() {
    for kind in DOCUMENT_TYPES {
        let schema = match kind {
            "Session" => "1.0",
            "Automation" => "0.3",
            "Package" => "2.0",
            _ => "2.2",
        };
        let content = json!({"schemaVersion": schema}).to_string();
        ok(&mut Model::default(), "CreateDocument", json!({"Name": "Doc", "Content": content, "DocumentType": kind}));
    }
}

#[test]
fn content_is_accepted_up_to_64_kb() {
    for (length, taken) in [(65_536, true), (65_537, false)] {
        let content = format!("{A}{}", " ".repeat(length - A.len()));
        let input = with(create("New"), "Content", json!(content));
        let result = Model::default().call("CreateDocument", &input);
        assert_eq!(result.is_ok(), taken);
        if let Err(error) = result {
            assert_eq!(error.code, "MaxDocumentSizeExceeded");
        }
    }
}

#[test]
fn text_is_not_parsed_and_yaml_is() {
    let calendar = json!({"Name": "Cal", "Content": "BEGIN:VCALENDAR", "DocumentType": "ChangeCalendar",
        "DocumentFormat": "TEXT"});
    ok(&mut Model::default(), "CreateDocument", calendar);
    for (content, taken) in [("schemaVersion: '1.0'", true), ("schemaVersion: 1.0", true), ("a: [", false)] {
        let input = with(with(create("New"), "Content", json!(content)), "DocumentFormat", json!("YAML"));
        assert_eq!(Model::default().call("CreateDocument", &input).is_ok(), taken, "{content}");
    }
}

#[test]
fn an_account_has_500_documents_and_those_of_others_do_not_count() {
    let mut model = Model::default();
    model.put_document(Document::session("Theirs", A).owner("444455556666"));
    for number in 0..500 {
        ok(&mut model, "CreateDocument", create(&format!("doc-{number}")));
    }
    assert_eq!(refused(&mut model, "CreateDocument", create("one-more")), "DocumentLimitExceeded");
}

#[test]
fn a_member_that_an_operation_does_not_take_is_refused() {
    let table = [
        ("CreateDocument", with(create("New"), "Tag", json!([]))),
        ("UpdateDocument", with(update(B), "Requires", json!([]))),
        ("DescribeDocument", json!({"Name": "Doc", "DocumentFormat": "JSON"})),
        ("GetServiceSetting", json!({"settingId": "/ssm/opsinsights/opscenter"})),
        ("GetDocument", json!(["Doc"])),
    ];
    for (operation, input) in table {
        assert_eq!(refused(&mut with_doc(), operation, input.clone()), "SerializationException", "{operation} {input}");
    }
}

#[test]
fn update_makes_a_version_that_is_not_the_default() {
    let mut model = with_doc();
    let described = ok(&mut model, "UpdateDocument", update(B))["DocumentDescription"].take();
    let numbers = ["DocumentVersion", "LatestVersion", "DefaultVersion"].map(|member| described[member].clone());
    assert_eq!(numbers, ["2", "2", "1"]);
    assert_eq!(model.document("Doc").unwrap().default().content, A);
}

#[test]
fn update_needs_the_latest_version() {
    let table = [
        (json!("$LATEST"), None),
        (json!("2"), None),
        (json!("1"), Some("InvalidDocumentVersion")),
        (json!("3"), Some("InvalidDocumentVersion")),
        (json!("$DEFAULT"), Some("InvalidDocumentVersion")),
        (json!(null), Some("InvalidDocumentVersion")),
        (json!("02"), Some("ValidationException")),
        (json!("latest"), Some("ValidationException")),
    ];
    for (version, expected) in table {
        let mut model = with_doc();
        ok(&mut model, "UpdateDocument", update(B));
        let result = model.call("UpdateDocument", &with(update(C), "DocumentVersion", version.clone()));
        assert_eq!(result.err().map(|error| error.code).as_deref(), expected, "{version}");
    }
}

#[test]
fn update_refuses_a_document_that_is_missing_or_owned_by_another_account() {
    let mut model = Model::default();
    assert_eq!(refused(&mut model, "UpdateDocument", update(B)), "InvalidDocument");
    model.put_document(Document::session("Doc", A).owner("444455556666"));
    assert_eq!(refused(&mut model, "UpdateDocument", update(B)), "InvalidDocument");
    assert_eq!(ok(&mut model, "DescribeDocument", json!({"Name": "Doc"}))["Document"]["Owner"], "444455556666");
}

#[test]
fn what_is_a_duplicate_depends_on_the_two_switches() {
    let spaced = A.replace(':', ": ");
    use {Duplicates::*, Sameness::*};
    // The document has A as version 1 and B as version 2.
    let table = [
        (LatestVersion, Bytes, B, true),
        (LatestVersion, Bytes, A, false),
        (LatestVersion, Parsed, &spaced, false),
        (AnyVersion, Bytes, A, true),
        (AnyVersion, Bytes, &spaced, false),
        (AnyVersion, Parsed, &spaced, true),
        (AnyVersion, Parsed, C, false),
    ];
    for (duplicates, sameness, content, expected) in table {
        let mut model = with_doc();
        ok(&mut model, "UpdateDocument", update(B));
        (model.duplicates, model.sameness) = (duplicates, sameness);
        let code = model.call("UpdateDocument", &update(content)).err().map(|error| error.code);
        assert_eq!(code.as_deref(), expected.then_some("DuplicateDocumentContent"), "{duplicates:?} {sameness:?}");
    }
}

#[test]
fn parsed_duplicates_are_found_across_formats() {
    let mut model = with_doc();
    model.sameness = Sameness::Parsed;
    let yaml = "schemaVersion: '1.0'\nsessionType: Standard_Stream\ninputs: {a: 1}\n";
    let input = with(update(yaml), "DocumentFormat", json!("YAML"));
    assert_eq!(refused(&mut model, "UpdateDocument", input), "DuplicateDocumentContent");
}

#[test]
fn a_version_name_is_used_once() {
    let mut model = Model::default();
    model.put_document(Document::new("Doc", "Session").version(Version::json(A).named("one")));
    let input = with(update(B), "VersionName", json!("one"));
    assert_eq!(refused(&mut model, "UpdateDocument", input), "DuplicateDocumentVersionName");
    ok(&mut model, "UpdateDocument", with(update(B), "VersionName", json!("two")));
}

#[test]
fn the_version_limit_is_met_and_deleting_a_version_makes_room() {
    let mut model = with_doc();
    model.version_limit = 2;
    ok(&mut model, "UpdateDocument", update(B));
    assert_eq!(refused(&mut model, "UpdateDocument", update(C)), "DocumentVersionLimitExceeded");
    ok(&mut model, "UpdateDocumentDefaultVersion", promote("2"));
    ok(&mut model, "DeleteDocument", promote("1"));
    let described = ok(&mut model, "UpdateDocument", update(C));
    assert_eq!(described["DocumentDescription"]["DocumentVersion"], "3");
}

#[test]
fn a_document_whose_latest_version_is_pending_takes_no_update() {
    let mut model = with_doc();
    model.activation = Activation::AfterReads(1);
    ok(&mut model, "UpdateDocument", update(B));
    assert_eq!(refused(&mut model, "UpdateDocument", update(C)), "InvalidDocumentOperation");
}

#[test]
fn a_document_can_refuse_every_other_write_while_a_version_is_pending() {
    let table = [
        ("UpdateDocument", update(C)),
        ("UpdateDocumentDefaultVersion", promote("1")),
        ("UpdateDocumentDefaultVersion", promote("2")),
        ("DeleteDocument", json!({"Name": "Doc"})),
        ("DeleteDocument", promote("1")),
    ];
    for (operation, input) in table {
        let mut model = Model { busy_refuses: true, activation: Activation::AfterReads(1), ..with_doc() };
        model.set_default("Doc", 1);
        ok(&mut model, "UpdateDocument", update(B));
        assert_eq!(refused(&mut model, operation, input.clone()), "InvalidDocumentOperation", "{operation} {input}");
        let added = json!({"ResourceType": "Document", "ResourceId": "Doc", "Tags": [{"Key": "k", "Value": "v"}]});
        ok(&mut model, "AddTagsToResource", added);
        ok(&mut model, "DescribeDocument", promote("2"));
        ok(&mut model, "UpdateDocumentDefaultVersion", promote("2"));
        ok(&mut model, "DeleteDocument", json!({"Name": "Doc"}));
    }
}
