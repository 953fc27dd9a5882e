//! Probes on demand: one run now, for somebody who names the target.
//!
//! The probers are the daemon's, each made for one run, so that nothing of a target is kept. A bounded number runs at once;
//! one more is sent away. Every address is asked about at the fence before it is connected to, also behind a redirect.
//!
//! It touches no series, no store and no health, and knows neither the schedule nor what asks.

use crate::clock::{Instant, WallClock};
use crate::config::{Modules, Unfit, Wish};
use crate::model::{Cause, Fence, Listener, ProbeResult, Spec, Timestamp};
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

/// What lasts until a configuration says otherwise.
struct Ground {
    net: Net,
    roots: Roots,
    clock: Arc<dyn WallClock>,
    /// Whether only this machine reaches the listener.
    local: bool,
    fence: Fence,
    /// Shared with what was in force before, as long as as many may run.
    places: Arc<Semaphore>,
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
    /// Runs `modules` on the runtime on which this is called, as `listener` allows to those who reach it: only this machine does,
    /// if it is `local`.
    pub fn new(
        modules: Modules,
        (listener, local): (&Listener, bool),
        (net, roots): (Net, Roots),
        clock: Arc<dyn WallClock>,
    ) -> Self {
        let (fence, at_once) = (fence(listener, local), listener.demand.at_once);
        let places = Arc::new(Semaphore::new(at_once as usize));
        let ground = Ground { net, roots, clock, local, fence, places, at_once };
        Self { ground: Arc::new(ground), modules }
    }

    /// The same with the probes of another configuration, as its `listener` allows. If another number may run at once, those
    /// that run now are not counted.
    #[must_use]
    pub fn with(&self, modules: Modules, listener: &Listener) -> Self {
        let Ground { net, roots, clock, local, places, .. } = &*self.ground;
        let (fence, at_once) = (fence(listener, *local), listener.demand.at_once);
        let places = if at_once == self.ground.at_once {
            Arc::clone(places)
        } else {
            Arc::new(Semaphore::new(at_once as usize))
        };
        let (net, roots, clock) = (net.clone(), roots.clone(), Arc::clone(clock));
        let ground = Ground { net, roots, clock, local: *local, fence, places, at_once };
        Self { ground: Arc::new(ground), modules }
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

/// Where runs may lead: if nobody is named and other hosts reach the listener, anybody may ask.
fn fence(listener: &Listener, local: bool) -> Fence {
    listener.demand.fence(local || !listener.callers.is_empty())
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
    use super::{Demands, LONGEST, Listener, Refused, Wish, within};
    use crate::clock::SystemClock;
    use crate::config::load_text;
    use crate::model::{Demand, Network};
    use crate::net::Net;
    use crate::probe::tls::Roots;
    use std::net::UdpSocket;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    const EVERY_KIND: &str = r#"
        [probe.http.http]
        url = "http://{host}/"
        [probe.pinned.http]
        url = "http://{host}/"
        connect_to = "127.0.0.1"
        [probe.token.http]
        url = "https://{host}/"
        auth = { oauth2 = { token_url = "http://127.0.0.1:1/", client_id = "a", client_secret = { file = "tests/it/data/import/word.txt" } } }
        [probe.tcp.tcp]
        address = "{host}:1"
        [probe.dns.dns]
        server = "{host}"
        query = "a.example"
        [probe.dot.dns]
        server = "{host}"
        query = "a.example"
        transport = "tls"
        [probe.doh.dns]
        server = "{host}"
        query = "a.example"
        transport = "https"
        [probe.serials.dns]
        query = "a.example"
        serials = {}
        [probe.icmp.icmp]
        [probe.grpc.grpc]
        address = "{host}:1"
    "#;

    #[tokio::test]
    async fn no_kind_of_probe_leads_beyond_the_fence() {
        let resolver = UdpSocket::bind("127.0.0.1:0").unwrap();
        resolver.set_nonblocking(true).unwrap();
        let modules = load_text(Path::new("probes.toml"), EVERY_KIND.to_owned());
        let networks = vec![Network { address: [192, 0, 2, 0].into(), prefix: 24 }];
        let demand = Demand { networks: Some(networks), ..Demand::default() };
        let listener = Listener { demand, ..Listener::default() };
        let ways = (Net::with_servers(&[resolver.local_addr().unwrap()]), Roots::from_system());
        let modules = modules.unwrap().config.modules;
        let demands = Demands::new(modules, (&listener, true), ways, Arc::new(SystemClock));
        for (module, target) in [
            ("http", "127.0.0.1:1"),
            ("pinned", "192.0.2.1"),
            ("token", "https://192.0.2.1/"),
            ("tcp", "127.0.0.1:1"),
            ("dns", "127.0.0.1:1"),
            ("dns", "system"),
            ("dot", "127.0.0.1"),
            ("doh", "127.0.0.1"),
            ("serials", "127.0.0.1:1"),
            ("serials", "system"),
            ("icmp", "127.0.0.1"),
            ("grpc", "127.0.0.1:1"),
        ] {
            let (module, target) = (module.to_owned(), target.to_owned());
            let wish = Wish { module, target, ..Wish::default() };
            match demands.run(&wish, Some(Duration::from_secs(2))).await {
                Err(Refused::Beyond(ip)) => assert!(ip.is_loopback(), "{wish:?}: {ip}"),
                other => panic!("{wish:?}: {other:?}"),
            }
        }
        let heard = resolver.recv(&mut [0; 512]).unwrap_err();
        assert_eq!(heard.kind(), std::io::ErrorKind::WouldBlock, "nobody was asked");
    }

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
