//! `ContentMode: Merge`: several resources share one document by its keys.
//!
//! Everything runs without sockets in a runtime whose time is paused, so that waits of seconds take none.

mod default_version;
mod histories;
mod moves;
mod overlap;
mod owners;
mod release;

use std::time::Duration;

use loopback_aws::ssm::Document;
use loopback_aws::{Fault, Loopback};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{NAME, killed_at, signed_now};
use crate::world::{Request, World, stack};

const NOT_CREATED: &str = "cfn-ssm-document:not-created";

/// A document of long ago, with keys that nobody knows, in an order that must stay.
pub const BASE: &str = r#"{"schemaVersion": "1.0", "zeta": [1.50], "sessionType": "Standard_Stream", "inputs": {"runAsEnabled": false, "idleSessionTimeout": "20", "future": {"deep": "\u00e9"}, "kmsKeyId": ""}}"#;

fn world() -> World {
    World::new()
}

fn with(document: Document) -> World {
    let world = world();
    world.aws.ssm(|model| model.put_document(document));
    world
}

fn shared() -> World {
    with(Document::session(NAME, BASE))
}

/// The properties of a resource that manages these inputs.
pub fn merging(inputs: Value) -> Value {
    json!({
        "ServiceToken": "arn:aws:lambda:::function:provider", "DocumentName": NAME, "ContentMode": "Merge",
        "DocumentContent": {"inputs": inputs}
    })
}

fn merging_with(inputs: Value, more: Value) -> Value {
    let mut properties = merging(inputs);
    properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    properties
}

pub fn restoring(inputs: Value) -> Value {
    merging_with(inputs, json!({"OnDelete": "Restore"}))
}

pub fn base() -> Value {
    serde_json::from_str(BASE).unwrap()
}

/// The base content with these inputs changed.
pub fn base_with(inputs: Value) -> Value {
    let mut content = base();
    content["inputs"].as_object_mut().unwrap().extend(inputs.as_object().unwrap().clone());
    content
}

/// The tags of keys, each with the name of its owner's stack.
pub fn owners(world: &World) -> Vec<(String, String)> {
    let tags = world.tags(NAME).into_iter();
    let of_keys = tags.filter_map(|(tag, value)| {
        let key = tag.strip_prefix("cfn-ssm-document:key:inputs.")?.to_owned();
        Some((key, value.split('/').nth(1).unwrap().to_owned()))
    });
    of_keys.collect()
}

fn owned(keys: &[(&str, &str)]) -> Vec<(String, String)> {
    keys.iter().map(|(key, stack)| ((*key).to_owned(), (*stack).to_owned())).collect()
}

fn refused() -> Fault {
    Fault::error(400, "ValidationException", "no")
}

#[tokio::test(start_paused = true)]
async fn two_stacks_share_a_document_and_everything_else_in_it_stays() {
    let world = shared();
    let reply = world.send(&Request::create(merging(json!({"idleSessionTimeout": "5"})))).await.ok();
    assert_eq!((reply.id(), reply.data("ManagedKeys")), (NAME, "inputs.idleSessionTimeout"));
    let second = merging(json!({"kmsKeyId": "alias/a", "shellProfile": {"linux": "cd"}, "runAsEnabled": "true"}));
    let reply = world.send(&Request::create(second).of_stack("b")).await.ok();
    assert_eq!(reply.data("ManagedKeys"), "inputs.kmsKeyId,inputs.runAsEnabled,inputs.shellProfile.linux");
    assert_eq!((reply.data("DefaultVersion"), reply.data("LatestVersion")), ("3", "3"));
    let expected = json!({
        "idleSessionTimeout": "5", "kmsKeyId": "alias/a", "shellProfile": {"linux": "cd"}, "runAsEnabled": true
    });
    assert_eq!(world.default_content(NAME), base_with(expected));
    let text = world.aws.ssm(|model| model.document(NAME).unwrap().default().content.clone());
    assert_eq!(
        text,
        r#"{"schemaVersion":"1.0","zeta":[1.50],"sessionType":"Standard_Stream","inputs":{"runAsEnabled":true,"idleSessionTimeout":"5","future":{"deep": "\u00e9"},"kmsKeyId":"alias/a","shellProfile":{"linux":"cd"}}}"#
    );
    let all = [("idleSessionTimeout", "a"), ("kmsKeyId", "b"), ("runAsEnabled", "b"), ("shellProfile.linux", "b")];
    assert_eq!(owners(&world), owned(&all));
}

#[tokio::test(start_paused = true)]
async fn an_update_that_changes_nothing_writes_nothing_and_takes_one_round_trip() {
    let world = World::on(Loopback::builder().latency(Duration::from_millis(1)));
    world.aws.ssm(|model| model.put_document(Document::session(NAME, BASE)));
    let properties = merging(json!({"idleSessionTimeout": "5"}));
    world.send(&Request::create(properties.clone())).await.ok();
    sleep(Duration::from_secs(60)).await;
    world.aws.forget();
    world.send(&Request::update(NAME, properties.clone(), properties)).await.ok();
    assert_eq!((world.writes(), world.aws.round_trips()), (vec![], 1), "{:?}", world.aws.trace());
}

#[tokio::test(start_paused = true)]
async fn a_key_that_has_the_value_already_is_only_tagged() {
    let world = shared();
    world.send(&Request::create(merging(json!({"idleSessionTimeout": "20"})))).await.ok();
    assert_eq!((world.writes(), world.versions(NAME)), (vec!["AddTagsToResource".to_owned()], (1, 1)));
    assert_eq!(owners(&world), owned(&[("idleSessionTimeout", "a")]));
}

#[tokio::test(start_paused = true)]
async fn an_update_changes_its_keys_and_keeps_a_hand_edit_of_another_key() {
    let world = shared();
    let (old, new) = (merging(json!({"idleSessionTimeout": "5"})), merging(json!({"idleSessionTimeout": "6"})));
    world.send(&Request::create(old.clone())).await.ok();
    let edited = base_with(json!({"idleSessionTimeout": "5", "maxSessionDuration": "60"})).to_string();
    world.aws.ssm(|model| {
        let document = model.document_mut(NAME).unwrap();
        document.default_version = document.push(loopback_aws::ssm::Version::yaml(edited));
    });
    sleep(Duration::from_secs(60)).await;
    world.send(&Request::update(NAME, old, new)).await.ok();
    assert_eq!(world.default_content(NAME), base_with(json!({"idleSessionTimeout": "6", "maxSessionDuration": "60"})));
}

#[tokio::test(start_paused = true)]
async fn a_document_is_created_from_the_named_keys_and_the_empty_ones_that_the_console_needs() {
    let world = world();
    let reply = world.send(&Request::create(merging(json!({"idleSessionTimeout": "5", "future": "1"})))).await.ok();
    assert_eq!(reply.data("DefaultVersion"), "1");
    let inputs = &world.default_content(NAME)["inputs"];
    assert_eq!((&inputs["idleSessionTimeout"], &inputs["future"]), (&json!("5"), &json!("1")));
    assert_eq!((&inputs["kmsKeyId"], &inputs["runAsEnabled"]), (&json!(""), &json!(false)));
    assert_eq!(inputs.as_object().unwrap().len(), 13);
    assert!(world.tags(NAME).contains(&("cfn-ssm-document:origin".into(), "created".into())));
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_the_whole_document_is_refused_by_name() {
    let world = shared();
    let idle = || json!({"idleSessionTimeout": "5"});
    for (name, value) in [
        ("Tags", json!({"team": "a"})),
        ("AccountIds", json!(["444455556666"])),
        ("VersionName", json!("v1")),
        ("DisplayName", json!("d")),
        ("TargetType", json!("/AWS::EC2::Instance")),
        ("Attachments", json!([{"Key": "SourceUrl", "Values": ["s3://a"]}])),
        ("Requires", json!([{"Name": "Other"}])),
        ("SetDefaultVersion", json!("false")),
        ("DocumentType", json!("Command")),
        ("DocumentContent", json!("description: secret\ninputs: {idleSessionTimeout: '5'}")),
        ("ContentMode", json!("Merged")),
    ] {
        let reply = world.send(&Request::create(merging_with(idle(), json!({ name: value })))).await;
        assert!(reply.reason().contains(name) && !reply.reason().contains("secret"), "{}", reply.reason());
    }
    for fixed in ["schemaVersion: '2.2'", "sessionType: Port"] {
        let content = format!("{fixed}\ninputs: {{idleSessionTimeout: '5'}}");
        let reply = world.send(&Request::create(merging_with(idle(), json!({"DocumentContent": content})))).await;
        assert!(reply.reason().contains("is not what the document has"), "{}", reply.reason());
    }
    assert_eq!((world.writes(), owners(&world)), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_problem_of_a_named_key_is_refused_and_one_of_another_key_is_not() {
    let broken = base_with(json!({"idleSessionTimeout": 20, "maxSessionDuration": "never"})).to_string();
    let world = with(Document::session(NAME, broken));
    let reply = world.send(&Request::create(merging(json!({"kmsKeyId": ["hunter2"]})))).await;
    assert!(reply.reason().contains("DocumentContent.inputs.kmsKeyId"), "{}", reply.reason());
    assert!(!reply.reason().contains("hunter2") && !reply.reason().contains("maxSessionDuration"), "{reply:?}");
    assert_eq!((reply.marker(), world.writes()), (NOT_CREATED, vec![]));
    world.send(&Request::create(merging(json!({"idleSessionTimeout": "5"})))).await.ok();
    assert_eq!(world.default_content(NAME)["inputs"]["maxSessionDuration"], "never");
}

#[tokio::test(start_paused = true)]
async fn a_document_that_cannot_be_merged_with_is_refused_and_not_quoted() {
    for content in [r#"{"inputs": "hunter2"}"#, r#"{"inputs": {"shellProfile": "hunter2"}}"#] {
        let world = with(Document::session(NAME, content));
        let reply = world.send(&Request::create(merging(json!({"shellProfile": {"linux": "cd"}})))).await;
        assert!(reply.reason().contains("is not a mapping"), "{}", reply.reason());
        assert!(!reply.reason().contains("hunter2"), "{}", reply.reason());
        assert_eq!(world.writes(), [""; 0]);
    }
    let world = with(Document::session(NAME, r#"{"inputs": {"shellProfile": {"windows": "dir"}}}"#));
    let reply = world.send(&Request::create(merging(json!({"shellProfile": "cd"})))).await;
    assert!(reply.reason().contains("Name the keys in it"), "{}", reply.reason());
}

#[tokio::test(start_paused = true)]
async fn fail_refuses_a_document_that_exists() {
    let world = shared();
    let properties = merging_with(json!({"idleSessionTimeout": "5"}), json!({"OnExisting": "Fail"}));
    let create = Request::create(properties.clone());
    assert!(world.send(&create).await.reason().starts_with("OnExisting: "));
    world.aws.ssm(|model| drop(model.remove_document(NAME)));
    world.send(&create).await.ok();
    sleep(Duration::from_secs(60)).await;
    world.send(&Request::update(NAME, properties.clone(), properties)).await.ok();
}

#[tokio::test(start_paused = true)]
async fn fifty_tags_leave_room_for_no_key() {
    let tags = (0..50).fold(Document::session(NAME, BASE), |document, number| document.tag(&number.to_string(), ""));
    let world = with(tags);
    let reply = world.send(&Request::create(merging(json!({"idleSessionTimeout": "5"})))).await;
    assert!(reply.reason().contains("would have 51 tags"), "{}", reply.reason());
    assert_eq!(world.writes(), [""; 0]);
}
