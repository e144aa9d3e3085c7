//! The people of a world, made by the real verbs.

use std::collections::BTreeMap;

use secrecy::SecretString;
use stint_domain::rights::Role;
use stint_domain::{SignInId, UserId};
use stint_server::cx::{Actor, Cx, Person, Via};
use stint_server::identity;

use crate::world::World;

/// Somebody in a world.
#[derive(Debug, Clone)]
pub struct Persona {
    /// The short name tests use (`ana`).
    pub word: String,
    /// The user.
    pub id: UserId,
    /// Full name.
    pub name: String,
    /// E-mail address; for the first four it is also that of an Identity Center user.
    pub email: String,
    /// Product roles.
    pub roles: Vec<Role>,
    pub(crate) token: SecretString,
}

/// What a persona's password is, for tests that sign in with one: only Cy has one.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Ana asks, Bo approves, Cy is Super Admin, Dee is Auditor.
pub(crate) async fn create(world: &mut World) {
    let named = |word: &str| {
        *identity::PERSONAS
            .iter()
            .find(|p| p.word == word)
            .expect("one of the four personas")
    };
    let cy = named("cy");
    let new = identity::NewAdmin {
        name: Some(cy.name.to_owned()),
        email: cy.email.to_owned(),
        password: PASSWORD.to_owned().into(),
    };
    let system = Cx::system(world.app(), "users.create-admin");
    let user = identity::create_admin(&system, new)
        .await
        .expect("the first administrator");
    settle_in(world, "cy", user).await;
    for (word, roles) in [
        ("ana", vec![]),
        ("bo", vec![]),
        ("dee", vec![Role::Auditor]),
    ] {
        let persona = named(word);
        add(world, word, persona.name, persona.email, roles).await;
    }
}

/// Cy creates somebody.
pub(crate) async fn add(world: &mut World, word: &str, name: &str, email: &str, roles: Vec<Role>) {
    let new = identity::NewUser {
        name: name.to_owned(),
        email: email.to_owned(),
        password: None,
        roles,
    };
    let user = identity::create_user(&world.cx("cy"), new)
        .await
        .expect("a new user");
    settle_in(world, word, user).await;
}

/// Issues their token, as they would on their own page.
async fn settle_in(world: &mut World, word: &str, user: identity::User) {
    let mut persona = Persona {
        word: word.to_owned(),
        id: user.id,
        name: user.name,
        email: user.email,
        roles: user.roles,
        token: SecretString::default(),
    };
    let cx = persona.cx(world);
    let new = identity::NewToken {
        name: "tests".to_owned(),
        days: Some(366),
    };
    persona.token = identity::issue_token(&cx, new)
        .await
        .expect("a token")
        .secret;
    world.people.insert(word.to_owned(), persona);
}

impl Persona {
    /// An operation of theirs, as through a page.
    pub(crate) fn cx(&self, world: &World) -> Cx {
        let person = Person {
            id: self.id,
            name: self.name.clone(),
            email: self.email.clone(),
            roles: self.roles.clone(),
            via: Via::Page(SignInId(uuid::Uuid::from_u128(1))),
        };
        Cx::new(world.app(), Actor::User(person), String::new())
    }
}

pub(crate) type People = BTreeMap<String, Persona>;
