//! A resource that moves from `ContentMode: Replace` to `Merge`, and back.

use super::*;

fn whole(content: &str) -> Value {
    json!({"DocumentName": NAME, "DocumentContent": content, "OnDelete": "Restore", "Tags": {"team": "blue"},
        "AccountIds": ["444455556666"]})
}

fn with_idle(idle: &str) -> String {
    base_with(json!({ "idleSessionTimeout": idle })).to_string()
}

#[tokio::test(start_paused = true)]
async fn a_move_from_replace_to_merge_keeps_the_content_and_still_knows_what_existed_before() {
    let world = shared();
    let (old, new) = (whole(&with_idle("5")), restoring(json!({"idleSessionTimeout": "5"})));
    world.send(&Request::create(old.clone())).await.ok();
    sleep(Duration::from_secs(60)).await;
    world.send(&Request::update(NAME, old.clone(), new.clone())).await.ok();
    assert_eq!(world.default_content(NAME), base_with(json!({"idleSessionTimeout": "5"})));
    assert_eq!(owners(&world), owned(&[("idleSessionTimeout", "a")]));
    let tags = world.tags(NAME);
    assert_eq!(tags.len(), 2, "the key and the origin: {tags:?}");
    assert!(world.aws.ssm(|model| model.document(NAME).unwrap().shares.is_empty()));

    // Another stack shares the document now; the first one restores its own key from the time before Replace.
    let second = restoring(json!({"kmsKeyId": "alias/a"}));
    world.send(&Request::create(second).of_stack("b")).await.ok();
    sleep(Duration::from_secs(60)).await;
    world.send(&Request::delete(NAME, new)).await.ok();
    assert_eq!(world.default_content(NAME), base_with(json!({"kmsKeyId": "alias/a"})));
}

#[tokio::test(start_paused = true)]
async fn the_rollback_of_a_move_owns_the_whole_document_as_before() {
    for created in [false, true] {
        let world = if created { world() } else { shared() };
        let (old, new) = (whole(&with_idle("5")), restoring(json!({"idleSessionTimeout": "6"})));
        world.send(&Request::create(old.clone())).await.ok();
        let before = world.tags(NAME);
        sleep(Duration::from_secs(60)).await;
        world.send(&Request::update(NAME, old.clone(), new.clone())).await.ok();
        sleep(Duration::from_secs(5)).await;
        world.send(&Request::update(NAME, new, old.clone())).await.ok();
        assert_eq!(
            (world.default_content(NAME), world.tags(NAME)),
            (base_with(json!({"idleSessionTimeout": "5"})), before)
        );
        sleep(Duration::from_secs(60)).await;
        world.send(&Request::delete(NAME, old)).await.ok();
        match created {
            true => assert!(!world.exists(NAME)),
            false => assert_eq!((world.default_content(NAME), world.tags(NAME)), (base(), vec![])),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_move_that_was_interrupted_anywhere_is_rolled_back() {
    for operation in ["AddTagsToResource", "UpdateDocument", "UpdateDocumentDefaultVersion", "RemoveTagsFromResource"] {
        let world = shared();
        let (old, new) = (whole(&with_idle("5")), restoring(json!({"idleSessionTimeout": "6"})));
        world.send(&Request::create(old.clone())).await.ok();
        let before = world.tags(NAME);
        sleep(Duration::from_secs(60)).await;
        killed_at(&world, operation, &Request::update(NAME, old.clone(), new.clone())).await;
        sleep(Duration::from_secs(5)).await;
        world.send(&Request::update(NAME, new, old)).await.ok();
        let now = (world.default_content(NAME), world.tags(NAME));
        assert_eq!(now, (base_with(json!({"idleSessionTimeout": "5"})), before), "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_move_back_is_refused_while_others_have_keys() {
    let world = shared();
    let merged = restoring(json!({"idleSessionTimeout": "5"}));
    world.send(&Request::create(merged.clone())).await.ok();
    world.send(&Request::create(restoring(json!({"kmsKeyId": "alias/a"}))).of_stack("b")).await.ok();
    sleep(Duration::from_secs(60)).await;
    let reply = world.send(&Request::update(NAME, merged, whole(BASE))).await;
    assert!(reply.reason().contains("inputs.kmsKeyId (stack b)"), "{}", reply.reason());
    assert!(!reply.reason().contains("idleSessionTimeout"), "its own keys are in nobody's way: {}", reply.reason());
}
