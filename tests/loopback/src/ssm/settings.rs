//! Service settings: the known ids, their defaults, and changes that stay pending for a while.

use super::Model;
use super::error::ModelError;
use super::request::Request;
use crate::clock::{self, Clock};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// Every id of the API, its default, and the values it takes where they are a closed list.
const KNOWN: [(&str, &str, &[&str]); 10] = [
    ("/ssm/appmanager/appmanager-enabled", "False", &["True", "False"]),
    ("/ssm/automation/customer-script-log-destination", "None", &[]),
    ("/ssm/automation/customer-script-log-group-name", "/aws/ssm/automation/executeScript", &[]),
    ("/ssm/automation/enable-adaptive-concurrency", "False", &[]),
    ("/ssm/documents/console/public-sharing-permission", "Enable", &["Enable", "Disable"]),
    ("/ssm/managed-instance/activation-tier", "standard", &["standard", "advanced"]),
    ("/ssm/managed-instance/default-ec2-instance-management-role", "$None", &[]),
    ("/ssm/opsinsights/opscenter", "Disabled", &["Enabled", "Disabled"]),
    ("/ssm/parameter-store/default-parameter-tier", "Standard", &["Standard", "Advanced", "Intelligent-Tiering"]),
    ("/ssm/parameter-store/high-throughput-enabled", "false", &["true", "false"]),
];

/// A setting that somebody set.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Its value.
    pub value: String,
    /// The ARN of who set it.
    pub last_modified_user: String,
    last_modified: f64,
}

/// The account's settings; those that nobody set have their defaults.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// How many reads see a change as PendingUpdate.
    pub pending_reads: u32,
    /// Whether AWS writes a value with a capital first letter, as it does with `advanced`.
    pub capitalizes: bool,
    /// Whether `SettingId` in responses is the ARN; AWS uses either.
    pub respond_with_arn: bool,
    set: BTreeMap<String, Setting>,
    pending: BTreeMap<String, u32>,
    pub(super) clock: Clock,
}

impl Settings {
    /// What was set under this id; `None` if it has the default.
    pub fn get(&self, id: &str) -> Option<&Setting> {
        self.set.get(id)
    }

    /// The current value: what was set, or the default.
    pub fn value(&self, id: &str) -> Option<&str> {
        self.set.get(id).map(|setting| setting.value.as_str()).or(default(id))
    }

    /// Sets a value by hand, as this user.
    pub fn put(&mut self, id: &str, value: &str, user: &str) {
        self.put_at(self.clock.now_system(), id, value, user);
    }

    fn put_at(&mut self, time: SystemTime, id: &str, value: &str, user: &str) {
        let last_modified = clock::seconds(time);
        let setting = Setting { value: value.to_owned(), last_modified_user: user.to_owned(), last_modified };
        self.set.insert(id.to_owned(), setting);
    }

    /// Resets a setting by hand.
    pub fn reset(&mut self, id: &str) {
        self.set.remove(id);
    }

    /// Makes the next reads of a setting see it as PendingUpdate.
    pub fn pend(&mut self, id: &str, reads: u32) {
        self.pending.insert(id.to_owned(), reads);
    }
}

impl Model {
    pub(super) fn get_service_setting(&mut self, request: &Request<'_>) -> Result<Value, ModelError> {
        let (id, ..) = known(request)?;
        let set = self.shown_setting(id);
        let response = json!({"ServiceSetting": self.setting(id, set.as_ref())});
        if let Some(reads) = self.settings.pending.get_mut(id) {
            *reads = reads.saturating_sub(1);
        }
        Ok(response)
    }

    pub(super) fn update_service_setting(&mut self, request: &Request<'_>) -> Result<Value, ModelError> {
        let (id, _, values) = known(request)?;
        let value = request.required("SettingValue")?;
        if value.is_empty() || value.chars().count() > 4096 {
            let text = "Member must have length between 1 and 4096";
            return Err(ModelError::constraint(Some(value), "SettingValue", text));
        }
        if !values.is_empty() && !values.contains(&value) {
            let text = format!("The setting value {value} is not one of {}.", values.join(", "));
            return Err(ModelError::new("ValidationException", text));
        }
        let caller = self.caller.clone();
        let value = if self.settings.capitalizes { capitalized(value) } else { value.to_owned() };
        self.keep_setting(id);
        self.settings.put_at(self.now(), id, &value, &caller);
        self.settings.pend(id, self.settings.pending_reads);
        Ok(json!({}))
    }

    pub(super) fn reset_service_setting(&mut self, request: &Request<'_>) -> Result<Value, ModelError> {
        let (id, ..) = known(request)?;
        self.keep_setting(id);
        self.settings.reset(id);
        self.settings.pend(id, self.settings.pending_reads);
        Ok(json!({"ServiceSetting": self.setting(id, None)}))
    }

    /// The `ServiceSetting` of a response.
    fn setting(&self, id: &str, set: Option<&Setting>) -> Value {
        let arn = format!("arn:{}:ssm:{}:{}:servicesetting{id}", self.partition(), self.region, self.account);
        let pending = self.settings.pending.get(id).is_some_and(|reads| *reads > 0);
        let status = match set {
            _ if pending => "PendingUpdate",
            Some(_) => "Customized",
            None => "Default",
        };
        json!({
            "SettingId": if self.settings.respond_with_arn { arn.as_str() } else { id },
            "SettingValue": set.map_or(default(id), |set| Some(set.value.as_str())),
            "LastModifiedDate": set.map_or(1_636_561_263.576, |set| set.last_modified),
            "LastModifiedUser": set.map_or("System", |set| set.last_modified_user.as_str()),
            "ARN": arn,
            "Status": status,
        })
    }
}

fn default(id: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(known, ..)| *known == id).map(|(_, default, _)| *default)
}

fn capitalized(value: &str) -> String {
    let mut rest = value.chars();
    rest.next().into_iter().flat_map(char::to_uppercase).chain(rest).collect()
}

/// The setting that a request means, by id or by ARN.
fn known(request: &Request<'_>) -> Result<(&'static str, &'static str, &'static [&'static str]), ModelError> {
    let asked = request.required("SettingId")?;
    let id = asked.split_once(":servicesetting").map_or(asked, |(_, id)| id);
    let not_found = || ModelError::new("ServiceSettingNotFound", format!("Service setting {asked} was not found."));
    KNOWN.iter().find(|(known, ..)| *known == id).copied().ok_or_else(not_found)
}
