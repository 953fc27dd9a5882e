//! One question to one name server, over UDP and, if the answer was cut, once more over TCP.
//!
//! Sent once, over a connected socket; what does not answer the question is passed over. A question that could not be asked
//! because of this host (no descriptor, no memory) is told from one that the server did not answer well.
//!
//! It sets no time limit and judges no answer.

use crate::model::Reason;
use crate::net::{self, Failure};
use crate::probe::wire::{self, Question, Reading};
use hickory_resolver::proto::op::Message;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Bytes of a datagram that are read: three times what our EDNS option allows.
const DATAGRAM_LIMIT: usize = 4096;

/// The answer of `server`, or why there is none.
pub(in crate::probe) async fn ask(
    question: &Question,
    server: SocketAddr,
) -> Result<Message, Failure> {
    let answer = over_udp(question, server).await?;
    if answer.truncation { over_tcp(question, server).await } else { Ok(answer) }
}

async fn over_udp(question: &Question, server: SocketAddr) -> Result<Message, Failure> {
    let socket = net::datagram(server).await?;
    let broken = |error: std::io::Error| net::connect_failure(server, &error);
    let id = wire::random_id();
    socket.send(&question.packet(id)).await.map_err(broken)?;
    let mut buffer = vec![0; DATAGRAM_LIMIT];
    loop {
        let length = socket.recv(&mut buffer).await.map_err(broken)?;
        if let Some(answer) = read(question, id, &buffer[..length])? {
            return Ok(answer);
        }
    }
}

async fn over_tcp(question: &Question, server: SocketAddr) -> Result<Message, Failure> {
    let mut stream = net::connect(server).await?;
    let broken = |error: std::io::Error| {
        net::own_fault(&error).unwrap_or_else(|| {
            let said = format!("the connection to {server} broke: {}", net::lower_case(&error));
            Failure::bad(Reason::Reset, said)
        })
    };
    let id = wire::random_id();
    stream.write_all(&question.framed(id)).await.map_err(broken)?;
    loop {
        let length = stream.read_u16().await.map_err(broken)?;
        let mut bytes = vec![0; usize::from(length)];
        stream.read_exact(&mut bytes).await.map_err(broken)?;
        if let Some(answer) = read(question, id, &bytes)? {
            return Ok(answer);
        }
    }
}

/// The answer that `bytes` are; `None` if they answer something else.
fn read(question: &Question, id: u16, bytes: &[u8]) -> Result<Option<Message>, Failure> {
    match question.read(id, bytes) {
        Reading::Answer(message) => Ok(Some(*message)),
        Reading::Garbled(why) => {
            Err(Failure::bad(Reason::Protocol, format!("the answer cannot be read: {why}")))
        }
        Reading::Foreign => Ok(None),
    }
}
