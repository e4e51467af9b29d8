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

/// Whether AWS's spelling of a value is what was asked for: `advanced` reads back as `Advanced`.
pub fn same_value(asked: &str, observed: &str) -> bool {
    asked.eq_ignore_ascii_case(observed)
}

/// Whether a step shows. Reads lag behind writes, so a step that was taken may not show yet.
pub fn shows(step: &Step, before: &Observed, observed: &Observed) -> bool {
    match step {
        Step::Leave => true,
        Step::Set(value) => same_value(value, &observed.value),
        Step::Reset => observed.is_default || !same_value(&before.value, &observed.value),
    }
}

/// What the undo of a request does: it puts the earlier value back, unless somebody else has changed the setting since.
///
/// `set` is the value that the request set. If it `wrote`, the earlier value may show only because a read lags, so it is written
/// again. `None`: the request changed the setting, and the earlier value is not known.
pub fn undo(previous: &Previous, set: &str, wrote: bool, observed: &Observed) -> Option<Step> {
    let is_ours = same_value(set, &observed.value) && !observed.is_default;
    let (step, shows_previous) = match previous {
        Previous::Unknown => return (!is_ours && !wrote).then_some(Step::Leave),
        Previous::Default => (Step::Reset, observed.is_default),
        Previous::Value(value) => (Step::Set(value.clone()), same_value(value, &observed.value)),
    };
    Some(if is_ours || (shows_previous && wrote) { step } else { Step::Leave })
}

/// What a Delete does, with a warning if something is left that should not be. `declared` is the value that the resource
/// declares.
pub fn on_delete(
    on_delete: OnDelete,
    previous: &Previous,
    declared: Option<&str>,
    observed: &Observed,
) -> (Step, Option<&'static str>) {
    let is_declared = declared.is_some_and(|declared| same_value(declared, &observed.value));
    match (on_delete, previous) {
        (OnDelete::Retain, _) => (Step::Leave, None),
        (OnDelete::Reset, _) if observed.is_default => (Step::Leave, None),
        (OnDelete::Reset, _) => (Step::Reset, None),
        (OnDelete::Restore, _) if observed.is_default && *previous == Previous::Default => (Step::Leave, None),
        (OnDelete::Restore, Previous::Value(value)) if *value == observed.value => (Step::Leave, None),
        (OnDelete::Restore, _) if !observed.is_mine => {
            (Step::Leave, Some("somebody else changed the setting since: it is left"))
        }
        (OnDelete::Restore, _) if !is_declared => {
            (Step::Leave, Some("the setting no longer has the value that this resource declares: it is left"))
        }
        (OnDelete::Restore, Previous::Unknown) => {
            (Step::Leave, Some("the earlier value is not known: the setting is left"))
        }
        (OnDelete::Restore, Previous::Default) => (Step::Reset, None),
        (OnDelete::Restore, Previous::Value(value)) => (Step::Set(value.clone()), None),
    }
}

/// What the Delete of a Create that failed does: it undoes that Create, whatever `OnDelete` says, if the setting still has the
/// value that the Create declared and was last modified by this function since its signature.
pub fn undo_unfinished(
    previous: &Previous,
    declared: Option<&str>,
    signature: i64,
    observed: &Observed,
) -> (Step, Option<&'static str>) {
    let since = observed.modified_at.is_none_or(|modified_at| modified_at >= signature);
    let Some(declared) = declared.filter(|_| observed.is_mine && since) else { return (Step::Leave, None) };
    match undo(previous, declared, false, observed) {
        Some(step) => (step, None),
        None => (Step::Leave, Some("the earlier value is not known: the setting is left")),
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
    fn a_delete_restores_only_the_declared_value_and_only_if_this_function_set_it() {
        let default = Observed { is_default: true, ..observed("system") };
        let others = Observed { is_mine: false, ..observed("declared") };
        let old = || Previous::Value("old".into());
        use OnDelete::{Reset, Restore, Retain};
        for (choice, previous, observed, expected, warns) in [
            (Retain, old(), &observed("declared"), Step::Leave, false),
            (Retain, Previous::Unknown, &others, Step::Leave, false),
            (Restore, old(), &observed("declared"), Step::Set("old".into()), false),
            (Restore, old(), &observed("Declared"), Step::Set("old".into()), false),
            (Restore, old(), &observed("another"), Step::Leave, true),
            (Restore, old(), &observed("old"), Step::Leave, false),
            (Restore, Previous::Default, &observed("declared"), Step::Reset, false),
            (Restore, Previous::Default, &observed("another"), Step::Leave, true),
            (Restore, Previous::Default, &default, Step::Leave, false),
            (Restore, Previous::Unknown, &observed("declared"), Step::Leave, true),
            (Restore, old(), &others, Step::Leave, true),
            (Restore, Previous::Default, &others, Step::Leave, true),
            (Reset, old(), &others, Step::Reset, false),
            (Reset, old(), &default, Step::Leave, false),
        ] {
            let (step, warning) = on_delete(choice, &previous, Some("declared"), observed);
            assert_eq!((step, warning.is_some()), (expected, warns), "{choice:?} {previous:?} {observed:?}");
        }
        let (step, warning) = on_delete(Restore, &old(), None, &observed("declared"));
        assert_eq!((step, warning.is_some()), (Step::Leave, true), "a Delete whose properties can't be read");
    }

    #[test]
    fn a_step_shows_when_its_value_is_read_whatever_the_spelling() {
        let default = Observed { is_default: true, ..observed("old") };
        let set = || Step::Set("advanced".into());
        for (step, observed, expected) in [
            (set(), observed("Advanced"), true),
            (set(), observed("old"), false),
            (Step::Reset, observed("old"), false),
            (Step::Reset, default, true),
            (Step::Reset, observed("system"), true),
            (Step::Leave, observed("old"), true),
        ] {
            assert_eq!(shows(&step, &self::observed("old"), &observed), expected, "{step:?} {observed:?}");
        }
    }

    #[test]
    fn an_undo_puts_the_earlier_value_back_also_if_it_shows_only_because_a_read_lags() {
        let default = Observed { is_default: true, ..observed("system") };
        let old = || Previous::Value("old".into());
        let set = || Some(Step::Set("old".into()));
        for (previous, wrote, observed, expected) in [
            (old(), true, observed("new"), set()),
            (old(), true, observed("New"), set()),
            (old(), true, observed("old"), set()),
            (old(), false, observed("old"), Some(Step::Leave)),
            (old(), true, observed("another"), Some(Step::Leave)),
            (Previous::Default, true, observed("new"), Some(Step::Reset)),
            (Previous::Default, true, default.clone(), Some(Step::Reset)),
            (Previous::Default, false, default, Some(Step::Leave)),
            (Previous::Default, true, observed("another"), Some(Step::Leave)),
            (Previous::Unknown, true, observed("new"), None),
            (Previous::Unknown, true, observed("another"), None),
            (Previous::Unknown, false, observed("another"), Some(Step::Leave)),
        ] {
            assert_eq!(undo(&previous, "new", wrote, &observed), expected, "{previous:?} {wrote} {observed:?}");
        }
    }

    #[test]
    fn the_delete_of_an_unfinished_create_undoes_what_that_create_set_and_nothing_else() {
        let others = Observed { is_mine: false, ..observed("new") };
        let old = || Previous::Value("old".into());
        let set = || Step::Set("old".into());
        for (previous, declared, signature, observed, expected, warns) in [
            (old(), Some("new"), 1000, observed("new"), set(), false),
            (old(), Some("new"), 1001, observed("new"), Step::Leave, false),
            (old(), Some("new"), 1000, observed("another"), Step::Leave, false),
            (old(), Some("new"), 1000, others, Step::Leave, false),
            (old(), None, 1000, observed("new"), Step::Leave, false),
            (Previous::Default, Some("new"), 1000, observed("new"), Step::Reset, false),
            (Previous::Unknown, Some("new"), 1000, observed("new"), Step::Leave, true),
        ] {
            let (step, warning) = undo_unfinished(&previous, declared, signature, &observed);
            assert_eq!((step, warning.is_some()), (expected, warns), "{previous:?} {declared:?} {observed:?}");
        }
    }
}
