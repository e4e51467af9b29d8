//! The loopback AWS as a process: SSM over plain HTTP, until it is killed.
#![allow(clippy::print_stdout, reason = "the one line that says where it listens")]

use loopback_aws::Loopback;
use loopback_aws::ssm::Model;
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "usage: loopback-aws [--ssm-port PORT] [--account ID] [--region REGION] [--latency-ms MS] \
                     [--tls] [--signatures]\n\
                     Serves SSM documents and service settings on 127.0.0.1 until it is killed. A port of 0, the \
                     default, is a free one.";

fn main() -> ExitCode {
    let (mut model, mut builder) = (Model::new("000000000000", "us-east-1"), Loopback::builder());
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap_or_default();
        match word.as_str() {
            "--tls" => builder = builder.tls(true),
            "--signatures" => builder = builder.signatures(true),
            "--account" => model = Model::new(&value(), &model.region),
            "--region" => model = Model::new(&model.account, &value()),
            "--ssm-port" | "--latency-ms" => {
                let Ok(number) = value().parse::<u16>() else { return refuse(&format!("{word} needs a number")) };
                builder = match word.as_str() {
                    "--ssm-port" => builder.ssm_port(number),
                    _ => builder.latency(Duration::from_millis(number.into())),
                };
            }
            _ => return refuse(&format!("unknown argument {word}")),
        }
    }
    serve(builder.model(model))
}

#[tokio::main(flavor = "current_thread")]
async fn serve(builder: loopback_aws::Builder) -> ExitCode {
    let aws = builder.start().await;
    println!("{}", aws.ssm_url());
    if let Some(authority) = aws.ca_pem_path() {
        println!("AWS_CA_BUNDLE={}", authority.display());
    }
    std::future::pending().await
}

fn refuse(why: &str) -> ExitCode {
    eprintln!("loopback-aws: {why}\n{USAGE}");
    ExitCode::from(2)
}
