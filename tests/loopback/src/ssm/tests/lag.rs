//! Reads that lag behind writes, by a clock that the test moves.

use super::{A, B, ok, promote, refused, update};
use crate::Clock;
use crate::ssm::{Activation, Document, Lag, Lags, Model, Version};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};
use tokio::time::advance;

const LAG: Duration = Duration::from_millis(800);
const HALF: Duration = Duration::from_millis(400);
const TIER: &str = "/ssm/managed-instance/activation-tier";

/// Time is paused, and `Doc` existed before any lag.
fn model() -> Model {
    let mut model = Model::default();
    model.set_clock(&Clock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)));
    model.put_document(Document::session("Doc", A));
    model
}

fn lagging() -> Model {
    Model { lags: Lags::fixed(LAG), ..model() }
}

fn describe(model: &mut Model) -> Value {
    ok(model, "DescribeDocument", json!({"Name": "Doc"}))["Document"].take()
}

fn tag(model: &mut Model, value: &str) {
    let tags = json!([{"Key": "k", "Value": value}]);
    ok(model, "AddTagsToResource", json!({"ResourceType": "Document", "ResourceId": "Doc", "Tags": tags}));
}

#[tokio::test(start_paused = true)]
async fn without_a_lag_a_read_sees_every_write() {
    let mut model = model();
    tag(&mut model, "v");
    ok(&mut model, "UpdateDocument", update(B));
    let described = describe(&mut model);
    assert_eq!((&described["LatestVersion"], &described["Tags"][0]["Value"]), (&json!("2"), &json!("v")));
}

#[tokio::test(start_paused = true)]
async fn a_read_sees_a_write_when_its_lag_has_passed() {
    let mut model = lagging();
    tag(&mut model, "one");
    ok(&mut model, "UpdateDocument", update(B));
    ok(&mut model, "UpdateDocumentDefaultVersion", promote("2"));
    let mut seen = Vec::new();
    for _ in 0..3 {
        let described = describe(&mut model);
        let content = ok(&mut model, "GetDocument", json!({"Name": "Doc"}))["Content"].take();
        seen.push((described["DefaultVersion"].clone(), described["Tags"].clone(), content));
        advance(HALF).await;
    }
    let (old, new) = ((json!("1"), json!([]), json!(A)), (json!("2"), json!([{"Key": "k", "Value": "one"}]), json!(B)));
    assert_eq!(seen, [old.clone(), old, new]);
}

#[tokio::test(start_paused = true)]
async fn each_write_is_seen_in_its_turn() {
    let mut model = lagging();
    let mut seen = Vec::new();
    for value in ["one", "two", "three", "four"] {
        tag(&mut model, value);
        let listed = json!({"ResourceType": "Document", "ResourceId": "Doc"});
        seen.push(ok(&mut model, "ListTagsForResource", listed)["TagList"][0]["Value"].clone());
        advance(HALF).await;
    }
    assert_eq!(seen, [json!(null), json!(null), json!("one"), json!("two")]);
}

#[tokio::test(start_paused = true)]
async fn a_new_document_is_not_yet_found_and_a_deleted_one_still_is() {
    let mut model = lagging();
    ok(&mut model, "DeleteDocument", json!({"Name": "Doc"}));
    assert_eq!(describe(&mut model)["Status"], "Active");
    assert_eq!(refused(&mut model, "UpdateDocument", update(B)), "InvalidDocument");
    advance(LAG).await;
    assert_eq!(refused(&mut model, "DescribeDocument", json!({"Name": "Doc"})), "InvalidDocument");
    let create = json!({"Name": "Doc", "Content": B, "DocumentType": "Session"});
    ok(&mut model, "CreateDocument", create.clone());
    assert_eq!(refused(&mut model, "DescribeDocument", json!({"Name": "Doc"})), "InvalidDocument");
    assert_eq!(ok(&mut model, "ListDocuments", json!({}))["DocumentIdentifiers"], json!([]));
    assert_eq!(refused(&mut model, "CreateDocument", create), "DocumentAlreadyExists");
    tag(&mut model, "v");
    advance(LAG).await;
    assert_eq!(describe(&mut model)["Tags"][0]["Value"], "v");
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_read_has_its_own_lag() {
    let mut model = model();
    model.lags.tags = Lag::Fixed(LAG);
    let create = json!({"Name": "New", "Content": A, "DocumentType": "Session", "Tags": [{"Key": "k", "Value": "v"}]});
    ok(&mut model, "CreateDocument", create);
    let new = ok(&mut model, "DescribeDocument", json!({"Name": "New"}))["Document"].take();
    assert_eq!((&new["Status"], &new["Tags"]), (&json!("Active"), &json!([])));
    model.lags = Lags::default();
    model.lags.shares = Lag::Fixed(LAG);
    let share = json!({"Name": "Doc", "PermissionType": "Share", "AccountIdsToAdd": ["444455556666"]});
    ok(&mut model, "ModifyDocumentPermission", share);
    let shares = json!({"Name": "Doc", "PermissionType": "Share"});
    assert_eq!(ok(&mut model, "DescribeDocumentPermission", shares.clone())["AccountIds"], json!([]));
    advance(LAG).await;
    assert_eq!(ok(&mut model, "DescribeDocumentPermission", shares)["AccountIds"], json!(["444455556666"]));
}

#[tokio::test(start_paused = true)]
async fn a_setting_reads_old_for_a_while() {
    let mut model = lagging();
    let get = |model: &mut Model| {
        let setting = ok(model, "GetServiceSetting", json!({"SettingId": TIER}))["ServiceSetting"].take();
        (setting["SettingValue"].clone(), setting["Status"].clone())
    };
    ok(&mut model, "UpdateServiceSetting", json!({"SettingId": TIER, "SettingValue": "advanced"}));
    assert_eq!(get(&mut model), (json!("standard"), json!("Default")));
    advance(LAG).await;
    assert_eq!(get(&mut model), (json!("advanced"), json!("Customized")));
    ok(&mut model, "ResetServiceSetting", json!({"SettingId": TIER}));
    assert_eq!(get(&mut model), (json!("advanced"), json!("Customized")));
}

#[tokio::test(start_paused = true)]
async fn a_version_number_is_checked_against_the_true_latest_version() {
    let mut model = lagging();
    ok(&mut model, "UpdateDocument", update(B));
    assert_eq!(describe(&mut model)["LatestVersion"], "1");
    let stale = json!({"Name": "Doc", "Content": A, "DocumentVersion": "1"});
    let refusal = model.call("UpdateDocument", &stale).unwrap_err();
    assert_eq!(refusal.code, "InvalidDocumentVersion");
    assert!(refusal.message.unwrap().starts_with("Version provided for document Doc is not latest."));
}

#[tokio::test(start_paused = true)]
async fn a_status_that_time_changes_is_seen_late_too() {
    let mut model = model();
    (model.lags.versions, model.activation) = (Lag::Fixed(LAG), Activation::After(HALF));
    model.put_document(Document::session("Doc", A));
    ok(&mut model, "CreateDocument", json!({"Name": "New", "Content": A, "DocumentType": "Session"}));
    let status = |model: &mut Model| ok(model, "DescribeDocument", json!({"Name": "New"}))["Document"]["Status"].take();
    advance(LAG).await;
    assert_eq!(status(&mut model), "Creating");
    advance(HALF).await;
    assert_eq!(status(&mut model), "Active");
}

#[tokio::test(start_paused = true)]
async fn random_lags_depend_only_on_the_seed() {
    let drawn = async |seed: u64| {
        let mut model = Model { lags: Lags::up_to(LAG, seed), ..model() };
        let mut seen = Vec::new();
        for number in 0..20 {
            tag(&mut model, &number.to_string());
            advance(HALF / 4).await;
            seen.push(describe(&mut model)["Tags"][0]["Value"].clone());
        }
        seen
    };
    let (one, other) = (drawn(1).await, drawn(2).await);
    assert_eq!(one, drawn(1).await);
    assert_ne!(one, other);
}

#[tokio::test(start_paused = true)]
async fn dates_come_from_the_clock_or_from_the_test() {
    let mut model = model();
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    model.put_document(Document::new("Old", "Session").version(Version::json(A).created_at(old)));
    let date = |model: &mut Model, name: &str, version: &str| {
        let input = json!({"Name": name, "DocumentVersion": version});
        ok(model, "GetDocument", input)["CreatedDate"].as_f64().unwrap()
    };
    advance(HALF).await;
    ok(&mut model, "UpdateDocument", update(B));
    advance(HALF).await;
    model.document_mut("Doc").unwrap().push(Version::json("{}"));
    assert_eq!(date(&mut model, "Old", "1"), 1_700_000_000.0);
    let dates = ["1", "2", "3"].map(|version| date(&mut model, "Doc", version));
    // What a test sets up without a date is a month old.
    assert_eq!(dates, [1_800_000_000.0 - 30.0 * 86_400.0, 1_800_000_000.4, 1_800_000_000.8]);
}
