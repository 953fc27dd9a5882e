//! The memory of chains: what it may answer for, and what it must ask anew.
//!
//! Real chains of a root, an authority below it and a leaf, given to the verifier as a handshake gives them, at times of the
//! test's own.
//!
//! Handshakes are made in `tests/it/tls.rs`.

use super::*;
use crate::model::PemFile;
use crate::probe::flight::Flight;
use crate::probe::tls::files::Files;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::ops::Range;
use std::time::Duration;

/// Days since the epoch of the middle of every certificate's life.
const NOW: i64 = 20_000;
const DAY: i64 = 86_400;

fn at(second: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(second.unsigned_abs()))
}

fn params(name: &str, days: &Range<i64>) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    let moment = |days: i64| {
        let after = Duration::from_secs((days * DAY).unsigned_abs());
        rcgen::date_time_ymd(1970, 1, 1) + after
    };
    (params.not_before, params.not_after) = (moment(NOW + days.start), moment(NOW + days.end));
    params
}

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// A root, an authority below it, and a leaf for `a.example`, each valid until so many days from now.
struct Chain {
    root: Issuer,
    between: CertificateDer<'static>,
    leaf: CertificateDer<'static>,
}

fn chain(root: i64, between: i64, leaf: i64) -> Chain {
    let authority = |name, end| {
        let mut params = params(name, &(-10..end));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    };
    let root = Issuer::self_signed(authority("root", root), KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let between = Issuer::signed_by(authority("between", between), key, &root).unwrap();
    let mut params = params("leaf, \"quoted\"", &(-10..leaf));
    params.subject_alt_names = vec![
        rcgen::SanType::DnsName("a.example".try_into().unwrap()),
        rcgen::SanType::IpAddress("192.0.2.7".parse().unwrap()),
    ];
    let leaf = params.signed_by(&KeyPair::generate().unwrap(), &between).unwrap();
    Chain { root, between: between.der().clone(), leaf: leaf.der().clone() }
}

/// What trusts the root in `file`.
fn witness(spec: &TlsSpec, files: &Files, file: &PemFile) -> Witness {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let source = Source::File(files.roots(file, &provider).unwrap());
    Witness::new(spec, source, provider)
}

fn pem(chain: &Chain) -> PemFile {
    PemFile { path: "root.pem".into(), bytes: chain.root.pem().into_bytes().into() }
}

fn judge(witness: &Witness, chain: &Chain, name: &str, second: i64) -> Result<(), rustls::Error> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let between = [chain.between.clone()];
    witness.verify_server_cert(&chain.leaf, &between, &name, &[], at(second)).map(|_| ())
}

/// When each remembered chain was verified, in seconds after `NOW`.
fn verified(witness: &Witness) -> Vec<i64> {
    let remembered = witness.remembered.lock().unwrap();
    remembered.values().map(|each| each.at.cast_signed() - NOW * DAY).collect()
}

fn is_expired(judged: &Result<(), rustls::Error>) -> bool {
    let Err(rustls::Error::InvalidCertificate(error)) = judged else { return false };
    matches!(error, CertificateError::Expired | CertificateError::ExpiredContext { .. })
}

#[test]
fn a_chain_is_verified_once_an_hour_and_the_memory_answers_in_between() {
    let chain = chain(90, 60, 30);
    let witness = witness(&TlsSpec::default(), &Files::default(), &pem(&chain));
    for (after, at) in [(0, 0), (1, 0), (3_599, 0), (3_600, 3_600), (7_199, 3_600), (7_200, 7_200)]
    {
        judge(&witness, &chain, "a.example", NOW * DAY + after).unwrap();
        assert_eq!(verified(&witness), [at], "after {after} s");
    }
    judge(&witness, &chain, "a.example", NOW * DAY).unwrap();
    assert_eq!(verified(&witness), [0], "the clock went back");
}

#[test]
fn what_has_expired_in_between_is_bad_although_it_is_remembered() {
    // Whichever of the presented chain ends first.
    for chain in [chain(90, 60, 30), chain(90, 30, 60)] {
        let witness = witness(&TlsSpec::default(), &Files::default(), &pem(&chain));
        let end = (NOW + 30) * DAY;
        judge(&witness, &chain, "a.example", end - 10).unwrap();
        judge(&witness, &chain, "a.example", end).unwrap();
        let judged = judge(&witness, &chain, "a.example", end + 1);
        assert!(is_expired(&judged), "{judged:?}");
    }
}

#[test]
fn another_name_is_judged_for_itself() {
    let chain = chain(90, 60, 30);
    let witness = witness(&TlsSpec::default(), &Files::default(), &pem(&chain));
    judge(&witness, &chain, "a.example", NOW * DAY).unwrap();
    assert!(judge(&witness, &chain, "b.example", NOW * DAY).is_err());
    assert_eq!(verified(&witness).len(), 1, "what is bad is not remembered");
}

#[test]
fn other_roots_judge_for_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let (right, wrong) = (chain(90, 60, 30), chain(90, 60, 30));
    let mut file = pem(&right);
    file.path = folder.path().join("root.pem");
    std::fs::write(&file.path, &file.bytes).unwrap();
    let files = Files::default();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let witness = witness(&TlsSpec::default(), &files, &file);
    judge(&witness, &right, "a.example", NOW * DAY).unwrap();

    std::fs::write(&file.path, pem(&wrong).bytes).unwrap();
    files.look(&provider);
    let judged = judge(&witness, &right, "a.example", NOW * DAY);
    assert!(matches!(judged, Err(rustls::Error::InvalidCertificate(_))), "{judged:?}");
    judge(&witness, &wrong, "a.example", NOW * DAY).unwrap();
}

#[test]
fn switched_off_it_remembers_nothing() {
    let chain = chain(90, 60, 30);
    let spec = TlsSpec { remember: false, ..TlsSpec::default() };
    let witness = witness(&spec, &Files::default(), &pem(&chain));
    for _ in 0..2 {
        judge(&witness, &chain, "a.example", NOW * DAY).unwrap();
        assert_eq!(verified(&witness), [0_i64; 0]);
    }
}

#[test]
fn another_chain_of_the_same_name_is_judged_for_itself() {
    let (right, wrong) = (chain(90, 60, 30), chain(90, 60, 30));
    let witness = witness(&TlsSpec::default(), &Files::default(), &pem(&right));
    judge(&witness, &right, "a.example", NOW * DAY).unwrap();
    assert!(judge(&witness, &wrong, "a.example", NOW * DAY).is_err());
    // The right leaf below a wrong authority is another chain, too.
    let mixed = Chain { leaf: right.leaf.clone(), ..wrong };
    assert!(judge(&witness, &mixed, "a.example", NOW * DAY).is_err());
}

#[tokio::test]
async fn the_way_to_the_root_ends_with_its_first_and_is_known_from_memory_too() {
    let cases =
        [(chain(20, 60, 30), 20, 30), (chain(90, 60, 30), 30, 30), (chain(90, 25, 30), 25, 25)];
    for (chain, days, presented) in cases {
        let witness = witness(&TlsSpec::default(), &Files::default(), &pem(&chain));
        for run in ["verified", "remembered"] {
            let flight = Flight::new("192.0.2.7:443".parse().unwrap(), None);
            let judging = async { judge(&witness, &chain, "a.example", NOW * DAY) };
            flight.carry(judging).await.unwrap();
            let seen = flight.seen();
            assert_eq!(seen.chain_not_after, Some(moment((NOW + days) * DAY)), "{run}");
            assert_eq!(seen.not_after, Some(moment((NOW + presented) * DAY)), "{run}");
            let leaf = seen.certificate.as_deref().unwrap();
            assert_eq!(leaf.subject, r#"CN=leaf\, \"quoted\""#);
            assert_eq!((leaf.issuer.as_str(), leaf.key.as_str()), ("CN=between", "EC P-256"));
            assert_eq!(leaf.all_names().collect::<Vec<_>>(), ["a.example", "192.0.2.7"]);
            assert_eq!(leaf.fingerprint.len(), 64);
        }
    }
}

#[tokio::test]
async fn a_way_that_was_not_found_has_no_end() {
    let (right, wrong) = (chain(90, 60, 30), chain(90, 60, 30));
    for spec in [TlsSpec::default(), TlsSpec { verify: false, ..TlsSpec::default() }] {
        let witness = witness(&spec, &Files::default(), &pem(&wrong));
        let flight = Flight::new("192.0.2.7:443".parse().unwrap(), None);
        let judging = async { judge(&witness, &right, "a.example", NOW * DAY) };
        assert_eq!(flight.carry(judging).await.is_ok(), !spec.verify);
        let seen = flight.seen();
        assert_eq!(seen.chain_not_after, None);
        assert!(seen.certificate.is_some() && seen.not_after.is_some());
    }
}

#[test]
fn chains_names_and_roots_do_not_run_together() {
    let der = |bytes: &[u8]| CertificateDer::from(bytes.to_vec());
    let name = |text: &str| ServerName::try_from(text.to_owned()).unwrap();
    let one = digest(&der(b"ab"), &[der(b"c")], &name("a.example"), None);
    assert_eq!(one, digest(&der(b"ab"), &[der(b"c")], &name("a.example"), None));
    assert_ne!(one, digest(&der(b"a"), &[der(b"bc")], &name("a.example"), None));
    assert_ne!(one, digest(&der(b"abc"), &[], &name("a.example"), None));
    assert_ne!(one, digest(&der(b"ab"), &[der(b"c")], &name("b.example"), None));
}
