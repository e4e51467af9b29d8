//! Documents, row by row.

mod attributes;
mod create;
mod delete;
mod deliveries;
mod duplicate;
mod events;
mod histories;
mod known_failures;
mod lease;
pub mod merge;
mod overlap;
mod ownership;
mod redelivery;
mod rollback;
mod status;
mod two_deliveries;
mod undo;
mod update;

use loopback_aws::Age;
use loopback_aws::ssm::Document;
use serde_json::{Value, json};

use crate::world::{Request, World};

pub const NAME: &str = "SSM-SessionManagerRunShell";

/// A world with this document.
fn with(document: Document) -> World {
    let world = World::new();
    world.aws.ssm(|model| model.put_document(document));
    world
}

/// Preferences that differ by their idle timeout.
pub fn preferences(idle: &str) -> String {
    json!({
        "schemaVersion": "1.0",
        "description": "Session Manager preferences",
        "sessionType": "Standard_Stream",
        "inputs": {"cloudWatchLogGroupName": "/sessions", "cloudWatchStreamingEnabled": true, "idleSessionTimeout": idle}
    })
    .to_string()
}

pub fn content(idle: &str) -> Value {
    serde_json::from_str(&preferences(idle)).unwrap()
}

/// The properties of a resource that wants those preferences.
pub fn desired(idle: &str) -> Value {
    json!({"ServiceToken": "arn:aws:lambda:::function:provider", "DocumentName": NAME, "DocumentContent": preferences(idle)})
}

/// The same with other properties on top.
pub fn desired_with(idle: &str, more: Value) -> Value {
    let mut properties = desired(idle);
    for (name, value) in more.as_object().unwrap() {
        properties[name] = value.clone();
    }
    properties
}

/// The request under a response URL that is signed now: all its deliveries bear the same one.
pub fn signed_now(world: &World, request: Request) -> Request {
    let url = world.aws.response_url(Age::Now);
    request.with_response_url(url)
}

/// Ends the process while the next call of `operation` waits for its response: nothing is undone, nothing is responded.
async fn killed_at(world: &World, operation: &str, request: &Request) {
    killed_at_nth(world, operation, 1, request).await;
}

/// The same at the nth call of `operation`.
pub async fn killed_at_nth(world: &World, operation: &str, nth: u64, request: &Request) {
    let mut gate = world.aws.on(operation).nth(nth).hold_after();
    tokio::select! {
        result = world.invoke(request) => panic!("it ended: {result:?}"),
        () = gate.reached() => {}
    }
    world.aws.no_faults();
}
