//! What the pages of this room show: plain words, ready. Nothing here knows the domain.

use askama::Template;

use crate::web::filters;
use crate::web::{Chip, Facts, List, Note, Timeline, WhenBoth};

/// `GET /connections/{id}/iam-users`
#[derive(Debug, Clone, Template)]
#[template(path = "objects/users.html")]
pub(crate) struct IamUsers {
    pub(crate) connection: String,
    pub(crate) href: String,
    /// Why none can be made, where none can.
    pub(crate) note: Option<Note>,
    pub(crate) list: List,
    pub(crate) rows: Vec<UserRow>,
    /// Where one is asked for, for who may.
    pub(crate) add: Option<String>,
}

/// One IAM user.
#[derive(Debug, Clone)]
pub(crate) struct UserRow {
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) chip: Chip,
    /// Why it is stuck or was not made.
    pub(crate) why: String,
    pub(crate) by: String,
    pub(crate) since: WhenBoth,
}

/// `GET /iam-users/{id}`
#[derive(Debug, Clone, Template)]
#[template(path = "objects/user.html")]
pub(crate) struct IamUser {
    pub(crate) list: String,
    pub(crate) connection: String,
    pub(crate) name: String,
    pub(crate) chip: Chip,
    pub(crate) notes: Vec<Note>,
    pub(crate) facts: Facts,
    /// What the last full look found on it; nothing before the first.
    pub(crate) hanging: Option<Vec<String>>,
    pub(crate) timeline: Timeline,
    pub(crate) retry: Option<String>,
    pub(crate) disable: Option<Act>,
    pub(crate) delete: Option<Act>,
    /// Seconds until the page looks again by itself, while something is under way.
    pub(crate) poll: Option<u32>,
    pub(crate) path: String,
}

/// Something that is asked once.
#[derive(Debug, Clone)]
pub(crate) struct Act {
    pub(crate) action: String,
    /// What changes in AWS.
    pub(crate) says: String,
    /// The name that has to be typed, where Stint did not make the user.
    pub(crate) confirm: Option<String>,
}

/// `GET /connections/{id}/key`
#[derive(Debug, Clone, Template)]
#[template(path = "objects/key.html")]
pub(crate) struct AccessKey {
    pub(crate) connection: String,
    pub(crate) href: String,
    pub(crate) notes: Vec<Note>,
    pub(crate) facts: Facts,
    /// Where a rotation is begun, for who may.
    pub(crate) rotate: Option<String>,
    /// The newest rotation.
    pub(crate) newest: Option<Rotation>,
    pub(crate) earlier: Vec<RotationRow>,
    pub(crate) poll: Option<u32>,
    pub(crate) path: String,
}

/// A rotation with what happened.
#[derive(Debug, Clone)]
pub(crate) struct Rotation {
    pub(crate) chip: Chip,
    pub(crate) facts: Facts,
    pub(crate) timeline: Timeline,
    pub(crate) retry: Option<String>,
    pub(crate) cancel: Option<String>,
}

/// One that is over.
#[derive(Debug, Clone)]
pub(crate) struct RotationRow {
    pub(crate) began: WhenBoth,
    pub(crate) chip: Chip,
    pub(crate) keys: String,
    pub(crate) why: String,
}
