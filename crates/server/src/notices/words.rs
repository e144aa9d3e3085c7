//! What a notice says, kind by kind, and where it leads: plain data, for pages and API, and for
//! whatever else will tell it one day.
//!
//! Everything is looked up for the reader, at the time of reading. What they may not see then
//! says nothing, and is not there.

mod trouble;

use std::collections::{BTreeMap, BTreeSet};

use stint_db::Query;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{GrantId, RequestId};

use super::{Error, Kind, Notice, Shown, Thing};
use crate::cx::Cx;
use crate::grants::{CloseReason, Grant, Names, Origin};
use crate::identity::{DelegationShown, DelegationState};
use crate::requests::{Request, Seen};
use crate::web::form::capital;
use crate::web::time::{exact, words};
use crate::{grants, identity, requests};
use trouble::Connections;

/// What a notice says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// What happened to what, in a line.
    pub title: String,
    /// The rest that is worth knowing; may be empty.
    pub text: String,
    /// The page about it, as a path.
    pub link: String,
    /// The grant that could be extended by one click.
    pub extend: Option<GrantId>,
}

/// These notices with their words, in the same order; without those whose things the caller may
/// not see now. A fixed number of look-ups for all of them, and a few for each delegation and connection.
pub(super) async fn shown(
    cx: &Cx,
    q: &mut impl Query,
    notices: Vec<Notice>,
) -> Result<Vec<Shown>, Error> {
    let (mut of_requests, mut of_grants) = (BTreeSet::new(), BTreeSet::new());
    let (mut delegations, mut of_connections) = (BTreeMap::new(), BTreeSet::new());
    for notice in &notices {
        match notice.thing {
            Thing::Request(id) => of_requests.insert(id),
            Thing::Grant(id) => of_grants.insert(id),
            Thing::Connection(id) => of_connections.insert(id),
            Thing::Delegation(id) => {
                let found = identity::delegation(q, id).await?;
                let found = found.and_then(|it| of_delegation(cx, &it));
                delegations.insert(id, found).is_none()
            }
        };
    }
    let requests = requests::visible(cx, q, of_requests).await?;
    let grants = Grants::visible(cx, q, of_grants).await?;
    let connections = Connections::visible(cx, q, of_connections).await?;
    let said = |notice: &Notice| match notice.thing {
        Thing::Request(id) => requests.get(&id).map(|it| of_request(notice.kind, it)),
        Thing::Grant(id) => grants.words(notice.kind, id, cx),
        Thing::Delegation(id) => delegations.get(&id).cloned().flatten(),
        Thing::Connection(id) => connections.words(notice.kind, id),
    };
    Ok((notices.into_iter())
        .filter_map(|notice| {
            let words = said(&notice)?;
            Some(Shown { notice, words })
        })
        .collect())
}

fn page_of(request: RequestId) -> String {
    format!("/requests/{request}")
}

/// To whoever it concerns, until it is over.
fn of_delegation(cx: &Cx, it: &DelegationShown) -> Option<Words> {
    let of = &it.delegation;
    if of.state(cx.now) == DelegationState::Over {
        return None;
    }
    let me = cx.actor.user();
    let title = if me == Some(of.delegate) {
        format!("{} lets you decide for them", it.user.name)
    } else if me == Some(of.user) {
        format!("{} decides for you", it.delegate.name)
    } else {
        return None;
    };
    let mut text = format!("From {} until {}.", exact(of.starts_at), exact(of.ends_at));
    if !of.note.is_empty() {
        text.push_str(&format!(" “{}”", of.note));
    }
    Some(Words {
        title,
        text,
        link: "/delegations".to_owned(),
        extend: None,
    })
}

fn of_request(kind: Kind, seen: &Seen) -> Words {
    let line = &seen.line;
    let request = &line.request;
    let what = &line.entitlement.name;
    let by = seen
        .closed_by
        .as_ref()
        .map_or("Somebody", |who| who.name.as_str());
    let (title, text) = match kind {
        Kind::RequestApproved => (
            format!("Approved: {what}"),
            match request.start {
                Some(start) => format!("It begins on {}.", exact(start)),
                None => "It is being set up in AWS.".to_owned(),
            },
        ),
        Kind::RequestDenied => {
            let reason = request.rules.denied_because().unwrap_or_default();
            let said = match &seen.closed_by {
                Some(who) => format!("{}: “{reason}”", who.name),
                // By a deadline, or as it can no longer be given.
                None => reason.to_owned(),
            };
            (format!("Denied: {what}"), said)
        }
        Kind::RequestCancelled => (format!("Cancelled: {what}"), format!("{by} took it back.")),
        Kind::RequestQuestion | Kind::RequestComment => {
            let last = match kind {
                Kind::RequestQuestion => &seen.asked,
                _ => &seen.said,
            };
            let (who, said) = match last {
                Some((who, said)) => (who.name.as_str(), format!("“{said}”")),
                None => ("Somebody", String::new()),
            };
            let verb = match kind {
                Kind::RequestQuestion => "asks about",
                _ => "commented on",
            };
            (format!("{who} {verb} {what}"), said)
        }
        Kind::EmergencyGiven => (
            format!(
                "Emergency access given: {what} to {}",
                line.beneficiary.name
            ),
            for_how_long(request),
        ),
        Kind::AccessReview => (
            format!("Is {what} still needed by {}?", line.beneficiary.name),
            for_how_long(request),
        ),
        Kind::AccessReviewed => (
            format!("Under review: {what}"),
            "Its owners are asked whether it is still needed. It ends where they do not say so in time.".to_owned(),
        ),
        Kind::EmergencyReview => (
            format!(
                "Review the emergency access of {} to {what}",
                line.beneficiary.name
            ),
            for_how_long(request),
        ),
        _ => {
            let who = &line.requester.name;
            let group = match (&line.group, kind) {
                (Some(group), _) => format!(" for the group {}", group.name),
                (None, Kind::AskedForMe) => " for you".to_owned(),
                (None, _) if line.is_for_another() => format!(" for {}", line.beneficiary.name),
                (None, _) => String::new(),
            };
            let start = request
                .start
                .map_or_else(String::new, |start| format!(", from {}", exact(start)));
            let emergency = match request.emergency() {
                Some(_) => "Emergency: ",
                None => "",
            };
            let mut text = match request.review_every {
                Some(_) => format!("{}{start}", capital(&request.how_long())),
                None => format!("For {}{start}", words(request.duration)),
            };
            if !request.reason.is_empty() {
                text.push_str(&format!(": “{}”", request.reason));
            }
            text.push_str(&about(request));
            (format!("{emergency}{who} asks for {what}{group}"), text)
        }
    };
    Words {
        title,
        text,
        link: match kind {
            Kind::EmergencyReview => format!("/emergency-reviews/{}", request.id),
            Kind::AccessReview => format!("/until-revoked/{}", request.id),
            _ => page_of(request.id),
        },
        extend: None,
    }
}

fn for_how_long(request: &Request) -> String {
    let length = match request.review_every {
        Some(_) => capital(&request.how_long()),
        None => format!("For {}", words(request.duration)),
    };
    format!("{length}: “{}”{}", request.reason, about(request))
}

/// The ticket it is about, after everything else.
fn about(request: &Request) -> String {
    (request.ticket.as_ref()).map_or_else(String::new, |ticket| format!(" (ticket {ticket})"))
}

/// Grants the reader may see, with their names.
struct Grants {
    grants: BTreeMap<GrantId, Grant>,
    names: Names,
    /// Those the reader can extend.
    possible: Vec<GrantId>,
}

impl Grants {
    async fn visible(cx: &Cx, q: &mut impl Query, ids: BTreeSet<GrantId>) -> Result<Self, Error> {
        let mut grants = grants::several(q, ids).await?;
        grants.retain(|_, grant| {
            let own = cx.actor.user() == Some(grant.user);
            let relation = if own { Relation::Own } else { Relation::Others };
            cx.authorize(Verb::GetGrant, relation).is_ok()
        });
        let all: Vec<Grant> = grants.values().cloned().collect();
        let names = Names::of(q, &all).await?;
        let possible = requests::extensions(cx, q, &all).await?.possible;
        Ok(Self {
            grants,
            names,
            possible,
        })
    }

    fn words(&self, kind: Kind, id: GrantId, cx: &Cx) -> Option<Words> {
        let grant = self.grants.get(&id)?;
        let what = self.names.entitlement(grant)?.name.as_str();
        let user = self.names.user(grant).map_or("", |user| user.name.as_str());
        let whose = match (self.names.group(grant), cx.actor.user() == Some(grant.user)) {
            (Some(group), _) => format!(" for the group {}", group.name),
            (None, false) => format!(" for {user}"),
            (None, true) => String::new(),
        };
        let closed = grant.window.closed.as_ref();
        let note = closed.and_then(|closed| closed.note.clone());
        let (title, text) = match kind {
            Kind::AccessFailed => (
                format!("Not given: {what}{whose}"),
                note.unwrap_or_else(|| {
                    "It was not there in the time allowed. Ask again, or tell an administrator of the connection.".to_owned()
                }),
            ),
            Kind::AccessRemoved => {
                let how = match closed.map(|closed| closed.reason) {
                    Some(CloseReason::Revoked) => "Revoked",
                    Some(CloseReason::CutOff) => "Every grant of it was ended",
                    Some(CloseReason::RemovalDecision) => "A decision was recorded to remove it",
                    Some(CloseReason::Returned) => "Returned",
                    _ => "Called off",
                };
                let why = note.map_or_else(String::new, |note| format!(": “{note}”"));
                (format!("Ended early: {what}{whose}"), format!("{how}{why}"))
            }
            Kind::AccessTakenAway => (
                format!("Taken away in AWS: {what}{whose}"),
                "Stint does not put it back by itself. Ask again, or ask an administrator of the connection.".to_owned(),
            ),
            Kind::AccessEnding => (
                format!("Ends soon: {what}{whose}"),
                match grant.end() {
                    Some(end) => format!("On {}.", exact(end)),
                    None => String::new(),
                },
            ),
            Kind::RemovalStuck => (
                format!("AWS refuses to remove {what} from {user}"),
                (grant.binding.stuck.as_ref())
                    .map_or_else(|| "It goes on now.".to_owned(), |stuck| stuck.reason.clone()),
            ),
            _ => (
                format!("The access is there: {what}{whose}"),
                match grant.end() {
                    Some(_) if let Some(review) = grant.review_at() => {
                        format!("Until revoked, reviewed on {}.", exact(review))
                    }
                    Some(end) => format!("Until {}.", exact(end)),
                    None => "Until it is revoked.".to_owned(),
                },
            ),
        };
        let Origin::Request(request) = grant.origin;
        let extend = kind == Kind::AccessEnding && self.possible.contains(&id);
        Some(Words {
            title,
            text,
            link: page_of(request),
            extend: extend.then_some(id),
        })
    }
}
