//! HTTP: the one client under the SDK and under the delivery of responses, and connections opened before they are needed.

pub mod client;
pub mod gate;
pub mod preconnect;
