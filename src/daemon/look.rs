//! Files that are followed while the daemon runs: looked at every few seconds.
//!
//! A look is done on a thread for waiting, so that a disk that does not answer holds nobody up; the next one waits for it.
//!
//! It knows no file: what is looked at, and what a change means, is the caller's.

use crate::clock::Instant;
use std::time::Duration;
use tokio::runtime::Handle;

/// How often it is looked whether a file has changed.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Calls `look` again and again until `stop` resolves.
pub(super) async fn follow(
    mut look: impl FnMut() + Send + 'static,
    stop: impl Future<Output = ()>,
) {
    let mut stop = std::pin::pin!(stop);
    loop {
        let next = Instant::now() + LOOK_EVERY;
        // Stopping first: a look more would be for nobody.
        tokio::select! {
            biased;
            () = &mut stop => return,
            () = tokio::time::sleep_until(next) => {}
        }
        let looked = Handle::current().spawn_blocking(move || {
            look();
            look
        });
        match looked.await {
            Ok(back) => look = back,
            Err(_) => return,
        }
    }
}
