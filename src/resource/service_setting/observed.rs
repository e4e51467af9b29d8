//! A setting as AWS returns it.

/// A setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) value: String,
    /// Whether it has AWS's default value because nobody has set it.
    pub(crate) is_default: bool,
    /// When it was last modified, in seconds since 1970.
    pub(crate) modified_at: Option<i64>,
    /// Whether this function modified it last.
    pub(crate) is_ours: bool,
    pub(crate) arn: String,
    /// The status: `Customized`, `Default` or `PendingUpdate`.
    pub(crate) status: String,
}
