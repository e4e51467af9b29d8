//! The PUT that delivers a response.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::StatusCode;
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderValue};

use super::client::{client, describe};
use super::preconnect::Preconnect;

/// Sends PUTs. Tests replace it, to run without sockets.
pub trait Put: fmt::Debug + Send + Sync {
    /// Opens a connection for this instance's first PUT. Nothing is sent. Does nothing after the first call or PUT.
    fn connect(&self, url: Url) -> BoxFuture<'_, ()>;

    /// Sends `body` to `url`, with an empty `Content-Type`. Redirects are not followed.
    ///
    /// Returns the status. The error says why there is none, without the URL.
    fn put(&self, url: Url, body: Vec<u8>) -> BoxFuture<'_, Result<StatusCode, String>>;

    /// Returns another instance for the calling thread, since connections belong to the thread that opened them.
    ///
    /// # Errors
    /// The HTTP client can't be built.
    fn on_this_thread(&self) -> Result<Arc<dyn Put>, String>;
}

/// PUTs over HTTPS.
#[derive(Debug)]
pub struct HttpsPut {
    tls: rustls::ClientConfig,
    client: reqwest::Client,
    preconnect: Preconnect,
    /// Whether a connection was opened before. Over an open connection, the request that `connect` makes would actually be sent.
    connected: AtomicBool,
}

impl HttpsPut {
    /// Creates an instance with connections of its own.
    ///
    /// # Errors
    /// The HTTP client can't be built from `tls`.
    pub fn new(tls: rustls::ClientConfig) -> Result<Self, String> {
        let preconnect = Preconnect::default();
        let client = client(&tls, &preconnect)?;
        Ok(Self { tls, client, preconnect, connected: AtomicBool::new(false) })
    }
}

impl Put for HttpsPut {
    fn connect(&self, url: Url) -> BoxFuture<'_, ()> {
        async move {
            if !self.connected.swap(true, Ordering::SeqCst) {
                self.preconnect.open(self.client.put(url).send()).await;
            }
        }
        .boxed()
    }

    fn put(&self, url: Url, body: Vec<u8>) -> BoxFuture<'_, Result<StatusCode, String>> {
        self.connected.store(true, Ordering::SeqCst);
        // The URL is signed for an empty Content-Type.
        let request = self.client.put(url).header(CONTENT_TYPE, HeaderValue::from_static("")).body(body);
        async move { request.send().await.map(|response| response.status()).map_err(describe) }.boxed()
    }

    fn on_this_thread(&self) -> Result<Arc<dyn Put>, String> {
        Ok(Arc::new(Self::new(self.tls.clone())?))
    }
}
