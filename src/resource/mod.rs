//! Dispatches a request to its resource.

pub mod document;
pub mod location;
pub mod reconciled;
pub mod service_setting;
pub(crate) mod undo;

use aws_sdk_ssm::Client;
use serde_json::Map;

use self::location::Location;
use self::reconciled::Reconciled;
use self::undo::Undo;
use crate::cfn::request::{Request, RequestType};
use crate::cfn::standing::Standing;
use crate::failure::{Failure, did_you_mean, quoted};
use crate::invocation::undo_log::UndoLog;

const DOCUMENT: &str = "Custom::SsmDocument";
const SERVICE_SETTING: &str = "Custom::SsmServiceSetting";

/// Carries out a request. `function` is the name of the invoked function.
///
/// # Errors
/// The request was refused, or a call failed. `undo_log` then holds what must be undone.
pub(crate) async fn dispatch(
    client: &Client,
    location: Option<&Location>,
    function: &str,
    request: &Request,
    standing: &Standing,
    undo_log: &UndoLog<Undo>,
) -> Result<Reconciled, Failure> {
    let is_delete = request.request_type == RequestType::Delete;
    if let Some(location) = location
        && let Err(refused) = same_place(location, &request.stack_id)
    {
        if is_delete {
            tracing::info!("the stack is in another account or Region, so there is nothing to delete");
            return Ok(deleted(request));
        }
        return Err(refused);
    }
    match (request.resource_type.as_str(), is_delete) {
        (DOCUMENT, false) => document::reconcile(client, location, request, standing, undo_log).await,
        (DOCUMENT, true) => document::release(client, request, standing, undo_log).await.map(|()| deleted(request)),
        (SERVICE_SETTING, false) => {
            service_setting::reconcile(client, location, function, request, standing, undo_log).await
        }
        (SERVICE_SETTING, true) => {
            service_setting::release(client, function, request, standing, undo_log).await.map(|()| deleted(request))
        }
        (_, true) => Ok(deleted(request)),
        (other, false) => {
            let nearest = did_you_mean(other, [DOCUMENT, SERVICE_SETTING]);
            let text = format!("ResourceType: {} is neither {DOCUMENT} nor {SERVICE_SETTING}.{nearest}", quoted(other));
            Err(Failure::new(text))
        }
    }
}

/// Takes back what a request did.
///
/// # Errors
/// Something was left behind, or may still appear.
pub(crate) async fn undo(client: &Client, undo: &Undo, undo_log: &UndoLog<Undo>) -> Result<(), Failure> {
    match undo {
        Undo::Document(undo) => document::apply::undo::undo(client, undo).await,
        Undo::Keys(undo) => document::apply::merge::undo(client, undo, undo_log).await,
        Undo::ServiceSetting(undo) => undo.run(client, undo_log).await,
    }
}

fn deleted(request: &Request) -> Reconciled {
    Reconciled { physical_id: request.physical_resource_id.clone().unwrap_or_default(), data: Map::new() }
}

/// A ServiceToken can be used across accounts, but the work would be done in the function's account.
fn same_place(location: &Location, stack_id: &str) -> Result<(), Failure> {
    let Some(stack) = Location::from_arn(stack_id) else {
        return Err(Failure::new(format!("StackId: {} is not a stack's ARN.", quoted(stack_id))));
    };
    if (&stack.account, &stack.region) == (&location.account, &location.region) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "ServiceToken: the function is in account {} and Region {}, but the stack is in {} and {}, \
         where the function changes nothing. Deploy the provider in the stack's account and Region, and use its ServiceToken.",
        location.account, location.region, stack.account, stack.region
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_of_another_account_or_region_is_refused() {
        let location = Location::from_arn("arn:aws:lambda:us-east-1:111122223333:function:provider").unwrap();
        let stack = |region: &str, account: &str| format!("arn:aws:cloudformation:{region}:{account}:stack/name/id");
        assert_eq!(same_place(&location, &stack("us-east-1", "111122223333")), Ok(()));
        for other in [stack("us-east-1", "444455556666"), stack("eu-west-1", "111122223333"), "a-stack".into()] {
            assert!(same_place(&location, &other).is_err(), "{other}");
        }
        assert_eq!(Location::from_arn("a-function"), None);
        assert_eq!(location.arn("document/a"), "arn:aws:ssm:us-east-1:111122223333:document/a");
    }
}
