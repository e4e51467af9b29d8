//! Deliveries that come late or again, and Updates that CloudFormation has given up on.

use std::time::Duration;

use loopback_aws::cloudformation::{Resource, ResourceStatus};
use loopback_aws::{Age, Fault, Loopback, Loss, TakesEffect};
use serde_json::json;

use super::unfinished::since_1970;
use super::{HOSTS, SOMEBODY, TIER, create, created, delete, properties, setting, value, with, world};
use crate::world::{Request, World, stack};

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
    world.resource_is("a", ResourceStatus::CreateFailed);
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

#[tokio::test(start_paused = true)]
async fn an_undo_that_no_later_request_can_repeat_waits_for_a_call_that_got_no_response() {
    let (old, old_id) = (json!({"SettingId": HOSTS, "SettingValue": "Role"}), format!("{HOSTS}?default"));
    let wanted = || properties("Advanced", "Retain");
    for (request, status) in [
        (create(wanted()), ResourceStatus::CreateFailed),
        (setting(Request::update(&old_id, old, wanted())), ResourceStatus::UpdateInProgress),
    ] {
        let world = with(|model| model.settings.put(TIER, "Intelligent-Tiering", SOMEBODY));
        let late = TakesEffect::After(Duration::from_secs(4));
        world.aws.on("UpdateServiceSetting").nth(1).fault(Fault::Late(Loss::Reset, late));
        world.aws.on("UpdateServiceSetting").nth(2).fault(Fault::error(400, "ValidationException", "no"));
        world.resource_is("a", status);
        world.send(&request).await.reason();
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(value(&world), "Intelligent-Tiering", "{status:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_wrote_nothing_undoes_nothing() {
    let name = "/ssm/automation/customer-script-log-group-name";
    let world = with(|model| {
        model.settings.capitalizes = true;
        model.settings.put(name, "Logs", SOMEBODY);
    });
    let create = create(json!({"SettingId": name, "SettingValue": "logs"}));
    let url = world.aws.response_url(Age::Now);
    tokio::time::sleep(Duration::from_secs(60)).await;
    world.resource_is("a", ResourceStatus::DeleteInProgress);
    world.send(&create.with_response_url(url)).await.assert_given_up();
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_update_after_a_failed_one_is_not_overwritten_by_a_call_that_took_effect_late() {
    let world = world();
    let id = created(&world, "Advanced", "Retain").await.id().to_owned();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let late = TakesEffect::After(Duration::from_secs(4));
    world.aws.on("UpdateServiceSetting").nth(1).fault(Fault::Late(Loss::Reset, late));
    world.aws.on("UpdateServiceSetting").nth(2).fault(Fault::error(400, "ValidationException", "no"));
    let (old, new) = (properties("Advanced", "Retain"), properties("Intelligent-Tiering", "Retain"));
    world.send(&setting(Request::update(&id, old.clone(), new))).await.reason();
    // Without a rollback, the next Update still has the old properties of the failed one.
    world.send(&setting(Request::update(&id, old, properties("Standard", "Retain")))).await.ok();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(value(&world), "Standard");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_waits_for_a_cancelled_update_to_a_value_that_somebody_has_set() {
    let world = world();
    let id = created(&world, "Advanced", "Retain").await.id().to_owned();
    world.aws.ssm(|model| model.settings.put(TIER, "Intelligent-Tiering", SOMEBODY));
    let (old, new) = (properties("Advanced", "Retain"), properties("Intelligent-Tiering", "Retain"));
    let begun = tokio::time::Instant::now();
    world.send(&setting(Request::update(&id, new, old))).await.ok();
    assert!(begun.elapsed() >= Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(value(&world), "Advanced");
}

#[tokio::test(start_paused = true)]
async fn an_undo_goes_on_if_cloudformation_gives_up_meanwhile() {
    let world = World::on(Loopback::builder().latency(Duration::from_millis(900)));
    world.aws.ssm(|model| {
        model.settings.put(TIER, "Intelligent-Tiering", SOMEBODY);
        model.settings.pending_reads = 3;
    });
    world.aws.on("GetServiceSetting").nth(2).fault(Fault::error(400, "ValidationException", "no"));
    let gives_up = async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        world.resource_is("a", ResourceStatus::DeleteInProgress);
    };
    let create = create(properties("Advanced", "Retain")).with_response_url(world.aws.response_url(Age::Now));
    world.resource_is("a", ResourceStatus::CreateInProgress);
    let (reply, ()) = tokio::join!(world.send(&create), gives_up);
    reply.reason();
    assert_eq!(value(&world), "Intelligent-Tiering");
}
