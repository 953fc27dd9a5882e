//! The servers that all three probe: nginx for TCP, HTTP and HTTPS, knot for DNS, from Debian's packages.
//!
//! Own configuration files, free ports on loopback, a folder that vanishes; a child that is dropped is killed. HTTPS is TLS
//! 1.3 with a P-256 leaf and intermediate under a root that is the only trust anchor, and a body of 1 KiB.
//!
//! The servers' own CPU time is not counted.

use super::Target;
use super::running::{Running, free_port, start};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The running servers.
pub(crate) struct Peers {
    folder: TempDir,
    http: SocketAddr,
    https: SocketAddr,
    dns: SocketAddr,
    servers: Vec<Running>,
}

impl Peers {
    pub(crate) fn start() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|problem| problem.to_string())?;
        let mut peers = Self {
            http: free_port()?,
            https: free_port()?,
            dns: free_port()?,
            folder,
            servers: Vec::new(),
        };
        peers.write_files().map_err(|problem| problem.to_string())?;
        let path = peers.folder.path();
        let mut nginx = Command::new("nginx");
        nginx.arg("-p").arg(path).arg("-c").arg(path.join("nginx.conf"));
        nginx.arg("-e").arg(path.join("nginx.log"));
        let mut knot = Command::new("knotd");
        knot.arg("-c").arg(path.join("knot.conf"));
        let servers = vec![start(nginx, peers.https)?, start(knot, peers.dns)?];
        peers.servers = servers;
        Ok(peers)
    }

    /// Where `target` is, for the measurement numbered `turn`.
    ///
    /// Thousands of short connections a second to one address use up the ports of this side, and the kernel then searches
    /// long for one that may be used again: whoever comes second would pay for the first. So each measurement gets an address
    /// of its own, except HTTPS, which is too slow for that and whose certificate names one address.
    pub(crate) fn address(&self, target: Target, turn: u8) -> SocketAddr {
        match target {
            Target::Tcp | Target::Http => {
                SocketAddr::from((Ipv4Addr::new(127, 0, 1, turn), self.http.port()))
            }
            Target::Https => self.https,
            Target::Dns => self.dns,
        }
    }

    /// The certificate to trust.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    /// Where further files may be written.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn write_files(&self) -> Result<(), Box<dyn std::error::Error>> {
        let path = self.folder.path();
        write_certificates(path)?;
        std::fs::create_dir(path.join("www"))?;
        std::fs::write(path.join("www/page"), "x".repeat(1024))?;
        let (here, http, https) = (path.display(), self.http.port(), self.https);
        let nginx = format!(
            "daemon off; master_process off; pid {here}/nginx.pid; error_log {here}/nginx.log;
             events {{ worker_connections 4096; }}
             http {{
                 access_log off; root {here}/www; default_type text/plain;
                 client_body_temp_path {here}/body; proxy_temp_path {here}/proxy;
                 fastcgi_temp_path {here}/fastcgi; uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;
                 ssl_certificate {here}/chain.pem; ssl_certificate_key {here}/leaf.key;
                 ssl_protocols TLSv1.3; ssl_session_tickets off; ssl_session_cache off;
                 server {{ listen {http} backlog=4096; listen {https} ssl backlog=4096; }}
             }}"
        );
        std::fs::write(path.join("nginx.conf"), nginx)?;
        let knot = format!(
            "server:\n  rundir: \"{here}\"\n  listen: \"{}@{}\"\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n\
             database:\n  storage: \"{here}\"\n\
             zone:\n  - domain: bench.test\n    file: \"{here}/zone\"\n",
            self.dns.ip(),
            self.dns.port()
        );
        std::fs::write(path.join("knot.conf"), knot)?;
        let zone = "$ORIGIN bench.test.\n$TTL 300\n@ SOA ns host 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\nwww A 192.0.2.7\n";
        std::fs::write(path.join("zone"), zone)?;
        Ok(())
    }
}

fn write_certificates(path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let authority = || {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    };
    let root = CertifiedIssuer::self_signed(authority(), KeyPair::generate()?)?;
    let middle = CertifiedIssuer::signed_by(authority(), KeyPair::generate()?, &root)?;
    let key = KeyPair::generate()?;
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &middle)?;
    std::fs::write(path.join("root.pem"), root.pem())?;
    std::fs::write(path.join("chain.pem"), leaf.pem() + &middle.pem())?;
    std::fs::write(path.join("leaf.key"), key.serialize_pem())?;
    Ok(())
}
