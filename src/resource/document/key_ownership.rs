//! Which resource manages which key of a shared document, recorded in the document's tags: one tag for each key.

use std::collections::BTreeMap;
use std::fmt;

use ring::digest;

use super::content::KeyPath;
use super::ownership::{KEY_PREFIX, Owner, TOLERANCE, Tags};

/// AWS's limits for the key and the value of a tag, in characters.
const MAX_TAG_KEY: usize = 128;
const MAX_TAG_VALUE: usize = 256;

/// The ownership of a key, as its tag records it: `<version before> <since> <digest of the logical id> <stack id>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyOwnership {
    pub(crate) before: Before,
    /// When CloudFormation signed the owner's last request that wrote, in seconds since 1970.
    pub(crate) since: Option<i64>,
    pub(crate) owner: KeyOwner,
}

/// What existed when a resource first set the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Before {
    /// No document.
    NoDocument,
    /// A document with this default version.
    Version(String),
}

/// The owner of a key: a resource of a stack, as the tag identifies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyOwner {
    /// The first 8 hex digits of the logical id's SHA-256. The logical id itself could be too long for the tag.
    logical_id_digest: String,
    pub(crate) stack_id: String,
}

/// The keys that have an owner.
pub(crate) type KeyOwnerships = BTreeMap<KeyPath, KeyOwnership>;

impl KeyOwner {
    /// The stack's name, for a message.
    pub(crate) fn stack_name(&self) -> &str {
        self.stack_id.split('/').nth(1).unwrap_or(&self.stack_id)
    }
}

impl From<&Owner> for KeyOwner {
    fn from(owner: &Owner) -> Self {
        let digest = digest::digest(&digest::SHA256, owner.logical_id.as_bytes());
        let logical_id_digest = digest.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Self { logical_id_digest, stack_id: owner.stack_id.clone() }
    }
}

impl KeyOwnership {
    /// Reads the value of a tag; `None` if the value does not have the form that [`KeyOwnership`] describes.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let mut parts = value.splitn(4, ' ');
        let (before, since, digest, stack_id) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let before = if before == "-" { Before::NoDocument } else { Before::Version(before.to_owned()) };
        let owner = KeyOwner { logical_id_digest: digest.to_owned(), stack_id: stack_id.to_owned() };
        Some(Self { before, since: since.parse().ok(), owner })
    }

    /// Whether the owner's last request that wrote was signed more than [`TOLERANCE`] seconds after `signature`.
    pub(crate) fn is_later_than(&self, signature: Option<i64>) -> bool {
        self.since.zip(signature).is_some_and(|(since, signature)| since > signature + TOLERANCE)
    }

    /// The tag of this key.
    pub(crate) fn tag(&self, key: &KeyPath) -> (String, String) {
        (tag_key(key), self.to_string())
    }

    /// Whether AWS accepts the tag of this key.
    pub(crate) fn fits(&self, key: &KeyPath) -> bool {
        is_taggable(key) && self.to_string().chars().count() <= MAX_TAG_VALUE
    }
}

impl fmt::Display for KeyOwnership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = match &self.before {
            Before::NoDocument => "-",
            Before::Version(version) => version,
        };
        let since = self.since.map_or_else(|| "-".to_owned(), |since| since.to_string());
        write!(f, "{before} {since} {} {}", self.owner.logical_id_digest, self.owner.stack_id)
    }
}

/// The key of the tag for this key of the content.
pub(crate) fn tag_key(key: &KeyPath) -> String {
    format!("{KEY_PREFIX}{key}")
}

/// Whether the path can be part of the key of [a
/// tag](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_Tag.html).
pub(crate) fn is_taggable(key: &KeyPath) -> bool {
    let is_allowed = |character: char| character.is_alphanumeric() || "_.:/=+-@".contains(character);
    key.as_str().chars().all(is_allowed) && tag_key(key).chars().count() <= MAX_TAG_KEY
}

/// The keys that have an owner, according to a document's tags. A tag that can't be read counts as absent.
pub(crate) fn key_ownerships(tags: &Tags) -> KeyOwnerships {
    let of_keys = tags.iter().filter_map(|(tag, value)| Some((tag.strip_prefix(KEY_PREFIX)?, value)));
    of_keys.filter_map(|(path, value)| Some((KeyPath::parse(path)?, KeyOwnership::parse(value)?))).collect()
}

/// The tags of the keys that `owner` has.
pub(crate) fn tags_of(tags: &Tags, owner: &Owner) -> Vec<String> {
    let owner = KeyOwner::from(owner);
    let own = key_ownerships(tags).into_iter().filter(|(_, ownership)| ownership.owner == owner);
    own.map(|(key, _)| tag_key(&key)).collect()
}

/// When CloudFormation signed the last request of `owner` that wrote to one of its keys, in seconds since 1970.
pub(crate) fn last_since(tags: &Tags, owner: &Owner) -> Option<i64> {
    let owner = KeyOwner::from(owner);
    key_ownerships(tags).into_values().filter(|key| key.owner == owner).filter_map(|key| key.since).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(stack_name: &str) -> Owner {
        let stack_id = format!(
            "arn:aws-us-gov:cloudformation:us-gov-west-1:111122223333:stack/{stack_name}/51af3dc0-da77-11e4-872e-1234567db123"
        );
        Owner { stack_id, logical_id: "SessionPreferences".into() }
    }

    fn key(path: &str) -> KeyPath {
        KeyPath::parse(path).unwrap()
    }

    #[test]
    fn the_tag_of_a_key_is_read_back() {
        for (before, since, begins) in [
            (Before::Version("12".into()), Some(1_700_000_000), "12 1700000000 3ab273b5 arn:"),
            (Before::NoDocument, None, "- - 3ab273b5 arn:"),
        ] {
            let ownership = KeyOwnership { before, since, owner: KeyOwner::from(&owner("prod")) };
            let (tag, value) = ownership.tag(&key("inputs.kmsKeyId"));
            assert_eq!(tag, "cfn-ssm-document:key:inputs.kmsKeyId");
            assert!(value.starts_with(begins), "{value}");
            let tags = Tags::from([(tag, value), ("team".into(), "blue".into())]);
            assert_eq!(key_ownerships(&tags), [(key("inputs.kmsKeyId"), ownership)].into());
        }
    }

    #[test]
    fn the_tag_has_room_for_the_longest_stack_and_version() {
        let (before, owner) = (Before::Version("1000".into()), KeyOwner::from(&owner(&"x".repeat(128))));
        let ownership = KeyOwnership { before, since: Some(1_700_000_000), owner };
        assert!(ownership.fits(&key("inputs.cloudWatchEncryptionEnabled")), "{}", ownership.to_string().len());
        let longer = KeyOwner { stack_id: "x".repeat(240), ..ownership.owner.clone() };
        assert!(!KeyOwnership { owner: longer, ..ownership.clone() }.fits(&key("inputs.kmsKeyId")));
        assert!(!is_taggable(&key("inputs.a,b")) && !is_taggable(&key(&format!("inputs.{}", "x".repeat(101)))));
    }

    #[test]
    fn a_tag_that_cannot_be_read_gives_a_key_no_owner() {
        let tags = Tags::from([
            ("cfn-ssm-document:key:inputs.a".to_owned(), "by hand".to_owned()),
            ("cfn-ssm-document:key:".to_owned(), "1 2 3 4".to_owned()),
        ]);
        assert_eq!(key_ownerships(&tags), KeyOwnerships::new());
    }

    #[test]
    fn resources_of_one_stack_are_different_owners() {
        let other = Owner { logical_id: "Other".into(), ..owner("prod") };
        assert_ne!(KeyOwner::from(&owner("prod")), KeyOwner::from(&other));
        assert_eq!(KeyOwner::from(&other).stack_name(), "prod");
    }
}
