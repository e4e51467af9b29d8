//! The tag that names the default version of a shared document.

use loopback_aws::ssm::Version;

use super::*;
use crate::world::DEFAULT_VERSION;

fn idle(minutes: &str) -> Value {
    restoring(json!({ "idleSessionTimeout": minutes }))
}

fn key() -> Value {
    restoring(json!({"kmsKeyId": "alias/a"}))
}

#[track_caller]
fn is_recorded(world: &World) {
    assert_eq!(world.tag(NAME, DEFAULT_VERSION), Some(world.versions(NAME).0.to_string()));
}

async fn later(world: &World) {
    sleep(Duration::from_secs(60)).await;
    world.aws.forget();
}

#[tokio::test(start_paused = true)]
async fn every_success_leaves_the_tag_equal_to_the_default_version_and_the_last_owner_removes_it() {
    for world in [world(), shared()] {
        world.send(&Request::create(idle("5"))).await.ok();
        is_recorded(&world);
        world.send(&Request::create(key()).of_stack("b")).await.ok();
        is_recorded(&world);
        later(&world).await;
        world.send(&Request::update(NAME, idle("5"), idle("6"))).await.ok();
        is_recorded(&world);
        later(&world).await;
        world.send(&Request::delete(NAME, idle("6"))).await.ok();
        is_recorded(&world);
        later(&world).await;
        world.send(&Request::delete(NAME, key()).of_stack("b")).await.ok();
        assert!(!world.exists(NAME) || world.tags(NAME).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn recording_the_version_takes_one_more_call_and_no_extra_round_trip() {
    let world = World::on(Loopback::builder().latency(Duration::from_millis(1)));
    world.aws.ssm(|model| model.put_document(Document::session(NAME, BASE)));
    later(&world).await;
    world.send(&Request::create(idle("5"))).await.ok();
    let expected =
        ["AddTagsToResource", "UpdateDocument", "AddTagsToResource", "UpdateDocumentDefaultVersion"].map(str::to_owned);
    assert_eq!((world.writes(), world.aws.round_trips()), (expected.to_vec(), 5), "{:#?}", world.aws.trace());
}

#[tokio::test(start_paused = true)]
async fn the_tag_is_set_before_the_promotion_that_it_announces() {
    let world = shared();
    world.send(&Request::create(idle("5"))).await.ok();
    later(&world).await;
    let seen = std::sync::Arc::new(std::sync::Mutex::new(None));
    let seen_by_hook = std::sync::Arc::clone(&seen);
    world.aws.on("UpdateDocumentDefaultVersion").nth(1).before(move |model| {
        let document = model.document(NAME).unwrap();
        *seen_by_hook.lock().unwrap() = Some((document.default_version, document.tags.get(DEFAULT_VERSION).cloned()));
    });
    world.send(&Request::update(NAME, idle("5"), idle("6"))).await.ok();
    assert_eq!(*seen.lock().unwrap(), Some((2, Some("3".to_owned()))));
}

#[tokio::test(start_paused = true)]
async fn a_request_brings_a_differing_or_missing_tag_up_to_date() {
    for tag in [Some("1"), None] {
        let world = shared();
        world.send(&Request::create(idle("5"))).await.ok();
        later(&world).await;
        world.aws.ssm(|model| {
            let tags = &mut model.document_mut(NAME).unwrap().tags;
            tags.remove(DEFAULT_VERSION);
            tags.extend(tag.map(|version| (DEFAULT_VERSION.to_owned(), version.to_owned())));
        });
        world.send(&Request::update(NAME, idle("5"), idle("5"))).await.ok();
        assert_eq!(world.writes(), ["AddTagsToResource"]);
        is_recorded(&world);
        later(&world).await;
        world.send(&Request::update(NAME, idle("5"), idle("5"))).await.ok();
        assert_eq!(world.writes(), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_correction_waits_for_a_version_that_is_about_to_be_promoted() {
    let world = shared();
    world.send(&Request::create(idle("5"))).await.ok();
    world.send(&Request::create(key()).of_stack("b")).await.ok();
    later(&world).await;
    let upload = Request::update(NAME, key(), restoring(json!({"kmsKeyId": "alias/b"}))).of_stack("b");
    // Version 4 is uploaded and recorded. Its promotion comes after the other request has begun.
    world.aws.on("UpdateDocumentDefaultVersion").nth(1).fault(Fault::Delay(Duration::from_secs(1)));
    let no_change = async {
        sleep(Duration::from_millis(500)).await;
        world.invoke(&Request::update(NAME, idle("5"), idle("5"))).await
    };
    tokio::try_join!(world.invoke(&upload), no_change).unwrap();
    assert_eq!(world.versions(NAME), (4, 4));
    is_recorded(&world);
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_a_correction_overwrote_is_set_again() {
    let world = shared();
    world.send(&Request::create(idle("5"))).await.ok();
    later(&world).await;
    world.aws.on("UpdateDocumentDefaultVersion").nth(1).after(|model| {
        model.document_mut(NAME).unwrap().tags.insert(DEFAULT_VERSION.into(), "2".into());
    });
    world.send(&Request::update(NAME, idle("5"), idle("6"))).await.ok();
    assert_eq!(world.default_content(NAME), base_with(json!({"idleSessionTimeout": "6"})));
    is_recorded(&world);
}

#[tokio::test(start_paused = true)]
async fn a_create_that_fails_anywhere_leaves_the_tag_right_for_the_other_owner() {
    for (operation, nth) in
        [("UpdateDocument", 1), ("AddTagsToResource", 1), ("AddTagsToResource", 2), ("UpdateDocumentDefaultVersion", 1)]
    {
        let world = shared();
        world.send(&Request::create(key()).of_stack("b")).await.ok();
        later(&world).await;
        world.aws.on(operation).nth(nth).fault(refused());
        world.send(&Request::create(idle("5"))).await.reason();
        assert_eq!(world.default_content(NAME), base_with(json!({"kmsKeyId": "alias/a"})), "{operation} {nth}");
        is_recorded(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn a_move_from_replace_to_merge_and_back_keeps_the_tag() {
    let world = shared();
    let whole =
        json!({"DocumentName": NAME, "DocumentContent": base_with(json!({"idleSessionTimeout": "5"})).to_string()});
    world.send(&Request::create(whole.clone())).await.ok();
    is_recorded(&world);
    later(&world).await;
    world.send(&Request::update(NAME, whole.clone(), idle("6"))).await.ok();
    is_recorded(&world);
    later(&world).await;
    world.send(&Request::update(NAME, idle("6"), whole)).await.ok();
    is_recorded(&world);
}

#[tokio::test(start_paused = true)]
async fn keys_are_merged_into_a_document_with_49_tags_without_recording_the_version() {
    let tags = (0..49).fold(Document::session(NAME, BASE), |document, number| document.tag(&number.to_string(), ""));
    let world = with(tags);
    world.send(&Request::create(idle("5"))).await.ok();
    assert_eq!(
        (world.default_content(NAME), world.tag(NAME, DEFAULT_VERSION)),
        (base_with(json!({"idleSessionTimeout": "5"})), None)
    );
    later(&world).await;
    world.send(&Request::update(NAME, idle("5"), idle("5"))).await.ok();
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_last_owner_also_removes_the_tag_of_a_repair() {
    let world = shared();
    world.send(&Request::create(idle("5"))).await.ok();
    world.aws.ssm(|model| {
        let document = model.document_mut(NAME).unwrap();
        document.tags.insert("cfn-ssm-document:repaired-at".into(), "1".into());
        // Somebody promoted another version: the Delete restores the key in that one.
        let edited = base_with(json!({"idleSessionTimeout": "5", "maxSessionDuration": "60"}));
        document.default_version = document.push(Version::json(edited.to_string()));
    });
    later(&world).await;
    world.send(&Request::delete(NAME, idle("5"))).await.ok();
    assert_eq!(
        (world.default_content(NAME), world.tags(NAME)),
        (base_with(json!({"maxSessionDuration": "60"})), vec![])
    );
}
