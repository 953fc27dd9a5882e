//! Two vantage points, end to end with the real binary: whose outage it is when one of them sees it, or both, or one is gone.
//!
//! One server stands for a cloud with its canary, another for the other cloud. Each vantage has a road of its own to the first: a
//! server that passes on what the cloud answers until its road is cut.
//!
//! What opinions are worth is tested in `blame`, what of an answer counts in `monitor`.

use crate::support::daemon::{Running, wait_for};
use crate::support::http::{Server, response};
use nephoscope::peer::VantageForm;
use nephoscope::web::api::{OutageForm, OutagesForm};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Something that can be broken.
type Switch = Arc<AtomicBool>;

/// A server that is well until one of these is broken.
fn server(broken: &[&Switch]) -> Server {
    let broken: Vec<Switch> = broken.iter().map(|each| Arc::clone(each)).collect();
    Server::plain(move |_, wire| {
        let fails = broken.iter().any(|each| each.load(Ordering::Relaxed));
        let status = if fails { "503 Sorry" } else { "200 OK" };
        wire.write_all(response(status, &[], "hello").as_bytes())
    })
}

fn config(vantage: &str, aws: &Server, gcp: &Server, more: &str) -> String {
    let services = ["shop", "pay"].map(|name| format!("[service.{name}]\nprobes = [\"web\"]\n"));
    let (services, aws, gcp) = (services.concat(), aws.url("/"), gcp.url("/"));
    format!(
        r#"
        vantage  = "{vantage}"
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
        [probe.web.http]
        url = "{{url}}"
        {services}
        {more}
        "#
    )
}

fn peer(vantage: &str, url: &str) -> String {
    format!("[[peer]]\nvantage = \"{vantage}\"\nurl = \"{url}\"\n")
}

/// Two clouds, and a vantage in Frankfurt that has its own road to the first.
struct World {
    /// The first cloud itself.
    cloud: Switch,
    /// The road from Vienna to it.
    road: Switch,
    gcp: Server,
    from_vienna: Server,
    /// Until its end the road from Frankfurt is there.
    _from_frankfurt: Server,
    frankfurt: Running,
}

impl World {
    fn new() -> Self {
        let (cloud, road) = (Switch::default(), Switch::default());
        let gcp = server(&[]);
        let (from_vienna, from_frankfurt) = (server(&[&cloud, &road]), server(&[&cloud]));
        let frankfurt = Running::start_as(&config("fra-1", &from_frankfurt, &gcp, ""), &[]);
        Self { cloud, road, gcp, from_vienna, _from_frankfurt: from_frankfurt, frankfurt }
    }

    /// The vantage in Vienna, which has seen that all is well.
    fn vienna(&self, peers: &str) -> Running {
        let vienna = Running::start_as(&config("vie-1", &self.from_vienna, &self.gcp, peers), &[]);
        for daemon in [&vienna, &self.frankfurt] {
            for service in ["shop", "pay"] {
                let names = [&*format!("service=\"{service}\""), "scope=\"all\""];
                daemon.await_metric("nephoscope_service_state{", &names, |state| state < 0.1);
            }
            daemon.await_metric("nephoscope_canary_health{", &[], |state| state < 0.1);
        }
        vienna
    }
}

/// The outage of the shop on the first cloud, once it is blamed like this.
fn blamed(daemon: &Running, blame: &str) -> OutageForm {
    wait_for(&format!("an outage blamed as `{blame}`"), || {
        let form: OutagesForm =
            serde_json::from_str(&daemon.get("/api/v1/outages?active=true")).unwrap();
        let mut outages = form.outages.into_iter();
        outages.find(|each| each.service == "shop" && each.blame.as_deref() == Some(blame))
    })
}

/// What the last judgement of an outage rests on, of other vantage points.
fn vouched(outage: &OutageForm) -> Vec<(String, String, String)> {
    let evidence = &outage.revisions.last().unwrap().evidence;
    let vantages = evidence.iter().filter(|each| each.witness.starts_with("vantage"));
    vantages.map(|each| (each.witness.clone(), each.of.clone(), each.said.clone())).collect()
}

fn words<const N: usize>(said: [[&str; 3]; N]) -> Vec<(String, String, String)> {
    said.map(|[witness, of, said]| (witness.into(), of.into(), said.into())).into()
}

#[test]
fn what_another_vantage_sees_good_is_the_road_from_here() {
    let world = World::new();
    let vienna = world.vienna(&peer("fra-1", &format!("http://{}", world.frankfurt.address)));
    assert!(vienna.metric("nephoscope_peer_up{", &[]).is_none(), "nobody was asked yet");

    world.road.store(true, Ordering::Relaxed);
    let outage = blamed(&vienna, "path");
    assert_eq!(outage.blamed, "aws/eu");
    assert_eq!(vouched(&outage)[..1], words([["vantage", "fra-1", "good"]]));
    assert_eq!(vienna.metric("nephoscope_peer_up{", &["peer=\"fra-1\""]), Some(1.0));
    wait_for("the line of it", || vienna.log().contains("vantage fra-1 saw it good").then_some(()));
    assert!(vienna.get("/").contains("vantage fra-1 saw it good"));
}

#[test]
fn what_both_vantages_see_bad_is_the_cloud_and_stays_it_when_one_dies() {
    let world = World::new();
    let vienna = world.vienna(&peer("fra-1", &format!("http://{}", world.frankfurt.address)));
    world.cloud.store(true, Ordering::Relaxed);
    let outage = blamed(&vienna, "provider");
    let said = [["vantage", "fra-1", "bad"], ["vantage_canary", "fra-1/aws/eu", "bad"]];
    assert_eq!((&*outage.blamed, vouched(&outage)), ("aws/eu", words(said)));

    drop(world.frankfurt);
    vienna.await_metric("nephoscope_peer_up{", &["peer=\"fra-1\""], |up| up < 0.1);
    let after = blamed(&vienna, "provider");
    assert_eq!((after.id, after.started), (outage.id, outage.started), "what was seen stands");
}

#[test]
fn a_vantage_that_is_gone_or_lies_or_is_someone_else_says_nothing() {
    let world = World::new();
    let gone = {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", closed.local_addr().unwrap())
    };
    let endless = Server::plain(|_, wire| {
        wire.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"at\":")?;
        let zeros = [b'0'; 8_192];
        while wire.write_all(&zeros).is_ok() {}
        Ok(())
    });
    let silent = Server::plain(|_, wire| {
        wire.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        std::thread::park_timeout(Duration::from_secs(5));
        Ok(())
    });
    let garbage = Server::fixed(response("200 OK", &[], "{\"vantage\":7}"));
    let elsewhere =
        Server::fixed(response("302 Found", &[&format!("location: {}", world.gcp.url("/"))], ""));
    let peers = [
        peer("gone", &gone),
        peer("endless", &endless.url("/")),
        peer("silent", &silent.url("/")),
        peer("garbage", &garbage.url("/")),
        peer("elsewhere", &elsewhere.url("/")),
        peer("another", &format!("http://{}", world.frankfurt.address)),
    ];
    let vienna = world.vienna(&peers.concat());
    world.cloud.store(true, Ordering::Relaxed);
    let outage = blamed(&vienna, "provider_or_path");
    assert!(vouched(&outage).iter().all(|(_, _, said)| said == "unknown"), "{outage:?}");
    for name in ["gone", "endless", "silent", "garbage", "elsewhere", "another"] {
        let peer = format!("peer=\"{name}\"");
        vienna.await_metric("nephoscope_peer_up{", &[&peer], |up| up < 0.1);
        let log = vienna.log();
        let told =
            log.lines().filter(|line| line.contains("gives no answer") && line.contains(&peer));
        assert_eq!(told.count(), 1, "{name}: {log}");
    }
    assert!(vienna.log().contains("it says that it is `fra-1`, not `another`"), "{}", vienna.log());
    blamed(&vienna, "provider_or_path");

    let runs = ["service=\"shop\"", "provider=\"gcp\"", "verdict=\"good\""];
    let before = vienna.metric("nephoscope_probes_total{", &runs).unwrap();
    vienna.await_metric("nephoscope_probes_total{", &runs, |runs| runs > before + 2.0);
    let skipped = vienna.metric("nephoscope_probes_skipped_total{", &[]).unwrap_or(0.0);
    assert!(skipped < 0.1, "probing goes on as before: {skipped} skipped");
}

#[test]
fn a_vantage_tells_others_what_it_sees_and_how_long_ago_it_looked() {
    let world = World::new();
    let vienna = world.vienna("");
    let form: VantageForm = serde_json::from_str(&vienna.get("/api/v1/vantage")).unwrap();
    assert_eq!(
        (&*form.vantage, form.provider, form.shard, form.offline),
        ("vie-1", None, None, false)
    );
    let shop = form.services.iter().find(|each| each.service == "shop").unwrap();
    let sides: Vec<_> = shop.sides.iter().map(|side| (&*side.provider, &*side.seen.said)).collect();
    assert_eq!(sides, [("aws", "good"), ("gcp", "good")]);
    let looked = shop.sides[0].seen.looked_s.unwrap();
    assert!((0.0..30.0).contains(&looked), "{looked}");
    let [canary] = &form.canaries[..] else { panic!("one canary: {:?}", form.canaries) };
    assert_eq!((&*canary.provider, &*canary.region, &*canary.seen.said), ("aws", "eu", "good"));
}
