//! The demo's name server: every name of a cloud leads to the cloud's one address.
//!
//! One UDP socket, one answer to each question, or none, or a wrong one, as the weather is.
//!
//! It has no zone and speaks no TCP.

use super::cloud::{Site, again, until};
use super::weather::{Mood, Weather};
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::A;
use hickory_resolver::proto::rr::{RData, Record};
use std::net::Ipv4Addr;
use tokio::net::UdpSocket;
use tokio::sync::watch;

/// Largest question that is read, in bytes.
const QUESTION_LIMIT: usize = 512;

/// How long an answer may be kept, in seconds.
const TTL: u32 = 60;

/// An address that belongs to nobody (RFC 5737), given in place of the right one.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 66);

/// Answers until the cloud is gone; while it refuses, the port is closed.
pub(super) async fn serve(
    first: UdpSocket,
    mut told: watch::Receiver<Weather>,
    site: &'static Site,
) {
    let Ok(address) = first.local_addr() else { return };
    let mut socket = Some(first);
    loop {
        if !until(&mut told, |mood| mood != Mood::Refusing).await {
            return;
        }
        let open = match socket.take() {
            Some(open) => open,
            None => again(|| UdpSocket::bind(address)).await,
        };
        answer_all(&open, &told, site).await;
    }
}

/// Answers until the cloud refuses.
async fn answer_all(socket: &UdpSocket, told: &watch::Receiver<Weather>, site: &Site) {
    let mut refusing = told.clone();
    let mut closing = std::pin::pin!(until(&mut refusing, |mood| mood == Mood::Refusing));
    let mut question = [0; QUESTION_LIMIT];
    loop {
        // Closing comes first, so that nothing is answered once the weather has changed.
        tokio::select! {
            biased;
            _ = &mut closing => return,
            came = socket.recv_from(&mut question) => {
                let Ok((length, from)) = came else { continue };
                let weather = *told.borrow();
                if let Some(reply) = answer(&question[..length], weather, site) {
                    // A client that is gone needs no answer.
                    let _ = socket.send_to(&reply, from).await;
                }
            }
        }
    }
}

fn answer(question: &[u8], weather: Weather, site: &Site) -> Option<Vec<u8>> {
    let question = Message::from_vec(question).ok()?;
    let asked = question.queries.first()?;
    let mut reply = Message::response(question.id, question.op_code);
    reply.metadata.recursion_desired = question.recursion_desired;
    reply.metadata.authoritative = true;
    reply.add_queries(question.queries.iter().cloned());
    match weather.mood {
        Mood::Silent | Mood::Refusing => return None,
        Mood::Failing => reply.metadata.response_code = ResponseCode::ServFail,
        Mood::Fine | Mood::Slow => {
            let address = if weather.wrong_names { ELSEWHERE } else { site.address };
            let data = RData::A(A(address));
            reply.add_answers([Record::from_rdata(asked.name().clone(), TTL, data)]);
        }
    }
    reply.to_vec().ok()
}
