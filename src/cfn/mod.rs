//! The protocol of [custom resources](https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html): one response
//! for each request. Nothing here knows which resources exist.

pub(crate) mod delivery;
pub(crate) mod physical_id;
pub(crate) mod properties;
pub mod request;
pub mod response;
pub mod response_url;
pub mod standing;
