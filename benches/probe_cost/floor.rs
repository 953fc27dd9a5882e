//! The floor: what a probe would cost if it did nothing but the wire, written by hand for each protocol.
//!
//! A new connection each time; TLS with full verification and no resumption; the whole answer read and its status looked
//! at. No phases, no deadline, no facts, no result.
//!
//! It is not a prober: it gives no reasons and bounds nothing.

use super::Target;
use hickory_resolver::proto::op::{Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore, client::Resumption};
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;

type Fallible<T> = Result<T, Box<dyn Error>>;

/// What is set up once.
pub(crate) struct Floor {
    target: Target,
    address: SocketAddr,
    tls: TlsConnector,
    request: String,
    name: Name,
}

impl Floor {
    pub(crate) fn new(target: Target, address: SocketAddr, root: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        let certificate =
            CertificateDer::from_pem_file(root).expect("the parent wrote the root certificate");
        roots.add(certificate).expect("a root that the parent made");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has the default versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Self {
            target,
            address,
            tls: TlsConnector::from(Arc::new(config)),
            request: format!("GET /page HTTP/1.1\r\nhost: {address}\r\naccept: */*\r\n\r\n"),
            name: Name::from_ascii("www.bench.test.").expect("a constant name"),
        }
    }

    pub(crate) async fn probe(&self) -> Result<(), String> {
        match self.target {
            Target::Tcp => self.connect().await.map(drop),
            Target::Http => self.http().await,
            Target::Https => self.https().await,
            Target::Dns => self.dns().await,
        }
        .map_err(|problem| problem.to_string())
    }

    #[expect(clippy::disallowed_methods, reason = "the floor stands beside `net`, not on it")]
    async fn connect(&self) -> Fallible<TcpStream> {
        Ok(TcpStream::connect(self.address).await?)
    }

    async fn http(&self) -> Fallible<()> {
        exchange(self.connect().await?, &self.request).await
    }

    async fn https(&self) -> Fallible<()> {
        let stream = self.connect().await?;
        stream.set_nodelay(true)?;
        let name = ServerName::from(self.address.ip());
        exchange(self.tls.connect(name, stream).await?, &self.request).await
    }

    async fn dns(&self) -> Fallible<()> {
        let mut query = Message::query();
        query.add_query(Query::query(self.name.clone(), RecordType::A));
        let socket = UdpSocket::bind((IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0)).await?;
        socket.connect(self.address).await?;
        socket.send(&query.to_vec()?).await?;
        let mut buffer = [0; 1232];
        let length = socket.recv(&mut buffer).await?;
        let answer = Message::from_vec(&buffer[..length])?;
        let right = answer.metadata.id == query.metadata.id
            && answer.metadata.response_code == ResponseCode::NoError
            && answer.answers.len() == 1;
        if right { Ok(()) } else { Err("another answer".into()) }
    }
}

/// Sends the request and reads the response to the end that its length gives.
async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, request: &str) -> Fallible<()> {
    stream.write_all(request.as_bytes()).await?;
    let mut buffer = vec![0; 8192];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Err("closed before its end".into());
        }
        filled += read;
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(head) = response.parse(&buffer[..filled])? else { continue };
        if response.code != Some(200) {
            return Err(format!("status {:?}", response.code).into());
        }
        let length = response
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case("content-length"))
            .ok_or("no length")?;
        let length: usize = std::str::from_utf8(length.value)?.parse()?;
        if filled >= head + length {
            return Ok(());
        }
    }
}
