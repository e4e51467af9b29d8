//! Keys that two resources want, and documents that one resource wants as a whole.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_key_of_another_resource_is_refused_with_the_owners_stack_and_the_remedy() {
    let world = shared();
    world.send(&Request::create(merging(json!({"idleSessionTimeout": "5"}))).of_stack("workload-a")).await.ok();
    world.aws.forget();
    let wanted = merging(json!({"idleSessionTimeout": "6", "kmsKeyId": "hunter2"}));
    let reply = world.send(&Request::create(wanted)).await;
    let expected = "inputs.idleSessionTimeout is managed by another resource (stack workload-a). Remove it from one of the \
                    two resources, or set OnExisting: TakeOver.";
    assert!(reply.reason().starts_with(expected), "{}", reply.reason());
    assert_eq!((reply.marker(), world.writes()), (NOT_CREATED, vec![]));
    assert_eq!(world.default_content(NAME), base_with(json!({"idleSessionTimeout": "5"})));
    // A resource of the same stack is another owner, too.
    let same_stack = Request::create(merging(json!({"idleSessionTimeout": "6"}))).of_stack("workload-a");
    world.send(&same_stack.of_resource("Second")).await.reason();
}

#[tokio::test(start_paused = true)]
async fn a_key_conflicts_with_those_above_and_below_it() {
    for (first, second, expected) in [
        (
            json!({"extra": {"deep": "1"}}),
            json!({"extra": "2"}),
            "inputs.extra.deep, which overlaps with inputs.extra,",
        ),
        (
            json!({"extra": "1"}),
            json!({"extra": {"deep": "2"}}),
            "inputs.extra, which overlaps with inputs.extra.deep,",
        ),
    ] {
        let world = shared();
        world.send(&Request::create(merging(first)).of_stack("b")).await.ok();
        world.aws.forget();
        let reply = world.send(&Request::create(merging(second))).await;
        assert!(reply.reason().starts_with(expected), "{}", reply.reason());
        assert_eq!(world.writes(), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_take_over_inherits_what_was_there_before_the_former_owner() {
    let world = shared();
    let first = restoring(json!({"idleSessionTimeout": "5", "kmsKeyId": "alias/a"}));
    world.send(&Request::create(first.clone()).of_stack("b")).await.ok();
    let taking =
        merging_with(json!({"idleSessionTimeout": "6"}), json!({"OnExisting": "TakeOver", "OnDelete": "Restore"}));
    world.send(&Request::create(taking.clone())).await.ok();
    assert_eq!(owners(&world), owned(&[("idleSessionTimeout", "a"), ("kmsKeyId", "b")]));
    sleep(Duration::from_secs(60)).await;
    world.send(&Request::delete(NAME, first).of_stack("b")).await.ok();
    assert_eq!(
        world.default_content(NAME),
        base_with(json!({"idleSessionTimeout": "6"})),
        "the former owner lets go of its own"
    );
    world.send(&Request::delete(NAME, taking)).await.ok();
    assert_eq!((world.default_content(NAME), world.tags(NAME)), (base(), vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_take_over_that_fails_gives_the_former_owner_its_key_back() {
    let world = shared();
    world.send(&Request::create(restoring(json!({"idleSessionTimeout": "5"}))).of_stack("b")).await.ok();
    let before = world.tags(NAME);
    world.aws.on("UpdateDocumentDefaultVersion").fault(refused());
    let taking = merging_with(json!({"idleSessionTimeout": "6"}), json!({"OnExisting": "TakeOver"}));
    let reply = world.send(&Request::create(taking)).await;
    reply.reason();
    assert_eq!((reply.marker(), world.tags(NAME)), (NOT_CREATED, before));
    assert_eq!(world.default_content(NAME), base_with(json!({"idleSessionTimeout": "5"})));
}

#[tokio::test(start_paused = true)]
async fn of_two_resources_that_take_a_key_at_the_same_time_one_fails() {
    let world = shared();
    let first = Request::create(merging(json!({"idleSessionTimeout": "5"}))).of_stack("b");
    let second = Request::create(merging(json!({"idleSessionTimeout": "6"}))).of_stack("c");
    tokio::try_join!(world.invoke(&first), world.invoke(&second)).unwrap();
    let statuses: Vec<Value> = world.aws.delivered().iter().map(|body| body["Status"].clone()).collect();
    assert!(statuses.contains(&json!("FAILED")) && statuses.contains(&json!("SUCCESS")), "{statuses:?}");
    let winner = &owners(&world)[0].1;
    let value = if winner == "b" { "5" } else { "6" };
    assert_eq!(world.default_content(NAME), base_with(json!({"idleSessionTimeout": value})));
}

#[tokio::test(start_paused = true)]
async fn a_document_that_another_resource_owns_as_a_whole_is_refused_and_never_taken_over() {
    let world = shared();
    let whole = json!({"DocumentName": NAME, "DocumentContent": BASE});
    world.send(&Request::create(whole).of_stack("b")).await.ok();
    world.aws.forget();
    for choice in ["Adopt", "TakeOver"] {
        let wanted = merging_with(json!({"idleSessionTimeout": "5"}), json!({"OnExisting": choice}));
        let reply = world.send(&Request::create(wanted)).await;
        for expected in [stack("b").as_str(), "Preferences", "ContentMode: Merge first"] {
            assert!(reply.reason().contains(expected), "{}", reply.reason());
        }
    }
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_wants_the_whole_document_is_refused_with_every_key_and_its_owner() {
    let world = shared();
    world.send(&Request::create(merging(json!({"idleSessionTimeout": "5"}))).of_stack("b")).await.ok();
    world.send(&Request::create(merging(json!({"kmsKeyId": "alias/a"}))).of_stack("c")).await.ok();
    world.aws.forget();
    let whole = json!({"DocumentName": NAME, "DocumentContent": BASE});
    let reply = world.send(&Request::create(whole.clone())).await;
    for expected in ["inputs.idleSessionTimeout (stack b)", "inputs.kmsKeyId (stack c)", "TakeOver"] {
        assert!(reply.reason().contains(expected), "{}", reply.reason());
    }
    assert_eq!(world.writes(), [""; 0]);
    let mut taking = whole;
    taking["OnExisting"] = json!("TakeOver");
    world.send(&Request::create(taking)).await.ok();
    assert_eq!((world.default_content(NAME), owners(&world)), (base(), vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_take_over_of_the_whole_document_that_fails_gives_the_keys_back() {
    let world = shared();
    world.send(&Request::create(merging(json!({"idleSessionTimeout": "5"}))).of_stack("b")).await.ok();
    let before = world.tags(NAME);
    world.aws.on("UpdateDocumentDefaultVersion").fault(refused());
    let taking = json!({"DocumentName": NAME, "DocumentContent": BASE, "OnExisting": "TakeOver"});
    assert_eq!(world.send(&Request::create(taking)).await.marker(), NOT_CREATED);
    assert_eq!(world.tags(NAME), before);
}

#[tokio::test(start_paused = true)]
async fn a_late_request_that_a_later_one_has_overtaken_changes_nothing() {
    let world = shared();
    let (old, new) = (merging(json!({"idleSessionTimeout": "5"})), merging(json!({"idleSessionTimeout": "6"})));
    let create = signed_now(&world, Request::create(old.clone()));
    world.send(&create).await.ok();
    let late_delete = signed_now(&world, Request::delete(NAME, restoring(json!({"idleSessionTimeout": "6"}))));
    sleep(Duration::from_secs(10)).await;
    world.send(&Request::update(NAME, old, new)).await.ok();
    world.aws.forget();
    let reply = world.send(&create).await;
    assert!(reply.reason().contains("later request"), "{}", reply.reason());
    world.send(&late_delete).await.ok();
    assert_eq!(world.default_content(NAME), base_with(json!({"idleSessionTimeout": "6"})));
    assert_eq!((world.writes(), owners(&world)), (vec![], owned(&[("idleSessionTimeout", "a")])));
}
