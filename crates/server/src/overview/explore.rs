//! Explore: who holds what in AWS, now or as it stood at a moment; every time one pair was
//! held. Gathers from the directory, the users and the grants, three statements a page.

use std::collections::BTreeMap;

use axum::response::Response;
use stint_domain::entitlement::{EntitlementKey, PrincipalKind};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ConnectionId, EntitlementId, PrincipalId, Time, UserId};

use super::pages::explore_view as view;
use crate::connections::{self, Connection};
use crate::cx::Cx;
use crate::directory::{self, Assignment, HOLDING_SORTS, Holding, KINDS, THROUGH};
use crate::http::{Failure, Kind, Page, Paging, Query, chosen, sorted};
use crate::web::{
    self, Chip, Column, Copyable, Empty, Filter, Frame, List, Listing, Note, Tone, When,
};
use crate::{grants, identity};

/// How many rows a page has.
const ROWS: i64 = 50;

/// The headings.
pub(crate) const COLUMNS: &[Column] = &[
    Column::by("Who", "who"),
    Column::by("Holds", "what"),
    Column::plain("How"),
    Column::newest("Since", "since"),
];

/// What the page was asked, understood.
struct Asked {
    filter: directory::Filter,
    /// Whether this person may see everybody's.
    everybody: bool,
}

pub(crate) async fn explore(
    cx: Cx,
    frame: Frame,
    Query(asked): Query<Listing>,
) -> Result<Response, Failure> {
    let understood = understand(&cx, &asked)?;
    let filter = understood.filter.clone();
    if asked.csv() {
        return csv(cx, filter).await;
    }
    let page = directory::holdings(&cx, &filter, &asked.paging(ROWS)).await?;
    let mut q = cx.read().await.map_err(directory::Error::from)?;
    let known = directory::known_since(&mut q).await;
    let known = known.map_err(directory::Error::from)?;
    let estates = connections::connections(&mut q).await;
    let estates = estates.map_err(directory::Error::from)?;
    drop(q);
    let pins = pins(&cx, &filter, &page).await?;
    let mut list = List::new("/explore", &asked, COLUMNS, nothing_yet(&cx, &estates))
        .search("Names of people, groups, permission sets and accounts");
    if understood.everybody {
        if estates.len() > 1 {
            let names = estates.iter().map(|c| (c.id.to_string(), c.name.clone()));
            list = list.filter(Filter::choice(
                "connection",
                "Connection",
                "All connections",
                names,
            ));
        }
        for (name, label, words) in pins {
            list = list.filter(Filter::pin(name, label, words));
        }
    }
    let narrowed = filter.user.is_some()
        || filter.principal.is_some()
        || filter.entitlement.is_some()
        || filter.account.is_some();
    let kinds = KINDS.iter().map(|kind| (*kind, kind_words(kind)));
    list = list.filter(Filter::choice("kind", "What", "Anything", kinds));
    if narrowed {
        let ways = [("own", "Directly"), ("group", "Through a group")];
        list = list.filter(Filter::choice("through", "How", "Either way", ways));
    }
    let list = list
        .filter(Filter::moment("as_of", "As of (UTC)"))
        .sorted(filter.sort.as_deref().unwrap_or_default())
        .answered(&page);
    let view = view::Explore {
        tabs: if understood.everybody {
            directory::views(&cx, "/explore")
        } else {
            web::Tabs::default()
        },
        title: if understood.everybody {
            "Explore"
        } else {
            "What you hold"
        },
        lead: lead(&filter, understood.everybody, narrowed),
        notes: notes(&filter, &estates, &known, &cx),
        list,
        rows: rows(&cx, page, &filter, &estates).await?,
    };
    Ok(web::page(&frame, view.title, &view))
}

fn understand(cx: &Cx, asked: &Listing) -> Result<Asked, Failure> {
    let everybody = cx.authorize(Verb::ListAssignments, Relation::None).is_ok();
    let user = if everybody {
        asked.id("user")?
    } else {
        // Not signed in, or signed in and shown their own.
        let me = cx.person()?.id;
        cx.authorize(Verb::ListAssignments, Relation::Own)?;
        Some(me)
    };
    let at = match asked.value("as_of") {
        None => None,
        Some(text) => Some(web::time::parse_input(text).ok_or_else(|| {
            let words = "`as_of` is a moment in UTC, written like 2026-11-23T14:00.";
            Failure::new(Kind::Invalid, "invalid_filter", words)
        })?),
    };
    let word = |name, known| {
        let found = chosen(name, asked.value(name), known);
        found.map(|word| word.map(str::to_owned))
    };
    let sort = asked.sort_or("who");
    sorted(Some(&sort), HOLDING_SORTS)?;
    let filter = directory::Filter {
        q: asked.words().to_owned(),
        connection: asked.id("connection")?,
        user,
        principal: asked.id("principal")?,
        entitlement: asked.id("entitlement")?,
        account: asked.value("account").map(str::to_owned),
        kind: word("kind", KINDS)?,
        through: word("through", THROUGH)?,
        // What is to come is not known: shown as last seen.
        at: at.filter(|at| *at < cx.now),
        sort: Some(sort),
    };
    Ok(Asked { filter, everybody })
}

const fn kind_words(kind: &str) -> &'static str {
    match kind.as_bytes() {
        b"account_assignment" => "Permission sets on accounts",
        b"group_membership" => "Identity Center groups",
        b"iam_group_membership" => "IAM groups",
        _ => "Other",
    }
}

fn lead(filter: &directory::Filter, everybody: bool, narrowed: bool) -> &'static str {
    match (filter.at.is_some(), everybody, narrowed) {
        (true, ..) => {
            "As it stood then, from what syncs and Stint's own readings saw before and after. Whose principal is whose is as it is today."
        }
        (_, false, _) => {
            "Everything your AWS identities hold, standing or granted, directly or through groups, as last seen in AWS."
        }
        (_, _, true) => "As last seen in AWS: held directly, and through Identity Center groups.",
        _ => {
            "What every user and group in AWS holds itself, as last seen. Follow a name to see all that it leads to, groups included."
        }
    }
}

/// What an empty list means, and what to do.
fn nothing_yet(cx: &Cx, estates: &[Connection]) -> Empty {
    let admin = cx.authorize(Verb::ListConnections, Relation::None).is_ok();
    if admin && estates.is_empty() {
        Empty::new(
            "plug-connected",
            "Not connected to AWS yet",
            "Once a connection has been synced, this shows who holds what.",
        )
        .leading_to("/connections", "Connections")
    } else if admin {
        Empty::new(
            "compass",
            "Nothing is known yet",
            "No sync has seen anybody hold anything. Sync a connection first.",
        )
        .leading_to("/connections", "Connections")
    } else {
        Empty::new(
            "compass",
            "You hold nothing in AWS",
            "Nothing was seen that your confirmed AWS identities hold.",
        )
        .leading_to("/request", "Ask for access")
    }
}

/// What is not known, or only nearly.
fn notes(
    filter: &directory::Filter,
    estates: &[Connection],
    known: &BTreeMap<ConnectionId, Time>,
    cx: &Cx,
) -> Vec<Note> {
    let Some(at) = filter.at else {
        return Vec::new();
    };
    let shown = estates
        .iter()
        .filter(|c| filter.connection.is_none_or(|only| only == c.id));
    let mut notes: Vec<Note> = shown
        .filter_map(|connection| match known.get(&connection.id) {
            None => Some(format!(
                "Nothing is known of {}: no sync of it has been complete.",
                connection.name
            )),
            Some(since) if *since > at => Some(format!(
                "Nothing is known of {} at that moment: its first complete sync began on {}.",
                connection.name,
                When::short(*since, cx.now).text()
            )),
            Some(_) => None,
        })
        .map(Note::warning)
        .collect();
    notes.push(Note::info(format!(
        "As of {}. Rows marked “perhaps” began or ended between two readings around that moment.",
        When::short(at, cx.now).text()
    )));
    notes
}

/// What the list is narrowed to by links, in words.
async fn pins(
    cx: &Cx,
    filter: &directory::Filter,
    page: &Page<Holding>,
) -> Result<Vec<(&'static str, &'static str, String)>, Failure> {
    let mut q = cx.read().await.map_err(directory::Error::from)?;
    let mut pins = Vec::new();
    if let Some(id) = filter.user {
        let user = identity::user(&mut q, id).await;
        let user = user.map_err(directory::Error::from)?;
        pins.push((
            "user",
            "User",
            user.map_or_else(|| id.to_string(), |u| u.name),
        ));
    }
    if let Some(id) = filter.principal {
        let found = directory::principal(&mut q, id).await;
        let found = found.map_err(directory::Error::from)?;
        pins.push((
            "principal",
            "Principal",
            found.map_or_else(|| id.to_string(), |p| p.name),
        ));
    }
    if let Some(id) = filter.entitlement {
        let found = directory::entitlement(&mut q, id).await;
        let found = found.map_err(directory::Error::from)?;
        pins.push((
            "entitlement",
            "Entitlement",
            found.map_or_else(|| id.to_string(), |e| e.name),
        ));
    }
    if let Some(account) = &filter.account {
        let name = page.items.iter().find_map(|row| {
            let (_, name) = row.assignment.entitlement.name.split_once(" on ")?;
            Some(format!("{name} ({account})"))
        });
        pins.push((
            "account",
            "Account",
            name.unwrap_or_else(|| account.clone()),
        ));
    }
    Ok(pins)
}

/// What a page of rows is told with.
struct Around {
    names: BTreeMap<UserId, String>,
    gave: BTreeMap<(PrincipalId, EntitlementId), bool>,
}

async fn around(cx: &Cx, rows: &[Holding], at: Option<Time>) -> Result<Around, directory::Error> {
    let mut q = cx.read().await?;
    let users: Vec<UserId> = rows.iter().filter_map(|row| row.user).collect();
    let users = identity::users(&mut q, &users).await?;
    let own = rows.iter().filter(|row| row.through.is_none());
    let own = own.map(|row| (row.assignment.principal.id, row.assignment.entitlement.id));
    let joined = rows.iter();
    let joined = joined.filter_map(|row| Some((row.assignment.principal.id, row.joined?)));
    let pairs: Vec<_> = own.chain(joined).collect();
    let gave = grants::gave(&mut q, &pairs, at.unwrap_or(cx.now)).await?;
    Ok(Around {
        names: users.into_iter().map(|u| (u.id, u.name)).collect(),
        gave,
    })
}

/// Standing, or granted by Stint.
fn how(row: &Holding, around: &Around) -> (&'static str, Option<bool>) {
    let held = match row.joined {
        Some(joined) => (row.assignment.principal.id, joined),
        None => (row.assignment.principal.id, row.assignment.entitlement.id),
    };
    match (around.gave.get(&held), row.joined.is_some()) {
        (Some(true), false) => ("Granted", Some(true)),
        (Some(true), true) => ("Granted membership", Some(true)),
        (Some(false), _) => ("Standing, also granted", Some(false)),
        (None, _) => ("Standing", None),
    }
}

async fn rows(
    cx: &Cx,
    page: Page<Holding>,
    filter: &directory::Filter,
    estates: &[Connection],
) -> Result<Vec<view::Row>, Failure> {
    let around = around(cx, &page.items, filter.at).await?;
    let history = cx.authorize(Verb::ListAssignments, Relation::None).is_ok();
    let rows = page.items.into_iter().map(|row| {
        let estate = estates
            .iter()
            .find(|c| c.id == row.assignment.entitlement.connection);
        one(cx, &row, filter.at, &around, estate, history)
    });
    Ok(rows.collect())
}

fn one(
    cx: &Cx,
    row: &Holding,
    at: Option<Time>,
    around: &Around,
    estate: Option<&Connection>,
    everybody: bool,
) -> view::Row {
    let held = &row.assignment;
    let (how, granted) = how(row, around);
    let chip = match granted {
        Some(true) => Chip::new(Tone::Live, "clock", how),
        Some(false) => Chip::new(Tone::Wait, "clock", how),
        None => Chip::new(Tone::Idle, "flag", how),
    };
    let with = |name: &str, value: String| everybody.then(|| format!("/explore?{name}={value}"));
    let user = row.user.and_then(|id| Some((id, around.names.get(&id)?)));
    let account = match &held.entitlement.key {
        EntitlementKey::AccountAssignment { account, .. } => Some(account.clone()),
        _ => None,
    };
    view::Row {
        user: user.map(|(id, name)| view::Name {
            href: with("user", id.to_string()),
            words: name.clone(),
        }),
        principal: view::Name {
            href: with("principal", held.principal.id.to_string()),
            words: held.principal.name.clone(),
        },
        group: held.principal.kind == PrincipalKind::IdentityCenterGroup,
        gone: held.principal.gone_at.is_some() || held.principal.active == Some(false),
        what: view::Name {
            href: with("entitlement", held.entitlement.id.to_string()),
            words: held.entitlement.name.clone(),
        },
        place: view::Name {
            href: account.and_then(|account| with("account", account)),
            words: directory::place(&held.entitlement),
        },
        chip,
        through: row.through.as_ref().map(|(id, name)| view::Name {
            href: with("principal", id.to_string()),
            words: name.clone(),
        }),
        perhaps: at.is_some_and(|at| !held.certain(at)),
        since: When::both(held.first_seen, cx.now),
        began: began(held, cx.now),
        last: last(held, cx.now),
        copies: copies(held, estate),
        places: estate.map_or_else(Vec::new, |c| directory::places(&held.entitlement, c)),
        history: (everybody && row.through.is_none()).then(|| {
            format!(
                "/explore/history?principal={}&entitlement={}",
                held.principal.id, held.entitlement.id
            )
        }),
    }
}

/// Between which readings it began.
fn began(held: &Assignment, now: Time) -> String {
    let first = When::short(held.first_seen, now);
    match held.absent_before {
        Some(before) => format!(
            "Began between {} and {}",
            When::short(before, now).text(),
            first.text()
        ),
        None => format!("Began before {}, when it was first read", first.text()),
    }
}

/// When it was last seen, and whether it has ended since.
fn last(held: &Assignment, now: Time) -> String {
    let seen = When::short(held.last_seen, now);
    match held.ended_at {
        Some(ended) => format!(
            "Ended between {} and {}",
            seen.text(),
            When::short(ended, now).text()
        ),
        None => format!("Last seen {}", seen.text()),
    }
}

/// What there is to copy: what AWS calls the things.
fn copies(held: &Assignment, estate: Option<&Connection>) -> Vec<(&'static str, Copyable)> {
    let partition = estate.map_or("aws", directory::partition);
    let mut copies = Vec::new();
    match &held.entitlement.key {
        EntitlementKey::AccountAssignment {
            account,
            permission_set,
        } => {
            copies.push((
                "Permission set",
                Copyable::new(permission_set, "the permission set's ARN"),
            ));
            copies.push(("Account", Copyable::new(account, "the account's number")));
        }
        EntitlementKey::GroupMembership { group } => copies.push((
            "Group",
            Copyable::new(
                format!("arn:{partition}:identitystore:::group/{group}"),
                "the group's ARN",
            ),
        )),
        EntitlementKey::IamGroupMembership { account, group } => {
            copies.push(("Account", Copyable::new(account, "the account's number")));
            copies.push(("Group", Copyable::new(group, "the group's id")));
        }
    }
    if held.principal.kind == PrincipalKind::IamUser {
        let id = Copyable::new(&held.principal.aws_id, "the IAM user's id");
        copies.push(("Principal", id));
        return copies;
    }
    let kind = match held.principal.kind {
        PrincipalKind::IdentityCenterGroup => "group",
        _ => "user",
    };
    copies.push((
        "Principal",
        Copyable::new(
            format!(
                "arn:{partition}:identitystore:::{kind}/{}",
                held.principal.aws_id
            ),
            "the principal's ARN",
        ),
    ));
    copies
}

async fn csv(cx: Cx, filter: directory::Filter) -> Result<Response, Failure> {
    let head = [
        "User",
        "Principal",
        "Principal kind",
        "Entitlement",
        "Account",
        "Permission set or group",
        "Through group",
        "How",
        "Absent before",
        "First seen",
        "Last seen",
        "Ended at",
        "Certain",
    ];
    let fetch = move |paging: Paging| {
        let (cx, filter) = (cx.clone(), filter.clone());
        async move {
            let page = directory::holdings(&cx, &filter, &paging).await?;
            let around = around(&cx, &page.items, filter.at).await?;
            Ok(page.map(|row| line(&row, filter.at, &around)))
        }
    };
    web::csv("who-holds-what", &head, fetch).await
}

fn line(row: &Holding, at: Option<Time>, around: &Around) -> Vec<String> {
    let held = &row.assignment;
    let text = |time: Option<Time>| time.map(|at| at.to_string()).unwrap_or_default();
    let (account, target) = match &held.entitlement.key {
        EntitlementKey::AccountAssignment {
            account,
            permission_set,
        } => (account.clone(), permission_set.clone()),
        EntitlementKey::GroupMembership { group } => (String::new(), group.clone()),
        EntitlementKey::IamGroupMembership { account, group } => (account.clone(), group.clone()),
    };
    let user = row.user.and_then(|id| around.names.get(&id));
    vec![
        user.cloned().unwrap_or_default(),
        held.principal.name.clone(),
        held.principal.kind.as_str().to_owned(),
        held.entitlement.name.clone(),
        account,
        target,
        row.through
            .as_ref()
            .map(|(_, name)| name.clone())
            .unwrap_or_default(),
        how(row, around).0.to_owned(),
        text(held.absent_before),
        text(Some(held.first_seen)),
        text(Some(held.last_seen)),
        text(held.ended_at),
        match at {
            None => String::new(),
            Some(at) if held.certain(at) => "yes".to_owned(),
            Some(_) => "perhaps".to_owned(),
        },
    ]
}

/// Every time one pair was held.
pub(crate) async fn history(
    cx: Cx,
    frame: Frame,
    Query(asked): Query<Listing>,
) -> Result<Response, Failure> {
    cx.authorize(Verb::ListAssignments, Relation::None)?;
    let principal: Option<PrincipalId> = asked.id("principal")?;
    let entitlement: Option<EntitlementId> = asked.id("entitlement")?;
    let (Some(principal), Some(entitlement)) = (principal, entitlement) else {
        return Err(Failure::not_found());
    };
    let times = directory::history(&cx, principal, entitlement).await?;
    let Some(newest) = times.last() else {
        return Err(Failure::not_found());
    };
    let view = view::History {
        who: newest.principal.name.clone(),
        who_href: format!("/explore?principal={principal}"),
        what: newest.entitlement.name.clone(),
        what_href: format!("/explore?entitlement={entitlement}"),
        held: newest.ended_at.is_none(),
        times: times
            .iter()
            .rev()
            .map(|held| view::Times {
                since: When::both(held.first_seen, cx.now),
                began: began(held, cx.now),
                last: last(held, cx.now),
                chip: match held.ended_at {
                    None => Chip::active(),
                    Some(_) => Chip::new(Tone::Idle, "flag", "Ended"),
                },
            })
            .collect(),
    };
    Ok(web::page(&frame, "History", &view))
}
