//! The pages of this room: what one is told, and what one wants to be told.

pub(crate) mod view;

use axum::response::Response;
use http::Method;
use serde::Deserialize;
use stint_domain::NoticeId;
use stint_domain::rights::{Relation, Verb};

use super::{Filter, Kind, STATES, Shown, http::kind};
use crate::cx::Cx;
use crate::http::{Failure, Form, Page, Paging, Path, Query, Routes, chosen};
use crate::web::answer::local;
use crate::web::fields::{FormPage, Tick};
use crate::web::{self, Chip, Column, Empty, Flash, Frame, List, Listing, Sent, Tone, When};

/// How many rows a page of the list has.
const ROWS: i64 = 50;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .page(Verb::MyNotices, Method::GET, "/notices", list)
        .page(Verb::MyNotices, Method::POST, "/notices/read", read_all)
        .page(Verb::ReadNotice, Method::POST, "/notices/{id}/read", read)
        .page(Verb::MyNotices, Method::GET, "/notices/kinds", kinds)
        .page(Verb::MyNotices, Method::POST, "/notices/kinds", set_kinds)
}

/// The headings.
pub(crate) const COLUMNS: &[Column] = &[
    Column::plain("What"),
    Column::plain("State"),
    Column::newest("When", "when"),
    Column::quiet("Actions"),
];

async fn list(cx: Cx, frame: Frame, Query(asked): Query<Listing>) -> Result<Response, Failure> {
    cx.authorize(Verb::MyNotices, Relation::Own)?;
    let sort = asked.sort_or("-when");
    let filter = Filter {
        state: chosen("state", asked.value("state"), STATES)?,
        kind: kind(asked.value("kind"))?,
        sort: Some(sort.clone()),
    };
    if asked.csv() {
        return csv(cx, filter).await;
    }
    let page = super::list(&cx, &filter, &asked.paging(ROWS)).await?;
    let nothing = Empty::new(
        "bell",
        "Nothing to tell you yet",
        "What waits for you, and what becomes of what you ask for, shows here.",
    );
    let states = [("new", "New"), ("done", "Read or settled")];
    let kinds = Kind::ALL.iter().map(|kind| (kind.as_str(), kind.title()));
    let view = view::Notices {
        any_new: page.items.iter().any(|it| it.notice.is_new()),
        list: List::new("/notices", &asked, COLUMNS, nothing)
            .filter(web::Filter::choice("state", "State", "Any state", states))
            .filter(web::Filter::choice("kind", "Kind", "Any kind", kinds))
            .sorted(&sort)
            .answered(&page),
        rows: page.items.into_iter().map(|it| row(it, &cx)).collect(),
    };
    Ok(web::page(&frame, "Notices", &view))
}

fn row(it: Shown, cx: &Cx) -> view::Row {
    let notice = &it.notice;
    view::Row {
        read: notice
            .is_new()
            .then(|| format!("/notices/{}/read", notice.id)),
        chip: if notice.is_new() {
            Chip::new(Tone::Wait, "bell", "New")
        } else if notice.settled_at.is_some() {
            Chip::new(Tone::Idle, "circle-check", "Settled")
        } else {
            Chip::new(Tone::Idle, "check", "Read")
        },
        times: (notice.times > 1).then(|| format!("{} times", notice.times)),
        when: When::both(notice.last_at, cx.now),
        extend: (it.words.extend).map(|id| format!("/grants/{id}/extend")),
        title: it.words.title,
        text: it.words.text,
        link: it.words.link,
    }
}

async fn csv(cx: Cx, filter: Filter) -> Result<Response, Failure> {
    let head = [
        "What", "More", "Kind", "State", "Times", "First", "Last", "About",
    ];
    let fetch = move |paging: Paging| {
        let (cx, filter) = (cx.clone(), filter.clone());
        async move {
            let page = super::list(&cx, &filter, &paging).await?;
            let line = |it: Shown| {
                let chip = row(it.clone(), &cx).chip;
                vec![
                    it.words.title,
                    it.words.text,
                    it.notice.kind.as_str().to_owned(),
                    chip.word().to_owned(),
                    it.notice.times.to_string(),
                    it.notice.first_at.to_string(),
                    it.notice.last_at.to_string(),
                    it.notice.thing.to_string(),
                ]
            };
            Ok(Page {
                items: page.items.into_iter().map(line).collect(),
                next: page.next,
            })
        }
    };
    web::csv("notices", &head, fetch).await
}

#[derive(Debug, Deserialize)]
struct Back {
    #[serde(default)]
    back: String,
}

/// Marks as read, and goes where the form says: to the page about it, or back to the list.
async fn read(
    cx: Cx,
    Path(id): Path<NoticeId>,
    Form(form): Form<Back>,
) -> Result<Response, Failure> {
    super::read(&cx, id).await?;
    Ok(match local(&form.back) {
        "/" => web::go("/notices"),
        place => web::go(place),
    })
}

async fn read_all(cx: Cx) -> Result<Response, Failure> {
    let said = match super::read_all(&cx).await? {
        0 => "Nothing was new.".to_owned(),
        1 => "Marked one notice as read.".to_owned(),
        n => format!("Marked {n} notices as read."),
    };
    Ok(web::go_with("/notices", &Flash::done(said)))
}

async fn kinds(cx: Cx, frame: Frame) -> Result<Response, Failure> {
    let ticks = super::switches(&cx).await?.into_iter().map(|(kind, on)| {
        let tick = Tick::new(kind.as_str(), kind.title(), on);
        tick.hint(kind.about()).into()
    });
    let view = FormPage {
        crumb: ("/notices".to_owned(), "Notices".to_owned()),
        title: "What to tell me".to_owned(),
        lead: "Here, inside Stint. What you switch off is not kept for later; approvals wait for you all the same.".to_owned(),
        action: "/notices/kinds".to_owned(),
        back: "/notices".to_owned(),
        save: "Save",
        version: None,
        meanwhile: None,
        mistakes: web::Mistakes::none(),
        parts: ticks.collect(),
        aside: None,
    };
    Ok(web::page(&frame, "What to tell me", &view))
}

async fn set_kinds(cx: Cx, Form(sent): Form<Sent>) -> Result<Response, Failure> {
    for (kind, on) in super::switches(&cx).await? {
        let wanted = sent.ticked(kind.as_str());
        if wanted != on {
            super::switch(&cx, kind, wanted).await?;
        }
    }
    let said = Flash::done("Saved. It holds from now on.");
    Ok(web::go_with("/notices", &said))
}
