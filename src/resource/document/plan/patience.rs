//! Decides whether an earlier Update, which CloudFormation cancelled, may still be writing.

use super::merge::desired::shows_keys;
use crate::resource::document::content::Content;
use crate::resource::document::desired::{ContentMode, Declared, Desired};
use crate::resource::document::intent::{Intent, Operation};
use crate::resource::document::observed::{Document, Observed, Status};
use crate::resource::document::ownership::DEFAULT_VERSION;

/// Whether the observed document shows what the old properties of an Update declare. If it does not, an earlier Update failed
/// midway, somebody changed the document by hand, or an earlier request is still writing.
pub(crate) fn shows_old_properties(intent: Intent<'_>, observed: &Observed) -> bool {
    match (intent.operation, observed) {
        (Operation::Create | Operation::Rename, _) => true,
        (Operation::Update(_), Observed::Absent) => false,
        (Operation::Update(declared), Observed::Present(document)) => {
            shows_content(declared, document)
                && shows_default_version(document)
                && declared.tags.iter().all(|(key, value)| document.description.tags.get(key) == Some(value))
                && declared.account_ids.is_subset(&document.shared_with)
                && lacks_what_is_new(intent.desired, declared, document)
        }
    }
}

/// Whether the document has none of the tags and shares that only the new properties declare. If it has one of them, this request
/// may be a rollback. Its old properties are then those of the cancelled Update. These do not declare that tag or share, so the
/// cancelled Update may be about to remove it.
fn lacks_what_is_new(desired: &Desired, declared: &Declared, document: &Document) -> bool {
    let mut new_tags = desired.tags.iter().filter(|(key, _)| !declared.tags.contains_key(*key));
    let mut new_accounts = desired.account_ids.difference(&declared.account_ids);
    new_tags.all(|(key, value)| document.description.tags.get(key) != Some(value))
        && new_accounts.all(|account| !document.shared_with.contains(account))
}

/// Whether the tag, if there is one, names the default version. If it does not, an earlier request may have promoted a version
/// without setting the tag, or set the tag without promoting the version.
fn shows_default_version(document: &Document) -> bool {
    let tag = document.description.tags.get(DEFAULT_VERSION);
    tag.is_none_or(|tagged| *tagged == document.default.number)
}

/// Whether the default version has the declared content, or the declared keys.
///
/// Content that can't be read, or that was not to become the default version, is not compared and counts as shown.
fn shows_content(declared: &Declared, document: &Document) -> bool {
    if let ContentMode::Merge(named) = &declared.mode {
        return document.default.status == Status::Active && shows_keys(named, document);
    }
    let text = declared.content.clone().filter(|_| !declared.leaves_default_version);
    let content = text.and_then(|text| Content::read("OldResourceProperties", text, declared.format).ok());
    content
        .is_none_or(|content| document.default.status == Status::Active && content.same_as(&document.default.content))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::resource::document::observed::{Description, Version};
    use crate::resource::document::ownership::Owner;

    fn properties(more: Value) -> serde_json::Map<String, Value> {
        let mut all = json!({"DocumentName": "Doc", "DocumentType": "Command", "DocumentContent": "{\"a\": 1}"});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all.as_object().unwrap().clone()
    }

    fn shows(old: Value, new: Value, content: &str) -> bool {
        let (desired, declared) = (Desired::read(&properties(new)).unwrap(), Declared::read(&properties(old)));
        let owner = Owner { stack_id: "stack".into(), logical_id: "Document".into() };
        let operation = Operation::Update(&declared);
        let intent = Intent { desired: &desired, operation, owner: &owner, signature: Some(100), account: None };
        let default =
            Version { number: "1".into(), version_name: None, status: Status::Active, content: content.into() };
        let description =
            Description { tags: [("team".to_owned(), "blue".to_owned())].into(), ..Description::default() };
        let shared_with = ["111111111111".to_owned()].into();
        let document = Document { description, default, latest: None, shared_with };
        shows_old_properties(intent, &Observed::Present(document))
            && !shows_old_properties(intent, &Observed::Absent)
            && shows_old_properties(Intent { operation: Operation::Create, ..intent }, &Observed::Absent)
    }

    #[test]
    fn an_update_finds_what_the_old_properties_declare_or_is_patient() {
        for (old, content, expected) in [
            (json!({}), "{ \"a\" : 1 }", true),
            (json!({}), "{\"a\": 2}", false),
            (json!({"Tags": {"team": "blue"}}), "{\"a\": 1}", true),
            (json!({"Tags": {"team": "red"}}), "{\"a\": 1}", false),
            (json!({"Tags": {"gone": "1"}}), "{\"a\": 1}", false),
            (json!({"AccountIds": ["111111111111"]}), "{\"a\": 1}", true),
            (json!({"AccountIds": ["222222222222"]}), "{\"a\": 1}", false),
            (json!({"SetDefaultVersion": "false"}), "{\"a\": 2}", true),
            (json!({"DocumentContent": "[broken"}), "{\"a\": 2}", true),
        ] {
            assert_eq!(shows(old.clone(), json!({}), content), expected, "{old} {content}");
        }
    }

    #[test]
    fn an_update_that_finds_a_new_tag_or_share_is_patient() {
        for (old, new, expected) in [
            (json!({}), json!({"Tags": {"team": "blue"}}), false),
            (json!({}), json!({"Tags": {"team": "red"}}), true),
            (json!({"Tags": {"team": "blue"}}), json!({"Tags": {"team": "blue"}}), true),
            (json!({}), json!({"AccountIds": ["111111111111"]}), false),
            (json!({}), json!({"AccountIds": ["222222222222"]}), true),
            (json!({"AccountIds": ["111111111111"]}), json!({"AccountIds": ["111111111111"]}), true),
        ] {
            assert_eq!(shows(old.clone(), new.clone(), "{\"a\": 1}"), expected, "{old} {new}");
        }
    }

    #[test]
    fn an_update_that_finds_another_default_version_than_the_tag_names_is_patient() {
        for (tag, expected) in [(None, true), (Some("1"), true), (Some("2"), false)] {
            let tags = tag.map(|version| (DEFAULT_VERSION.to_owned(), version.to_owned()));
            let description = Description { tags: tags.into_iter().collect(), ..Description::default() };
            let default =
                Version { number: "1".into(), version_name: None, status: Status::Active, content: "{}".into() };
            let document = Document { description, default, latest: None, shared_with: Default::default() };
            assert_eq!(shows_default_version(&document), expected, "{tag:?}");
        }
    }
}
