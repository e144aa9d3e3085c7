//! What there is: kinds, lists, and one thing with what hangs on it.

use serde_json::{Map, Value};

use super::super::in_shelf;
use super::parts::{document, facts, of_things, section};
use crate::browse::{Asked, Thing};
use crate::sim::Sim;
use crate::wire::{escape, percent_encode};

/// Rows on a page.
const PAGE: usize = 50;

/// Title and inside of a page; nothing where there is no such kind or thing.
pub(super) fn page(sim: &Sim, name: &str, query: &Map<String, Value>) -> Option<(String, String)> {
    let kind = match name.strip_prefix("estate") {
        Some("") => return Some(("Estate".to_owned(), kinds(sim))),
        Some(rest) => rest.strip_prefix('/')?,
        None => return None,
    };
    if let Some(id) = query.get("id").and_then(Value::as_str) {
        let found = sim.thing(kind, id)?;
        return Some((found.name.clone(), thing(sim, &found)));
    }
    let asked = in_shelf(query, PAGE).unwrap_or_else(|_| Asked {
        limit: PAGE,
        ..Asked::default()
    });
    let list = sim.shelf(kind, &asked)?;
    let text = &asked.text;
    let empty = if text.is_empty() {
        "There are none."
    } else {
        "Nothing has this text in it. Search for less."
    };
    let search = format!(
        "<form method=\"get\"><div class=\"row\"><label>Search<input name=\"q\" type=\"search\" value=\"{}\"></label>\
         <button>Search</button></div></form><br>",
        escape(text)
    );
    let mut ways = String::new();
    let way = |from: usize, label: &str| {
        let q = percent_encode(text);
        format!("<a class=\"button\" href=\"?q={q}&amp;from={from}\">{label}</a> ")
    };
    if asked.from > 0 {
        ways += &way(asked.from.saturating_sub(PAGE), "Back");
    }
    if list.more {
        ways += &way(asked.from + asked.limit, "More");
    }
    let inside = format!(
        "<p class=\"lead\"><a href=\"/_sim/page/estate\">Estate</a></p><section>{search}{}<p>{ways}</p></section>",
        of_things(&list, empty)
    );
    Some((list.title, inside))
}

fn kinds(sim: &Sim) -> String {
    let tiles: String = sim
        .shelves()
        .into_iter()
        .map(|(kind, title, count)| {
            format!("<li><a href=\"/_sim/page/estate/{kind}\"><b>{count}</b>{title}</a></li>")
        })
        .collect();
    format!(
        "<p class=\"lead\">Everything as it is now, without any lag. The same as JSON: <code>GET /_sim/estate</code>.</p>\
         <section><ul class=\"tiles\">{tiles}</ul></section>"
    )
}

fn thing(sim: &Sim, found: &Thing) -> String {
    let mut shelves = sim.shelves().into_iter();
    let title = shelves.find(|(kind, ..)| *kind == found.kind);
    let title = title.map_or("", |(_, title, _)| title);
    let mut inside = format!(
        "<p class=\"lead\"><a href=\"/_sim/page/estate\">Estate</a> / <a href=\"/_sim/page/estate/{}\">{title}</a></p>",
        found.kind
    );
    let about = found
        .facts
        .iter()
        .map(|(name, value)| (*name, value.clone()));
    inside += &section("About", &facts(about));
    for table in &found.tables {
        let more = if table.more {
            format!(
                "<p class=\"quiet\">There are more than these {}.</p>",
                table.rows.len()
            )
        } else {
            String::new()
        };
        inside += &section(&table.title, &(of_things(table, "None.") + &more));
    }
    for (title, text) in &found.documents {
        inside += &section(title, &document(text));
    }
    inside
}
