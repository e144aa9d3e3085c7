//! What an estate holds: accounts, permission sets, people, groups, and who holds what.
//!
//! Every listing is [`Pages`]; a page whose rows lack what AWS promises fails as a whole.

mod directory;
mod iam;
mod one;
mod organization;
mod papers;
mod permission;

pub use directory::{IdentityGroup, IdentityUser, Membership};
pub use iam::{
    CredentialReport, IamGroup, IamKnown, IamReading, IamRole, IamUser, Joined, KeyUse, RootUse,
    Seen, UserReport,
};
pub(crate) use iam::{OTHER_GROUP, more};
pub use organization::{Account, AccountState, OrganizationTree, Unit};
pub use papers::SetPolicies;
pub use permission::{AssignmentRow, PermissionSet};
pub(crate) use permission::{kind, principal_type};
