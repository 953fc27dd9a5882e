//! One question over a connection that stands: each message with its length before it (RFC 7766, RFC 7858).
//!
//! Answers to other questions are passed over and counted; the first byte of any ends `processing`. A message is read
//! whole before it is looked at, and none is longer than the 65535 bytes that its length can say.
//!
//! It connects nothing and judges nothing.

use super::garbled;
use crate::clock::Instant;
use crate::model::{Phase, Reason};
use crate::net::{self, Failure};
use crate::probe::Trace;
use crate::probe::tls;
use crate::probe::wire::{self, Question, Reading};
use bytes::BytesMut;
use hickory_resolver::proto::op::Message;
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes that one read may bring; a message is at most 65535.
const READ: usize = 4096;

/// Asks over `stream`, which leads to `address`.
pub(super) async fn ask(
    question: &Question,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    address: SocketAddr,
    trace: &mut Trace,
) -> Result<Message, Failure> {
    trace.enter(Phase::Processing, Instant::now());
    let id = wire::random_id();
    let send = async {
        stream.write_all(&question.framed(id)).await?;
        stream.flush().await
    };
    send.await.map_err(|error| broken(address, &error))?;
    let mut buffer = BytesMut::new();
    loop {
        let length = next_message(&mut stream, &mut buffer, address, trace).await?;
        match question.read(id, &buffer.split_to(length)) {
            Reading::Answer(message) => return Ok(*message),
            Reading::Garbled(why) => return Err(garbled(&why)),
            Reading::Foreign => trace.ignored = trace.ignored.saturating_add(1),
        }
    }
}

/// Reads until a whole message stands at the start of `buffer`, and gives its length; the frame is taken off.
async fn next_message(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
    address: SocketAddr,
    trace: &mut Trace,
) -> Result<usize, Failure> {
    loop {
        if let Some(&[high, low]) = buffer.first_chunk::<2>() {
            let length = usize::from(u16::from_be_bytes([high, low]));
            if buffer.len() >= 2 + length {
                let _ = buffer.split_to(2);
                return Ok(length);
            }
        }
        if !buffer.is_empty() && trace.phase() == Phase::Processing {
            trace.enter(Phase::Transfer, Instant::now());
        }
        buffer.reserve(READ);
        match stream.read_buf(buffer).await {
            Ok(0) => return Err(closed(address, buffer.len())),
            Ok(_) => {}
            // TLS without its closing message: closed all the same.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(closed(address, buffer.len()));
            }
            Err(error) => return Err(broken(address, &error)),
        }
    }
}

fn closed(address: SocketAddr, came: usize) -> Failure {
    let said = match came {
        0 => format!("{address} closed the connection without an answer"),
        came => format!("{address} closed the connection after {came} bytes of answer"),
    };
    Failure::bad(Reason::Reset, said)
}

/// What an error on the connection means, once it stands.
pub(super) fn broken(address: SocketAddr, error: &io::Error) -> Failure {
    if let Some(own) = net::own_fault(error) {
        return own;
    }
    tls::objection(error).unwrap_or_else(|| {
        let what = net::lower_case(error);
        Failure::bad(Reason::Reset, format!("the connection to {address} broke: {what}"))
    })
}
