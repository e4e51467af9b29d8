//! The desired document: the properties, parsed and checked.

pub(crate) mod keys;
mod lists;
mod merge;
pub mod session;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

pub(crate) use self::keys::NamedKeys;
pub(crate) use self::lists::{Attachment, Requirement};
use self::lists::{account_ids, attachments, check_tags, is_reserved, requires, tags};
pub(crate) use self::merge::ContentMode;
use self::merge::content_mode;

use crate::cfn::properties::{Properties, scalar};
use crate::failure::{Failure, did_you_mean, fail_on, quoted};
use crate::resource::document::content::{Content, Format};
use crate::resource::document::ownership::Tags;

/// Every property, in the order of `docs/reference.md`.
pub(crate) const NAMES: [&str; 19] = [
    "DocumentName",
    "Name",
    "DocumentContent",
    "Content",
    "ContentMode",
    "DocumentType",
    "DocumentFormat",
    "SetDefaultVersion",
    "OnExisting",
    "OnDelete",
    "VersionName",
    "DisplayName",
    "TargetType",
    "Requires",
    "Attachments",
    "Tags",
    "AccountIds",
    "UpdateMethod",
    "Trigger",
];

/// The types of the [API](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateDocument.html).
pub const TYPES: [&str; 17] = [
    "Session",
    "Command",
    "Policy",
    "Automation",
    "Package",
    "ApplicationConfiguration",
    "ApplicationConfigurationSchema",
    "DeploymentStrategy",
    "ChangeCalendar",
    "Automation.ChangeTemplate",
    "ProblemAnalysis",
    "ProblemAnalysisTemplate",
    "CloudFormation",
    "ConformancePackTemplate",
    "QuickSetup",
    "ManualApprovalPolicy",
    "AutoApprovalPolicy",
];

const RESERVED_PREFIXES: [&str; 6] = ["aws", "amazon", "amzn", "AWSEC2", "AWSConfigRemediation", "AWSSupport"];

/// What to do if the document already exists when a resource begins to manage it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnExisting {
    /// Manage the document, unless another resource does.
    Adopt,
    /// Manage the document even if another resource does.
    TakeOver,
    /// Refuse.
    Fail,
}

/// What to do with the document when the resource is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum OnDelete {
    /// Leave it as it is.
    #[default]
    Retain,
    /// Restore what existed before the resource.
    Restore,
}

/// The desired document.
#[derive(Debug, Clone)]
pub struct Desired {
    /// The name.
    pub name: String,
    /// The content that is sent to AWS or, under `Merge`, that names the keys.
    pub content: Content,
    pub(crate) mode: ContentMode,
    pub(crate) document_type: String,
    pub(crate) set_default_version: bool,
    pub(crate) on_existing: OnExisting,
    pub(crate) on_delete: OnDelete,
    pub(crate) version_name: Option<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) target_type: Option<String>,
    pub(crate) requires: Vec<Requirement>,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) tags: Tags,
    pub(crate) account_ids: BTreeSet<String>,
    /// The problems and warnings of the content.
    pub(crate) findings: session::Findings,
}

/// What the old properties of an Update, or the properties of a Delete, declare.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Declared {
    pub(crate) name: Option<String>,
    /// The content, as sent to AWS.
    pub(crate) content: Option<String>,
    pub(crate) format: Option<Format>,
    pub(crate) mode: ContentMode,
    pub(crate) leaves_default_version: bool,
    pub(crate) on_delete: OnDelete,
    pub(crate) version_name: Option<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) target_type: Option<String>,
    pub(crate) requires: Option<Vec<Requirement>>,
    pub(crate) attachments: Option<Vec<Attachment>>,
    pub(crate) tags: Tags,
    pub(crate) account_ids: BTreeSet<String>,
}

impl Desired {
    /// The Session document `name` with this content and nothing else.
    pub(crate) fn session(name: &str, content: Content) -> Self {
        Self {
            name: name.to_owned(),
            content,
            mode: ContentMode::Replace,
            document_type: "Session".to_owned(),
            set_default_version: true,
            on_existing: OnExisting::Adopt,
            on_delete: OnDelete::Retain,
            version_name: None,
            display_name: None,
            target_type: None,
            requires: Vec::new(),
            attachments: Vec::new(),
            tags: Default::default(),
            account_ids: Default::default(),
            findings: session::Findings::default(),
        }
    }

    /// Reads the properties of a Create or an Update.
    ///
    /// # Errors
    /// At least one property is wrong. The failure names all problems, those of the content included, each with its property.
    /// If only the checks of a Session document found problems, this is not an error: `findings` holds them.
    pub fn read(properties: &Map<String, Value>) -> Result<Self, Failure> {
        let mut reader = Properties::new(properties, &NAMES);
        let name = document_name(&mut reader);
        let document_type = document_type(&mut reader);
        let format = reader.choice("DocumentFormat", &FORMATS).flatten();
        let content = content(&mut reader, document_type, format);
        let set_default_version = reader.boolean("SetDefaultVersion", true);
        let on_existing = reader.choice("OnExisting", &ON_EXISTING);
        let on_delete = reader.choice("OnDelete", &ON_DELETE).unwrap_or_default();
        let version_name = checked_text(&mut reader, "VersionName", is_version_name, VERSION_NAME_RULE);
        let display_name = checked_text(
            &mut reader,
            "DisplayName",
            |text| text.chars().count() <= 1024,
            "is longer than 1,024 characters.",
        );
        let target_type = checked_text(&mut reader, "TargetType", is_target_type, TARGET_TYPE_RULE);
        let requires = requires(&mut reader);
        let attachments = attachments(&mut reader);
        let tags = tags(&mut reader);
        check_tags(&mut reader, &tags);
        let account_ids = account_ids(&mut reader);
        let mode = content_mode(&mut reader, content.as_ref(), document_type, set_default_version);
        let findings = match (&content, document_type, &mode) {
            (Some(content), Some("Session"), ContentMode::Replace) => session::check(name.as_deref(), content),
            // Under `Merge`, the merged content is checked as a whole.
            _ => session::Findings::default(),
        };
        match (name, document_type, content, on_existing, reader.problems.as_slice()) {
            (Some(name), Some(document_type), Some(content), Some(on_existing), []) => Ok(Self {
                name,
                content,
                mode,
                document_type: document_type.to_owned(),
                set_default_version,
                on_existing,
                on_delete,
                version_name,
                display_name,
                target_type,
                requires,
                attachments,
                tags,
                account_ids,
                findings,
            }),
            _ => {
                let all = [reader.problems, findings.problems].concat();
                fail_on(&all)?;
                Err(Failure::unreadable_properties())
            }
        }
    }
}

impl Declared {
    /// Reads properties without reporting problems: an earlier release may have accepted them, and in a rollback they may be
    /// those of a refused request.
    ///
    /// An `OnDelete` that can't be read counts as `Retain`.
    pub fn read(properties: &Map<String, Value>) -> Self {
        let mut reader = Properties::new(properties, &NAMES);
        let present = |name: &str| properties.contains_key(name);
        let content = match reader.value("DocumentContent").or(reader.value("Content")) {
            Some(Value::Object(mapping)) => Some(session::from_mapping(mapping).to_string()),
            other => other.and_then(scalar),
        };
        let format = reader.choice("DocumentFormat", &FORMATS).flatten();
        Self {
            name: reader.text("DocumentName").or_else(|| reader.text("Name")),
            mode: merge::declared_mode(&mut reader, content.as_deref(), format),
            content,
            format,
            leaves_default_version: !reader.boolean("SetDefaultVersion", true),
            on_delete: reader.choice("OnDelete", &ON_DELETE).unwrap_or_default(),
            version_name: reader.text("VersionName"),
            display_name: reader.text("DisplayName"),
            target_type: reader.text("TargetType"),
            requires: present("Requires").then(|| requires(&mut reader)),
            attachments: present("Attachments").then(|| attachments(&mut reader)),
            tags: tags(&mut reader).into_iter().filter(|(key, _)| !is_reserved(key)).collect(),
            account_ids: account_ids(&mut reader),
        }
    }
}

/// Whether `name` has the form of a document's name: 3 to 128 letters, digits, `_`, `-` or `.`. Reserved prefixes are not
/// checked.
pub fn is_document_name(name: &str) -> bool {
    (3..=128).contains(&name.len()) && name.bytes().all(is_name_byte)
}

const FORMATS: [(&str, Option<Format>); 4] =
    [("", None), ("JSON", Some(Format::Json)), ("YAML", Some(Format::Yaml)), ("TEXT", Some(Format::Text))];
const ON_EXISTING: [(&str, OnExisting); 3] =
    [("Adopt", OnExisting::Adopt), ("TakeOver", OnExisting::TakeOver), ("Fail", OnExisting::Fail)];
const ON_DELETE: [(&str, OnDelete); 2] = [("Retain", OnDelete::Retain), ("Restore", OnDelete::Restore)];
const VERSION_NAME_RULE: &str = "must be 1 to 128 letters, digits, '_', '-' or '.'.";
const TARGET_TYPE_RULE: &str =
    "must begin with '/' and have at most 200 letters, digits, '_', '.', '-', ':' or '/', such as /AWS::EC2::Instance.";

fn document_name(reader: &mut Properties<'_>) -> Option<String> {
    let (property, _) = reader.either("DocumentName", "Name")?;
    let name = reader.text(property)?;
    if !is_document_name(&name) {
        reader.problem(property, format!("{} must be 3 to 128 letters, digits, '_', '-' or '.'.", quoted(&name)));
        return None;
    }
    if let Some(prefix) = RESERVED_PREFIXES.iter().find(|prefix| name.starts_with(**prefix)) {
        reader.problem(
            property,
            format!("{} begins with {prefix}, which AWS reserves. Choose another name.", quoted(&name)),
        );
        return None;
    }
    Some(name)
}

fn document_type(reader: &mut Properties<'_>) -> Option<&'static str> {
    let Some(given) = reader.text("DocumentType") else {
        return reader.value("DocumentType").is_none().then_some("Session");
    };
    let found = TYPES.iter().find(|known| **known == given).copied();
    if found.is_none() {
        let nearest = did_you_mean(&given, TYPES);
        reader.problem("DocumentType", format!("{} is not one of {}.{nearest}", quoted(&given), TYPES.join(", ")));
    }
    found
}

fn content(reader: &mut Properties<'_>, document_type: Option<&str>, format: Option<Format>) -> Option<Content> {
    let (property, value) = reader.either("DocumentContent", "Content")?;
    let (text, format) = match value {
        Value::Object(mapping) if document_type == Some("Session") => {
            if format == Some(Format::Text) {
                reader
                    .problem("DocumentFormat", "\"TEXT\" can't be the format of a mapping. Leave DocumentFormat out.");
                return None;
            }
            // JSON is also YAML.
            (session::from_mapping(mapping).to_string(), format.or(Some(Format::Json)))
        }
        Value::Object(_) => {
            reader.problem(
                property,
                "is a mapping. CloudFormation sends every scalar in a mapping as a string, and the original types are \
                 known only for Session documents. Write the content as a block string (DocumentContent: |).",
            );
            return None;
        }
        other => match scalar(other) {
            Some(text) => (text, format),
            None => {
                reader.problem(property, "must be a string or, for Session documents, a mapping.");
                return None;
            }
        },
    };
    Content::read(property, text, format).map_err(|problem| reader.problems.push(problem)).ok()
}

fn checked_text(
    reader: &mut Properties<'_>,
    name: &str,
    is_right: impl Fn(&str) -> bool,
    rule: &str,
) -> Option<String> {
    let text = reader.text(name).filter(|text| !text.is_empty())?;
    if !is_right(&text) {
        reader.problem(name, format!("{} {rule}", quoted(&text)));
    }
    Some(text)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)
}

fn is_version_name(text: &str) -> bool {
    text.len() <= 128 && text.bytes().all(is_name_byte)
}

fn is_target_type(text: &str) -> bool {
    text.len() <= 200 && text.starts_with('/') && text.bytes().all(|byte| is_name_byte(byte) || b":/".contains(&byte))
}

#[cfg(test)]
mod tests;
