//! A DNS question as bytes, and whether what came back is an answer to it.
//!
//! The packet is made once per probe; a run only writes its id. An answer is recognised by id, response flag and question
//! before anything else of it is believed: what does not match came from somebody else, what matches and cannot be
//! decoded is the server's fault. hickory decodes; it follows no compression pointer forward, so loops end.
//!
//! Nothing here sends, waits or judges.

use hickory_resolver::proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_resolver::proto::rr::{Name, RecordType};

/// Length of the header (RFC 1035, 4.1.1).
const HEADER: usize = 12;

/// The flag RD in the third byte of the header (RFC 1035, 4.1.1).
const RECURSION_DESIRED: u8 = 0x01;

/// Bytes of type and class after a question's name.
const TYPE_AND_CLASS: usize = 4;

/// What we tell the server we can take in one datagram; the value of the DNS flag day of 2020 and of RFC 9715.
const EDNS_PAYLOAD: u16 = 1232;

/// A question, ready to be sent.
pub(super) struct Question {
    /// The whole message, with id 0.
    packet: Box<[u8]>,
    /// Where the question section ends.
    end: usize,
}

/// What a packet turned out to be.
pub(super) enum Reading {
    /// The answer to our question.
    Answer(Box<Message>),
    /// Meant as the answer to our question, but it cannot be decoded.
    Garbled(String),
    /// Not an answer to our question.
    Foreign,
}

/// An id that cannot be guessed, from hickory's generator (seeded by the operating system).
pub(super) fn random_id() -> u16 {
    Message::query().id
}

impl Question {
    pub(super) fn new(name: &Name, record_type: RecordType) -> Self {
        let mut message = Message::new(0, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.metadata.authentic_data = true;
        message.add_query(Query::query(name.clone(), record_type));
        let mut edns = Edns::new();
        edns.set_max_payload(EDNS_PAYLOAD);
        message.set_edns(edns);
        let packet = message.to_vec().expect("a name that was parsed fits into a message");
        let labels: usize = name.iter().map(|label| 1 + label.len()).sum();
        Self { packet: packet.into(), end: HEADER + labels + 1 + TYPE_AND_CLASS }
    }

    /// The same for a server that should say what it knows itself, and ask nobody.
    pub(super) fn without_recursion(name: &Name, record_type: RecordType) -> Self {
        let mut question = Self::new(name, record_type);
        question.packet[2] &= !RECURSION_DESIRED;
        question
    }

    /// The message with this id.
    pub(super) fn packet(&self, id: u16) -> Vec<u8> {
        let mut packet = self.packet.to_vec();
        packet[..2].copy_from_slice(&id.to_be_bytes());
        packet
    }

    /// The message with this id and its length before it (RFC 1035, 4.2.2).
    pub(super) fn framed(&self, id: u16) -> Vec<u8> {
        let length = u16::try_from(self.packet.len()).expect("one question is under 300 bytes");
        let mut framed = Vec::with_capacity(2 + self.packet.len());
        framed.extend_from_slice(&length.to_be_bytes());
        framed.extend_from_slice(&id.to_be_bytes());
        framed.extend_from_slice(&self.packet[2..]);
        framed
    }

    /// Whether `bytes` answer this question asked with `id`, and what they say.
    pub(super) fn read(&self, id: u16, bytes: &[u8]) -> Reading {
        if bytes.first_chunk() != Some(&id.to_be_bytes()) {
            return Reading::Foreign;
        }
        let Some(header) = bytes.first_chunk::<HEADER>() else {
            return Reading::Garbled(format!(
                "it has {} bytes, a header has {HEADER}",
                bytes.len()
            ));
        };
        let is_response = header[2] & 0x80 != 0;
        let error_code = header[3] & 0x0f;
        let questions = u16::from_be_bytes([header[4], header[5]]);
        let about_ours = match questions {
            1 => self.is_repeated_in(bytes),
            // A server that could not even read a question may leave it out of its complaint.
            0 => error_code != 0,
            _ => false,
        };
        if !is_response || !about_ours {
            return Reading::Foreign;
        }
        match Message::from_vec(bytes) {
            Ok(message) => Reading::Answer(Box::new(message)),
            Err(error) => Reading::Garbled(error.to_string()),
        }
    }

    /// Whether the question section is ours; names are equal in any case (RFC 4343).
    fn is_repeated_in(&self, bytes: &[u8]) -> bool {
        let Some(theirs) = bytes.get(HEADER..self.end) else { return false };
        let ours = &self.packet[HEADER..self.end];
        let name = ours.len() - TYPE_AND_CLASS;
        ours[..name].eq_ignore_ascii_case(&theirs[..name]) && ours[name..] == theirs[name..]
    }
}
