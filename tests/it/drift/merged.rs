//! Drift of a document that several resources share by its keys.

use cfn_ssm_document::drift::Mode;
use loopback_aws::cloudformation::ResourceStatus;
use loopback_aws::ssm::{Document, Version};
use loopback_aws::{Fault, Loopback};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::sleep;

use super::{Guarded, TAG, daily, moved};
use crate::documents::merge::{BASE, base, base_with, merging, owners, restoring};
use crate::documents::{NAME, content, desired_with, killed_at_nth, signed_now};
use crate::world::{Request, made_up, stack};

const SECURITY: &str = "security";
const WORKLOAD: &str = "workload";

fn key() -> Value {
    restoring(json!({"kmsKeyId": "alias/a"}))
}

fn idle(minutes: &str) -> Value {
    restoring(json!({ "idleSessionTimeout": minutes }))
}

fn both() -> Value {
    base_with(json!({"kmsKeyId": "alias/a", "idleSessionTimeout": "5"}))
}

/// Two stacks merged their keys into a document long ago: version 3 is the default version.
async fn shared(mode: Mode) -> Guarded {
    let guarded = Guarded::empty_on(mode, Loopback::builder().latency(Duration::from_millis(20)));
    guarded.world.aws.ssm(|model| model.put_document(Document::session(NAME, BASE)));
    guarded.world.send(&Request::create(key()).of_stack(SECURITY)).await.ok();
    guarded.world.send(&Request::create(idle("5")).of_stack(WORKLOAD)).await.ok();
    sleep(Duration::from_secs(3_600)).await;
    guarded.world.aws.forget();
    guarded
}

/// Somebody edits inputs by hand, as the console does: a new version, and then its promotion.
fn by_hand(guarded: &Guarded, inputs: &Value) {
    let mut content = guarded.world.default_content(NAME);
    content["inputs"].as_object_mut().unwrap().extend(inputs.as_object().unwrap().clone());
    guarded.world.aws.ssm(|model| {
        let document = model.document_mut(NAME).unwrap();
        document.default_version = document.push(Version::json(content.to_string()));
    });
}

#[tokio::test(start_paused = true)]
async fn a_merged_document_that_drifted_is_reported_and_under_repair_put_back() {
    for event in [moved(), daily()] {
        let guarded = shared(Mode::Repair).await;
        guarded.moves_default(1);
        guarded.event(&event).await.unwrap();
        assert_eq!((guarded.default_version(), guarded.world.default_content(NAME)), (3, both()));
        assert_eq!(guarded.counted(), ["DriftedDocuments", "RepairedDocuments"]);

        let guarded = shared(Mode::Report).await;
        guarded.moves_default(1);
        guarded.event(&event).await.unwrap();
        assert_eq!(guarded.counted(), ["DriftedDocuments"]);
        assert_eq!((guarded.default_version(), guarded.world.writes()), (1, vec![]));
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_stack_of_any_owner_is_in_progress_nothing_is_done() {
    for name in [SECURITY, WORKLOAD] {
        for status in
            [ResourceStatus::CreateInProgress, ResourceStatus::UpdateInProgress, ResourceStatus::DeleteInProgress]
        {
            let guarded = shared(Mode::Repair).await;
            guarded.moves_default(1);
            guarded.world.resource_is(name, status);
            guarded.event(&moved()).await.unwrap();
            assert_eq!((guarded.world.writes(), guarded.counted()), (vec![], vec![]), "{name} {status:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_repair_needs_one_stack_that_exists_and_none_that_cannot_be_asked_about() {
    let gone = |guarded: &Guarded, names: &[&str]| {
        guarded.world.aws.cloudformation(|known| names.iter().for_each(|name| known.remove_stack(&stack(name))));
    };
    let guarded = shared(Mode::Repair).await;
    guarded.moves_default(1);
    gone(&guarded, &[WORKLOAD]);
    guarded.event(&moved()).await.unwrap();
    assert_eq!(guarded.default_version(), 3);

    let guarded = shared(Mode::Repair).await;
    guarded.moves_default(1);
    gone(&guarded, &[WORKLOAD, SECURITY]);
    guarded.event(&moved()).await.unwrap();
    assert_eq!((guarded.world.writes(), guarded.counted()), (vec![], vec!["DriftedDocuments".to_owned()]));

    let guarded = shared(Mode::Repair).await;
    guarded.moves_default(1);
    let denied = Fault::error(403, "AccessDeniedException", "no");
    guarded.world.aws.on("DescribeStacks").nth(2).fault(denied);
    guarded.event(&moved()).await.unwrap();
    assert_eq!((guarded.world.writes(), guarded.counted()), (vec![], vec!["DriftedDocuments".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn an_edit_by_hand_is_drift_only_if_it_changes_a_key_that_a_resource_manages() {
    let guarded = shared(Mode::Repair).await;
    by_hand(&guarded, &json!({"runAsEnabled": true, "runAsDefaultUser": "ops"}));
    sleep(Duration::from_secs(120)).await;
    guarded.event(&moved()).await.unwrap();
    assert_eq!((guarded.world.writes(), guarded.counted(), guarded.default_version()), (vec![], vec![], 4));

    by_hand(&guarded, &json!({"idleSessionTimeout": "60"}));
    sleep(Duration::from_secs(120)).await;
    guarded.event(&moved()).await.unwrap();
    assert_eq!(guarded.world.default_content(NAME), both());
}

#[tokio::test(start_paused = true)]
async fn a_merge_on_top_of_an_edit_by_hand_keeps_it_and_the_guard_agrees() {
    let guarded = shared(Mode::Repair).await;
    by_hand(&guarded, &json!({"runAsDefaultUser": "ops"}));
    sleep(Duration::from_secs(120)).await;
    guarded.world.send(&Request::update(NAME, idle("5"), idle("6")).of_stack(WORKLOAD)).await.ok();
    assert_eq!(guarded.tag(TAG), Some(guarded.default_version().to_string()));
    sleep(Duration::from_secs(120)).await;
    guarded.event(&moved()).await.unwrap();
    let expected = json!({"runAsDefaultUser": "ops", "kmsKeyId": "alias/a", "idleSessionTimeout": "6"});
    assert_eq!((guarded.world.default_content(NAME), guarded.counted()), (base_with(expected), vec![]));
}

#[tokio::test(start_paused = true)]
async fn the_tag_of_a_cancelled_merge_does_not_bring_its_content_back() {
    // The first AddTagsToResource takes the keys, the second records the version that is to be promoted.
    for (operation, nth) in [("UpdateDocument", 1), ("AddTagsToResource", 2), ("UpdateDocumentDefaultVersion", 1)] {
        let guarded = shared(Mode::Repair).await;
        let (old, new) = (idle("5"), idle("6"));
        let update = signed_now(&guarded.world, Request::update(NAME, old.clone(), new.clone()).of_stack(WORKLOAD));
        killed_at_nth(&guarded.world, operation, nth, &update).await;
        // While the stack waits for a response, the guard does nothing, however long that takes.
        sleep(Duration::from_secs(300)).await;
        guarded.event(&moved()).await.unwrap();
        assert_eq!(guarded.counted(), [""; 0], "{operation}");

        guarded.world.send(&Request::update(NAME, new, old).of_stack(WORKLOAD)).await.ok();
        assert_eq!(guarded.tag(TAG), Some(guarded.default_version().to_string()), "{operation}");
        sleep(Duration::from_secs(120)).await;
        guarded.event(&moved()).await.unwrap();
        assert_eq!((guarded.world.default_content(NAME), guarded.counted()), (both(), vec![]), "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_create_and_a_deleted_owner_leave_the_others_nothing_to_repair() {
    for operation in ["UpdateDocument", "AddTagsToResource", "UpdateDocumentDefaultVersion"] {
        let guarded = shared(Mode::Repair).await;
        let third = merging(json!({"maxSessionDuration": "60"}));
        killed_at_nth(&guarded.world, operation, 1, &Request::create(third.clone()).of_stack("third")).await;
        sleep(Duration::from_secs(4)).await;
        let made_up = Request::delete(&made_up("third"), third).of_stack("third");
        guarded.world.send(&made_up).await.ok();
        assert_eq!(guarded.tag(TAG), Some(guarded.default_version().to_string()), "{operation}");
        guarded.world.send(&Request::delete(NAME, key()).of_stack(SECURITY)).await.ok();
        assert_eq!(guarded.tag(TAG), Some(guarded.default_version().to_string()), "{operation}");
        sleep(Duration::from_secs(120)).await;
        guarded.event(&moved()).await.unwrap();
        let expected = base_with(json!({"idleSessionTimeout": "5"}));
        assert_eq!((guarded.world.default_content(NAME), guarded.counted()), (expected, vec![]), "{operation}");

        guarded.world.send(&Request::delete(NAME, idle("5")).of_stack(WORKLOAD)).await.ok();
        assert_eq!((guarded.world.default_content(NAME), guarded.world.tags(NAME)), (base(), vec![]), "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_in_the_middle_of_two_merges_changes_nothing() {
    let guarded = shared(Mode::Repair).await;
    guarded.moves_default(2);
    let (first, second) = (
        Request::update(NAME, idle("5"), idle("6")).of_stack(WORKLOAD),
        Request::update(NAME, key(), restoring(json!({"kmsKeyId": "alias/b"}))).of_stack(SECURITY),
    );
    let event = moved();
    let late = async {
        sleep(Duration::from_millis(50)).await;
        guarded.event(&event).await
    };
    tokio::try_join!(guarded.world.invoke(&first), guarded.world.invoke(&second), late).unwrap();
    let expected = base_with(json!({"kmsKeyId": "alias/b", "idleSessionTimeout": "6"}));
    assert_eq!((guarded.world.default_content(NAME), guarded.counted()), (expected, vec![]));
    assert_eq!(guarded.tag(TAG), Some(guarded.default_version().to_string()));
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_takes_over_the_whole_document_is_guarded_from_then_on() {
    let guarded = shared(Mode::Repair).await;
    let whole = desired_with("30", json!({"OnExisting": "TakeOver"}));
    guarded.world.send(&Request::create(whole)).await.ok();
    assert_eq!((guarded.tag(TAG), owners(&guarded.world)), (Some(guarded.default_version().to_string()), vec![]));
    sleep(Duration::from_secs(120)).await;
    guarded.moves_default(3);
    guarded.event(&moved()).await.unwrap();
    assert_eq!(guarded.world.default_content(NAME), content("30"));
}
