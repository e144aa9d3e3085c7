//! The form of a catalog: its name, who sees it, what is in it by condition, and how that is asked
//! for.

use axum::response::Response;
use http::{Method, StatusCode};
use stint_domain::CatalogId;
use stint_domain::condition::{Condition, LONGEST};
use stint_domain::rights::{Relation, Verb};

use super::super::{
    Catalog, Change, Checked, ContentRule, DefaultTerms, Error, LONGEST_DESCRIPTION, LONGEST_NAME,
    LONGEST_RULE_NAME, MOST_RULES, Matches, NewCatalog, RANK, Rules, check,
};
use super::entitlements::TermsFilled;
use super::{href, view};
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Path, Routes};
use crate::identity;
use crate::web::fields::{Choose, Field, Meanwhile, Part};
use crate::web::{self, Flash, Frame, Mistakes, Picked, Sent};

pub(super) fn routes() -> Routes {
    Routes::new()
        .page(Verb::CreateCatalog, Method::GET, "/catalogs/new", new_page)
        .page(Verb::CreateCatalog, Method::POST, "/catalogs/new", create)
        .page(
            Verb::UpdateCatalog,
            Method::GET,
            "/catalogs/{id}/edit",
            edit_page,
        )
        .page(
            Verb::UpdateCatalog,
            Method::POST,
            "/catalogs/{id}/edit",
            edit,
        )
}

/// What stands in it.
#[derive(Clone)]
struct Filled {
    name: String,
    description: String,
    audience: Picked,
    audience_when: String,
    contents: Vec<(String, String)>,
    terms: TermsFilled,
    rank: String,
}

impl Filled {
    fn fresh() -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            audience: Picked::default(),
            audience_when: String::new(),
            contents: Vec::new(),
            terms: TermsFilled::default(),
            rank: RANK.to_string(),
        }
    }

    fn of(catalog: &Catalog) -> Self {
        let rules = &catalog.rules;
        let terms = (rules.terms).map(|it| (it.policy, it.max_duration, it.until_revoked));
        let when = rules.audience_when.as_ref().map(ToString::to_string);
        Self {
            name: catalog.name.clone(),
            description: catalog.description.clone(),
            audience: Picked::of(&catalog.audience),
            audience_when: when.unwrap_or_default(),
            contents: (rules.contents.iter())
                .map(|rule| (rule.name.clone(), rule.when.to_string()))
                .collect(),
            terms: TermsFilled::of(terms),
            rank: rules.rank.to_string(),
        }
    }

    fn sent(sent: &Sent) -> Self {
        let count: usize = sent.text("rules").parse().unwrap_or(0);
        let text = |name: &str| sent.text(name).to_owned();
        let mut contents: Vec<(String, String)> = (0..count.min(MOST_RULES))
            .map(|at| {
                (
                    text(&format!("rule{at}.name")),
                    text(&format!("rule{at}.when")),
                )
            })
            .collect();
        match sent.pressed() {
            Some(("rules.add", _)) if contents.len() < MOST_RULES => {
                contents.push(Default::default())
            }
            Some(("rules.drop", at)) => {
                let at: usize = at.parse().unwrap_or(usize::MAX);
                if at < contents.len() {
                    contents.remove(at);
                }
            }
            _ => {}
        }
        Self {
            name: text("name"),
            description: text("description"),
            audience: sent.picked("audience", false),
            audience_when: text("audience_when"),
            contents,
            terms: TermsFilled::sent(sent),
            rank: text("rank"),
        }
    }

    /// What it says beside the lists; whether that may be saved is asked afterwards.
    fn rules(&self) -> Result<Rules, Mistakes> {
        let (terms, mut mistakes) = match self.terms.read(false) {
            Ok(terms) => (terms, Mistakes::none()),
            Err(mistakes) => (None, mistakes),
        };
        let rank = match self.rank.as_str() {
            "" => RANK,
            text => text.parse().unwrap_or_else(|_| {
                mistakes.add("rank", "Give a whole number from 1 to 1000.");
                RANK
            }),
        };
        if mistakes.any() {
            return Err(mistakes);
        }
        let when = Condition::new(&self.audience_when);
        Ok(Rules {
            contents: (self.contents.iter())
                .map(|(name, when)| ContentRule {
                    name: name.clone(),
                    when: Condition::new(when),
                })
                .collect(),
            audience_when: (!when.as_str().is_empty()).then_some(when),
            terms: terms.map(|terms| DefaultTerms {
                policy: terms.policy,
                max_duration: terms.max_duration,
                until_revoked: terms.until_revoked,
            }),
            rank,
        })
    }
}

/// The form with what is to be said about it.
struct Shown {
    filled: Filled,
    mistakes: Mistakes,
    meanwhile: Option<Meanwhile>,
    checked: Option<Checked>,
}

impl Shown {
    fn new(filled: Filled) -> Self {
        Self {
            filled,
            mistakes: Mistakes::none(),
            meanwhile: None,
            checked: None,
        }
    }

    /// Where that was asked for: what the conditions are true of now, or what is wrong with them.
    async fn look(&mut self, cx: &Cx, sent: &Sent) -> Result<(), Error> {
        if sent.pressed().is_none_or(|(what, _)| what != "look") {
            return Ok(());
        }
        match self.filled.rules() {
            Err(mistakes) => self.mistakes = mistakes,
            Ok(rules) => {
                let checked = check(cx, &rules).await?;
                if checked.faults.is_empty() {
                    self.checked = Some(checked);
                } else {
                    self.mistakes = mistake(Error::Rules(checked.faults))?;
                }
            }
        }
        Ok(())
    }
}

async fn new_page(cx: Cx, frame: Frame) -> Result<Response, Failure> {
    cx.authorize(Verb::CreateCatalog, Relation::None)?;
    let shown = Shown::new(Filled::fresh());
    form(&cx, &frame, None, shown, StatusCode::OK).await
}

async fn create(cx: Cx, frame: Frame, Form(sent): Form<Sent>) -> Result<Response, Failure> {
    cx.authorize(Verb::CreateCatalog, Relation::None)?;
    let mut shown = Shown::new(Filled::sent(&sent));
    if !sent.to_save() {
        shown.look(&cx, &sent).await?;
        return form(&cx, &frame, None, shown, StatusCode::OK).await;
    }
    let wrong = StatusCode::UNPROCESSABLE_ENTITY;
    let rules = match shown.filled.rules() {
        Ok(rules) => rules,
        Err(mistakes) => {
            shown.mistakes = mistakes;
            return form(&cx, &frame, None, shown, wrong).await;
        }
    };
    let by_rule = !rules.contents.is_empty();
    let new = NewCatalog {
        name: shown.filled.name.clone(),
        description: shown.filled.description.clone(),
        audience: shown.filled.audience.read().into_iter().collect(),
        rules,
    };
    match super::super::create(&cx, new).await {
        Ok(made) => Ok(web::go_with(
            &href(made.id),
            &Flash::done(match by_rule {
                true => "Created.",
                false => "Created. Now put entitlements into it.",
            }),
        )),
        Err(error) => {
            shown.mistakes = mistake(error)?;
            form(&cx, &frame, None, shown, wrong).await
        }
    }
}

async fn edit_page(cx: Cx, frame: Frame, Path(id): Path<CatalogId>) -> Result<Response, Failure> {
    cx.authorize(Verb::UpdateCatalog, Relation::Others)?;
    let now = super::super::get(&cx, id).await?;
    let shown = Shown::new(Filled::of(&now));
    form(&cx, &frame, Some(&now), shown, StatusCode::OK).await
}

async fn edit(
    cx: Cx,
    frame: Frame,
    Path(id): Path<CatalogId>,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    cx.authorize(Verb::UpdateCatalog, Relation::Others)?;
    let mut now = super::super::get(&cx, id).await?;
    let mut shown = Shown::new(Filled::sent(&sent));
    // The version the person began with stays: what was changed since is still found.
    let version = sent.version();
    if !sent.to_save() {
        now.version = version.unwrap_or(now.version);
        shown.look(&cx, &sent).await?;
        return form(&cx, &frame, Some(&now), shown, StatusCode::OK).await;
    }
    let wrong = StatusCode::UNPROCESSABLE_ENTITY;
    let rules = match shown.filled.rules() {
        Ok(rules) => rules,
        Err(mistakes) => {
            now.version = version.unwrap_or(0);
            shown.mistakes = mistakes;
            return form(&cx, &frame, Some(&now), shown, wrong).await;
        }
    };
    let change = Change {
        name: Some(shown.filled.name.clone()),
        description: Some(shown.filled.description.clone()),
        audience: Some(shown.filled.audience.read().into_iter().collect()),
        contents: Some(rules.contents.clone()),
        audience_when: Some(rules.audience_when.clone()),
        terms: Some(rules.terms),
        rank: Some(rules.rank),
    };
    match super::super::update(&cx, id, change, version.or(Some(0))).await {
        Ok(_) => Ok(web::go_with(&href(id), &Flash::done("Saved."))),
        Err(Error::Stale { .. }) => {
            let now = super::super::get(&cx, id).await?;
            shown.meanwhile = Some(changed_meanwhile(&cx, &now, &shown.filled).await?);
            let late = StatusCode::PRECONDITION_FAILED;
            form(&cx, &frame, Some(&now), shown, late).await
        }
        Err(error) => {
            now.version = version.unwrap_or(0);
            shown.mistakes = mistake(error)?;
            form(&cx, &frame, Some(&now), shown, wrong).await
        }
    }
}

async fn changed_meanwhile(cx: &Cx, now: &Catalog, typed: &Filled) -> Result<Meanwhile, Failure> {
    let names = async |picked: &Picked| -> Result<String, Failure> {
        let items = identity::group_items(cx, picked).await?;
        let mut names: Vec<String> = items.into_iter().map(|item| item.title).collect();
        names.sort();
        Ok(names.join(", "))
    };
    let found = Filled::of(now);
    let conditions = |of: &Filled| {
        let all = of.contents.iter();
        let all: Vec<String> = all.map(|(name, when)| format!("{name}: {when}")).collect();
        all.join("; ")
    };
    let asked = crate::policies::all(cx).await?;
    let terms = |of: &Filled| {
        let policy = asked.iter().find(|it| it.id.to_string() == of.terms.policy);
        policy.map_or_else(String::new, |it| it.name.clone())
    };
    let same =
        |label: &str, now: &str, typed: &str| (label.to_owned(), now.to_owned(), typed.to_owned());
    let rows = vec![
        same("Name", &found.name, &typed.name),
        same("Description", &found.description, &typed.description),
        same(
            "Audience",
            &names(&found.audience).await?,
            &names(&typed.audience).await?,
        ),
        same(
            "Audience by condition",
            &found.audience_when,
            &typed.audience_when,
        ),
        same(
            "In it by condition",
            &conditions(&found),
            &conditions(typed),
        ),
        same("Asked for under", &terms(&found), &terms(typed)),
        same("Rank", &found.rank, &typed.rank),
    ];
    Ok(identity::meanwhile(cx, &now.id.to_string(), "catalog.changed", rows).await?)
}

/// At which field a refusal is said.
fn mistake(error: Error) -> Result<Mistakes, Error> {
    let field = match &error {
        Error::Name | Error::NameTaken(_) => "name",
        Error::Description => "description",
        Error::UnknownGroup(_) => "audience",
        Error::Rules(faults) => {
            let mut mistakes = Mistakes::none();
            for fault in faults {
                mistakes.add(field_of(&fault.field), fault.message.clone());
            }
            return Ok(mistakes);
        }
        _ => return Err(error),
    };
    Ok(Mistakes::at(field, error.detail()))
}

/// The field of the form for one of the API.
fn field_of(api: &str) -> String {
    let inner = api.strip_prefix("contents[");
    if let Some((at, name)) = inner.and_then(|rest| rest.split_once("].")) {
        return format!("rule{at}.{name}");
    }
    match api {
        "contents" => "rules",
        "default_terms.policy" | "default_terms.until_revoked" => "policy",
        "default_terms.max_duration_seconds" => "max",
        other => other,
    }
    .to_owned()
}

/// `12 now: a, b, c and 9 more`.
fn found_words(found: &Matches<String>, what: &str) -> String {
    let more = found.count.saturating_sub(found.first.len());
    let first = found.first.join(", ");
    match (found.count, more) {
        (0, _) => format!("True of no {what} now."),
        (n, 0) => format!("True of {n} now: {first}."),
        (n, more) => format!("True of {n} now: {first} and {more} more."),
    }
}

async fn form(
    cx: &Cx,
    frame: &Frame,
    of: Option<&Catalog>,
    shown: Shown,
    status: StatusCode,
) -> Result<Response, Failure> {
    let Shown {
        filled,
        mistakes,
        meanwhile,
        checked,
    } = shown;
    let (action, back) = of.map_or_else(
        || ("/catalogs/new".to_owned(), "/catalogs".to_owned()),
        |catalog| (format!("{}/edit", href(catalog.id)), href(catalog.id)),
    );
    let audience = Choose::new("audience", "Groups", "groups", &action)
        .hint("Members of these groups may ask for what is in it. Groups are Stint's own.")
        .nothing("No group.")
        .wrong(&mistakes);
    let audience = identity::choose_groups(cx, audience, &filled.audience).await?;
    let rules = filled.contents.iter().enumerate();
    let rules: Vec<view::ContentRuleForm> = rules
        .map(|(at, (name, when))| {
            let found = checked.as_ref().and_then(|it| it.contents.get(at));
            view::ContentRuleForm {
                at,
                number: at + 1,
                parts: vec![
                    Field::line(format!("rule{at}.name"), "Name")
                        .hint("For whoever reads the catalog, such as “Every sandbox account”.")
                        .value(name)
                        .needed()
                        .longest(LONGEST_RULE_NAME)
                        .wrong(&mistakes)
                        .into(),
                    Field::text(format!("rule{at}.when"), "In the catalog is what this is true of")
                        .hint("A condition in Cedar over resource: resource has account && resource.account in OrganizationalUnit::\"ou-…\". The guide lists what there is.")
                        .value(when)
                        .needed()
                        .longest(LONGEST)
                        .mono()
                        .wrong(&mistakes)
                        .into(),
                ],
                found: found.map(|it| found_words(it, "entitlement")),
            }
        })
        .collect();
    let people = checked.as_ref().and_then(|it| it.audience.as_ref());
    let terms = filled.terms.parts(
        cx,
        "Nothing: only what has a policy of its own",
        false,
        &mistakes,
    );
    // Emergency access is said of one entitlement.
    let [policy, max, _, until_revoked] = terms.await?;
    let mut terms: Vec<Part> = vec![policy, max, until_revoked];
    terms.push(
        Field::number("rank", "Rank")
            .hint("Where several catalogs of one person hold the same thing, the one with the lower number says how it is asked for; among equals the older one.")
            .value(filled.rank)
            .wrong(&mistakes)
            .into(),
    );
    let page = view::CatalogForm {
        crumb: of.map_or_else(
            || ("/catalogs".to_owned(), "Catalogs".to_owned()),
            |catalog| (back.clone(), catalog.name.clone()),
        ),
        title: if of.is_some() {
            "Change the catalog".to_owned()
        } else {
            "New catalog".to_owned()
        },
        exists: of.is_some(),
        version: of.map(|catalog| catalog.version),
        first: vec![
            Field::line("name", "Name")
                .hint("As people who ask for access know it, such as “Production”.")
                .value(filled.name)
                .required()
                .longest(LONGEST_NAME)
                .wrong(&mistakes)
                .into(),
            Field::text("description", "Description")
                .hint("What is in it, and for whom.")
                .value(filled.description)
                .longest(LONGEST_DESCRIPTION)
                .wrong(&mistakes)
                .into(),
        ],
        audience: vec![
            audience.into(),
            Field::text("audience_when", "Also whoever this is true of")
                .hint("A condition in Cedar over principal: principal has department && principal.department == \"Platform\".")
                .value(filled.audience_when)
                .longest(LONGEST)
                .mono()
                .wrong(&mistakes)
                .into(),
        ],
        audience_found: people.map(|it| found_words(it, "active person")),
        rules_wrong: mistakes.all_of("rules").map(str::to_owned).collect(),
        may_add_rule: rules.len() < MOST_RULES,
        rules,
        terms,
        looked: checked.is_some(),
        action,
        mistakes,
        meanwhile,
        back,
    };
    Ok(web::page_with(status, frame, &page.title, &page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_said_at_the_field_it_is_about() {
        for (api, field) in [
            ("contents", "rules"),
            ("contents[3].when", "rule3.when"),
            ("audience_when", "audience_when"),
            ("default_terms.policy", "policy"),
            ("default_terms.max_duration_seconds", "max"),
            ("rank", "rank"),
        ] {
            assert_eq!(field_of(api), field);
        }
    }

    #[test]
    fn what_was_found_is_counted() {
        let found = |count, first: &[&str]| Matches {
            count,
            first: first.iter().map(|it| (*it).to_owned()).collect(),
        };
        let said = |count, first| found_words(&found(count, first), "entitlement");
        assert_eq!(said(0, &[]), "True of no entitlement now.");
        assert_eq!(said(2, &["a", "b"]), "True of 2 now: a, b.");
        assert_eq!(said(9, &["a", "b"]), "True of 9 now: a, b and 7 more.");
    }
}
