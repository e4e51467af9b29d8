//! The protocol of [custom resources](https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html):
//! a request comes in, exactly one answer goes out. Nothing here knows what the resources are.

pub mod callback;
pub mod deadline;
pub mod failure;
pub mod guard;
pub mod progress;
pub mod properties;
pub mod request;
pub mod response;
pub mod response_url;
pub mod watchdog;
