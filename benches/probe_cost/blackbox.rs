//! Debian's prometheus-blackbox-exporter, asked for the same probes over kept connections.
//!
//! Its CPU time is that of its process, all threads, from `/proc/PID/stat`; the client that asks runs in the parent and is
//! not counted. Answers must say `probe_success 1`.
//!
//! What it spends on serving and exposition is part of its price: it cannot probe without.

use super::Target;
use super::load::{self, Cost, PACED_COUNT, Shape};
use super::peers::Peers;
use super::running::{Running, free_port, start};
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

/// Clock ticks of `/proc/PID/stat` a second; 100 on every Linux platform that Rust supports.
const TICKS_PER_SECOND: u32 = 100;
/// Probes of one closed-loop measurement; each costs it 0.5 to 2 ms.
const COUNT: u32 = 1_500;

/// The running exporter, and the client that asks it.
pub(crate) struct Blackbox {
    process: Running,
    address: SocketAddr,
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
}

impl Blackbox {
    pub(crate) fn start(peers: &Peers) -> Result<Self, String> {
        let address = free_port()?;
        let config = peers.folder().join("blackbox.yml");
        let tls = format!("tls_config: {{ ca_file: {} }}", peers.root().display());
        let ip = "preferred_ip_protocol: ip4";
        let text = format!(
            "modules:\n  tcp: {{ prober: tcp, timeout: 5s, tcp: {{ {ip} }} }}\n  \
             http: {{ prober: http, timeout: 5s, http: {{ {ip} }} }}\n  \
             https: {{ prober: http, timeout: 5s, http: {{ {ip}, enable_http2: false, {tls} }} }}\n  \
             dns: {{ prober: dns, timeout: 5s, dns: {{ {ip}, query_name: www.bench.test, query_type: A }} }}\n"
        );
        std::fs::write(&config, text).map_err(|problem| problem.to_string())?;
        let mut command = Command::new("prometheus-blackbox-exporter");
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--web.listen-address={address}")).arg("--log.level=error");
        Ok(Self {
            process: start(command, address)?,
            address,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|problem| problem.to_string())?,
            client: reqwest::Client::builder()
                .no_proxy()
                .pool_max_idle_per_host(64)
                .build()
                .map_err(|problem| problem.to_string())?,
        })
    }

    /// CPU time per probe in microseconds.
    pub(crate) fn cost(&self, target: Target, shape: Shape, at: SocketAddr) -> Result<f64, String> {
        let name = target.name();
        let at = match target {
            Target::Http | Target::Https => format!("{name}://{at}/page"),
            Target::Tcp | Target::Dns => at.to_string(),
        };
        let url = format!("http://{}/probe?module={name}&target={at}", self.address);
        let probe = || async {
            let answer =
                self.client.get(&url).send().await.map_err(|problem| problem.to_string())?;
            let text = answer.text().await.map_err(|problem| problem.to_string())?;
            let good = text.lines().any(|line| line == "probe_success 1");
            if good { Ok(()) } else { Err(format!("blackbox_exporter did not reach {url}")) }
        };
        self.runtime.block_on(async {
            load::closed(COUNT / 10, &probe).await?;
            let before = self.cpu_time()?;
            let probes = match shape {
                Shape::Closed => load::closed(COUNT, &probe).await.map(|()| COUNT)?,
                Shape::Paced => load::paced(PACED_COUNT, &probe).await.map(|()| PACED_COUNT)?,
            };
            Ok(Cost { cpu: self.cpu_time()?.saturating_sub(before), probes }.us_per_probe())
        })
    }

    /// User and system time of the exporter: the 14th and 15th field, counted after the name in brackets.
    fn cpu_time(&self) -> Result<Duration, String> {
        let path = format!("/proc/{}/stat", self.process.0.id());
        let stat =
            std::fs::read_to_string(&path).map_err(|problem| format!("{path}: {problem}"))?;
        let (_, fields) = stat.rsplit_once(") ").ok_or("no name in /proc/PID/stat")?;
        let ticks: u32 =
            fields.split(' ').skip(11).take(2).map(|field| field.parse::<u32>().unwrap_or(0)).sum();
        Ok(Duration::from_secs(1) * ticks / TICKS_PER_SECOND)
    }
}
