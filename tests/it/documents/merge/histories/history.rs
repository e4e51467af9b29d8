//! What happens to a shared document, and what must hold then.

use std::collections::BTreeMap;

use loopback_aws::ssm::{ModelError, Version};
use loopback_aws::{Loss, TakesEffect};

use super::super::*;
use crate::world::{DEFAULT_VERSION, Reply, made_up};

const STACKS: [&str; 3] = ["b", "c", "d"];
/// The keys of each stack.
const KEYS: [[&str; 2]; 3] = [
    ["idleSessionTimeout", "shellProfile.linux"],
    ["kmsKeyId", "shellProfile.windows"],
    ["maxSessionDuration", "fresh"],
];
/// What is changed by hand.
const BY_HAND: [&str; 2] = ["s3KeyPrefix", "runAsDefaultUser"];
/// Longer than reads lag.
pub const A_WHILE: Duration = Duration::from_secs(3);

type Values = BTreeMap<&'static str, u8>;

#[derive(Debug, Clone)]
pub struct Wanted {
    /// The value of each of the stack's two keys, where it is named.
    pub values: [Option<u8>; 2],
    pub retain: bool,
}

#[derive(Debug, Clone)]
pub enum Delivery {
    Quiet,
    Twice,
    Fault(u64, u8),
    Killed { at: u64, after: bool, again: bool },
}

#[derive(Debug, Clone)]
pub enum Step {
    Deploy { stack: usize, wanted: Wanted, delivery: Delivery },
    AtOnce { values: [[u8; 2]; 3] },
    Remove { stack: usize, delivery: Delivery },
    Hand { key: usize, value: u8 },
    Wait,
}

pub struct History {
    pub world: World,
    /// The content without the resources' keys: what existed before them, was changed by hand, or was left under `Retain`. `None`
    /// if there is no document.
    pub base: Option<Value>,
    /// Whether a resource created the document and no value was left in it under `Retain`.
    pub created: bool,
    pub resources: [Option<Wanted>; 3],
    /// Whether somebody has moved the default version by hand, and no request has succeeded since.
    pub is_moved: bool,
}

impl Wanted {
    fn values(&self, stack: usize) -> Values {
        let named = KEYS[stack].into_iter().zip(self.values);
        named.filter_map(|(key, value)| Some((key, value?))).collect()
    }

    fn properties(&self, stack: usize) -> Value {
        let mut content = json!({"inputs": {}});
        for (key, value) in self.values(stack) {
            set(&mut content, key, json!(value.to_string()));
        }
        merging_with(content["inputs"].clone(), json!({"OnDelete": if self.retain { "Retain" } else { "Restore" }}))
    }
}

fn set(content: &mut Value, key: &str, value: Value) {
    let mut at = &mut content["inputs"];
    for name in key.split('.') {
        at = &mut at[name];
    }
    *at = value;
}

/// The skeleton: a created document without the value that its resource declares.
async fn skeleton() -> Value {
    let world = world();
    world.send(&Request::create(merging(json!({"idleSessionTimeout": "1"})))).await.ok();
    let mut content = world.default_content(NAME);
    content["inputs"]["idleSessionTimeout"] = json!("");
    content
}

impl History {
    fn expected(&self) -> Option<Value> {
        let mut content = self.base.clone()?;
        for (stack, wanted) in self.resources.iter().enumerate() {
            for (key, value) in wanted.iter().flat_map(|wanted| wanted.values(stack)) {
                set(&mut content, key, json!(value.to_string()));
            }
        }
        Some(content)
    }

    pub fn holds(&self) {
        let exists = self.world.exists(NAME);
        assert_eq!(exists.then(|| self.world.default_content(NAME)), self.expected(), "{:#?}", self.world.aws.trace());
        if exists {
            let named = self.resources.iter().enumerate().flat_map(|(stack, wanted)| {
                let keys = wanted.iter().flat_map(move |wanted| wanted.values(stack).into_keys());
                keys.map(move |key| (key.to_owned(), STACKS[stack].to_owned()))
            });
            let mut named: Vec<(String, String)> = named.collect();
            named.sort();
            assert_eq!(owners(&self.world), named);
            if !self.is_moved {
                let (default, _) = self.world.versions(NAME);
                let expected = (!named.is_empty()).then(|| default.to_string());
                assert_eq!(self.world.tag(NAME, DEFAULT_VERSION), expected, "{:#?}", self.world.aws.trace());
            }
        }
    }

    pub async fn run(&mut self, step: &Step) {
        match step {
            Step::Wait => sleep(Duration::from_secs(60)).await,
            Step::Hand { key, value } => self.hand(BY_HAND[*key], *value),
            Step::Deploy { stack, wanted, delivery } => self.deploy(*stack, wanted, delivery).await,
            Step::Remove { stack, delivery } => self.remove(*stack, delivery).await,
            Step::AtOnce { values } => self.at_once(values).await,
        }
        sleep(A_WHILE).await;
        self.holds();
    }

    fn hand(&mut self, key: &str, value: u8) {
        let Some(base) = &mut self.base else { return };
        self.is_moved = true;
        set(base, key, json!(value.to_string()));
        self.world.aws.ssm(|model| {
            let document = model.document_mut(NAME).unwrap();
            let mut content: Value = serde_json::from_str(&document.default().content).unwrap();
            set(&mut content, key, json!(value.to_string()));
            document.default_version = document.push(Version::json(content.to_string()));
        });
    }

    fn request(&self, stack: usize, wanted: &Wanted) -> Request {
        let properties = wanted.properties(stack);
        let request = match &self.resources[stack] {
            None => Request::create(properties),
            Some(old) => Request::update(NAME, old.properties(stack), properties),
        };
        request.of_stack(STACKS[stack])
    }

    async fn deploy(&mut self, stack: usize, wanted: &Wanted, delivery: &Delivery) {
        let request = self.request(stack, wanted);
        let reply = self.deliver(&request, delivery).await;
        match (reply, &self.resources[stack]) {
            (Some(reply), _) if reply.0["Status"] == "SUCCESS" => {
                assert_eq!(reply.id(), NAME);
                self.succeeded(stack, Some(wanted.clone())).await;
            }
            (reply, Some(old)) => {
                assert!(!matches!(delivery, Delivery::Quiet | Delivery::Twice), "{reply:?}");
                sleep(A_WHILE).await;
                let rollback = Request::update(NAME, wanted.properties(stack), old.properties(stack));
                self.world.send(&rollback.of_stack(STACKS[stack])).await.ok();
            }
            (reply, None) => {
                assert!(!matches!(delivery, Delivery::Quiet | Delivery::Twice), "{reply:?}");
                sleep(A_WHILE).await;
                let made_up = made_up(STACKS[stack]);
                let id = reply.as_ref().map_or(made_up.as_str(), Reply::id);
                let delete = Request::delete(id, wanted.properties(stack));
                self.world.send(&delete.of_stack(STACKS[stack])).await.ok();
            }
        }
    }

    pub async fn remove(&mut self, stack: usize, delivery: &Delivery) {
        let Some(wanted) = &self.resources[stack] else { return };
        let request = Request::delete(NAME, wanted.properties(stack)).of_stack(STACKS[stack]);
        let reply = self.deliver(&request, delivery).await;
        if reply.is_none_or(|reply| reply.0["Status"] != "SUCCESS") {
            sleep(A_WHILE).await;
            self.world.send(&request).await.ok();
        }
        self.succeeded(stack, None).await;
    }

    async fn at_once(&mut self, values: &[[u8; 2]; 3]) {
        let wanted = values.map(|values| Wanted { values: values.map(Some), retain: false });
        let requests = [0, 1, 2].map(|stack| self.request(stack, &wanted[stack]));
        let before = self.world.aws.responses().len();
        let [b, c, d] = &requests;
        tokio::try_join!(self.world.invoke(b), self.world.invoke(c), self.world.invoke(d)).unwrap();
        for response in &self.world.aws.responses()[before..] {
            assert_eq!(response.body["Status"], "SUCCESS", "{} {:#?}", response.body, self.world.aws.trace());
        }
        for (stack, wanted) in wanted.into_iter().enumerate() {
            self.succeeded(stack, Some(wanted)).await;
        }
    }

    /// The resource is as wanted now, or gone.
    async fn succeeded(&mut self, stack: usize, wanted: Option<Wanted>) {
        self.is_moved = false;
        if self.base.is_none() {
            (self.base, self.created) = (Some(skeleton().await), true);
        }
        let old = std::mem::replace(&mut self.resources[stack], wanted);
        let new = self.resources[stack].as_ref();
        let named = new.map(|wanted| wanted.values(stack)).unwrap_or_default();
        let old_values = old.as_ref().map(|wanted| wanted.values(stack)).unwrap_or_default();
        let retains = new.or(old.as_ref()).is_some_and(|wanted| wanted.retain);
        let dropped: Vec<_> = old_values.into_iter().filter(|(key, _)| !named.contains_key(key)).collect();
        if retains && !dropped.is_empty() {
            self.created = false;
            for (key, value) in dropped {
                set(self.base.as_mut().unwrap(), key, json!(value.to_string()));
            }
        }
        if self.resources.iter().all(Option::is_none) {
            if self.created && self.base == Some(skeleton().await) {
                self.base = None;
            }
            self.created = false;
        }
    }

    async fn deliver(&self, request: &Request, delivery: &Delivery) -> Option<Reply> {
        let aws = &self.world.aws;
        let request = &signed_now(&self.world, request.clone());
        match *delivery {
            Delivery::Quiet => return Some(self.world.send(request).await),
            Delivery::Twice => {
                let before = aws.responses().len();
                tokio::try_join!(self.world.invoke(request), self.world.invoke(request)).unwrap();
                // CloudFormation takes the first.
                return aws.responses().get(before).map(|response| Reply(response.body.clone()));
            }
            Delivery::Fault(at, kind) => {
                let refused = ModelError::new("ValidationException", "no");
                aws.on("*").nth(at).fault(match kind {
                    0 => Fault::Error(refused),
                    // AWS fails midway.
                    1 => Fault::ErrorAfter(ModelError { status: 500, ..ModelError::new("InternalServerError", "") }),
                    2 => Fault::ResetBefore,
                    3 => Fault::ResetAfter,
                    _ => Fault::Late(Loss::Reset, TakesEffect::After(Duration::from_secs(1))),
                });
                let reply = self.world.send(request).await;
                aws.no_faults();
                return Some(reply);
            }
            Delivery::Killed { at, after, again } => {
                let rule = aws.on("*").nth(at);
                let mut gate = if after { rule.hold_after() } else { rule.hold_before() };
                let before = aws.responses().len();
                let responded = tokio::select! {
                    result = self.world.invoke(request) => { result.unwrap(); true }
                    () = gate.reached() => false,
                };
                aws.no_faults();
                drop(gate);
                if responded {
                    return Some(Reply(aws.responses()[before].body.clone()));
                }
                if !again {
                    return None;
                }
                sleep(Duration::from_secs(60)).await;
            }
        }
        Some(self.world.send(request).await)
    }
}
