//! Several things asked for together: the form, and the page of what became of each.

use std::collections::BTreeSet;

use axum::response::Response;
use http::StatusCode;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{EntitlementId, SubmissionId};

use super::super::{
    Error, ItemFault, MOST_ITEMS, NewRequest, cancel_all, submission, submit_several,
};
use super::{decided_by, request_rows, sentence, step_up, told, view};
use crate::catalog;
use crate::cx::Cx;
use crate::http::{Failure, Form, Path};
use crate::web::fields::{Field, Length};
use crate::web::time::{parse_input, words};
use crate::web::{self, Flash, Frame, Mistakes, Sent};
use crate::{directory, identity};

fn href(id: SubmissionId) -> String {
    format!("/submissions/{id}")
}

/// The form for what was ticked in the list of what one may ask for, and sending it: the first
/// time it comes without `send`.
pub(super) async fn several(
    cx: Cx,
    frame: Frame,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    cx.authorize(Verb::SubmitRequest, Relation::Own)
        .map_err(Error::from)?;
    // Each once, in the order they were ticked.
    let mut seen = BTreeSet::new();
    let ids: Vec<EntitlementId> = (sent.all("what").filter_map(|id| id.parse().ok()))
        .filter(|id| seen.insert(*id))
        .collect();
    if ids.len() > MOST_ITEMS {
        let many = Flash::failed(sentence(&Error::HowMany(ids.len()).to_string()));
        return Ok(web::go_with("/request", &many));
    }
    if ids.is_empty() {
        let none = Flash::failed("Tick what you need first.");
        return Ok(web::go_with("/request", &none));
    }
    if sent.text("send").is_empty() {
        return form(&cx, &frame, &ids, &sent, Mistakes::none(), &[]).await;
    }
    let mut mistakes = Mistakes::none();
    let duration = sent.length("length").unwrap_or_else(|why| {
        mistakes.add("length", why);
        None
    });
    if duration.is_none() && !mistakes.has("length") {
        mistakes.add("length", "Say for how long.");
    }
    let start = match sent.text("start") {
        "" => None,
        text => match parse_input(text) {
            Some(start) => Some(start),
            None => {
                mistakes.add("start", "Give the day and the time, in UTC.");
                None
            }
        },
    };
    let Some(duration) = duration.filter(|_| !mistakes.any()) else {
        return form(&cx, &frame, &ids, &sent, mistakes, &[]).await;
    };
    if let Some(mistakes) = step_up::given(&cx, sent.secret(step_up::FIELD)).await? {
        return form(&cx, &frame, &ids, &sent, mistakes, &[]).await;
    }
    let beneficiary = super::people::named(sent.text("beneficiary"))?;
    let items: Vec<_> = (ids.iter())
        .map(|id| NewRequest {
            beneficiary,
            entitlement: *id,
            duration,
            reason: sent.text("reason").to_owned(),
            ticket: Some(sent.text("ticket").to_owned()),
            start,
            principal: None,
            emergency: false,
            until_revoked: false,
        })
        .collect();
    match stint_db::retrying(|| submit_several(&cx, items.clone())).await {
        Ok((made, requests)) => {
            let said = format!(
                "Sent: {} requests, each with its own answer.",
                requests.len()
            );
            Ok(web::go_with(&href(made.id), &Flash::done(said)))
        }
        Err(Error::Items(faults)) => {
            let mistakes = Mistakes::at(
                "",
                "Nothing was sent. What is marked cannot be asked for like this: change it, or leave it out.",
            );
            form(&cx, &frame, &ids, &sent, mistakes, &faults).await
        }
        Err(Error::StepUp(why)) => form(&cx, &frame, &ids, &sent, step_up::missing(why), &[]).await,
        Err(error @ Error::HowMany(_)) => {
            let mistakes = Mistakes::at("", sentence(&error.to_string()));
            form(&cx, &frame, &ids, &sent, mistakes, &[]).await
        }
        Err(error) => told(error, "/request"),
    }
}

async fn form(
    cx: &Cx,
    frame: &Frame,
    ids: &[EntitlementId],
    sent: &Sent,
    mistakes: Mistakes,
    faults: &[ItemFault],
) -> Result<Response, Failure> {
    let (mut rows, mut asked, mut wanted) = (Vec::new(), None, false);
    let named = super::people::named(sent.text("beneficiary"))?;
    let others = named.filter(|id| cx.actor.user() != Some(*id));
    for (at, id) in ids.iter().enumerate() {
        // What is in none of one's catalogs is not there.
        let offer = catalog::offer_for(cx, named, *id).await?;
        let rule = offer.policy.body.asks_for_ticket();
        asked = asked.or(rule.map(|it| it.to_rule()));
        wanted |= offer.policy.body.may_step_up_at_asking();
        let why = faults.iter().filter(|fault| fault.item == at);
        rows.push(view::SeveralRow {
            value: id.to_string(),
            what: offer.entitlement.name.clone(),
            place: directory::place(&offer.entitlement),
            decided_by: decided_by(&offer.policy.body),
            longest: words(offer.max_duration),
            wrong: why.map(|fault| sentence(&fault.detail)).collect(),
        });
    }
    let status = match mistakes.any() || !faults.is_empty() {
        true => StatusCode::UNPROCESSABLE_ENTITY,
        false => StatusCode::OK,
    };
    let (number, unit) = (sent.text("length"), sent.text("length.unit"));
    let length = match number {
        "" => ("1".to_owned(), "hours".to_owned()),
        number => (number.to_owned(), unit.to_owned()),
    };
    // Whoever may not ask for them has seen nothing of theirs above.
    let whom = match others {
        Some(id) => identity::user(&mut cx.read().await?, id).await?,
        None => None,
    };
    let password = step_up::field(cx, wanted, &mistakes).await?;
    let view = view::Several {
        whom: whom.map(|it| view::Whom {
            id: it.id.to_string(),
            name: it.name,
            email: it.email,
        }),
        rows,
        length: Length::new("length", "For how long?")
            .hint("For each of them, from when it is confirmed in AWS.")
            .required()
            .value(length)
            .wrong(&mistakes),
        reason: Field::text("reason", "Why do you need it?")
            .hint("Who decides reads this, and it stays in the audit log.")
            .value(sent.text("reason"))
            .longest(2000)
            .wrong(&mistakes),
        ticket: (asked.as_ref())
            .and_then(|it| super::ticket::field(&it.alone(), sent.text("ticket"), &mistakes)),
        password,
        start: Field::line("start", "Not before (UTC)")
            .hint("As 2026-11-23T14:00; empty for as soon as it is approved.")
            .value(sent.text("start"))
            .wrong(&mistakes),
        mistakes,
    };
    Ok(web::page_with(status, frame, "Request access", &view))
}

/// What became of each.
pub(super) async fn show(
    cx: Cx,
    frame: Frame,
    Path(id): Path<SubmissionId>,
) -> Result<Response, Failure> {
    let (found, lines) = submission(&cx, id).await?;
    let own = cx.actor.user() == Some(found.requester);
    let waiting = lines.iter().any(|line| line.request.state() == "pending");
    let relation = if own { Relation::Own } else { Relation::Others };
    let may = cx.authorize(Verb::CancelRequest, relation).is_ok();
    let view = view::Submission {
        path: href(id),
        who: (lines.first()).map_or_else(String::new, |line| line.requester.name.clone()),
        when: web::When::both(found.submitted_at, cx.now),
        rows: request_rows(&cx, &lines, false).await?,
        cancel: (may && waiting).then(|| format!("{}/cancel", href(id))),
        poll: waiting.then_some(5),
    };
    Ok(web::page(&frame, "Asked together", &view))
}

pub(super) async fn cancel(cx: Cx, Path(id): Path<SubmissionId>) -> Result<Response, Failure> {
    match stint_db::retrying(|| cancel_all(&cx, id)).await {
        Ok(ids) => {
            let said = format!("Cancelled: {} of them.", ids.len());
            Ok(web::go_with(&href(id), &Flash::done(said)))
        }
        Err(error) => told(error, &href(id)),
    }
}
