//! Whose outage it is, end to end with the real binary: judged in seconds, told once, kept over a kill.
//!
//! One server stands for a cloud with its canary, another one for the other cloud; when the first answers 503, the cloud is
//! down with everything on it.
//!
//! The table itself, and whole outages by the round, are tested beside the code.

use crate::support::daemon::{Running, binary, wait_for};
use crate::support::http::{Server, response};
use nephoscope::store;
use nephoscope::web::api::OutagesForm;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn config(aws: &str, gcp: &str) -> String {
    let services =
        ["shop", "pay", "docs"].map(|name| format!("[service.{name}]\nprobes = [\"web\"]\n"));
    let services = services.concat();
    format!(
        r#"
        [defaults]
        interval = "1s"
        timeout  = "500ms"
        recheck  = "100ms"
        [provider.aws]
        vars   = {{ url = "{aws}" }}
        host   = "127.0.0.1"
        region = "eu"
        [[provider.aws.canary]]
        plane = "data"
        url   = "{aws}"
        [provider.gcp]
        vars = {{ url = "{gcp}" }}
        host = "127.0.0.1"
        [[provider.gcp.canary]]
        plane = "data"
        url   = "{gcp}"
        [probe.web.http]
        url = "{{url}}"
        {services}
        "#
    )
}

fn down(daemon: &Running) -> OutagesForm {
    serde_json::from_str(&daemon.get("/api/v1/outages?active=true")).unwrap()
}

#[test]
fn a_cloud_that_fails_is_one_incident_with_its_evidence_and_outlives_a_kill() {
    let broken = Arc::new(AtomicBool::new(false));
    let breaks = Arc::clone(&broken);
    let aws = Server::plain(move |_, wire| {
        let status = if breaks.load(Ordering::Relaxed) { "503 Sorry" } else { "200 OK" };
        wire.write_all(response(status, &[], "hello").as_bytes())
    });
    let gcp = Server::fixed(response("200 OK", &[], "hello"));
    let daemon = Running::start(&config(&aws.url("/"), &gcp.url("/")), &[]);
    for service in ["shop", "pay", "docs"] {
        let names = [&*format!("service=\"{service}\""), "scope=\"all\""];
        daemon.await_metric("nephoscope_service_state{", &names, |state| state < 0.1);
    }
    daemon.await_metric("nephoscope_canary_problem{", &["provider=\"aws\""], |odd| odd < 0.1);

    broken.store(true, Ordering::Relaxed);
    let of_cloud = |form: &OutagesForm| {
        form.incidents.len() == 1 && form.incidents[0].services == 3 && form.outages.len() == 3
    };
    let form = wait_for("one incident", || Some(down(&daemon)).filter(of_cloud));
    let incident = &form.incidents[0];
    assert_eq!((&*incident.cause, &*incident.blame), ("provider:aws/eu", "provider_or_path"));
    assert!(form.outages.iter().all(|outage| outage.incident == incident.id), "{form:?}");
    let outage = form.outages.iter().find(|outage| outage.service == "shop").unwrap();
    assert_eq!((&*outage.blamed, &*outage.checks), ("aws/eu", &["shop/aws/web".to_owned()][..]));
    let evidence = &outage.revisions.last().unwrap().evidence;
    let canary =
        evidence.iter().find(|each| each.witness == "canary" && each.of == "aws/eu").unwrap();
    assert!(
        canary.said == "bad" && canary.text.starts_with("the data-plane canary of aws/eu was bad")
    );

    let side = ["service=\"shop\"", "provider=\"aws\""];
    let blame = |word: &str| {
        let word = format!("blame=\"{word}\"");
        daemon.metric("nephoscope_outage_blame{", &[side[0], side[1], &word])
    };
    assert_eq!((blame("provider_or_path"), blame("endpoint")), (Some(1.0), Some(0.0)));
    assert_eq!(daemon.metric("nephoscope_outage_active{", &side), Some(1.0));
    assert!(daemon.get("/").contains("It is aws/eu itself, or the road from here to it"));
    let socket = daemon.socket();
    let status = binary().args(["status", "--socket", socket.to_str().unwrap()]).output().unwrap();
    let status = String::from_utf8(status.stdout).unwrap();
    assert!(status.contains("it is aws/eu itself, or the road from here to it"), "{status}");

    let folder = daemon.folder.path().join("state");
    wait_for("what was judged is stored", || {
        let stored = store::read(&folder).ok()?.outages(0, i64::MAX).ok()?;
        let judged = |stored: &store::Outage| stored.incident.as_deref() == Some(&*incident.id);
        (stored.len() == 3 && stored.iter().all(judged)).then_some(())
    });
    let told = |daemon: &Running| daemon.log().matches(" down: ").count();
    assert!((1..=3).contains(&told(&daemon)), "{}", daemon.log());
    let daemon = daemon.kill_and_start_again();
    let after = down(&daemon);
    let again = after.outages.iter().find(|each| each.id == outage.id).unwrap();
    assert_eq!(again.revisions[..outage.revisions.len()], outage.revisions[..]);
    assert_eq!(again.incident, incident.id);

    broken.store(false, Ordering::Relaxed);
    wait_for("everything is over", || down(&daemon).incidents.is_empty().then_some(()));
    wait_for("its last line", || daemon.log().contains(" over: ").then_some(()));
}
