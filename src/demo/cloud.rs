//! One simulated cloud: a web server with TLS and one without, a mail server, a name server, on one loopback address.
//!
//! Every server is a task that listens on a port the system chose, obeys the weather, and ends with the cloud. While the
//! cloud refuses, its ports are really closed; afterwards the same ones are opened again.
//!
//! What the servers say is in `stream` and `names`.

use super::certs::{Authority, Identities};
use super::weather::{Mood, Weather};
use super::{Error, names, stream};
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Connections of one server at most.
const CONNECTIONS: usize = 64;

/// How long to wait before a port that is not free yet is tried again.
const AGAIN: Duration = Duration::from_millis(50);

/// Where a cloud is and what it is called.
pub(super) struct Site {
    /// Its name in the configuration.
    pub(super) name: &'static str,
    /// For people.
    pub(super) title: &'static str,
    /// Its only region.
    pub(super) region: &'static str,
    /// Its only address; Linux answers for all of 127.0.0.0/8.
    pub(super) address: Ipv4Addr,
    /// How long an answer takes in good weather, so that the clouds differ a little.
    pub(super) pace: Duration,
}

pub(super) const SITES: [Site; 2] = [
    Site {
        name: "aurora",
        title: "Aurora Cloud",
        region: "north-1",
        address: Ipv4Addr::new(127, 0, 1, 1),
        pace: Duration::from_millis(12),
    },
    Site {
        name: "borealis",
        title: "Borealis Cloud",
        region: "west-4",
        address: Ipv4Addr::new(127, 0, 2, 1),
        pace: Duration::from_millis(25),
    },
];

/// A running cloud.
pub(super) struct Cloud {
    pub(super) site: &'static Site,
    /// Port of the web server with TLS.
    pub(super) https: u16,
    /// Port of the web server without.
    pub(super) http: u16,
    /// Port of the mail server.
    pub(super) smtp: u16,
    /// Port of the name server, UDP.
    pub(super) dns: u16,
    weather: watch::Sender<Weather>,
    /// The servers; they end when the cloud is dropped.
    _servers: JoinSet<()>,
}

impl Site {
    /// The zone in which the names of its endpoints lie.
    pub(super) fn domain(&self) -> String {
        format!("{}.{}.test", self.region, self.name)
    }
}

impl Cloud {
    /// Binds every port, then starts the servers.
    pub(super) async fn start(site: &'static Site, authority: &Authority) -> Result<Self, Error> {
        let identities = authority.identities(&site.domain())?;
        let (weather, told) = watch::channel(Weather::FINE);
        let address = IpAddr::V4(site.address);
        let failed = |source| Error::Listen { address, source };
        let free = SocketAddr::new(address, 0);
        let mut servers = JoinSet::new();
        let mut ports = [0; 3];
        let trades = [stream::Trade::Https(identities), stream::Trade::Http, stream::Trade::Smtp];
        for (port, trade) in ports.iter_mut().zip(trades) {
            let listener = TcpListener::bind(free).await.map_err(failed)?;
            *port = listener.local_addr().map_err(failed)?.port();
            servers.spawn(keep_listening(listener, told.clone(), site, trade));
        }
        let socket = UdpSocket::bind(free).await.map_err(failed)?;
        let dns = socket.local_addr().map_err(failed)?.port();
        servers.spawn(names::serve(socket, told, site));
        let [https, http, smtp] = ports;
        Ok(Self { site, https, http, smtp, dns, weather, _servers: servers })
    }

    /// Changes the weather.
    pub(super) fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

impl Identities {
    /// What is presented in this weather.
    pub(super) fn now(&self, weather: Weather) -> std::sync::Arc<rustls::ServerConfig> {
        if weather.old_certificate { self.old.clone() } else { self.usual.clone() }
    }
}

/// A TCP server: open, unless the cloud refuses; then closed, with all its connections, until it does no longer.
async fn keep_listening(
    first: TcpListener,
    mut told: watch::Receiver<Weather>,
    site: &'static Site,
    trade: stream::Trade,
) {
    let Ok(address) = first.local_addr() else { return };
    let mut listener = Some(first);
    loop {
        if !until(&mut told, |mood| mood != Mood::Refusing).await {
            return;
        }
        let open = match listener.take() {
            Some(open) => open,
            None => again(|| TcpListener::bind(address)).await,
        };
        accept(&open, &mut told, site, &trade).await;
    }
}

/// Accepts until the cloud refuses.
async fn accept(
    listener: &TcpListener,
    told: &mut watch::Receiver<Weather>,
    site: &'static Site,
    trade: &stream::Trade,
) {
    let mut connections = JoinSet::new();
    let mut refusing = told.clone();
    let mut closing = std::pin::pin!(until(&mut refusing, |mood| mood == Mood::Refusing));
    loop {
        // Closing comes first, so that no connection slips in once the weather has changed; ended connections come
        // before new ones because they free places.
        tokio::select! {
            biased;
            _ = &mut closing => return,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((client, _)) => {
                    connections.spawn(talk(client, *told.borrow(), site, trade.clone()));
                }
                Err(_) => tokio::time::sleep(AGAIN).await,
            },
        }
    }
}

async fn talk(client: TcpStream, weather: Weather, site: &'static Site, trade: stream::Trade) {
    // A client that goes away in the middle is a probe that has seen enough.
    let _ = trade.talk(client, weather, site).await;
}

/// Waits until the mood is as wanted; false if the cloud is gone.
pub(super) async fn until(
    told: &mut watch::Receiver<Weather>,
    wanted: impl Fn(Mood) -> bool,
) -> bool {
    told.wait_for(|weather| wanted(weather.mood)).await.is_ok()
}

/// Tries until it succeeds: the port was ours a moment ago and will be again.
pub(super) async fn again<T, F: Future<Output = std::io::Result<T>>>(open: impl Fn() -> F) -> T {
    loop {
        match open().await {
            Ok(opened) => return opened,
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
    }
}
