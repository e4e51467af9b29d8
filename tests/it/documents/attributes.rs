//! The properties other than the content, each reconciled as far as AWS allows.

use loopback_aws::Fault;
use loopback_aws::ssm::{Document, Duplicates, Version};
use serde_json::{Value, json};

use super::{NAME, content, desired, desired_with, preferences};
use crate::world::{Request, World};

/// The inputs of the calls of an operation.
fn inputs(world: &World, operation: &str) -> Vec<Value> {
    world.aws.ssm_calls().into_iter().filter(|call| call.operation == operation).map(|call| call.input).collect()
}

/// The default version's `VersionName`, `DisplayName` and `TargetType`.
fn names(world: &World) -> [Option<String>; 3] {
    world.aws.ssm(|model| {
        let version = model.document(NAME).unwrap().default().clone();
        [version.name, version.display_name, version.target_type]
    })
}

fn some(names: [&str; 3]) -> [Option<String>; 3] {
    names.map(|name| Some(name.to_owned()))
}

fn named(idle: &str, [version, display, target]: [&str; 3]) -> Value {
    desired_with(idle, json!({"VersionName": version, "DisplayName": display, "TargetType": target}))
}

#[tokio::test(start_paused = true)]
async fn every_version_gets_its_names_and_its_target_type() {
    let world = World::new();
    let (old, new) = (["v1", "One", "/AWS::EC2::Instance"], ["v2", "Two", "/"]);
    world.send(&Request::create(named("10", old))).await.ok();
    assert_eq!(names(&world), some(old));
    world.send(&Request::update(NAME, named("10", old), named("20", new))).await.ok();
    assert_eq!(names(&world), some(new));
    world.send(&Request::update(NAME, named("20", new), named("10", old))).await.ok();
    assert_eq!((names(&world), world.default_content(NAME)), (some(old), content("10")));
}

#[tokio::test(start_paused = true)]
async fn a_name_changed_without_the_content_is_refused_and_the_rollback_passes_without_a_write() {
    let before = ["v1", "One", "/"];
    for (after, property) in
        [(["v2", "One", "/"], "VersionName"), (["v1", "Two", "/"], "DisplayName"), (["v1", "One", "/x"], "TargetType")]
    {
        let world = World::new();
        world.send(&Request::create(named("10", before))).await.ok();
        let reply = world.send(&Request::update(NAME, named("10", before), named("10", after))).await;
        let expected = format!("{property} can't be changed alone. Change the content as well, or revert the change.");
        assert!(reply.reason().contains(&expected), "{}", reply.reason());
        assert_eq!((reply.id(), names(&world)), (NAME, some(before)));
        world.aws.forget();
        world.send(&Request::update(NAME, named("10", after), named("10", before))).await.ok();
        assert_eq!(world.writes(), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_changed_without_the_content_makes_a_version_if_aws_accepts_it() {
    // The default is not the latest version, and only that counts as a duplicate.
    let world = World::with(|model| model.duplicates = Duplicates::LatestVersion);
    world.send(&Request::create(named("10", ["v1", "One", "/"]))).await.ok();
    world.aws.ssm(|model| model.document_mut(NAME).unwrap().push(Version::json(preferences("30"))));
    let update = Request::update(NAME, named("10", ["v1", "One", "/"]), named("10", ["v1", "Two", "/"]));
    world.send(&update).await.ok();
    // Names can't be used again, so the new version has none.
    assert_eq!(names(&world), [None, Some("Two".into()), Some("/".into())]);
    assert_eq!((world.default_content(NAME), world.versions(NAME)), (content("10"), (3, 3)));
    world.aws.forget();
    world.send(&update).await.ok();
    assert_eq!(world.writes(), [""; 0], "the same request twice ends as once");
}

#[tokio::test(start_paused = true)]
async fn a_name_changed_without_the_content_whose_reply_is_lost_succeeds_on_the_retry() {
    for fault in [Fault::ResetAfter, Fault::HangAfter] {
        let world = World::new();
        world.aws.ssm(|model| model.duplicates = Duplicates::LatestVersion);
        world.send(&Request::create(named("10", ["v1", "One", "/"]))).await.ok();
        world.aws.ssm(|model| model.document_mut(NAME).unwrap().push(Version::json(preferences("30"))));
        world.aws.on("UpdateDocument").fault(fault);
        let update = Request::update(NAME, named("10", ["v1", "One", "/"]), named("10", ["v1", "Two", "/"]));
        world.send(&update).await.ok();
        assert_eq!(names(&world), [None, Some("Two".into()), Some("/".into())]);
        assert_eq!(world.versions(NAME), (3, 3));
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_changed_without_the_content_under_set_default_version_false_ends_the_same_when_delivered_twice() {
    let world = World::new();
    let aside = |display: &str| desired_with("10", json!({"SetDefaultVersion": "false", "DisplayName": display}));
    world.send(&Request::create(aside("One"))).await.ok();
    world.aws.ssm(|model| model.document_mut(NAME).unwrap().push(Version::json(preferences("30"))));
    for _ in 0..2 {
        world.send(&Request::update(NAME, aside("One"), aside("Two"))).await.ok();
        assert_eq!(world.versions(NAME), (1, 3));
    }
}

#[tokio::test(start_paused = true)]
async fn a_document_that_differs_only_in_a_name_is_adopted() {
    let world = World::with(|model| model.put_document(Document::session(NAME, preferences("10"))));
    world.send(&Request::create(named("10", ["v1", "One", "/"]))).await.ok();
    assert_eq!((world.default_content(NAME), world.versions(NAME)), (content("10"), (1, 1)));
    assert!(world.tags(NAME).iter().any(|(_, value)| value == "adopted"));
}

#[tokio::test(start_paused = true)]
async fn requires_is_given_on_create_and_its_change_is_refused_with_the_remedy() {
    let world = World::new();
    let requiring = |idle: &str, name: &str| desired_with(idle, json!({"Requires": [{"Name": name, "Version": "1"}]}));
    world.send(&Request::create(requiring("10", "Base-Schema"))).await.ok();
    assert_eq!(inputs(&world, "CreateDocument")[0]["Requires"], json!([{"Name": "Base-Schema", "Version": "1"}]));
    world.aws.forget();
    for idle in ["10", "20"] {
        let update = Request::update(NAME, requiring("10", "Base-Schema"), requiring(idle, "Other-Schema"));
        let reply = world.send(&update).await;
        assert!(reply.reason().contains("Requires: can be set only when a document is created"), "{}", reply.reason());
        let back = Request::update(NAME, requiring(idle, "Other-Schema"), requiring("10", "Base-Schema"));
        world.send(&back).await.ok();
    }
    assert_eq!(world.writes(), [""; 0]);
    world.send(&Request::update(NAME, requiring("10", "Base-Schema"), requiring("20", "Base-Schema"))).await.ok();
    assert_eq!(world.default_content(NAME), content("20"));
}

#[tokio::test(start_paused = true)]
async fn attachments_are_sent_with_new_content_and_cannot_change_alone() {
    let world = World::new();
    let with_file = |idle: &str, file: &str| {
        desired_with(idle, json!({"Attachments": [{"Key": "S3FileUrl", "Values": [file], "Name": "agent"}]}))
    };
    world.send(&Request::create(with_file("10", "s3://amzn-s3-demo-bucket/1"))).await.ok();
    let sent = |file: &str| json!([{"Key": "S3FileUrl", "Values": [file], "Name": "agent"}]);
    assert_eq!(inputs(&world, "CreateDocument")[0]["Attachments"], sent("s3://amzn-s3-demo-bucket/1"));
    let (old, new) = (with_file("10", "s3://amzn-s3-demo-bucket/1"), with_file("20", "s3://amzn-s3-demo-bucket/2"));
    world.send(&Request::update(NAME, old, new.clone())).await.ok();
    assert_eq!(inputs(&world, "UpdateDocument")[0]["Attachments"], sent("s3://amzn-s3-demo-bucket/2"));
    let reply = world.send(&Request::update(NAME, new, with_file("20", "s3://amzn-s3-demo-bucket/3"))).await;
    assert!(reply.reason().contains("Attachments can't be changed alone"), "{}", reply.reason());
    world.aws.forget();
    let back = |file: &str| with_file("20", file);
    let rollback = Request::update(NAME, back("s3://amzn-s3-demo-bucket/3"), back("s3://amzn-s3-demo-bucket/2"));
    world.send(&rollback).await.ok();
    assert_eq!(inputs(&world, "UpdateDocument"), [json!(null); 0], "the tag shows that they were never changed");
}

#[tokio::test(start_paused = true)]
async fn the_format_is_sent_on_create_and_update_and_changing_it_alone_writes_nothing() {
    let world = World::new();
    let yaml = |idle: &str| {
        let text = format!(
            "schemaVersion: '1.0' # of sessions\nsessionType: Standard_Stream\ndescription: Session Manager preferences\n\
             inputs:\n  cloudWatchLogGroupName: /sessions\n  cloudWatchStreamingEnabled: true\n  idleSessionTimeout: '{idle}'\n"
        );
        desired_with(idle, json!({ "DocumentContent": text }))
    };
    world.send(&Request::create(yaml("10"))).await.ok();
    world.send(&Request::update(NAME, yaml("10"), yaml("20"))).await.ok();
    assert_eq!(inputs(&world, "CreateDocument")[0]["DocumentFormat"], "YAML");
    assert_eq!(inputs(&world, "UpdateDocument")[0]["DocumentFormat"], "YAML");
    world.aws.forget();
    world.send(&Request::update(NAME, yaml("20"), desired("20"))).await.ok();
    world.send(&Request::update(NAME, desired("20"), yaml("20"))).await.ok();
    assert_eq!(world.writes(), [""; 0]);
    world.send(&Request::update(NAME, yaml("20"), desired("30"))).await.ok();
    assert_eq!(
        (&inputs(&world, "UpdateDocument")[0]["DocumentFormat"], world.default_content(NAME)),
        (&json!("JSON"), content("30"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_document_shared_with_all_is_shared_with_some_instead() {
    let world = World::new();
    let shared = |ids: &[&str]| desired_with("10", json!({ "AccountIds": ids }));
    world.send(&Request::create(shared(&["all"]))).await.ok();
    world.send(&Request::update(NAME, shared(&["all"]), shared(&["444455556666"]))).await.ok();
    assert_eq!(world.shares(NAME), ["444455556666"]);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_a_name_alone_is_also_refused_if_a_version_other_than_the_default_has_the_content() {
    let world = World::with(|model| model.duplicates = Duplicates::AnyVersion);
    world.send(&Request::create(desired("10"))).await.ok();
    world.aws.ssm(|model| {
        let number = model.document_mut(NAME).unwrap().push(Version::json(preferences("59")));
        model.set_default(NAME, number);
    });
    let named = desired_with("10", json!({"VersionName": "v1"}));
    for _ in 0..2 {
        let reply = world.send(&Request::update(NAME, desired("10"), named.clone())).await;
        assert!(reply.reason().contains("VersionName can't be changed alone"), "{}", reply.reason());
        assert_eq!(world.versions(NAME), (2, 2), "nothing is promoted");
    }
    world.send(&Request::update(NAME, named, desired("10"))).await.ok();
    assert_eq!(
        (world.default_content(NAME), world.versions(NAME)),
        (content("10"), (1, 2)),
        "and the rollback is not trapped"
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_of_a_name_alone_is_also_refused_if_the_latest_version_has_the_content_without_it() {
    let world = World::new();
    world.send(&Request::create(desired("10"))).await.ok();
    world.aws.ssm(|model| {
        let document = model.document_mut(NAME).unwrap();
        document.default_version = document.push(Version::json(preferences("59")));
        document.push(Version::json(preferences("10")));
    });
    for _ in 0..2 {
        let named = desired_with("10", json!({"DisplayName": "Two"}));
        let reply = world.send(&Request::update(NAME, desired("10"), named)).await;
        assert!(reply.reason().contains("DisplayName can't be changed alone"), "{}", reply.reason());
        assert_eq!(world.versions(NAME), (2, 3), "nothing is promoted");
    }
}
