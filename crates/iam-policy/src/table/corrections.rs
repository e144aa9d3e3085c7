//! What the generated table has wrong or leaves out, each with the fact.

use super::{KeyType, Table, ValueType};

/// Actions that need no permission and that no policy can refuse.
///
/// - `sts:GetCallerIdentity`: "no permissions are required … even if access is denied" (AWS
///   reference §4 [M]).
/// - `sts:GetSessionToken`: "none; cannot be controlled by policy" (AWS reference §4 [D]).
const UNCONTROLLED: [&str; 2] = ["sts:GetCallerIdentity", "sts:GetSessionToken"];

pub(crate) fn needs_no_permission(action: &str) -> bool {
    UNCONTROLLED
        .iter()
        .any(|name| name.eq_ignore_ascii_case(action))
}

const TEXT: ValueType = ValueType::Text;
const ARN: ValueType = ValueType::Arn;
const BOOL: ValueType = ValueType::Bool;

/// Keys of no single service: the Service Authorization Reference lists them nowhere (AWS
/// reference §6.3; IAM user guide, *AWS global condition context keys* [D]). Whether there may
/// be several values is from the same page. `${TagKey}` stands for any tag.
///
/// The last ones bear a service's name and are sent to others all the same: *cross-service
/// condition keys* of that page.
const GLOBAL: &[(&str, ValueType, bool)] = &[
    ("aws:AssumedRoot", BOOL, false),
    ("aws:CalledVia", TEXT, true),
    ("aws:CalledViaFirst", TEXT, false),
    ("aws:CalledViaLast", TEXT, false),
    ("aws:ChatbotSourceArn", ARN, false),
    ("aws:CurrentTime", ValueType::Date, false),
    (
        "aws:Ec2InstanceSourcePrivateIPv4",
        ValueType::Address,
        false,
    ),
    ("aws:Ec2InstanceSourceVpc", TEXT, false),
    ("aws:EpochTime", ValueType::Date, false),
    ("aws:FederatedProvider", TEXT, false),
    ("aws:MultiFactorAuthAge", ValueType::Number, false),
    ("aws:MultiFactorAuthPresent", BOOL, false),
    ("aws:PrincipalAccount", TEXT, false),
    ("aws:PrincipalArn", ARN, false),
    ("aws:PrincipalIsAWSService", BOOL, false),
    ("aws:PrincipalOrgID", TEXT, false),
    ("aws:PrincipalOrgPaths", TEXT, true),
    ("aws:PrincipalServiceName", TEXT, false),
    ("aws:PrincipalServiceNamesList", TEXT, true),
    ("aws:PrincipalTag/${TagKey}", TEXT, false),
    ("aws:PrincipalType", TEXT, false),
    ("aws:Referer", TEXT, false),
    ("aws:RequestTag/${TagKey}", TEXT, false),
    ("aws:RequestedRegion", TEXT, false),
    ("aws:ResourceAccount", TEXT, false),
    ("aws:ResourceOrgID", TEXT, false),
    ("aws:ResourceOrgPaths", TEXT, true),
    ("aws:ResourceTag/${TagKey}", TEXT, false),
    ("aws:SecureTransport", BOOL, false),
    ("aws:SourceAccount", TEXT, false),
    ("aws:SourceArn", ARN, false),
    ("aws:SourceIdentity", TEXT, false),
    ("aws:SourceIp", ValueType::Address, false),
    ("aws:SourceOrgID", TEXT, false),
    ("aws:SourceOrgPaths", TEXT, true),
    ("aws:SourceVpc", TEXT, false),
    ("aws:SourceVpcArn", ARN, false),
    ("aws:SourceVpce", TEXT, false),
    ("aws:TagKeys", TEXT, true),
    ("aws:TokenIssueTime", ValueType::Date, false),
    ("aws:UserAgent", TEXT, false),
    ("aws:ViaAWSService", BOOL, false),
    ("aws:VpcSourceIp", ValueType::Address, false),
    ("aws:userid", TEXT, false),
    ("aws:username", TEXT, false),
    ("ec2:RoleDelivery", ValueType::Number, false),
    ("ec2:SourceInstanceARN", ARN, false),
    ("glue:CredentialIssuingService", TEXT, false),
    ("glue:RoleAssumedBy", TEXT, false),
    ("identitystore:UserId", TEXT, false),
    ("lambda:SourceFunctionArn", ARN, false),
    ("ssm:SourceInstanceARN", ARN, false),
];

pub(super) fn global_key(key: &str) -> Option<KeyType> {
    let found = GLOBAL.iter().find(|(own, _, _)| super::same_key(own, key));
    found.map(|(_, value, many)| KeyType {
        value: *value,
        many: *many,
    })
}

pub(crate) fn global_keys() -> impl Iterator<Item = &'static str> {
    GLOBAL.iter().map(|(key, _, _)| *key)
}

/// Keys that requests of an action carry though the table does not say so.
///
/// - Tagging a session and giving it a source identity are judged within AssumeRole, with what
///   that call carries: trust policies that name all three under one condition on the External
///   ID are what AWS's own pages show (IAM user guide, *Passing session tags* [D]; the context
///   is the same [K]).
const MORE_KEYS: [(&str, &str); 4] = [
    ("sts:TagSession", "sts:ExternalId"),
    ("sts:TagSession", "sts:RoleSessionName"),
    ("sts:SetSourceIdentity", "sts:ExternalId"),
    ("sts:SetSourceIdentity", "sts:RoleSessionName"),
];

pub(super) fn apply(table: &mut Table) {
    for (action, key) in MORE_KEYS {
        let found = action.split_once(':').and_then(|(service, name)| {
            let service = table.services.get_mut(service)?;
            service.actions.get_mut(&name.to_ascii_lowercase())
        });
        match found {
            Some(action) => {
                action.keys.insert(key.to_owned());
            }
            // The test that reads `unread` says so.
            None => table.unread.push(action),
        }
    }
}
