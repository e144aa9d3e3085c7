//! Putting entitlements into a catalog, taking them out, and how each may be asked for.

use axum::response::Response;
use http::{Method, StatusCode};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{CatalogId, EntitlementId, PolicyId, Span};

use super::super::{Error, MOST_AT_ONCE, Terms};
use super::{href, policy_choices};
use crate::cx::Cx;
use crate::directory::{self, Entitlement};
use crate::http::{Failure, Fault as _, Form, Kind, Paging, Path, Routes};
use crate::web::fields::{Choose, Field, FormPage, Item, Length, Meanwhile, Part, Tick};
use crate::web::time::words;
use crate::web::{self, Flash, Frame, Mistakes, Note, Picked, Sent};
use crate::{connections, identity, policies};

/// How many found entitlements are shown at once.
const FOUND: i64 = 50;

pub(super) fn routes() -> Routes {
    Routes::new()
        .page(
            Verb::UpdateCatalog,
            Method::GET,
            "/catalogs/{id}/add",
            add_page,
        )
        .page(Verb::UpdateCatalog, Method::POST, "/catalogs/{id}/add", add)
        .page(
            Verb::SetAccessControl,
            Method::GET,
            "/catalogs/{id}/entitlements/{entitlement}",
            control_page,
        )
        .page(
            Verb::SetAccessControl,
            Method::POST,
            "/catalogs/{id}/entitlements/{entitlement}",
            set_control,
        )
        .page(
            Verb::UpdateCatalog,
            Method::POST,
            "/catalogs/{id}/entitlements/{entitlement}/remove",
            remove,
        )
}

async fn remove(
    cx: Cx,
    Path((id, entitlement)): Path<(CatalogId, EntitlementId)>,
) -> Result<Response, Failure> {
    super::super::remove(&cx, id, entitlement).await?;
    Ok(web::go_with(
        &href(id),
        &Flash::done("Taken out. Access that exists stays as it is."),
    ))
}

// ---- adding

/// What stands in the form that adds.
#[derive(Clone, Default)]
struct Filled {
    chosen: Picked,
    terms: TermsFilled,
    replace: bool,
}

async fn add_page(cx: Cx, frame: Frame, Path(id): Path<CatalogId>) -> Result<Response, Failure> {
    let mut filled = Filled::default();
    // Nothing is chosen yet: the first ones are shown at once.
    filled.chosen.search = true;
    add_form(&cx, &frame, id, filled, Mistakes::none(), StatusCode::OK).await
}

async fn add(
    cx: Cx,
    frame: Frame,
    Path(id): Path<CatalogId>,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    cx.authorize(Verb::UpdateCatalog, Relation::Others)?;
    let mut filled = Filled {
        chosen: sent.picked("entitlements", false),
        terms: TermsFilled::sent(&sent),
        replace: sent.ticked("replace"),
    };
    let mut mistakes = Mistakes::none();
    if !sent.to_save() {
        if sent
            .pressed()
            .is_some_and(|(what, _)| what == "entitlements.all")
        {
            filled.chosen.search = true;
            all_that_match(&cx, &mut filled.chosen, &mut mistakes).await?;
        }
        return add_form(&cx, &frame, id, filled, mistakes, StatusCode::OK).await;
    }
    let terms = match filled.terms.read(false) {
        Ok(read) => read.map(|terms| Terms {
            replace: filled.replace,
            ..terms
        }),
        Err(wrong) => {
            mistakes = wrong;
            None
        }
    };
    if filled.chosen.ids.is_empty() {
        mistakes.add("entitlements", "Choose at least one.");
    }
    let wrong = StatusCode::UNPROCESSABLE_ENTITY;
    if mistakes.any() {
        return add_form(&cx, &frame, id, filled, mistakes, wrong).await;
    }
    match super::super::add_under(&cx, id, &filled.chosen.read(), terms).await {
        Ok(done) => {
            let mut said = match done.new {
                0 => "Nothing new: they were in it already.".to_owned(),
                1 => "1 entitlement added.".to_owned(),
                n => format!("{n} entitlements added."),
            };
            if terms.is_some() {
                said.push_str(&format!(" The policy was set for {}.", done.set));
            }
            if done.kept > 0 {
                said.push_str(&format!(" {} kept the policy they had.", done.kept));
            }
            Ok(web::go_with(&href(id), &Flash::done(said)))
        }
        Err(error) => {
            let mistakes = mistake(error)?;
            add_form(&cx, &frame, id, filled, mistakes, wrong).await
        }
    }
}

/// At which field a refusal is said. What an entitlement is refused for is said where the
/// entitlements are.
fn mistake(error: Error) -> Result<Mistakes, Error> {
    let field = match &error {
        Error::UnknownPolicy(_) | Error::EmergencyAsOrdinary(_) | Error::NoUntilRevoked(_) => {
            "policy"
        }
        Error::UnknownEmergency(_)
        | Error::NoEmergencyPolicy(_)
        | Error::EmergencyLonger { .. } => "emergency",
        Error::MaxDuration => "max",
        other if matches!(other.kind(), Kind::Invalid | Kind::Conflict) => "entitlements",
        _ => return Err(error),
    };
    Ok(Mistakes::at(field, error.detail()))
}

/// What a search gave.
#[derive(Default)]
pub(super) struct Found {
    /// What can be added, each with the estate it is in.
    pub(super) items: Vec<(Entitlement, String)>,
    /// Whether there is more.
    pub(super) more: bool,
    /// What matches and cannot be added: groups that a directory provisions.
    owned: Vec<Entitlement>,
}

impl Found {
    /// Why some of what matches is not there to be chosen.
    fn left_out(&self) -> Option<Note> {
        let first = self.owned.first()?;
        let owner = first.owned_by.as_deref().unwrap_or_default();
        Some(Note::info(match self.owned.len() {
            1 => format!("Left out: {}.", directory::owned_words(&first.name, owner)),
            n => format!(
                "Left out: {n} groups that directories provision, the first of them “{}” by {owner}. \
                 A membership given here would be undone there: offer groups that were made in \
                 Identity Center itself.",
                first.name
            ),
        }))
    }
}

/// What was found, at most `limit`.
pub(super) async fn search(cx: &Cx, q: &str, limit: i64) -> Result<Found, Failure> {
    let wanted = usize::try_from(limit).unwrap_or(0);
    let all = connections::connections(&mut cx.read().await?).await?;
    let mut found = Found::default();
    for connection in all {
        let mut paging = Paging::first(limit.min(200));
        loop {
            let page = directory::list_entitlements(cx, connection.id, q, &paging).await?;
            for it in page.items.into_iter().filter(|it| it.gone_at.is_none()) {
                match it.owned_by {
                    Some(_) => found.owned.push(it),
                    None => found.items.push((it, connection.name.clone())),
                }
            }
            if found.items.len() > wanted {
                found.items.truncate(wanted);
                found.more = true;
                return Ok(found);
            }
            match page.next {
                Some(next) => paging = Paging::after_cursor(200, Some(next)),
                None => break,
            }
        }
    }
    Ok(found)
}

/// How many found entitlements are shown at once, where one is chosen.
const FOUND_FOR_ONE: i64 = 8;

/// Fills a control in which one entitlement is chosen.
pub(crate) async fn choose_entitlement(
    cx: &Cx,
    control: Choose,
    picked: &Picked,
) -> Result<Choose, Failure> {
    let mut items = Vec::new();
    let chosen: Option<EntitlementId> = picked.read().into_iter().next();
    if let Some(chosen) = chosen
        && let Some(it) = directory::entitlement(&mut cx.read().await?, chosen).await?
    {
        items.push(Item {
            id: it.id.to_string(),
            faint: directory::place(&it),
            title: it.name,
        });
    }
    let may = cx.authorize(Verb::ListEntitlements, Relation::None).is_ok();
    let found = match picked.search && may {
        true => Some(search(cx, &picked.q, FOUND_FOR_ONE).await?),
        false => None,
    };
    let more = found.as_ref().is_some_and(|found| found.more);
    let found = found.map(|found| -> Vec<Item> {
        let items = found.items.iter().map(|(it, estate)| item(it, estate));
        items.collect()
    });
    Ok(control.with(picked, items, found, more))
}

/// Chooses everything that matches, as far as it can be added at once.
async fn all_that_match(
    cx: &Cx,
    chosen: &mut Picked,
    mistakes: &mut Mistakes,
) -> Result<(), Failure> {
    let most = i64::try_from(MOST_AT_ONCE).unwrap_or(i64::MAX);
    let found = search(cx, &chosen.q, most).await?;
    for (it, _) in found.items {
        let id = it.id.to_string();
        if chosen.ids.len() < MOST_AT_ONCE && !chosen.ids.contains(&id) {
            chosen.ids.push(id);
        }
    }
    if found.more {
        mistakes.add(
            "entitlements",
            format!("More match than can be added at once: the first {MOST_AT_ONCE} are chosen. Add them, then the rest."),
        );
    }
    Ok(())
}

pub(super) fn item(it: &Entitlement, estate: &str) -> Item {
    Item {
        id: it.id.to_string(),
        title: it.name.clone(),
        faint: format!("{}, {estate}", directory::place(it)),
    }
}

async fn add_form(
    cx: &Cx,
    frame: &Frame,
    id: CatalogId,
    filled: Filled,
    mistakes: Mistakes,
    status: StatusCode,
) -> Result<Response, Failure> {
    cx.authorize(Verb::UpdateCatalog, Relation::Others)?;
    let catalog = super::super::get(cx, id).await?;
    let action = format!("{}/add", href(id));
    let mut chosen = Vec::new();
    {
        let mut q = cx.read().await?;
        for id in filled.chosen.read::<EntitlementId>() {
            if let Some(it) = directory::entitlement(&mut q, id).await? {
                let gone = if it.gone_at.is_some() {
                    ", gone from AWS"
                } else {
                    ""
                };
                chosen.push(Item {
                    id: it.id.to_string(),
                    faint: format!("{}{gone}", directory::place(&it)),
                    title: it.name,
                });
            }
        }
    }
    let searched = match filled.chosen.search {
        true => Some(search(cx, &filled.chosen.q, FOUND).await?),
        false => None,
    };
    let left_out = searched.as_ref().and_then(Found::left_out);
    let more = searched.as_ref().is_some_and(|found| found.more);
    let found = searched.map(|found| -> Vec<Item> {
        let items = found.items.iter().map(|(it, estate)| item(it, estate));
        items.collect()
    });
    let nothing_known = found.as_ref().is_some_and(Vec::is_empty)
        && left_out.is_none()
        && filled.chosen.q.is_empty()
        && chosen.is_empty();
    let choose = Choose::new("entitlements", "Entitlements", "entitlements", &action)
        .hint("Permission sets on accounts, and groups. Search by any part of the name.")
        .many()
        .required()
        .with(&filled.chosen, chosen, found, more)
        .wrong(&mistakes);
    let mut parts: Vec<Part> = Vec::new();
    if nothing_known {
        parts.push(
            Note::warning("Stint knows no entitlement yet: connect AWS and sync it first.").into(),
        );
    }
    parts.push(choose.into());
    parts.extend(left_out.map(Part::from));
    parts.extend(
        filled
            .terms
            .parts(cx, "Say nothing about it", false, &mistakes)
            .await?,
    );
    parts.push(
        Tick::new(
            "replace",
            "Also where another policy is set already",
            filled.replace,
        )
        .hint("Otherwise those keep the policy and the limit they have.")
        .into(),
    );
    let page = FormPage {
        crumb: (href(id), catalog.name),
        title: "Add entitlements".to_owned(),
        lead: String::new(),
        version: None,
        parts,
        save: "Add to the catalog",
        back: href(id),
        aside: Some((
            "What this does",
            vec![
                "The groups that see this catalog can ask for what you add, under the policy you choose, from now on.".to_owned(),
                "Nothing changes in AWS until somebody asks and gets it.".to_owned(),
                "A policy holds for the entitlement, in whichever catalog it is.".to_owned(),
            ],
        )),
        action,
        mistakes,
        meanwhile: None,
    };
    Ok(web::page_with(status, frame, &page.title, &page))
}

// ---- how one may be asked for

/// What stands in the fields about policy and limit.
#[derive(Clone)]
pub(super) struct TermsFilled {
    pub(super) policy: String,
    emergency: String,
    max: (String, String),
    until_revoked: bool,
    read: Result<Option<Span>, &'static str>,
}

impl Default for TermsFilled {
    fn default() -> Self {
        Self {
            policy: String::new(),
            emergency: String::new(),
            max: Length::values(None),
            until_revoked: false,
            read: Ok(None),
        }
    }
}

impl TermsFilled {
    /// As it is said now, if anything is.
    pub(super) fn of(terms: Option<(PolicyId, Option<Span>, bool)>) -> Self {
        terms.map_or_else(Self::default, |(policy, max_duration, until_revoked)| {
            Self {
                policy: policy.to_string(),
                max: Length::values(max_duration),
                until_revoked,
                read: Ok(max_duration),
                ..Self::default()
            }
        })
    }

    pub(super) fn sent(sent: &Sent) -> Self {
        Self {
            policy: sent.text("policy").to_owned(),
            emergency: sent.text("emergency").to_owned(),
            max: (
                sent.text("max").to_owned(),
                sent.text("max.unit").to_owned(),
            ),
            until_revoked: sent.ticked("until_revoked"),
            read: sent.length("max"),
        }
    }

    /// What is said; nothing where no policy is chosen and none is needed.
    pub(super) fn read(&self, needed: bool) -> Result<Option<Terms>, Mistakes> {
        let mut mistakes = Mistakes::none();
        let policy = match self.policy.as_str() {
            "" if needed => {
                mistakes.add("policy", "Choose the policy it is asked for under.");
                None
            }
            "" => None,
            id => match id.parse::<PolicyId>() {
                Ok(id) => Some(id),
                Err(_) => {
                    mistakes.add("policy", "There is no such policy: choose another one.");
                    None
                }
            },
        };
        let max = match self.read {
            Ok(max) => max,
            Err(why) => {
                mistakes.add("max", why);
                None
            }
        };
        let emergency = match self.emergency.as_str() {
            "" => None,
            id => match id.parse::<PolicyId>() {
                Ok(id) => Some(id),
                Err(_) => {
                    mistakes.add("emergency", "There is no such policy: choose another one.");
                    None
                }
            },
        };
        let more = max.is_some() || emergency.is_some() || self.until_revoked;
        if self.policy.is_empty() && !needed && more {
            mistakes.add(
                "policy",
                "A limit, access until it is revoked and emergency access go with a policy: choose one, or leave them empty.",
            );
        }
        if mistakes.any() {
            return Err(mistakes);
        }
        Ok(policy.map(|policy| Terms {
            policy,
            max_duration: max,
            until_revoked: self.until_revoked,
            emergency,
            replace: true,
        }))
    }

    /// The fields; `none` is the choice of no policy, which `needed` refuses.
    pub(super) async fn parts(
        &self,
        cx: &Cx,
        none: &str,
        needed: bool,
        mistakes: &Mistakes,
    ) -> Result<[Part; 4], policies::Error> {
        let emergency = Field::one_of(
            "emergency",
            "In an emergency",
            policy_choices(cx, "No emergency access", true).await?,
        )
        .hint("Under a policy made for emergencies: faster and shorter, told at once, reviewed afterwards.")
        .value(&self.emergency)
        .wrong(mistakes);
        let choices = policy_choices(cx, none, false).await?;
        let only_none = choices.len() == 1;
        let policy = Field::one_of("policy", "Asked for under the policy", choices)
            .hint(if only_none {
                "There is no policy yet. Make one under Policies first."
            } else {
                "It says who has to approve."
            })
            .value(&self.policy)
            .wrong(mistakes);
        Ok([
            if needed { policy.required() } else { policy }.into(),
            Length::new("max", "For at most")
                .hint("Only felt where it is shorter than the policy allows. Empty: as the policy says.")
                .value(self.max.clone())
                .wrong(mistakes)
                .into(),
            emergency.into(),
            Tick::new(
                "until_revoked",
                "Without a time limit, where somebody asks for that",
                self.until_revoked,
            )
            .hint("Only under a policy that allows access until it is revoked: its owners are asked again and again whether it is still needed, and it ends where they do not say so.")
            .into(),
        ])
    }
}

async fn control_page(
    cx: Cx,
    frame: Frame,
    Path((catalog, id)): Path<(CatalogId, EntitlementId)>,
) -> Result<Response, Failure> {
    cx.authorize(Verb::SetAccessControl, Relation::Others)?;
    let now = super::super::access_control(&cx, id).await?;
    let filled = TermsFilled {
        emergency: (now.as_ref().and_then(|it| it.emergency))
            .map(|id| id.to_string())
            .unwrap_or_default(),
        ..TermsFilled::of((now.as_ref()).map(|it| (it.policy, it.max_duration, it.until_revoked)))
    };
    let version = now.map_or(0, |control| control.version);
    let page = ControlForm {
        filled,
        version,
        ..ControlForm::default()
    };
    page.answer(&cx, &frame, catalog, id, StatusCode::OK).await
}

async fn set_control(
    cx: Cx,
    frame: Frame,
    Path((catalog, id)): Path<(CatalogId, EntitlementId)>,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    cx.authorize(Verb::SetAccessControl, Relation::Others)?;
    let wrong = StatusCode::UNPROCESSABLE_ENTITY;
    let mut form = ControlForm {
        filled: TermsFilled::sent(&sent),
        version: sent.version().unwrap_or(0),
        ..ControlForm::default()
    };
    let terms = match form.filled.read(true) {
        Ok(Some(read)) => read,
        Ok(None) => return Err(Failure::not_found()),
        Err(mistakes) => {
            form.mistakes = mistakes;
            return form.answer(&cx, &frame, catalog, id, wrong).await;
        }
    };
    match super::super::set_terms(&cx, id, terms, Some(form.version)).await {
        Ok(_) => Ok(web::go_with(
            &href(catalog),
            &Flash::done("Saved. It counts for whoever asks from now on."),
        )),
        Err(Error::Stale { .. }) => {
            let now = super::super::access_control(&cx, id).await?;
            form.version = now.as_ref().map_or(0, |control| control.version);
            form.meanwhile = Some(changed_meanwhile(&cx, id, now.as_ref(), &terms).await?);
            let late = StatusCode::PRECONDITION_FAILED;
            form.answer(&cx, &frame, catalog, id, late).await
        }
        Err(error) => {
            form.mistakes = mistake(error)?;
            form.answer(&cx, &frame, catalog, id, wrong).await
        }
    }
}

async fn changed_meanwhile(
    cx: &Cx,
    id: EntitlementId,
    now: Option<&super::super::AccessControl>,
    typed: &Terms,
) -> Result<Meanwhile, Failure> {
    let mut q = cx.read().await?;
    let mut name = async |id: Option<PolicyId>| -> Result<String, Failure> {
        let Some(id) = id else {
            return Ok("none".to_owned());
        };
        let found = policies::current(&mut q, id).await?;
        Ok(found.map_or_else(|| id.to_string(), |version| version.name))
    };
    let switch = |off: bool| if off { "off" } else { "on" }.to_owned();
    let limit = |max: Option<Span>| max.map_or_else(|| "as the policy says".to_owned(), words);
    let rows = vec![
        (
            "Policy".to_owned(),
            name(now.map(|control| control.policy)).await?,
            name(Some(typed.policy)).await?,
        ),
        (
            "In an emergency".to_owned(),
            name(now.and_then(|control| control.emergency)).await?,
            name(typed.emergency).await?,
        ),
        (
            "At most".to_owned(),
            limit(now.and_then(|control| control.max_duration)),
            limit(typed.max_duration),
        ),
        (
            "Time limit".to_owned(),
            switch(now.is_some_and(|control| control.until_revoked)),
            switch(typed.until_revoked),
        ),
    ];
    let action = "catalog.access_control_set";
    Ok(identity::meanwhile(cx, &id.to_string(), action, rows).await?)
}

/// The form of one entitlement's access control.
#[derive(Default)]
struct ControlForm {
    filled: TermsFilled,
    version: i64,
    mistakes: Mistakes,
    meanwhile: Option<Meanwhile>,
}

impl ControlForm {
    async fn answer(
        self,
        cx: &Cx,
        frame: &Frame,
        catalog: CatalogId,
        id: EntitlementId,
        status: StatusCode,
    ) -> Result<Response, Failure> {
        let found = super::super::get(cx, catalog).await?;
        let it = directory::entitlement(&mut cx.read().await?, id).await?;
        let it = it.ok_or_else(Failure::not_found)?;
        let also: Vec<String> = super::super::catalogs_with(cx, id)
            .await?
            .into_iter()
            .filter(|other| other.id != catalog)
            .map(|other| format!("“{}”", other.name))
            .collect();
        let mut says = vec![
            "It counts for whoever asks from now on. Requests that wait keep the policy version they were asked under, and access that was granted keeps its end.".to_owned(),
        ];
        if !also.is_empty() {
            says.push(format!(
                "It counts in every catalog it is in: here, and in {}.",
                also.join(", ")
            ));
        }
        let parts = self
            .filled
            .parts(cx, "Choose a policy", true, &self.mistakes)
            .await?;
        let page = FormPage {
            crumb: (href(catalog), found.name),
            title: format!("How {} is asked for", it.name),
            lead: String::new(),
            action: format!("{}/entitlements/{id}", href(catalog)),
            version: Some(self.version),
            mistakes: self.mistakes,
            meanwhile: self.meanwhile,
            parts: parts.into(),
            save: "Save",
            back: href(catalog),
            aside: Some(("What this changes", says)),
        };
        Ok(web::page_with(status, frame, &page.title, &page))
    }
}
