//! All SQL of requests, of whom they wait for, and of decisions.

use std::collections::{BTreeMap, BTreeSet};

use stint_db::{Error, Query, Result, Row, Tx, Val, args};
use stint_domain::entitlement::{Pair, PrincipalKind};
use stint_domain::policy::{Other, candidates, sources};
use stint_domain::request::{self as rules, Approval, Question, State};
use stint_domain::{
    ConnectionId, EntitlementId, GrantId, GroupId, PolicyVersionId, PrincipalId, RequestId, Span,
    SubmissionId, Time, UserId,
};
use uuid::Uuid;

use super::{Comment, Decision, Filter, Request, Submission};
use crate::duties::{self, Conflict};
use crate::http::like;
use crate::policies::{self, PolicyVersion};

pub(super) mod handed;
pub(super) mod moments;
mod pins;
mod position;
pub(super) mod reviews;
pub(super) mod until;

use position::{Position, position};

macro_rules! columns {
    () => {
        "select r.id, r.requester_id, r.beneficiary_id, r.connection_id, r.principal_id, \
         r.principal_kind, r.entitlement_id, r.policy_version_id, r.reason, r.ticket, r.duration, r.review_every, r.start_at, \
         r.submitted_at, r.state, r.rule, r.step, r.step_since, r.carried, r.reminded, r.late, r.ended_because, r.ended_at_step, \
         r.closed_at, r.closed_by, r.extends, r.submission_id, r.raised_from, r.conflicts, r.others, r.version from requests r "
    };
}

/// A page in one order, narrowed; `$whose` is about $1.
macro_rules! listed {
    ($whose:literal, $beyond:literal, $direction:literal) => {
        concat!(
            columns!(),
            "where ",
            $whose,
            " and ($7 is null or r.emergency = $7) and ($8 is null or r.ticket = $8) and ($2 is null or r.state = $2) and r.search_key like $3 escape '\\' \
             and ($4 is null or r.entitlement_id = $4) and ($5 is null or r.id ",
            $beyond,
            " $5) order by r.id",
            $direction,
            " limit $6"
        )
    };
}

stint_db::statements! {
    /// How many about a connection nobody has answered.
    PENDING_ON = "select count(*) as n from requests where connection_id = $1 and state = 'pending'";
    /// Somebody asks.
    INSERT = "insert into requests (id, requester_id, beneficiary_id, connection_id, \
            principal_id, entitlement_id, policy_version_id, reason, duration, start_at, via, \
            submitted_at, state, step, closed_at, closed_by, principal_kind, search_key, extends, \
            submission_id, rule, step_since, due_at, emergency, raised_from, ticket, conflicts, others, review_every, carried, reminded, late, version) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, \
            0, false, false, 1)";
    /// Several things are asked for together.
    SUBMIT = "insert into submissions (id, requester_id, submitted_at) values ($1, $2, $3)";
    SUBMISSION = "select requester_id, submitted_at from submissions where id = $1";
    OF_SUBMISSION = "select id from requests where submission_id = $1 order by id";
    /// What waits to be an extension of a grant.
    EXTENDING = (concat!(columns!(), "where r.extends = $1 and r.state = 'pending'"));
    /// Which requests are for extensions of these grants, the latest last.
    EXTENSIONS = (concat!(columns!(), "where r.extends in {ids $1} order by r.id"));
    /// What one was raised to.
    RAISED_TO = (concat!(columns!(), "where r.raised_from = $1"));
    /// What somebody waits for already: the same for the same holder, in an emergency first. An
    /// extension only where it was raised to one.
    WAITING_OF = "select id, emergency, requester_id, beneficiary_id from requests where entitlement_id = $2 and principal_id = $3 \
        and (requester_id = $1 or (emergency and principal_kind <> 'identity_center_group')) and state = 'pending' and (extends is null or emergency) order by emergency desc, id desc limit 1";
    /// What these principals wait for.
    WAITING_WITH = "select principal_id, entitlement_id, start_at, duration, review_every from requests \
        where principal_id in {ids $1} and state = 'pending'";
    /// What else was found while it waited.
    CONFLICTS = "update requests set conflicts = $2 where id = $1";
    /// Whom a step names.
    NAME = "insert into request_approvers (request_id, step, user_id, group_id, role) \
        values ($1, $2, $3, $4, $5)";
    /// One request.
    GET = (concat!(columns!(), "where r.id = $1"));
    /// Several requests.
    SEVERAL = (concat!(columns!(), "where r.id in {ids $1} order by r.id"));
    /// Takes the row, for a verb that decides on it.
    LOCK = (concat!(columns!(), "where r.id = $1{lock}"));
    /// How far it is now.
    MOVE = "update requests set state = $2, step = $3, closed_at = $4, closed_by = $5, step_since = $6, \
        carried = $7, reminded = $8, due_at = $9, ended_because = $10, ended_at_step = $11, late = $12, version = version + 1 where id = $1";
    /// What the clock has something to do with, the most overdue first.
    DUE = "select id, due_at from requests where due_at <= $1 and ($2 is null or (due_at, id) > ($2, $3)) order by due_at, id limit $4";
    /// When it next has.
    NEXT_DUE = "select min(due_at) as at from requests where due_at is not null";
    /// An answer.
    DECIDE = "insert into decisions \
            (id, request_id, step, user_id, answer, comment, via, decided_at, parts, on_behalf_of) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    /// The answers to several requests.
    DECISIONS_ON = "select request_id, id, step, user_id, answer, comment, parts, decided_at, on_behalf_of from decisions \
        where request_id in {ids $1} order by id";
    /// Somebody says something.
    COMMENT = "insert into request_comments (id, request_id, user_id, text, question, via, said_at) \
        values ($1, $2, $3, $4, $5, $6, $7)";
    COUNT_COMMENTS = "select count(*) as n from request_comments where request_id = $1";
    /// What was said about a request, oldest first.
    COMMENTS = "select id, user_id, text, question, said_at from request_comments \
        where request_id = $1 order by id";
    /// Of each of these requests the latest that others than $2 said.
    LATEST_COMMENTS = "select c.request_id, c.id, c.user_id, c.text, c.question, c.said_at \
        from request_comments c where c.request_id in {ids $1} and c.user_id <> $2 and ($3 is null or c.question = $3) \
        and not exists (select 1 from request_comments o where o.request_id = c.request_id and o.user_id <> $2 \
        and ($3 is null or o.question = $3) and o.id > c.id)";
    /// Everybody's or one requester's, newest first.
    LIST_DOWN = (listed!("($1 is null or r.requester_id = $1)", "<", " desc"));
    /// The oldest first.
    LIST_UP = (listed!("($1 is null or r.requester_id = $1)", ">", ""));
    /// Somebody's own, newest first.
    MINE_DOWN = (listed!("(r.requester_id = $1 or r.beneficiary_id = $1)", "<", " desc"));
    /// The oldest first.
    MINE_UP = (listed!("(r.requester_id = $1 or r.beneficiary_id = $1)", ">", ""));
    /// What was asked under one of these versions since then, newest first.
    ASKED_UNDER = "select id, requester_id, beneficiary_id, entitlement_id, policy_version_id, duration, review_every, start_at, \
            submitted_at, principal_kind, rule, ticket from requests \
        where policy_version_id in {ids $1} and submitted_at >= $2 and id >= $5 and id < $3 order by id desc limit $4";
    /// What waits at a step that names this user, one of these groups or a role they have in it, or
    /// that has a condition, oldest first.
    WAITS_FOR = "select r.id from requests r where r.state = 'pending' and r.id > $3 and exists \
            (select 1 from request_approvers a where a.request_id = r.id and a.step = r.step \
            and (a.user_id in {ids $1} or a.group_id in {ids $2} or a.role = 'condition' \
                or (a.role = 'connection_owner' and r.connection_id in {ids $5}) \
                or (a.role = 'application_owner' and r.connection_id in {ids $6}) \
                or (a.role = 'manager' and r.beneficiary_id in {ids $7}))) \
        order by r.id limit $4";
}

/// What identifies that somebody waits for the same in an emergency already.
pub(super) const EMERGENCY_KEY: &str =
    "requests.requester_id, requests.entitlement_id, requests.principal_id";

/// So much a clock may have been set back between what gave an id and what dated the row.
const SLACK: Span = Span::hours(24);

/// Before every id given at that moment or later: an id begins with when it was given.
fn first_of(at: Time) -> RequestId {
    let millis = u128::try_from(at.micros().div_euclid(1_000)).unwrap_or(0);
    RequestId(Uuid::from_u128(millis << 80))
}

/// Before every id there is.
const FIRST: RequestId = RequestId(Uuid::nil());

pub(super) async fn insert(tx: &mut Tx, r: &Request, via: &str, search: &str) -> Result<()> {
    let Position {
        step,
        since,
        at,
        by,
        ..
    } = position(&r.rules);
    let rule = r.rules.question.rule.and_then(|at| i64::try_from(at).ok());
    let args = args![
        r.id,
        r.requester(),
        r.beneficiary(),
        r.pair.connection,
        r.pair.principal,
        r.pair.entitlement,
        r.policy.id,
        r.reason.as_str(),
        r.duration,
        r.start,
        via,
        r.submitted_at(),
        r.state(),
        step,
        at,
        by,
        r.held_as.as_str(),
        search,
        r.extends,
        r.submission,
        rule,
        since,
        r.rules.due(),
        r.emergency().is_some(),
        r.raised_from,
        r.ticket.clone(),
        serde_json::to_value(&r.conflicts).unwrap_or_default(),
        pins::column(&r.rules.question.others),
        r.review_every
    ];
    tx.run(&INSERT, args).await?;
    for (step, number) in r.rules.question.steps().into_iter().zip(0i64..) {
        let named = sources([step]);
        for user in named.users {
            name(tx, r.id, number, Some(user), None, None).await?;
        }
        for group in named.groups {
            name(tx, r.id, number, None, Some(group), None).await?;
        }
        for role in named.roles {
            name(tx, r.id, number, None, None, Some(role.as_str())).await?;
        }
        if !candidates([step]).is_empty() {
            name(tx, r.id, number, None, None, Some("condition")).await?;
        }
    }
    Ok(())
}

async fn name(
    tx: &mut Tx,
    id: RequestId,
    step: i64,
    user: Option<UserId>,
    group: Option<GroupId>,
    role: Option<&str>,
) -> Result<()> {
    tx.run(&NAME, args![id, step, user, group, role])
        .await
        .map(drop)
}

/// Writes where the request is now.
pub(super) async fn moved(tx: &mut Tx, id: RequestId, rules: &rules::Request) -> Result<()> {
    let Position {
        step,
        since,
        carried,
        reminded,
        late,
        at,
        by,
        because,
        ended_at,
    } = position(rules);
    let state = rules.state.as_str();
    let due = rules.due();
    let args = args![
        id, state, step, at, by, since, carried, reminded, due, because, ended_at, late
    ];
    tx.run(&MOVE, args).await.map(drop)
}

/// The requests that the clock has something to do with at `now`.
pub(super) async fn due(
    q: &mut impl Query,
    now: Time,
    after: Option<(Time, RequestId)>,
    limit: i64,
) -> Result<Vec<(Time, RequestId)>> {
    let (at, id) = after.unzip();
    let rows = q.all(&DUE, args![now, at, id, limit]).await?;
    (rows.iter())
        .map(|row| Ok((row.get("due_at")?, row.get("id")?)))
        .collect()
}

/// When it next has something to do.
pub(super) async fn next_due(q: &mut impl Query) -> Result<Option<Time>> {
    q.one(&NEXT_DUE, args![]).await?.get("at")
}

pub(super) async fn decided(tx: &mut Tx, id: RequestId, d: &Decision, via: &str) -> Result<()> {
    let answer = if d.approved { "approve" } else { "deny" };
    let step = i64::try_from(d.step).unwrap_or(i64::MAX);
    let parts = serde_json::to_string(&d.parts);
    let parts = parts.map_err(|why| unreadable("parts", why.to_string()))?;
    let comment = d.comment.as_str();
    let args = args![
        d.id,
        id,
        step,
        d.by,
        answer,
        comment,
        via,
        d.at,
        parts,
        d.on_behalf_of
    ];
    tx.run(&DECIDE, args).await.map(drop)
}

pub(super) async fn get(q: &mut impl Query, id: RequestId) -> Result<Option<Request>> {
    let row = q.maybe(&GET, args![id]).await?;
    Ok(requests(q, row.as_slice()).await?.pop())
}

/// Those of these requests that exist, the oldest first.
pub(super) async fn several(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = RequestId>,
) -> Result<Vec<Request>> {
    let rows = q.all(&SEVERAL, args![Val::ids(ids)]).await?;
    requests(q, &rows).await
}

pub(super) async fn commented(tx: &mut Tx, id: RequestId, said: &Comment, via: &str) -> Result<()> {
    let text = said.text.as_str();
    let values = args![said.id, id, said.by, text, said.question, via, said.at];
    tx.run(&COMMENT, values).await.map(drop)
}

pub(super) async fn count_comments(q: &mut impl Query, id: RequestId) -> Result<i64> {
    q.one(&COUNT_COMMENTS, args![id]).await?.get("n")
}

pub(super) async fn comments(q: &mut impl Query, id: RequestId) -> Result<Vec<Comment>> {
    let rows = q.all(&COMMENTS, args![id]).await?;
    rows.iter().map(said).collect()
}

/// Of each of these requests the latest comment of somebody else than `reader`.
pub(super) async fn latest_comments(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = RequestId>,
    reader: UserId,
    questions: bool,
) -> Result<BTreeMap<RequestId, Comment>> {
    let values = args![Val::ids(ids), reader, questions.then_some(true)];
    let rows = q.all(&LATEST_COMMENTS, values).await?;
    (rows.iter())
        .map(|row| Ok((row.get("request_id")?, said(row)?)))
        .collect()
}

fn said(row: &Row) -> Result<Comment> {
    Ok(Comment {
        id: row.get("id")?,
        by: row.get("user_id")?,
        text: row.get("text")?,
        question: row.get("question")?,
        at: row.get("said_at")?,
    })
}

pub(super) async fn submitted(tx: &mut Tx, it: &Submission) -> Result<()> {
    let values = args![it.id, it.requester, it.submitted_at];
    tx.run(&SUBMIT, values).await.map(drop)
}

pub(super) async fn submission(q: &mut impl Query, id: SubmissionId) -> Result<Option<Submission>> {
    let Some(row) = q.maybe(&SUBMISSION, args![id]).await? else {
        return Ok(None);
    };
    Ok(Some(Submission {
        id,
        requester: row.get("requester_id")?,
        submitted_at: row.get("submitted_at")?,
    }))
}

/// Its requests, in the order they were asked.
pub(super) async fn of_submission(q: &mut impl Query, id: SubmissionId) -> Result<Vec<RequestId>> {
    let rows = q.all(&OF_SUBMISSION, args![id]).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// The request that waits to be an extension of this grant.
pub(super) async fn extending(q: &mut impl Query, id: GrantId) -> Result<Option<Request>> {
    let row = q.maybe(&EXTENDING, args![id]).await?;
    Ok(requests(q, row.as_slice()).await?.pop())
}

/// The request that another was raised to.
pub(super) async fn raised_to(q: &mut impl Query, id: RequestId) -> Result<Option<Request>> {
    let row = q.maybe(&RAISED_TO, args![id]).await?;
    Ok(requests(q, row.as_slice()).await?.pop())
}

/// What waits already.
pub(super) struct Waits {
    /// Which.
    pub(super) id: RequestId,
    /// Whether it was asked in an emergency.
    pub(super) emergency: bool,
    /// Who asked, and who would hold it.
    pub(super) of: [UserId; 2],
}

/// What somebody has asked for already and nobody has answered, or anybody in an emergency.
pub(super) async fn waiting_of(
    q: &mut impl Query,
    user: UserId,
    entitlement: EntitlementId,
    principal: PrincipalId,
) -> Result<Option<Waits>> {
    let values = args![user, entitlement, principal];
    match q.maybe(&WAITING_OF, values).await? {
        Some(row) => Ok(Some(Waits {
            id: row.get("id")?,
            emergency: row.get("emergency")?,
            of: [row.get("requester_id")?, row.get("beneficiary_id")?],
        })),
        None => Ok(None),
    }
}

/// What is asked for and not answered, for these principals: who, what, not before, for how long if not
/// until it is revoked.
pub(super) async fn waiting_with(
    q: &mut impl Query,
    principals: impl IntoIterator<Item = PrincipalId>,
) -> Result<Vec<(PrincipalId, EntitlementId, Option<Time>, Option<Span>)>> {
    let rows = q.all(&WAITING_WITH, args![Val::ids(principals)]).await?;
    (rows.iter())
        .map(|row| {
            Ok((
                row.get("principal_id")?,
                row.get("entitlement_id")?,
                row.get("start_at")?,
                match row.get::<Option<Span>>("review_every")? {
                    Some(_) => None,
                    None => Some(row.get("duration")?),
                },
            ))
        })
        .collect()
}

/// Writes down what duty rules have against it now.
pub(super) async fn conflicting(tx: &mut Tx, id: RequestId, all: &[Conflict]) -> Result<()> {
    let all = serde_json::to_value(all).unwrap_or_default();
    tx.run(&CONFLICTS, args![id, all]).await.map(drop)
}

/// The requests for extensions of these grants, the latest last.
pub(super) async fn extensions(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = GrantId>,
) -> Result<Vec<Request>> {
    let rows = q.all(&EXTENSIONS, args![Val::ids(ids)]).await?;
    requests(q, &rows).await
}

/// The request, its row held until the transaction ends.
pub(super) async fn lock(tx: &mut Tx, id: RequestId) -> Result<Option<Request>> {
    let row = tx.maybe(&LOCK, args![id]).await?;
    Ok(requests(tx, row.as_slice()).await?.pop())
}

/// A page of those that `mine` made or benefits from, or of everybody's.
pub(super) async fn list(
    q: &mut impl Query,
    mine: Option<UserId>,
    filter: &Filter,
    sort: &str,
    after: Option<RequestId>,
    limit: i64,
) -> Result<Vec<Request>> {
    let statement = match (mine, sort) {
        (None, "asked") => &LIST_UP,
        (None, _) => &LIST_DOWN,
        (Some(_), "asked") => &MINE_UP,
        (Some(_), _) => &MINE_DOWN,
    };
    let values = args![
        mine.or(filter.requester),
        filter.state.clone(),
        like(&filter.q),
        filter.entitlement,
        after,
        limit,
        filter.emergency,
        filter.ticket.clone()
    ];
    let rows = q.all(statement, values).await?;
    requests(q, &rows).await
}

/// Somebody's latest.
pub(super) async fn latest(q: &mut impl Query, user: UserId, limit: i64) -> Result<Vec<Request>> {
    list(q, Some(user), &Filter::default(), "-asked", None, limit).await
}

/// By what somebody may be named.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// Who they are, and whose delegate.
    pub(super) users: Vec<UserId>,
    /// The groups they are in.
    pub(super) groups: Vec<GroupId>,
    /// The connections they own.
    pub(super) connections: Vec<ConnectionId>,
    /// The connections of the applications they own.
    pub(super) through_applications: Vec<ConnectionId>,
    /// Whose manager they are.
    pub(super) people: Vec<UserId>,
}

/// The ids of what waits at a step that may be this user's to decide, oldest first. At most
/// `limit`, none left out before the last one.
pub(super) async fn waits_for(
    q: &mut impl Query,
    of: &Named,
    after: Option<RequestId>,
    limit: i64,
) -> Result<Vec<RequestId>> {
    let after = after.unwrap_or(FIRST);
    let values = args![
        Val::ids(of.users.iter().copied()),
        Val::ids(of.groups.iter().copied()),
        after,
        limit,
        Val::ids(of.connections.iter().copied()),
        Val::ids(of.through_applications.iter().copied()),
        Val::ids(of.people.iter().copied())
    ];
    let rows = q.all(&WAITS_FOR, values).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// Rows with the versions pinned on them, the answers given and what was handed on, in three look-ups for
/// all.
async fn requests(q: &mut impl Query, rows: &[Row]) -> Result<Vec<Request>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut ids: Vec<RequestId> = Vec::with_capacity(rows.len());
    let mut pinned: BTreeSet<PolicyVersionId> = BTreeSet::new();
    for row in rows {
        ids.push(row.get("id")?);
        pinned.insert(row.get("policy_version_id")?);
        pinned.extend(pins::versions(row)?);
    }
    let versions = policies::versions_by_id(q, pinned).await?;
    let mut handed = handed::on(q, &ids).await?;
    let mut answers: BTreeMap<RequestId, Vec<Decision>> = BTreeMap::new();
    for row in q.all(&DECISIONS_ON, args![Val::ids(ids)]).await? {
        let on = answers.entry(row.get("request_id")?).or_default();
        on.push(decision(&row)?);
    }
    (rows.iter())
        .map(|row| {
            let pinned = row.get::<PolicyVersionId>("policy_version_id")?;
            let policy = versions.get(&pinned).cloned().ok_or(Error::Missing {
                statement: "policies::versions_by_id",
            })?;
            let id = row.get::<RequestId>("id")?;
            let mut found = request(
                row,
                policy,
                pins::others(row, &versions)?,
                answers.remove(&id).unwrap_or_default(),
            )?;
            found.rules.handed = handed.remove(&id).unwrap_or_default();
            Ok(found)
        })
        .collect()
}

fn request(
    row: &Row,
    policy: PolicyVersion,
    others: Vec<Other>,
    decisions: Vec<Decision>,
) -> Result<Request> {
    let conflicts: Vec<Conflict> = row.json("conflicts")?;
    let rule = (row.get::<Option<i64>>("rule")?).and_then(|at| usize::try_from(at).ok());
    let more = duties::exceptions(&conflicts);
    let others: Vec<Other> = (others.into_iter())
        .map(|other| other.followed_by(more.clone()))
        .collect();
    let body = policy.body.clone().followed_by(rule, more);
    let question = Question {
        requester: row.get("requester_id")?,
        beneficiary: row.get("beneficiary_id")?,
        submitted_at: row.get("submitted_at")?,
        policy: body.leading_to(rule, &others),
        rule,
        others,
    };
    let state = state(row, &decisions)?;
    Ok(Request {
        id: row.get("id")?,
        rules: rules::Request {
            question,
            state,
            handed: Vec::new(),
        },
        pair: Pair {
            connection: row.get("connection_id")?,
            principal: row.get("principal_id")?,
            entitlement: row.get("entitlement_id")?,
        },
        held_as: held_as(row)?,
        policy,
        reason: row.get("reason")?,
        ticket: row.get("ticket")?,
        duration: row.get("duration")?,
        review_every: row.get("review_every")?,
        start: row.get("start_at")?,
        extends: row.get("extends")?,
        submission: row.get("submission_id")?,
        raised_from: row.get("raised_from")?,
        conflicts,
        decisions,
        version: row.get("version")?,
    })
}

fn held_as(row: &Row) -> Result<PrincipalKind> {
    let word: String = row.get("principal_kind")?;
    PrincipalKind::parse(&word).ok_or_else(|| {
        unreadable(
            "principal_kind",
            format!("`{word}` is no kind of principal"),
        )
    })
}

fn decision(row: &Row) -> Result<Decision> {
    Ok(Decision {
        id: row.get("id")?,
        step: index(row)?,
        by: row.get("user_id")?,
        approved: row.get::<String>("answer")? == "approve",
        comment: row.get("comment")?,
        parts: serde_json::from_str(&row.get::<String>("parts")?)
            .map_err(|why| unreadable("parts", why.to_string()))?,
        at: row.get("decided_at")?,
        on_behalf_of: row.get("on_behalf_of")?,
    })
}

fn index(row: &Row) -> Result<usize> {
    let step: i64 = row.get("step")?;
    usize::try_from(step).map_err(|why| unreadable("step", why.to_string()))
}

/// The state from its columns and the decisions.
fn state(row: &Row, decisions: &[Decision]) -> Result<State> {
    let approvals = (decisions.iter())
        .filter(|d| d.approved)
        .map(|d| Approval {
            step: d.step,
            by: d.by,
            at: d.at,
            parts: d.parts.clone(),
            on_behalf_of: d.on_behalf_of,
        })
        .collect();
    let word: String = row.get("state")?;
    Ok(match word.as_str() {
        "pending" => State::Pending {
            step: index(row)?,
            since: row.get("step_since")?,
            carried: u32::try_from(row.get::<i64>("carried")?).unwrap_or(u32::MAX),
            reminded: row.get("reminded")?,
            late: row.get("late")?,
            approvals,
        },
        "approved" => State::Approved {
            at: row.get("closed_at")?,
            approvals,
        },
        "denied" => {
            let no = decisions.iter().find(|d| !d.approved);
            // Without an answer the clock denied it.
            let because: Option<String> = row.get("ended_because")?;
            let at: Option<i64> = row.get("ended_at_step")?;
            let at = at.and_then(|at| usize::try_from(at).ok()).unwrap_or(0);
            State::Denied {
                at: row.get("closed_at")?,
                by: no.map(|it| it.by),
                step: no.map_or(at, |it| it.step),
                reason: no.map_or(because.unwrap_or_default(), |it| it.comment.clone()),
                approvals,
            }
        }
        "cancelled" => State::Cancelled {
            at: row.get("closed_at")?,
            by: row.get("closed_by")?,
            approvals,
        },
        other => return Err(unreadable("state", format!("`{other}` is no state"))),
    })
}

fn unreadable(column: &str, why: String) -> Error {
    Error::Column {
        column: column.to_owned(),
        why,
    }
}

pub(super) async fn pending_on(q: &mut impl Query, connection: ConnectionId) -> Result<i64> {
    q.one(&PENDING_ON, args![connection]).await?.get("n")
}

/// A request as far as a draft of its policy is held against it.
pub(super) struct Replayed {
    pub(super) id: RequestId,
    pub(super) requester: UserId,
    pub(super) beneficiary: UserId,
    pub(super) entitlement: EntitlementId,
    pub(super) version: PolicyVersionId,
    pub(super) rule: Option<usize>,
    pub(super) duration: Span,
    /// How often it is asked whether it is still needed, where it is until it is revoked.
    pub(super) review_every: Option<Span>,
    pub(super) start: Option<Time>,
    pub(super) submitted_at: Time,
    pub(super) for_group: bool,
    pub(super) ticket: Option<String>,
}

/// What was asked under one of these versions since then, newest first, a page at a time.
pub(super) async fn asked_under(
    q: &mut impl Query,
    versions: &[PolicyVersionId],
    since: Time,
    after: Option<RequestId>,
    limit: i64,
) -> Result<Vec<Replayed>> {
    let versions = Val::ids(versions.iter().copied());
    let after = after.unwrap_or(RequestId(Uuid::max()));
    let from = first_of(since - SLACK);
    let rows = q
        .all(&ASKED_UNDER, args![versions, since, after, limit, from])
        .await?;
    (rows.iter())
        .map(|row| {
            let kind: String = row.get("principal_kind")?;
            let rule: Option<i64> = row.get("rule")?;
            Ok(Replayed {
                id: row.get("id")?,
                requester: row.get("requester_id")?,
                beneficiary: row.get("beneficiary_id")?,
                entitlement: row.get("entitlement_id")?,
                version: row.get("policy_version_id")?,
                rule: rule.and_then(|at| usize::try_from(at).ok()),
                duration: row.get("duration")?,
                review_every: row.get("review_every")?,
                start: row.get("start_at")?,
                submitted_at: row.get("submitted_at")?,
                ticket: row.get("ticket")?,
                for_group: kind == PrincipalKind::IdentityCenterGroup.as_str(),
            })
        })
        .collect()
}
