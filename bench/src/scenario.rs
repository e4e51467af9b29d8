//! The requests that are measured: what is in the account before, the event, and what has to be in it after.

use loopback_aws::ssm::{Document, Model};
use serde_json::{Value, json};

/// The document that Session Manager reads its preferences from.
pub(crate) const NAME: &str = "SSM-SessionManagerRunShell";
const STACK_ID: &str =
    "arn:aws:cloudformation:us-east-1:111122223333:stack/session-preferences/e35602f9-3754-5548-b163-f65a19fc3cd2";
const LOGICAL_ID: &str = "SessionPreferences";

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scenario {
    /// A Create; the document does not exist.
    Create,
    /// A Create; the document exists with other content and has no owner.
    Adopt,
    /// An Update with a new content.
    Update,
    /// An Update; everything is already as desired.
    NoOp,
    /// A Delete that deletes the document.
    Delete,
}

impl Scenario {
    /// All of them.
    pub(crate) const ALL: [Self; 5] = [Self::Create, Self::Adopt, Self::Update, Self::NoOp, Self::Delete];

    /// The name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Adopt => "adopt",
            Self::Update => "update",
            Self::NoOp => "no-op",
            Self::Delete => "delete",
        }
    }

    /// Sets up the account.
    pub(crate) fn prepare(self, model: &mut Model) {
        model.remove_document(NAME);
        let ours = |timeout| owned(Document::session(NAME, content(timeout)));
        match self {
            Self::Create => {}
            Self::Adopt => model.put_document(Document::session(NAME, content(60))),
            Self::Update => model.put_document(ours(60)),
            Self::NoOp | Self::Delete => model.put_document(ours(20)),
        }
    }

    /// The event that CloudFormation sends.
    pub(crate) fn event(self, response_url: &str) -> Value {
        let properties = |timeout| {
            json!({
                "ServiceToken": "arn:aws:lambda:us-east-1:111122223333:function:cfn-ssm-document",
                "ServiceTimeout": "900",
                "DocumentName": NAME,
                "DocumentType": "Session",
                "DocumentContent": content(timeout),
                "OnDelete": "Restore",
            })
        };
        // An Update waits if the document does not show what the old properties declare.
        let old = if self == Self::NoOp { 20 } else { 60 };
        event(self.request_type(), response_url, properties(20), properties(old))
    }

    fn request_type(self) -> &'static str {
        match self {
            Self::Create | Self::Adopt => "Create",
            Self::Update | Self::NoOp => "Update",
            Self::Delete => "Delete",
        }
    }

    /// Whether the account is as the request wants it.
    pub(crate) fn is_done(self, model: &Model) -> bool {
        match (self, model.document(NAME)) {
            (Self::Delete, document) => document.is_none(),
            (_, Some(document)) => document.default().content == content(20),
            (_, None) => false,
        }
    }
}

/// The document as the resource made it.
pub(crate) fn owned(document: Document) -> Document {
    document
        .tag("cfn-ssm-document:stack-id", STACK_ID)
        .tag("cfn-ssm-document:logical-id", LOGICAL_ID)
        .tag("cfn-ssm-document:origin", "created")
        .tag("cfn-ssm-document:default-version", "1")
}

/// A request of the one resource.
pub(crate) fn event(request_type: &str, response_url: &str, properties: Value, old_properties: Value) -> Value {
    let mut event = json!({
        "RequestType": request_type,
        "ServiceToken": properties["ServiceToken"],
        "ResponseURL": response_url,
        "StackId": STACK_ID,
        "RequestId": "56d98f15-4099-5350-8318-2952769ce59b",
        "LogicalResourceId": LOGICAL_ID,
        "ResourceType": "Custom::SsmDocument",
        "ResourceProperties": properties,
    });
    if request_type != "Create" {
        event["PhysicalResourceId"] = json!(NAME);
    }
    if request_type == "Update" {
        event["OldResourceProperties"] = old_properties;
    }
    event
}

/// Preferences with this idle timeout in minutes.
fn content(timeout: u8) -> String {
    let content = json!({
        "schemaVersion": "1.0",
        "description": "Session Manager preferences",
        "sessionType": "Standard_Stream",
        "inputs": {
            "s3BucketName": "",
            "s3KeyPrefix": "",
            "s3EncryptionEnabled": false,
            "cloudWatchLogGroupName": "/session-manager",
            "cloudWatchEncryptionEnabled": false,
            "cloudWatchStreamingEnabled": true,
            "kmsKeyId": "",
            "runAsEnabled": false,
            "runAsDefaultUser": "",
            "idleSessionTimeout": timeout.to_string(),
            "maxSessionDuration": "",
            "shellProfile": { "linux": "", "windows": "" },
        },
    });
    format!("{content:#}")
}
