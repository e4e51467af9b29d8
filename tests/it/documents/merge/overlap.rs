//! Several writers at once, requests that are cut short or undone, and calls whose reply is lost.

use loopback_aws::ssm::{Activation, Duplicates, Lags, Sameness};
use loopback_aws::{Loopback, Loss, TakesEffect};
use tokio::time::Instant;

use super::*;
use crate::world::{DEFAULT_VERSION, made_up};

fn latency(milliseconds: u64) -> World {
    let world = World::on(Loopback::builder().latency(Duration::from_millis(milliseconds)));
    world.aws.ssm(|model| model.put_document(Document::session(NAME, BASE)));
    world
}

const STACKS: [(&str, &str); 5] = [
    ("b", "idleSessionTimeout"),
    ("c", "maxSessionDuration"),
    ("d", "kmsKeyId"),
    ("e", "runAsDefaultUser"),
    ("f", "s3BucketName"),
];

/// The inputs of one of [`STACKS`], each with a value that is right for it.
fn inputs(key: &str) -> Value {
    json!({ key: "7" })
}

fn all_inputs() -> Value {
    STACKS.iter().map(|(_, key)| ((*key).to_owned(), json!("7"))).collect::<serde_json::Map<_, _>>().into()
}

#[tokio::test(start_paused = true)]
async fn merges_at_the_same_time_all_end_up_in_the_document() {
    for milliseconds in [0, 20, 150] {
        for lag in [Duration::ZERO, Duration::from_secs(1)] {
            let world = latency(milliseconds);
            world.aws.ssm(|model| model.lags = Lags::up_to(lag, 7));
            let requests = STACKS.map(|(stack, key)| Request::create(restoring(inputs(key))).of_stack(stack));
            let [b, c, d, e, f] = &requests;
            tokio::try_join!(world.invoke(b), world.invoke(c), world.invoke(d), world.invoke(e), world.invoke(f))
                .unwrap();
            for body in world.aws.delivered() {
                assert_eq!(body["Status"], "SUCCESS", "{body}");
            }
            assert_eq!(world.default_content(NAME), base_with(all_inputs()), "{milliseconds} {lag:?}");
            let default_version = Some(world.versions(NAME).0.to_string());
            assert_eq!(world.tag(NAME, DEFAULT_VERSION), default_version, "{milliseconds} {lag:?}");

            sleep(Duration::from_secs(60)).await;
            let deletes = STACKS.map(|(stack, key)| Request::delete(NAME, restoring(inputs(key))).of_stack(stack));
            let [b, c, d, e, f] = &deletes;
            tokio::try_join!(world.invoke(b), world.invoke(c), world.invoke(d), world.invoke(e), world.invoke(f))
                .unwrap();
            let mut tags = world.tags(NAME);
            // If reads lag, each of the last two may take the other for the last one. A tag without an owner means nothing.
            tags.retain(|(tag, _)| lag.is_zero() || tag != DEFAULT_VERSION);
            assert_eq!((world.default_content(NAME), tags), (base(), vec![]), "{milliseconds} {lag:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn creates_of_an_absent_document_at_the_same_time_all_end_up_in_it() {
    let world = World::on(Loopback::builder().latency(Duration::from_millis(30)));
    let requests = STACKS.map(|(stack, key)| Request::create(restoring(inputs(key))).of_stack(stack));
    let [b, c, d, ..] = &requests;
    tokio::try_join!(world.invoke(b), world.invoke(c), world.invoke(d)).unwrap();
    for (_, key) in &STACKS[..3] {
        assert_eq!(world.default_content(NAME)["inputs"][key], "7", "{:?}", world.aws.trace());
    }
    sleep(Duration::from_secs(60)).await;
    for (stack, key) in &STACKS[..3] {
        world.send(&Request::delete(NAME, restoring(inputs(key))).of_stack(stack)).await.ok();
    }
    assert!(!world.exists(NAME));
}

#[tokio::test(start_paused = true)]
async fn a_writer_waits_while_another_one_has_uploaded_and_not_promoted() {
    let world = shared();
    killed_at(&world, "UpdateDocument", &Request::create(merging(json!({"kmsKeyId": "alias/a"}))).of_stack("b")).await;
    let begun = Instant::now();
    world.send(&Request::create(merging(json!({"idleSessionTimeout": "5"})))).await.ok();
    let waited = begun.elapsed().as_secs();
    assert!((11..20).contains(&waited), "{waited} s");
    assert_eq!(
        world.default_content(NAME),
        base_with(json!({"idleSessionTimeout": "5"})),
        "the dead one's key was never set"
    );
    // The dead one's request is delivered again.
    world.send(&Request::create(merging(json!({"kmsKeyId": "alias/a"}))).of_stack("b")).await.ok();
    assert_eq!(world.default_content(NAME), base_with(json!({"idleSessionTimeout": "5", "kmsKeyId": "alias/a"})));
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_is_too_slow_does_not_promote_what_others_have_not_seen() {
    let world = shared();
    // By the time the first writer has read its own version, it may no longer promote it.
    world.aws.on("DescribeDocument").nth(2).fault(Fault::Delay(Duration::from_secs(9)));
    let slow = Request::create(merging(json!({"kmsKeyId": "alias/a"}))).of_stack("b");
    let other = async {
        sleep(Duration::from_secs(1)).await;
        world.invoke(&Request::create(merging(json!({"idleSessionTimeout": "5"})))).await
    };
    tokio::try_join!(world.invoke(&slow), other).unwrap();
    assert_eq!(world.default_content(NAME), base_with(json!({"idleSessionTimeout": "5", "kmsKeyId": "alias/a"})));
}

#[tokio::test(start_paused = true)]
async fn a_create_that_was_interrupted_anywhere_succeeds_when_it_is_delivered_again() {
    for operation in
        ["AddTagsToResource", "UpdateDocument", "UpdateDocumentDefaultVersion", "DescribeDocument", "CreateDocument"]
    {
        for later in [0, 60] {
            let world = if operation == "CreateDocument" { world() } else { shared() };
            let properties = restoring(json!({"idleSessionTimeout": "5"}));
            let create = signed_now(&world, Request::create(properties.clone()));
            killed_at(&world, operation, &create).await;
            sleep(Duration::from_secs(later)).await;
            world.send(&create).await.ok();
            assert_eq!(world.default_content(NAME)["inputs"]["idleSessionTimeout"], "5", "{operation}");
            sleep(Duration::from_secs(60)).await;
            world.send(&Request::delete(NAME, properties)).await.ok();
            match operation {
                "CreateDocument" => assert!(!world.exists(NAME)),
                _ => assert_eq!((world.default_content(NAME), world.tags(NAME)), (base(), vec![]), "{operation}"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_that_fails_anywhere_leaves_no_trace() {
    for operation in ["AddTagsToResource", "UpdateDocument", "UpdateDocumentDefaultVersion"] {
        for fault in [refused(), Fault::ErrorAfter(loopback_aws::ssm::ModelError::new("ValidationException", "no"))] {
            let world = shared();
            world.aws.on(operation).fault(fault);
            let reply = world.send(&Request::create(merging(json!({"idleSessionTimeout": "5"})))).await;
            if reply.0["Status"] == "SUCCESS" {
                continue;
            }
            assert_eq!(
                (reply.marker(), world.default_content(NAME), world.tags(NAME)),
                (NOT_CREATED, base(), vec![]),
                "{operation}"
            );
        }
    }
    let world = world();
    world.aws.ssm(|model| model.activation = Activation::Fails { reads: 1, information: "why".into() });
    let reply = world.send(&Request::create(merging(json!({"idleSessionTimeout": "5"})))).await;
    reply.reason();
    assert_eq!((reply.marker(), world.exists(NAME)), (NOT_CREATED, false));
}

#[tokio::test(start_paused = true)]
async fn an_update_that_fails_gives_back_the_keys_that_it_took_and_its_rollback_does_the_rest() {
    let world = shared();
    let old = merging(json!({"idleSessionTimeout": "5"}));
    let new = merging(json!({"idleSessionTimeout": "6", "kmsKeyId": "alias/a"}));
    world.send(&Request::create(old.clone())).await.ok();
    let before = (world.default_content(NAME), owners(&world));
    sleep(Duration::from_secs(60)).await;
    // The promotion takes effect, and the read after it is refused.
    world.aws.on("DescribeDocument").nth(3).fault(refused());
    world.send(&Request::update(NAME, old.clone(), new.clone())).await.reason();
    assert_eq!(owners(&world), before.1);
    assert_eq!(world.default_content(NAME)["inputs"]["kmsKeyId"], "");
    world.send(&Request::update(NAME, new, old)).await.ok();
    assert_eq!((world.default_content(NAME), owners(&world)), before);
}

#[tokio::test(start_paused = true)]
async fn an_upload_whose_reply_is_lost_is_found_and_promoted() {
    for (fault, own) in [
        (Fault::ResetAfter, true),
        (Fault::HangAfter, true),
        (Fault::Late(Loss::Reset, TakesEffect::AtNextCall), true),
        (Fault::Late(Loss::Reset, TakesEffect::After(Duration::from_secs(3))), false),
    ] {
        let world = shared();
        world.aws.on("UpdateDocument").fault(fault.clone());
        world.send(&Request::create(merging(json!({"idleSessionTimeout": "5"})))).await.ok();
        assert_eq!(world.default_content(NAME), base_with(json!({"idleSessionTimeout": "5"})), "{fault:?}");
        assert!(!own || world.versions(NAME) == (2, 2), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_delivered_twice_at_the_same_time_ends_as_if_delivered_once() {
    let world = latency(40);
    let create = signed_now(&world, Request::create(restoring(json!({"idleSessionTimeout": "5"}))));
    tokio::try_join!(world.invoke(&create), world.invoke(&create)).unwrap();
    assert_eq!(world.default_content(NAME), base_with(json!({"idleSessionTimeout": "5"})));
    assert_eq!(world.versions(NAME), (2, 2));
    sleep(Duration::from_secs(60)).await;
    let delete = signed_now(&world, Request::delete(NAME, restoring(json!({"idleSessionTimeout": "5"}))));
    tokio::try_join!(world.invoke(&delete), world.invoke(&delete)).unwrap();
    assert_eq!((world.default_content(NAME), world.tags(NAME)), (base(), vec![]));
}

#[tokio::test(start_paused = true)]
async fn the_delete_with_a_generated_id_of_a_cancelled_create_restores_each_key_whatever_on_delete_says() {
    for operation in ["AddTagsToResource", "UpdateDocument", "UpdateDocumentDefaultVersion", "CreateDocument"] {
        let world = if operation == "CreateDocument" { world() } else { shared() };
        let properties = merging(json!({"idleSessionTimeout": "5"}));
        killed_at(&world, operation, &Request::create(properties.clone())).await;
        sleep(Duration::from_secs(4)).await;
        world.send(&Request::delete(&made_up("a"), properties)).await.ok();
        match operation {
            "CreateDocument" => assert!(!world.exists(NAME)),
            _ => assert_eq!((world.default_content(NAME), world.tags(NAME)), (base(), vec![]), "{operation}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_rollback_of_a_cancelled_rename_gives_back_the_keys_of_the_other_document() {
    let world = shared();
    world.aws.ssm(|model| model.put_document(Document::session("Other", BASE)));
    let old = merging(json!({"idleSessionTimeout": "5"}));
    let new = merging_with(json!({"idleSessionTimeout": "6"}), json!({"DocumentName": "Other"}));
    world.send(&Request::create(old.clone())).await.ok();
    sleep(Duration::from_secs(60)).await;
    killed_at(&world, "UpdateDocumentDefaultVersion", &Request::update(NAME, old.clone(), new.clone())).await;
    assert_eq!(world.default_content("Other")["inputs"]["idleSessionTimeout"], "6");
    sleep(Duration::from_secs(4)).await;
    world.send(&Request::update(NAME, new, old)).await.ok();
    assert_eq!((world.default_content("Other"), world.tags("Other")), (base(), vec![]));
    assert_eq!(world.default_content(NAME), base_with(json!({"idleSessionTimeout": "5"})));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_toggles_is_merged_whatever_aws_calls_a_duplicate() {
    for (duplicates, sameness) in [
        (Duplicates::AnyVersion, Sameness::Bytes),
        (Duplicates::AnyVersion, Sameness::Parsed),
        (Duplicates::LatestVersion, Sameness::Parsed),
    ] {
        let world = shared();
        world.aws.ssm(|model| (model.duplicates, model.sameness) = (duplicates, sameness));
        let properties = |idle: &str| merging(json!({ "idleSessionTimeout": idle }));
        world.send(&Request::create(properties("5"))).await.ok();
        for (old, new) in [("5", "6"), ("6", "5"), ("5", "20"), ("20", "6")] {
            sleep(Duration::from_secs(60)).await;
            world.send(&Request::update(NAME, properties(old), properties(new))).await.ok();
            assert_eq!(world.default_content(NAME), base_with(json!({ "idleSessionTimeout": new })), "{duplicates:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_key_is_lost_if_a_version_that_was_found_is_promoted_while_another_writer_uploads() {
    let world = shared();
    world.aws.ssm(|model| model.duplicates = Duplicates::AnyVersion);
    let properties = |idle: &str| merging(json!({ "idleSessionTimeout": idle }));
    world.send(&Request::create(properties("5"))).await.ok();
    sleep(Duration::from_secs(60)).await;
    world.send(&Request::update(NAME, properties("5"), properties("6"))).await.ok();
    sleep(Duration::from_secs(60)).await;
    // The last look before the promotion shows what was there up to 3 s before.
    let mut gate = world.aws.on("DescribeDocument").nth(2).hold_after();
    let back = Request::update(NAME, properties("6"), properties("5"));
    let other = async {
        gate.reached().await;
        let create = Request::create(merging(json!({"kmsKeyId": "alias/a"}))).of_stack("b");
        let stale = async {
            sleep(Duration::from_secs(3)).await;
            gate.open();
        };
        tokio::join!(world.invoke(&create), stale).0
    };
    tokio::try_join!(world.invoke(&back), other).unwrap();
    assert_eq!(world.default_content(NAME), base_with(json!({"idleSessionTimeout": "5", "kmsKeyId": "alias/a"})));
}

#[tokio::test(start_paused = true)]
async fn a_version_that_becomes_active_slowly_is_promoted_in_the_end() {
    for seconds in [1, 5, 10, 20] {
        let world = shared();
        world.aws.ssm(|model| model.activation = Activation::After(Duration::from_secs(seconds)));
        world.send(&Request::create(merging(json!({"idleSessionTimeout": "5"})))).await.ok();
        assert_eq!(world.default_content(NAME), base_with(json!({"idleSessionTimeout": "5"})), "{seconds}");
    }
}
