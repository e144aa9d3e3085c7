//! Who may call what: one table of verbs against roles, read by every public verb of every
//! room on its first line.
//!
//! The table answers for a *role* and a *relation* (is it mine, do I decide on it, is it
//! somebody else's). It does not know policies, states or catalogs: whether this approver
//! may decide on this request now is [`crate::request`]'s question, asked afterwards.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// A product role. Everybody signed in is a [`Role::User`], listed or not; the others add
/// to that. Where the table says so, Helpdesk and Auditor also take away (see [`Verb`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May do everything but decide on requests nobody asked them to decide on.
    SuperAdmin,
    /// Applications, connections, sync, links, and what is done in AWS.
    ConnectionAdmin,
    /// Policies, catalogs, access controls and the groups they refer to.
    PolicyAdmin,
    /// Sees users, links and requests; proposes links; decides nothing.
    Helpdesk,
    /// Sees everything, changes nothing but their own things.
    Auditor,
    /// Everybody signed in.
    User,
}

/// How the caller stands to the thing the verb is about. Of several, the first that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// They made it, or it is for or about them.
    Own,
    /// They are named to decide on it, at any step, or have decided on it.
    Involved,
    /// It is somebody else's.
    Others,
    /// An entitlement in none of the catalogs they see.
    OutOfCatalog,
    /// The verb is about no particular thing (lists, creation).
    None,
}

/// What the table says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// Go on.
    Yes,
    /// 403: the caller may know that the thing exists.
    No,
    /// 404, exactly as if the thing did not exist.
    Invisible,
}

/// A text that is not a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a role: use super_admin, connection_admin, policy_admin, helpdesk, auditor or user"
)]
pub struct RoleError(pub String);

/// One cell of the table: at which relations the role may call the verb.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cell {
    /// At any relation but [`Relation::OutOfCatalog`].
    All,
    /// What is their own.
    Own,
    /// What is their own, and what they decide on.
    Mine,
    /// The role adds nothing.
    Nil,
    /// The role takes the verb away, whatever else its holder is.
    Never,
}

/// What a refusal looks like.
#[derive(Clone, Copy)]
enum Otherwise {
    /// [`Answer::No`].
    Forbid,
    /// [`Answer::No`] to those who may call that verb on the same thing, else
    /// [`Answer::Invisible`].
    Hide(Verb),
    /// Nobody is refused, signed in or not.
    Public,
}

struct Row {
    cells: [Cell; 6],
    otherwise: Otherwise,
}

macro_rules! table {
    ($($verb:ident $word:literal $s:ident $c:ident $p:ident $h:ident $a:ident $u:ident
       $otherwise:ident $(($seen:ident))?, $what:literal;)*) => {
        /// One variant per public verb of the rooms. The word is stable: it is what the
        /// committed rights matrix and the audit log call it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Verb {
            $(#[doc = concat!("`", $word, "`: ", $what, ".")] $verb,)*
        }

        impl Verb {
            /// Every verb, in the order of the table.
            pub const ALL: &[Verb] = &[$(Verb::$verb),*];

            /// The stable word: room, dot, verb.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$verb => $word,)* }
            }

            /// What it does, in a few words, for people.
            pub const fn what(self) -> &'static str {
                match self { $(Self::$verb => $what,)* }
            }

            const fn row(self) -> Row {
                match self {
                    $(Self::$verb => Row {
                        cells: [Cell::$s, Cell::$c, Cell::$p, Cell::$h, Cell::$a, Cell::$u],
                        otherwise: Otherwise::$otherwise $((Verb::$seen))?,
                    },)*
                }
            }
        }
    };
}

// Columns: Super Admin, Connection Admin, Policy Admin, Helpdesk, Auditor, User (everybody).
#[rustfmt::skip]
table! {
    // verb             word                             S   C   P   H     A     U    otherwise
    ReadPublic          "public.read"                    All All All All   All   All  Public, "health, assets and documentation";
    SignIn              "identity.sign_in"               All All All All   All   All  Public, "sign in";
    DemoSignIn          "demo.sign_in"                   All All All All   All   All  Public, "sign in as a persona of the demo";
    DemoClock           "demo.clock"                     All All All All   All   All  Forbid, "move the demo's clock";
    SignOut             "identity.sign_out"              All All All All   All   All  Forbid, "sign out";
    Me                  "identity.me"                    All All All All   All   All  Forbid, "see who one is signed in as";
    ChangePassword      "identity.change_password"       Own Own Own Own   Own   Own  Hide(GetUser), "change one's own password";
    ProveSignIn         "identity.prove_sign_in"         Own Own Own Own   Own   Own  Hide(GetUser), "give one's own password again";
    ListUsers           "identity.list_users"            All All All All   All   Nil  Forbid, "list users";
    GetUser             "identity.get_user"              All All All All   All   Own  Hide(GetUser), "see a user";
    CreateUser          "identity.create_user"           All Nil Nil Nil   Nil   Nil  Forbid, "create a user";
    UpdateUser          "identity.update_user"           All Nil Nil Nil   Nil   Nil  Hide(GetUser), "change a user's name, e-mail or password";
    DeactivateUser      "identity.deactivate_user"       All Nil Nil Nil   Nil   Nil  Hide(GetUser), "deactivate a user";
    ReactivateUser      "identity.reactivate_user"       All Nil Nil Nil   Nil   Nil  Hide(GetUser), "make a user active again";
    SetRoles            "identity.set_roles"             All Nil Nil Nil   Nil   Nil  Hide(GetUser), "give and take product roles";
    ListGroups          "identity.list_groups"           All All All All   All   Nil  Forbid, "list groups";
    GetGroup            "identity.get_group"             All All All All   All   Nil  Hide(GetGroup), "see a group and its members";
    CreateGroup         "identity.create_group"          All Nil All Nil   Nil   Nil  Forbid, "create a group";
    UpdateGroup         "identity.update_group"          All Nil All Nil   Nil   Nil  Hide(GetGroup), "rename a group";
    AddMember           "identity.add_member"            All Nil All Nil   Nil   Nil  Hide(GetGroup), "add a user to a group";
    RemoveMember        "identity.remove_member"         All Nil All Nil   Nil   Nil  Hide(GetGroup), "take a user out of a group";
    ListSignIns         "identity.list_sign_ins"         All Nil Nil Nil   All   Own  Hide(GetUser), "list a user's sign-ins";
    EndSignIn           "identity.end_sign_in"           All Nil Nil Nil   Nil   Own  Hide(ListSignIns), "end a sign-in";
    ListTokens          "identity.list_tokens"           All Nil Nil Nil   All   Own  Hide(GetUser), "list a user's API tokens";
    IssueToken          "identity.issue_token"           Own Own Own Own   Own   Own  Hide(GetUser), "issue an API token for oneself";
    RevokeToken         "identity.revoke_token"          All Nil Nil Nil   Nil   Own  Hide(ListTokens), "revoke an API token";

    ListApplications    "connections.list_applications"  All All All Nil   All   Nil  Forbid, "list applications";
    GetApplication      "connections.get_application"    All All All Nil   All   Nil  Hide(GetApplication), "see an application";
    CreateApplication   "connections.create_application" All All Nil Nil   Nil   Nil  Forbid, "create an application";
    UpdateApplication   "connections.update_application" All All Nil Nil   Nil   Nil  Hide(GetApplication), "change an application";
    ListConnections     "connections.list"               All All All Nil   All   Nil  Forbid, "list connections";
    GetConnection       "connections.get"                All All All Nil   All   Nil  Hide(GetConnection), "see a connection";
    CreateConnection    "connections.create"             All All Nil Nil   Nil   Nil  Forbid, "create a connection";
    UpdateConnection    "connections.update"             All All Nil Nil   Nil   Nil  Hide(GetConnection), "change a connection";
    TestConnection      "connections.test"               All All Nil Nil   Nil   Nil  Hide(GetConnection), "test a connection";

    DrainConnection     "draining.drain"                 All All Nil Nil   Nil   Nil  Hide(GetConnection), "take a connection out of service, or back into it";
    RemoveConnection    "draining.remove"                All All Nil Nil   Nil   Nil  Hide(GetConnection), "remove a connection that nothing holds any more";

    SyncConnection      "directory.sync"                 All All Nil Nil   Nil   Nil  Hide(GetConnection), "start a sync";
    DecideSync          "directory.decide_sync"          All All Nil Nil   Nil   Nil  Hide(GetConnection), "decide what a sync that stopped found gone";
    ListSyncs           "directory.list_syncs"           All All All Nil   All   Nil  Hide(GetConnection), "see runs of the sync and their progress";
    ListAccounts        "directory.list_accounts"        All All All Nil   All   Nil  Forbid, "list AWS accounts";
    ListPrincipals      "directory.list_principals"      All All All All   All   Nil  Forbid, "list principals";
    GetPrincipal        "directory.get_principal"        All All All All   All   Own  Hide(GetPrincipal), "see a principal";
    ListEntitlements    "directory.list_entitlements"    All All All Nil   All   Nil  Forbid, "list entitlements, requestable or not";
    GetEntitlement      "directory.get_entitlement"      All All All Nil   All   Nil  Hide(GetEntitlement), "see an entitlement, requestable or not";
    ListAssignments     "directory.list_assignments"     All All All Own   All   Own  Forbid, "see who holds what, and since when";
    ListLinks           "directory.list_links"           All All All All   All   Nil  Forbid, "list links";
    GetLink             "directory.get_link"             All All All All   All   Own  Hide(GetLink), "see a link";
    ProposeLink         "directory.propose_link"         All All Nil All   Nil   Nil  Forbid, "propose a link";
    ConfirmLink         "directory.confirm_link"         All All Nil Nil   Nil   Nil  Hide(GetLink), "confirm a link, or make it the primary one";
    RemoveLink          "directory.remove_link"          All All Nil Nil   Nil   Nil  Hide(GetLink), "reject or remove a link";

    ListCatalogs        "catalog.list"                   All All All Nil   All   Nil  Forbid, "list catalogs";
    GetCatalog          "catalog.get"                    All All All Nil   All   Nil  Hide(GetCatalog), "see a catalog";
    CreateCatalog       "catalog.create"                 All Nil All Nil   Nil   Nil  Forbid, "create a catalog";
    UpdateCatalog       "catalog.update"                 All Nil All Nil   Nil   Nil  Hide(GetCatalog), "change a catalog, its audience or its entitlements";
    GetAccessControl    "catalog.get_access_control"     All All All Nil   All   Nil  Hide(GetEntitlement), "see an entitlement's access control";
    SetAccessControl    "catalog.set_access_control"     All Nil All Nil   Nil   Nil  Hide(GetEntitlement), "set an entitlement's policy and longest duration";
    ListOffers          "catalog.list_offers"            All All All All   All   All  Forbid, "search what one may ask for";
    GetOffer            "catalog.get_offer"              All All All All   All   All  Hide(GetOffer), "see one thing one may ask for";
    MendRefusal         "mend.refusal"                   All All All All   All   All  Forbid, "find what of that which one may ask for mends a refusal of AWS";

    ListPolicies        "policies.list"                  All All All Nil   All   Nil  Forbid, "list policies";
    GetPolicy           "policies.get"                   All All All Nil   All   Nil  Hide(GetPolicy), "see a policy and its versions";
    CreatePolicy        "policies.create"                All Nil All Nil   Nil   Nil  Forbid, "create a policy";
    NewPolicyVersion    "policies.new_version"           All Nil All Nil   Nil   Nil  Hide(GetPolicy), "write a new version of a policy";

    ListDuties          "duties.list"                    All All All Nil   All   Nil  Forbid, "list the rules about duties that are kept apart";
    GetDuty             "duties.get"                     All All All Nil   All   Nil  Hide(GetDuty), "see a duty rule";
    CreateDuty          "duties.create"                  All Nil All Nil   Nil   Nil  Forbid, "write a duty rule";
    UpdateDuty          "duties.update"                  All Nil All Nil   Nil   Nil  Hide(GetDuty), "change a duty rule, or switch it off";
    ListConflicts       "duties.list_conflicts"          All Nil All Nil   All   Nil  Forbid, "see who holds what duty rules keep apart";

    PlanConfig          "config.plan"                    All Nil All Nil   Nil   Nil  Forbid, "hold files of configuration against what there is";
    ApplyConfig         "config.apply"                   All Nil All Nil   Nil   Nil  Forbid, "apply files of configuration";
    ExportConfig        "config.export"                  All All All Nil   All   Nil  Forbid, "export groups, policies, catalogs and access controls as a file";

    ListGrants          "grants.list"                    All All All Nil   All   Nil  Forbid, "list everybody's grants";
    MyGrants            "grants.mine"                    All All All All   All   All  Forbid, "list one's own grants";
    GetGrant            "grants.get"                     All All All Nil   All   Mine Hide(GetGrant), "see a grant and what was done in AWS";
    ReturnGrant         "grants.return"                  Own Own Own Own   Own   Own  Hide(GetGrant), "return one's own access early";
    ExtendGrant         "grants.extend"                  Own Own Own Own   Own   Own  Hide(GetGrant), "ask for one's own access to go on past its end";
    RevokeGrant         "grants.revoke"                  All All Nil Nil   Nil   Nil  Hide(GetGrant), "end somebody's grant early";
    CutOff              "grants.cut_off"                 All All Nil Nil   Nil   Nil  Hide(GetGrant), "end every grant of a pair and remove the access";
    RetryGrant          "grants.retry"                   All All Nil Nil   Nil   Nil  Hide(GetGrant), "try again now what AWS refused";
    ProvisionAgain      "grants.provision_again"         All All Nil Nil   Nil   Nil  Hide(GetGrant), "put access back that was taken away in AWS";

    ListIamUsers        "objects.list_iam_users"         All All All Nil   All   Nil  Hide(GetConnection), "list the IAM users Stint manages";
    GetIamUser          "objects.get_iam_user"           All All All Nil   All   Nil  Hide(GetIamUser), "see an IAM user Stint manages, and what was done in AWS";
    CreateIamUser       "objects.create_iam_user"        All All Nil Nil   Nil   Nil  Hide(GetConnection), "have an IAM user made, or looked at";
    DisableIamUser      "objects.disable_iam_user"       All All Nil Nil   Nil   Nil  Hide(GetIamUser), "have an IAM user locked out";
    DeleteIamUser       "objects.delete_iam_user"        All All Nil Nil   Nil   Nil  Hide(GetIamUser), "have an IAM user deleted";
    RetryIamUser        "objects.retry_iam_user"         All All Nil Nil   Nil   Nil  Hide(GetIamUser), "try again now what AWS refuses about an IAM user";
    GetRotation         "objects.get_rotation"           All All All Nil   All   Nil  Hide(GetConnection), "see how a connection's access key was rotated";
    RotateKey           "objects.rotate_key"             All All Nil Nil   Nil   Nil  Hide(GetConnection), "rotate a connection's access key, try again or call it off";

    ReplayPolicy        "requests.replay"                All Nil All Nil   Nil   Nil  Hide(GetPolicy), "hold a draft of a policy against the requests of the last days";
    DryRun              "requests.dry_run"               All Nil All Nil   Nil   Nil  Forbid, "see what would happen if somebody asked for something now";
    PreviewRequest      "requests.preview"               All All All All   All   All  Forbid, "see who would have to approve";
    SubmitRequest       "requests.submit"                All All All All   All   All  Forbid, "ask for access for oneself";
    AskForGroup         "requests.ask_for_group"         All All Own Own   Own   Own  Forbid, "ask for access for an Identity Center group: the owners of its connection or application, Connection Admins and Super Admins may";
    AskForAnother       "requests.ask_for_another"       All Own Own Own   Own   Own  Hide(AskForAnother), "ask for access for somebody else: their manager and Super Admins may";
    ListRequests        "requests.list"                  All All All All   All   Nil  Forbid, "list everybody's requests";
    MyRequests          "requests.mine"                  All All All All   All   All  Forbid, "list one's own requests";
    MyDelegations       "identity.my_delegations"        All All All All   All   All  Forbid, "list who decides for one while one is away, and for whom one does";
    ListDelegations     "identity.list_delegations"      All Nil Nil All   All   Nil  Forbid, "list everybody's delegations";
    GetDelegation       "identity.get_delegation"        All Own Own All   All   Own  Hide(GetDelegation), "see a delegation";
    Delegate            "identity.delegate"              All Own Own Own   Own   Own  Forbid, "let somebody decide for one while one is away";
    EndDelegation       "identity.end_delegation"        All Own Own Own   Own   Own  Hide(GetDelegation), "end a delegation of one's own, or to oneself";
    Inbox               "requests.inbox"                 All All All All   All   All  Forbid, "list the requests that wait for one's decision";
    GetRequest          "requests.get"                   All All All All   All   Mine Hide(GetRequest), "see a request and its timeline";
    ApproveRequest      "requests.approve"               Nil Nil Nil Never Never Mine Hide(GetRequest), "approve a request";
    DenyRequest         "requests.deny"                  Nil Nil Nil Never Never Mine Hide(GetRequest), "deny a request";
    ReassignRequest     "requests.reassign"              All Nil All Never Never Mine Hide(GetRequest), "hand on a place in the step a request waits at";
    CommentRequest      "requests.comment"               All All All All   All   Mine Hide(GetRequest), "comment on a request one sees";
    CancelRequest       "requests.cancel"                All Nil Nil Nil   Nil   Own  Hide(GetRequest), "cancel a request";
    RaiseRequest        "requests.raise"                 Own Own Own Own   Own   Own  Hide(GetRequest), "raise a pending request of one's own to emergency access";
    ListReviews         "requests.list_reviews"          All Own Own Own   All   Own  Forbid, "list the emergency reviews one is to close; auditors and Super Admins see all";
    CloseReview         "requests.close_review"          All Nil Nil Never Never Mine Hide(GetRequest), "close the review of emergency access";
    ListKept            "requests.list_kept"             All Own Own Own   All   Own  Forbid, "list the reviews of access until it is revoked that one is to answer; auditors and Super Admins see all";
    AnswerKept          "requests.answer_kept"           All Nil Nil Never Never Mine Hide(GetRequest), "say whether access until it is revoked is still needed";
    ReturnRequest       "requests.return"                Own Own Own Own   Own   Own  Hide(GetRequest), "return what a request gave, early";

    MyNotices           "notices.mine"                   All All All All   All   All  Forbid, "read one's notices, and say which ones to get";
    ReadNotice          "notices.read"                   Own Own Own Own   Own   Own  Hide(ReadNotice), "mark a notice of one's own as read";

    ListAudit           "audit.list"                     All Nil Nil Nil   All   Nil  Forbid, "read the audit log";
    VerifyAudit         "audit.verify"                   All Nil Nil Nil   All   Nil  Forbid, "verify the audit chain";
    Home                "overview.home"                  All All All All   All   All  Forbid, "see one's own access, requests and approvals";
    Overview            "overview.figures"               All All All Nil   All   Nil  Forbid, "see figures about everybody";
}

/// Whether somebody with these roles may call this verb on a thing they stand to like this.
///
/// No roles at all means nobody is signed in: only public verbs answer Yes. Any signed-in
/// person has [`Role::User`], whether it is in the list or not.
///
/// An entitlement outside one's catalogs is [`Answer::Invisible`] to everybody, Super Admins
/// included: they put it into a catalog first, and that is on record.
pub fn allowed(roles: &[Role], verb: Verb, relation: Relation) -> Answer {
    let row = verb.row();
    if matches!(row.otherwise, Otherwise::Public) {
        return Answer::Yes;
    }
    if roles.is_empty() {
        return Answer::No;
    }
    if relation == Relation::OutOfCatalog {
        return Answer::Invisible;
    }
    let held = || {
        (Role::ALL.iter().zip(row.cells))
            .filter(|(role, _)| **role == Role::User || roles.contains(role))
            .map(|(_, cell)| cell)
    };
    if held().any(|cell| cell.covers(relation)) && !held().any(|cell| cell == Cell::Never) {
        return Answer::Yes;
    }
    match row.otherwise {
        Otherwise::Hide(seen) if seen == verb => Answer::Invisible,
        Otherwise::Hide(seen) => match allowed(roles, seen, relation) {
            Answer::Yes => Answer::No,
            Answer::No | Answer::Invisible => Answer::Invisible,
        },
        Otherwise::Forbid | Otherwise::Public => Answer::No,
    }
}

impl Cell {
    const fn covers(self, relation: Relation) -> bool {
        match self {
            Self::All => true,
            Self::Own => matches!(relation, Relation::Own),
            Self::Mine => matches!(relation, Relation::Own | Relation::Involved),
            Self::Nil | Self::Never => false,
        }
    }
}

impl Relation {
    /// Every relation.
    pub const ALL: &[Relation] = &[
        Self::Own,
        Self::Involved,
        Self::Others,
        Self::OutOfCatalog,
        Self::None,
    ];
}

impl Role {
    /// Every role, in the order of the table's columns.
    pub const ALL: &[Role] = &[
        Self::SuperAdmin,
        Self::ConnectionAdmin,
        Self::PolicyAdmin,
        Self::Helpdesk,
        Self::Auditor,
        Self::User,
    ];

    /// The stable word, as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SuperAdmin => "super_admin",
            Self::ConnectionAdmin => "connection_admin",
            Self::PolicyAdmin => "policy_admin",
            Self::Helpdesk => "helpdesk",
            Self::Auditor => "auditor",
            Self::User => "user",
        }
    }

    /// The name people see.
    pub const fn title(self) -> &'static str {
        match self {
            Self::SuperAdmin => "Super Admin",
            Self::ConnectionAdmin => "Connection Admin",
            Self::PolicyAdmin => "Policy Admin",
            Self::Helpdesk => "Helpdesk",
            Self::Auditor => "Auditor",
            Self::User => "User",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        Self::ALL
            .iter()
            .copied()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| RoleError(text.to_owned()))
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
