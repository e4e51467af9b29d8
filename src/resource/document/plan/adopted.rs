//! Decides, after an adoption, whether the resource or another one has adopted the document.

use super::adoption::Adoption;
use crate::resource::document::observed::Description;
use crate::resource::document::ownership::{Owner, Ownership, Tags};

/// Whether an invocation adopted the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Adopted {
    /// The document already belonged to this resource, or does not exist.
    No,
    /// Another delivery of the request created or adopted the document. If that delivery failed, it may have removed its tags,
    /// and the read may not show that yet.
    ByAnotherDelivery,
    /// The invocation adopted the document from this owner, if there was one.
    From(Option<Owner>),
}

/// What the tags show after an adoption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Confirmation {
    /// The resource owns the document.
    Confirmed,
    /// This other resource adopted it at the same time, and its tags were written last.
    LostTo(Owner),
    /// The tags of the adoption are not visible yet.
    NotVisible,
}

impl Adopted {
    /// The outcome of `adoption`, once its tags are written to the document that was observed.
    pub(crate) fn by(adoption: &Adoption, observed: &Description) -> Self {
        match adoption {
            Adoption::AlreadyOurs | Adoption::ManageAgain(_) => Self::No,
            Adoption::ByAnotherDelivery => Self::ByAnotherDelivery,
            Adoption::Adopt(_) => Self::From(Ownership::of(&observed.tags).map(|ownership| ownership.owner)),
        }
    }

    /// Combines the outcomes of two observations in one invocation: the first adoption counts.
    pub(crate) fn or(self, later: Self) -> Self {
        match self {
            Self::No | Self::ByAnotherDelivery => later,
            Self::From(_) => self,
        }
    }
}

/// Decides who owns the document, from `tags` that were read after `owner` adopted it from `former`. If two resources adopt a
/// document in the same second, one of them loses. A read may still show the former owner, so only a third owner means that
/// `owner` lost.
pub(crate) fn confirmation(owner: &Owner, former: Option<&Owner>, tags: &Tags) -> Confirmation {
    match Ownership::of(tags).map(|ownership| ownership.owner) {
        Some(now) if now == *owner => Confirmation::Confirmed,
        Some(now) if Some(&now) != former => Confirmation::LostTo(now),
        Some(_) | None => Confirmation::NotVisible,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(name: &str) -> Owner {
        Owner { stack_id: "stack".into(), logical_id: name.into() }
    }

    #[test]
    fn an_adoption_is_lost_only_to_a_third_owner() {
        let (own, former, third) = (owner("Own"), owner("Former"), owner("Third"));
        for (before, now, expected) in [
            (None, None, Confirmation::NotVisible),
            (None, Some(&own), Confirmation::Confirmed),
            (None, Some(&third), Confirmation::LostTo(third.clone())),
            (Some(&former), None, Confirmation::NotVisible),
            (Some(&former), Some(&own), Confirmation::Confirmed),
            (Some(&former), Some(&former), Confirmation::NotVisible),
            (Some(&former), Some(&third), Confirmation::LostTo(third.clone())),
        ] {
            let tags = now.map(|now| now.tags_of_adopted("1")).unwrap_or_default();
            assert_eq!(confirmation(&own, before, &tags), expected, "{before:?} {now:?}");
        }
    }

    #[test]
    fn the_first_adoption_of_an_invocation_counts() {
        let (first, later) = (Adopted::From(Some(owner("Former"))), Adopted::From(Some(owner("Own"))));
        let from = |tags: Tags| Description { tags, ..Description::default() };
        let former = from(owner("Former").tags_of_adopted("1"));
        assert_eq!(Adopted::by(&Adoption::AlreadyOurs, &former), Adopted::No);
        assert_eq!(Adopted::by(&Adoption::ManageAgain(Tags::new()), &former), Adopted::No);
        assert_eq!(Adopted::by(&Adoption::ByAnotherDelivery, &former), Adopted::ByAnotherDelivery);
        assert_eq!(Adopted::by(&Adoption::Adopt(Tags::new()), &former), first);
        assert_eq!(Adopted::by(&Adoption::Adopt(Tags::new()), &from(Tags::new())), Adopted::From(None));
        assert_eq!(Adopted::No.or(first.clone()), first);
        assert_eq!(Adopted::ByAnotherDelivery.or(first.clone()), first);
        assert_eq!(first.clone().or(later), first);
        assert_eq!(first.clone().or(Adopted::No), first);
    }
}
