//! IAM users, groups and roles of the management account.
//!
//! What it does not do: fill member accounts; there, an administrator can make some.

use super::generate::{DAY, nth, person_name, possible};
use super::{BEGINNING, Estate, EstateError, EstateSpec, names};
use crate::access::Judge;
use crate::held::Document;
use crate::iam::{
    Credentials, Entity, GROUPS_PER_ACCOUNT, GROUPS_PER_USER, IamGroup, IamRole, IamUser,
    ROLES_PER_ACCOUNT, USERS_PER_ACCOUNT,
};
use crate::ids::Seeded;
use crate::journal::Party;
use crate::relations::Change;

/// Every so many users one is no person.
const SERVICE_EVERY: u32 = 5;

/// Adds what the spec asks for to the users an estate has anyway. Nothing else changes: an
/// estate with IAM users is the one without them, and they.
pub(crate) fn populate_iam(estate: &mut Estate, spec: &EstateSpec) -> Result<(), EstateError> {
    let limit = |most: usize| u64::try_from(most).unwrap_or(u64::MAX);
    let account = estate.management().to_owned();
    let known = estate.iam.users_of(&account, "/", 0).count();
    let free = USERS_PER_ACCOUNT.saturating_sub(known);
    possible("IAM users", limit(free), spec.iam_users)?;
    possible("IAM groups", limit(GROUPS_PER_ACCOUNT), spec.iam_groups)?;
    let groups_each = u64::from(spec.iam_groups).min(limit(GROUPS_PER_USER));
    let pairs = u64::from(spec.iam_users) * groups_each;
    possible("IAM memberships", pairs, spec.iam_memberships)?;

    let users: Vec<u32> = (0..spec.iam_users)
        .map(|n| {
            let user = user(spec.seed, &account, n);
            estate.iam.add_user(user)
        })
        .collect();
    let groups: Vec<u32> = (0..spec.iam_groups)
        .map(|n| {
            let group = group(spec.seed, &account, n);
            estate.iam.add_group(group)
        })
        .collect();
    memberships(estate, spec, &users, &groups);
    roles(estate, spec, &account)
}

/// Roles that services, pipelines and people of other accounts assume. What they may is given by
/// whoever needs them to: until then nothing.
fn roles(estate: &mut Estate, spec: &EstateSpec, account: &str) -> Result<(), EstateError> {
    let limit = |most: usize| u64::try_from(most).unwrap_or(u64::MAX);
    let known = estate.iam.roles_of(account, "/", 0).count();
    let free = ROLES_PER_ACCOUNT.saturating_sub(known);
    possible("IAM roles", limit(free), spec.iam_roles)?;
    for n in 0..spec.iam_roles {
        let mut entity = entity(spec.seed, account, "IAM role", n);
        let k = n as usize;
        let system = nth(names::SYSTEMS, k).unwrap_or("web");
        let task = nth(names::SERVICE_TASKS, k / names::SYSTEMS.len()).unwrap_or("run");
        let round = k / names::SYSTEMS.len() / names::SERVICE_TASKS.len();
        entity.name = match round {
            0 => format!("{system}-{task}-role"),
            more => format!("{system}-{task}-role-{}", more + 1),
        };
        // Every third is assumed from another account, where there is one.
        let others = estate.accounts.len().saturating_sub(1);
        let other = estate.accounts.get(1 + k % others.max(1));
        let principal = match other.filter(|_| n % 3 == 2) {
            Some(other) => format!(r#"{{"AWS":"arn:aws:iam::{}:root"}}"#, other.id),
            None => r#"{"Service":"ec2.amazonaws.com"}"#.to_owned(),
        };
        let trust = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole"}}]}}"#
        );
        let Ok(trust) = Document::parse(&trust) else {
            continue;
        };
        entity.path = "/services/".to_owned();
        estate.iam.add_role(IamRole {
            entity,
            trust,
            description: Some(format!("What {system} needs to {task}")),
            longest_session: 3_600,
            tags: Vec::new(),
        });
    }
    Ok(())
}

fn entity(seed: u64, account: &str, kind: &str, n: u32) -> Entity {
    let mut stream = Seeded::new(seed, kind, u64::from(n));
    let prefix = match kind {
        "IAM user" => "AIDA",
        "IAM role" => "AROA",
        _ => "AGPA",
    };
    Entity {
        account: account.to_owned(),
        path: "/".to_owned(),
        name: String::new(),
        id: format!("{prefix}{}", stream.upper(17)),
        created_at: BEGINNING + i64::from(n) * DAY / 8 + i64::from(stream.below(9_000)) * 1_000_000,
        removed: false,
    }
}

/// The same people as in the directory, and what builds, deploys and backs up.
fn user(seed: u64, account: &str, n: u32) -> IamUser {
    let mut entity = entity(seed, account, "IAM user", n);
    if n % SERVICE_EVERY == SERVICE_EVERY - 1 {
        let k = (n / SERVICE_EVERY) as usize;
        let system = nth(names::SYSTEMS, k).unwrap_or("web");
        let task = nth(names::SERVICE_TASKS, k / names::SYSTEMS.len()).unwrap_or("run");
        let round = k / names::SYSTEMS.len() / names::SERVICE_TASKS.len();
        entity.path = "/services/".to_owned();
        entity.name = match round {
            0 => format!("{system}-{task}"),
            more => format!("{system}-{task}-{}", more + 1),
        };
    } else {
        entity.path = "/people/".to_owned();
        entity.name = person_name(n - n / SERVICE_EVERY);
    }
    IamUser {
        entity,
        tags: Vec::new(),
        keys: Vec::new(),
        credentials: Credentials::default(),
        judge: Judge::Virtual,
        party: Party::User,
    }
}

fn group(seed: u64, account: &str, n: u32) -> IamGroup {
    let mut entity = entity(seed, account, "IAM group", n);
    let place = n as usize;
    entity.name = match names::IAM_GROUPS.get(place) {
        Some(name) => (*name).to_owned(),
        None => {
            let k = place - names::IAM_GROUPS.len();
            let team = nth(names::TEAMS, k).unwrap_or("platform");
            let rest = k / names::TEAMS.len();
            let level = nth(names::LEVELS, rest).unwrap_or("read");
            entity.path = "/teams/".to_owned();
            match rest / names::LEVELS.len() {
                0 => format!("{team}-{level}"),
                more => format!("{team}-{level}-{}", more + 1),
            }
        }
    };
    IamGroup { entity }
}

/// As in the directory: the first groups are the bigger ones, and the first four users are in
/// none as long as there is anybody else.
fn memberships(estate: &mut Estate, spec: &EstateSpec, users: &[u32], groups: &[u32]) {
    let mut stream = Seeded::new(spec.seed, "IAM memberships", 0);
    let first = names::FIRST.len().min(users.len());
    let rest = users.get(first..).unwrap_or_default();
    let mut left = spec.iam_memberships;
    let mut join = |estate: &mut Estate, group: u32, user: u32| {
        let relations = &mut estate.relations;
        let full = relations.iam_groups_of(user, 0).count() >= GROUPS_PER_USER;
        if left > 0 && !full && !relations.is_in_iam_group(group, user) {
            relations.apply(&Change::IamJoin { group, user });
            left -= 1;
        }
        left > 0
    };
    let pick = |stream: &mut Seeded, list: &[u32]| {
        let size = u32::try_from(list.len()).unwrap_or(u32::MAX);
        list.get(stream.below(size) as usize).copied()
    };
    let lower = |stream: &mut Seeded| {
        let size = u32::try_from(groups.len()).unwrap_or(u32::MAX);
        let place = stream.below(size).min(stream.below(size));
        groups.get(place as usize).copied()
    };
    for _ in 0..spec.iam_memberships.saturating_mul(4) {
        let (Some(group), Some(user)) = (lower(&mut stream), pick(&mut stream, rest)) else {
            break;
        };
        if !join(estate, group, user) {
            return;
        }
    }
    // Dense estates: whatever is left, the first four last.
    for user in users.iter().rev() {
        for group in groups {
            if !join(estate, *group, *user) {
                return;
            }
        }
    }
}
