//! What templates can say with `|`: an icon of the sprite, the address of an asset.

#![expect(
    missing_docs,
    reason = "askama's macro makes types that cannot carry docs"
)]

use askama::Values;
use askama::filters::HtmlSafeOutput;

use super::assets;

/// `{{ "home"|icon }}`: an icon from the sprite, hidden from screen readers: the word
/// beside it, or the label of the control around it, carries the meaning.
///
/// # Errors
/// Never; the signature is askama's.
#[askama::filter_fn]
pub fn icon<T: std::fmt::Display>(
    name: T,
    _: &dyn Values,
) -> askama::Result<HtmlSafeOutput<String>> {
    Ok(HtmlSafeOutput(icon_html(&name.to_string())))
}

/// `{{ "stint.css"|asset }}`: the hashed address of an embedded file.
///
/// # Errors
/// Never; the signature is askama's.
#[askama::filter_fn]
pub fn asset(name: &str, _: &dyn Values) -> askama::Result<&'static str> {
    Ok(assets::url(name))
}

pub(super) fn icon_html(name: &str) -> String {
    format!(
        r##"<svg class="st-icon" aria-hidden="true" focusable="false"><use href="{}#{name}"/></svg>"##,
        assets::url("icons.svg")
    )
}
