//! The property `ContentMode`, and the properties that `Merge` excludes.

use super::keys::NamedKeys;
use crate::cfn::properties::Properties;
use crate::resource::document::content::{Content, Format};

/// Which part of the content the resource manages.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum ContentMode {
    /// All of it.
    #[default]
    Replace,
    /// These keys.
    Merge(NamedKeys),
}

const IS_MERGE: [(&str, bool); 2] = [("Replace", false), ("Merge", true)];

/// The properties that apply to the whole document. Owners of single keys can't declare them.
const ONLY_WHOLE: [&str; 7] =
    ["VersionName", "DisplayName", "TargetType", "Requires", "Attachments", "Tags", "AccountIds"];

pub(super) fn content_mode(
    reader: &mut Properties<'_>,
    content: Option<&Content>,
    document_type: Option<&str>,
    set_default_version: bool,
) -> ContentMode {
    if !reader.choice("ContentMode", &IS_MERGE).unwrap_or_default() {
        return ContentMode::Replace;
    }
    for name in ONLY_WHOLE {
        if reader.value(name).is_some() {
            reader.problem(
                name,
                "applies to the whole document, which several resources share under ContentMode: Merge. \
                Leave it out.",
            );
        }
    }
    if !set_default_version {
        reader.problem("SetDefaultVersion", "must be true with ContentMode: Merge. Leave it out.");
    }
    if document_type.is_some_and(|document_type| document_type != "Session") {
        reader.problem("DocumentType", "must be Session with ContentMode: Merge.");
    }
    let Some(content) = content else { return ContentMode::Merge(NamedKeys::default()) };
    let (named, problems) = NamedKeys::read("DocumentContent", content);
    reader.problems.extend(problems);
    ContentMode::Merge(named)
}

/// The mode that earlier properties declare. Content that can't be read names no keys.
pub(super) fn declared_mode(reader: &mut Properties<'_>, content: Option<&str>, format: Option<Format>) -> ContentMode {
    if !reader.choice("ContentMode", &IS_MERGE).unwrap_or_default() {
        return ContentMode::Replace;
    }
    let content = content.and_then(|text| Content::read("DocumentContent", text.to_owned(), format).ok());
    let named = content.map(|content| NamedKeys::read("DocumentContent", &content).0);
    ContentMode::Merge(named.unwrap_or_default())
}
