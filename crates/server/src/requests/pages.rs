//! The pages of this room: search what one may ask for, ask, one's own requests, what waits
//! for one's decision, and one request with everything that happened.

mod apart;
pub(super) mod ask;
pub(crate) mod emergency;
mod extend;
mod inbox;
mod people;
mod reassign;
mod several;
mod show;
mod step_up;
mod ticket;
pub(crate) mod until;
pub(crate) mod view;
mod whose;

use axum::response::Response;
use http::Method;
use serde::Deserialize;
use stint_domain::policy::{PolicyBody, Route};
use stint_domain::request::State;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{RequestId, Time, UserId};

use super::{Error, Filter, Line};
use crate::catalog::{self, Offer};
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Paging, Path, Query, Routes};
use crate::web::time::words;
use crate::web::{
    self, Chip, Column, Empty, Fact, Flash, Frame, List, Listing, Tab, Tabs, Tone, When,
};
use crate::{directory, grants, identity};

pub(crate) use view::{AskOnce, RequestRow};

/// How many rows a page of a list has.
const ROWS: i64 = 50;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .page(Verb::ListOffers, Method::GET, "/request", offers)
        .page(
            Verb::PreviewRequest,
            Method::GET,
            "/request/people",
            people::people,
        )
        .page(
            Verb::PreviewRequest,
            Method::GET,
            "/request/{id}",
            ask::form,
        )
        .page(
            Verb::SubmitRequest,
            Method::POST,
            "/request/{id}",
            ask::submit,
        )
        .page(Verb::MyRequests, Method::GET, "/requests", mine)
        .page(Verb::GetRequest, Method::GET, "/requests/{id}", show::show)
        .page(
            Verb::ApproveRequest,
            Method::POST,
            "/requests/{id}/approve",
            inbox::approve,
        )
        .page(
            Verb::DenyRequest,
            Method::POST,
            "/requests/{id}/deny",
            inbox::deny,
        )
        .page(
            Verb::CancelRequest,
            Method::POST,
            "/requests/{id}/cancel",
            cancel,
        )
        .page(
            Verb::ReturnRequest,
            Method::POST,
            "/requests/{id}/return",
            give_back,
        )
        .page(
            Verb::SubmitRequest,
            Method::POST,
            "/request",
            several::several,
        )
        .page(
            Verb::GetRequest,
            Method::GET,
            "/submissions/{id}",
            several::show,
        )
        .page(
            Verb::CancelRequest,
            Method::POST,
            "/submissions/{id}/cancel",
            several::cancel,
        )
        .page(
            Verb::CommentRequest,
            Method::POST,
            "/requests/{id}/comments",
            comment,
        )
        .page(
            Verb::ExtendGrant,
            Method::POST,
            "/grants/{id}/extend",
            extend::extend,
        )
        .page(Verb::Inbox, Method::GET, "/approvals", inbox::inbox)
        .merge(super::replay::pages::routes())
        .page(
            Verb::ReassignRequest,
            Method::GET,
            "/requests/{id}/reassign",
            reassign::page,
        )
        .page(
            Verb::ReassignRequest,
            Method::POST,
            "/requests/{id}/reassign",
            reassign::hand_on,
        )
        .merge(emergencies())
        .merge(until_revoked())
}

fn until_revoked() -> Routes {
    Routes::new()
        .page(Verb::ListKept, Method::GET, "/until-revoked", until::list)
        .page(
            Verb::GetRequest,
            Method::GET,
            "/until-revoked/{id}",
            until::show,
        )
        .page(
            Verb::AnswerKept,
            Method::POST,
            "/until-revoked/{id}/keep",
            until::keep,
        )
        .page(
            Verb::AnswerKept,
            Method::POST,
            "/until-revoked/{id}/close",
            until::close,
        )
}

fn emergencies() -> Routes {
    Routes::new()
        .page(
            Verb::RaiseRequest,
            Method::GET,
            "/requests/{id}/raise",
            emergency::raise_page,
        )
        .page(
            Verb::RaiseRequest,
            Method::POST,
            "/requests/{id}/raise",
            emergency::raise,
        )
        .page(
            Verb::ListReviews,
            Method::GET,
            "/emergency-reviews",
            emergency::list,
        )
        .page(
            Verb::GetRequest,
            Method::GET,
            "/emergency-reviews/{id}",
            emergency::show,
        )
        .page(
            Verb::CloseReview,
            Method::POST,
            "/emergency-reviews/{id}/close",
            emergency::close,
        )
}

/// The page of a request.
fn href(id: RequestId) -> String {
    format!("/requests/{id}")
}

/// A sentence of an error, made to stand alone.
fn sentence(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    let mut out: String = letters
        .next()
        .map(|c| c.to_uppercase().collect())
        .unwrap_or_default();
    out.extend(letters);
    out.push('.');
    out
}

// ---- what one may ask for

async fn offers(cx: Cx, frame: Frame, Query(asked): Query<Listing>) -> Result<Response, Failure> {
    let whom = asked.id("beneficiary")?;
    let found = catalog::offers_for(&cx, whom, asked.words(), &asked.paging(ROWS)).await?;
    let page = found.page;
    let mut q = cx.read().await?;
    let others = catalog::asks_for_others(&cx, &mut q).await?;
    let whom = match whom.filter(|id| cx.actor.user() != Some(*id)) {
        Some(id) => identity::user(&mut q, id).await?,
        None => None,
    };
    let of = whom.as_ref().map(|it| it.id);
    let view = view::Offers {
        total: counted(
            found.total,
            asked.words(),
            whom.as_ref().map(|it| it.name.as_str()),
        ),
        others: others.then(|| people::place(None)),
        q: asked.words().to_owned(),
        pager: asked.pager("/request", page.next.as_deref()),
        rows: page.items.iter().map(|it| offer_row(it, of)).collect(),
        empty: no_offers(asked.words(), whom.as_ref().map(|it| it.name.as_str())),
        whom: whom.map(|it| view::Whom {
            id: it.id.to_string(),
            name: it.name,
            email: it.email,
        }),
    };
    Ok(web::page(&frame, "Request access", &view))
}

/// `12 things you may ask for`, or somebody else may.
fn counted(total: usize, searched: &str, whom: Option<&str>) -> String {
    let who = whom.unwrap_or("you");
    match (total, searched.is_empty()) {
        (1, true) => format!("1 thing {who} may ask for"),
        (n, true) => format!("{n} things {who} may ask for"),
        (1, false) => format!("1 found for “{searched}”"),
        (n, false) => format!("{n} found for “{searched}”"),
    }
}

fn offer_row(offer: &Offer, whom: Option<UserId>) -> view::OfferRow {
    let id = offer.entitlement.id;
    view::OfferRow {
        href: match whom {
            Some(whom) => people::ask_for(Some(id), whom),
            None => format!("/request/{id}"),
        },
        value: offer.entitlement.id.to_string(),
        what: offer.entitlement.name.clone(),
        place: directory::place(&offer.entitlement),
        decided_by: decided_by(&offer.policy.body),
        longest: match offer.until_revoked {
            true => format!("{}, or until revoked", words(offer.max_duration)),
            false => words(offer.max_duration),
        },
        emergency: offer.emergency_max().map(words),
    }
}

/// `one of Platform, then two of Security`.
fn decided_by(body: &PolicyBody) -> String {
    let otherwise = decided_on(&body.route);
    if body.rules.is_empty() {
        otherwise
    } else {
        format!("{otherwise}; in special cases others")
    }
}

fn decided_on(route: &Route) -> String {
    match route {
        Route::AutoApprove => "nobody: approved at once".to_owned(),
        Route::AutoDeny(_) => "nobody: refused at once".to_owned(),
        Route::Steps(steps) => {
            let said: Vec<String> = (steps.iter())
                .map(|step| match step.wait {
                    Some(wait) => format!("a wait of {}", words(wait)),
                    None => step_words(step.total(), &step.name),
                })
                .collect();
            said.join(", then ")
        }
    }
}

/// `one of Platform`.
fn step_words(needed: u32, name: &str) -> String {
    format!("{} of {name}", number(needed))
}

fn number(n: u32) -> String {
    const WORDS: [&str; 7] = ["none", "one", "two", "three", "four", "five", "six"];
    let word = usize::try_from(n).ok().and_then(|n| WORDS.get(n));
    word.map_or_else(|| n.to_string(), |word| (*word).to_owned())
}

fn no_offers(searched: &str, whom: Option<&str>) -> Empty {
    if let (Some(name), "") = (whom, searched) {
        Empty::new(
            "key",
            format!("There is nothing {name} may ask for yet"),
            "What one may ask for is in catalogs, and they are in the audience of none. A Policy Admin can add a group they are in.",
        )
    } else if searched.is_empty() {
        Empty::new(
            "key",
            "There is nothing you may ask for yet",
            "What one may ask for is in catalogs, and you are in the audience of none. A Policy Admin can add a group you are in.",
        )
    } else {
        Empty::new(
            "search",
            format!("Nothing found for “{searched}”"),
            "Search by account, permission set or group. What is in no catalog of yours does not show; a Policy Admin can add it.",
        )
        .leading_to("/request", "Show everything")
    }
}

// ---- lists of requests

/// The headings.
pub(crate) const COLUMNS: &[Column] = &[
    Column::plain("Access"),
    Column::plain("State"),
    Column::newest("Asked", "asked"),
];

async fn mine(cx: Cx, frame: Frame, Query(asked): Query<Listing>) -> Result<Response, Failure> {
    let may_see_all = cx.authorize(Verb::ListRequests, Relation::None).is_ok();
    let all = may_see_all && asked.show == "all";
    let sort = asked.sort_or("-asked");
    let filter = Filter {
        q: asked.words().to_owned(),
        state: asked.value("state").map(str::to_owned),
        requester: if all { asked.id("requester")? } else { None },
        entitlement: asked.id("entitlement")?,
        emergency: asked.value("emergency").map(|word| word == "yes"),
        ticket: asked.value("ticket").map(str::to_owned),
        sort: Some(sort.clone()),
    };
    if asked.csv() {
        return csv(cx, filter, all).await;
    }
    let page = if all {
        super::list(&cx, &filter, &asked.paging(ROWS)).await?
    } else {
        super::mine(&cx, &filter, &asked.paging(ROWS)).await?
    };
    let tab = |href: &str, word, current| Tab {
        href: href.to_owned(),
        word,
        count: None,
        current,
    };
    let tabs = may_see_all.then(|| Tabs {
        label: "Whose requests",
        tabs: vec![
            tab("/requests", "Mine", !all),
            tab("/requests?show=all", "Everybody's", all),
        ],
    });
    let nothing = Empty::new(
        "key",
        if all {
            "Nobody has asked for anything"
        } else {
            "You have asked for nothing yet"
        },
        "Find what you need, say for how long and why; whoever may decide is asked.",
    )
    .leading_to("/request", "Request access");
    let states = [
        ("pending", "Waiting"),
        ("approved", "Approved"),
        ("denied", "Denied"),
        ("cancelled", "Cancelled"),
    ];
    let mut list = List::new("/requests", &asked, COLUMNS, nothing)
        .search(if all {
            "Access, person, group, reason or ticket"
        } else {
            "Access, group, reason or ticket"
        })
        .filter(web::Filter::choice("state", "Answer", "Any answer", states))
        .filter(web::Filter::choice(
            "emergency",
            "Emergency",
            "In an emergency or not",
            [("yes", "In an emergency"), ("no", "Not in one")],
        ));
    for (name, label, words) in pins(&cx, &filter, &page.items, all).await? {
        list = list.filter(web::Filter::pin(name, label, words));
    }
    let view = view::Mine {
        tabs,
        list: list.sorted(&sort).answered(&page),
        rows: request_rows(&cx, &page.items, all).await?,
    };
    Ok(web::page(&frame, "Requests", &view))
}

/// What links narrow the list to, in words. Who does not see everybody's requests, or
/// entitlements, is told no name of them that is not among the `lines`.
async fn pins(
    cx: &Cx,
    filter: &Filter,
    lines: &[Line],
    all: bool,
) -> Result<Vec<(&'static str, &'static str, String)>, Error> {
    let mut q = cx.read().await?;
    let mut pins = Vec::new();
    if let Some(id) = filter.requester {
        let mut people = lines.iter().map(|line| &line.requester);
        let name = match people.find(|who| who.id == id) {
            Some(who) => Some(who.name.clone()),
            None if all => identity::user(&mut q, id).await?.map(|it| it.name),
            None => None,
        };
        pins.push(("requester", "Asked by", name.unwrap_or(id.to_string())));
    }
    if let Some(ticket) = &filter.ticket {
        pins.push(("ticket", "Ticket", ticket.clone()));
    }
    if let Some(id) = filter.entitlement {
        let may_see = all && cx.authorize(Verb::GetEntitlement, Relation::Others).is_ok();
        let mut known = lines.iter().map(|line| &line.entitlement);
        let name = match known.find(|it| it.id == id) {
            Some(it) => Some(it.name.clone()),
            None if may_see => (directory::entitlement(&mut q, id).await?).map(|it| it.name),
            None => None,
        };
        pins.push(("entitlement", "For", name.unwrap_or(id.to_string())));
    }
    Ok(pins)
}

async fn csv(cx: Cx, filter: Filter, all: bool) -> Result<Response, Failure> {
    let head = [
        "Access",
        "Asked by",
        "E-mail",
        "For",
        "Group",
        "Duration",
        "Reason",
        "Ticket",
        "State",
        "Asked",
        "Emergency",
        "Id",
    ];
    let fetch = move |paging: Paging| {
        let (cx, filter) = (cx.clone(), filter.clone());
        async move {
            let page = if all {
                super::list(&cx, &filter, &paging).await?
            } else {
                super::mine(&cx, &filter, &paging).await?
            };
            let rows = request_rows(&cx, &page.items, all).await?;
            let lines = page.items.into_iter().zip(rows).map(|(line, row)| {
                vec![
                    line.entitlement.name,
                    line.requester.name,
                    line.requester.email,
                    line.beneficiary.name,
                    line.group.map(|it| it.name).unwrap_or_default(),
                    line.request.how_long(),
                    line.request.reason.clone(),
                    line.request.ticket.clone().unwrap_or_default(),
                    row.chip.word().to_owned(),
                    line.request.submitted_at().to_string(),
                    match line.request.emergency() {
                        Some(_) => "yes".to_owned(),
                        None => String::new(),
                    },
                    line.request.id.to_string(),
                ]
            });
            Ok(stint_api::Page {
                items: lines.collect(),
                next: page.next,
            })
        }
    };
    web::csv("requests", &head, fetch).await
}

/// Requests in a list, each with what became of it; `whose` adds who asked.
pub(crate) async fn request_rows(
    cx: &Cx,
    lines: &[Line],
    whose: bool,
) -> Result<Vec<RequestRow>, Error> {
    let mut q = cx.read().await?;
    let approved = (lines.iter().map(|line| &line.request))
        .filter(|request| matches!(request.rules.state, State::Approved { .. }));
    let given = grants::of_requests(&mut q, approved.map(|request| request.id)).await?;
    let mut rows = Vec::with_capacity(lines.len());
    for line in lines {
        let mut row = request_row(line, whose, cx.now);
        let all = given.get(&line.request.id);
        if let Some(grant) = all.and_then(|all| grants::current(all, cx.now)) {
            row.chip = grants::chip(grant, cx.now);
        }
        rows.push(row);
    }
    Ok(rows)
}

fn request_row(line: &Line, whose: bool, now: Time) -> RequestRow {
    let request = &line.request;
    let mut said = Vec::new();
    match (whose, line.is_for_another()) {
        (true, _) => said.push(line.who_asked()),
        (false, true) => said.push(format!("asked by {}", line.who_asked())),
        (false, false) => {}
    }
    if let Some(group) = &line.group {
        said.push(format!("for the group {}", group.name));
    }
    said.push(request.how_long());
    said.extend(request.ticket.clone());
    match &request.rules.state {
        State::Denied { reason, .. } => said.push(format!("denied: “{}”", short(reason))),
        _ if !request.reason.is_empty() => said.push(format!("“{}”", short(&request.reason))),
        _ => {}
    }
    RequestRow {
        href: href(request.id),
        what: line.entitlement.name.clone(),
        line: said.join(", "),
        chip: state_chip(line),
        emergency: request.emergency().map(|_| Chip::emergency()),
        asked: When::both(request.submitted_at(), now),
    }
}

/// How many of those who could review something are named.
const NAMED: usize = 6;

/// These people by name, and how many more there are; empty where there is nobody.
fn named(people: &[super::Who]) -> String {
    let mut names: Vec<String> = (people.iter().take(NAMED))
        .map(|who| who.name.clone())
        .collect();
    if people.len() > NAMED {
        names.push(format!("{} more", people.len() - NAMED));
    }
    names.join(", ")
}

/// Who asked for what is reviewed, who holds it, and why.
fn whose_facts(line: &Line) -> Vec<Fact> {
    let (asked, held) = (&line.requester, &line.beneficiary);
    let mut facts = vec![Fact::new("Asked by", &asked.name).faint(&asked.email)];
    if line.is_for_another() {
        facts.push(Fact::new("Held by", &held.name).faint(&held.email));
    }
    if let Some(group) = &line.group {
        facts.push(Fact::new("Held by", directory::called(group)));
    }
    facts.push(Fact::new("Reason", &line.request.reason));
    facts.extend(ticket::fact(&line.request));
    facts
}

/// The first words of a longer text.
fn short(text: &str) -> String {
    const MOST: usize = 80;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(MOST).collect();
    out.push('…');
    out
}

/// How far the answer is. What became of the access is its grant's to say.
fn state_chip(line: &Line) -> Chip {
    let question = &line.request.rules.question;
    match &line.request.rules.state {
        State::Pending { step, .. } => {
            let steps = question.leg(*step).map_or(0, |leg| leg.steps.len());
            let said = match steps > 1 {
                true => format!("Step {} of {steps}", question.place_of(*step) + 1),
                false => "Waiting".to_owned(),
            };
            Chip::new(Tone::Wait, "hourglass", said)
        }
        State::Approved { .. } => Chip::new(Tone::Live, "check", "Approved"),
        State::Denied { .. } => Chip::new(Tone::Stop, "circle-x", "Denied"),
        State::Cancelled { .. } => Chip::new(Tone::Idle, "ban", "Cancelled"),
    }
}

// ---- taking back, giving back

#[derive(Debug, Deserialize)]
struct Back {
    #[serde(default)]
    back: String,
}

impl Back {
    /// Where to return to: what the form says, else the request's page.
    fn place(&self, id: RequestId) -> String {
        if self.back.is_empty() {
            href(id)
        } else {
            self.back.clone()
        }
    }
}

async fn cancel(cx: Cx, Path(id): Path<RequestId>) -> Result<Response, Failure> {
    match super::cancel(&cx, id).await {
        Ok(_) => Ok(web::go_with(
            &href(id),
            &Flash::done("Cancelled. Nobody is asked any more, and nothing was changed in AWS."),
        )),
        Err(error) => told(error, &href(id)),
    }
}

async fn give_back(
    cx: Cx,
    Path(id): Path<RequestId>,
    crate::http::Form(form): crate::http::Form<Back>,
) -> Result<Response, Failure> {
    let place = form.place(id);
    match super::return_early(&cx, id).await {
        Ok(_) => Ok(web::go_with(
            &place,
            &Flash::done("Returned. Stint is taking the access away in AWS now."),
        )),
        Err(error) => told(error, &place),
    }
}

#[derive(Debug, Deserialize)]
struct Said {
    #[serde(default)]
    text: String,
    #[serde(default)]
    question: String,
}

async fn comment(
    cx: Cx,
    Path(id): Path<RequestId>,
    crate::http::Form(form): crate::http::Form<Said>,
) -> Result<Response, Failure> {
    match super::comment(&cx, id, &form.text, form.question == "yes").await {
        Ok(said) if said.question => Ok(web::go_with(
            &href(id),
            &Flash::done("Asked. Whoever asked for access is told."),
        )),
        Ok(_) => Ok(web::go_with(&href(id), &Flash::done("Said."))),
        Err(error) => told(error, &href(id)),
    }
}

/// What a person can do something about is said on the page they were on; the rest is an
/// error page.
fn told(error: Error, place: &str) -> Result<Response, Failure> {
    match error {
        Error::Decision(_)
        | Error::Apart(_)
        | Error::ApartSince(_)
        | Error::NothingToReturn(_)
        | Error::PrincipalChanged
        | Error::BeneficiaryInactive
        | Error::AskedWithoutRight
        | Error::GroupGone { .. }
        | Error::OwnedByDirectory { .. }
        | Error::CannotExtend(_)
        | Error::ExtendedAlready { .. }
        | Error::NotOffered
        | Error::PrincipalMoved
        | Error::Grants(grants::Error::ExtendsClosed)
        | Error::NothingSaid
        | Error::AllAnswered
        | Error::NoEmergency
        | Error::EmergencyAlready
        | Error::EmergencyWaits(_)
        | Error::EmergencyTwice
        | Error::RaiseInstead(_)
        | Error::Closed(_)
        | Error::TooManyComments
        | Error::Comment => Ok(web::go_with(
            place,
            &Flash::failed(sentence(&error.detail())),
        )),
        other => Err(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errors_words_become_a_sentence() {
        assert_eq!(
            sentence("the start is past: leave it out"),
            "The start is past: leave it out."
        );
        assert_eq!(sentence("Done."), "Done.");
    }

    #[test]
    fn long_reasons_are_cut_in_lists() {
        assert_eq!(short("INC-1"), "INC-1");
        assert_eq!(short(&"ä".repeat(200)).chars().count(), 81);
    }
}
