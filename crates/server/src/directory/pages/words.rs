//! Entitlements in words, for the pages of every room above.

use stint_domain::entitlement::EntitlementKey;

use crate::connections::Connection;
use crate::directory::Entitlement;
use crate::web::{Copyable, Fact};

/// An account's number in three groups: `4012-7788-0131`.
fn account_number(account: &str) -> String {
    let digits: Vec<char> = account.chars().collect();
    let groups: Vec<String> = digits.chunks(4).map(|four| four.iter().collect()).collect();
    groups.join("-")
}

/// Where an entitlement is, in a few characters: the account's number, or what kind of thing.
pub(crate) fn place(entitlement: &Entitlement) -> String {
    match &entitlement.key {
        EntitlementKey::AccountAssignment { account, .. } => account_number(account),
        EntitlementKey::GroupMembership { .. } => "group membership".to_owned(),
        EntitlementKey::IamGroupMembership { account, .. } => {
            format!("IAM of {}", account_number(account))
        }
    }
}

/// What there is to know about an entitlement, with its identifiers to copy.
pub(crate) fn entitlement_facts(entitlement: &Entitlement) -> Vec<Fact> {
    let mut facts = match &entitlement.key {
        EntitlementKey::AccountAssignment {
            account,
            permission_set,
        } => {
            let (set, name) = split(&entitlement.name);
            vec![
                Fact::new("Account", name).copy(Copyable::new(account, "the account's number")),
                Fact::new("Permission set", set).copy(Copyable::new(permission_set, "the ARN")),
            ]
        }
        EntitlementKey::GroupMembership { group } => {
            let id = Copyable::new(group, "the group's id");
            vec![Fact::new("Group", &entitlement.name).copy(id)]
        }
        EntitlementKey::IamGroupMembership { account, group } => vec![
            Fact::new("Account", account_number(account))
                .copy(Copyable::new(account, "the account's number")),
            Fact::new("Group", &entitlement.name).copy(Copyable::new(group, "the group's id")),
        ],
    };
    if let Some(owner) = &entitlement.owned_by {
        let words = format!("Its members are changed in the directory {owner}");
        facts.push(Fact::new("Provisioned", words));
    }
    if let Some(gone) = entitlement.gone_at {
        let day = crate::web::time::day(gone);
        facts.push(Fact::new("Gone", format!("AWS has not had it since {day}")));
    }
    facts
}

/// Where the person who holds it opens it: the AWS access portal, signed in as themselves.
/// Nothing for a group, which opens nothing by itself, and before the estate is known.
///
/// The portal's address and its link to a console follow from the identity store's id
/// (`https://d-….awsapps.com/start/#/console?account_id=…&role_name=…`).
pub(crate) fn console(entitlement: &Entitlement, connection: &Connection) -> Option<String> {
    let EntitlementKey::AccountAssignment { account, .. } = &entitlement.key else {
        return None;
    };
    let store = connection.identity_store_id.as_deref()?;
    let (set, _) = split(&entitlement.name);
    let plain = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b))
    };
    (plain(set) && plain(store)).then(|| {
        format!(
            "https://{store}.awsapps.com/start/#/console?account_id={account}&role_name={}",
            set.replace('+', "%2B")
        )
    })
}

/// The partition of AWS that an estate is in, as its Identity Center instance says.
pub(crate) fn partition(connection: &Connection) -> &str {
    let arn = connection.instance_arn.as_deref().unwrap_or_default();
    arn.split(':').nth(1).unwrap_or("aws")
}

/// The domain of the AWS console of this partition.
fn console_domain(connection: &Connection) -> &'static str {
    match partition(connection) {
        "aws-cn" => "console.amazonaws.cn",
        "aws-us-gov" => "console.amazonaws-us-gov.com",
        _ => "console.aws.amazon.com",
    }
}

/// Where an administrator finds it in the AWS console, and what the link says: an account in
/// Organizations, and everything else from Identity Center's first page, since the addresses
/// below that are not documented by AWS.
pub(crate) fn places(
    entitlement: &Entitlement,
    connection: &Connection,
) -> Vec<(String, &'static str)> {
    let (region, domain) = (&connection.region, console_domain(connection));
    let mut places = vec![(
        format!("https://{region}.{domain}/singlesignon/home?region={region}"),
        "Identity Center in the AWS console",
    )];
    if let EntitlementKey::AccountAssignment { account, .. } = &entitlement.key {
        let place = format!("https://{domain}/organizations/v2/home/accounts/{account}");
        places.insert(0, (place, "The account in the AWS console"));
    }
    places
}

/// `AdministratorAccess on prod-payments` in its two names. A permission set's name has no
/// space in it.
fn split(name: &str) -> (&str, &str) {
    name.split_once(" on ").unwrap_or((name, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_number_is_read_in_three_groups() {
        assert_eq!(account_number("401277880131"), "4012-7788-0131");
        assert_eq!(split("Admin on prod on ice"), ("Admin", "prod on ice"));
    }
}
