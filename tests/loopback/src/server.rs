//! One listening endpoint: accepts connections, counts them, speaks HTTP/1.1 with or without TLS, and can reset one.

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub(crate) type Reply = Response<Bytes>;
/// A response, or the end of the connection; a request that hangs has no outcome.
pub(crate) type Outcome = Result<Reply, Reset>;
pub(crate) type Replying = Pin<Box<dyn Future<Output = Outcome> + Send>>;
/// Responds to the requests of an endpoint, given the number of the connection, from 1.
pub(crate) type Handler = Arc<dyn Fn(Request<Incoming>, u64) -> Replying + Send + Sync>;

/// The connection was reset, as by a peer that vanished: there is no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset;

impl std::fmt::Display for Reset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("connection reset by peer")
    }
}

impl std::error::Error for Reset {}

/// How many connections and TLS handshakes an endpoint has seen.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    connections: AtomicU64,
    handshakes: AtomicU64,
}

/// What an endpoint has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// TCP connections accepted.
    pub connections: u64,
    /// TLS handshakes completed.
    pub handshakes: u64,
}

impl Counters {
    pub(crate) fn read(&self) -> Counts {
        Counts {
            connections: self.connections.load(Ordering::SeqCst),
            handshakes: self.handshakes.load(Ordering::SeqCst),
        }
    }
}

/// Binds a port on loopback: 0 is a free one.
pub(crate) async fn bind(port: u16) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a port on loopback");
    let address = listener.local_addr().expect("the address just bound");
    (listener, address)
}

/// Serves until the runtime that it runs on is dropped.
pub(crate) async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, counters: Arc<Counters>, handler: Handler) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let number = counters.connections.fetch_add(1, Ordering::SeqCst) + 1;
        stream.set_nodelay(true).ok();
        let (tls, counters, handler) = (tls.clone(), Arc::clone(&counters), Arc::clone(&handler));
        tokio::spawn(async move {
            let Some(tls) = tls else { return converse(stream, number, handler).await };
            if let Ok(stream) = tls.accept(stream).await {
                counters.handshakes.fetch_add(1, Ordering::SeqCst);
                converse(stream, number, handler).await;
            }
        });
    }
}

/// A stream whose socket can be told to reset on close.
trait Resettable: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    fn socket(&self) -> &TcpStream;
}

impl Resettable for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Resettable for TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

async fn converse<S: Resettable>(stream: S, number: u64, handler: Handler) {
    let reset = Arc::new(Notify::new());
    let resetting = Arc::clone(&reset);
    let service = service_fn(move |request| {
        let (outcome, resetting) = (handler(request, number), Arc::clone(&resetting));
        async move {
            match outcome.await {
                Ok(reply) => Ok::<_, Infallible>(reply.map(Full::new)),
                Err(Reset) => {
                    resetting.notify_one();
                    std::future::pending().await
                }
            }
        }
    });
    let mut connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // A peer that goes away, or is killed, is no error of ours.
        _ = &mut connection => {}
        () = reset.notified() => {
            let stream = connection.into_parts().io.into_inner();
            stream.socket().set_zero_linger().ok();
        }
    }
}

/// A response with this status, content type and body.
pub(crate) fn reply(status: u16, content_type: &str, body: impl Into<Bytes>) -> Reply {
    let builder = Response::builder().status(status).header("content-type", content_type);
    builder.body(body.into()).expect("a status and a content type that are valid")
}
