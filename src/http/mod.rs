//! The HTTP client, and connections that are opened before they are needed.

pub mod client;
pub mod gate;
pub mod preconnect;
pub mod put;
