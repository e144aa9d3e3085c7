//! What Stint hears of changes by, and how fresh what it knows is.

use axum::response::Response;
use http::{Method, StatusCode};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ConnectionId, Time};

use super::super::{ClassFreshness, Feed, Freshness, freshness};
use super::view;
use crate::connections::{self, Connection, Error, Feeds, FeedsChange};
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Path, Query, Routes};
use crate::web::fields::Field;
use crate::web::time::grouped;
use crate::web::{
    self, Chip, Empty, Fact, Facts, Flash, Frame, Mistakes, Note, Sent, Snippet, Tab, Tabs, Tone,
    When,
};

pub(super) fn routes() -> Routes {
    const PAGE: &str = "/connections/{id}/changes";
    Routes::new()
        .page(Verb::GetConnection, Method::GET, PAGE, show)
        .page(Verb::UpdateConnection, Method::POST, PAGE, save)
}

/// In which form the set-up is shown.
#[derive(Debug, Default, serde::Deserialize)]
struct Shape {
    #[serde(default, rename = "as")]
    form: String,
}

/// The fields of the form and what is wrong with them.
struct Filled {
    queue_url: String,
    scim_endpoint: String,
    mistakes: Mistakes,
}

async fn show(
    cx: Cx,
    frame: Frame,
    Path(id): Path<ConnectionId>,
    Query(asked): Query<Shape>,
) -> Result<Response, Failure> {
    let feeds = connections::get_feeds(&cx, id).await?;
    let filled = Filled {
        queue_url: (feeds.queue.as_ref()).map_or_else(String::new, |it| it.url().to_owned()),
        scim_endpoint: (feeds.scim.as_ref()).map_or_else(String::new, |it| it.endpoint.clone()),
        mistakes: Mistakes::default(),
    };
    let view = made(&cx, id, &feeds, filled, &asked.form).await?;
    Ok(web::page(&frame, "Change events", &view))
}

async fn made(
    cx: &Cx,
    id: ConnectionId,
    feeds: &Feeds,
    filled: Filled,
    form: &str,
) -> Result<view::Changes, Failure> {
    let found = connections::get(cx, id).await?;
    let fresh = freshness(cx, id).await?;
    let path = format!("/connections/{id}/changes");
    let may = cx
        .authorize(Verb::UpdateConnection, Relation::Others)
        .is_ok();
    let setup = connections::events_setup(&found, feeds);
    let code = match form {
        "cloudformation" => {
            Snippet::new("CloudFormation", connections::events_cloudformation(&setup))
        }
        _ => Snippet::new("Terraform", connections::events_terraform(&setup)),
    };
    let tab = |word: &'static str, value: &str| Tab {
        href: format!("{path}?as={value}"),
        word,
        count: None,
        current: (form == "cloudformation") == (value == "cloudformation"),
    };
    Ok(view::Changes {
        href: format!("/connections/{id}"),
        note: note(&fresh),
        classes: fresh.classes.iter().map(|it| row(it, cx.now)).collect(),
        facts: fresh.feed.as_ref().map(|(_, feed)| facts(feed, cx.now)),
        form: (may && found.removed_at.is_none()).then(|| fields(cx, &found, feeds, filled)),
        shapes: Tabs {
            label: "How you set it up",
            tabs: vec![
                tab("Terraform", "terraform"),
                tab("CloudFormation", "cloudformation"),
            ],
        },
        code,
        queue_url: setup.queue_url,
        region: setup.region,
        global_region: setup.global_region,
        no_feed: Empty::new(
            "refresh",
            "No change events",
            "Full syncs find what changes in AWS. With a queue of change events it is known within minutes, and costs a call or two.",
        ),
        name: found.name,
        action: path,
    })
}

/// What somebody has to know, or do.
fn note(fresh: &Freshness) -> Option<Note> {
    let (_, feed) = fresh.feed.as_ref()?;
    if let Some(why) = &feed.error {
        return Some(Note::refusal(format!("The queue could not be read: {why}")));
    }
    let lost = fresh.classes.iter().find_map(|it| it.error.as_ref())?;
    Some(Note::refusal(format!(
        "Something an event named could not be read again, and is tried again: {lost}"
    )))
}

fn row(of: &ClassFreshness, now: Time) -> view::ClassRow {
    view::ClassRow {
        class: of.class.title().to_owned(),
        why: of.why.clone(),
        read: of.read_at.map(|at| When::both(at, now)),
        waiting: grouped(of.waiting),
        since: of.since.map(|at| When::both(at, now)),
        chip: if of.error.is_some() {
            Chip::new(Tone::Stop, "circle-x", "Cannot be read")
        } else if of.waiting > 0 {
            Chip::new(Tone::Wait, "refresh", "To be read again")
        } else if of.why.is_some() {
            Chip::new(Tone::Soon, "alert-triangle", "Not read whole")
        } else if of.read_at.is_some() {
            Chip::new(Tone::Live, "circle-check", "Read")
        } else {
            Chip::new(Tone::Idle, "ban", "Never read")
        },
    }
}

fn facts(feed: &Feed, now: Time) -> Facts {
    let when = |label: &'static str, at: Option<Time>, never: &str| match at {
        Some(at) => Fact::new(label, "").when(When::both(at, now)),
        None => Fact::new(label, never),
    };
    let mut facts = vec![
        when("Last event", feed.message_at, "none yet"),
        when("Queue last read", feed.polled_at, "not yet"),
        Fact::new("Events", grouped(feed.messages)),
        Fact::new("Objects they named", grouped(feed.hints)),
        Fact::new("About nothing of ours", grouped(feed.ignored)),
    ];
    let unknown = Fact::new("Not known to Stint", grouped(feed.unknown));
    facts.push(match &feed.last_unknown {
        Some(name) => unknown.faint(format!("the last was {name}")),
        None => unknown,
    });
    facts.push(Fact::new("No events at all", grouped(feed.malformed)));
    Facts { facts }
}

fn fields(cx: &Cx, found: &Connection, feeds: &Feeds, filled: Filled) -> Vec<Field> {
    let account = found.credential.account();
    let token = match &feeds.scim {
        Some(scim) => format!(
            "Stint has had one for {}. Leave it empty to keep that one. AWS's tokens last a year.",
            web::time::words(cx.now.since(scim.set_at))
        ),
        None => {
            "As AWS showed it when it was made. Sealed before it is kept, and never shown again."
                .to_owned()
        }
    };
    vec![
        Field::line("queue_url", "Queue URL")
            .hint(format!(
                "A standard SQS queue in account {account} and {}. Empty: no change events.",
                found.region
            ))
            .value(filled.queue_url)
            .longest(300)
            .mono()
            .wrong(&filled.mistakes),
        Field::line("scim_endpoint", "SCIM endpoint")
            .hint("Only where AWS lists users without their status, as older directories do. Stint reads from it whether a user is active, and nothing else.")
            .value(filled.scim_endpoint)
            .longest(300)
            .mono()
            .wrong(&filled.mistakes),
        Field::password("scim_token", "SCIM token", "off")
            .hint(token)
            .longest(4_096)
            .wrong(&filled.mistakes),
    ]
}

async fn save(
    cx: Cx,
    frame: Frame,
    Path(id): Path<ConnectionId>,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    let change = FeedsChange {
        queue_url: Some(sent.text("queue_url").to_owned()),
        scim_endpoint: Some(sent.text("scim_endpoint").to_owned()),
        scim_token: sent.secret("scim_token"),
    };
    let error = match connections::set_feeds(&cx, id, change).await {
        Ok(_) => {
            let flash =
                Flash::done("Saved. Test the connection: it says whether they can be read.");
            return Ok(web::go_with(&format!("/connections/{id}/changes"), &flash));
        }
        Err(error) => error,
    };
    let field = match &error {
        Error::Bad { field, .. } => *field,
        Error::QueueTaken => "queue_url",
        _ => return Err(error.into()),
    };
    let feeds = connections::get_feeds(&cx, id).await?;
    let filled = Filled {
        queue_url: sent.text("queue_url").to_owned(),
        scim_endpoint: sent.text("scim_endpoint").to_owned(),
        mistakes: Mistakes::at(field, error.detail()),
    };
    let view = made(&cx, id, &feeds, filled, "").await?;
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(web::page_with(status, &frame, "Change events", &view))
}
