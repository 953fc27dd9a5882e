//! Two small clouds in this process, for `nephoscope demo`: real sockets on loopback, real TLS, scripted trouble.
//!
//! [`Demo::start`] binds every port, makes the certificates and writes a `probes.toml` that watches it all into a folder
//! of its own; the configuration room and the daemon then treat it like any other. [`script`] changes the clouds' weather
//! by the clock.
//!
//! The monitor does not know that it watches a demo, and nothing here reaches beyond 127.0.0.0/8.

mod certs;
mod cloud;
mod files;
mod names;
pub mod script;
mod stream;
mod weather;

use cloud::Cloud;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use weather::Weather;

/// Why the demo could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port of a cloud cannot be had.
    #[error("cannot listen on `{address}` for the demo")]
    Listen {
        /// The address.
        address: IpAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A certificate cannot be made.
    #[error("cannot make the demo's certificates")]
    Certificates(#[source] rcgen::Error),
    /// TLS cannot be set up with them.
    #[error("cannot set up TLS for the demo")]
    Tls(#[source] rustls::Error),
    /// The demo's folder cannot be written.
    #[error("cannot write `{}` for the demo", path.display())]
    Folder {
        /// What was to be written.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Where the page is if the port is free, so that the address can be remembered.
const USUAL_PORT: u16 = 9464;

/// The usual address of the page if its port is free, else one with a port that the system will choose.
pub fn usual_address() -> SocketAddr {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, USUAL_PORT));
    let free = std::net::TcpListener::bind(usual).is_ok();
    if free { usual } else { SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) }
}

/// The running clouds and the folder with the configuration; both are gone when it is dropped.
pub struct Demo {
    clouds: Vec<Cloud>,
    folder: files::Folder,
}

impl Demo {
    /// Starts both clouds and writes the configuration that watches them, with `listen` as the daemon's own address.
    pub async fn start(listen: SocketAddr) -> Result<Self, Error> {
        let authority = certs::Authority::new().map_err(Error::Certificates)?;
        let mut clouds = Vec::new();
        for site in &cloud::SITES {
            clouds.push(Cloud::start(site, &authority).await?);
        }
        let folder = files::Folder::write(listen, &clouds, &authority)?;
        Ok(Self { clouds, folder })
    }

    /// The generated configuration.
    pub fn config(&self) -> &Path {
        self.folder.config()
    }

    /// Where the daemon's local socket goes.
    pub fn socket(&self) -> PathBuf {
        self.folder.socket()
    }

    /// Changes the weather over the clouds, in their order.
    fn set(&self, weather: [Weather; 2]) {
        for (cloud, weather) in self.clouds.iter().zip(weather) {
            cloud.set(weather);
        }
    }
}
