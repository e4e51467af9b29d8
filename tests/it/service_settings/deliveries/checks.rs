//! What holds, whenever CloudFormation has finished an operation.

use loopback_aws::ssm::Setting;

use super::steps::IDS;
use super::{History, Resource, function};

/// AWS may write a value its own way.
pub(super) fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

pub(super) fn both_same(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => same(one, other),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

impl History {
    /// What holds after an operation of `stack`, or while nothing happens.
    pub(super) fn check(&mut self, stack: Option<usize>) {
        if let Some(resource) = stack.and_then(|stack| self.resources[stack].clone()) {
            self.disturbed(resource.wanted.setting, stack);
        }
        for resource in self.resources.iter().flatten().filter(|resource| resource.undisturbed) {
            self.holds(resource);
        }
        for (setting, id) in IDS.iter().enumerate() {
            let value = self.present(setting);
            let dead = self.dead.iter().find(|dead| same(dead, &value));
            assert!(dead.is_none(), "{} has the value of a request that was cancelled or rolled back: {value}", id);
        }
    }

    /// The promise of a SUCCESS.
    pub(super) fn holds(&self, resource: &Resource) {
        let value = self.present(resource.wanted.setting);
        assert!(same(&value, &resource.wanted.value), "the setting is as desired: {value} {resource:?}");
    }

    /// Somebody, or this stack, changed the setting: the others' resources may no longer have what they declare.
    pub(super) fn disturbed(&mut self, setting: usize, by: Option<usize>) {
        let value = self.present(setting);
        for (stack, resource) in self.resources.iter_mut().enumerate() {
            if let Some(resource) = resource
                && resource.wanted.setting == setting
                && by != Some(stack)
            {
                resource.undisturbed &= same(&value, &resource.wanted.value);
            }
        }
    }

    /// What a Delete does to a setting that was so before.
    pub(super) fn is_released(&self, resource: &Resource, set: Option<Setting>) {
        let now = self.set(resource.wanted.setting);
        let is_own = |set: &Setting| set.last_modified_user == function() && same(&set.value, &resource.wanted.value);
        let text = format!("{resource:?} was released; before: {set:?}, after: {now:?}");
        match resource.wanted.on_delete {
            "Reset" => assert!(now.is_none(), "it is reset: {text}"),
            "Restore" if set.as_ref().is_some_and(is_own) && !resource.id.ends_with("?unknown") => {
                let value = now.map(|now| now.value);
                assert!(both_same(value.as_deref(), resource.before.as_deref()), "it is restored: {text}");
            }
            _ => {
                // A second delivery may have set the same once more.
                let parts = |set: Option<Setting>| set.map(|set| (set.value, set.last_modified_user));
                assert_eq!(parts(set), parts(now), "nothing is changed: {text}");
            }
        }
    }

    /// What a Create that failed or was cancelled leaves.
    pub(super) fn is_as_before(&self, setting: usize, before: Option<&str>) {
        let value = self.value(setting);
        assert!(both_same(value.as_deref(), before), "what was set is undone: before {before:?}, now {value:?}");
    }
}
