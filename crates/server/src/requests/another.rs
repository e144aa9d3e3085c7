//! Asking for somebody else: who would hold it, and whether whoever asked still may ask for them.
//!
//! What may be asked for is what the other may ask for themselves, and their identity in AWS is to
//! hold it. Neither of the two decides about it. The right is asked again whenever somebody approves:
//! without it nothing is given.

use stint_db::Query;
use stint_domain::{PrincipalId, UserId};

use super::{Error, Request};
use crate::cx::Cx;
use crate::{catalog, identity};

pub(super) mod http;

/// Who would hold what the caller asks for: themselves where nobody is named.
///
/// Fails as if there were nobody like that where the caller may not ask for them.
pub(super) async fn beneficiary(
    cx: &Cx,
    q: &mut impl Query,
    named: Option<UserId>,
    group: Option<PrincipalId>,
) -> Result<UserId, Error> {
    if named.is_some() && group.is_some() {
        return Err(Error::GroupOrPerson);
    }
    match catalog::asks_for(cx, q, named).await {
        Ok(found) => found.ok_or(Error::NotFound),
        Err(catalog::Error::Denied(denied)) => Err(denied.into()),
        Err(catalog::Error::Db(error)) => Err(error.into()),
        Err(_) => Err(Error::NotFound),
    }
}

/// Fails where what was asked for somebody else may not be asked for them any more by whoever did.
pub(super) async fn still_asked(q: &mut impl Query, request: &Request) -> Result<(), Error> {
    let (asker, whom) = (request.requester(), request.beneficiary());
    if asker == whom || catalog::may_ask_for(q, asker, whom).await? {
        return Ok(());
    }
    Err(Error::AskedWithoutRight)
}

/// Whose identity in AWS something is about, in the words of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// The caller's.
    Own,
    /// Somebody else's, who is called so.
    Of(String),
}

impl Whose {
    pub(super) async fn of(
        cx: &Cx,
        q: &mut impl Query,
        user: UserId,
    ) -> Result<Self, stint_db::Error> {
        if cx.actor.user() == Some(user) {
            return Ok(Self::Own);
        }
        let found = identity::user(q, user).await?;
        Ok(Self::Of(
            found.map_or_else(|| user.to_string(), |it| it.name),
        ))
    }

    /// `you have` or `Bea Tan has`.
    pub(super) fn have(&self) -> String {
        match self {
            Self::Own => "you have".to_owned(),
            Self::Of(name) => format!("{name} has"),
        }
    }

    /// `your` or `Bea Tan's`.
    pub(super) fn own(&self) -> String {
        match self {
            Self::Own => "your".to_owned(),
            Self::Of(name) => format!("{name}’s"),
        }
    }
}
