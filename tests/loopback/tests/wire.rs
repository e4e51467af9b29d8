//! The loopback AWS as a client meets it: bytes on a socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use loopback_aws::ssm::{Document, ModelError};
use loopback_aws::{Age, Fault, Loopback, Sink};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CONTENT: &str = r#"{"schemaVersion":"1.0"}"#;

/// Sends one request on a connection of its own; the status, the head and the body, or how the connection failed.
async fn send(method: &str, url: &str, headers: &str, body: &str) -> std::io::Result<(u16, String, String)> {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let mut stream = TcpStream::connect(host).await?;
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    Ok((head[9..12].parse().unwrap(), head.to_lowercase(), body.to_owned()))
}

async fn call(aws: &Loopback, operation: &str, input: Value) -> std::io::Result<(u16, Value)> {
    let headers = format!("content-type: application/x-amz-json-1.1\r\nx-amz-target: AmazonSSM.{operation}\r\n");
    let (status, head, body) = send("POST", &aws.ssm_url(), &headers, &input.to_string()).await?;
    assert!(head.contains("x-amzn-requestid: "), "{head}");
    Ok((status, serde_json::from_str(&body).unwrap_or(Value::String(body))))
}

async fn create(aws: &Loopback, name: &str) -> std::io::Result<(u16, Value)> {
    call(aws, "CreateDocument", json!({"Name": name, "Content": CONTENT, "DocumentType": "Session"})).await
}

#[tokio::test]
async fn a_document_is_created_and_described_over_the_wire() {
    let aws = Loopback::start().await;
    let (status, created) = create(&aws, "Doc").await.unwrap();
    assert_eq!((status, &created["DocumentDescription"]["Status"]), (200, &json!("Active")));
    let (_, described) = call(&aws, "DescribeDocument", json!({"Name": "Doc"})).await.unwrap();
    assert_eq!(described["Document"]["Owner"], "111122223333");
    assert_eq!(aws.calls(), ["CreateDocument", "DescribeDocument"]);
    assert_eq!((aws.round_trips(), aws.ssm_counts().connections), (2, 2));
}

#[tokio::test]
async fn an_error_of_the_service_has_its_type_and_its_message() {
    let aws = Loopback::start().await;
    let (status, body) = call(&aws, "GetDocument", json!({"Name": "Absent"})).await.unwrap();
    let expected = json!({"__type": "InvalidDocument", "Message": "Document with name Absent does not exist."});
    assert_eq!((status, body), (400, expected));
    assert_eq!(aws.ssm_calls()[0].error.as_deref(), Some("InvalidDocument"));
}

#[tokio::test]
async fn calls_side_by_side_are_one_round_trip() {
    let aws = Loopback::builder().latency(Duration::from_millis(100)).start().await;
    aws.ssm(|model| model.put_document(Document::session("Doc", CONTENT)));
    let input = json!({"Name": "Doc"});
    let (describe, get) =
        tokio::join!(call(&aws, "DescribeDocument", input.clone()), call(&aws, "GetDocument", input.clone()));
    assert_eq!((describe.unwrap().0, get.unwrap().0), (200, 200));
    assert_eq!(aws.round_trips(), 1);
    call(&aws, "GetDocument", input).await.unwrap();
    assert_eq!(aws.round_trips(), 2);
}

#[tokio::test]
async fn a_fault_meets_the_call_it_was_made_for_and_no_other() {
    let aws = Loopback::start().await;
    aws.on("CreateDocument").nth(2).fault(Fault::throttling());
    assert_eq!(create(&aws, "First").await.unwrap().0, 200);
    let (status, body) = create(&aws, "Second").await.unwrap();
    assert_eq!((status, body), (400, json!({"__type": "ThrottlingException", "message": "Rate exceeded"})));
    assert_eq!(create(&aws, "Third").await.unwrap().0, 200);
    assert_eq!(aws.ssm(|model| model.documents().count()), 2);
}

#[tokio::test]
async fn a_fault_for_a_while_ends_and_a_fault_for_good_can_be_taken_back() {
    let aws = Loopback::start().await;
    aws.on("*").times(2).fault(Fault::internal());
    let mut statuses = Vec::new();
    for name in ["First", "Second", "Third"] {
        statuses.push(create(&aws, name).await.unwrap().0);
    }
    assert_eq!(statuses, [500, 500, 200]);
    aws.on("*").always().fault(Fault::access_denied("ssm:CreateDocument", "Fourth"));
    let (status, body) = create(&aws, "Fourth").await.unwrap();
    assert_eq!((status, &body["__type"]), (400, &json!("AccessDeniedException")));
    aws.no_faults();
    assert_eq!(create(&aws, "Fourth").await.unwrap().0, 200);
}

#[tokio::test]
async fn a_reset_before_changes_nothing_and_a_reset_after_has_changed() {
    let aws = Loopback::start().await;
    aws.on("CreateDocument").fault(Fault::ResetBefore);
    let reset = create(&aws, "Doc").await.unwrap_err();
    assert_eq!(reset.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(aws.ssm(|model| model.document("Doc").is_none()));
    aws.on("CreateDocument").fault(Fault::ResetAfter);
    create(&aws, "Doc").await.unwrap_err();
    assert!(aws.ssm(|model| model.document("Doc").is_some()));
    assert_eq!(aws.ssm_calls()[1].status, None);
}

#[tokio::test]
async fn an_error_after_the_change_has_changed() {
    let aws = Loopback::start().await;
    aws.on("CreateDocument").fault(Fault::ErrorAfter(ModelError::new("InternalServerError", "too late")));
    assert_eq!(create(&aws, "Doc").await.unwrap().0, 400);
    assert!(aws.ssm(|model| model.document("Doc").is_some()));
}

#[tokio::test]
async fn a_hang_is_not_answered_and_holds_no_one_up() {
    let aws = Loopback::start().await;
    aws.on("CreateDocument").fault(Fault::Hang);
    let waited = tokio::time::timeout(Duration::from_millis(200), create(&aws, "Doc")).await;
    assert!(waited.is_err());
    assert_eq!(create(&aws, "Doc").await.unwrap().0, 200);
    assert_eq!(aws.journal()[0].ended, None);
    let begun = Instant::now();
    drop(aws);
    assert!(begun.elapsed() < Duration::from_secs(1), "a hanging call must not hold the shutdown up");
}

#[tokio::test]
async fn somebody_else_can_act_just_before_and_just_after_a_call() {
    let aws = Loopback::start().await;
    aws.on("CreateDocument").before(|model| model.put_document(Document::session("Doc", CONTENT)));
    let (_, body) = create(&aws, "Doc").await.unwrap();
    assert_eq!(body["__type"], "DocumentAlreadyExists");
    aws.on("CreateDocument").after(|model| drop(model.remove_document("Other")));
    assert_eq!(create(&aws, "Other").await.unwrap().0, 200);
    assert!(aws.ssm(|model| model.document("Other").is_none()));
}

#[tokio::test]
async fn a_gate_holds_a_call_at_the_point_where_a_test_wants_to_kill() {
    let aws = Loopback::start().await;
    let mut gate = aws.on("CreateDocument").hold_after();
    let url = aws.ssm_url();
    let body = json!({"Name": "Doc", "Content": CONTENT, "DocumentType": "Session"}).to_string();
    let caller = tokio::spawn(async move {
        send("POST", &url, "x-amz-target: AmazonSSM.CreateDocument\r\n", &body).await.unwrap().0
    });
    gate.reached().await;
    assert!(aws.ssm(|model| model.document("Doc").is_some()));
    assert!(!caller.is_finished());
    gate.open();
    assert_eq!(caller.await.unwrap(), 200);
}

#[tokio::test]
async fn the_sink_stores_an_answer_and_counts_every_other_request() {
    let aws = Loopback::start().await;
    let body = json!({"Status": "SUCCESS"});
    let (status, ..) = send("PUT", &aws.answer_url(Age::Now), "content-type:\r\n", &body.to_string()).await.unwrap();
    assert_eq!(status, 200);
    send("GET", &aws.answer_url(Age::Now), "", "").await.unwrap();
    let answer = &aws.answers()[0];
    assert!(answer.is_delivered() && !answer.is_too_long());
    assert_eq!((&answer.body, answer.header("content-type")), (&body, Some("")));
    let trace = aws.trace();
    assert_eq!(trace[0], "PUT SUCCESS 200");
    assert!(trace[1].starts_with("GET /arn%3Aaws%3Acloudformation"), "{trace:?}");
}

#[tokio::test]
async fn the_sink_refuses_what_s3_refuses() {
    let aws = Loopback::start().await;
    let cases = [
        (aws.answer_url(Age::Now), "content-type: application/json\r\n", 403),
        (aws.answer_url(Age::minutes(119)), "", 200),
        (aws.answer_url(Age::minutes(121)), "", 403),
        (aws.answer_url(Age::Ahead(Duration::from_secs(60))), "", 200),
        (aws.answer_url_v2(Age::minutes(119)), "", 200),
        (aws.answer_url_v2(Age::minutes(121)), "", 403),
    ];
    for (url, headers, expected) in cases {
        assert_eq!(send("PUT", &url, headers, "{}").await.unwrap().0, expected, "{url} {headers}");
    }
}

#[tokio::test]
async fn the_sink_follows_its_script_and_then_stores() {
    let aws = Loopback::start().await;
    aws.sink().script([Sink::Status(503), Sink::Reset, Sink::ResetAfter, Sink::Redirect("/else".to_owned()), Sink::Ok]);
    let url = aws.answer_url(Age::Now);
    let put = async || send("PUT", &url, "", "{}").await.map(|(status, ..)| status).ok();
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(put().await);
    }
    assert_eq!(statuses, [Some(503), None, None, Some(307), Some(200), Some(200)]);
    let delivered: Vec<bool> = aws.answers().iter().map(|answer| answer.is_delivered()).collect();
    assert_eq!(delivered, [false, false, true, false, true, true]);
    aws.sink().always(Sink::Hang);
    assert!(tokio::time::timeout(Duration::from_millis(100), put()).await.is_err());
}

#[tokio::test]
async fn an_answer_of_more_than_4096_bytes_is_marked() {
    let aws = Loopback::start().await;
    for (length, too_long) in [(4096, false), (4097, true)] {
        send("PUT", &aws.answer_url(Age::Now), "", &"x".repeat(length)).await.unwrap();
        assert_eq!(aws.answers().last().unwrap().is_too_long(), too_long);
    }
}
