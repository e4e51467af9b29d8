//! Keys that a resource lets go: those that leave its template, and all of them when it is deleted.

use loopback_aws::ssm::Version;

use super::*;

async fn aged(world: &World) {
    sleep(Duration::from_secs(60)).await;
    world.aws.forget();
}

fn update(old: Value, new: Value) -> Request {
    Request::update(NAME, old, new)
}

#[tokio::test(start_paused = true)]
async fn a_key_that_leaves_the_template_stays_under_retain_and_gets_its_earlier_value_under_restore() {
    for (on_delete, idle, profile) in [("Retain", "5", Some("cd")), ("Restore", "20", None)] {
        let world = shared();
        let both = json!({"idleSessionTimeout": "5", "kmsKeyId": "alias/a", "shellProfile": {"linux": "cd"}});
        let old = merging_with(both, json!({"OnDelete": on_delete}));
        let new = merging_with(json!({"kmsKeyId": "alias/a"}), json!({"OnDelete": on_delete}));
        world.send(&Request::create(old.clone())).await.ok();
        aged(&world).await;
        world.send(&update(old, new)).await.ok();
        let mut expected = base_with(json!({"idleSessionTimeout": idle, "kmsKeyId": "alias/a"}));
        if let Some(profile) = profile {
            expected["inputs"]["shellProfile"] = json!({ "linux": profile });
        }
        assert_eq!(world.default_content(NAME), expected, "{on_delete}");
        assert_eq!(owners(&world), owned(&[("kmsKeyId", "a")]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_under_retain_removes_tags_only() {
    let world = shared();
    let properties = merging(json!({"idleSessionTimeout": "5"}));
    world.send(&Request::create(properties.clone())).await.ok();
    aged(&world).await;
    world.send(&Request::delete(NAME, properties)).await.ok();
    assert_eq!(world.writes(), ["RemoveTagsFromResource"]);
    assert_eq!(
        (world.default_content(NAME), world.tags(NAME)),
        (base_with(json!({"idleSessionTimeout": "5"})), vec![])
    );
}

#[tokio::test(start_paused = true)]
async fn deletes_under_restore_in_any_order_give_the_base_content_back() {
    for order in [["a", "b", "c"], ["c", "b", "a"], ["b", "c", "a"]] {
        let world = shared();
        let properties = |stack: &str| match stack {
            "a" => restoring(json!({"idleSessionTimeout": "5"})),
            "b" => restoring(json!({"shellProfile": {"linux": "cd"}})),
            _ => restoring(json!({"shellProfile": {"windows": "dir"}, "kmsKeyId": "alias/a"})),
        };
        for stack in ["a", "b", "c"] {
            world.send(&Request::create(properties(stack)).of_stack(stack)).await.ok();
        }
        for stack in order {
            aged(&world).await;
            world.send(&Request::delete(NAME, properties(stack)).of_stack(stack)).await.ok();
        }
        assert_eq!((world.default_content(NAME), world.tags(NAME)), (base(), vec![]), "{order:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_owner_under_restore_deletes_a_document_of_which_only_the_skeleton_is_left() {
    let (first, second) = (restoring(json!({"idleSessionTimeout": "5"})), restoring(json!({"kmsKeyId": "alias/a"})));
    for first_goes_first in [true, false] {
        let world = world();
        world.send(&Request::create(first.clone())).await.ok();
        world.send(&Request::create(second.clone()).of_stack("b")).await.ok();
        let mut deletes = [Request::delete(NAME, first.clone()), Request::delete(NAME, second.clone()).of_stack("b")];
        if !first_goes_first {
            deletes.reverse();
        }
        aged(&world).await;
        world.send(&deletes[0]).await.ok();
        assert!(world.exists(NAME), "it has an owner yet");
        world.send(&deletes[1]).await.ok();
        assert!(!world.exists(NAME));
        world.send(&deletes[1]).await.ok();
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_during_which_the_document_goes_succeeds() {
    for operation in ["GetDocument", "ListDocumentVersions", "RemoveTagsFromResource"] {
        let world = shared();
        let properties = restoring(json!({"idleSessionTimeout": "5"}));
        world.send(&Request::create(properties.clone())).await.ok();
        // The latest version of somebody else holds the lock.
        world.aws.ssm(|model| model.document_mut(NAME).unwrap().push(Version::json(BASE)));
        world.aws.on(operation).before(|model| drop(model.remove_document(NAME)));
        world.send(&Request::delete(NAME, properties)).await.ok();
        assert!(!world.exists(NAME), "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_document_that_gets_another_owner_while_the_last_one_deletes_it_stays() {
    let world = world();
    let first = restoring(json!({"idleSessionTimeout": "5"}));
    world.send(&Request::create(first.clone())).await.ok();
    aged(&world).await;
    // Between the decision to delete the document and the deletion.
    world.aws.on("DescribeDocument").nth(2).before(|model| {
        let tags = &mut model.document_mut(NAME).unwrap().tags;
        let tag = format!("1 1800000000 00000000 {}", crate::world::stack("b"));
        tags.insert("cfn-ssm-document:key:inputs.kmsKeyId".into(), tag);
    });
    world.send(&Request::delete(NAME, first)).await.ok();
    assert_eq!(
        (world.default_content(NAME)["inputs"]["idleSessionTimeout"].as_str(), owners(&world)),
        (Some(""), owned(&[("kmsKeyId", "b")]))
    );
}

#[tokio::test(start_paused = true)]
async fn a_created_document_stays_when_something_was_left_in_it() {
    let (first, second) = (restoring(json!({"idleSessionTimeout": "5"})), merging(json!({"kmsKeyId": "alias/a"})));
    // What a resource leaves under Retain is to stay.
    let world = world();
    world.send(&Request::create(first.clone())).await.ok();
    world.send(&Request::create(second.clone()).of_stack("b")).await.ok();
    aged(&world).await;
    world.send(&Request::delete(NAME, second).of_stack("b")).await.ok();
    assert!(world.tags(NAME).contains(&("cfn-ssm-document:origin".into(), "adopted".into())));
    world.send(&Request::delete(NAME, first.clone())).await.ok();
    assert_eq!((&world.default_content(NAME)["inputs"]["kmsKeyId"], world.tags(NAME)), (&json!("alias/a"), vec![]));

    // So is what somebody wrote by hand.
    let world = super::world();
    world.send(&Request::create(first.clone())).await.ok();
    world.aws.ssm(|model| {
        let document = model.document_mut(NAME).unwrap();
        let edited = document.default().content.replace("\"maxSessionDuration\":\"\"", "\"maxSessionDuration\":\"9\"");
        document.default_version = document.push(loopback_aws::ssm::Version::json(edited));
    });
    aged(&world).await;
    world.send(&Request::delete(NAME, first)).await.ok();
    let inputs = &world.default_content(NAME)["inputs"];
    assert_eq!((&inputs["maxSessionDuration"], &inputs["idleSessionTimeout"]), (&json!("9"), &json!("")));
    assert_eq!(world.tags(NAME), []);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_somebody_changed_by_hand_stays_and_so_does_one_whose_earlier_version_is_gone() {
    let world = shared();
    let properties = restoring(json!({"idleSessionTimeout": "5", "kmsKeyId": "alias/a"}));
    world.send(&Request::create(properties.clone())).await.ok();
    world.aws.ssm(|model| {
        let document = model.document_mut(NAME).unwrap();
        let edited = document.default().content.replace("\"5\"", "\"7\"");
        document.default_version = document.push(loopback_aws::ssm::Version::json(edited));
    });
    aged(&world).await;
    world.send(&Request::delete(NAME, properties.clone())).await.ok();
    assert_eq!(
        (world.default_content(NAME), world.tags(NAME)),
        (base_with(json!({"idleSessionTimeout": "7"})), vec![])
    );

    let world = shared();
    world.send(&Request::create(properties.clone())).await.ok();
    world.aws.ssm(|model| {
        let input = json!({"Name": NAME, "DocumentVersion": "1"});
        model.call("DeleteDocument", &input).unwrap();
    });
    aged(&world).await;
    world.send(&Request::delete(NAME, properties)).await.ok();
    let stays = base_with(json!({"idleSessionTimeout": "5", "kmsKeyId": "alias/a"}));
    assert_eq!((world.default_content(NAME), world.tags(NAME)), (stays, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_was_interrupted_anywhere_finishes_when_it_is_delivered_again() {
    for operation in ["UpdateDocument", "UpdateDocumentDefaultVersion", "RemoveTagsFromResource", "DescribeDocument"] {
        let world = shared();
        let properties = restoring(json!({"idleSessionTimeout": "5"}));
        world.send(&Request::create(properties.clone())).await.ok();
        aged(&world).await;
        let delete = signed_now(&world, Request::delete(NAME, properties));
        killed_at(&world, operation, &delete).await;
        sleep(Duration::from_secs(60)).await;
        world.send(&delete).await.ok();
        assert_eq!((world.default_content(NAME), world.tags(NAME)), (base(), vec![]), "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_that_a_tag_remembers_is_never_pruned() {
    let world = world();
    world.aws.ssm(|model| model.version_limit = 4);
    let properties = |idle: &str| restoring(json!({ "idleSessionTimeout": idle }));
    let keeper = restoring(json!({"kmsKeyId": "alias/a"}));
    world.send(&Request::create(properties("1"))).await.ok();
    world.send(&Request::create(keeper.clone()).of_stack("b")).await.ok();
    for idle in 2..9 {
        let (old, new) = (properties(&(idle - 1).to_string()), properties(&idle.to_string()));
        world.send(&update(old, new)).await.ok();
    }
    assert!(world.aws.ssm(|model| model.document(NAME).unwrap().get(1).is_some()), "version 1 is stack b's");
    aged(&world).await;
    world.send(&Request::delete(NAME, keeper).of_stack("b")).await.ok();
    assert_eq!(world.default_content(NAME)["inputs"]["kmsKeyId"], "");
}
