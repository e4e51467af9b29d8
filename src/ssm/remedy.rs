//! The remedy for each of AWS's errors.

use super::code::ErrorCode;

pub(super) const CHECK_ENDPOINT: &str =
    "Check that the function can reach the endpoint (in a VPC, it needs an endpoint for ssm), then try again.";

/// What the person who deploys a stack can do about an error. This is the only table of AWS's errors.
pub(super) fn remedy(code: &ErrorCode, operation: &str, message: &str) -> String {
    use ErrorCode as Code;
    let text = match code {
        Code::AccessDenied => {
            let action = denied_action(message).map_or_else(|| format!("ssm:{operation}"), str::to_owned);
            return format!(
                "The function's execution role must allow {action} on the resource. A service control policy or a \
                 permissions boundary may also deny the action."
            );
        }
        Code::AssociatedInstances => "Delete the State Manager associations of the document first.",
        Code::DocumentAlreadyExists => "Another document with this name was created at the same time. Try again.",
        Code::DocumentLimitExceeded => {
            "The account has reached its limit of 500 documents in this Region. Delete some, or request a higher quota."
        }
        Code::DocumentPermissionLimit => {
            "A document can be shared with at most 1,000 accounts. Remove some from AccountIds."
        }
        Code::DocumentVersionLimitExceeded => {
            "The document has reached its limit of versions. Delete old ones (aws ssm delete-document --name NAME \
             --document-version N), then try again."
        }
        Code::DuplicateDocumentContent => "Another version already has this content.",
        Code::DuplicateDocumentVersionName => {
            "A version name can't be reused, not even for the same content. Choose another VersionName."
        }
        Code::InternalServerError => "Systems Manager repeatedly returned an internal error. Try again.",
        Code::InvalidDocument => "The document does not exist, or this account can't access it.",
        Code::InvalidDocumentContent => {
            "Correct the content. AWS's message is given without the parts of the content that it \
            quoted."
        }
        Code::InvalidDocumentOperation => {
            "The document can't be changed now. It may still be shared, be in use, or be changing. Check it, then try again."
        }
        Code::InvalidDocumentSchemaVersion => {
            "The content's schemaVersion doesn't match DocumentType. Correct one of them."
        }
        Code::InvalidDocumentType => "Correct DocumentType.",
        Code::InvalidDocumentVersion => {
            "The version does not exist or is not Active. If it was deleted while this request ran, try again."
        }
        Code::InvalidPermissionType | Code::InvalidResourceType | Code::InvalidResourceId => {
            "Try again. If the error persists, report it."
        }
        Code::MaxDocumentSizeExceeded => "A document can be at most 64 KB in size. Shorten its content.",
        Code::NoLongerSupported | Code::NoLongerSupportedException => {
            "AWS no longer accepts documents of this kind. Choose another DocumentType."
        }
        Code::ServiceSettingNotFound => "This Region has no setting with this id. Correct SettingId.",
        Code::TooManyTags => "A document can have at most 50 tags. Remove some from Tags or from the document.",
        Code::TooManyUpdates => "The document is being changed by another request. Try again.",
        Code::RequestLimitExceeded | Code::Throttling | Code::ThrottlingException | Code::TooManyRequests => {
            "Systems Manager throttled the account, and retries didn't help. Try again with fewer stacks at a time."
        }
        Code::ExpiredToken | Code::IncompleteSignature | Code::InvalidSignature | Code::UnrecognizedClient => {
            "AWS rejected the function's credentials. Try again. If the error persists, redeploy the function."
        }
        Code::Validation => "Correct the property that AWS's message names.",
        Code::Other(_) => "Correct what AWS's message names, or try again.",
    };
    text.to_owned()
}

/// The action that IAM's message names. It isn't always the operation: CreateDocument may need `ssm:AddTagsToResource`.
fn denied_action(message: &str) -> Option<&str> {
    let action = message.split_once("not authorized to perform: ")?.1.split_whitespace().next()?;
    action.contains(':').then(|| action.trim_end_matches(['.', ',']))
}
