//! What DescribeStackResource and DescribeStacks report.

use super::*;
use std::time::{Duration, UNIX_EPOCH};

const STACK: &str = "arn:aws:cloudformation:eu-central-1:111122223333:stack/prod/51af3dc0-da77-11e4-872e-1234567db123";
const SIGNED: &str = "https://host/object?X-Amz-Date=20261121T194110Z&X-Amz-Expires=7200";

fn describe(cloudformation: &Cloudformation, stack: &str) -> Result<Value, String> {
    let input = json!({"StackName": stack, "LogicalResourceId": "Preferences"});
    let result = cloudformation.call("DescribeStackResource", &input);
    result.map(|mut value| value["StackResourceDetail"].take()).map_err(|error| error.to_string())
}

fn event(request_type: &str) -> Value {
    json!({"RequestType": request_type, "StackId": STACK, "LogicalResourceId": "Preferences", "ResponseURL": SIGNED,
        "ResourceType": "Custom::SsmDocument"})
}

fn response(status: &str) -> Value {
    json!({"StackId": STACK, "LogicalResourceId": "Preferences", "Status": status, "PhysicalResourceId": "Doc"})
}

#[test]
fn a_resource_is_found_by_the_id_or_name_of_its_stack_in_every_status() {
    for status in ResourceStatus::ALL {
        let mut cloudformation = Cloudformation::default();
        let resource = Resource::new(status, UNIX_EPOCH + Duration::from_millis(1_795_290_070_123));
        cloudformation.put(STACK, "Preferences", Resource { physical_id: Some("Doc".to_owned()), ..resource });
        let expected = json!({"StackId": STACK, "StackName": "prod", "LogicalResourceId": "Preferences",
            "PhysicalResourceId": "Doc", "ResourceType": "Custom::SsmDocument", "ResourceStatus": status.as_str(),
            "LastUpdatedTimestamp": "2026-11-21T19:41:10.123Z"});
        assert_eq!(describe(&cloudformation, STACK), Ok(expected.clone()));
        assert_eq!(describe(&cloudformation, "prod"), Ok(expected));
    }
}

#[test]
fn a_stack_is_in_progress_while_one_resource_is_and_deleted_once_all_are() {
    use ResourceStatus::{CreateComplete, DeleteComplete, DeleteInProgress, UpdateInProgress};
    for (first, second, expected) in [
        (CreateComplete, CreateComplete, "UPDATE_COMPLETE"),
        (CreateComplete, UpdateInProgress, "UPDATE_IN_PROGRESS"),
        (DeleteInProgress, DeleteComplete, "DELETE_IN_PROGRESS"),
        (DeleteComplete, CreateComplete, "UPDATE_COMPLETE"),
        (DeleteComplete, DeleteComplete, "DELETE_COMPLETE"),
    ] {
        let mut cloudformation = Cloudformation::default();
        cloudformation.put(STACK, "First", Resource::new(first, UNIX_EPOCH));
        cloudformation.put(STACK, "Second", Resource::new(second, UNIX_EPOCH));
        let stacks = cloudformation.call("DescribeStacks", &json!({"StackName": STACK})).unwrap();
        assert_eq!(stacks["Stacks"][0]["StackStatus"], expected, "{first:?} {second:?}");
    }
}

#[test]
fn a_request_is_in_progress_from_its_signature_to_its_response() {
    let table = [
        ("Create", "SUCCESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"),
        ("Create", "FAILED", "CREATE_IN_PROGRESS", "CREATE_FAILED"),
        ("Update", "SUCCESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"),
        ("Update", "FAILED", "UPDATE_IN_PROGRESS", "UPDATE_FAILED"),
        ("Delete", "SUCCESS", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"),
        ("Delete", "FAILED", "DELETE_IN_PROGRESS", "DELETE_FAILED"),
    ];
    for (request_type, outcome, during, after) in table {
        let mut cloudformation = Cloudformation::default();
        cloudformation.sent(&event(request_type));
        let detail = describe(&cloudformation, STACK).unwrap();
        assert_eq!((&detail["ResourceStatus"], &detail["PhysicalResourceId"]), (&json!(during), &Value::Null));
        assert_eq!(detail["LastUpdatedTimestamp"], "2026-11-21T19:41:10.000Z");
        cloudformation.responded(&response(outcome));
        let detail = describe(&cloudformation, STACK).unwrap();
        assert_eq!((&detail["ResourceStatus"], &detail["PhysicalResourceId"]), (&json!(after), &json!("Doc")));
        cloudformation.responded(&response("FAILED"));
        assert_eq!(describe(&cloudformation, STACK).unwrap()["ResourceStatus"], after, "a second response is late");
    }
}

#[test]
fn a_missing_stack_and_a_missing_resource_are_refused_each_with_its_own_message() {
    let no_stack = Err(format!("ValidationError: Stack '{STACK}' does not exist"));
    let no_resource = Err("ValidationError: Resource Preferences does not exist for stack prod".to_owned());
    let mut cloudformation = Cloudformation::default();
    assert_eq!(describe(&cloudformation, STACK), no_stack);
    cloudformation.sent(&event("Create"));
    cloudformation.remove(STACK, "Preferences");
    assert_eq!(describe(&cloudformation, STACK), no_resource);
    cloudformation.remove_stack(STACK);
    assert_eq!(describe(&cloudformation, STACK), no_stack);
    assert_eq!(cloudformation.resource(STACK, "Preferences"), None);
}

#[test]
fn what_a_test_sets_stays_until_it_is_reverted() {
    let mut cloudformation = Cloudformation::default();
    cloudformation.put(STACK, "Preferences", Resource::new(ResourceStatus::CreateComplete, UNIX_EPOCH));
    cloudformation.sent(&event("Update"));
    cloudformation.responded(&response("FAILED"));
    assert_eq!(describe(&cloudformation, STACK).unwrap()["ResourceStatus"], "CREATE_COMPLETE");
    cloudformation.forget(STACK, "Preferences");
    assert_eq!(describe(&cloudformation, STACK).unwrap()["ResourceStatus"], "UPDATE_FAILED");
}

#[test]
fn an_event_that_is_not_a_request_changes_nothing_and_other_operations_are_unknown() {
    let mut cloudformation = Cloudformation::default();
    for event in [json!({}), json!({"StackId": STACK}), event("Rename"), json!([1])] {
        cloudformation.sent(&event);
    }
    assert!(describe(&cloudformation, STACK).is_err());
    let error = cloudformation.call("DeleteStack", &json!({"Version": "2010-05-15"})).unwrap_err();
    let text = "InvalidAction: Could not find operation DeleteStack for version 2010-05-15";
    assert_eq!(error.to_string(), text);
    let missing = cloudformation.call("DescribeStackResource", &json!({"StackName": STACK})).unwrap_err();
    assert!(missing.to_string().contains("'logicalResourceId' failed to satisfy constraint"), "{missing}");
}
