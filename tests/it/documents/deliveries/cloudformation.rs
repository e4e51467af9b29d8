//! What CloudFormation does to a stack's document: creates, updates, deletes, and rolls back.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use super::steps::{Part, Wish};
use super::{History, NAMES, Resource, Wanted};
use crate::deliveries::STACKS;
use crate::deliveries::cloudformation::End;
use crate::deliveries::way::{Then, Way, quiet};
use crate::world::{Request, made_up};

impl History {
    pub(super) async fn deploy(&mut self, stack: usize, wish: &Wish, way: &Way, then: &Then) {
        self.sim.keep_apart(stack).await;
        self.before = self.states();
        let wanted = self.wanted(stack, wish);
        match self.resources[stack].clone() {
            None => self.create(stack, wanted, way, then).await,
            Some(resource) => self.update(stack, resource, wanted, way, then).await,
        }
        if !self.sim.over {
            self.check(Some(stack));
        }
    }

    async fn create(&mut self, stack: usize, wanted: Wanted, way: &Way, then: &Then) {
        self.sim.count("create");
        let properties = wanted.properties();
        let end = self.sim.send(stack, &Request::create(properties.clone()), way).await;
        let is_complete = matches!((&end, then), (End::Success(_), Then::Complete));
        match end {
            End::Success(id) => {
                self.succeeded(stack, &id, &wanted);
                if is_complete {
                    return;
                }
                self.sim.count("rolled back");
                sleep(Duration::from_secs(1)).await;
                let was_ours = self.is_ours(stack, wanted.name);
                self.delete(stack, &id, &properties, &quiet()).await;
                self.resources[stack] = None;
                if was_ours && wanted.on_delete == "Restore" {
                    self.dead.extend(wanted.parts());
                }
            }
            End::Failed(id) => {
                if way.deliveries.len() > 1 {
                    self.may_have_taken_over(stack, &wanted);
                }
                sleep(Duration::from_secs(1)).await;
                self.delete(stack, &id, &properties, &quiet()).await;
                self.dead.extend(wanted.parts());
                self.is_as_before(&wanted);
            }
            End::Race => {}
            End::GivenUp => {
                self.sim.count("create cancelled");
                self.may_have_taken_over(stack, &wanted);
                sleep(Duration::from_secs(1)).await;
                self.delete(stack, &made_up(STACKS[stack]), &properties, &quiet()).await;
                self.dead.extend(wanted.parts());
                self.is_as_before(&wanted);
            }
        }
    }

    async fn update(&mut self, stack: usize, old: Resource, wanted: Wanted, way: &Way, then: &Then) {
        self.sim.count(if wanted.name == old.wanted.name { "update" } else { "rename" });
        let (properties, old_properties) = (wanted.properties(), old.wanted.properties());
        let request = Request::update(&old.id, old_properties.clone(), properties.clone());
        let end = self.sim.send(stack, &request, way).await;
        let added: BTreeSet<u32> = wanted.parts().difference(&old.wanted.parts()).copied().collect();
        let rolled_back_from = match end {
            End::Success(id) => {
                self.succeeded(stack, &id, &wanted);
                if matches!(then, Then::Complete) {
                    if id != old.id {
                        sleep(Duration::from_secs(1)).await;
                        self.delete(stack, &old.id, &old_properties, &quiet()).await;
                    }
                    return;
                }
                self.sim.count("rolled back");
                id
            }
            End::Failed(id) => {
                assert_eq!(id, old.id, "an Update that fails keeps its id");
                if way.deliveries.len() > 1 {
                    self.may_have_taken_over(stack, &wanted);
                }
                id
            }
            End::Race => return,
            End::GivenUp => {
                self.sim.count("update cancelled");
                self.may_have_taken_over(stack, &wanted);
                old.id.clone()
            }
        };
        sleep(Duration::from_secs(1)).await;
        let was_ours = self.is_ours(stack, wanted.name);
        let rollback = Request::update(&rolled_back_from, properties.clone(), old_properties.clone());
        let mut end = self.sim.send(stack, &rollback, &quiet()).await;
        if !matches!(end, End::Success(_)) {
            // Somebody continues the rollback.
            end = self.sim.send(stack, &rollback, &quiet()).await;
        }
        let End::Success(id) = end else {
            self.sim.count("rollback refused");
            let wanted = if rolled_back_from == old.id { old.wanted } else { wanted };
            self.resources[stack] = Some(Resource { id: rolled_back_from, wanted, undisturbed: false });
            return;
        };
        self.succeeded(stack, &id, &old.wanted);
        if id != rolled_back_from {
            sleep(Duration::from_secs(1)).await;
            self.delete(stack, &rolled_back_from, &properties, &quiet()).await;
        }
        // Under `Retain`, the document that a rename found stays as it is. Under `SetDefaultVersion: false`, a rollback promotes
        // nothing.
        let stays = id != rolled_back_from && wanted.on_delete == "Retain" || !old.wanted.set_default;
        if !stays && (was_ours || id == rolled_back_from) {
            self.dead.extend(added);
        }
    }

    pub(super) async fn remove(&mut self, stack: usize, way: &Way) {
        self.sim.keep_apart(stack).await;
        self.before = self.states();
        let Some(resource) = self.resources[stack].clone() else { return };
        self.sim.count("delete");
        self.delete(stack, &resource.id, &resource.wanted.properties(), way).await;
        self.resources[stack] = None;
        if !self.sim.over {
            self.check(Some(stack));
        }
    }

    async fn delete(&mut self, stack: usize, id: &str, properties: &Value, way: &Way) {
        self.sim.delete(stack, &Request::delete(id, properties.clone()), way).await;
    }

    /// What the stack declares: parts that it keeps, and new ones.
    fn wanted(&mut self, stack: usize, wish: &Wish) -> Wanted {
        let old = self.resources[stack].as_ref().map(|resource| resource.wanted.clone());
        let mut choose = |part: Part, kept: Option<u32>| match (part, kept) {
            (Part::None, _) => None,
            (Part::Kept, Some(kept)) => Some(kept),
            (Part::Kept | Part::New, _) => Some(self.part()),
        };
        let content = choose(wish.content, old.as_ref().map(|old| old.content)).expect("content is kept or new");
        let tag = choose(wish.tag, old.as_ref().and_then(|old| old.tag));
        let share = choose(wish.share, old.as_ref().and_then(|old| old.share));
        let Wish { name, set_default, on_existing, on_delete, .. } = *wish;
        Wanted { name, content, tag, share, set_default, on_existing, on_delete }
    }

    fn succeeded(&mut self, stack: usize, id: &str, wanted: &Wanted) {
        assert_eq!(id, NAMES[wanted.name]);
        self.resources[stack] = Some(Resource { id: id.to_owned(), wanted: wanted.clone(), undisturbed: true });
        self.abandoned.remove(&(stack, wanted.name));
        self.holds(stack);
        self.may_have_taken_over(stack, wanted);
    }

    /// The other stack's tags on this document may be gone: the undo of a cancelled request does not know a former owner.
    fn may_have_taken_over(&mut self, stack: usize, wanted: &Wanted) {
        if let Some(other) = &mut self.resources[1 - stack]
            && other.wanted.name == wanted.name
        {
            other.undisturbed = false;
        }
    }
}
