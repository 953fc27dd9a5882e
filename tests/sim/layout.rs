//! What the world watches: checks, endpoints, sides and services drawn from the seed.
//!
//! A plain world has one endpoint on each of two clouds and one check on each. A mixed one has up to six checks a service,
//! up to two endpoints a side, standbys, checks that do not count and sides that need every endpoint.
//!
//! It starts nothing.

use crate::world::World;
use nephoscope::config::{Config, Detail, MetricsConfig, Modules, MonitorConfig};
use nephoscope::model::{
    Check, CheckId, CheckIndex, Endpoint, Host, IpChoice, Pick, ProbeKind, Role, Service, Shape,
    Side, Spec, TcpSpec,
};
use nephoscope::seed::Stream;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

/// A recheck comes so long after the end of a run.
pub(crate) const RECHECK: Duration = Duration::from_millis(300);

/// The configuration of a world.
pub(crate) fn config(world: &World) -> Config {
    let mut draw = Stream::new(world.seed, "config");
    let spec = Arc::new(Spec {
        ip: IpChoice::Any,
        pick: Pick::Rotate,
        slow_after: Some(Duration::from_millis(1)),
        max_latency: None,
        kind: ProbeKind::Tcp(Box::new(TcpSpec {
            host: Host::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            port: 1,
            tls: None,
            dialogue: Vec::new(),
        })),
    });
    let (mut checks, mut services) = (Vec::new(), Vec::new());
    while checks.len() < world.checks as usize {
        let left = world.checks as usize - checks.len();
        let wanted = if world.mixed { 1 + usize::try_from(draw.below(6)).unwrap() } else { 2 };
        let number = services.len();
        services.push(service(world, number, wanted.min(left), &mut draw, &spec, &mut checks));
    }
    Config {
        listener: nephoscope::model::Listener::default(),
        monitor: MonitorConfig {
            vantage: "sim".into(),
            provider: None,
            listen: ([127, 0, 0, 1], 0).into(),
            state: "state".into(),
            timezone: jiff::tz::TimeZone::UTC,
            shard: None,
            heartbeat_url: None,
            max_in_flight: world.room,
            watch: false,
        },
        metrics: MetricsConfig { detail: Detail::Standard, field_names: false },
        providers: Vec::new(),
        services,
        checks,
        references: Vec::new(),
        patience: std::time::Duration::from_secs(10),
        broken_after: std::time::Duration::from_mins(10),
        domains: Vec::new(),
        receivers: Vec::new(),
        modules: Modules::default(),
        peers: Vec::new(),
        maintenance: Vec::new(),
    }
}

/// Service `number` with so many checks, which are added to `checks`: even ones on cloud `a`, odd ones on cloud `b`.
fn service(
    world: &World,
    number: usize,
    wanted: usize,
    draw: &mut Stream,
    spec: &Arc<Spec>,
    checks: &mut Vec<Arc<Check>>,
) -> Service {
    let name: Arc<str> = format!("s{number}").into();
    let mut endpoints: Vec<Endpoint> = Vec::new();
    for position in 0..wanted {
        let provider = if position % 2 == 0 { "a" } else { "b" };
        let copy = if world.mixed { draw.below(2) } else { 0 };
        let endpoint: Arc<str> = format!("{provider}{copy}").into();
        let index = CheckIndex(u32::try_from(checks.len()).unwrap());
        if let Some(known) = endpoints.iter_mut().find(|each| each.name == endpoint) {
            known.checks.push(index);
        } else {
            let waits = world.mixed && draw.chance(200);
            endpoints.push(Endpoint {
                name: Arc::clone(&endpoint),
                provider: provider.into(),
                region: "".into(),
                host: "127.0.0.1".into(),
                role: if waits { Role::Standby } else { Role::Active },
                ready_probe: None,
                checks: vec![index],
            });
        }
        let id = CheckId::new(&name, &endpoint, &format!("p{position}"));
        checks.push(Arc::new(Check {
            id,
            service: Arc::clone(&name),
            endpoint,
            probe: format!("p{position}").into(),
            provider: provider.into(),
            region: "".into(),
            host: "127.0.0.1".into(),
            shape: shape(world, draw),
            counts: !world.mixed || draw.chance(800),
            spec: Arc::clone(spec),
            formerly: Arc::default(),
        }));
    }
    Service {
        title: name.to_string(),
        name,
        runbook: None,
        labels: Arc::default(),
        side: if world.mixed && draw.chance(400) { Side::All } else { Side::Any },
        endpoints,
        objectives: Vec::new(),
        entry: None,
        depends_on: Vec::new(),
    }
}

fn shape(world: &World, draw: &mut Stream) -> Shape {
    let choice = usize::try_from(draw.below(world.intervals.len() as u64)).unwrap();
    let interval = Duration::from_secs(world.intervals[choice]);
    Shape {
        interval,
        timeout: interval.min(Duration::from_millis(200 + draw.below(5_000))),
        recheck: RECHECK,
        hold: interval * 2,
        confirm: world.confirm.unwrap_or_else(|| 1 + u32::try_from(draw.below(3)).unwrap()),
    }
}
