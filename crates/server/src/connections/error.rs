//! What the verbs of this room answer when they do not.

use stint_aws::{AccessKeyIdError, AwsError, RoleArnError};
use stint_domain::UserId;

use crate::cx::Denied;
use crate::http::{BadCursor, Fault, Kind};
use crate::sealed;

/// Why a verb of this room failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] stint_db::Error),
    /// The caller may not.
    #[error("the caller may not do this")]
    Denied(#[from] Denied),
    /// The cursor of a list is none of ours.
    #[error("the cursor of a list is none of ours")]
    Cursor(#[from] BadCursor),
    /// There is no such application or connection, or the caller may not know of it.
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
    /// The role's ARN is not one.
    #[error("the role ARN is malformed")]
    RoleArn(#[from] RoleArnError),
    /// The Access Key ID is none that can be used.
    #[error("the Access Key ID cannot be used")]
    AccessKeyId(#[from] AccessKeyIdError),
    /// A secret could not be sealed or opened.
    #[error("a secret could not be sealed or opened")]
    Sealed(#[from] sealed::Error),
    /// The application named does not exist.
    #[error("the application named does not exist")]
    UnknownApplication,
    /// An owner named does not exist or is not active.
    #[error("{id} cannot be an owner: no such active user")]
    UnknownOwner {
        /// Who was named.
        id: UserId,
    },
    /// An owner named could not mend the connection.
    #[error("{name} cannot own a connection")]
    OwnerUnable {
        /// Their name.
        name: String,
    },
    /// A connection without an owner.
    #[error("nobody would be answerable")]
    NoOwner,
    /// Another one has this name.
    #[error("the name is taken")]
    NameTaken,
    /// Another connection uses this role, this access key, or the host's own credentials.
    #[error("another connection enters by the same way")]
    ReachTaken,
    /// Another connection manages this Identity Center instance.
    #[error("the estate is connected already")]
    EstateTaken,
    /// Another connection reads this queue.
    #[error("another connection reads this queue")]
    QueueTaken,
    /// The connection was removed.
    #[error("the connection was removed")]
    Removed,
    /// Nobody said how member accounts are entered.
    #[error("member accounts are not this connection's business")]
    NoMembers,
    /// The thing has changed since the caller read it.
    #[error("it has changed since it was read")]
    Stale {
        /// Its version now.
        version: i64,
    },
    /// AWS did not say as whom Stint calls it.
    #[error("the base identity is not known")]
    BaseIdentity(#[source] Box<AwsError>),
}

impl Error {
    pub(super) fn bad(field: &'static str, why: impl Into<String>) -> Self {
        Self::Bad {
            field,
            why: why.into(),
        }
    }

    /// Turns the database's refusal of a second equal key into what it means.
    pub(super) fn taken(error: stint_db::Error) -> Error {
        for (key, means) in [
            ("applications.name_key", Self::NameTaken),
            ("connections.name_key", Self::NameTaken),
            ("connections.reach_key", Self::ReachTaken),
            ("connections.instance_arn", Self::EstateTaken),
        ] {
            if error.is_unique(key) {
                return means;
            }
        }
        error.into()
    }
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Db(error) => error.kind(),
            Self::Denied(denied) => denied.kind(),
            Self::Cursor(cursor) => cursor.kind(),
            Self::NotFound => Kind::Invisible,
            Self::Bad { .. }
            | Self::RoleArn(_)
            | Self::AccessKeyId(_)
            | Self::UnknownApplication
            | Self::UnknownOwner { .. }
            | Self::OwnerUnable { .. }
            | Self::NoOwner => Kind::Invalid,
            Self::NameTaken
            | Self::ReachTaken
            | Self::EstateTaken
            | Self::NoMembers
            | Self::QueueTaken
            | Self::Removed => Kind::Conflict,
            Self::Sealed(error) => error.kind(),
            Self::Stale { .. } => Kind::Stale,
            Self::BaseIdentity(_) => Kind::NotReady,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Db(error) => error.code(),
            Self::Denied(denied) => denied.code(),
            Self::Cursor(cursor) => cursor.code(),
            Self::NotFound => "not_found",
            Self::Bad { field, .. } => match *field {
                "name" => "invalid_name",
                "description" => "invalid_description",
                "region" => "invalid_region",
                "account_id" => "invalid_account",
                "credential" => "invalid_credential",
                "secret_access_key" => "invalid_secret_access_key",
                "application_id" => "invalid_application",
                "owners" => "invalid_owner",
                "iam_user_path" => "invalid_iam_user_path",
                "iam_user_prefix" => "invalid_iam_user_prefix",
                "iam_groups" => "invalid_iam_groups",
                "iam_user_boundary" => "invalid_iam_user_boundary",
                "kms_key" => "invalid_kms_key",
                "queue_url" => "invalid_queue_url",
                "scim_endpoint" => "invalid_scim_endpoint",
                "scim_token" => "invalid_scim_token",
                _ => "invalid_value",
            },
            Self::RoleArn(_) => "invalid_role_arn",
            Self::AccessKeyId(_) => "invalid_access_key_id",
            Self::Sealed(error) => error.code(),
            Self::UnknownApplication => "unknown_application",
            Self::UnknownOwner { .. } => "unknown_owner",
            Self::OwnerUnable { .. } => "owner_unable",
            Self::NoOwner => "no_owner",
            Self::NameTaken => "name_taken",
            Self::ReachTaken => "credential_already_connected",
            Self::EstateTaken => "estate_already_connected",
            Self::NoMembers => "member_accounts_off",
            Self::QueueTaken => "queue_already_read",
            Self::Removed => "connection_removed",
            Self::Stale { .. } => "stale",
            Self::BaseIdentity(_) => "no_base_identity",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Db(error) => error.detail(),
            Self::Denied(denied) => denied.detail(),
            Self::Cursor(cursor) => cursor.detail(),
            Self::NotFound => "There is nothing here, or you may not see it.".to_owned(),
            Self::Bad { field, why } => format!("The value of `{field}` cannot be used. {why}"),
            Self::RoleArn(error) => format!("{error}."),
            Self::AccessKeyId(error) => format!("The value of `access_key_id` cannot be used: {error}."),
            Self::Sealed(error) => error.detail(),
            Self::UnknownApplication => {
                "There is no application with this id. Look it up in the list, or create one first."
                    .to_owned()
            }
            Self::UnknownOwner { id } => {
                format!("{id} is no active user. Name users who may be told when something fails.")
            }
            Self::OwnerUnable { name } => format!(
                "{name} is neither Connection Admin nor Super Admin, and could not mend the connection. Give them the role first, or name somebody else."
            ),
            Self::NoOwner => {
                "Nobody would be answerable. Name at least one owner.".to_owned()
            }
            Self::NameTaken => "This name is taken. Use another one.".to_owned(),
            Self::ReachTaken => {
                "Another connection uses this role, this access key, or the credentials of this host. Change that one, or make a role or an IAM user of its own for this one."
                    .to_owned()
            }
            Self::EstateTaken => {
                "Another connection manages this Identity Center instance. One estate has one connection: use that one."
                    .to_owned()
            }
            Self::NoMembers => {
                "Nobody has said yet how the IAM of member accounts is entered. Switch it on first.".to_owned()
            }
            Self::QueueTaken => {
                "Another connection reads this queue, and the two would take each other's messages. Make a queue of its own for this one."
                    .to_owned()
            }
            Self::Removed => {
                "This connection was removed; what it led to is on record only. Connect the estate anew."
                    .to_owned()
            }
            Self::Stale { version } => format!(
                "It has changed since you read it and is now at version {version}. Read it again, then repeat the change."
            ),
            Self::BaseIdentity(error) => format!(
                "AWS did not tell as whom Stint calls it ({error}). Give this machine AWS credentials, and try again."
            ),
        }
    }
}
