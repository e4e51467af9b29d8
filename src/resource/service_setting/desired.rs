//! The desired setting: the properties, parsed and checked.

use serde_json::{Map, Value};

use crate::cfn::properties::{Properties, choice_or};
use crate::failure::{Failure, did_you_mean, fail_on, quoted};
use crate::resource::location::Location;

const NAMES: [&str; 3] = ["SettingId", "SettingValue", "OnDelete"];
const DEFAULT_HOST_MANAGEMENT: &str = "/ssm/managed-instance/default-ec2-instance-management-role";
const MAX_VALUE: usize = 4096;

/// The settings of the [API](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_UpdateServiceSetting.html),
/// and the values that AWS lists for them. The table only serves to explain what AWS refused: AWS may have added settings.
const KNOWN: [(&str, &str); 10] = [
    ("/ssm/appmanager/appmanager-enabled", "True, False"),
    ("/ssm/automation/customer-script-log-destination", "CloudWatch, None"),
    ("/ssm/automation/customer-script-log-group-name", "a log group's name"),
    ("/ssm/automation/enable-adaptive-concurrency", "True, False"),
    ("/ssm/documents/console/public-sharing-permission", "Enable, Disable"),
    ("/ssm/managed-instance/activation-tier", "standard, advanced"),
    (
        DEFAULT_HOST_MANAGEMENT,
        "a role's name with its path, such as service-role/AWSSystemsManagerDefaultEC2InstanceManagementRole",
    ),
    ("/ssm/opsinsights/opscenter", "Enabled, Disabled"),
    ("/ssm/parameter-store/default-parameter-tier", "Standard, Advanced, Intelligent-Tiering"),
    ("/ssm/parameter-store/high-throughput-enabled", "true, false"),
];

/// What a Delete does to the setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDelete {
    /// Leaves it as it is.
    Retain,
    /// Restores the value that the setting had before this resource managed it, or the default.
    Restore,
    /// Resets it to AWS's default.
    Reset,
}

const ON_DELETE: [(&str, OnDelete); 3] =
    [("Retain", OnDelete::Retain), ("Restore", OnDelete::Restore), ("Reset", OnDelete::Reset)];

/// The desired setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// The id, never the ARN.
    pub(crate) id: String,
    pub(crate) value: String,
    pub(crate) on_delete: OnDelete,
}

impl Desired {
    /// Parses the properties of a Create or an Update. A `SettingId` that is an ARN must be in `location`, if that is known.
    ///
    /// # Errors
    /// At least one property is wrong. The failure names all problems.
    pub fn read(properties: &Map<String, Value>, location: Option<&Location>) -> Result<Self, Failure> {
        let mut reader = Properties::new(properties, &NAMES);
        let id = setting_id(&mut reader, location);
        let value = value(&mut reader, id.as_deref());
        if reader.value("SettingValue").is_none() {
            reader.missing("SettingValue");
        }
        match &value {
            Some(value) if value.is_empty() || value.chars().count() > MAX_VALUE => {
                reader.problem("SettingValue", format!("must have 1 to {MAX_VALUE} characters."));
            }
            _ => {}
        }
        let on_delete = reader.choice("OnDelete", &ON_DELETE);
        fail_on(&reader.problems)?;
        match (id, value, on_delete) {
            (Some(id), Some(value), Some(on_delete)) => Ok(Self { id, value, on_delete }),
            _ => Err(Failure::unreadable_properties()),
        }
    }
}

/// Parses the declared value of the setting with this id, for comparison. Returns `None` if it is invalid.
pub(crate) fn declared_value(properties: &Map<String, Value>, id: &str) -> Option<String> {
    value(&mut Properties::new(properties, &NAMES), Some(id))
}

fn value(reader: &mut Properties<'_>, id: Option<&str>) -> Option<String> {
    let value = reader.text("SettingValue")?;
    Some(if id == Some(DEFAULT_HOST_MANAGEMENT) { path_and_name(&value).to_owned() } else { value })
}

impl OnDelete {
    /// Parses `OnDelete` alone, as a Delete does. If it is invalid, it counts as `Retain`.
    pub fn read(properties: &Map<String, Value>) -> Self {
        choice_or("OnDelete", properties, &ON_DELETE, Self::Retain)
    }
}

/// Explains an id for which AWS has no setting.
pub(crate) fn explain_id(id: &str) -> String {
    let ids = KNOWN.map(|(id, _)| id);
    format!("{} AWS's settings are {}.", did_you_mean(id, ids).trim_start(), ids.join(", ")).trim_start().to_owned()
}

/// Explains a value that AWS refused.
pub(crate) fn explain_value(id: &str) -> Option<String> {
    let (_, values) = KNOWN.iter().find(|(known, _)| *known == id)?;
    Some(format!("The SettingValue of {id} can be: {values}."))
}

fn setting_id(reader: &mut Properties<'_>, location: Option<&Location>) -> Option<String> {
    let declared = reader.required_text("SettingId")?;
    let id = match (declared.starts_with("arn:"), declared.split_once(":servicesetting")) {
        (false, _) => declared.as_str(),
        (true, Some((_, id))) => {
            if let (Some(location), Some(arn)) = (location, Location::from_arn(&declared))
                && *location != arn
            {
                reader.problem("SettingId", format!("{} is not in this account and Region.", quoted(&declared)));
                return None;
            }
            id
        }
        (true, None) => "",
    };
    let is_id = id.starts_with('/')
        && id.len() <= 200
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte));
    if !is_id {
        let text =
            format!("{} is neither the id nor the ARN of a service setting. {}", quoted(&declared), explain_id(id));
        reader.problem("SettingId", text);
    }
    is_id.then(|| id.to_owned())
}

/// AWS accepts and returns the role of Default Host Management as path and name, without the rest of the ARN.
fn path_and_name(role: &str) -> &str {
    match role.split_once(":role/") {
        Some((arn, name)) if arn.starts_with("arn:") => name,
        _ => role,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn location() -> Location {
        Location::from_arn("arn:aws:lambda:us-east-1:111122223333:function:provider").unwrap()
    }

    fn read(properties: Value) -> Result<Desired, String> {
        Desired::read(properties.as_object().unwrap(), Some(&location())).map_err(|failure| failure.to_string())
    }

    #[test]
    fn an_arn_of_this_account_and_region_is_the_same_as_the_id() {
        for id in [
            "/ssm/opsinsights/opscenter",
            "arn:aws:ssm:us-east-1:111122223333:servicesetting/ssm/opsinsights/opscenter",
        ] {
            let desired = read(json!({"SettingId": id, "SettingValue": "Enabled"})).unwrap();
            assert_eq!((desired.id.as_str(), desired.on_delete), ("/ssm/opsinsights/opscenter", OnDelete::Retain));
        }
    }

    #[test]
    fn the_role_of_default_host_management_loses_its_arn_and_keeps_its_path() {
        for (given, expected) in [
            ("arn:aws:iam::111122223333:role/service-role/Role", "service-role/Role"),
            ("arn:aws-cn:iam::111122223333:role/Role", "Role"),
            ("service-role/Role", "service-role/Role"),
            ("Role", "Role"),
            ("no-arn:role/Role", "no-arn:role/Role"),
        ] {
            let desired = read(json!({"SettingId": DEFAULT_HOST_MANAGEMENT, "SettingValue": given})).unwrap();
            assert_eq!(desired.value, expected);
        }
        let other = read(json!({"SettingId": "/ssm/x", "SettingValue": "arn:aws:iam::1:role/R"})).unwrap();
        assert_eq!(other.value, "arn:aws:iam::1:role/R", "only there");
    }

    #[test]
    fn every_problem_is_named_at_once() {
        for (properties, expected) in [
            (json!({}), vec!["SettingId: is missing", "SettingValue: is missing"]),
            (json!({"SettingId": "opscenter", "SettingValue": ""}), vec!["neither the id nor the ARN", "1 to 4096"]),
            (
                json!({"SettingId": ["x"], "SettingValue": {}}),
                vec!["SettingId: must be a string", "SettingValue: must be"],
            ),
            (json!({"SettingId": "/ssm/x", "SettingValue": "1", "OnDelete": "Delete"}), vec!["Retain, Restore, Reset"]),
            (json!({"SettingID": "/ssm/x", "SettingValue": "1"}), vec!["Did you mean SettingId?"]),
            (
                json!({"SettingId": "arn:aws:ssm:eu-west-1:111122223333:servicesetting/ssm/x", "SettingValue": "1"}),
                vec!["not in this account and Region"],
            ),
        ] {
            let reason = read(properties).unwrap_err();
            for part in expected {
                assert!(reason.contains(part), "{part}: {reason}");
            }
        }
    }

    #[test]
    fn a_value_has_at_most_4096_characters() {
        let value = |length: usize| read(json!({"SettingId": "/ssm/x", "SettingValue": "\u{e9}".repeat(length)}));
        assert!(value(4096).is_ok());
        assert_eq!(value(4097).unwrap_err(), "SettingValue: must have 1 to 4096 characters.");
    }

    #[test]
    fn a_value_of_the_wrong_type_is_not_called_missing() {
        let reason = read(json!({"SettingId": "/ssm/x", "SettingValue": {}})).unwrap_err();
        assert!(!reason.contains("missing"), "{reason}");
    }

    #[test]
    fn an_unknown_id_and_a_refused_value_are_explained_with_awss_own_list() {
        let text = explain_id("/ssm/opsinsights/opscentre");
        assert!(
            text.starts_with("Did you mean /ssm/opsinsights/opscenter? AWS's settings are /ssm/appmanager"),
            "{text}"
        );
        assert!(explain_value("/ssm/parameter-store/default-parameter-tier").unwrap().contains("Intelligent-Tiering"));
        assert_eq!(explain_value("/ssm/new"), None);
    }
}
