//! AWS's error codes.

use std::fmt;

macro_rules! error_codes {
    ($($variant:ident = $code:literal,)+) => {
        /// The code of an error that AWS returned.
        ///
        /// See the errors of each [action](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_Operations.html)
        /// and the [common errors](https://docs.aws.amazon.com/systems-manager/latest/APIReference/CommonErrors.html).
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) enum ErrorCode {
            $($variant,)+
            /// A code that needs no special handling.
            Other(String),
        }

        impl ErrorCode {
            /// Parses a code with or without its namespace, such as `com.amazonaws.ssm#InvalidDocument`.
            pub(super) fn parse(text: &str) -> Self {
                let name = text.split('#').next_back().unwrap_or(text);
                let name = name.split(':').next().unwrap_or(name);
                match name {
                    $($code => Self::$variant,)+
                    other => Self::Other(other.to_owned()),
                }
            }

            pub(super) fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $code,)+
                    Self::Other(code) => code,
                }
            }
        }
    };
}

error_codes! {
    AccessDenied = "AccessDeniedException",
    AssociatedInstances = "AssociatedInstances",
    DocumentAlreadyExists = "DocumentAlreadyExists",
    DocumentLimitExceeded = "DocumentLimitExceeded",
    DocumentPermissionLimit = "DocumentPermissionLimit",
    DocumentVersionLimitExceeded = "DocumentVersionLimitExceeded",
    DuplicateDocumentContent = "DuplicateDocumentContent",
    DuplicateDocumentVersionName = "DuplicateDocumentVersionName",
    ExpiredToken = "ExpiredTokenException",
    IncompleteSignature = "IncompleteSignatureException",
    InternalServerError = "InternalServerError",
    InvalidDocument = "InvalidDocument",
    InvalidDocumentContent = "InvalidDocumentContent",
    InvalidDocumentOperation = "InvalidDocumentOperation",
    InvalidDocumentSchemaVersion = "InvalidDocumentSchemaVersion",
    InvalidDocumentType = "InvalidDocumentType",
    InvalidDocumentVersion = "InvalidDocumentVersion",
    InvalidPermissionType = "InvalidPermissionType",
    InvalidResourceId = "InvalidResourceId",
    InvalidResourceType = "InvalidResourceType",
    InvalidSignature = "InvalidSignatureException",
    MaxDocumentSizeExceeded = "MaxDocumentSizeExceeded",
    NoLongerSupported = "NoLongerSupported",
    NoLongerSupportedException = "NoLongerSupportedException",
    RequestLimitExceeded = "RequestLimitExceeded",
    ServiceSettingNotFound = "ServiceSettingNotFound",
    Throttling = "Throttling",
    ThrottlingException = "ThrottlingException",
    TooManyRequests = "TooManyRequestsException",
    TooManyTags = "TooManyTagsError",
    TooManyUpdates = "TooManyUpdates",
    UnrecognizedClient = "UnrecognizedClientException",
    Validation = "ValidationException",
}

impl ErrorCode {
    pub(super) fn is_throttling(&self) -> bool {
        use ErrorCode::{RequestLimitExceeded, Throttling, ThrottlingException, TooManyRequests};
        matches!(self, RequestLimitExceeded | Throttling | ThrottlingException | TooManyRequests)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
