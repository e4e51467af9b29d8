//! Who manages a document, and what happens when two want to.

use loopback_aws::Fault;
use loopback_aws::ssm::{Document, Version};
use serde_json::{Value, json};

use super::{NAME, content, desired, desired_with, preferences};
use crate::world::{Reply, Request, World, stack};

fn on_existing(idle: &str, choice: &str) -> Value {
    desired_with(idle, json!({ "OnExisting": choice }))
}

/// A request that finds this document for the first time: a Create, or an Update that renames.
async fn meeting(there: Document, rename: bool) -> (World, Request) {
    let world = World::new();
    let other = desired_with("5", json!({"DocumentName": "Other"}));
    world.send(&Request::create(other.clone())).await.ok();
    world.aws.forget();
    world.aws.ssm(|model| model.put_document(there));
    let request = match rename {
        true => Request::update("Other", other, desired("20")),
        false => Request::create(desired("20")),
    };
    (world, request)
}

#[tokio::test(start_paused = true)]
async fn a_second_owner_is_refused_with_the_first_ones_name_and_the_remedy() {
    let world = World::new();
    world.send(&Request::create(desired("10"))).await.ok();
    let others = [Request::create(desired("20")).of_stack("b"), Request::create(desired("20")).of_resource("Second")];
    for second in others {
        world.aws.forget();
        let reply = world.send(&second).await;
        for expected in ["Preferences", stack("a").as_str(), "TakeOver"] {
            assert!(reply.reason().contains(expected), "{}", reply.reason());
        }
        assert_eq!(world.writes(), [""; 0]);
        assert_eq!(reply.marker(), "cfn-ssm-document:not-created");
    }
    assert_eq!(world.default_content(NAME), content("10"));
}

#[tokio::test(start_paused = true)]
async fn a_take_over_makes_the_document_adopted_and_the_old_owners_delete_does_nothing() {
    let world = World::new();
    let restoring = desired_with("10", json!({"OnDelete": "Restore"}));
    world.send(&Request::create(restoring.clone())).await.ok();
    world.send(&Request::create(on_existing("20", "TakeOver")).of_stack("b")).await.ok();
    let tags = world.tags(NAME);
    assert!(tags.contains(&("cfn-ssm-document:origin".into(), "adopted".into())), "{tags:?}");
    assert!(tags.contains(&("cfn-ssm-document:stack-id".into(), stack("b"))), "{tags:?}");
    world.aws.forget();
    world.send(&Request::delete(NAME, restoring)).await.ok();
    assert_eq!(world.writes(), [""; 0]);
    assert_eq!(world.default_content(NAME), content("20"));
}

#[tokio::test(start_paused = true)]
async fn fail_refuses_a_document_that_exists_and_creates_one_that_does_not() {
    let world = World::with(|model| model.put_document(Document::session(NAME, preferences("1"))));
    let reply = world.send(&Request::create(on_existing("20", "Fail"))).await;
    assert!(reply.reason().contains("OnExisting: Adopt"), "{}", reply.reason());
    assert_eq!((world.writes(), world.default_content(NAME)), (vec![], content("1")));
    world.aws.ssm(|model| drop(model.remove_document(NAME)));
    let create = Request::create(on_existing("20", "Fail"));
    world.send(&create).await.ok();
    world.send(&create).await.ok();
}

#[tokio::test(start_paused = true)]
async fn of_two_stacks_that_adopt_at_the_same_time_the_loser_fails_and_leaves_the_winners_changes_alone() {
    let world = World::with(|model| model.put_document(Document::session(NAME, preferences("1"))));
    let winner = [
        ("cfn-ssm-document:stack-id", stack("b")),
        ("cfn-ssm-document:logical-id", "Preferences".to_owned()),
        ("cfn-ssm-document:origin", "adopted".to_owned()),
        ("cfn-ssm-document:previous-default-version", "1".to_owned()),
    ];
    let tags = winner.clone();
    world.aws.on("AddTagsToResource").after(move |model| {
        let document = model.document_mut(NAME).unwrap();
        document.tags.extend(tags.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    });
    let reply = world.send(&Request::create(desired("20"))).await;
    assert!(reply.reason().contains(&stack("b")), "{}", reply.reason());
    assert_eq!(reply.marker(), "cfn-ssm-document:not-created");
    assert_eq!(world.default_content(NAME), content("1"), "nothing was promoted");
    let mut winner = winner.map(|(key, value)| (key.to_owned(), value));
    winner.sort();
    assert_eq!(world.tags(NAME), winner, "all of the winner's tags stay, those of equal value too");
}

#[tokio::test(start_paused = true)]
async fn of_two_stacks_that_adopt_a_document_which_changes_meanwhile_the_loser_fails_too() {
    for rename in [false, true] {
        let (world, request) = meeting(Document::session(NAME, preferences("1")), rename).await;
        // Between the description and the content, somebody promotes another version.
        world.aws.on("GetDocument").before(|model| {
            let document = model.document_mut(NAME).unwrap();
            document.default_version = document.push(Version::json(preferences("2")));
        });
        // So it is described twice; the third time, the other stack's tags are there.
        world.aws.on("DescribeDocument").nth(3).before(|model| {
            model.document_mut(NAME).unwrap().tags.insert("cfn-ssm-document:stack-id".into(), stack("b"));
        });
        let reply = world.send(&request).await;
        assert!(reply.reason().contains(&stack("b")), "{}", reply.reason());
        assert_eq!(world.default_content(NAME), content("2"), "nothing was promoted");
    }
}

#[tokio::test(start_paused = true)]
async fn an_adoption_that_needs_a_second_round_reads_its_tags_again_in_that_round_as_well() {
    let world = World::with(|model| model.put_document(Document::session(NAME, preferences("1"))));
    // Somebody else's version is still being made.
    world.aws.on("UpdateDocument").nth(1).fault(Fault::error(400, "InvalidDocumentOperation", "no"));
    world.aws.on("UpdateDocument").nth(2).before(|model| {
        model.document_mut(NAME).unwrap().tags.insert("cfn-ssm-document:stack-id".into(), stack("b"));
    });
    // Each round describes the document twice: to decide whether to adopt it, and to confirm the ownership.
    let hold = world.aws.on("DescribeDocument").nth(4).hold_before();
    let (request, uploaded) = (Request::create(desired("20")), async {
        while world.aws.calls().iter().filter(|call| *call == "UpdateDocument").count() < 2 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        drop(hold);
    });
    let (reply, ()) = tokio::join!(world.send(&request), uploaded);
    assert!(reply.reason().contains(&stack("b")), "{}", reply.reason());
    assert_eq!(world.default_content(NAME), content("1"), "nothing was promoted");
}

#[tokio::test(start_paused = true)]
async fn an_adoption_is_undone_if_the_document_cannot_be_read() {
    for rename in [false, true] {
        let there = Document::session(NAME, preferences("1")).tag("team", "blue");
        let (world, request) = meeting(there, rename).await;
        world.aws.on("GetDocument").fault(Fault::error(400, "InvalidDocumentContent", "no"));
        let reply = world.send(&request).await;
        assert!(reply.reason().contains("InvalidDocumentContent"), "{}", reply.reason());
        let id = if rename { reply.id() } else { reply.marker() };
        assert_eq!(id, if rename { "Other" } else { "cfn-ssm-document:not-created" });
        assert!(world.writes().contains(&"AddTagsToResource".to_owned()), "{:?}", world.writes());
        assert_eq!(world.tags(NAME), [("team".to_owned(), "blue".to_owned())]);
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_real_adoptions_at_the_same_time_one_wins_and_the_other_leaves_no_trace() {
    let world = World::with(|model| model.put_document(Document::session(NAME, preferences("1"))));
    let (mut one, mut other) =
        (world.aws.on("AddTagsToResource").nth(1).hold_after(), world.aws.on("AddTagsToResource").nth(2).hold_after());
    let both_wrote = async {
        one.reached().await;
        other.reached().await;
        drop((one, other));
    };
    let (a, b) = (Request::create(desired("20")), Request::create(desired("30")).of_stack("b"));
    let (a, b, ()) = tokio::join!(world.invoke(&a), world.invoke(&b), both_wrote);
    a.and(b).unwrap();
    let (won, lost): (Vec<Value>, Vec<Value>) =
        world.aws.delivered().into_iter().partition(|response| response["Status"] == "SUCCESS");
    assert_eq!((won.len(), lost.len()), (1, 1));
    let winner = won[0]["StackId"].as_str().unwrap();
    assert!(lost[0]["Reason"].as_str().unwrap().contains(winner), "{}", lost[0]);
    assert_eq!(Reply(lost[0].clone()).marker(), "cfn-ssm-document:not-created");
    assert_eq!(world.default_content(NAME), content(if winner == stack("a") { "20" } else { "30" }));
    let tags: Vec<_> = world.tags(NAME).into_iter().map(|(_, value)| value).collect();
    assert_eq!(tags, ["Preferences", "adopted", "1", winner]);
}

#[tokio::test(start_paused = true)]
async fn a_create_that_fails_leaves_alone_what_another_stack_has_promoted_meanwhile() {
    let world = World::with(|model| model.put_document(Document::session(NAME, preferences("1"))));
    world.aws.on("UpdateDocumentDefaultVersion").before(|model| {
        let document = model.document_mut(NAME).unwrap();
        document.tags.insert("cfn-ssm-document:stack-id".into(), stack("b"));
        document.default_version = document.push(Version::json(preferences("30")));
    });
    world.aws.on("UpdateDocumentDefaultVersion").fault(Fault::error(400, "InvalidDocumentVersion", "no"));
    let reply = world.send(&Request::create(desired("20"))).await;
    reply.reason();
    assert_eq!((world.default_content(NAME), world.tags(NAME).len()), (content("30"), 4));
}

#[tokio::test(start_paused = true)]
async fn a_create_that_fails_does_not_delete_what_another_stack_has_made_in_its_place_meanwhile() {
    let world = World::new();
    world.aws.on("ModifyDocumentPermission").before(|model| {
        let mut document = model.remove_document(NAME).unwrap();
        document.tags.insert("cfn-ssm-document:stack-id".into(), stack("b"));
        model.put_document(document);
    });
    world.aws.on("ModifyDocumentPermission").fault(Fault::error(400, "InvalidPermissionType", "no"));
    world.send(&Request::create(desired_with("20", json!({"AccountIds": ["444455556666"]})))).await.reason();
    assert!(world.exists(NAME));
}

#[tokio::test(start_paused = true)]
async fn tags_that_a_native_stack_leaves_are_not_ownership_tags() {
    let world = World::with(|model| {
        let document = Document::session(NAME, preferences("1")).tag("aws:cloudformation:stack-id", &stack("native"));
        model.put_document(document);
    });
    world.send(&Request::create(desired("20"))).await.ok();
}

#[tokio::test(start_paused = true)]
async fn more_tags_than_aws_allows_are_refused_before_anything_is_written() {
    let world = World::with(|model| {
        let document =
            (0..47).fold(Document::session(NAME, preferences("1")), |document, n| document.tag(&format!("t{n}"), ""));
        model.put_document(document);
    });
    let reply = world.send(&Request::create(desired("20"))).await;
    assert!(reply.reason().contains("51 tags"), "{}", reply.reason());
    assert_eq!(world.writes(), [""; 0]);
}
