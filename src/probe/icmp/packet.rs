//! Echoes on the wire: RFC 792 and RFC 4443, section 4.
//!
//! The bytes of an echo begin with eight that nobody can guess (or as many as there are), and come back unchanged from
//! whoever answers; they tell our answers from those of other runs and from made-up ones. The kernel fills in checksums,
//! except on raw sockets of IPv4, so the one for IPv4 is always there.
//!
//! It sends nothing.

use crate::probe::wire::random_id;

/// Bytes before the content: the longest header of IPv4 (RFC 791) and the header of an echo.
pub(super) const HEADERS: usize = 60 + ECHO_HEADER;

const ECHO_HEADER: usize = 8;

/// Type of an echo and of its answer.
const V4: (u8, u8) = (8, 0);
const V6: (u8, u8) = (128, 129);

/// What all echoes of a run have in common.
pub(super) struct Packet {
    v4: bool,
    identifier: [u8; 2],
    content: Vec<u8>,
}

impl Packet {
    pub(super) fn new(v4: bool, size: u32) -> Self {
        let mut content = vec![0x5a; size as usize];
        for pair in content.chunks_mut(2).take(4) {
            let random = random_id().to_be_bytes();
            pair.copy_from_slice(&random[..pair.len()]);
        }
        Self { v4, identifier: random_id().to_be_bytes(), content }
    }

    /// The echo with this number.
    pub(super) fn request(&self, number: u16) -> Vec<u8> {
        let (kind, _) = if self.v4 { V4 } else { V6 };
        let mut packet = Vec::with_capacity(ECHO_HEADER + self.content.len());
        packet.extend([kind, 0, 0, 0]);
        packet.extend(self.identifier);
        packet.extend(number.to_be_bytes());
        packet.extend(&self.content);
        if self.v4 {
            let sum = checksum(&packet);
            packet[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        packet
    }

    /// The number of the echo that `bytes` answers, if it is one of ours. `sorted`: the kernel has put in an identifier of
    /// its own and looks after it; `with_ip`: a header of IPv4 comes first.
    pub(super) fn answered(&self, bytes: &[u8], sorted: bool, with_ip: bool) -> Option<u16> {
        let bytes = if with_ip {
            let words = bytes.first()? & 0x0f;
            bytes.get(usize::from(words) * 4..)?
        } else {
            bytes
        };
        let (_, answer) = if self.v4 { V4 } else { V6 };
        let (header, content) = bytes.split_at_checked(ECHO_HEADER)?;
        let &[kind, code, _, _, id_high, id_low, high, low] = header else { return None };
        let ours = kind == answer
            && code == 0
            && (sorted || self.identifier == [id_high, id_low])
            && content == self.content;
        ours.then(|| u16::from_be_bytes([high, low]))
    }
}

/// RFC 1071.
fn checksum(packet: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in packet.chunks(2) {
        let low = pair.get(1).copied().unwrap_or(0);
        sum += u32::from(u16::from_be_bytes([pair[0], low]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).expect("it was folded to 16 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What an honest far side makes of an echo.
    fn answer(request: &[u8], v4: bool) -> Vec<u8> {
        let mut answer = request.to_vec();
        answer[0] = if v4 { V4.1 } else { V6.1 };
        answer
    }

    #[test]
    fn a_packet_with_its_checksum_sums_up_to_nothing() {
        for size in [0, 1, 7, 56, 1473] {
            assert_eq!(checksum(&Packet::new(true, size).request(513)), 0, "{size}");
        }
        // The kernel does this one.
        assert_eq!(Packet::new(false, 56).request(1)[2..4], [0, 0]);
    }

    #[test]
    fn only_the_answer_to_our_own_echo_is_one() {
        for v4 in [true, false] {
            let (ours, theirs) = (Packet::new(v4, 56), Packet::new(v4, 56));
            let request = ours.request(7);
            assert_eq!(ours.answered(&request, true, false), None, "our own echo, looped back");
            let fine = answer(&request, v4);
            assert_eq!(ours.answered(&fine, false, false), Some(7));
            assert_eq!(theirs.answered(&fine, true, false), None, "another run's");
            let mut changed = fine.clone();
            changed[4] ^= 1;
            assert_eq!(ours.answered(&changed, false, false), None, "another's identifier");
            assert_eq!(ours.answered(&changed, true, false), Some(7), "the kernel put it in");
            let mut unreachable = fine.clone();
            unreachable[0] = 3;
            assert_eq!(ours.answered(&unreachable, true, false), None);
            assert_eq!(ours.answered(&fine[..fine.len() - 1], true, false), None, "cut");
            let headed = [[0x46; 24].as_slice(), &fine].concat();
            assert_eq!(ours.answered(&headed, false, true), Some(7));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_heard(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            for (v4, sorted, with_ip) in [(true, false, true), (true, true, false), (false, false, false)] {
                let _ = Packet::new(v4, 4).answered(&bytes, sorted, with_ip);
            }
        }
    }
}
