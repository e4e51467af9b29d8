//! The smallest HTTP client that shows what is on the wire.

use loopback_aws::Loopback;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const CONTENT: &str = r#"{"schemaVersion":"1.0"}"#;

/// Sends one request on a connection of its own; the status, the head and the body, or how the connection failed.
pub(crate) async fn send(method: &str, url: &str, headers: &str, body: &str) -> std::io::Result<(u16, String, String)> {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let mut stream = TcpStream::connect(host).await?;
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    Ok((head[9..12].parse().unwrap(), head.to_lowercase(), body.to_owned()))
}

pub(crate) async fn call(aws: &Loopback, operation: &str, input: Value) -> std::io::Result<(u16, Value)> {
    let headers = format!("content-type: application/x-amz-json-1.1\r\nx-amz-target: AmazonSSM.{operation}\r\n");
    let (status, head, body) = send("POST", &aws.ssm_url(), &headers, &input.to_string()).await?;
    assert!(head.contains("x-amzn-requestid: "), "{head}");
    Ok((status, serde_json::from_str(&body).unwrap_or(Value::String(body))))
}

pub(crate) async fn create(aws: &Loopback, name: &str) -> std::io::Result<(u16, Value)> {
    call(aws, "CreateDocument", json!({"Name": name, "Content": CONTENT, "DocumentType": "Session"})).await
}
