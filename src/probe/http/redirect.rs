//! Where a redirect leads, and whether it may be followed.
//!
//! Pure: what was asked, the status and the `Location` give what to ask next, or the reason not to. Methods change as
//! browsers do it (RFC 9110, 15.4): 301, 302 and 303 turn anything but HEAD into a GET without a body, 307 and 308 keep
//! both. TLS is never given up on the way.
//!
//! How many are followed, and loops, are counted by the caller.

use crate::model::Reason;
use crate::net::Failure;
use http::Method;
use url::Url;

/// What is asked: part of a run that may ask several things in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) url: Url,
    pub(super) method: Method,
    /// Whether the body of the probe is sent along.
    pub(super) with_body: bool,
}

/// Whether a response with this status sends elsewhere, given that it has a `Location`.
pub(super) fn leads_on(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// What to ask next.
pub(super) fn follow(from: &Ask, status: u16, location: &[u8]) -> Result<Ask, Failure> {
    let refused = |why: String| Failure::bad(Reason::RedirectRefused, why);
    let text = std::str::from_utf8(location)
        .map_err(|_| refused(format!("status {status} with a `Location` that is not text")))?;
    let mut url = from.url.join(text).map_err(|error| {
        refused(format!("status {status} to `{text}`, which is no URL: {error}"))
    })?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(refused(format!("status {status} to `{text}`, which is not http or https")));
    }
    if from.url.scheme() == "https" && url.scheme() == "http" {
        let target = shown(&url);
        return Err(refused(format!("status {status} from https to http, at `{target}`")));
    }
    url.set_fragment(None);
    // Credentials that a server puts into a `Location` are not ours to send.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let keeps = matches!(status, 307 | 308);
    let method = match &from.method {
        method if keeps || *method == Method::HEAD => method.clone(),
        _ => Method::GET,
    };
    Ok(Ask { url, method, with_body: from.with_body && keeps })
}

/// Whether `url` is still the host that the probe names: the same name, and the same port or a change to https.
pub(super) fn same_host(home: &Url, url: &Url) -> bool {
    let upgraded = home.scheme() == "http"
        && url.scheme() == "https"
        && home.port().is_none()
        && url.port().is_none();
    home.host() == url.host()
        && (upgraded || home.port_or_known_default() == url.port_or_known_default())
}

/// A URL as it may be shown: without credentials.
pub(super) fn shown(url: &Url) -> String {
    if url.username().is_empty() && url.password().is_none() {
        return url.to_string();
    }
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(url: &str, method: Method) -> Ask {
        Ask { url: url.parse().unwrap(), method, with_body: true }
    }

    #[test]
    fn see_other_turns_a_post_into_a_get_without_its_body() {
        let from = ask("https://a.example/form", Method::POST);
        for status in [301, 302, 303] {
            let next = follow(&from, status, b"/done#top").unwrap();
            let expected = Ask { with_body: false, ..ask("https://a.example/done", Method::GET) };
            assert_eq!(next, expected, "{status}");
        }
    }

    #[test]
    fn a_temporary_redirect_keeps_method_and_body() {
        let from = ask("http://a.example/form", Method::POST);
        for status in [307, 308] {
            let next = follow(&from, status, b"https://b.example/").unwrap();
            assert_eq!(next, ask("https://b.example/", Method::POST), "{status}");
        }
    }

    #[test]
    fn head_stays_head() {
        let from = ask("http://a.example/", Method::HEAD);
        assert_eq!(follow(&from, 303, b"/x").unwrap().method, Method::HEAD);
    }

    #[test]
    fn what_must_not_be_followed_is_refused() {
        let from = ask("https://a.example/", Method::GET);
        for location in ["http://a.example/", "ftp://a.example/", "https://[", "file:///etc/passwd"]
        {
            let failure = follow(&from, 302, location.as_bytes()).unwrap_err();
            assert_eq!(failure.outcome.reason(), Some(Reason::RedirectRefused), "{location}");
        }
        assert!(follow(&from, 302, b"\xff").is_err());
    }

    #[test]
    fn another_port_is_another_host_but_https_is_not() {
        let same =
            |one: &str, other: &str| same_host(&one.parse().unwrap(), &other.parse().unwrap());
        assert!(same("http://a.example/", "https://a.example/x"));
        assert!(same("https://a.example:443/", "https://a.example/x"));
        assert!(!same("https://a.example/", "https://a.example:8443/"));
        assert!(!same("https://a.example/", "https://b.example/"));
    }

    #[test]
    fn credentials_in_a_url_are_never_shown() {
        let url = "https://mon:secret@a.example/x?y=1".parse().unwrap();
        assert_eq!(shown(&url), "https://a.example/x?y=1");
    }
}
