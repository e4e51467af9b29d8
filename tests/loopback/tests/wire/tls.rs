//! TLS with the generated authority, and the check of signatures.

use crate::client::{call, create};
use loopback_aws::Loopback;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

fn trusting(aws: &Loopback) -> TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(aws.ca_pem_path().unwrap()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

async fn status_over_tls(aws: &Loopback, url: &str, name: &'static str) -> std::io::Result<String> {
    let address = url.strip_prefix("https://").unwrap();
    let stream = TcpStream::connect(address).await?;
    let mut stream = trusting(aws).connect(ServerName::try_from(name).unwrap(), stream).await?;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text[9..12].to_owned())
}

#[tokio::test]
async fn both_endpoints_speak_tls_for_the_names_of_their_certificate() {
    let aws = Loopback::builder().tls(true).host("bucket.s3.amazonaws.com").start().await;
    for name in ["127.0.0.1", "localhost", "bucket.s3.amazonaws.com"] {
        assert_eq!(status_over_tls(&aws, &aws.ssm_url(), name).await.unwrap(), "400", "{name}");
        assert_eq!(status_over_tls(&aws, &aws.sink_url(), name).await.unwrap(), "403", "{name}");
    }
    assert!(status_over_tls(&aws, &aws.ssm_url(), "example.com").await.is_err());
    let counts = (aws.ssm_counts(), aws.sink_counts());
    assert_eq!((counts.0.connections, counts.0.handshakes), (4, 3));
    assert_eq!((counts.1.connections, counts.1.handshakes), (3, 3));
}

#[tokio::test]
async fn the_authority_s_file_goes_with_the_loopback_aws() {
    let aws = Loopback::builder().tls(true).start().await;
    let file = aws.ca_pem_path().unwrap().to_owned();
    assert!(file.exists());
    drop(aws);
    assert!(!file.exists());
}

#[tokio::test]
async fn an_unsigned_request_is_refused_if_signatures_are_required() {
    let aws = Loopback::builder().signatures(true).start().await;
    let (status, body) = create(&aws, "Doc").await.unwrap();
    assert_eq!((status, body["__type"].as_str()), (403, Some("MissingAuthenticationTokenException")));
    let input = serde_json::json!({"Name": "Doc"});
    assert_eq!(call(&aws, "DescribeDocument", input).await.unwrap().0, 403);
    assert_eq!(aws.ssm(|model| model.documents().count()), 0);
}
