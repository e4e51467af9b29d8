//! A log that fills up.

use std::io::Write;
use std::process::Stdio;

use loopback_aws::{Age, InvocationError, Loopback};

use crate::documents::desired;
use crate::process::bootstrap::Bootstrap;
use crate::protocol::stages::TIMEOUT;
use crate::world::{Request, World};

#[tokio::test]
async fn a_log_that_nobody_reads_delays_no_response() {
    let (_unread, mut log) = std::io::pipe().unwrap();
    // A pipe takes 64 KB: little is left.
    log.write_all(&[b'\n'; 60 * 1024]).unwrap();
    let world = World::on_sockets(Loopback::builder()).await;
    let runtime = world.aws.runtime_api().await;
    let _process = Bootstrap::start(&world.aws, &runtime, "INFO", log.into(), Stdio::null());
    for number in 1..=40 {
        let event = Request::create(desired(&number.to_string())).event(&world.aws.response_url(Age::Now));
        let result = runtime.invoke(&event, TIMEOUT).await;
        assert_eq!(world.aws.delivered().len(), number, "each gets a response: {result:?}");
        if result == Err(InvocationError::TimedOut) {
            return;
        }
    }
    panic!("the log never stopped the process: this test tests nothing");
}
