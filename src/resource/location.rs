//! Where the function runs: its partition, Region and account.

use crate::failure::{Failure, quoted};

/// A partition, a Region and an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub(crate) partition: String,
    pub(crate) region: String,
    pub(crate) account: String,
}

impl Location {
    /// Reads the location in an ARN. Returns `None` if `arn` is not an ARN with a 12-digit account: some local
    /// tools send other text.
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

    /// Accepts requests from stacks in this location's account and Region. A stack elsewhere can use the `ServiceToken` too,
    /// but the function would change this account and Region.
    ///
    /// # Errors
    /// The stack is elsewhere, or `stack_id` is not an ARN.
    pub(crate) fn accept(&self, stack_id: &str) -> Result<(), Failure> {
        let Some(stack) = Self::from_arn(stack_id) else {
            return Err(Failure::new(format!("StackId: {} is not a stack's ARN.", quoted(stack_id))));
        };
        if (&stack.account, &stack.region) == (&self.account, &self.region) {
            return Ok(());
        }
        Err(Failure::new(format!(
            "ServiceToken: the function is in account {} and Region {}, but the stack is in account {} and Region {}. \
             The function manages only its own account and Region. Deploy the provider in the stack's account and Region, \
             and use its ServiceToken.",
            self.account, self.region, stack.account, stack.region
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_of_another_account_or_region_is_refused() {
        let location = Location::from_arn("arn:aws:lambda:us-east-1:111122223333:function:provider").unwrap();
        let stack = |region: &str, account: &str| format!("arn:aws:cloudformation:{region}:{account}:stack/name/id");
        assert_eq!(location.accept(&stack("us-east-1", "111122223333")), Ok(()));
        for other in [stack("us-east-1", "444455556666"), stack("eu-west-1", "111122223333"), "a-stack".into()] {
            assert!(location.accept(&other).is_err(), "{other}");
        }
        assert_eq!(Location::from_arn("a-function"), None);
        assert_eq!(location.arn("document/a"), "arn:aws:ssm:us-east-1:111122223333:document/a");
    }
}
