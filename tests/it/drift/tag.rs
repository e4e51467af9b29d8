//! The tag that names the default version.

use cfn_ssm_document::drift::Mode;
use loopback_aws::Fault;
use loopback_aws::ssm::Document;
use serde_json::json;

use super::{Guarded, TAG};
use crate::documents::{NAME, desired, desired_with, preferences};
use crate::world::Request;

#[tokio::test(start_paused = true)]
async fn every_success_leaves_the_tag_equal_to_the_default_version() {
    let guarded = Guarded::empty(Mode::Off);
    let world = &guarded.world;
    world.send(&Request::create(desired("10"))).await.ok();
    assert_eq!(guarded.tag(TAG).as_deref(), Some("1"));
    world.send(&Request::update(NAME, desired("10"), desired("20"))).await.ok();
    assert_eq!(guarded.tag(TAG).as_deref(), Some("2"));
    world.send(&Request::update(NAME, desired("20"), desired("10"))).await.ok();
    assert_eq!(guarded.tag(TAG), Some(guarded.default_version().to_string()));
    // A document of an older release gets it with its next request; then there is nothing left to write.
    world.aws.ssm(|model| model.document_mut(NAME).unwrap().tags.remove(TAG));
    world.send(&Request::update(NAME, desired("10"), desired("10"))).await.ok();
    assert_eq!(guarded.tag(TAG), Some(guarded.default_version().to_string()));
    world.aws.forget();
    world.send(&Request::update(NAME, desired("10"), desired("10"))).await.ok();
    assert_eq!(world.writes(), [""; 0]);
    let left_alone = desired_with("40", json!({"SetDefaultVersion": "false"}));
    world.send(&Request::update(NAME, desired("10"), left_alone.clone())).await.ok();
    assert_eq!(guarded.tag(TAG), None);
    world.send(&Request::delete(NAME, left_alone)).await.ok();
    assert_eq!(world.tags(NAME), []);
}

#[tokio::test(start_paused = true)]
async fn an_adoption_of_equal_content_is_tagged_and_a_failed_one_leaves_no_tag() {
    let guarded = Guarded::empty(Mode::Off);
    let world = &guarded.world;
    world.aws.ssm(|model| model.put_document(Document::session(NAME, preferences("10")).tag("team", "blue")));
    world.aws.on("UpdateDocumentDefaultVersion").nth(1).fault(Fault::error(400, "InvalidDocumentVersion", "no"));
    world.send(&Request::create(desired("20"))).await.reason();
    assert_eq!(world.tags(NAME), [("team".to_owned(), "blue".to_owned())]);
    world.send(&Request::create(desired("10"))).await.ok();
    assert_eq!(guarded.tag(TAG).as_deref(), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn an_undo_of_a_create_that_finds_the_resources_own_document_restores_the_earlier_tag() {
    let guarded = Guarded::empty(Mode::Off);
    let world = &guarded.world;
    world.send(&Request::create(desired("10"))).await.ok();
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    // The tag is written after the promotion. Here, writing the tag fails.
    world.aws.on("AddTagsToResource").nth(2).fault(Fault::error(400, "ValidationException", "no"));
    world.send(&Request::create(desired("20"))).await.reason();
    assert_eq!((guarded.default_version(), guarded.tag(TAG).as_deref()), (1, Some("1")));
}
