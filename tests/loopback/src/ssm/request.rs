//! The members of a request, parsed and checked against the constraints of the API's shapes.

use super::document::Format;
use super::error::ModelError;
use serde_json::Value;

/// The document types of the API.
pub const DOCUMENT_TYPES: [&str; 17] = [
    "Command",
    "Policy",
    "Automation",
    "Session",
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

/// One request's input.
pub(crate) struct Request<'a>(pub(crate) &'a Value);

impl<'a> Request<'a> {
    /// An optional string member.
    pub(crate) fn optional(&self, member: &str) -> Result<Option<&'a str>, ModelError> {
        match self.0.get(member) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ModelError::new("SerializationException", format!("{member} must be a string"))),
        }
    }

    /// A string member that the shape requires.
    pub(crate) fn required(&self, member: &str) -> Result<&'a str, ModelError> {
        let missing = || ModelError::constraint(None, member, "Member must not be null");
        self.optional(member)?.ok_or_else(missing)
    }

    /// The name of a document of this account, as every call that writes requires it.
    pub(crate) fn name(&self) -> Result<&'a str, ModelError> {
        let name = self.required("Name")?;
        pattern(name, "Name", r"^[a-zA-Z0-9_\-.]{3,128}$", 3, 128, |c| word(c) || "-.".contains(c))?;
        Ok(name)
    }

    /// The name of a document, given by its name or its ARN, as calls that read accept them.
    pub(crate) fn name_or_arn(&self) -> Result<&'a str, ModelError> {
        let text = self.required("Name")?;
        pattern(text, "Name", r"^[a-zA-Z0-9_\-.:/]{3,128}$", 3, 128, |c| word(c) || "-.:/".contains(c))?;
        Ok(text.rsplit_once(":document/").map_or(text, |(_, name)| name))
    }

    pub(crate) fn content(&self) -> Result<&'a str, ModelError> {
        let content = self.required("Content")?;
        if content.is_empty() {
            let text = "Member must have length greater than or equal to 1";
            return Err(ModelError::constraint(Some(""), "Content", text));
        }
        Ok(content)
    }

    pub(crate) fn version(&self) -> Result<Option<&'a str>, ModelError> {
        let Some(version) = self.optional("DocumentVersion")? else { return Ok(None) };
        if !matches!(version, "$LATEST" | "$DEFAULT") {
            digits(version, r"([$]LATEST|[$]DEFAULT|^[1-9][0-9]*$)")?;
        }
        Ok(Some(version))
    }

    pub(crate) fn version_number(&self) -> Result<&'a str, ModelError> {
        let version = self.required("DocumentVersion")?;
        digits(version, r"(^[1-9][0-9]*$)")?;
        Ok(version)
    }

    pub(crate) fn version_name(&self) -> Result<Option<&'a str>, ModelError> {
        let Some(name) = self.optional("VersionName")? else { return Ok(None) };
        pattern(name, "VersionName", r"^[a-zA-Z0-9_\-.]{1,128}$", 1, 128, |c| word(c) || "-.".contains(c))?;
        Ok(Some(name))
    }

    pub(crate) fn display_name(&self) -> Result<Option<&'a str>, ModelError> {
        let Some(name) = self.optional("DisplayName")? else { return Ok(None) };
        pattern(name, "DisplayName", r"^[\w\.\-\:\/ ]*$", 0, 1024, |c| word(c) || ".-:/ ".contains(c))?;
        Ok(Some(name))
    }

    pub(crate) fn target_type(&self) -> Result<Option<&'a str>, ModelError> {
        let Some(target) = self.optional("TargetType")? else { return Ok(None) };
        let shape = r"^\/[\w\.\-\:\/]*$";
        pattern(target, "TargetType", shape, 1, 200, |c| word(c) || ".-:/".contains(c))?;
        if !target.starts_with('/') {
            return Err(not_matching(target, "TargetType", shape));
        }
        Ok(Some(target))
    }

    pub(crate) fn format(&self) -> Result<Format, ModelError> {
        Ok(match self.one_of("DocumentFormat", &["YAML", "JSON", "TEXT"])? {
            Some("YAML") => Format::Yaml,
            Some("TEXT") => Format::Text,
            _ => Format::Json,
        })
    }

    pub(crate) fn one_of(&self, member: &str, known: &[&str]) -> Result<Option<&'a str>, ModelError> {
        let Some(value) = self.optional(member)? else { return Ok(None) };
        if known.contains(&value) {
            return Ok(Some(value));
        }
        let text = format!("Member must satisfy enum value set: [{}]", known.join(", "));
        Err(ModelError::constraint(Some(value), member, &text))
    }

    /// A list member of strings; empty if it is absent.
    pub(crate) fn strings(&self, member: &str) -> Result<Vec<&'a str>, ModelError> {
        let wrong = || ModelError::new("SerializationException", format!("{member} must be a list of strings"));
        match self.0.get(member) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => items.iter().map(|item| item.as_str().ok_or_else(wrong)).collect(),
            Some(_) => Err(wrong()),
        }
    }

    /// A list member of structures; empty if it is absent.
    pub(crate) fn structures(&self, member: &str, max: usize) -> Result<&'a [Value], ModelError> {
        let items = match self.0.get(member) {
            None | Some(Value::Null) => &[][..],
            Some(Value::Array(items)) => items,
            Some(_) => return Err(ModelError::new("SerializationException", format!("{member} must be a list"))),
        };
        if items.len() > max {
            let text = format!("Member must have length less than or equal to {max}");
            return Err(ModelError::constraint(Some("[...]"), member, &text));
        }
        Ok(items)
    }

    /// Where this page starts and how many it may hold.
    pub(crate) fn page(&self, default: usize, max: u64) -> Result<(usize, usize), ModelError> {
        let size = match self.0.get("MaxResults") {
            None | Some(Value::Null) => default,
            Some(value) => {
                let text = format!("Member must have value less than or equal to {max}");
                let wrong = || ModelError::constraint(Some(&value.to_string()), "MaxResults", &text);
                let size = value.as_u64().filter(|size| (1..=max).contains(size)).ok_or_else(wrong)?;
                usize::try_from(size).map_err(|_| wrong())?
            }
        };
        let start = match self.optional("NextToken")? {
            None => 0,
            Some(token) => {
                let wrong = || ModelError::new("InvalidNextToken", "The specified token is not valid.");
                token.strip_prefix("page-").and_then(|start| start.parse().ok()).ok_or_else(wrong)?
            }
        };
        Ok((start, size))
    }
}

/// One page of `all`, and the token of the next, if there is one.
pub(crate) fn page<T: Clone>(all: &[T], (start, size): (usize, usize)) -> (Vec<T>, Option<String>) {
    let end = start.saturating_add(size).min(all.len());
    let items = all.get(start..end).unwrap_or_default().to_vec();
    (items, (end < all.len()).then(|| format!("page-{end}")))
}

fn word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn digits(version: &str, shape: &str) -> Result<(), ModelError> {
    pattern(version, "DocumentVersion", shape, 1, usize::MAX, |c| c.is_ascii_digit())?;
    if version.starts_with('0') {
        return Err(not_matching(version, "DocumentVersion", shape));
    }
    Ok(())
}

fn pattern(
    text: &str,
    member: &str,
    shape: &str,
    min: usize,
    max: usize,
    allowed: fn(char) -> bool,
) -> Result<(), ModelError> {
    let length = text.chars().count();
    if (min..=max).contains(&length) && text.chars().all(allowed) {
        return Ok(());
    }
    Err(not_matching(text, member, shape))
}

fn not_matching(text: &str, member: &str, shape: &str) -> ModelError {
    ModelError::constraint(Some(text), member, &format!("Member must satisfy regular expression pattern: {shape}"))
}
