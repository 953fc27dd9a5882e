//! Who may come in over the network: credentials of a request, and what they open.
//!
//! [`pass`] stands before every path of the network's listener. Health is told to everybody; anything else wants a password
//! or a token as soon as anybody is named in the configuration, and what changes something wants one that may write. Tokens
//! and passwords that were looked at lately are known by a digest under a key that dies with the process, compared in
//! constant time. A password that is new is compared with its hash elsewhere ([`Compare`]), by a bounded number of requests.
//!
//! It knows no path but those of health, and nothing of the local socket, whose permissions say who may open it.

use super::api::Refusal;
use crate::clock::Instant;
use crate::model::{Action, Caller, Listener, PasswordHash, Proof};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Paths that everybody may read: whoever asks them has no credentials (kubelets, load balancers), and they say little.
const OPEN: [&str; 4] = ["/livez", "/readyz", "/-/healthy", "/-/ready"];

/// Requests that wait for a comparison with a hash at most; one more is sent away.
const WAITING: usize = 16;

/// Passwords that are remembered as right, and as many as wrong.
const REMEMBERED: usize = 64;

/// How long they are.
const REMEMBERED_FOR: Duration = Duration::from_mins(5);

/// Bytes of user and password together at most.
const PAIR_AT_MOST: usize = 1024;

/// Wrong credentials are logged once in so long, with their number.
const TOLD_EVERY: Duration = Duration::from_mins(1);

/// Compares a password with a hash, one after the other and where nothing waits behind it.
pub type Compare = Arc<dyn Fn(PasswordHash, Vec<u8>) -> BoxFuture<'static, bool> + Send + Sync>;

/// The digest of a credential under the key of this process.
type Digest = hmac::Tag;

/// Who may come in.
pub struct Gate {
    key: hmac::Key,
    tokens: Vec<(Digest, Caller)>,
    users: Vec<(PasswordHash, Caller)>,
    compare: Compare,
    local: bool,
    places: Semaphore,
    lately: Mutex<Lately>,
}

/// What was seen lately.
#[derive(Default)]
struct Lately {
    /// Passwords with the number of their user; `None` is wrong.
    right: VecDeque<Seen>,
    wrong: VecDeque<Seen>,
    /// Wrong credentials that were not yet logged.
    untold: u64,
    told: Option<Instant>,
}

struct Seen {
    digest: Digest,
    user: Option<usize>,
    until: Instant,
}

/// Why nobody is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Denied {
    /// No credentials, or in a form that is not known.
    Missing,
    /// They are not right.
    Wrong,
    /// Too many are asking with new passwords.
    Busy,
}

impl Gate {
    /// A gate for those whom `listener` names; passwords are compared by `compare`.
    ///
    /// `local` says that only this machine reaches it: while nobody is named, it may have the configuration read again.
    pub fn new(listener: &Listener, compare: Compare, local: bool) -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &aws_lc_rs::rand::SystemRandom::new())
            .expect("a system without random bytes has no TLS either");
        let (mut tokens, mut users) = (Vec::new(), Vec::new());
        for caller in &listener.callers {
            match &caller.proof {
                Proof::Token(token) => {
                    tokens.push((hmac::sign(&key, token.reveal().as_bytes()), caller.clone()));
                }
                Proof::Password(hash) => users.push((hash.clone(), caller.clone())),
            }
        }
        Self {
            key,
            tokens,
            users,
            compare,
            local,
            places: Semaphore::new(WAITING),
            lately: Mutex::default(),
        }
    }

    /// A gate through which everybody may read and nobody may write.
    pub fn open() -> Self {
        Self::new(&Listener::default(), Arc::new(|_, _| Box::pin(std::future::ready(false))), false)
    }

    /// Whether nobody is named, so that everybody may read.
    fn is_open(&self) -> bool {
        self.tokens.is_empty() && self.users.is_empty()
    }

    /// Whose credentials these are.
    async fn caller(&self, headers: &HeaderMap) -> Result<&Caller, Denied> {
        let mut said = headers.get_all(header::AUTHORIZATION).iter();
        // Of two it would be unclear which one a proxy has looked at.
        let (Some(one), None) = (said.next(), said.next()) else { return Err(Denied::Missing) };
        let one = one.to_str().map_err(|_| Denied::Missing)?;
        let (scheme, rest) = one.split_once(' ').ok_or(Denied::Missing)?;
        let found = if scheme.eq_ignore_ascii_case("bearer") {
            self.token(rest.trim())
        } else if scheme.eq_ignore_ascii_case("basic") {
            self.password(rest.trim()).await
        } else {
            Err(Denied::Missing)
        };
        if found.is_err_and(|denied| denied == Denied::Wrong) {
            self.tell_wrong(Instant::now());
        }
        found
    }

    /// Whose token this is; every one is looked at, so that the time taken says nothing.
    fn token(&self, said: &str) -> Result<&Caller, Denied> {
        let digest = hmac::sign(&self.key, said.as_bytes());
        let mut found = Err(Denied::Wrong);
        for (token, caller) in &self.tokens {
            if same(token, &digest) {
                found = Ok(caller);
            }
        }
        found
    }

    /// Whose password this is.
    async fn password(&self, encoded: &str) -> Result<&Caller, Denied> {
        let pair = STANDARD.decode(encoded).map_err(|_| Denied::Missing)?;
        let colon = pair.iter().position(|byte| *byte == b':').ok_or(Denied::Missing)?;
        if pair.len() > PAIR_AT_MOST || self.users.is_empty() {
            return Err(Denied::Wrong);
        }
        let digest = hmac::sign(&self.key, &pair);
        if let Some(known) = self.remembered(&digest) {
            return known;
        }
        let _place = self.places.try_acquire().map_err(|_| Denied::Busy)?;
        let (user, password) = (&pair[..colon], &pair[colon + 1..]);
        let number = self.users.iter().position(|(_, caller)| caller.name.as_bytes() == user);
        // For a name that nobody has some other hash is compared with: the time taken does not tell names.
        let (hash, _) = &self.users[number.unwrap_or(0)];
        let fits = (self.compare)(hash.clone(), password.to_vec()).await;
        let user = number.filter(|_| fits);
        self.remember(Seen { digest, user, until: Instant::now() + REMEMBERED_FOR });
        self.numbered(user)
    }

    fn numbered(&self, user: Option<usize>) -> Result<&Caller, Denied> {
        user.map(|number| &self.users[number].1).ok_or(Denied::Wrong)
    }

    fn remembered(&self, digest: &Digest) -> Option<Result<&Caller, Denied>> {
        let mut lately = self.lately();
        let now = Instant::now();
        let Lately { right, wrong, .. } = &mut *lately;
        let mut found = None;
        for list in [right, wrong] {
            list.retain(|seen| seen.until > now);
            found = found
                .or_else(|| list.iter().find(|seen| same(&seen.digest, digest)).map(|it| it.user));
        }
        drop(lately);
        found.map(|user| self.numbered(user))
    }

    /// Wrong ones have room of their own, so that guessing does not make a right one be forgotten.
    fn remember(&self, seen: Seen) {
        let mut lately = self.lately();
        let list = if seen.user.is_some() { &mut lately.right } else { &mut lately.wrong };
        if list.len() == REMEMBERED {
            list.pop_front();
        }
        list.push_back(seen);
    }

    /// Logs wrong credentials, now and then; never what was said, not even the name, which may be a password.
    fn tell_wrong(&self, now: Instant) {
        let mut lately = self.lately();
        lately.untold += 1;
        if lately.told.is_some_and(|told| now < told + TOLD_EVERY) {
            return;
        }
        let count = std::mem::take(&mut lately.untold);
        lately.told = Some(now);
        drop(lately);
        tracing::warn!(
            action = Action::CredentialsRefused.as_str(),
            "wrong credentials were given to the listener, {count} time(s) since this was last said"
        );
    }

    fn lately(&self) -> std::sync::MutexGuard<'_, Lately> {
        self.lately.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What somebody without the right credentials is told.
    fn refusal(&self, denied: Denied) -> Response {
        let (status, error, hint) = match denied {
            Denied::Missing => (
                StatusCode::UNAUTHORIZED,
                "this listener wants to know who asks",
                "send a user with a password, or a token, of `[listener]` in the daemon's configuration",
            ),
            Denied::Wrong => (
                StatusCode::UNAUTHORIZED,
                "user and password, or the token, are not right",
                "they are those of `[listener]` in the configuration that the daemon was started with",
            ),
            Denied::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "too many ask with new passwords at once",
                "ask again in a few seconds; a token is looked at without waiting",
            ),
        };
        let mut response = Refusal::new(status, error, hint).into_response();
        if denied != Denied::Busy {
            let challenges = [
                (!self.users.is_empty(), r#"Basic realm="nephoscope", charset="UTF-8""#),
                (!self.tokens.is_empty(), r#"Bearer realm="nephoscope""#),
            ];
            for (_, challenge) in challenges.into_iter().filter(|(used, _)| *used) {
                let headers = response.headers_mut();
                headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            }
        }
        response
    }
}

/// Lets a request through to its path, or says why not.
pub(super) async fn pass(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if reads && OPEN.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let caller = if gate.is_open() {
        None
    } else {
        match gate.caller(request.headers()).await {
            Ok(caller) => Some(caller),
            Err(denied) => return gate.refusal(denied),
        }
    };
    if reads {
        return next.run(request).await;
    }
    let refused =
        |error: String, hint| Refusal::new(StatusCode::FORBIDDEN, error, hint).into_response();
    let Some(caller) = caller else {
        if gate.local && request.uri().path() == super::reload::PATH {
            return next.run(request).await;
        }
        return refused(
            "nobody may change anything over this listener".to_owned(),
            "use `nephoscope maintenance`, `drill` or `reload` on the daemon's machine, or name who may in `[listener]`",
        );
    };
    if !caller.writes {
        return refused(
            format!("`{}` may read and not change anything", caller.name),
            "`writes` of `[listener]` in the daemon's configuration names those who may",
        );
    }
    if is_foreign(request.headers()) {
        return refused(
            "a page of another site asks for this".to_owned(),
            "a browser sends the credentials along whoever asks; use the API without a browser",
        );
    }
    tracing::info!(
        action = Action::ListenerWrite.as_str(),
        by = &*caller.name,
        "over the listener: {} {}",
        request.method(),
        request.uri().path()
    );
    next.run(request).await
}

/// Whether a browser says that the page of another site makes it ask.
fn is_foreign(headers: &HeaderMap) -> bool {
    let text =
        |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
    let Some(origin) = text(header::ORIGIN) else { return false };
    let from = origin.split_once("://").map(|(_, from)| from);
    from.is_none() || from != text(header::HOST)
}

/// Takes as long for what is alike as for what is not.
fn same(one: &Digest, other: &Digest) -> bool {
    verify_slices_are_equal(one.as_ref(), other.as_ref()).is_ok()
}
