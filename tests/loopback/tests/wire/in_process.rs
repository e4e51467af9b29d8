//! The transport without sockets, in a runtime whose time is paused: nothing here waits.

use crate::client::CONTENT;
use hyper::Request;
use loopback_aws::ssm::Lags;
use loopback_aws::{Age, Fault, InProcess, Loopback, Loss, Reset, Sink, TakesEffect};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, advance, timeout};

const SECOND: Duration = Duration::from_secs(1);

/// A time of day to begin with.
fn base() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn aws() -> Loopback {
    Loopback::builder().in_process(base())
}

async fn call(aws: &Loopback, operation: &str, input: Value) -> Result<(u16, Value), Reset> {
    call_by(&aws.transport(), &aws.ssm_url(), operation, &input).await
}

async fn call_by(transport: &InProcess, url: &str, operation: &str, input: &Value) -> Result<(u16, Value), Reset> {
    let request = Request::post(url).header("x-amz-target", format!("AmazonSSM.{operation}"));
    let response = transport.send(request.body(input.to_string()).unwrap()).await?;
    Ok((response.status().as_u16(), serde_json::from_slice(response.body()).unwrap()))
}

fn document(name: &str) -> Value {
    json!({"Name": name, "Content": CONTENT, "DocumentType": "Session"})
}

fn exists(aws: &Loopback, name: &str) -> bool {
    aws.ssm(|model| model.document(name).is_some())
}

async fn put(aws: &Loopback, url: &str) -> Result<u16, Reset> {
    let request = Request::put(url).body(r#"{"Status":"SUCCESS"}"#).unwrap();
    Ok(aws.transport().send(request).await?.status().as_u16())
}

#[tokio::test(start_paused = true)]
async fn ssm_cloudformation_and_the_sink_are_told_apart_by_the_request() {
    let aws = aws();
    assert_eq!(call(&aws, "CreateDocument", document("Doc")).await.unwrap().0, 200);
    assert_eq!(put(&aws, &aws.response_url(Age::Now)).await, Ok(200));
    let question = Request::post(aws.cloudformation_url())
        .header("content-type", "application/x-www-form-urlencoded")
        .body("Action=DescribeStackResource&Version=2010-05-15&StackName=a&LogicalResourceId=b");
    assert_eq!(aws.transport().send(question.unwrap()).await.unwrap().status(), 400);
    let expected = ["1 CreateDocument Doc 200", "PUT SUCCESS 200", "2 DescribeStackResource b 400 ValidationError"];
    assert_eq!(aws.trace(), expected);
}

#[tokio::test(start_paused = true)]
async fn minutes_pass_in_no_time_and_every_time_is_the_clock_s() {
    let aws = aws();
    let begun = Instant::now();
    aws.set_latency(60 * SECOND);
    for name in ["One", "Two", "Three"] {
        call(&aws, "CreateDocument", document(name)).await.unwrap();
    }
    assert_eq!((begun.elapsed(), aws.clock().now_system()), (180 * SECOND, base() + 180 * SECOND));
    let (_, described) = call(&aws, "DescribeDocument", json!({"Name": "Two"})).await.unwrap();
    assert_eq!(described["Document"]["CreatedDate"], 1_800_000_120.0);
    assert_eq!(aws.journal()[2].time, base() + 120 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_response_url_ages_by_the_clock() {
    let aws = aws();
    let url = aws.response_url(Age::Now);
    assert!(url.contains("X-Amz-Date=20270115T080000Z"), "{url}");
    advance(7200 * SECOND).await;
    assert_eq!(put(&aws, &url).await, Ok(200));
    advance(SECOND).await;
    assert_eq!(put(&aws, &url).await, Ok(403));
}

#[tokio::test(start_paused = true)]
async fn a_reset_is_an_error_and_a_hang_stays_pending() {
    let aws = aws();
    aws.on("CreateDocument").fault(Fault::ResetAfter);
    assert_eq!(call(&aws, "CreateDocument", document("Doc")).await, Err(Reset));
    assert!(exists(&aws, "Doc"));
    aws.on("CreateDocument").fault(Fault::Hang);
    assert!(timeout(600 * SECOND, call(&aws, "CreateDocument", document("Other"))).await.is_err());
    aws.sink().script([Sink::Reset, Sink::Delay(5 * SECOND)]);
    let (url, begun) = (aws.response_url(Age::Now), Instant::now());
    assert_eq!((put(&aws, &url).await, put(&aws, &url).await), (Err(Reset), Ok(200)));
    assert_eq!(begun.elapsed(), 5 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_before_its_call_is_carried_out_has_changed_nothing() {
    let aws = aws();
    aws.set_latency(2 * SECOND);
    assert!(timeout(SECOND, call(&aws, "CreateDocument", document("Doc"))).await.is_err());
    advance(60 * SECOND).await;
    assert!(!exists(&aws, "Doc"));
}

#[tokio::test(start_paused = true)]
async fn a_call_takes_effect_after_its_caller_gave_up() {
    let aws = aws();
    for (loss, name) in [(Loss::Hang, "Hang"), (Loss::Reset, "Reset")] {
        aws.on("CreateDocument").fault(Fault::Late(loss, TakesEffect::After(3 * SECOND)));
        let lost = timeout(SECOND, call(&aws, "CreateDocument", document(name))).await;
        assert_eq!(lost.is_err(), loss == Loss::Hang);
        assert!(!exists(&aws, name));
        advance(3 * SECOND).await;
        assert!(exists(&aws, name));
    }
    let trace = aws.trace();
    assert_eq!((&*trace[0], &*trace[1]), ("1 CreateDocument Hang no response", "late CreateDocument Hang took effect"));
}

#[tokio::test(start_paused = true)]
async fn a_late_call_has_the_moment_that_it_took_effect() {
    let aws = aws();
    aws.on("CreateDocument").fault(Fault::Late(Loss::Reset, TakesEffect::After(3 * SECOND)));
    call(&aws, "CreateDocument", document("Doc")).await.unwrap_err();
    advance(10 * SECOND).await;
    let (_, described) = call(&aws, "DescribeDocument", json!({"Name": "Doc"})).await.unwrap();
    assert_eq!(described["Document"]["CreatedDate"], 1_800_000_003.0);
}

#[tokio::test(start_paused = true)]
async fn a_late_call_can_wait_for_the_next_call_or_for_the_test() {
    let aws = aws();
    aws.on("CreateDocument").fault(Fault::Late(Loss::Reset, TakesEffect::AtNextCall));
    aws.on("CreateDocument").nth(2).fault(Fault::Late(Loss::Reset, TakesEffect::WhenReleased));
    call(&aws, "CreateDocument", document("First")).await.unwrap_err();
    assert!(!exists(&aws, "First"));
    call(&aws, "CreateDocument", document("Second")).await.unwrap_err();
    advance(600 * SECOND).await;
    assert_eq!((exists(&aws, "First"), exists(&aws, "Second")), (false, false), "neither was carried out yet");
    let (_, again) = call(&aws, "CreateDocument", document("First")).await.unwrap();
    assert_eq!(again["__type"], "DocumentAlreadyExists");
    aws.ssm(|model| model.remove_document("Second"));
    aws.release_late_calls();
    assert!(exists(&aws, "Second"));
    aws.release_late_calls();
    let late: Vec<String> = aws.trace().into_iter().filter(|line| line.starts_with("late")).collect();
    assert_eq!(late, ["late CreateDocument First took effect", "late CreateDocument Second took effect"]);
}

#[tokio::test(start_paused = true)]
async fn reads_lag_by_the_clock() {
    let aws = aws();
    aws.ssm(|model| model.lags = Lags::fixed(SECOND));
    call(&aws, "CreateDocument", document("Doc")).await.unwrap();
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(call(&aws, "DescribeDocument", json!({"Name": "Doc"})).await.unwrap().0);
        advance(SECOND / 2).await;
    }
    assert_eq!(statuses, [400, 400, 200]);
}

/// The order in which five callers side by side got through, twenty times each.
async fn race(seed: u64) -> Vec<String> {
    let aws = Loopback::builder().latency_up_to(SECOND, seed).in_process(base());
    aws.ssm(|model| model.lags = Lags::up_to(SECOND, seed));
    call(&aws, "CreateDocument", document("Doc")).await.unwrap();
    let callers = (0..5).map(|caller| {
        let (transport, url) = (aws.transport(), aws.ssm_url());
        tokio::spawn(async move {
            for turn in 0..20 {
                let tags = json!([{"Key": "last", "Value": format!("{caller}.{turn}")}]);
                let tag = json!({"ResourceType": "Document", "ResourceId": "Doc", "Tags": tags});
                call_by(&transport, &url, "AddTagsToResource", &tag).await.unwrap();
            }
        })
    });
    let callers: Vec<_> = callers.collect();
    let mut seen = Vec::new();
    while !callers.iter().all(tokio::task::JoinHandle::is_finished) {
        let (_, body) = call(&aws, "DescribeDocument", json!({"Name": "Doc"})).await.unwrap();
        seen.push(body["Document"]["Tags"].to_string());
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_history() {
    let (one, again, other) = (race(1).await, race(1).await, race(2).await);
    assert!(one.len() > 10, "{one:?}");
    assert_eq!(one, again);
    assert_ne!(one, other);
}
