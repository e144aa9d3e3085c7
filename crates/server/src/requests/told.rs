//! What notices want to know of requests: who could decide one now, and what somebody may see.

use std::collections::{BTreeMap, BTreeSet};

use stint_db::Query;
use stint_domain::request::State;
use stint_domain::rights::Verb;
use stint_domain::{GrantId, RequestId, Time, UserId};

use super::read::{lines, names, waiting, who};
use super::{Comment, Error, Line, Reader, Request, Who, related, store};
use crate::cx::Cx;

/// A request in a list, and who ended it where a person did.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The request, with names.
    pub line: Line,
    /// Who denied it or took it back.
    pub closed_by: Option<Who>,
    /// What somebody else than the reader said last about it.
    pub said: Option<(Who, String)>,
    /// What somebody else than the reader asked last about it.
    pub asked: Option<(Who, String)>,
}

/// One request, for whoever has no business with rights.
pub async fn find(q: &mut impl Query, id: RequestId) -> Result<Option<Request>, Error> {
    Ok(store::get(q, id).await?)
}

/// The request that waits to extend a grant.
pub async fn extending(q: &mut impl Query, grant: GrantId) -> Result<Option<Request>, Error> {
    Ok(store::extending(q, grant).await?)
}

/// The step it waits at, counted from 0, and who could decide there now; nothing once it is
/// answered.
pub async fn deciders(
    q: &mut impl Query,
    request: &Request,
    now: Time,
) -> Result<Option<(usize, BTreeSet<UserId>)>, Error> {
    let waiting = waiting(q, request, now).await?;
    Ok(waiting.map(|waiting| (waiting.step, waiting.who)))
}

/// Who has to do with it: asked, benefits, has decided or had somebody decide for them, has or had a
/// place that was handed on, or said something.
pub async fn concerned(q: &mut impl Query, request: &Request) -> Result<BTreeSet<UserId>, Error> {
    let mut who = BTreeSet::from([request.requester(), request.beneficiary()]);
    for decision in &request.decisions {
        who.extend(decision.on_behalf_of.into_iter().chain([decision.by]));
    }
    for it in &request.rules.handed {
        who.extend(it.from.into_iter().chain([it.to, it.by]));
    }
    let said = store::comments(q, request.id).await?;
    who.extend(said.iter().map(|comment| comment.by));
    Ok(who)
}

/// Those of these requests that the caller may see.
pub async fn visible(
    cx: &Cx,
    q: &mut impl Query,
    ids: BTreeSet<RequestId>,
) -> Result<BTreeMap<RequestId, Seen>, Error> {
    let user = cx.person()?.id;
    let reader = Reader::of(q, user, cx.now).await?;
    let mut requests = Vec::new();
    for request in store::several(q, ids).await? {
        // One that cannot be looked at hides no other.
        match related(q, &request, &reader).await {
            Ok(relation) if cx.authorize(Verb::GetRequest, relation).is_ok() => {
                requests.push(request);
            }
            Ok(_) => {}
            Err(Error::Db(error)) => return Err(Error::Db(error)),
            Err(error) => {
                tracing::warn!(request.id = %request.id, error = %error, "request.unreadable");
            }
        }
    }
    let closed_by = |request: &Request| match &request.rules.state {
        State::Denied { by, .. } => *by,
        State::Cancelled { by, .. } => Some(*by),
        State::Pending { .. } | State::Approved { .. } => None,
    };
    let ids = || requests.iter().map(|it| it.id);
    let mut said = store::latest_comments(q, ids(), user, false).await?;
    let mut asked = store::latest_comments(q, ids(), user, true).await?;
    let people = requests.iter().filter_map(closed_by);
    let spoke = said.values().chain(asked.values());
    let people = people.chain(spoke.map(|comment| comment.by));
    let names = names(q, people.collect()).await?;
    let lines = lines(q, requests).await?;
    Ok((lines.into_iter())
        .map(|line| {
            let closed_by = closed_by(&line.request).map(|id| who(&names, id));
            let whose = |comment: Comment| (who(&names, comment.by), comment.text);
            let said = said.remove(&line.request.id).map(whose);
            let asked = asked.remove(&line.request.id).map(whose);
            let id = line.request.id;
            let seen = Seen {
                line,
                closed_by,
                said,
                asked,
            };
            (id, seen)
        })
        .collect())
}
