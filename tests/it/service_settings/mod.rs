//! Service settings, row by row.

mod deliveries;
mod overtaken;
mod unfinished;

use std::time::Duration;

use loopback_aws::ssm::{Lags, Model};
use loopback_aws::{Age, Fault};
use serde_json::{Value, json};

use crate::world::{ACCOUNT, FUNCTION, REGION, Reply, Request, World};

const TIER: &str = "/ssm/parameter-store/default-parameter-tier";
const HOSTS: &str = "/ssm/managed-instance/default-ec2-instance-management-role";
const SOMEBODY: &str = "arn:aws:iam::111122223333:user/somebody";

fn properties(value: &str, on_delete: &str) -> Value {
    json!({"SettingId": TIER, "SettingValue": value, "OnDelete": on_delete})
}

fn setting(request: Request) -> Request {
    Request { resource_type: "Custom::SsmServiceSetting".into(), ..request }
}

fn create(properties: Value) -> Request {
    setting(Request::create(properties))
}

fn delete(id: &str, properties: Value) -> Request {
    setting(Request::delete(id, properties))
}

fn value(world: &World) -> String {
    world.aws.ssm(|model| model.settings.value(TIER).unwrap().to_owned())
}

/// Without sockets, in paused time.
fn world() -> World {
    World::new()
}

fn with(arrange: impl FnOnce(&mut Model)) -> World {
    let world = world();
    world.aws.ssm(arrange);
    world
}

/// The ARN that AWS reports for a setting that the function modified.
fn function() -> String {
    format!("arn:aws:sts::{ACCOUNT}:assumed-role/{FUNCTION}/{FUNCTION}")
}

fn ago(seconds: u64) -> Age {
    Age::Ago(Duration::from_secs(seconds))
}

async fn created(world: &World, value: &str, on_delete: &str) -> Reply {
    world.send(&create(properties(value, on_delete))).await.ok()
}

#[tokio::test(start_paused = true)]
async fn a_setting_is_set_and_waited_for_and_its_past_is_in_the_physical_id() {
    let world = World::with(|model| model.settings.pending_reads = 2);
    let reply = created(&world, "Advanced", "Retain").await;
    assert_eq!(value(&world), "Advanced");
    assert_eq!(reply.id(), format!("{TIER}?default"));
    assert_eq!(
        (reply.data("SettingValue"), reply.data("Status"), reply.data("PreviousValue")),
        ("Advanced", "Customized", "")
    );
    assert_eq!(reply.data("Arn"), format!("arn:aws:ssm:{REGION}:{ACCOUNT}:servicesetting{TIER}"));
    let world = World::with(|model| model.settings.put(TIER, "Advanced", SOMEBODY));
    let reply = created(&world, "Intelligent-Tiering", "Retain").await;
    assert_eq!((reply.id(), reply.data("PreviousValue")), (format!("{TIER}?previous=Advanced").as_str(), "Advanced"));
}

#[tokio::test(start_paused = true)]
async fn a_setting_that_has_the_value_set_or_by_default_is_not_written() {
    for arrange in [None, Some("Advanced")] {
        let world = world();
        if let Some(value) = arrange {
            world.aws.ssm(|model| model.settings.put(TIER, value, SOMEBODY));
        }
        created(&world, arrange.unwrap_or("Standard"), "Retain").await;
        assert_eq!(world.writes(), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_keeps_the_id_and_what_it_remembers() {
    let world = world();
    let id = created(&world, "Advanced", "Restore").await.id().to_owned();
    let (old, new) = (properties("Advanced", "Restore"), properties("Intelligent-Tiering", "Restore"));
    let reply = world.send(&setting(Request::update(&id, old, new.clone()))).await.ok();
    assert_eq!((reply.id(), value(&world).as_str()), (id.as_str(), "Intelligent-Tiering"));
    world.send(&delete(&id, new)).await.ok();
    assert_eq!(value(&world), "Standard");
}

#[tokio::test(start_paused = true)]
async fn another_setting_is_a_replacement_and_the_old_one_then_gets_its_delete() {
    let world = world();
    let id = created(&world, "Advanced", "Restore").await.id().to_owned();
    let other = json!({"SettingId": "/ssm/opsinsights/opscenter", "SettingValue": "Enabled"});
    let reply = world.send(&setting(Request::update(&id, properties("Advanced", "Restore"), other))).await.ok();
    assert_eq!(reply.id(), "/ssm/opsinsights/opscenter?default");
    world.send(&delete(&id, properties("Advanced", "Restore"))).await.ok();
    assert_eq!(value(&world), "Standard");
}

#[tokio::test(start_paused = true)]
async fn retain_leaves_reset_resets_and_restore_puts_back_what_was_there() {
    for (on_delete, expected) in [
        ("Retain", "Intelligent-Tiering"),
        ("Reset", "Standard"),
        ("Restore", "Advanced"),
        ("?", "Intelligent-Tiering"),
    ] {
        let world = with(|model| model.settings.put(TIER, "Advanced", SOMEBODY));
        let id = created(&world, "Intelligent-Tiering", "Retain").await.id().to_owned();
        for _ in 0..2 {
            world.send(&delete(&id, properties("Intelligent-Tiering", on_delete))).await.ok();
            assert_eq!(value(&world), expected, "{on_delete}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn restore_leaves_what_somebody_else_changed_since_even_to_the_declared_value() {
    for changed in ["Intelligent-Tiering", "Advanced"] {
        let world = world();
        let id = created(&world, "Advanced", "Restore").await.id().to_owned();
        world.aws.ssm(|model| model.settings.put(TIER, changed, SOMEBODY));
        world.send(&delete(&id, properties("Advanced", "Restore"))).await.ok();
        assert_eq!(value(&world), changed);
    }
}

#[tokio::test(start_paused = true)]
async fn an_undo_leaves_what_somebody_else_changed_meanwhile() {
    let world = with(|model| model.settings.put(TIER, "Standard", SOMEBODY));
    let changes = |model: &mut Model| model.settings.put(TIER, "Intelligent-Tiering", SOMEBODY);
    world.aws.on("GetServiceSetting").nth(2).before(changes);
    world.aws.on("GetServiceSetting").nth(2).fault(Fault::error(400, "ValidationException", ""));
    world.send(&create(properties("Advanced", "Retain"))).await.reason();
    assert_eq!(value(&world), "Intelligent-Tiering");
}

#[tokio::test(start_paused = true)]
async fn a_request_delivered_again_no_longer_knows_what_was_there_and_its_delete_leaves_the_setting() {
    let world = world();
    let request = create(properties("Advanced", "Restore")).with_response_url(world.aws.response_url(Age::Now));
    world.send(&request).await.ok();
    let reply = world.send(&request).await.ok();
    assert_eq!(reply.id(), format!("{TIER}?unknown"));
    world.send(&delete(reply.id(), properties("Advanced", "Restore"))).await.ok();
    assert_eq!(value(&world), "Advanced");
}

#[tokio::test(start_paused = true)]
async fn a_create_that_fails_after_writing_restores_the_setting_or_responds_with_the_id_that_can() {
    for (undo_works, prefix, suffix) in [
        (true, "cfn-ssm-document:not-created", String::new()),
        (false, "cfn-ssm-document:unfinished:", format!(":{TIER}?previous=Advanced")),
    ] {
        let world = with(|model| model.settings.put(TIER, "Advanced", SOMEBODY));
        world.aws.on("GetServiceSetting").nth(2).fault(Fault::error(400, "ValidationException", ""));
        if !undo_works {
            world.aws.on("UpdateServiceSetting").nth(2).fault(Fault::error(400, "ValidationException", ""));
        }
        let reply = world.send(&create(properties("Intelligent-Tiering", "Retain"))).await;
        reply.reason();
        assert!(reply.id().starts_with(prefix) && reply.id().ends_with(&suffix), "{}", reply.id());
        assert_eq!(value(&world) == "Advanced", undo_works);
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_ids_and_refused_values_are_explained_with_awss_own_list() {
    let world = world();
    let reply =
        world.send(&create(json!({"SettingId": "/ssm/opsinsights/opscentre", "SettingValue": "Enabled"}))).await;
    assert!(reply.reason().contains("Did you mean /ssm/opsinsights/opscenter?"), "{}", reply.reason());
    let reply = world.send(&create(properties("Premium", "Retain"))).await;
    assert!(reply.reason().contains("Standard, Advanced, Intelligent-Tiering"), "{}", reply.reason());
    assert_eq!(reply.marker(), "cfn-ssm-document:not-created");
}

#[tokio::test(start_paused = true)]
async fn the_role_of_default_host_management_may_be_given_by_its_arn() {
    let world = world();
    let role = "arn:aws:iam::111122223333:role/service-role/AWSSystemsManagerDefaultEC2InstanceManagementRole";
    let properties = json!({"SettingId": HOSTS, "SettingValue": role, "OnDelete": "Reset"});
    let reply = world.send(&create(properties.clone())).await.ok();
    let name = "service-role/AWSSystemsManagerDefaultEC2InstanceManagementRole";
    assert_eq!(world.aws.ssm(|model| model.settings.value(HOSTS).map(str::to_owned)).as_deref(), Some(name));
    world.aws.forget();
    world.send(&setting(Request::update(reply.id(), properties.clone(), properties.clone()))).await.ok();
    assert_eq!(world.writes(), [""; 0], "an ARN and what AWS reads back are the same");
    world.send(&delete(reply.id(), properties)).await.ok();
    assert_eq!(world.aws.ssm(|model| model.settings.value(HOSTS).map(str::to_owned)).as_deref(), Some("$None"));
}

#[tokio::test(start_paused = true)]
async fn a_delete_of_a_marker_or_of_an_unreadable_id_does_nothing() {
    let world = world();
    for id in ["cfn-ssm-document:not-created", "stack-Setting-1ABC", ""] {
        world.send(&delete(id, properties("Advanced", "Reset"))).await.ok();
    }
    assert_eq!(world.aws.calls(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_reads_old_for_a_second_is_waited_for() {
    let world = with(|model| model.lags = Lags::fixed(Duration::from_secs(1)));
    let id = created(&world, "Advanced", "Restore").await.id().to_owned();
    world.send(&delete(&id, properties("Advanced", "Restore"))).await.ok();
    assert_eq!(value(&world), "Standard");
}

#[tokio::test(start_paused = true)]
async fn a_value_that_aws_writes_its_own_way_is_the_same_value() {
    let name = "/ssm/automation/customer-script-log-group-name";
    let properties = json!({"SettingId": name, "SettingValue": "logs", "OnDelete": "Restore"});
    let world = world();
    let spelling = |model: &mut Model| model.settings.put(name, "Logs", &function());
    world.aws.on("UpdateServiceSetting").nth(1).after(spelling);
    let reply = world.send(&create(properties.clone())).await.ok();
    assert_eq!(reply.data("SettingValue"), "Logs");
    world.send(&delete(reply.id(), properties)).await.ok();
    assert!(world.aws.ssm(|model| model.settings.get(name).is_none()), "it is put back");
}

#[tokio::test(start_paused = true)]
async fn restore_leaves_a_value_that_another_stack_set_since() {
    let world = world();
    let id = created(&world, "Advanced", "Restore").await.id().to_owned();
    world.send(&create(properties("Intelligent-Tiering", "Restore")).of_stack("b")).await.ok();
    world.send(&delete(&id, properties("Advanced", "Restore"))).await.ok();
    assert_eq!(value(&world), "Intelligent-Tiering");
}

#[tokio::test(start_paused = true)]
async fn an_update_that_does_not_find_the_old_value_waits_and_observes_again() {
    let world = world();
    let id = created(&world, "Advanced", "Restore").await.id().to_owned();
    // The Update that CloudFormation cancelled comes to an end while its rollback is under way.
    world.aws.ssm(|model| model.settings.put(TIER, "Advanced", &function()));
    let (old, new) = (properties("Intelligent-Tiering", "Restore"), properties("Advanced", "Restore"));
    let rollback = setting(Request::update(&id, old, new)).with_response_url(world.aws.response_url(ago(8)));
    let late = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        world.aws.ssm(|model| model.settings.put(TIER, "Intelligent-Tiering", &function()));
    };
    let (reply, ()) = tokio::join!(world.send(&rollback), late);
    reply.ok();
    assert_eq!(value(&world), "Advanced");
}

#[tokio::test(start_paused = true)]
async fn the_reason_of_a_timeout_names_the_status_that_was_seen_last() {
    let world = with(|model| model.settings.pend(TIER, u32::MAX));
    let request = create(properties("Advanced", "Retain"));
    world.invoke_within(&request, Duration::from_secs(2)).await.unwrap();
    let reply = Reply(world.aws.delivered().pop().unwrap());
    assert!(reply.reason().contains("reading the setting (its status is PendingUpdate)"), "{}", reply.0);
}
