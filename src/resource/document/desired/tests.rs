//! Every property: what is accepted and what is refused, with the reason.

use serde_json::{Value, json};

use super::*;

const CONTENT: &str = "{\"schemaVersion\": \"2.2\", \"mainSteps\": []}";

fn map(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

/// The properties of a Command document with these on top; null removes a property.
fn properties(more: &Value) -> Map<String, Value> {
    let mut all = map(&json!({"DocumentName": "Doc", "DocumentType": "Command", "DocumentContent": CONTENT}));
    all.extend(map(more));
    all.retain(|_, value| !value.is_null());
    all
}

fn desired(more: &Value) -> Result<Desired, String> {
    Desired::read(&properties(more)).map_err(|failure| failure.to_string())
}

/// Checks the full reason for each refusal.
#[track_caller]
fn refused(rows: &[(Value, &str)]) {
    for (more, expected) in rows {
        assert_eq!(desired(more).map(|_| ()), Err((*expected).to_owned()), "{more}");
    }
}

#[test]
fn a_name_has_only_characters_that_ssm_accepts_and_no_reserved_prefix() {
    let longest = "x".repeat(128);
    for name in ["abc", "A.b_c-9", &longest, "SSM-SessionManagerRunShell", "my-aws"] {
        assert_eq!(desired(&json!({ "DocumentName": name })).unwrap().name, name);
        assert_eq!(desired(&json!({"DocumentName": null, "Name": name})).unwrap().name, name);
    }
    let rule = "must be 3 to 128 letters, digits, '_', '-' or '.'.";
    refused(&[
        (json!({"DocumentName": null}), "DocumentName: is missing. It is required."),
        (json!({"Name": "Doc"}), "Name: is another name for DocumentName. Specify only one of them."),
        (json!({"DocumentName": "ab"}), &format!("DocumentName: \"ab\" {rule}")),
        (json!({"DocumentName": "a b"}), &format!("DocumentName: \"a b\" {rule}")),
        (json!({"DocumentName": "Döc"}), &format!("DocumentName: \"Döc\" {rule}")),
        (json!({"DocumentName": "arn:aws:x/Doc"}), &format!("DocumentName: \"arn:aws:x/Doc\" {rule}")),
        (json!({"DocumentName": ["Doc"]}), "DocumentName: must be a string, but is a list."),
    ]);
    assert!(desired(&json!({"DocumentName": "x".repeat(129)})).unwrap_err().contains(rule));
    for prefix in ["aws", "amazon", "amzn", "AWSEC2", "AWSConfigRemediation", "AWSSupport"] {
        let why = desired(&json!({"DocumentName": format!("{prefix}-x")})).unwrap_err();
        assert!(why.contains(&format!("begins with {prefix}, which AWS reserves")), "{why}");
    }
}

#[test]
fn the_content_is_a_string_or_for_session_documents_a_mapping() {
    let session = json!({"schemaVersion": "1.0", "sessionType": "Port", "properties": {"portNumber": "22"}});
    for (format, expected) in
        [(json!(null), Format::Json), (json!("JSON"), Format::Json), (json!("YAML"), Format::Yaml)]
    {
        let more = json!({"DocumentType": "Session", "DocumentContent": session, "DocumentFormat": format});
        let content = desired(&more).unwrap().content;
        assert_eq!(
            (content.format, serde_json::from_str::<Value>(&content.text).unwrap()),
            (expected, session.clone())
        );
    }
    let yaml = "schemaVersion: '2.2'\nmainSteps: []\n";
    assert_eq!(desired(&json!({"DocumentContent": null, "Content": yaml})).unwrap().content.text, yaml);
    let mapping = "DocumentContent: is a mapping. CloudFormation sends every scalar in a mapping as a string, and the \
        original types are known only for Session documents. Write the content as a block string (DocumentContent: |).";
    refused(&[
        (json!({"DocumentContent": null}), "DocumentContent: is missing. It is required."),
        (json!({"Content": CONTENT}), "Content: is another name for DocumentContent. Specify only one of them."),
        (json!({"DocumentContent": session}), mapping),
        (
            json!({"DocumentType": "Session", "DocumentContent": session, "DocumentFormat": "TEXT"}),
            "DocumentFormat: \"TEXT\" can't be the format of a mapping. Leave DocumentFormat out.",
        ),
        (json!({"DocumentContent": ["x"]}), "DocumentContent: must be a string or, for Session documents, a mapping."),
        (
            json!({"DocumentContent": null, "Content": "a: ["}),
            "Content: is not valid YAML: see line 2, column 1. Content in another format needs DocumentFormat.",
        ),
    ]);
}

#[test]
fn a_session_document_is_checked_together_with_the_other_properties() {
    let session =
        "{\"schemaVersion\": \"1.0\", \"sessionType\": \"Standard_Stream\", \"inputs\": {\"idleSessionTimeout\": 5}}";
    let more = |extra: Value| {
        let mut more = map(&json!({"DocumentType": "Session", "DocumentContent": session}));
        more.extend(map(&extra));
        Value::Object(more)
    };
    // On its own, this problem is not a reason to refuse the properties. The plan decides: the default version may already have
    // this content.
    assert_eq!(desired(&more(json!({}))).unwrap().findings.problems.len(), 1);
    let why = desired(&more(json!({"OnExisting": "Never"}))).unwrap_err();
    assert!(why.contains("OnExisting: \"Never\"") && why.contains("idleSessionTimeout"), "{why}");
    assert_eq!(desired(&json!({})).unwrap().findings, session::Findings::default());
}

#[test]
fn the_type_is_one_that_the_api_accepts_and_session_by_default() {
    let content =
        json!({"DocumentContent": "{\"schemaVersion\": \"1.0\", \"sessionType\": \"Port\"}", "DocumentType": null});
    assert_eq!(desired(&content).unwrap().document_type, "Session");
    for known in TYPES {
        assert_eq!(desired(&json!({ "DocumentType": known })).unwrap().document_type, known);
    }
    let why = desired(&json!({"DocumentType": "Comand"})).unwrap_err();
    assert!(why.starts_with("DocumentType: \"Comand\" is not one of Session, Command,"), "{why}");
    assert!(why.ends_with("AutoApprovalPolicy. Did you mean Command?"), "{why}");
    refused(&[(json!({"DocumentType": {}}), "DocumentType: must be a string, but is a mapping.")]);
}

#[test]
fn choices_have_defaults_and_a_refusal_lists_the_alternatives() {
    let on_existing = |more| desired(&more).unwrap().on_existing;
    assert_eq!(on_existing(json!({})), OnExisting::Adopt);
    assert_eq!(on_existing(json!({"OnExisting": "Adopt"})), OnExisting::Adopt);
    assert_eq!(on_existing(json!({"OnExisting": "TakeOver"})), OnExisting::TakeOver);
    assert_eq!(on_existing(json!({"OnExisting": "Fail"})), OnExisting::Fail);
    let set_default = |more| desired(&more).unwrap().set_default_version;
    assert!(set_default(json!({})) && set_default(json!({"SetDefaultVersion": "true"})));
    assert!(!set_default(json!({"SetDefaultVersion": "false"})) && !set_default(json!({"SetDefaultVersion": false})));
    for fine in [json!({"OnDelete": "Retain"}), json!({"OnDelete": "Restore"}), json!({"UpdateMethod": "Replace"})] {
        assert!(desired(&fine).is_ok(), "{fine}");
    }
    let format = |more| desired(&more).unwrap().content.format;
    assert_eq!(format(json!({"DocumentFormat": "YAML"})), Format::Yaml);
    assert_eq!(format(json!({"DocumentFormat": "TEXT"})), Format::Text);
    assert_eq!(format(json!({"DocumentFormat": ""})), Format::Json);
    refused(&[
        (
            json!({"OnExisting": "Takeover"}),
            "OnExisting: \"Takeover\" is not one of Adopt, TakeOver, Fail. Did you mean TakeOver?",
        ),
        (json!({"OnDelete": "Delete"}), "OnDelete: \"Delete\" is not one of Retain, Restore."),
        (json!({"SetDefaultVersion": "no"}), "SetDefaultVersion: \"no\" is neither true nor false."),
        (
            json!({"DocumentFormat": "Json"}),
            "DocumentFormat: \"Json\" is not one of JSON, YAML, TEXT. Did you mean JSON?",
        ),
        (json!({"Colour": "red"}), "\"Colour\": is not a property of this resource."),
    ]);
}

#[test]
fn version_names_display_names_and_target_types_must_match_ssms_patterns() {
    let (version, display, target) = ("v-1.0_b".repeat(18), "é".repeat(1024), format!("/{}", "x".repeat(199)));
    let all = json!({"VersionName": version, "DisplayName": display, "TargetType": target});
    let read = desired(&all).unwrap();
    assert_eq!((read.version_name, read.display_name, read.target_type), (Some(version), Some(display), Some(target)));
    let none = desired(&json!({"VersionName": "", "DisplayName": "", "TargetType": ""})).unwrap();
    assert_eq!((none.version_name, none.display_name, none.target_type), (None, None, None));
    let version_rule = "must be 1 to 128 letters, digits, '_', '-' or '.'.";
    let target_rule = "must begin with '/' and have at most 200 letters, digits, '_', '.', '-', ':' or '/', such as \
                       /AWS::EC2::Instance.";
    refused(&[
        (json!({"VersionName": "v 1"}), &format!("VersionName: \"v 1\" {version_rule}")),
        (json!({"TargetType": "AWS::EC2::Instance"}), &format!("TargetType: \"AWS::EC2::Instance\" {target_rule}")),
        (json!({"TargetType": "/a b"}), &format!("TargetType: \"/a b\" {target_rule}")),
    ]);
    for (too_long, rule) in [
        (json!({"VersionName": "v".repeat(129)}), version_rule),
        (json!({"DisplayName": "é".repeat(1025)}), "is longer than 1,024 characters."),
        (json!({"TargetType": format!("/{}", "x".repeat(200))}), target_rule),
    ] {
        assert!(desired(&too_long).unwrap_err().ends_with(rule), "{rule}");
    }
    assert!(desired(&json!({"VersionName": "v".repeat(128)})).is_ok());
}

#[test]
fn requires_is_a_list_of_documents_with_their_names() {
    let requires =
        json!([{"Name": "Schema", "Version": 1, "RequireType": "Dependency", "VersionName": "v"}, {"Name": "Base"}]);
    let item = |name: &str, rest: Option<[&str; 3]>| {
        let [version, require_type, version_name] = match rest {
            Some(rest) => rest.map(|text| Some(text.to_owned())),
            None => [None, None, None],
        };
        Requirement { name: name.into(), version, require_type, version_name }
    };
    let read = desired(&json!({ "Requires": requires })).unwrap().requires;
    assert_eq!(read, [item("Base", None), item("Schema", Some(["1", "Dependency", "v"]))]);
    refused(&[
        (json!({"Requires": "Base"}), "Requires: must be a list of objects."),
        (json!({"Requires": [{"Name": "Base"}, {}]}), "Requires[1].Name: is missing. It is required."),
        (
            json!({"Requires": [{"Name": "Base", "Versions": "1"}]}),
            "Requires[0].\"Versions\": is not a property of this resource. Did you mean Version?",
        ),
    ]);
}

#[test]
fn attachments_have_a_key_and_values_and_are_20_at_most() {
    let source = json!({"Key": "S3FileUrl", "Values": ["s3://b/f"], "Name": "f"});
    let read = desired(&json!({ "Attachments": [source] })).unwrap().attachments;
    let expected = Attachment { key: "S3FileUrl".into(), values: vec!["s3://b/f".into()], name: Some("f".into()) };
    assert_eq!(read, [expected]);
    for key in ["SourceUrl", "AttachmentReference"] {
        let more = json!({"Attachments": [{"Key": key, "Values": "one"}]});
        let expected = Attachment { key: key.into(), values: vec!["one".into()], name: None };
        assert_eq!(desired(&more).unwrap().attachments, [expected]);
    }
    assert!(desired(&json!({"Attachments": vec![source.clone(); 20]})).is_ok());
    refused(&[
        (json!({"Attachments": vec![source; 21]}), "Attachments: has 21 items; a document can have at most 20."),
        (json!({"Attachments": [{"Values": ["x"]}]}), "Attachments[0].Key: is missing. It is required."),
        (json!({"Attachments": [{"Key": "SourceUrl"}]}), "Attachments[0].Values: is missing. It is required."),
        (
            json!({"Attachments": [{"Key": "S3", "Values": ["x"]}]}),
            "Attachments[0].Key: \"S3\" is not one of SourceUrl, S3FileUrl, AttachmentReference.",
        ),
    ]);
}

#[test]
fn tags_are_a_list_or_a_mapping_and_leave_room_for_ours() {
    let expected: Tags = [("a", "1"), ("b", "")].map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    for tags in [json!({"a": 1, "b": ""}), json!([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])] {
        assert_eq!(desired(&json!({ "Tags": tags })).unwrap().tags, expected);
    }
    let many = |count: usize| (0..count).map(|number| (format!("t{number}"), json!(""))).collect::<Map<_, _>>();
    assert!(desired(&json!({"Tags": many(47)})).is_ok());
    let (key, value) = ("é".repeat(128), "é".repeat(256));
    assert!(desired(&json!({"Tags": {key.clone(): value.clone()}})).is_ok());
    refused(&[
        (
            json!({"Tags": many(48)}),
            "Tags: has 48 tags; at most 47 are allowed, because the provider needs the rest of AWS's limit of 50.",
        ),
        (json!({"Tags": {"a": []}}), "Tags.\"a\": must be a string."),
        (json!({"Tags": "a"}), "Tags: must be a list of objects."),
        (json!({"Tags": [{"Key": "a"}]}), "Tags[0].Value: is missing. It is required."),
        (json!({"Tags": [{"Key": "a", "Value": ""}, {"Key": "a", "Value": ""}]}), "Tags[1].Key: \"a\" occurs twice."),
        (json!({"Tags": {"AWS:x": ""}}), "Tags: \"AWS:x\" begins with a reserved prefix."),
        (
            json!({"Tags": {"cfn-ssm-document:origin": "created"}}),
            "Tags: \"cfn-ssm-document:origin\" begins with a reserved prefix.",
        ),
        (json!({"Tags": {"": "x"}}), "Tags: \"\" must have 1 to 128 characters."),
        (json!({"Tags": {"a": format!("{value}x")}}), "Tags: \"a\" has a value of more than 256 characters."),
    ]);
    assert!(desired(&json!({"Tags": {format!("{key}x"): ""}})).unwrap_err().contains("1 to 128 characters"));
}

#[test]
fn account_ids_are_12_digits_or_all_and_1000_at_most() {
    let read = desired(&json!({"AccountIds": ["111122223333", "ALL", "111122223333"]})).unwrap().account_ids;
    assert_eq!(read, ["111122223333", "all"].map(str::to_owned).into());
    let many = |count: u64| (0..count).map(|number| format!("{number:012}")).collect::<Vec<_>>();
    assert!(desired(&json!({"AccountIds": many(1000)})).is_ok());
    refused(&[
        (
            json!({"AccountIds": ["11112222333"]}),
            "AccountIds: \"11112222333\" is neither a 12-digit account ID nor \"all\".",
        ),
        (
            json!({"AccountIds": ["11112222333x"]}),
            "AccountIds: \"11112222333x\" is neither a 12-digit account ID nor \"all\".",
        ),
        (json!({"AccountIds": {}}), "AccountIds: must be a list of strings."),
        (
            json!({"AccountIds": many(1001)}),
            "AccountIds: has 1001 accounts; a document can be shared with at most 1000.",
        ),
    ]);
}

#[test]
fn the_old_properties_are_read_as_far_as_they_can_be() {
    let broken = json!({
        "Colour": "red", "OnExisting": 7, "DisplayName": "One", "Tags": {"a": "1", "b": []}, "AccountIds": ["x", "111122223333"],
        "Requires": "Base", "Attachments": [{"Key": "SourceUrl", "Values": ["u"]}, {"Key": "?", "Values": ["u"]}],
    });
    let previous = Declared::read(&map(&broken));
    assert_eq!(previous.display_name.as_deref(), Some("One"));
    assert_eq!(previous.tags.keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!(previous.account_ids.iter().collect::<Vec<_>>(), ["111122223333"]);
    assert_eq!(previous.requires, Some(vec![]));
    assert_eq!(previous.attachments.map(|all| all.len()), Some(1));
    assert_eq!(Declared::read(&Map::new()), Declared::default());
    for (old, expected) in [
        (json!({"Content": "a: 1"}), "a: 1"),
        (json!({"DocumentContent": {"inputs": {"runAsEnabled": "true"}}}), "{\"inputs\":{\"runAsEnabled\":true}}"),
    ] {
        assert_eq!(Declared::read(&map(&old)).content.as_deref(), Some(expected));
    }
}

#[test]
fn a_rollback_does_not_count_refused_tags_as_declared() {
    let old =
        map(&json!({"Tags": {"cfn-ssm-document:stack-id": "x", "aws:cloudformation:stack-id": "x", "team": "x"}}));
    assert_eq!(Declared::read(&old).tags.into_keys().collect::<Vec<_>>(), ["team"]);
}

#[test]
fn on_delete_is_read_alone_and_counts_as_retain_if_it_is_invalid() {
    for (given, expected) in [
        (json!({}), OnDelete::Retain),
        (json!({"OnDelete": "Retain"}), OnDelete::Retain),
        (json!({"OnDelete": "Restore", "Colour": "red"}), OnDelete::Restore),
        (json!({"OnDelete": "restore"}), OnDelete::Retain),
        (json!({"OnDelete": ["Restore"]}), OnDelete::Retain),
    ] {
        assert_eq!(Declared::read(&map(&given)).on_delete, expected, "{given}");
    }
}
