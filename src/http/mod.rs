//! The HTTP client, and connections that are opened before they are needed.

pub mod client;
pub(crate) mod gate;
pub(crate) mod preconnect;
pub mod put;
