use std::collections::BTreeSet;

use stint_domain::Span;
use stint_domain::policy::PolicyBody;
use stint_domain::rights::Role;

use super::*;
use crate::http::{Fault as _, Paging};
use crate::identity::User;
use crate::policies::tests::house::{House, body, of_users};
use crate::policies::{NewPolicy, NewVersion};

async fn policy(house: &House, name: &str, body: PolicyBody) -> PolicyId {
    let first = NewVersion {
        body,
        note: String::new(),
    };
    let new = NewPolicy {
        name: name.to_owned(),
        first,
    };
    let made = policies::create(&house.system(), new).await;
    made.expect("a policy").id
}

fn new(name: &str, audience: &[GroupId]) -> NewCatalog {
    NewCatalog {
        name: name.to_owned(),
        description: String::new(),
        audience: audience.iter().copied().collect(),
        ..NewCatalog::default()
    }
}

async fn names(house: &House, user: &User, search: &str) -> Vec<String> {
    let page = offers(&house.by(user), search, &Paging::default()).await;
    let items = page.expect("offers").page.items;
    items
        .into_iter()
        .map(|offer| offer.entitlement.name)
        .collect()
}

#[tokio::test]
async fn only_what_is_in_ones_catalogs_and_has_a_policy_is_on_offer() {
    let house = House::new().await;
    let [ana, bo] = [house.user("Ana", &[]).await, house.user("Bo", &[]).await];
    let cy = house.user("Cy", &[Role::SuperAdmin]).await;
    let devs = house.group("Devs", &[&ana]).await;
    let estate = house.connection().await;
    let mut ids = Vec::new();
    for name in ["Read on dev", "Admin on dev", "Admin on prod", "Billing"] {
        ids.push(house.entitlement(estate, name).await);
    }
    let cx = house.system();
    let auto = policy(&house, "Auto", body(vec![])).await;
    let asked = policy(&house, "Asked", body(vec![of_users("Bo", &[&bo])])).await;
    let dev = create(&cx, new("Dev", &[devs])).await.expect("created").id;
    let prod = create(&cx, new("Prod", &[])).await.expect("created").id;
    add(&cx, dev, &ids[..2]).await.expect("added");
    add(&cx, prod, &ids[2..]).await.expect("added");
    for id in &ids[1..] {
        let set = set_access_control(&cx, *id, asked, Some(Span::hours(1)), None).await;
        set.expect("set");
    }
    // In the catalog without an access control: not on offer.
    assert_eq!(names(&house, &ana, "").await, ["Admin on dev"]);
    set_access_control(&cx, ids[0], auto, None, None)
        .await
        .expect("set");
    assert_eq!(
        names(&house, &ana, "").await,
        ["Admin on dev", "Read on dev"]
    );
    assert_eq!(names(&house, &ana, "DEV read").await, ["Read on dev"]);
    assert!(names(&house, &bo, "").await.is_empty());
    assert!(names(&house, &cy, "").await.is_empty());

    let first = offers(&house.by(&ana), "", &Paging::first(1))
        .await
        .expect("a page");
    assert_eq!(first.total, 2);
    let first = first.page;
    assert_eq!(first.items[0].max_duration, Span::hours(1));
    let rest = Paging::after_cursor(1, first.next);
    let rest = offers(&house.by(&ana), "", &rest).await;
    let rest = rest.expect("a page").page;
    assert_eq!((rest.items[0].entitlement.id, rest.next), (ids[0], None));
    assert_eq!(rest.items[0].max_duration, Span::hours(4));

    // One's own, another catalog's, one that does not exist: the last two answer alike,
    // also to a Super Admin.
    let code = async |user: &User, id| {
        let found = offer(&house.by(user), id).await;
        found.map(|_| "ok").unwrap_or_else(|e| e.code())
    };
    assert_eq!(code(&ana, ids[0]).await, "ok");
    for user in [&ana, &cy] {
        assert_eq!(code(user, ids[2]).await, "not_found");
        assert_eq!(code(user, house.app.new_id()).await, "not_found");
    }
    house.entitlement_gone(ids[0]).await;
    assert_eq!(code(&ana, ids[0]).await, "not_found");
    assert_eq!(names(&house, &ana, "").await, ["Admin on dev"]);
    house.leave(devs, ana.id).await;
    assert!(names(&house, &ana, "").await.is_empty());
}

#[tokio::test]
async fn catalogs_are_changed_by_those_who_saw_them_last() {
    let house = House::new().await;
    let pam = house.user("Pam", &[Role::PolicyAdmin]).await;
    let groups = [house.group("A", &[]).await, house.group("B", &[]).await];
    let cx = house.by(&pam);
    let made = create(&cx, new("  Data  team ", &groups))
        .await
        .expect("created");
    assert_eq!((made.name.as_str(), made.version), ("Data team", 1));
    let change = Change {
        audience: Some([groups[1]].into()),
        ..Change::default()
    };
    let after = update(&cx, made.id, change.clone(), Some(1))
        .await
        .expect("changed");
    assert_eq!(after.audience, BTreeSet::from([groups[1]]));
    assert_eq!(get(&cx, made.id).await.expect("there"), after);
    let stale = update(&cx, made.id, change, Some(1)).await;
    assert_eq!(stale.expect_err("seen 1, is 2").code(), "stale");
    let unknown = house.app.new_id();
    let code = async |new| create(&cx, new).await.expect_err("refused").code();
    assert_eq!(code(new("data TEAM", &[])).await, "name_taken");
    assert_eq!(code(new("Other", &[unknown])).await, "unknown_group");
    assert_eq!(code(new(" ", &[])).await, "invalid_name");
    let other = create(&cx, new("Other", &[])).await.expect("created");
    let renamed = Change {
        name: Some("Data team".into()),
        ..Change::default()
    };
    let taken = update(&cx, other.id, renamed, None).await;
    assert_eq!(taken.expect_err("taken").code(), "name_taken");
    house.verified().await;
}

#[tokio::test]
async fn entitlements_come_and_go_all_or_none() {
    let house = House::new().await;
    let estate = house.connection().await;
    let cx = house.system();
    let ids = [
        house.entitlement(estate, "a").await,
        house.entitlement(estate, "b").await,
    ];
    let id = create(&cx, new("All", &[])).await.expect("created").id;
    let unknown = house.app.new_id();
    let code = async |ids: &[EntitlementId]| add(&cx, id, ids).await.map_err(|e| e.code());
    assert_eq!(code(&[ids[0], unknown]).await, Err("unknown_entitlement"));
    assert_eq!(get(&cx, id).await.expect("there").entitlements, 0);
    assert_eq!(code(&[]).await, Err("how_many"));
    assert_eq!(code(&ids).await, Ok(2));
    assert_eq!(code(&ids).await, Ok(0));
    let by_name = EntryFilter::default();
    let page = entries(&cx, id, &by_name, &Paging::first(1))
        .await
        .expect("a page");
    assert_eq!(page.items[0].entitlement.id, ids[0]);
    assert!(page.items[0].access_control.is_none());
    let rest = entries(&cx, id, &by_name, &Paging::after_cursor(1, page.next))
        .await
        .expect("a page");
    assert_eq!(rest.items[0].entitlement.id, ids[1]);
    remove(&cx, id, ids[0]).await.expect("removed");
    let again = remove(&cx, id, ids[0]).await;
    assert_eq!(again.expect_err("gone").code(), "not_found");
    assert_eq!(
        house.events("catalog.").await,
        [
            "catalog.created",
            "catalog.entitlements_added",
            "catalog.entitlement_removed"
        ]
    );
}

#[tokio::test]
async fn an_access_control_is_set_with_a_policy_that_exists() {
    let house = House::new().await;
    let estate = house.connection().await;
    let cx = house.system();
    let id = house.entitlement(estate, "a").await;
    let auto = policy(&house, "Auto", body(vec![])).await;
    let code = async |id, policy, max, seen| {
        let set = set_access_control(&cx, id, policy, max, seen).await;
        set.map(|it| it.version).map_err(|e| e.code())
    };
    let unknown: PolicyId = house.app.new_id();
    assert_eq!(code(id, unknown, None, None).await, Err("unknown_policy"));
    let nothing = house.app.new_id();
    assert_eq!(code(nothing, auto, None, None).await, Err("not_found"));
    let short = Some(Span::seconds(59));
    assert_eq!(code(id, auto, short, None).await, Err("max_duration"));
    assert_eq!(access_control(&cx, id).await.expect("known"), None);
    assert_eq!(code(id, auto, None, Some(0)).await, Ok(1));
    assert_eq!(code(id, auto, None, Some(0)).await, Err("stale"));
    assert_eq!(code(id, auto, Some(Span::hours(2)), Some(1)).await, Ok(2));
    let found = access_control(&cx, id).await.expect("known").expect("set");
    assert_eq!(
        (found.max_duration, found.version),
        (Some(Span::hours(2)), 2)
    );
}

#[tokio::test]
async fn users_see_offers_and_no_catalogs() {
    let house = House::new().await;
    let ana = house.user("Ana", &[]).await;
    let devs = house.group("Devs", &[&ana]).await;
    let id = create(&house.system(), new("Dev", &[devs]))
        .await
        .expect("created")
        .id;
    let cx = house.by(&ana);
    assert_eq!(get(&cx, id).await.expect_err("hidden").code(), "not_found");
    let listed = list(&cx, &Filter::default(), &Paging::default()).await;
    assert_eq!(listed.expect_err("a user").code(), "forbidden");
    let changed = update(&cx, id, Change::default(), None).await;
    assert_eq!(changed.expect_err("hidden").code(), "not_found");
    assert_eq!(
        create(&cx, new("Mine", &[]))
            .await
            .expect_err("a user")
            .code(),
        "forbidden"
    );
}

mod conditions;
