//! The people of the demo: who they are to Stint, and acting as one of them.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result, anyhow};
use stint_domain::rights::Role;
use stint_domain::{GroupId, UserId};
use stint_server::cx::{Actor, App, Cx};
use stint_server::identity::{self, DemoCaller, NewAdmin, NewGroup, NewUser, PERSONAS};

/// Everybody, by the word the stories call them.
pub(crate) struct People {
    users: BTreeMap<&'static str, UserId>,
    actors: BTreeMap<&'static str, Actor>,
    /// Stint's groups, by name.
    pub groups: BTreeMap<&'static str, GroupId>,
}

/// Colleagues beside the personas: word, name, address. They are in the simulated Identity
/// Center as well, if an address there is the same.
const GROUPS: &[(&str, &str, &[&str])] = &[
    ("Engineers", "Everybody who builds", &["ana", "bo", "cy"]),
    ("Platform", "Answers for production", &["bo", "cy"]),
    ("Data owners", "Answers for the data platform", &["bo"]),
];

impl People {
    /// Creates personas and groups by the real verbs, and signs the personas in.
    pub(crate) async fn arrive(app: &App) -> Result<Self> {
        let mut people = Self {
            users: BTreeMap::new(),
            actors: BTreeMap::new(),
            groups: BTreeMap::new(),
        };
        let system = Cx::system(app, "demo");
        for persona in PERSONAS {
            let user = match persona.word {
                "cy" => {
                    let password = hex(&app.ids.bytes::<32>()).into();
                    let admin = NewAdmin {
                        name: Some(persona.name.to_owned()),
                        email: persona.email.to_owned(),
                        password,
                    };
                    identity::create_admin(&system, admin).await
                }
                word => {
                    let roles = if word == "dee" {
                        vec![Role::Auditor]
                    } else {
                        Vec::new()
                    };
                    let user = NewUser {
                        name: persona.name.to_owned(),
                        email: persona.email.to_owned(),
                        password: None,
                        roles,
                    };
                    identity::create_user(&system, user).await
                }
            }
            .with_context(|| format!("creating {}", persona.name))?;
            people.users.insert(persona.word, user.id);
        }
        for persona in PERSONAS {
            let actor = sign_in(app, persona.word).await?;
            people.actors.insert(persona.word, actor);
        }
        let cy = people.cx(app, "cy")?;
        for (name, description, members) in GROUPS {
            let group = identity::create_group(
                &cy,
                NewGroup {
                    name: (*name).to_owned(),
                    description: (*description).to_owned(),
                },
            )
            .await
            .with_context(|| format!("creating the group {name}"))?;
            for member in *members {
                identity::add_member(&cy, group.id, people.id(member)?)
                    .await
                    .with_context(|| format!("adding {member} to {name}"))?;
            }
            people.groups.insert(name, group.id);
        }
        Ok(people)
    }

    /// Who somebody is.
    pub(crate) fn id(&self, word: &str) -> Result<UserId> {
        self.users
            .get(word)
            .copied()
            .ok_or_else(|| anyhow!("nobody here is called {word}"))
    }

    /// A group by its name.
    pub(crate) fn group(&self, name: &str) -> Result<GroupId> {
        self.groups
            .get(name)
            .copied()
            .ok_or_else(|| anyhow!("no group is called {name}"))
    }

    /// An operation of that person, now.
    pub(crate) fn cx(&self, app: &App, word: &str) -> Result<Cx> {
        let actor = self
            .actors
            .get(word)
            .cloned()
            .ok_or_else(|| anyhow!("nobody here is called {word}"))?;
        Ok(Cx::new(app, actor, String::new()))
    }
}

/// Signs a persona in as the page would, and finds the actor that its cookie stands for.
async fn sign_in(app: &App, word: &'static str) -> Result<Actor> {
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let caller = DemoCaller {
        peer: Some(here),
        hosts: vec!["localhost".to_owned()],
    };
    let started = identity::demo_sign_in(&Cx::nobody(app), &caller, word)
        .await
        .with_context(|| format!("signing in as {word}"))?;
    let cookie = started
        .cookie
        .to_str()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .to_owned();
    let mut headers = axum::http::HeaderMap::new();
    headers.insert(
        axum::http::header::COOKIE,
        cookie.parse().context("a cookie")?,
    );
    identity::actor(app, &headers)
        .await
        .with_context(|| format!("signing in as {word}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
