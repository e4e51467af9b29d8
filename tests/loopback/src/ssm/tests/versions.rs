//! Versions: selecting, reading, promoting, listing, and their life.

use super::{A, B, C, ok, promote, refused, update, with, with_doc};
use crate::ssm::{Activation, Document, Model, Status, Version};
use serde_json::{Value, json};
use std::time::Duration;

/// Three versions, the second named and the default.
fn three() -> Model {
    let mut model = Model::default();
    let document = Document::new("Doc", "Session").version(Version::json(A)).version(Version::json(B).named("named"));
    model.put_document(document.version(Version::json(C)).default_version(2));
    model
}

#[test]
fn a_read_selects_a_version_as_aws_does() {
    let table = [
        (json!({}), Ok("2")),
        (json!({"DocumentVersion": "$DEFAULT"}), Ok("2")),
        (json!({"DocumentVersion": "$LATEST"}), Ok("3")),
        (json!({"DocumentVersion": "1"}), Ok("1")),
        (json!({"VersionName": "named"}), Ok("2")),
        (json!({"VersionName": "named", "DocumentVersion": "2"}), Ok("2")),
        (json!({"VersionName": "named", "DocumentVersion": "1"}), Err("InvalidDocumentVersion")),
        (json!({"VersionName": "absent"}), Err("InvalidDocumentVersion")),
        (json!({"DocumentVersion": "4"}), Err("InvalidDocumentVersion")),
        (json!({"DocumentVersion": "0"}), Err("ValidationException")),
        (json!({"DocumentVersion": "first"}), Err("ValidationException")),
    ];
    for (selection, expected) in table {
        let input = with(selection.clone(), "Name", json!("Doc"));
        let described = three().call("DescribeDocument", &input);
        let got = three().call("GetDocument", &input);
        let described = described.map(|response| response["Document"]["DocumentVersion"].clone());
        let got = got.map(|response| response["DocumentVersion"].clone());
        assert_eq!(
            described.map_err(|error| error.code),
            expected.map(Value::from).map_err(str::to_owned),
            "{selection}"
        );
        assert_eq!(got.map_err(|error| error.code), expected.map(Value::from).map_err(str::to_owned), "{selection}");
    }
}

#[test]
fn a_document_is_read_by_its_arn_too() {
    let arn = "arn:aws:ssm:eu-central-1:111122223333:document/Doc";
    assert_eq!(ok(&mut three(), "GetDocument", json!({"Name": arn}))["Content"], B);
}

#[test]
fn get_gives_json_unless_another_format_is_asked_for() {
    let mut model = Model::default();
    let yaml = "schemaVersion: '1.0'\ninputs:\n  runAsEnabled: true\n";
    model.put_document(Document::new("Doc", "Session").version(Version::yaml(yaml)));
    let got = ok(&mut model, "GetDocument", json!({"Name": "Doc"}));
    let parsed: Value = serde_json::from_str(got["Content"].as_str().unwrap()).unwrap();
    assert_eq!(parsed, json!({"schemaVersion": "1.0", "inputs": {"runAsEnabled": true}}));
    assert_eq!(got["DocumentFormat"], "JSON");
    let got = ok(&mut model, "GetDocument", json!({"Name": "Doc", "DocumentFormat": "YAML"}));
    assert_eq!((&got["Content"], &got["DocumentFormat"]), (&json!(yaml), &json!("YAML")));
}

#[test]
fn text_is_read_as_it_was_sent_whatever_format_is_asked_for() {
    let mut model = Model::default();
    model.put_document(Document::new("Cal", "ChangeCalendar").version(Version::text("BEGIN:VCALENDAR")));
    for format in ["JSON", "YAML", "TEXT"] {
        let got = ok(&mut model, "GetDocument", json!({"Name": "Cal", "DocumentFormat": format}));
        assert_eq!((&got["Content"], &got["DocumentFormat"]), (&json!("BEGIN:VCALENDAR"), &json!("TEXT")));
    }
}

#[test]
fn promotion_accepts_only_the_number_of_an_active_version() {
    let table = [
        ("1", None),
        ("2", None),
        ("3", Some("InvalidDocumentVersion")),
        ("4", Some("InvalidDocumentVersion")),
        ("$LATEST", Some("ValidationException")),
        ("$DEFAULT", Some("ValidationException")),
    ];
    for (version, expected) in table {
        let mut model = Model::default();
        let document = Document::session("Doc", A).version(Version::json(B)).version(Version::json(C).failed("why"));
        model.put_document(document);
        let result = model.call("UpdateDocumentDefaultVersion", &promote(version));
        assert_eq!(result.err().map(|error| error.code).as_deref(), expected, "{version}");
        let default = model.document("Doc").unwrap().default_version.to_string();
        assert_eq!(default, if expected.is_none() { version } else { "1" });
    }
}

#[test]
fn a_promotion_returns_the_version_and_its_name() {
    let response = ok(&mut three(), "UpdateDocumentDefaultVersion", promote("2"));
    assert_eq!(response, json!({"Description": {"Name": "Doc", "DefaultVersion": "2", "DefaultVersionName": "named"}}));
}

#[test]
fn versions_are_listed_page_by_page_in_either_order() {
    for (newest_first, expected) in [(true, ["3", "2", "1"]), (false, ["1", "2", "3"])] {
        let mut model = three();
        model.newest_first = newest_first;
        let first = ok(&mut model, "ListDocumentVersions", json!({"Name": "Doc", "MaxResults": 2}));
        let second = json!({"Name": "Doc", "MaxResults": 2, "NextToken": first["NextToken"]});
        let second = ok(&mut model, "ListDocumentVersions", second);
        assert_eq!(second.get("NextToken"), None);
        let pages = [first, second];
        let infos = pages.iter().flat_map(|page| page["DocumentVersions"].as_array().unwrap());
        let infos: Vec<&Value> = infos.collect();
        assert_eq!(infos.iter().map(|info| info["DocumentVersion"].as_str().unwrap()).collect::<Vec<_>>(), expected);
        let defaults = infos.iter().filter(|info| info["IsDefaultVersion"] == true).map(|info| &info["VersionName"]);
        assert_eq!(defaults.collect::<Vec<_>>(), ["named"]);
    }
}

#[test]
fn a_list_refuses_a_token_it_did_not_give_and_a_page_too_large() {
    let table = [
        (json!({"Name": "Doc", "NextToken": "made-up"}), "InvalidNextToken"),
        (json!({"Name": "Doc", "MaxResults": 51}), "ValidationException"),
        (json!({"Name": "Doc", "MaxResults": 0}), "ValidationException"),
        (json!({"Name": "Absent"}), "InvalidDocument"),
    ];
    for (input, code) in table {
        assert_eq!(refused(&mut three(), "ListDocumentVersions", input), code);
    }
}

#[test]
fn documents_are_listed_by_owner_type_and_name_prefix() {
    let mut model = three();
    model.put_document(Document::new("Run", "Command").version(Version::json("{}")).owner("444455556666"));
    let table = [
        (json!([]), vec!["Doc", "Run"]),
        (json!([{"Key": "Owner", "Values": ["Self"]}]), vec!["Doc"]),
        (json!([{"Key": "Owner", "Values": ["ThirdParty"]}]), vec!["Run"]),
        (json!([{"Key": "DocumentType", "Values": ["Session"]}]), vec!["Doc"]),
        (json!([{"Key": "Name", "Values": ["Ru"]}]), vec!["Run"]),
    ];
    for (filters, expected) in table {
        let listed = ok(&mut model, "ListDocuments", json!({"Filters": filters}));
        let names = listed["DocumentIdentifiers"].as_array().unwrap().iter();
        assert_eq!(names.map(|found| found["Name"].as_str().unwrap()).collect::<Vec<_>>(), expected, "{filters}");
    }
}

/// The statuses that a new version shows: in the response that made it, and in the reads that follow.
fn statuses(activation: Activation, reads: usize) -> Vec<String> {
    let mut model = with_doc();
    model.activation = activation;
    let made = ok(&mut model, "UpdateDocument", update(B))["DocumentDescription"]["Status"].take();
    let read = |_| ok(&mut model, "DescribeDocument", promote("2"))["Document"]["Status"].take();
    std::iter::once(made).chain((0..reads).map(read)).map(|status| status.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_version_becomes_active_as_the_switch_says() {
    assert_eq!(statuses(Activation::AtOnce, 1), ["Active", "Active"]);
    assert_eq!(statuses(Activation::AfterReads(0), 1), ["Updating", "Active"]);
    assert_eq!(statuses(Activation::AfterReads(2), 3), ["Updating", "Updating", "Updating", "Active"]);
    assert_eq!(statuses(Activation::After(Duration::from_secs(60)), 2), ["Updating", "Updating", "Updating"]);
    assert_eq!(statuses(Activation::After(Duration::ZERO), 1), ["Updating", "Active"]);
    let fails = Activation::Fails { reads: 1, information: "no bucket".to_owned() };
    assert_eq!(statuses(fails, 2), ["Updating", "Updating", "Failed"]);
}

#[test]
fn a_first_version_is_creating_and_a_failed_one_says_why() {
    let activation = Activation::Fails { reads: 0, information: "no bucket".to_owned() };
    let mut model = Model { activation, ..Model::default() };
    let input = json!({"Name": "Doc", "Content": A, "DocumentType": "Session"});
    let made = ok(&mut model, "CreateDocument", input);
    assert_eq!(made["DocumentDescription"]["Status"], "Creating");
    assert_eq!(made["DocumentDescription"].get("StatusInformation"), None);
    let read = ok(&mut model, "GetDocument", json!({"Name": "Doc"}));
    assert_eq!((&read["Status"], &read["StatusInformation"]), (&json!("Failed"), &json!("no bucket")));
}

#[test]
fn a_pending_version_is_not_promoted_until_it_is_active() {
    let mut model = with_doc();
    model.activation = Activation::AfterReads(1);
    ok(&mut model, "UpdateDocument", update(B));
    assert_eq!(refused(&mut model, "UpdateDocumentDefaultVersion", promote("2")), "InvalidDocumentVersion");
    ok(&mut model, "DescribeDocument", promote("2"));
    ok(&mut model, "UpdateDocumentDefaultVersion", promote("2"));
    assert_eq!(model.document("Doc").unwrap().default().status(), Status::Active);
}
