//! What the verbs of this room answer when they do not.

use stint_domain::Time;

use super::password::{HashError, PasswordFault};
use crate::cx::Denied;
use crate::http::{BadCursor, Fault, Kind};

/// Why a verb of this room failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] stint_db::Error),
    /// The caller may not.
    #[error("the caller may not do this")]
    Denied(#[from] Denied),
    /// A password could not be hashed.
    #[error("a password could not be hashed")]
    Hash(#[from] HashError),
    /// The cursor of a list is none of ours.
    #[error("the cursor of a list is none of ours")]
    Cursor(#[from] BadCursor),
    /// There is no user at all yet.
    #[error("there is no user yet")]
    NotInitialised,
    /// There is no such user, group, sign-in or token, or the caller may not know of it.
    #[error("there is no such thing")]
    NotFound,
    /// A value of the request cannot be used.
    #[error("the {field} cannot be used")]
    Bad {
        /// The field.
        field: &'static str,
        /// What is wrong, and what to do.
        why: String,
    },
    /// A password may not be set.
    #[error("the password cannot be used")]
    Password(#[from] PasswordFault),
    /// Somebody has this address.
    #[error("the address is taken")]
    EmailTaken,
    /// A group has this name.
    #[error("the name is taken")]
    NameTaken,
    /// The user named does not exist.
    #[error("the user named does not exist")]
    UnknownUser,
    /// The user named is not active.
    #[error("the user named is not active")]
    Inactive,
    /// The manager named is nobody, not active, or the user themselves.
    #[error("the manager named cannot be one")]
    Manager,
    /// The thing has changed since the caller read it.
    #[error("it has changed since it was read")]
    Stale {
        /// Its version now.
        version: i64,
    },
    /// The last active Super Admin would be gone.
    #[error("the last Super Admin would be gone")]
    LastSuperAdmin,
    /// Wrong address or password, or a deactivated user: never told apart.
    #[error("sign-in refused")]
    SignInRefused,
    /// The current password given was wrong.
    #[error("the current password is wrong")]
    WrongPassword,
    /// One's own password is set only where the present one is asked for.
    #[error("one's own password is set only where the present one is asked for")]
    OwnPassword,
    /// Too many failures: wait.
    #[error("too many wrong passwords")]
    LockedOut {
        /// Until when, on the wall clock.
        until: Time,
        /// Whole seconds from now.
        seconds: i64,
    },
    /// The cookie's sign-in is over.
    #[error("the sign-in is over")]
    SignInOver,
    /// The API token is unknown, expired or revoked.
    #[error("the API token is not valid")]
    BadToken,
    /// A token cannot give a password.
    #[error("a token cannot give a password")]
    TokenProof,
    /// The user has no password here.
    #[error("the user has no password")]
    NoPassword,
    /// Tokens are issued to people who are signed in, not to tokens.
    #[error("a token cannot issue a token")]
    TokenFromToken,
    /// The user has as many usable tokens as one may have.
    #[error("too many tokens")]
    TooManyTokens,
    /// The user has delegated for some of that time already.
    #[error("the user has delegated from {from} until {until} already")]
    DelegationOverlaps {
        /// From when, in words.
        from: String,
        /// Until when, in words.
        until: String,
    },
    /// The user has as many planned delegations as one may have.
    #[error("too many delegations")]
    TooManyDelegations,
    /// A persona's sign-in was asked for from elsewhere than this machine.
    #[error("a persona's sign-in was asked for from elsewhere")]
    NotLoopback,
}

impl Error {
    pub(super) fn bad(field: &'static str, why: impl Into<String>) -> Self {
        Self::Bad {
            field,
            why: why.into(),
        }
    }

    /// Turns the database's refusal of a second equal key into what it means.
    pub(super) fn taken(error: stint_db::Error, key: &str, means: Error) -> Error {
        if error.is_unique(key) {
            means
        } else {
            error.into()
        }
    }
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Denied(denied) => denied.kind(),
            Self::Cursor(cursor) => cursor.kind(),
            Self::Db(error) => error.kind(),
            Self::Hash(_) => Kind::Internal,
            Self::NotInitialised => Kind::NotReady,
            Self::NotFound => Kind::Invisible,
            Self::Bad { .. }
            | Self::Password(_)
            | Self::UnknownUser
            | Self::Inactive
            | Self::Manager => Kind::Invalid,
            Self::EmailTaken
            | Self::NameTaken
            | Self::LastSuperAdmin
            | Self::NoPassword
            | Self::TooManyTokens
            | Self::DelegationOverlaps { .. }
            | Self::TooManyDelegations => Kind::Conflict,
            Self::Stale { .. } => Kind::Stale,
            Self::SignInRefused | Self::SignInOver | Self::BadToken => Kind::Unauthenticated,
            Self::WrongPassword | Self::OwnPassword => Kind::Invalid,
            Self::TokenFromToken | Self::TokenProof | Self::NotLoopback => Kind::Denied,
            Self::LockedOut { .. } => Kind::TooMany,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::Cursor(cursor) => cursor.code(),
            Self::Db(error) => error.code(),
            Self::Hash(_) => "internal",
            Self::NotInitialised => "not_initialised",
            Self::NotFound => "not_found",
            Self::Bad { field, .. } => match *field {
                "name" => "invalid_name",
                "email" => "invalid_email",
                "description" => "invalid_description",
                "roles" => "invalid_role",
                "days" => "invalid_days",
                "user_id" => "invalid_user",
                "persona" => "unknown_persona",
                _ => "invalid_value",
            },
            Self::Password(_) => "weak_password",
            Self::EmailTaken => "email_taken",
            Self::NameTaken => "name_taken",
            Self::UnknownUser => "unknown_user",
            Self::Inactive => "user_inactive",
            Self::Manager => "invalid_manager",
            Self::Stale { .. } => "stale",
            Self::LastSuperAdmin => "last_super_admin",
            Self::SignInRefused => "sign_in_refused",
            Self::WrongPassword => "wrong_password",
            Self::OwnPassword => "own_password",
            Self::LockedOut { .. } => "locked_out",
            Self::SignInOver => "sign_in_over",
            Self::BadToken => "invalid_token",
            Self::TokenFromToken => "token_from_token",
            Self::TokenProof => "token_proof",
            Self::NoPassword => "no_password",
            Self::TooManyTokens => "too_many_tokens",
            Self::DelegationOverlaps { .. } => "delegation_overlaps",
            Self::TooManyDelegations => "too_many_delegations",
            Self::NotLoopback => "not_loopback",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Denied(denied) => denied.detail(),
            Self::Cursor(cursor) => cursor.detail(),
            Self::Db(error) => error.detail(),
            Self::NotInitialised => NOT_INITIALISED.to_owned(),
            Self::Bad { field, why } => format!("The value of `{field}` cannot be used. {why}"),
            Self::Password(fault) => format!("This password cannot be used: {fault}."),
            Self::Stale { version } => format!(
                "It has changed since you read it and is now at version {version}. Read it again, then repeat the change."
            ),
            Self::DelegationOverlaps { from, until } => format!(
                "There is a delegation from {from} until {until} already. End that one first, or choose other times."
            ),
            Self::LockedOut { until, .. } => format!(
                "Too many wrong passwords were given. Wait until {until}, or ask a Super Admin to set a new password."
            ),
            other => other.plain_detail().to_owned(),
        }
    }
}

/// What pages and the API say until there is a user.
pub(super) const NOT_INITIALISED: &str = "Stint has no user yet. On the machine it runs on, type: stint users create-admin --email you@example.com";

impl Error {
    /// Whether a password that was to be given again is missing, wrong, or cannot be given.
    pub(crate) const fn is_about_the_password(&self) -> bool {
        matches!(
            self,
            Self::WrongPassword | Self::LockedOut { .. } | Self::NoPassword | Self::TokenProof
        )
    }

    fn plain_detail(&self) -> &'static str {
        match self {
            Self::EmailTaken => {
                "A user with this e-mail address exists, active or not. Use another address, or change that user."
            }
            Self::NameTaken => "A group with this name exists. Use another name.",
            Self::UnknownUser => "There is no user with this id. Look it up in the list of users.",
            Self::Inactive => "This user is deactivated. Make them active again first.",
            Self::Manager => {
                "A manager is an active user, and nobody is their own. Look them up in the list of users."
            }
            Self::LastSuperAdmin => {
                "This is the last active Super Admin. Make somebody else Super Admin first."
            }
            Self::SignInRefused => {
                "The e-mail address or the password is wrong, or this user is deactivated. Try again, or ask a Super Admin to set a new password."
            }
            Self::WrongPassword => "The current password is wrong. Try again.",
            Self::OwnPassword => {
                "Your own password is changed where the present one is asked for: on your page (Your account, Change your password), or with `PUT /api/v1/me/password`. If you no longer know it, another Super Admin can set a new one."
            }
            Self::SignInOver => "Your sign-in is over. Sign in again.",
            Self::BadToken => {
                "The API token is unknown, expired or revoked. Issue a new one on your page in Stint and use that."
            }
            Self::TokenProof => {
                "A password is given with a sign-in, not with an API token. Sign in with your password, on the page or with `POST /api/v1/sign-in`, and use that sign-in."
            }
            Self::NoPassword => {
                "You have no password here. Sign out and sign in again: that counts as giving it."
            }
            Self::TokenFromToken => {
                "API tokens are issued to people, not to tokens. Sign in on the page and issue it there."
            }
            Self::TooManyTokens => {
                "You have as many usable tokens as one may have. Revoke one you no longer need."
            }
            Self::TooManyDelegations => {
                "There are as many planned delegations as one may have. End one that is no longer needed."
            }
            Self::NotLoopback => {
                "Personas may be signed in as only on the machine the demo runs on. Open the page at http://127.0.0.1."
            }
            Self::NotFound => "There is nothing here, or you may not see it.",
            _ => "Stint failed. Try again, and quote the request id if it goes on.",
        }
    }
}
