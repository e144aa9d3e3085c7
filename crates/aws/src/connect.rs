//! Test Connection: whether a connection works, and what would mend it.
//!
//! How it is entered decides what is looked at first: a role here, keys in `keys`. What the
//! estate itself has to offer is the same for all.
//!
//! Changes nothing in AWS. It says no more than AWS tells: an `AccessDenied` on AssumeRole
//! is the same for a missing role, a wrong External ID, another principal in the trust
//! policy and a service control policy, so all are named, in order of likelihood.

mod keys;
mod members;
mod permissions;
mod policies;
mod probes;
mod regions;

pub use permissions::{Able, ActionCheck};

use probes::Samples;

use crate::arn::RoleArn;
use crate::base::CallerIdentity;
use crate::error::{AwsError, ErrorKind};
use crate::estate::{Estate, Instance, Session};
use crate::governor::{Lane, Service};
use crate::queue::Queue;
use crate::reach::Reach;
use aws_types::request_id::RequestId;

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// It works, but somebody should look at it.
    Warning,
    /// It does not work.
    Failed,
}

impl Outcome {
    /// The stable word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// One line of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at. By role: `role_arn`, `base_identity`, `assume_role`, `external_id`;
    /// by keys: `identity`, `console`, `access_key`; then `account`, `organization`,
    /// `identity_center`, and `iam` where that is switched on; at last, of what it may do,
    /// `least_privilege`, `iam_groups`, `permissions` and `conditions`.
    pub name: &'static str,
    /// What it came to.
    pub outcome: Outcome,
    /// What was found.
    pub what: String,
    /// What to do about it.
    pub mend: Option<String>,
    /// AWS's ids of the calls made.
    pub request_ids: Vec<String>,
}

/// What a test of a connection found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestReport {
    /// The checks, in the order they were made. A check whose ground failed is left out.
    pub checks: Vec<Check>,
    /// The account Stint speaks in, once known.
    pub account: Option<String>,
    /// The organization's management account, once known.
    pub management_account: Option<String>,
    /// The Identity Center instance, once known.
    pub instance: Option<Instance>,
    /// The user or role whose policies decide, by its ARN, once known.
    pub principal: Option<String>,
    /// Every action that is needed for what is switched on, and whether it may be called.
    pub actions: Vec<ActionCheck>,
}

impl TestReport {
    /// Whether nothing failed. Warnings are no failures.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|c| c.outcome != Outcome::Failed)
    }

    /// The check of that name.
    pub fn check(&self, name: &str) -> Option<&Check> {
        self.checks.iter().find(|c| c.name == name)
    }

    fn add(&mut self, name: &'static str, outcome: Outcome, what: impl Into<String>) -> &mut Check {
        let what = what.into();
        self.checks.push(Check {
            name,
            outcome,
            what,
            mend: None,
            request_ids: Vec::new(),
        });
        self.checks.last_mut().expect("a check was just added")
    }

    fn failed(&mut self, name: &'static str, error: &AwsError, mend: impl Into<String>) {
        let check = self.add(name, Outcome::Failed, error.to_string());
        check.mend = Some(mend.into());
        check.request_ids.extend(error.request_id.clone());
    }
}

impl Check {
    fn mend(&mut self, text: impl Into<String>) -> &mut Self {
        self.mend = Some(text.into());
        self
    }

    fn asked(&mut self, request_id: Option<String>) -> &mut Self {
        self.request_ids.extend(request_id);
        self
    }
}

const ORGANIZATION: &str = "organizations:DescribeOrganization";
const ACCOUNTS: &str = "organizations:ListAccounts";
const SETS: &str = "sso:ListPermissionSets";

impl Estate {
    /// Tries the connection, from the form of what was typed to the Identity Center
    /// instance. Never fails: what does not work is in the report.
    pub async fn test(&self) -> TestReport {
        self.test_hearing(None).await
    }

    /// The same; the table of actions has those, too, that the queue needs which tells of changes. Where
    /// they are missing, that is a warning.
    pub async fn test_hearing(&self, queue: Option<&Queue>) -> TestReport {
        let mut report = TestReport::default();
        let entered = match &self.spec().reach {
            Reach::Role {
                role_arn,
                external_id,
            } => self.test_way_in(&mut report, role_arn, external_id).await,
            Reach::AccessKey(key) => self.test_keys(&mut report, &key.account, Some(key)).await,
            Reach::Host { account } => self.test_keys(&mut report, account, None).await,
        };
        if entered {
            self.test_organization(&mut report).await;
            let samples = self.test_identity_center(&mut report).await;
            if self.spec().iam {
                self.test_iam(&mut report).await;
            }
            self.test_members(&mut report).await;
            self.test_permissions(&mut report, samples, queue).await;
        }
        report
    }

    /// Who has to be allowed what, in a sentence.
    fn who(&self) -> &'static str {
        match self.spec().reach {
            Reach::Role { .. } => "the role",
            Reach::AccessKey(_) => "the IAM user",
            Reach::Host { .. } => "the identity of this host",
        }
    }

    async fn test_way_in(
        &self,
        report: &mut TestReport,
        role_arn: &str,
        external_id: &str,
    ) -> bool {
        let role = match RoleArn::parse(role_arn) {
            Ok(role) => role,
            Err(error) => {
                // Before any call.
                let check = report.add("role_arn", Outcome::Failed, error.to_string());
                check.mend("Correct the Role ARN of this connection.");
                return false;
            }
        };
        report.add(
            "role_arn",
            Outcome::Ok,
            format!("{role} is a well-formed role ARN"),
        );
        let base = match self.aws().base_identity().await {
            Ok(base) => base,
            Err(error) => {
                report.failed("base_identity", &error, base_mend(&error));
                return false;
            }
        };
        let check = report.add(
            "base_identity",
            Outcome::Ok,
            format!("Stint calls AWS as {} (account {})", base.arn, base.account),
        );
        check.asked(base.request_id.clone());
        if !self.test_role(report, &base, &role, external_id).await {
            return false;
        }
        self.test_account(report, &role).await;
        true
    }

    /// With the External ID it must work, without one it must not.
    async fn test_role(
        &self,
        report: &mut TestReport,
        base: &CallerIdentity,
        role: &RoleArn,
        external_id: &str,
    ) -> bool {
        match self.try_role(role.as_str(), Some(external_id)).await {
            Ok(request_id) => {
                let what = format!("{role} can be assumed with the External ID");
                report
                    .add("assume_role", Outcome::Ok, what)
                    .asked(request_id);
            }
            Err(error) if error.kind == ErrorKind::Denied => {
                report.failed("assume_role", &error, self.denied(base, role, external_id));
                return false;
            }
            Err(error) => {
                report.failed("assume_role", &error, sign_in_mend(&error));
                return false;
            }
        }
        match self.try_role(role.as_str(), None).await {
            Ok(request_id) => {
                let what = format!(
                    "{role} can also be assumed without any External ID: whoever can act as {} can be \
                     made to use this role for somebody else",
                    base.trusted_arn()
                );
                let mend = format!(
                    "Replace the role's trust policy by this one, which asks for the External ID:\n{}",
                    trust_policy(base, external_id)
                );
                report
                    .add("external_id", Outcome::Warning, what)
                    .mend(mend)
                    .asked(request_id);
            }
            Err(error) if error.kind == ErrorKind::Denied => {
                let what = "the role refuses callers without the External ID";
                report
                    .add("external_id", Outcome::Ok, what)
                    .asked(error.request_id);
            }
            Err(error) => {
                let what =
                    format!("could not see whether the role asks for the External ID: {error}");
                let check = report.add("external_id", Outcome::Warning, what);
                check
                    .mend("Test the connection again.")
                    .asked(error.request_id);
            }
        }
        true
    }

    async fn test_account(&self, report: &mut TestReport, role: &RoleArn) {
        match self.identity().await {
            Ok(me) if me.account == role.account() => {
                let what = format!(
                    "the role is in AWS account {} and speaks as {}",
                    me.account, me.arn
                );
                report
                    .add("account", Outcome::Ok, what)
                    .asked(me.request_id);
                report.account = Some(me.account);
                report.principal = Some(role.to_string());
            }
            Ok(me) => {
                let what = format!(
                    "the ARN names account {}, but AWS says the role speaks for account {}",
                    role.account(),
                    me.account
                );
                let mend = "Check the endpoint this Stint is set to, and the Role ARN.";
                report
                    .add("account", Outcome::Failed, what)
                    .mend(mend)
                    .asked(me.request_id);
            }
            Err(error) => report.failed("account", &error, "Test the connection again."),
        }
    }

    /// Whether the role stands where it can see the whole organization.
    async fn test_organization(&self, report: &mut TestReport) {
        let lane = Lane::Interactive;
        let describe = |s: &Session| s.organizations.describe_organization().send();
        let described = self
            .look(lane, Service::Organizations, ORGANIZATION, describe)
            .await;
        let mut request_ids = Vec::new();
        match described {
            Ok(answer) => {
                request_ids.extend(answer.request_id().map(str::to_owned));
                let organization = answer.organization();
                report.management_account = organization
                    .and_then(|o| o.master_account_id())
                    .map(str::to_owned);
            }
            Err(error) if error.code == "AWSOrganizationsNotInUseException" => {
                let mend = "Connect the management account of an organization: Identity Center \
                            assignments to accounts exist only there.";
                report.failed("organization", &error, mend);
                return;
            }
            // Older permission policies lack this action; the listing tells as well.
            Err(error) => request_ids.extend(error.request_id),
        }
        let list = |s: &Session| s.organizations.list_accounts().max_results(1).send();
        match self
            .look(lane, Service::Organizations, ACCOUNTS, list)
            .await
        {
            Ok(answer) => {
                request_ids.extend(answer.request_id().map(str::to_owned));
                let named = answer.accounts().first().and_then(|a| a.arn());
                let named = named
                    .and_then(|arn| arn.split(':').nth(4))
                    .map(str::to_owned);
                report.management_account = report.management_account.take().or(named);
                let management = report.management_account.clone().unwrap_or_default();
                let own = report.account.as_deref() == Some(management.as_str());
                let what = if own {
                    format!(
                        "{} is in the management account {management} and can list its accounts",
                        self.who()
                    )
                } else {
                    format!(
                        "{} can list the accounts of the organization managed by {management}, as a \
                         delegated administrator",
                        self.who()
                    )
                };
                let outcome = if own { Outcome::Ok } else { Outcome::Warning };
                let check = report.add("organization", outcome, what);
                check.request_ids = request_ids;
                if !own {
                    check.mend(
                        "A delegated administrator may not assign access to the management account, nor any \
                         permission set that is provisioned there. Connect the management account \
                         if Stint shall do that too.",
                    );
                }
            }
            Err(error) => {
                request_ids.extend(error.request_id.clone());
                let mend = match (&report.management_account, &report.account) {
                    (Some(management), Some(own)) if management != own => format!(
                        "Account {own} is a member of the organization; the management account is \
                         {management}. Connect that one, or make {own} a delegated administrator."
                    ),
                    _ => format!(
                        "Allow {} organizations:ListAccounts; it must be in the management account or in a \
                         delegated administrator's.",
                        self.who()
                    ),
                };
                report.failed("organization", &error, mend);
                if let Some(check) = report.checks.last_mut() {
                    check.request_ids = request_ids;
                }
            }
        }
    }

    /// Whether Identity Center can be asked; gives what it showed, to ask about further.
    async fn test_identity_center(&self, report: &mut TestReport) -> Samples {
        let region = self.spec().region.clone();
        let mut samples = Samples::default();
        let instance = match self.instance().await {
            Ok(instance) => instance,
            Err(error) if error.code == "no_instance" => {
                let mend = match self.home_region().await {
                    Some(home) => format!(
                        "Identity Center is in {home}: connect it with that region. This connection has {region}, \
                         and a connection does not change its region; make a new one."
                    ),
                    None => format!(
                        "Set this connection's region to that of the Identity Center instance; it is shown in \
                         the Identity Center console under Settings. Now it is {region}, and no other region \
                         that could be asked has one."
                    ),
                };
                let check = report.add("identity_center", Outcome::Failed, error.message);
                check.mend(mend).asked(error.request_id);
                return samples;
            }
            Err(error) => {
                let mend = format!(
                    "Allow {} sso:ListInstances; it must be in the management account or in Identity Center's \
                     delegated administrator account.",
                    self.who()
                );
                report.failed("identity_center", &error, mend);
                return samples;
            }
        };
        // A harmless probe: a member account sees the instance but may not ask it anything.
        let probe = |s: &Session| {
            let list = s
                .sso
                .list_permission_sets()
                .instance_arn(&instance.instance_arn);
            list.max_results(1).send()
        };
        match self
            .look(Lane::Interactive, Service::IdentityCenter, SETS, probe)
            .await
        {
            Ok(answer) => {
                samples.set = answer.permission_sets().first().cloned();
                let what = format!(
                    "Identity Center instance {} in {region} (identity store {}, account {})",
                    instance.instance_arn, instance.identity_store_id, instance.owner_account
                );
                let elsewhere = instance.primary_region.clone();
                let elsewhere = elsewhere.filter(|primary| *primary != region);
                let outcome = match elsewhere {
                    Some(_) => Outcome::Warning,
                    None => Outcome::Ok,
                };
                let check = report.add("identity_center", outcome, what);
                check.asked(instance.request_id.clone());
                check.asked(answer.request_id().map(str::to_owned));
                if let Some(primary) = elsewhere {
                    check.mend(format!(
                        "{region} has a copy of it; changes belong into its primary region {primary}, and AWS may \
                         refuse them elsewhere. Connect it with that region."
                    ));
                }
                report.instance = Some(instance);
            }
            Err(error) => {
                let mend = kms_note(&error).unwrap_or_else(|| {
                    format!(
                        "The instance belongs to account {}. Allow {who} sso:ListPermissionSets, and let it be in \
                         that account or in Identity Center's delegated administrator account.",
                        instance.owner_account,
                        who = self.who(),
                    )
                });
                report.failed("identity_center", &error, mend);
            }
        }
        samples
    }

    /// Whether IAM's users and groups can be read. Every action is tried that changes nothing;
    /// whether groups may be changed, no harmless call tells.
    async fn test_iam(&self, report: &mut TestReport) {
        match self.probe_iam().await {
            Ok((account, request_ids)) => {
                let what = format!(
                    "the IAM users and groups of account {account} can be read; whether their members may \
                     be changed shows below, or when the first grant does it"
                );
                let check = report.add("iam", Outcome::Ok, what);
                check.request_ids = request_ids;
            }
            Err(error) => {
                let mend = if error.kind == ErrorKind::Denied {
                    format!(
                        "Allow {} in the permission policy of this connection's credential: the one shown for it \
                         has it. Or switch off IAM users and groups for this connection.",
                        error.operation
                    )
                } else {
                    "Test the connection again, or switch off IAM users and groups for it."
                        .to_owned()
                };
                report.failed("iam", &error, mend);
            }
        }
    }

    async fn probe_iam(&self) -> Result<(String, Vec<String>), AwsError> {
        let (lane, service) = (Lane::Interactive, Service::Iam);
        let account = self.account(lane).await?;
        let users = |s: &Session| s.iam.list_users().max_items(1).send();
        let users = self.look(lane, service, "iam:ListUsers", users).await?;
        let groups = |s: &Session| s.iam.list_groups().max_items(1).send();
        let groups = self.look(lane, service, "iam:ListGroups", groups).await?;
        let mut request_ids: Vec<String> = [users.request_id(), groups.request_id()]
            .into_iter()
            .flatten()
            .map(str::to_owned)
            .collect();
        if let Some(group) = groups.groups().first() {
            let get = |s: &Session| {
                let get = s.iam.get_group().group_name(group.group_name());
                get.max_items(1).send()
            };
            let answer = self.look(lane, service, "iam:GetGroup", get).await?;
            request_ids.extend(answer.request_id().map(str::to_owned));
        }
        Ok((account, request_ids))
    }

    fn denied(&self, base: &CallerIdentity, role: &RoleArn, external_id: &str) -> String {
        format!(
            "AWS gives the same answer to all of these; look at them in this order:\n\
             1. The role does not exist in account {account}, or has another name or path.\n\
             2. Its trust policy asks for another External ID than {external_id}.\n\
             3. Its trust policy does not name {base} (a trust policy that names a role or user deleted and \
             created again has to be saved anew).\n\
             4. {base} itself is not allowed sts:AssumeRole on {role}.\n\
             5. A service control policy of the organization forbids it.\n\
             The trust policy the role needs:\n{policy}",
            account = role.account(),
            base = base.trusted_arn(),
            policy = trust_policy(base, external_id),
        )
    }
}

/// What to do where Identity Center is encrypted with a key of the customer's own and the key is
/// why it failed: AWS says so in `Reason` (AWS reference §1.0.1 [M]).
fn kms_note(error: &AwsError) -> Option<String> {
    let reason = error.reason().filter(|it| it.starts_with("KMS_"))?;
    let why = match reason {
        "KMS_AccessDeniedException" => {
            "Name the key in the settings of this connection (KMS key), replace the permission policy by the one \
             that then allows kms:Decrypt on it, and let the key's own policy allow that too"
        }
        "KMS_DisabledException" => "The key is disabled: enable it in KMS",
        "KMS_NotFoundException" => {
            "The key does not exist any more: nothing of this Identity Center can be read without it"
        }
        "KMS_InvalidStateException" | "KMS_InvalidKeyUsageException" => {
            "The key cannot be used as it is: look at its state in KMS; one that is to be deleted can be restored"
        }
        _ => "Look at the key in KMS, and test the connection again",
    };
    Some(format!(
        "This Identity Center is encrypted with a KMS key of your own ({reason}). {why}."
    ))
}

fn trust_policy(base: &CallerIdentity, external_id: &str) -> String {
    stint_iam_policy::trust_policy(&base.trusted_arn(), external_id).to_text()
}

fn base_mend(error: &AwsError) -> &'static str {
    match error.kind {
        ErrorKind::Unreachable => {
            "AWS did not answer. Check the network, proxy and endpoint of this machine."
        }
        ErrorKind::ClockSkew => "This machine's clock is wrong. Set it, best with NTP.",
        _ => {
            "Give this Stint process AWS credentials: a role of the machine or container, or keys in its \
             environment."
        }
    }
}

fn sign_in_mend(error: &AwsError) -> &'static str {
    match error.kind {
        ErrorKind::Unreachable | ErrorKind::Internal | ErrorKind::Throttled => {
            "AWS did not answer as it should. Test the connection again in a minute."
        }
        ErrorKind::Credentials | ErrorKind::Expired => {
            "AWS does not accept the credentials of this Stint process. Renew them."
        }
        ErrorKind::ClockSkew => "This machine's clock is wrong. Set it, best with NTP.",
        _ => "Correct what AWS names and test the connection again.",
    }
}
