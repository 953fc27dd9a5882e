//! Cookies of one run: what an answer sets goes along with the next request, and is forgotten at the end.
//!
//! Which cookie goes where (domain, path, `Secure`, age) is `cookie_store`'s to say. Of what a server sets, so many and no
//! longer ones are taken, as browsers do it.
//!
//! Nothing of it outlives the run.

use cookie_store::CookieStore;
use http::header::{self, HeaderMap, HeaderValue};
use url::Url;

/// Cookies taken in one run.
const MOST: usize = 50;
/// Bytes of one cookie with its attributes (RFC 6265, 6.1).
const LONGEST: usize = 4096;

/// The cookies of one run.
#[derive(Default)]
pub(super) struct Jar {
    store: CookieStore,
    taken: usize,
}

impl Jar {
    /// Takes what the answer of `url` sets.
    pub(super) fn keep(&mut self, headers: &HeaderMap, url: &Url) {
        for value in headers.get_all(header::SET_COOKIE) {
            let Ok(text) = value.to_str() else { continue };
            if text.len() <= LONGEST && self.taken < MOST && self.store.parse(text, url).is_ok() {
                self.taken += 1;
            }
        }
    }

    /// Adds what belongs to `url` to the header of a request, after what the probe sends by itself.
    pub(super) fn add(&self, headers: &mut HeaderMap, url: &Url) {
        let own = headers.get(header::COOKIE).and_then(|value| value.to_str().ok());
        let own = own.map(str::to_owned);
        let kept =
            self.store.get_request_values(url).map(|(name, value)| format!("{name}={value}"));
        let all = own.into_iter().chain(kept).collect::<Vec<_>>().join("; ");
        if let Ok(mut value) = HeaderValue::from_str(&all)
            && !value.is_empty()
        {
            value.set_sensitive(true);
            headers.insert(header::COOKIE, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_and_no_longer_cookies_than_a_browser_takes() {
        let url: Url = "http://a.example/".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.append(header::SET_COOKIE, format!("long={}", "x".repeat(5000)).parse().unwrap());
        for index in 0..80 {
            headers.append(header::SET_COOKIE, format!("c{index}=1").parse().unwrap());
        }
        let mut jar = Jar::default();
        jar.keep(&headers, &url);
        let mut sent = HeaderMap::new();
        sent.insert(header::COOKIE, "own=0".parse().unwrap());
        jar.add(&mut sent, &url);
        let sent = sent[header::COOKIE].to_str().unwrap();
        assert!(sent.starts_with("own=0; "), "{sent}");
        assert_eq!(sent.split("; ").count(), 51);
        assert!(!sent.contains("long"));
    }
}
