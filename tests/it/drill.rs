//! Drills with the real binary: started and ended over the socket, remembered over a kill, refused from the network.
//!
//! The public name is an address of this machine, so nobody is asked where it leads.
//!
//! What a drill means for a failover is tested with the rules.

use crate::support::daemon::{Running, binary};
use nephoscope::web::api::{DrillsForm, ServicesForm};
use nephoscope::web::report::ReportForm;

const CONFIG: &str = r#"
[defaults]
interval = "1s"
timeout  = "500ms"
recheck  = "100ms"
[provider.aws]
host = "127.0.0.1"
[probe.port.tcp]
address = "{host}:1"
[service.shop]
probes = ["port"]
[service.shop.entry]
host = "127.0.0.1"
probe = "port"
[service.pay]
probes = ["port"]
"#;

/// Exit code, stdout and stderr of `nephoscope drill …` on the daemon's socket.
fn drill(daemon: &Running, arguments: &[&str]) -> (i32, String, String) {
    let socket = daemon.socket();
    let output = binary()
        .args(["drill", "--socket", socket.to_str().unwrap()])
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_drill_is_announced_shown_and_ended() {
    let daemon = Running::start(CONFIG, &[]);
    let (code, list, _) = drill(&daemon, &["list"]);
    assert_eq!((code, &*list), (0, "no drill was ever started\n"));

    let (code, out, said) =
        drill(&daemon, &["start", "shop", "--by", "ann", "--reason", "quarterly"]);
    assert_eq!((code, &*out), (0, ""), "{said}");
    assert!(said.contains("a drill of `shop` is on") && !said.contains("forgets"), "{said}");
    let (code, _, said) = drill(&daemon, &["start", "shop"]);
    assert_eq!(code, 2);
    assert!(said.contains("is on already"), "{said}");
    let (code, _, said) = drill(&daemon, &["start", "shpo"]);
    assert_eq!(code, 2);
    assert!(said.contains("did you mean `shop`?"), "{said}");
    let (code, _, said) = drill(&daemon, &["start", "pay"]);
    assert_eq!(code, 2);
    assert!(said.contains("no public name"), "{said}");

    let form: ServicesForm = serde_json::from_str(&daemon.get("/api/v1/services")).unwrap();
    let leads = form.services[0].entry.as_ref().unwrap().leads.as_ref().unwrap();
    assert_eq!(
        (&*leads.policy, leads.late, leads.silent, leads.split),
        ("failover", false, false, false)
    );
    assert_eq!((&*leads.drills[0].by, leads.drills[0].ended), ("ann", None));
    assert!(form.services[1].entry.is_none());
    assert!(daemon.get("/").contains("a drill is on"));

    let (code, _, said) = drill(&daemon, &["end", "shop", "--by", "bob"]);
    assert_eq!(code, 0, "{said}");
    let form: DrillsForm = serde_json::from_str(&daemon.get("/api/v1/drills")).unwrap();
    assert_eq!(form.drills[0].ended_by.as_deref(), Some("bob"));
    let report: ReportForm = serde_json::from_str(&daemon.get("/api/v1/report")).unwrap();
    let shop = &report.services[0];
    assert_eq!((shop.has_name, &*shop.drills[0].reason), (true, "quarterly"));
    assert!(!report.services[1].has_name && report.services[1].drills.is_empty());
    let (_, list, _) = drill(&daemon, &["list"]);
    assert!(list.starts_with("shop  20") && list.contains("by ann  because quarterly"), "{list}");
}
