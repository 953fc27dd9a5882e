//! A DNS question as bytes, and whether what came back is an answer to it.
//!
//! The packet is made once per probe; a run only writes its id. An answer is recognised by id, response flag and question
//! before anything else of it is believed: what does not match came from somebody else, what matches and cannot be
//! decoded is the server's fault. hickory decodes; it follows no compression pointer forward, so loops end.
//!
//! Nothing here sends, waits or judges.

use crate::model::{Asking, Network};
use hickory_resolver::proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_resolver::proto::rr::rdata::opt::{ClientSubnet, EdnsOption};
use hickory_resolver::proto::rr::{DNSClass, Name, RecordType};

/// Length of the header (RFC 1035, 4.1.1).
const HEADER: usize = 12;

/// Bytes of type and class after a question's name.
const TYPE_AND_CLASS: usize = 4;

/// Records of one message that are decoded: compressed names make of 64 KiB much more in memory.
const RECORDS: usize = 512;

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
    /// A question of class IN as `dig` asks it.
    pub(super) fn new(name: &Name, record_type: RecordType) -> Self {
        Self::with(name, record_type, DNSClass::IN, &Asking::default())
    }

    /// The same for a server that should say what it knows itself, and ask nobody.
    pub(super) fn without_recursion(name: &Name, record_type: RecordType) -> Self {
        let asking = Asking { recursion: false, ..Asking::default() };
        Self::with(name, record_type, DNSClass::IN, &asking)
    }

    /// A question that says all of `asking`. AD is always set, so that a validating resolver says what it knows.
    pub(super) fn with(
        name: &Name,
        record_type: RecordType,
        class: DNSClass,
        asking: &Asking,
    ) -> Self {
        let mut message = Message::new(0, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = asking.recursion;
        message.metadata.checking_disabled = asking.checking_disabled;
        message.metadata.authentic_data = true;
        let mut query = Query::query(name.clone(), record_type);
        query.set_query_class(class);
        message.add_query(query);
        if let Some(payload) = asking.edns {
            let mut edns = Edns::new();
            edns.set_max_payload(payload);
            edns.set_dnssec_ok(asking.dnssec);
            if let Some(Network { address, prefix }) = asking.client_subnet {
                let subnet = ClientSubnet::new(address, prefix, 0);
                edns.options_mut().insert(EdnsOption::Subnet(subnet));
            }
            message.set_edns(edns);
        }
        let packet = message.to_vec().expect("a name that was parsed fits into a message");
        let labels: usize = name.iter().map(|label| 1 + label.len()).sum();
        Self { packet: packet.into(), end: HEADER + labels + 1 + TYPE_AND_CLASS }
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
        let records: usize = header[6..]
            .chunks_exact(2)
            .map(|count| usize::from(u16::from_be_bytes([count[0], count[1]])))
            .sum();
        if records > RECORDS {
            return Reading::Garbled(format!(
                "it claims to have {records} records, at most {RECORDS} are read"
            ));
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
