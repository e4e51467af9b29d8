//! Decides what happens to a setting.

use super::desired::{Desired, OnDelete};
use super::observed::Observed;
use super::physical_id::{PhysicalId, Previous};
use crate::cfn::standing::rules::PATIENCE;
use crate::failure::Failure;

const PREVIOUS_UNKNOWN: &str = "the setting's earlier value is unknown, so the setting is left as it is";

/// A change that AWS dates up to this many seconds after a Delete's signature does not count as later. It may come from an
/// earlier request or, since clocks differ, have been made before the signature.
const TOLERANCE: i64 = 2;

/// The same for the Delete of an unfinished Create, which waits this long for that Create's last write.
const TOLERANCE_OF_UNDO: i64 = PATIENCE.as_secs().cast_signed();

/// What to do with a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Leave it as it is.
    Leave,
    /// Set this value.
    Set(String),
    /// Reset it to AWS's default.
    Reset,
}

/// Plans a Create or an Update.
pub(crate) fn change(desired: &Desired, observed: &Observed, requested_at: Option<i64>) -> Plan {
    if observed.value == desired.value || was_set_before(desired, observed, requested_at) {
        return Plan::Leave;
    }
    Plan::Set(desired.value.clone())
}

/// Whether an earlier delivery of the request has set the value: this function has set it since the request was signed.
fn was_set_before(desired: &Desired, observed: &Observed, requested_at: Option<i64>) -> bool {
    observed.is_ours
        && !observed.is_default
        && same_value(&desired.value, &observed.value)
        && requested_at.zip(observed.modified_at).is_some_and(|(requested, modified)| modified >= requested)
}

/// Whether a setting shows what the old properties of an Update declared. If not, an earlier Update may have failed half-way,
/// or may still be writing. A value that somebody else set never counts as the old one, because it says nothing about an
/// earlier Update.
pub(crate) fn shows_old_value(declared: Option<&str>, observed: &Observed) -> bool {
    let is_known = observed.is_ours || observed.is_default;
    is_known && declared.is_some_and(|declared| same_value(declared, &observed.value))
}

/// Returns the physical id of a resource that adopts a setting. It contains the value that the setting had before this resource
/// managed it.
///
/// If an earlier delivery of the request has already set the declared value, the value before that is unknown.
///
/// # Errors
/// Under `Restore`, the value is too long for a physical id.
pub(crate) fn adoption(
    desired: &Desired,
    observed: &Observed,
    requested_at: Option<i64>,
) -> Result<PhysicalId, Failure> {
    let previous = match (was_set_before(desired, observed, requested_at), observed.is_default) {
        (true, _) => Previous::Unknown,
        (false, true) => Previous::Default,
        (false, false) => Previous::Value(observed.value.clone()),
    };
    let id = PhysicalId { setting: desired.id.clone(), previous };
    match (id.fits(), desired.on_delete) {
        (true, _) => Ok(id),
        (false, OnDelete::Restore) => Err(Failure::new(format!(
            "OnDelete: the current value of {} has {} bytes, which is too long for Restore to record. Choose Retain or Reset.",
            desired.id,
            observed.value.len()
        ))),
        (false, OnDelete::Retain | OnDelete::Reset) => Ok(PhysicalId { previous: Previous::Unknown, ..id }),
    }
}

/// Whether two values are equal or differ only in case: AWS returns `advanced` as `Advanced`.
pub(crate) fn same_value(declared: &str, observed: &str) -> bool {
    declared.eq_ignore_ascii_case(observed)
}

/// Whether a read shows that a plan was applied. Reads lag behind writes, so a read may not show it yet.
pub(crate) fn shows(plan: &Plan, before: &Observed, observed: &Observed) -> bool {
    match plan {
        Plan::Leave => true,
        Plan::Set(value) => same_value(value, &observed.value),
        Plan::Reset => observed.is_default || !same_value(&before.value, &observed.value),
    }
}

/// Plans the undo of a request: it restores the earlier value, unless the setting has been changed since.
///
/// `set` is the value that the request set. If the request `wrote`, a read that returns the earlier value may just be stale, so
/// the undo writes the earlier value again. Returns `None` if the request changed the setting and the earlier value is unknown.
pub(crate) fn undo(previous: &Previous, set: &str, wrote: bool, observed: &Observed) -> Option<Plan> {
    let is_ours = same_value(set, &observed.value) && !observed.is_default;
    let (plan, shows_previous) = match previous {
        Previous::Unknown => return (!is_ours && !wrote).then_some(Plan::Leave),
        Previous::Default => (Plan::Reset, observed.is_default),
        Previous::Value(value) => (Plan::Set(value.clone()), same_value(value, &observed.value)),
    };
    Some(if is_ours || (shows_previous && wrote) { plan } else { Plan::Leave })
}

/// Whether somebody, or a later request, changed the setting after a Delete was signed. If so, Lambda has delivered the Delete
/// late, or again.
pub(crate) fn is_overtaken(signed: Option<i64>, is_undo: bool, observed: &Observed) -> bool {
    let tolerance = if is_undo { TOLERANCE_OF_UNDO } else { TOLERANCE };
    let changed = observed.modified_at.filter(|_| !observed.is_default);
    signed.zip(changed).is_some_and(|(signed, changed)| changed > signed + tolerance)
}

/// Plans a Delete. Returns a warning if the setting can't be restored. `declared` is the value that the resource declares.
pub(crate) fn release(
    on_delete: OnDelete,
    previous: &Previous,
    declared: Option<&str>,
    observed: &Observed,
) -> (Plan, Option<&'static str>) {
    let is_declared = declared.is_some_and(|declared| same_value(declared, &observed.value));
    match (on_delete, previous) {
        (OnDelete::Retain, _) => (Plan::Leave, None),
        (OnDelete::Reset, _) if observed.is_default => (Plan::Leave, None),
        (OnDelete::Reset, _) => (Plan::Reset, None),
        (OnDelete::Restore, _) if observed.is_default && *previous == Previous::Default => (Plan::Leave, None),
        (OnDelete::Restore, Previous::Value(value)) if *value == observed.value => (Plan::Leave, None),
        (OnDelete::Restore, _) if !observed.is_ours => (
            Plan::Leave,
            Some("the setting was last changed by something other than this function, so it is left as it is"),
        ),
        (OnDelete::Restore, _) if !is_declared => (
            Plan::Leave,
            Some("the setting no longer has the value that this resource declares, so it is left as it is"),
        ),
        (OnDelete::Restore, Previous::Unknown) => (Plan::Leave, Some(PREVIOUS_UNKNOWN)),
        (OnDelete::Restore, Previous::Default) => (Plan::Reset, None),
        (OnDelete::Restore, Previous::Value(value)) => (Plan::Set(value.clone()), None),
    }
}

/// Plans the Delete that follows a failed Create. It undoes the Create, whatever `OnDelete` says, if the setting still has the
/// declared value and was last modified by this function since the Create's signature.
pub(crate) fn undo_unfinished(
    previous: &Previous,
    declared: Option<&str>,
    signature: i64,
    observed: &Observed,
) -> (Plan, Option<&'static str>) {
    let since = observed.modified_at.is_none_or(|modified_at| modified_at >= signature);
    let Some(declared) = declared.filter(|_| observed.is_ours && since) else { return (Plan::Leave, None) };
    match undo(previous, declared, false, observed) {
        Some(plan) => (plan, None),
        None => (Plan::Leave, Some(PREVIOUS_UNKNOWN)),
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
            is_ours: true,
            arn: String::new(),
            status: "Customized".into(),
        }
    }

    fn desired(on_delete: OnDelete) -> Desired {
        Desired { id: "/ssm/a".into(), value: "new".into(), on_delete }
    }

    #[test]
    fn nothing_is_set_if_the_setting_has_the_value_already() {
        let default = Observed { is_default: true, ..observed("new") };
        let set = || Plan::Set("new".into());
        for (observed, requested_at, expected) in [
            (observed("new"), 1001, Plan::Leave),
            (default, 1001, Plan::Leave),
            (observed("old"), 1000, set()),
            (observed("New"), 1001, set()),
            // AWS returns, in its own spelling, the value that an earlier delivery of the request set.
            (observed("New"), 1000, Plan::Leave),
        ] {
            assert_eq!(change(&desired(OnDelete::Retain), &observed, Some(requested_at)), expected);
        }
    }

    #[test]
    fn an_update_waits_unless_the_setting_shows_what_its_old_properties_declared() {
        let default = Observed { is_default: true, is_ours: false, ..observed("old") };
        let others = Observed { is_ours: false, ..observed("old") };
        for (declared, observed, expected) in [
            (Some("old"), observed("old"), true),
            (Some("Old"), observed("old"), true),
            (Some("old"), default, true),
            (Some("old"), others, false),
            (Some("old"), observed("new"), false),
            (None, observed("old"), false),
        ] {
            assert_eq!(shows_old_value(declared, &observed), expected, "{declared:?} {observed:?}");
        }
    }

    #[test]
    fn an_adoption_remembers_the_value_before_unless_an_earlier_delivery_has_set_its_own() {
        let default = Observed { is_default: true, ..observed("old") };
        let others = Observed { is_ours: false, ..observed("new") };
        let value = |value: &str| Previous::Value(value.into());
        for (observed, requested_at, expected) in [
            (&default, Some(1000), Previous::Default),
            (&observed("new"), Some(1001), value("new")),
            (&observed("new"), Some(1000), Previous::Unknown),
            (&observed("New"), Some(1000), Previous::Unknown),
            (&observed("new"), None, value("new")),
            (&others, Some(1000), value("new")),
            // An earlier delivery of the request has undone its change.
            (&observed("old"), Some(1000), value("old")),
        ] {
            let id = adoption(&desired(OnDelete::Restore), observed, requested_at).unwrap();
            assert_eq!((id.setting.as_str(), id.previous), ("/ssm/a", expected));
        }
    }

    #[test]
    fn a_value_too_long_to_record_is_refused_only_under_restore() {
        let long = observed(&"x".repeat(2000));
        let reason = adoption(&desired(OnDelete::Restore), &long, None).unwrap_err().to_string();
        assert!(reason.contains("2000 bytes") && !reason.contains("xxx"), "{reason}");
        for on_delete in [OnDelete::Retain, OnDelete::Reset] {
            assert_eq!(adoption(&desired(on_delete), &long, None).unwrap().previous, Previous::Unknown);
        }
    }

    #[test]
    fn a_delete_restores_only_the_declared_value_and_only_if_this_function_set_it() {
        let default = Observed { is_default: true, ..observed("system") };
        let others = Observed { is_ours: false, ..observed("declared") };
        let old = || Previous::Value("old".into());
        use OnDelete::{Reset, Restore, Retain};
        for (choice, previous, observed, expected, warns) in [
            (Retain, old(), &observed("declared"), Plan::Leave, false),
            (Retain, Previous::Unknown, &others, Plan::Leave, false),
            (Restore, old(), &observed("declared"), Plan::Set("old".into()), false),
            (Restore, old(), &observed("Declared"), Plan::Set("old".into()), false),
            (Restore, old(), &observed("another"), Plan::Leave, true),
            (Restore, old(), &observed("old"), Plan::Leave, false),
            (Restore, Previous::Default, &observed("declared"), Plan::Reset, false),
            (Restore, Previous::Default, &observed("another"), Plan::Leave, true),
            (Restore, Previous::Default, &default, Plan::Leave, false),
            (Restore, Previous::Unknown, &observed("declared"), Plan::Leave, true),
            (Restore, old(), &others, Plan::Leave, true),
            (Restore, Previous::Default, &others, Plan::Leave, true),
            (Reset, old(), &others, Plan::Reset, false),
            (Reset, old(), &default, Plan::Leave, false),
        ] {
            let (plan, warning) = release(choice, &previous, Some("declared"), observed);
            assert_eq!((plan, warning.is_some()), (expected, warns), "{choice:?} {previous:?} {observed:?}");
        }
        let (plan, warning) = release(Restore, &old(), None, &observed("declared"));
        assert_eq!((plan, warning.is_some()), (Plan::Leave, true), "a Delete whose properties can't be read");
    }

    #[test]
    fn a_delete_is_overtaken_by_a_change_after_its_signature() {
        let default = Observed { is_default: true, ..observed("system") };
        for (signed, is_undo, observed, expected) in [
            (Some(998), false, observed("new"), false),
            (Some(997), false, observed("new"), true),
            (Some(990), true, observed("new"), false),
            (Some(989), true, observed("new"), true),
            (Some(900), false, default, false),
            (None, false, observed("new"), false),
        ] {
            assert_eq!(is_overtaken(signed, is_undo, &observed), expected, "{signed:?} {is_undo} {observed:?}");
        }
    }

    #[test]
    fn a_plan_shows_when_its_value_is_read_whatever_the_spelling() {
        let default = Observed { is_default: true, ..observed("old") };
        let set = || Plan::Set("advanced".into());
        for (plan, observed, expected) in [
            (set(), observed("Advanced"), true),
            (set(), observed("old"), false),
            (Plan::Reset, observed("old"), false),
            (Plan::Reset, default, true),
            (Plan::Reset, observed("system"), true),
            (Plan::Leave, observed("old"), true),
        ] {
            assert_eq!(shows(&plan, &self::observed("old"), &observed), expected, "{plan:?} {observed:?}");
        }
    }

    #[test]
    fn an_undo_restores_the_earlier_value_even_if_a_stale_read_already_returns_it() {
        let default = Observed { is_default: true, ..observed("system") };
        let old = || Previous::Value("old".into());
        let set = || Some(Plan::Set("old".into()));
        for (previous, wrote, observed, expected) in [
            (old(), true, observed("new"), set()),
            (old(), true, observed("New"), set()),
            (old(), true, observed("old"), set()),
            (old(), false, observed("old"), Some(Plan::Leave)),
            (old(), true, observed("another"), Some(Plan::Leave)),
            (Previous::Default, true, observed("new"), Some(Plan::Reset)),
            (Previous::Default, true, default.clone(), Some(Plan::Reset)),
            (Previous::Default, false, default, Some(Plan::Leave)),
            (Previous::Default, true, observed("another"), Some(Plan::Leave)),
            (Previous::Unknown, true, observed("new"), None),
            (Previous::Unknown, true, observed("another"), None),
            (Previous::Unknown, false, observed("another"), Some(Plan::Leave)),
        ] {
            assert_eq!(undo(&previous, "new", wrote, &observed), expected, "{previous:?} {wrote} {observed:?}");
        }
    }

    #[test]
    fn the_delete_of_an_unfinished_create_undoes_what_that_create_set_and_nothing_else() {
        let others = Observed { is_ours: false, ..observed("new") };
        let old = || Previous::Value("old".into());
        let set = || Plan::Set("old".into());
        for (previous, declared, signature, observed, expected, warns) in [
            (old(), Some("new"), 1000, observed("new"), set(), false),
            (old(), Some("new"), 1001, observed("new"), Plan::Leave, false),
            (old(), Some("new"), 1000, observed("another"), Plan::Leave, false),
            (old(), Some("new"), 1000, others, Plan::Leave, false),
            (old(), None, 1000, observed("new"), Plan::Leave, false),
            (Previous::Default, Some("new"), 1000, observed("new"), Plan::Reset, false),
            (Previous::Unknown, Some("new"), 1000, observed("new"), Plan::Leave, true),
        ] {
            let (plan, warning) = undo_unfinished(&previous, declared, signature, &observed);
            assert_eq!((plan, warning.is_some()), (expected, warns), "{previous:?} {declared:?} {observed:?}");
        }
    }
}
