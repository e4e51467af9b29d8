//! The resources: which there are, and the one dispatch to them.

pub mod backoff;
pub mod document;
pub mod service_setting;

use aws_sdk_ssm::Client;
use serde_json::{Map, Value};

use crate::cfn::request::{Request, RequestType};
use crate::failure::{Failure, did_you_mean, quoted};
use crate::invocation::undo_log::UndoLog;

/// How to take back what a request did.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub enum Undo {
    Document(document::undo::Undo),
    ServiceSetting(service_setting::Undo),
}

/// A request that was carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// What `Ref` gives.
    pub physical_resource_id: String,
    /// What `Fn::GetAtt` gives.
    pub data: Map<String, Value>,
}

/// Where the function runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Home {
    pub partition: String,
    pub region: String,
    pub account: String,
}

impl Home {
    /// From an ARN of something there; `None` where it is not one, as some local tools have it.
    pub fn of(arn: &str) -> Option<Self> {
        let mut parts = arn.split(':').skip(1).map(str::to_owned);
        let (partition, _, region, account) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        (arn.starts_with("arn:") && is_account).then_some(Self { partition, region, account })
    }

    /// The ARN of something of Systems Manager there.
    pub fn arn(&self, resource: &str) -> String {
        format!("arn:{}:ssm:{}:{}:{resource}", self.partition, self.region, self.account)
    }
}

const DOCUMENT: &str = "Custom::SsmDocument";
const SERVICE_SETTING: &str = "Custom::SsmServiceSetting";

/// Carries out a request. `function` is the name of the function that it was sent to.
///
/// # Errors
/// What was refused or failed; `undo_log` then has what a failure must undo.
pub async fn carry_out(
    client: &Client,
    home: Option<&Home>,
    function: &str,
    request: &Request,
    undo_log: &UndoLog<Undo>,
) -> Result<Done, Failure> {
    let is_delete = request.request_type == RequestType::Delete;
    if let Some(home) = home
        && let Err(refused) = same_place(home, &request.stack_id)
    {
        if is_delete {
            tracing::info!("the stack is of another account or Region: there is nothing of it here");
            return Ok(deleted(request));
        }
        return Err(refused);
    }
    match (request.resource_type.as_str(), is_delete) {
        (DOCUMENT, false) => document::reconcile(client, home, request, undo_log).await,
        (DOCUMENT, true) => document::release(client, request, undo_log).await.map(|()| deleted(request)),
        (SERVICE_SETTING, false) => service_setting::reconcile(client, home, function, request, undo_log).await,
        (SERVICE_SETTING, true) => {
            service_setting::release(client, function, request, undo_log).await.map(|()| deleted(request))
        }
        (_, true) => Ok(deleted(request)),
        (other, false) => {
            let nearest = did_you_mean(other, [DOCUMENT, SERVICE_SETTING]);
            let text = format!("ResourceType: {} is neither {DOCUMENT} nor {SERVICE_SETTING}.{nearest}", quoted(other));
            Err(Failure::new(text))
        }
    }
}

impl Undo {
    /// Takes it back.
    ///
    /// # Errors
    /// Something stays behind.
    pub async fn run(&self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::Document(undo) => undo.run(client).await,
            Self::ServiceSetting(undo) => undo.run(client).await,
        }
    }
}

fn deleted(request: &Request) -> Done {
    Done { physical_resource_id: request.physical_resource_id.clone().unwrap_or_default(), data: Map::new() }
}

/// A ServiceToken may be used across accounts; the work would then be done in the wrong one.
fn same_place(home: &Home, stack_id: &str) -> Result<(), Failure> {
    let Some(stack) = Home::of(stack_id) else {
        return Err(Failure::new(format!("StackId: {} is not a stack's ARN.", quoted(stack_id))));
    };
    if (&stack.account, &stack.region) == (&home.account, &home.region) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "ServiceToken: the function is in account {} and Region {}, the stack in {} and {}, and what it asks for would be done in \
         the function's. Deploy the provider in the stack's own account and Region, and use its ServiceToken.",
        home.account, home.region, stack.account, stack.region
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_of_another_account_or_region_is_refused() {
        let home = Home::of("arn:aws:lambda:us-east-1:111122223333:function:provider").unwrap();
        let stack = |region: &str, account: &str| format!("arn:aws:cloudformation:{region}:{account}:stack/name/id");
        assert_eq!(same_place(&home, &stack("us-east-1", "111122223333")), Ok(()));
        for other in [stack("us-east-1", "444455556666"), stack("eu-west-1", "111122223333"), "a-stack".into()] {
            assert!(same_place(&home, &other).is_err(), "{other}");
        }
        assert_eq!(Home::of("a-function"), None);
        assert_eq!(home.arn("document/a"), "arn:aws:ssm:us-east-1:111122223333:document/a");
    }
}
