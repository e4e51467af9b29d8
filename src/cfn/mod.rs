//! The protocol of [custom resources](https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html):
//! a request comes in, and exactly one response goes out. Nothing here knows what the resources are.

pub mod delivery;
pub mod physical_id;
pub mod properties;
pub mod request;
pub mod response;
pub mod response_url;
pub mod standing;
