//! The files the browser needs besides the page: one stylesheet, two scripts, one sprite.
//!
//! They are embedded in the binary and served under a name that carries the hash of their
//! bytes, so that a browser may keep them for ever. Nothing here is built: what is in
//! `assets/` is what is sent (the stylesheet is the vendored reset followed by ours).
//! Where each vendored file comes from, and its licence, stands in `assets/VENDORED.md`.

use std::borrow::Cow;
use std::sync::LazyLock;

use aws_lc_rs::digest;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rust_embed::RustEmbed;

use crate::http::Path;

/// The folder of the crate, embedded in release builds and read from disk in debug ones.
#[derive(RustEmbed)]
#[folder = "assets/"]
struct Folder;

/// What is served: the name pages use, the files it is made of, its media type.
const SERVED: &[(&str, &[&str], &str)] = &[
    (
        "stint.css",
        &["modern-normalize.css", "stint.css"],
        "text/css; charset=utf-8",
    ),
    ("stint.js", &["stint.js"], "text/javascript; charset=utf-8"),
    (
        "htmx.js",
        &["htmx.min.js"],
        "text/javascript; charset=utf-8",
    ),
    ("icons.svg", &["icons.svg"], "image/svg+xml"),
    ("mark.svg", &["mark.svg"], "image/svg+xml"),
];

struct Asset {
    name: &'static str,
    /// Path with the hash in it, as pages link to it.
    url: String,
    etag: HeaderValue,
    mime: &'static str,
    bytes: bytes::Bytes,
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    SERVED
        .iter()
        .map(|&(name, files, mime)| {
            let bytes: Vec<u8> = files
                .iter()
                .filter_map(|file| Folder::get(file))
                .flat_map(|file| match file.data {
                    Cow::Borrowed(bytes) => bytes.to_vec(),
                    Cow::Owned(bytes) => bytes,
                })
                .collect();
            let hash = short_hash(&bytes);
            let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
            Asset {
                name,
                url: format!("/assets/{stem}.{hash}.{extension}"),
                etag: HeaderValue::try_from(format!("\"{hash}\""))
                    .unwrap_or(HeaderValue::from_static("\"0\"")),
                mime,
                bytes: bytes.into(),
            }
        })
        .collect()
});

fn short_hash(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let hash = digest::digest(&digest::SHA256, bytes);
    hash.as_ref()
        .iter()
        .take(8)
        .fold(String::new(), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
}

/// Where a page finds the asset of this name. An unknown name gives `/assets/missing`,
/// which answers 404; a test keeps templates from asking for one.
pub fn url(name: &str) -> &'static str {
    ASSETS
        .iter()
        .find(|asset| asset.name == name)
        .map_or("/assets/missing", |asset| &asset.url)
}

/// Answers `GET /assets/{file}`: the bytes, to be kept for ever; 304 when the browser has
/// them; 404 for a name this build does not have.
pub async fn serve(Path(file): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS
        .iter()
        .find(|asset| asset.url.strip_prefix("/assets/") == Some(file.as_str()))
    else {
        let mut gone = Response::new(Body::from("no such asset in this version of Stint\n"));
        *gone.status_mut() = StatusCode::NOT_FOUND;
        return gone;
    };
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|sent| sent == asset.etag);
    let mut answer = if known {
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        answer
    } else {
        Response::new(Body::from(asset.bytes.clone()))
    };
    let out = answer.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.mime));
    out.insert(header::ETAG, asset.etag.clone());
    out.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=31536000, immutable"),
    );
    out.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    answer
}

#[cfg(test)]
pub(crate) fn text(file: &str) -> String {
    let found = Folder::get(file).unwrap_or_else(|| panic!("assets/{file} is there"));
    String::from_utf8(found.data.into_owned()).expect("assets that are text are UTF-8")
}
