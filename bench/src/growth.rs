//! What large requests cost: a document of 64 KB, many tags, many accounts, many versions.

use std::io;
use std::time::Duration;

use loopback_aws::ssm::{Document, Duplicates, Model, Version};
use serde::Serialize;
use serde_json::{Value, json};

use crate::figure::Figure;
use crate::life::Life;
use crate::provider::Provider;
use crate::sample::LATENCY;
use crate::scenario::{NAME, event, owned};

const RUNS: usize = 3;
/// As many as AWS keeps.
const VERSIONS: u64 = 1000;

/// A large request.
struct Case {
    name: &'static str,
    request_type: &'static str,
    properties: Value,
    /// What the previous request declared.
    old_properties: Value,
    account: fn(&mut Model, &Value),
}

/// What it cost, as the first invocation of a process; SSM takes 30 ms a call.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Grown {
    pub(crate) name: &'static str,
    pub(crate) calls: usize,
    pub(crate) round_trips: usize,
    pub(crate) cpu_ms: Figure,
    pub(crate) ms: Figure,
    /// With the CPU of 128 MB.
    pub(crate) small_cpu_ms: Option<Figure>,
    pub(crate) peak_mib: Figure,
}

/// Measures all cases.
pub(crate) async fn measure(
    provider: &Provider,
    quota: bool,
    mut progress: impl FnMut(String),
) -> io::Result<Vec<Grown>> {
    let mut all = Vec::new();
    for case in cases() {
        let (mut costs, mut peaks, mut small) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let (cost, peak) = run(provider, &case, false).await?;
            costs.push(cost);
            peaks.push(peak);
            if quota {
                small.push(run(provider, &case, true).await?.0);
            }
        }
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        let (Some(cpu_ms), Some(time), Some(peak_mib)) = (
            Figure::of(costs.iter().map(|cost| ms(cost.cpu))),
            Figure::of(costs.iter().map(|cost| ms(cost.time))),
            Figure::of(peaks),
        ) else {
            return Err(io::Error::other("no runs"));
        };
        let grown = Grown {
            name: case.name,
            calls: costs[0].calls,
            round_trips: costs[0].round_trips,
            cpu_ms,
            ms: time,
            small_cpu_ms: Figure::of(small.iter().map(|cost| ms(cost.time))),
            peak_mib,
        };
        progress(format!("{}: {} calls, {:.0} ms", grown.name, grown.calls, grown.ms.median));
        all.push(grown);
    }
    Ok(all)
}

/// Carries out each case once, and returns its SSM calls.
pub(crate) async fn calls(provider: &Provider) -> io::Result<Vec<(&'static str, usize)>> {
    let mut all = Vec::new();
    for case in cases() {
        all.push((case.name, run(provider, &case, false).await?.0.calls));
    }
    Ok(all)
}

async fn run(provider: &Provider, case: &Case, small: bool) -> io::Result<(crate::life::Cost, f64)> {
    let mut life = Life::begin(provider, LATENCY, None).await?;
    if small {
        life.throttle()?;
    }
    life.aws.ssm(|model| (case.account)(model, &case.properties));
    let (properties, old_properties) = (case.properties.clone(), case.old_properties.clone());
    let cost = life.invoke(|url| event(case.request_type, url, properties, old_properties)).await?;
    let wanted = case.properties["DocumentContent"].as_str();
    if life.aws.ssm(|model| model.document(NAME).map(|document| document.default().content.clone())).as_deref()
        != wanted
    {
        return Err(io::Error::other(format!("{} did not do its work", case.name)));
    }
    Ok((cost, life.peak_kib()? as f64 / 1024.0))
}

fn cases() -> Vec<Case> {
    let small = runbook(1);
    let large = runbook(340);
    let large_yaml = yaml_runbook(350);
    // With the provider's five, as many as AWS allows.
    let tags: Vec<Value> = (0..45).map(|n| json!({"Key": format!("key-{n}"), "Value": format!("value-{n}")})).collect();
    let accounts: Vec<String> = (0..1000).map(|n| format!("{:012}", 444_455_550_000_u64 + n)).collect();
    let properties = |content: &str| {
        json!({"ServiceToken": "arn:aws:lambda:us-east-1:111122223333:function:cfn-ssm-document", "DocumentName": NAME,
               "DocumentType": "Automation", "DocumentContent": content})
    };
    let with = |name: &str, value: Value| {
        let mut properties = properties(&small);
        properties[name] = value;
        properties
    };
    let nothing: fn(&mut Model, &Value) = |_, _| {};
    let case = |name, request_type, properties: Value, account| Case {
        name,
        request_type,
        old_properties: properties.clone(),
        properties,
        account,
    };
    vec![
        case("create, small document", "Create", properties(&small), nothing),
        case("create, 64 KB of JSON", "Create", properties(&large), nothing),
        case("create, 64 KB of YAML", "Create", properties(&large_yaml), nothing),
        case("no-op, small document", "Update", properties(&small), present),
        case("no-op, 64 KB of JSON", "Update", properties(&large), present),
        case("no-op, 64 KB of YAML", "Update", properties(&large_yaml), present),
        case("create, 45 tags", "Create", with("Tags", json!(tags)), nothing),
        case("no-op, 45 tags", "Update", with("Tags", json!(tags)), present),
        case("create, 1,000 accounts", "Create", with("AccountIds", json!(accounts)), nothing),
        case("no-op, 1,000 accounts", "Update", with("AccountIds", json!(accounts)), present),
        Case {
            old_properties: properties(&another(&small, VERSIONS)),
            ..case("content is the oldest of 1,000 versions", "Update", properties(&small), |model, properties| {
                present(model, properties);
                model.duplicates = Duplicates::AnyVersion;
                if let Some(document) = model.document_mut(NAME) {
                    for number in 2..=VERSIONS {
                        document.push(Version::json(another(&document.default().content, number)));
                    }
                    document.default_version = VERSIONS;
                    document.tags.insert("cfn-ssm-document:default-version".into(), VERSIONS.to_string());
                }
            })
        },
    ]
}

/// A runbook that differs from this one.
fn another(runbook: &str, number: u64) -> String {
    runbook.replacen("\"step0\"", &format!("\"step{number}\""), 1)
}

/// The document exists, is owned by the resource, and is as desired.
fn present(model: &mut Model, properties: &Value) {
    let content = properties["DocumentContent"].as_str().unwrap_or_default();
    let version = if content.starts_with('{') { Version::json(content) } else { Version::yaml(content) };
    let mut document = owned(Document::new(NAME, "Automation").version(version));
    for tag in properties["Tags"].as_array().into_iter().flatten() {
        document = document.tag(tag["Key"].as_str().unwrap_or_default(), tag["Value"].as_str().unwrap_or_default());
    }
    for account in properties["AccountIds"].as_array().into_iter().flatten() {
        document = document.share(account.as_str().unwrap_or_default());
    }
    model.put_document(document);
}

fn runbook(steps: usize) -> String {
    let steps: Vec<Value> = (0..steps)
        .map(|n| {
            json!({
                "name": format!("step{n}"),
                "action": "aws:executeAwsApi",
                "inputs": {
                    "Service": "ec2", "Api": "DescribeInstances",
                    "Filters": [{ "Name": "tag:schedule", "Values": ["{{ TagValue }}"] }],
                },
                "nextStep": format!("step{}", n + 1),
            })
        })
        .collect();
    json!({"schemaVersion": "0.3", "description": "Many steps", "mainSteps": steps}).to_string()
}

fn yaml_runbook(steps: usize) -> String {
    let steps: String = (0..steps)
        .map(|n| {
            format!(
                "  - name: step{n}\n    action: aws:executeAwsApi\n    inputs:\n      Service: ec2\n      Api: \
                 DescribeInstances\n      Filters:\n        - Name: tag:schedule\n          Values: [nightly]\n"
            )
        })
        .collect();
    format!("schemaVersion: \"0.3\"\ndescription: Many steps\nmainSteps:\n{steps}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_large_documents_are_as_large_as_aws_takes() {
        for content in [runbook(340), yaml_runbook(350)] {
            assert!((60_000..=64 * 1024).contains(&content.len()), "{}", content.len());
        }
    }
}
