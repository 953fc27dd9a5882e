//! Every row of the table, every near miss, and what may never be said.
//!
//! A world is one service on two clouds with what is seen around it; each test says what differs from the usual.
//!
//! Where inputs come from is tested with whole outages, in `monitor`.

use super::*;
use Blame::{Application, Dns, Endpoint, Entry, Path, Provider, ProviderOrPath, Shared};
use Reason::{Answer, ConnectTimeout, DnsNxdomain, DnsTimeout, Rcode, ResponseTimeout};
use Verdict::{Bad, Good, Unknown};
use proptest::prelude::*;

/// The outage under judgement began here, in seconds; what is around it is said relative to that.
const BEGAN: i64 = 10_000;
const OURS: usize = 7;

fn seen(verdict: Verdict, after: i64) -> Seen {
    Seen { verdict, since: Timestamp::from_millis((BEGAN + after) * 1_000) }
}

fn failing(service: usize, bad: &[&str]) -> Failing {
    let bad = bad.iter().map(|name| Arc::from(*name)).collect();
    Failing { service, since: seen(Bad, 5).since, bad }
}

/// A region with canaries of these planes, in which our service and so many others fail.
fn region(provider: &str, canaries: &[(Plane, Verdict)], failing: Vec<Failing>) -> Region {
    let canary = |(plane, verdict): &(_, _)| Canary { plane: *plane, seen: seen(*verdict, 1) };
    Region {
        provider: provider.into(),
        region: "eu".into(),
        canaries: canaries.iter().map(canary).collect(),
        services: 3.max(failing.len()),
        failing,
    }
}

/// A vantage point on that cloud, or on neutral ground if it has no name.
fn other(cloud: &str, verdict: Verdict) -> Other {
    let provider = (!cloud.is_empty()).then(|| cloud.into());
    Other { vantage: "fra-1".into(), provider, seen: seen(verdict, 3) }
}

/// What differs from the usual: our side on `aws` is bad since the beginning, that on `gcp` good, the rest is not known.
#[derive(Debug)]
struct World {
    about: About,
    shared: Vec<Verdict>,
    aws: Seen,
    gcp: Seen,
    aws_region: Region,
    gcp_region: Region,
    only_names: Option<bool>,
    /// Each other vantage point: the cloud it stands on, what it sees of ours, and of the canary of aws.
    others: Vec<(&'static str, Verdict, Verdict)>,
}

const DATA: Plane = Plane::Data;

fn world() -> World {
    World {
        about: About::Side(0),
        shared: Vec::new(),
        aws: seen(Bad, 0),
        gcp: seen(Good, -9_000),
        aws_region: region("aws", &[], vec![failing(OURS, &[])]),
        gcp_region: region("gcp", &[], Vec::new()),
        only_names: None,
        others: Vec::new(),
    }
}

impl World {
    fn told<T>(&self, ask: impl FnOnce(&Case<'_>) -> T) -> T {
        let side = |provider: &str, seen, region| Side {
            provider: provider.into(),
            seen,
            regions: vec![region],
        };
        let names = ["orders-db", "identity"].map(Arc::<str>::from);
        ask(&Case {
            at: Timestamp::from_millis((BEGAN + 60) * 1_000),
            began: Timestamp::from_millis(BEGAN * 1_000),
            service: OURS,
            about: self.about,
            shared: names
                .into_iter()
                .zip(&self.shared)
                .map(|(name, verdict)| (name, seen(*verdict, 2)))
                .collect(),
            sides: vec![
                side("aws", self.aws, &self.aws_region),
                side("gcp", self.gcp, &self.gcp_region),
            ],
            only_names: self.only_names,
            others: self.others.iter().map(|(at, ours, _)| other(at, *ours)).collect(),
            elsewhere: self
                .others
                .iter()
                .map(|(at, _, canary)| Elsewhere {
                    place: "aws/eu".into(),
                    other: other(at, *canary),
                })
                .collect(),
        })
    }

    /// `blame name`, with `coupled` behind it where it is.
    fn said(&self) -> String {
        let Judgement { blame, name, coupled } = self.told(judge);
        let said = format!("{blame} {name}{}", if coupled { " coupled" } else { "" });
        said.trim_end().to_owned()
    }
}

/// A cloud that fails: its data canary and two services.
fn failed(provider: &str) -> Region {
    region(provider, &[(DATA, Bad)], vec![failing(OURS, &[]), failing(1, &[])])
}

#[test]
fn the_table_has_one_row_for_each_blame_in_its_order() {
    assert!(TABLE.iter().map(|row| row.blame).eq(Blame::ALL.iter().copied()));
}

#[test]
fn a_bad_dependency_is_blamed_before_anything_else() {
    let aws_region = failed("aws");
    let shared = World { shared: vec![Good, Bad], aws_region, ..world() };
    assert_eq!(shared.said(), "shared identity");
    let unknown = World { shared: vec![Unknown, Good], ..world() };
    assert_eq!(unknown.said(), "endpoint");
}

#[test]
fn the_entry_is_blamed_when_the_sides_are_good() {
    let entry = World { about: About::Entry, aws: seen(Good, -500), ..world() };
    assert_eq!(entry.said(), "entry");
    let one_is_known = World { aws: seen(Unknown, -500), ..entry };
    assert_eq!(one_is_known.said(), "entry");
    let none_is_known = World { gcp: seen(Unknown, -500), ..one_is_known };
    assert_eq!(none_is_known.said(), "endpoint");
}

#[test]
fn an_entry_that_follows_a_side_has_the_blame_of_that_side() {
    let aws_region = failed("aws");
    let follows = World { about: About::Entry, aws: seen(Bad, -60), aws_region, ..world() };
    assert_eq!(follows.said(), "provider_or_path aws/eu");
    let long_before = World { aws: seen(Bad, -3_600), ..follows };
    assert_eq!(long_before.said(), "entry", "it had not led there for an hour");
}

#[test]
fn a_side_is_never_the_entrys_fault() {
    assert_eq!(world().said(), "endpoint");
    assert_eq!(World { about: About::Any, ..world() }.said(), "endpoint");
}

#[test]
fn names_are_blamed_when_nothing_else_fails() {
    assert_eq!(World { only_names: Some(true), ..world() }.said(), "dns");
    assert_eq!(World { only_names: Some(false), ..world() }.said(), "endpoint");
    let both = World { only_names: Some(true), gcp: seen(Bad, 3), ..world() };
    assert_eq!(both.said(), "dns");

    for (failing, only) in [
        (vec![], None),
        (vec![(DnsNxdomain, false), (DnsTimeout, false)], Some(true)),
        (vec![(DnsNxdomain, false), (Rcode, true), (Answer, true)], Some(true)),
        (vec![(DnsNxdomain, false), (ConnectTimeout, false)], Some(false)),
        // A name server that is itself what is watched.
        (vec![(ResponseTimeout, true), (Rcode, true)], None),
        (vec![(ConnectTimeout, false)], None),
    ] {
        assert_eq!(only_names(failing.clone()), only, "{failing:?}");
    }
}

#[test]
fn a_cloud_is_blamed_for_its_canary_and_two_services() {
    let bad = (DATA, Bad);
    let ours = || failing(OURS, &[]);
    for (canaries, failing, said, why) in [
        (vec![bad], vec![ours(), failing(1, &[])], "provider_or_path aws/eu", "as it is written"),
        (vec![bad], vec![ours()], "endpoint", "exactly one service"),
        (vec![bad], vec![ours(), ours()], "endpoint", "the same service twice"),
        (vec![bad], vec![failing(1, &["db"]), failing(2, &["db"])], "endpoint", "related"),
        (
            vec![bad],
            vec![failing(1, &["db"]), failing(2, &["db"]), ours()],
            "provider_or_path aws/eu",
            "two are related, the third is not",
        ),
        (vec![], vec![ours(), failing(1, &[])], "endpoint", "no canary"),
        (vec![(DATA, Unknown)], vec![ours(), failing(1, &[])], "endpoint", "canary unknown"),
        (vec![(DATA, Good)], vec![ours(), failing(1, &[])], "endpoint", "canary good"),
        (
            vec![(Plane::Control, Bad), (Plane::Edge, Bad), (DATA, Good)],
            vec![ours(), failing(1, &[])],
            "endpoint",
            "only other planes",
        ),
        (
            vec![(DATA, Good), bad],
            vec![ours(), failing(1, &[])],
            "provider_or_path aws/eu",
            "one of two canaries",
        ),
    ] {
        let aws_region = region("aws", &canaries, failing);
        assert_eq!(World { aws_region, ..world() }.said(), said, "{why}");
    }
}

#[test]
fn other_vantages_tell_the_cloud_from_the_road_to_it() {
    let neutral = |verdict| ("", verdict, verdict);
    for (others, cloud, alone, why) in [
        (vec![], "provider_or_path", "endpoint", "nobody was asked"),
        (vec![neutral(Unknown)], "provider_or_path", "endpoint", "nobody could tell"),
        (vec![neutral(Bad)], "provider", "endpoint", "one agrees"),
        (vec![neutral(Good)], "path", "path", "one does not"),
        (vec![("gcp", Bad, Bad)], "provider", "endpoint", "on another cloud, which is well"),
        (vec![("aws", Bad, Bad)], "provider_or_path", "endpoint", "on the cloud itself"),
        (vec![("aws", Good, Good)], "provider_or_path", "endpoint", "inside the cloud it is good"),
        (vec![("aws", Good, Good), neutral(Bad)], "provider", "endpoint", "one is believed"),
        (vec![("aws", Bad, Bad), neutral(Good)], "path", "path", "one is believed"),
        (vec![("", Bad, Good)], "provider_or_path", "endpoint", "the canary is well from there"),
        (vec![("", Bad, Unknown)], "provider_or_path", "endpoint", "no canary from there"),
        (vec![("", Unknown, Bad)], "provider_or_path", "endpoint", "not watched there"),
        (vec![neutral(Bad), neutral(Good)], "provider", "endpoint", "two of three see it bad"),
        (vec![neutral(Bad), neutral(Good), neutral(Good)], "provider_or_path", "endpoint", "a tie"),
        (
            vec![neutral(Bad), neutral(Good), neutral(Good), neutral(Good)],
            "path",
            "path",
            "three of five see it good",
        ),
        (vec![neutral(Unknown), neutral(Good)], "path", "path", "unknown says nothing"),
    ] {
        let word = |world: &World| world.said().split(' ').next().unwrap().to_owned();
        let fails = World { aws_region: failed("aws"), others: others.clone(), ..world() };
        assert_eq!(word(&fails), cloud, "{why}");
        assert_eq!(word(&World { others, ..world() }), alone, "{why}, a service alone");
    }
    let there = World { others: vec![neutral(Good)], ..world() };
    assert_eq!(there.said(), "path aws/eu");
}

#[test]
fn every_other_vantage_is_named_in_the_evidence() {
    let others = vec![("", Bad, Bad), ("aws", Good, Good), ("", Unknown, Unknown)];
    let world = World { aws_region: failed("aws"), others, ..world() };
    let texts = world.told(|case| {
        let evidence = case.evidence();
        let texts: Vec<_> = evidence.iter().map(ToString::to_string).collect();
        assert!(judge(case).because(&evidence).contains("vantage fra-1 saw it bad, for 57s"));
        texts.into_iter().filter(|text| text.contains("vantage")).collect::<Vec<_>>()
    });
    assert_eq!(
        texts,
        [
            "vantage fra-1 saw it bad, for 57s",
            "vantage fra-1, which stands on a cloud that fails and is not believed alone, saw it good, for 57s",
            "vantage fra-1 could not tell",
            "vantage fra-1 saw the data-plane canary of aws/eu bad, for 57s",
        ]
    );
}

#[test]
fn the_application_is_blamed_when_both_clouds_are_well() {
    let both = |canaries: [Vec<(Plane, Verdict)>; 2]| {
        let [aws, gcp] = canaries;
        let ours = || vec![failing(OURS, &[])];
        let world = |about| World {
            about,
            gcp: seen(Bad, 4),
            aws_region: region("aws", &aws, ours()),
            gcp_region: region("gcp", &gcp, ours()),
            ..world()
        };
        let said = world(About::Any).said();
        assert_eq!(world(About::Side(0)).said(), said);
        assert_eq!(world(About::Side(1)).said(), said);
        assert_eq!(world(About::Entry).said(), said);
        said
    };
    let canary = |verdict| vec![(DATA, verdict)];
    assert_eq!(both([canary(Good), canary(Good)]), "application");
    assert_eq!(both([canary(Good), canary(Unknown)]), "application", "unknown says nothing");
    assert_eq!(both([vec![], vec![]]), "application", "no canary says nothing");
    assert_eq!(both([canary(Bad), canary(Good)]), "endpoint", "one cloud may be part of it");
    assert_eq!(both([canary(Bad), canary(Bad)]), "endpoint");
    assert_eq!(both([vec![(Plane::Control, Bad)], canary(Good)]), "application");
    assert_eq!(world().said(), "endpoint", "bad on one side only");
    assert_eq!(World { gcp: seen(Unknown, 0), ..world() }.said(), "endpoint");
}

#[test]
fn a_cloud_that_breaks_another_one_is_blamed_for_both_and_marked() {
    let broken = |about, gcp: Seen, gcp_region| World {
        about,
        gcp,
        aws_region: failed("aws"),
        gcp_region,
        ..world()
    };
    let both_fail = || vec![failing(OURS, &[]), failing(1, &[])];
    let overloaded = || region("gcp", &[(DATA, Good)], both_fail());
    let coupled = "provider_or_path aws/eu coupled";
    for about in [About::Side(1), About::Any, About::Entry] {
        assert_eq!(broken(about, seen(Bad, 120), overloaded()).said(), coupled, "{about:?}");
    }
    let root = broken(About::Side(0), seen(Bad, 120), overloaded());
    assert_eq!(root.said(), "provider_or_path aws/eu", "the root itself is coupled to nothing");

    let of_gcp = |gcp, region| broken(About::Side(1), gcp, region).said();
    assert_eq!(of_gcp(seen(Bad, 120), failed("gcp")), "provider_or_path gcp/eu", "its own");
    let unknown = region("gcp", &[(DATA, Unknown)], both_fail());
    assert_eq!(of_gcp(seen(Bad, 120), unknown), "endpoint", "its cloud may be the reason");
    assert_eq!(of_gcp(seen(Bad, 3_600), overloaded()), "endpoint", "too late");
    assert_eq!(of_gcp(seen(Bad, -5), overloaded()), "endpoint", "it was bad before");
    // Its own side there is looked at only after the one that it broke, but the canary was bad before both.
    let aws = seen(Bad, 4);
    let seen_late = World { aws, ..broken(About::Side(1), seen(Bad, 2), overloaded()) };
    assert_eq!(seen_late.said(), coupled);
    let two_roots = broken(About::Any, seen(Bad, 120), failed("gcp"));
    assert_eq!(two_roots.said(), "provider_or_path aws/eu", "both clouds fail by themselves");
}

#[test]
fn a_canary_that_fails_alone_is_its_own_problem() {
    let alone = |canary, failing| region("aws", &[canary], failing);
    assert!(alone((DATA, Bad), vec![]).canary_is_odd());
    assert!(!alone((DATA, Bad), vec![failing(1, &[])]).canary_is_odd());
    assert!(!alone((DATA, Unknown), vec![]).canary_is_odd());
    assert!(!alone((Plane::Control, Bad), vec![]).canary_is_odd());
    let nothing_known = Region { services: 0, ..alone((DATA, Bad), vec![]) };
    assert!(!nothing_known.canary_is_odd());
}

#[test]
fn evidence_is_every_input_with_what_it_said_and_for_how_long() {
    let world = World { shared: vec![Good], aws_region: failed("aws"), ..world() };
    let said = |case: &Case<'_>| case.evidence().iter().map(ToString::to_string).collect();
    let said: Vec<String> = world.told(said);
    assert_eq!(
        said,
        [
            "`orders-db` was good, for 58s",
            "the side on gcp was good, for 2h31m",
            "the data-plane canary of aws/eu was bad, for 59s",
            "2 of 3 services on aws/eu were bad",
            "0 of 3 services on gcp/eu were bad",
            "no other vantage point could be asked",
        ]
    );
}

#[test]
fn a_blame_that_lost_its_evidence_stands_for_a_while() {
    let of = |blame| Judgement { blame, name: "aws".into(), coupled: false };
    let replaces = |new, old, minutes| of(new).replaces(&of(old), Duration::from_mins(minutes));
    for (new, old) in
        [(Provider, Endpoint), (Provider, ProviderOrPath), (Path, Provider), (Provider, Shared)]
    {
        assert!(replaces(new, old, 0), "{new} after {old}");
    }
    for (new, old) in [
        (Endpoint, Provider),
        (Application, Shared),
        (Endpoint, Application),
        (Application, Dns),
        (Entry, Provider),
        (Entry, Endpoint),
        (ProviderOrPath, Provider),
        (ProviderOrPath, Path),
    ] {
        assert!(!replaces(new, old, 9), "{new} after {old}");
        assert!(replaces(new, old, 10), "{new} after {old}");
    }
    assert!(!replaces(Provider, Provider, 60), "no news");
    let coupled = Judgement { coupled: true, ..of(Provider) };
    assert!(coupled.replaces(&of(Provider), Duration::ZERO));
    assert!(!of(Provider).replaces(&coupled, Duration::ZERO));
    // Its own canary is well again, and that of a cloud that failed before is not; or its own turns out to be bad, too.
    let own = Judgement { name: "gcp".into(), ..of(Provider) };
    assert!(!coupled.replaces(&own, Duration::ZERO));
    assert!(own.replaces(&coupled, Duration::ZERO));
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    prop_oneof![Just(Good), Just(Bad), Just(Unknown)]
}

fn regions(provider: &'static str) -> impl Strategy<Value = Region> {
    let planes = prop_oneof![Just(DATA), Just(Plane::Control), Just(Plane::Edge)];
    let canaries = proptest::collection::vec((planes, verdicts()), 0..3);
    let bad = prop_oneof![Just(vec![]), Just(vec!["db"]), Just(vec!["db", "identity"])];
    let fail = (0..9_usize, bad).prop_map(|(service, bad)| failing(service, &bad));
    let failing = proptest::collection::vec(fail, 0..4);
    (canaries, failing).prop_map(move |(canaries, failing)| region(provider, &canaries, failing))
}

fn worlds() -> impl Strategy<Value = World> {
    let about = prop_oneof![
        Just(About::Entry),
        Just(About::Any),
        Just(About::Side(0)),
        Just(About::Side(1))
    ];
    let clouds = prop_oneof![Just(""), Just("aws"), Just("gcp")];
    let side = || (verdicts(), -1_000..1_000_i64).prop_map(|(verdict, at)| seen(verdict, at));
    (
        about,
        proptest::collection::vec(verdicts(), 0..2),
        (side(), side(), regions("aws"), regions("gcp")),
        proptest::option::of(any::<bool>()),
        proptest::collection::vec((clouds, verdicts(), verdicts()), 0..4),
    )
        .prop_map(|(about, shared, (aws, gcp, aws_region, gcp_region), only_names, others)| {
            World { about, shared, aws, gcp, aws_region, gcp_region, only_names, others }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_is_blamed_without_what_blames_him(world in worlds()) {
        let Judgement { blame, name, coupled } = world.told(judge);
        let regions = [&world.aws_region, &world.gcp_region];
        let is_believed = |cloud: &str| {
            !(cloud == "aws" && world.aws.verdict == Bad || cloud == "gcp" && world.gcp.verdict == Bad)
        };
        let believed = || world.others.iter().filter(|(cloud, _, _)| is_believed(cloud));
        match blame {
            Blame::Provider | Blame::ProviderOrPath => {
                let blamed = regions.into_iter().find(|region| region.place() == name).unwrap();
                let is_bad = |canary: &Canary| canary.plane == DATA && canary.seen.verdict == Bad;
                prop_assert!(blamed.canaries.iter().any(is_bad));
                let services: std::collections::BTreeSet<_> =
                    blamed.failing.iter().map(|failing| failing.service).collect();
                prop_assert!(services.len() >= 2);
                if blame == Blame::Provider {
                    prop_assert!(believed().any(|(_, ours, _)| *ours == Bad));
                    prop_assert!(believed().any(|(_, _, canary)| *canary == Bad));
                }
            }
            Blame::Shared => prop_assert!(world.shared.contains(&Bad)),
            Blame::Path => prop_assert!(believed().any(|(_, ours, _)| *ours == Good)),
            Blame::Application => {
                prop_assert_eq!((world.aws.verdict, world.gcp.verdict), (Bad, Bad));
                prop_assert!(regions.iter().all(|region| region.data_plane() != Bad));
            }
            Blame::Entry => prop_assert_eq!(world.about, About::Entry),
            Blame::Dns => prop_assert_eq!(world.only_names, Some(true)),
            Blame::Endpoint => {}
        }
        prop_assert!(!coupled || matches!(blame, Blame::Provider | Blame::ProviderOrPath));
    }
}
