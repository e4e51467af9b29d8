//! Nothing that the function prints, responds with or tells the runtime contains a response URL, credentials or content in it.

use std::process::Stdio;
use std::time::Duration;

use futures_util::future::join_all;
use loopback_aws::ssm::{Activation, Document};
use loopback_aws::{ACCESS_KEY_ID, Age, Fault, Loopback, RuntimeApi, SECRET_ACCESS_KEY, Sink};
use serde_json::{Value, json};

use crate::documents::{NAME, desired_with};
use crate::process::bootstrap::{Bootstrap, SESSION_TOKEN};
use crate::protocol::stages::TIMEOUT;
use crate::world::{LOG_STREAM, Reply, Request, World};

/// Occurs in all content.
const CONTENT: &str = "SENTINELcontent";
const BRIEF: Duration = TIMEOUT.checked_div(4).unwrap();
const PATIENCE: Duration = Duration::from_secs(30);

/// What must never be seen: the response URL's path, query and signatures of either form, credentials, content.
const SECRETS: [&str; 9] = [
    "arn%3Aaws%3Acloudformation",
    "X-Amz-Algorithm",
    "fakefakefake",
    "AKIAEXAMPLEFAKE",
    "Signature=",
    ACCESS_KEY_ID,
    SECRET_ACCESS_KEY,
    SESSION_TOKEN,
    CONTENT,
];

fn content(more: &Value) -> Value {
    let mut inputs = json!({"idleSessionTimeout": "20", "shellProfile": {"linux": format!("echo {CONTENT}")}});
    for (name, value) in more.as_object().unwrap() {
        inputs[name] = value.clone();
    }
    let text =
        json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "description": CONTENT, "inputs": inputs});
    json!({"DocumentContent": text.to_string(), "OnDelete": "Restore"})
}

fn wanted(more: Value) -> Value {
    desired_with("20", content(&more))
}

/// A process, and what it told the runtime.
struct Heard {
    world: World,
    runtime: RuntimeApi,
    said: Vec<String>,
}

impl Heard {
    async fn event(&mut self, event: &Value, timeout: Duration) {
        let told = self.runtime.invoke(event, timeout).await;
        self.said.push(format!("{told:?}"));
        self.world.aws.no_faults();
        self.world.aws.sink().script([]);
    }

    async fn request(&mut self, request: Request) {
        let event = request.event(&self.world.aws.response_url(Age::Now));
        self.event(&event, PATIENCE).await;
    }

    async fn fault(&mut self, operation: &str, fault: Fault, timeout: Duration) {
        self.world.aws.on(operation).always().fault(fault);
        let event = Request::create(wanted(json!({}))).event(&self.world.aws.response_url_v2(Age::Now));
        self.event(&event, timeout).await;
    }

    /// Every way in which a request can end.
    async fn everything(&mut self) {
        self.world.aws.ssm(|model| {
            let old = wanted(json!({"idleSessionTimeout": "5"}));
            model.put_document(Document::session(NAME, old["DocumentContent"].as_str().unwrap()));
        });
        self.request(Request::create(wanted(json!({})))).await;
        self.request(Request::update(NAME, wanted(json!({})), wanted(json!({"maxSessionDuration": "60"})))).await;
        self.request(Request::delete(NAME, wanted(json!({})))).await;
        self.world.aws.ssm(|model| drop(model.remove_document(NAME)));
        self.bad_properties().await;
        self.refusals().await;
        self.lost_replies().await;
        self.odd_events().await;
    }

    async fn bad_properties(&mut self) {
        let broken = [
            json!(format!("{{\"{CONTENT}")),
            json!(format!("a: {CONTENT}\na: {CONTENT}\n")),
            json!(format!("\"{CONTENT}\": [\n  *{CONTENT}")),
            json!(format!("%{CONTENT}")),
            json!([CONTENT]),
            // Schema versions, session types and minutes are quoted in problems, so the secret is not in them.
            json!({"schemaVersion": "0.9", "sessionType": "Port", "inputs": CONTENT, "properties": {"type": CONTENT}}),
            json!({"schemaVersion": "1.0", "sessionType": "Port", "properties": [CONTENT]}),
        ];
        for content in broken {
            for format in ["", "JSON", "YAML", "TEXT"] {
                let properties = json!({"DocumentContent": content, "DocumentFormat": format});
                self.request(Request::create(desired_with("20", properties))).await;
            }
        }
        for (name, value) in [
            ("idleSessionTimeout", json!([CONTENT])),
            ("cloudWatchStreamingEnabled", json!(CONTENT)),
            ("shellProfile", json!(CONTENT)),
            ("kmsKeyId", json!([CONTENT])),
        ] {
            self.request(Request::create(wanted(json!({name: value})))).await;
        }
    }

    async fn refusals(&mut self) {
        let text = wanted(json!({}))["DocumentContent"].as_str().unwrap().to_owned();
        let quoting = format!("Value '{text}' at 'content' failed: description '{CONTENT}' is bad, so is {CONTENT}");
        for code in ["ValidationException", "InvalidDocumentContent", "SomethingNewException"] {
            self.fault("CreateDocument", Fault::error(400, code, &quoting), PATIENCE).await;
        }
        self.fault("CreateDocument", Fault::error(500, "InternalServerError", &quoting), BRIEF).await;
        self.fault("CreateDocument", Fault::Raw(400, quoting.clone()), PATIENCE).await;
        self.fault("CreateDocument", Fault::Raw(200, quoting.clone()), BRIEF).await;
        self.fault("*", Fault::Raw(503, quoting.clone()), BRIEF).await;
        let signed = format!(
            "The Canonical String for this request should have been 'POST\n/\nx-amz-security-token:{SESSION_TOKEN}\n' \
             Authorization=AWS4-HMAC-SHA256 Credential={ACCESS_KEY_ID}/20261121/region/ssm, Signature=fakefakefake"
        );
        for code in ["InvalidSignatureException", "IncompleteSignatureException", "SignatureDoesNotMatch"] {
            self.fault("*", Fault::error(400, code, &signed), PATIENCE).await;
        }
        for fault in
            [Fault::throttling(), Fault::Hang, Fault::ResetBefore, Fault::access_denied("ssm:GetDocument", "*")]
        {
            self.fault("*", fault, BRIEF).await;
        }
        self.fault("CreateDocument", Fault::HangAfter, BRIEF).await;
        self.world.aws.ssm(|model| {
            drop(model.remove_document(NAME));
            model.activation = Activation::Fails { reads: 1, information: quoting.clone() };
        });
        self.request(Request::create(wanted(json!({})))).await;
        self.world.aws.ssm(|model| model.activation = Activation::AtOnce);
    }

    async fn lost_replies(&mut self) {
        for step in [Sink::Status(403), Sink::Status(503), Sink::Reset, Sink::Redirect("/a".into()), Sink::Hang] {
            for url in [self.world.aws.response_url(Age::Now), self.world.aws.response_url_v2(Age::Now)] {
                self.world.aws.sink().always(step.clone());
                let event = Request::create(wanted(json!({}))).event(&url);
                self.event(&event, BRIEF).await;
            }
        }
    }

    async fn odd_events(&mut self) {
        let now = self.world.aws.response_url(Age::Now);
        let elsewhere = now.replacen("http://127.0.0.1", "https://evil.example", 1);
        let (old, older) =
            (self.world.aws.response_url(Age::minutes(70)), self.world.aws.response_url_v2(Age::minutes(130)));
        for url in [elsewhere.as_str(), &now.replacen("127.0.0.1:", "127.0.0.1:0", 1), &old, &older, &now[7..], "x"] {
            let event = Request::create(wanted(json!({}))).event(url);
            self.event(&event, BRIEF).await;
        }
        let mut event = Request::create(wanted(json!({}))).event(&now);
        event["LogicalResourceId"] = json!([CONTENT]);
        self.event(&event, BRIEF).await;
        self.event(&json!(now), BRIEF).await;
        for bytes in [format!("{{\"ResponseURL\": \"{now}\", \"{CONTENT}"), format!("\u{1}{now}{CONTENT}")] {
            let told = self.runtime.invoke_raw(bytes.into_bytes(), BRIEF).await;
            self.said.push(format!("{told:?}"));
        }
        let mut bytes = now.into_bytes();
        bytes.extend([0xff, 0xfe]);
        let told = self.runtime.invoke_raw(bytes, BRIEF).await;
        self.said.push(format!("{told:?}"));
        // It still works after all this.
        self.request(Request::create(wanted(json!({"maxSessionDuration": "90"})))).await;
        Reply(self.world.aws.delivered().pop().unwrap()).ok();
    }
}

async fn assert_keeps_secrets(level: &str) {
    let world = World::on_sockets(Loopback::builder()).await;
    let runtime = world.aws.runtime_api().await;
    let mut process = Bootstrap::start(&world.aws, &runtime, level, Stdio::piped(), Stdio::piped());
    let printed = process.listen();
    let mut heard = Heard { world, runtime, said: Vec::new() };
    heard.everything().await;
    process.kill();
    let printed = printed.map(|thread| thread.join().unwrap()).concat();
    let responses = heard.world.aws.responses();
    let bodies: Vec<String> =
        responses.iter().map(|response| String::from_utf8_lossy(&response.bytes).into_owned()).collect();
    for secret in SECRETS {
        for (place, text) in
            [("the log", &printed), ("responses", &bodies.join("\n")), ("errors", &heard.said.join("\n"))]
        {
            let found = text.lines().find(|line| line.contains(secret));
            assert_eq!(found, None, "{secret} is in {place} at level {level}");
        }
    }
    assert!(responses.len() > 60 && heard.said.len() > 70, "{} responses, {} ends", responses.len(), heard.said.len());
    let failed = |line: &str| line.contains("the response is FAILED") && !line.contains(LOG_STREAM);
    match level {
        "OFF" => assert_eq!(printed, ""),
        _ => assert!(printed.lines().any(failed), "{printed}"),
    }
}

#[tokio::test]
async fn no_secret_reaches_the_log_the_response_or_the_runtime_at_any_level() {
    let levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF"];
    join_all(levels.map(assert_keeps_secrets)).await;
}
