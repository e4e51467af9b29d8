//! Decides what is to be done with a setting. Pure.

use super::physical_id::{PhysicalId, Previous};
use super::properties::{Desired, OnDelete};
use crate::failure::Failure;

/// A setting as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Observed {
    pub value: String,
    /// Whether nobody has set it.
    pub is_default: bool,
    /// In seconds since 1970.
    pub modified_at: Option<i64>,
    /// Whether this function modified it last.
    pub is_mine: bool,
    pub arn: String,
    /// As AWS names it.
    pub status: String,
}

/// What a change does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Leave,
    /// Sets a value.
    Set(String),
    /// Goes back to AWS's default.
    Reset,
}

/// What a Create or an Update does: the setting has the value already, or is set.
pub fn step(desired: &Desired, observed: &Observed) -> Step {
    if observed.value == desired.value { Step::Leave } else { Step::Set(desired.value.clone()) }
}

/// The physical id of a resource that meets a setting for the first time.
///
/// Where this function changed the setting since the request was made, an earlier delivery of the request did, and what was
/// there before is no longer known.
///
/// # Errors
/// Under `Restore`, where the value that is there does not fit into an id.
pub fn first_id(desired: &Desired, observed: &Observed, requested_at: Option<i64>) -> Result<PhysicalId, Failure> {
    let changed_since = observed.is_mine
        && !observed.is_default
        && requested_at.zip(observed.modified_at).is_some_and(|(requested, modified)| modified >= requested);
    let previous = match (changed_since, observed.is_default) {
        (true, _) => Previous::Unknown,
        (false, true) => Previous::Default,
        (false, false) => Previous::Value(observed.value.clone()),
    };
    let id = PhysicalId { setting: desired.id.clone(), previous };
    match (id.fits(), desired.on_delete) {
        (true, _) => Ok(id),
        (false, OnDelete::Restore) => Err(Failure::new(format!(
            "OnDelete: the present value of {} has {} bytes, too many for Restore to remember. Choose Retain or Reset.",
            desired.id,
            observed.value.len()
        ))),
        (false, OnDelete::Retain | OnDelete::Reset) => Ok(PhysicalId { previous: Previous::Unknown, ..id }),
    }
}

/// What a Delete does, with a warning where something is left that should not be.
pub fn on_delete(on_delete: OnDelete, previous: &Previous, observed: &Observed) -> (Step, Option<&'static str>) {
    match (on_delete, previous) {
        (OnDelete::Retain, _) => (Step::Leave, None),
        (OnDelete::Reset, _) if observed.is_default => (Step::Leave, None),
        (OnDelete::Reset, _) => (Step::Reset, None),
        (OnDelete::Restore, _) if observed.is_default && *previous == Previous::Default => (Step::Leave, None),
        (OnDelete::Restore, Previous::Value(value)) if *value == observed.value => (Step::Leave, None),
        (OnDelete::Restore, _) if !observed.is_mine => {
            (Step::Leave, Some("somebody else changed the setting since: it is left"))
        }
        (OnDelete::Restore, Previous::Unknown) => {
            (Step::Leave, Some("the earlier value is not known: the setting is left"))
        }
        (OnDelete::Restore, Previous::Default) => (Step::Reset, None),
        (OnDelete::Restore, Previous::Value(value)) => (Step::Set(value.clone()), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(value: &str) -> Observed {
        Observed {
            value: value.into(),
            is_default: false,
            modified_at: Some(1000),
            is_mine: true,
            arn: String::new(),
            status: "Customized".into(),
        }
    }

    fn desired(on_delete: OnDelete) -> Desired {
        Desired { id: "/ssm/a".into(), value: "new".into(), on_delete }
    }

    #[test]
    fn nothing_is_set_where_the_value_is_there_already_by_hand_or_by_default() {
        let default = Observed { is_default: true, ..observed("new") };
        for (observed, expected) in
            [(observed("new"), Step::Leave), (default, Step::Leave), (observed("old"), Step::Set("new".into()))]
        {
            assert_eq!(step(&desired(OnDelete::Retain), &observed), expected);
        }
    }

    #[test]
    fn the_first_id_remembers_what_was_there_unless_a_retry_can_no_longer_know() {
        let default = Observed { is_default: true, ..observed("old") };
        let others = Observed { is_mine: false, ..observed("old") };
        for (observed, requested_at, expected) in [
            (&default, Some(1000), Previous::Default),
            (&observed("old"), Some(1001), Previous::Value("old".into())),
            (&observed("old"), Some(1000), Previous::Unknown),
            (&observed("old"), None, Previous::Value("old".into())),
            (&others, Some(1000), Previous::Value("old".into())),
        ] {
            let id = first_id(&desired(OnDelete::Restore), observed, requested_at).unwrap();
            assert_eq!((id.setting.as_str(), id.previous), ("/ssm/a", expected));
        }
    }

    #[test]
    fn a_value_too_long_to_remember_is_refused_under_restore_only() {
        let long = observed(&"x".repeat(2000));
        let reason = first_id(&desired(OnDelete::Restore), &long, None).unwrap_err().to_string();
        assert!(reason.contains("2000 bytes") && !reason.contains("xxx"), "{reason}");
        for on_delete in [OnDelete::Retain, OnDelete::Reset] {
            assert_eq!(first_id(&desired(on_delete), &long, None).unwrap().previous, Previous::Unknown);
        }
    }

    #[test]
    fn a_delete_restores_only_what_this_function_changed_last() {
        let default = Observed { is_default: true, ..observed("system") };
        let others = Observed { is_mine: false, ..observed("theirs") };
        let old = || Previous::Value("old".into());
        use OnDelete::{Reset, Restore, Retain};
        for (choice, previous, observed, expected, warns) in [
            (Retain, old(), &observed("new"), Step::Leave, false),
            (Retain, Previous::Unknown, &others, Step::Leave, false),
            (Restore, old(), &observed("new"), Step::Set("old".into()), false),
            (Restore, old(), &observed("old"), Step::Leave, false),
            (Restore, Previous::Default, &observed("new"), Step::Reset, false),
            (Restore, Previous::Default, &default, Step::Leave, false),
            (Restore, Previous::Unknown, &observed("new"), Step::Leave, true),
            (Restore, old(), &others, Step::Leave, true),
            (Restore, Previous::Default, &others, Step::Leave, true),
            (Reset, old(), &others, Step::Reset, false),
            (Reset, old(), &default, Step::Leave, false),
        ] {
            let (step, warning) = on_delete(choice, &previous, observed);
            assert_eq!((step, warning.is_some()), (expected, warns), "{choice:?} {previous:?} {observed:?}");
        }
    }
}
