//! The body of an answer: counted, kept where a rule looks at it, its coding undone where the probe asks for that.
//!
//! What counts against `body_limit` is both what comes and what it becomes, so that neither a long body nor a short one that
//! unpacks to a long one is read further. gzip and deflate need 32 KiB beside; codings with larger windows are not undone.
//!
//! It reads nothing from the network and judges no content.

use crate::model::{Coding, Codings, HttpSpec, Reason};
use crate::net::Failure;
use crate::probe::expect::{excerpt, wants_body};
use bytes::Bytes;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::header::{self, HeaderMap};
use std::io::{self, Write};

/// A body on its way in.
pub(super) struct Body {
    /// Bytes that came.
    came: u64,
    undoing: Undoing,
}

enum Undoing {
    /// Taken as it comes.
    Not(Held),
    Gzip(Box<MultiGzDecoder<Held>>),
    /// Which of two forms it is, the first byte will tell.
    Deflate(Held),
    Zlib(Box<ZlibDecoder<Held>>),
    Raw(Box<DeflateDecoder<Held>>),
}

/// What has become of it so far.
#[derive(Default)]
struct Held {
    count: u64,
    limit: u64,
    keep: bool,
    kept: Kept,
}

impl Body {
    /// For an answer with this header.
    pub(super) fn new(spec: &HttpSpec, headers: &HeaderMap) -> Result<Self, Failure> {
        let (limit, keep) = (spec.body_limit, wants_body(spec));
        let coding =
            if spec.decompress.is_empty() { None } else { coding(&spec.decompress, headers)? };
        let length = headers.get(header::CONTENT_LENGTH).filter(|_| coding.is_none());
        let stated = length.and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or_default();
        let kept =
            Kept { stated, limit: usize::try_from(limit).unwrap_or(usize::MAX), ..Kept::default() };
        let held = Held { count: 0, limit, keep, kept };
        let undoing = match coding {
            None => Undoing::Not(held),
            Some(Coding::Gzip) => Undoing::Gzip(Box::new(MultiGzDecoder::new(held))),
            Some(Coding::Deflate) => Undoing::Deflate(held),
        };
        Ok(Self { came: 0, undoing })
    }

    /// Bytes of body, with its coding undone.
    pub(super) fn count(&self) -> u64 {
        self.held().count
    }

    /// Bytes that were kept to be judged.
    pub(super) fn kept(&self) -> &[u8] {
        self.held().kept.bytes()
    }

    fn held(&self) -> &Held {
        match &self.undoing {
            Undoing::Not(held) | Undoing::Deflate(held) => held,
            Undoing::Gzip(decoder) => decoder.get_ref(),
            Undoing::Zlib(decoder) => decoder.get_ref(),
            Undoing::Raw(decoder) => decoder.get_ref(),
        }
    }

    /// Takes what came.
    pub(super) fn add(&mut self, chunk: Bytes) -> Result<(), Failure> {
        self.came += chunk.len() as u64;
        let limit = self.held().limit;
        if self.came > limit {
            return Err(too_large(limit, ""));
        }
        if let (Undoing::Deflate(held), Some(first)) = (&mut self.undoing, chunk.first()) {
            let held = std::mem::take(held);
            // The frame begins with a byte whose lower half is 8 (RFC 1950, 2.2); a block beginning so would be malformed.
            self.undoing = if first & 0x0f == 8 {
                Undoing::Zlib(Box::new(ZlibDecoder::new(held)))
            } else {
                Undoing::Raw(Box::new(DeflateDecoder::new(held)))
            };
        }
        let ended = match &mut self.undoing {
            Undoing::Not(held) | Undoing::Deflate(held) => {
                held.add(chunk);
                Ok(())
            }
            Undoing::Gzip(decoder) => decoder.write_all(&chunk),
            Undoing::Zlib(decoder) => decoder.write_all(&chunk),
            Undoing::Raw(decoder) => decoder.write_all(&chunk),
        };
        ended.map_err(|error| self.undone(&error))
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self) -> Result<(), Failure> {
        if self.came == 0 {
            return Ok(());
        }
        let ended = match &mut self.undoing {
            Undoing::Not(_) | Undoing::Deflate(_) => Ok(()),
            Undoing::Gzip(decoder) => decoder.try_finish(),
            Undoing::Zlib(decoder) => decoder.try_finish(),
            Undoing::Raw(decoder) => decoder.try_finish(),
        };
        ended.map_err(|error| self.undone(&error))
    }

    fn undone(&self, error: &io::Error) -> Failure {
        let Held { count, limit, .. } = self.held();
        if count > limit {
            return too_large(*limit, " once it is decompressed");
        }
        let coding = match self.undoing {
            Undoing::Gzip(_) => Coding::Gzip,
            _ => Coding::Deflate,
        };
        let why = match error.kind() {
            io::ErrorKind::UnexpectedEof => "it ends too early".to_owned(),
            _ => error.to_string(),
        };
        let came = self.came;
        let said = format!("the body ({came} bytes) cannot be undone as `{coding}`: {why}");
        Failure::bad(Reason::Encoding, format!("{said} (`decompress`)"))
    }
}

fn too_large(limit: u64, when: &str) -> Failure {
    let said = format!("the body has more than {limit} bytes{when} (`body_limit`)");
    Failure::bad(Reason::BodyTooLarge, said)
}

/// The coding that is to be undone, if the answer has one.
fn coding(wanted: &Codings, headers: &HeaderMap) -> Result<Option<Coding>, Failure> {
    let mut found = None;
    for value in headers.get_all(header::CONTENT_ENCODING) {
        let word = value.as_bytes().trim_ascii();
        if word.is_empty() || word.eq_ignore_ascii_case(b"identity") {
            continue;
        }
        let word = word.strip_prefix(b"x-").unwrap_or(word);
        let known =
            wanted.0.iter().find(|each| word.eq_ignore_ascii_case(each.as_str().as_bytes()));
        let (None, Some(known)) = (found, known) else {
            let came = excerpt(value.as_bytes());
            let said = format!("the body is coded as `{came}`, expected {wanted} (`decompress`)");
            return Err(Failure::bad(Reason::Encoding, said));
        };
        found = Some(*known);
    }
    Ok(found)
}

impl Held {
    fn add(&mut self, chunk: Bytes) {
        self.count += chunk.len() as u64;
        if self.keep {
            self.kept.add(chunk);
        }
    }
}

impl Write for Held {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.count += bytes.len() as u64;
        if self.count > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if self.keep {
            self.kept.extend(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A body in memory: a single chunk as it came, several joined.
#[derive(Default)]
struct Kept {
    first: Bytes,
    joined: Vec<u8>,
    /// Bytes that will come, as the server says; 0 if it does not.
    stated: usize,
    /// Bytes that may come.
    limit: usize,
}

/// Room for several chunks of a body whose length nobody has stated.
const LITTLE: usize = 64 * 1024;

impl Kept {
    fn add(&mut self, chunk: Bytes) {
        if self.first.is_empty() && self.joined.is_empty() {
            self.first = chunk;
            return;
        }
        let first = std::mem::take(&mut self.first);
        self.extend(&first);
        self.extend(&chunk);
    }

    fn extend(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.joined.extend_from_slice(bytes);
    }

    /// Once for what was stated, or a little; then at once for all that may come. Growing by doubling would hold the body
    /// twice while it is copied, and room that nothing is written to is no memory yet.
    fn make_room(&mut self, more: usize) {
        let (has, needs) = (self.joined.capacity(), self.joined.len() + more);
        if needs <= has {
            return;
        }
        let wanted = match (has, self.stated) {
            (0, 0) => LITTLE.min(self.limit),
            (0, stated) => stated.min(self.limit),
            _ => self.limit,
        };
        let wanted = wanted.max(needs) - self.joined.len();
        if self.joined.try_reserve_exact(wanted).is_err() {
            self.joined.reserve(more);
        }
    }

    fn bytes(&self) -> &[u8] {
        if self.joined.is_empty() { &self.first } else { &self.joined }
    }
}
