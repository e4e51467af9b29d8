//! Who manages a document: written on the document itself, as tags.

use std::collections::BTreeMap;

/// The tags of a document or of a stack's properties.
pub type Tags = BTreeMap<String, String>;

/// Every tag of ours begins with this.
pub const PREFIX: &str = "cfn-ssm-document:";
/// The stack that manages the document.
pub const STACK_ID: &str = "cfn-ssm-document:stack-id";
/// The resource in that stack.
pub const LOGICAL_ID: &str = "cfn-ssm-document:logical-id";
/// `created` or `adopted`. The function's role may delete only documents where it is `created`.
pub const ORIGIN: &str = "cfn-ssm-document:origin";
/// Of an adopted document: the default version that was in force when it was adopted.
pub const PREVIOUS_DEFAULT_VERSION: &str = "cfn-ssm-document:previous-default-version";

/// A resource of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The stack's ARN.
    pub stack_id: String,
    /// The resource's name in its template.
    pub logical_id: String,
}

/// Where a document came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The resource made it, and may delete it.
    Created,
    /// It was there before. It is never deleted.
    Adopted {
        /// What Restore puts back in force.
        previous_default_version: Option<String>,
    },
}

impl Owner {
    /// The owner that a document's tags name.
    pub fn of(tags: &Tags) -> Option<Self> {
        let stack_id = tags.get(STACK_ID)?.clone();
        let logical_id = tags.get(LOGICAL_ID).cloned().unwrap_or_default();
        Some(Self { stack_id, logical_id })
    }

    /// The tags of a document that this owner made.
    pub fn tags_of_created(&self) -> Tags {
        self.tags("created")
    }

    /// The tags of a document that this owner adopts while `default_version` is in force.
    pub fn tags_of_adopted(&self, default_version: &str) -> Tags {
        let mut tags = self.tags("adopted");
        tags.insert(PREVIOUS_DEFAULT_VERSION.into(), default_version.into());
        tags
    }

    fn tags(&self, origin: &str) -> Tags {
        [(STACK_ID, self.stack_id.as_str()), (LOGICAL_ID, &self.logical_id), (ORIGIN, origin)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    }
}

/// The origin that a document's tags name. Tags that don't say `created` are those of a document that was there before.
pub fn origin(tags: &Tags) -> Origin {
    match tags.get(ORIGIN).map(String::as_str) {
        Some("created") => Origin::Created,
        _ => Origin::Adopted { previous_default_version: tags.get(PREVIOUS_DEFAULT_VERSION).cloned() },
    }
}

/// Our tags among `tags`.
pub fn ours(tags: &Tags) -> Tags {
    tags.iter().filter(|(key, _)| key.starts_with(PREFIX)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner { stack_id: "stack".into(), logical_id: "Preferences".into() }
    }

    #[test]
    fn an_owner_and_an_origin_are_read_back_from_the_tags_that_name_them() {
        let created = owner().tags_of_created();
        assert_eq!((Owner::of(&created), origin(&created)), (Some(owner()), Origin::Created));
        let adopted = owner().tags_of_adopted("3");
        let previous_default_version = Some("3".to_owned());
        assert_eq!(
            (Owner::of(&adopted), origin(&adopted)),
            (Some(owner()), Origin::Adopted { previous_default_version })
        );
        assert_eq!(Owner::of(&Tags::new()), None);
    }

    #[test]
    fn tags_that_lost_their_origin_are_those_of_a_document_that_was_there_before() {
        let mut tags = owner().tags_of_created();
        tags.remove(ORIGIN);
        assert_eq!(origin(&tags), Origin::Adopted { previous_default_version: None });
    }

    #[test]
    fn tags_of_others_are_not_ours() {
        let mut tags = owner().tags_of_created();
        tags.insert("aws:cloudformation:stack-id".into(), "other".into());
        tags.insert("team".into(), "blue".into());
        assert_eq!(ours(&tags), owner().tags_of_created());
    }
}
