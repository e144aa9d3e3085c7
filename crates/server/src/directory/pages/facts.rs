//! Accounts, IAM roles and IAM users, as lists beside who holds what.

use std::collections::BTreeMap;

use axum::response::Response;
use http::Method;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ConnectionId, Time};

use super::super::{
    AccountFacts, FACT_SORTS, FactsFilter, IAM_STATES, IamUserFacts, OLD_KEY, RoleFacts,
    USER_KINDS, accounts, iam_roles, iam_users,
};
use super::{ROWS, in_words, view};
use crate::connections::{self, Connection};
use crate::cx::Cx;
use crate::http::{Failure, Paging, Query, Routes, chosen, sorted};
use crate::web::{
    self, Chip, Column, Copyable, Empty, Filter, Frame, List, Listing, Tab, Tabs, Tone, When,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .page(
            Verb::ListAccounts,
            Method::GET,
            "/explore/accounts",
            list_accounts,
        )
        .page(
            Verb::ListAccounts,
            Method::GET,
            "/explore/iam-users",
            list_users,
        )
        .page(
            Verb::ListAccounts,
            Method::GET,
            "/explore/iam-roles",
            list_roles,
        )
}

/// The views of what an estate has, for who may see it; nothing where there is one view only.
pub(crate) fn views(cx: &Cx, shown: &'static str) -> Tabs {
    if cx.authorize(Verb::ListAccounts, Relation::None).is_err() {
        return Tabs::default();
    }
    let tab = |word: &'static str, href: &str| Tab {
        href: href.to_owned(),
        word,
        count: None,
        current: href == shown,
    };
    Tabs {
        label: "What AWS has",
        tabs: vec![
            tab("Who holds what", "/explore"),
            tab("Accounts", "/explore/accounts"),
            tab("IAM users", "/explore/iam-users"),
            tab("IAM roles", "/explore/iam-roles"),
        ],
    }
}

/// The headings of accounts.
pub(crate) const ACCOUNT_COLUMNS: &[Column] = &[
    Column::by("Account", "name"),
    Column::plain("Where"),
    Column::plain("IAM"),
    Column::plain("Root user"),
];

/// The headings of IAM users.
pub(crate) const USER_COLUMNS: &[Column] = &[
    Column::by("IAM user", "name"),
    Column::plain("Password"),
    Column::plain("Access keys"),
    Column::plain("Last signed in"),
];

/// The headings of IAM roles.
pub(crate) const ROLE_COLUMNS: &[Column] = &[
    Column::by("IAM role", "name"),
    Column::plain("Who may assume it"),
    Column::plain("Longest session"),
    Column::plain("Last used"),
];

struct Asked {
    filter: FactsFilter,
    estates: Vec<Connection>,
}

async fn understand(
    cx: &Cx,
    asked: &Listing,
    (only, known): (&'static str, &'static [&'static str]),
) -> Result<Asked, Failure> {
    cx.authorize(Verb::ListAccounts, Relation::None)?;
    let sort = asked.sort_or("name");
    sorted(Some(&sort), FACT_SORTS)?;
    let filter = FactsFilter {
        q: asked.words().to_owned(),
        connection: asked.id::<ConnectionId>("connection")?,
        account: asked.value("account").map(str::to_owned),
        under: asked.value("under").map(str::to_owned),
        only: chosen(only, asked.value(only), known)?.map(str::to_owned),
        sort: Some(sort),
    };
    let mut q = cx.read().await.map_err(super::Error::from)?;
    let estates = connections::connections(&mut q).await;
    Ok(Asked {
        filter,
        estates: estates.map_err(super::Error::from)?,
    })
}

/// The list, with what it can be narrowed to.
fn list(path: &str, asked: &Listing, columns: &'static [Column], yet: Empty, of: &Asked) -> List {
    let mut list = List::new(path, asked, columns, yet);
    if of.estates.len() > 1 {
        let names = of
            .estates
            .iter()
            .map(|c| (c.id.to_string(), c.name.clone()));
        list = list.filter(Filter::choice(
            "connection",
            "Connection",
            "All connections",
            names,
        ));
    }
    if let Some(account) = &of.filter.account {
        list = list.filter(Filter::pin("account", "Account", account.clone()));
    }
    list.sorted(of.filter.sort.as_deref().unwrap_or_default())
}

async fn list_accounts(
    cx: Cx,
    frame: Frame,
    Query(asked): Query<Listing>,
) -> Result<Response, Failure> {
    let of = understand(&cx, &asked, ("iam", IAM_STATES)).await?;
    if asked.csv() {
        let filter = of.filter.clone();
        let head = [
            "Account",
            "Number",
            "State",
            "Address",
            "Alias",
            "Units",
            "Path",
            "Tags",
            "IAM",
            "Why not",
            "Since",
            "Read at",
            "Root MFA",
            "Root access key",
            "Root signed in",
        ];
        let fetch = move |paging: Paging| {
            let (cx, filter) = (cx.clone(), filter.clone());
            async move {
                let page = accounts(&cx, &filter, &paging).await?;
                Ok(page.map(account_line))
            }
        };
        return web::csv("accounts", &head, fetch).await;
    }
    let page = accounts(&cx, &of.filter, &asked.paging(ROWS)).await?;
    let none = Empty::new(
        "building",
        "No accounts are known",
        "A sync of a connection reads the accounts of its organization.",
    );
    let states = [
        ("read", "Read"),
        ("refused", "Not let in"),
        ("not_read", "Not read"),
    ];
    let mut list = list("/explore/accounts", &asked, ACCOUNT_COLUMNS, none, &of)
        .search("Names, numbers, addresses, aliases, units")
        .filter(Filter::choice("iam", "IAM", "Read or not", states));
    if let Some(under) = &of.filter.under {
        list = list.filter(Filter::pin("under", "Below", under.clone()));
    }
    let view = view::FactsList {
        tabs: views(&cx, "/explore/accounts"),
        title: "Accounts",
        lead: "Every account of your organizations: where it is, its tags where they are read, and whether its IAM could be read. What is known of an account that does not let Stint in stays as it was last read.",
        list: list.answered(&page),
        rows: (page.items.into_iter())
            .map(|it| account_row(it, cx.now))
            .collect(),
    };
    Ok(web::page(&frame, view.title, &view))
}

fn account_row(of: AccountFacts, now: Time) -> view::FactsRow {
    let since = of
        .changed_at
        .map(|at| When::short(at, now).text().to_owned());
    let (chip, note) = match of.iam.as_str() {
        "read" => {
            let by = match of.own {
                true => "with the connection's own credentials",
                false => "by the member role",
            };
            let chip = Chip::new(Tone::Live, "circle-check", "Read");
            (chip, by.to_owned())
        }
        "refused" => {
            let chip = Chip::new(Tone::Stop, "circle-x", "Not let in");
            let since = since.map(|at| format!(" Since {at}.")).unwrap_or_default();
            (chip, format!("{}{since}", of.why.unwrap_or_default()))
        }
        _ => (
            Chip::new(Tone::Idle, "ban", "Not read"),
            "not this connection's business".to_owned(),
        ),
    };
    let root = match (of.root_mfa, of.root_keys) {
        (None, _) => "not known".to_owned(),
        (Some(mfa), keys) => {
            let mfa = if mfa { "MFA" } else { "no MFA" };
            let keys = if keys == Some(true) {
                ", an active access key"
            } else {
                ""
            };
            format!("{mfa}{keys}")
        }
    };
    let mut place = view::Cell::of(
        (of.units.as_deref())
            .or(of.path.as_deref())
            .unwrap_or("not known"),
    );
    if let (Some(tags), Some(at)) = (&of.tags, of.tags_read_at) {
        let read = When::short(at, now);
        place.lines.push(match tags.is_empty() {
            true => format!("No tags, as of {}.", read.text()),
            false => format!("Tags as of {}: {}.", read.text(), tags_line(tags)),
        });
    }
    if let Some(at) = of.tags_refused_at {
        let refused = When::short(at, now);
        let line = format!("AWS does not tell its tags, as of {}.", refused.text());
        place.lines.push(line);
    }
    let state = of.state.filter(|state| state != "active");
    let alias = of.alias.map(|alias| format!("alias {alias}"));
    let said = [alias, state].into_iter().flatten();
    view::FactsRow {
        name: of.name,
        href: Some(format!("/explore?account={}", of.id)),
        copy: Copyable::new(&of.id, "the account's number"),
        said: said.collect::<Vec<_>>().join(" · "),
        cells: [
            ("Where", place),
            (
                "IAM",
                view::Cell {
                    chip: Some(chip),
                    lines: vec![note],
                },
            ),
            ("Root user", view::Cell::of(&root)),
        ],
    }
}

/// `env=prod, team=payments`
fn tags_line(tags: &BTreeMap<String, String>) -> String {
    let each = tags.iter().map(|(key, value)| format!("{key}={value}"));
    each.collect::<Vec<_>>().join(", ")
}

fn text(at: Option<Time>) -> String {
    at.map(|at| at.to_string()).unwrap_or_default()
}

fn yes(of: Option<bool>) -> String {
    match of {
        None => String::new(),
        Some(true) => "yes".to_owned(),
        Some(false) => "no".to_owned(),
    }
}

fn account_line(of: AccountFacts) -> Vec<String> {
    vec![
        of.name,
        of.id,
        of.state.unwrap_or_default(),
        of.email.unwrap_or_default(),
        of.alias.unwrap_or_default(),
        of.units.unwrap_or_default(),
        of.path.unwrap_or_default(),
        of.tags.as_ref().map(tags_line).unwrap_or_default(),
        of.iam,
        of.why.unwrap_or_default(),
        text(of.changed_at),
        text(of.read_at),
        yes(of.root_mfa),
        yes(of.root_keys),
        text(of.root_signed_in_at),
    ]
}

async fn list_users(
    cx: Cx,
    frame: Frame,
    Query(asked): Query<Listing>,
) -> Result<Response, Failure> {
    let of = understand(&cx, &asked, ("only", USER_KINDS)).await?;
    if asked.csv() {
        let filter = of.filter.clone();
        let head = [
            "IAM user",
            "Account",
            "Path",
            "Created",
            "Password",
            "MFA",
            "Last signed in",
            "Access keys",
            "As reported",
        ];
        let fetch = move |paging: Paging| {
            let (cx, filter) = (cx.clone(), filter.clone());
            async move {
                let page = iam_users(&cx, &filter, &paging).await?;
                Ok(page.map(user_line))
            }
        };
        return web::csv("iam-users", &head, fetch).await;
    }
    let page = iam_users(&cx, &of.filter, &asked.paging(ROWS)).await?;
    let none = Empty::new(
        "users",
        "No IAM users are known",
        "Switch on IAM users and groups where a connection is set up, and sync it.",
    );
    let kinds = [
        ("password_without_mfa", "Password without MFA"),
        ("active_keys", "Active access keys"),
        ("old_keys", "Access keys older than 90 days"),
    ];
    let list = list("/explore/iam-users", &asked, USER_COLUMNS, none, &of)
        .search("Names")
        .filter(Filter::choice("only", "Which", "All", kinds));
    let view = view::FactsList {
        tabs: views(&cx, "/explore/iam-users"),
        title: "IAM users",
        lead: "Every IAM user, with what the credential report of its account says: AWS makes a new one every four hours at most.",
        list: list.answered(&page),
        rows: (page.items.into_iter())
            .map(|it| user_row(it, cx.now))
            .collect(),
    };
    Ok(web::page(&frame, view.title, &view))
}

fn user_row(of: IamUserFacts, now: Time) -> view::FactsRow {
    let password = match (of.password, of.mfa) {
        (None, _) => view::Cell::of("not known"),
        (Some(false), Some(true)) => view::Cell::of("none; MFA"),
        (Some(false), _) => view::Cell::of("none"),
        (Some(true), Some(true)) => view::Cell::of("with MFA"),
        (Some(true), _) => view::Cell {
            chip: Some(Chip::new(Tone::Soon, "alert-triangle", "Without MFA")),
            lines: Vec::new(),
        },
    };
    let keys = match &of.keys {
        None => view::Cell::of("not known"),
        Some(keys) if keys.is_empty() => view::Cell::of("none"),
        Some(keys) => {
            let old = (keys.iter()).any(|key| key.active && key.rotated_at < now - OLD_KEY);
            let line = |key: &super::super::KeyFacts| {
                let state = if key.active { "active" } else { "inactive" };
                let age = in_words(now.since(key.rotated_at));
                let used = match key.used_at {
                    Some(at) => format!("last used {}", When::short(at, now).text()),
                    None => "no use known".to_owned(),
                };
                let with = key.service.as_ref().map(|it| format!(" with {it}"));
                format!("{state} for {age}, {used}{}", with.unwrap_or_default())
            };
            view::Cell {
                chip: old.then(|| Chip::new(Tone::Soon, "alert-triangle", "Older than 90 days")),
                lines: keys.iter().map(line).collect(),
            }
        }
    };
    let signed_in = match (of.signed_in_at, of.password) {
        (Some(at), _) => When::short(at, now).text().to_owned(),
        (None, Some(false)) => "never, without a password".to_owned(),
        (None, _) => "not known".to_owned(),
    };
    let account = of.account_name.unwrap_or_else(|| of.account.clone());
    view::FactsRow {
        href: Some(format!("/explore?principal={}", of.principal.id)),
        copy: Copyable::new(&of.principal.aws_id, "the IAM user's id"),
        name: of.principal.name,
        said: format!("in {account}"),
        cells: [
            ("Password", password),
            ("Access keys", keys),
            ("Last signed in", view::Cell::of(&signed_in)),
        ],
    }
}

fn user_line(of: IamUserFacts) -> Vec<String> {
    let key = |key: &super::super::KeyFacts| {
        let state = if key.active { "active" } else { "inactive" };
        format!(
            "{state} since {}, last used {}",
            key.rotated_at,
            text(key.used_at)
        )
    };
    let keys = of.keys.as_deref().unwrap_or_default();
    vec![
        of.principal.name,
        of.account,
        of.path.unwrap_or_default(),
        text(of.made_at),
        yes(of.password),
        yes(of.mfa),
        text(of.signed_in_at),
        keys.iter().map(key).collect::<Vec<_>>().join("; "),
        text(of.report_at),
    ]
}

async fn list_roles(
    cx: Cx,
    frame: Frame,
    Query(asked): Query<Listing>,
) -> Result<Response, Failure> {
    let of = understand(&cx, &asked, ("only", &[])).await?;
    if asked.csv() {
        let filter = of.filter.clone();
        let head = [
            "IAM role",
            "Account",
            "Path",
            "ARN",
            "Who may assume it",
            "Longest session (s)",
            "Boundary",
            "Last used",
            "In region",
            "Created",
        ];
        let fetch = move |paging: Paging| {
            let (cx, filter) = (cx.clone(), filter.clone());
            async move {
                let page = iam_roles(&cx, &filter, &paging).await?;
                Ok(page.map(role_line))
            }
        };
        return web::csv("iam-roles", &head, fetch).await;
    }
    let page = iam_roles(&cx, &of.filter, &asked.paging(ROWS)).await?;
    let none = Empty::new(
        "shield",
        "No IAM roles are known",
        "Switch on IAM users and groups where a connection is set up, and sync it.",
    );
    let list = list("/explore/iam-roles", &asked, ROLE_COLUMNS, none, &of)
        .search("Names, account numbers, who may assume them");
    let view = view::FactsList {
        tabs: views(&cx, "/explore/iam-roles"),
        title: "IAM roles",
        lead: "Every IAM role, and whom its trust policy lets in. Conditions of the policy may narrow that further.",
        list: list.answered(&page),
        rows: (page.items.into_iter())
            .map(|it| role_row(it, cx.now))
            .collect(),
    };
    Ok(web::page(&frame, view.title, &view))
}

fn role_row(of: RoleFacts, now: Time) -> view::FactsRow {
    let used = match (of.used_at, &of.used_in) {
        (Some(at), Some(region)) => format!("{} in {region}", When::short(at, now).text()),
        (Some(at), None) => When::short(at, now).text().to_owned(),
        (None, _) => "not known".to_owned(),
    };
    let session = match of.max_session {
        Some(seconds) => in_words(stint_domain::Span::seconds(seconds)),
        None => "not known".to_owned(),
    };
    let account = of.account_name.unwrap_or_else(|| of.account.clone());
    let boundary = of.boundary.map(|arn| format!("bounded by {arn}"));
    let said = [Some(format!("in {account}")), of.description, boundary];
    view::FactsRow {
        name: of.name,
        href: None,
        copy: Copyable::new(&of.arn, "the role's ARN"),
        said: said.into_iter().flatten().collect::<Vec<_>>().join(" · "),
        cells: [
            (
                "Who may assume it",
                view::Cell {
                    chip: None,
                    lines: match of.trust.is_empty() {
                        true => vec!["nobody".to_owned()],
                        false => of.trust,
                    },
                },
            ),
            ("Longest session", view::Cell::of(&session)),
            ("Last used", view::Cell::of(&used)),
        ],
    }
}

fn role_line(of: RoleFacts) -> Vec<String> {
    vec![
        of.name,
        of.account,
        of.path,
        of.arn,
        of.trust.join("; "),
        of.max_session.map(|it| it.to_string()).unwrap_or_default(),
        of.boundary.unwrap_or_default(),
        text(of.used_at),
        of.used_in.unwrap_or_default(),
        of.made_at.to_string(),
    ]
}
