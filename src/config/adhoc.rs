//! A check from a URL on the command line, without any file.
//!
//! `http(s)://…`, `tcp://host:port`, `tls://host:port`, `dns://server[:port]/name?type=A&class=IN&transport=tls`,
//! `exec:///path/of/program?arg=…&arg=…`, `icmp://host`, `grpc://host:port/service` (`grpcs` with TLS). Settings are the defaults of the configuration.
//!
//! It does not run the check.

use super::build::{
    DEFAULT_IP, DEFAULT_PICK, DEFAULT_SHAPE, dns, icmp, parse_address, parse_host, parse_url,
};
use crate::model::{
    Check, CheckId, DnsServer, DnsSpec, DnsTransport, ExecSpec, GrpcSpec, HttpSpec, IcmpSpec,
    ProbeKind, Spec, TcpSpec, TlsSpec, class_of, type_of,
};
use std::sync::Arc;

/// The check that `url` describes.
///
/// # Errors
///
/// One sentence on what is wrong with the URL.
pub fn adhoc(url: &str) -> Result<Check, String> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(format!(
            "`{url}` is not a URL: expected `https://…`, `tcp://host:port`, `tls://host:port`, \
             `dns://server/name?type=A`, `icmp://host`, `grpc://host:port/service` or `exec:///program?arg=…`"
        ));
    };
    let (kind, host) = match scheme {
        "http" | "https" => web(url)?,
        "tcp" | "tls" => stream(url, rest.trim_end_matches('/'), scheme == "tls")?,
        "dns" => question(url, rest)?,
        "exec" => program(url)?,
        "icmp" | "ping" => echo(url, rest.trim_end_matches('/'))?,
        "grpc" | "grpcs" => health(url, rest, scheme == "grpcs")?,
        _ => {
            return Err(format!(
                "`{scheme}` is no scheme that can be probed: expected `http`, `https`, `tcp`, `tls`, `dns`, `icmp`, `grpc`, `grpcs` or `exec`"
            ));
        }
    };
    let spec =
        Spec { ip: DEFAULT_IP, pick: DEFAULT_PICK, slow_after: None, max_latency: None, kind };
    // All that is behind the scheme, so that two URLs on one host are two checks.
    let place = rest.trim_end_matches('/');
    Ok(Check {
        id: CheckId::new("adhoc", place, scheme),
        service: "adhoc".into(),
        endpoint: place.into(),
        probe: scheme.into(),
        provider: "".into(),
        region: "".into(),
        host: host.as_str().into(),
        shape: DEFAULT_SHAPE,
        counts: true,
        spec: Arc::new(spec),
        formerly: Arc::default(),
    })
}

fn web(text: &str) -> Result<(ProbeKind, String), String> {
    let url = parse_url(text).map_err(|fault| fault.on_command_line(text))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let spec = HttpSpec::get(url);
    Ok((ProbeKind::Http(Box::new(spec)), host))
}

fn stream(url: &str, address: &str, tls: bool) -> Result<(ProbeKind, String), String> {
    let (host, port) =
        parse_address(address).map_err(|why| format!("`{url}` cannot be probed: {why}"))?;
    let name = host.to_string();
    let tls = tls.then(|| Arc::new(TlsSpec::default()));
    Ok((ProbeKind::Tcp(Box::new(TcpSpec { host, port, tls, dialogue: Vec::new() })), name))
}

fn question(url: &str, rest: &str) -> Result<(ProbeKind, String), String> {
    let fault = |why: &str| format!("`{url}` cannot be probed: {why}");
    let (server, rest) =
        rest.split_once('/').ok_or_else(|| fault("the name to ask for is missing"))?;
    let (name, options) = rest.split_once('?').unwrap_or((rest, ""));
    let mut spec =
        DnsSpec::new(DnsServer::System, dns::parse_name(name).map_err(|why| fault(&why))?);
    for option in options.split('&').filter(|option| !option.is_empty()) {
        match option.split_once('=') {
            Some(("type", word)) => {
                spec.record_type = type_of(word)
                    .ok_or_else(|| fault(&format!("`{word}` is not a record type")))?;
            }
            Some(("class", word)) => {
                spec.class = class_of(word)
                    .ok_or_else(|| fault(&format!("`{word}` is not a class of records")))?;
            }
            Some(("transport", word)) => {
                spec.transport = DnsTransport::from_word(word).ok_or_else(|| {
                    fault(&format!("`{word}` is none of `udp`, `tcp`, `tls`, `https`"))
                })?;
            }
            _ => {
                return Err(fault(&format!(
                    "unknown option `{option}`, expected `type=A`, `class=IN` or `transport=tls`"
                )));
            }
        }
    }
    if !server.is_empty() {
        spec.server =
            dns::parse_server(server, spec.transport.port()).map_err(|why| fault(&why))?;
    }
    spec.tls = spec.transport.is_tls().then(Arc::default);
    Ok((ProbeKind::Dns(Box::new(spec)), name.trim_end_matches('.').to_owned()))
}

fn echo(url: &str, host: &str) -> Result<(ProbeKind, String), String> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let host = parse_host(bare).map_err(|why| format!("`{url}` cannot be probed: {why}"))?;
    let name = host.to_string();
    let spec = IcmpSpec {
        host,
        packets: icmp::PACKETS,
        spacing: icmp::SPACING,
        within: icmp::WITHIN,
        size: icmp::SIZE,
        max_loss: icmp::MAX_LOSS,
    };
    Ok((ProbeKind::Icmp(Box::new(spec)), name))
}

fn health(url: &str, rest: &str, tls: bool) -> Result<(ProbeKind, String), String> {
    let (address, service) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) =
        parse_address(address).map_err(|why| format!("`{url}` cannot be probed: {why}"))?;
    let name = host.to_string();
    let tls = tls.then(|| Arc::new(TlsSpec::default()));
    let spec = GrpcSpec { host, port, service: service.into(), tls };
    Ok((ProbeKind::Grpc(Box::new(spec)), name))
}

fn program(text: &str) -> Result<(ProbeKind, String), String> {
    let fault = |why: &str| format!("`{text}` cannot be run: {why}");
    let url = url::Url::parse(text).map_err(|error| fault(&error.to_string()))?;
    if url.host_str().is_some_and(|host| !host.is_empty()) || url.path().len() < 2 {
        return Err(fault("expected an absolute path after `exec://`"));
    }
    let mut arguments = Vec::new();
    for (key, value) in url.query_pairs() {
        if key != "arg" {
            return Err(fault(&format!("unknown option `{key}`, expected `arg=…`")));
        }
        arguments.push(value.into_owned());
    }
    // A query reads `+` as a blank; a path is taken as it is, but for `%20` and the like.
    let path = url.path().replace('+', "%2B");
    let path = url::form_urlencoded::parse(path.as_bytes()).next();
    let program = path.map(|(path, _)| path.into_owned()).unwrap_or_default();
    let spec = ExecSpec { program: program.into(), arguments, env: Vec::new() };
    Ok((ProbeKind::Exec(Box::new(spec)), String::new()))
}

#[cfg(test)]
mod tests {
    use super::adhoc;
    use crate::model::{DnsServer, ProbeKind};

    #[test]
    fn urls_become_checks_with_the_defaults() {
        assert_eq!(adhoc("https://a.example/x").unwrap().id.as_str(), "adhoc/a.example/x/https");
        assert_eq!(adhoc("tcp://a.example:25").unwrap().spec.kind.name(), "tcp");
        let tls = adhoc("tls://[::1]:443").unwrap();
        assert!(matches!(&tls.spec.kind, ProbeKind::Tcp(tcp) if tcp.tls.is_some()));
        let dns = adhoc("dns://192.0.2.53:5353/shop.example.com?type=AAAA").unwrap();
        let ProbeKind::Dns(spec) = &dns.spec.kind else { panic!("{dns:?}") };
        assert_eq!(spec.query.to_string(), "shop.example.com.");
        assert_eq!(spec.record_type.to_string(), "AAAA");
        let server = crate::model::Host::Ip("192.0.2.53".parse().unwrap());
        assert_eq!(spec.server, DnsServer::At(server, 5353));
        let echo = adhoc("icmp://[::1]/").unwrap();
        let ProbeKind::Icmp(spec) = &echo.spec.kind else { panic!("{echo:?}") };
        assert_eq!(spec.host, crate::model::Host::Ip("::1".parse().unwrap()));
        let health = adhoc("grpcs://a.example:443/shop.v1.Orders").unwrap();
        let ProbeKind::Grpc(spec) = &health.spec.kind else { panic!("{health:?}") };
        assert_eq!((&*spec.service, spec.tls.is_some()), ("shop.v1.Orders", true));
        let exec = adhoc("exec:///usr/lib/my%20plugins/check+?arg=-H&arg=a.example%26b").unwrap();
        let ProbeKind::Exec(spec) = &exec.spec.kind else { panic!("{exec:?}") };
        assert_eq!(spec.program.to_str(), Some("/usr/lib/my plugins/check+"));
        assert_eq!(spec.arguments, ["-H", "a.example&b"]);
    }

    #[test]
    fn what_cannot_be_probed_says_why() {
        let said = |url| adhoc(url).unwrap_err();
        assert!(
            said("ftp://a").starts_with("`ftp` is no scheme that can be probed: expected `http`")
        );
        assert_eq!(said("icmp://a b"), "`icmp://a b` cannot be probed: it has a blank in it");
        assert_eq!(said("grpc://a/b"), "`grpc://a/b` cannot be probed: the port is missing");
        assert_eq!(
            said("exec://check?arg=x"),
            "`exec://check?arg=x` cannot be run: expected an absolute path after `exec://`"
        );
        assert_eq!(
            said("tcp://a.example"),
            "`tcp://a.example` cannot be probed: the port is missing"
        );
        assert_eq!(said("dns://192.0.2.53/"), "`dns://192.0.2.53/` cannot be probed: it is empty");
        assert_eq!(
            said("https://u:p@a.example/"),
            "the URL cannot be probed: it holds credentials, which do not belong on a command line"
        );
    }
}
