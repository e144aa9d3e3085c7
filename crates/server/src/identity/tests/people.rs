use std::collections::BTreeSet;

use stint_domain::Span;
use stint_domain::rights::Role;

use super::super::{self as identity, Error, NewGroup, NewUser, UserChange, UserFilter};
use super::fixture::{PASSWORD, Room, secret};
use crate::cx::Denied;
use crate::http::Paging;

fn new(name: &str, email: &str) -> NewUser {
    NewUser {
        name: name.into(),
        email: email.into(),
        password: None,
        roles: vec![],
    }
}

#[tokio::test]
async fn an_address_belongs_to_one_user_whatever_its_capitals() {
    let room = Room::new().await;
    let cx = room.system();
    identity::create_user(&cx, new("Ana", "Ana@Example.com"))
        .await
        .expect("created");
    let taken = identity::create_user(&cx, new("Anna", "ana@example.COM")).await;
    assert!(matches!(taken, Err(Error::EmailTaken)));
    let umlaut = identity::create_user(&cx, new("Ö", "ÖRJAN@example.com"))
        .await
        .expect("created");
    assert_eq!(umlaut.email, "ÖRJAN@example.com");
    let taken = identity::create_user(&cx, new("ö", "örjan@example.com")).await;
    assert!(matches!(taken, Err(Error::EmailTaken)), "beyond ASCII too");
    let change = UserChange {
        email: Some("ANA@example.com".into()),
        ..Default::default()
    };
    let taken = identity::update_user(&cx, umlaut.id, change, None).await;
    assert!(matches!(taken, Err(Error::EmailTaken)));
    // Changing the capitals of one's own address is no clash.
    let change = UserChange {
        email: Some("örjan@EXAMPLE.com".into()),
        ..Default::default()
    };
    let changed = identity::update_user(&cx, umlaut.id, change, Some(1))
        .await
        .expect("changed");
    assert_eq!(
        (changed.email.as_str(), changed.version),
        ("örjan@EXAMPLE.com", 2)
    );
    let stale = identity::update_user(&cx, umlaut.id, UserChange::default(), Some(1)).await;
    assert!(matches!(stale, Err(Error::Stale { version: 2 })));
}

#[tokio::test]
async fn of_two_who_create_the_same_user_at_once_one_does() {
    let room = Room::new().await;
    let cx = room.system();
    let (a, b) = tokio::join!(
        identity::create_user(&cx, new("Ana", "ana@example.com")),
        identity::create_user(&cx, new("Ana", "ANA@example.com")),
    );
    let taken = [&a, &b]
        .iter()
        .filter(|r| matches!(r, Err(Error::EmailTaken)))
        .count();
    assert_eq!((taken, [a, b].iter().filter(|r| r.is_ok()).count()), (1, 1));
}

#[tokio::test]
async fn the_last_super_admin_stays() {
    let room = Room::new().await;
    let cy = room.user("Cy", &[Role::SuperAdmin]).await;
    let di = room.user("Di", &[Role::Auditor]).await;
    let cx = room.as_user(&cy);
    let refused = identity::deactivate_user(&cx, cy.id).await;
    assert!(matches!(refused, Err(Error::LastSuperAdmin)));
    let refused = identity::set_roles(&cx, cy.id, vec![Role::Auditor], None).await;
    assert!(matches!(refused, Err(Error::LastSuperAdmin)));
    // An inactive Super Admin does not count.
    identity::set_roles(&cx, di.id, vec![Role::SuperAdmin], None)
        .await
        .expect("given");
    identity::deactivate_user(&cx, di.id)
        .await
        .expect("deactivated");
    assert!(matches!(
        identity::deactivate_user(&cx, cy.id).await,
        Err(Error::LastSuperAdmin)
    ));
    identity::reactivate_user(&cx, di.id)
        .await
        .expect("reactivated");

    // Two who deactivate each other at once: one goes.
    let di = identity::get_user(&cx, di.id).await.expect("there");
    let other = room.as_user(&di);
    let (a, b) = tokio::join!(
        identity::deactivate_user(&cx, di.id),
        identity::deactivate_user(&other, cy.id),
    );
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
}

#[tokio::test]
async fn only_a_super_admin_creates_users_and_gives_roles() {
    let room = Room::new().await;
    room.user("Cy", &[Role::SuperAdmin]).await;
    let target = room.user("Target", &[]).await;
    for role in [
        Role::ConnectionAdmin,
        Role::PolicyAdmin,
        Role::Helpdesk,
        Role::Auditor,
    ] {
        let who = room.user(role.as_str(), &[role]).await;
        let cx = room.as_user(&who);
        let create = identity::create_user(&cx, new("X", "x@example.com")).await;
        assert!(
            matches!(create, Err(Error::Denied(Denied::Forbidden(_)))),
            "{role}"
        );
        for id in [target.id, who.id] {
            let give = identity::set_roles(&cx, id, vec![Role::SuperAdmin], None).await;
            assert!(
                matches!(give, Err(Error::Denied(Denied::Forbidden(_)))),
                "{role}"
            );
        }
    }
    let cx = room.as_user(&target);
    let give = identity::set_roles(&cx, target.id, vec![Role::SuperAdmin], None).await;
    assert!(
        matches!(give, Err(Error::Denied(Denied::Forbidden(_)))),
        "oneself"
    );
    let see = identity::get_user(&cx, room.app.new_id()).await;
    assert!(matches!(see, Err(Error::Denied(Denied::Invisible))));
    identity::get_user(&cx, target.id).await.expect("oneself");
}

#[tokio::test]
async fn roles_are_replaced_and_said_once() {
    let room = Room::new().await;
    let cy = room.user("Cy", &[Role::SuperAdmin]).await;
    let ana = room.user("Ana", &[Role::Helpdesk]).await;
    let cx = room.as_user(&cy);
    let wanted = vec![Role::User, Role::Auditor, Role::PolicyAdmin, Role::Auditor];
    let after = identity::set_roles(&cx, ana.id, wanted, Some(ana.version))
        .await
        .expect("set");
    assert_eq!(after.roles, [Role::PolicyAdmin, Role::Auditor]);
    assert_eq!(after.version, ana.version + 1);
    let again = identity::set_roles(&cx, ana.id, after.roles.clone(), None)
        .await
        .expect("same");
    assert_eq!(again, after, "nothing to change changes nothing");
}

#[tokio::test]
async fn the_first_administrator_can_sign_in() {
    let room = Room::new().await;
    assert!(!identity::initialised(&room.app).await.expect("asked"));
    let admin = identity::NewAdmin {
        name: None,
        email: "root.admin@example.com".into(),
        password: secret(PASSWORD),
    };
    let made = identity::create_admin(&room.system(), admin)
        .await
        .expect("created");
    assert_eq!(
        (made.name.as_str(), made.roles.as_slice()),
        ("root.admin", &[Role::SuperAdmin][..])
    );
    assert!(identity::initialised(&room.app).await.expect("asked"));
    let nobody = room.nobody();
    let started = identity::sign_in(&nobody, "root.admin@example.com", secret(PASSWORD)).await;
    started.expect("signed in");
}

#[tokio::test]
async fn a_list_gives_every_user_once_in_order_over_pages() {
    let room = Room::new().await;
    let cx = room.system();
    for n in 0..23 {
        let (name, email) = (
            format!("User {n}"),
            format!("U{:02}@example.com", n * 7 % 23),
        );
        identity::create_user(&cx, new(&name, &email))
            .await
            .expect("created");
    }
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let paging = Paging::after_cursor(5, cursor);
        let page = identity::list_users(&cx, &UserFilter::default(), &paging)
            .await
            .expect("listed");
        seen.extend(page.items.into_iter().map(|user| user.email));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let sorted: Vec<_> = (0..23).map(|n| format!("U{n:02}@example.com")).collect();
    assert_eq!(seen, sorted);
    let words = |q: &str| UserFilter {
        q: q.to_owned(),
        ..UserFilter::default()
    };
    let found = identity::list_users(&cx, &words("u07@EX"), &Paging::first(50)).await;
    assert_eq!(found.expect("listed").items.len(), 1);
    let none = identity::list_users(&cx, &words("%"), &Paging::first(50)).await;
    assert!(
        none.expect("listed").items.is_empty(),
        "a percent sign is a percent sign"
    );
    for (sort, first, last) in [
        ("-email", "U22@example.com", "U00@example.com"),
        ("created", "U00@example.com", "U16@example.com"),
        ("-created", "U16@example.com", "U00@example.com"),
        ("name", "U00@example.com", "U17@example.com"),
        ("-name", "U17@example.com", "U00@example.com"),
    ] {
        let filter = UserFilter {
            sort: Some(sort.to_owned()),
            ..UserFilter::default()
        };
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let paging = Paging::after_cursor(4, cursor);
            let page = identity::list_users(&cx, &filter, &paging).await;
            let page = page.expect("listed");
            seen.extend(page.items.into_iter().map(|user| user.email));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), 23, "{sort}");
        assert_eq!(seen.first().map(String::as_str), Some(first), "{sort}");
        assert_eq!(seen.last().map(String::as_str), Some(last), "{sort}");
    }
}

#[tokio::test]
async fn a_group_remembers_since_when_and_by_whom() {
    let room = Room::new().await;
    let pat = room.user("Pat", &[Role::PolicyAdmin]).await;
    let bo = room.user("Bo", &[]).await;
    let cx = room.as_user(&pat);
    let group = NewGroup {
        name: "Platform".into(),
        description: String::new(),
    };
    let group = identity::create_group(&cx, group).await.expect("created");
    let again = NewGroup {
        name: " PLATFORM".into(),
        description: String::new(),
    };
    assert!(matches!(
        identity::create_group(&cx, again).await,
        Err(Error::NameTaken)
    ));

    let with = identity::add_member(&cx, group.id, bo.id)
        .await
        .expect("added");
    assert_eq!((with.members, with.version), (1, 2));
    let first = cx.now;
    room.clock.forward(Span::hours(1));
    let later = room.as_user(&pat);
    let same = identity::add_member(&later, group.id, bo.id)
        .await
        .expect("in it already");
    assert_eq!(same, with);
    let memberships = async || {
        let mut reader = later.read().await.expect("read");
        identity::memberships(&mut reader, bo.id)
            .await
            .expect("read")
    };
    let held = memberships().await;
    assert_eq!(
        (held[0].since, held[0].added_by),
        (first, Some(pat.id)),
        "added twice is once"
    );

    identity::remove_member(&later, group.id, bo.id)
        .await
        .expect("removed");
    assert!(memberships().await.is_empty());
    identity::add_member(&later, group.id, bo.id)
        .await
        .expect("added");
    assert_eq!(memberships().await[0].since, later.now, "anew");

    let active = async || {
        let mut reader = later.read().await.expect("read");
        identity::active_members(&mut reader, group.id)
            .await
            .expect("read")
    };
    assert_eq!(active().await, [bo.id]);
    identity::deactivate_user(&room.system(), bo.id)
        .await
        .expect("deactivated");
    assert!(active().await.is_empty());
    let page =
        identity::list_members(&later, group.id, &Default::default(), &Paging::first(10)).await;
    assert!(!page.expect("listed").items[0].active);
    let add = identity::add_member(&later, group.id, bo.id).await;
    assert!(matches!(add, Err(Error::Inactive)));
}

#[tokio::test]
async fn many_users_are_read_at_once() {
    let room = Room::new().await;
    let mut ids = Vec::new();
    for name in ["c", "a", "b"] {
        ids.push(room.user(name, &[Role::Auditor]).await.id);
    }
    let mut reader = room.system().read().await.expect("read");
    let asked = [ids[0], ids[2], room.app.new_id(), ids[0]];
    let found = identity::users(&mut reader, &asked).await.expect("read");
    let names: Vec<_> = found.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(names, ["b", "c"]);
    let roles: BTreeSet<_> = found.iter().flat_map(|user| user.all_roles()).collect();
    assert_eq!(roles, BTreeSet::from([Role::Auditor, Role::User]));
    assert!(
        identity::users(&mut reader, &[])
            .await
            .expect("read")
            .is_empty()
    );
}

#[tokio::test]
async fn bad_values_are_refused_by_name() {
    let room = Room::new().await;
    let cx = room.system();
    for (user, field) in [
        (new("", "a@example.com"), "name"),
        (new("A", "not an address"), "email"),
    ] {
        match identity::create_user(&cx, user).await {
            Err(Error::Bad { field: found, .. }) => assert_eq!(found, field),
            other => panic!("{other:?}"),
        }
    }
    let weak = NewUser {
        password: Some(secret("short")),
        ..new("A", "a@example.com")
    };
    assert!(matches!(
        identity::create_user(&cx, weak).await,
        Err(Error::Password(_))
    ));
}
