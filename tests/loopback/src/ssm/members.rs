//! The members of the inputs. AWS ignores unknown members, and therefore misspelled ones. The model refuses them.

use super::error::ModelError;
use serde_json::Value;

const MEMBERS: [(&str, &[&str]); 16] = [
    (
        "CreateDocument",
        &[
            "Content",
            "Requires",
            "Attachments",
            "Name",
            "DisplayName",
            "VersionName",
            "DocumentType",
            "DocumentFormat",
            "TargetType",
            "Tags",
        ],
    ),
    (
        "UpdateDocument",
        &[
            "Content",
            "Attachments",
            "Name",
            "DisplayName",
            "VersionName",
            "DocumentVersion",
            "DocumentFormat",
            "TargetType",
        ],
    ),
    ("UpdateDocumentDefaultVersion", &["Name", "DocumentVersion"]),
    ("DeleteDocument", &["Name", "DocumentVersion", "VersionName", "Force"]),
    ("DescribeDocument", &["Name", "DocumentVersion", "VersionName"]),
    ("GetDocument", &["Name", "VersionName", "DocumentVersion", "DocumentFormat"]),
    ("ListDocumentVersions", &["Name", "MaxResults", "NextToken"]),
    ("ListDocuments", &["DocumentFilterList", "Filters", "MaxResults", "NextToken"]),
    ("DescribeDocumentPermission", &["Name", "PermissionType", "MaxResults", "NextToken"]),
    (
        "ModifyDocumentPermission",
        &["Name", "PermissionType", "AccountIdsToAdd", "AccountIdsToRemove", "SharedDocumentVersion"],
    ),
    ("AddTagsToResource", &["ResourceType", "ResourceId", "Tags"]),
    ("RemoveTagsFromResource", &["ResourceType", "ResourceId", "TagKeys"]),
    ("ListTagsForResource", &["ResourceType", "ResourceId"]),
    ("GetServiceSetting", &["SettingId"]),
    ("UpdateServiceSetting", &["SettingId", "SettingValue"]),
    ("ResetServiceSetting", &["SettingId"]),
];

/// Refuses an input that is not a structure, or has a member that the operation does not have.
pub(crate) fn check(operation: &str, input: &Value) -> Result<(), ModelError> {
    let Some((_, known)) = MEMBERS.iter().find(|(name, _)| *name == operation) else { return Ok(()) };
    let Some(members) = input.as_object() else {
        return Err(ModelError::new("SerializationException", "The input must be a structure."));
    };
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => {
            let text = format!("{operation} has no member {unknown}.");
            Err(ModelError::new("SerializationException", text))
        }
        None => Ok(()),
    }
}
