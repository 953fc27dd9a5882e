//! Work on a thread that ends soon after, for what leaves much room free behind it: reading a configuration, starting.
//!
//! The allocator keeps what a thread has freed for that thread to use again, and gives it back to the system when the thread
//! ends. The main thread only waits once everything runs, and would hold what a start left free for good.
//!
//! It does not know what is done there.

use std::time::Duration;

/// How long such a thread stays when it is done; the runtime's `thread_keep_alive`. The allocator waits some milliseconds
/// before it gives anything back, and what is not due by then stays.
pub const STAYS: Duration = Duration::from_secs(1);

/// Does `work` on such a thread of the present runtime.
pub async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(lost) => std::panic::resume_unwind(lost.into_panic()),
    }
}
