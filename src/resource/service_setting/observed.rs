//! A setting as AWS returns it.

/// A setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) value: String,
    /// Whether it has AWS's default, because nobody has set it.
    pub(crate) is_default: bool,
    /// In seconds since 1970.
    pub(crate) modified_at: Option<i64>,
    /// Whether this function modified it last.
    pub(crate) is_ours: bool,
    pub(crate) arn: String,
    /// `Customized`, `Default` or `PendingUpdate`.
    pub(crate) status: String,
}
