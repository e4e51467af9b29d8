//! A request that CloudFormation has given up on changes nothing. Time is paused, so that waits of seconds take none.

use std::time::Duration;

use loopback_aws::cloudformation::{Resource, ResourceStatus};
use loopback_aws::ssm::Document;
use loopback_aws::{Age, Fault};
use serde_json::json;
use tokio::time::Instant;

use super::stages::state_of_documents;
use crate::documents::{NAME, content, desired, preferences};
use crate::world::{Reply, Request, World, stack};

const LOGICAL_ID: &str = "Preferences";

fn ago(seconds: u64) -> Age {
    Age::Ago(Duration::from_secs(seconds))
}

/// The request, signed this long ago.
fn aged(world: &World, request: Request, seconds: u64) -> Request {
    request.with_response_url(world.aws.response_url(ago(seconds)))
}

/// Makes CloudFormation report that the resource changed to this status this many seconds ago, whatever is sent for it.
fn says(world: &World, status: ResourceStatus, seconds: u64) {
    let since = world.aws.clock().now_system() - Duration::from_secs(seconds);
    world.aws.cloudformation(|known| known.put(&stack("a"), LOGICAL_ID, Resource::new(status, since)));
}

fn questions(world: &World) -> usize {
    world.aws.cloudformation_calls().len()
}

/// An account with the document, and the Update of it.
async fn updating() -> (World, Request) {
    let world = World::new();
    world.send(&aged(&world, Request::create(desired("10")), 200)).await.ok();
    world.aws.forget();
    (world, Request::update(NAME, desired("10"), desired("20")))
}

#[tokio::test(start_paused = true)]
async fn within_its_lease_a_request_for_a_document_never_calls_cloudformation() {
    let (world, update) = updating().await;
    world.send(&update).await.ok();
    world.send(&Request::delete(NAME, desired("20"))).await.ok();
    assert_eq!(questions(&world), 0);
    let world = World::new();
    world.send(&Request::create(desired("10"))).await.ok();
    assert_eq!(questions(&world), 0);
}

#[tokio::test(start_paused = true)]
async fn after_its_lease_a_request_asks_beside_its_first_read_and_names_stack_and_resource() {
    let (world, update) = updating().await;
    world.aws.set_latency(Duration::from_millis(200));
    world.send(&aged(&world, update, 20)).await.ok();
    assert_eq!(world.default_content(NAME), content("20"));
    let journal = world.aws.journal();
    let question =
        journal.iter().find(|entry| entry.call().is_some_and(|call| call.operation == "DescribeStackResource"));
    let question = question.expect("a question");
    assert_eq!(question.round, 1, "{:?}", world.aws.trace());
    let input = &question.call().unwrap().input;
    assert_eq!((&input["StackName"], &input["LogicalResourceId"]), (&json!(stack("a")), &json!(LOGICAL_ID)));
}

#[tokio::test(start_paused = true)]
async fn a_url_of_the_older_form_gives_no_lease() {
    let (world, update) = updating().await;
    world.send(&update.with_response_url(world.aws.response_url_v2(Age::Now))).await.ok();
    assert!(questions(&world) >= 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cloudformation_no_longer_waits_for_writes_nothing_and_says_so() {
    use ResourceStatus as Status;
    let later = |status, seconds| move |world: &World| says(world, status, seconds);
    let no_resource = |world: &World| world.aws.cloudformation(|known| known.remove(&stack("a"), LOGICAL_ID));
    let no_stack = |world: &World| world.aws.cloudformation(|known| known.remove_stack(&stack("a")));
    type Change<'a> = &'a dyn Fn(&World);
    let cases: [(&str, Change<'_>, &str); 7] = [
        ("Create", &later(Status::CreateFailed, 20), "the resource's status is CREATE_FAILED"),
        ("Create", &later(Status::DeleteInProgress, 5), "the resource's status is DELETE_IN_PROGRESS"),
        ("Create", &no_resource, "no longer has the resource"),
        ("Create", &no_stack, "no longer has the resource"),
        ("Update", &later(Status::UpdateComplete, 20), "the resource's status is UPDATE_COMPLETE"),
        (
            "Update",
            &later(Status::UpdateInProgress, 15),
            "a later request changed the resource's status to UPDATE_IN_PROGRESS",
        ),
        ("Update", &no_resource, "no longer has the resource"),
    ];
    for (request_type, arrange, expected) in cases {
        let (world, request) = match request_type {
            "Create" => (World::new(), Request::create(desired("10"))),
            _ => updating().await,
        };
        let before = state_of_documents(&world);
        let request = aged(&world, request, 20);
        let event = request.event(request.response_url.as_deref().unwrap());
        arrange(&world);
        world.deliver(&event, Duration::from_secs(60)).await.unwrap();
        let reply = Reply(world.aws.delivered().pop().unwrap());
        reply.assert_given_up();
        assert!(reply.reason().contains(expected), "{expected}: {}", reply.0);
        assert_eq!((world.writes(), state_of_documents(&world)), (Vec::new(), before), "{expected}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_overtaken_between_two_writes_stops_and_undoes_nothing() {
    let world = World::new();
    world.aws.ssm(|model| model.put_document(Document::session(NAME, preferences("5"))));
    world.aws.on("AddTagsToResource").nth(1).fault(Fault::DelayAfter(Duration::from_millis(2_500)));
    let request = aged(&world, Request::create(desired("10")), 20);
    let cancelled = async {
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        says(&world, ResourceStatus::CreateFailed, 0);
    };
    let (reply, ()) = tokio::join!(world.send(&request), cancelled);
    reply.assert_given_up();
    assert_eq!(world.default_content(NAME), content("5"));
    let writes = world.writes();
    assert!(!writes.contains(&"RemoveTagsFromResource".to_owned()), "{writes:?}");
    assert!(reply.id().starts_with("cfn-ssm-document:unfinished:") && reply.id().ends_with(&format!(":{NAME}")));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_within_the_lease_is_cut_off_and_its_retry_asks() {
    let world = World::new();
    world.aws.on("CreateDocument").nth(1).fault(Fault::Hang);
    let request = aged(&world, Request::create(desired("10")), 3);
    let started = Instant::now();
    let cancelled = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        says(&world, ResourceStatus::CreateFailed, 0);
    };
    let (reply, ()) = tokio::join!(world.send(&request), cancelled);
    reply.assert_given_up();
    assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
    assert_eq!(world.writes(), ["CreateDocument"], "the retry was not sent");
    assert!(reply.id().starts_with("cfn-ssm-document:unfinished:"), "the first may still take effect: {}", reply.0);
}

#[tokio::test(start_paused = true)]
async fn a_request_goes_on_unasked_if_it_came_promptly_and_changes_nothing_if_it_came_late() {
    for fault in [
        Fault::error(403, "AccessDenied", "User is not authorized"),
        Fault::error(400, "Throttling", "Rate exceeded"),
        Fault::Raw(200, "no XML".into()),
        Fault::ResetBefore,
        Fault::Hang,
    ] {
        for (seconds, goes_on) in [(20, true), (90, false)] {
            let (world, update) = updating().await;
            world.aws.on("DescribeStackResource").always().fault(fault.clone());
            let reply = world.send(&aged(&world, update, seconds)).await;
            if goes_on {
                reply.ok();
                assert_eq!(world.default_content(NAME), content("20"), "{fault:?}");
            } else {
                assert!(reply.reason().contains("The function can't ask CloudFormation"), "{fault:?}: {}", reply.0);
                assert_eq!((world.default_content(NAME), world.writes()), (content("10"), Vec::new()), "{fault:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_never_asks() {
    let (world, _) = updating().await;
    let properties = crate::documents::desired_with("10", json!({"OnDelete": "Restore"}));
    world.send(&aged(&world, Request::delete(NAME, properties), 90)).await.ok();
    assert!(!world.exists(NAME));
    assert_eq!(questions(&world), 0);
}

#[tokio::test(start_paused = true)]
async fn the_stack_of_another_account_is_not_asked_about() {
    let world = World::new();
    let mut request = aged(&world, Request::create(desired("10")), 20);
    request.stack_id = request.stack_id.replace("111122223333", "444455556666");
    world.send(&request).await.reason();
    assert_eq!((questions(&world), world.writes()), (0, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_cloudformation_that_does_not_reply_does_not_delay_every_write() {
    let (world, update) = updating().await;
    world.aws.on("DescribeStackResource").always().fault(Fault::Hang);
    let started = Instant::now();
    world.send(&aged(&world, update, 90)).await.reason();
    assert_eq!(questions(&world), 1, "after {:?}", started.elapsed());
}
