//! Service settings.

use super::{ok, refused};
use crate::ssm::Model;
use serde_json::{Value, json};

const TIER: &str = "/ssm/managed-instance/activation-tier";
const ROLE: &str = "/ssm/managed-instance/default-ec2-instance-management-role";

fn get(model: &mut Model, id: &str) -> Value {
    ok(model, "GetServiceSetting", json!({"SettingId": id}))["ServiceSetting"].take()
}

fn set(id: &str, value: &str) -> Value {
    json!({"SettingId": id, "SettingValue": value})
}

#[test]
fn an_untouched_setting_has_its_default() {
    let mut model = Model::default();
    let mut setting = get(&mut model, TIER);
    setting["LastModifiedDate"].take();
    let arn = format!("arn:aws:ssm:eu-central-1:111122223333:servicesetting{TIER}");
    let expected = json!({"SettingId": TIER, "SettingValue": "standard", "Status": "Default", "ARN": arn,
        "LastModifiedUser": "System", "LastModifiedDate": null});
    assert_eq!(setting, expected);
    assert_eq!(get(&mut model, ROLE)["SettingValue"], "$None");
    assert_eq!(get(&mut model, &arn)["SettingId"], TIER);
}

#[test]
fn an_update_is_recorded_under_the_caller_and_a_reset_forgets_it() {
    let caller = "arn:aws:sts::111122223333:assumed-role/function/name".to_owned();
    let mut model = Model { caller, ..Model::default() };
    assert_eq!(ok(&mut model, "UpdateServiceSetting", set(ROLE, "service-role/Role")), json!({}));
    let setting = get(&mut model, ROLE);
    assert_eq!((&setting["SettingValue"], &setting["Status"]), (&json!("service-role/Role"), &json!("Customized")));
    assert_eq!(setting["LastModifiedUser"], model.caller.as_str());
    let reset = ok(&mut model, "ResetServiceSetting", json!({"SettingId": ROLE}))["ServiceSetting"].take();
    assert_eq!((&reset["SettingValue"], &reset["Status"]), (&json!("$None"), &json!("Default")));
}

#[test]
fn a_change_is_pending_for_so_many_reads() {
    let mut model = Model::default();
    model.settings.pending_reads = 2;
    ok(&mut model, "UpdateServiceSetting", set(TIER, "advanced"));
    let statuses: Vec<Value> = (0..3).map(|_| get(&mut model, TIER)["Status"].take()).collect();
    assert_eq!(statuses, ["PendingUpdate", "PendingUpdate", "Customized"]);
    let reset = ok(&mut model, "ResetServiceSetting", json!({"SettingId": TIER}));
    assert_eq!(reset["ServiceSetting"]["Status"], "PendingUpdate");
}

#[test]
fn a_value_can_be_written_awss_own_way() {
    let mut model = Model::default();
    model.settings.capitalizes = true;
    ok(&mut model, "UpdateServiceSetting", set(TIER, "advanced"));
    assert_eq!(get(&mut model, TIER)["SettingValue"], "Advanced");
}

#[test]
fn responses_can_bear_the_arn_as_the_id() {
    let mut model = Model::new("111122223333", "cn-north-1");
    model.settings.respond_with_arn = true;
    let arn = format!("arn:aws-cn:ssm:cn-north-1:111122223333:servicesetting{TIER}");
    assert_eq!(get(&mut model, TIER)["SettingId"], arn);
}

#[test]
fn unknown_settings_and_wrong_values_are_refused() {
    let table = [
        ("ServiceSettingNotFound", set("/ssm/made/up", "x")),
        ("ValidationException", set(TIER, "Advanced")),
        ("ValidationException", set(ROLE, "")),
        ("ValidationException", json!({"SettingId": ROLE})),
    ];
    for (code, input) in table {
        assert_eq!(refused(&mut Model::default(), "UpdateServiceSetting", input.clone()), code, "{input}");
    }
    for operation in ["GetServiceSetting", "ResetServiceSetting"] {
        let input = json!({"SettingId": "/ssm/made/up"});
        assert_eq!(refused(&mut Model::default(), operation, input), "ServiceSettingNotFound");
    }
}

#[test]
fn an_operation_that_is_not_modelled_is_unknown() {
    assert_eq!(refused(&mut Model::default(), "SendCommand", json!({})), "UnknownOperationException");
}
