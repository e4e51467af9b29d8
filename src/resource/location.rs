//! Where the function runs: its partition, Region and account.

/// A partition, a Region and an account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Location {
    pub partition: String,
    pub region: String,
    pub account: String,
}

impl Location {
    /// Reads the location in an ARN. Returns `None` if `arn` is not an ARN: some local tools send other text.
    pub fn from_arn(arn: &str) -> Option<Self> {
        let mut parts = arn.split(':').skip(1).map(str::to_owned);
        let (partition, _, region, account) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        (arn.starts_with("arn:") && is_account).then_some(Self { partition, region, account })
    }

    /// Whether an ARN is in this location.
    pub fn has(&self, arn: &str) -> bool {
        Self::from_arn(arn).as_ref() == Some(self)
    }

    /// The ARN of a Systems Manager resource in this location.
    pub fn arn(&self, resource: &str) -> String {
        format!("arn:{}:ssm:{}:{}:{resource}", self.partition, self.region, self.account)
    }
}
