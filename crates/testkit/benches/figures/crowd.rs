//! Many people who may ask for many things, made by the real verbs.

use stint_domain::entitlement::{EntitlementKey, PrincipalKind};
use stint_domain::{EntitlementId, PolicyId, Span};
use stint_server::cx::Cx;
use stint_server::http::Paging;
use stint_server::{catalog, directory, requests};
use stint_testkit::sim::{EstateSpec, Knobs, Settle};
use stint_testkit::{Engine, Organization, World};

/// How many people ask. Their names fit on one page of the directory.
pub(crate) const PEOPLE: usize = 100;

/// A connected estate in which nobody holds anything yet, with [`PEOPLE`] who may ask for every
/// permission set on every account.
pub(crate) struct Crowd {
    pub(crate) world: World,
    /// Who asks for what: the first person for everything, then the second, … What follows in
    /// the list is on another account: Stint has one write open on each.
    pub(crate) pairs: Vec<(String, EntitlementId)>,
}

/// Which of the organization's policies things are asked under.
pub(crate) type Under = fn(&Organization) -> PolicyId;

impl Crowd {
    /// Makes it, with so many entitlements. AWS carries writes out at once, and is asked as
    /// fast as Stint can.
    pub(crate) async fn gather(engine: Engine, entitlements: usize, under: Under) -> Self {
        let sets = 4;
        // Nothing is given on the management account, and one account stays free.
        let accounts = u32::try_from(entitlements / sets + 2).unwrap();
        let estate = EstateSpec {
            accounts,
            permission_sets: u32::try_from(sets).unwrap(),
            users: u32::try_from(PEOPLE + 20).unwrap(),
            groups: 2,
            memberships: 0,
            assignments: 0,
            ..EstateSpec::default()
        };
        let knobs = Knobs {
            settle: Settle {
                polls: 0,
                micros: 0,
            },
            ..Knobs::default()
        };
        let builder = World::builder().engine(engine).estate(estate).knobs(knobs);
        let mut world = builder.build().await;
        let organization = world.organize().await;
        let people = people(&mut world, &organization).await;
        let offered = offer(&world, &organization, entitlements, under).await;
        let pairs = (people.iter())
            .flat_map(|who| offered.iter().map(|what| (who.clone(), *what)))
            .collect();
        Self { world, pairs }
    }

    /// Ends it, without asking what is still to be done.
    pub(crate) async fn leave(self) {
        self.world.abandon().await;
    }
}

/// Asks for access, as the pages and the API do.
pub(crate) async fn ask(cx: &Cx, what: EntitlementId, duration: Span) -> requests::Request {
    let new = requests::NewRequest {
        entitlement: what,
        duration,
        reason: "INC-2291".to_owned(),
        ticket: None,
        beneficiary: None,
        start: None,
        principal: None,
        emergency: false,
        until_revoked: false,
    };
    stint_db::retrying(|| requests::submit(cx, new.clone()))
        .await
        .expect("the request is taken")
}

/// Adds people and links each to an Identity Center user.
async fn people(world: &mut World, organization: &Organization) -> Vec<String> {
    let cx = world.cx("cy");
    let page = Paging::first(200);
    let found = directory::principals(&cx, organization.connection, "", &page).await;
    let found = found.expect("the directory can be read").items;
    let facts = world.facts();
    let taken = [&facts.ana, &facts.bo, &facts.cy, &facts.dee];
    let free = found.into_iter().filter(|it| {
        it.kind == PrincipalKind::IdentityCenterUser
            && !(taken.iter().copied().flatten()).any(|person| person.user_id == it.aws_id)
    });
    let free: Vec<_> = free.take(PEOPLE).collect();
    assert_eq!(free.len(), PEOPLE, "the estate has enough users");
    let mut words = Vec::with_capacity(PEOPLE);
    for (number, principal) in free.iter().enumerate() {
        let word = format!("p{number:03}");
        let person = world.add_person(&word, &[]).await;
        world
            .link(organization.connection, &word, &principal.aws_id)
            .await;
        stint_server::identity::add_member(&cx, organization.everyone, person.id)
            .await
            .expect("a member");
        words.push(word);
    }
    words
}

/// Puts so many account assignments into the catalog, none of the management account.
async fn offer(
    world: &World,
    organization: &Organization,
    most: usize,
    under: Under,
) -> Vec<EntitlementId> {
    let cx = world.cx("cy");
    let management = world.facts().management_account;
    let mut reader = cx.read().await.expect("the database can be read");
    let all = directory::all_entitlements(&mut reader, organization.connection)
        .await
        .expect("the directory can be read");
    drop(reader);
    let mut chosen: Vec<(String, String, EntitlementId)> = (all.into_iter())
        .filter_map(|it| match it.key {
            EntitlementKey::AccountAssignment {
                account,
                permission_set,
            } if account != management => Some((permission_set, account, it.id)),
            _ => None,
        })
        .collect();
    chosen.sort();
    let chosen: Vec<_> = chosen.into_iter().map(|(.., id)| id).take(most).collect();
    assert_eq!(chosen.len(), most, "the estate has enough entitlements");
    let terms = catalog::Terms {
        emergency: None,
        until_revoked: false,
        policy: under(organization),
        max_duration: None,
        replace: true,
    };
    catalog::add_under(&cx, organization.catalog, &chosen, Some(terms))
        .await
        .expect("they may be asked for");
    chosen
}
