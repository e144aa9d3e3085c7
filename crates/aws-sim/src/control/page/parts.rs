//! Pieces of pages. Every text that comes from elsewhere goes through [`escape`] here.

use serde_json::Value;

use crate::browse::{Cell, Table};
use crate::wire::{escape, percent_encode};

/// The pages, by their addresses.
pub(super) const PAGES: &[(&str, &str)] = &[
    ("/_sim/", "Overview"),
    ("/_sim/page/weather", "Weather"),
    ("/_sim/page/journal", "Journal"),
    ("/_sim/page/estate", "Estate"),
    ("/_sim/page/rules", "Event rules"),
    ("/_sim/page/snapshots", "Snapshots"),
];

/// What is said above a page.
pub(super) enum Said {
    Nothing,
    Done(String),
    Wrong(String),
}

/// A whole page. `inside` is finished.
pub(super) fn whole(here: &str, title: &str, now: &str, said: &Said, inside: &str) -> String {
    let links: String = PAGES
        .iter()
        .map(|(to, name)| {
            let current = if *to == here {
                " aria-current=\"page\""
            } else {
                ""
            };
            format!("<a href=\"{to}\"{current}>{name}</a>")
        })
        .collect();
    let said = match said {
        Said::Nothing => String::new(),
        Said::Done(text) => format!("<p class=\"said ok\" role=\"status\">{}</p>", escape(text)),
        Said::Wrong(text) => format!(
            "<p class=\"said error\" role=\"alert\">{}</p>",
            escape(text)
        ),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} · Simulated AWS</title><link rel=\"stylesheet\" href=\"/_sim/page/style.css\">\
         <link rel=\"icon\" href=\"data:,\"></head>\
         <body><header><div><a class=\"name\" href=\"/_sim/\">Simulated AWS</a>\
         <span class=\"now\">Clock: <time datetime=\"{now}\">{now}</time></span>\
         <nav aria-label=\"Pages\">{links}</nav></div></header>\
         <main><h1>{title}</h1>{said}{inside}</main></body></html>\n",
        title = escape(title),
    )
}

pub(super) fn section(title: &str, inside: &str) -> String {
    format!("<section><h2>{}</h2>{inside}</section>", escape(title))
}

/// A table of finished cells; one without rows says what `empty` says.
pub(super) fn table(columns: &[&str], rows: &[Vec<String>], empty: &str) -> String {
    if rows.is_empty() {
        return format!("<p class=\"empty\">{}</p>", escape(empty));
    }
    let heads: String = columns
        .iter()
        .map(|name| match *name {
            // Above what can be done.
            "" => "<td></td>".to_owned(),
            name => format!("<th scope=\"col\">{}</th>", escape(name)),
        })
        .collect();
    let rows: String = rows
        .iter()
        .map(|row| {
            let cells: String = row
                .iter()
                .zip(columns)
                .map(|(cell, name)| {
                    let class = if name.is_empty() { " class=\"do\"" } else { "" };
                    format!(
                        "<td data-name=\"{}\"{class}><div>{cell}</div></td>",
                        escape(name)
                    )
                })
                .collect();
            format!("<tr>{cells}</tr>")
        })
        .collect();
    format!(
        "<div class=\"wide\"><table class=\"cards\"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

/// A table of what there is.
pub(super) fn of_things(things: &Table, empty: &str) -> String {
    let rows: Vec<Vec<String>> = things
        .rows
        .iter()
        .map(|row| row.iter().map(cell).collect())
        .collect();
    table(things.columns, &rows, empty)
}

fn cell(cell: &Cell) -> String {
    match (cell.kind, &cell.id) {
        (Some(kind), Some(id)) => format!(
            "<a href=\"/_sim/page/estate/{kind}?id={}\">{}</a>",
            percent_encode(id),
            escape(&cell.text)
        ),
        _ => mono(&cell.text),
    }
}

/// Names of AWS's in a type of their own.
pub(super) fn mono(text: &str) -> String {
    let digits = text.bytes().any(|b| b.is_ascii_digit());
    let looks = text.contains(':')
        || digits && (text.contains('-') || text.len() >= 12 && !text.contains(' '));
    if looks {
        format!("<span class=\"mono\">{}</span>", escape(text))
    } else {
        escape(text)
    }
}

pub(super) fn facts<'a>(facts: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let rows: String = facts
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("<dt>{}</dt><dd>{}</dd>", escape(name), mono(&value)))
        .collect();
    format!("<dl>{rows}</dl>")
}

/// A form of finished fields that is sent to an act. `fields` may be empty.
pub(super) fn form(act: &str, fields: &str, button: &str, class: &str) -> String {
    let fields = if fields.is_empty() {
        String::new()
    } else {
        format!("<div class=\"fields\">{fields}</div>")
    };
    format!(
        "<form method=\"post\" action=\"/_sim/page/{act}\">{fields}<button class=\"{class}\">{}</button></form>",
        escape(button)
    )
}

/// The same with one hidden value.
pub(super) fn button(act: &str, name: &str, value: &str, label: &str, class: &str) -> String {
    format!(
        "<form method=\"post\" action=\"/_sim/page/{act}\"><input type=\"hidden\" name=\"{name}\" value=\"{}\">\
         <button class=\"{class}\" aria-label=\"{} {}\">{}</button></form>",
        escape(value),
        escape(label),
        escape(value),
        escape(label)
    )
}

pub(super) fn input(label: &str, name: &str, value: &str, more: &str) -> String {
    format!(
        "<label>{}<input name=\"{}\" value=\"{}\" {more}></label>",
        escape(label),
        escape(name),
        escape(value)
    )
}

/// A choice of values and what they are called.
pub(super) fn choice(label: &str, name: &str, options: &[(&str, &str)], chosen: &str) -> String {
    let options: String = options
        .iter()
        .map(|(value, called)| {
            let selected = if *value == chosen { " selected" } else { "" };
            format!(
                "<option value=\"{}\"{selected}>{}</option>",
                escape(value),
                escape(called)
            )
        })
        .collect();
    format!(
        "<label>{}<select name=\"{}\">{options}</select></label>",
        escape(label),
        escape(name)
    )
}

/// A JSON document, to be read.
pub(super) fn document(text: &str) -> String {
    let value: Result<Value, _> = serde_json::from_str(text);
    let pretty = value
        .ok()
        .and_then(|it| serde_json::to_string_pretty(&it).ok());
    format!("<pre>{}</pre>", escape(pretty.as_deref().unwrap_or(text)))
}
