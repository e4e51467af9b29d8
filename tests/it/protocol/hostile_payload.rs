//! Events as large as Lambda accepts them, with hostile content.

use std::time::{Duration, Instant};

use lambda_runtime::LambdaEvent;
use loopback_aws::{Age, Loopback};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::stages::{TIMEOUT, delivered};
use crate::documents::{NAME, desired, desired_with};
use crate::world::{Request, World, context};

/// Enough time for a debug build on a busy machine.
const ENOUGH: Duration = TIMEOUT.saturating_mul(4);
/// The largest event that Lambda accepts, in bytes.
const PAYLOAD: usize = 6 << 20;

/// The event with `"@"` replaced by JSON that serde_json could not build.
async fn assert_response(world: &World, event: &Value, hole: &str, case: &str) -> String {
    world.aws.forget();
    let text = event.to_string().replace("\"@\"", hole);
    assert!(text.len() <= PAYLOAD, "{case}: {}", text.len());
    let payload = RawValue::from_string(text).unwrap();
    let started = Instant::now();
    world.provider.handle(LambdaEvent::new(payload, context(ENOUGH))).await.unwrap();
    assert!(started.elapsed() < ENOUGH, "{case}: {:?}", started.elapsed());
    let reply = delivered(world, case);
    assert!(!reply.reason().contains("stalled"), "{case}: {}", reply.0);
    reply.reason().to_owned()
}

#[tokio::test]
async fn an_event_of_six_megabytes_gets_a_response_in_time_whatever_it_contains() {
    let world = World::on_sockets(Loopback::builder()).await;
    let event = |properties: Value| Request::create(properties).event(&world.aws.response_url(Age::Now));
    let room = PAYLOAD - 4_096;
    let filled = |unit: &str| unit.repeat(room / unit.len());
    let keys = |value: &str| {
        let all: Vec<String> = (0..room / 20).map(|n| format!("\"k{n:07}\":{value}")).collect();
        format!("{{{}}}", all.join(","))
    };
    for (case, hole) in [
        ("a long string", format!("\"{}\"", filled("x"))),
        ("a long string of escapes", format!("\"{}\"", filled("\\u0001"))),
        ("empty lists", format!("[{}[]]", filled("[],"))),
        ("empty mappings", format!("[{}{{}}]", filled("{},"))),
        ("nested lists", format!("{}{}", "[".repeat(room / 2), "]".repeat(room / 2))),
        ("many keys", keys("1")),
    ] {
        for property in ["DocumentContent", "Tags"] {
            let event = event(desired_with("20", json!({property: "@"})));
            assert_response(&world, &event, &hole, &format!("{case} in {property}")).await;
        }
        let mut event = event(json!("@"));
        assert_response(&world, &event, &hole, &format!("{case} as the properties")).await;
        event["ResourceProperties"] = json!({});
        event["Unknown"] = json!("@");
        assert_response(&world, &event, &hole, &format!("{case} beside the properties")).await;
        event["RequestType"] = json!("@");
        event.as_object_mut().unwrap().remove("Unknown");
        assert_response(&world, &event, &hole, &format!("{case} as the request type")).await;
    }
    assert_eq!(world.aws.calls().len(), 0, "{:?}", world.aws.trace());
}

#[tokio::test]
async fn content_of_64_kb_that_expands_is_refused_in_time() {
    let world = World::on_sockets(Loopback::builder()).await;
    let levels = "abcdefghijklmnopqrstuvwxyz".as_bytes().windows(2);
    let bomb: String = levels
        .map(|pair| {
            let alias = format!("*{}", char::from(pair[0]));
            format!("{}: &{} [{}]\n", char::from(pair[1]), char::from(pair[1]), [alias.as_str(); 30].join(","))
        })
        .collect();
    let long_list = format!("a: &a [{}]\nb: [{}]\n", "x,".repeat(9_000), "*a,".repeat(9_000));
    for (case, content) in [
        ("a bomb of aliases", format!("a: &a [x]\n{bomb}")),
        ("a list many times over", long_list),
        ("lists in lists", "[".repeat(65_000)),
        ("mappings in mappings", "{\"a\":".repeat(13_000)),
        ("flow mappings in YAML", "{a: ".repeat(16_000)),
        ("sequences in sequences", "- ".repeat(32_000)),
        ("keys that ask", "? ".repeat(32_000)),
        ("anchors", "&a ".repeat(21_000)),
        ("quotes that do not end", format!("a: \"{}", "\\\n".repeat(30_000))),
        ("indentation", (0..350).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect()),
        ("comments", "#\n".repeat(32_000)),
        ("documents", "---\n".repeat(16_000)),
        ("directives", "%TAG ! x\n".repeat(7_000)),
    ] {
        for format in ["JSON", "YAML", ""] {
            let properties = desired_with("20", json!({"DocumentContent": content, "DocumentFormat": format}));
            let event = Request::create(properties).event(&world.aws.response_url(Age::Now));
            let reason = assert_response(&world, &event, "", &format!("{case} as {format:?}")).await;
            assert!(reason.contains("DocumentContent"), "{case} as {format:?}: {reason}");
        }
    }
    assert_eq!(world.aws.calls().len(), 0, "{:?}", world.aws.trace());
}

#[tokio::test]
async fn a_delete_is_carried_out_whatever_its_properties_are() {
    for hole in [format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)), "7".into(), "null".into(), "\"x\"".into()]
    {
        let world = World::on_sockets(Loopback::builder()).await;
        world.send(&Request::create(desired("20"))).await.ok();
        let event = Request::delete(NAME, json!("@")).event(&world.aws.response_url(Age::Now));
        let payload = RawValue::from_string(event.to_string().replace("\"@\"", &hole)).unwrap();
        world.provider.handle(LambdaEvent::new(payload, context(TIMEOUT))).await.unwrap();
        assert_eq!(world.aws.delivered().pop().unwrap()["Status"], "SUCCESS");
        assert_eq!(world.tags(NAME), [], "released");
    }
}

#[tokio::test]
async fn an_event_that_is_not_a_request_is_reported_to_the_runtime_and_not_quoted() {
    let world = World::on_sockets(Loopback::builder()).await;
    for text in ["{}", "[]", "null", "7", "\"SENTINEL\"", "{\"ResponseURL\": \"SENTINEL\"}", "{\"SENTINEL\": [[[1]]]}"]
    {
        let payload = RawValue::from_string(text.to_owned()).unwrap();
        let error = world.provider.handle(LambdaEvent::new(payload, context(TIMEOUT))).await.unwrap_err().to_string();
        assert!(
            error.starts_with("The event is not a CloudFormation request") && !error.contains("SENTINEL"),
            "{error}"
        );
    }
    assert_eq!(world.aws.journal().len(), 0);
}
