//! Files that the TLS tables of probes name: looked at every few seconds, read again when they have changed.
//!
//! On a thread for waiting, so that a disk that does not answer holds no probe up. What is read and what cannot be used is
//! told by [`Roots::look`].
//!
//! It knows no file: which ones there are changes with every reload.

use crate::clock::Instant;
use crate::probe::tls::Roots;
use std::time::Duration;
use tokio::runtime::Handle;

/// How often it is looked whether a file has changed.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Looks again and again until `stop` resolves.
pub(super) async fn follow(roots: Roots, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    loop {
        let next = Instant::now() + LOOK_EVERY;
        // Stopping first: a look more would be for nobody.
        tokio::select! {
            biased;
            () = &mut stop => return,
            () = tokio::time::sleep_until(next) => {}
        }
        let looking = roots.clone();
        if Handle::current().spawn_blocking(move || looking.look()).await.is_err() {
            return;
        }
    }
}
