//! How a monitor is planned: which worker a check has, how many there are, and what the store is told of names.
//!
//! Plans are made of configurations as text; nothing is started.
//!
//! What the parts do once they run is tested beside each, and by the simulation.

use super::*;
use crate::config::load_text;
use std::path::Path;

#[test]
fn every_check_has_exactly_one_worker() {
    let services = (0..40).map(|n| format!("[service.s{n}]\nprobes = [\"port\"]\n"));
    let services = services.collect::<Vec<_>>().concat();
    let text = format!(
        "[provider.aws]\nhost = \"192.0.2.1\"\n[probe.port.tcp]\naddress = \"{{host}}:25\"\n{services}"
    );
    let checks = load_text(Path::new("probes.toml"), text).unwrap().config.checks;
    let shares: Vec<Vec<_>> = (0..3).map(|number| share_of(&checks, number, 3).collect()).collect();
    assert!(shares.iter().all(|share| share.len() > 5 && share.is_sorted()));
    let mut seen = shares.concat();
    seen.sort_unstable();
    assert_eq!(seen, (0..40).map(CheckIndex).collect::<Vec<_>>());
}

#[test]
fn workers_grow_with_checks_up_to_the_processors() {
    let counts = [0, 1, 4_000, 4_001, 20_000].map(|checks| workers_for(checks, 4));
    assert_eq!(counts, [1, 1, 1, 2, 4]);
}

#[test]
fn a_renamed_service_is_enrolled_with_the_name_it_had() {
    let text = r#"
        [provider.aws]
        host = "192.0.2.1"
        [probe.port.tcp]
        address = "{host}:25"
        [service.shop]
        formerly = ["store"]
        probes = ["port"]
        [service.pay]
        formerly = ["bank/aws/port"]
        probes = ["port"]
        [service.bank]
        probes = ["mail"]
        [probe.mail.tcp]
        address = "{host}:587"
    "#;
    let config = load_text(Path::new("probes.toml"), text.to_owned()).unwrap().config;
    let formerly: Vec<_> = roster(&config).services.into_iter().map(|it| it.formerly).collect();
    assert_eq!(formerly, [vec!["store".to_owned()], vec![], vec![]]);
}
