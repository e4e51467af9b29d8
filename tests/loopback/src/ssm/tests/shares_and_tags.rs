//! Shares and tags of documents.

use super::{A, ok, refused, with_doc};
use crate::ssm::{Document, Model};
use serde_json::{Value, json};

fn ids(from: u64, count: u64) -> Vec<String> {
    (from..from + count).map(|number| format!("{number:012}")).collect()
}

fn modify(add: &[String], remove: &[String]) -> Value {
    json!({"Name": "Doc", "PermissionType": "Share", "AccountIdsToAdd": add, "AccountIdsToRemove": remove})
}

#[test]
fn accounts_are_added_and_removed_in_one_call() {
    let mut model = with_doc();
    ok(&mut model, "ModifyDocumentPermission", modify(&ids(1, 3), &[]));
    ok(&mut model, "ModifyDocumentPermission", modify(&ids(3, 2), &ids(1, 1)));
    assert_eq!(model.document("Doc").unwrap().shares, ids(2, 3));
}

#[test]
fn shares_are_described_page_by_page() {
    let mut model = with_doc();
    for from in [1, 21, 41] {
        ok(&mut model, "ModifyDocumentPermission", modify(&ids(from, 20), &[]));
    }
    let mut input = json!({"Name": "Doc", "PermissionType": "Share", "MaxResults": 25});
    let mut sizes = Vec::new();
    loop {
        let response = ok(&mut model, "DescribeDocumentPermission", input.clone());
        let ids = response["AccountIds"].as_array().unwrap();
        assert_eq!(response["AccountSharingInfoList"][0]["AccountId"], ids[0]);
        sizes.push(ids.len());
        let Some(token) = response.get("NextToken") else { break };
        input["NextToken"] = token.clone();
    }
    assert_eq!(sizes, [25, 25, 10]);
}

#[test]
fn sharing_refuses_what_aws_refuses() {
    let table = [
        ("ValidationException", modify(&ids(1, 21), &[])),
        ("ValidationException", modify(&[], &ids(1, 21))),
        ("ValidationException", modify(&[], &[])),
        ("ValidationException", modify(&["12345".to_owned()], &[])),
        ("DocumentPermissionLimit", modify(&["All".to_owned(), "111122223333".to_owned()], &[])),
        ("InvalidPermissionType", json!({"Name": "Doc", "PermissionType": "Own", "AccountIdsToAdd": ["all"]})),
        ("InvalidDocument", json!({"Name": "Absent", "PermissionType": "Share", "AccountIdsToAdd": ["all"]})),
    ];
    for (code, input) in table {
        assert_eq!(refused(&mut with_doc(), "ModifyDocumentPermission", input.clone()), code, "{input}");
    }
}

#[test]
fn a_document_is_shared_with_1000_accounts_and_no_more() {
    let mut model = with_doc();
    for from in (0..1000).step_by(20) {
        ok(&mut model, "ModifyDocumentPermission", modify(&ids(from, 20), &[]));
    }
    assert_eq!(refused(&mut model, "ModifyDocumentPermission", modify(&ids(1000, 1), &[])), "DocumentPermissionLimit");
    ok(&mut model, "ModifyDocumentPermission", modify(&ids(1000, 1), &ids(0, 1)));
}

fn tag(id: &str, tags: &Value) -> Value {
    json!({"ResourceType": "Document", "ResourceId": id, "Tags": tags})
}

#[test]
fn tags_are_added_overwritten_removed_and_listed() {
    let mut model = Model::default();
    model.put_document(Document::session("Doc", A).tag("theirs", "stays").tag("k", "old"));
    ok(&mut model, "AddTagsToResource", tag("Doc", &json!([{"Key": "k", "Value": "new"}, {"Key": "x", "Value": ""}])));
    let listed = json!({"ResourceType": "Document", "ResourceId": "Doc"});
    let expected = json!([
        {"Key": "k", "Value": "new"}, {"Key": "theirs", "Value": "stays"}, {"Key": "x", "Value": ""}
    ]);
    assert_eq!(ok(&mut model, "ListTagsForResource", listed.clone())["TagList"], expected);
    assert_eq!(ok(&mut model, "DescribeDocument", json!({"Name": "Doc"}))["Document"]["Tags"], expected);
    let removal = json!({"ResourceType": "Document", "ResourceId": "Doc", "TagKeys": ["k", "x", "never there"]});
    ok(&mut model, "RemoveTagsFromResource", removal);
    assert_eq!(ok(&mut model, "ListTagsForResource", listed)["TagList"], json!([{"Key": "theirs", "Value": "stays"}]));
}

#[test]
fn a_document_has_50_tags_and_no_more() {
    let tags = |range: std::ops::Range<u32>| range.map(|n| json!({"Key": format!("k{n}"), "Value": "v"})).collect();
    let mut model = with_doc();
    ok(&mut model, "AddTagsToResource", tag("Doc", &tags(0..50)));
    ok(&mut model, "AddTagsToResource", tag("Doc", &tags(0..1)));
    assert_eq!(refused(&mut model, "AddTagsToResource", tag("Doc", &tags(50..51))), "TooManyTagsError");
    let input = json!({"Name": "New", "Content": A, "DocumentType": "Session", "Tags": tags(0..51)});
    assert_eq!(refused(&mut model, "CreateDocument", input), "TooManyTagsError");
}

#[test]
fn tagging_refuses_what_aws_refuses() {
    let one = json!([{"Key": "k", "Value": "v"}]);
    let table = [
        ("InvalidResourceId", tag("Absent", &one)),
        ("InvalidResourceType", json!({"ResourceType": "Stack", "ResourceId": "Doc", "Tags": one})),
        ("ValidationException", tag("Doc", &json!([{"Key": "aws:cloudformation:stack-id", "Value": "v"}]))),
        ("ValidationException", tag("Doc", &json!([{"Key": "", "Value": "v"}]))),
        ("ValidationException", tag("Doc", &json!([{"Key": "k"}]))),
        ("ValidationException", tag("Doc", &json!([{"Key": "k", "Value": "v".repeat(257)}]))),
        ("ValidationException", tag("Doc", &json!([{"Key": "k", "Value": "a,b"}]))),
    ];
    for (code, input) in table {
        assert_eq!(refused(&mut with_doc(), "AddTagsToResource", input.clone()), code, "{input}");
    }
}
