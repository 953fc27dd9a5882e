//! The demo's folder: a `probes.toml` that reads like an example, and the root certificate it trusts.
//!
//! The folder is for this user alone, in the system's temporary folder, and goes away with the demo.
//!
//! The configuration room reads the file like any other; nothing here knows what it makes of it.

use super::Error;
use super::certs::Authority;
use super::cloud::Cloud;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Names of folders that are tried: one may be left over from a demo that was killed.
const FOLDER_ATTEMPTS: usize = 8;

/// What goes before the clouds.
const HEAD: &str = r#"# The configuration of `nephoscope demo`: two small clouds that live in the demo itself.
# Written anew at each start; copy it to have something to begin with.

[monitor]
vantage = "demo"
listen  = "LISTEN"            # the status page, the API and /metrics
state   = "STATE"             # the store; gone with the demo

[defaults]
interval = "1s"               # far shorter than anybody should ask of real servers (30s), so that things are seen to move
timeout  = "900ms"            # one hard deadline for a whole probe
recheck  = "400ms"            # after a result that differs from the last one, look again this soon
confirm  = 2                  # so many equal results in a row before anybody is told

# ---- the clouds: failure domains -----------------------------------------------------------------------------
"#;

/// What comes after the clouds.
const TAIL: &str = r#"
# ---- how to look ---------------------------------------------------------------------------------------------

[probe.web]                   # the whole way: TCP, TLS, status, body
slow_after = "200ms"          # slower is a warning: degraded, not down

[probe.web.http]
url          = "https://{host}:{https}/healthz"
connect_to   = "{address}"    # the demo has no resolver of its own; real names need no such line
body_matches = ['"status":\s*"ok"']

[probe.web.tls]
ca             = "ca.pem"     # the demo's own authority
expires_within = "21d"        # a certificate that ends sooner is a warning

[probe.plain]
slow_after = "200ms"

[probe.plain.http]
url        = "http://{host}:{http}/"
connect_to = "{address}"

[probe.smtp]
slow_after = "200ms"

[probe.smtp.tcp]
address  = "{address}:{smtp}"
dialogue = [{ expect = "^220 " }, { send = "EHLO monitor\r\n" }, { expect = "^250 " }, { send = "QUIT\r\n" }]

[probe.name.dns]
server  = "{address}:{dns}"
query   = "{host}"
type    = "A"
answers = { all = ['^{address}$'], count = "1" }

# ---- what is watched -----------------------------------------------------------------------------------------

[service.shop]
title  = "Web shop"
probes = ["web", "name"]
labels = { team = "storefront" }
# Promises over far shorter windows than anybody should make, so that their budgets are seen to burn.
slo    = [
  { name = "last-hour", objective = 99, window = "1h" },                    # up if one cloud can serve
  { name = "both", objective = 95, window = "1h", scope = "all" },          # up only while both can
]

[service.login]
title  = "Login"
probes = ["web"]
labels = { team = "identity" }
objective = 99.9              # over 30 days, with alerts on the speed at which its budget burns

[service.docs]
title  = "Documentation"
probes = ["plain"]

[service.mail]
title  = "Mail relay"
probes = ["smtp"]

[[maintenance]]               # planned absence; more of it with `nephoscope maintenance add`
match  = { service = "mail", provider = "borealis" }
every  = "Sun 02:00-04:00"
reason = "weekly patches"
"#;

/// A folder that goes away with its owner.
pub(super) struct Folder {
    path: PathBuf,
    config: PathBuf,
}

impl Folder {
    /// Makes the folder and writes the files.
    pub(super) fn write(
        listen: SocketAddr,
        clouds: &[Cloud],
        authority: &Authority,
    ) -> Result<Self, Error> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::Folder { path, source }
        };
        let path = make_private().map_err(failed(&std::env::temp_dir()))?;
        let config = path.join("probes.toml");
        let folder = Self { path, config };
        let state = folder.path.join("state");
        let mut text = HEAD
            .replace("LISTEN", &listen.to_string())
            .replace("STATE", &state.display().to_string());
        for cloud in clouds {
            text.push_str(&provider(cloud));
        }
        text.push_str(TAIL);
        for (file, text) in [(folder.config(), text.as_str()), (&folder.root(), &authority.pem())] {
            std::fs::write(file, text).map_err(failed(file))?;
        }
        Ok(folder)
    }

    pub(super) fn config(&self) -> &Path {
        &self.config
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.path.join("nephoscope.sock")
    }

    fn root(&self) -> PathBuf {
        self.path.join("ca.pem")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is a few kilobytes in the temporary folder.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// A new folder that nobody else may look into. What exists already is never used: it may be somebody else's.
fn make_private() -> io::Result<PathBuf> {
    let name = format!("nephoscope-demo-{}", std::process::id());
    let mut path = std::env::temp_dir().join(&name);
    for attempt in 1..=FOLDER_ATTEMPTS {
        match std::fs::DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                path.set_file_name(format!("{name}-{attempt}"));
            }
            made => return made.map(|()| path),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn provider(cloud: &Cloud) -> String {
    let site = cloud.site;
    let (name, title, region, address) = (site.name, site.title, site.region, site.address);
    let (https, http, smtp, dns) = (cloud.https, cloud.http, cloud.smtp, cloud.dns);
    let domain = site.domain();
    format!(
        r#"
[provider.{name}]
title  = "{title}"
region = "{region}"
host   = "{{service}}.{domain}"
vars   = {{ address = "{address}", https = "{https}", http = "{http}", smtp = "{smtp}", dns = "{dns}" }}

[[provider.{name}.canary]]     # the cloud itself, not a service on it: if both fail, the cloud is blamed
url         = "http://canary.{domain}:{http}/"
connect_to  = "{address}"
"#
    )
}
