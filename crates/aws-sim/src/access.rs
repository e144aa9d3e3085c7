//! Keys, roles, and what they may do.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use stint_iam_policy::{
    Caller, Context, Identity, Layers, Origin, Policy, Request, ResourceKind, ResourcePolicy,
    Source, Verdict, connector_permissions, judge, own_user_statement, trust_policy,
};

use crate::estate::{BEGINNING, Estate};
use crate::facts::Keys;
use crate::iam::{Entity, IamUser};
use crate::ids::Seeded;
use crate::journal::Party;
use crate::wire::{ApiError, Authorization, Service};

/// Which clock judges a key's signatures and expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judge {
    Virtual,
    Wall,
}

/// The two clocks at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) at: i64,
    pub(crate) wall: i64,
}

impl Moment {
    pub(crate) fn by(self, judge: Judge) -> i64 {
        match judge {
            Judge::Virtual => self.at,
            Judge::Wall => self.wall,
        }
    }
}

/// What signs; shown to nobody.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) secret: Secret,
    pub(crate) judge: Judge,
    pub(crate) party: Party,
    pub(crate) holder: Holder,
    /// `AIDA…`, or `AROA…:<session>`
    pub(crate) user_id: String,
    /// An inactive key is as good as none; sessions are always active.
    pub(crate) active: bool,
    pub(crate) created_at: i64,
    pub(crate) last_used: Option<Use>,
    pub(crate) session_token: Option<String>,
    pub(crate) expires_at: Option<i64>,
    pub(crate) session_policy: Option<Policy>,
    pub(crate) source_identity: Option<String>,
}

/// When and for what a key was used last (AWS reference §1.1).
#[derive(Debug, Clone)]
pub(crate) struct Use {
    pub(crate) at: i64,
    pub(crate) service: &'static str,
    pub(crate) region: String,
}

#[derive(Debug, Clone)]
pub(crate) enum Holder {
    User {
        arn: String,
        account: String,
        name: String,
    },
    Session {
        role: String,
        arn: String,
        account: String,
    },
}

impl Holder {
    fn of_user(user: &IamUser) -> Holder {
        Holder::User {
            arn: user.arn(),
            account: user.entity.account.clone(),
            name: user.entity.name.clone(),
        }
    }
}

impl Key {
    /// A new access key of an IAM user.
    pub(crate) fn of_user(user: &IamUser, secret: String, created_at: i64) -> Key {
        Key {
            secret: Secret(secret),
            judge: user.judge,
            party: user.party,
            holder: Holder::of_user(user),
            user_id: user.entity.id.clone(),
            active: true,
            created_at,
            last_used: None,
            session_token: None,
            expires_at: None,
            session_policy: None,
            source_identity: None,
        }
    }

    pub(crate) fn arn(&self) -> &str {
        match &self.holder {
            Holder::User { arn, .. } | Holder::Session { arn, .. } => arn,
        }
    }

    pub(crate) fn account(&self) -> &str {
        match &self.holder {
            Holder::User { account, .. } | Holder::Session { account, .. } => account,
        }
    }

    pub(crate) fn is_session(&self) -> bool {
        matches!(self.holder, Holder::Session { .. })
    }

    pub(crate) fn caller(&self) -> Caller {
        Caller {
            account: self.account().to_owned(),
            identity: match &self.holder {
                Holder::User { arn, .. } => Identity::User { arn: arn.clone() },
                Holder::Session { role, arn, .. } => Identity::Session {
                    role: role.clone(),
                    session: arn.clone(),
                },
            },
        }
    }

    /// The condition keys every request carries (AWS reference §6.3).
    pub(crate) fn context(&self, organization: Option<&str>, now: i64) -> Context {
        let principal = match &self.holder {
            Holder::User { arn, .. } => arn,
            Holder::Session { role, .. } => role,
        };
        let name = match &self.holder {
            Holder::User { name, .. } => Some(name.clone()),
            Holder::Session { .. } => None,
        };
        Context::new()
            .with("aws:PrincipalArn", principal.clone())
            .with("aws:PrincipalAccount", self.account())
            .with(
                "aws:PrincipalType",
                if self.is_session() {
                    "AssumedRole"
                } else {
                    "User"
                },
            )
            .with("aws:userid", self.user_id.clone())
            .with("aws:CurrentTime", crate::clock::iso(now))
            .with("aws:EpochTime", now.div_euclid(1_000_000).to_string())
            .with("aws:SecureTransport", "true")
            .with_option("aws:username", name)
            .with_option("aws:SourceIdentity", self.source_identity.clone())
            .with_option("aws:PrincipalOrgID", organization)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) account: String,
    /// Without its path.
    pub(crate) name: String,
    /// `AROA…`
    pub(crate) id: String,
    pub(crate) trust: Policy,
    pub(crate) permissions: Policy,
    pub(crate) longest_session: i64,
}

/// Everybody who can call.
#[derive(Debug, Default)]
pub(crate) struct Access {
    pub(crate) keys: HashMap<String, Key>,
    /// By ARN.
    pub(crate) roles: BTreeMap<String, Role>,
    /// What IAM users may do, by their ids; whoever is not here may do nothing.
    pub(crate) users_may: HashMap<String, Policy>,
}

/// The people and roles of a fresh estate, and what to tell about them.
pub(crate) struct Founding {
    pub(crate) access: Access,
    pub(crate) admin: Keys,
    pub(crate) host: Keys,
    pub(crate) connector_user: Keys,
    pub(crate) connector_role: String,
    pub(crate) connector_external_id: String,
    pub(crate) member_role: Option<String>,
}

const CONNECTOR_ROLE: &str = "StintConnector";
const CONNECTOR_USER: &str = "stint-connector";

impl Founding {
    pub(crate) fn of(estate: &mut Estate) -> Founding {
        let mut access = Access::default();
        let management = estate.management().to_owned();
        let all = allow(&["*"]);
        let admin = access.user(
            estate,
            &management,
            "estate-admin",
            all,
            Judge::Wall,
            Party::Admin,
        );
        let may = allow(&["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]);
        let host_account = estate.host_account().to_owned();
        let host = access.user(
            estate,
            &host_account,
            "stint-host",
            may,
            Judge::Virtual,
            Party::Stint,
        );
        let connector_user = access.user(
            estate,
            &management,
            CONNECTOR_USER,
            with_iam_groups(connector_permissions()),
            Judge::Virtual,
            Party::Stint,
        );
        let external_id = format!(
            "stint-{}",
            Seeded::new(estate.seed, "external id", 0).lower(24)
        );
        let mut role = |account: &str| {
            let arn = format!("arn:aws:iam::{account}:role/{CONNECTOR_ROLE}");
            let mut stream = Seeded::new(estate.seed, &arn, 0);
            access.roles.insert(
                arn.clone(),
                Role {
                    account: account.to_owned(),
                    name: CONNECTOR_ROLE.to_owned(),
                    id: format!("AROA{}", stream.upper(17)),
                    trust: trust_policy(&host.arn, &external_id),
                    permissions: connector_permissions(),
                    longest_session: 3_600,
                },
            );
            arn
        };
        let connector_role = role(&management);
        let member = estate
            .accounts
            .iter()
            .skip(1)
            .map(|account| account.id.as_str())
            .nth(1);
        let member = member.or_else(|| estate.accounts.get(1).map(|account| account.id.as_str()));
        let member_role = member.map(&mut role);
        Founding {
            access,
            admin,
            host,
            connector_user,
            connector_role,
            connector_external_id: external_id,
            member_role,
        }
    }
}

/// What IAM needs to be read and its groups changed, beside what Stint asks for today. Only the
/// simulator's own user has it: nobody is asked for rights that Stint does not use.
fn with_iam_groups(mut policy: Policy) -> Policy {
    let iam = allow(&[
        "iam:ListUsers",
        "iam:GetUser",
        "iam:ListGroups",
        "iam:GetGroup",
        "iam:ListGroupsForUser",
        "iam:AddUserToGroup",
        "iam:RemoveUserFromGroup",
    ]);
    policy.statements.extend(iam.statements);
    policy.statements.push(own_user_statement());
    policy
}

/// A policy that allows these actions on everything.
fn allow(actions: &[&str]) -> Policy {
    use stint_iam_policy::{Actions, Effect, Resources, Statement, Version};
    Policy {
        version: Version::V2012,
        id: None,
        statements: vec![Statement {
            sid: None,
            effect: Effect::Allow,
            principals: None,
            actions: Actions {
                negated: false,
                patterns: actions.iter().map(|action| (*action).to_owned()).collect(),
            },
            resources: Some(Resources {
                negated: false,
                patterns: vec!["*".to_owned()],
            }),
            conditions: Vec::new(),
        }],
    }
}

impl Access {
    fn user(
        &mut self,
        estate: &mut Estate,
        account: &str,
        name: &str,
        permissions: Policy,
        judge: Judge,
        party: Party,
    ) -> Keys {
        let mut stream = Seeded::new(estate.seed, name, 0);
        let arn = format!("arn:aws:iam::{account}:user/{name}");
        let keys = Keys {
            access_key_id: format!("AKIA{}", stream.upper(16)),
            secret_access_key: stream.mixed(40),
            arn: arn.clone(),
        };
        let user = IamUser {
            entity: Entity {
                account: account.to_owned(),
                path: "/".to_owned(),
                name: name.to_owned(),
                id: format!("AIDA{}", stream.upper(17)),
                created_at: BEGINNING,
                removed: false,
            },
            tags: Vec::new(),
            keys: vec![keys.access_key_id.clone()],
            login_profile: None,
            judge,
            party,
        };
        self.users_may.insert(user.entity.id.clone(), permissions);
        let key = Key::of_user(&user, keys.secret_access_key.clone(), BEGINNING);
        self.keys.insert(keys.access_key_id.clone(), key);
        estate.iam.add_user(user);
        keys
    }

    /// After a user was given another name or path: its keys speak for it under the new one.
    pub(crate) fn user_moved(&mut self, user: &IamUser) {
        for id in &user.keys {
            if let Some(key) = self.keys.get_mut(id) {
                key.holder = Holder::of_user(user);
            }
        }
    }

    /// Notes what a key was used for.
    pub(crate) fn used(&mut self, authorization: &Authorization, service: Service, at: i64) {
        if let Some(key) = self.keys.get_mut(&authorization.access_key) {
            key.last_used = Some(Use {
                at,
                service: service.scope(),
                region: authorization.region.clone(),
            });
        }
    }

    /// Who signed this, if the key is known and active, its token right and in date, the signing
    /// time near enough to the clock that judges it, and the signature its own.
    pub(crate) fn authenticate(
        &self,
        service: Service,
        authorization: &Authorization,
        moment: Moment,
        window: i64,
    ) -> Result<&Key, ApiError> {
        let key = self
            .keys
            .get(&authorization.access_key)
            .filter(|key| key.active && key.session_token == authorization.session_token)
            .ok_or_else(|| ApiError::unknown_key(service))?;
        let now = moment.by(key.judge);
        if key.expires_at.is_some_and(|end| now >= end) {
            return Err(ApiError::expired_token(service));
        }
        let signed = authorization.signed_at;
        let basic = crate::clock::basic;
        let minutes = window / 60_000_000;
        if signed < now.saturating_sub(window) {
            return Err(ApiError::bad_signature(
                service,
                format!(
                    "Signature expired: {} is now earlier than {} ({} - {minutes} min.)",
                    basic(signed),
                    basic(now.saturating_sub(window)),
                    basic(now)
                ),
            ));
        }
        if signed > now.saturating_add(window) {
            return Err(ApiError::bad_signature(
                service,
                format!(
                    "Signature not yet current: {} is still later than {} ({} + {minutes} min.)",
                    basic(signed),
                    basic(now.saturating_add(window)),
                    basic(now)
                ),
            ));
        }
        if !authorization.signed.is_by(&key.secret.0) {
            return Err(ApiError::signature_mismatch(service));
        }
        Ok(key)
    }

    /// Whether a caller may do this, and why; permissions are looked up anew for every request
    /// (AWS reference §5.1).
    pub(crate) fn verdict(
        &self,
        key: &Key,
        action: &str,
        resource: &str,
        context: &Context,
    ) -> Verdict {
        self.judged(key, action, resource, context, |_| {})
    }

    /// Whether a caller may do this with a role: its trust policy has a say too.
    pub(crate) fn verdict_on_role<'a>(
        &'a self,
        key: &'a Key,
        action: &str,
        role: (&'a str, &'a Role),
        context: &Context,
    ) -> Verdict {
        let (arn, role) = role;
        self.judged(key, action, arn, context, |layers| {
            layers.resource_account = Some(&role.account);
            layers.resource = Some(ResourcePolicy {
                source: Source::of(arn, Origin::Resource, &role.trust),
                kind: ResourceKind::Role,
            });
        })
    }

    fn judged<'a>(
        &'a self,
        key: &'a Key,
        action: &str,
        resource: &str,
        context: &Context,
        more: impl FnOnce(&mut Layers<'a>),
    ) -> Verdict {
        let (permissions, origin) = match &key.holder {
            Holder::User { .. } => (self.users_may.get(&key.user_id), Origin::User),
            Holder::Session { role, .. } => {
                let role = self.roles.get(role);
                (role.map(|role| &role.permissions), Origin::Role)
            }
        };
        let session = key.session_policy.as_ref();
        let mut layers = Layers {
            identity: permissions
                .map(|policy| Source::of("permissions", origin, policy))
                .into_iter()
                .collect(),
            session: session.map(|policy| vec![Source::of("session", Origin::None, policy)]),
            ..Layers::default()
        };
        more(&mut layers);
        let caller = key.caller();
        judge(
            &layers,
            &Request {
                caller: &caller,
                action,
                resource,
                context,
            },
        )
    }
}
