//! A DNS server over HTTPS on port 0 of the loopback: HTTP/2 over TLS, with a script that says what comes back.
//!
//! The script sees the request and its body as they came; the requests are kept, in order, for the test to look at.
//!
//! It decodes no question by itself.

use super::tcp::TcpServer;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hickory_resolver::proto::op::Message;
use http::{Request, Response};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::server::TlsStream;

/// A request as it came, with its body.
pub(crate) type Asked = Request<Vec<u8>>;

/// Method, authority, path with query, and body of a request.
pub(crate) type Seen = (String, String, String, Vec<u8>);

/// What has come so far.
type Kept = Arc<Mutex<Vec<Seen>>>;

/// What the server does about a request.
pub(crate) enum Answer {
    /// Sends this, whole.
    Whole(Response<Vec<u8>>),
    /// Sends this, and never ends the body.
    Endless(Response<Vec<u8>>),
    /// Breaks the request off.
    Reset,
    /// Says nothing.
    Silence,
}

/// The running server; it stops when dropped.
pub(crate) struct DohServer {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    asked: Kept,
    _tasks: JoinSet<()>,
}

type Script = dyn Fn(&Asked) -> Answer + Send + Sync;

impl DohServer {
    /// Starts a server that follows `script`; `config` gets the protocol `h2`.
    pub(crate) async fn start(
        mut config: rustls::ServerConfig,
        script: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        config.alpn_protocols = vec![b"h2".to_vec()];
        let script: Arc<Script> = Arc::new(script);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        let TcpServer { address, tasks } = TcpServer::secure(config, move |stream| {
            serve(stream, Arc::clone(&script), Arc::clone(&kept))
        })
        .await;
        Self { address, asked, _tasks: tasks }
    }

    /// Method, authority, path with query, and body of each request that has come.
    pub(crate) fn asked(&self) -> Vec<Seen> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(stream: TlsStream<TcpStream>, script: Arc<Script>, kept: Kept) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    let mut tasks = JoinSet::new();
    while let Some(Ok((request, respond))) = connection.accept().await {
        let (script, kept) = (Arc::clone(&script), Arc::clone(&kept));
        tasks.spawn(answer(request, respond, script, kept));
    }
}

async fn answer(
    request: Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
    script: Arc<Script>,
    kept: Kept,
) {
    let (head, mut stream) = request.into_parts();
    let mut body = Vec::new();
    while let Some(Ok(data)) = stream.data().await {
        body.extend_from_slice(&data);
    }
    let path = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let authority = head.uri.authority().map(ToString::to_string).unwrap_or_default();
    kept.lock().unwrap().push((head.method.to_string(), authority, path, body.clone()));
    let asked = Request::from_parts(head, body);
    let (response, ends) = match script(&asked) {
        Answer::Whole(response) => (response, true),
        Answer::Endless(response) => (response, false),
        Answer::Reset => return respond.send_reset(h2::Reason::REFUSED_STREAM),
        Answer::Silence => return std::future::pending().await,
    };
    let (head, body) = response.into_parts();
    let Ok(mut sending) = respond.send_response(Response::from_parts(head, ()), false) else {
        return;
    };
    let _ = sending.send_data(body.into(), ends);
    if !ends {
        std::future::pending::<()>().await;
    }
}

/// The question in a request, wherever the method carries it.
pub(crate) fn question(asked: &Asked) -> Message {
    let in_url = asked.uri().query().and_then(|query| query.split("dns=").nth(1));
    let bytes = match in_url {
        Some(text) => URL_SAFE_NO_PAD.decode(text).unwrap(),
        None => asked.body().clone(),
    };
    Message::from_vec(&bytes).unwrap()
}
