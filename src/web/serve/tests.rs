//! How long a connection is kept that says nothing more, and how many one address may have.
//!
//! The clock is paused and streams are pipes; a listener hands out pipes with whatever address a test wants.
//!
//! Slow clients on real sockets are tested with the real binary.

use super::*;
use rustls::server::ResolvesServerCertUsingSni;
use std::sync::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::mpsc;

type Counted = Arc<Mutex<Vec<TurnedAway>>>;

fn welcome(tls: Option<Arc<ServerConfig>>) -> (Welcome, Counted) {
    let counted = Counted::default();
    let kept = Arc::clone(&counted);
    let count: Count = Arc::new(move |why| kept.lock().unwrap().push(why));
    (Welcome { router: Router::new(), tls, count }, counted)
}

/// How long a connection is kept on which `words` came and nothing after them, and who was turned away.
async fn kept(tls: Option<Arc<ServerConfig>>, words: &[u8]) -> (Duration, Vec<TurnedAway>) {
    let (mut client, server) = tokio::io::duplex(4096);
    let (_closing, closed) = watch::channel(());
    let (welcome, counted) = welcome(tls);
    client.write_all(words).await.unwrap();
    let begun = Instant::now();
    begin(server, welcome, closed).await;
    let counted = std::mem::take(&mut *counted.lock().unwrap());
    (begun.elapsed(), counted)
}

#[tokio::test(start_paused = true)]
async fn a_head_or_a_handshake_that_is_never_done_is_given_up() {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(ResolvesServerCertUsingSni::new()));
    let slack = Duration::from_secs(1);
    let half = b"GET / HTTP/1.1\r\nhost: a\r\nx: ";
    for (words, within, counted) in [
        (&half[..], FIRST_WITHIN, vec![TurnedAway::Slow]),
        (b"", FIRST_WITHIN, vec![TurnedAway::Slow]),
        (b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", HEAD_WITHIN, vec![]),
        (b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HT", HEAD_WITHIN, vec![]),
    ] {
        let (long, who) = kept(None, words).await;
        assert!((within..within + slack).contains(&long), "{long:?}");
        assert_eq!(who, counted);
    }
    let (long, who) = kept(Some(Arc::new(config)), b"\x16\x03\x01").await;
    assert!((HANDSHAKE_WITHIN..HANDSHAKE_WITHIN + slack).contains(&long), "{long:?}");
    assert_eq!(who, [TurnedAway::Slow]);
}

/// Hands out what it is sent.
struct Pipes(mpsc::Receiver<(DuplexStream, SocketAddr)>);

impl Listener for Pipes {
    type Io = DuplexStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (DuplexStream, SocketAddr) {
        match self.0.recv().await {
            Some(pair) => pair,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(([127, 0, 0, 1], 1).into())
    }
}

#[tokio::test(start_paused = true)]
async fn one_address_leaves_room_for_others() {
    let (sender, receiver) = mpsc::channel(1);
    let (welcome, counted) = welcome(None);
    let (stop, mut stopping) = watch::channel(false);
    let told = async move {
        let _ = stopping.wait_for(|stop| *stop).await;
    };
    let connect = async |address: &str| {
        let (client, server) = tokio::io::duplex(4096);
        sender.send((server, address.parse().unwrap())).await.unwrap();
        client
    };
    let is_answered = async |client: &mut DuplexStream| {
        let asked = client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let mut first = [0; 8];
        asked.is_ok() && client.read_exact(&mut first).await.is_ok()
    };
    let clients = async {
        let mut crowd = Vec::new();
        // One client, under as many addresses of its network as it likes.
        for number in 0..CONNECTIONS_OF_ONE {
            let mut client = connect(&format!("[2001:db8::{number:x}]:1")).await;
            assert!(is_answered(&mut client).await);
            crowd.push(client);
        }
        assert!(!is_answered(&mut connect("[2001:db8::ffff]:1").await).await);
        assert_eq!(*counted.lock().unwrap(), [TurnedAway::Connections]);
        for other in ["[2001:db8:0:1::1]:1", "192.0.2.1:1", "[::ffff:192.0.2.2]:1"] {
            assert!(is_answered(&mut connect(other).await).await, "{other}");
        }
        // A place that is left is free.
        crowd.pop();
        tokio::task::yield_now().await;
        assert!(is_answered(&mut connect("[2001:db8::ffff]:1").await).await);
        assert_eq!(counted.lock().unwrap().len(), 1);
        stop.send(true).unwrap();
    };
    tokio::join!(serve(Pipes(receiver), welcome, told), clients);
}
