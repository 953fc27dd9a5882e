//! Reading as a whole, on small files: who overrides whom, what is shared, what endpoints a service gets.
//!
//! Each test writes its file in place and looks at the finished [`Config`]; what is wrong with bad files is proven by
//! golden outputs in `tests/it`.
//!
//! No test here needs a file on disk but those about files.

use super::*;
use crate::model::{
    AlertKind, AskedResolver, CheckId, DnsServer, Host, IpChoice, ObjectiveWindow, ProbeKind,
    RecordRules, Spec, TierName,
};

fn read(text: &str) -> Config {
    match load_text(Path::new("test.toml"), text.to_owned()) {
        Ok(loaded) => loaded.config,
        Err(problems) => panic!("{}", problems.render(false)),
    }
}

fn ids(config: &Config) -> Vec<&str> {
    config.checks.iter().map(|check| check.id.as_str()).collect()
}

fn check<'a>(config: &'a Config, id: &str) -> &'a Check {
    config.checks.iter().find(|check| check.id.as_str() == id).unwrap()
}

fn url(spec: &Spec) -> &str {
    match &spec.kind {
        ProbeKind::Http(http) => http.url.as_str(),
        other => panic!("{other:?}"),
    }
}

const PROVIDER: &str = "[provider.aws]\nhost = \"{service}.example.com\"\n";
const PROBE: &str = "[probe.web.http]\nurl = \"https://{host}/\"\n";

/// One file in which every level from `from` on says `key = "<its own number>s"`.
fn every_level_from(from: usize, key: &str) -> String {
    let says = |level: usize| {
        if level <= from { format!("{key} = \"{}s\"\n", level + 31) } else { String::new() }
    };
    let entry = match from {
        5 => format!("{{ use = \"web\", {key} = \"36s\" }}"),
        _ => "\"web\"".to_owned(),
    };
    format!(
        "[defaults]\n{}{PROVIDER}[probe.web]\n{}{PROBE}[class.c]\n{}[service.shop]\nclass = \"c\"\nprobes = [{entry}]\n{}\
         [service.shop.endpoint.aws]\n{}",
        says(0),
        says(1),
        says(2),
        says(3),
        says(4),
    )
}

#[test]
fn each_level_overrides_the_one_below() {
    let intervals: Vec<_> = (0..6)
        .map(|level| read(&every_level_from(level, "interval")).checks[0].shape.interval.as_secs())
        .collect();
    assert_eq!(intervals, [31, 32, 33, 34, 35, 36]);
}

#[test]
fn too_few_places_for_a_silence_of_everything_are_a_note() {
    let services =
        ["a", "b", "c", "d", "e"].map(|name| format!("[service.{name}]\nprobes = [\"web\"]\n"));
    let note = |places: u32| {
        let monitor = format!("[monitor]\nmax_in_flight = {places}\n");
        let defaults = "[defaults]\ninterval = \"20s\"\ntimeout = \"10s\"\n";
        read(&format!("{monitor}{defaults}{PROVIDER}{PROBE}{}", services.concat())).short_places()
    };
    assert_eq!(note(5), None);
    let said = note(4).unwrap();
    assert!(said.contains("would need 5 places") && said.contains("there are 4"), "{said}");
}

#[test]
fn vars_merge_over_all_levels_and_the_nearest_wins() {
    let config = read(
        r#"
        [defaults]
        vars = { a = "defaults", b = "defaults", c = "defaults", d = "defaults", e = "defaults", f = "defaults" }
        [provider.aws]
        host = "{service}.example.com"
        vars = { b = "provider", c = "provider", d = "provider", e = "provider", f = "provider" }
        [probe.web]
        vars = { c = "probe", d = "probe", e = "probe", f = "probe" }
        [probe.web.http]
        url = "https://{host}/{a}/{b}/{c}/{d}/{e}/{f}"
        [class.c]
        vars = { d = "class", e = "class", f = "class" }
        [service.shop]
        class = "c"
        probes = [{ use = "web", vars = { f = "use" } }]
        vars = { e = "service", f = "service" }
        "#,
    );
    let path = "https://shop.example.com/defaults/provider/probe/class/service/use";
    assert_eq!(url(&config.checks[0].spec), path);
}

#[test]
fn labels_merge_and_lists_replace() {
    let config = read(&format!(
        r#"
        {PROVIDER}{PROBE}
        [probe.port.tcp]
        address = "{{host}}:443"
        [class.c]
        probes = ["web", "port"]
        labels = {{ team = "storefront", tier = "1" }}
        [service.shop]
        class = "c"
        [service.pay]
        class = "c"
        probes = ["port"]
        labels = {{ tier = "2" }}
        "#
    ));
    assert_eq!(ids(&config), ["shop/aws/web", "shop/aws/port", "pay/aws/port"]);
    let labels: Vec<_> = config.services[1].labels.iter().collect();
    assert_eq!(
        labels,
        [(&"team".to_owned(), &"storefront".to_owned()), (&"tier".to_owned(), &"2".to_owned())]
    );
}

#[test]
fn what_nobody_says_has_its_default() {
    let config = read(&format!("{PROVIDER}{PROBE}[service.shop]\nprobes = [\"web\"]\n"));
    let seconds = |span: Duration| span.as_secs();
    let shape = config.checks[0].shape;
    let times = [shape.interval, shape.timeout, shape.recheck, shape.hold].map(seconds);
    assert_eq!((times, shape.confirm), ([30, 5, 5, 60], 2));
    assert_eq!(config.monitor.listen.to_string(), "127.0.0.1:9464");
    assert_eq!(config.monitor.max_in_flight, 2_000);
    assert_eq!(config.monitor.state, Path::new("state"));
    let spec = format!("{:?}", config.checks[0].spec);
    assert!(spec.contains("ip: Any, pick: Rotate"), "{spec}");
    assert!(spec.contains("method: GET") && spec.contains("Limit(10)"), "{spec}");
    assert!(spec.contains("[200..=299]") && spec.contains("body_limit: 1048576"), "{spec}");
}

#[test]
fn defaults_follow_a_short_interval() {
    let text = format!(
        "[defaults]\ninterval = \"2s\"\n{PROVIDER}{PROBE}[service.s]\nprobes = [\"web\"]\n"
    );
    let shape = read(&text).checks[0].shape;
    let times = [shape.timeout, shape.recheck, shape.hold].map(|span| span.as_secs());
    assert_eq!(times, [2, 2, 4]);
}

#[test]
fn a_service_gets_an_endpoint_on_every_provider_with_a_host() {
    let text = r#"
        [provider.aws]
        host = "{service}.aws.example"
        region = "eu"
        [provider.spare]
        [provider.gcp]
        host = "{service}.{region}.gcp.example"
        region = "us"
        [probe.web.http]
        url = "https://{host}/"
        [service.all]
        probes = ["web"]
        [service.one]
        probes = ["web"]
        endpoints = ["gcp"]
        [service.extra]
        probes = ["web"]
        [service.extra.endpoint.blue]
        provider = "aws"
        host = "blue.example"
        region = "ap"
        [service.extra.endpoint.gcp]
        host = "2001:db8::7"
        probes = [{ use = "web", timeout = "1s" }]
    "#;
    let config = read(text);
    let found: Vec<_> = config
        .checks
        .iter()
        .map(|check| (check.id.as_str(), &*check.provider, &*check.region, url(&check.spec)))
        .collect();
    assert_eq!(
        found,
        [
            ("all/aws/web", "aws", "eu", "https://all.aws.example/"),
            ("all/gcp/web", "gcp", "us", "https://all.us.gcp.example/"),
            ("one/gcp/web", "gcp", "us", "https://one.us.gcp.example/"),
            ("extra/aws/web", "aws", "eu", "https://extra.aws.example/"),
            ("extra/gcp/web", "gcp", "us", "https://[2001:db8::7]/"),
            ("extra/blue/web", "aws", "ap", "https://blue.example/"),
        ]
    );
    let positions: Vec<_> =
        config.services[2].endpoints.iter().map(|each| each.checks[0].0).collect();
    assert_eq!(positions, [3, 4, 5]);
}

#[test]
fn checks_that_do_the_same_share_their_spec_and_all_share_their_patterns() {
    let config = read(&format!(
        r#"
        {PROVIDER}
        [probe.fixed.http]
        url = "https://status.example.com/"
        body_matches = ['ok']
        [probe.own.http]
        url = "https://{{host}}/"
        body_matches = ['ok']
        [service.a]
        probes = ["fixed", "own"]
        [service.b]
        probes = ["fixed", {{ use = "own", interval = "1m" }}]
        "#
    ));
    let spec = |id: &str| &check(&config, id).spec;
    assert!(Arc::ptr_eq(spec("a/aws/fixed"), spec("b/aws/fixed")));
    assert!(!Arc::ptr_eq(spec("a/aws/own"), spec("b/aws/own")));
    let pattern = |id: &str| match &spec(id).kind {
        ProbeKind::Http(http) => http.body_matches[0].clone(),
        other => panic!("{other:?}"),
    };
    let compiled = |id: &str| std::ptr::from_ref(&*pattern(id));
    assert_eq!(compiled("a/aws/own"), compiled("b/aws/own"));
    assert_eq!(compiled("a/aws/own"), compiled("a/aws/fixed"));
}

#[test]
fn a_dns_probe_is_complete() {
    let config = read(&format!(
        r#"
        {PROVIDER}
        [probe.name.dns]
        server = "{{nameserver}}"
        query = "{{host}}"
        type = "aaaa"
        answers = {{ exact = ["{{host}}."], count = "1..4", ttl = "30s..1h" }}
        [service.a]
        probes = ["name"]
        vars = {{ nameserver = "2001:db8::53" }}
        "#
    ));
    let ProbeKind::Dns(dns) = &config.checks[0].spec.kind else { panic!() };
    assert_eq!(dns.server, DnsServer::At(Host::Ip("2001:db8::53".parse().unwrap()), 53));
    assert_eq!((dns.query.to_string().as_str(), dns.query.is_fqdn()), ("a.example.com.", true));
    assert_eq!(dns.record_type.to_string(), "AAAA");
    let RecordRules { exact, count, ttl, .. } = &dns.answers;
    let wanted = (Some(vec!["a.example.com.".to_owned()]), Some(1..=4), Some(30..=3_600));
    assert_eq!((exact.clone(), count.clone(), ttl.clone()), wanted);
}

#[test]
fn files_are_read_beside_the_file_that_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("conf.d")).unwrap();
    write("conf.d/20-b.toml", "[service.b]\nprobes = [\"web\"]\n");
    write("conf.d/10-a.toml", "[service.a]\nprobes = [\"web\"]\n");
    write("conf.d/10-a.toml~", "not TOML");
    write("conf.d/.hidden.toml", "not TOML");
    write(
        "conf.d/30-probe.toml",
        "[probe.web.http]\nurl = \"https://{host}/\"\nauth = { bearer = { file = \"token\" } }\nbody_file = \"body\"\n",
    );
    write("conf.d/token", "tiger\n");
    write("conf.d/body", "{\"a\":{\"b\":{host}}}");
    write("probes.toml", &format!("include = [\"conf.d/*.toml\"]\n{PROVIDER}"));
    let loaded = load(&folder.path().join("probes.toml")).unwrap();
    assert_eq!(ids(&loaded.config), ["a/aws/web", "b/aws/web"]);
    let ProbeKind::Http(http) = &loaded.config.checks[0].spec.kind else { panic!() };
    let Some(crate::model::Auth::Bearer(token)) = http.auth.as_deref() else { panic!() };
    assert_eq!(token.reveal(), "tiger");
    // A file is sent as it is: nobody looks for placeholders in it.
    assert_eq!(http.body.as_deref(), Some(&b"{\"a\":{\"b\":{host}}}"[..]));
    let shown = format!("{:?}{}", loaded.config, loaded.effective(None).unwrap());
    assert!(!shown.contains("tiger"), "{shown}");
    assert!(shown.contains("[secret]"), "{shown}");
}

#[test]
fn effective_answers_for_a_service_an_endpoint_or_a_check() {
    let text = format!(
        "{PROVIDER}{PROBE}[service.shop]\nprobes = [\"web\"]\n[service.pay]\nprobes = [\"web\"]\n"
    );
    let loaded = load_text(Path::new("test.toml"), text).unwrap();
    let headings = |what: &str| -> Vec<String> {
        let text = loaded.effective(Some(what)).unwrap();
        text.lines()
            .filter(|line| !line.starts_with(' ') && !line.is_empty())
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(headings("shop"), ["service shop", "check shop/aws/web"]);
    assert_eq!(headings("shop/aws"), ["check shop/aws/web"]);
    assert_eq!(headings("pay/aws/web"), ["check pay/aws/web"]);
    assert_eq!(
        loaded.effective(Some("shopp")).unwrap_err(),
        "no service, endpoint or check is named `shopp`; did you mean `shop`?"
    );
}

#[test]
fn twenty_thousand_checks_are_read_at_once() {
    use std::fmt::Write as _;
    let mut text = format!(
        "{PROVIDER}[provider.gcp]\nhost = \"{{service}}.example.net\"\n{PROBE}body_matches = ['ok']\n[class.c]\nprobes = [\"web\"]\n"
    );
    for number in 0..10_000 {
        writeln!(text, "[service.s{number}]\nclass = \"c\"").unwrap();
    }
    let config = read(&text);
    assert_eq!(config.checks.len(), 20_000);
    assert_eq!(config.checks[19_999].id, CheckId::new("s9999", "gcp", "web"));
}

#[test]
fn a_flood_of_warnings_does_not_hide_an_error() {
    use std::fmt::Write as _;
    let mut text = format!("{PROVIDER}{PROBE}");
    for number in 0..600 {
        writeln!(text, "[probe.unused{number}.tcp]\naddress = \"a.example:1\"").unwrap();
    }
    text.push_str("[service.shop]\nprobes = [\"web\"]\nobjective = 100\n");
    let problems = load_text(Path::new("test.toml"), text).unwrap_err();
    assert_eq!(problems.summary(), "1 error, 500 warnings, and 100 more that are not shown");
}

#[test]
fn equal_labels_are_kept_once() {
    let config = read(&format!(
        "[defaults]\nlabels = {{ team = \"x\" }}\n{PROVIDER}{PROBE}[service.a]\nprobes = [\"web\"]\n\
         [service.b]\nprobes = [\"web\"]\nlabels = {{ team = \"x\" }}\n"
    ));
    assert!(Arc::ptr_eq(&config.services[0].labels, &config.services[1].labels));
}

#[test]
fn a_maintenance_window_fits_by_every_key_with_one_of_its_values() {
    let config = read(&format!(
        "{PROVIDER}[provider.gcp]\nhost = \"{{service}}.example.net\"\nregion = \"eu\"\n{PROBE}[service.shop]\nprobes = [\"web\"]\nlabels = {{ team = \"front\" }}\n\
         [service.pay]\nprobes = [\"web\"]\n\
         [[maintenance]]\nmatch = {{ service = [\"shop\", \"pay\"], provider = \"gcp\" }}\nevery = \"Sun 02:00-04:00\"\n\
         [[maintenance]]\nmatch = {{ team = \"front\" }}\nevery = \"Sun 02:00-04:00\"\n\
         [[maintenance]]\nmatch = {{ region = \"eu\", endpoint = \"gcp\", probe = \"web\", service = \"pay\" }}\nevery = \"Sun 02:00-04:00\"\n\
         [[maintenance]]\nmatch = {{ service = \"pay\", team = \"front\" }}\nevery = \"Sun 02:00-04:00\"\n\
         [[maintenance]]\nmatch = {{}}\nevery = \"Sun 02:00-04:00\"\n"
    ));
    let fitting: Vec<Vec<&str>> = config
        .maintenance
        .iter()
        .map(|window| {
            let fits = |check: &&Arc<Check>| {
                let service = config.services.iter().find(|each| each.name == check.service);
                window.matching.fits(check, &service.unwrap().labels)
            };
            config.checks.iter().filter(fits).map(|check| check.id.as_str()).collect()
        })
        .collect();
    assert_eq!(
        fitting,
        [
            vec!["shop/gcp/web", "pay/gcp/web"],
            vec!["shop/aws/web", "shop/gcp/web"],
            vec!["pay/gcp/web"],
            vec![],
            vec!["shop/aws/web", "shop/gcp/web", "pay/aws/web", "pay/gcp/web"],
        ]
    );
}

#[test]
fn a_window_keeps_its_id_wherever_it_stands_and_stands_once() {
    let service = format!("{PROVIDER}{PROBE}[service.shop]\nprobes = [\"web\"]\n");
    let window = |every: &str, more: &str| {
        format!("[[maintenance]]\nmatch = {{ service = \"shop\" }}\nevery = \"{every}\"\n{more}")
    };
    let ids = |windows: &[String]| -> Vec<Arc<str>> {
        let config = read(&format!("{service}{}", windows.concat()));
        config.maintenance.iter().map(|window| Arc::clone(&window.id)).collect()
    };
    let sunday = window("Sun 02:00-04:00", "");
    let why = window("Sun 02:00-04:00", "by = \"me\"\nreason = \"patches\"\n");
    let first = ids(std::slice::from_ref(&sunday)).remove(0);
    assert_eq!(&*first, "config-35c2d949");
    let moved = ids(&[window("Mon 02:00-04:00", ""), why.clone()]);
    assert_eq!((&moved[1], moved.len()), (&first, 2));
    assert_eq!(ids(&[sunday, why]), [first]);
}

#[test]
fn a_weekly_window_may_end_on_the_next_day() {
    let read = |every: &str| {
        let text = format!(
            "{PROVIDER}{PROBE}[service.shop]\nprobes = [\"web\"]\n[[maintenance]]\nmatch = {{}}\nevery = \"{every}\"\nby = \"me\"\n"
        );
        let loaded = load_text(Path::new("test.toml"), text).ok()?;
        Some(loaded.config.maintenance[0].when.to_string())
    };
    assert_eq!(read("Sun 23:00-01:00").as_deref(), Some("Sun 23:00-01:00"));
    assert_eq!(read("sun 00:00-24:00").as_deref(), Some("Sun 00:00-00:00"));
    assert_eq!(read("Sun 02:00-02:00"), None);
    assert_eq!(read("Sun 24:00-02:00"), None);
}

#[test]
fn objectives_are_exact_from_their_text() {
    let parts = |objective: &str| {
        let service = format!("[service.shop]\nprobes = [\"web\"]\nobjective = {objective}\n");
        match load_text(Path::new("test.toml"), format!("{PROVIDER}{PROBE}{service}")) {
            Ok(loaded) => Ok(loaded.config.services[0].objectives[0].target_parts),
            Err(problems) => Err(problems.iter().map(Problem::kind).collect::<Vec<_>>()),
        }
    };
    for text in ["99.9", "\"99.9\"", "99.900000000"] {
        assert_eq!(parts(text), Ok(999_000_000), "{text}");
    }
    assert_eq!(parts("99.9999999"), Ok(999_999_999));
    assert_eq!(parts("0.999"), Err(vec![Kind::PercentAsFraction]));
    assert_eq!(parts("100"), Err(vec![Kind::ObjectiveHundred]));
    for text in ["0", "-1", "-99.9", "nan", "inf", "99.99999999", "101", "9e1"] {
        assert_eq!(parts(text), Err(vec![Kind::OutOfRange]), "{text}");
    }
}

#[test]
fn a_promise_is_complete_where_nothing_is_said() {
    let config = read(&format!(
        "{PROVIDER}{PROBE}[service.shop]\nprobes = [\"web\"]\nobjective = 99.9\nwindow = \"4w\"\n\
         [service.pay]\nprobes = [\"web\"]\n[[service.pay.slo]]\nkind = \"slices\"\nobjective = 99.9\nmin_coverage = 0.995\n\
         tiers = [{{ name = \"ticket_slow\", long = \"1d\", short = \"2h\", burn = 1 }},\n\
         {{ name = \"page_fast\", long = \"1h\", short = \"5m\", burn = 14.4, severity = \"ticket\" }}]\n"
    ));
    let [plain, own] = [0, 1].map(|service: usize| &config.services[service].objectives[0]);
    assert_eq!((&*plain.name, &*plain.window_text), ("availability-4w", "4w"));
    assert_eq!(plain.window, ObjectiveWindow::Rolling(Duration::from_hours(28 * 24)));
    assert_eq!((plain.min_failures, plain.min_coverage_parts, plain.slice), (2, 900_000_000, None));
    assert_eq!(plain.tiers, None);
    assert_eq!((&*own.name, &*own.window_text), ("availability-30d", "30d"));
    assert_eq!((own.min_coverage_parts, own.slice), (995_000_000, Some(Duration::from_mins(1))));
    let tiers: Vec<_> = own.tiers.as_deref().unwrap().iter().collect();
    let found: Vec<_> = tiers
        .iter()
        .map(|tier| (tier.name, tier.factor_millionths, tier.severity, tier.long.as_secs()))
        .collect();
    assert_eq!(
        found,
        [
            (TierName::PageFast, 14_400_000, AlertKind::Ticket, 3_600),
            (TierName::TicketSlow, 1_000_000, AlertKind::Ticket, 86_400),
        ]
    );
}

#[test]
fn a_window_of_the_command_line_is_one_of_the_file() {
    assert_eq!(parse_window("month"), Ok(ObjectiveWindow::Month));
    assert_eq!(parse_window("1h"), Ok(ObjectiveWindow::Rolling(Duration::from_hours(1))));
    let said = parse_window("30 d").unwrap_err();
    assert!(said.starts_with("`30 d` is not a window: it has a blank in it; expected"), "{said}");
}

#[test]
fn a_renamed_check_knows_every_id_it_had() {
    let config = read(&format!(
        "[provider.aws]\nformerly = [\"amazon\"]\nhost = \"{{service}}.example.com\"\n[probe.web]\nformerly = [\"site\"]\n{PROBE}\
         [service.shop]\nformerly = [\"store\", \"old/amazon/site\"]\nprobes = [\"web\"]\n\
         [service.pay]\nprobes = [{{ use = \"web\", formerly = [\"front\"] }}]\n\
         [service.pay.endpoint.aws]\nformerly = [\"east\"]\n\
         [service.new]\nprobes = [\"plain\"]\n[service.new.endpoint.blue]\nprovider = \"aws\"\n[probe.plain.tcp]\naddress = \"{{host}}:1\"\n"
    ));
    let formerly = |id: &str| -> Vec<&str> {
        check(&config, id).formerly.iter().map(String::as_str).collect()
    };
    assert_eq!(
        formerly("shop/aws/web"),
        [
            "shop/aws/site",
            "shop/amazon/web",
            "shop/amazon/site",
            "store/aws/web",
            "store/aws/site",
            "store/amazon/web",
            "store/amazon/site",
            "old/amazon/site",
        ]
    );
    assert_eq!(formerly("pay/aws/web").len(), 3 * 3 - 1);
    assert!(formerly("pay/aws/web").contains(&"pay/east/front"));
    // The provider's former name is that of endpoints named after it only.
    assert_eq!(formerly("new/aws/plain"), ["new/amazon/plain"]);
    assert_eq!(formerly("new/blue/plain"), [""; 0]);
}

#[test]
fn the_public_name_is_looked_at_as_its_service_looks() {
    let shape = |service: &str| {
        let config = read(&format!(
            "[defaults]\ntimeout = \"3s\"\n{PROVIDER}[probe.web]\ninterval = \"40s\"\n{PROBE}[class.c]\nprobes = [\"web\"]\nrecheck = \"7s\"\n\
             [service.shop]\nclass = \"c\"\n{service}\n[service.shop.endpoint.aws]\ninterval = \"9s\"\n\
             [service.shop.entry]\nhost = \"shop.example\"\nprobe = \"web\"\n"
        ));
        let entry = config.services[0].entry.clone().unwrap();
        assert_eq!(entry.check_id("shop").as_str(), "shop/entry/web");
        let seconds =
            [entry.shape.interval, entry.shape.timeout, entry.shape.recheck, entry.shape.hold];
        seconds.map(|span| span.as_secs())
    };
    // Not what one endpoint says of itself.
    assert_eq!(shape(""), [40, 3, 7, 80]);
    assert_eq!(shape("interval = \"20s\""), [20, 3, 7, 40]);
    assert_eq!(
        shape("interval = \"20s\"\nprobes = [{ use = \"web\", interval = \"15s\" }]"),
        [15, 3, 7, 30]
    );
}

#[test]
fn an_entry_asks_the_hosts_resolver_unless_others_are_named() {
    let entry = |keys: &str| {
        let config = read(&format!(
            "{PROVIDER}networks = [\"192.0.2.0/25\"]\n{PROBE}[service.shop]\nprobes = [\"web\"]\nip = \"6\"\n\
             [service.shop.entry]\nhost = \"shop.example\"\nprobe = \"web\"\n{keys}\n"
        ));
        config.services[0].entry.clone().unwrap()
    };
    let plain = entry("");
    assert_eq!(plain.resolvers, [AskedResolver::System]);
    assert_eq!((plain.ip, plain.marks.len()), (IpChoice::V6, 0));
    let said = entry(
        "resolvers = [\"9.9.9.9\", \"system\", \"9.9.9.9:53\"]\n\
         marks = [{ header = \"X-Served-By\", matches = \"^{provider}-\", provider = \"aws\" }]",
    );
    let quad9 = AskedResolver::At("9.9.9.9:53".parse().unwrap());
    assert_eq!(said.resolvers, [quad9, AskedResolver::System]);
    let mark = &said.marks[0];
    assert_eq!((mark.header.as_str(), &*mark.provider), ("x-served-by", "aws"));
    assert!(mark.matches.is_match(b"aws-7") && !mark.matches.is_match(b"gcp-7"));
}
