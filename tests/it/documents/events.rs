//! The requests of `events/`, of every type of document, go through.

use std::path::Path;

use lambda_runtime::LambdaEvent;
use loopback_aws::Age;
use serde_json::{Value, json};

use crate::world::{REGION, World, context};

/// The requests about documents, with their files' names.
fn events() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("events");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let json = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let mut events: Vec<(String, Value)> = json
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap().replace("us-east-1", REGION);
            (path.file_name().unwrap().to_string_lossy().into_owned(), serde_json::from_str(&text).unwrap())
        })
        .filter(|(_, event): &(String, Value)| event["ResourceType"] == "Custom::SsmDocument")
        .collect();
    events.sort_by(|one, other| one.0.cmp(&other.0));
    events
}

/// Sends an event and returns the response.
async fn send(world: &World, event: &Value) -> Value {
    deliver(world, event, world.aws.response_url(Age::Now)).await
}

async fn deliver(world: &World, event: &Value, url: String) -> Value {
    let mut event = event.clone();
    event["ResponseURL"] = json!(url);
    let payload = serde_json::value::to_raw_value(&event).unwrap();
    let timeout = std::time::Duration::from_secs(60);
    world.provider.handle(LambdaEvent::new(payload, context(timeout))).await.unwrap();
    world.aws.delivered().pop().unwrap()
}

/// The same event as a Create with these properties.
fn create(event: &Value, properties: &Value) -> Value {
    let mut create = event.clone();
    let fields = create.as_object_mut().unwrap();
    fields.retain(|name, _| !["PhysicalResourceId", "OldResourceProperties"].contains(&name.as_str()));
    create["RequestType"] = json!("Create");
    create["ResourceProperties"] = properties.clone();
    create
}

#[tokio::test(start_paused = true)]
async fn every_create_goes_through_and_is_deleted_again() {
    let mut types = Vec::new();
    for (file, event) in events().iter().filter(|(_, event)| event["RequestType"] == "Create") {
        let world = World::new();
        let url = world.aws.response_url(Age::Now);
        let response = deliver(&world, event, url.clone()).await;
        assert_eq!(response["Status"], "SUCCESS", "{file}: {response}");
        let properties = &event["ResourceProperties"];
        let name = properties["DocumentName"].as_str().unwrap();
        assert_eq!(response["PhysicalResourceId"], name, "{file}");
        let (kind, content) = world.aws.ssm(|model| {
            let document = model.document(name).unwrap();
            (document.kind.clone(), document.default().content.clone())
        });
        assert_eq!(kind, properties["DocumentType"].as_str().unwrap(), "{file}");
        if let Some(text) = properties["DocumentContent"].as_str() {
            assert_eq!(content, text, "{file}");
        }
        let writes = world.writes().len();
        assert_eq!(deliver(&world, event, url).await["Status"], "SUCCESS", "{file}");
        assert_eq!(world.writes().len(), writes, "{file}: delivered again it writes nothing");
        let mut delete = event.clone();
        delete["RequestType"] = json!("Delete");
        delete["PhysicalResourceId"] = json!(name);
        delete["ResourceProperties"]["OnDelete"] = json!("Restore");
        assert_eq!(send(&world, &delete).await["Status"], "SUCCESS", "{file}");
        assert!(!world.exists(name), "{file}");
        types.push(kind);
    }
    types.sort();
    types.dedup();
    let expected =
        ["Automation", "Automation.ChangeTemplate", "ChangeCalendar", "Command", "Package", "Policy", "Session"];
    assert_eq!(types, expected);
}

#[tokio::test(start_paused = true)]
async fn every_update_goes_through_after_a_create_of_its_old_properties() {
    for (file, event) in events().iter().filter(|(_, event)| event["RequestType"] == "Update") {
        let world = World::new();
        let before = create(event, &event["OldResourceProperties"]);
        assert_eq!(send(&world, &before).await["Status"], "SUCCESS", "{file}");
        let response = send(&world, event).await;
        assert_eq!(response["Status"], "SUCCESS", "{file}: {response}");
        let name = event["ResourceProperties"]["DocumentName"].as_str().unwrap();
        assert_eq!(response["PhysicalResourceId"], name, "{file}");
        let wanted = &event["ResourceProperties"]["DocumentContent"];
        let idle = |content: &Value| match content {
            Value::String(text) => serde_json::from_str::<Value>(text).unwrap()["inputs"]["idleSessionTimeout"].clone(),
            mapping => mapping["inputs"]["idleSessionTimeout"].clone(),
        };
        assert_eq!(world.default_content(name)["inputs"]["idleSessionTimeout"], idle(wanted), "{file}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_delete_succeeds_and_returns_its_own_id() {
    for (file, event) in events().iter().filter(|(_, event)| event["RequestType"] == "Delete") {
        let world = World::new();
        assert_eq!(send(&world, &create(event, &event["ResourceProperties"])).await["Status"], "SUCCESS", "{file}");
        let response = send(&world, event).await;
        assert_eq!(
            (&response["Status"], &response["PhysicalResourceId"]),
            (&json!("SUCCESS"), &event["PhysicalResourceId"])
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_types_without_an_event_are_passed_through_as_well() {
    let (_, event) = events().into_iter().find(|(file, _)| file == "create-policy.json").unwrap();
    for kind in cfn_ssm_document::resource::document::desired::TYPES {
        let world = World::new();
        let schema = match kind {
            "Session" => continue,
            "Automation" => "0.3",
            "Command" => "2.2",
            _ => "2.0",
        };
        let mut properties = event["ResourceProperties"].clone();
        properties["DocumentType"] = json!(kind);
        properties["DocumentContent"] = json!(json!({ "schemaVersion": schema }).to_string());
        properties["OnDelete"] = json!("Restore");
        let mut event = create(&event, &properties);
        assert_eq!(send(&world, &event).await["Status"], "SUCCESS", "{kind}");
        event["RequestType"] = json!("Delete");
        event["PhysicalResourceId"] = properties["DocumentName"].clone();
        assert_eq!(send(&world, &event).await["Status"], "SUCCESS", "{kind}");
        assert!(!world.exists(properties["DocumentName"].as_str().unwrap()), "{kind}");
    }
}
