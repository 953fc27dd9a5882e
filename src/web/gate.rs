//! Who may come in over the network: credentials of a request, and what they open.
//!
//! [`pass`] stands before every path of the network's listener. Health is told to everybody; anything else wants a password
//! or a token as soon as anybody is named in the configuration, and what changes something wants one that may write. Tokens
//! and passwords that were looked at lately are known by a digest under a key that dies with the process, compared in
//! constant time. A password that is new is compared with its hash elsewhere ([`Compare`]), by a bounded number of requests.
//!
//! Who is named may change while it stands ([`Gate::know`]). Whoever is turned away is counted by why.
//!
//! It knows no path but those of health, and nothing of the local socket, whose permissions say who may open it.

use super::api::Refusal;
use super::author::Author;
use super::trust::{Trust, calls_by_address};
use crate::clock::Instant;
use crate::model::{Action, Caller, Listener, PasswordHash, Proof, TurnedAway};
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
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
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

/// Counts those who are turned away.
pub type Count = Arc<dyn Fn(TurnedAway) + Send + Sync>;

/// The digest of a credential under the key of this process.
type Digest = hmac::Tag;

/// Who may come in.
pub struct Gate {
    key: hmac::Key,
    /// Changed only while `lately` is held.
    named: RwLock<Arc<Named>>,
    compare: Compare,
    count: Count,
    local: bool,
    places: Semaphore,
    lately: Mutex<Lately>,
}

/// Who is named in the configuration, programs and people.
#[derive(Default)]
struct Named {
    tokens: Vec<(Digest, Arc<Caller>)>,
    users: Vec<(PasswordHash, Arc<Caller>)>,
}

impl Named {
    fn of(listener: &Listener, key: &hmac::Key) -> Self {
        let mut named = Self::default();
        for caller in &listener.callers {
            let who = Arc::new(caller.clone());
            match &caller.proof {
                Proof::Token(token) => {
                    named.tokens.push((hmac::sign(key, token.reveal().as_bytes()), who));
                }
                Proof::Password(hash) => named.users.push((hash.clone(), who)),
            }
        }
        named
    }

    /// Whether nobody is, so that everybody may read.
    fn is_nobody(&self) -> bool {
        self.tokens.is_empty() && self.users.is_empty()
    }
}

/// What was seen lately.
#[derive(Default)]
struct Lately {
    /// Passwords and whose they are; `None` is wrong.
    right: VecDeque<Seen>,
    wrong: VecDeque<Seen>,
    /// Wrong credentials that were not yet logged.
    untold: u64,
    told: Option<Instant>,
}

struct Seen {
    digest: Digest,
    user: Option<Arc<Caller>>,
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

impl Denied {
    fn why(self) -> TurnedAway {
        match self {
            Self::Missing => TurnedAway::Anonymous,
            Self::Wrong => TurnedAway::Credentials,
            Self::Busy => TurnedAway::Busy,
        }
    }
}

impl Gate {
    /// A gate for those whom `listener` names; passwords are compared by `compare`, and who is turned away is told to `count`.
    ///
    /// `local` says that only this machine reaches it: while nobody is named, it may have the configuration read again.
    pub fn new(listener: &Listener, compare: Compare, count: Count, local: bool) -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &aws_lc_rs::rand::SystemRandom::new())
            .expect("a system without random bytes has no TLS either");
        Self {
            named: RwLock::new(Arc::new(Named::of(listener, &key))),
            key,
            compare,
            count,
            local,
            places: Semaphore::new(WAITING),
            lately: Mutex::default(),
        }
    }

    /// A gate through which everybody may read and nobody may write.
    pub fn open() -> Self {
        let never: Compare = Arc::new(|_, _| Box::pin(std::future::ready(false)));
        Self::new(&Listener::default(), never, Arc::new(|_| {}), false)
    }

    /// From the next request on those are known whom `listener` names, and nobody else.
    pub fn know(&self, listener: &Listener) {
        let named = Arc::new(Named::of(listener, &self.key));
        let mut lately = self.lately();
        *self.named.write().unwrap_or_else(PoisonError::into_inner) = named;
        lately.right.clear();
        lately.wrong.clear();
    }

    fn named(&self) -> Arc<Named> {
        Arc::clone(&self.named.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whose credentials these are.
    async fn caller(&self, named: &Arc<Named>, headers: &HeaderMap) -> Result<Arc<Caller>, Denied> {
        let mut said = headers.get_all(header::AUTHORIZATION).iter();
        // Of two it would be unclear which one a proxy has looked at.
        let (Some(one), None) = (said.next(), said.next()) else { return Err(Denied::Missing) };
        let one = one.to_str().map_err(|_| Denied::Missing)?;
        let (scheme, rest) = one.split_once(' ').ok_or(Denied::Missing)?;
        let found = if scheme.eq_ignore_ascii_case("bearer") {
            self.token(named, rest.trim())
        } else if scheme.eq_ignore_ascii_case("basic") {
            self.password(named, rest.trim()).await
        } else {
            Err(Denied::Missing)
        };
        if matches!(found, Err(Denied::Wrong)) {
            self.tell_wrong(Instant::now());
        }
        found
    }

    /// Whose token this is; every one is looked at, so that the time taken says nothing.
    fn token(&self, named: &Named, said: &str) -> Result<Arc<Caller>, Denied> {
        let digest = hmac::sign(&self.key, said.as_bytes());
        let mut found = Err(Denied::Wrong);
        for (token, caller) in &named.tokens {
            if same(token, &digest) {
                found = Ok(Arc::clone(caller));
            }
        }
        found
    }

    /// Whose password this is.
    async fn password(&self, named: &Arc<Named>, encoded: &str) -> Result<Arc<Caller>, Denied> {
        let pair = STANDARD.decode(encoded).map_err(|_| Denied::Missing)?;
        let colon = pair.iter().position(|byte| *byte == b':').ok_or(Denied::Missing)?;
        if pair.len() > PAIR_AT_MOST || named.users.is_empty() {
            return Err(Denied::Wrong);
        }
        let digest = hmac::sign(&self.key, &pair);
        if let Some(known) = self.remembered(&digest) {
            return known;
        }
        let _place = self.places.try_acquire().map_err(|_| Denied::Busy)?;
        let (user, password) = (&pair[..colon], &pair[colon + 1..]);
        let number = named.users.iter().position(|(_, caller)| caller.name.as_bytes() == user);
        // For a name that nobody has somebody's hash is compared with, the same one each time: neither the time taken nor
        // what it costs tells names.
        let (hash, caller) = &named.users[number.unwrap_or_else(|| self.stand_in(named, user))];
        let fits = (self.compare)(hash.clone(), password.to_vec()).await;
        let user = number.filter(|_| fits).map(|_| Arc::clone(caller));
        let until = Instant::now() + REMEMBERED_FOR;
        self.remember(named, Seen { digest, user: user.clone(), until });
        user.ok_or(Denied::Wrong)
    }

    /// The number of a user whose hash stands in for that of a name which nobody has.
    fn stand_in(&self, named: &Named, user: &[u8]) -> usize {
        let digest = hmac::sign(&self.key, user);
        usize::from(digest.as_ref()[0]) % named.users.len()
    }

    fn remembered(&self, digest: &Digest) -> Option<Result<Arc<Caller>, Denied>> {
        let mut lately = self.lately();
        let now = Instant::now();
        let Lately { right, wrong, .. } = &mut *lately;
        let mut found = None;
        for list in [right, wrong] {
            list.retain(|seen| seen.until > now);
            let known = list.iter().find(|seen| same(&seen.digest, digest));
            found = found.or_else(|| known.map(|seen| seen.user.clone().ok_or(Denied::Wrong)));
        }
        found
    }

    /// Wrong ones have room of their own, so that guessing does not make a right one be forgotten. What was compared with the
    /// hashes of those who were named before says nothing.
    fn remember(&self, named: &Arc<Named>, seen: Seen) {
        let mut lately = self.lately();
        if !Arc::ptr_eq(named, &self.named()) {
            return;
        }
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

    fn lately(&self) -> MutexGuard<'_, Lately> {
        self.lately.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What somebody without the right credentials is told.
    fn refusal(&self, named: &Named, denied: Denied) -> Response {
        (self.count)(denied.why());
        let (status, error, hint) = match denied {
            Denied::Missing => (
                StatusCode::UNAUTHORIZED,
                "this listener wants to know who asks",
                "send a user with a password, or a token, of `[listener]` in the daemon's configuration",
            ),
            Denied::Wrong => (
                StatusCode::UNAUTHORIZED,
                "user and password, or the token, are not right",
                "they are those of `[listener]` in the configuration that is in force",
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
                (!named.users.is_empty(), r#"Basic realm="nephoscope", charset="UTF-8""#),
                (!named.tokens.is_empty(), r#"Bearer realm="nephoscope""#),
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
pub(super) async fn pass(
    State(gate): State<Arc<Gate>>,
    mut request: Request,
    next: Next,
) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if reads && OPEN.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let named = gate.named();
    let caller = if named.is_nobody() {
        None
    } else {
        match gate.caller(&named, request.headers()).await {
            Ok(caller) => Some(caller),
            Err(denied) => return gate.refusal(&named, denied),
        }
    };
    if reads {
        let trusted = caller.is_some() || (gate.local && calls_by_address(&request));
        if gate.local && !trusted && request.uri().path() == super::probe::PATH {
            (gate.count)(TurnedAway::Forbidden);
            return super::probe::refuse_names();
        }
        request.extensions_mut().insert(Trust(trusted));
        return next.run(request).await;
    }
    let refused = |error: String, hint| {
        (gate.count)(TurnedAway::Forbidden);
        Refusal::new(StatusCode::FORBIDDEN, error, hint).into_response()
    };
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
    request.extensions_mut().insert(Author::new(&caller.name));
    next.run(request).await
}

/// Whether a browser says that the page of another site makes it ask.
pub(super) fn is_foreign(headers: &HeaderMap) -> bool {
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

#[cfg(test)]
mod tests;
