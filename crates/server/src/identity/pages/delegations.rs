//! Who decides for whom while they are away: the list, and a new one.

use axum::response::Response;
use http::{Method, StatusCode};
use stint_domain::DelegationId;
use stint_domain::rights::{Relation, Verb};

use super::super::{
    DelegationFilter, DelegationShown, DelegationState, Error, NewDelegation, Unproved, delegate,
    end_delegation, get_delegation, list_delegations, prove, store, unproved,
};
use super::view;
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Paging, Path, Query, Routes};
use crate::web::fields::{Field, FormPage};
use crate::web::form::sentence;
use crate::web::time::{input_value, parse_input};
use crate::web::{
    self, Chip, Column, Empty, Filter, Flash, Frame, List, Listing, Mistakes, Sent, Tone, When,
};

/// How many rows a page of the list has.
const ROWS: i64 = 50;
const LIST: &str = "/delegations";
const NEW: &str = "/delegations/new";

pub(super) fn routes() -> Routes {
    Routes::new()
        .page(Verb::MyDelegations, Method::GET, LIST, list)
        .page(Verb::Delegate, Method::GET, NEW, new_page)
        .page(Verb::Delegate, Method::POST, NEW, create)
        .page(
            Verb::EndDelegation,
            Method::POST,
            "/delegations/{id}/end",
            end,
        )
}

/// The headings.
pub(crate) const COLUMNS: &[Column] = &[
    Column::plain("Who is away"),
    Column::plain("Who decides for them"),
    Column::plain("State"),
    Column::plain("From"),
    Column::plain("Until"),
    Column::quiet("What to do"),
];

async fn list(cx: Cx, frame: Frame, Query(asked): Query<Listing>) -> Result<Response, Failure> {
    let may_all = cx.authorize(Verb::ListDelegations, Relation::None).is_ok();
    let everybody = may_all && asked.value("whose") == Some("everybody");
    let open = asked.value("state") != Some("all");
    let filter = DelegationFilter { everybody, open };
    if asked.csv() {
        return csv(cx, filter).await;
    }
    let page = list_delegations(&cx, filter, &asked.paging(ROWS)).await?;
    let me = cx.actor.user();
    let nobody = Empty::new(
        "users-group",
        "Nobody decides for anybody else",
        "Before you are away, let somebody decide on the requests that would wait for you.",
    )
    .leading_to(NEW, "Let somebody decide for me");
    let all = [("all", "Those that are over, too")];
    let mut list = List::new(LIST, &asked, COLUMNS, nobody)
        .filter(Filter::choice("state", "State", "Planned or in force", all))
        .answered(&page);
    if may_all {
        let whose = [("everybody", "Everybody's")];
        list = list.filter(Filter::choice("whose", "Whose", "What concerns me", whose));
    }
    let row = |it: DelegationShown| {
        let of = it.delegation;
        let state = of.state(cx.now);
        let able =
            it.user.active && it.delegate.active && it.user.decides() && it.delegate.decides();
        let concerns = me == Some(of.user) || me == Some(of.delegate);
        let relation = if concerns {
            Relation::Own
        } else {
            Relation::Others
        };
        let is_open = matches!(state, DelegationState::Planned | DelegationState::InForce);
        let may_end = is_open && cx.authorize(Verb::EndDelegation, relation).is_ok();
        view::DelegationRow {
            key: format!("end-{}", of.id),
            user: name(&it.user.name, me == Some(of.user)),
            delegate: name(&it.delegate.name, me == Some(of.delegate)),
            chip: match state {
                DelegationState::InForce if able => {
                    Chip::new(Tone::Live, "circle-check", "In force")
                }
                DelegationState::InForce => {
                    Chip::new(Tone::Wait, "alert-triangle", "Counts for nothing")
                }
                DelegationState::Planned => Chip::new(Tone::Idle, "clock", "Planned"),
                DelegationState::Over => Chip::new(Tone::Idle, "clock", "Over"),
                DelegationState::Ended => Chip::new(Tone::Idle, "ban", "Ended"),
            },
            why: match (is_open, able, of.proved) {
                (true, false, _) => Some(
                    "One of the two is deactivated, or has roles that decide on nothing.".to_owned(),
                ),
                (true, true, false) => Some(
                    "Made without a password: nobody approves by it where the policy wants the password of whoever approves.".to_owned(),
                ),
                (true, true, true) | (false, ..) => None,
            },
            from: When::both(of.starts_at, cx.now),
            until: When::both(of.ended_at.unwrap_or(of.ends_at), cx.now),
            end: may_end.then(|| format!("{LIST}/{}/end", of.id)),
            note: of.note,
        }
    };
    let view = view::Delegations {
        list,
        rows: page.items.into_iter().map(row).collect(),
    };
    Ok(web::page(&frame, "While people are away", &view))
}

async fn csv(cx: Cx, filter: DelegationFilter) -> Result<Response, Failure> {
    let head = [
        "Who is away",
        "Who decides for them",
        "State",
        "From",
        "Until",
        "Note",
        "With the password",
    ];
    let fetch = move |paging: Paging| {
        let cx = cx.clone();
        async move {
            let now = cx.now;
            let page = list_delegations(&cx, filter, &paging).await?;
            Ok(page.map(|it| {
                let of = it.delegation;
                vec![
                    it.user.email,
                    it.delegate.email,
                    of.state(now).as_str().to_owned(),
                    of.starts_at.to_string(),
                    of.ended_at.unwrap_or(of.ends_at).to_string(),
                    of.note,
                    if of.proved { "yes" } else { "no" }.to_owned(),
                ]
            }))
        }
    };
    web::csv("delegations", &head, fetch).await
}

fn name(name: &str, me: bool) -> String {
    if me {
        "You".to_owned()
    } else {
        name.to_owned()
    }
}

async fn end(cx: Cx, Path(id): Path<DelegationId>) -> Result<Response, Failure> {
    end_delegation(&cx, id).await?;
    let after = get_delegation(&cx, id).await?;
    let words = if Some(after.delegation.user) == cx.actor.user() {
        format!("Ended. {} no longer decides for you.", after.delegate.name)
    } else {
        format!(
            "Ended. {} no longer decides for {}.",
            after.delegate.name, after.user.name
        )
    };
    Ok(web::go_with(LIST, &Flash::done(words)))
}

// ---- the form

#[derive(Clone, Default)]
struct Filled {
    user: String,
    delegate: String,
    from: String,
    until: String,
    note: String,
}

async fn new_page(cx: Cx, frame: Frame) -> Result<Response, Failure> {
    cx.authorize(Verb::Delegate, Relation::Own)?;
    let filled = Filled {
        from: input_value(cx.now),
        ..Filled::default()
    };
    form(&cx, &frame, &filled, Mistakes::none(), StatusCode::OK).await
}

async fn create(cx: Cx, frame: Frame, Form(sent): Form<Sent>) -> Result<Response, Failure> {
    cx.authorize(Verb::Delegate, Relation::Own)?;
    let text = |field: &str| sent.text(field).trim().to_owned();
    let filled = Filled {
        user: text("user"),
        delegate: text("delegate"),
        from: text("starts_at"),
        until: text("ends_at"),
        note: text("note"),
    };
    let mut mistakes = Mistakes::none();
    let user = if filled.user.is_empty() {
        None
    } else {
        cx.authorize(Verb::Delegate, Relation::Others)?;
        let found = store::users::by_email(&mut cx.read().await?, &filled.user).await?;
        if found.is_none() {
            mistakes.add("user", "There is no user with this e-mail address.");
        }
        found.map(|user| user.id)
    };
    let starts_at = parse_input(&filled.from);
    if starts_at.is_none() && !filled.from.is_empty() {
        mistakes.add("starts_at", "Give the day and the time, in UTC.");
    }
    let ends_at = parse_input(&filled.until);
    let Some(ends_at) = ends_at.filter(|_| !mistakes.any()) else {
        if ends_at.is_none() {
            mistakes.add("ends_at", "Give the day and the time you are back, in UTC.");
        }
        let wrong = StatusCode::UNPROCESSABLE_ENTITY;
        return form(&cx, &frame, &filled, mistakes, wrong).await;
    };
    // What was typed of a password is taken before what it is for.
    if let Some(typed) = sent.secret("password")
        && let Err(error) = prove(&cx, typed).await
    {
        if !error.is_about_the_password() {
            return Err(error.into());
        }
        let mistakes = Mistakes::at("password", sentence(&error.detail()));
        let wrong = StatusCode::UNPROCESSABLE_ENTITY;
        return form(&cx, &frame, &filled, mistakes, wrong).await;
    }
    let new = NewDelegation {
        user,
        delegate: filled.delegate.clone(),
        starts_at,
        ends_at,
        note: filled.note.clone(),
    };
    match delegate(&cx, new).await {
        Ok(made) => {
            let made = get_delegation(&cx, made.id).await?;
            let words = format!("Written down. {} is told.", made.delegate.name);
            Ok(web::go_with(LIST, &Flash::done(words)))
        }
        Err(error) => {
            let (field, text) = match &error {
                Error::Bad { field, why } => (*field, why.clone()),
                Error::Inactive => ("user", error.detail()),
                Error::DelegationOverlaps { .. } => ("starts_at", error.detail()),
                Error::TooManyDelegations => ("", error.detail()),
                _ => return Err(error.into()),
            };
            let mistakes = Mistakes::at(field, sentence(&text));
            let status = error.kind().status();
            form(&cx, &frame, &filled, mistakes, status).await
        }
    }
}

async fn form(
    cx: &Cx,
    frame: &Frame,
    filled: &Filled,
    mistakes: Mistakes,
    status: StatusCode,
) -> Result<Response, Failure> {
    let missing = unproved(cx, &mut cx.read().await?).await?;
    let mut parts = Vec::new();
    if cx.authorize(Verb::Delegate, Relation::Others).is_ok() {
        parts.push(
            Field::email("user", "Who is away")
                .hint("Their e-mail address; leave it empty for yourself.")
                .value(&filled.user)
                .longest(254)
                .wrong(&mistakes)
                .into(),
        );
    }
    parts.extend([
        Field::email("delegate", "Who decides instead")
            .hint("The e-mail address of somebody active in Stint.")
            .value(&filled.delegate)
            .required()
            .longest(254)
            .wrong(&mistakes)
            .into(),
        Field::moment("starts_at", "From")
            .hint("In UTC. Leave it empty to begin now.")
            .value(&filled.from)
            .wrong(&mistakes)
            .into(),
        Field::moment("ends_at", "Until")
            .hint("In UTC; at most a year. It ends by itself.")
            .value(&filled.until)
            .required()
            .wrong(&mistakes)
            .into(),
        Field::line("note", "Note")
            .hint("What they should know, in a line.")
            .value(&filled.note)
            .longest(120)
            .wrong(&mistakes)
            .into(),
    ]);
    if missing == Some(Unproved::Stale) || mistakes.has("password") {
        parts.push(
            Field::password("password", "Your password", "current-password")
                .hint("You may leave it empty: they then approve nothing for which a policy wants the password of whoever approves.")
                .wrong(&mistakes)
                .into(),
        );
    }
    let page = FormPage {
        crumb: (LIST.to_owned(), "While people are away".to_owned()),
        title: "Let somebody decide".to_owned(),
        lead: String::new(),
        action: NEW.to_owned(),
        version: None,
        meanwhile: None,
        parts,
        mistakes,
        save: "Let them decide",
        back: LIST.to_owned(),
        aside: Some((
            "What a delegate may do",
            vec![
                "Decide on requests that wait for whoever is away, as long as both are active. They decide in their own name; it is on record for whom.".to_owned(),
                "They approve nothing that either of you asked for or would hold. Your answer and your delegate's count as one.".to_owned(),
                "You may still decide yourself, and end it at any time.".to_owned(),
            ],
        )),
    };
    Ok(web::page_with(status, frame, &page.title, &page))
}
