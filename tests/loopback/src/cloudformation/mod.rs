//! What CloudFormation knows about the resources of stacks, and what DescribeStackResource and DescribeStacks report.
//!
//! A resource is known from the requests that were sent for it ([`Cloudformation::sent`]): it is in progress until the
//! sink has a response, and then complete or failed. A test that wants another state sets it, and it stays.

pub(crate) mod wire;

use crate::clock::{self, Clock};
use crate::response_url;
use crate::ssm::ModelError;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;
use time::OffsetDateTime;

/// The status of a resource, as a custom resource can have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the API's")]
pub enum ResourceStatus {
    CreateInProgress,
    CreateFailed,
    CreateComplete,
    UpdateInProgress,
    UpdateFailed,
    UpdateComplete,
    DeleteInProgress,
    DeleteFailed,
    DeleteComplete,
    DeleteSkipped,
}

impl ResourceStatus {
    /// Every status.
    pub const ALL: [Self; 10] = [
        Self::CreateInProgress,
        Self::CreateFailed,
        Self::CreateComplete,
        Self::UpdateInProgress,
        Self::UpdateFailed,
        Self::UpdateComplete,
        Self::DeleteInProgress,
        Self::DeleteFailed,
        Self::DeleteComplete,
        Self::DeleteSkipped,
    ];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateInProgress => "CREATE_IN_PROGRESS",
            Self::CreateFailed => "CREATE_FAILED",
            Self::CreateComplete => "CREATE_COMPLETE",
            Self::UpdateInProgress => "UPDATE_IN_PROGRESS",
            Self::UpdateFailed => "UPDATE_FAILED",
            Self::UpdateComplete => "UPDATE_COMPLETE",
            Self::DeleteInProgress => "DELETE_IN_PROGRESS",
            Self::DeleteFailed => "DELETE_FAILED",
            Self::DeleteComplete => "DELETE_COMPLETE",
            Self::DeleteSkipped => "DELETE_SKIPPED",
        }
    }

    /// The status while a request of this type is carried out.
    fn during(request_type: &str) -> Option<Self> {
        match request_type {
            "Create" => Some(Self::CreateInProgress),
            "Update" => Some(Self::UpdateInProgress),
            "Delete" => Some(Self::DeleteInProgress),
            _ => None,
        }
    }

    /// The status after the response. A status that is not in progress does not change.
    fn after(self, success: bool) -> Self {
        match (self, success) {
            (Self::CreateInProgress, true) => Self::CreateComplete,
            (Self::CreateInProgress, false) => Self::CreateFailed,
            (Self::UpdateInProgress, true) => Self::UpdateComplete,
            (Self::UpdateInProgress, false) => Self::UpdateFailed,
            (Self::DeleteInProgress, true) => Self::DeleteComplete,
            (Self::DeleteInProgress, false) => Self::DeleteFailed,
            (settled, _) => settled,
        }
    }
}

/// A resource of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its `ResourceStatus`.
    pub status: ResourceStatus,
    /// Its `LastUpdatedTimestamp`.
    pub last_updated: SystemTime,
    /// Its `PhysicalResourceId`, once it has one.
    pub physical_id: Option<String>,
    /// Its `ResourceType`.
    pub resource_type: String,
}

impl Resource {
    /// A `Custom::SsmDocument` that came to this status at this time, without a physical id.
    pub fn new(status: ResourceStatus, last_updated: SystemTime) -> Self {
        Self { status, last_updated, physical_id: None, resource_type: "Custom::SsmDocument".to_owned() }
    }
}

/// A stack's id and a resource's logical id.
type Key = (String, String);

fn key(stack_id: &str, logical_id: &str) -> Key {
    (stack_id.to_owned(), logical_id.to_owned())
}

/// CloudFormation's knowledge of every stack.
#[derive(Clone, Debug, Default)]
pub struct Cloudformation {
    /// What a test set; `None` is a resource that the stack does not have.
    set: BTreeMap<Key, Option<Resource>>,
    sent: BTreeMap<Key, Resource>,
    removed: BTreeSet<String>,
    clock: Clock,
}

impl Cloudformation {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, ..Self::default() }
    }

    /// Sets what is known about a resource, whatever is sent for it. A stack that was removed exists again.
    pub fn put(&mut self, stack_id: &str, logical_id: &str, resource: Resource) {
        self.removed.remove(stack_id);
        self.set.insert(key(stack_id, logical_id), Some(resource));
    }

    /// Removes this resource from the stack, whatever is sent for it.
    pub fn remove(&mut self, stack_id: &str, logical_id: &str) {
        self.set.insert(key(stack_id, logical_id), None);
    }

    /// Removes this stack, whatever is sent for its resources.
    pub fn remove_stack(&mut self, stack_id: &str) {
        self.removed.insert(stack_id.to_owned());
    }

    /// Reverts what a test set for a resource: from now on, only the requests determine its status.
    pub fn forget(&mut self, stack_id: &str, logical_id: &str) {
        self.set.remove(&key(stack_id, logical_id));
    }

    /// Records that CloudFormation sends this request: from now on, its resource is in progress. The time is that of the
    /// response URL's signature, or now if the URL has none. An event without the members of a request changes nothing.
    pub fn sent(&mut self, event: &Value) {
        let text = |member: &str| event[member].as_str();
        let (Some(stack_id), Some(logical_id)) = (text("StackId"), text("LogicalResourceId")) else { return };
        let Some(status) = text("RequestType").and_then(ResourceStatus::during) else { return };
        let signed = text("ResponseURL").and_then(response_url::signed);
        let resource = Resource {
            status,
            last_updated: signed.unwrap_or_else(|| self.clock.now_system()),
            physical_id: text("PhysicalResourceId").map(str::to_owned),
            resource_type: text("ResourceType").unwrap_or("AWS::CloudFormation::CustomResource").to_owned(),
        };
        self.sent.insert(key(stack_id, logical_id), resource);
    }

    /// Records that the sink has a response: the request that was sent is no longer in progress.
    pub(crate) fn responded(&mut self, response: &Value) {
        let text = |member: &str| response[member].as_str().unwrap_or_default();
        let now = self.clock.now_system();
        let Some(resource) = self.sent.get_mut(&key(text("StackId"), text("LogicalResourceId"))) else { return };
        let status = resource.status.after(text("Status") == "SUCCESS");
        if status != resource.status {
            let physical_id = Some(text("PhysicalResourceId").to_owned());
            *resource = Resource { status, last_updated: now, physical_id, ..resource.clone() };
        }
    }

    /// What is known about a resource, by its stack's id.
    pub fn resource(&self, stack_id: &str, logical_id: &str) -> Option<&Resource> {
        let key = key(stack_id, logical_id);
        match self.set.get(&key) {
            _ if self.removed.contains(stack_id) => None,
            Some(set) => set.as_ref(),
            None => self.sent.get(&key),
        }
    }

    /// One call, its parameters as an object of strings.
    pub fn call(&self, operation: &str, input: &Value) -> Result<Value, ModelError> {
        match operation {
            "DescribeStackResource" => self.describe_stack_resource(input),
            "DescribeStacks" => self.describe_stacks(input),
            _ => {
                let version = input["Version"].as_str().unwrap_or("NO_VERSION_SPECIFIED");
                let text = format!("Could not find operation {operation} for version {version}");
                Err(ModelError::new("InvalidAction", text))
            }
        }
    }

    /// The id of the stack that a call names, by its id or its name.
    fn stack_id(&self, stack: &str) -> Option<&str> {
        let mut stack_ids = self.set.keys().chain(self.sent.keys()).map(|(stack_id, _)| stack_id.as_str());
        let found = stack_ids.find(|id| *id == stack || stack_name(id) == stack);
        found.filter(|id| !self.removed.contains(*id))
    }

    /// A stack is in progress while one of its resources is, and deleted once all are.
    fn describe_stacks(&self, input: &Value) -> Result<Value, ModelError> {
        let stack = required(input, "StackName")?;
        let Some(stack_id) = self.stack_id(stack) else {
            return Err(ModelError::new("ValidationError", format!("Stack with id {stack} does not exist")));
        };
        let keys = self.set.keys().chain(self.sent.keys()).filter(|(of, _)| of == stack_id);
        let resources = keys.filter_map(|(_, logical_id)| self.resource(stack_id, logical_id));
        let statuses: Vec<&str> = resources.map(|resource| resource.status.as_str()).collect();
        let in_progress = statuses.iter().find(|status| status.ends_with("_IN_PROGRESS")).copied();
        let is_deleted = statuses.iter().all(|status| *status == "DELETE_COMPLETE");
        let status = in_progress.unwrap_or(if is_deleted { "DELETE_COMPLETE" } else { "UPDATE_COMPLETE" });
        let described = json!({
            "StackId": stack_id,
            "StackName": stack_name(stack_id),
            "CreationTime": timestamp(self.clock.now_system()),
            "StackStatus": status,
        });
        Ok(json!({ "Stacks": [described] }))
    }

    fn describe_stack_resource(&self, input: &Value) -> Result<Value, ModelError> {
        let (stack, logical_id) = (required(input, "StackName")?, required(input, "LogicalResourceId")?);
        let refuse = |text: String| Err(ModelError::new("ValidationError", text));
        let Some(stack_id) = self.stack_id(stack) else {
            return refuse(format!("Stack '{stack}' does not exist"));
        };
        let Some(resource) = self.resource(stack_id, logical_id) else {
            return refuse(format!("Resource {logical_id} does not exist for stack {}", stack_name(stack_id)));
        };
        let mut detail = json!({
            "StackId": stack_id,
            "StackName": stack_name(stack_id),
            "LogicalResourceId": logical_id,
            "ResourceType": resource.resource_type,
            "LastUpdatedTimestamp": timestamp(resource.last_updated),
            "ResourceStatus": resource.status.as_str(),
        });
        if let Some(id) = &resource.physical_id {
            detail["PhysicalResourceId"] = json!(id);
        }
        Ok(json!({ "StackResourceDetail": detail }))
    }
}

fn required<'a>(input: &'a Value, member: &str) -> Result<&'a str, ModelError> {
    let value = input[member].as_str().filter(|value| !value.is_empty());
    value.ok_or_else(|| ModelError {
        code: "ValidationError".to_owned(),
        ..ModelError::constraint(None, member, "Member must not be null")
    })
}

/// The name in a stack's id, `arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/UUID`.
fn stack_name(stack_id: &str) -> &str {
    stack_id.split('/').nth(1).unwrap_or(stack_id)
}

/// `2026-11-21T19:41:10.123Z`
fn timestamp(time: SystemTime) -> String {
    let time = OffsetDateTime::UNIX_EPOCH + clock::since_1970(time);
    let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
    let (hour, minute, second, milli) = time.time().as_hms_milli();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[cfg(test)]
mod tests;
