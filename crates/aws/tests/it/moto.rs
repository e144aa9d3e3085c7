//! The connector against moto's server, which nobody here wrote: a second opinion on what is
//! sent and how answers are read. `cargo xtask test` starts and fills it
//! (`crates/aws/tests/moto/judge.py`) and runs these tests; by themselves they are ignored.
//!
//! moto is right about shapes, not about behaviour, so this asks only what it gets right:
//! whole lists, of more than one page where moto pages at all, and memberships that come and
//! go once. What a repeated create or a delete of something absent means, denials, limits and
//! throttling are the simulated AWS's to tell.
//!
//! sso-admin is left out. moto's permission set ARNs have a form AWS does not have
//! (`…instance/ssoins-x/ps-y`), its assignment writes are over at once instead of
//! `IN_PROGRESS`, it checks no principal, lists no inherited row, and provisions nothing when
//! something is assigned: the readers would find nothing, and rightly so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;
use stint_aws::{
    AccountState, Answer, Aws, AwsOptions, Base, Estate, EstateSpec, Governor, Lane, PairKey, Reach,
};
use stint_aws_sim::SimClock;
use stint_domain::{Clock, ConnectionId, Time};

use crate::world::SimTime;

/// What the judge put into moto.
#[derive(Deserialize)]
struct Seeded {
    account: String,
    region: String,
    accounts: BTreeMap<String, Account>,
    directory: Directory,
    iam: Iam,
}

#[derive(Deserialize)]
struct Iam {
    /// Ids by name.
    users: BTreeMap<String, String>,
    groups: BTreeMap<String, String>,
    /// Names of users by a group's.
    members: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct Account {
    name: String,
    email: String,
}

#[derive(Deserialize)]
struct Directory {
    store: String,
    /// By id.
    users: BTreeMap<String, String>,
    groups: BTreeMap<String, String>,
    memberships: BTreeMap<String, Pair>,
}

#[derive(Deserialize)]
struct Pair {
    group: String,
    user: String,
}

struct Moto {
    seeded: Seeded,
    estate: Estate,
    clock: Arc<SimTime>,
}

impl Moto {
    fn new() -> Moto {
        let variable = |name: &str| {
            std::env::var(name)
                .unwrap_or_else(|_| panic!("{name} is not set: run this by `cargo xtask test`"))
        };
        let url = variable("STINT_MOTO_URL");
        let file = std::fs::read(variable("STINT_MOTO_SEEDED")).expect("what was put into moto");
        let seeded: Seeded = serde_json::from_slice(&file).expect("JSON");
        let clock = Arc::new(SimTime(SimClock::wall_plus_offset()));
        let base = Base::Keys {
            access_key_id: "AKIAMOTOMOTOMOTOMOTO".to_owned(),
            secret_access_key: "moto does not look".to_owned().into(),
            session_token: None,
        };
        let aws = Aws::new(AwsOptions {
            endpoint: Some(url),
            governor: Governor::unlimited(clock.clone()),
            ..AwsOptions::new(base, clock.clone())
        });
        let estate = aws.estate(EstateSpec {
            connection: ConnectionId::from(uuid::Uuid::from_u128(1)),
            reach: Reach::Role {
                role_arn: format!("arn:aws:iam::{}:role/StintConnector", seeded.account),
                external_id: "stint-moto".to_owned(),
            },
            region: seeded.region.clone(),
            iam: true,
            features: stint_iam_policy::Features::of("aws", "123456789012"),
            members: None,
            session_name: "stint-test".to_owned(),
        });
        Moto {
            seeded,
            estate,
            clock,
        }
    }

    fn now(&self) -> Time {
        self.clock.now()
    }

    /// The pair is not so, is made, is seen by its id, and is taken away by it.
    async fn comes_and_goes(&self, key: &PairKey) {
        let read = || self.estate.read(key, Lane::Provision);
        assert!(!read().await.expect("reads").present, "{key:?}");
        let written = self.estate.create(key, self.now(), Lane::Provision).await;
        let Answer::Succeeded { membership_id } = written.answer else {
            panic!("{written:?}");
        };
        let reading = read().await.expect("reads");
        assert!(reading.present, "{key:?}");
        assert_eq!(reading.membership_id, membership_id);
        let id = membership_id.as_deref();
        let written = self.estate.delete(key, id, self.now(), Lane::Revoke).await;
        assert!(
            matches!(written.answer, Answer::Succeeded { .. }),
            "{written:?}"
        );
        assert!(!read().await.expect("reads").present, "{key:?}");
    }
}

const LANE: Lane = Lane::Sync;
const WHY: &str = "moto";

#[tokio::test]
#[ignore = "needs moto's server: `cargo xtask test` starts it and runs this"]
async fn the_role_is_assumed_and_says_who_it_is() {
    let moto = Moto::new();
    let who = moto.estate.identity().await.expect(WHY);
    assert_eq!(who.account, moto.seeded.account);
    assert_eq!(
        who.trusted_arn(),
        format!("arn:aws:iam::{}:role/StintConnector", who.account)
    );
}

#[tokio::test]
#[ignore = "needs moto's server: `cargo xtask test` starts it and runs this"]
async fn accounts_come_page_by_page() {
    let moto = Moto::new();
    let mut pages = moto.estate.accounts(None, LANE);
    let mut accounts = Vec::new();
    let mut count = 0;
    while let Some(page) = pages.next().await.expect(WHY) {
        count += 1;
        accounts.extend(page.items);
    }
    assert_eq!((accounts.len(), count), (25, 2));
    let seeded = &moto.seeded.accounts;
    let ids: BTreeSet<_> = accounts.iter().map(|account| &account.id).collect();
    assert_eq!(ids, seeded.keys().collect());
    for account in &accounts {
        let expected = &seeded[&account.id];
        assert_eq!(account.name, expected.name);
        assert_eq!(account.email.as_ref(), Some(&expected.email));
        assert_eq!(account.state, AccountState::Active);
        assert_eq!(
            account.management_account(),
            Some(moto.seeded.account.as_str())
        );
    }
}

#[tokio::test]
#[ignore = "needs moto's server: `cargo xtask test` starts it and runs this"]
async fn the_directory_comes_page_by_page() {
    let moto = Moto::new();
    let directory = &moto.seeded.directory;
    let store = directory.store.as_str();
    let mut pages = moto.estate.users(store, None, LANE);
    let first = pages.next().await.expect(WHY).expect("a page");
    assert_eq!((first.items.len(), first.next.is_some()), (100, true));
    let users = moto.estate.users(store, None, LANE).all().await.expect(WHY);
    let names: BTreeMap<_, _> = users
        .iter()
        .map(|user| (user.id.clone(), user.user_name.clone().expect("a name")))
        .collect();
    assert_eq!((users.len(), &names), (130, &directory.users));
    let one = users
        .iter()
        .find(|user| user.user_name.as_deref() == Some("user7"));
    let one = one.expect("user7");
    assert_eq!(one.display_name.as_deref(), Some("User & Son 7"));
    assert_eq!(one.email.as_deref(), Some("user7@example.com"));
    // moto does not know the status (AWS reference §1.2: older stores do not send it either).
    assert_eq!(one.active, None);

    let groups = moto
        .estate
        .groups(store, None, LANE)
        .all()
        .await
        .expect(WHY);
    let names: BTreeMap<_, _> = groups
        .iter()
        .map(|group| (group.id.clone(), group.name.clone().expect("a name")))
        .collect();
    assert_eq!((groups.len(), &names), (110, &directory.groups));

    let listed: BTreeSet<&str> = directory
        .memberships
        .values()
        .map(|m| m.group.as_str())
        .collect();
    for group in listed {
        let members = moto
            .estate
            .memberships(store, group, None, LANE)
            .all()
            .await
            .expect(WHY);
        let found: BTreeSet<_> = members
            .iter()
            .map(|row| (row.id.as_str(), row.group.as_str(), row.user.as_str()))
            .collect();
        let expected: BTreeSet<_> = directory
            .memberships
            .iter()
            .filter(|(_, pair)| pair.group == group)
            .map(|(id, pair)| (id.as_str(), pair.group.as_str(), pair.user.as_str()))
            .collect();
        assert_eq!((members.len(), &found), (expected.len(), &expected));
    }
    let empty = directory
        .groups
        .iter()
        .find(|(_, name)| *name == "group9")
        .expect("group9");
    let none = moto
        .estate
        .memberships(store, empty.0, None, LANE)
        .all()
        .await
        .expect(WHY);
    assert!(none.is_empty());
}

#[tokio::test]
#[ignore = "needs moto's server: `cargo xtask test` starts it and runs this"]
async fn a_membership_of_the_directory_comes_and_goes() {
    let moto = Moto::new();
    let directory = &moto.seeded.directory;
    let id = |known: &BTreeMap<String, String>, wanted: &str| {
        let found = known.iter().find(|(_, name)| *name == wanted);
        found.expect("was put there").0.clone()
    };
    moto.comes_and_goes(&PairKey::Membership {
        identity_store: directory.store.clone(),
        group: id(&directory.groups, "group42"),
        user: id(&directory.users, "user99"),
    })
    .await;
}

#[tokio::test]
#[ignore = "needs moto's server: `cargo xtask test` starts it and runs this"]
async fn iam_is_read_whole() {
    let moto = Moto::new();
    let iam = &moto.seeded.iam;
    let users = moto.estate.iam_users(None, LANE).all().await.expect(WHY);
    let found: BTreeMap<_, _> = users.into_iter().map(|u| (u.name, u.id)).collect();
    assert_eq!((found.len(), &found), (130, &iam.users));
    let groups = moto.estate.iam_groups(None, LANE).all().await.expect(WHY);
    let found: BTreeMap<_, _> = (groups.iter())
        .map(|g| (g.name.clone(), g.id.clone()))
        .collect();
    assert_eq!((found.len(), &found), (105, &iam.groups));
    for group in groups
        .iter()
        .filter(|g| iam.members.contains_key(&g.name) || g.name == "iam-group9")
    {
        let members = moto.estate.iam_members(group, None, LANE);
        let members = members.all().await.expect(WHY);
        let mut found: Vec<_> = members.into_iter().map(|u| u.name).collect();
        found.sort();
        let mut expected = iam.members.get(&group.name).cloned().unwrap_or_default();
        expected.sort();
        assert_eq!(found, expected, "{}", group.name);
    }
}

/// moto answers a removal of somebody who is no member otherwise than AWS does; both mean the
/// same (AWS reference §1.1).
#[tokio::test]
#[ignore = "needs moto's server: `cargo xtask test` starts it and runs this"]
async fn a_membership_of_an_iam_group_comes_and_goes() {
    let moto = Moto::new();
    let iam = &moto.seeded.iam;
    let key = PairKey::IamMembership {
        account: moto.seeded.account.clone(),
        group: iam.groups["iam-group42"].clone(),
        group_name: "iam-group42".to_owned(),
        user: iam.users["iam-user99"].clone(),
        user_name: "iam-user99".to_owned(),
    };
    moto.comes_and_goes(&key).await;
    let absent = moto.estate.delete(&key, None, moto.now(), Lane::Revoke);
    assert_eq!(absent.await.answer, Answer::NotFound);
}
