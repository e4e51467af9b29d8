//! Merges changed keys into content.

use crate::failure::{Failure, Problem, fail_on};
use crate::resource::document::content::{Content, Edit, Format, KeyPath, Node, edit};
use crate::resource::document::desired::NamedKeys;
use crate::resource::document::desired::session::{Findings, check};

/// The content that a new document starts from. It has all `inputs` that the console's preferences page needs, with empty or
/// false values. See the [Session document
/// schema](https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-schema.html).
pub(crate) const SKELETON: &str = r#"{"schemaVersion":"1.0","description":"Session Manager preferences","sessionType":"Standard_Stream","inputs":{"s3BucketName":"","s3KeyPrefix":"","s3EncryptionEnabled":false,"cloudWatchLogGroupName":"","cloudWatchEncryptionEnabled":false,"cloudWatchStreamingEnabled":false,"kmsKeyId":"","runAsEnabled":false,"runAsDefaultUser":"","idleSessionTimeout":"","maxSessionDuration":"","shellProfile":{"linux":"","windows":""}}}"#;

/// The skeleton as content.
pub(super) fn skeleton() -> Result<Content, Failure> {
    Content::read("skeleton", SKELETON.to_owned(), Some(Format::Json))
        .map_err(|problem| Failure::new(problem.to_string()))
}

/// Whether only the skeleton is left.
pub(super) fn is_skeleton(content: &Content) -> bool {
    content.same_as(SKELETON)
}

/// The content after all edits; `None` if they change nothing.
///
/// # Errors
/// The edits don't fit the content, or the merged content is too long.
pub(super) fn merge(base: &Content, edits: &[Edit]) -> Result<Option<Content>, Failure> {
    let edited = edit(&base.text, edits).map_err(|_| {
        Failure::new(
            "DocumentContent: names a key inside a value that is not a mapping in the document. Correct the document first.",
        )
    })?;
    let content = Content::read("DocumentContent (merged with the document)", edited, Some(Format::Json));
    let content = content.map_err(|problem| Failure::new(problem.to_string()))?;
    Ok(Some(content).filter(|content| content.node != base.node))
}

/// The edits for the keys whose values in `base` differ.
pub(super) fn edits_to_set(named: &NamedKeys, base: &Content) -> Vec<Edit> {
    let differing = named.keys.iter().filter(|(key, value)| value_in(base, key) != Some(*value));
    let set = differing.filter_map(|(key, value)| {
        let value = serde_json::value::to_raw_value(value).ok()?;
        Some(Edit { path: key.clone(), value: Some(value), kept_levels: 0 })
    });
    set.collect()
}

/// The value of a key.
pub(super) fn value_in<'a>(content: &'a Content, key: &KeyPath) -> Option<&'a Node> {
    content.node.as_ref()?.at(key.names())
}

/// Refuses what can't be merged into `base`: a key inside a value that is not a mapping, a key that would replace a mapping,
/// and a `schemaVersion` or `sessionType` that differs from the document's.
pub(super) fn refuse_other_shape(named: &NamedKeys, base: &Content) -> Result<(), Failure> {
    let mut problems = Vec::new();
    for key in named.keys.keys() {
        let names: Vec<&str> = key.names().collect();
        let around = (1..names.len()).map(|level| names.iter().copied().take(level));
        let not_a_mapping = around.into_iter().find(|names| {
            let node = base.node.as_ref().and_then(|node| node.at(names.clone()));
            node.is_some_and(|node| !matches!(node, Node::Map(_)))
        });
        if let Some(names) = not_a_mapping {
            let path = names.collect::<Vec<_>>().join(".");
            problems
                .push(Problem::new(path, format!("is not a mapping in the document, so {key} can't be set in it.")));
        } else if let Some(Node::Map(_)) = value_in(base, key) {
            problems.push(Problem::new(key.as_str(), "is a mapping in the document. Name the keys in it."));
        }
    }
    for (name, value) in &named.fixed {
        let given = base.node.as_ref().and_then(|node| node.get(name));
        if given != Some(value) {
            let why = "is not what the document has, and ContentMode: Merge can't change it. Leave it out.";
            problems.push(Problem::new(format!("DocumentContent.{name}"), why));
        }
    }
    fail_on(&problems)
}

/// Checks the merged content. A problem in a key that the request does not name is a warning.
pub(super) fn findings(name: &str, named: &NamedKeys, merged: &Content) -> Findings {
    let Findings { problems, mut warnings } = check(Some(name), merged);
    let (problems, of_others): (Vec<Problem>, Vec<Problem>) = problems.into_iter().partition(|problem| {
        let at = problem.path.strip_prefix("DocumentContent.").and_then(KeyPath::parse);
        at.is_some_and(|at| named.keys.keys().any(|key| at.is_at_or_in(key)))
    });
    warnings.extend(of_others);
    Findings { problems, warnings }
}
