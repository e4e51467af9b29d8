//! What CloudFormation does to a stack's setting: creates, updates, deletes, and rolls back.

use std::time::Duration;

use tokio::time::sleep;

use super::checks::both_same;
use super::steps::Wish;
use super::{History, Resource, Wanted};
use crate::deliveries::STACKS;
use crate::deliveries::cloudformation::End;
use crate::deliveries::way::{Then, Way, quiet};
use crate::service_settings::setting as of_setting;
use crate::world::{Request, made_up};

const NOT_CREATED: &str = "cfn-ssm-document:not-created:";

fn delete(id: &str, wanted: &Wanted) -> Request {
    of_setting(Request::delete(id, wanted.properties()))
}

fn update(id: &str, old: &Wanted, wanted: &Wanted) -> Request {
    of_setting(Request::update(id, old.properties(), wanted.properties()))
}

impl History {
    pub(super) async fn deploy(&mut self, stack: usize, wish: &Wish, way: &Way, then: &Then) {
        self.sim.keep_apart(stack).await;
        let wanted = self.wanted(stack, wish);
        match self.resources[stack].clone() {
            None => self.create(stack, wanted, way, then).await,
            Some(old) => self.update(stack, old, wanted, way, then).await,
        }
        if !self.sim.over {
            self.check(Some(stack));
        }
    }

    async fn create(&mut self, stack: usize, wanted: Wanted, way: &Way, then: &Then) {
        self.sim.count("create");
        let before = self.value(wanted.setting);
        let end = self.sim.send(stack, &of_setting(Request::create(wanted.properties())), way).await;
        let number = self.sim.last();
        let id = match end {
            End::Race => return,
            End::Success(id) => {
                self.succeeded(stack, &id, &wanted, before.clone());
                assert!(way.deliveries.len() > 1 || !id.ends_with("?unknown"), "what was there before is known");
                if matches!(then, Then::RollBack) {
                    self.sim.count("rolled back");
                    sleep(Duration::from_secs(1)).await;
                    self.release(stack, &quiet()).await;
                    self.is_rolled_back(&wanted, before.as_deref());
                }
                return;
            }
            End::Failed(id) => {
                if id.starts_with(NOT_CREATED) && !way.kills() && way.deliveries.len() == 1 {
                    self.is_as_before(wanted.setting, before.as_deref());
                }
                id
            }
            End::GivenUp => {
                self.sim.count("create cancelled");
                made_up(STACKS[stack])
            }
        };
        sleep(Duration::from_secs(1)).await;
        self.sim.delete(stack, &delete(&id, &wanted), &quiet()).await;
        let too_late = self.sim.ended(number).await;
        self.is_undone(&wanted, before, way.kills() || too_late);
    }

    async fn update(&mut self, stack: usize, old: Resource, wanted: Wanted, way: &Way, then: &Then) {
        let replaces = wanted.setting != old.wanted.setting;
        self.sim.count(if replaces { "replacement" } else { "update" });
        let before = self.value(wanted.setting);
        let end = self.sim.send(stack, &update(&old.id, &old.wanted, &wanted), way).await;
        let number = self.sim.last();
        let succeeded = match end {
            End::Race => return,
            End::Success(id) => {
                assert_eq!(id != old.id, replaces, "only another setting is a replacement: {id} {old:?}");
                let before = if replaces { before.clone() } else { old.before.clone() };
                self.succeeded(stack, &id, &wanted, before);
                if matches!(then, Then::Complete) {
                    if replaces {
                        sleep(Duration::from_secs(1)).await;
                        let new = self.resources[stack].replace(old);
                        self.release(stack, &quiet()).await;
                        self.resources[stack] = new;
                    }
                    return;
                }
                self.sim.count("rolled back");
                Some(id)
            }
            End::Failed(id) => {
                assert_eq!(id, old.id, "an Update that fails keeps its id");
                None
            }
            End::GivenUp => {
                self.sim.count("update cancelled");
                None
            }
        };
        sleep(Duration::from_secs(1)).await;
        let id = succeeded.as_ref().unwrap_or(&old.id);
        let (present, new) = (self.value(old.wanted.setting), self.resources[stack].clone());
        let End::Success(rolled_back) = self.sim.send(stack, &update(id, &wanted, &old.wanted), &quiet()).await else {
            panic!("a rollback without faults succeeds");
        };
        match (replaces, new) {
            // CloudFormation forgets the id that knows what was there before.
            (true, Some(new)) if succeeded.is_some() => {
                self.resources[stack] = Some(new);
                self.release(stack, &quiet()).await;
                self.succeeded(stack, &rolled_back, &old.wanted, present);
                self.is_rolled_back(&wanted, before.as_deref());
            }
            _ => {
                assert_eq!(rolled_back, old.id);
                self.succeeded(stack, &rolled_back, &old.wanted, old.before);
                match replaces {
                    true => {
                        let too_late = self.sim.ended(number).await;
                        self.is_undone(&wanted, before, way.kills() || too_late);
                    }
                    false => self.is_dead(&wanted, &old.wanted.value),
                }
            }
        }
    }

    pub(super) async fn remove(&mut self, stack: usize, way: &Way) {
        if self.resources[stack].is_none() {
            return;
        }
        self.sim.keep_apart(stack).await;
        self.sim.count("delete");
        self.release(stack, way).await;
        if !self.sim.over {
            self.check(Some(stack));
        }
    }

    /// Deletes the stack's resource.
    async fn release(&mut self, stack: usize, way: &Way) {
        let resource = self.resources[stack].take().expect("a resource");
        let set = self.set(resource.wanted.setting);
        self.sim.delete(stack, &delete(&resource.id, &resource.wanted), way).await;
        if !self.sim.over {
            self.is_released(&resource, set);
            self.disturbed(resource.wanted.setting, None);
        }
    }

    fn succeeded(&mut self, stack: usize, id: &str, wanted: &Wanted, before: Option<String>) {
        let resource = Resource { id: id.to_owned(), wanted: wanted.clone(), before, undisturbed: true };
        self.holds(&resource);
        self.resources[stack] = Some(resource);
        self.disturbed(wanted.setting, Some(stack));
    }

    /// A request that set this is over, and another value is declared.
    fn is_dead(&mut self, wanted: &Wanted, declared: &str) {
        if wanted.is_new && wanted.value != declared {
            self.dead.insert(wanted.value.clone());
        }
    }

    fn is_rolled_back(&mut self, wanted: &Wanted, before: Option<&str>) {
        // Under `Retain`, what was set stays, and so it does if the value from before is unknown.
        if both_same(self.value(wanted.setting).as_deref(), before) {
            self.is_dead(wanted, before.unwrap_or_default());
        }
    }

    /// A Create, or an Update with another `SettingId`, has failed or was cancelled, and CloudFormation has deleted.
    fn is_undone(&mut self, wanted: &Wanted, before: Option<String>, may_remain: bool) {
        if may_remain {
            let value = self.value(wanted.setting);
            if !both_same(value.as_deref(), before.as_deref()) {
                self.sim.count("put right by hand");
                self.put(wanted.setting, before.as_deref());
            }
        }
        self.is_as_before(wanted.setting, before.as_deref());
        self.is_dead(wanted, before.as_deref().unwrap_or_default());
    }
}
