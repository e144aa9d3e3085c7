//! Two people at once: what has to hold on both engines whoever is first.
#![allow(clippy::panic)]

use secrecy::SecretString;
use stint_domain::rights::Role;
use stint_server::cx::Cx;
use stint_server::identity::{self, Error, NewUser, UserChange};
use stint_testkit::both_engines;

const ROUNDS: usize = 30;

fn secret(text: &str) -> SecretString {
    text.to_owned().into()
}

both_engines! {
    async fn two_super_admins_who_remove_each_other_at_once_do_not_both_succeed(world) {
        let other = world.add_person("max", &[Role::SuperAdmin]).await.id;
        let cy = world.person("cy").id;
        let both = [(world.cx("cy"), other), (world.cx("max"), cy)];
        for round in 0..ROUNDS {
            let tasks = both.clone().map(|(cx, whom)| {
                tokio::spawn(async move {
                    // By either way of taking it away.
                    if round % 2 == 0 {
                        identity::deactivate_user(&cx, whom).await
                    } else {
                        identity::set_roles(&cx, whom, vec![], None).await
                    }
                })
            });
            let [a, b] = tasks;
            let (a, b) = (a.await.expect("ran"), b.await.expect("ran"));
            assert!(a.is_ok() != b.is_ok(), "round {round}: {a:?} {b:?}");
            let lost = [&a, &b].into_iter().filter_map(|r| r.as_ref().err()).next();
            assert!(matches!(lost, Some(Error::LastSuperAdmin)), "{lost:?}");
            let system = world.system();
            for id in [cy, other] {
                identity::reactivate_user(&system, id).await.expect("active again");
                let roles = vec![Role::SuperAdmin];
                identity::set_roles(&system, id, roles, None).await.expect("given back");
            }
        }
    }
}

both_engines! {
    async fn of_many_who_create_the_same_user_at_once_one_does(world) {
        for round in 0..5 {
            let tasks: Vec<_> = (0..8)
                .map(|n| {
                    let cx = world.cx("cy");
                    let new = NewUser {
                        name: format!("Same {n}"),
                        email: format!("Same.{round}@Example.com"),
                        password: None,
                        roles: vec![],
                    };
                    tokio::spawn(async move { identity::create_user(&cx, new).await })
                })
                .collect();
            let mut made = 0;
            for task in tasks {
                match task.await.expect("ran") {
                    Ok(_) => made += 1,
                    Err(Error::EmailTaken) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
            assert_eq!(made, 1);
        }
    }
}

both_engines! {
    async fn tries_at_once_are_counted_one_by_one(world) {
        let ana = world.person("ana").clone();
        let password = Some(secret("correct horse battery"));
        let change = UserChange { password, ..UserChange::default() };
        identity::update_user(&world.cx("cy"), ana.id, change, None).await.expect("set");
        let tasks: Vec<_> = (0..40)
            .map(|_| {
                let (cx, email) = (Cx::nobody(world.app()), ana.email.clone());
                tokio::spawn(async move { identity::sign_in(&cx, &email, secret("wrong")).await })
            })
            .collect();
        let (mut refused, mut locked) = (0, 0);
        for task in tasks {
            match task.await.expect("ran") {
                Err(Error::SignInRefused) => refused += 1,
                Err(Error::LockedOut { .. }) => locked += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((refused, locked), (10, 30));
    }
}

both_engines! {
    async fn a_token_issued_while_its_owner_is_deactivated_is_dead(world) {
        for round in 0..10 {
            let word = format!("leaver{round}");
            let leaver = world.add_person(&word, &[]).await.id;
            let (theirs, cys) = (world.cx(&word), world.cx("cy"));
            let issue = tokio::spawn(async move {
                let new = identity::NewToken { name: "late".to_owned(), days: None };
                identity::issue_token(&theirs, new).await
            });
            let leave = tokio::spawn(async move { identity::deactivate_user(&cys, leaver).await });
            let issued = issue.await.expect("ran");
            leave.await.expect("ran").expect("deactivated");
            identity::reactivate_user(&world.system(), leaver).await.expect("active again");
            if let Ok(issued) = issued {
                use secrecy::ExposeSecret as _;
                let secret = issued.secret.expose_secret();
                let door = world.as_nobody().with("authorization", &format!("Bearer {secret}"));
                door.get("/api/v1/me").await.refused(401, "invalid_token");
            }
        }
    }
}
