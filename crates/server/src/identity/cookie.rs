//! The sign-in's cookie. With an `https` address it is `__Host-stint`: a browser then takes
//! it only from this host, over TLS, for every path, and no subdomain can plant one.

use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use http::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use stint_domain::Span;

fn secure(public_url: &str) -> bool {
    public_url
        .get(..8)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
}

/// The cookie's name at this address.
pub(crate) fn name(public_url: &str) -> &'static str {
    if secure(public_url) {
        "__Host-stint"
    } else {
        "stint"
    }
}

/// The `Set-Cookie` value that begins a sign-in.
pub(crate) fn set(public_url: &str, secret: &SecretString, lasts: Span) -> HeaderValue {
    header(public_url, secret.expose_secret(), lasts.as_seconds())
}

/// The `Set-Cookie` value that ends it in the browser.
pub(crate) fn clear(public_url: &str) -> HeaderValue {
    header(public_url, "", 0)
}

fn header(public_url: &str, value: &str, seconds: i64) -> HeaderValue {
    let mut cookie = Cookie::new(name(public_url), value);
    cookie.set_path("/");
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_secure(secure(public_url));
    let text = format!("{cookie}; Max-Age={seconds}");
    let mut header =
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("stint="));
    header.set_sensitive(true);
    header
}

/// The value sent along with a request, if any.
pub(crate) fn read(public_url: &str, headers: &HeaderMap) -> Option<String> {
    CookieJar::from_headers(headers)
        .get(name(public_url))
        .map(|cookie| cookie.value().to_owned())
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;

    use super::*;

    #[test]
    fn the_cookie_is_bound_to_the_host_where_tls_is() {
        let secret = "s3cret".to_owned().into();
        let set = |url| set(url, &secret, Span::hours(24));
        assert_eq!(
            set("https://stint.example.com"),
            "__Host-stint=s3cret; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=86400"
        );
        assert_eq!(
            set("http://127.0.0.1:8480"),
            "stint=s3cret; HttpOnly; SameSite=Lax; Path=/; Max-Age=86400"
        );
        assert_eq!(
            clear("http://127.0.0.1:8480"),
            "stint=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0"
        );
    }

    #[test]
    fn only_the_cookie_of_this_address_is_read() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_static("theme=dark; stint=abc"));
        assert_eq!(
            read("http://localhost:8480", &headers).as_deref(),
            Some("abc")
        );
        assert_eq!(read("https://stint.example.com", &headers), None);
    }
}
