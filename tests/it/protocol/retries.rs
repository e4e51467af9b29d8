//! Transient errors of Systems Manager are retried.

use std::time::Duration;

use loopback_aws::Fault;
use loopback_aws::ssm::ModelError;

use super::stages::Stage;
use crate::documents::desired;
use crate::world::{REGION, Request, World, provider_in_process_since};

/// The error while a new role is not yet known everywhere.
fn denied() -> Fault {
    Fault::access_denied("ssm:DescribeDocument", &format!("arn:aws:ssm:{REGION}:111122223333:document/x"))
}

#[tokio::test(start_paused = true)]
async fn transient_errors_are_retried() {
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
async fn a_denial_of_a_new_role_is_retried() {
    let world = World::new();
    world.aws.on("*").times(5).fault(denied());
    world.send(&Request::create(desired("20"))).await.ok();
}

#[tokio::test(start_paused = true)]
async fn a_denial_after_half_a_minute_is_not_retried_and_the_reason_names_action_document_and_role() {
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
async fn a_refusal_that_names_no_role_is_attributed_to_the_functions_role() {
    let mut world = World::new();
    world.provider = provider_in_process_since(&world.aws, tokio::time::Instant::now() - Duration::from_secs(30));
    world.aws.on("CreateDocument").always().fault(Fault::error(400, "AccessDeniedException", ""));
    let reply = world.send(&Request::create(desired("20"))).await;
    assert!(reply.reason().contains("The function's execution role must allow ssm:CreateDocument"), "{}", reply.0);
}

#[tokio::test(start_paused = true)]
async fn the_denied_action_is_named_if_it_differs_from_the_operation() {
    let mut world = World::new();
    world.provider = provider_in_process_since(&world.aws, tokio::time::Instant::now() - Duration::from_secs(30));
    world.aws.on("CreateDocument").always().fault(Fault::access_denied("ssm:AddTagsToResource", "*"));
    let reply = world.send(&Request::create(desired("20"))).await;
    assert!(reply.reason().contains("execution role must allow ssm:AddTagsToResource"), "{}", reply.0);
}

#[tokio::test(start_paused = true)]
async fn a_permanent_error_is_not_retried() {
    for code in ["InvalidDocumentContent", "ValidationException", "MaxDocumentSizeExceeded", "DocumentLimitExceeded"] {
        let world = World::new();
        world.aws.on("CreateDocument").always().fault(Fault::Error(ModelError::new(code, "No.")));
        world.send(&Request::create(desired("20"))).await.reason();
        assert_eq!(world.aws.calls().iter().filter(|call| *call == "CreateDocument").count(), 1, "{code}");
    }
}
