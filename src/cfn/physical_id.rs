//! The physical ids of Creates that failed.

use std::fmt;

/// The longest physical id that CloudFormation accepts, in bytes. See [response
/// objects](https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html).
pub(crate) const MAX_BYTES: usize = 1024;

/// The physical id with which older releases responded to a Create that left nothing behind. Now, the Create's signature is
/// appended to it. The response to a request other than a Create has this id, too, if the request has no physical id.
pub(crate) const NOT_CREATED: &str = "cfn-ssm-document:not-created";

// Neither a document's name nor a setting's id matches this: a name can't contain a colon, and an id begins with a slash.
const UNFINISHED: &str = "cfn-ssm-document:unfinished:";

/// The physical id of a Create that failed. The Delete that follows carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FailedCreate {
    /// The delivery that responded left nothing behind. The Delete of a document undoes what another delivery has written since.
    NotCreated {
        /// When CloudFormation signed the Create, in seconds since 1970; `None` in the ids of older releases.
        signature: Option<i64>,
    },
    /// Something may remain, or may still take effect. The Delete undoes the Create, whatever `OnDelete` says.
    Unfinished {
        /// When CloudFormation signed the Create, in seconds since 1970.
        signature: i64,
        /// The id that the Create would have responded with if it had succeeded.
        id: String,
    },
}

impl FailedCreate {
    /// Parses an id. Returns `None` for the id of a Create that succeeded, and for one that isn't ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix(NOT_CREATED).map(|rest| rest.strip_prefix(':').ok_or(rest)) {
            Some(Err("")) => return Some(Self::NotCreated { signature: None }),
            Some(Ok(signature)) => return Some(Self::NotCreated { signature: Some(signature.parse().ok()?) }),
            Some(Err(_)) | None => {}
        }
        let (signature, id) = text.strip_prefix(UNFINISHED)?.split_once(':')?;
        Some(Self::Unfinished { signature: signature.parse().ok()?, id: id.to_owned() })
    }

    /// Whether the physical id of an unfinished Create fits into [`MAX_BYTES`] if it contains `id`.
    pub(crate) fn fits(id: &str) -> bool {
        // A signature is in seconds since 1970: at most 12 digits until the year 9999.
        UNFINISHED.len() + "123456789012:".len() + id.len() <= MAX_BYTES
    }
}

impl fmt::Display for FailedCreate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCreated { signature: None } => f.write_str(NOT_CREATED),
            Self::NotCreated { signature: Some(signature) } => write!(f, "{NOT_CREATED}:{signature}"),
            Self::Unfinished { signature, id } => write!(f, "{UNFINISHED}{signature}:{id}"),
        }
    }
}

/// Whether CloudFormation generated `id` for a resource whose Create it cancelled: `STACK-LOGICALID-RANDOM`.
pub(crate) fn is_generated(id: &str, stack_id: &str, logical_resource_id: &str) -> bool {
    let stack = stack_id.split('/').nth(1).unwrap_or(stack_id);
    let random = id
        .strip_prefix(stack)
        .and_then(|rest| rest.strip_prefix('-'))
        .and_then(|rest| rest.strip_prefix(logical_resource_id))
        .and_then(|rest| rest.strip_prefix('-'));
    random.is_some_and(|random| !random.is_empty() && random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_parsed_as_it_was_printed() {
        let unfinished = |id: &str| FailedCreate::Unfinished { signature: 1_767_225_600, id: id.into() };
        for (id, text) in [
            (FailedCreate::NotCreated { signature: None }, "cfn-ssm-document:not-created"),
            (FailedCreate::NotCreated { signature: Some(1_767_225_600) }, "cfn-ssm-document:not-created:1767225600"),
            (unfinished("a-document"), "cfn-ssm-document:unfinished:1767225600:a-document"),
            (unfinished("/ssm/a?previous=b:c"), "cfn-ssm-document:unfinished:1767225600:/ssm/a?previous=b:c"),
        ] {
            assert_eq!((id.to_string().as_str(), FailedCreate::parse(text)), (text, Some(id)));
        }
    }

    #[test]
    fn other_ids_are_not_of_a_failed_create() {
        for text in [
            "",
            "a-document",
            "/ssm/a?default",
            "stack-Preferences-1ABC",
            "cfn-ssm-document:unfinished:",
            "cfn-ssm-document:unfinished:soon:a-document",
            "cfn-ssm-document:not-created:a-document",
            "cfn-ssm-document:not-created7",
        ] {
            assert_eq!(FailedCreate::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_id_fits_if_an_unfinished_create_can_respond_with_it() {
        let longest = "x".repeat(MAX_BYTES - "cfn-ssm-document:unfinished:123456789012:".len());
        assert!(FailedCreate::fits(&longest) && !FailedCreate::fits(&format!("{longest}x")));
        let unfinished = FailedCreate::Unfinished { signature: 999_999_999_999, id: longest };
        assert_eq!(unfinished.to_string().len(), MAX_BYTES);
    }

    #[test]
    fn an_id_that_cloudformation_generated_names_the_stack_and_the_resource() {
        let stack = "arn:aws:cloudformation:eu-central-1:111122223333:stack/prod/51af3dc0-da77-11e4-872e-1234567db123";
        for (id, expected) in [
            ("prod-Preferences-1ABC2DEF3GHI4", true),
            ("prod-Preferences-", false),
            ("prod-Preferences", false),
            ("prod-Preferences-a-document", false),
            ("prod-Other-1ABC2DEF3GHI4", false),
            ("test-Preferences-1ABC2DEF3GHI4", false),
            ("Preferences", false),
            ("", false),
        ] {
            assert_eq!(is_generated(id, stack, "Preferences"), expected, "{id}");
        }
    }
}
