//! Response URLs that are not CloudFormation's are refused before any call, and never fetched.

use std::net::TcpListener;

use loopback_aws::{Age, Loopback};

use crate::documents::desired;
use crate::world::{Request, World};

/// A world as in production, where no response may be sent to loopback.
async fn strict() -> World {
    let mut world = World::on_sockets(Loopback::builder().tls(true)).await;
    world.provider.url_rules.allow_loopback = false;
    world
}

async fn assert_refused(world: &World, url: &str) {
    let request = Request::create(desired("20")).with_response_url(url.to_owned());
    let error = world.invoke(&request).await.expect_err(url).to_string();
    assert!(error.starts_with("ResponseURL: "), "{url}: {error}");
    assert!(!error.contains("SIGNATURE") && !error.contains("PASSWORD") && !error.contains("/key"), "{url}: {error}");
    assert_eq!(world.aws.journal().len(), 0, "{url}: {:?}", world.aws.trace());
}

#[tokio::test]
async fn a_url_that_leads_elsewhere_is_refused_before_any_call_and_never_fetched() {
    let world = strict().await;
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let port = trap.local_addr().unwrap().port();
    let hosts = [
        // This machine, in every spelling of its address.
        "127.0.0.1".to_owned(),
        "localhost".to_owned(),
        "LOCALHOST".to_owned(),
        "localhost.".to_owned(),
        "[::1]".to_owned(),
        "[::ffff:127.0.0.1]".to_owned(),
        "[0:0:0:0:0:ffff:7f00:1]".to_owned(),
        "127.1".to_owned(),
        "2130706433".to_owned(),
        "0x7f.1".to_owned(),
        "017700000001".to_owned(),
        "0".to_owned(),
        "①②⑦.⓪.⓪.①".to_owned(),
        // What only looks like AWS.
        "s3.amazonaws.com@127.0.0.1".to_owned(),
        "s3.amazonaws.com:PASSWORD@127.0.0.1".to_owned(),
        "user:PASSWORD@s3.amazonaws.com".to_owned(),
        "s3.amazonaws.com%40127.0.0.1".to_owned(),
        "127.0.0.1#.amazonaws.com".to_owned(),
        "127.0.0.1?.amazonaws.com".to_owned(),
        "127.0.0.1\\.amazonaws.com".to_owned(),
        "127.0.0.1/.amazonaws.com".to_owned(),
        "127.0.0.1;.amazonaws.com".to_owned(),
        "amazonaws.com.localhost".to_owned(),
        "s3.amazonaws.com.localhost".to_owned(),
        "xamazonaws.com".to_owned(),
        "s3-amazonaws.com".to_owned(),
        "amazonaws.com".to_owned(),
        ".amazonaws.com".to_owned(),
        "s3.amazonaws.com.".to_owned(),
        "s3.amazonaws.com.cn".to_owned(),
        "s3.amazonaws.co".to_owned(),
        "s3.ámazonaws.com".to_owned(),
        "s3.amazonaws.com\u{200b}.localhost".to_owned(),
        "s3。amazonaws。com。localhost".to_owned(),
        // Metadata services.
        "169.254.169.254".to_owned(),
        "[fd00:ec2::254]".to_owned(),
        "metadata.google.internal".to_owned(),
    ];
    for host in &hosts {
        for url in [
            format!("https://{host}/key?SIGNATURE"),
            format!("https://{host}:{port}/key?SIGNATURE"),
            format!("http://{host}:{port}/key?SIGNATURE"),
        ] {
            assert_refused(&world, &url).await;
        }
    }
    assert!(trap.accept().is_err(), "nobody knocked");
}

#[tokio::test]
async fn a_url_of_another_scheme_or_port_is_refused_even_on_aws() {
    let world = strict().await;
    for url in [
        "http://bucket.s3.amazonaws.com/key?SIGNATURE",
        "https://bucket.s3.amazonaws.com:80/key?SIGNATURE",
        "https://bucket.s3.amazonaws.com:8443/key?SIGNATURE",
        "https://bucket.s3.amazonaws.com:0/key?SIGNATURE",
        "https://bucket.s3.amazonaws.com:65536/key?SIGNATURE",
        "ftp://bucket.s3.amazonaws.com/key?SIGNATURE",
        "file:///key",
        "data:text/plain,SIGNATURE",
        "javascript:SIGNATURE",
        "//bucket.s3.amazonaws.com/key",
        "https:",
        "https://",
        "",
        " ",
        "\0",
    ] {
        assert_refused(&world, url).await;
    }
    assert_refused(&world, &world.aws.response_url(Age::Now)).await;
    let long = format!("https://{}.evil.example/key", "x".repeat(1 << 20));
    assert_refused(&world, &long).await;
}

#[tokio::test]
async fn a_response_is_sent_only_to_the_partitions_own_domain() {
    for (suffix, other) in [
        ("amazonaws.com", "amazonaws.com.cn"),
        ("amazonaws.com.cn", "amazonaws.com"),
        ("c2s.ic.gov", "amazonaws.com"),
        ("amazonaws.eu", "amazonaws.com"),
    ] {
        let mut world = strict().await;
        world.provider.url_rules.suffixes = vec![suffix.into()];
        assert_refused(&world, &format!("https://bucket.s3.{other}/key?SIGNATURE")).await;
        // Expired, so that nothing is sent to the real host.
        let url = format!("https://bucket.s3.region.{suffix}/key?X-Amz-Date=20200101T000000Z&X-Amz-Expires=7200");
        let error = world.invoke(&Request::create(desired("20")).with_response_url(url)).await.unwrap_err().to_string();
        assert!(error.contains("has expired"), "{suffix}: {error}");
    }
}
