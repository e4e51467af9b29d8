//! Whether the resource adopts a document, and what it refuses.

use super::*;

#[test]
fn a_refusal_names_the_owner_and_its_stack() {
    let owner = Owner { stack_id: "arn:the-other-stack".into(), logical_id: "Theirs".into() };
    let why = planned(&desired(json!({})), None, &with(OLD).tagged(owner.tags_of_created())).unwrap_err();
    assert!(why.contains("the resource Theirs of the stack arn:the-other-stack"), "{why}");
}

#[test]
fn a_document_of_another_type_or_account_is_refused() {
    let desired = desired(json!({}));
    let other_type = with(NEW).ours().described(|document| document.document_type = "Automation".into());
    let why = planned(&desired, None, &other_type).unwrap_err();
    assert!(why.contains("is of type Automation"), "{why}");
    assert!(why.contains("can't be changed to Command") && why.contains("another DocumentName"), "{why}");
    let other_account = with(NEW).ours().described(|document| document.account = Some("444455556666".into()));
    let why = planned(&desired, None, &other_account).unwrap_err();
    assert!(why.contains("444455556666") && why.contains("111122223333"), "{why}");
    // If either account is unknown, the document is not refused.
    let unknown = with(NEW).ours().described(|document| document.account = None);
    assert!(planned(&desired, None, &unknown).is_ok());
    let owner = owner();
    let intent = Intent { account: None, ..intent(&desired, None, &owner) };
    assert!(adoption(intent, &other_account.description).is_ok());
}

#[test]
fn a_request_that_a_later_one_has_overtaken_is_refused() {
    let (owner, wanted) = (owner(), desired(json!({"OnExisting": "TakeOver"})));
    let intent = Intent { signature: Some(100), ..intent(&wanted, None, &owner) };
    for (since, overtaken) in [("103", true), ("102", false), ("99", false)] {
        let document = with(OLD).ours().tagged(tags(&[(SINCE, since)]));
        assert_eq!(adoption(intent, &document.description).is_err(), overtaken, "{since}");
    }
}

#[test]
fn a_create_or_rename_that_finds_a_document_that_its_resource_left_behind_records_the_default_version() {
    let (owner, wanted) = (owner(), desired(json!({})));
    for operation in [Operation::Create, Operation::Rename] {
        let intent = Intent { signature: Some(100), operation, ..intent(&wanted, None, &owner) };
        let left_behind = |since: &[(&str, &str)]| with(OLD).ours().tagged(tags(since)).description;
        let again = Adoption::ManageAgain(tags(&[(PREVIOUS_DEFAULT_VERSION, "3"), (SINCE, "100")]));
        for (since, expected) in
            [(&[][..], again.clone()), (&[(SINCE, "50")], again), (&[(SINCE, "100")], Adoption::ByAnotherDelivery)]
        {
            assert_eq!(adoption(intent, &left_behind(since)).unwrap(), expected, "{operation:?} {since:?}");
        }
    }
}

#[test]
fn fail_refuses_only_a_document_that_is_new_to_the_resource() {
    let (wanted, previous) = (desired(json!({"OnExisting": "Fail"})), previous(json!({})));
    assert!(decided(&wanted, None, &with(OLD)).is_err());
    let (adoption, _) = decided(&wanted, Some(&previous), &with(OLD)).unwrap();
    let mut expected = owner().tags_of_adopted("3");
    expected.extend(recorded("3"));
    assert_eq!(adoption, Adoption::Adopt(expected));
    let others = Owner { logical_id: "Other".into(), ..owner() }.tags_of_created();
    assert!(decided(&wanted, Some(&previous), &with(OLD).tagged(others)).is_err());
}

#[test]
fn a_document_without_room_for_optional_tags_is_managed_without_them() {
    let many = |count: usize| (0..count).map(|number| (format!("tag-{number}"), String::new()));
    let (owner, wanted) = (owner(), desired(json!({})));
    let intent = Intent { signature: Some(100), ..intent(&wanted, None, &owner) };
    for (count, expected) in [(44, (true, true)), (45, (true, false)), (46, (false, false))] {
        let adoption = adoption(intent, &with(OLD).tagged(many(count)).description).unwrap();
        let tags = adoption.tags().unwrap();
        assert_eq!((tags.contains_key(SINCE), tags.contains_key(DEFAULT_VERSION)), expected, "{count}");
    }
    let document = with(OLD).ours().tagged(many(47));
    let (change, warnings) = plan(intent, &document, &Adopted::No).unwrap();
    assert_eq!(change.set_tags, Tags::new());
    for tag in ["cfn-ssm-document:since", "cfn-ssm-document:default-version"] {
        assert!(warnings.iter().any(|warning| warning.to_string().contains(tag)), "{tag}: {warnings:?}");
    }
    assert!(!change.records_default_version);
}
