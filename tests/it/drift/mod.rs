//! The drift guard: what it sees, what it reports and when it repairs. Without sockets, in paused time.

mod daily;
mod log;
mod merged;
mod moved;
mod races;
mod tag;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cfn_ssm_document::drift::Mode;
use cfn_ssm_document::drift::report::Metrics;
use cfn_ssm_document::handler::unhandled::Unhandled;
use loopback_aws::{Builder, Loopback};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::documents::{NAME, desired};
use crate::world::{Request, World};

const TAG: &str = "cfn-ssm-document:default-version";

/// A world with a guard, and what it counts.
struct Guarded {
    world: World,
    counted: Arc<Mutex<Vec<String>>>,
}

impl Guarded {
    /// Two versions were made by the resource, long ago; the second is the default version.
    async fn new(mode: Mode) -> Self {
        let guarded = Self::empty(mode);
        guarded.world.send(&Request::create(desired("10"))).await.ok();
        guarded.world.send(&Request::update(NAME, desired("10"), desired("20"))).await.ok();
        sleep(Duration::from_secs(3_600)).await;
        guarded.world.aws.forget();
        guarded
    }

    fn empty(mode: Mode) -> Self {
        Self::empty_on(mode, Loopback::builder())
    }

    fn empty_on(mode: Mode, builder: Builder) -> Self {
        let mut world = World::on(builder);
        let counted: Arc<Mutex<Vec<String>>> = Arc::default();
        let lines = Arc::clone(&counted);
        world.provider.drift_guard = mode;
        world.provider.metrics = Metrics::new(move |line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"].as_str().unwrap().to_owned();
            lines.lock().unwrap().push(metrics);
        });
        Self { world, counted }
    }

    fn moves_default(&self, version: u64) {
        self.world.aws.ssm(|model| model.set_default(NAME, version));
    }

    fn default_version(&self) -> u64 {
        self.world.versions(NAME).0
    }

    fn tag(&self, name: &str) -> Option<String> {
        self.world.aws.ssm(|model| model.document(NAME).unwrap().tags.get(name).cloned())
    }

    async fn event(&self, event: &Value) -> Result<(), Unhandled> {
        self.world.deliver(event, Duration::from_secs(180)).await
    }

    fn counted(&self) -> Vec<String> {
        self.counted.lock().unwrap().clone()
    }
}

/// An event in AWS's format: somebody moved the default version.
fn moved() -> Value {
    json!({
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.ssm",
        "account": "111122223333",
        "time": "2026-11-21T19:41:10Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": {
            "eventVersion": "1.08",
            "userIdentity": {
                "type": "IAMUser",
                "principalId": "AIDAEXAMPLE",
                "arn": "arn:aws:iam::111122223333:user/alice",
                "accountId": "111122223333",
                "userName": "alice"
            },
            "eventTime": "2026-11-21T19:41:10Z",
            "eventSource": "ssm.amazonaws.com",
            "eventName": "UpdateDocumentDefaultVersion",
            "awsRegion": "eu-central-1",
            "requestParameters": {"name": NAME, "documentVersion": "1"},
            "responseElements": {"description": {"name": NAME, "defaultVersion": "1"}},
            "eventType": "AwsApiCall",
            "managementEvent": true
        }
    })
}

fn daily() -> Value {
    json!({
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "111122223333",
        "time": "2026-11-21T19:41:10Z",
        "region": "eu-central-1",
        "resources": ["arn:aws:events:eu-central-1:111122223333:rule/daily"],
        "detail": {}
    })
}
