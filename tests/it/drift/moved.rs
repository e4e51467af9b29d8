//! A default version that somebody moved, under each mode.

use cfn_ssm_document::drift::Mode;
use cfn_ssm_document::handler::unhandled::Unhandled;
use loopback_aws::ssm::{Document, Status, Version};
use serde_json::json;

use super::{Guarded, TAG, moved};
use crate::documents::{NAME, content, desired, preferences};
use crate::world::{Request, stack};

#[tokio::test(start_paused = true)]
async fn under_repair_the_default_version_is_put_back_counted_and_recorded() {
    let guarded = Guarded::new(Mode::Repair).await;
    guarded.moves_default(1);
    guarded.event(&moved()).await.unwrap();
    assert_eq!((guarded.default_version(), guarded.world.default_content(NAME)), (2, content("20")));
    assert_eq!(guarded.counted(), ["DriftedDocuments", "RepairedDocuments"]);
    assert!(guarded.tag("cfn-ssm-document:repaired-at").is_some());
}

#[tokio::test(start_paused = true)]
async fn under_report_drift_is_counted_and_nothing_is_written() {
    let guarded = Guarded::new(Mode::Report).await;
    guarded.moves_default(1);
    guarded.event(&moved()).await.unwrap();
    assert_eq!(guarded.counted(), ["DriftedDocuments"]);
    assert_eq!((guarded.default_version(), guarded.world.writes()), (1, vec![]));
}

#[tokio::test(start_paused = true)]
async fn events_are_refused_if_the_guard_is_off_and_unknown_events_always_are() {
    let off = Guarded::new(Mode::Off).await;
    off.moves_default(1);
    let why = off.event(&moved()).await.unwrap_err().to_string();
    assert!(why.contains("not a CloudFormation request"), "{why}");
    let mut strange = moved();
    strange["source"] = json!("aws.s3");
    let on = Guarded::new(Mode::Repair).await;
    let Err(Unhandled::ResponseNotDelivered(why)) = on.event(&strange).await else { panic!("it is refused") };
    assert!(why.to_string().contains("not a CloudFormation request"), "{why}");
    assert_eq!((off.world.aws.calls().len(), on.world.aws.calls().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn only_the_documents_name_is_taken_from_an_event() {
    let guarded = Guarded::new(Mode::Repair).await;
    let mut forged = moved();
    forged["detail"]["requestParameters"]["documentVersion"] = json!("7");
    forged["detail"]["eventTime"] = json!("2999-01-01T00:00:00Z");
    guarded.event(&forged).await.unwrap();
    assert_eq!((guarded.default_version(), guarded.counted(), guarded.world.writes()), (2, vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_document_without_our_tags_or_that_is_gone_is_left_alone() {
    for tagged in [None, Some("2")] {
        let guarded = Guarded::empty(Mode::Repair);
        guarded.event(&moved()).await.unwrap();
        let mut document = Document::session(NAME, preferences("1")).version(Version::json(preferences("2")));
        // The tag alone, without an owner, is nobody's.
        document.tags.extend(tagged.map(|version| (TAG.to_owned(), version.to_owned())));
        guarded.world.aws.ssm(|model| model.put_document(document));
        guarded.event(&moved()).await.unwrap();
        assert_eq!((guarded.world.writes(), guarded.counted()), (vec![], vec![]), "{tagged:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_gone_or_not_active_is_not_promoted() {
    for status in [None, Some(Status::Failed)] {
        let guarded = Guarded::empty(Mode::Repair);
        let version = Version::json(preferences("2"));
        let second = status.map_or(version.clone(), |status| version.with_status(status));
        let document = Document::session(NAME, preferences("1"))
            .version(second)
            .tag(TAG, if status.is_none() { "9" } else { "2" });
        let document = document
            .tag("cfn-ssm-document:stack-id", &stack("a"))
            .tag("cfn-ssm-document:logical-id", "Preferences")
            .tag("cfn-ssm-document:origin", "adopted");
        let created = guarded.world.aws.clock().now_system();
        use loopback_aws::cloudformation::{Resource, ResourceStatus};
        guarded.world.aws.cloudformation(|known| {
            known.put(&stack("a"), "Preferences", Resource::new(ResourceStatus::CreateComplete, created));
        });
        guarded.world.aws.ssm(|model| model.put_document(document));
        guarded.event(&moved()).await.unwrap();
        assert_eq!(
            (guarded.world.writes(), guarded.counted()),
            (vec![], vec!["DriftedDocuments".to_owned()]),
            "{status:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_document_is_repaired_at_most_once_in_ten_minutes() {
    let guarded = Guarded::new(Mode::Repair).await;
    for (expected, wait) in [(2, 300), (1, 600), (2, 0)] {
        guarded.moves_default(1);
        guarded.event(&moved()).await.unwrap();
        assert_eq!(guarded.default_version(), expected);
        tokio::time::sleep(std::time::Duration::from_secs(wait)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn trigger_puts_the_default_version_back_without_the_guard() {
    let guarded = Guarded::new(Mode::Off).await;
    guarded.moves_default(1);
    let mut triggered = desired("20");
    triggered["Trigger"] = json!("2026-11-21");
    guarded.world.send(&Request::update(NAME, desired("20"), triggered)).await.ok();
    assert_eq!((guarded.world.default_content(NAME), guarded.tag(TAG)), (content("20"), Some("2".to_owned())));
}
