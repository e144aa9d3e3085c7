//! Events of CloudTrail: a call somebody made.

use serde_json::Value;

use super::{Envelope, Heard, Hint, Listener, Object};
use super::{account_id, hints, iam_name, set_arn, store_id, unknown};

/// One call, as CloudTrail writes it down.
struct Call<'a> {
    name: &'a str,
    asked: &'a Value,
    answered: &'a Value,
}

impl<'a> Call<'a> {
    /// A text of the request, by a path of names; in the answer where the request has none.
    fn text(&self, path: &[&str]) -> Option<&'a str> {
        let of = |value: &'a Value| {
            let mut at = value;
            for name in path {
                at = at.get(name)?;
            }
            at.as_str()
        };
        of(self.asked).or_else(|| of(self.answered))
    }

    /// The first of these that is there and is such a thing.
    fn one<T>(&self, paths: &[&[&str]], read: fn(&str) -> Option<T>) -> Option<T> {
        (paths.iter()).find_map(|path| self.text(path).and_then(read))
    }
}

pub(super) fn hear(event: &Envelope, by: &Listener) -> Heard {
    let detail = &event.detail;
    let text = |name| detail.get(name).and_then(Value::as_str);
    let (Some(source), Some(name)) = (text("eventSource"), text("eventName")) else {
        return Heard::Malformed;
    };
    let Some(account) = account_id(&event.account) else {
        return Heard::Malformed;
    };
    let service = source.split('.').next().unwrap_or_default();
    let heard_of = match service {
        "iam" => by.reads_iam_of(&account),
        _ => by.is_home(&account),
    };
    if !heard_of {
        return Heard::Foreign;
    }
    // A call that failed has changed nothing.
    if detail.get("errorCode").is_some_and(|code| !code.is_null()) {
        return Heard::Nothing;
    }
    let none = Value::Null;
    let call = Call {
        name,
        asked: detail.get("requestParameters").unwrap_or(&none),
        answered: detail.get("responseElements").unwrap_or(&none),
    };
    if other(&call, by) {
        return Heard::Foreign;
    }
    if reads(name) || by_itself(detail, service) {
        return Heard::Nothing;
    }
    match service {
        "iam" => iam(event, &call, &account),
        "sso" => identity_center(event, &call),
        "identitystore" | "sso-directory" | "identitystore-scim" => store(event, &call),
        "organizations" => organizations(event, &call),
        "sts" | "signin" => Heard::Nothing,
        _ => unknown(&event.source, name),
    }
}

/// Whether the call names another instance or identity store than ours.
fn other(call: &Call<'_>, by: &Listener) -> bool {
    let differs = |path: &str, ours: &Option<String>| {
        let named = call.text(&[path]);
        named.is_some_and(|named| ours.as_deref().is_some_and(|ours| ours != named))
    };
    differs("instanceArn", &by.instance) || differs("identityStoreId", &by.store)
}

/// Calls that only read.
fn reads(name: &str) -> bool {
    const READS: &[&str] = &[
        "Batch", "Describe", "Filter", "Generate", "Get", "Is", "List", "Lookup", "Search",
        "Simulate",
    ];
    (READS.iter()).any(|verb| {
        (name.strip_prefix(verb))
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
    })
}

/// What Identity Center does to the roles it keeps in accounts: never a change of its own.
fn by_itself(detail: &Value, service: &str) -> bool {
    service == "iam"
        && detail
            .pointer("/userIdentity/invokedBy")
            .and_then(Value::as_str)
            .is_some_and(|by| by == "sso.amazonaws.com")
}

fn identity_center(event: &Envelope, call: &Call<'_>) -> Heard {
    let set = || {
        call.one(
            &[
                &["permissionSetArn"],
                &["permissionSet", "permissionSetArn"],
            ],
            set_arn,
        )
    };
    let found = match call.name {
        "CreateAccountAssignment" | "DeleteAccountAssignment" => {
            let account = call.one(&[&["targetId"]], account_id);
            account.zip(set()).map(|(account, permission_set)| {
                Hint::later(Object::Assignments {
                    account,
                    permission_set,
                })
            })
        }
        // The console's own calls: what they name is not documented (AWS reference §1.8).
        "AssociateProfile" | "DisassociateProfile" | "CreateProfile" | "DeleteProfile" => {
            Some(Hint::later(Object::Everything))
        }
        name if name.ends_with("PermissionSet") => {
            set().map(|set| Hint::now(Object::PermissionSet(set)))
        }
        _ => None,
    };
    hints(event, call.name, found.map(|hint| vec![hint]))
}

fn store(event: &Envelope, call: &Call<'_>) -> Heard {
    // The answer of SCIM names what was made `id`.
    let user = || call.one(&[&["userId"], &["user", "userId"], &["id"]], store_id);
    let group = || call.one(&[&["groupId"], &["group", "groupId"], &["id"]], store_id);
    let found = match call.name {
        "CreateUser" => Some(user().map_or(Object::Users, Object::User)),
        "DeleteUser" | "UpdateUser" | "PatchUser" | "PutUser" | "EnableUser" | "DisableUser" => {
            user().map(Object::User)
        }
        "CreateGroup" => Some(group().map_or(Object::Groups, Object::Group)),
        "DeleteGroup" | "UpdateGroup" => group().map(Object::Group),
        "CreateGroupMembership" | "AddMemberToGroup" | "RemoveMemberFromGroup" => {
            group().map(Object::Members)
        }
        "DeleteGroupMembership" => {
            let one = call.one(&[&["membershipId"]], store_id);
            group().map(Object::Members).or(one.map(Object::Membership))
        }
        // SCIM changes a group's name and its members by the same call.
        "PatchGroup" | "PutGroup" => {
            let both = |group: String| {
                let (one, members) = (Object::Group(group.clone()), Object::Members(group));
                vec![Hint::now(one), Hint::now(members)]
            };
            return hints(event, call.name, group().map(both));
        }
        _ => None,
    };
    hints(
        event,
        call.name,
        found.map(|object| vec![Hint::now(object)]),
    )
}

fn organizations(event: &Envelope, call: &Call<'_>) -> Heard {
    let found = match call.name {
        // Accounts are made and closed after the call.
        "CreateAccount" | "CreateGovCloudAccount" | "CloseAccount" => {
            Some(Hint::later(Object::Accounts))
        }
        "CreateAccountResult"
        | "CloseAccountResult"
        | "MoveAccount"
        | "AcceptHandshake"
        | "RemoveAccountFromOrganization"
        | "LeaveOrganization" => Some(Hint::now(Object::Accounts)),
        "CreateOrganizationalUnit" | "UpdateOrganizationalUnit" | "DeleteOrganizationalUnit" => {
            Some(Hint::now(Object::Units))
        }
        // What is tagged stands in the request as the call's input has it [K].
        "TagResource" | "UntagResource" => match call.text(&["resourceId"]) {
            Some(id) => match account_id(id) {
                Some(account) => Some(Hint::now(Object::AccountTags(account))),
                // Of roots, units and policies nothing of the kind is kept.
                None => return Heard::Nothing,
            },
            None => None,
        },
        _ => None,
    };
    hints(event, call.name, found.map(|hint| vec![hint]))
}

/// The IAM user who made a call, by its name.
fn caller(detail: &Value) -> Option<String> {
    let text = |at: &str| detail.pointer(at).and_then(Value::as_str);
    let user = text("/userIdentity/type") == Some("IAMUser");
    text("/userIdentity/userName")
        .filter(|_| user)
        .and_then(iam_name)
}

fn iam(event: &Envelope, call: &Call<'_>, account: &str) -> Heard {
    let names = |was: &str, becomes: &str| -> Option<Vec<String>> {
        let first = call.one(
            &[&[was], &["user", was], &["group", was], &["role", was]],
            iam_name,
        )?;
        let second = call.one(&[&[becomes]], iam_name);
        Some(std::iter::once(first).chain(second).collect())
    };
    let of = |names: Option<Vec<String>>, object: fn(String, String) -> Object| {
        let hint = |name| Hint::now(object(account.to_owned(), name));
        names.map(|names| names.into_iter().map(hint).collect::<Vec<_>>())
    };
    let user = |account, name| Object::IamUser { account, name };
    let group = |account, name| Object::IamGroup { account, name };
    let role = |account, name| Object::IamRole { account, name };
    let credentials = |account, name| Object::IamCredentials { account, name };
    let found = match call.name {
        "AddUserToGroup"
        | "RemoveUserFromGroup"
        | "CreateGroup"
        | "DeleteGroup"
        | "UpdateGroup"
        | "AttachGroupPolicy"
        | "DetachGroupPolicy"
        | "PutGroupPolicy"
        | "DeleteGroupPolicy" => of(names("groupName", "newGroupName"), group),
        "CreateUser"
        | "DeleteUser"
        | "UpdateUser"
        | "TagUser"
        | "UntagUser"
        | "AttachUserPolicy"
        | "DetachUserPolicy"
        | "PutUserPolicy"
        | "DeleteUserPolicy"
        | "PutUserPermissionsBoundary"
        | "DeleteUserPermissionsBoundary" => of(names("userName", "newUserName"), user),
        // Of what is one's own the call names nobody: it is whoever calls.
        "CreateAccessKey"
        | "DeleteAccessKey"
        | "UpdateAccessKey"
        | "CreateLoginProfile"
        | "UpdateLoginProfile"
        | "DeleteLoginProfile"
        | "EnableMFADevice"
        | "DeactivateMFADevice" => {
            let named = call.one(
                &[
                    &["userName"],
                    &["accessKey", "userName"],
                    &["loginProfile", "userName"],
                ],
                iam_name,
            );
            match named.or_else(|| caller(&event.detail)) {
                Some(name) => of(Some(vec![name]), credentials),
                None => return Heard::Nothing,
            }
        }
        // A device counts once it is a user's; a new password is a password.
        "CreateVirtualMFADevice"
        | "DeleteVirtualMFADevice"
        | "ResyncMFADevice"
        | "ChangePassword" => return Heard::Nothing,
        "CreateRole"
        | "CreateServiceLinkedRole"
        | "DeleteRole"
        | "UpdateRole"
        | "UpdateRoleDescription"
        | "UpdateAssumeRolePolicy"
        | "TagRole"
        | "UntagRole"
        | "PutRolePermissionsBoundary"
        | "DeleteRolePermissionsBoundary" => of(
            names("roleName", "roleName").map(|names| names.into_iter().take(1).collect()),
            role,
        ),
        // AWS looks first whether the service still needs it.
        "DeleteServiceLinkedRole" => call.one(&[&["roleName"]], iam_name).map(|name| {
            let account = account.to_owned();
            vec![Hint::later(Object::IamRole { account, name })]
        }),
        // What roles may do is not kept.
        "AttachRolePolicy" | "DetachRolePolicy" | "PutRolePolicy" | "DeleteRolePolicy" => {
            return Heard::Nothing;
        }
        "CreateAccountAlias" | "DeleteAccountAlias" => {
            let account = account.to_owned();
            Some(vec![Hint::now(Object::IamAccount { account })])
        }
        _ => None,
    };
    hints(event, call.name, found)
}
