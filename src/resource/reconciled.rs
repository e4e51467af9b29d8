//! What a successful request responds with.

use serde_json::{Map, Value};

/// A resource that is in its desired state.
#[derive(Debug, Clone, PartialEq)]
pub struct Reconciled {
    /// The value of `Ref`.
    pub physical_id: String,
    /// The values of `Fn::GetAtt`.
    pub data: Map<String, Value>,
}
