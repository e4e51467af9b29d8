//! What is recorded about a document before it is changed, and how it is restored.

use serde_json::{Value, json};

use super::*;
use crate::resource::document::desired::Desired;
use crate::resource::document::intent::Operation;
use crate::resource::document::ownership::SINCE;

fn owner() -> Owner {
    Owner { stack_id: "stack/a".into(), logical_id: "Document".into() }
}

fn other() -> Owner {
    Owner { stack_id: "stack/b".into(), logical_id: "Document".into() }
}

fn desired(more: Value) -> Desired {
    let mut all = json!({"DocumentName": "Doc", "DocumentType": "Command", "DocumentContent": "{\"a\": 1}"});
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Desired::read(all.as_object().unwrap()).unwrap()
}

/// A document whose default version is number 3.
fn document(tags: &Tags) -> Description {
    Description {
        tags: tags.clone(),
        default_version: "3".into(),
        latest_version: "3".into(),
        ..Description::default()
    }
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn both(one: &Tags, other: &Tags) -> Tags {
    one.iter().chain(other).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The undo of a Create that was signed at 100 and finds the document.
fn undo_of_existing(document: &Description, more: Value) -> DocumentUndo {
    let (desired, owner) = (desired(more), owner());
    let intent =
        Intent { desired: &desired, operation: Operation::Create, owner: &owner, signature: Some(100), account: None };
    DocumentUndo::of_existing(intent, document)
}

fn created(call: CreateCall) -> DocumentUndo {
    let (desired, owner) = (desired(json!({})), owner());
    let intent =
        Intent { desired: &desired, operation: Operation::Create, owner: &owner, signature: Some(100), account: None };
    let mut undo = DocumentUndo::of_created(intent);
    undo.record_create(call);
    undo
}

#[track_caller]
fn revert(undo: &DocumentUndo, seen: &Description) -> Revert {
    match undo.plan_undo(Some(seen)) {
        UndoPlan::Revert(revert) => revert,
        other => panic!("{other:?}"),
    }
}

fn keys(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_created_document_is_deleted_and_one_that_may_still_appear_is_looked_for() {
    let ours = document(&owner().tags_of_created());
    let theirs = document(&other().tags_of_created());
    let untagged = document(&Tags::new());
    use CreateCall::{Refused, Sent, Succeeded};
    for (call, seen, expected) in [
        (Succeeded, Some(&ours), UndoPlan::Delete),
        (Sent, Some(&ours), UndoPlan::Delete),
        (Refused, Some(&ours), UndoPlan::Delete),
        (Succeeded, None, UndoPlan::LookAgain(Succeeded)),
        (Sent, None, UndoPlan::LookAgain(Sent)),
        (Refused, None, UndoPlan::Nothing),
        // The tags lag behind.
        (Succeeded, Some(&untagged), UndoPlan::Delete),
        (Sent, Some(&untagged), UndoPlan::LookAgain(Sent)),
        (Refused, Some(&untagged), UndoPlan::Nothing),
        (Sent, Some(&theirs), UndoPlan::Nothing),
    ] {
        assert_eq!(created(call).plan_undo(seen), expected, "{call:?} {seen:?}");
    }
}

#[test]
fn an_adoption_is_undone_even_if_its_tags_are_not_visible_yet() {
    let team = tags(&[("team", "blue")]);
    let adopted = owner().tags_of_adopted("3");
    let mut undo = undo_of_existing(&document(&team), json!({}));
    undo.record_set_tags(&adopted);
    undo.record_set_tags(&tags(&[("team", "red"), ("new", "1")]));
    undo.record_shares(["111111111111".to_owned()]);
    undo.record_promotion(Some("4"));
    let mut removed: BTreeSet<String> = adopted.keys().cloned().collect();
    removed.insert("new".into());
    let expected = Revert {
        promote: Some("3".into()),
        unshare: vec!["111111111111".into()],
        set_tags: team.clone(),
        remove_tags: removed,
    };
    let as_written = both(&adopted, &tags(&[("team", "red"), ("new", "1")]));
    for seen in [&as_written, &team] {
        for default in ["3", "4"] {
            let seen = Description { default_version: default.into(), ..document(seen) };
            assert_eq!(revert(&undo, &seen), expected, "{seen:?}");
        }
    }
}

#[test]
fn what_somebody_else_has_changed_since_stays() {
    let mut undo = undo_of_existing(&document(&tags(&[("team", "blue")])), json!({}));
    undo.record_set_tags(&owner().tags_of_adopted("3"));
    undo.record_set_tags(&tags(&[("team", "red")]));
    undo.record_promotion(Some("4"));
    let third = both(&other().tags_of_adopted("3"), &tags(&[("team", "red")]));
    let taken = revert(&undo, &Description { default_version: "4".into(), ..document(&third) });
    assert_eq!((taken.promote, taken.remove_tags), (None, BTreeSet::new()));
    assert_eq!(taken.set_tags, tags(&[("team", "blue")]));
    let changed = both(&owner().tags_of_adopted("3"), &tags(&[("team", "green")]));
    let changed = revert(&undo, &Description { default_version: "7".into(), ..document(&changed) });
    assert_eq!((changed.promote, changed.set_tags), (None, Tags::new()));
}

#[test]
fn a_former_owner_gets_its_tags_back() {
    let former = both(&other().tags_of_adopted("1"), &tags(&[(SINCE, "50")]));
    let mut undo = undo_of_existing(&document(&former), json!({"OnExisting": "TakeOver"}));
    let ours = both(&owner().tags_of_adopted("3"), &tags(&[(SINCE, "100")]));
    undo.record_set_tags(&ours);
    let expected: Tags = former
        .iter()
        .filter(|(key, value)| ours.get(*key) != Some(*value))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    for seen in [&ours, &former] {
        let revert = revert(&undo, &document(seen));
        assert_eq!((revert.set_tags, revert.remove_tags), (expected.clone(), BTreeSet::new()));
    }
}

#[test]
fn a_document_that_an_earlier_delivery_created_counts_as_created() {
    let document = |tags: &Tags| Description { latest_version: "1".into(), ..document(tags) };
    let same = both(&owner().tags_of_created(), &tags(&[(SINCE, "100")]));
    let older = both(&owner().tags_of_created(), &tags(&[(SINCE, "50")]));
    assert_eq!(undo_of_existing(&document(&same), json!({})).plan_undo(Some(&document(&same))), UndoPlan::Delete);
    assert!(matches!(
        undo_of_existing(&document(&older), json!({})).plan_undo(Some(&document(&older))),
        UndoPlan::Revert(_)
    ));
    // Without the tag, the document's age decides.
    for (created_at, expected) in [(100, true), (99, false)] {
        let first = Description {
            created_at: Some(created_at),
            latest_version: "1".into(),
            ..document(&owner().tags_of_created())
        };
        let undo = undo_of_existing(&first, json!({}));
        assert_eq!(undo.plan_undo(Some(&first)) == UndoPlan::Delete, expected, "{created_at}");
    }
}

#[test]
fn undoing_the_adoption_of_an_earlier_delivery_also_removes_the_declared_tags() {
    let declared = json!({"Tags": {"team": "blue"}});
    let ours = both(&owner().tags_of_adopted("1"), &tags(&[(SINCE, "100"), ("team", "blue"), ("cost", "7")]));
    let revert = revert(&undo_of_existing(&document(&ours), declared), &document(&ours));
    let mut expected: BTreeSet<String> = owner().tags_of_adopted("1").into_keys().collect();
    expected.extend(keys(&[SINCE, "team"]));
    assert_eq!((revert.promote.as_deref(), revert.remove_tags), (Some("1"), expected));
}

#[test]
fn a_tag_that_the_request_gives_two_values_in_turn_is_removed_whichever_is_there() {
    let mut undo = undo_of_existing(&document(&Tags::new()), json!({}));
    undo.record_set_tags(&tags(&[("version", "1")]));
    undo.record_set_tags(&tags(&[("version", "2")]));
    for (seen, removed) in [("1", true), ("2", true), ("3", false)] {
        let revert = revert(&undo, &document(&tags(&[("version", seen)])));
        assert_eq!(revert.remove_tags.contains("version"), removed, "{seen}");
    }
}
