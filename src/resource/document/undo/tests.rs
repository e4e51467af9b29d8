//! What is remembered of a document before it is changed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::observed::{Status, Version};
use super::super::properties::Desired;
use super::*;

const NEW: &str = "{\"schemaVersion\": \"2.2\", \"v\": \"new\"}";
const OLD: &str = "{\"schemaVersion\": \"2.2\", \"v\": \"old\"}";

fn me() -> Owner {
    Owner { stack_id: "stack/a".into(), logical_id: "Document".into() }
}

fn desired(more: Value) -> Desired {
    let mut all = json!({"DocumentName": "Doc", "DocumentType": "Command", "DocumentContent": NEW});
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Desired::read(all.as_object().unwrap()).unwrap()
}

/// A document with version 3 in force.
fn document(content: &str, tags: &Tags) -> Document {
    Document {
        description: Description {
            document_type: "Command".into(),
            tags: tags.clone(),
            default_version: "3".into(),
            latest_version: "3".into(),
            ..Description::default()
        },
        default: Version {
            number: "3".into(),
            version_name: None,
            status: Status::Active,
            content: content.to_owned(),
        },
        latest: None,
        shared_with: BTreeSet::new(),
    }
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn before(desired: &Desired, document: &Document, change: &Change, is_create: bool) -> Before {
    let me = me();
    let asked = Asked { desired, previous: None, me: &me, account: None };
    let written = Undo::of_changed(asked, document, change, is_create);
    assert_eq!((written.physical_id.as_str(), written.undo.name.as_str()), ("Doc", "Doc"));
    written.undo.before
}

#[test]
fn what_was_in_force_the_tags_and_the_new_shares_are_remembered() {
    let theirs = tags(&[("team", "blue")]);
    let (claim, mut set_tags) = (me().tags_of_adopted("3"), tags(&[("team", "red"), ("new", "1")]));
    let change =
        Change { claim: claim.clone(), set_tags: set_tags.clone(), share: vec!["1".into()], ..Change::default() };
    set_tags.extend(claim);
    for is_create in [true, false] {
        assert_eq!(
            before(&desired(json!({})), &document(OLD, &theirs), &change, is_create),
            Before::Present {
                default_version: "3".into(),
                set_tags: set_tags.clone(),
                tags: theirs.clone(),
                shared: vec!["1".into()]
            }
        );
    }
}

#[test]
fn a_claim_takes_back_nothing_but_its_tags() {
    let (theirs, claim) = (tags(&[("team", "blue")]), me().tags_of_adopted("3"));
    let (desired, me, document) = (desired(json!({})), me(), document(OLD, &theirs));
    let asked = Asked { desired: &desired, previous: None, me: &me, account: None };
    let undo = Undo::of_claimed(asked, &document.description, &claim).undo;
    let shared = Vec::new();
    let before = Before::Present { default_version: "3".into(), set_tags: claim, tags: theirs, shared };
    assert_eq!(undo, Undo { me: me.clone(), name: "Doc".into(), before });
}

#[test]
fn a_retry_goes_back_to_what_its_earlier_attempt_remembered_only_where_that_may_have_promoted() {
    let adopted = me().tags_of_adopted("1");
    let other = Owner { stack_id: "stack/b".into(), logical_id: "Document".into() };
    for (tags, content, more, is_create, expected) in [
        (&adopted, NEW, json!({}), true, "1"),
        // The default version is none of this request's: somebody else put it in force.
        (&adopted, OLD, json!({}), true, "3"),
        (&adopted, NEW, json!({"SetDefaultVersion": "false"}), true, "3"),
        // A rename back, as in a rollback, to a document that this resource has managed for long.
        (&adopted, NEW, json!({}), false, "3"),
        (&me().tags_of_created(), NEW, json!({}), true, "3"),
        (&other.tags_of_adopted("1"), NEW, json!({}), true, "3"),
        (&Tags::new(), NEW, json!({}), true, "3"),
    ] {
        let Before::Present { default_version, .. } =
            before(&desired(more.clone()), &document(content, tags), &Change::default(), is_create)
        else {
            panic!("the document is there");
        };
        assert_eq!(default_version, expected, "{tags:?} {content} {more} {is_create}");
    }
}

#[test]
fn the_tags_of_ownership_are_taken_off_again_where_an_earlier_attempt_set_them() {
    let mine = me().tags_of_adopted("3");
    let mut all = mine.clone();
    all.insert("team".into(), "blue".into());
    let change = Change { set_tags: tags(&[("new", "1")]), ..Change::default() };
    let (with_new, only_team) = (tags(&[("new", "1")]), tags(&[("team", "blue")]));
    let mut mine_and_new = mine;
    mine_and_new.extend(with_new.clone());
    for (is_create, set, stay) in [(true, mine_and_new, only_team), (false, with_new, all.clone())] {
        let Before::Present { set_tags, tags, .. } =
            before(&desired(json!({})), &document(OLD, &all), &change, is_create)
        else {
            panic!("the document is there");
        };
        assert_eq!((set_tags, tags), (set, stay), "{is_create}");
    }
}

#[test]
fn a_call_that_makes_a_document_counts_as_unanswered_until_it_is_answered() {
    let UndoEntry { physical_id, mut undo } = Undo::of_created(&me(), "Doc");
    assert_eq!((physical_id.as_str(), &undo.before), ("Doc", &Before::Absent { answered: false }));
    undo.answered();
    assert_eq!(undo.before, Before::Absent { answered: true });
}

#[test]
fn only_a_schema_that_others_use_is_deleted_by_force() {
    assert!(needs_force("ApplicationConfigurationSchema"));
    assert!(!needs_force("ApplicationConfiguration"));
}
