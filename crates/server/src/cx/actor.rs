//! Who acts, and how a refusal for lack of rights looks.

use stint_domain::audit::ActorRef;
use stint_domain::rights::{Role, Verb};
use stint_domain::{SignInId, TokenId, UserId};

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Nobody is signed in.
    Nobody,
    /// A person.
    User(Person),
    /// A background task, or the command line on the server's own machine; named.
    System(&'static str),
}

/// A person who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub id: UserId,
    /// Their name.
    pub name: String,
    /// Their e-mail address.
    pub email: String,
    /// The product roles they have been given; everybody is a User besides.
    pub roles: Vec<Role>,
    /// By which door they came.
    pub via: Via,
}

/// By which door a person came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// Through the pages, with this sign-in.
    Page(SignInId),
    /// Through the API, with this token.
    Token(TokenId),
}

impl Person {
    /// Their roles, User included.
    pub(super) fn known_roles(&self) -> Vec<Role> {
        let mut roles = self.roles.clone();
        if !roles.contains(&Role::User) {
            roles.push(Role::User);
        }
        roles
    }

    /// Whether they have been given this role.
    pub fn has(&self, role: Role) -> bool {
        role == Role::User || self.roles.contains(&role)
    }
}

impl Actor {
    /// The person's id, if it is a person.
    pub const fn user(&self) -> Option<UserId> {
        match self {
            Self::User(person) => Some(person.id),
            Self::Nobody | Self::System(_) => None,
        }
    }

    pub(super) fn to_ref(&self) -> ActorRef {
        match self {
            Self::Nobody => ActorRef::Nobody,
            Self::System(task) => ActorRef::System {
                task: (*task).to_owned(),
            },
            Self::User(person) => ActorRef::User {
                id: person.id,
                name: person.name.clone(),
                via: match person.via {
                    Via::Page(_) => "page".to_owned(),
                    Via::Token(id) => format!("token:{id}"),
                },
            },
        }
    }
}

/// Refused for lack of rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    NotSignedIn,
    /// They may know of the thing, and not do this.
    #[error("not allowed to {}", .0.what())]
    Forbidden(Verb),
    /// They may not know that the thing exists.
    #[error("invisible to the actor")]
    Invisible,
}
