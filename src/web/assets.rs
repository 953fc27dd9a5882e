//! The page's own files: style, script and icon, compiled in.
//!
//! They are served from fixed paths and named on the page with a version made from their bytes, so that a browser may
//! keep them for ever and still never uses an old one. Serving them as files lets the content policy forbid everything
//! that is written into the page itself.
//!
//! Nothing here depends on what is being watched.

use axum::http::header;
use axum::response::IntoResponse;

pub(super) const STYLE_PATH: &str = "/assets/page.css";
pub(super) const SCRIPT_PATH: &str = "/assets/page.js";
pub(super) const ICON_PATH: &str = "/assets/icon.svg";

const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");
const ICON: &str = include_str!("page/icon.svg");

/// One year, the longest that caches honour.
const KEEP: &str = "public, max-age=31536000, immutable";

/// Changes when any of the files does.
pub(super) const VERSION: u32 =
    fnv(ICON.as_bytes(), fnv(SCRIPT.as_bytes(), fnv(STYLE.as_bytes(), 0x811c_9dc5)));

pub(super) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, KEEP)], STYLE)
}

pub(super) async fn script() -> impl IntoResponse {
    let kind = "text/javascript; charset=utf-8";
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, KEEP)], SCRIPT)
}

pub(super) async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, KEEP)], ICON)
}

/// FNV-1a: enough to tell two versions of a file apart.
const fn fnv(bytes: &[u8], mut hash: u32) -> u32 {
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    hash
}
