//! The properties besides the content: attributes, attachments, requirements, tags and accounts.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;

#[test]
fn an_attribute_is_uploaded_if_only_it_changes_and_is_refusable_if_the_document_has_the_old_value() {
    let present = |names: [Option<&str>; 3]| {
        let [version_name, display_name, target_type] = names.map(|name| name.map(str::to_owned));
        let mut document = with(NEW).ours();
        (document.description.display_name, document.description.target_type) = (display_name, target_type);
        document.default.version_name = version_name;
        document
    };
    let all = json!({"VersionName": "v2", "DisplayName": "Two", "TargetType": "/AWS::EC2::Instance"});
    let as_desired = present([Some("v2"), Some("Two"), Some("/AWS::EC2::Instance")]);
    let before = present([Some("v1"), Some("One"), Some("/")]);
    let old = json!({"VersionName": "v1", "DisplayName": "One", "TargetType": "/"});
    let old_with_other_content = {
        let mut old = old.clone();
        old["DocumentContent"] = json!(OLD);
        old
    };
    let without_promotion = json!({"DisplayName": "Two", "SetDefaultVersion": "false"});
    let every = ["VersionName", "DisplayName", "TargetType"];
    let attributes = |names: &[&'static str], refusable| Some(Attributes { names: names.to_vec(), refusable });
    for (wanted, old, document, expected) in [
        (&all, Some(&old), &before, attributes(&every, true)),
        (&json!({"DisplayName": "Two"}), Some(&old), &before, attributes(&["DisplayName"], true)),
        (&all, Some(&json!({})), &with(NEW).ours(), attributes(&every, true)),
        // Neither the old nor the new value: a rollback would be refused, too.
        (&all, Some(&old), &present([Some("v3"), Some("Three"), Some("/x")]), attributes(&every, false)),
        (&all, Some(&old), &present([Some("v1"), Some("Three"), Some("/")]), attributes(&every, false)),
        (&without_promotion, Some(&old), &before, attributes(&["DisplayName"], false)),
        // Already as desired; unchanged by this request, but changed by somebody else; not the only change; no old properties; no
        // longer declared.
        (&all, Some(&old), &as_desired, None),
        (&all, Some(&all), &before, None),
        (&all, Some(&old_with_other_content), &before, None),
        (&all, None, &before, None),
        (&json!({}), Some(&old), &before, None),
    ] {
        let version = match expected {
            None => VersionChange::Keep,
            expected => upload(wanted["SetDefaultVersion"] != "false", expected),
        };
        let old = old.cloned().map(previous);
        assert_eq!(change(&desired(wanted.clone()), old.as_ref(), document).version, version, "{old:?} {wanted}");
    }
}

#[test]
fn attributes_are_uploaded_with_new_content_and_need_no_version_of_their_own() {
    let wanted = desired(json!({"VersionName": "v2", "DisplayName": "Two"}));
    let change = change(&wanted, Some(&previous(json!({}))), &with(OLD).ours());
    assert_eq!(change.version, upload(true, None));
}

#[test]
fn a_version_that_has_the_content_is_not_just_promoted_if_only_attributes_change() {
    let document = with(OLD).ours().latest(Some(version("9", Status::Active, NEW)));
    let (same, other) = (previous(json!({})), previous(json!({ "DocumentContent": OLD })));
    let upload = |promote| VersionChange::Upload(Upload { on_top_of: "9".into(), promote, attributes: None });
    for (wanted, old, expected) in [
        (json!({"DisplayName": "Two"}), &same, upload(true)),
        (json!({"DisplayName": "Two"}), &other, VersionChange::Promote("9".into())),
        (json!({}), &same, VersionChange::Promote("9".into())),
        (json!({"DisplayName": "Two", "SetDefaultVersion": "false"}), &same, VersionChange::Keep),
    ] {
        assert_eq!(change(&desired(wanted.clone()), Some(old), &document).version, expected, "{wanted}");
    }
}

#[test]
fn attachments_change_only_between_the_old_and_the_new_properties() {
    let with_file = |file: &str| json!({"Attachments": [{"Key": "S3FileUrl", "Values": [format!("s3://b/{file}")]}]});
    for (old, new, expected) in [
        (Some(with_file("1.zip")), with_file("1.zip"), false),
        (Some(with_file("1.zip")), with_file("2.zip"), true),
        (Some(json!({})), with_file("1.zip"), true),
        // Attachments can't be removed, only replaced.
        (Some(with_file("1.zip")), json!({}), false),
        // When a Create finds an existing document, its attachments are not known.
        (None, with_file("1.zip"), false),
    ] {
        let old = old.map(previous);
        let attributes = Attributes { names: vec!["Attachments"], refusable: true };
        let version = match expected {
            true => upload(true, Some(attributes)),
            false => VersionChange::Keep,
        };
        assert_eq!(change(&desired(new.clone()), old.as_ref(), &with(NEW).ours()).version, version, "{old:?} {new}");
    }
}

#[test]
fn requires_is_refused_if_it_changes_and_the_document_lacks_it() {
    let on = |name: &str, version: Option<&str>| {
        let mut item = json!({ "Name": name });
        if let Some(version) = version {
            item["Version"] = json!(version);
        }
        json!({ "Requires": [item] })
    };
    let requiring = |content, name: &str, version: &str| {
        let (name, version) = (name.to_owned(), Some(version.to_owned()));
        let requirement = Requirement { name, version, require_type: None, version_name: None };
        with(content).described(|document| document.requires = vec![requirement])
    };
    let none = json!({});
    for (old, new, document, refused) in [
        // Unchanged by this request: not refused, whatever the document requires.
        (Some(&none), &none, with(OLD).ours(), false),
        (Some(&on("Base", None)), &on("Base", None), with(OLD).ours(), false),
        // Changed by this request, while the document meets the old requirements: refused, whatever the content. Otherwise,
        // SUCCESS would hide that nothing was changed.
        (Some(&none), &on("Base", None), with(OLD).ours(), true),
        (Some(&none), &on("Base", None), with(NEW).ours(), true),
        (Some(&on("Base", None)), &none, requiring(NEW, "Base", "1").ours(), true),
        (Some(&on("Base", Some("1"))), &on("Base", Some("2")), requiring(NEW, "Base", "1").ours(), true),
        // A rollback to what the document has.
        (Some(&on("Other", None)), &on("Base", None), requiring(OLD, "Base", "1").ours(), false),
        (Some(&on("Base", None)), &none, with(OLD).ours(), false),
        // The document has neither the old nor the new requirements. If the default version already has the content, the request
        // succeeds, so that the stack does not get stuck.
        (Some(&on("Other", None)), &on("Base", None), with(NEW).ours(), false),
        (Some(&on("Other", None)), &on("Base", None), with(OLD).ours(), true),
        // Adopted: the declared requirements must exist, and others may.
        (None, &on("Base", None), with(NEW), true),
        (None, &on("Base", Some("2")), requiring(NEW, "Base", "1"), true),
        (None, &on("Base", Some("1")), requiring(NEW, "Base", "1"), false),
        (None, &none, requiring(NEW, "Base", "1"), false),
        // A retry of a Create.
        (None, &on("Base", None), with(OLD).ours(), false),
    ] {
        let cell = format!("{old:?} -> {new} on {:?}", document.description.requires);
        match planned(&desired(new.clone()), old.cloned().map(previous).as_ref(), &document) {
            Ok(_) => assert!(!refused, "{cell}"),
            Err(why) => assert!(refused && why.contains("Requires: can be set only when"), "{cell}: {why}"),
        }
    }
}

#[test]
fn tags_are_set_if_they_differ_and_removed_if_only_the_old_properties_declare_them() {
    let present = tags(&[("same", "1"), ("other", "1"), ("gone", "1"), ("theirs", "1")]);
    let document = with(NEW).ours().tagged(present).tagged(recorded("3"));
    let wanted = desired(json!({"Tags": {"same": "1", "other": "2", "new": "1"}}));
    let old = previous(json!({"Tags": {"same": "0", "gone": "1", "never": "1"}}));
    let change = change(&wanted, Some(&old), &document);
    assert_eq!(change.set_tags, tags(&[("new", "1"), ("other", "2")]));
    assert_eq!(change.remove_tags, BTreeSet::from(["gone".to_owned()]));
}

#[test]
fn a_document_has_at_most_50_tags_and_those_with_a_reserved_prefix_do_not_count() {
    let document = |count: usize| {
        let many = (0..count).map(|number| (format!("t{number}"), String::new()));
        with(NEW).tagged(many).tagged(tags(&[("aws:cloudformation:stack-id", "x"), ("aws:other", "x")]))
    };
    // An adoption sets four tags.
    assert_eq!(decided(&desired(json!({})), None, &document(46)).unwrap().0.tags().unwrap().len(), 4);
    let why = planned(&desired(json!({})), None, &document(47)).unwrap_err();
    assert!(why.contains("would have 51 tags") && why.contains("AWS allows only 50"), "{why}");
    // Removed tags make room.
    let old = previous(json!({"Tags": {"t0": ""}}));
    let wanted = desired(json!({"Tags": {"new": ""}}));
    let adopted = decided(&wanted, Some(&old), &document(46)).unwrap().0;
    let room = change(&wanted, Some(&old), &document(46));
    assert_eq!((adopted.tags().unwrap().len(), room.set_tags.len(), room.remove_tags.len()), (4, 1, 1));
}

#[test]
fn only_accounts_that_differ_are_shared_or_unshared_and_those_of_others_stay() {
    let (a, b, c, d) = ("111111111111", "222222222222", "333333333333", "444444444444");
    let mut document = with(NEW).ours();
    document.shared_with = [a, b, d].map(str::to_owned).into();
    let wanted = desired(json!({"AccountIds": [a, c]}));
    let old = previous(json!({"AccountIds": [a, b, "555555555555"]}));
    let change = change(&wanted, Some(&old), &document);
    assert_eq!((change.share, change.unshare), (vec![c.to_owned()], vec![b.to_owned()]));
}
