//! The properties that are lists: requirements, attachments, tags and accounts.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cfn::properties::{Properties, scalar};
use crate::failure::{Problem, quoted};
use crate::resource::document::ownership::{PREFIX, Tags};

/// AWS allows 50 tags on a resource, and the provider sets at least three of its own on each document that it creates.
const MAX_TAGS: usize = 47;
const MAX_ACCOUNTS: usize = 1000;
const MAX_ATTACHMENTS: usize = 20;

/// A file that is attached to a document; see
/// [`AttachmentsSource`](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_AttachmentsSource.html).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attachment {
    pub(crate) key: String,
    pub(crate) values: Vec<String>,
    pub(crate) name: Option<String>,
}

/// A document that this one requires.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Requirement {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) require_type: Option<String>,
    pub(crate) version_name: Option<String>,
}

pub(super) fn requires(reader: &mut Properties<'_>) -> Vec<Requirement> {
    let mut all = Vec::new();
    for (path, object) in reader.objects("Requires") {
        let mut item = Properties::new(object, &["Name", "Version", "RequireType", "VersionName"]);
        if let Some(name) = item.required_text("Name") {
            all.push(Requirement {
                name,
                version: item.text("Version"),
                require_type: item.text("RequireType"),
                version_name: item.text("VersionName"),
            });
        }
        take_problems(reader, &path, item);
    }
    all.sort();
    all
}

pub(super) fn attachments(reader: &mut Properties<'_>) -> Vec<Attachment> {
    let keys = [("SourceUrl", "SourceUrl"), ("S3FileUrl", "S3FileUrl"), ("AttachmentReference", "AttachmentReference")];
    let mut all = Vec::new();
    for (path, object) in reader.objects("Attachments") {
        let mut item = Properties::new(object, &["Key", "Values", "Name"]);
        if item.value("Key").is_none() {
            item.missing("Key");
        }
        let values = item.texts("Values");
        if values.is_empty() {
            item.missing("Values");
        }
        if let Some(key) = item.choice("Key", &keys) {
            all.push(Attachment { key: key.to_owned(), values, name: item.text("Name") });
        }
        take_problems(reader, &path, item);
    }
    if all.len() > MAX_ATTACHMENTS {
        reader
            .problem("Attachments", format!("has {} items; a document can have at most {MAX_ATTACHMENTS}.", all.len()));
    }
    all
}

pub(super) fn tags(reader: &mut Properties<'_>) -> Tags {
    let mut tags = Tags::new();
    if let Some(Value::Object(map)) = reader.value("Tags") {
        for (key, value) in map {
            match scalar(value) {
                Some(value) => drop(tags.insert(key.clone(), value)),
                None => reader.problem(format!("Tags.{}", quoted(key)), "must be a string."),
            }
        }
        return tags;
    }
    for (path, object) in reader.objects("Tags") {
        let mut item = Properties::new(object, &["Key", "Value"]);
        if let (Some(key), Some(value)) = (item.required_text("Key"), item.required_text("Value"))
            && tags.insert(key.clone(), value).is_some()
        {
            item.problem("Key", format!("{} occurs twice.", quoted(&key)));
        }
        take_problems(reader, &path, item);
    }
    tags
}

pub(super) fn check_tags(reader: &mut Properties<'_>, tags: &Tags) {
    if tags.len() > MAX_TAGS {
        reader.problem(
            "Tags",
            format!(
                "has {} tags; at most {MAX_TAGS} are allowed, because the provider needs the rest of AWS's limit of 50.",
                tags.len()
            ),
        );
    }
    for (key, value) in tags {
        let why = if is_reserved(key) {
            "begins with a reserved prefix."
        } else if !(1..=128).contains(&key.chars().count()) {
            "must have 1 to 128 characters."
        } else if value.chars().count() > 256 {
            "has a value of more than 256 characters."
        } else {
            continue;
        };
        reader.problem("Tags", format!("{} {why}", quoted(key)));
    }
}

/// Whether a tag's key is reserved for AWS or for this provider. A request that declares such a key is refused, but the old
/// properties of its rollback still contain the key.
pub(super) fn is_reserved(key: &str) -> bool {
    key.to_lowercase().starts_with("aws:") || key.starts_with(PREFIX)
}

pub(super) fn account_ids(reader: &mut Properties<'_>) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for id in reader.texts("AccountIds") {
        if id.eq_ignore_ascii_case("all") {
            ids.insert("all".to_owned());
        } else if id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()) {
            ids.insert(id);
        } else {
            reader.problem("AccountIds", format!("{} is neither a 12-digit account ID nor \"all\".", quoted(&id)));
        }
    }
    if ids.len() > MAX_ACCOUNTS {
        reader.problem(
            "AccountIds",
            format!("has {} accounts; a document can be shared with at most {MAX_ACCOUNTS}.", ids.len()),
        );
    }
    ids
}

fn take_problems(reader: &mut Properties<'_>, path: &str, item: Properties<'_>) {
    let below = |problem: Problem| Problem::new(format!("{path}.{}", problem.path), problem.text);
    reader.problems.extend(item.problems.into_iter().map(below));
}
