//! Faults, hooks and gates.

use crate::client::{CONTENT, create, send};
use loopback_aws::ssm::{Document, ModelError};
use loopback_aws::{Fault, Loopback};
use serde_json::json;
use std::time::{Duration, Instant};

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
async fn a_hang_gets_no_response_and_holds_no_one_up() {
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
