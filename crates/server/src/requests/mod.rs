//! Requests: asking for access, and answering.
//!
//! Tables: `submissions`, `requests`, `request_approvers`, `decisions`, `request_comments`,
//! `request_moments`, `request_handovers`, `emergency_reviews`, `emergency_reviewers`, `emergency_beneficiaries`,
//! `until_revoked_reviews`. Events:
//! `request.submitted`, `request.decided`, `request.approved`, `request.denied`,
//! `request.cancelled`, `request.returned`, `request.commented`, `request.reminded`,
//! `request.late`, `request.moved_on`, `request.raised`, `request.reassigned`; `emergency.asked` and `emergency.given` as
//! news, `emergency.review_opened`, `emergency.review_overdue`, `emergency.review_closed`;
//! `until_revoked.asked`, `until_revoked.reminded`, `until_revoked.kept`, `until_revoked.closed`,
//! `until_revoked.over`. Reads `grant.closed` of the outbox: what is ended early is reviewed no more.
//!
//! What may happen is `stint_domain::request`'s to say, by the policy version pinned when
//! it was asked; this room loads the facts (who is in which group *now*), writes down the
//! answer, and opens the grants in the same transaction as the last approval. Two people
//! who decide at once are put one after the other by the request's row.
//!
//! What is asked is held by the requester's own AWS identity, by that of somebody for whom they
//! may ask ([`another`]), or by an Identity Center group; then everybody in it benefits and nobody of
//! them decides, and the requester is answerable.
//!
//! It does not know what happens in AWS (that is `grants`).

use std::collections::BTreeSet;
use std::sync::Arc;

use stint_db::Query;
use stint_domain::entitlement::{Pair, PrincipalKind};
use stint_domain::policy::{self, Emergency};
use stint_domain::request::{self as rules, Decider, Membership, Source};
use stint_domain::rights::Relation;
use stint_domain::{
    ConnectionId, DecisionId, EntitlementId, GrantId, GroupId, PrincipalId, RequestId, Span,
    SubmissionId, Time, UserId,
};

use crate::cx::{Cx, Via};
use crate::duties::Conflict;
use crate::outbox::Sink;
use crate::policies::PolicyVersion;
use crate::tasks::Task;
use crate::web::time::words;
use crate::{connections, directory, grants, identity, policies};

mod another;
mod apart;
mod ask;
mod clock;
mod comments;
mod decide;
mod emergency;
mod error;
mod extend;
mod facts;
mod http;
pub(crate) mod pages;
mod read;
mod reassign;
pub mod replay;
mod several;
mod step_up;
mod store;
#[cfg(test)]
mod tests;
mod ticket;
mod timeline;
mod told;
mod until;

pub use another::Whose;
pub use ask::{NewRequest, Preview, Probe, groups, preview, submit};
pub use comments::{Comment, MOST_COMMENTS, comment};
pub use decide::{approve, cancel, deny, return_early};
pub use emergency::{
    Counts, REVIEW_STATES, Raise, Raised, Review, ReviewDetail, ReviewFilter, ReviewLine,
    ReviewState, close, counts, raise, review, reviewers, reviews, to_close, told as told_at_once,
};
pub use error::{Error, Hurdle};
pub use extend::{Extended, Extension, Extensions, extend, extensions};
pub(crate) use http::routes;
pub(crate) use pages::emergency::waiting as waiting_reviews;
pub(crate) use pages::until::waiting as answers_waiting;
pub(crate) use pages::{AskOnce, RequestRow, request_rows, routes as page_routes};
pub use read::{Approver, Detail, Filter, Line, SORTS, StepView, Who, get, inbox, list, mine};
pub use reassign::{Reassign, reassign};
pub use several::{ItemFault, MOST_ITEMS, Submission, cancel_all, submission, submit_several};
pub(crate) use store::STATEMENTS;
pub(crate) use store::handed::STATEMENTS as HANDED_STATEMENTS;
pub(crate) use store::moments::STATEMENTS as MOMENT_STATEMENTS;
pub(crate) use store::reviews::STATEMENTS as REVIEW_STATEMENTS;
pub(crate) use store::until::STATEMENTS as UNTIL_STATEMENTS;
pub use timeline::{HandedOn, Happening, Moved, What};
pub use told::{Seen, concerned, deciders, extending, find, visible};
pub use until::{
    KEPT_STATES, Kept, KeptDetail, KeptFilter, KeptLine, KeptState, answer, answerers, kept_review,
    kept_reviews, waiting_answers,
};

/// A request as it is stored: the rules' view of it, and what was asked in AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Which.
    pub id: RequestId,
    /// What the rules know: who, when, the pinned rules, how far it is.
    pub rules: rules::Request,
    /// Who would hold what.
    pub pair: Pair,
    /// What kind of principal that is: the requester's own, or a group of people.
    pub held_as: PrincipalKind,
    /// The pinned version.
    pub policy: PolicyVersion,
    /// Why.
    pub reason: String,
    /// The ticket it is about, as whoever asked wrote it.
    pub ticket: Option<String>,
    /// For how long, from the moment the access is there; where it is asked for until it is revoked, until
    /// its end if nobody answers its first review.
    pub duration: Span,
    /// How often it is asked whether it is still needed, where it is asked for until it is revoked: as the
    /// pinned version said then.
    pub review_every: Option<Span>,
    /// Not before; at once if absent.
    pub start: Option<Time>,
    /// The grant that would go on, where it is asked for an extension.
    pub extends: Option<GrantId>,
    /// With which others it was asked for.
    pub submission: Option<SubmissionId>,
    /// The request that was raised to this one.
    pub raised_from: Option<RequestId>,
    /// What duty rules had against it when it was asked, and it went on all the same.
    pub conflicts: Vec<Conflict>,
    /// Every answer given, oldest first.
    pub decisions: Vec<Decision>,
    /// Counts changes.
    pub version: i64,
}

/// One person's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Which.
    pub id: DecisionId,
    /// At which step, counted from 0.
    pub step: usize,
    /// Whose.
    pub by: UserId,
    /// Whether it was yes.
    pub approved: bool,
    /// The parts of the step it may count for, from 0.
    pub parts: BTreeSet<usize>,
    /// For whom, where they decided as a delegate.
    pub on_behalf_of: Option<UserId>,
    /// What they said.
    pub comment: String,
    /// When.
    pub at: Time,
}

impl Request {
    /// Who asked.
    pub const fn requester(&self) -> UserId {
        self.rules.question.requester
    }

    /// Who would hold the access.
    pub const fn beneficiary(&self) -> UserId {
        self.rules.question.beneficiary
    }

    /// What was asked for.
    pub const fn entitlement(&self) -> EntitlementId {
        self.pair.entitlement
    }

    /// What its policy says about emergencies, where it was asked in one.
    pub const fn emergency(&self) -> Option<&Emergency> {
        self.policy.body.emergency.as_ref()
    }

    /// The name of the policy's rule that applied when it was asked, if one did.
    pub fn rule(&self) -> Option<&str> {
        let outcome = self.rules.question.outcome();
        outcome.rule.map(|rule| rule.name.as_str())
    }

    /// Its policy, version and rule, in words.
    fn policy_words(&self) -> String {
        let policy = &self.policy;
        let rule = self.rule().map(|rule| format!(", rule “{rule}”"));
        format!(
            "“{}”, version {}{}",
            policy.name,
            policy.number,
            rule.unwrap_or_default()
        )
    }

    /// For how long it is asked for, as conditions of policies see it: until it is revoked counts as the
    /// longest there is.
    pub fn asked_for(&self) -> Span {
        match self.review_every {
            Some(_) => policy::LONGEST,
            None => self.duration,
        }
    }

    /// For how long, in words: `2 h`, or `until revoked, reviewed every 90 d`.
    pub fn how_long(&self) -> String {
        match self.review_every {
            Some(every) => format!("until revoked, reviewed every {}", words(every)),
            None => words(self.duration),
        }
    }

    /// Whether an Identity Center group would hold it.
    pub fn is_for_a_group(&self) -> bool {
        self.held_as == PrincipalKind::IdentityCenterGroup
    }

    /// When.
    pub const fn submitted_at(&self) -> Time {
        self.rules.question.submitted_at
    }

    /// `pending`, `approved`, `denied` or `cancelled`.
    pub const fn state(&self) -> &'static str {
        self.rules.state.as_str()
    }
}

/// Every task of this room.
pub(crate) fn tasks() -> Vec<Arc<dyn Task>> {
    vec![
        Arc::new(clock::Clock),
        Arc::new(emergency::Due),
        Arc::new(until::Due),
    ]
}

/// What this room reads of the outbox.
pub(crate) fn sink() -> Arc<dyn Sink> {
    Arc::new(until::Ended)
}

/// How somebody stands to a request.
async fn relation(
    q: &mut impl Query,
    request: &Request,
    user: UserId,
    now: Time,
) -> Result<Relation, Error> {
    let reader = Reader::of(q, user, now).await?;
    related(q, request, &reader).await
}

/// Somebody who looks at requests.
struct Reader {
    /// Them, and who has delegated to them, each with their groups.
    people: Vec<(UserId, BTreeSet<GroupId>)>,
    now: Time,
}

impl Reader {
    async fn of(q: &mut impl Query, user: UserId, now: Time) -> Result<Self, Error> {
        let delegations = identity::delegated_to(q, [user], now).await?;
        let mut people = Vec::new();
        for id in [user]
            .into_iter()
            .chain(delegations.iter().map(|it| it.user))
        {
            let groups = identity::groups_of(q, id).await?;
            people.push((id, groups.into_iter().collect()));
        }
        Ok(Self { people, now })
    }
}

/// The same for several requests.
async fn related(
    q: &mut impl Query,
    request: &Request,
    reader: &Reader,
) -> Result<Relation, Error> {
    let all = request.rules.question.steps();
    let steps = || all.iter().copied();
    let named = policy::sources(steps());
    let Some((user, _)) = reader.people.first() else {
        return Ok(Relation::Others);
    };
    let user = *user;
    if user == request.requester() || user == request.beneficiary() {
        return Ok(Relation::Own);
    }
    // Who is asked whether access until it is revoked is still needed sees it.
    let given = request.review_every.is_some() && request.state() == "approved";
    if given && connections::is_owner(q, request.pair.connection, user).await? {
        return Ok(Relation::Involved);
    }
    // Who is told of it, and who reviews it, sees it.
    let watching = request.emergency().into_iter().flat_map(Emergency::groups);
    let mine = reader.people.first().map(|(_, groups)| groups);
    let own = |d: &Decision| d.by == user || d.on_behalf_of == Some(user);
    if watching
        .into_iter()
        .any(|group| mine.is_some_and(|mine| mine.contains(&group)))
    {
        return Ok(Relation::Involved);
    }
    if request.decisions.iter().any(own) {
        return Ok(Relation::Involved);
    }
    // Who has, had or gave a place in it is named by that.
    let handed = |it: &rules::Handover, user: UserId| {
        it.to == user || it.from == Some(user) || it.by == user
    };
    if request.rules.handed.iter().any(|it| handed(it, user)) {
        return Ok(Relation::Involved);
    }
    // For somebody else they look at what waits, not at what is past.
    let for_others = matches!(request.rules.state, rules::State::Pending { .. });
    let whose = (reader.people.iter()).take(if for_others { usize::MAX } else { 1 });
    let has = request.rules.holders();
    for (id, groups) in whose.clone() {
        if has.contains(id) {
            return Ok(Relation::Involved);
        }
        if named.users.contains(id) || !groups.is_disjoint(&named.groups) {
            return Ok(Relation::Involved);
        }
    }
    if steps().any(facts::asks_more) {
        let only = whose.clone().map(|(id, _)| *id).collect();
        let subject = facts::subject(q, request, Some(only), reader.now).await?;
        let people = policies::people(q, steps(), Some(&subject)).await?;
        let mut all = steps().flat_map(|step| [&step.approvers, &step.fallback]);
        let is_named = |of: &policy::Approvers| {
            let all = of.everybody(&people);
            whose.clone().any(|(id, _)| all.contains_key(id))
        };
        if all.any(is_named) {
            return Ok(Relation::Involved);
        }
    }
    Ok(Relation::Others)
}

/// Whether they would hold it as members of the group it is for ([`beneficiaries`]).
async fn benefits(
    q: &mut impl Query,
    request: &Request,
    user: UserId,
) -> Result<bool, stint_db::Error> {
    Ok(request.is_for_a_group() && benefiting(q, user).await?.contains(&request.pair.principal))
}

/// The people in an Identity Center group: as the directory last saw it, and those whom a grant
/// puts into it that has not ended, though AWS may not show it yet.
async fn beneficiaries(
    q: &mut impl Query,
    group: PrincipalId,
) -> Result<BTreeSet<UserId>, stint_db::Error> {
    let mut users = match directory::membership_of(q, group).await? {
        Some(membership) => grants::holders_of(q, membership).await?,
        None => BTreeSet::new(),
    };
    let members = directory::members(q, group).await?;
    users.extend(members.into_iter().filter_map(|it| it.user));
    Ok(users)
}

/// The same from the other side: the groups of which somebody is one of the [`beneficiaries`].
async fn benefiting(
    q: &mut impl Query,
    user: UserId,
) -> Result<BTreeSet<PrincipalId>, stint_db::Error> {
    let mut groups = directory::groups_with(q, user).await?;
    let held = grants::held_by(q, user).await?;
    groups.extend(directory::groups_behind(q, held).await?);
    Ok(groups)
}

/// Somebody without regard to any request.
async fn voter(q: &mut impl Query, user: UserId) -> Result<Decider, stint_db::Error> {
    let memberships = identity::memberships(q, user).await?;
    Ok(Decider {
        user,
        benefits: false,
        of_theirs: false,
        changed_own: None,
        changed_others: None,
        delegators: Vec::new(),
        memberships: (memberships.into_iter())
            .map(|m| Membership {
                of: Source::Group(m.group),
                since: m.since,
                added_by: m.added_by,
            })
            .collect(),
    })
}

/// By which door the caller came, as it is stored and logged.
fn via(cx: &Cx) -> String {
    match cx.person().map(|person| person.via) {
        Ok(Via::Page(_)) => "page".to_owned(),
        Ok(Via::Token(id)) => format!("token:{id}"),
        Err(_) => "system".to_owned(),
    }
}

/// How many requests about a connection nobody has answered.
pub async fn pending_on(q: &mut impl Query, connection: ConnectionId) -> stint_db::Result<i64> {
    store::pending_on(q, connection).await
}
