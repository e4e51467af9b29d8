//! What can happen in a history.

use loopback_aws::ssm::{Document, Model, Version};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::preferences;

pub const NAMES: [&str; 2] = ["Preferences-One", "Preferences-Two"];
pub const STACKS: [&str; 2] = ["a", "b"];

/// What a stack wants of its document.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub name: usize,
    pub idle: u8,
    pub yaml: bool,
    pub set_default: bool,
    pub on_existing: &'static str,
    pub on_delete: &'static str,
    pub version_name: bool,
    pub tag: Option<u8>,
    pub shared: bool,
}

/// What happens to a request on its way.
#[derive(Debug, Clone)]
pub enum Disturbance {
    Quiet,
    /// Its n-th call fails in this way.
    Fault(u64, u8),
    /// The process dies at its n-th call, before or after that is carried out; Lambda delivers the request again, or does not.
    Killed {
        at: u64,
        after: bool,
        again: bool,
    },
    /// It is delivered again after its success.
    Twice,
}

#[derive(Debug, Clone)]
pub enum Step {
    Deploy { stack: usize, wanted: Wanted, disturbance: Disturbance },
    Remove { stack: usize, disturbance: Disturbance },
    Hand { name: usize, edit: Edit, pick: u8 },
}

/// What somebody does to a document by hand.
#[derive(Debug, Clone)]
pub enum Edit {
    Put,
    Delete,
    AddVersion,
    AddFailedVersion,
    AddDefault,
    MoveDefault,
    DeleteVersion,
    RemoveOurTags,
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let choices = (
        prop_oneof![3 => Just("Adopt"), 2 => Just("TakeOver"), 1 => Just("Fail")],
        prop_oneof![Just("Retain"), Just("Restore")],
    );
    let more = (proptest::bool::weighted(0.15), proptest::option::of(0..3u8), any::<bool>());
    (prop_oneof![4 => Just(0), 1 => Just(1)], 1..5u8, any::<bool>(), proptest::bool::weighted(0.8), choices, more)
        .prop_map(|(name, idle, yaml, set_default, (on_existing, on_delete), (version_name, tag, shared))| Wanted {
            name,
            idle,
            yaml,
            set_default,
            on_existing,
            on_delete,
            version_name,
            tag,
            shared,
        })
}

fn disturbance() -> impl Strategy<Value = Disturbance> {
    prop_oneof![
        5 => Just(Disturbance::Quiet),
        3 => (1..10u64, 0..4u8).prop_map(|(at, kind)| Disturbance::Fault(at, kind)),
        3 => (1..10u64, any::<bool>(), proptest::bool::weighted(0.8))
            .prop_map(|(at, after, again)| Disturbance::Killed { at, after, again }),
        2 => Just(Disturbance::Twice),
    ]
}

pub fn step() -> impl Strategy<Value = Step> {
    let edit = proptest::sample::select(vec![
        Edit::Put,
        Edit::Delete,
        Edit::AddVersion,
        Edit::AddFailedVersion,
        Edit::AddDefault,
        Edit::MoveDefault,
        Edit::DeleteVersion,
        Edit::RemoveOurTags,
    ]);
    prop_oneof![
        5 => (0..2usize, wanted(), disturbance()).prop_map(|(stack, wanted, disturbance)| Step::Deploy { stack, wanted, disturbance }),
        1 => (0..2usize, disturbance()).prop_map(|(stack, disturbance)| Step::Remove { stack, disturbance }),
        3 => (prop_oneof![4 => Just(0), 1 => Just(1)], edit, 1..5u8)
            .prop_map(|(name, edit, pick)| Step::Hand { name, edit, pick }),
    ]
}

impl Wanted {
    pub fn properties(&self) -> Value {
        let content = match self.yaml {
            true => format!("# {}\n{}", self.idle, preferences(&self.idle.to_string())),
            false => preferences(&self.idle.to_string()),
        };
        let mut properties = json!({
            "DocumentName": NAMES[self.name], "DocumentContent": content,
            "SetDefaultVersion": self.set_default.to_string(), "OnExisting": self.on_existing, "OnDelete": self.on_delete,
        });
        if self.version_name {
            properties["VersionName"] = json!(format!("v{}", self.idle));
        }
        if let Some(tag) = self.tag {
            properties["Tags"] = json!({ "tag": tag.to_string() });
        }
        if self.shared {
            properties["AccountIds"] = json!(["444455556666"]);
        }
        properties
    }
}

impl Edit {
    /// Makes the edit. Returns whether the document has no owner afterwards.
    pub fn make(&self, model: &mut Model, name: &str, pick: u8) -> bool {
        let json = |idle: u8| Version::json(preferences(&idle.to_string()));
        let Some(document) = model.document_mut(name) else {
            if matches!(self, Self::Put) {
                model.put_document(Document::session(name, preferences(&pick.to_string())).tag("tag", "theirs"));
            }
            return true;
        };
        let numbers: Vec<u64> = document.versions().iter().map(|version| version.number).collect();
        let picked = numbers[usize::from(pick) % numbers.len()];
        match self {
            Self::Put => {}
            Self::Delete => drop(model.remove_document(name)),
            Self::AddVersion => _ = document.push(json(pick)),
            Self::AddFailedVersion => _ = document.push(json(pick).failed("by hand")),
            Self::AddDefault => document.default_version = document.push(json(pick)),
            Self::MoveDefault => document.default_version = picked,
            Self::DeleteVersion => {
                let input = json!({"Name": name, "DocumentVersion": picked.to_string()});
                model.call("DeleteDocument", &input).ok();
            }
            Self::RemoveOurTags => document.tags.retain(|key, _| !key.starts_with("cfn-ssm-document:")),
        }
        matches!(self, Self::Delete | Self::RemoveOurTags)
    }
}
