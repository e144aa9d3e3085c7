//! The audit log as sentences: who did what to what, with names that lead on. Gathers names
//! from the rooms the events are about; the events themselves are `audit`'s.

use std::collections::BTreeMap;

use axum::response::Response;
use serde_json::Value;
use stint_api::audit::{AuditActor, AuditEvent, AuditSubject};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{EntitlementId, Time, UserId};

use super::pages::audit_view as view;
use crate::audit::{self, CATEGORIES, Filter as Which};
use crate::cx::Cx;
use crate::http::{Failure, Kind, Query, chosen};
use crate::web::form::capital;
use crate::web::time::grouped;
use crate::web::{self, Column, Copyable, Empty, Filter, Frame, List, Listing, When};
use crate::{connections, directory, identity};

/// How many rows a page of the list has.
const ROWS: i64 = 50;

pub(crate) const COLUMNS: &[Column] = &[
    Column::plain("When"),
    Column::plain("What happened"),
    Column::plain("Event"),
];

/// What an action is called in a sentence that begins with who did it.
const SAID: &[(&str, &str)] = &[
    ("application.changed", "changed an application"),
    ("application.created", "created an application"),
    ("attempt.answered", "heard AWS's answer to a change"),
    ("attempt.intended", "set out to change AWS"),
    ("attempt.presumed", "took a change in AWS for done or lost"),
    (
        "binding.absence_proved",
        "read back from AWS that access is gone",
    ),
    ("binding.adopted", "found access in AWS that it had added"),
    (
        "binding.interruption_over",
        "found access back that had been taken away",
    ),
    (
        "binding.provision_again",
        "had access put back that was taken away in AWS",
    ),
    ("binding.removal_decided", "decided that access is removed"),
    ("binding.retried", "had a refused removal tried again"),
    ("binding.stuck", "was refused the removal of access by AWS"),
    (
        "binding.taken_away",
        "found that somebody took access away in AWS",
    ),
    (
        "binding.unstuck",
        "could remove access that AWS had refused to remove",
    ),
    (
        "catalog.access_control_set",
        "set who approves an entitlement, and for how long",
    ),
    ("catalog.changed", "changed a catalog"),
    ("catalog.created", "created a catalog"),
    (
        "catalog.entitlement_removed",
        "took an entitlement out of a catalog",
    ),
    (
        "catalog.entitlements_added",
        "added entitlements to a catalog",
    ),
    ("config.applied", "applied files of configuration"),
    ("connection.changed", "changed a connection"),
    ("connection.created", "created a connection"),
    (
        "connection.draining",
        "took a connection out of service for new requests",
    ),
    ("connection.removed", "removed a connection"),
    ("connection.resumed", "took a connection back into service"),
    ("connection.tested", "tested a connection"),
    (
        "object.intended",
        "set out to change an IAM user or key in AWS",
    ),
    (
        "object.answered",
        "heard AWS's answer about an IAM user or key",
    ),
    (
        "object.presumed",
        "took a change of an IAM user or key for done or lost",
    ),
    ("object.stuck", "could not go on with an IAM user or key"),
    ("object.unstuck", "could go on with an IAM user or key"),
    (
        "object.retried",
        "had a refused change of an IAM user or key tried again",
    ),
    ("iam_user.requested", "had an IAM user made"),
    ("iam_user.pinned", "found the IAM user it is about"),
    ("iam_user.disable_asked", "had an IAM user disabled"),
    ("iam_user.delete_asked", "had an IAM user deleted"),
    ("iam_user.not_made", "could not make an IAM user"),
    ("iam_user.settled", "finished what was asked of an IAM user"),
    ("key_rotation.begun", "began to rotate an access key"),
    ("key_rotation.added", "made the next access key"),
    ("key_rotation.tested", "tested the next access key"),
    ("key_rotation.switched", "switched to the next access key"),
    (
        "key_rotation.deactivated",
        "deactivated the former access key",
    ),
    (
        "key_rotation.lost_key",
        "found an access key that nobody knows",
    ),
    ("key_rotation.failed", "could not rotate an access key"),
    (
        "key_rotation.cancelled",
        "called off the rotation of an access key",
    ),
    (
        "key_rotation.over",
        "finished the rotation of an access key",
    ),
    (
        "connection.key_switched",
        "gave a connection its next access key",
    ),
    (
        "emergency.review_closed",
        "closed the review of emergency access",
    ),
    (
        "emergency.review_opened",
        "gave emergency access, to be reviewed",
    ),
    (
        "emergency.review_overdue",
        "reminded those who review emergency access",
    ),
    ("duty.changed", "changed a duty rule"),
    ("duty.created", "wrote a duty rule"),
    ("grant.closed", "closed a grant"),
    (
        "grant.confirmed",
        "read back from AWS that granted access is there",
    ),
    ("grant.ended", "ended a grant: nothing of it remains"),
    ("grant.opened", "opened a grant"),
    ("group.changed", "changed a group"),
    ("group.created", "created a group"),
    (
        "delegation.created",
        "let somebody decide while a user is away",
    ),
    ("delegation.ended", "ended a delegation"),
    ("group.member_added", "added somebody to a group"),
    ("group.member_removed", "took somebody out of a group"),
    ("link.confirmed", "confirmed whose AWS identity it is"),
    (
        "link.made_primary",
        "made an AWS identity somebody's primary one",
    ),
    ("link.proposed", "proposed whose AWS identity it is"),
    (
        "link.rejected",
        "rejected that an AWS identity is somebody's",
    ),
    ("notice.switched", "said which notices to get"),
    ("policy.created", "created a policy"),
    ("policy.version_written", "wrote a new version of a policy"),
    ("request.approved", "approved a request"),
    ("request.cancelled", "cancelled a request"),
    ("request.commented", "commented on a request"),
    ("request.decided", "decided a request by its policy"),
    ("request.denied", "denied a request"),
    (
        "request.late",
        "opened a request to those who stand in, as it was late",
    ),
    (
        "request.moved_on",
        "moved a request on to its next step, or to another policy, as its time had come",
    ),
    (
        "request.duties_passed",
        "let an emergency pass what duty rules keep apart",
    ),
    ("request.raised", "raised a request to emergency access"),
    (
        "request.reassigned",
        "handed on a place in the step a request waits at",
    ),
    ("request.reminded", "reminded the approvers of a request"),
    ("request.returned", "returned access early"),
    ("request.submitted", "asked for access"),
    ("sign_in.ended", "ended a sign-in"),
    ("sign_in.proof_refused", "gave a wrong password again"),
    ("sign_in.proved", "gave their password again"),
    ("sign_in.refused", "was refused to sign in"),
    ("sign_in.started", "signed in"),
    (
        "changes.read",
        "read again what an event named, and found it changed",
    ),
    (
        "connection.feeds_changed",
        "changed what a connection hears of changes by",
    ),
    ("sync.completed", "read a whole estate"),
    (
        "sync.held",
        "read a whole estate and stopped, since much of it was gone",
    ),
    (
        "sync.accepted",
        "said that what a sync found gone has ended",
    ),
    ("sync.set_aside", "set aside what a sync found gone"),
    ("sync.failed", "could not read an estate to its end"),
    (
        "sync.overdue",
        "found that an estate was not read whole for too long",
    ),
    ("sync.started", "started a sync"),
    ("token.issued", "issued an API token"),
    ("token.revoked", "revoked an API token"),
    (
        "until_revoked.asked",
        "asked the owners whether access until it is revoked is still needed",
    ),
    (
        "until_revoked.closed",
        "said that access until it is revoked is not needed any more",
    ),
    (
        "until_revoked.kept",
        "said that access until it is revoked is still needed",
    ),
    (
        "until_revoked.over",
        "heard from nobody whether access until it is revoked is still needed, or it was ended otherwise",
    ),
    (
        "until_revoked.reminded",
        "reminded the owners that access until it is revoked ends soon",
    ),
    ("user.changed", "changed a user"),
    ("user.created", "created a user"),
    ("user.deactivated", "deactivated a user"),
    ("user.manager_set", "set somebody's manager"),
    ("user.password_set", "set a password"),
    ("user.profile_set", "set somebody's department or title"),
    ("user.reactivated", "made a user active again"),
    ("user.roles_set", "set somebody's roles"),
];

/// The action in a sentence; one that has none yet is said by its own words.
pub(super) fn said(action: &str) -> String {
    SAID.iter().find(|(known, _)| *known == action).map_or_else(
        || format!("did “{}”", action.replace(['.', '_'], " ")),
        |(_, words)| (*words).to_owned(),
    )
}

/// What a category is called.
fn category(word: &str) -> String {
    let plain = match word {
        "attempt" => "Changes in AWS",
        "binding" => "Access in AWS",
        "sign_in" => "Sign-ins",
        "token" => "API tokens",
        "policy" => "Policies",
        "duty" => "Duty rules",
        "config" => "Configuration as code",
        "changes" => "Change events",
        "object" => "IAM users and keys in AWS",
        "iam_user" => "IAM users",
        "key_rotation" => "Key rotations",
        "sync" => "Syncs",
        "until_revoked" => "Access until revoked",
        other => return format!("{}s", capital(other)),
    };
    plain.to_owned()
}

pub(crate) async fn list(
    cx: Cx,
    frame: Frame,
    Query(asked): Query<Listing>,
) -> Result<Response, Failure> {
    // Rights before the words: who may not read it learns nothing from a better word.
    cx.authorize(Verb::ListAudit, Relation::None)?;
    let which = understand(&asked)?;
    if asked.csv() {
        return audit::csv(cx, which).await;
    }
    if asked.json() {
        return audit::json_lines(cx, which).await;
    }
    let page = audit::list(&cx, &which, &asked.paging(ROWS)).await?;
    let names = Names::of(&cx, &page.items, &which).await?;
    let nothing = Empty::new(
        "file-text",
        "Nothing has happened yet",
        "Every change will stand here.",
    );
    let categories = CATEGORIES.iter().map(|word| (*word, category(word)));
    let mut list = List::new("/audit", &asked, COLUMNS, nothing)
        .search("Words in events, or an id: req_…, grt_…, usr_…")
        .filter(Filter::choice(
            "category",
            "About",
            "Everything",
            categories,
        ))
        .filter(Filter::choice(
            "by",
            "By",
            "Anybody",
            [
                ("user", "People"),
                ("system", "Stint itself"),
                ("nobody", "Nobody signed in"),
            ],
        ))
        .filter(Filter::moment("since", "From (UTC)"))
        .filter(Filter::moment("until", "Until (UTC)"));
    if let Some(id) = which.actor {
        list = list.filter(Filter::pin("actor", "Done by", names.user(&id.to_string())));
    }
    if let Some(id) = asked.value("subject") {
        list = list.filter(Filter::pin("subject", "About", names.user(id)));
    }
    let view = view::Audit {
        list: list.also("JSON", "json").answered(&page),
        rows: page
            .items
            .into_iter()
            .map(|event| row(event, &names, cx.now))
            .collect(),
        may_verify: cx.authorize(Verb::VerifyAudit, Relation::None).is_ok(),
    };
    Ok(web::page(&frame, "Audit", &view))
}

fn understand(asked: &Listing) -> Result<Which, Failure> {
    let moment = |name: &'static str| match asked.value(name) {
        None => Ok(None),
        Some(text) => web::time::parse_input(text).map(Some).ok_or_else(|| {
            let words = format!("`{name}` is a moment in UTC, written like 2026-11-23T14:00.");
            Failure::new(Kind::Invalid, "invalid_filter", words)
        }),
    };
    let actor = match asked.value("actor") {
        None => None,
        Some(text) => Some(text.parse::<UserId>().map_err(|_| {
            let words = "`actor` is a user's id (usr_…). Follow a name, or leave it out.";
            Failure::new(Kind::Invalid, "invalid_filter", words)
        })?),
    };
    let words = asked.words();
    let (subject, q) = if is_id(words) {
        (Some(words.to_owned()), String::new())
    } else {
        (asked.value("subject").map(str::to_owned), words.to_owned())
    };
    let category = chosen("category", asked.value("category"), CATEGORIES)?;
    let by = chosen("by", asked.value("by"), audit::ACTORS)?;
    Ok(Which {
        q,
        action: category.map(|word| format!("{word}.")),
        actor,
        by: by.map(str::to_owned),
        subject,
        since: moment("since")?,
        until: moment("until")?,
    })
}

/// `req_01…`: a word, an underscore, 26 letters and digits.
fn is_id(text: &str) -> bool {
    text.split_once('_').is_some_and(|(kind, rest)| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        (2..=4).contains(&kind.len())
            && rest.len() == 26
            && text.chars().all(|c| c == '_' || plain(c))
    })
}

/// The names of what a page of events is about.
struct Names {
    all: BTreeMap<String, String>,
}

impl Names {
    async fn of(cx: &Cx, events: &[AuditEvent], which: &Which) -> Result<Self, Failure> {
        let subjects = || events.iter().flat_map(|event| &event.subject);
        let mut users: Vec<UserId> = subjects().filter_map(|s| s.id.parse().ok()).collect();
        users.extend(which.actor);
        users.extend(
            which
                .subject
                .iter()
                .filter_map(|id| id.parse::<UserId>().ok()),
        );
        let mut things: Vec<EntitlementId> = subjects().filter_map(|s| s.id.parse().ok()).collect();
        let told = |event: &AuditEvent| -> Option<EntitlementId> {
            event.detail.get("entitlement")?.as_str()?.parse().ok()
        };
        things.extend(events.iter().filter_map(told));
        things.sort_unstable();
        things.dedup();
        let error = |e| Failure::from(audit::Error::from(e));
        let mut q = cx.read().await.map_err(error)?;
        let mut all = BTreeMap::new();
        for user in identity::users(&mut q, &users).await.map_err(error)? {
            all.insert(user.id.to_string(), user.name);
        }
        let found = directory::entitlements(&mut q, &things, "", None, ROWS * 4).await;
        for (_, thing) in found.map_err(error)? {
            all.insert(thing.id.to_string(), thing.name);
        }
        for estate in connections::connections(&mut q).await.map_err(error)? {
            all.insert(estate.id.to_string(), estate.name);
        }
        Ok(Self { all })
    }

    fn user(&self, id: &str) -> String {
        self.all.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }
}

fn row(event: AuditEvent, names: &Names, now: Time) -> view::AuditRow {
    let (who, who_href, via) = match event.actor {
        AuditActor::User { id, name, via } => {
            let how = match via.strip_prefix("token:") {
                Some(_) => "with an API token".to_owned(),
                None if via == "page" => String::new(),
                None => via,
            };
            (name, Some(format!("/audit?actor={id}")), how)
        }
        AuditActor::System { task } => ("Stint".to_owned(), None, task),
        AuditActor::Nobody => ("Somebody not signed in".to_owned(), None, String::new()),
    };
    let at: Time = event.at.parse().unwrap_or_default();
    let mut subjects: Vec<view::AuditSubject> = (event.subject.iter())
        .map(|subject| named(subject, names, &event.detail))
        .collect();
    if let Some(id) = event.detail.get("entitlement").and_then(Value::as_str)
        && !event.subject.iter().any(|subject| subject.id == id)
    {
        let subject = AuditSubject {
            kind: "entitlement".to_owned(),
            id: id.to_owned(),
        };
        subjects.push(named(&subject, names, &Value::Null));
    }
    view::AuditRow {
        number: format!("#{}", grouped(event.seq)),
        at: When::both(at, now),
        who,
        who_href,
        via,
        said: said(&event.action),
        why: why(&event.detail),
        action: event.action,
        subjects,
        changes: changes(&event.detail),
        detail: serde_json::to_string_pretty(&event.detail).unwrap_or_default(),
        hash: Copyable::new(event.hash, "the hash"),
        request_id: event.request_id.unwrap_or_default(),
    }
}

/// A thing by its name where it is known, and where it leads.
fn named(subject: &AuditSubject, names: &Names, detail: &Value) -> view::AuditSubject {
    let id = &subject.id;
    let told = || {
        let name = detail
            .get("name")
            .or_else(|| detail.pointer("/after/name"))?;
        let whole = [
            "group",
            "catalog",
            "policy",
            "duty",
            "application",
            "connection",
        ];
        let told = whole.contains(&subject.kind.as_str());
        told.then(|| name.as_str().map(str::to_owned)).flatten()
    };
    let name = names.all.get(id).cloned().or_else(told);
    view::AuditSubject {
        kind: subject.kind.replace('_', " "),
        // An id nobody has a name for is told by its end, which differs.
        name: name.unwrap_or_else(|| match id.char_indices().rev().nth(5) {
            Some((at, _)) => format!("…{}", id.get(at..).unwrap_or_default()),
            None => id.clone(),
        }),
        href: match subject.kind.as_str() {
            "request" => format!("/requests/{id}"),
            "connection" => format!("/connections/{id}"),
            _ => format!("/audit?subject={id}"),
        },
    }
}

/// The reason or comment somebody gave.
fn why(detail: &Value) -> String {
    let said = ["reason", "comment", "note", "error"];
    let found = said.iter().find_map(|name| detail.get(*name)?.as_str());
    let found = found.unwrap_or_default();
    match detail.get("ticket").and_then(Value::as_str) {
        Some(ticket) => format!("{found} (ticket {ticket})").trim_start().to_owned(),
        None => found.to_owned(),
    }
}

/// What was before and is after, where the event tells both.
fn changes(detail: &Value) -> Vec<(String, String, String)> {
    let (Some(before), Some(after)) = (detail.get("before"), detail.get("after")) else {
        return Vec::new();
    };
    let text = |value: &Value| match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match (before.as_object(), after.as_object()) {
        (Some(before), Some(after)) => (after.iter())
            .filter(|(key, value)| before.get(*key) != Some(value))
            .map(|(key, value)| {
                let was = before.get(key).unwrap_or(&Value::Null);
                (key.replace('_', " "), text(was), text(value))
            })
            .collect(),
        _ => vec![("it".to_owned(), text(before), text(after))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_a_room_announces_is_a_sentence() {
        let rooms = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut announced = 0;
        for entry in std::fs::read_dir(rooms).expect("the rooms") {
            let sign = entry.expect("a room").path().join("mod.rs");
            let Ok(text) = std::fs::read_to_string(sign) else {
                continue;
            };
            let sign: String = text.lines().map_while(|l| l.strip_prefix("//!")).collect();
            let Some(events) = sign.split("**Audit events**:").nth(1) else {
                continue;
            };
            let events = events.split("**").next().unwrap_or_default();
            for word in events.split('`').skip(1).step_by(2) {
                let whole = word
                    .split_once('.')
                    .is_some_and(|(_, verb)| !verb.is_empty());
                if whole {
                    announced += 1;
                    assert!(!said(word).starts_with("did “"), "`{word}` has no sentence");
                }
            }
        }
        assert!(announced > 30, "{announced}");
        let known = |action: &str| {
            let (category, _) = action.split_once('.').unwrap_or_default();
            CATEGORIES.contains(&category)
        };
        for (action, _) in SAID {
            assert!(known(action), "`{action}` is in no category");
        }
    }

    #[test]
    fn an_id_is_told_from_words() {
        assert!(is_id("req_01k9x3v5c8fw9q2m7n4p6r8t0z"));
        assert!(!is_id("prod_admin") && !is_id("req_") && !is_id(""));
    }
}
