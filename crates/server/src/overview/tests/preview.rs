//! Every page with invented facts, checked for what all pages must keep, and written out to be
//! looked at when `STINT_PREVIEW` names a folder.

use std::collections::BTreeSet;

use axum::response::Response;
use http_body_util::BodyExt as _;

use super::samples::everything;
use crate::web::{Theme, assets};

async fn text(response: Response) -> String {
    let bytes = response
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    String::from_utf8(bytes.to_vec()).expect("pages are UTF-8")
}

/// All values of an attribute in the page.
fn values<'h>(html: &'h str, attribute: &str) -> Vec<&'h str> {
    let start = format!(" {attribute}=\"");
    html.match_indices(&start)
        .filter_map(|(at, _)| html[at + start.len()..].split('"').next())
        .collect()
}

#[tokio::test]
async fn every_page_keeps_what_all_pages_must() {
    let sprite = assets::text("icons.svg");
    let there: BTreeSet<String> = values(&sprite, "id")
        .into_iter()
        .map(str::to_owned)
        .collect();
    for (name, response) in everything() {
        let html = text(response).await;
        assert!(
            !html.contains(" style=") && !html.contains("<style"),
            "{name}: a style of its own"
        );
        assert!(
            !html.contains("<script>") && !html.contains(" onclick="),
            "{name}: a script of its own"
        );
        assert!(
            !html.contains("/assets/missing"),
            "{name}: an asset that is not there"
        );
        assert_eq!(
            html.matches("<h1").count(),
            1,
            "{name}: one heading of the page"
        );
        let ids = values(&html, "id");
        let unique: BTreeSet<&&str> = ids.iter().collect();
        assert_eq!(ids.len(), unique.len(), "{name}: an id twice: {ids:?}");
        for attribute in [
            "aria-labelledby",
            "popovertarget",
            "for",
            "aria-describedby",
        ] {
            for target in values(&html, attribute)
                .iter()
                .flat_map(|value| value.split(' '))
            {
                assert!(
                    ids.contains(&target),
                    "{name}: {attribute} points to no id: {target}"
                );
            }
        }
        for icon in html.split("<use href=\"").skip(1) {
            let href = icon.split('"').next().unwrap_or_default();
            let symbol = href.rsplit('#').next().unwrap_or_default();
            assert!(
                there.contains(symbol),
                "{name}: no icon `{symbol}` in the sprite"
            );
        }
        if let Ok(folder) = std::env::var("STINT_PREVIEW") {
            std::fs::create_dir_all(&folder).expect("the folder can be made");
            for theme in [Theme::Light, Theme::Dark] {
                let word = theme.as_str();
                let html =
                    html.replacen("data-theme=\"auto\"", &format!("data-theme=\"{word}\""), 1);
                std::fs::write(format!("{folder}/{name}-{word}.html"), html).expect("written");
            }
        }
    }
    if let Ok(folder) = std::env::var("STINT_PREVIEW") {
        std::fs::create_dir_all(format!("{folder}/assets")).expect("made");
        for (name, files) in [
            ("stint.css", vec!["modern-normalize.css", "stint.css"]),
            ("stint.js", vec!["stint.js"]),
            ("htmx.js", vec!["htmx.min.js"]),
            ("icons.svg", vec!["icons.svg"]),
            ("mark.svg", vec!["mark.svg"]),
        ] {
            let whole: String = files.into_iter().map(assets::text).collect();
            std::fs::write(format!("{folder}{}", assets::url(name)), whole).expect("written");
        }
    }
}
