//! A Create that CloudFormation has given up on, or that is not known to have ended.

use std::time::{Duration, Instant, SystemTime};

use loopback_aws::Fault;
use loopback_aws::cloudformation::ResourceStatus;
use loopback_aws::ssm::Lags;

use super::{SOMEBODY, TIER, ago, create, created, delete, function, properties, setting, value, with, world};
use crate::world::{Request, World};

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
            world.resource_is("a", status);
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
        world.resource_is("a", ResourceStatus::CreateFailed);
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

pub(super) fn since_1970(world: &World) -> u64 {
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
