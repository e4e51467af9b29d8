//! Decides how a key that a resource releases gets its earlier value back.

use super::key_plan::Earlier;
use super::merged::{skeleton, value_in};
use crate::failure::{Failure, Problem};
use crate::resource::document::content::{Content, Edit, KeyPath, Node, value_at};
use crate::resource::document::key_ownership::Before;

/// The edit that gives a key the value that it has in `before`, or removes it if it has none there.
pub(super) fn edit_back(key: &KeyPath, before: &Content) -> Edit {
    let names: Vec<&str> = key.names().collect();
    let stays = |level: &usize| {
        let node = before.node.as_ref().and_then(|node| node.at(names.iter().copied().take(*level)));
        // These mappings stay when the edit empties them: the outermost one if `before` has it, and an inner one if it is empty in
        // `before`. Any other mapping that the edit empties is removed.
        if *level == 1 { node.is_some() } else { matches!(node, Some(Node::Map(map)) if map.is_empty()) }
    };
    let kept_levels = (1..names.len()).filter(stays).max().unwrap_or_default();
    Edit { path: key.clone(), value: value_at(&before.text, key), kept_levels }
}

/// Decides how to restore a key's earlier value. Returns the edit, if one is needed, or why the value stays. `declared` is the
/// value that the resource declared; any other value is left alone.
///
/// # Errors
/// The skeleton can't be read, which is a bug.
pub(super) fn put_back(
    key: &KeyPath,
    declared: Option<&Node>,
    before: &Before,
    base: &Content,
    earlier: &Earlier,
) -> Result<Result<Option<Edit>, Problem>, Failure> {
    let skeleton = skeleton()?;
    let before = match before {
        Before::NoDocument => &skeleton,
        Before::Version(version) => match earlier.get(version).and_then(Option::as_ref) {
            Some(content) => content,
            None => {
                let why = format!(
                    "keeps its value, because version {version}, which had the earlier value, no longer exists or can't be \
                     read."
                );
                return Ok(Err(Problem::new(key.as_str(), why)));
            }
        },
    };
    let now = value_in(base, key);
    if now == value_in(before, key) {
        return Ok(Ok(None));
    }
    if now.is_none() || now != declared {
        return Ok(Err(Problem::new(
            key.as_str(),
            "is left as it is, because it no longer has the value that this resource declared.",
        )));
    }
    Ok(Ok(Some(edit_back(key, before))))
}

/// The version that the decision on a key needs.
pub(super) fn needed_version(before: &Before) -> Option<String> {
    match before {
        Before::NoDocument => None,
        Before::Version(version) => Some(version.clone()),
    }
}
