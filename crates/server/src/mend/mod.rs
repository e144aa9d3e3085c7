//! Which access mends a refusal of AWS: somebody pastes what AWS said, and is told what of that which
//! they may ask for would let it through.
//!
//! Tables: none; what is pasted is kept nowhere. Events: none.
//!
//! What they may not ask for is not named, whatever would mend it. It does not ask AWS: it judges by the
//! policies of permission sets as a sync read them, and says where it does not know their text. What an
//! organization, a boundary, a session or an explicit denial keeps from somebody no access mends.

use std::collections::{BTreeMap, BTreeSet};

use stint_db::Query;
use stint_domain::entitlement::EntitlementKey;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{EntitlementId, PrincipalId};
use stint_iam_policy::{Denial, DeniedKind, NotRead, Refused};

use crate::cx::Cx;
use crate::directory::{Entitlement, Policies};
use crate::{catalog, directory};

mod error;
mod http;
mod judge;
pub(crate) mod pages;

pub use error::Error;
pub(crate) use http::routes;
pub use judge::{Says, judge};
pub(crate) use pages::routes as page_routes;

/// How much is listed.
pub const MOST: usize = 20;

/// What came of reading a refusal.
#[derive(Debug, Clone)]
pub struct Mended {
    /// What was read.
    pub denial: Denial,
    /// The account that was looked at: the one the caller names, else the message's.
    pub account: Option<String>,
    /// What the caller may ask for and that would let it through, the surest and narrowest first.
    pub found: Vec<Match>,
    /// How much more there is.
    pub more: usize,
}

/// Something that would let it through, or may.
#[derive(Debug, Clone)]
pub struct Match {
    /// What to ask for.
    pub entitlement: Entitlement,
    /// Whether it does for certain, as far as its policies say.
    pub certain: bool,
    /// Why, in words.
    pub why: String,
    /// What the members of the group to be joined hold, the permission set that lets it through: where
    /// the caller may ask for that, too.
    pub through: Option<Entitlement>,
    /// How much else it allows: the lower the narrower.
    breadth: u32,
}

/// Reads what AWS said, and finds what of that which the caller may ask for would let it through.
///
/// `account` is looked at where it is given, else the account the message names. Fails where the text
/// cannot be read as a refusal.
pub async fn mend(cx: &Cx, text: &str, account: Option<&str>) -> Result<Mended, Error> {
    cx.authorize(Verb::MendRefusal, Relation::Own)?;
    let denial = Denial::parse(text).map_err(Error::Text)?;
    let named = account.map(str::trim).filter(|it| !it.is_empty());
    if let Some(named) = named
        && (named.len() != 12 || !named.bytes().all(|b| b.is_ascii_digit()))
    {
        return Err(Error::Account);
    }
    let account = named.or_else(|| denial.account()).map(str::to_owned);
    let mut found = Vec::new();
    if let Some(account) = &account
        && denial.because.is_mended_by_access()
    {
        found = matches(cx, &denial, account).await?;
    }
    let more = found.len().saturating_sub(MOST);
    found.truncate(MOST);
    Ok(Mended {
        denial,
        account,
        found,
        more,
    })
}

async fn matches(cx: &Cx, denial: &Denial, account: &str) -> Result<Vec<Match>, Error> {
    let (offered, mut q) = catalog::offered(cx).await?;
    let offered: BTreeSet<EntitlementId> = offered.into_iter().collect();
    let memberships = directory::memberships(&mut q, offered.iter().copied()).await?;
    let mut here = directory::on_account(&mut q, offered.iter().copied(), account).await?;
    let groups = memberships.values().copied();
    let held = directory::held_by_principals(&mut q, groups).await?;
    let held_here = directory::on_account(&mut q, held.iter().map(|(_, what)| *what), account);
    let mut held_here = held_here.await?;
    // What was refused just now is no help.
    here.retain(|_, it| !was_refused(denial, account, it));
    held_here.retain(|_, it| !was_refused(denial, account, it));
    let mut of_groups: BTreeMap<PrincipalId, Vec<&Entitlement>> = BTreeMap::new();
    for (group, what) in &held {
        if let Some(it) = held_here.get(what) {
            of_groups.entry(*group).or_default().push(it);
        }
    }
    let sets = sets(&mut q, here.values().chain(held_here.values())).await?;
    let mut found = Vec::new();
    for it in here.into_values() {
        let matched = match &it.key {
            EntitlementKey::AccountAssignment { permission_set, .. } => {
                let policies = sets.get(&(it.connection, permission_set.clone()));
                judge(denial, policies.and_then(Option::as_ref))
            }
            // What an IAM group allows a sync does not read; only its account's IAM users can be in it.
            EntitlementKey::IamGroupMembership { .. } if judge::is_user(denial) => Some(
                Says::unknown("what the group's policies say is not known to Stint"),
            ),
            EntitlementKey::IamGroupMembership { .. } | EntitlementKey::GroupMembership { .. } => {
                None
            }
        };
        found.extend(matched.map(|says| Match {
            entitlement: it,
            certain: says.certain,
            why: says.why,
            through: None,
            breadth: says.breadth,
        }));
    }
    found.extend(through_groups(&mut q, denial, &memberships, &of_groups, &offered, &sets).await?);
    found.sort_by(|a, b| {
        let key = |it: &Match| (!it.certain, it.breadth, it.entitlement.name.clone());
        key(a).cmp(&key(b))
    });
    Ok(found)
}

/// Whether it is the permission set whose own session was refused there for want of a policy.
fn was_refused(denial: &Denial, account: &str, it: &Entitlement) -> bool {
    let Some(who) = &denial.who else { return false };
    let DeniedKind::PermissionSet { name, .. } = &who.kind else {
        return false;
    };
    let named = format!("{name} on ");
    denial.because == Refused::NotAllowed
        && who.account.as_deref() == Some(account)
        && matches!(it.key, EntitlementKey::AccountAssignment { .. })
        && it.name.starts_with(&named)
}

type Sets = BTreeMap<(stint_domain::ConnectionId, String), Option<Policies>>;

/// The policies of the permission sets behind these.
async fn sets<'a>(
    q: &mut impl Query,
    all: impl Iterator<Item = &'a Entitlement>,
) -> Result<Sets, Error> {
    let mut wanted = BTreeSet::new();
    for it in all {
        if let EntitlementKey::AccountAssignment { permission_set, .. } = &it.key {
            wanted.insert((it.connection, permission_set.clone()));
        }
    }
    Ok(directory::policies_of_sets(q, wanted).await?)
}

/// The groups the caller may ask to join that hold something that lets it through.
async fn through_groups(
    q: &mut impl Query,
    denial: &Denial,
    memberships: &BTreeMap<EntitlementId, PrincipalId>,
    of_groups: &BTreeMap<PrincipalId, Vec<&Entitlement>>,
    offered: &BTreeSet<EntitlementId>,
    sets: &Sets,
) -> Result<Vec<Match>, Error> {
    let ids = memberships.keys().copied();
    let groups = directory::entitlements_by_id(q, ids).await?;
    let mut known: BTreeMap<(stint_domain::ConnectionId, &str), Option<Says>> = BTreeMap::new();
    let mut found = Vec::new();
    for (membership, group) in memberships {
        let Some(joined) = groups.get(membership) else {
            continue;
        };
        let theirs = of_groups.get(group).into_iter().flatten();
        let mut best: Option<Match> = None;
        for it in theirs {
            let EntitlementKey::AccountAssignment { permission_set, .. } = &it.key else {
                continue;
            };
            let says = known
                .entry((it.connection, permission_set.as_str()))
                .or_insert_with(|| {
                    let policies = sets.get(&(it.connection, permission_set.clone()));
                    judge(denial, policies.and_then(Option::as_ref))
                });
            let Some(says) = says else { continue };
            let better = best
                .as_ref()
                .is_none_or(|had| (!says.certain, says.breadth) < (!had.certain, had.breadth));
            if better {
                best = Some(Match {
                    entitlement: joined.clone(),
                    certain: says.certain,
                    // What else is held is named only to who may ask for it.
                    why: match (offered.contains(&it.id), says.certain) {
                        (true, _) => says.why.clone(),
                        (false, true) => "what its members hold there allows it".to_owned(),
                        (false, false) => "what its members hold there may allow it".to_owned(),
                    },
                    through: offered.contains(&it.id).then(|| (*it).clone()),
                    // Whoever joins a group gets everything it holds.
                    breadth: says.breadth + 1,
                });
            }
        }
        found.extend(best);
    }
    Ok(found)
}

/// What to do about a text that could not be read.
pub(crate) fn advice(why: NotRead) -> &'static str {
    match why {
        NotRead::Empty => "Paste what AWS said.",
        NotRead::TooLong => {
            "It is too long: paste the one message that says who is not authorized to perform what."
        }
        NotRead::Encoded => {
            "AWS encoded this message: only somebody with sts:DecodeAuthorizationMessage in that account can read it. Newer SDKs and command lines also say it in words; or give the action and the resource, such as “ec2:RunInstances arn:aws:ec2:eu-central-1:111122223333:instance/*”."
        }
        NotRead::NoAction => {
            "It names no action of AWS. Paste the whole message, such as “User: arn:aws:sts::111122223333:assumed-role/… is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::reports/2026.csv”, or give the action and the resource."
        }
    }
}
