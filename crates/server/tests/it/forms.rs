//! The administrators' pages with forms, in a browser without script: made, changed, refused at
//! the field, refused because somebody was faster, and nothing typed lost.

use std::collections::BTreeSet;

use stint_testkit::{Answer, Door};

mod asking;
mod catalogs;
mod conditions;
mod emergency;
mod people;
mod policies;

/// A page that keeps what all pages must: one heading, ids once, labels that lead somewhere,
/// no style or script of its own, and nothing that was typed taken for markup.
#[track_caller]
pub(crate) fn sound(answer: Answer, status: u16) -> String {
    let page = answer.is(status).text();
    assert_eq!(page.matches("<h1").count(), 1, "one heading: {page}");
    assert!(!page.contains(" style=") && !page.contains("<script>") && !page.contains("onclick"));
    assert!(
        !page.contains(MARKUP),
        "what was typed became markup: {page}"
    );
    let ids = values(&page, "id");
    let unique: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(ids.len(), unique.len(), "an id twice: {ids:?}");
    for attribute in [
        "for",
        "aria-describedby",
        "aria-labelledby",
        "popovertarget",
    ] {
        for target in values(&page, attribute).iter().flat_map(|v| v.split(' ')) {
            assert!(
                ids.iter().any(|id| id == target),
                "{attribute} leads to no id: {target}"
            );
        }
    }
    page
}

/// What a name could be that wants to be more than a name.
pub(crate) const MARKUP: &str = "<img src=x onerror=alert(1)>";
/// The same as a page has to show it.
pub(crate) const SHOWN: &str = "&#60;img src=x onerror=alert(1)&#62;";

/// All values of an attribute.
pub(crate) fn values(page: &str, attribute: &str) -> Vec<String> {
    let start = format!(" {attribute}=\"");
    page.match_indices(&start)
        .filter_map(|(at, _)| page[at + start.len()..].split('"').next())
        .map(str::to_owned)
        .collect()
}

/// The value of the first button inside the form that does this to a thing of that name.
#[track_caller]
pub(crate) fn button(page: &str, does: &str, title: &str) -> String {
    let found = page.split("<button ").find_map(|button| {
        let tag = button.split('>').next()?;
        let value = tag.split("value=\"").nth(1)?.split('"').next()?;
        let label = tag.split("aria-label=\"").nth(1)?.split('"').next()?;
        (value.starts_with(does) && label.ends_with(title)).then(|| value.to_owned())
    });
    found.unwrap_or_else(|| panic!("no button {does} for {title}: {page}"))
}

/// What a browser would send of the form on the page: its hidden fields, the values typed and
/// the boxes ticked, as they stand; `over` is what is typed or pressed now.
pub(crate) fn filled(page: &str, over: &[(&str, &str)]) -> Vec<(String, String)> {
    let start = page.find("class=\"st-form\"").expect("a form");
    let form = &page[start..];
    let form = &form[..form.find("</form>").expect("its end")];
    let of = |tag: &str, name: &str| -> Option<String> {
        let value = tag
            .split(&format!(" {name}=\""))
            .nth(1)?
            .split('"')
            .next()?;
        Some(plain(value))
    };
    let mut fields: Vec<(String, String)> = Vec::new();
    for piece in form.split('<').skip(1) {
        let (tag, rest) = piece.split_once('>').unwrap_or((piece, ""));
        let Some(name) = of(tag, "name") else {
            continue;
        };
        let kind = of(tag, "type").unwrap_or_default();
        if tag.starts_with("input ") {
            let boxed = kind == "checkbox" || kind == "radio";
            if !boxed || tag.contains(" checked") {
                fields.push((name, of(tag, "value").unwrap_or_default()));
            }
        } else if tag.starts_with("textarea ") {
            fields.push((name, plain(rest.trim_start_matches('\n'))));
        } else if tag.starts_with("select ") {
            let at = form.find(piece).expect("it is there");
            let select = &form[at..];
            let select = &select[..select.find("</select>").expect("its end")];
            let chosen = select.split("<option ").skip(1).find(|o| {
                o.split('>')
                    .next()
                    .is_some_and(|tag| tag.contains(" selected"))
            });
            let chosen = chosen
                .or(select.split("<option ").nth(1))
                .unwrap_or_default();
            let value = chosen
                .split("value=\"")
                .nth(1)
                .and_then(|v| v.split('"').next());
            fields.push((name, plain(value.unwrap_or_default())));
        }
    }
    for (name, value) in over {
        let there = fields.iter().position(|(field, _)| field == name);
        match there {
            Some(at) if *name != "do" => fields[at].1 = (*value).to_owned(),
            _ => fields.push(((*name).to_owned(), (*value).to_owned())),
        }
    }
    fields
}

fn plain(html: &str) -> String {
    html.replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#38;", "&")
}

/// Sends the form of the page with what is typed or pressed now.
pub(crate) async fn send(door: &Door, place: &str, page: &str, over: &[(&str, &str)]) -> Answer {
    let fields = filled(page, over);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (&**k, &**v)).collect();
    door.form(place, &fields).await
}

/// Where a form that worked leads.
#[track_caller]
pub(crate) fn goes(answer: Answer) -> String {
    answer.is(303).header("location")
}

/// The form from another site's page, which nobody may make somebody else's browser send.
pub(crate) async fn refused_from_elsewhere(door: &Door, place: &str) {
    let other = door.clone().with("sec-fetch-site", "cross-site");
    let page = other.form(place, &[("name", "x")]).await.is(403).text();
    assert!(page.contains("another site"), "{page}");
}
