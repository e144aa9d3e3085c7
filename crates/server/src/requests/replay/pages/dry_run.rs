//! What would happen if somebody asked for something now.

use askama::Template;
use axum::response::Response;
use http::{Method, StatusCode};
use serde::Deserialize;
use stint_domain::policy::{ExplainedStep, Hindrance};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{EntitlementId, PolicyId, Span, Time, UserId};

use super::super::super::Error;
use super::super::super::pages::ask;
use super::super::super::read::{Approver, approvers};
use super::super::super::step_up;
use super::super::{DryRun, DryRunFound, dry_run};
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Query, Routes};
use crate::web::fields::{Choice, Choose, Field, Length, Part, Tick};
use crate::web::filters;
use crate::web::form::sentence;
use crate::web::time::{parse_input, words};
use crate::web::{self, Chain, Fact, Facts, Frame, Mistakes, Note, Picked, Sent};
use crate::{catalog, identity, policies};

const PLACE: &str = "/policies/try";

pub(super) fn routes() -> Routes {
    Routes::new()
        .page(Verb::DryRun, Method::GET, PLACE, begin)
        .page(Verb::DryRun, Method::POST, PLACE, tried)
}

/// `/policies/try`
#[derive(Debug, Clone, Template)]
#[template(path = "requests/dry_run.html")]
pub(crate) struct View {
    pub(crate) action: &'static str,
    pub(crate) parts: Vec<Part>,
    pub(crate) mistakes: Mistakes,
    pub(crate) answer: Option<Answer>,
}

/// What came of it.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// What it is about.
    pub(crate) what: String,
    /// What would happen.
    pub(crate) notes: Vec<Note>,
    pub(crate) chain: Chain,
    pub(crate) facts: Facts,
}

/// With what the form begins.
#[derive(Debug, Default, Deserialize)]
struct About {
    user: Option<UserId>,
    entitlement: Option<EntitlementId>,
    policy: Option<PolicyId>,
}

/// What was filled in.
struct Filled {
    user: Picked,
    entitlement: Picked,
    length: (String, String),
    until_revoked: bool,
    start: String,
    policy: String,
}

async fn begin(cx: Cx, frame: Frame, Query(asked): Query<About>) -> Result<Response, Failure> {
    cx.authorize(Verb::DryRun, Relation::Others)?;
    let filled = Filled {
        user: Picked::of(asked.user),
        entitlement: Picked::of(asked.entitlement),
        length: Length::values(None),
        until_revoked: false,
        start: String::new(),
        policy: asked.policy.map(|id| id.to_string()).unwrap_or_default(),
    };
    form(&cx, &frame, filled, Mistakes::none(), None, StatusCode::OK).await
}

async fn tried(cx: Cx, frame: Frame, Form(sent): Form<Sent>) -> Result<Response, Failure> {
    cx.authorize(Verb::DryRun, Relation::Others)?;
    let text = |field: &str| sent.text(field).trim().to_owned();
    let filled = Filled {
        user: sent.picked("user", true),
        entitlement: sent.picked("entitlement", true),
        length: (text("length"), text("length.unit")),
        until_revoked: sent.ticked("until_revoked"),
        start: text("start"),
        policy: text("policy"),
    };
    if !sent.to_save() {
        return form(&cx, &frame, filled, Mistakes::none(), None, StatusCode::OK).await;
    }
    let mut mistakes = Mistakes::none();
    let asked = filled.read(&sent, &mut mistakes);
    let mut answer = None;
    if let Some(asked) = asked.filter(|_| !mistakes.any()) {
        match dry_run(&cx, asked).await {
            Ok(found) => {
                let people = approvers(&cx, &found.steps, &found.others).await?;
                answer = Some(said(found, &people, &cx));
            }
            Err(error) => match &error {
                Error::NoPolicy => mistakes.add("policy", sentence(&error.detail())),
                Error::NotFound => mistakes.add(
                    "",
                    "One of these is gone, or the person is not active: choose again.",
                ),
                _ => return Err(error.into()),
            },
        }
    }
    let status = match mistakes.any() {
        true => StatusCode::UNPROCESSABLE_ENTITY,
        false => StatusCode::OK,
    };
    form(&cx, &frame, filled, mistakes, answer, status).await
}

impl Filled {
    fn read(&self, sent: &Sent, mistakes: &mut Mistakes) -> Option<DryRun> {
        let user: Option<UserId> = self.user.read().into_iter().next();
        if user.is_none() {
            mistakes.add("user", "Choose who would ask.");
        }
        let entitlement: Option<EntitlementId> = self.entitlement.read().into_iter().next();
        if entitlement.is_none() {
            mistakes.add("entitlement", "Choose what would be asked for.");
        }
        let duration: Option<Span> = sent.length("length").unwrap_or_else(|why| {
            mistakes.add("length", why);
            None
        });
        let start: Option<Time> = parse_input(&self.start);
        if start.is_none() && !self.start.is_empty() {
            mistakes.add("start", "Give the day and the time, in UTC.");
        }
        let policy: Option<PolicyId> = self.policy.parse().ok();
        if policy.is_none() && !self.policy.is_empty() {
            mistakes.add("policy", "There is no such policy: choose another one.");
        }
        Some(DryRun {
            user: user?,
            entitlement: entitlement?,
            duration: duration.filter(|_| !self.until_revoked),
            until_revoked: self.until_revoked,
            start,
            reason: None,
            ticket: None,
            policy,
            draft: None,
        })
    }
}

async fn form(
    cx: &Cx,
    frame: &Frame,
    filled: Filled,
    mistakes: Mistakes,
    answer: Option<Answer>,
    status: StatusCode,
) -> Result<Response, Failure> {
    let people = Choose::new("user", "Who would ask?", "people", PLACE)
        .one()
        .required();
    let people = identity::choose_users(cx, people, &filled.user).await?;
    let things = Choose::new("entitlement", "For what?", "entitlements", PLACE)
        .one()
        .required();
    let things = catalog::choose_entitlement(cx, things, &filled.entitlement).await?;
    let mut choices = vec![Choice::new("", "The one it is asked for under")];
    let all = policies::all(cx).await?.into_iter();
    choices.extend(all.map(|policy| Choice::new(policy.id.to_string(), policy.name)));
    let view = View {
        action: PLACE,
        parts: vec![
            people.wrong(&mistakes).into(),
            things.wrong(&mistakes).into(),
            Length::new("length", "For how long?")
                .hint("Leave it empty for as long as is allowed.")
                .value(filled.length)
                .wrong(&mistakes)
                .into(),
            Tick::new(
                "until_revoked",
                "Until it is revoked, instead of for a time",
                filled.until_revoked,
            )
            .into(),
            Field::moment("start", "From when?")
                .hint("In UTC. Leave it empty for now: the hour counts where a rule asks for it.")
                .value(&filled.start)
                .wrong(&mistakes)
                .into(),
            Field::one_of("policy", "Under which policy?", choices)
                .hint("Its own, or the one its catalog says; or what another would say.")
                .value(filled.policy)
                .wrong(&mistakes)
                .into(),
        ],
        mistakes,
        answer,
    };
    Ok(web::page_with(
        status,
        frame,
        "What if somebody asked",
        &view,
    ))
}

fn said(found: DryRunFound, people: &[Approver], cx: &Cx) -> Answer {
    let mut notes: Vec<Note> = (found.refusals.iter())
        .map(|why| Note::refusal(sentence(&why.to_string())))
        .collect();
    if notes.is_empty() {
        notes.push(match (found.auto, found.steps.len()) {
            (true, _) => Note::info("It would be approved at once, by nobody."),
            (false, 1) => Note::info("It would be asked for, in one step."),
            (false, n) => Note::info(format!("It would be asked for, in {n} steps.")),
        });
    }
    if !found.offered {
        notes.push(Note::warning(
            "They cannot ask for it: no catalog of theirs holds it with a policy. This is what the policy would say.",
        ));
    }
    notes.extend(ask::other_notes(&found.others, people, cx));
    let mut facts = vec![Fact::new("At most", words(found.longest))];
    if let Some(every) = found.until_revoked {
        let said = format!("yes, reviewed every {}", words(every));
        facts.push(Fact::new("Until revoked", said));
    }
    for tried in found.tried {
        let holds = match &tried.holds {
            Ok(true) => "applies".to_owned(),
            Ok(false) => "does not apply".to_owned(),
            Err(why) => format!("cannot be asked: {why}"),
        };
        facts.push(Fact::new("Rule", format!("“{}”: {holds}", tried.name)));
    }
    if found.rule.is_none() && facts.len() > 1 && found.refusals.is_empty() {
        facts.push(Fact::new("Rule", "none: what is said for everything else"));
    }
    facts.extend(step_up::said(found.step_up).map(|words| Fact::new("Password", words)));
    for step in &found.steps {
        if let Some(words) = hindered(step, people) {
            facts.push(Fact::new(
                "Could not decide",
                format!("{}: {words}", step.name),
            ));
        }
    }
    Answer {
        what: found.entitlement.name,
        notes,
        chain: ask::chain(&found.steps, &found.others, people, cx),
        facts: Facts { facts },
    }
}

/// Whom a step names who could not decide, and why not.
fn hindered(step: &ExplainedStep, people: &[Approver]) -> Option<String> {
    let said = step.approvers.iter().filter_map(|it| {
        let name = people.iter().find(|one| one.who.id == it.user);
        let name = name.map_or_else(|| it.user.to_string(), |one| one.who.name.clone());
        let why = match it.hindrance? {
            Hindrance::OwnRequest => "would ask for it",
            Hindrance::Delegate => "decides for who would ask",
            Hindrance::Unable => "is not active, or may not decide",
        };
        Some(format!("{name} ({why})"))
    });
    let said: Vec<String> = said.collect();
    (!said.is_empty()).then(|| said.join(", "))
}
