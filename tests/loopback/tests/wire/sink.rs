//! The sink of CloudFormation's responses.

use crate::client::send;
use loopback_aws::{Age, Loopback, Sink};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn the_sink_stores_a_response_and_counts_every_other_request() {
    let aws = Loopback::start().await;
    let body = json!({"Status": "SUCCESS"});
    let (status, ..) = send("PUT", &aws.response_url(Age::Now), "content-type:\r\n", &body.to_string()).await.unwrap();
    assert_eq!(status, 200);
    send("GET", &aws.response_url(Age::Now), "", "").await.unwrap();
    let response = &aws.responses()[0];
    assert!(response.is_delivered() && !response.is_too_long());
    assert_eq!((&response.body, response.header("content-type")), (&body, Some("")));
    let trace = aws.trace();
    assert_eq!(trace[0], "PUT SUCCESS 200");
    assert!(trace[1].starts_with("GET /arn%3Aaws%3Acloudformation"), "{trace:?}");
}

#[tokio::test]
async fn the_sink_refuses_what_s3_refuses() {
    let aws = Loopback::start().await;
    let cases = [
        (aws.response_url(Age::Now), "content-type: application/json\r\n", 403),
        (aws.response_url(Age::minutes(119)), "", 200),
        (aws.response_url(Age::minutes(121)), "", 403),
        (aws.response_url(Age::Ahead(Duration::from_secs(60))), "", 200),
        (aws.response_url_v2(Age::minutes(119)), "", 200),
        (aws.response_url_v2(Age::minutes(121)), "", 403),
    ];
    for (url, headers, expected) in cases {
        assert_eq!(send("PUT", &url, headers, "{}").await.unwrap().0, expected, "{url} {headers}");
    }
}

#[tokio::test]
async fn the_sink_follows_its_script_and_then_stores() {
    let aws = Loopback::start().await;
    aws.sink().script([Sink::Status(503), Sink::Reset, Sink::ResetAfter, Sink::Redirect("/else".to_owned()), Sink::Ok]);
    let url = aws.response_url(Age::Now);
    let put = async || send("PUT", &url, "", "{}").await.map(|(status, ..)| status).ok();
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(put().await);
    }
    assert_eq!(statuses, [Some(503), None, None, Some(307), Some(200), Some(200)]);
    let delivered: Vec<bool> = aws.responses().iter().map(|response| response.is_delivered()).collect();
    assert_eq!(delivered, [false, false, true, false, true, true]);
    aws.sink().always(Sink::Hang);
    assert!(tokio::time::timeout(Duration::from_millis(100), put()).await.is_err());
}

#[tokio::test]
async fn a_response_of_more_than_4096_bytes_is_marked() {
    let aws = Loopback::start().await;
    for (length, too_long) in [(4096, false), (4097, true)] {
        send("PUT", &aws.response_url(Age::Now), "", &"x".repeat(length)).await.unwrap();
        assert_eq!(aws.responses().last().unwrap().is_too_long(), too_long);
    }
}
