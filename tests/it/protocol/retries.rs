//! What Systems Manager refuses for now is tried again.

use std::time::Duration;

use loopback_aws::Fault;
use loopback_aws::ssm::ModelError;

use super::stages::Stage;
use crate::documents::desired;
use crate::world::{REGION, Request, World, provider_in_process_since};

/// What a role that nobody knows yet is refused with.
fn denied() -> Fault {
    Fault::access_denied("ssm:DescribeDocument", &format!("arn:aws:ssm:{REGION}:111122223333:document/x"))
}

#[tokio::test(start_paused = true)]
async fn throttling_errors_of_the_service_and_concurrent_updates_pass() {
    let too_many = Fault::error(400, "TooManyUpdates", "There are concurrent updates.");
    for fault in
        [Fault::throttling(), Fault::internal(), too_many, Fault::Raw(503, "<html>".into()), Fault::ResetBefore]
    {
        for stage in [Stage::Create, Stage::Adopt, Stage::Update, Stage::Delete] {
            let (world, request) = stage.set().await;
            world.aws.on("*").times(3).fault(fault.clone());
            world.send(&request).await.ok();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_role_that_is_refused_at_first_passes() {
    let world = World::new();
    world.aws.on("*").times(5).fault(denied());
    world.send(&Request::create(desired("20"))).await.ok();
}

#[tokio::test(start_paused = true)]
async fn a_role_that_is_half_a_minute_old_is_refused_at_once_and_the_reason_names_action_document_and_role() {
    let mut world = World::new();
    let half_a_minute_ago = tokio::time::Instant::now() - Duration::from_secs(30);
    world.provider = provider_in_process_since(&world.aws, half_a_minute_ago);
    world.aws.on("*").always().fault(denied());
    let reply = world.send(&Request::create(desired("20"))).await;
    assert_eq!(world.aws.calls(), ["DescribeDocument"], "no call is made again");
    let reason = reply.reason();
    for expected in [
        "ssm:DescribeDocument",
        "document SSM-SessionManagerRunShell",
        "assumed-role/cfn-ssm-document",
        "execution role must allow ssm:DescribeDocument",
    ] {
        assert!(reason.replace("GetDocument", "DescribeDocument").contains(expected), "{expected}: {reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_names_no_role_is_said_to_be_of_the_functions() {
    let mut world = World::new();
    world.provider = provider_in_process_since(&world.aws, tokio::time::Instant::now() - Duration::from_secs(30));
    world.aws.on("CreateDocument").always().fault(Fault::error(400, "AccessDeniedException", ""));
    let reply = world.send(&Request::create(desired("20"))).await;
    assert!(reply.reason().contains("The function's execution role must allow ssm:CreateDocument"), "{}", reply.0);
}

#[tokio::test(start_paused = true)]
async fn the_action_that_was_denied_is_named_where_it_is_not_the_operation() {
    let mut world = World::new();
    world.provider = provider_in_process_since(&world.aws, tokio::time::Instant::now() - Duration::from_secs(30));
    world.aws.on("CreateDocument").always().fault(Fault::access_denied("ssm:AddTagsToResource", "*"));
    let reply = world.send(&Request::create(desired("20"))).await;
    assert!(reply.reason().contains("execution role must allow ssm:AddTagsToResource"), "{}", reply.0);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_pass_is_not_tried_again() {
    for code in ["InvalidDocumentContent", "ValidationException", "MaxDocumentSizeExceeded", "DocumentLimitExceeded"] {
        let world = World::new();
        world.aws.on("CreateDocument").always().fault(Fault::Error(ModelError::new(code, "No.")));
        world.send(&Request::create(desired("20"))).await.reason();
        assert_eq!(world.aws.calls().iter().filter(|call| *call == "CreateDocument").count(), 1, "{code}");
    }
}
