//! The error that Lambda gets.

use std::fmt;

use lambda_runtime::Diagnostic;

use crate::failure::Failure;

/// Why an event was not handled. Lambda then retries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unhandled {
    /// CloudFormation did not get a response.
    ResponseNotDelivered(Failure),
    /// The drift guard could not check every document.
    DriftNotChecked(Failure),
}

impl Unhandled {
    fn error_type(&self) -> &'static str {
        match self {
            Self::ResponseNotDelivered(_) => "ResponseNotDelivered",
            Self::DriftNotChecked(_) => "DriftNotChecked",
        }
    }
}

impl fmt::Display for Unhandled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ResponseNotDelivered(failure) | Self::DriftNotChecked(failure) => failure.fmt(f),
        }
    }
}

/// The runtime logs the diagnostic, so this crate doesn't.
impl From<Unhandled> for Diagnostic {
    fn from(unhandled: Unhandled) -> Self {
        Self { error_type: unhandled.error_type().to_owned(), error_message: unhandled.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_learns_what_was_not_done() {
        for (unhandled, error_type) in [
            (Unhandled::ResponseNotDelivered(Failure::new("why")), "ResponseNotDelivered"),
            (Unhandled::DriftNotChecked(Failure::new("why")), "DriftNotChecked"),
        ] {
            let told = Diagnostic::from(unhandled);
            assert_eq!((told.error_type.as_str(), told.error_message.as_str()), (error_type, "why"));
        }
    }
}
