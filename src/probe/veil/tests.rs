//! What the veil masks, what it leaves, and how long a text may become by it.
//!
//! Each test makes the veil of a spec and looks at texts as a far side could have said them.
//!
//! Real sockets and real stories are tried in `tests/it`.

use super::{MASK, Veil};
use crate::model::{
    Auth, EnvValue, ExecSpec, Host, HttpSpec, IpChoice, Pick, ProbeKind, Said, Secret, Spec, Step,
    TcpSpec,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderValue};

fn of(kind: ProbeKind) -> Veil {
    let (ip, pick) = (IpChoice::Any, Pick::First);
    Veil::of(&Spec { ip, pick, slow_after: None, max_latency: None, kind })
}

fn http(url: &str, change: impl FnOnce(&mut HttpSpec)) -> Veil {
    let mut http = HttpSpec::get(url.parse().unwrap());
    change(&mut http);
    of(ProbeKind::Http(Box::new(http)))
}

fn bearer(token: &str) -> Veil {
    http("http://a.example/", |http| {
        http.auth = Some(Box::new(Auth::Bearer(Secret::new(token))));
    })
}

fn named(name: &'static str, value: &'static str, hidden: bool) -> Veil {
    http("http://a.example/", |http| {
        let mut value = HeaderValue::from_static(value);
        value.set_sensitive(hidden);
        http.headers.push((header::HeaderName::from_static(name), value));
    })
}

fn saying(sends: &[&'static str]) -> Veil {
    let send =
        |text: &&'static str| Step::Send(vec![Said::Bytes(Bytes::from_static(text.as_bytes()))]);
    of(ProbeKind::Tcp(Box::new(TcpSpec {
        host: Host::Name("a.example".into()),
        port: 6379,
        tls: None,
        dialogue: sends.iter().map(send).collect(),
    })))
}

#[track_caller]
fn assert_masked(veil: &Veil, text: &str, expected: &str) {
    assert_eq!(veil.masked(text, &[]).as_deref(), Some(expected), "of `{text}`");
}

#[track_caller]
fn assert_left(veil: &Veil, text: &str) {
    assert_eq!(veil.masked(text, &[]), None, "of `{text}`");
}

#[test]
fn a_password_is_masked_in_every_form_in_which_it_may_come_back() {
    let password = "p\"a/ss&w'ö+rd";
    let veil = http("http://a.example/", |http| {
        let password = Secret::new(password);
        http.auth = Some(Box::new(Auth::Basic { user: "ann".into(), password }));
    });
    let coded = STANDARD.encode(format!("ann:{password}"));
    assert_masked(&veil, &format!("basic {coded}!"), &format!("basic {MASK}!"));
    for form in [
        password,
        // JSON: as it is, with slashes escaped, of Go, Python, Jackson, PHP and .NET.
        "p\\\"a/ss&w'ö+rd",
        "p\\\"a\\/ss&w'ö+rd",
        "p\\\"a/ss\\u0026w'ö+rd",
        "p\\\"a/ss&w'\\u00f6+rd",
        "p\\\"a/ss&w'\\u00F6+rd",
        "p\\\"a\\/ss&w'\\u00f6+rd",
        "p\\u0022a/ss\\u0026w\\u0027\\u00F6\\u002Brd",
        // URLs and forms.
        "p%22a%2Fss%26w%27%C3%B6%2Brd",
        "p%22a%2fss%26w%27%c3%b6%2brd",
        // Pages: of Rust, Python, Go, PHP.
        "p&quot;a/ss&amp;w&#39;ö+rd",
        "p&quot;a/ss&amp;w&#x27;ö+rd",
        "p&#34;a/ss&amp;w&#39;ö+rd",
        "p&#34;a/ss&amp;w&#39;ö&#43;rd",
        "p&quot;a/ss&amp;w&#039;ö+rd",
        "p&#34;a/ss&#38;w&#39;&#246;+rd",
        "p&#x22;a/ss&#x26;w&#x27;&#xf6;+rd",
        // A sentence about a dialogue.
        "p\\\"a/ss&w\\'\\xc3\\xb6+rd",
        &STANDARD.encode(password),
    ] {
        assert_masked(&veil, &format!("<{form}>"), &format!("<{MASK}>"));
    }
    assert_left(&veil, "the user is ann");
}

#[test]
fn a_token_is_masked_in_base64() {
    let token = "~~~token?of?ann~";
    let veil = bearer(token);
    let coded = STANDARD.encode(token);
    assert!(coded.ends_with('='), "{coded}");
    assert_masked(&veil, &format!("got {coded}."), &format!("got {MASK}."));
    let url_safe = coded.trim_end_matches('=').replace('+', "-").replace('/', "_");
    assert_ne!(url_safe, coded);
    assert_masked(&veil, &format!("got {url_safe}."), &format!("got {MASK}."));
}

#[test]
fn a_secret_that_was_cut_off_is_masked_as_far_as_it_goes() {
    let veil = bearer("token-of-ann-4711");
    assert_masked(&veil, "is `token-of-ann…`", &format!("is `{MASK}…`"));
    assert_masked(&veil, "is `token-of-ann`…, it says", &format!("is `{MASK}`…, it says"));
    assert_masked(&veil, "is \"token-of-ann...\" here", &format!("is \"{MASK}...\" here"));
    assert_masked(&veil, "token-of-", MASK);
    assert_masked(&veil, "token-of-ann-4711, token-of-", &format!("{MASK}, {MASK}"));
    assert_masked(&veil, "token-of-ann-4711token-of-ann-4711", MASK);
    assert_left(&veil, "token-of-bob");
    assert_left(&veil, "token-o");
}

#[test]
fn a_secret_that_begins_like_other_texts_takes_nothing_from_them() {
    let hook = bearer("https://hooks.example/T0/B0/xyz");
    assert_left(&hook, "redirected to https://a.example/ and https://b.example/x");
    assert_masked(&hook, "at https://hooks.ex…", &format!("at {MASK}…"));
    let database = bearer("postgres://mon:hunter2@db/mon");
    assert_left(&database, "postgres is down: `postgres` on postgres://db");
}

#[test]
fn short_values_are_no_secrets() {
    let cookies = named("cookie", "consent=1; lang=en; sid=ab12; theme=light", false);
    assert_left(&cookies, "status 401 in 118 ms, expected 200; en, ab12, light");
    let key = named("x-api-key", "abc", false);
    assert_left(&key, "abc abc");
    let key = named("x-api-key", "abcd", false);
    assert_masked(&key, "abc abcd", &format!("abc {MASK}"));
    let url = http("http://ann:x@a.example/", |_| {});
    assert_masked(&url, &STANDARD.encode("ann:x"), MASK);
    assert_left(&url, "ax xb");
}

#[test]
fn what_stands_for_a_secret_is_not_masked_again() {
    let veil = http("http://a.example/", |http| {
        for value in ["shown", "(not", "wn)", "(not shown)", "hunter2"] {
            let mut value = HeaderValue::from_static(value);
            value.set_sensitive(true);
            http.headers.push((header::HeaderName::from_static("x-key"), value));
        }
    });
    assert_masked(&veil, "a hunter2 b", &format!("a {MASK} b"));
    assert_masked(&veil, "a shown b", &format!("a {MASK} b"));
}

#[test]
fn a_text_grows_by_a_bounded_factor() {
    let veil = http("http://a.example/", |http| {
        let values = ["aaaa", "aaab", "abab", "baba", "bbbb"];
        for value in values {
            let mut value = HeaderValue::from_static(value);
            value.set_sensitive(true);
            http.headers.push((header::HeaderName::from_static("x-key"), value));
        }
        let value = HeaderValue::from_static("a=n; b=o; c=t; d=s; e=h");
        http.headers.push((header::COOKIE, value));
    });
    for part in ["a", "ab", "aaaa-", "abab/", "bbbb aaaa ", "no show "] {
        let text = part.repeat(4_096 / part.len());
        let masked = veil.masked(&text, &[]).unwrap_or_else(|| text.clone());
        assert!(masked.len() <= 3 * text.len(), "`{part}`: {}", masked.len());
    }
    assert_masked(&veil, "abababab.", &format!("{MASK}."));
}

#[test]
fn headers_urls_cookies_and_the_environment_have_secrets() {
    let key = named("x-key", "Key hunter2", true);
    assert_masked(&key, "key hunter2", &format!("key {MASK}"));
    assert_left(&named("x-key", "Key hunter2", false), "hunter2");
    assert_masked(&named("x-vault-token", "hunter2", false), "hunter2", MASK);
    assert_left(&named("x-session-mode", "keep", false), "keep");
    let basic = named("authorization", "Basic YW5uOmh1bnRlcjI=", false);
    assert_masked(&basic, "ann, hunter2", &format!("ann, {MASK}"));
    let cookies = named("cookie", "lang=en-GB; session=471147", false);
    assert_masked(&cookies, "session 471147", &format!("session {MASK}"));
    let url = http("http://ann:hunter%202+@a.example/", |_| {});
    assert_masked(&url, "hunter 2+", MASK);
    assert_masked(&url, "hunter%202+", MASK);
    assert_masked(&url, &STANDARD.encode("ann:hunter 2+"), MASK);
    let env = vec![
        ("KEY".to_owned(), EnvValue::Secret(Secret::new("hunter2"))),
        ("LANG".to_owned(), EnvValue::Text("de_AT".to_owned())),
    ];
    let program = ExecSpec { program: "/bin/true".into(), arguments: Vec::new(), env };
    let program = of(ProbeKind::Exec(Box::new(program)));
    assert_masked(&program, "de_AT hunter2", &format!("de_AT {MASK}"));
}

#[test]
fn what_a_dialogue_sends_is_masked_when_it_comes_back() {
    let redis = saying(&["AUTH hunter2\r\n", "PING\r\n"]);
    let said = "-ERR unknown command 'AUTH', with args beginning with: `hunter2`";
    assert_masked(&redis, said, &said.replace("hunter2", MASK));
    assert_masked(&redis, "you said AUTH hunter2", &format!("you said {MASK}"));
    assert_left(&redis, "+PONG, not PING");
    let framed = saying(&["*2\r\n$4\r\nAUTH\r\n$7\r\nhunter2\r\n"]);
    assert_masked(&framed, "not hunter2", &format!("not {MASK}"));
    let imap = saying(&["a1 login monitor s3cr3t-word\r\n"]);
    assert_masked(&imap, "a1 NO s3cr3t-word is wrong", &format!("a1 NO {MASK} is wrong"));
    let smtp = saying(&["AUTH PLAIN AGFubgBodW50ZXIy\r\n"]);
    assert_masked(&smtp, "535 AGFubgBodW50ZXIy", &format!("535 {MASK}"));
    assert_left(&smtp, "250-AUTH PLAIN LOGIN");
    let plain = saying(&["EHLO monitoring.example\r\n"]);
    assert_left(&plain, "250 hello monitoring.example");
    assert_masked(&plain, "500 EHLO monitoring.example?", &format!("500 {MASK}?"));
}

#[test]
fn a_body_that_was_sent_is_masked_when_it_comes_back_whole_or_cut_off() {
    let veil = http("http://a.example/", |http| {
        http.body = Some(Bytes::from_static(b"{\"user\":\"ann\",\"password\":\"hunter2\"}\n"));
    });
    let covered =
        |said: &str| veil.masked(said, &veil.of_run(None)).unwrap_or_else(|| said.to_owned());
    let whole = "{\"user\":\"ann\",\"password\":\"hunter2\"}";
    assert_eq!(covered(&format!("it said `{whole}`")), format!("it said `{MASK}`"));
    assert_eq!(covered(&format!("it said `{}…`", &whole[..20])), format!("it said `{MASK}…`"));
    assert_eq!(covered("user ann"), "user ann");
}
