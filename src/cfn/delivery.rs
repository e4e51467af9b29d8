//! Delivers an answer: one PUT to the response URL, tried again where that can help.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use tokio::time::Instant;

use super::response_url::ResponseUrl;
use crate::backoff::Backoff;
use crate::failure::Failure;
use crate::http::client as http;
use crate::http::preconnect::Preconnect;

const LONGEST_ATTEMPT: Duration = Duration::from_secs(10);
const SHORTEST_ATTEMPT: Duration = Duration::from_millis(250);
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Sends answers.
#[derive(Debug, Clone)]
pub struct Delivery {
    tls: rustls::ClientConfig,
    client: reqwest::Client,
    preconnect: Preconnect,
    /// Whether a connection was ever asked for. One that is open already would carry the request that only is to open one.
    connected: Arc<AtomicBool>,
}

/// What an attempt that did not deliver says of the next one.
enum Attempt {
    MayPass(String),
    Final(String),
}

impl Delivery {
    /// With connections of its own, made with `tls`.
    ///
    /// # Errors
    /// Where no client can be made.
    pub fn new(tls: rustls::ClientConfig) -> Result<Self, String> {
        let preconnect = Preconnect::default();
        let client = http::client(&tls, &preconnect)?;
        Ok(Self { tls, client, preconnect, connected: Arc::default() })
    }

    /// The same with other connections: they belong to the thread that opened them.
    ///
    /// # Errors
    /// Where no client can be made.
    pub fn on_this_thread(&self) -> Result<Self, Failure> {
        Self::new(self.tls.clone()).map_err(Failure::new)
    }

    /// Opens the connection for the first answer of this process, while its request is worked on; later ones find it open.
    /// Where that fails, or lasts until `deadline`, the PUT does it. Nothing is sent.
    pub async fn connect(&self, url: &ResponseUrl, deadline: Instant) {
        if !self.connected.swap(true, Ordering::SeqCst) {
            let open = self.preconnect.open(self.client.put(url.url()).send());
            let _late = tokio::time::timeout_at(deadline, open).await;
        }
    }

    /// PUTs `body` to `url`, and again with pauses until `deadline` while the failure is one that can pass: a connection that
    /// fails or stalls, 429, 5xx. Redirects are not followed. The same body twice is the same as once.
    ///
    /// # Errors
    /// The answer was not delivered. The error names the last status or the kind of failure, never the URL.
    pub async fn deliver(&self, url: &ResponseUrl, body: Vec<u8>, deadline: Instant) -> Result<(), Failure> {
        self.connected.store(true, Ordering::SeqCst);
        let (mut backoff, mut why) = (Backoff::starting_at(FIRST_PAUSE), "no response in time".to_owned());
        let mut attempts = FuturesUnordered::new();
        let mut next = Instant::now();
        // One attempt is made in any case.
        let end = deadline.max(next + SHORTEST_ATTEMPT);
        loop {
            tokio::select! {
                biased;
                Some(result) = attempts.next() => match result {
                    Ok(()) => return Ok(()),
                    Err(Attempt::Final(why)) => return Err(undelivered(&why)),
                    Err(Attempt::MayPass(passing)) => {
                        tracing::warn!(why = passing, "the answer was not taken; it is sent again");
                        let pause = backoff.next_pause().mul_f64(0.5 + fastrand::f64() / 2.0);
                        (why, next) = (passing, Instant::now() + pause);
                    }
                },
                () = tokio::time::sleep_until(next.min(end)) => {
                    let now = Instant::now();
                    if now >= end {
                        return Err(undelivered(&why));
                    }
                    attempts.push(self.attempt(url, body.clone()));
                    // One that hangs is not given up, since it may only be slow: another goes beside it.
                    next = now + ((end - now) / 2).clamp(SHORTEST_ATTEMPT, LONGEST_ATTEMPT);
                }
            }
        }
    }

    async fn attempt(&self, url: &ResponseUrl, body: Vec<u8>) -> Result<(), Attempt> {
        let result = tokio::time::timeout(LONGEST_ATTEMPT, self.put(url, body)).await;
        result.unwrap_or_else(|_| Err(Attempt::MayPass(format!("no answer within {LONGEST_ATTEMPT:?}"))))
    }

    async fn put(&self, url: &ResponseUrl, body: Vec<u8>) -> Result<(), Attempt> {
        // The URL is signed for an empty Content-Type.
        let request = self.client.put(url.url()).header(CONTENT_TYPE, HeaderValue::from_static("")).body(body);
        let status = match request.send().await {
            Ok(response) => response.status(),
            Err(error) => return Err(Attempt::MayPass(http::describe(error))),
        };
        match status.as_u16() {
            200..=299 => Ok(()),
            408 | 429 | 500..=599 => Err(Attempt::MayPass(format!("status {status}"))),
            _ => Err(Attempt::Final(format!("status {status}"))),
        }
    }
}

fn undelivered(why: &str) -> Failure {
    Failure::new(format!("The answer was not delivered to the response URL: {why}."))
}
