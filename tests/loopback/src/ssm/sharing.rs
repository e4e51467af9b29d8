//! Sharing: the accounts that may use a document.

use super::Model;
use super::error::ModelError;
use super::read::with_token;
use super::request::{Request, page};
use serde_json::{Value, json};

/// The maximum number of account ids in one call.
const IDS_A_CALL: usize = 20;

impl Model {
    pub(super) fn describe_document_permission(&mut self, request: &Request<'_>) -> Result<Value, ModelError> {
        let name = request.name()?;
        share(request)?;
        let at = request.page(20, 200)?;
        let shown = self.seen_own(name)?;
        let (ids, next) = page(&shown.document(self, name).shares, at);
        let infos: Vec<Value> =
            ids.iter().map(|id| json!({"AccountId": id, "SharedDocumentVersion": "$DEFAULT"})).collect();
        Ok(with_token(json!({"AccountIds": ids, "AccountSharingInfoList": infos}), next))
    }

    pub(super) fn modify_document_permission(&mut self, request: &Request<'_>) -> Result<Value, ModelError> {
        let name = request.name()?;
        share(request)?;
        let (add, remove) = (ids(request, "AccountIdsToAdd")?, ids(request, "AccountIdsToRemove")?);
        if add.is_empty() && remove.is_empty() {
            let text = "AccountIdsToAdd or AccountIdsToRemove must be specified.";
            return Err(ModelError::new("ValidationException", text));
        }
        let limit = self.share_limit;
        let document = self.own(name)?;
        let mut shares = document.shares.clone();
        shares.retain(|id| !remove.contains(id));
        shares.extend(add.into_iter().filter(|id| !document.shares.contains(id)));
        if shares.len() > 1 && shares.iter().any(|id| id == "all") {
            let text = "Accounts can either be all or a group of AWS accounts.";
            return Err(ModelError::new("DocumentPermissionLimit", text));
        }
        if shares.len() > limit {
            let text = format!("The document can't be shared with more than {limit} accounts.");
            return Err(ModelError::new("DocumentPermissionLimit", text));
        }
        document.shares = shares;
        Ok(json!({}))
    }
}

fn share(request: &Request<'_>) -> Result<(), ModelError> {
    match request.required("PermissionType")? {
        "Share" => Ok(()),
        other => Err(ModelError::new("InvalidPermissionType", format!("The permission type {other} is not Share."))),
    }
}

fn ids(request: &Request<'_>, member: &str) -> Result<Vec<String>, ModelError> {
    let ids = request.strings(member)?;
    if ids.len() > IDS_A_CALL {
        let text = format!("Member must have length less than or equal to {IDS_A_CALL}");
        return Err(ModelError::constraint(Some(&format!("[{}]", ids.join(", "))), member, &text));
    }
    ids.into_iter().map(|id| account(id, member)).collect()
}

fn account(id: &str, member: &str) -> Result<String, ModelError> {
    if id.eq_ignore_ascii_case("all") {
        return Ok("all".to_owned());
    }
    if id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(id.to_owned());
    }
    let text = "Member must satisfy regular expression pattern: (?i)all|[0-9]{12}";
    Err(ModelError::constraint(Some(id), member, text))
}
