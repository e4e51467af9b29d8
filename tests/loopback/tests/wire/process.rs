//! The binary.

use crate::client::send;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

#[tokio::test]
async fn the_binary_says_where_it_listens_and_serves_until_it_is_killed() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_loopback-aws"))
        .args(["--account", "444455556666", "--region", "eu-west-1"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let body = r#"{"SettingId":"/ssm/opsinsights/opscenter"}"#;
    let response = send("POST", url.trim(), "x-amz-target: AmazonSSM.GetServiceSetting\r\n", body).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let (status, _, body) = response.unwrap();
    assert_eq!(status, 200);
    assert!(body.contains("arn:aws:ssm:eu-west-1:444455556666:servicesetting/ssm/opsinsights/opscenter"), "{body}");
}

#[test]
fn the_binary_refuses_arguments_it_does_not_know() {
    for arguments in [["--sm-port", "1"], ["--ssm-port", "many"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_loopback-aws")).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("usage: loopback-aws"));
    }
}
