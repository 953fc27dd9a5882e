//! Comparing passwords with hashes: a few tens of milliseconds of a processor each, away from everything that serves.
//!
//! One comparison at a time on a thread for blocking work, so that however many ask, at most one processor is busy with it and
//! memory for one hash is taken. What has begun goes on to its end, also if nobody waits for it any more.
//!
//! Who asks, and how many may wait, is decided in `web`.

use crate::web::Compare;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// Comparisons at the same time.
const AT_ONCE: usize = 1;

/// The way to compare, on the runtime it is called in.
pub(super) fn compare() -> Compare {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    Arc::new(move |hash, password| {
        let turns = Arc::clone(&turns);
        Box::pin(async move {
            let Ok(turn) = turns.acquire_owned().await else { return false };
            let compared = Handle::current().spawn_blocking(move || {
                let _turn = turn;
                hash.is_of(&password)
            });
            compared.await.unwrap_or(false)
        })
    })
}
