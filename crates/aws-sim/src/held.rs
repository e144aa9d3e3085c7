//! Policies: the documents themselves, what hangs on a user, group or role, and the managed
//! ones of every account and of AWS.

use std::collections::BTreeMap;
use std::sync::Arc;

use stint_iam_policy::{ParseError, Policy};

use crate::past::{Book, Shelf};

/// A document as it was written and as it was understood.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) text: Arc<str>,
    pub(crate) policy: Arc<Policy>,
}

impl Document {
    pub(crate) fn parse(text: &str) -> Result<Document, ParseError> {
        Ok(Document {
            policy: Arc::new(Policy::parse(text)?),
            text: text.into(),
        })
    }

    pub(crate) fn of(policy: Policy) -> Document {
        Document {
            text: policy.to_json().to_string().into(),
            policy: Arc::new(policy),
        }
    }
}

/// What hangs on one user, group or role.
#[derive(Debug, Clone, Default)]
pub(crate) struct Held {
    /// By name.
    pub(crate) inline: BTreeMap<String, Document>,
    /// ARNs of managed policies, in the order they were attached.
    pub(crate) attached: Vec<String>,
    /// The ARN of the managed policy that is its boundary.
    pub(crate) boundary: Option<String>,
}

/// What everything holds, by its id (`AIDA…`, `AGPA…`, `AROA…`).
pub(crate) type AllHeld = Book<String, Held>;

/// A managed policy.
#[derive(Debug, Clone)]
pub(crate) struct Managed {
    pub(crate) arn: String,
    /// Twelve digits; none for AWS's own.
    pub(crate) account: Option<String>,
    pub(crate) path: String,
    pub(crate) name: String,
    /// `ANPA…`
    pub(crate) id: String,
    pub(crate) description: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) tags: Vec<(String, String)>,
    /// Oldest first; never empty.
    pub(crate) versions: Vec<Revision>,
    /// The number of the version in force.
    pub(crate) in_force: u32,
    /// How many versions there ever were.
    pub(crate) made: u32,
    pub(crate) removed: bool,
}

/// One version of a managed policy.
#[derive(Debug, Clone)]
pub(crate) struct Revision {
    pub(crate) number: u32,
    pub(crate) document: Document,
    pub(crate) created_at: i64,
}

impl Managed {
    pub(crate) fn document(&self) -> Option<&Document> {
        self.revision(self.in_force)
            .map(|revision| &revision.document)
    }

    pub(crate) fn revision(&self, number: u32) -> Option<&Revision> {
        self.versions
            .iter()
            .find(|revision| revision.number == number)
    }
}

/// All managed policies, by their places; places are never reused.
#[derive(Debug, Clone, Default)]
pub(crate) struct ManagedPolicies {
    pub(crate) list: Shelf<Managed>,
    pub(crate) by_arn: Book<String, usize>,
}

impl ManagedPolicies {
    /// AWS's own, of which the simulator knows a few; documents of the long ones are cut to
    /// the services it has.
    pub(crate) fn of_aws(at: i64) -> ManagedPolicies {
        let mut all = ManagedPolicies::default();
        for (path, name, id, description, text) in AWS_MANAGED {
            let Ok(document) = Document::parse(text) else {
                continue;
            };
            all.add(Managed {
                arn: format!("arn:aws:iam::aws:policy{path}{name}"),
                account: None,
                path: (*path).to_owned(),
                name: (*name).to_owned(),
                id: (*id).to_owned(),
                description: Some((*description).to_owned()),
                created_at: at,
                updated_at: at,
                tags: Vec::new(),
                versions: vec![Revision {
                    number: 1,
                    document,
                    created_at: at,
                }],
                in_force: 1,
                made: 1,
                removed: false,
            });
        }
        all
    }

    pub(crate) fn add(&mut self, policy: Managed) {
        self.by_arn.insert(policy.arn.clone(), self.list.len());
        self.list.push(policy);
    }

    /// The policy with this ARN, AWS's own included.
    pub(crate) fn get(&self, arn: &str) -> Option<&Managed> {
        self.list.get(*self.by_arn.get(arn)?)
    }

    pub(crate) fn get_mut(&mut self, arn: &str) -> Option<&mut Managed> {
        self.list.get_mut(*self.by_arn.get(arn)?)
    }

    pub(crate) fn remove(&mut self, arn: &str) {
        if let Some(place) = self.by_arn.remove(&arn.to_owned())
            && let Some(policy) = self.list.get_mut(place)
        {
            policy.removed = true;
        }
    }

    /// Those an account sees, from the place on.
    pub(crate) fn seen_by<'a>(
        &'a self,
        account: &'a str,
        from: usize,
    ) -> impl Iterator<Item = (usize, &'a Managed)> {
        self.list
            .iter()
            .enumerate()
            .skip(from)
            .filter(move |(_, policy)| {
                !policy.removed && policy.account.as_deref().is_none_or(|of| of == account)
            })
    }

    /// What an attached policy says now.
    pub(crate) fn policy(&self, arn: &str) -> Option<&Policy> {
        self.get(arn)?
            .document()
            .map(|document| document.policy.as_ref())
    }
}

/// Path, name, id, description, document. The first three documents are AWS's own words [D];
/// of the others the statements about services the simulator does not have are left out.
const AWS_MANAGED: &[(&str, &str, &str, &str, &str)] = &[
    (
        "/",
        "AdministratorAccess",
        "ANPAIWMBCKSKIEE64ZLYK",
        "Provides full access to AWS services and resources.",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    ),
    (
        "/",
        "PowerUserAccess",
        "ANPAJYRXTHIB4FOVS3ZXS",
        "Provides full access to AWS services and resources, but does not allow management of Users and groups.",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":["iam:*","organizations:*","account:*"],"Resource":"*"},{"Effect":"Allow","Action":["iam:CreateServiceLinkedRole","iam:DeleteServiceLinkedRole","iam:ListRoles","organizations:DescribeOrganization","account:ListRegions","account:GetAccountInformation"],"Resource":"*"}]}"#,
    ),
    (
        "/",
        "IAMReadOnlyAccess",
        "ANPAJKSO7NDY4T57MWDSQ",
        "Provides read only access to IAM via the AWS Management Console.",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GenerateCredentialReport","iam:GenerateServiceLastAccessedDetails","iam:Get*","iam:List*","iam:SimulateCustomPolicy","iam:SimulatePrincipalPolicy"],"Resource":"*"}]}"#,
    ),
    (
        "/",
        "IAMFullAccess",
        "ANPAI7XKCFMBPM3QQRRVQ",
        "Provides full access to IAM via the AWS Management Console.",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*","organizations:DescribeAccount","organizations:DescribeOrganization","organizations:DescribeOrganizationalUnit","organizations:DescribePolicy","organizations:ListChildren","organizations:ListParents","organizations:ListPoliciesForTarget","organizations:ListRoots","organizations:ListPolicies","organizations:ListTargetsForPolicy"],"Resource":"*"}]}"#,
    ),
    (
        "/",
        "ReadOnlyAccess",
        "ANPAILL3HVNFSB6DCOWYQ",
        "Provides read-only access to AWS services and resources.",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:Generate*","iam:Get*","iam:List*","iam:Simulate*","identitystore:Describe*","identitystore:Get*","identitystore:IsMemberInGroups","identitystore:List*","organizations:Describe*","organizations:List*","sqs:Get*","sqs:List*","sqs:Receive*","sso:Describe*","sso:Get*","sso:List*","sso:Search*","sts:GetAccessKeyInfo","sts:GetCallerIdentity","sts:GetSessionToken"],"Resource":"*"}]}"#,
    ),
    (
        "/",
        "SecurityAudit",
        "ANPAIX2T3QCXHR2OGGCTO",
        "The security audit template grants access to read security configuration metadata. It is useful for software that audits the configuration of an AWS account.",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GenerateCredentialReport","iam:GenerateServiceLastAccessedDetails","iam:Get*","iam:List*","iam:SimulateCustomPolicy","iam:SimulatePrincipalPolicy","identitystore:Describe*","identitystore:List*","organizations:Describe*","organizations:List*","sqs:GetQueueAttributes","sqs:ListQueues","sso:Describe*","sso:List*"],"Resource":"*"}]}"#,
    ),
    (
        "/job-function/",
        "ViewOnlyAccess",
        "ANPAID22R6XPJATWOFDK6",
        "This policy grants permissions to view resources and basic metadata across all AWS services.",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:List*","iam:GetAccountSummary","iam:GetLoginProfile","organizations:List*","sqs:ListQueues"],"Resource":"*"}]}"#,
    ),
    (
        "/",
        "IAMUserChangePassword",
        "ANPAJ4L4MM2A7QIEB56MS",
        "Provides the ability for an IAM user to change their own password.",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:ChangePassword"],"Resource":["arn:aws:iam::*:user/${aws:username}"]},{"Effect":"Allow","Action":["iam:GetAccountPasswordPolicy"],"Resource":"*"}]}"#,
    ),
];

/// The ARN of the managed policy an entity would have in an account.
pub(crate) fn managed_arn(account: &str, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:policy{path}{name}")
}
