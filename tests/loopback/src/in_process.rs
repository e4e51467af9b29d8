//! The loopback AWS without sockets: a request is passed as a value, so that a test can pause time.

use crate::call;
use crate::loopback::Loopback;
use crate::server::{Outcome, Reset};
use crate::shared::Shared;
use crate::sink;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// Carries requests to a loopback AWS in the same process. A clone carries them to the same one.
#[derive(Clone)]
pub struct InProcess {
    shared: Arc<Shared>,
    sink: SocketAddr,
}

impl Loopback {
    /// The transport that carries requests to this loopback AWS without sockets.
    pub fn transport(&self) -> InProcess {
        InProcess { shared: Arc::clone(&self.shared), sink: self.sink }
    }
}

impl InProcess {
    /// Carries one request: to the sink if its URL is the sink's, otherwise to SSM and CloudFormation.
    ///
    /// A request that hangs stays pending. Dropping a request cuts it off, as closing the connection does: it changes
    /// nothing from then on.
    ///
    /// # Errors
    /// The connection was reset.
    pub async fn send<B: Into<Bytes>>(&self, request: Request<B>) -> Result<Response<Bytes>, Reset> {
        let mut request = request.map(|body| Full::new(body.into()));
        let authority = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        if let Ok(host) = authority.parse() {
            request.headers_mut().entry("host").or_insert(host);
        }
        let outcome: Outcome = if authority == self.sink.to_string() {
            sink::serve(Arc::clone(&self.shared), request, 0).await
        } else {
            call::serve(Arc::clone(&self.shared), request, 0).await
        };
        outcome
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess").finish_non_exhaustive()
    }
}
