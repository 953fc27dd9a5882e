//! Probes on demand: one run now, for somebody who names the target.
//!
//! The probers are the daemon's, each made for one run, so that nothing of a target is kept. A bounded number runs at once;
//! one more is sent away. Every address is asked about at the fence before it is connected to, also behind a redirect.
//!
//! It touches no series, no store and no health, and knows neither the schedule nor what asks.

use crate::clock::{Instant, WallClock};
use crate::config::{Modules, Unfit, Wish};
use crate::model::{Cause, Demand, Fence, ProbeResult, Spec, Timestamp};
use crate::net::Net;
use crate::probe::tls::Roots;
use crate::probe::{Engine, Prober};
use futures_util::FutureExt as _;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// What is kept back of the time that whoever asks waits, so that the answer comes before they stop waiting.
const OFFSET: Duration = Duration::from_millis(500);

/// How long a run may take when neither the probe nor whoever asks says it.
const LONGEST: Duration = Duration::from_mins(2);

/// Where probes are asked for. Cloning it clones a handle.
#[derive(Clone)]
pub struct Demands {
    ground: Arc<Ground>,
    modules: Modules,
}

/// What lasts from start to stop.
struct Ground {
    net: Net,
    roots: Roots,
    clock: Arc<dyn WallClock>,
    fence: Fence,
    places: Semaphore,
    at_once: u32,
}

/// A run that was asked for.
#[derive(Debug)]
pub struct Ran {
    /// What it was to do.
    pub spec: Arc<Spec>,
    /// When it began.
    pub at: Timestamp,
    /// How long it might have taken.
    pub timeout: Duration,
    /// What it gave.
    pub result: ProbeResult,
}

/// Why there was no run.
#[derive(Debug)]
pub enum Refused {
    /// What is wanted cannot be done.
    Unfit(Unfit),
    /// Too many run at once; so many may.
    Busy(u32),
    /// Nothing may be probed on demand.
    Closed,
    /// The target is there.
    Beyond(IpAddr),
}

impl Demands {
    /// Runs `modules` on the runtime on which this is called, as `demand` allows to those who are `trusted` or not.
    pub fn new(
        modules: Modules,
        (demand, trusted): (&Demand, bool),
        (net, roots): (Net, Roots),
        clock: Arc<dyn WallClock>,
    ) -> Self {
        let places = Semaphore::new(demand.at_once as usize);
        let (fence, at_once) = (demand.fence(trusted), demand.at_once);
        let ground = Ground { net, roots, clock, fence, places, at_once };
        Self { ground: Arc::new(ground), modules }
    }

    /// The same with the probes of another configuration.
    #[must_use]
    pub fn with(&self, modules: Modules) -> Self {
        Self { ground: Arc::clone(&self.ground), modules }
    }

    /// One run. `patience` is how long whoever asks waits for the answer.
    ///
    /// # Errors
    /// Why there was none.
    pub async fn run(&self, wish: &Wish, patience: Option<Duration>) -> Result<Ran, Refused> {
        let ground = &*self.ground;
        if ground.fence.is_closed() {
            return Err(Refused::Closed);
        }
        let _place = ground.places.try_acquire().map_err(|_| Refused::Busy(ground.at_once))?;
        let module = self.modules.get(wish).map_err(Refused::Unfit)?;
        let timeout = within(patience, module.limited.then_some(module.timeout), module.timeout);
        let net = ground.net.fenced(ground.fence.clone());
        let engine = Engine::with_net(net, ground.roots.clone(), Arc::clone(&ground.clock));
        let engine = Arc::new(engine.telling());
        let at = ground.clock.now();
        let begun = Instant::now();
        let result = match Prober::build(&module.spec, &engine) {
            Err(error) => ProbeResult::unknown(Cause::Internal, error.to_string()),
            Ok(prober) => {
                let run = AssertUnwindSafe(prober.probe(timeout)).catch_unwind().await;
                run.unwrap_or_else(|_| {
                    ProbeResult::unknown(Cause::Internal, "the prober panicked".to_owned())
                })
            }
        };
        let result =
            super::scheduler::disbelieve(result, begun.elapsed().saturating_sub(timeout), timeout);
        match engine.net().refused() {
            Some(ip) if result.hops.is_empty() => Err(Refused::Beyond(ip)),
            _ => Ok(Ran { spec: module.spec, at, timeout, result }),
        }
    }
}

/// How long a run may take: what the probe says, but not longer than whoever asks waits.
fn within(patience: Option<Duration>, said: Option<Duration>, default: Duration) -> Duration {
    let Some(patience) = patience.filter(|patience| !patience.is_zero()) else {
        return said.unwrap_or(default);
    };
    let ours = patience.saturating_sub(OFFSET.min(patience / 2)).min(LONGEST);
    said.map_or(ours, |said| said.min(ours))
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, within};
    use std::time::Duration;

    #[test]
    fn an_answer_comes_before_whoever_asks_stops_waiting() {
        let ms = Duration::from_millis;
        let five = ms(5_000);
        assert_eq!(within(None, None, five), five);
        assert_eq!(within(None, Some(ms(30_000)), five), ms(30_000));
        assert_eq!(within(Some(ms(10_000)), None, five), ms(9_500));
        assert_eq!(within(Some(ms(10_000)), Some(ms(3_000)), five), ms(3_000));
        assert_eq!(within(Some(ms(2_000)), Some(ms(3_000)), five), ms(1_500));
        assert_eq!(
            within(Some(ms(300)), None, five),
            ms(150),
            "not at once, as the offset would have it"
        );
        assert_eq!(within(Some(Duration::ZERO), None, five), five, "0 is as if nothing was said");
        assert_eq!(within(Some(Duration::MAX), None, five), LONGEST);
    }
}
