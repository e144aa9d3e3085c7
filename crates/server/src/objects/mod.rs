//! Managed objects beside bindings: IAM users that Stint makes, locks out and deletes, and
//! rotations of the access keys it enters estates by.
//!
//! **Tables**: `managed_users`, `key_rotations`, `object_attempts`, `object_moments`. **Audit
//! events**: `object.intended`, `object.answered`, `object.presumed`, `object.stuck`,
//! `object.unstuck`, `object.retried`; `iam_user.requested`, `iam_user.pinned`,
//! `iam_user.disable_asked`, `iam_user.delete_asked`, `iam_user.not_made`, `iam_user.settled`;
//! `key_rotation.begun`, `key_rotation.added`, `key_rotation.tested`, `key_rotation.switched`,
//! `key_rotation.deactivated`, `key_rotation.lost_key`, `key_rotation.failed`,
//! `key_rotation.cancelled`, `key_rotation.over`. **Outbox**: `object.stuck`, `iam_user.settled`,
//! `iam_user.not_made`, `key_rotation.failed`, `key_rotation.over`.
//!
//! What it promises: the rules are `stint_domain::managed`'s, and nothing is decided here. No
//! call that changes AWS is made before its attempt and the event about it are committed; each is
//! signed with its attempt's time and goes by the name the reading before it found; what AWS
//! answered is written to its own attempt whoever brings it. The secret of a new access key is
//! sealed in the transaction that records that there is one, before anything uses it. A user that
//! Stint did not make is looked at first, and changed only by somebody who then names it.
//!
//! What it does not do: give anybody access (`grants`), tell the directory of a user before the
//! next sync has seen it, or make a locked-out user active again.

mod error;
mod http;
pub(crate) mod pages;
mod rotations;
mod store;
mod tasks;
mod tell;
mod users;
mod work;

use stint_db::Query;
use stint_domain::managed::rotation::{Rotation, State as RotationState};
use stint_domain::managed::user::User;
use stint_domain::{ConnectionId, ObjectId, Span, Time, UserId};

use crate::connections::Connection;
use crate::cx::App;
use crate::sealed::Sealed;

pub use error::Error;
pub use rotations::{begin, begin_due, cancel, get_rotation, list_rotations, retry_rotation};
pub use tasks::{ROTATE, WORK, nudge};
pub use users::{
    NewManagedUser, SORTS, UserFilter, create, delete, disable, get_user, list_users, retry_user,
};

pub(crate) use http::routes;
pub(crate) use pages::routes as page_routes;
pub(crate) use store::STATEMENTS;
pub(crate) use tasks::tasks;

/// Where an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The estate.
    pub connection: ConnectionId,
    /// The account its name is of.
    pub account: String,
}

/// An IAM user that Stint manages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedUser {
    /// As the rules see it.
    pub user: User,
    /// Where it is.
    pub place: Place,
    /// Its path: `/` or `/stint/`.
    pub path: String,
    /// Its permissions boundary, by ARN.
    pub boundary: Option<String>,
    /// Who asked for it; nobody for what the system did.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: Time,
    /// Why.
    pub reason: String,
    /// What the last full look found on it, in words.
    pub hanging: Option<Vec<String>>,
}

/// A change of the access key a connection enters by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRotation {
    /// As the rules see it.
    pub rotation: Rotation,
    /// Whose key.
    pub connection: ConnectionId,
    /// Who began it; nobody where its time had come.
    pub began_by: Option<UserId>,
    /// The secret of the new key, until the rotation is over.
    pub(crate) sealed: Option<Sealed>,
}

/// Something that happened to an object, for a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: Time,
    /// The stable word, as in the audit log.
    pub what: String,
    /// In a sentence.
    pub text: String,
    /// AWS's id of the call, where one was made.
    pub aws_request_id: Option<String>,
}

/// How old a connection's access key is, where that is too old.
pub fn key_too_old(app: &App, connection: &Connection, now: Time) -> Option<Span> {
    let key = connection.credential.key()?;
    app.key_rules.too_old(key.set_at, now)
}

/// What happened to an object, oldest first; the newest two hundred.
pub async fn timeline(q: &mut impl Query, id: ObjectId) -> stint_db::Result<Vec<Moment>> {
    store::attempts::moments(q, id).await
}

/// How many objects of a connection are not at rest.
pub async fn open_on(q: &mut impl Query, connection: ConnectionId) -> stint_db::Result<i64> {
    let users = store::users::open_on(q, connection).await?;
    let rotating = store::rotations::open_on(q, connection).await?.is_some();
    Ok(users + i64::from(rotating))
}

/// The ids of the master keys that a new key's secret is sealed with. Each has to be at hand
/// before anything else begins.
pub async fn keys_in_use(q: &mut impl Query) -> stint_db::Result<Vec<String>> {
    store::rotations::sealed_by(q).await
}

/// Where a rotation stands, in words.
pub(crate) const fn rotation_title(state: RotationState) -> &'static str {
    match state {
        RotationState::Adding => "Making the second key",
        RotationState::Testing => "Trying the new key",
        RotationState::Retiring => "Making the old key inactive",
        RotationState::Settling => "Waiting before the old key is deleted",
        RotationState::Deleting => "Deleting the old key",
        RotationState::TakingBack => "Taking back what was begun",
        RotationState::Done => "Done",
        RotationState::Failed => "Given up",
        RotationState::Stuck => "Stuck",
    }
}
