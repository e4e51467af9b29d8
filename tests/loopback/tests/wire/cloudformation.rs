//! CloudFormation's Query protocol, on SSM's endpoint.

use crate::client::{create, send};
use loopback_aws::cloudformation::{Resource, ResourceStatus};
use loopback_aws::{Age, Fault, Loopback, Service};
use serde_json::json;
use std::time::{Duration, UNIX_EPOCH};

const STACK: &str = "arn:aws:cloudformation:eu-central-1:111122223333:stack/prod/51af3dc0-da77-11e4-872e-1234567db123";
const QUESTION: &str = "Action=DescribeStackResource&Version=2010-05-15&StackName=arn%3Aaws%3Acloudformation%3A\
    eu-central-1%3A111122223333%3Astack%2Fprod%2F51af3dc0-da77-11e4-872e-1234567db123&LogicalResourceId=Preferences";

async fn ask(aws: &Loopback, form: &str) -> (u16, String) {
    let headers = "content-type: application/x-www-form-urlencoded\r\n";
    let (status, head, body) = send("POST", &aws.cloudformation_url(), headers, form).await.unwrap();
    assert!(head.contains("content-type: text/xml") && head.contains("x-amzn-requestid: "), "{head}");
    (status, body)
}

async fn known() -> Loopback {
    let aws = Loopback::start().await;
    let resource = Resource::new(ResourceStatus::UpdateInProgress, UNIX_EPOCH + Duration::from_secs(1_795_290_070));
    aws.cloudformation(|known| known.put(STACK, "Preferences", resource));
    aws
}

#[tokio::test]
async fn a_resource_is_described_in_xml() {
    let aws = known().await;
    let (status, body) = ask(&aws, QUESTION).await;
    let beginning = "<DescribeStackResourceResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">\
        <DescribeStackResourceResult><StackResourceDetail>";
    assert!(status == 200 && body.starts_with(beginning), "{body}");
    for part in [
        format!("<StackId>{STACK}</StackId>"),
        "<LastUpdatedTimestamp>2026-11-21T19:41:10.000Z</LastUpdatedTimestamp>".to_owned(),
        "<ResourceStatus>UPDATE_IN_PROGRESS</ResourceStatus>".to_owned(),
        "<ResponseMetadata><RequestId>00000000-0000-4000-8000-".to_owned(),
    ] {
        assert!(body.contains(&part), "{part} in {body}");
    }
}

#[tokio::test]
async fn calls_are_journalled_apart_from_those_of_ssm_and_count_as_round_trips() {
    let aws = known().await;
    create(&aws, "Doc").await.unwrap();
    ask(&aws, QUESTION).await;
    let calls = aws.cloudformation_calls();
    assert_eq!((aws.calls(), calls.len()), (vec!["CreateDocument".to_owned()], 1));
    assert_eq!((calls[0].service, calls[0].subject.as_deref()), (Service::Cloudformation, Some("Preferences")));
    assert_eq!((&calls[0].input["StackName"], calls[0].status), (&json!(STACK), Some(200)));
    assert_eq!(aws.trace(), ["1 CreateDocument Doc 200", "2 DescribeStackResource Preferences 200"]);
    assert_eq!(aws.round_trips(), 2);
}

#[tokio::test]
async fn a_stack_is_described_in_xml() {
    let aws = known().await;
    let question = QUESTION.replace("StackResource&", "Stacks&").replace("&LogicalResourceId=Preferences", "");
    let (status, body) = ask(&aws, &question).await;
    let beginning = "<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">\
        <DescribeStacksResult><Stacks><member>";
    assert!(status == 200 && body.starts_with(beginning), "{body}");
    for part in [format!("<StackId>{STACK}</StackId>"), "<StackStatus>UPDATE_IN_PROGRESS</StackStatus>".to_owned()] {
        assert!(body.contains(&part), "{part} in {body}");
    }
}

#[tokio::test]
async fn a_request_is_refused_with_the_error_that_aws_gives() {
    let aws = known().await;
    aws.cloudformation(|known| known.remove_stack(STACK));
    let table = [
        (QUESTION.to_owned(), "ValidationError", "Stack 'arn:aws:cloudformation:"),
        (QUESTION.replace("Preferences", ""), "ValidationError", "failed to satisfy constraint"),
        (QUESTION.replace("2010-05-15", "2011-01-01"), "InvalidAction", "for version 2011-01-01"),
        (QUESTION.replace("&Version=2010-05-15", ""), "InvalidAction", "NO_VERSION_SPECIFIED"),
        (QUESTION.replace("Action=DescribeStackResource&", ""), "MissingAction", "missing an action"),
        (QUESTION.replace("StackResource&", "StackEvents&"), "InvalidAction", "DescribeStackEvents"),
        (QUESTION.replace("StackResource&", "Stacks&"), "ValidationError", "Stack with id arn:aws:cloudformation:"),
        (format!("{QUESTION}&Extra=1"), "ValidationError", "Extra"),
        (format!("{QUESTION}&StackName=twice"), "MalformedQueryString", "StackName"),
    ];
    for (form, code, message) in table {
        let (status, body) = ask(&aws, &form).await;
        assert!(status == 400 && body.contains(&format!("<Type>Sender</Type><Code>{code}</Code>")), "{form}: {body}");
        assert!(body.contains(message), "{form}: {body}");
    }
}

#[tokio::test]
async fn faults_meet_it_under_its_own_error_codes() {
    let aws = known().await;
    let denied = Fault::access_denied("cloudformation:DescribeStackResource", STACK);
    let table = [
        (Fault::throttling(), 400, "Throttling"),
        (denied, 403, "AccessDenied"),
        (Fault::internal(), 500, "InternalFailure"),
    ];
    for (fault, expected, code) in table {
        aws.on("DescribeStackResource").fault(fault);
        let (status, body) = ask(&aws, QUESTION).await;
        assert!(status == expected && body.contains(&format!("<Code>{code}</Code>")), "{body}");
        assert_eq!(aws.cloudformation_calls().last().unwrap().error.as_deref(), Some(code));
    }
    aws.on("*").fault(Fault::Hang);
    assert!(tokio::time::timeout(Duration::from_millis(100), ask(&aws, QUESTION)).await.is_err());
    assert_eq!(ask(&aws, QUESTION).await.0, 200);
}

#[tokio::test]
async fn a_stored_response_ends_the_progress_of_the_request_that_was_sent() {
    let aws = Loopback::start().await;
    let url = aws.response_url(Age::Now);
    let event =
        json!({"RequestType": "Create", "StackId": STACK, "LogicalResourceId": "Preferences", "ResponseURL": url});
    aws.cloudformation(|known| known.sent(&event));
    assert!(ask(&aws, QUESTION).await.1.contains("CREATE_IN_PROGRESS"));
    let response =
        json!({"Status": "SUCCESS", "StackId": STACK, "LogicalResourceId": "Preferences", "PhysicalResourceId": "Doc"});
    send("PUT", &url, "", &response.to_string()).await.unwrap();
    assert!(ask(&aws, QUESTION).await.1.contains("CREATE_COMPLETE"));
}

#[tokio::test]
async fn an_unsigned_question_is_refused_where_signatures_are_wanted() {
    let aws = Loopback::builder().signatures(true).start().await;
    let (status, body) = ask(&aws, QUESTION).await;
    assert!(status == 403 && body.contains("<Code>MissingAuthenticationToken</Code>"), "{body}");
}
