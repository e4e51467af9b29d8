//! The requests that faults are tried on, each with the account before it, and what must hold however one ends.

use std::time::Duration;

use loopback_aws::Loopback;
use loopback_aws::ssm::{Activation, Document};
use serde_json::{Value, json};

use crate::documents::{NAME, desired_with, preferences};
use crate::world::{LOG_STREAM, PREVIOUS_DEFAULT_VERSION, Reply, Request, SINCE, World};

/// The function's timeout in tests that wait for it to expire. Even a fifth of it is enough time on a busy machine.
pub const TIMEOUT: Duration = Duration::from_secs(15);
const RENAMED: &str = "Renamed";

/// A request that is about to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Of a document that does not exist.
    Create,
    /// The same, but the document does not become Active at once.
    CreatePending,
    /// Of a document that exists and has no owner.
    Adopt,
    /// Of the content.
    Update,
    /// Of the name.
    Rename,
    /// Of a document that was created.
    Delete,
    /// Of a document that was adopted.
    Restore,
}

pub const STAGES: [Stage; 7] =
    [Stage::Create, Stage::CreatePending, Stage::Adopt, Stage::Update, Stage::Rename, Stage::Delete, Stage::Restore];

/// Properties under which a Delete restores what existed before.
pub fn restoring(idle: &str) -> Value {
    desired_with(idle, json!({"OnDelete": "Restore"}))
}

/// The same, shared with another account.
fn sharing(idle: &str) -> Value {
    desired_with(idle, json!({"OnDelete": "Restore", "AccountIds": ["444455556666"]}))
}

impl Stage {
    /// The account just before the request, and the request. Without sockets, for a runtime whose time is paused.
    pub async fn set(self) -> (World, Request) {
        let world = World::new();
        let request = self.set_on(&world).await;
        (world, request)
    }

    /// The same with sockets, in real time.
    pub async fn set_on_sockets(self) -> (World, Request) {
        let world = World::on_sockets(Loopback::builder()).await;
        let request = self.set_on(&world).await;
        (world, request)
    }

    pub async fn set_on(self, world: &World) -> Request {
        let there =
            |world: &World| world.aws.ssm(|model| model.put_document(Document::session(NAME, preferences("5"))));
        let create = Request::create(sharing("10"));
        let adopt = Request::create(restoring("10"));
        let request = match self {
            Self::Create => create,
            Self::CreatePending => {
                world.aws.ssm(|model| model.activation = Activation::AfterReads(2));
                create
            }
            Self::Adopt => {
                there(world);
                adopt
            }
            Self::Update => {
                world.send(&create).await.ok();
                Request::update(NAME, sharing("10"), sharing("20"))
            }
            Self::Rename => {
                world.send(&create).await.ok();
                let mut renamed = sharing("10");
                renamed["DocumentName"] = json!(RENAMED);
                Request::update(NAME, sharing("10"), renamed)
            }
            Self::Delete => {
                world.send(&create).await.ok();
                Request::delete(NAME, restoring("10"))
            }
            Self::Restore => {
                there(world);
                world.send(&adopt).await.ok();
                Request::delete(NAME, restoring("10"))
            }
        };
        world.aws.forget();
        request
    }

    /// How many calls the request takes if nothing goes wrong.
    pub async fn calls(self) -> u64 {
        let (world, request) = self.set().await;
        world.send(&request).await.ok();
        world.aws.calls().len() as u64
    }

    /// The account after the request and CloudFormation's clean-up if nothing goes wrong.
    pub async fn undisturbed(self) -> Value {
        let (world, request) = self.set().await;
        world.send(&request).await.ok();
        self.clean_up(&world).await;
        state_of_documents(&world)
    }

    /// What CloudFormation sends after a SUCCESS: the Delete of the old name.
    async fn clean_up(self, world: &World) {
        if self == Self::Rename {
            world.send(&Request::delete(NAME, restoring("10"))).await.ok();
        }
    }

    /// Asserts that the response to a request under faults has the right id and is true: if nothing else fails,
    /// CloudFormation's next step ends as if there had been no fault.
    pub async fn assert_truthful(self, world: &World, request: &Request, before: &Value, reply: &Reply, case: &str) {
        let case = format!("{self:?}: {case}: {}", reply.0);
        let succeeded = reply.0["Status"] == "SUCCESS";
        if !succeeded {
            assert!(reply.reason().ends_with(&format!("(see log stream {LOG_STREAM})")), "{case}");
        }
        match request.request_type {
            "Create" if !succeeded => {
                world.send(&Request::delete(reply.id(), request.properties.clone())).await.ok();
                assert_eq!(&state_of_documents(world), before, "{case}");
            }
            _ => {
                if !succeeded {
                    assert_eq!(Some(reply.id()), request.physical_id.as_deref(), "{case}");
                    world.send(request).await.ok();
                }
                self.clean_up(world).await;
                let mut state = state_of_documents(world);
                if self == Self::Rename {
                    // A retry may adopt a document that the failed rename left behind, and then records its default version.
                    state[RENAMED]["tags"].as_object_mut().unwrap().remove(PREVIOUS_DEFAULT_VERSION);
                }
                assert_eq!(state, self.undisturbed().await, "{case}");
            }
        }
    }
}

/// The documents: their default versions, their owners, and the accounts that they are shared with.
pub fn state_of_documents(world: &World) -> Value {
    world.aws.ssm(|model| {
        let one = |document: &Document| {
            let mut tags = document.tags.clone();
            // It depends on the clock.
            tags.remove(SINCE);
            let state = json!({
                "content": document.default().content,
                "default": document.default_version,
                "tags": tags,
                "shares": document.shares,
            });
            (document.name.clone(), state)
        };
        Value::Object(model.documents().map(one).collect())
    })
}

/// The one response that was delivered since the journal was last emptied.
#[track_caller]
pub fn delivered(world: &World, case: &str) -> Reply {
    let bodies = world.aws.delivered();
    let first = bodies.first().unwrap_or_else(|| panic!("{case}: no response: {:?}", world.aws.trace()));
    assert!(bodies.iter().all(|body| body == first), "{case}: responses differ: {bodies:?}");
    Reply(first.clone())
}
