//! The AWS connector: the only crate that links the AWS SDK in the product.
//!
//! - [`Aws`] is this process as AWS knows it: its base identity, and the [`Estate`]s it can
//!   reach from there. [`Estate`] is one connection: a role assumed with its External ID, an
//!   access key or the base identity itself ([`Reach`]), and everything read and changed
//!   through it.
//! - Three things are managed, each "make it so" and "look whether it is so": an account
//!   assignment, a membership of an Identity Center group, and one of an IAM group
//!   ([`PairKey`], [`Estate::read`], [`Estate::create`],
//!   [`Estate::delete`], [`Estate::poll`]).
//! - Beside pairs an IAM user with all that hangs on it ([`Estate::read_user`],
//!   [`Estate::change_user`]) and the keys of the user an estate is entered as
//!   ([`Estate::own_keys`], [`Estate::create_key`]).
//! - [`Pages`] stream what an estate holds; [`Estate::test`] says whether a connection works.
//! - Every call passes the one door, [`Governor`]; every failure is an [`AwsError`],
//!   classified in `error` and nowhere else; every AWS request id is handed back.
//!
//! What it does not do: it knows no database and no rules. It never decides whether
//! something should be changed, never repeats a write by itself, and never takes a failure
//! for an absence.

mod arn;
mod base;
mod call;
mod change;
mod clock;
mod connect;
mod error;
mod estate;
mod events;
mod governor;
mod iam;
mod look;
mod missing;
mod own_keys;
mod pages;
mod pair;
mod poll;
mod queue;
mod reach;
mod read;
mod users;

pub use stint_domain::binding::AttemptKind;

pub use arn::{RoleArn, RoleArnError};
pub use base::{Aws, AwsOptions, Base, CallerIdentity};
pub use change::{Answer, Leave, Written};
pub use connect::{Able, ActionCheck, Check, Outcome, TestReport};
pub use error::{AwsError, ErrorKind};
pub use estate::{Estate, EstateSpec, Instance, Members};
pub use events::{Heard, Hint, LONGEST_MESSAGE, Listener, Object, hear};
pub use governor::{
    Ask, BudgetStore, Count, Governor, GovernorOptions, Held, Lane, Limit, Limits, MemoryBudget,
    OpenWrite, Pace, Permit, Service, TURN, WallPace, WriteRules,
};
pub use missing::Missing;
pub use own_keys::{KeysReading, MadeKey};
pub use pages::{Page, Pages};
pub use pair::{PairKey, Reading};
pub use poll::{InProgress, Poll, Polled};
pub use queue::{Message, Queue, QueueState, QueueUrlError, global_region, partition_of};
pub use reach::{AccessKey, AccessKeyIdError, Reach, access_key_id};
pub use read::{
    Account, AccountState, AssignmentRow, CredentialReport, IamGroup, IamKnown, IamReading,
    IamRole, IamUser, IdentityGroup, IdentityUser, Joined, KeyUse, Membership, OrganizationTree,
    PermissionSet, RootUse, Seen, SetPolicies, Unit, UserReport,
};

pub use users::{MARK, NewUser, UserReading, UserRef};

/// How calls leave: the SDK's own HTTP client unless another is given.
pub use aws_smithy_runtime_api::client::http::SharedHttpClient as HttpClient;
