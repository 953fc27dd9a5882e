//! What the demo's TCP servers say: a web server, with and without TLS, and a mail server.
//!
//! One exchange per connection, just enough of each protocol for an honest probe. Every read is bounded, and in silent
//! weather a connection is held until the client has had enough.
//!
//! They serve nobody but the demo.

use super::certs::Identities;
use super::cloud::Site;
use super::weather::{Mood, Weather};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

/// Bytes of a request or a command at most.
const REQUEST_LIMIT: usize = 8 * 1024;

/// How long an answer takes in slow weather; the generated configuration warns from 200 ms on.
const SLOW: Duration = Duration::from_millis(350);

/// No client of the demo stays longer than this.
const HELD_FOR: Duration = Duration::from_secs(10);

/// What a server does.
#[derive(Clone)]
pub(super) enum Trade {
    /// HTTP over TLS.
    Https(Identities),
    /// HTTP.
    Http,
    /// SMTP, as far as a greeting goes.
    Smtp,
}

impl Trade {
    /// One exchange with one client.
    pub(super) async fn talk(
        &self,
        client: TcpStream,
        weather: Weather,
        site: &Site,
    ) -> io::Result<()> {
        client.set_nodelay(true)?;
        match self {
            Self::Https(identities) => {
                let acceptor = TlsAcceptor::from(identities.now(weather));
                let mut client = acceptor.accept(client).await?;
                web(&mut client, weather, site).await
            }
            Self::Http => web(&mut { client }, weather, site).await,
            Self::Smtp => mail(&mut { client }, weather, site).await,
        }
    }
}

async fn web<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut S,
    weather: Weather,
    site: &Site,
) -> io::Result<()> {
    read_until(client, b"\r\n\r\n").await?;
    if weather.mood == Mood::Silent {
        return hold(client).await;
    }
    tokio::time::sleep(pace(weather, site)).await;
    let (status, word) = match weather.mood {
        Mood::Failing => ("503 Service Unavailable", "overloaded"),
        _ => ("200 OK", "ok"),
    };
    let body = format!("{{\"status\": \"{word}\", \"region\": \"{}\"}}\n", site.region);
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    client.write_all(answer.as_bytes()).await?;
    client.shutdown().await
}

async fn mail<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut S,
    weather: Weather,
    site: &Site,
) -> io::Result<()> {
    if weather.mood == Mood::Silent {
        return hold(client).await;
    }
    tokio::time::sleep(pace(weather, site)).await;
    let domain = site.domain();
    if weather.mood == Mood::Failing {
        client.write_all(format!("421 mail.{domain} too busy\r\n").as_bytes()).await?;
        return client.shutdown().await;
    }
    client.write_all(format!("220 mail.{domain} ESMTP\r\n").as_bytes()).await?;
    read_until(client, b"\r\n").await?;
    client.write_all(format!("250 mail.{domain}\r\n").as_bytes()).await?;
    read_until(client, b"\r\n").await?;
    client.write_all(b"221 bye\r\n").await?;
    client.shutdown().await
}

fn pace(weather: Weather, site: &Site) -> Duration {
    if weather.mood == Mood::Slow { SLOW } else { site.pace }
}

/// Reads until what has come ends with `end`.
async fn read_until<S: AsyncRead + Unpin>(client: &mut S, end: &[u8]) -> io::Result<()> {
    let mut read = Vec::new();
    while !read.ends_with(end) {
        if read.len() == REQUEST_LIMIT {
            return Err(io::ErrorKind::InvalidData.into());
        }
        read.push(client.read_u8().await?);
    }
    Ok(())
}

/// Says nothing until the client goes away.
async fn hold<S: AsyncRead + Unpin>(client: &mut S) -> io::Result<()> {
    let mut ignored = [0; 256];
    let gone = async {
        while client.read(&mut ignored).await? > 0 {}
        Ok(())
    };
    tokio::time::timeout(HELD_FOR, gone).await.unwrap_or(Ok(()))
}
