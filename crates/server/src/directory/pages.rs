//! The pages of this room: one connection with its tests and syncs, and the links between
//! users and principals.

mod changes;
mod facts;
mod held;
pub(crate) mod links;
mod propose;
pub(crate) mod view;
mod words;

use std::time::Duration;

use axum::response::Response;
use http::Method;
use stint_domain::rights::{Relation, Verb};
use stint_domain::sync::plan::{Choice, Listing as Asked, Question};
use stint_domain::{ConnectionId, Time};

use super::{Error, Freshness, Overdue, Plan, SyncRun};
use crate::connections::{self, Check, Connection, Credential, Outcome, Owner, People, Status};
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Paging, Path, Query, Routes};
use crate::web::time::{grouped, words as in_words};
use crate::web::{
    self, Chip, Copyable, Empty, Fact, Facts, Flash, Frame, Listing, Note, Snippet, Tone, When,
};

pub(crate) use facts::views;
#[cfg(test)]
pub(crate) use facts::{ACCOUNT_COLUMNS, ROLE_COLUMNS, USER_COLUMNS};
#[cfg(test)]
pub(crate) use held::COLUMNS as HELD_COLUMNS;
pub(crate) use links::link_rows;
pub(crate) use view::LinkRow;
pub(crate) use words::{console, entitlement_facts, partition, place, places};

/// How many rows a page of a list has.
const ROWS: i64 = 50;
/// How many syncs one page shows.
const RUNS: i64 = 10;
/// How long the page waits for a sync that is over quickly.
const PATIENCE: Duration = Duration::from_millis(700);
/// Seconds between two looks at a sync under way.
const LOOK: u32 = 2;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .page(Verb::GetConnection, Method::GET, "/connections/{id}", show)
        .page(
            Verb::SyncConnection,
            Method::POST,
            "/connections/{id}/sync",
            sync,
        )
        .merge(facts::routes())
        .merge(changes::routes())
        .merge(held::routes())
        .merge(links::routes())
        .merge(propose::routes())
}

async fn show(
    cx: Cx,
    frame: Frame,
    Path(id): Path<ConnectionId>,
    Query(asked): Query<Listing>,
) -> Result<Response, Failure> {
    let found = connections::get(&cx, id).await?;
    let application = connections::get_application(&cx, found.application).await?;
    let page = super::sync_runs(&cx, id, None, &asked.paging(RUNS)).await?;
    let path = format!("/connections/{id}");
    let waits = super::sync_runs(&cx, id, Some("held"), &Paging::first(1)).await?;
    let waits = waits.items.first().filter(|_| found.removed_at.is_none());
    let may = |verb| cx.authorize(verb, Relation::Others).is_ok();
    let running = page.items.iter().find(|run| run.state == "running");
    let syncing = running.is_some() || found.status == Status::Syncing;
    let tested = found.last_test.as_ref().is_some_and(|test| test.passed);
    let refusing = super::refusing(&cx, id).await?;
    let people = connections::people(&cx, &found).await?;
    let overdue = super::trouble(&mut cx.read().await?, id).await?.overdue;
    let freshness = super::freshness(&cx, id).await?;
    let view = view::ShowConnection {
        application: application.name,
        chip: connections::chip(&found),
        iam: found.iam,
        by_key: found.credential.key().is_some(),
        drain: (may(Verb::DrainConnection) || found.draining.is_some())
            .then(|| format!("{path}/drain")),
        test: (may(Verb::TestConnection) && found.removed_at.is_none())
            .then(|| format!("{path}/test")),
        sync: (may(Verb::SyncConnection) && !syncing && tested && found.removed_at.is_none())
            .then(|| format!("{path}/sync")),
        changes: format!("{path}/changes"),
        replace: (may(Verb::UpdateConnection) && found.removed_at.is_none())
            .then(|| format!("{path}/credential")),
        fresh: found.last_sync_at.is_none(),
        notes: notes(&cx, &found, overdue, syncing),
        progress: running.map(progress),
        held: waits.map(|run| {
            let words = format!(
                "A sync found {} assignments gone and ended none of them.",
                grouped(run.ended)
            );
            (words, format!("{path}/syncs/{}", run.id))
        }),
        tested: found
            .last_test
            .as_ref()
            .map(|test| When::relative(test.at, cx.now)),
        checks: found
            .last_test
            .iter()
            .flat_map(|test| &test.checks)
            .map(check_row)
            .collect(),
        actions: action_rows(&found),
        facts: facts(&found, &cx, refusing, &people, &freshness),
        plan: (page.items.iter())
            .find(|run| !run.plan.choices.is_empty())
            .map(|run| plan_rows(&run.plan, &cx))
            .unwrap_or_default(),
        pager: asked.pager(&path, page.next.as_deref()),
        runs: page.items.iter().map(|run| run_row(run, cx.now)).collect(),
        no_runs: Empty::new(
            "refresh",
            "Never synced",
            "A sync reads accounts, permission sets, people, groups and who holds what. It changes nothing in AWS.",
        ),
        poll: syncing.then_some(LOOK),
        name: found.name,
        path,
    };
    let frame = frame.refreshing(view.poll);
    Ok(web::page(&frame, &view.name, &view))
}

/// What to know, or to do next.
fn notes(cx: &Cx, found: &Connection, overdue: Option<Overdue>, syncing: bool) -> Vec<Note> {
    let mut notes = Vec::new();
    if found.removed_at.is_some() {
        notes.push(Note::info(
            "This connection was removed. What it led to is on record only.",
        ));
        return notes;
    }
    if found.draining.is_some() {
        notes.push(Note::info(
            "This connection is drained: it gives no new access, and what it gave runs out.",
        ));
    }
    if found.status == Status::Failing
        && let Some(why) = &found.status_detail
    {
        notes.push(Note::refusal(why));
    }
    if let Some(overdue) = overdue {
        let since = in_words(cx.now.since(overdue.since));
        notes.push(Note::warning(match found.last_sync_at {
            Some(_) => format!(
                "The last full sync was {since} ago: what is shown of AWS may be out of date."
            ),
            None => format!("There has been no full sync since the first one began {since} ago."),
        }));
    }
    let key = found.credential.key();
    if let Some(age) = key.and_then(|key| cx.app.key_rules.too_old(key.set_at, cx.now)) {
        notes.push(Note::warning(format!(
            "Its access key is {} old: rotate it, under “Access key”.",
            in_words(age)
        )));
    }
    if found.last_sync_at.is_none() && !syncing {
        notes.push(match &found.last_test {
            None => Note::info("Next: set up the way into AWS, then test the connection."),
            Some(test) if !test.passed => {
                Note::info("Next: mend what the test found missing, then test again.")
            }
            Some(_) => Note::info("Next: sync it for the first time."),
        });
    }
    notes
}

fn progress(run: &SyncRun) -> view::Progress {
    let rest = format!("{} assignments seen", grouped(run.seen));
    let known = run.expected > 0;
    view::Progress {
        doing: format!("reading {}", run.phase),
        strong: grouped(run.done),
        faint: if known {
            format!("of about {} calls · {rest}", grouped(run.expected))
        } else {
            format!("calls · {rest}")
        },
        bar: known.then(|| (run.done.min(run.expected), run.expected)),
    }
}

fn plan_rows(plan: &Plan, cx: &Cx) -> Vec<view::PlanRow> {
    let count = |calls: u64| grouped(i64::try_from(calls).unwrap_or(i64::MAX));
    let refused = |it: &Choice| {
        let actions = it.options.iter().map(|it| it.listing.action());
        let actions: Vec<&str> = actions.collect();
        let without = match it.question {
            Question::Report => {
                "Allow iam:GenerateCredentialReport and iam:GetCredentialReport: without them \
                 nobody knows passwords, MFA and keys but user by user, by three calls each."
                    .to_owned()
            }
            _ => format!(
                "Allow {}: without it, what is known is not read again.",
                actions.join(" or ")
            ),
        };
        (it.chosen.is_none() && !actions.is_empty()).then_some(without)
    };
    let stopped = |it: &Choice| {
        let of = |listing: Asked| it.question.listings().contains(&listing);
        let found = plan.stopped.iter().find(|(listing, _)| of(*listing));
        found.map(|(_, why)| format!("Given up until the next sync, after failures: {why}"))
    };
    let cheaper = |it: &Choice| {
        it.missing().map(|(missing, saved)| {
            let minutes = super::minutes(cx, missing.listing, saved);
            format!(
                "Allow {}: asking {} saves {} calls a sync, about {} at the rate AWS bears.",
                missing.listing.action(),
                missing.listing.title(),
                count(saved),
                plural(minutes),
            )
        })
    };
    let row = |it: &Choice| view::PlanRow {
        question: capital(it.question.title()),
        how: match it.chosen {
            Some(chosen) => chosen.listing.title().to_owned(),
            None => "AWS refuses every listing".to_owned(),
        },
        calls: it.chosen.map(|it| count(it.calls)).unwrap_or_default(),
        advice: (stopped(it).or_else(|| cheaper(it))).or_else(|| refused(it)),
    };
    plan.choices.iter().map(row).collect()
}

fn plural(minutes: u64) -> String {
    match minutes {
        1 => "a minute".to_owned(),
        more => format!("{more} minutes"),
    }
}

/// What is missing first, then what cannot be told; in the policy's order within.
fn action_rows(found: &Connection) -> Vec<view::ActionRow> {
    let report = found.last_test.as_ref();
    let all = report.map_or(&[][..], |report| &report.actions);
    let of = |able: &'static str| all.iter().filter(move |it| it.able == able);
    (of("missing").chain(of("unknown")).chain(of("works")))
        .map(|it| view::ActionRow {
            action: it.action.clone(),
            purpose: capital(&it.purpose),
            chip: match (it.able.as_str(), it.weight.as_str()) {
                ("works", _) => Chip::new(Tone::Live, "circle-check", "Works"),
                ("missing", "needed") => Chip::new(Tone::Stop, "circle-x", "Missing"),
                ("missing", _) => Chip::new(Tone::Soon, "alert-triangle", "Missing"),
                _ => Chip::new(Tone::Idle, "info-circle", "Cannot be told"),
            },
            note: it.note.as_deref().map(capital).unwrap_or_default(),
        })
        .collect()
}

fn check_row(check: &Check) -> view::CheckRow {
    let mend = check.mend.as_deref().unwrap_or_default();
    // A policy to paste stands at the end, from its bracket on.
    let (mend, add) = match mend.split_once("\n{") {
        Some((words, rest)) => {
            let policy = format!("{{{}", rest.trim_end());
            (words, Some(Snippet::new("Policy to paste", policy)))
        }
        None => (mend, None),
    };
    view::CheckRow {
        add,
        name: check_title(&check.name),
        chip: match check.outcome {
            Outcome::Ok => Chip::new(Tone::Live, "circle-check", "Works"),
            Outcome::Warning => Chip::new(Tone::Soon, "alert-triangle", "Warning"),
            Outcome::Failed => Chip::new(Tone::Stop, "circle-x", "Failed"),
        },
        what: capital(&check.what),
        mend: mend.to_owned(),
        aws_request_ids: check
            .request_ids
            .iter()
            .map(|id| Copyable::new(id, "the AWS request id"))
            .collect(),
    }
}

fn check_title(name: &str) -> String {
    match name {
        "role_arn" => "Role ARN".to_owned(),
        "base_identity" => "Base identity".to_owned(),
        "assume_role" => "Assume the role".to_owned(),
        "external_id" => "Only with the External ID".to_owned(),
        "console" => "No console password".to_owned(),
        "access_key" => "Access key".to_owned(),
        "identity_center" => "Identity Center".to_owned(),
        "iam" => "IAM users and groups".to_owned(),
        "least_privilege" => "No more than it needs".to_owned(),
        "iam_groups" => "Only the named IAM groups".to_owned(),
        "permissions" => "What it may do".to_owned(),
        "conditions" => "Conditions of its policies".to_owned(),
        "change_events" => "Change events".to_owned(),
        "member_accounts" => "Member accounts".to_owned(),
        "scim" => "SCIM endpoint".to_owned(),
        "estate" => "One estate, one connection".to_owned(),
        other => capital(&other.replace('_', " ")),
    }
}

/// The text with a capital letter in front, unless it begins with an ARN or the like.
fn capital(text: &str) -> String {
    let first = text.split_whitespace().next().unwrap_or_default();
    if first.contains(':') {
        return text.to_owned();
    }
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// How a run is.
fn run_chip(state: &str) -> Chip {
    match state {
        "running" => Chip::new(Tone::Wait, "refresh", "Running"),
        "held" => Chip::new(Tone::Soon, "alert-triangle", "Waits for a decision"),
        "ending" => Chip::new(Tone::Wait, "refresh", "Being written down"),
        "complete" => Chip::new(Tone::Live, "circle-check", "Complete"),
        "set_aside" => Chip::new(Tone::Idle, "ban", "Set aside"),
        _ => Chip::new(Tone::Stop, "circle-x", "Failed"),
    }
}

fn run_row(run: &SyncRun, now: Time) -> view::RunRow {
    let seen = format!(
        "{} assignments seen, {} new, {} gone; {} calls",
        grouped(run.seen),
        grouped(run.appeared),
        grouped(run.ended),
        grouped(run.calls)
    );
    view::RunRow {
        started: When::both(run.started_at, now),
        chip: run_chip(&run.state),
        took: run
            .finished_at
            .map(|end| in_words(end.since(run.started_at)))
            .unwrap_or_default(),
        saw: match &run.error {
            Some(error) => error.clone(),
            None if run.finished_at.is_some() && run.unread > 0 => format!(
                "{seen}; the IAM of {} accounts could not be read",
                grouped(run.unread)
            ),
            None if run.finished_at.is_some() => seen,
            None => String::new(),
        },
    }
}

/// These people by name.
fn names(people: &[Owner]) -> String {
    let names: Vec<&str> = people.iter().map(|it| it.name.as_str()).collect();
    match names.is_empty() {
        true => "nobody".to_owned(),
        false => names.join(", "),
    }
}

/// Who answers for it, where that is changed for whoever may, and who is told of trouble.
fn people_facts(found: &Connection, cx: &Cx, people: &People) -> Vec<Fact> {
    let kept = found.removed_at.is_none();
    let may = |verb| kept && cx.authorize(verb, Relation::Others).is_ok();
    let mut owners = Fact::new("Owners", names(&people.owners));
    if may(Verb::UpdateConnection) {
        owners = owners.link(
            format!("/connections/{}/owners", found.id),
            "Change the owners",
        );
    }
    let mut above = Fact::new(
        "Owners of the application",
        names(&people.application_owners),
    );
    if may(Verb::UpdateApplication) {
        let place = format!("/applications/{}/edit", found.application);
        above = above.link(place, "Change the application");
    }
    let mut facts = vec![owners, above];
    if kept {
        let told = Fact::new("Told when it is in trouble", names(&people.told));
        let owner =
            |it: &Owner| people.owners.contains(it) || people.application_owners.contains(it);
        facts.push(match people.told.iter().any(owner) {
            true => told,
            false => told.faint("no owner is there who may look at it"),
        });
    }
    facts
}

fn facts(
    found: &Connection,
    cx: &Cx,
    refusing: i64,
    people: &People,
    freshness: &Freshness,
) -> Facts {
    let mut facts = Vec::new();
    if let Some(account) = &found.management_account {
        let copy = Copyable::new(account, "the account's number");
        facts.push(Fact::new("Management account", "").copy(copy));
    }
    match &found.credential {
        Credential::Role { arn } => {
            facts.push(Fact::new("Role", "").copy(Copyable::new(arn, "the ARN")));
            let external_id = Copyable::new(&found.external_id, "the External ID");
            facts.push(Fact::new("External ID", "").copy(external_id));
        }
        Credential::AccessKey(key) => {
            let id = Copyable::new(&key.id, "the Access Key ID");
            facts.push(Fact::new("Access key", "").copy(id));
            let since = When::both(key.set_at, cx.now);
            facts.push(Fact::new("Key given to Stint", "").when(since));
        }
        Credential::Host { account } => {
            let own = "this host's own credentials";
            facts.push(Fact::new("Enters by", own).faint(format!("account {account}")));
        }
    }
    let center = Fact::new("Identity Center", &found.region);
    facts.push(match &found.instance_arn {
        Some(arn) => center.copy(Copyable::new(arn, "the ARN")),
        None => center.faint("its instance is found by the first test that passes"),
    });
    if found.iam {
        let place = format!("/connections/{}/member-accounts", found.id);
        let words = match found.members.as_ref().filter(|it| it.on) {
            None => "own account only".to_owned(),
            Some(_) if refusing == 0 => "own account and member accounts".to_owned(),
            Some(_) => format!(
                "own account and member accounts; {} do not let Stint in",
                grouped(refusing)
            ),
        };
        facts.push(Fact::new("IAM", words).link(place, "Member accounts"));
    }
    if let Some(at) = found.last_sync_at {
        facts.push(Fact::new("Last full sync", "").when(When::both(at, cx.now)));
    }
    facts.extend(people_facts(found, cx, people));
    facts.extend(how_fresh(found, freshness, cx.now));
    facts.push(Fact::new("Id", "").copy(Copyable::new(found.id.to_string(), "the id")));
    Facts { facts }
}

/// Since when everything is known, or how much of it the last sync did not read whole. Nothing before
/// the first.
fn how_fresh(found: &Connection, of: &Freshness, now: Time) -> Option<Fact> {
    let place = format!("/connections/{}/changes", found.id);
    found.last_sync_at?;
    let unread = (of.classes.iter()).filter(|it| it.why.is_some() || it.read_at.is_none());
    let unread = unread.count();
    if unread > 0 {
        let words = format!(
            "{unread} of {} kinds of object not read whole by the last sync",
            of.classes.len()
        );
        return Some(Fact::new("How fresh it is", words).link(place, "Which, and why"));
    }
    let oldest = of.classes.iter().filter_map(|it| it.read_at).min()?;
    let fact = Fact::new("All of it read since", "").when(When::both(oldest, now));
    Some(fact.link(place, "Each kind of object"))
}

async fn sync(cx: Cx, Path(id): Path<ConnectionId>) -> Result<Response, Failure> {
    // A large estate takes minutes: the run goes on when this answer has gone out, and the
    // connection's page shows how far it is.
    let run = tokio::spawn(async move { super::sync(&cx, id).await });
    let flash = match tokio::time::timeout(PATIENCE, run).await {
        Err(_) => Flash::done("The sync has begun."),
        Ok(Ok(Ok(run))) => Flash::done(format!("Synced: {} assignments seen.", grouped(run.seen))),
        Ok(Ok(Err(error @ (Error::Denied(_) | Error::NotFound | Error::Db(_))))) => {
            return Err(error.into());
        }
        Ok(Ok(Err(error))) => Flash::failed(error.detail()),
        Ok(Err(_)) => Flash::failed("The sync was broken off. Start it again."),
    };
    Ok(web::go_with(&format!("/connections/{id}"), &flash))
}
