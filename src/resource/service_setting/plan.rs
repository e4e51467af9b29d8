//! Decides what happens to a setting.

use super::desired::{Desired, OnDelete};
use super::observed::Observed;
use super::physical_id::{PhysicalId, Previous};
use crate::failure::Failure;

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
pub(crate) fn change(desired: &Desired, observed: &Observed) -> Plan {
    if observed.value == desired.value { Plan::Leave } else { Plan::Set(desired.value.clone()) }
}

/// Returns the physical id of a resource that adopts a setting. It remembers the value before.
///
/// If this function has changed the setting since the request was signed, an earlier delivery of the request did, and the value
/// before is unknown.
///
/// # Errors
/// Under `Restore`, the value is too long for a physical id.
pub(crate) fn adoption(
    desired: &Desired,
    observed: &Observed,
    requested_at: Option<i64>,
) -> Result<PhysicalId, Failure> {
    let changed_since = observed.is_ours
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
            "OnDelete: the current value of {} has {} bytes, which is too long for Restore to remember. Choose Retain or Reset.",
            desired.id,
            observed.value.len()
        ))),
        (false, OnDelete::Retain | OnDelete::Reset) => Ok(PhysicalId { previous: Previous::Unknown, ..id }),
    }
}

/// Plans a Delete. Returns a warning if the setting can't be restored.
pub(crate) fn release(on_delete: OnDelete, previous: &Previous, observed: &Observed) -> (Plan, Option<&'static str>) {
    match (on_delete, previous) {
        (OnDelete::Retain, _) => (Plan::Leave, None),
        (OnDelete::Reset, _) if observed.is_default => (Plan::Leave, None),
        (OnDelete::Reset, _) => (Plan::Reset, None),
        (OnDelete::Restore, _) if observed.is_default && *previous == Previous::Default => (Plan::Leave, None),
        (OnDelete::Restore, Previous::Value(value)) if *value == observed.value => (Plan::Leave, None),
        (OnDelete::Restore, _) if !observed.is_ours => {
            (Plan::Leave, Some("the setting was changed outside of this stack and is left as it is"))
        }
        (OnDelete::Restore, Previous::Unknown) => {
            (Plan::Leave, Some("the earlier value is unknown, so the setting is left as it is"))
        }
        (OnDelete::Restore, Previous::Default) => (Plan::Reset, None),
        (OnDelete::Restore, Previous::Value(value)) => (Plan::Set(value.clone()), None),
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
        for (observed, expected) in
            [(observed("new"), Plan::Leave), (default, Plan::Leave), (observed("old"), Plan::Set("new".into()))]
        {
            assert_eq!(change(&desired(OnDelete::Retain), &observed), expected);
        }
    }

    #[test]
    fn an_adoption_remembers_the_value_before_unless_an_earlier_delivery_changed_it() {
        let default = Observed { is_default: true, ..observed("old") };
        let others = Observed { is_ours: false, ..observed("old") };
        for (observed, requested_at, expected) in [
            (&default, Some(1000), Previous::Default),
            (&observed("old"), Some(1001), Previous::Value("old".into())),
            (&observed("old"), Some(1000), Previous::Unknown),
            (&observed("old"), None, Previous::Value("old".into())),
            (&others, Some(1000), Previous::Value("old".into())),
        ] {
            let id = adoption(&desired(OnDelete::Restore), observed, requested_at).unwrap();
            assert_eq!((id.setting.as_str(), id.previous), ("/ssm/a", expected));
        }
    }

    #[test]
    fn a_value_too_long_to_remember_is_refused_under_restore_only() {
        let long = observed(&"x".repeat(2000));
        let reason = adoption(&desired(OnDelete::Restore), &long, None).unwrap_err().to_string();
        assert!(reason.contains("2000 bytes") && !reason.contains("xxx"), "{reason}");
        for on_delete in [OnDelete::Retain, OnDelete::Reset] {
            assert_eq!(adoption(&desired(on_delete), &long, None).unwrap().previous, Previous::Unknown);
        }
    }

    #[test]
    fn a_delete_restores_only_what_this_function_changed_last() {
        let default = Observed { is_default: true, ..observed("system") };
        let others = Observed { is_ours: false, ..observed("theirs") };
        let old = || Previous::Value("old".into());
        use OnDelete::{Reset, Restore, Retain};
        for (choice, previous, observed, expected, warns) in [
            (Retain, old(), &observed("new"), Plan::Leave, false),
            (Retain, Previous::Unknown, &others, Plan::Leave, false),
            (Restore, old(), &observed("new"), Plan::Set("old".into()), false),
            (Restore, old(), &observed("old"), Plan::Leave, false),
            (Restore, Previous::Default, &observed("new"), Plan::Reset, false),
            (Restore, Previous::Default, &default, Plan::Leave, false),
            (Restore, Previous::Unknown, &observed("new"), Plan::Leave, true),
            (Restore, old(), &others, Plan::Leave, true),
            (Restore, Previous::Default, &others, Plan::Leave, true),
            (Reset, old(), &others, Plan::Reset, false),
            (Reset, old(), &default, Plan::Leave, false),
        ] {
            let (plan, warning) = release(choice, &previous, observed);
            assert_eq!((plan, warning.is_some()), (expected, warns), "{choice:?} {previous:?} {observed:?}");
        }
    }
}
