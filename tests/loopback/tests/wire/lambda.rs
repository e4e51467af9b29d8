//! The Lambda Runtime API, as a runtime meets it.

use crate::client::send;
use loopback_aws::{InvocationError, Loopback, RuntimeApi};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a runtime does: asks for the next event, and responds to it at `outcome`.
async fn handle_one(lambda: &RuntimeApi, outcome: &str, body: &str) -> (String, u16) {
    let base = format!("http://{}/2018-06-01/runtime/invocation", lambda.addr());
    let (status, head, event) = send("GET", &format!("{base}/next"), "", "").await.unwrap();
    assert_eq!(status, 200);
    let id = header(&head, "lambda-runtime-aws-request-id");
    (event, send("POST", &format!("{base}/{id}/{outcome}"), "", body).await.unwrap().0)
}

fn header(head: &str, name: &str) -> String {
    let line = head.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name} in {head}"));
    line.trim_start_matches(':').trim().to_owned()
}

#[tokio::test]
async fn an_event_is_handed_over_and_its_response_comes_back() {
    let aws = Loopback::start().await;
    let lambda = aws.runtime_api().await;
    let event = json!({"RequestType": "Create"});
    let invoked = lambda.invoke(&event, Duration::from_secs(5));
    let (result, (seen, status)) = tokio::join!(invoked, handle_one(&lambda, "response", "null"));
    assert_eq!((result, status), (Ok(Value::Null), 202));
    assert_eq!(serde_json::from_str::<Value>(&seen).unwrap(), event);
    assert_eq!((lambda.polls(), lambda.counts().connections), (1, 2));
}

#[tokio::test]
async fn an_error_of_the_function_comes_back_as_one() {
    let aws = Loopback::start().await;
    let lambda = aws.runtime_api().await;
    let error = json!({"errorType": "Undelivered", "errorMessage": "gone"});
    let invoked = lambda.invoke(&Value::Null, Duration::from_secs(5));
    let (result, _) = tokio::join!(invoked, async { handle_one(&lambda, "error", &error.to_string()).await });
    assert_eq!(result, Err(InvocationError::Function(error)));
}

#[tokio::test]
async fn the_function_is_told_the_deadline_its_arn_and_a_trace() {
    let aws = Loopback::start().await;
    let lambda = aws.runtime_api().await;
    let url = format!("http://{}/2018-06-01/runtime/invocation/next", lambda.addr());
    let invoked = lambda.invoke(&Value::Null, Duration::from_secs(3));
    let polled = async { tokio::time::timeout(Duration::from_secs(2), send("GET", &url, "", "")).await };
    let (head, _) = tokio::select! {
        _ = invoked => panic!("nothing responded"),
        polled = polled => { let (_, head, body) = polled.unwrap().unwrap(); (head, body) }
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let left = header(&head, "lambda-runtime-deadline-ms").parse::<u128>().unwrap() - now;
    assert!((1..=3000).contains(&left), "{left}");
    let arn = header(&head, "lambda-runtime-invoked-function-arn");
    assert_eq!(arn, "arn:aws:lambda:eu-central-1:111122223333:function:cfn-ssm-document");
    header(&head, "lambda-runtime-trace-id");
}

#[tokio::test]
async fn an_invocation_that_nobody_responds_to_times_out_and_is_not_handed_over_later() {
    let aws = Loopback::start().await;
    let lambda = aws.runtime_api().await;
    let result = lambda.invoke(&json!("first"), Duration::from_millis(50)).await;
    assert_eq!(result, Err(InvocationError::TimedOut));
    let second = json!("second");
    let invoked = lambda.invoke(&second, Duration::from_secs(5));
    let (_, (seen, _)) = tokio::join!(invoked, handle_one(&lambda, "response", "null"));
    assert_eq!(seen, "\"second\"");
}

#[tokio::test]
async fn a_response_to_an_unknown_invocation_is_refused_and_an_init_error_is_kept() {
    let aws = Loopback::start().await;
    let lambda = aws.runtime_api().await;
    let base = format!("http://{}/2018-06-01/runtime", lambda.addr());
    assert_eq!(send("POST", &format!("{base}/invocation/made-up/response"), "", "null").await.unwrap().0, 400);
    assert_eq!(lambda.init_error(), None);
    assert_eq!(send("POST", &format!("{base}/init/error"), "", r#"{"errorType":"X"}"#).await.unwrap().0, 202);
    assert_eq!(lambda.init_error(), Some(json!({"errorType": "X"})));
}
