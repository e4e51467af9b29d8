//! What a successful request responds with.

use serde_json::{Map, Value};

use crate::cfn::request::Request;

/// A resource that is in its desired state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reconciled {
    /// The value of `Ref`.
    pub(crate) physical_id: String,
    /// The values of `Fn::GetAtt`.
    pub(crate) data: Map<String, Value>,
}

impl Reconciled {
    /// The response to a Delete: its physical id is that of the request.
    pub(crate) fn deleted(request: &Request) -> Self {
        Self { physical_id: request.physical_resource_id.clone().unwrap_or_default(), data: Map::new() }
    }
}
