//! The retries of a request after earlier ones failed.

use futures_util::future::join_all;
use loopback_aws::{Fault, Loopback};

use crate::documents::desired;
use crate::protocol::stages::{TIMEOUT, delivered};
use crate::world::{Request, World};

#[tokio::test]
async fn requests_that_failed_earlier_in_the_same_process_take_no_retries_from_later_ones() {
    let world = World::on_sockets(Loopback::builder()).await;
    world.aws.on("*").always().fault(Fault::ResetBefore);
    let failed = [(); 9].map(async |()| world.invoke_within(&Request::create(desired("20")), TIMEOUT).await);
    assert!(join_all(failed).await.iter().all(Result::is_ok));
    world.aws.no_faults();
    world.aws.forget();
    world.aws.on("*").times(2).fault(Fault::ResetBefore);
    world.invoke_within(&Request::create(desired("20")), TIMEOUT).await.unwrap();
    assert_eq!(delivered(&world, "after nine").0["Status"], "SUCCESS");
}
