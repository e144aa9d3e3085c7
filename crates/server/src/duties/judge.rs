//! Whether what somebody asks for would be held together with what a rule keeps apart from it.
//!
//! The number of statements is bounded, however many rules there are and however much is held:
//! conditions are asked only about what is asked for and held. It goes in this order, so that whoever
//! asks can say in between what waits: [`touched`] (most things are on no side, and there it ends),
//! [`hold`] where something is to be decided by it, [`people`], [`judge`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stint_db::{Query, Tx};
use stint_domain::condition::Thing;
use stint_domain::duty::{self, Action, Sides, Window};
use stint_domain::policy::{Approvers, Reassign, Step};
use stint_domain::{ConnectionId, DutyId, EntitlementId, GroupId, PrincipalId, Time, UserId};
use uuid::Uuid;

use super::{Duty, Error, held, sides, store};
use crate::{directory, grants};

/// How much of what is held is named where a conflict is shown.
const NAMED: usize = 10;
/// The longest name of a step.
const LONGEST_STEP: usize = 80;

/// What somebody would hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What.
    pub entitlement: EntitlementId,
    /// Who, in AWS: a person's principal, or an Identity Center group.
    pub principal: PrincipalId,
    /// Whether it is a group: then its members are meant.
    pub group: bool,
    /// Whether what is held may be named: whoever asks for themselves knows what they hold.
    pub named: bool,
    /// Who benefits: the one user, or those in the group and on their way into it.
    pub people: BTreeSet<UserId>,
    /// From when until when at most.
    pub window: Window,
    /// Whether it is asked in an emergency.
    pub emergency: bool,
    /// The moment it is judged.
    pub now: Time,
}

/// What was asked for, and nobody has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Who would hold it.
    pub principal: PrincipalId,
    /// What.
    pub entitlement: EntitlementId,
    /// From when until when at most.
    pub window: Window,
}

/// Rules of which what is asked for is on a side.
#[derive(Debug, Clone)]
pub struct Touched {
    rules: Arc<Vec<Duty>>,
    /// What is asked for and what comes with it.
    things: BTreeMap<ConnectionId, Vec<Thing>>,
    on: Vec<BTreeMap<EntitlementId, Sides>>,
}

/// What a rule says about what is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It cannot be asked for.
    Block,
    /// It needs an exception.
    Exception,
    /// It goes on, since it is an emergency; the review sees it.
    Passed,
}

impl Verdict {
    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Exception => "exception",
            Self::Passed => "passed",
        }
    }
}

/// How somebody holds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// AWS shows it, and Stint did not put it there.
    Standing,
    /// A grant gives it, or will.
    Granted,
    /// It was asked for, and nobody has answered.
    Asked,
    /// It comes with what is asked for.
    Together,
}

/// Something a rule keeps apart from what is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// What.
    pub entitlement: EntitlementId,
    /// What people see.
    pub name: String,
    /// How it is held.
    pub how: How,
    /// The Identity Center group it is held through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<String>,
}

/// What a rule has against something: as it is kept with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The rule.
    pub rule: DutyId,
    /// Its version then.
    pub version: i64,
    /// Its name then.
    pub name: String,
    /// What its author says.
    pub message: String,
    /// What it says.
    pub verdict: Verdict,
    /// Who makes exceptions, where one is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    /// Everything it is about, beside what is asked for.
    pub holds: BTreeSet<EntitlementId>,
    /// The first of it by name. Empty where it is for a group, or for
    /// somebody else: what they hold is theirs.
    pub named: Vec<Held>,
    /// How many people it is about.
    pub people: usize,
    /// Who they are; a principal where somebody is no user as far as is known.
    #[serde(default)]
    pub who: BTreeSet<Uuid>,
    /// What is asked for, or comes with it, that is on a side.
    #[serde(default)]
    pub asked: BTreeSet<EntitlementId>,
    /// Whether it was asked for a group.
    pub of_group: bool,
}

impl Conflict {
    /// What is held, in words: `“a” (through the group x), “b” (you have asked for it)`.
    pub fn held_words(&self) -> String {
        if self.of_group {
            return match self.people {
                1 => "something else that one person in the group holds or asked for".to_owned(),
                n => format!("something else that {n} people in the group hold or asked for"),
            };
        }
        if self.named.is_empty() {
            return "something else that they hold".to_owned();
        }
        let mut words: Vec<String> = self.named.iter().map(Held::words).collect();
        let more = self.holds.len().saturating_sub(self.named.len());
        if more > 0 {
            words.push(format!("{more} more"));
        }
        words.join(", ")
    }

    /// Whether an exception that was asked for covers this: it is of the same rule, made by the same
    /// group, and about nothing and nobody else.
    pub fn is_covered_by(&self, asked: &[Self]) -> bool {
        asked.iter().any(|it| {
            it.verdict == Verdict::Exception && it.group == self.group && self.is_no_more_than(it)
        })
    }

    /// Whether the other is of the same rule, and about all that and everybody that this is about.
    pub fn is_no_more_than(&self, other: &Self) -> bool {
        self.rule == other.rule
            && self.holds.is_subset(&other.holds)
            && self.asked.is_subset(&other.asked)
            && self.who.is_subset(&other.who)
    }
}

impl Held {
    fn words(&self) -> String {
        let how = match (self.how, &self.through) {
            (How::Asked, None) => " (asked for already)".to_owned(),
            (How::Together, _) => " (comes with it)".to_owned(),
            (_, Some(group)) => format!(" (through the group {group})"),
            (How::Standing | How::Granted, None) => String::new(),
        };
        format!("“{}”{how}", self.name)
    }
}

/// What an audit event tells of conflicts: how many people each is about, and not who.
pub fn told(conflicts: &[Conflict]) -> Vec<serde_json::Value> {
    let told = |it: &Conflict| {
        let mut told = serde_json::json!(it);
        if let Some(told) = told.as_object_mut() {
            told.remove("who");
        }
        told
    };
    conflicts.iter().map(told).collect()
}

/// The steps in which exceptions are made: one for each group that makes some, after the policy's
/// own. One approval completes it.
pub fn exceptions(conflicts: &[Conflict]) -> Vec<Step> {
    let mut groups: BTreeMap<GroupId, Vec<&str>> = BTreeMap::new();
    for it in conflicts {
        if let (Verdict::Exception, Some(group)) = (it.verdict, it.group) {
            groups.entry(group).or_default().push(&it.name);
        }
    }
    (groups.into_iter())
        .map(|(group, rules)| {
            let name = format!("Exception: {}", rules.join(", "));
            let name: String = match name.chars().count() > LONGEST_STEP {
                true => name.chars().take(LONGEST_STEP - 1).chain(['…']).collect(),
                false => name,
            };
            let approvers = Approvers {
                groups: BTreeSet::from([group]),
                ..Approvers::default()
            };
            // Who makes exceptions is the rule's to say: no maker hands that on.
            Step {
                reassign: Reassign::Administrators,
                ..Step::new(&name, approvers, 1)
            }
        })
        .collect()
}

/// The rules in force of which what is asked for is on a side, or what comes with it; none of them:
/// nothing. What comes with being in an Identity Center group is whatever that group holds.
pub async fn touched(q: &mut impl Query, asked: &Asked) -> Result<Option<Touched>, Error> {
    let rules = store::active(q).await?;
    if rules.is_empty() {
        return Ok(None);
    }
    let mut ids = BTreeSet::from([asked.entitlement]);
    let groups = directory::memberships(q, [asked.entitlement]).await?;
    if !groups.is_empty() {
        let groups: Vec<PrincipalId> = groups.into_values().collect();
        let seen = directory::held_by_principals(q, groups.iter().copied()).await?;
        ids.extend(seen.into_iter().map(|(_, what)| what));
        let given = grants::given_to(q, groups).await?;
        ids.extend(given.into_iter().map(|it| it.entitlement));
    }
    let things = directory::things_by_id(q, ids).await?;
    among(rules, things).await
}

async fn among(
    rules: Vec<Duty>,
    things: BTreeMap<ConnectionId, Vec<Thing>>,
) -> Result<Option<Touched>, Error> {
    let rules = Arc::new(rules);
    let on = sides::of(&rules, things.clone()).await?;
    let found = rules.iter().zip(on).filter(|(_, on)| !on.is_empty());
    let (rules, on): (Vec<Duty>, Vec<_>) = found.map(|(rule, on)| (rule.clone(), on)).unzip();
    Ok((!rules.is_empty()).then(|| Touched {
        rules: Arc::new(rules),
        things,
        on,
    }))
}

/// Takes the rows of all rules in force until the commit: for what makes somebody a member of a group,
/// or gives to one. Whoever does the one sees then what the other did, whichever rules either touches.
pub async fn hold_all(tx: &mut Tx) -> Result<(), Error> {
    let all = store::active(tx).await?;
    held(tx, all.iter().map(|rule| rule.id)).await?;
    Ok(())
}

/// Takes the rows of these rules until the commit, and what they say then: of two things that a rule
/// keeps apart and that are given at once, the second sees the first.
pub async fn hold(tx: &mut Tx, touched: Touched) -> Result<Option<Touched>, Error> {
    let ids: Vec<DutyId> = touched.rules.iter().map(|rule| rule.id).collect();
    let mut rules = held(tx, ids).await?;
    rules.retain(|rule| rule.active);
    among(rules, touched.things).await
}

/// Who in AWS would hold something, and through what.
#[derive(Debug, Clone)]
pub struct People {
    own: BTreeMap<PrincipalId, Who>,
    /// Each with the groups it is in, as last seen.
    groups: Vec<(PrincipalId, PrincipalId)>,
}

/// A person: a user, or a principal that is nobody's as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    User(UserId),
    Principal(PrincipalId),
}

impl Who {
    fn id(self) -> Uuid {
        match self {
            Self::User(UserId(id)) | Self::Principal(PrincipalId(id)) => id,
        }
    }
}

impl People {
    /// Every principal that something of theirs may be held by.
    pub fn principals(&self) -> BTreeSet<PrincipalId> {
        let groups = self.groups.iter().map(|(_, group)| *group);
        self.own.keys().copied().chain(groups).collect()
    }
}

/// Who would benefit, in AWS.
pub async fn people(q: &mut impl Query, asked: &Asked) -> Result<People, Error> {
    let users = directory::principals_of_users(q, &asked.people).await?;
    let mut own: BTreeMap<PrincipalId, Who> = users
        .into_iter()
        .map(|(it, user)| (it, Who::User(user)))
        .collect();
    if asked.group {
        let members = directory::members_of_groups(q, [asked.principal]).await?;
        for (_, member) in members {
            own.entry(member).or_insert(Who::Principal(member));
        }
    } else if let Some(user) = asked.people.first() {
        own.entry(asked.principal).or_insert(Who::User(*user));
    }
    let groups = directory::groups_of_principals(q, own.keys().copied()).await?;
    Ok(People { own, groups })
}

/// Something that is held by a person while what is asked for would be.
struct Holding {
    who: Who,
    what: EntitlementId,
    how: How,
    through: Option<PrincipalId>,
}

/// What is given to these, or will be. What is over and was not proved gone has no end: nobody knows
/// when AWS lets it go.
async fn given_to(
    q: &mut impl Query,
    principals: impl IntoIterator<Item = PrincipalId>,
    now: Time,
) -> Result<Vec<grants::Given>, Error> {
    let mut given = grants::given_to(q, principals).await?;
    for it in &mut given {
        it.window.until = it.window.until.filter(|until| *until > now);
    }
    Ok(given)
}

/// Everything these people hold, or would, at some time in the window.
async fn holdings(
    q: &mut impl Query,
    people: &People,
    (window, now): (Window, Time),
    waiting: &[Wanted],
) -> Result<Vec<Holding>, Error> {
    let mut given = given_to(q, people.principals(), now).await?;
    let waiting = || waiting.iter().filter(|it| it.window.overlaps(window));
    // Memberships that are given, or asked for, lead into groups AWS does not show them in yet.
    let into = given.iter().map(|it| it.entitlement);
    let into: BTreeSet<EntitlementId> = into.chain(waiting().map(|it| it.entitlement)).collect();
    let behind = match into.is_empty() {
        true => BTreeMap::new(),
        false => directory::memberships(q, into).await?,
    };
    let mut through: BTreeMap<PrincipalId, BTreeSet<Who>> = BTreeMap::new();
    // Who is in a group only by a grant leaves it with that.
    let mut by_grant: BTreeSet<(PrincipalId, PrincipalId)> = BTreeSet::new();
    for it in &given {
        let (Some(who), Some(group)) = (people.own.get(&it.principal), behind.get(&it.entitlement))
        else {
            continue;
        };
        if it.window.overlaps(window) {
            through.entry(*group).or_default().insert(*who);
        }
        if it.ours {
            by_grant.insert((it.principal, *group));
        }
    }
    for it in waiting() {
        if let (Some(who), Some(group)) =
            (people.own.get(&it.principal), behind.get(&it.entitlement))
        {
            through.entry(*group).or_default().insert(*who);
        }
    }
    for (member, group) in &people.groups {
        if let Some(who) = people.own.get(member)
            && !by_grant.contains(&(*member, *group))
        {
            through.entry(*group).or_default().insert(*who);
        }
    }
    let known = people.principals();
    let more: Vec<PrincipalId> = through
        .keys()
        .filter(|it| !known.contains(it))
        .copied()
        .collect();
    if !more.is_empty() {
        given.extend(given_to(q, more.iter().copied(), now).await?);
    }
    let seen = directory::held_by_principals(q, known.into_iter().chain(more)).await?;
    let ours: BTreeSet<(PrincipalId, EntitlementId)> = (given.iter())
        .filter(|it| it.ours)
        .map(|it| (it.principal, it.entitlement))
        .collect();
    let mut all = Vec::new();
    let mut add = |principal: PrincipalId, what: EntitlementId, how: How| {
        let holding = |who: &Who, through| Holding {
            who: *who,
            what,
            how,
            through,
        };
        if let Some(who) = people.own.get(&principal) {
            all.push(holding(who, None));
        }
        let members = through.get(&principal).into_iter().flatten();
        all.extend(members.map(|who| holding(who, Some(principal))));
    };
    for (principal, what) in seen {
        if !ours.contains(&(principal, what)) {
            add(principal, what, How::Standing);
        }
    }
    for it in given.iter().filter(|it| it.window.overlaps(window)) {
        add(it.principal, it.entitlement, How::Granted);
    }
    for it in waiting() {
        add(it.principal, it.entitlement, How::Asked);
    }
    Ok(all)
}

/// What the rules have against it, in the order of their names; nothing where nobody would hold
/// something of both sides of any.
pub async fn judge(
    q: &mut impl Query,
    asked: &Asked,
    touched: &Touched,
    people: &People,
    waiting: &[Wanted],
) -> Result<Vec<Conflict>, Error> {
    let holdings = holdings(q, people, (asked.window, asked.now), waiting).await?;
    let held: BTreeSet<EntitlementId> = holdings.iter().map(|it| it.what).collect();
    let things = directory::things_by_id(q, held).await?;
    let mut names: BTreeMap<EntitlementId, String> = BTreeMap::new();
    for thing in things.values().chain(touched.things.values()).flatten() {
        names.insert(thing.id, thing.name.clone());
    }
    let on = sides::of(&touched.rules, things).await?;
    let mut groups: BTreeSet<PrincipalId> = BTreeSet::new();
    let mut found = Vec::new();
    for ((rule, asked_on), held_on) in touched.rules.iter().zip(&touched.on).zip(&on) {
        let asked_on: Vec<_> = asked_on.iter().map(|(id, on)| (*id, *on)).collect();
        let apart = duty::apart(&asked_on, held_on.iter().map(|(id, on)| (*id, *on)));
        if apart.is_empty() {
            continue;
        }
        let mut of: BTreeSet<Who> = BTreeSet::new();
        let mut how: BTreeMap<EntitlementId, (How, Option<PrincipalId>)> = BTreeMap::new();
        for it in holdings.iter().filter(|it| apart.contains(&it.what)) {
            of.insert(it.who);
            let here = (it.how, it.through);
            let best = how.entry(it.what).or_insert(here);
            // What they have themselves says most.
            if (here.1.is_some(), here.0) < (best.1.is_some(), best.0) {
                *best = here;
            }
        }
        let within = asked_on.iter().any(|(id, _)| apart.contains(id));
        if within {
            of.extend(people.own.values());
        }
        if of.is_empty() {
            continue;
        }
        groups.extend(how.values().filter_map(|(_, through)| *through));
        let on_side = asked_on.iter().map(|(id, _)| *id).collect();
        found.push((rule, apart, how, of, on_side));
    }
    let groups = match groups.is_empty() || !asked.named {
        true => BTreeMap::new(),
        false => directory::principals_by_id(q, groups).await?,
    };
    let mut found: Vec<Conflict> = (found.into_iter())
        .map(|(rule, apart, how, of, on_side)| {
            let verdict = match rule.action {
                _ if asked.emergency && rule.emergency_passes => Verdict::Passed,
                Action::Block => Verdict::Block,
                Action::Exception => Verdict::Exception,
            };
            let mut named: Vec<Held> = (apart.iter())
                .filter(|_| asked.named)
                .map(|id| {
                    let (how, through) = how.get(id).copied().unwrap_or((How::Together, None));
                    Held {
                        entitlement: *id,
                        name: names.get(id).cloned().unwrap_or_else(|| id.to_string()),
                        how,
                        through: through
                            .and_then(|it| groups.get(&it))
                            .map(|it| it.name.clone()),
                    }
                })
                .collect();
            named.sort_by(|a, b| a.name.cmp(&b.name));
            named.truncate(NAMED);
            Conflict {
                rule: rule.id,
                version: rule.version,
                name: rule.name.clone(),
                message: rule.message.clone(),
                verdict,
                group: rule.group.filter(|_| verdict == Verdict::Exception),
                holds: apart,
                named,
                people: of.len(),
                who: of.into_iter().map(Who::id).collect(),
                asked: on_side,
                of_group: asked.group,
            }
        })
        .collect();
    found.sort_by_key(|it| store::key(&it.name));
    Ok(found)
}
