//! Connections that are opened before they are needed, so that the TLS handshake is already done.
//!
//! reqwest can't open a connection without sending a request. So this module wraps reqwest's connector: during
//! [`Preconnect::open`], the wrapper keeps the new connection and fails the request that opened it, so nothing is sent. The
//! next request that needs a connection takes the kept one.

use std::any::Any;
use std::future::ready;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A kept connection is not monitored, so it is discarded before the server is likely to have closed it.
const KEPT_FOR: Duration = Duration::from_secs(4);

/// The kept connection of a client that talks to one host.
#[derive(Debug, Clone, Default)]
pub(crate) struct Preconnect(Arc<State>);

#[derive(Debug, Default)]
struct State {
    opening: AtomicBool,
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    connection: Box<dyn Any + Send>,
    since: Instant,
}

impl Preconnect {
    /// Runs a request that opens a connection and then fails without being sent. No other request may run at the same time.
    pub(crate) async fn open<T>(&self, request: impl Future<Output = T>) {
        let opening = Opening(&self.0.opening);
        opening.0.store(true, Ordering::SeqCst);
        request.await;
    }

    fn keep(&self, connection: impl Any + Send) {
        *self.kept() = Some(Kept { connection: Box::new(connection), since: Instant::now() });
    }

    fn take<C: Any>(&self) -> Option<C> {
        let kept = self.kept().take().filter(|kept| kept.since.elapsed() < KEPT_FOR)?;
        kept.connection.downcast().ok().map(|connection| *connection)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Option<Kept>> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Resets the flag on drop, and therefore also if the future is dropped.
struct Opening<'a>(&'a AtomicBool);

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl<S> Layer<S> for Preconnect {
    type Service = Connector<S>;

    fn layer(&self, inner: S) -> Connector<S> {
        Connector { inner, kept: self.clone() }
    }
}

/// A connector that can keep its connection.
#[derive(Debug, Clone)]
pub(crate) struct Connector<S> {
    inner: S,
    kept: Preconnect,
}

impl<S, R> Service<R> for Connector<S>
where
    S: Service<R, Error = BoxError>,
    S::Response: Send + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let opening = self.kept.0.opening.load(Ordering::SeqCst);
        if !opening && let Some(connection) = self.kept.take() {
            return Box::pin(ready(Ok(connection)));
        }
        let (connecting, kept) = (self.inner.call(request), self.kept.clone());
        Box::pin(async move {
            let connection = connecting.await?;
            if opening {
                kept.keep(connection);
                return Err("the connection is kept for the next request".into());
            }
            Ok(connection)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers its connections from 1.
    #[derive(Default)]
    struct Inner(u32);

    impl Service<&'static str> for Inner {
        type Response = u32;
        type Error = BoxError;
        type Future = std::future::Ready<Result<u32, BoxError>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, host: &'static str) -> Self::Future {
            self.0 += 1;
            ready(if host == "down" { Err("refused".into()) } else { Ok(self.0) })
        }
    }

    async fn connect(connector: &mut Connector<Inner>, host: &'static str) -> Option<u32> {
        connector.call(host).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_preconnected_connection_is_given_to_the_next_request_only() {
        let preconnect = Preconnect::default();
        let mut connector = preconnect.layer(Inner::default());
        preconnect.open(async { assert_eq!(connect(&mut connector, "host").await, None, "nothing may be sent") }).await;
        assert_eq!(connect(&mut connector, "host").await, Some(1));
        assert_eq!(connect(&mut connector, "host").await, Some(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_was_kept_for_too_long_is_not_used() {
        let preconnect = Preconnect::default();
        let mut connector = preconnect.layer(Inner::default());
        preconnect.open(connect(&mut connector, "host")).await;
        tokio::time::advance(KEPT_FOR).await;
        assert_eq!(connect(&mut connector, "host").await, Some(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_preconnect_that_fails_or_is_dropped_leaves_later_requests_alone() {
        let preconnect = Preconnect::default();
        let mut connector = preconnect.layer(Inner::default());
        preconnect.open(connect(&mut connector, "down")).await;
        let dropped = tokio::time::timeout(Duration::from_secs(1), preconnect.open(std::future::pending::<()>())).await;
        assert!(dropped.is_err());
        assert_eq!(connect(&mut connector, "host").await, Some(2));
    }
}
