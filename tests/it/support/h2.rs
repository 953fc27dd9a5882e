//! A server's side of HTTP/2, spoken frame by frame, so that a test can break it off where it likes.
//!
//! [`heard`] reads what a client says until it has asked for something; [`frame`] makes what is said back. The one header
//! block that is ever sent is the single byte for `:status: 200` (RFC 7541, appendix A).
//!
//! It understands nothing beyond lengths and types of frames.

use super::http::Wire;
use std::io::{ErrorKind, Result};

/// What every client says first (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames (RFC 9113, 6).
pub(crate) const DATA: u8 = 0x0;
pub(crate) const HEADERS: u8 = 0x1;
pub(crate) const RST_STREAM: u8 = 0x3;
pub(crate) const SETTINGS: u8 = 0x4;
pub(crate) const GOAWAY: u8 = 0x7;

/// The flags `END_STREAM` and `END_HEADERS`.
pub(crate) const END: u8 = 0x1;
pub(crate) const WHOLE: u8 = 0x4;

/// `:status: 200`.
pub(crate) const OK: &[u8] = &[0x88];

/// A frame as bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// An answer with this body on `stream`.
pub(crate) fn answer(stream: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = frame(HEADERS, WHOLE, stream, OK);
    bytes.extend(frame(DATA, END, stream, body));
    bytes
}

/// The end of the connection, by the server's own will: no stream above `last` was looked at.
pub(crate) fn goaway(last: u32) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[last.to_be_bytes(), 0_u32.to_be_bytes()].concat())
}

/// Says hello and reads until something is asked; gives the number of its stream.
pub(crate) fn heard(wire: &mut dyn Wire) -> Result<u32> {
    let mut preface = [0; PREFACE.len()];
    wire.read_exact(&mut preface)?;
    if preface != PREFACE {
        return Err(ErrorKind::InvalidData.into());
    }
    wire.write_all(&frame(SETTINGS, 0, 0, &[]))?;
    wire.flush()?;
    next_request(wire)
}

/// Reads until something (more) is asked.
pub(crate) fn next_request(wire: &mut dyn Wire) -> Result<u32> {
    loop {
        let mut head = [0; 9];
        wire.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        wire.read_exact(&mut payload)?;
        if head[3] == HEADERS {
            return Ok(u32::from_be_bytes([head[5], head[6], head[7], head[8]]));
        }
    }
}
