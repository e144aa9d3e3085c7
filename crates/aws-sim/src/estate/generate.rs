//! Filling an estate.

use super::names;
use super::{Account, AccountState, EstateError, EstateSpec, Group, Papers, PermissionSet, User};
use crate::iam::Iam;
use crate::ids::Seeded;
use crate::past::Shelf;
use crate::relations::{Change, Principal, Relations};

/// 2022-03-01T09:00:00Z: when the first things of an estate were made.
pub(crate) const BEGINNING: i64 = 1_646_125_200_000_000;
pub(super) const DAY: i64 = 86_400_000_000;

/// The account the Stint host lives in, Ana's standing assignment: their places in the lists.
const HOST_ACCOUNT: usize = 1;
const STANDING_ACCOUNT: u32 = 2;
const STANDING_SET: u32 = 1;
const PROD_ADMIN: u32 = 2;

#[derive(Debug, Clone)]
pub(crate) struct Estate {
    pub(crate) seed: u64,
    pub(crate) organization_id: String,
    pub(crate) root_id: String,
    /// `ssoins-…`
    pub(crate) instance: String,
    /// `d-…`
    pub(crate) store: String,
    pub(crate) accounts: Vec<Account>,
    pub(crate) sets: Shelf<PermissionSet>,
    pub(crate) users: Shelf<User>,
    pub(crate) groups: Shelf<Group>,
    pub(crate) relations: Relations,
    pub(crate) iam: Iam,
}

impl Estate {
    pub(crate) fn management(&self) -> &str {
        self.accounts
            .first()
            .map_or("", |account| account.id.as_str())
    }

    pub(crate) fn host_account(&self) -> &str {
        self.accounts
            .get(HOST_ACCOUNT)
            .map_or(self.management(), |account| account.id.as_str())
    }

    pub(crate) fn instance_arn(&self) -> String {
        format!("arn:aws:sso:::instance/{}", self.instance)
    }
}

/// An id of the identity store: its ten digits, then a UUID (AWS reference §1.0.1 [M]).
pub(crate) fn store_id(store: &str, stream: &mut Seeded) -> String {
    let prefix = store.strip_prefix("d-").unwrap_or(store);
    format!("{prefix}-{}", stream.uuid())
}

pub(crate) fn generate(spec: &EstateSpec) -> Result<Estate, EstateError> {
    if spec.accounts == 0 {
        return Err(EstateError::NoAccount);
    }
    let targets = spec.accounts.saturating_sub(1).max(1);
    let pairs = u64::from(spec.users) * u64::from(spec.groups);
    possible("memberships", pairs, spec.memberships)?;
    let principals = u64::from(spec.users) + u64::from(spec.groups);
    let triples = u128::from(targets) * u128::from(spec.permission_sets) * u128::from(principals);
    let triples = u64::try_from(triples).unwrap_or(u64::MAX);
    possible("assignments", triples, spec.assignments)?;

    let seed = spec.seed;
    let mut names = Seeded::new(seed, "organization", 0);
    let organization_id = format!("o-{}", names.lower(10));
    let root_id = format!("r-{}", names.lower(4));
    let instance = format!("ssoins-{}", names.hex(16));
    let store = format!("d-{}", names.hex(10));
    let mut estate = Estate {
        seed,
        organization_id,
        root_id,
        accounts: (0..spec.accounts).map(|n| account(seed, n)).collect(),
        sets: (0..spec.permission_sets)
            .map(|n| permission_set(seed, &instance, n))
            .collect::<Vec<_>>()
            .into(),
        users: (0..spec.users)
            .map(|n| user(seed, &store, n))
            .collect::<Vec<_>>()
            .into(),
        groups: (0..spec.groups)
            .map(|n| group(seed, &store, n))
            .collect::<Vec<_>>()
            .into(),
        relations: Relations::default(),
        iam: Iam::default(),
        instance,
        store,
    };
    memberships(&mut estate, spec);
    assignments(&mut estate, spec);
    Ok(estate)
}

pub(super) fn possible(what: &'static str, most: u64, asked: u32) -> Result<(), EstateError> {
    if u64::from(asked) > most {
        return Err(EstateError::TooMany { what, most, asked });
    }
    Ok(())
}

pub(super) fn nth<T: Copy>(list: &[T], n: usize) -> Option<T> {
    list.get(n % list.len().max(1)).copied()
}

fn account(seed: u64, n: u32) -> Account {
    let mut stream = Seeded::new(seed, "account", u64::from(n));
    let place = n as usize;
    let known = place
        .checked_sub(1)
        .and_then(|i| names::ACCOUNTS.get(i).copied());
    let name = match (place, known) {
        (0, _) => "acme-management".to_owned(),
        (_, Some(name)) => name.to_owned(),
        _ => {
            let k = place - 1 - names::ACCOUNTS.len();
            let stage = nth(names::STAGES, k).unwrap_or("prod");
            let rest = k / names::STAGES.len();
            let system = nth(names::SYSTEMS, rest).unwrap_or("web");
            let round = rest / names::SYSTEMS.len();
            let region = nth(names::REGIONS, round).unwrap_or("eu");
            match round / names::REGIONS.len() {
                0 => format!("{stage}-{system}-{region}"),
                more => format!("{stage}-{system}-{region}-{}", more + 1),
            }
        }
    };
    // The place in the lowest digits keeps ids apart whatever the stream says.
    let id: u64 = stream.account().parse().unwrap_or(0);
    let id = id - id % 10_000_000 + (u64::from(n) * 7_919 + 1_234_567) % 10_000_000;
    let unit = match name.split('-').next() {
        Some("prod") => "prod",
        Some("staging") => "staging",
        Some("dev" | "test" | "sandbox") => "dev",
        _ => "core",
    };
    Account {
        id: id.to_string(),
        email: format!("aws+{name}@acme.example"),
        name,
        state: AccountState::Active,
        unit,
        joined_at: BEGINNING + i64::from(n) * DAY / 2 + i64::from(stream.below(40_000)) * 1_000_000,
        tags: vec![("env".to_owned(), unit.to_owned())],
    }
}

fn permission_set(seed: u64, instance: &str, n: u32) -> PermissionSet {
    let mut stream = Seeded::new(seed, "permission set", u64::from(n));
    let place = n as usize;
    let (name, description, session_duration) = match names::PERMISSION_SETS.get(place) {
        Some((name, description, duration)) => {
            ((*name).to_owned(), (*description).to_owned(), *duration)
        }
        None => {
            let k = place - names::PERMISSION_SETS.len();
            let team = nth(names::TEAMS, k).unwrap_or("platform");
            let rest = k / names::TEAMS.len();
            let level = nth(names::LEVELS, rest).unwrap_or("read");
            let name = match rest / names::LEVELS.len() {
                0 => format!("{team}-{level}"),
                more => format!("{team}-{}-{level}", more + 1),
            };
            let duration = if level == "read" { "PT8H" } else { "PT2H" };
            (name, format!("What {team} may {level}"), duration)
        }
    };
    let papers = papers(&name);
    PermissionSet {
        arn: format!(
            "arn:aws:sso:::permissionSet/{instance}/ps-{}",
            stream.hex(16)
        ),
        name,
        description,
        session_duration: session_duration.to_owned(),
        relay_state: None,
        tags: Vec::new(),
        papers,
        revision: 0,
        removed: false,
        created_at: BEGINNING + i64::from(n) * DAY + i64::from(stream.below(40_000)) * 1_000_000,
    }
}

/// What a permission set allows, by its name: one of AWS's own policies.
fn papers(name: &str) -> Papers {
    let policy = match name {
        name if name.ends_with("admin") || name == "AdministratorAccess" => "AdministratorAccess",
        "billing-read" => "job-function/ViewOnlyAccess",
        name if name.ends_with("read") || name == "ReadOnlyAccess" => "ReadOnlyAccess",
        name if name.ends_with("audit") => "SecurityAudit",
        _ => "PowerUserAccess",
    };
    Papers {
        managed: vec![format!("arn:aws:iam::aws:policy/{policy}")],
        ..Papers::default()
    }
}

fn user(seed: u64, store: &str, n: u32) -> User {
    let mut stream = Seeded::new(seed, "user", u64::from(n));
    let place = n as usize;
    let id = store_id(store, &mut stream);
    let created_at =
        BEGINNING + i64::from(n) * DAY / 8 + i64::from(stream.below(9_000)) * 1_000_000;
    let (given, family, title, number) = person(place, &mut stream);
    let user_name = user_name(given, family, number);
    User {
        id,
        email: format!("{user_name}@acme.example"),
        user_name,
        given: given.to_owned(),
        family: family.to_owned(),
        display: None,
        title: title.to_owned(),
        enabled: true,
        removed: false,
        created_at,
        updated_at: created_at,
        revision: 1,
        external_ids: Vec::new(),
        more: serde_json::Map::new(),
        name: serde_json::Map::new(),
        enterprise: serde_json::Map::new(),
    }
}

/// Given name, family name, title, and how many of that name there were before.
fn person(place: usize, stream: &mut Seeded) -> (&'static str, &'static str, &'static str, usize) {
    match names::FIRST.get(place) {
        Some((given, family, title)) => (*given, *family, *title, 0),
        None => {
            let k = place - names::FIRST.len();
            let all = names::GIVEN.len() * names::FAMILY.len();
            // 2,579 is prime and no divisor of the product: every pair once a round.
            let pick = (k % all) * 2_579 % all;
            (
                nth(names::GIVEN, pick / names::FAMILY.len()).unwrap_or("Emil"),
                nth(names::FAMILY, pick).unwrap_or("Abbott"),
                nth(names::TITLES, stream.below(8) as usize).unwrap_or("Software engineer"),
                k / all,
            )
        }
    }
}

fn user_name(given: &str, family: &str, number: usize) -> String {
    let suffix = if number == 0 {
        String::new()
    } else {
        (number + 1).to_string()
    };
    format!("{}.{}{suffix}", given.to_lowercase(), family.to_lowercase())
}

/// The user name of the person at a place: the same whatever the seed.
pub(super) fn person_name(n: u32) -> String {
    let mut stream = Seeded::new(0, "person", 0);
    let (given, family, _, number) = person(n as usize, &mut stream);
    user_name(given, family, number)
}

fn group(seed: u64, store: &str, n: u32) -> Group {
    let mut stream = Seeded::new(seed, "group", u64::from(n));
    let place = n as usize;
    let team = nth(names::TEAMS, place).unwrap_or("platform");
    let (name, description) = match place / names::TEAMS.len() {
        0 => (team.to_owned(), format!("Everybody of {team}")),
        round => match (
            nth(names::REGIONS, round - 1),
            (round - 1) / names::REGIONS.len(),
        ) {
            (Some(region), 0) => (format!("{team}-{region}"), format!("{team} in {region}")),
            (region, more) => {
                let region = region.unwrap_or("eu");
                (
                    format!("{team}-{region}-{}", more + 1),
                    format!("{team} in {region}, shift {}", more + 1),
                )
            }
        },
    };
    // The id first: the stream has an order.
    let id = store_id(store, &mut stream);
    let created_at =
        BEGINNING + i64::from(n) * DAY / 4 + i64::from(stream.below(9_000)) * 1_000_000;
    Group {
        id,
        name,
        description,
        created_at,
        updated_at: created_at,
        revision: 1,
        removed: false,
        external_ids: Vec::new(),
    }
}

/// People anything may be given to; the first four only when there is nobody else.
fn others(spec: &EstateSpec) -> (u32, u32) {
    let first = u32::try_from(names::FIRST.len()).unwrap_or(0);
    (first.min(spec.users), spec.users.saturating_sub(first))
}

fn memberships(estate: &mut Estate, spec: &EstateSpec) {
    let mut stream = Seeded::new(spec.seed, "memberships", 0);
    let (first, rest) = others(spec);
    let wanted = spec.memberships as usize;
    let join = |estate: &mut Estate, group: u32, user: u32| {
        if estate.relations.membership(group, user).is_some() {
            return;
        }
        let id = store_id(
            &estate.store,
            &mut Seeded::new(
                spec.seed,
                "membership",
                (u64::from(group) << 32) | u64::from(user),
            ),
        );
        let at = BEGINNING + i64::from(user) * DAY / 8 + DAY;
        estate.relations.apply(&Change::Join {
            group,
            user,
            id,
            at,
        });
    };
    if rest > 0 {
        for _ in 0..spec.memberships.saturating_mul(4) {
            if estate.relations.membership_count() >= wanted {
                return;
            }
            // The first groups are the bigger ones.
            let group = stream.below(spec.groups).min(stream.below(spec.groups));
            let user = first + stream.below(rest);
            join(estate, group, user);
        }
    }
    for user in (0..spec.users).rev() {
        for group in 0..spec.groups {
            if estate.relations.membership_count() >= wanted {
                return;
            }
            join(estate, group, user);
        }
    }
}

fn assignments(estate: &mut Estate, spec: &EstateSpec) {
    let mut stream = Seeded::new(spec.seed, "assignments", 0);
    let (first, rest) = others(spec);
    let wanted = spec.assignments as usize;
    let (lowest, targets) = match spec.accounts {
        1 => (0, 1),
        more => (1, more - 1),
    };
    let assign = |estate: &mut Estate, account: u32, set: u32, principal: Principal| {
        estate
            .relations
            .apply(&Change::Assign(account, set, principal));
    };
    if wanted > 0
        && spec.users > 0
        && spec.accounts > STANDING_ACCOUNT
        && spec.permission_sets > STANDING_SET
    {
        assign(estate, STANDING_ACCOUNT, STANDING_SET, Principal::user(0));
    }
    if rest > 0 || spec.groups > 0 {
        for _ in 0..spec.assignments.saturating_mul(4) {
            if estate.relations.assignment_count() >= wanted {
                return;
            }
            let account = lowest + stream.below(targets);
            // Every account knows some of the permission sets, the first ones most of all.
            let known = 4 + Seeded::new(spec.seed, "known", u64::from(account))
                .below((spec.permission_sets / 2).max(6));
            let set = match stream.below(known.min(spec.permission_sets)) {
                few if few < 4 => few,
                more => {
                    4 + (more * 31 + account * 17) % spec.permission_sets.saturating_sub(4).max(1)
                }
            };
            let set = set.min(spec.permission_sets.saturating_sub(1));
            let to_group = rest == 0 || (spec.groups > 0 && stream.below(100) < 35);
            let principal = if to_group {
                Principal::group(stream.below(spec.groups))
            } else {
                Principal::user(first + stream.below(rest))
            };
            assign(estate, account, set, principal);
        }
    }
    // Dense estates: whatever is left, Ana and prod-admin last.
    let groups = (0..spec.groups).map(Principal::group);
    let users = (0..spec.users).rev().map(Principal::user);
    for principal in groups.chain(users) {
        let sets = (0..spec.permission_sets).filter(|set| *set != PROD_ADMIN);
        let last = (PROD_ADMIN < spec.permission_sets).then_some(PROD_ADMIN);
        for set in sets.chain(last) {
            for account in lowest..lowest + targets {
                if estate.relations.assignment_count() >= wanted {
                    return;
                }
                assign(estate, account, set, principal);
            }
        }
    }
}
