//! Service settings, row by row.

mod deliveries;

use std::time::{Duration, Instant, SystemTime};

use loopback_aws::cloudformation::{Resource, ResourceStatus};
use loopback_aws::ssm::{Lags, Model};
use loopback_aws::{Age, Fault};
use serde_json::{Value, json};

use crate::world::{ACCOUNT, FUNCTION, REGION, Reply, Request, World, stack};

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
async fn restore_leaves_what_somebody_else_changed_since() {
    let world = world();
    let id = created(&world, "Advanced", "Restore").await.id().to_owned();
    world.aws.ssm(|model| model.settings.put(TIER, "Intelligent-Tiering", SOMEBODY));
    world.send(&delete(&id, properties("Advanced", "Restore"))).await.ok();
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

/// The ARN by which AWS tells that the function modified a setting.
fn function() -> String {
    format!("arn:aws:sts::{ACCOUNT}:assumed-role/{FUNCTION}/{FUNCTION}")
}

/// What CloudFormation says of the resource from now on, whatever is sent.
fn says(world: &World, status: ResourceStatus) {
    let resource = Resource::new(status, world.aws.clock().now_system());
    world.aws.cloudformation(|known| known.put(&stack("a"), "Preferences", resource));
}

fn questions(world: &World) -> usize {
    world.aws.cloudformation_calls().len()
}

#[tokio::test(start_paused = true)]
async fn a_create_asks_once_before_it_responds_if_it_wrote_and_an_update_does_not() {
    let world = world();
    let id = created(&world, "Advanced", "Retain").await.id().to_owned();
    assert_eq!(questions(&world), 1);
    created(&world, "Advanced", "Retain").await;
    let (old, new) = (properties("Advanced", "Retain"), properties("Standard", "Retain"));
    world.send(&setting(Request::update(&id, old, new))).await.ok();
    assert_eq!(questions(&world), 1, "nothing was written, and an Update can be rolled back");
}

#[tokio::test(start_paused = true)]
async fn a_create_that_cloudformation_gave_up_on_restores_the_setting_unless_another_delivery_succeeded() {
    for (status, expected) in [
        (ResourceStatus::CreateFailed, "Intelligent-Tiering"),
        (ResourceStatus::DeleteInProgress, "Intelligent-Tiering"),
        (ResourceStatus::CreateComplete, "Advanced"),
        (ResourceStatus::UpdateInProgress, "Advanced"),
    ] {
        for lag in [Lags::seeded(0), Lags::fixed(Duration::from_secs(1))] {
            let world = with(|model| {
                model.settings.put(TIER, "Intelligent-Tiering", SOMEBODY);
                model.lags = lag;
            });
            says(&world, status);
            let reply = world.send(&create(properties("Advanced", "Retain"))).await;
            reply.assert_given_up();
            assert_eq!(value(&world), expected, "{status:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_lease_is_over_is_undone_even_though_cloudformation_gave_up_on_it() {
    let world = world();
    world.aws.on("UpdateServiceSetting").nth(1).fault(Fault::DelayAfter(Duration::from_millis(1_500)));
    let request = create(properties("Advanced", "Retain")).with_response_url(world.aws.response_url(ago(20)));
    let cancelled = async {
        tokio::time::sleep(Duration::from_millis(1_000)).await;
        says(&world, ResourceStatus::CreateFailed);
    };
    let (reply, ()) = tokio::join!(world.send(&request), cancelled);
    reply.assert_given_up();
    assert_eq!(value(&world), "Standard");
}

#[tokio::test(start_paused = true)]
async fn a_delete_with_an_id_that_cloudformation_generated_changes_nothing() {
    let world = world();
    world.aws.ssm(|model| model.settings.put(TIER, "Advanced", &function()));
    for on_delete in ["Retain", "Restore", "Reset"] {
        world.send(&delete("a-Preferences-1ABC2DEF3GHI4", properties("Advanced", on_delete))).await.ok();
        assert_eq!(value(&world), "Advanced", "{on_delete}");
    }
}

fn ago(seconds: u64) -> Age {
    Age::Ago(Duration::from_secs(seconds))
}

#[tokio::test(start_paused = true)]
async fn the_delete_of_an_unfinished_create_undoes_it_whatever_on_delete_says() {
    for (previous, expected) in [("previous=Intelligent-Tiering", "Intelligent-Tiering"), ("default", "Standard")] {
        for on_delete in ["Retain", "Restore", "Reset"] {
            let world = world();
            world.aws.ssm(|model| model.settings.put(TIER, "Advanced", &function()));
            let signature = since_1970(&world) - 30;
            let id = format!("cfn-ssm-document:unfinished:{signature}:{TIER}?{previous}");
            let reply = world.send(&delete(&id, properties("Advanced", on_delete))).await.ok();
            assert_eq!((reply.id(), value(&world).as_str()), (id.as_str(), expected), "{on_delete}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_delete_of_an_unfinished_create_leaves_what_that_create_did_not_set() {
    let world = world();
    let id = |signature: u64| format!("cfn-ssm-document:unfinished:{signature}:{TIER}?default");
    let now = since_1970(&world);
    for (value_now, user, signature) in [
        ("Intelligent-Tiering", function(), now - 30),
        ("Advanced", SOMEBODY.to_owned(), now - 30),
        ("Advanced", function(), now + 30),
    ] {
        world.aws.ssm(|model| model.settings.put(TIER, value_now, &user));
        world.send(&delete(&id(signature), properties("Advanced", "Reset"))).await.ok();
        assert_eq!(value(&world), value_now);
    }
}

fn since_1970(world: &World) -> u64 {
    world.aws.clock().now_system().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

#[tokio::test(start_paused = true)]
async fn the_delete_of_an_unfinished_create_waits_until_ten_seconds_after_its_signature() {
    let world = world();
    world.aws.ssm(|model| model.settings.put(TIER, "Advanced", &function()));
    let id = format!("cfn-ssm-document:unfinished:{}:{TIER}?default", since_1970(&world) - 30);
    let request = delete(&id, properties("Advanced", "Retain")).with_response_url(world.aws.response_url(ago(8)));
    let (started, signed) = (Instant::now(), since_1970(&world) - 8);
    world.send(&request).await.ok();
    assert!(since_1970(&world) >= signed + 10, "after {:?}", started.elapsed());
    assert_eq!(value(&world), "Standard");
}

#[tokio::test(start_paused = true)]
async fn a_create_with_a_call_that_got_no_response_responds_an_unfinished_id_although_it_was_undone() {
    let world = with(|model| model.settings.put(TIER, "Intelligent-Tiering", SOMEBODY));
    world.aws.on("UpdateServiceSetting").nth(1).fault(Fault::ResetAfter);
    world.aws.on("UpdateServiceSetting").nth(2).fault(Fault::error(400, "ValidationException", ""));
    let reply = world.send(&create(properties("Advanced", "Retain"))).await;
    assert!(reply.reason().contains("may still take effect"), "{}", reply.0);
    let id = reply.id().strip_prefix("cfn-ssm-document:unfinished:").expect("an unfinished id");
    assert!(id.ends_with(&format!(":{TIER}?previous=Intelligent-Tiering")), "{id}");
    assert_eq!(value(&world), "Intelligent-Tiering");
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

#[tokio::test(start_paused = true)]
async fn a_delete_that_is_delivered_again_leaves_what_a_later_request_set() {
    let unfinished = |world: &World| format!("cfn-ssm-document:unfinished:{}:{TIER}?default", since_1970(world));
    for (on_delete, is_unfinished) in [("Reset", false), ("Restore", false), ("Retain", true)] {
        let world = world();
        let id = if is_unfinished { unfinished(&world) } else { format!("{TIER}?default") };
        created(&world, "Advanced", on_delete).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        let url = world.aws.response_url(Age::Now);
        let release = delete(&id, properties("Advanced", on_delete)).with_response_url(url.clone());
        world.send(&release).await.ok();
        assert_eq!(value(&world), "Standard");
        tokio::time::sleep(Duration::from_secs(3)).await;
        created(&world, "Advanced", on_delete).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        world.deliver(&release.event(&url), Duration::from_secs(60)).await.unwrap();
        assert_eq!(value(&world), "Advanced", "{on_delete}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_to_another_setting_that_cloudformation_gave_up_on_restores_it_unless_another_delivery_succeeded() {
    let old = json!({"SettingId": HOSTS, "SettingValue": "Role"});
    let old_id = format!("{HOSTS}?default");
    for (status, id_now, expected) in [
        (ResourceStatus::UpdateFailed, old_id.clone(), "Intelligent-Tiering"),
        (ResourceStatus::UpdateComplete, old_id.clone(), "Intelligent-Tiering"),
        (ResourceStatus::UpdateComplete, format!("{TIER}?previous=Intelligent-Tiering"), "Advanced"),
    ] {
        let world = with(|model| model.settings.put(TIER, "Intelligent-Tiering", SOMEBODY));
        let resource = Resource::new(status, world.aws.clock().now_system());
        let resource = Resource { physical_id: Some(id_now.clone()), ..resource };
        world.aws.cloudformation(|known| known.put(&stack("a"), "Preferences", resource));
        let update = Request::update(&old_id, old.clone(), properties("Advanced", "Retain"));
        let reply = world.send(&setting(update)).await;
        reply.assert_given_up();
        assert_eq!((reply.id(), value(&world).as_str()), (old_id.as_str(), expected), "{status:?} {id_now}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_delivery_after_the_first_undid_its_change_knows_what_was_there() {
    let world = with(|model| model.settings.put(TIER, "Intelligent-Tiering", SOMEBODY));
    let create = create(properties("Advanced", "Retain")).with_response_url(world.aws.response_url(Age::Now));
    world.aws.on("GetServiceSetting").nth(2).fault(Fault::error(400, "ValidationException", ""));
    world.send(&create).await.reason();
    says(&world, ResourceStatus::CreateFailed);
    world.send(&create).await.assert_given_up();
    assert_eq!(value(&world), "Intelligent-Tiering");
}

#[tokio::test(start_paused = true)]
async fn a_second_delivery_sets_nothing_if_aws_wrote_the_value_its_own_way() {
    let world = with(|model| model.settings.capitalizes = true);
    let name = "/ssm/automation/customer-script-log-group-name";
    let create = create(json!({"SettingId": name, "SettingValue": "logs"}));
    let create = create.with_response_url(world.aws.response_url(Age::Now));
    assert_eq!(world.send(&create).await.ok().id(), format!("{name}?default"));
    assert_eq!(world.send(&create).await.ok().id(), format!("{name}?unknown"));
    assert_eq!(world.writes(), ["UpdateServiceSetting"]);
}
