//! The DocumentDescription that Create, Update and Describe respond with.

use super::content;
use super::document::{Document, Version};
use super::life::Status;
use serde_json::{Map, Value, json};

/// Describes one version of a document, with the status that the caller is to see.
pub(crate) fn description(document: &Document, version: &Version, status: Status, account: &str) -> Value {
    let mut members = identity(document, version, status);
    members.insert("Hash".to_owned(), json!(sha256(&version.content)));
    members.insert("HashType".to_owned(), json!("Sha256"));
    members.insert("Owner".to_owned(), json!(document.owner.as_deref().unwrap_or(account)));
    members.insert("LatestVersion".to_owned(), json!(document.latest().number.to_string()));
    members.insert("DefaultVersion".to_owned(), json!(document.default_version.to_string()));
    members.insert("PlatformTypes".to_owned(), json!(["Windows", "Linux", "MacOS"]));
    members.insert("Tags".to_owned(), tags(document));
    let attachments: Vec<Value> = version.attachments.iter().map(|name| json!({"Name": name})).collect();
    if !attachments.is_empty() {
        members.insert("AttachmentsInformation".to_owned(), Value::Array(attachments));
    }
    if let Some(target) = &version.target_type {
        members.insert("TargetType".to_owned(), json!(target));
    }
    for (member, value) in content::described(version) {
        members.insert(member.to_owned(), value);
    }
    Value::Object(members)
}

/// The members that Describe and Get share.
pub(crate) fn identity(document: &Document, version: &Version, status: Status) -> Map<String, Value> {
    let mut members = Map::new();
    let mut put = |member: &str, value: Value| members.insert(member.to_owned(), value);
    put("Name", json!(document.name));
    put("CreatedDate", json!(version.created));
    put("Status", json!(status.as_str()));
    put("DocumentVersion", json!(version.number.to_string()));
    put("DocumentType", json!(document.kind));
    put("DocumentFormat", json!(version.format.as_str()));
    if let Some(name) = &version.name {
        put("VersionName", json!(name));
    }
    if let Some(name) = &version.display_name {
        put("DisplayName", json!(name));
    }
    if !document.requires.is_null() {
        put("Requires", document.requires.clone());
    }
    if let Some(information) = version.life.information().filter(|_| status == Status::Failed) {
        put("StatusInformation", json!(information));
    }
    members
}

pub(crate) fn tags(document: &Document) -> Value {
    document.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

fn sha256(content: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, content.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
