//! The guard while requests, rollbacks and other guards are at work.

use std::time::Duration;

use cfn_ssm_document::drift::Mode;
use loopback_aws::Fault;
use loopback_aws::cloudformation::ResourceStatus;
use loopback_aws::ssm::Version;
use tokio::time::{Instant, sleep};

use super::{Guarded, TAG, moved};
use crate::documents::{NAME, content, desired, preferences};
use crate::world::{Request, stack};

#[tokio::test(start_paused = true)]
async fn an_update_between_the_event_and_the_second_check_is_no_drift() {
    let guarded = Guarded::new(Mode::Repair).await;
    guarded.moves_default(1);
    let mut event = moved();
    // It happened just now.
    let now = guarded.world.aws.clock().now_system().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let now = aws_smithy_types::DateTime::from_secs(i64::try_from(now).unwrap());
    event["detail"]["eventTime"] = now.fmt(aws_smithy_types::date_time::Format::DateTime).unwrap().into();
    let update = async {
        sleep(Duration::from_secs(5)).await;
        guarded.world.send(&Request::update(NAME, desired("20"), desired("30"))).await.ok();
    };
    let started = Instant::now();
    let (result, ()) = tokio::join!(guarded.event(&event), update);
    result.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(20), "{:?}", started.elapsed());
    assert_eq!((guarded.world.default_content(NAME), guarded.counted()), (content("30"), vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_moved_default_version_is_no_drift_while_the_resource_is_in_progress() {
    for status in [ResourceStatus::CreateInProgress, ResourceStatus::UpdateInProgress, ResourceStatus::DeleteInProgress]
    {
        let guarded = Guarded::new(Mode::Repair).await;
        guarded.moves_default(1);
        guarded.world.resource_is("a", status);
        guarded.event(&moved()).await.unwrap();
        assert_eq!((guarded.world.writes(), guarded.counted()), (vec![], vec![]), "{status:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_that_was_uploaded_just_now_is_looked_at_again_when_it_is_older_than_a_minute() {
    let guarded = Guarded::new(Mode::Repair).await;
    // As the console does it: a new version, and then its promotion.
    guarded.world.aws.ssm(|model| {
        let update = serde_json::json!({"Name": NAME, "DocumentVersion": "$LATEST", "Content": preferences("99")});
        model.call("UpdateDocument", &update).unwrap();
        model.set_default(NAME, 3);
    });
    let started = Instant::now();
    guarded.event(&moved()).await.unwrap();
    assert!(started.elapsed() > Duration::from_secs(60), "{:?}", started.elapsed());
    assert_eq!((guarded.world.default_content(NAME), guarded.default_version()), (content("20"), 2));
}

#[tokio::test(start_paused = true)]
async fn the_tag_of_a_cancelled_request_does_not_bring_its_content_back() {
    let guarded = Guarded::new(Mode::Repair).await;
    // The cancelled Update has promoted its version; its tag comes later, while the rollback is at work.
    guarded.world.aws.ssm(|model| {
        model.document_mut(NAME).unwrap().push(Version::json(preferences("30")));
        model.set_default(NAME, 3);
    });
    let late_tag = async {
        sleep(Duration::from_secs(4)).await;
        guarded.world.aws.ssm(|model| model.document_mut(NAME).unwrap().tags.insert(TAG.into(), "3".into()));
    };
    let rollback = Request::update(NAME, desired("30"), desired("20"));
    let (reply, ()) = tokio::join!(guarded.world.send(&rollback), late_tag);
    reply.ok();
    assert_eq!(guarded.tag(TAG), Some(guarded.default_version().to_string()));
    sleep(Duration::from_secs(120)).await;
    guarded.event(&moved()).await.unwrap();
    assert_eq!((guarded.world.default_content(NAME), guarded.counted()), (content("20"), vec![]));
}

#[tokio::test(start_paused = true)]
async fn two_events_at_once_end_in_the_tagged_version() {
    let guarded = Guarded::new(Mode::Repair).await;
    guarded.moves_default(1);
    let event = moved();
    let (one, other) = tokio::join!(guarded.event(&event), guarded.event(&event));
    one.and(other).unwrap();
    assert_eq!(guarded.world.default_content(NAME), content("20"));
}

#[tokio::test(start_paused = true)]
async fn drift_is_only_reported_if_cloudformation_cannot_be_asked_or_the_owner_is_gone() {
    for gone in [false, true] {
        let guarded = Guarded::new(Mode::Repair).await;
        guarded.moves_default(1);
        if gone {
            guarded.world.aws.cloudformation(|known| known.remove(&stack("a"), "Preferences"));
        } else {
            guarded.world.aws.on("DescribeStackResource").always().fault(Fault::error(
                403,
                "AccessDeniedException",
                "no",
            ));
        }
        guarded.event(&moved()).await.unwrap();
        assert_eq!(
            (guarded.world.writes(), guarded.counted()),
            (vec![], vec!["DriftedDocuments".to_owned()]),
            "{gone}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_repair_has_one_attempt() {
    let guarded = Guarded::new(Mode::Repair).await;
    guarded.moves_default(1);
    guarded.world.aws.on("UpdateDocumentDefaultVersion").always().fault(Fault::error(500, "InternalServerError", "no"));
    guarded.event(&moved()).await.unwrap();
    let calls = guarded.world.aws.calls();
    assert_eq!(calls.iter().filter(|call| *call == "UpdateDocumentDefaultVersion").count(), 1, "{calls:?}");
    assert_eq!(guarded.counted(), ["DriftedDocuments"]);
}

#[tokio::test(start_paused = true)]
async fn the_attempt_ends_two_seconds_after_cloudformation_was_asked() {
    // A question that took longer than that leaves no time for an attempt.
    let guarded = Guarded::new(Mode::Repair).await;
    guarded.moves_default(1);
    guarded.world.aws.on("DescribeStackResource").nth(2).fault(Fault::Delay(Duration::from_millis(2_500)));
    guarded.event(&moved()).await.unwrap();
    assert_eq!((guarded.default_version(), guarded.counted()), (1, vec!["DriftedDocuments".to_owned()]));
    assert_eq!(guarded.world.writes(), ["AddTagsToResource"]);

    // An attempt that takes longer is cut off.
    let guarded = Guarded::new(Mode::Repair).await;
    guarded.moves_default(1);
    guarded.world.aws.on("UpdateDocumentDefaultVersion").nth(1).fault(Fault::Delay(Duration::from_secs(30)));
    let started = Instant::now();
    guarded.event(&moved()).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(guarded.counted(), ["DriftedDocuments"]);
}

#[tokio::test(start_paused = true)]
async fn the_guard_never_writes_the_tag_that_it_compares_with() {
    let guarded = Guarded::new(Mode::Repair).await;
    // Somebody changed the tag, not the default version.
    guarded.world.aws.ssm(|model| model.document_mut(NAME).unwrap().tags.insert(TAG.into(), "9".into()));
    guarded.event(&moved()).await.unwrap();
    assert_eq!((guarded.tag(TAG).as_deref(), guarded.world.writes()), (Some("9"), vec![]));
    assert_eq!(guarded.counted(), ["DriftedDocuments"]);
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_changes_during_a_repair_wins() {
    let guarded = Guarded::new(Mode::Repair).await;
    guarded.world.aws.ssm(|model| {
        let document = model.document_mut(NAME).unwrap();
        document.push(Version::json(preferences("30")));
    });
    sleep(Duration::from_secs(120)).await;
    guarded.moves_default(1);
    guarded.world.aws.on("UpdateDocumentDefaultVersion").nth(1).after(|model| {
        model.document_mut(NAME).unwrap().tags.insert(TAG.into(), "3".into());
    });
    guarded.event(&moved()).await.unwrap();
    assert_eq!((guarded.default_version(), guarded.tag(TAG)), (3, Some("3".to_owned())));
}
