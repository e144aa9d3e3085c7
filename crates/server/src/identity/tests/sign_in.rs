use http::{HeaderMap, HeaderValue, header};
use stint_domain::rights::Role;
use stint_domain::{Clock as _, Span};

use super::super::{
    self as identity, DemoCaller, Error, NewUser, PERSONAS, StartedSignIn, password,
};
use super::fixture::{PASSWORD, Room, holds, secret};
use crate::cx::{Actor, App, Config, Cx};
use crate::http::Fault as _;

/// The cookie as a browser sends it back.
fn sent(started: &StartedSignIn) -> HeaderMap {
    let set = started.cookie.to_str().expect("ascii");
    let pair = set.split(';').next().expect("a pair");
    HeaderMap::from_iter([(
        header::COOKIE,
        HeaderValue::from_str(pair).expect("a header"),
    )])
}

async fn actor(app: &App, headers: &HeaderMap) -> Result<Actor, Error> {
    identity::actor(app, headers).await
}

#[tokio::test]
async fn a_sign_in_is_who_signed_in_and_only_its_hash_is_kept() {
    let room = Room::new().await;
    let ana = room.user("Ana", &[Role::Helpdesk]).await;
    let started = identity::sign_in(&room.nobody(), "aNa@Example.com ", secret(PASSWORD)).await;
    let started = started.expect("signed in");
    assert_eq!(started.user, ana);
    let headers = sent(&started);
    let Ok(Actor::User(person)) = actor(&room.app, &headers).await else {
        panic!("nobody");
    };
    assert_eq!(
        (person.id, person.roles.as_slice()),
        (ana.id, &[Role::Helpdesk][..])
    );

    let pair = headers[header::COOKIE].to_str().expect("ascii");
    let (_, value) = pair.split_once('=').expect("a pair");
    assert_eq!(value.len(), 52);
    let bytes = room.bytes();
    assert!(
        !holds(&bytes, value.as_bytes()),
        "the cookie's value is in the database"
    );
    assert!(
        !holds(&bytes, PASSWORD.as_bytes()),
        "the password is in the database"
    );
    assert!(
        holds(&bytes, &super::super::secret::sha256(value)),
        "the hash is looked for rightly"
    );
}

#[tokio::test]
async fn a_sign_in_ends_idle_and_in_any_case() {
    let room = Room::new().await;
    room.user("Ana", &[]).await;
    let sign_in = async || {
        let started = identity::sign_in(&room.nobody(), "ana@example.com", secret(PASSWORD)).await;
        sent(&started.expect("signed in"))
    };
    let over = async |headers: &HeaderMap| {
        matches!(actor(&room.app, headers).await, Err(Error::SignInOver))
    };
    let idle = sign_in().await;
    room.wall.forward(Span::seconds(8 * 3600 - 1));
    assert!(!over(&idle).await, "a second before");
    // That call counted as a use.
    room.wall.forward(Span::seconds(8 * 3600 - 1));
    assert!(!over(&idle).await, "used in between");
    room.wall.forward(identity::IDLE);
    assert!(over(&idle).await, "idle");

    let busy = sign_in().await;
    for _ in 0..23 {
        room.wall.forward(Span::hours(1));
        assert!(!over(&busy).await, "used every hour");
    }
    room.wall.forward(Span::hours(1));
    assert!(over(&busy).await, "a day old, however much it is used");
}

#[tokio::test]
async fn moving_the_demos_clock_signs_nobody_out() {
    let room = Room::new().await;
    room.user("Ana", &[]).await;
    let started = identity::sign_in(&room.nobody(), "ana@example.com", secret(PASSWORD)).await;
    let headers = sent(&started.expect("signed in"));
    room.clock.forward(Span::hours(24 * 365));
    assert!(matches!(
        actor(&room.app, &headers).await,
        Ok(Actor::User(_))
    ));
}

#[tokio::test]
async fn a_cookie_that_is_none_of_ours_is_over_and_none_at_all_is_nobody() {
    let room = Room::new().await;
    assert!(matches!(
        actor(&room.app, &HeaderMap::new()).await,
        Ok(Actor::Nobody)
    ));
    for value in ["x", &"0".repeat(52), "' or 1=1 --"] {
        let pair = HeaderValue::from_str(&format!("stint={value}")).expect("a header");
        let headers = HeaderMap::from_iter([(header::COOKIE, pair)]);
        assert!(
            matches!(actor(&room.app, &headers).await, Err(Error::SignInOver)),
            "{value}"
        );
    }
}

#[tokio::test]
async fn signing_out_ends_the_sign_in_and_no_other() {
    let room = Room::new().await;
    room.user("Ana", &[]).await;
    let sign_in = async || {
        let started = identity::sign_in(&room.nobody(), "ana@example.com", secret(PASSWORD)).await;
        sent(&started.expect("signed in"))
    };
    let (one, two) = (sign_in().await, sign_in().await);
    let cx = Cx::new(&room.app, actor(&room.app, &one).await.expect("ana"), "");
    let cookie = identity::sign_out(&cx).await.expect("signed out");
    assert!(cookie.to_str().expect("ascii").contains("Max-Age=0"));
    assert!(matches!(
        actor(&room.app, &one).await,
        Err(Error::SignInOver)
    ));
    assert!(matches!(actor(&room.app, &two).await, Ok(Actor::User(_))));
    let left = identity::list_sign_ins(&cx, cx.actor.user().expect("ana")).await;
    assert_eq!(left.expect("listed").len(), 1);
}

/// Somebody, nobody, somebody without a password, somebody deactivated: the same answer
/// after the same hashing.
#[tokio::test]
async fn whoever_may_not_sign_in_hears_the_same_after_the_same_work() {
    let room = Room::new().await;
    room.user("Ana", &[]).await;
    let gone = room.user("Gone", &[]).await;
    identity::deactivate_user(&room.system(), gone.id)
        .await
        .expect("deactivated");
    let mute = NewUser {
        name: "Mute".into(),
        email: "mute@example.com".into(),
        password: None,
        roles: vec![],
    };
    identity::create_user(&room.system(), mute)
        .await
        .expect("created");

    let mut seen = Vec::new();
    for who in ["ana", "nobody", "mute", "gone"] {
        let typed = format!("a wrong password for {who}");
        let address = format!("{who}@example.com");
        let refused = identity::sign_in(&room.nobody(), &address, secret(&typed)).await;
        let error = refused.expect_err("refused");
        seen.push((error.code(), error.detail(), password::work::of(&typed)));
    }
    let (_, _, work) = &seen[0];
    assert_eq!(work.len(), 1, "hashed once");
    for other in &seen[1..] {
        assert_eq!(other, &seen[0]);
    }
    // The right password of a deactivated user is refused the same way.
    let refused = identity::sign_in(&room.nobody(), "gone@example.com", secret(PASSWORD)).await;
    assert!(matches!(refused, Err(Error::SignInRefused)));
}

#[tokio::test]
async fn ten_failures_lock_out_whoever_has_or_has_not_the_address() {
    let room = Room::new().await;
    room.user("Ana", &[]).await;
    for address in ["ana@example.com", "nobody@example.com"] {
        let try_with = async |password: &str| {
            identity::sign_in(&room.nobody(), address, secret(password)).await
        };
        for n in 1..=10 {
            let refused = try_with("wrong all the time").await;
            assert!(matches!(refused, Err(Error::SignInRefused)), "{n}");
        }
        let typed = format!("tried while locked {address}");
        let Err(Error::LockedOut { until, seconds }) = try_with(&typed).await else {
            panic!("the eleventh try went through");
        };
        assert_eq!((until, seconds), (room.wall.now() + Span::minutes(1), 61));
        assert!(
            password::work::of(&typed).is_empty(),
            "nothing is hashed while locked"
        );
        assert!(matches!(
            try_with(PASSWORD).await,
            Err(Error::LockedOut { .. })
        ));

        room.wall.forward(Span::minutes(1));
        assert!(matches!(
            try_with("wrong again").await,
            Err(Error::SignInRefused)
        ));
        let Err(Error::LockedOut { until, .. }) = try_with(PASSWORD).await else {
            panic!("not locked after another failure");
        };
        assert_eq!(until, room.wall.now() + Span::minutes(2), "the wait grows");
        room.wall.forward(Span::minutes(2));
    }
    let right = identity::sign_in(&room.nobody(), "ana@example.com", secret(PASSWORD)).await;
    right.expect("the wait is over");
    // Success forgave: ten more tries are free.
    for _ in 0..10 {
        let refused = identity::sign_in(
            &room.nobody(),
            "ana@example.com",
            secret("wrong all the time"),
        )
        .await;
        assert!(matches!(refused, Err(Error::SignInRefused)));
    }
}

#[tokio::test]
async fn a_hundred_tries_at_once_are_ten() {
    let room = Room::new().await;
    room.user("Ana", &[]).await;
    let typed = "one of a hundred at once";
    let cx = room.nobody();
    let tries = (0..100).map(|_| identity::sign_in(&cx, "ana@example.com", secret(typed)));
    let answers = futures::future::join_all(tries).await;
    let refused = answers
        .iter()
        .filter(|a| matches!(a, Err(Error::SignInRefused)))
        .count();
    let locked = answers
        .iter()
        .filter(|a| matches!(a, Err(Error::LockedOut { .. })))
        .count();
    assert_eq!((refused, locked), (10, 90));
    assert_eq!(password::work::of(typed).len(), 10);
}

#[tokio::test]
async fn a_new_password_ends_other_sign_ins_and_forgives() {
    let room = Room::new().await;
    let ana = room.user("Ana", &[]).await;
    let cy = room.user("Cy", &[Role::SuperAdmin]).await;
    let sign_in = async |password: &str| {
        identity::sign_in(&room.nobody(), "ana@example.com", secret(password)).await
    };
    let mine = sent(&sign_in(PASSWORD).await.expect("signed in"));
    let other = sent(&sign_in(PASSWORD).await.expect("signed in"));
    let cx = Cx::new(&room.app, actor(&room.app, &mine).await.expect("ana"), "");
    let wrong = identity::change_password(&cx, secret("not it"), secret("a fresh password")).await;
    assert!(matches!(wrong, Err(Error::WrongPassword)));
    let weak = identity::change_password(&cx, secret(PASSWORD), secret("short")).await;
    assert!(matches!(weak, Err(Error::Password(_))));
    let changed =
        identity::change_password(&cx, secret(PASSWORD), secret("a fresh password")).await;
    changed.expect("changed");
    assert!(matches!(actor(&room.app, &mine).await, Ok(Actor::User(_))));
    assert!(matches!(
        actor(&room.app, &other).await,
        Err(Error::SignInOver)
    ));
    assert!(matches!(sign_in(PASSWORD).await, Err(Error::SignInRefused)));

    for _ in 0..10 {
        sign_in("wrong").await.expect_err("refused");
    }
    assert!(matches!(
        sign_in("a fresh password").await,
        Err(Error::LockedOut { .. })
    ));
    let change = identity::UserChange {
        password: Some(secret("set by an administrator")),
        ..Default::default()
    };
    let set = identity::update_user(&room.as_user(&cy), ana.id, change, None).await;
    set.expect("set");
    assert!(matches!(
        actor(&room.app, &mine).await,
        Err(Error::SignInOver)
    ));
    sign_in("set by an administrator")
        .await
        .expect("the lock-out is forgiven");
}

fn demo(app: &mut App) {
    app.config = std::sync::Arc::new(Config {
        demo: true,
        limits: crate::http::Limits::off(),
        ..(*app.config).clone()
    });
}

#[tokio::test]
async fn personas_are_signed_in_as_only_on_this_machine_and_only_in_the_demo() {
    let caller = |peer: [u8; 4], host: &str| DemoCaller {
        peer: Some((peer, 50_000).into()),
        hosts: vec![host.to_owned()],
    };
    let here = caller([127, 0, 0, 1], "localhost:8480");
    for in_demo in [true, false] {
        let room = Room::with(|app| {
            if in_demo {
                demo(app)
            }
        })
        .await;
        let ana = NewUser {
            name: PERSONAS[0].name.into(),
            email: PERSONAS[0].email.into(),
            password: None,
            roles: vec![],
        };
        identity::create_user(&room.system(), ana)
            .await
            .expect("created");
        let ask = async |caller: &DemoCaller, who: &str| {
            identity::demo_sign_in(&room.nobody(), caller, who).await
        };
        if !in_demo {
            assert!(matches!(ask(&here, "ana").await, Err(Error::NotFound)));
            continue;
        }
        let started = ask(&here, "ana").await.expect("signed in");
        let Ok(Actor::User(person)) = actor(&room.app, &sent(&started)).await else {
            panic!("nobody");
        };
        assert_eq!(person.email, PERSONAS[0].email);
        for far in [
            caller([127, 0, 0, 1], "stint.example.com"),
            caller([192, 0, 2, 9], "localhost:8480"),
            DemoCaller::default(),
        ] {
            assert!(
                matches!(ask(&far, "ana").await, Err(Error::NotLoopback)),
                "{far:?}"
            );
        }
        assert!(matches!(
            ask(&here, "eve").await,
            Err(Error::Bad {
                field: "persona",
                ..
            })
        ));
    }
}

/// A password that was given counts for five minutes of the wall clock, whatever it does meanwhile, and
/// for the sign-in it was given with.
#[tokio::test]
async fn a_password_given_again_counts_for_five_minutes_with_that_sign_in_only() {
    use identity::Unproved;
    let room = Room::new().await;
    room.user("Ana", &[]).await;
    let sign_in = async || {
        let started = identity::sign_in(&room.nobody(), "ana@example.com", secret(PASSWORD)).await;
        let headers = sent(&started.expect("signed in"));
        Cx::new(
            &room.app,
            actor(&room.app, &headers).await.expect("ana"),
            "",
        )
    };
    let unproved = async |cx: &Cx| {
        let mut q = cx.read().await.expect("a reader");
        identity::unproved(cx, &mut q).await.expect("read")
    };
    let (one, two) = (sign_in().await, sign_in().await);
    assert_eq!(unproved(&one).await, None, "given when signing in");
    room.wall.forward(Span::seconds(299));
    assert_eq!(unproved(&one).await, None);
    // The clock of the rules has nothing to do with it.
    room.clock.forward(Span::hours(24));
    assert_eq!(unproved(&one).await, None);
    room.wall.forward(Span::seconds(1));
    assert_eq!(unproved(&one).await, Some(Unproved::Stale));

    let wrong = identity::prove(&one, secret("not it")).await;
    assert!(matches!(wrong, Err(Error::WrongPassword)));
    assert_eq!(unproved(&one).await, Some(Unproved::Stale));
    identity::prove(&one, secret(PASSWORD))
        .await
        .expect("it is right");
    assert_eq!(unproved(&one).await, None);
    assert_eq!(
        unproved(&two).await,
        Some(Unproved::Stale),
        "another sign-in of the same person"
    );

    // A server whose clock is behind: a minute will do. A clock that is set back by more: what was given
    // later than now was not given.
    room.wall.forward(Span::seconds(-60));
    assert_eq!(unproved(&one).await, None);
    room.wall.forward(Span::seconds(-1));
    assert_eq!(unproved(&one).await, Some(Unproved::Stale));
    room.wall.forward(Span::seconds(61));
    assert_eq!(unproved(&one).await, None);

    // It ends with the sign-in, and nobody gives one with a sign-in that is over.
    identity::sign_out(&one).await.expect("signed out");
    assert_eq!(unproved(&one).await, Some(Unproved::Stale));
    let over = identity::prove(&one, secret(PASSWORD)).await;
    assert!(matches!(over, Err(Error::SignInOver)));
    assert_eq!(unproved(&one).await, Some(Unproved::Stale));
}

#[tokio::test]
async fn who_has_no_password_gives_it_by_signing_in_anew() {
    let room = Room::with(demo).await;
    let ana = NewUser {
        name: PERSONAS[0].name.into(),
        email: PERSONAS[0].email.into(),
        password: None,
        roles: vec![],
    };
    identity::create_user(&room.system(), ana)
        .await
        .expect("created");
    let caller = DemoCaller {
        peer: Some(([127, 0, 0, 1], 50_000).into()),
        hosts: vec!["localhost:8480".to_owned()],
    };
    let started = identity::demo_sign_in(&room.nobody(), &caller, "ana").await;
    let headers = sent(&started.expect("signed in"));
    let cx = Cx::new(
        &room.app,
        actor(&room.app, &headers).await.expect("ana"),
        "",
    );
    let mut q = cx.read().await.expect("a reader");
    assert_eq!(identity::unproved(&cx, &mut q).await.expect("read"), None);
    drop(q);
    let none = identity::prove(&cx, secret("anything at all")).await;
    assert!(matches!(none, Err(Error::NoPassword)));
}
