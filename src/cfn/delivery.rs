//! Delivers a response by a PUT to the response URL, with retries.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::response_url::ResponseUrl;
use crate::backoff::Backoff;
use crate::failure::Failure;
use crate::http::put::Put;

const LONGEST_ATTEMPT: Duration = Duration::from_secs(10);
const SHORTEST_ATTEMPT: Duration = Duration::from_millis(250);
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Delivers responses over one HTTP client.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    put: Arc<dyn Put>,
}

/// Why an attempt failed.
enum AttemptError {
    Transient(String),
    Permanent(String),
}

impl Delivery {
    pub(crate) fn new(put: Arc<dyn Put>) -> Self {
        Self { put }
    }

    /// Creates another delivery for the calling thread, since connections belong to the thread that opened them.
    ///
    /// # Errors
    /// The HTTP client can't be built.
    pub(crate) fn on_this_thread(&self) -> Result<Self, Failure> {
        self.put.on_this_thread().map(Self::new).map_err(Failure::new)
    }

    /// Opens the connection for the first response of this process, while the request is carried out. Nothing is sent.
    ///
    /// If that fails or takes until `deadline`, the PUT opens a connection itself.
    pub(crate) async fn connect(&self, url: &ResponseUrl, deadline: Instant) {
        let _late = tokio::time::timeout_at(deadline, self.put.connect(url.url())).await;
    }

    /// PUTs `body` to `url`. Failed or stalled connections and the statuses 408, 429 and 5xx are retried until `deadline`.
    ///
    /// A stalled attempt, which may take up to 10 s, is not cancelled when the next one starts, so the same body may arrive
    /// twice, which is harmless. Redirects are not followed.
    ///
    /// # Errors
    /// The response was not delivered. The error names the last status or the cause, never the URL.
    pub(crate) async fn deliver(&self, url: &ResponseUrl, body: Vec<u8>, deadline: Instant) -> Result<(), Failure> {
        let (mut backoff, mut why) = (Backoff::starting_at(FIRST_PAUSE), "no reply in time".to_owned());
        let mut attempts = FuturesUnordered::new();
        let mut next = Instant::now();
        // There is always time for one attempt.
        let end = deadline.max(next + SHORTEST_ATTEMPT);
        loop {
            tokio::select! {
                biased;
                Some(result) = attempts.next() => match result {
                    Ok(()) => return Ok(()),
                    Err(AttemptError::Permanent(why)) => return Err(undelivered(&why)),
                    Err(AttemptError::Transient(error)) => {
                        tracing::warn!(error, "an attempt to deliver the response failed; it is retried while time remains");
                        let pause = backoff.next_pause().mul_f64(0.5 + fastrand::f64() / 2.0);
                        (why, next) = (error, Instant::now() + pause);
                    }
                },
                () = tokio::time::sleep_until(next.min(end)) => {
                    let now = Instant::now();
                    if now >= end {
                        return Err(undelivered(&why));
                    }
                    attempts.push(self.attempt(url, body.clone()));
                    // A stalled attempt may just be slow, so the next one runs alongside it.
                    next = now + ((end - now) / 2).clamp(SHORTEST_ATTEMPT, LONGEST_ATTEMPT);
                }
            }
        }
    }

    async fn attempt(&self, url: &ResponseUrl, body: Vec<u8>) -> Result<(), AttemptError> {
        let result = tokio::time::timeout(LONGEST_ATTEMPT, self.put(url, body)).await;
        result.unwrap_or_else(|_| Err(AttemptError::Transient(format!("no reply within {LONGEST_ATTEMPT:?}"))))
    }

    async fn put(&self, url: &ResponseUrl, body: Vec<u8>) -> Result<(), AttemptError> {
        let status = self.put.put(url.url(), body).await.map_err(AttemptError::Transient)?;
        match status.as_u16() {
            200..=299 => Ok(()),
            408 | 429 | 500..=599 => Err(AttemptError::Transient(format!("status {status}"))),
            _ => Err(AttemptError::Permanent(format!("status {status}"))),
        }
    }
}

fn undelivered(why: &str) -> Failure {
    Failure::new(format!("The response was not delivered to the response URL: {why}."))
}
