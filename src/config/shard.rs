//! A daemon's share of the services: `monitor.shard = "2/5"`.
//!
//! A service belongs to the shard that a stable hash of its name says, so daemons with the same file and different shards
//! watch each service once, and adding a service moves no other. A changed number of shards moves most. Sentinels, canaries and
//! shared dependencies are looked at by every shard, because each must be able to tell whose outage it is.
//!
//! The file is always read and checked as a whole; only who runs takes the share.

use super::Config;
use crate::model::CheckIndex;
use crate::seed::stable_hash;
use std::sync::Arc;

impl Config {
    /// Whether a service is watched by this daemon.
    pub fn is_here(&self, service: &str) -> bool {
        self.monitor
            .shard
            .is_none_or(|(which, of)| stable_hash(service) % u64::from(of) == u64::from(which - 1))
    }

    /// How many services and checks of the file this daemon watches.
    pub fn share(&self) -> (usize, usize) {
        let here = || self.services.iter().filter(|service| self.is_here(&service.name));
        (here().count(), here().map(|service| service.checks().count()).sum())
    }

    /// What this daemon watches: the configuration without the services of other shards.
    #[must_use]
    pub fn of_this_shard(mut self) -> Self {
        if self.monitor.shard.is_none() {
            return self;
        }
        let mut services = std::mem::take(&mut self.services);
        services.retain(|service| self.is_here(&service.name));
        let mut checks = Vec::new();
        let mut take = |index: &mut CheckIndex| {
            let check = Arc::clone(&self.checks[index.get()]);
            *index = CheckIndex(u32::try_from(checks.len()).expect("far below 2^32 checks"));
            checks.push(check);
        };
        for service in &mut services {
            service.endpoints.iter_mut().flat_map(|each| &mut each.checks).for_each(&mut take);
            service.entry.iter_mut().for_each(|entry| take(&mut entry.check));
        }
        Self { services, checks, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load_text;
    use std::path::Path;

    /// Forty services on two clouds, one of them with a public name, and a maintenance window about one of them.
    fn config(shard: &str) -> Config {
        let services: String = (0..40)
            .flat_map(|n| [format!("[service.s{n}]"), "probes = [\"port\"]".into()])
            .collect::<Vec<_>>()
            .join("\n");
        let text = format!(
            "[monitor]\n{shard}\n[provider.aws]\nhost = \"192.0.2.1\"\n[provider.gcp]\nhost = \"192.0.2.2\"\n\
             [sentinel]\ntls = [\"a.example:443\", \"b.example:443\", \"c.example:443\"]\n\
             [probe.port.tcp]\naddress = \"{{host}}:25\"\n{services}\n\
             [service.s7.entry]\nhost = \"s7.example.com\"\nprobe = \"port\"\n\
             [[maintenance]]\nmatch = {{ service = \"s7\" }}\nevery = \"Sun 23:00-01:00\"\n"
        );
        match load_text(Path::new("probes.toml"), text) {
            Ok(loaded) => loaded.config,
            Err(problems) => panic!("{}", problems.render(false)),
        }
    }

    fn names(config: &Config) -> Vec<&str> {
        config.services.iter().map(|service| &*service.name).collect()
    }

    #[test]
    fn every_service_is_watched_by_one_shard() {
        let whole = config("");
        let shards: Vec<_> = (1..=3)
            .map(|which| config(&format!("shard = \"{which}/3\"")).of_this_shard())
            .collect();
        let mut together: Vec<_> = shards.iter().flat_map(names).collect();
        let mut all = names(&whole);
        together.sort_unstable();
        all.sort_unstable();
        assert_eq!(together, all);
        assert!(shards.iter().all(|shard| shard.services.len() > 5), "none is left with little");
        assert!(shards.iter().all(|shard| shard.references.len() == whole.references.len()));
        assert!(whole.references.len() >= 3);
    }

    #[test]
    fn a_service_keeps_its_shard_for_ever() {
        // Changing this would move services, and their histories would stay behind.
        let shard = config("shard = \"2/5\"").of_this_shard();
        assert_eq!(names(&shard), ["s5", "s14", "s15", "s33", "s35", "s37"]);
    }

    #[test]
    fn checks_of_a_share_are_where_their_services_say() {
        for which in 1..=3 {
            let whole = config(&format!("shard = \"{which}/3\""));
            let promised = whole.share();
            let shard = whole.of_this_shard();
            assert_eq!(promised, (shard.services.len(), shard.checks.len()));
            let mut next = 0;
            for service in &shard.services {
                for index in service.checks() {
                    let check = &shard.checks[index.get()];
                    assert_eq!((index.get(), &check.service), (next, &service.name));
                    next += 1;
                }
            }
            assert_eq!(next, shard.checks.len());
        }
    }

    #[test]
    fn without_shards_everything_is_here() {
        let whole = config("");
        assert_eq!(whole.share(), (40, 81));
        assert_eq!(whole.of_this_shard().services.len(), 40);
    }
}
