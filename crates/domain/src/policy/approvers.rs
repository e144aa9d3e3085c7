//! Who may approve a step: sources of people, the parts a step has, and whether there are enough
//! different people for all of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{People, Step};
use crate::condition::Condition;
use crate::{GroupId, UserId};

/// Where approvers come from. Whoever one of them names is one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approvers {
    /// By name.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub users: BTreeSet<UserId>,
    /// Groups whose members are approvers, as they are when somebody decides.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<GroupId>,
    /// What they are to whoever asks, or to what is asked for.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub roles: BTreeSet<Role>,
    /// Everybody of whom this is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Condition>,
}

/// What an approver is to whoever asks, or to what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The manager of whoever would hold it.
    Manager,
    /// An owner of the application it belongs to.
    ApplicationOwner,
    /// An owner of its connection.
    ConnectionOwner,
}

/// By what somebody is an approver of a step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Through {
    /// By name.
    pub named: bool,
    /// Through these groups.
    pub groups: Vec<GroupId>,
    /// By what they are.
    pub roles: Vec<Role>,
    /// Because the condition is true of them.
    pub condition: bool,
}

/// A part of a step that needs people of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Whom it asks.
    pub of: PartOf,
    /// How many different people it needs.
    pub needed: u32,
    /// Who counts for it, of those who could decide.
    pub who: BTreeSet<UserId>,
    /// Whether the fallback approvers count as well.
    pub fallback: bool,
}

/// Whom a part of a step asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartOf {
    /// Everybody the step names.
    Anybody,
    /// The members of one of its groups.
    Group(GroupId),
    /// Whom it names otherwise than by a group.
    Others,
}

impl PartOf {
    /// Whether who is an approver by this counts for the part.
    pub(crate) fn counts(self, through: &Through) -> bool {
        let others = through.named || through.condition || !through.roles.is_empty();
        match self {
            Self::Anybody => others || !through.groups.is_empty(),
            Self::Group(group) => through.groups.contains(&group),
            Self::Others => others,
        }
    }
}

impl Role {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Manager, Self::ApplicationOwner, Self::ConnectionOwner];

    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manager => "manager",
            Self::ApplicationOwner => "application_owner",
            Self::ConnectionOwner => "connection_owner",
        }
    }

    /// The role this word stands for, if any.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

impl Approvers {
    /// Whether nobody is named.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
            && self.groups.is_empty()
            && self.roles.is_empty()
            && self.who.is_none()
    }

    /// Everybody these name now, and by what.
    pub fn everybody(&self, people: &People) -> BTreeMap<UserId, Through> {
        let mut all: BTreeMap<UserId, Through> = BTreeMap::new();
        for user in &self.users {
            all.entry(*user).or_default().named = true;
        }
        for group in &self.groups {
            for user in people.groups.get(group).into_iter().flatten() {
                all.entry(*user).or_default().groups.push(*group);
            }
        }
        for role in &self.roles {
            for user in people.roles.get(role).into_iter().flatten() {
                all.entry(*user).or_default().roles.push(*role);
            }
        }
        if let Some(who) = &self.who {
            for user in people.matching.get(who).into_iter().flatten() {
                all.entry(*user).or_default().condition = true;
            }
        }
        all
    }
}

impl Step {
    /// Whether it asks the same of the same people at the same times, whatever it is called.
    pub(super) fn asks_as(&self, other: &Self) -> bool {
        let Self {
            name: _,
            approvers,
            needed,
            each_group,
            fallback,
            remind,
            late,
            deadline,
            wait,
            reassign,
        } = self;
        (approvers, needed, each_group, fallback)
            == (
                &other.approvers,
                &other.needed,
                &other.each_group,
                &other.fallback,
            )
            && (remind, late, deadline, wait, reassign)
                == (
                    &other.remind,
                    &other.late,
                    &other.deadline,
                    &other.wait,
                    &other.reassign,
                )
    }

    /// How many different people must approve it together, before anything was carried over.
    pub fn total(&self) -> u32 {
        let parts = if self.each_group {
            let rest = usize::from(self.has_more_than_groups());
            self.approvers.groups.len() + rest
        } else {
            1
        };
        let parts = u32::try_from(parts).unwrap_or(u32::MAX);
        self.needed.saturating_mul(parts)
    }

    fn has_more_than_groups(&self) -> bool {
        let Approvers {
            users, roles, who, ..
        } = &self.approvers;
        !users.is_empty() || !roles.is_empty() || who.is_some()
    }

    /// Its parts with whoever counts for each, of those who `could` decide. Parts that together have
    /// fewer than they need, and every part once `late`, have the fallback approvers as well. `carried` is what
    /// an earlier step was short of when its time ran out: anybody of this one may give it.
    pub fn parts(
        &self,
        people: &People,
        could: impl Fn(UserId) -> bool,
        carried: u32,
        late: bool,
    ) -> Vec<Part> {
        self.parts_with(people, could, &[], carried, late)
    }

    /// The same with those to whom a place in it was handed on, of those who could decide, and the
    /// parts each of them counts for by that.
    pub(crate) fn parts_with(
        &self,
        people: &People,
        could: impl Fn(UserId) -> bool,
        handed: &[(UserId, BTreeSet<usize>)],
        carried: u32,
        late: bool,
    ) -> Vec<Part> {
        let all = self.approvers.everybody(people);
        let part = |of: PartOf, needed: u32| Part {
            of,
            needed,
            who: (all.iter())
                .filter(|(user, through)| of.counts(through) && could(**user))
                .map(|(user, _)| *user)
                .collect(),
            fallback: false,
        };
        let mut parts = Vec::new();
        if self.each_group {
            let groups = self.approvers.groups.iter();
            parts.extend(groups.map(|group| part(PartOf::Group(*group), self.needed)));
            if self.has_more_than_groups() {
                parts.push(part(PartOf::Others, self.needed));
            }
        } else if self.needed > 0 {
            parts.push(part(PartOf::Anybody, self.needed));
        }
        if carried > 0 {
            parts.push(part(PartOf::Anybody, carried));
        }
        for (user, of) in handed {
            let theirs = parts.iter_mut().enumerate();
            for (_, part) in theirs.filter(|(at, _)| of.contains(at)) {
                part.who.insert(*user);
            }
        }
        if !self.fallback.is_empty() {
            let fallback: BTreeSet<UserId> = (self.fallback.everybody(people).into_keys())
                .filter(|user| could(*user))
                .collect();
            // Parts may share their people: what is short together is open to the fallback, as
            // often as that leaves something short.
            loop {
                let wants: Vec<_> = parts.iter().map(|it| (it.needed, &it.who)).collect();
                let short = if late {
                    (0..parts.len()).collect()
                } else {
                    short_parts(&wants).unwrap_or_default()
                };
                let mut opened = false;
                for (_, part) in parts
                    .iter_mut()
                    .enumerate()
                    .filter(|(at, _)| short.contains(at))
                {
                    opened |= !part.fallback;
                    part.fallback = true;
                    part.who.extend(fallback.iter().copied());
                }
                if !opened {
                    break;
                }
            }
        }
        parts
    }
}

/// How many places the people given can fill, nobody two of them: `places` are how many each
/// part has, `people` the parts each of them counts for.
pub(crate) fn filled(places: &[u32], people: &[BTreeSet<usize>]) -> u32 {
    let mut held: Vec<Vec<usize>> = vec![Vec::new(); places.len()];
    let mut filled = 0;
    for person in 0..people.len() {
        let mut seen = BTreeSet::new();
        if place(person, places, people, &mut held, &mut seen) {
            filled += 1;
        }
    }
    filled
}

/// Finds a place for somebody, moving others to another of theirs where that makes room.
fn place(
    person: usize,
    places: &[u32],
    people: &[BTreeSet<usize>],
    held: &mut [Vec<usize>],
    seen: &mut BTreeSet<usize>,
) -> bool {
    let mine = people.get(person).cloned().unwrap_or_default();
    for part in mine {
        if !seen.insert(part) {
            continue;
        }
        let room = places.get(part).copied().unwrap_or(0);
        let there = held.get(part).cloned().unwrap_or_default();
        if there.len() < usize::try_from(room).unwrap_or(usize::MAX) {
            if let Some(held) = held.get_mut(part) {
                held.push(person);
            }
            return true;
        }
        for other in there {
            if place(other, places, people, held, seen) {
                if let Some(held) = held.get_mut(part) {
                    held.retain(|it| *it != other);
                    held.push(person);
                }
                return true;
            }
        }
    }
    false
}

/// The smallest set of parts that together have fewer people than they need (Hall's theorem:
/// without such a set, everybody can be spread over them); of more than [`MOST`] parts any.
pub(crate) fn short_parts(wants: &[(u32, &BTreeSet<UserId>)]) -> Option<BTreeSet<usize>> {
    let places: Vec<u32> = wants.iter().map(|(needed, _)| *needed).collect();
    let everybody: BTreeSet<UserId> = wants
        .iter()
        .flat_map(|(_, who)| who.iter().copied())
        .collect();
    let of: Vec<BTreeSet<usize>> = (everybody.iter())
        .map(|user| {
            (0..wants.len())
                .filter(|i| wants.get(*i).is_some_and(|(_, who)| who.contains(user)))
                .collect()
        })
        .collect();
    let needed: u64 = places.iter().map(|n| u64::from(*n)).sum();
    if u64::from(filled(&places, &of)) >= needed {
        return None;
    }
    if wants.len() > MOST {
        return Some((0..wants.len()).collect());
    }
    let mut subsets: Vec<u32> = (1..1u32 << wants.len()).collect();
    subsets.sort_by_key(|bits| (bits.count_ones(), *bits));
    subsets.into_iter().find_map(|bits| {
        let picked: BTreeSet<usize> = (0..wants.len()).filter(|i| bits >> i & 1 == 1).collect();
        let chosen = || wants.iter().enumerate().filter(|(i, _)| picked.contains(i));
        let needed: u64 = chosen().map(|(_, (n, _))| u64::from(*n)).sum();
        let there: BTreeSet<_> = chosen().flat_map(|(_, (_, who))| who.iter()).collect();
        (u64::try_from(there.len()).unwrap_or(u64::MAX) < needed).then_some(picked)
    })
}

/// Of so many parts the smallest short set is looked for.
const MOST: usize = 12;
