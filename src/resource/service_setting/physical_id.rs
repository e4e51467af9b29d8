//! The physical id of a setting. It also contains the value that the setting had before this resource managed it, so that no
//! other store is needed.

use std::fmt;

use crate::cfn::physical_id::FailedCreate;

/// A setting and the value that it had before this resource managed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhysicalId {
    /// The setting's id.
    pub setting: String,
    /// The value that the setting had before this resource managed it.
    pub previous: Previous,
}

/// The value that the setting had before this resource managed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Previous {
    /// AWS's default.
    Default,
    /// This value.
    Value(String),
    /// It is unknown, or too long for a physical id.
    Unknown,
}

impl PhysicalId {
    /// Whether CloudFormation accepts the physical id, even as part of the id of a failed Create that can't be undone.
    pub fn fits(&self) -> bool {
        FailedCreate::fits(&self.to_string())
    }

    /// Parses a physical id. Returns `None` for the ids of failed Creates and for those that CloudFormation generated.
    pub fn parse(text: &str) -> Option<Self> {
        let (setting, previous) = text.split_once('?')?;
        let previous = match previous.split_once('=') {
            None if previous == "default" => Previous::Default,
            None if previous == "unknown" => Previous::Unknown,
            Some(("previous", value)) => Previous::Value(value.to_owned()),
            _ => return None,
        };
        setting.starts_with('/').then(|| Self { setting: setting.to_owned(), previous })
    }
}

impl fmt::Display for PhysicalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, previous } = self;
        match previous {
            Previous::Default => write!(f, "{setting}?default"),
            Previous::Value(value) => write!(f, "{setting}?previous={value}"),
            Previous::Unknown => write!(f, "{setting}?unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_parses_to_what_it_was_formatted_from() {
        for previous in [
            Previous::Default,
            Previous::Unknown,
            Previous::Value("a=b?c".into()),
            Previous::Value(String::new()),
            Previous::Value("default".into()),
        ] {
            let id = PhysicalId { setting: "/ssm/a".into(), previous };
            assert_eq!(PhysicalId::parse(&id.to_string()), Some(id));
        }
    }

    #[test]
    fn ids_of_another_form_are_not_parsed() {
        for text in [
            "",
            "cfn-ssm-document:not-created",
            "stack-Resource-1ABC",
            "/ssm/a",
            "/ssm/a?new=1",
            "/ssm/a?new",
            "a?default",
        ] {
            assert_eq!(PhysicalId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_id_fits_if_the_id_of_an_unfinished_create_that_contains_it_has_at_most_1024_bytes() {
        let id = |bytes: usize| PhysicalId { setting: "/s".into(), previous: Previous::Value("x".repeat(bytes)) };
        let room = 1024 - "cfn-ssm-document:unfinished:123456789012:/s?previous=".len();
        assert!(id(room).fits() && !id(room + 1).fits());
    }
}
