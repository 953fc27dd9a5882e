//! Who there is: services on two clouds with their endpoints, public names, canaries, sentinels and a shared database.
//!
//! The seed draws how many services, endpoints and intervals; the text is read by the production loader. Positions are those
//! of everything that is looked at.
//!
//! It knows no faults.

use nephoscope::config::{Config, load_text};
use nephoscope::model::{Check, IpChoice, ReferenceRole};
use nephoscope::seed::Stream;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

/// The clouds, by position.
pub(super) const CLOUDS: [&str; 2] = ["aws", "gcp"];

/// A cloud with its region, as blame names it.
pub(super) const PLACES: [&str; 2] = ["aws/eu", "gcp/west"];

pub(super) struct Cast {
    pub(super) config: Config,
    pub(super) lookouts: Vec<Arc<Check>>,
    /// By cloud.
    pub(super) canaries: Vec<usize>,
    /// The shared database, if there is one.
    pub(super) domain: Option<usize>,
    /// The check of the public name, by service.
    pub(super) entries: BTreeMap<usize, usize>,
    /// How long it takes at most until an outage is certain, patience included.
    pub(super) certain_after: i64,
    pub(super) longest_interval: i64,
    /// The service of each check of services.
    owners: Vec<usize>,
}

impl Cast {
    pub(super) fn drawn(seed: u64) -> Self {
        let text = text(&mut Stream::new(seed, "cast"));
        let loaded = load_text(Path::new("probes.toml"), text.clone());
        let config = loaded.unwrap_or_else(|error| panic!("{error:?} of {text}")).config;
        let lookouts = config.lookouts().to_vec();
        let first = config.checks.len();
        let (mut canaries, mut domain) = (vec![0; CLOUDS.len()], None);
        for (position, reference) in config.references.iter().enumerate() {
            match reference.role {
                ReferenceRole::Canary { provider, .. } => canaries[provider] = first + position,
                ReferenceRole::Domain { .. } => domain = Some(first + position),
                _ => {}
            }
        }
        let services = || config.services.iter().enumerate();
        let entry = |(position, service): (usize, &nephoscope::model::Service)| {
            Some((position, service.entry.as_ref()?.check.get()))
        };
        let entries = services().filter_map(entry).collect();
        let mut owners = vec![0; first];
        for (position, service) in services() {
            service.checks().for_each(|check| owners[check.get()] = position);
        }
        let shapes = || config.checks.iter().map(|check| check.shape);
        let certain = shapes().map(|shape| shape.certain_after() + config.patience).max();
        let longest = shapes().map(|shape| shape.interval).max();
        let millis = |time: Option<std::time::Duration>| {
            i64::try_from(time.expect("there are checks").as_millis()).unwrap()
        };
        Self {
            certain_after: millis(certain),
            longest_interval: millis(longest),
            lookouts,
            canaries,
            domain,
            entries,
            owners,
            config,
        }
    }

    /// The cloud on which a check looks.
    pub(super) fn cloud_of(&self, check: usize) -> Option<usize> {
        CLOUDS.iter().position(|name| *name == &*self.lookouts[check].provider)
    }

    /// The service of a check, if it is of one.
    pub(super) fn owner(&self, check: usize) -> Option<usize> {
        self.owners.get(check).copied()
    }

    pub(super) fn is_v6(&self, check: usize) -> bool {
        self.lookouts[check].spec.ip == IpChoice::V6
    }

    pub(super) fn is_name(&self, check: usize) -> bool {
        self.lookouts[check].id.as_str().starts_with("@sentinel/name")
    }

    /// Everything on a cloud, its canary included.
    pub(super) fn cloud(&self, cloud: usize) -> Vec<usize> {
        (0..self.lookouts.len()).filter(|check| self.cloud_of(*check) == Some(cloud)).collect()
    }

    /// The endpoints of a service on a cloud.
    pub(super) fn side(&self, service: usize, cloud: usize) -> Vec<usize> {
        let is = |check: &usize| self.cloud_of(*check) == Some(cloud);
        self.all_of(service).into_iter().filter(is).collect()
    }

    /// Its endpoints on both clouds.
    pub(super) fn sides_of(&self, service: usize) -> Vec<usize> {
        [self.side(service, 0), self.side(service, 1)].concat()
    }

    /// Those, and its public name.
    pub(super) fn all_of(&self, service: usize) -> Vec<usize> {
        (0..self.owners.len()).filter(|check| self.owners[*check] == service).collect()
    }

    /// Endpoints of the services that declare the shared database.
    pub(super) fn dependants(&self) -> Vec<usize> {
        let services = self.config.services.iter().enumerate();
        let declares = services.filter(|(_, service)| !service.depends_on.is_empty());
        declares.flat_map(|(position, _)| self.sides_of(position)).collect()
    }
}

fn text(draw: &mut Stream) -> String {
    let interval = |draw: &mut Stream| [10, 15, 20, 30][usize::try_from(draw.below(4)).unwrap()];
    let confirm = 2 + draw.below(2);
    let mut text = format!(
        r#"
        [monitor]
        vantage = "sim"
        [defaults]
        interval = "{}s"
        timeout = "5s"
        recheck = "2s"
        confirm = {confirm}
        [provider.aws]
        region = "eu"
        host = "{{service}}.aws.example.com"
        networks = ["192.0.2.0/25"]
        [[provider.aws.canary]]
        url = "https://canary.aws.example.com/"
        [provider.gcp]
        region = "west"
        host = "{{service}}.gcp.example.net"
        networks = ["192.0.2.128/25"]
        [[provider.gcp.canary]]
        url = "https://canary.gcp.example.net/"
        [sentinel]
        tls = ["one.example:443", "two.example:443", "three.example:443"]
        names = ["name.example"]
        [domain.db]
        kind = "data"
        host = "db.example.org"
        probes = ["port"]
        [probe.port.tcp]
        address = "{{host}}:5432"
        [probe.web.tcp]
        address = "{{host}}:443"
        "#,
        interval(draw)
    );
    for service in 0..3 + draw.below(3) {
        // Service 0 has a public name, 1 stands alone on the dying clouds beside it, 2 is over IPv6.
        let declares = if service < 2 { "depends_on = [\"db\"]" } else { "" };
        let ip = if service == 2 { "ip = \"6\"" } else { "" };
        let every = interval(draw);
        write!(
            text,
            "\n[service.s{service}]\nprobes = [\"web\"]\ninterval = \"{every}s\"\n{declares}\n{ip}\n"
        )
        .unwrap();
        for cloud in CLOUDS {
            if draw.chance(400) {
                write!(text, "[service.s{service}.endpoint.{cloud}-two]\nprovider = \"{cloud}\"\nhost = \"two.{cloud}.example.org\"\n").unwrap();
            }
        }
        if service == 0 || (service != 2 && draw.chance(300)) {
            let within = super::plot::WITHIN;
            write!(
                text,
                "[service.s{service}.entry]\nhost = \"s{service}.example.com\"\nprobe = \"web\"\n\
                 policy = \"failover\"\nfailover_within = \"{within}s\"\n\
                 resolvers = [\"9.9.9.9\", \"1.1.1.1\"]\n"
            )
            .unwrap();
        }
    }
    text
}
