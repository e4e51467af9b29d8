//! Decides when a request begins its [`DocumentUndo`], the record of what existed before it.

use super::adoption::Adoption;
use super::undo::DocumentUndo;
use crate::resource::document::intent::{Intent, Operation};
use crate::resource::document::observed::Description;

/// The undo to record before anything is written to the observed document. Returns `None` if the existing record (`recorded`)
/// is kept, or if this kind of request is never undone.
pub(crate) fn before_change(
    intent: Intent<'_>,
    observed: &Description,
    adoption: &Adoption,
    recorded: Option<&DocumentUndo>,
) -> Option<DocumentUndo> {
    match (intent.operation, adoption, recorded) {
        // An Update of the resource's own document is not undone: the stack's rollback is an Update as well.
        (Operation::Update(_), Adoption::AlreadyOurs, _) => None,
        // The first record stays: if it says that no document existed, this request created the document.
        (Operation::Create | Operation::Rename, Adoption::AlreadyOurs | Adoption::ByAnotherDelivery, Some(_)) => None,
        // The first observation of a document counts.
        (_, Adoption::ManageAgain(_) | Adoption::Adopt(_), Some(undo)) if !undo.is_of_absent() => None,
        (_, _, Some(_) | None) => Some(DocumentUndo::of_existing(intent, observed)),
    }
}

/// The undo to record before the document is created. Returns `None` if the existing record (`recorded`) is kept.
pub(crate) fn before_create(intent: Intent<'_>, recorded: Option<&DocumentUndo>) -> Option<DocumentUndo> {
    match recorded {
        Some(undo) if undo.is_of_absent() => None,
        Some(_) | None => Some(DocumentUndo::of_created(intent)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::document::desired::{Declared, Desired};
    use crate::resource::document::ownership::{Owner, Tags};

    #[test]
    fn the_first_observation_is_recorded_unless_the_document_is_the_resources_own() {
        let properties = json!({"DocumentName": "Doc", "DocumentType": "Command", "DocumentContent": "{\"a\": 1}"});
        let (desired, declared) = (Desired::read(properties.as_object().unwrap()).unwrap(), Declared::default());
        let owner = Owner { stack_id: "stack".into(), logical_id: "Document".into() };
        let (create, rename, update) = (Operation::Create, Operation::Rename, Operation::Update(&declared));
        let intent = |operation| Intent { desired: &desired, operation, owner: &owner, signature: None, account: None };
        let version = |number: &str| Description { default_version: number.into(), ..Description::default() };
        let (first, now) = (version("1"), version("2"));
        let created = DocumentUndo::of_created(intent(create));
        let existing = DocumentUndo::of_existing(intent(create), &first);
        let (own, another) = (Adoption::AlreadyOurs, Adoption::ByAnotherDelivery);
        let (again, adopt) = (Adoption::ManageAgain(Tags::new()), Adoption::Adopt(Tags::new()));
        for (operation, adoption, recorded, begins) in [
            (update, &own, None, false),
            (update, &own, Some(&existing), false),
            (update, &own, Some(&created), false),
            (update, &adopt, None, true),
            (update, &adopt, Some(&existing), false),
            // Another resource created the document in the meantime.
            (update, &adopt, Some(&created), true),
            (create, &own, None, true),
            (create, &another, None, true),
            (create, &another, Some(&existing), false),
            (create, &another, Some(&created), false),
            (create, &own, Some(&existing), false),
            (create, &own, Some(&created), false),
            (create, &again, None, true),
            (create, &again, Some(&existing), false),
            (create, &again, Some(&created), true),
            (create, &adopt, None, true),
            (create, &adopt, Some(&existing), false),
            (create, &adopt, Some(&created), true),
            (rename, &own, None, true),
            (rename, &own, Some(&created), false),
            (rename, &adopt, Some(&created), true),
        ] {
            let intent = intent(operation);
            let expected = if begins { Some(DocumentUndo::of_existing(intent, &now)) } else { None };
            let decided = before_change(intent, &now, adoption, recorded);
            assert_eq!(decided, expected, "{operation:?} {adoption:?} {recorded:?}");
        }
        for (recorded, begins) in [(None, true), (Some(&existing), true), (Some(&created), false)] {
            let expected = if begins { Some(created.clone()) } else { None };
            assert_eq!(before_create(intent(create), recorded), expected, "{recorded:?}");
        }
    }
}
