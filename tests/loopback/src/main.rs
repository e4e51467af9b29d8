//! The loopback AWS as a process: SSM over plain HTTP, until it is killed.
#![allow(clippy::print_stdout, reason = "the one line that says where it listens")]

use loopback_aws::ssm::{Activation, Duplicates, Model};
use loopback_aws::{Builder, Loopback};
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "usage: loopback-aws [--ssm-port PORT] [--account ID] [--region REGION] [--latency-ms MS]
                    [--active-after-reads N] [--duplicates latest|any] [--tls] [--signatures]
Serves SSM documents and service settings on 127.0.0.1 until it is killed. The first line of its output is the URL.
Port 0, the default, means any free port.";

fn main() -> ExitCode {
    match configured(std::env::args().skip(1)) {
        Ok(builder) => serve(builder),
        Err(why) => {
            eprintln!("loopback-aws: {why}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn configured(mut words: impl Iterator<Item = String>) -> Result<Builder, String> {
    let (mut model, mut builder) = (Model::new("000000000000", "us-east-1"), Loopback::builder());
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        let number = |text: String| text.parse::<u16>().map_err(|_| format!("{text} is not a number from 0 to 65535"));
        match word.as_str() {
            "--tls" => builder = builder.tls(true),
            "--signatures" => builder = builder.signatures(true),
            "--ssm-port" => builder = builder.ssm_port(number(value()?)?),
            "--latency-ms" => builder = builder.latency(Duration::from_millis(number(value()?)?.into())),
            "--account" => model.account = value()?,
            "--region" => model.region = value()?,
            "--active-after-reads" => model.activation = Activation::AfterReads(number(value()?)?.into()),
            "--duplicates" => {
                model.duplicates = match value()?.as_str() {
                    "latest" => Duplicates::LatestVersion,
                    "any" => Duplicates::AnyVersion,
                    other => return Err(format!("--duplicates must be latest or any, not {other}")),
                };
            }
            _ => return Err(format!("unknown argument {word}")),
        }
    }
    model.caller = format!("arn:aws:sts::{}:assumed-role/cfn-ssm-document/cfn-ssm-document", model.account);
    Ok(builder.model(model))
}

#[tokio::main(flavor = "current_thread")]
async fn serve(builder: Builder) -> ExitCode {
    let aws = builder.start().await;
    println!("{}", aws.ssm_url());
    if let Some(authority) = aws.ca_pem_path() {
        println!("AWS_CA_BUNDLE={}", authority.display());
    }
    std::future::pending().await
}
