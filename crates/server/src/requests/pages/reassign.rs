//! Handing on a place in the step a request waits at.

use axum::response::Response;
use http::StatusCode;
use stint_domain::RequestId;
use stint_domain::policy::LONGEST_TEXT;
use stint_domain::request::Refused;
use stint_domain::rights::{Relation, Verb};

use super::super::{Detail, Error, Reassign, Request, get, reassign as handed, relation};
use super::{href, step_up, told};
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Path};
use crate::identity;
use crate::web::fields::{Choice, Field, FormPage};
use crate::web::form::sentence;
use crate::web::{self, Flash, Frame, Mistakes, Sent};

/// Where a place in it is handed on, for who may.
pub(super) fn place(found: &Detail) -> Option<String> {
    let may = found.may.contains(&Verb::ReassignRequest);
    may.then(|| link(found.line.request.id))
}

/// The same for one of the approvers of the step a request waits at.
pub(super) fn by_approver(request: &Request) -> Option<String> {
    let step = super::super::facts::current(request)?;
    step.reassign.lets(false).then(|| link(request.id))
}

fn link(id: RequestId) -> String {
    format!("{}/reassign", href(id))
}

/// What stands in the form.
struct Typed {
    to: String,
    reason: String,
    from: String,
}

pub(super) async fn page(
    cx: Cx,
    frame: Frame,
    Path(id): Path<RequestId>,
) -> Result<Response, Failure> {
    let found = get(&cx, id).await?;
    let mut q = cx.read().await?;
    let me = cx.person()?.id;
    let relation = relation(&mut q, &found.line.request, me, cx.now).await?;
    cx.authorize(Verb::ReassignRequest, relation)?;
    if place(&found).is_none() {
        let why = match found.line.request.state() {
            "pending" => "There is no place you can hand on in it.",
            _ => "It does not wait any more: there is no place to hand on.",
        };
        return Ok(web::go_with(&href(id), &Flash::failed(why)));
    }
    // Back to who it came from is the first thought of somebody who is the wrong one.
    let before = found.line.request.rules.handed_to(me);
    let before = before.map(|it| it.from.unwrap_or(it.by));
    let before = match before {
        Some(id) => identity::user(&mut q, id).await?,
        None => None,
    };
    drop(q);
    let typed = Typed {
        to: before.map(|it| it.email).unwrap_or_default(),
        reason: String::new(),
        from: mine(&found, &cx).unwrap_or_default(),
    };
    form(&cx, &frame, &found, typed, Mistakes::none()).await
}

/// The caller's id, where they can decide themselves.
fn mine(found: &Detail, cx: &Cx) -> Option<String> {
    let me = cx.actor.user()?;
    let waiting = found.waiting.as_ref()?;
    let own = |it: &super::super::Approver| it.who.id == me && it.on_behalf_of.is_none();
    waiting.who.iter().any(own).then(|| me.to_string())
}

pub(super) async fn hand_on(
    cx: Cx,
    frame: Frame,
    Path(id): Path<RequestId>,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    let text = |name: &str| sent.text(name).to_owned();
    let typed = Typed {
        to: text("to"),
        reason: text("reason"),
        from: text("from"),
    };
    if let Some(mistakes) = step_up::given(&cx, sent.secret(step_up::FIELD)).await? {
        let found = get(&cx, id).await?;
        return form(&cx, &frame, &found, typed, mistakes).await;
    }
    let wish = Reassign {
        to: typed.to.clone(),
        reason: typed.reason.clone(),
        // What is none of ours is nobody's.
        from: typed.from.parse().ok(),
    };
    let done = stint_db::retrying(|| handed(&cx, id, wish.clone())).await;
    let mistakes = match done {
        Ok(_) => {
            let said = "Handed on. They are told, and asked from now on.";
            return Ok(web::go_with(&href(id), &Flash::done(said)));
        }
        Err(Error::StepUp(why)) => step_up::missing(why),
        Err(error) => {
            let field = match &error {
                Error::Decision(Refused::Target(_)) => "to",
                Error::Decision(Refused::HandoverReason | Refused::ReasonTooLong { .. }) => {
                    "reason"
                }
                Error::Decision(Refused::FromNotAsked { .. }) => "from",
                Error::DelegationUnproved => "",
                _ => return told(error, &href(id)),
            };
            Mistakes::at(field, sentence(&error.detail()))
        }
    };
    let found = get(&cx, id).await?;
    form(&cx, &frame, &found, typed, mistakes).await
}

async fn form(
    cx: &Cx,
    frame: &Frame,
    found: &Detail,
    typed: Typed,
    mistakes: Mistakes,
) -> Result<Response, Failure> {
    let request = &found.line.request;
    let wanted = request.step_up().at_approving();
    let password = step_up::field(cx, wanted, &mistakes).await?;
    let mut parts = vec![
        Field::email("to", "Who decides instead")
            .hint("The e-mail address of somebody active in Stint. They cannot be who asked, who would hold it, or anybody who has decided or is asked already.")
            .value(&typed.to)
            .required()
            .longest(254)
            .wrong(&mistakes)
            .into(),
        Field::text("reason", "Why?")
            .hint("Everybody who sees this request reads it.")
            .value(&typed.reason)
            .longest(LONGEST_TEXT)
            .required()
            .wrong(&mistakes)
            .into(),
    ];
    let administers = cx
        .authorize(Verb::ReassignRequest, Relation::Others)
        .is_ok();
    if administers {
        let nobody = "Nobody’s: they are asked beside the others";
        // Who decides and names nobody hands on their own, or that of whom they decide for.
        let decides = found.may.contains(&Verb::ApproveRequest);
        let none = (!decides).then(|| Choice::new("", nobody).chosen(typed.from.is_empty()));
        let mut choices: Vec<Choice> = none.into_iter().collect();
        let who = found.waiting.iter().flat_map(|it| &it.who);
        choices.extend(who.filter(|it| it.on_behalf_of.is_none()).map(|it| {
            let id = it.who.id.to_string();
            let chosen = typed.from == id;
            Choice::new(id, it.who.name.as_str()).chosen(chosen)
        }));
        parts.push(
            Field::one_of("from", "Whose place", choices)
                .hint("Who had it is not asked any more.")
                .wrong(&mistakes)
                .into(),
        );
    }
    let why = "The policy wants it from whoever approves, and from whoever hands that on.";
    parts.extend(password.map(|it| it.hint(why).into()));
    let status = match mistakes.any() {
        true => StatusCode::UNPROCESSABLE_ENTITY,
        false => StatusCode::OK,
    };
    let page = FormPage {
        crumb: (href(request.id), found.line.entitlement.name.clone()),
        title: "Hand on a place".to_owned(),
        lead: String::new(),
        action: link(request.id),
        version: None,
        meanwhile: None,
        parts,
        mistakes,
        save: "Hand it on",
        back: href(request.id),
        aside: Some((
            "What happens",
            vec![
                "They are asked instead, at this step alone, and told at once. As many approvals are needed as before.".to_owned(),
                "Whoever had the place is not asked any more, unless it is handed back. It falls back to them if who has it can decide no more.".to_owned(),
                "Who asked sees it, with the reason.".to_owned(),
            ],
        )),
    };
    Ok(web::page_with(status, frame, &page.title, &page))
}
