//! Who is let in, and what is done for those who are not.
//!
//! Passwords are compared by a stand-in that keeps what it was asked; hashes are real ones. Nothing is sent over a network.
//!
//! What a router makes of it is tested with the real binary.

use super::*;
use crate::model::Secret;

const ANN: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$SEgPw7xK8cBpu8vXLXVCC1PYGdVS4rYxBkJL4EEI1iE";
const BOB: &str =
    "$argon2id$v=19$m=8192,t=3,p=1$cGVwcGVycGVwcGVy$SEgPw7xK8cBpu8vXLXVCC1PYGdVS4rYxBkJL4EEI1iE";
const TOKEN: &str = "token-of-prometheus-4711";
const OTHER: &str = "token-of-the-deploy-4712";

/// Hash and password of each comparison.
type Compared = Arc<Mutex<Vec<(PasswordHash, Vec<u8>)>>>;

struct Scene {
    gate: Gate,
    compared: Compared,
}

fn caller(name: &str, proof: Proof) -> Caller {
    Caller { name: name.into(), proof, writes: false }
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash::read(text).unwrap()
}

fn named() -> Listener {
    let callers = vec![
        caller("ann", Proof::Password(hash(ANN))),
        caller("bob", Proof::Password(hash(BOB))),
        caller("prometheus", Proof::Token(Secret::new(TOKEN))),
        caller("deploy", Proof::Token(Secret::new(OTHER))),
    ];
    Listener { callers, ..Listener::default() }
}

impl Scene {
    /// Whoever says "right" is right.
    fn new() -> Self {
        let compared = Compared::default();
        let kept = Arc::clone(&compared);
        let compare: Compare = Arc::new(move |hash, password| {
            let fits = password == b"right";
            kept.lock().unwrap().push((hash, password));
            Box::pin(std::future::ready(fits))
        });
        Self { gate: Gate::new(&named(), compare, Arc::new(|_| {}), false), compared }
    }

    /// What becomes of a request with these `Authorization` headers: a name, or why not.
    async fn ask(&self, said: &[&str]) -> Result<String, Denied> {
        let mut headers = HeaderMap::new();
        for each in said {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(each).unwrap());
        }
        let caller = self.gate.caller(&self.gate.named(), &headers).await;
        caller.map(|caller| caller.name.to_string())
    }

    fn comparisons(&self) -> usize {
        self.compared.lock().unwrap().len()
    }
}

fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

#[tokio::test]
async fn tokens_are_known_whole_and_kept_as_digests_alone() {
    let scene = Scene::new();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        assert_eq!(scene.ask(&[&format!("{scheme} {TOKEN}")]).await.unwrap(), "prometheus");
        assert_eq!(scene.ask(&[&format!("{scheme}  {OTHER} ")]).await.unwrap(), "deploy");
    }
    let half = &TOKEN[..8];
    for wrong in [half, "", "x", &format!("{TOKEN}x"), &TOKEN.to_uppercase(), &TOKEN[1..]] {
        assert_eq!(scene.ask(&[&format!("Bearer {wrong}")]).await, Err(Denied::Wrong), "{wrong}");
    }
    assert_eq!(scene.comparisons(), 0, "tokens wait for no hash");
    // What is compared is of one length whatever was said, and differs between two processes.
    let (one, other) = (scene.gate.named(), Scene::new().gate.named());
    let lengths = one.tokens.iter().map(|(digest, _)| digest.as_ref().len());
    assert_eq!(lengths.collect::<Vec<_>>(), [32, 32]);
    assert!(!same(&one.tokens[0].0, &other.tokens[0].0));
    assert!(same(&one.tokens[0].0, &hmac::sign(&scene.gate.key, TOKEN.as_bytes())));
}

#[tokio::test]
async fn a_name_that_nobody_has_costs_what_a_wrong_password_costs() {
    let scene = Scene::new();
    assert_eq!(scene.ask(&[&basic("ann:wrong")]).await, Err(Denied::Wrong));
    assert_eq!(scene.compared.lock().unwrap().pop(), Some((hash(ANN), b"wrong".to_vec())));
    assert_eq!(scene.ask(&[&basic("bob:wrong")]).await, Err(Denied::Wrong));
    assert_eq!(scene.compared.lock().unwrap().pop(), Some((hash(BOB), b"wrong".to_vec())));
    let mut stood_in = Vec::new();
    for name in 0..32 {
        // Also a password that fits the hash of somebody else opens nothing under a name that nobody has.
        for word in ["wrong", "right", "rigth"] {
            assert_eq!(scene.ask(&[&basic(&format!("u{name}:{word}"))]).await, Err(Denied::Wrong));
        }
        let asked = std::mem::take(&mut *scene.compared.lock().unwrap());
        assert_eq!(asked.len(), 3, "one comparison each");
        assert!(asked.iter().all(|(hash, _)| *hash == asked[0].0), "always with the same hash");
        stood_in.push(asked[0].0.clone());
    }
    assert!(stood_in.contains(&hash(ANN)) && stood_in.contains(&hash(BOB)));
}

#[tokio::test]
async fn what_was_compared_is_remembered_right_or_wrong() {
    let scene = Scene::new();
    for _ in 0..3 {
        assert_eq!(scene.ask(&[&basic("ann:right")]).await.unwrap(), "ann");
        assert_eq!(scene.ask(&[&basic("ann:wrong")]).await, Err(Denied::Wrong));
    }
    assert_eq!(scene.comparisons(), 2);
    // Guesses push guesses out, and never what is right.
    for guess in 0..3 * REMEMBERED {
        assert!(scene.ask(&[&basic(&format!("ann:{guess}"))]).await.is_err());
    }
    let before = scene.comparisons();
    assert_eq!(scene.ask(&[&basic("ann:right")]).await.unwrap(), "ann");
    assert_eq!(scene.comparisons(), before);
    let lately = scene.gate.lately();
    assert_eq!((lately.right.len(), lately.wrong.len()), (1, REMEMBERED));
}

#[tokio::test]
async fn what_is_no_credential_is_not_looked_at() {
    let scene = Scene::new();
    let (large, small) = (basic(&format!("ann:{}", "x".repeat(PAIR_AT_MOST))), basic("ann:right"));
    for (said, denied) in [
        (vec![], Denied::Missing),
        (vec!["Bearer"], Denied::Missing),
        (vec!["Basic"], Denied::Missing),
        (vec![TOKEN], Denied::Missing),
        (vec!["Digest username=\"ann\""], Denied::Missing),
        (vec!["Negotiate YII="], Denied::Missing),
        (vec!["Basic !!!"], Denied::Missing),
        (vec!["Basic YW5u"], Denied::Missing),
        (vec![&*small, &*small], Denied::Missing),
        (vec![&*small, "Bearer x"], Denied::Missing),
        (vec![&*large], Denied::Wrong),
    ] {
        assert_eq!(scene.ask(&said).await, Err(denied), "{said:?}");
    }
    assert_eq!(scene.comparisons(), 0);
    // One byte less is compared.
    let most = basic(&format!("ann:{}", "x".repeat(PAIR_AT_MOST - 4)));
    assert_eq!(scene.ask(&[&most]).await, Err(Denied::Wrong));
    assert_eq!(scene.comparisons(), 1);
}

#[tokio::test]
async fn too_many_new_passwords_at_once_are_sent_away_and_tokens_are_not() {
    let scene = Scene::new();
    let never: Compare = Arc::new(|_, _| Box::pin(std::future::pending()));
    let gate = Gate { compare: never, ..scene.gate };
    let scene = Scene { gate, compared: scene.compared };
    let (first, rest): (Vec<_>, _) =
        ((0..WAITING).map(|it| basic(&format!("ann:{it}"))).collect(), basic("ann:x"));
    let waiting = futures_util::future::join_all(first.iter().map(|said| {
        let scene = &scene;
        async move { scene.ask(&[said]).await }
    }));
    let one_more = [&*rest];
    // Those who wait come first, so that every place is taken.
    tokio::select! {
        biased;
        _ = waiting => unreachable!("nothing is ever compared"),
        denied = scene.ask(&one_more) => assert_eq!(denied, Err(Denied::Busy)),
    }
    assert_eq!(scene.ask(&[&format!("Bearer {TOKEN}")]).await.unwrap(), "prometheus");
}

#[tokio::test]
async fn whoever_is_named_no_more_is_not_known_from_then_on() {
    let scene = Scene::new();
    assert_eq!(scene.ask(&[&basic("ann:right")]).await.unwrap(), "ann");
    let old = scene.gate.named();
    let mut listener = named();
    listener.callers.retain(|caller| &*caller.name == "bob" || &*caller.name == "deploy");
    scene.gate.know(&listener);
    assert_eq!(scene.ask(&[&basic("ann:right")]).await, Err(Denied::Wrong));
    assert_eq!(scene.ask(&[&format!("Bearer {TOKEN}")]).await, Err(Denied::Wrong));
    assert_eq!(scene.ask(&[&format!("Bearer {OTHER}")]).await.unwrap(), "deploy");
    assert_eq!(scene.ask(&[&basic("bob:right")]).await.unwrap(), "bob");
    // A comparison that began before is not remembered after.
    let digest = hmac::sign(&scene.gate.key, b"ann:right");
    let user = Some(Arc::clone(&old.users[0].1));
    let until = Instant::now() + REMEMBERED_FOR;
    scene.gate.remember(&old, Seen { digest, user, until });
    assert_eq!(scene.ask(&[&basic("ann:right")]).await, Err(Denied::Wrong));
    scene.gate.know(&Listener::default());
    assert!(scene.gate.named().is_nobody());
}
