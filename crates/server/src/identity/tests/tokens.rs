use http::{HeaderMap, HeaderValue, header};
use secrecy::{ExposeSecret as _, SecretString};
use stint_domain::rights::Role;
use stint_domain::{Clock as _, Span};

use super::super::{self as identity, Error, IssuedToken, NewToken, TokenState, User};
use super::fixture::{Room, holds};
use crate::cx::{Actor, Cx, Denied, Via};
use crate::http::Paging;

fn sent(secret: &SecretString) -> HeaderMap {
    let value = HeaderValue::from_str(&format!("Bearer {}", secret.expose_secret()));
    HeaderMap::from_iter([(header::AUTHORIZATION, value.expect("a header"))])
}

async fn issue(room: &Room, user: &User, days: i64) -> IssuedToken {
    let new = NewToken {
        name: "laptop".into(),
        days: Some(days),
    };
    identity::issue_token(&room.as_user(user), new)
        .await
        .expect("issued")
}

#[tokio::test]
async fn a_token_is_its_owner_until_it_expires_and_only_its_hash_is_kept() {
    let room = Room::new().await;
    let ana = room.user("Ana", &[Role::Auditor]).await;
    let issued = issue(&room, &ana, 2).await;
    let secret = issued.secret.expose_secret();
    assert!(
        secret.starts_with("stint_pat_") && secret.len() == 62,
        "{}",
        secret.len()
    );
    let headers = sent(&issued.secret);
    let Ok(Actor::User(person)) = identity::actor(&room.app, &headers).await else {
        panic!("nobody");
    };
    assert_eq!(
        (person.id, person.via),
        (ana.id, Via::Token(issued.token.id))
    );
    assert_eq!(person.roles, [Role::Auditor]);

    let bytes = room.bytes();
    let bare = secret.strip_prefix("stint_pat_").expect("a token");
    assert!(
        !holds(&bytes, bare.as_bytes()),
        "the token is in the database"
    );
    assert!(
        holds(&bytes, &super::super::secret::sha256(secret)),
        "the hash is looked for rightly"
    );

    room.wall.forward(Span::seconds(48 * 3600 - 1));
    assert!(identity::actor(&room.app, &headers).await.is_ok());
    room.wall.forward(Span::seconds(1));
    assert!(matches!(
        identity::actor(&room.app, &headers).await,
        Err(Error::BadToken)
    ));
    let page = identity::list_tokens(&room.as_user(&ana), ana.id, &Paging::first(10)).await;
    let listed = page.expect("listed").items.remove(0);
    assert_eq!(listed.state(room.wall.now()), TokenState::Expired);
}

#[tokio::test]
async fn its_last_use_is_kept_to_the_minute_without_an_event() {
    let room = Room::new().await;
    let ana = room.user("Ana", &[]).await;
    let issued = issue(&room, &ana, 2).await;
    let last_used = async || {
        let page = identity::list_tokens(&room.as_user(&ana), ana.id, &Paging::first(10)).await;
        page.expect("listed").items.remove(0).last_used_at
    };
    assert_eq!(last_used().await, None);
    let headers = sent(&issued.secret);
    let first = room.wall.now();
    identity::actor(&room.app, &headers).await.expect("ana");
    assert_eq!(last_used().await, Some(first));
    let commits = room.app.db.commits();
    room.wall.forward(Span::seconds(59));
    identity::actor(&room.app, &headers).await.expect("ana");
    assert_eq!(
        room.app.db.commits(),
        commits,
        "nothing is written within the minute"
    );
    room.wall.forward(Span::seconds(1));
    identity::actor(&room.app, &headers).await.expect("ana");
    assert_eq!(last_used().await, Some(room.wall.now()));
}

#[tokio::test]
async fn a_revoked_token_is_dead_and_only_its_owner_or_a_super_admin_revokes_it() {
    let room = Room::new().await;
    let ana = room.user("Ana", &[]).await;
    let bo = room.user("Bo", &[]).await;
    let cy = room.user("Cy", &[Role::SuperAdmin]).await;
    let dee = room.user("Dee", &[Role::Auditor]).await;
    let issued = issue(&room, &ana, 2).await;
    let id = issued.token.id;
    let by_bo = identity::revoke_token(&room.as_user(&bo), id).await;
    assert!(matches!(by_bo, Err(Error::Denied(Denied::Invisible))));
    let by_dee = identity::revoke_token(&room.as_user(&dee), id).await;
    assert!(matches!(by_dee, Err(Error::Denied(Denied::Forbidden(_)))));
    identity::revoke_token(&room.as_user(&ana), id)
        .await
        .expect("one's own");
    let dead = identity::actor(&room.app, &sent(&issued.secret)).await;
    assert!(matches!(dead, Err(Error::BadToken)));

    let other = issue(&room, &ana, 2).await;
    identity::revoke_token(&room.as_user(&cy), other.token.id)
        .await
        .expect("anybody's");
    identity::revoke_token(&room.as_user(&cy), other.token.id)
        .await
        .expect("twice is once");
    let absent = identity::revoke_token(&room.as_user(&cy), room.app.new_id()).await;
    assert!(matches!(absent, Err(Error::NotFound)));
}

#[tokio::test]
async fn deactivation_ends_sign_ins_and_tokens_at_once_and_for_good() {
    let room = Room::new().await;
    room.user("Cy", &[Role::SuperAdmin]).await;
    let ana = room.user("Ana", &[]).await;
    let token = sent(&issue(&room, &ana, 2).await.secret);
    let password = super::fixture::secret(super::fixture::PASSWORD);
    let started = identity::sign_in(&room.nobody(), "ana@example.com", password).await;
    let set = started.expect("signed in").cookie;
    let pair = set
        .to_str()
        .expect("ascii")
        .split(';')
        .next()
        .expect("a pair")
        .to_owned();
    let cookie = HeaderMap::from_iter([(
        header::COOKIE,
        HeaderValue::from_str(&pair).expect("a header"),
    )]);

    identity::deactivate_user(&room.system(), ana.id)
        .await
        .expect("deactivated");
    let dead = async |when: &str| {
        let (by_token, by_cookie) = (
            identity::actor(&room.app, &token).await,
            identity::actor(&room.app, &cookie).await,
        );
        assert!(matches!(by_token, Err(Error::BadToken)), "{when}");
        assert!(matches!(by_cookie, Err(Error::SignInOver)), "{when}");
    };
    dead("deactivated").await;
    identity::reactivate_user(&room.system(), ana.id)
        .await
        .expect("reactivated");
    dead("active again").await;
}

#[tokio::test]
async fn a_token_issues_no_token_and_its_days_have_bounds() {
    let room = Room::new().await;
    let ana = room.user("Ana", &[]).await;
    let issued = issue(&room, &ana, 366).await;
    let actor = identity::actor(&room.app, &sent(&issued.secret))
        .await
        .expect("ana");
    let new = |days| NewToken {
        name: "more".into(),
        days,
    };
    let more = identity::issue_token(&Cx::new(&room.app, actor, ""), new(None)).await;
    assert!(matches!(more, Err(Error::TokenFromToken)));
    for days in [0, -1, 367, i64::MAX] {
        let refused = identity::issue_token(&room.as_user(&ana), new(Some(days))).await;
        assert!(
            matches!(refused, Err(Error::Bad { field: "days", .. })),
            "{days}"
        );
    }
    let system = identity::issue_token(&room.system(), new(None)).await;
    assert!(matches!(system, Err(Error::Denied(Denied::NotSignedIn))));
}

#[tokio::test]
async fn another_scheme_is_not_ours_and_a_stranger_is_refused() {
    let room = Room::new().await;
    let basic = HeaderMap::from_iter([(
        header::AUTHORIZATION,
        HeaderValue::from_static("Basic eA=="),
    )]);
    assert!(matches!(
        identity::actor(&room.app, &basic).await,
        Ok(Actor::Nobody)
    ));
    for text in ["Bearer ", "bearer x", "Bearer stint_pat_", "Bearer \u{e9}"] {
        let value = HeaderValue::from_bytes(text.as_bytes()).expect("a header");
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value)]);
        let refused = identity::actor(&room.app, &headers).await;
        assert!(matches!(refused, Err(Error::BadToken)), "{text}");
    }
}
