//! Who holds something of both sides of a rule now: by standing access, by grants, through groups.
//! Nothing is taken away by being listed.
//!
//! Looked for when somebody asks: conditions are asked about everything, then it takes a few statements
//! about what is on a side of any rule.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stint_db::Query;
use stint_domain::duty::Sides;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ConnectionId, DutyId, EntitlementId, PrincipalId, UserId};

use super::{Duty, Error, sides, store};
use crate::cx::Cx;
use crate::http::{Page, Paging};
use crate::{connections, directory, grants, identity};

/// How many entitlements are looked at together.
const CHUNK: i64 = 2_000;

/// Which conflicts to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConflictFilter {
    /// Only of this rule.
    pub rule: Option<DutyId>,
    /// Words that must all be in who it is, or in the rule's name.
    pub q: String,
}

/// Whose conflict it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// A user's.
    User(UserId),
    /// Of somebody in AWS who is no user as far as is known.
    Principal(PrincipalId),
}

/// Something held, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Both {
    /// What people see.
    pub name: String,
    /// What.
    pub entitlement: EntitlementId,
    /// The Identity Center group it is held through.
    pub through: Option<String>,
    /// Whether a grant gives it; else it stands in AWS.
    pub granted: bool,
}

/// Somebody who holds something of both sides of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Existing {
    /// The rule.
    pub rule: DutyId,
    /// Its name.
    pub rule_name: String,
    /// Who.
    pub whose: Whose,
    /// What they are called.
    pub name: String,
    /// What they hold of the first side, by name.
    pub first: Vec<Both>,
    /// What they hold of the second.
    pub second: Vec<Both>,
}

/// A page of conflicts.
#[derive(Debug, Clone)]
pub struct Found {
    /// By rule, then by who it is.
    pub page: Page<Existing>,
    /// How many there are on all pages together.
    pub total: usize,
}

/// What somebody holds: how, and through which group.
type Holds = BTreeMap<EntitlementId, (bool, Option<PrincipalId>)>;

/// Who holds something of both sides of a rule in force, a page at a time.
pub async fn conflicts(cx: &Cx, filter: &ConflictFilter, paging: &Paging) -> Result<Found, Error> {
    cx.authorize(Verb::ListConflicts, Relation::None)?;
    let after = paging.after::<(String, String)>()?;
    let mut q = cx.read().await?;
    let mut rules = store::active(&mut q).await?;
    rules.retain(|rule| filter.rule.is_none_or(|only| rule.id == only));
    let all = existing(cx, &mut q, rules).await?;
    let words: Vec<String> = (filter.q.split_whitespace())
        .map(str::to_lowercase)
        .collect();
    let key = |it: &Existing| (store::key(&it.rule_name), key_of(it));
    let mut all: Vec<Existing> = (all.into_iter())
        .filter(|it| {
            let text = format!("{} {}", it.rule_name, it.name).to_lowercase();
            words.iter().all(|word| text.contains(word))
        })
        .collect();
    all.sort_by_cached_key(key);
    let total = all.len();
    let fetch = usize::try_from(paging.fetch()).unwrap_or(0);
    let beyond = |it: &Existing| after.as_ref().is_none_or(|last| key(it) > *last);
    let rows: Vec<Existing> = all.into_iter().filter(beyond).take(fetch).collect();
    Ok(Found {
        page: paging.page(rows, key),
        total,
    })
}

/// What it is sorted by within its rule: the name, and who it is where two are called the same.
fn key_of(it: &Existing) -> String {
    let id = match &it.whose {
        Whose::User(id) => id.to_string(),
        Whose::Principal(id) => id.to_string(),
    };
    format!("{} {id}", it.name.to_lowercase())
}

async fn existing(cx: &Cx, q: &mut impl Query, rules: Vec<Duty>) -> Result<Vec<Existing>, Error> {
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    let rules = Arc::new(rules);
    let (on, names) = everything(q, &rules).await?;
    let relevant: BTreeSet<EntitlementId> = on.iter().flat_map(BTreeMap::keys).copied().collect();
    let (own, groups) = holders(cx, q, &relevant).await?;
    let principals: BTreeSet<PrincipalId> = own.keys().copied().collect();
    let users = directory::users_of_principals(q, &principals).await?;
    let mut of: BTreeMap<Whose, Holds> = BTreeMap::new();
    for (principal, holds) in own {
        let whose =
            (users.get(&principal)).map_or(Whose::Principal(principal), |it| Whose::User(*it));
        let all = of.entry(whose).or_default();
        for (what, (granted, through)) in holds {
            let here = all.entry(what).or_insert((granted, through));
            if through.is_none() && here.1.is_some() {
                *here = (granted, through);
            }
        }
    }
    let mut found: Vec<(usize, Whose, Vec<EntitlementId>, Vec<EntitlementId>)> = Vec::new();
    // Of which rules each thing is on a side, so that the work grows with what is held.
    let mut of_thing: BTreeMap<EntitlementId, Vec<(usize, Sides)>> = BTreeMap::new();
    for (nth, on) in on.iter().enumerate() {
        for (id, sides) in on {
            of_thing.entry(*id).or_default().push((nth, *sides));
        }
    }
    for (at, (whose, holds)) in of.iter().enumerate() {
        // Of many people: others get their turn in between.
        if at % 1_000 == 999 {
            tokio::task::yield_now().await;
        }
        let mut by_rule: BTreeMap<usize, (Vec<EntitlementId>, Vec<EntitlementId>)> =
            BTreeMap::new();
        for id in holds.keys() {
            for (nth, sides) in of_thing.get(id).into_iter().flatten() {
                let (first, second) = by_rule.entry(*nth).or_default();
                first.extend(sides.first.then_some(*id));
                second.extend(sides.second.then_some(*id));
            }
        }
        for (nth, (first, second)) in by_rule {
            // One thing on both sides is in conflict with others, not with itself.
            let apart = (first.iter()).any(|one| second.iter().any(|other| one != other));
            if apart {
                found.push((nth, whose.clone(), first, second));
            }
        }
    }
    let users: Vec<UserId> = (found.iter())
        .filter_map(|(_, whose, ..)| match whose {
            Whose::User(id) => Some(*id),
            Whose::Principal(_) => None,
        })
        .collect();
    let users = identity::users_by_id(q, users).await?;
    let mut ids: BTreeSet<PrincipalId> = groups;
    ids.extend(found.iter().filter_map(|(_, whose, ..)| match whose {
        Whose::Principal(id) => Some(*id),
        Whose::User(_) => None,
    }));
    let called = directory::principals_by_id(q, ids).await?;
    let listed = |whose: &Whose, ids: Vec<EntitlementId>| {
        let holds = of.get(whose);
        let mut all: Vec<Both> = (ids.into_iter())
            .map(|id| {
                let (granted, through) = holds
                    .and_then(|it| it.get(&id).copied())
                    .unwrap_or_default();
                let through = through.and_then(|it| called.get(&it));
                Both {
                    name: names.get(&id).cloned().unwrap_or_else(|| id.to_string()),
                    entitlement: id,
                    through: through.map(|it| it.name.clone()),
                    granted,
                }
            })
            .collect();
        all.sort();
        all
    };
    Ok((found.into_iter())
        .filter_map(|(nth, whose, first, second)| {
            let rule = rules.get(nth)?;
            let name = match &whose {
                Whose::User(id) => users
                    .get(id)
                    .map_or_else(|| id.to_string(), |it| it.name.clone()),
                Whose::Principal(id) => called
                    .get(id)
                    .map_or_else(|| id.to_string(), directory::called),
            };
            Some(Existing {
                rule: rule.id,
                rule_name: rule.name.clone(),
                first: listed(&whose, first),
                second: listed(&whose, second),
                name,
                whose,
            })
        })
        .collect())
}

/// Of each rule what in AWS is on a side of it, and what all of that is called.
async fn everything(
    q: &mut impl Query,
    rules: &Arc<Vec<Duty>>,
) -> Result<
    (
        Vec<BTreeMap<EntitlementId, Sides>>,
        BTreeMap<EntitlementId, String>,
    ),
    Error,
> {
    let connections = connections::names(q).await?;
    let mut on: Vec<BTreeMap<EntitlementId, Sides>> = vec![BTreeMap::new(); rules.len()];
    let mut names = BTreeMap::new();
    for connection in connections.keys() {
        let mut after = None;
        loop {
            let page = directory::all_things(q, *connection, &connections, after, CHUNK).await?;
            let Some(last) = page.last() else {
                break;
            };
            after = Some(last.id);
            let called: Vec<(EntitlementId, String)> =
                page.iter().map(|it| (it.id, it.name.clone())).collect();
            let things: BTreeMap<ConnectionId, _> = BTreeMap::from([(*connection, page)]);
            let found = sides::of(rules, things).await?;
            let named = |id: &EntitlementId| found.iter().any(|on| on.contains_key(id));
            names.extend(called.into_iter().filter(|(id, _)| named(id)));
            for (all, here) in on.iter_mut().zip(found) {
                all.extend(here);
            }
        }
    }
    Ok((on, names))
}

/// Which principals of people hold what of these things, themselves or through a group; and the groups.
async fn holders(
    cx: &Cx,
    q: &mut impl Query,
    relevant: &BTreeSet<EntitlementId>,
) -> Result<(BTreeMap<PrincipalId, Holds>, BTreeSet<PrincipalId>), Error> {
    let mut own: BTreeMap<PrincipalId, Holds> = BTreeMap::new();
    for (principal, what) in directory::holding(q, relevant.iter().copied()).await? {
        own.entry(principal)
            .or_default()
            .insert(what, (false, None));
    }
    for it in grants::given_of(q, relevant.iter().copied()).await? {
        if it.window.from <= cx.now {
            let holds = own.entry(it.principal).or_default();
            let known = holds.entry(it.entitlement).or_insert((true, None));
            known.0 |= it.ours;
        }
    }
    let holders: BTreeSet<PrincipalId> = own.keys().copied().collect();
    let memberships = directory::memberships_of(q, holders.iter().copied()).await?;
    let groups: BTreeSet<PrincipalId> = memberships.iter().map(|(group, _)| *group).collect();
    let mut members = directory::members_of_groups(q, groups.iter().copied()).await?;
    let entitlements = memberships.iter().map(|(_, membership)| *membership);
    let given = grants::given_of(q, entitlements).await?;
    for it in given.iter().filter(|it| it.window.from <= cx.now) {
        let of = memberships
            .iter()
            .filter(|(_, what)| *what == it.entitlement);
        members.extend(of.map(|(group, _)| (*group, it.principal)));
    }
    for (group, member) in members {
        let Some(through) = own.get(&group).cloned() else {
            continue;
        };
        let holds = own.entry(member).or_default();
        for (what, (granted, _)) in through {
            holds.entry(what).or_insert((granted, Some(group)));
        }
    }
    for group in &groups {
        own.remove(group);
    }
    Ok((own, groups))
}
