//! A response has at most 4,096 bytes, whatever the event.

use loopback_aws::{Fault, Loopback};
use serde_json::{Value, json};

use super::stages::delivered;
use crate::documents::{NAME, desired, desired_with};
use crate::world::{LOG_STREAM, Request, World};

const MEGABYTE: usize = 1 << 20;
/// Bytes, characters of two to four bytes, and characters that JSON escapes.
const SCRIPTS: [&str; 7] = ["x", "é", "日本", "🦀", "\"\\", "\u{1}\n", "a\u{301}"];

/// The response to `request` fits, echoes the ids, and ends as every reason does.
async fn assert_fits(world: &World, request: &Request) {
    world.aws.forget();
    world.invoke(request).await.unwrap();
    let case = format!("{} {}", request.request_type, request.logical_id);
    let response = world.aws.responses().remove(0);
    assert!(!response.is_too_long(), "{} bytes", response.bytes.len());
    let reply = delivered(world, &case);
    assert_eq!(reply.0["StackId"], request.stack_id.as_str());
    assert_eq!(reply.0["LogicalResourceId"], request.logical_id.as_str());
    assert_eq!(reply.0["RequestId"], "e9a1c2b3-0000-4000-8000-000000000001");
    assert!(!reply.id().is_empty());
    assert!(reply.reason().ends_with(&format!("(see log stream {LOG_STREAM})")), "{}", reply.0);
    assert!(!reply.reason().contains('\u{fffd}'));
}

/// Requests that repeat `text` wherever an input can be long.
fn long_requests(text: &str) -> Vec<Request> {
    let many: Value = (0..2_000).map(|number| (format!("{text}{number}"), json!(text))).collect();
    let mut requests: Vec<Request> = vec![Request::create(many)];
    for property in ["DocumentName", "DocumentType", "DocumentFormat", "VersionName", "TargetType", "OnExisting", text]
    {
        requests.push(Request::create(desired_with("20", json!({property: text}))));
    }
    let content = |content: Value| Request::create(desired_with("20", json!({"DocumentContent": content})));
    let session = |inputs: Value| json!({"schemaVersion": text, "sessionType": text, "inputs": inputs}).to_string();
    requests.extend([
        content(json!({"schemaVersion": "1.0", "sessionType": text, text: {text: text}})),
        content(json!(session(json!({"idleSessionTimeout": text})))),
        content(json!(format!("{{\"{text}"))),
        Request::create(desired_with("20", json!({"Tags": [{"Key": text, "Value": text}]}))),
        Request::create(desired_with("20", json!({"AccountIds": [text, text]}))),
        Request::create(desired_with("20", json!({"Requires": [{"Name": text, text: text}]}))),
        Request { resource_type: text.to_owned(), ..Request::create(desired("20")) },
        Request {
            resource_type: "Custom::SsmServiceSetting".into(),
            ..Request::create(json!({"SettingId": text, "SettingValue": text}))
        },
    ]);
    requests
}

#[tokio::test]
async fn a_response_fits_however_long_the_event_is_and_in_whatever_script() {
    let world = World::on_sockets(Loopback::builder()).await;
    for script in SCRIPTS {
        // The first of these requests has 2,000 such names, so it is megabytes long as well.
        for request in long_requests(&script.repeat(300)) {
            assert_fits(&world, &request).await;
        }
    }
    for request in long_requests(&SCRIPTS[3].repeat(MEGABYTE / 4)).into_iter().skip(1) {
        assert_fits(&world, &request).await;
    }
    assert_eq!(world.aws.calls().len(), 0);
}

#[tokio::test]
async fn a_response_fits_however_long_systems_managers_message_is() {
    for script in SCRIPTS {
        for length in [1_000, 100_000] {
            let world = World::on_sockets(Loopback::builder()).await;
            let fault = Fault::error(400, "InvalidDocumentContent", &script.repeat(length));
            world.aws.on("CreateDocument").always().fault(fault);
            assert_fits(&world, &Request::create(desired("20"))).await;
            world.aws.no_faults();
            world.aws.on("DescribeDocument").always().fault(Fault::error(400, &script.repeat(length), "x"));
            assert_fits(&world, &Request::create(desired("20"))).await;
        }
    }
}

#[tokio::test]
async fn ids_of_the_greatest_length_are_echoed_whole() {
    let world = World::on_sockets(Loopback::builder()).await;
    let mut request = Request::update(&"é".repeat(512), desired("10"), json!({"é".repeat(9_000): "x"}));
    request.stack_id = format!("{}/{}", request.stack_id, "x".repeat(900));
    request.logical_id = "日".repeat(255);
    assert_fits(&world, &request).await;
}

#[tokio::test]
async fn ids_that_leave_no_room_for_a_response_are_refused_before_any_call() {
    let world = World::on_sockets(Loopback::builder()).await;
    for length in [4_096, MEGABYTE] {
        let request = Request::create(desired("20")).of_resource(&"x".repeat(length));
        let error = world.invoke(&request).await.unwrap_err().to_string();
        assert!(error.contains("exceed the maximum length of a response"), "{error}");
    }
    let mut request = Request::delete(&"x".repeat(MEGABYTE), desired("20"));
    request.logical_id = NAME.into();
    assert!(world.invoke(&request).await.is_err());
    assert_eq!(world.aws.journal().len(), 0, "{:?}", world.aws.trace());
}
