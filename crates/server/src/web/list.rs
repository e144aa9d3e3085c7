//! Lists: search, filters kept in the address, headings that sort, pages by cursor, CSV.
//!
//! Everything a list can be asked for stands in its address (`?q=…&role=auditor&sort=-name`),
//! so that it can be sent to a colleague, works without script, and survives a reload. Script
//! only spares the whole page: while somebody types or picks, `#list` alone is fetched anew.
//!
//! **To add a list** (`identity/pages.rs`, `users`, is the shortest example):
//! 1. The room's verb takes `q`, a `sort` of a fixed set of words and a [`Paging`], and answers
//!    a [`Page`] (see `http::paging`: `sorted`, `like`, `page_key`). A word that is not one of
//!    them is the verb's to refuse: the reader gets a page that leads back to the whole list.
//! 2. `pages.rs`: take `Query(asked): Query<Listing>`, read filters with
//!    [`asked.value("role")`](Listing::value), and build a [`List`]: where it is, its
//!    [`Column`]s, what is searched, its [`Filter`]s, the answer, and what an empty list means
//!    and leads to ("nothing yet"; that nothing *matches* is said by the component).
//! 3. `view.rs` holds the `list: List` and the rows; the template is
//!    `{% import "ui/list.html" as lists %} … {% call lists::list(list) %} <tr>…</tr>… {% endcall %}`.
//! 4. CSV: when [`asked.csv()`](Listing::csv), answer with [`web::csv`](super::csv()) and a
//!    closure that gives one page of lines through the *same* verb and filter.
//!
//! **To add a column**: one [`Column`] in the constant, one `<td>` in the template (with
//! `data-th="…"` where its words alone do not say on a phone what it is), one text in the line
//! of the CSV. To sort by it, its word has to be one the verb knows.

use std::collections::BTreeMap;

use askama::Template;
use askama::filters::HtmlSafe;
use serde::Deserialize;
use stint_api::Page;

use super::filters;
use super::ui::{Empty, Pager};
use crate::http::{Failure, Kind, Paging};

/// The query of a page that lists: `?q=…&show=…&sort=…&cursor=…`, and its filters.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Listing {
    /// The words searched for.
    #[serde(default)]
    pub q: String,
    /// Which view of the list.
    #[serde(default)]
    pub show: String,
    /// The order, as the verb calls it.
    #[serde(default)]
    pub sort: String,
    /// Where this page begins.
    #[serde(default)]
    pub cursor: Option<String>,
    /// `csv`: all of it, as a file.
    #[serde(default)]
    format: String,
    /// The filters.
    #[serde(flatten)]
    rest: BTreeMap<String, String>,
}

impl Listing {
    /// The words, without the space around them.
    pub fn words(&self) -> &str {
        self.q.trim()
    }

    /// What a filter was set to; nothing when it was not, or to nothing.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.rest
            .get(name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// The id a filter was set to; refused where it is none.
    pub fn id<T: std::str::FromStr>(&self, name: &'static str) -> Result<Option<T>, Failure> {
        let Some(text) = self.value(name) else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|_| {
            let words = format!("`{name}` is not an id. Follow a link to it, or leave it out.");
            Failure::new(Kind::Invalid, "invalid_filter", words)
        })
    }

    /// The order asked for, or the page's usual one.
    pub fn sort_or(&self, usual: &str) -> String {
        match self.sort.trim() {
            "" => usual.to_owned(),
            asked => asked.to_owned(),
        }
    }

    /// Whether the whole list is wanted as CSV.
    pub fn csv(&self) -> bool {
        self.format == "csv"
    }

    /// Whether it is wanted as one JSON document a line.
    pub fn json(&self) -> bool {
        self.format == "json"
    }

    /// Which rows to ask for, at most `limit`.
    pub fn paging(&self, limit: i64) -> Paging {
        Paging::after_cursor(limit, self.cursor.clone())
    }

    /// The links below the list at `path`; `next` is the cursor its answer gave.
    pub fn pager(&self, path: &str, next: Option<&str>) -> Pager {
        let kept = [("q", self.words()), ("show", self.show.as_str())];
        Pager::new(path, &kept, self.cursor.as_deref(), next)
    }

    /// Whether the list was narrowed or is not at its beginning: an empty answer then means
    /// something else than an empty list.
    pub fn narrowed(&self) -> bool {
        !self.words().is_empty() || self.cursor.is_some()
    }
}

/// One column's heading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    word: &'static str,
    key: Option<&'static str>,
    /// From its other end when first used.
    down: bool,
    /// What its order is called on a phone: `A to Z`, and from its other end.
    ways: (&'static str, &'static str),
    number: bool,
    quiet: bool,
}

impl Column {
    /// A heading that does not sort.
    pub const fn plain(word: &'static str) -> Self {
        Self {
            word,
            key: None,
            down: false,
            ways: ("A to Z", "Z to A"),
            number: false,
            quiet: false,
        }
    }

    /// A heading that sorts by this word of the verb's, and by `-word` when used again.
    pub const fn by(word: &'static str, key: &'static str) -> Self {
        Self {
            key: Some(key),
            ..Self::plain(word)
        }
    }

    /// The same, from its other end first: for moments, where the newest is wanted.
    pub const fn newest(word: &'static str, key: &'static str) -> Self {
        Self {
            down: true,
            ways: ("oldest first", "newest first"),
            ..Self::by(word, key)
        }
    }

    /// The same for what is to come, where the soonest is wanted.
    pub const fn soonest(word: &'static str, key: &'static str) -> Self {
        Self {
            ways: ("soonest first", "latest first"),
            ..Self::by(word, key)
        }
    }

    /// A heading for screen readers only: above buttons.
    pub const fn quiet(word: &'static str) -> Self {
        Self {
            quiet: true,
            ..Self::plain(word)
        }
    }

    /// With numbers, at the right.
    #[must_use]
    pub const fn number(mut self) -> Self {
        self.number = true;
        self.ways = ("fewest first", "most first");
        self
    }
}

/// What else narrows a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    control: Control,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Control {
    Choice(Vec<(String, String)>),
    Text(&'static str),
    Pin(String),
}

impl Filter {
    /// One of several values, each with its words. `any` is said when none is picked
    /// (`Any role`).
    pub fn choice<V: Into<String>, W: Into<String>>(
        name: &'static str,
        label: &'static str,
        any: &'static str,
        values: impl IntoIterator<Item = (V, W)>,
    ) -> Self {
        let values = values.into_iter().map(|(v, w)| (v.into(), w.into()));
        Self {
            name,
            label,
            hint: any,
            control: Control::Choice(values.collect()),
        }
    }

    /// A text of its own, beside what is searched.
    pub const fn text(name: &'static str, label: &'static str, placeholder: &'static str) -> Self {
        Self {
            name,
            label,
            hint: placeholder,
            control: Control::Text("text"),
        }
    }

    /// A moment, as `web::time::parse_input` reads it (UTC).
    pub const fn moment(name: &'static str, label: &'static str) -> Self {
        Self {
            name,
            label,
            hint: "",
            control: Control::Text("datetime-local"),
        }
    }

    /// A filter that only links set (`user=usr_…`): shown with these words and a way to
    /// take it away, while it is set.
    pub fn pin(name: &'static str, label: &'static str, words: impl Into<String>) -> Self {
        Self {
            name,
            label,
            hint: "",
            control: Control::Pin(words.into()),
        }
    }
}

/// A list: what is around its rows.
#[derive(Debug, Clone)]
pub struct List {
    path: String,
    asked: Listing,
    columns: &'static [Column],
    search: Option<&'static str>,
    filters: Vec<Filter>,
    sort: String,
    next: Option<String>,
    rows: usize,
    yet: Empty,
    /// As which files it can be had: what the link says, and the `format` of its address.
    files: Vec<(&'static str, &'static str)>,
}

impl List {
    /// The list at `path`, as it was asked for. `yet` is what an empty list means when
    /// nothing narrows it, and what to do next.
    pub fn new(path: &str, asked: &Listing, columns: &'static [Column], yet: Empty) -> Self {
        Self {
            path: path.to_owned(),
            sort: asked.sort.trim().to_owned(),
            asked: asked.clone(),
            columns,
            search: None,
            filters: Vec::new(),
            next: None,
            rows: 0,
            yet,
            files: vec![("CSV", "csv")],
        }
    }

    /// Adds the search box; the words say what is searched (`Name or e-mail address`).
    #[must_use]
    pub const fn search(mut self, what: &'static str) -> Self {
        self.search = Some(what);
        self
    }

    /// Adds a filter.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }

    /// Says the order that is in force: what was asked, or the usual one.
    #[must_use]
    pub fn sorted(mut self, sort: &str) -> Self {
        sort.clone_into(&mut self.sort);
        self
    }

    /// Hands over the answer: how many rows, and what comes after them.
    #[must_use]
    pub fn answered<T>(mut self, page: &Page<T>) -> Self {
        self.rows = page.items.len();
        self.next.clone_from(&page.next);
        self
    }

    /// To be had as another file beside CSV (`JSON`, `json`).
    #[must_use]
    pub fn also(mut self, word: &'static str, format: &'static str) -> Self {
        self.files.push((word, format));
        self
    }

    /// Whether there is no row.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// What is said instead of rows.
    pub(crate) fn nothing(&self) -> Empty {
        if self.narrowed() {
            let title = match self.asked.words() {
                "" => "Nothing matches these filters".to_owned(),
                words => format!("Nothing found for “{words}”"),
            };
            let text = match self.search {
                Some(what) if !self.asked.words().is_empty() => {
                    format!("Searched is: {}.", lower_first(what))
                }
                _ => "There are rows, but none that fit all of what was asked.".to_owned(),
            };
            Empty::new("search", title, text).leading_to(self.clear(), "Clear search and filters")
        } else if self.asked.cursor.is_some() {
            Empty::new(
                "search",
                "This page of the list is empty",
                "What stood here is gone, or moved to another page.",
            )
            .leading_to(self.link(&[]), "First page")
        } else {
            self.yet.clone()
        }
    }

    /// Whether words or filters narrow it.
    fn narrowed(&self) -> bool {
        !self.asked.words().is_empty() || self.filters.iter().any(|f| self.set(f).is_some())
    }

    fn set(&self, filter: &Filter) -> Option<&str> {
        self.asked.value(filter.name)
    }

    /// The address of the same list, with some of what is asked changed; from its beginning.
    fn link(&self, changed: &[(&str, &str)]) -> String {
        let own = [
            ("q", self.asked.words()),
            ("show", self.asked.show.trim()),
            ("sort", self.asked.sort.trim()),
        ];
        let filters = (self.filters.iter()).map(|f| (f.name, self.set(f).unwrap_or_default()));
        let kept = own.into_iter().chain(filters);
        let kept = kept.filter(|(name, _)| !changed.iter().any(|(other, _)| other == name));
        let pairs: Vec<String> = kept
            .chain(changed.iter().copied())
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={}", super::cookies::encode(value)))
            .collect();
        if pairs.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, pairs.join("&"))
        }
    }

    /// The address without words and filters; view and order stay.
    fn clear(&self) -> String {
        let mut changed = vec![("q", "")];
        changed.extend(self.filters.iter().map(|f| (f.name, "")));
        self.link(&changed)
    }

    /// The part above the rows.
    pub(crate) fn bar(&self) -> Bar<'_> {
        Bar {
            list: self,
            controls: self
                .filters
                .iter()
                .filter_map(|f| self.control(f))
                .collect(),
            orders: self.orders(),
        }
    }

    fn control<'l>(&'l self, filter: &'l Filter) -> Option<Shown<'l>> {
        let value = self.set(filter).unwrap_or_default();
        let (kind, words, options) = match &filter.control {
            Control::Choice(values) => ("pick", "", values.as_slice()),
            Control::Text(kind) => (*kind, "", &[][..]),
            Control::Pin(_) if value.is_empty() => return None,
            Control::Pin(words) => ("pin", words.as_str(), &[][..]),
        };
        Some(Shown {
            name: filter.name,
            label: filter.label,
            hint: filter.hint,
            kind,
            value,
            words,
            options,
            without: self.link(&[(filter.name, "")]),
        })
    }

    /// Every order its headings give, for the control that stands for them on a phone.
    fn orders(&self) -> Vec<Order> {
        let keys = self.columns.iter().filter_map(|c| Some((c, c.key?)));
        let mut orders: Vec<Order> = keys
            .flat_map(|(column, key)| {
                let (up, down) = column.ways;
                let back = format!("-{key}");
                [(key.to_owned(), up), (back, down)].map(|(key, way)| Order {
                    word: format!("{}, {way}", column.word),
                    current: key == self.sort,
                    key,
                })
            })
            .collect();
        // An order no heading gives stays as it is.
        if !orders.is_empty() && !orders.iter().any(|order| order.current) {
            let usual = Order {
                key: self.asked.sort.trim().to_owned(),
                word: "As it is".to_owned(),
                current: true,
            };
            orders.insert(0, usual);
        }
        orders
    }

    /// The headings.
    pub(crate) fn head(&self) -> Head {
        let columns = self.columns.iter().map(|column| {
            let (mut aria, mut href) = ("", None);
            if let Some(key) = column.key {
                let back = format!("-{key}");
                aria = if self.sort == key {
                    "ascending"
                } else if self.sort == back {
                    "descending"
                } else {
                    ""
                };
                let to_back = match aria {
                    "" => column.down,
                    aria => aria == "ascending",
                };
                let to = if to_back { back.as_str() } else { key };
                href = Some(self.link(&[("sort", to)]));
            }
            Heading {
                column: *column,
                aria,
                href,
            }
        });
        Head {
            columns: columns.collect(),
        }
    }

    /// The part below the rows: pages, and the CSV.
    pub(crate) fn foot(&self) -> Foot {
        let cursor = self.asked.cursor.as_deref().filter(|c| !c.is_empty());
        Foot {
            files: (self.files.iter())
                .filter(|_| self.rows > 0)
                .map(|(word, format)| (*word, self.link(&[("format", format)])))
                .collect(),
            first: cursor.map(|_| self.link(&[])),
            next: (self.next.as_deref()).map(|next| self.link(&[("cursor", next)])),
        }
    }

    /// `50 shown, more on the next page`
    pub(crate) fn count(&self) -> String {
        match (self.rows, &self.next) {
            (0, _) => "Nothing to show".to_owned(),
            (rows, None) if self.asked.cursor.is_none() => format!("{rows} in all"),
            (rows, None) => format!("{rows} on this page, the last"),
            (rows, Some(_)) => format!("{rows} on this page, more on the next"),
        }
    }
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_lowercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// A filter as it is shown.
struct Shown<'l> {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    kind: &'static str,
    value: &'l str,
    words: &'l str,
    options: &'l [(String, String)],
    without: String,
}

struct Order {
    key: String,
    word: String,
    current: bool,
}

/// See [`List::bar`].
#[derive(Template)]
#[template(path = "ui/list_bar.html")]
pub(crate) struct Bar<'l> {
    list: &'l List,
    controls: Vec<Shown<'l>>,
    orders: Vec<Order>,
}

impl Bar<'_> {
    /// The link that takes words and filters away, where there are any.
    fn clear(&self) -> Option<String> {
        self.list.narrowed().then(|| self.list.clear())
    }
}

impl HtmlSafe for Bar<'_> {}

struct Heading {
    column: Column,
    aria: &'static str,
    href: Option<String>,
}

/// See [`List::head`].
#[derive(Template)]
#[template(path = "ui/list_head.html")]
pub(crate) struct Head {
    columns: Vec<Heading>,
}

impl HtmlSafe for Head {}

/// See [`List::foot`].
#[derive(Template)]
#[template(path = "ui/list_foot.html")]
pub(crate) struct Foot {
    files: Vec<(&'static str, String)>,
    first: Option<String>,
    next: Option<String>,
}

impl HtmlSafe for Foot {}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column::by("User", "name"),
        Column::plain("Roles"),
        Column::newest("Since", "created"),
    ];

    fn asked(query: &str) -> Listing {
        let uri: http::Uri = format!("/people?{query}").parse().expect("an address");
        let found = axum::extract::Query::<Listing>::try_from_uri(&uri);
        found.expect("a query").0
    }

    fn list(query: &str, rows: usize, next: Option<&str>) -> List {
        let asked = asked(query);
        let page = Page {
            items: vec![(); rows],
            next: next.map(str::to_owned),
        };
        let yet = Empty::new("users", "Nobody yet", "Make the first.").leading_to("/new", "New");
        List::new("/people", &asked, COLUMNS, yet)
            .search("Name or e-mail address")
            .filter(Filter::choice(
                "role",
                "Role",
                "Any role",
                [("auditor", "Auditor")],
            ))
            .filter(Filter::pin("group", "In group", "Platform <1>"))
            .sorted(&asked.sort_or("name"))
            .answered(&page)
    }

    fn plain(html: impl std::fmt::Display) -> String {
        html.to_string()
            .replace(crate::web::assets::url("icons.svg"), "/icons")
    }

    #[test]
    fn headings_are_links_that_turn_the_order_and_keep_the_rest() {
        insta::assert_snapshot!(plain(list("q=bo%20l&role=auditor&junk=1&cursor=c1", 2, None).head()),
            @r##"<thead><tr><th scope="col" aria-sort="ascending"><a class="st-sort" href="/people?q=bo%20l&#38;role=auditor&#38;sort=-name">User<svg class="st-icon" aria-hidden="true" focusable="false"><use href="/icons#chevron-up"/></svg></a></th><th scope="col">Roles</th><th scope="col"><a class="st-sort" href="/people?q=bo%20l&#38;role=auditor&#38;sort=-created">Since<svg class="st-icon" aria-hidden="true" focusable="false"><use href="/icons#selector"/></svg></a></th></tr></thead>"##
        );
        let turned = plain(list("sort=-created", 2, None).head());
        assert!(turned.contains("aria-sort=\"descending\""), "{turned}");
        assert!(turned.contains("href=\"/people?sort=created\""), "{turned}");
        assert!(turned.contains("href=\"/people?sort=name\""), "{turned}");
    }

    #[test]
    fn the_bar_keeps_what_was_asked_and_can_be_cleared() {
        insta::assert_snapshot!(plain(
            list("q=bo&role=auditor&group=grp_1&show=all&sort=-name", 2, None).bar()
        ),
            @r##"
        <form class="st-bar" role="search" method="get" action="/people" hx-get="/people" hx-trigger="submit, change, input changed delay:350ms from:find input[type=search]" hx-target="#list" hx-select="#list" hx-select-oob="#list-clear,#list-count:innerHTML" hx-swap="outerHTML" hx-push-url="true" hx-sync="this:replace" hx-indicator="#list"><input type="hidden" name="show" value="all">
        <div class="st-bar-search"><label class="visually-hidden" for="q">Search: Name or e-mail address</label><svg class="st-icon" aria-hidden="true" focusable="false"><use href="/icons#search"/></svg><input id="q" name="q" type="search" value="bo" placeholder="Name or e-mail address" data-search autocomplete="off" maxlength="200"></div>
        <label class="st-bar-field"><span>Role</span><select class="st-input" name="role"><option value="">Any role</option><option value="auditor" selected>Auditor</option></select></label>
        <span class="st-pin"><input type="hidden" name="group" value="grp_1"><span class="faint">In group</span> <b>Platform &#60;1&#62;</b><a class="btn-icon" href="/people?q=bo&#38;show=all&#38;sort=-name&#38;role=auditor" aria-label="Without In group: Platform &#60;1&#62;"><svg class="st-icon" aria-hidden="true" focusable="false"><use href="/icons#x"/></svg></a></span>
        <label class="st-bar-field st-bar-sort"><span>Order</span><select class="st-input" name="sort"><option value="name">User, A to Z</option><option value="-name" selected>User, Z to A</option><option value="created">Since, oldest first</option><option value="-created">Since, newest first</option></select></label>
        <div class="st-bar-go"><button class="btn btn-quiet">Apply</button><span id="list-clear"><a href="/people?show=all&#38;sort=-name">Clear</a></span></div>
        <p class="st-bar-count faint" id="list-count" role="status">2 in all</p>
        </form>
        "##
        );
        let calm = plain(list("", 2, None).bar());
        assert!(!calm.contains("Clear") && !calm.contains("grp_1"), "{calm}");
    }

    #[test]
    fn the_foot_leads_on_and_gives_the_same_as_csv() {
        insta::assert_snapshot!(plain(list("q=bo&cursor=c1", 50, Some("c2")).foot()),
            @r##"<div class="st-foot"><div class="st-actions st-actions-start"><a class="btn btn-quiet" href="/people?q=bo&#38;format=csv" download><svg class="st-icon" aria-hidden="true" focusable="false"><use href="/icons#download"/></svg>CSV<span class="visually-hidden"> of these rows, in this order</span></a></div><nav class="st-pager" aria-label="Pages"><a class="btn btn-quiet" href="/people?q=bo"><svg class="st-icon" aria-hidden="true" focusable="false"><use href="/icons#chevron-left"/></svg>First page</a><a class="btn btn-quiet" href="/people?q=bo&#38;cursor=c2" rel="next">Next page<svg class="st-icon" aria-hidden="true" focusable="false"><use href="/icons#chevron-right"/></svg></a></nav></div>"##
        );
        assert_eq!(plain(list("q=zz", 0, None).foot()).trim(), "");
    }

    #[test]
    fn nothing_yet_is_not_nothing_matches() {
        let said = |query: &str| plain(list(query, 0, None).nothing());
        assert!(said("").contains("Nobody yet") && said("").contains("/new"));
        assert!(said("show=all&sort=name").contains("Nobody yet"));
        let none = said("q=zz&sort=-name");
        assert!(none.contains("Nothing found for “zz”"), "{none}");
        assert!(none.contains("href=\"/people?sort=-name\""), "{none}");
        assert!(said("role=auditor").contains("Nothing matches these filters"));
        assert!(said("cursor=c9").contains("First page"));
        assert!(said("junk=1").contains("Nobody yet"));
    }
}
