//! What must hold whenever CloudFormation has finished an operation.

use std::collections::{BTreeMap, BTreeSet};

use loopback_aws::ssm::Status;

use super::{History, NAMES, Wanted, json_of, share_of, tag_of};
use crate::deliveries::STACKS;
use crate::world::stack;

const OURS: &str = "cfn-ssm-document:";
const STACK_ID: &str = "cfn-ssm-document:stack-id";

/// A document as it really is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    pub(super) default: u64,
    pub(super) versions: BTreeMap<u64, (String, Status)>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) shares: BTreeSet<String>,
}

impl State {
    fn owner(&self) -> Option<usize> {
        let owner = self.tags.get(STACK_ID)?;
        STACKS.iter().position(|name| *owner == stack(name))
    }

    fn default_content(&self) -> &str {
        &self.versions[&self.default].0
    }

    /// The tags that are not ownership tags.
    fn others(&self) -> BTreeMap<&String, &String> {
        self.tags.iter().filter(|(key, _)| !key.starts_with(OURS)).collect()
    }
}

impl History {
    pub(super) fn states(&self) -> [Option<State>; 2] {
        NAMES.map(|name| {
            self.sim.aws.ssm(|model| {
                let document = model.document(name)?;
                let versions = document.versions().iter();
                Some(State {
                    default: document.default_version,
                    versions: versions.map(|one| (one.number, (one.content.clone(), one.status()))).collect(),
                    tags: document.tags.clone(),
                    shares: document.shares.iter().cloned().collect(),
                })
            })
        })
    }

    pub(super) fn is_ours(&self, stack: usize, name: usize) -> bool {
        self.states()[name].as_ref().and_then(State::owner) == Some(stack)
    }

    /// What holds after an operation of `stack`, or at the end.
    pub(super) fn check(&mut self, stack: Option<usize>) {
        for number in 0..STACKS.len() {
            if self.resources[number].as_ref().is_some_and(|resource| resource.undisturbed) {
                self.holds(number);
            }
        }
        self.nothing_is_lost(stack);
        for (name, state) in self.states().iter().enumerate() {
            if let Some(state) = state {
                self.assert_no_trace_of_the_killed(state);
                self.nobody_is_locked_out(name, state);
            }
        }
    }

    /// The promise of a SUCCESS.
    pub(super) fn holds(&self, stack: usize) {
        let resource = self.resources[stack].as_ref().expect("a resource");
        let Wanted { name, content, tag, share, set_default, .. } = resource.wanted;
        let state = self.states()[name].clone();
        let state = state.unwrap_or_else(|| panic!("{} of stack {} is there", NAMES[name], STACKS[stack]));
        let content = json_of(content);
        let has_it = |(text, status): &(String, Status)| *text == content && *status == Status::Active;
        match set_default {
            true => assert!(
                has_it(&state.versions[&state.default]),
                "the default version is as desired: {resource:?} {state:?}"
            ),
            false => assert!(state.versions.values().any(has_it), "a version is as desired: {resource:?} {state:?}"),
        }
        assert_eq!(state.owner(), Some(stack), "the document is the stack's: {state:?}");
        assert!(tag.is_none_or(|tag| state.tags.contains_key(&tag_of(tag))), "it has its tag: {resource:?} {state:?}");
        assert!(
            share.is_none_or(|share| state.shares.contains(&share_of(share))),
            "it is shared: {resource:?} {state:?}"
        );
    }

    /// Only a document that the resource created may lose versions or be deleted.
    fn nothing_is_lost(&mut self, stack: Option<usize>) {
        let states = self.states();
        for (name, (before, after)) in self.before.iter().zip(&states).enumerate() {
            let made_here = stack.is_some() && self.makers[name] == stack;
            match (before, after) {
                (None, Some(_)) => self.makers[name] = stack,
                (Some(before), None) => {
                    assert!(made_here, "{} was not made by this stack, and is gone: {before:?}", NAMES[name])
                }
                (Some(before), Some(after)) => {
                    let kept = before.versions.keys().all(|version| after.versions.contains_key(version));
                    assert!(made_here || kept, "{} has lost a version: {before:?} {after:?}", NAMES[name]);
                    assert_eq!(before.tags.get("cost"), after.tags.get("cost"), "a tag that nobody declared");
                    let theirs = "999999999999";
                    assert_eq!(
                        before.shares.contains(theirs),
                        after.shares.contains(theirs),
                        "a share that nobody declared"
                    );
                }
                (None, None) => {}
            }
            if let Some(after) = after
                && self.makers[name].is_some()
                && self.makers[name] != after.owner()
            {
                self.makers[name] = None;
            }
        }
        self.before = states;
    }

    fn assert_no_trace_of_the_killed(&self, state: &State) {
        for part in &self.dead {
            let text = format!("of part {part}, which was cancelled or rolled back: {state:?}");
            assert_ne!(state.default_content(), json_of(*part), "the content {text}");
            assert!(!state.tags.contains_key(&tag_of(*part)), "a tag {text}");
            assert!(!state.shares.contains(&share_of(*part)), "a share {text}");
        }
    }

    fn nobody_is_locked_out(&self, name: usize, state: &State) {
        let Some(owner) = state.owner() else {
            let left: Vec<_> = state.tags.keys().filter(|key| key.starts_with(OURS)).collect();
            assert!(left.is_empty(), "ownership tags without an owner: {state:?}");
            return;
        };
        let is_owners = self.resources[owner]
            .as_ref()
            .is_some_and(|resource| resource.wanted.name == name || !resource.undisturbed);
        assert!(is_owners || self.abandoned.contains(&(owner, name)), "the owner is gone: {} {state:?}", NAMES[name]);
    }

    /// A Create that was undone leaves the document as it was.
    pub(super) fn is_as_before(&self, wanted: &Wanted) {
        let (before, after) = (&self.before[wanted.name], &self.states()[wanted.name]);
        assert_eq!(
            after.is_some(),
            before.is_some(),
            "what was made is undone, what was there stays: {after:?} {before:?}"
        );
        if let (Some(before), Some(after)) = (before, after) {
            assert_eq!(before.default, after.default, "the default version: {before:?} {after:?}");
            assert_eq!((before.others(), &before.shares), (after.others(), &after.shares));
            assert!(after.owner().is_none() || after.owner() == before.owner(), "the owner: {before:?} {after:?}");
        }
    }
}
