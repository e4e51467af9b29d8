//! Starts a built function beside a loopback AWS that speaks TLS and wants signatures, and has it create, update and
//! delete one document, as Lambda and CloudFormation would.
#![allow(clippy::unwrap_used, reason = "a broken expectation has to stop it loudly")]

use loopback_aws::{ACCESS_KEY_ID, Age, Loopback, RuntimeApi, SECRET_ACCESS_KEY};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode};
use std::time::Duration;

const USAGE: &str = "usage: document_life --root FOLDER COMMAND...
       document_life --distrusted COMMAND...
Runs the function by COMMAND, which sees FOLDER as its file system. Its certificates' authority is put there. With
--distrusted it is told of no authority, and has to refuse the connections.";
const DOCUMENT: &str = "Preferences";
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let root = match words.next().as_deref() {
        Some("--root") => words.next().map(PathBuf::from),
        Some("--distrusted") => None,
        _ => return usage(),
    };
    let Some(program) = words.next() else { return usage() };
    let aws = Loopback::builder().tls(true).signatures(true).start().await;
    let lambda = aws.runtime_api().await;
    let mut command = Command::new(program);
    command.args(words).env_clear().envs([
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
        ("AWS_REGION", &aws.ssm(|model| model.region.clone())),
        ("AWS_LAMBDA_FUNCTION_NAME", "cfn-ssm-document"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_RUNTIME_API", &lambda.addr()),
        ("AWS_ENDPOINT_URL_SSM", &aws.ssm_url()),
        ("CFN_SSM_DOCUMENT_ALLOW_LOOPBACK", "true"),
    ]);
    if let Some(root) = &root {
        std::fs::copy(aws.ca_pem_path().unwrap(), root.join("authority.pem")).unwrap();
        command.env("AWS_CA_BUNDLE", "/authority.pem");
    }
    let mut function = Killed(command.spawn().unwrap());
    while lambda.polls() == 0 {
        assert_eq!(function.0.try_wait().unwrap(), None, "it runs until it is killed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    if root.is_some() {
        lives(&aws, &lambda).await
    } else {
        refuses(&aws, &lambda).await
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

/// A process that ends with its owner.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

async fn lives(aws: &Loopback, lambda: &RuntimeApi) {
    let created = send(aws, lambda, json!({"RequestType": "Create", "ResourceProperties": properties("20")})).await;
    assert_eq!(default_version(aws), Some((1, content("20"))));
    let id = created["PhysicalResourceId"].clone();
    let (old, new) = (properties("20"), properties("15"));
    let update = json!({"RequestType": "Update", "PhysicalResourceId": id, "ResourceProperties": new,
        "OldResourceProperties": old});
    send(aws, lambda, update).await;
    assert_eq!(default_version(aws), Some((2, content("15"))));
    send(aws, lambda, json!({"RequestType": "Delete", "PhysicalResourceId": id, "ResourceProperties": new})).await;
    assert_eq!(default_version(aws), None);
    assert!(aws.ssm_counts().handshakes > 0 && aws.sink_counts().handshakes > 0, "all of it went over TLS");
}

async fn refuses(aws: &Loopback, lambda: &RuntimeApi) {
    let event = event(aws, json!({"RequestType": "Create", "ResourceProperties": properties("20")}));
    let result = lambda.invoke(&event, Duration::from_secs(15)).await;
    assert!(result.is_err(), "a response that could not be delivered is no success: {result:?}");
    assert_eq!(aws.trace(), Vec::<String>::new());
    for counts in [aws.ssm_counts(), aws.sink_counts()] {
        assert!(counts.connections > 0 && counts.handshakes == 0, "{counts:?}");
    }
}

/// Sends one request and gives its response, which has to be SUCCESS.
async fn send(aws: &Loopback, lambda: &RuntimeApi, request: Value) -> Value {
    let responses = aws.delivered().len();
    lambda.invoke(&event(aws, request), PATIENCE).await.unwrap();
    let delivered = aws.delivered();
    assert_eq!(delivered.len(), responses + 1, "one response a request");
    assert_eq!(delivered[responses]["Status"], "SUCCESS", "{}", delivered[responses]);
    delivered[responses].clone()
}

/// The default version's number and content.
fn default_version(aws: &Loopback) -> Option<(u64, Value)> {
    aws.ssm(|model| {
        let document = model.document(DOCUMENT)?;
        Some((document.default_version, serde_json::from_str(&document.default().content).unwrap()))
    })
}

fn event(aws: &Loopback, mut request: Value) -> Value {
    request["ResponseURL"] = aws.response_url(Age::Now).into();
    request["StackId"] = "arn:aws:cloudformation:eu-central-1:111122223333:stack/a/51af3dc0-da77-11e4-872e".into();
    request["RequestId"] = "e9a1c2b3-0000-4000-8000-000000000001".into();
    request["LogicalResourceId"] = "Preferences".into();
    request["ResourceType"] = "Custom::SsmDocument".into();
    request
}

/// What a stack asks for that takes its document along when it is deleted.
fn properties(idle: &str) -> Value {
    json!({"ServiceToken": "arn:aws:lambda:eu-central-1:111122223333:function:cfn-ssm-document", "DocumentName": DOCUMENT,
        "DocumentContent": content(idle), "OnDelete": "Restore"})
}

fn content(idle: &str) -> Value {
    json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {"idleSessionTimeout": idle}})
}
