//! Keys, roles, and what they may do.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use stint_iam_policy::{
    Caller, Context, Features, IamScope, Identity, Own, Policy, UserLife, trust_policy,
};

use crate::estate::{BEGINNING, Estate};
use crate::facts::Keys;
use crate::held::{AllHeld, Document, Held, ManagedPolicies};
use crate::iam::{Credentials, Entity, IamRole, IamUser};
use crate::ids::Seeded;
use crate::journal::Party;
use crate::past::Book;
use crate::wire::{ApiError, Authorization, Service};

/// Which clock judges a key's signatures and expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judge {
    Virtual,
    Wall,
    /// Of credentials a person gets from the portal: their tools sign by the wall clock, tests
    /// by the virtual one. A signature may be right by either; everything else is by the
    /// virtual clock.
    Either,
}

/// The two clocks at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) at: i64,
    pub(crate) wall: i64,
}

impl Moment {
    pub(crate) fn by(self, judge: Judge) -> i64 {
        match judge {
            Judge::Virtual | Judge::Either => self.at,
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
    /// What a session is narrowed to; it may do what one of these allows.
    pub(crate) session_policies: Option<Vec<Document>>,
    pub(crate) source_identity: Option<String>,
    /// Of temporary credentials: when they were handed out.
    pub(crate) issued_at: Option<i64>,
    pub(crate) tags: Vec<(String, String)>,
    /// Keys of the tags that go on to further sessions.
    pub(crate) transitive: Vec<String>,
    /// Since when somebody is known to have shown a device.
    pub(crate) mfa_at: Option<i64>,
    /// Whether a session of a role opened this one (AWS reference §4).
    pub(crate) chained: bool,
    /// The person of the identity store behind a session that the portal opened.
    pub(crate) store_user: Option<String>,
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
    /// Somebody an IAM user vouches for.
    Federated {
        arn: String,
        account: String,
        /// `AIDA…` of the user.
        user: String,
        user_arn: String,
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
            session_policies: None,
            source_identity: None,
            issued_at: None,
            tags: Vec::new(),
            transitive: Vec::new(),
            mfa_at: None,
            chained: false,
            store_user: None,
        }
    }

    pub(crate) fn arn(&self) -> &str {
        match &self.holder {
            Holder::User { arn, .. }
            | Holder::Session { arn, .. }
            | Holder::Federated { arn, .. } => arn,
        }
    }

    /// The id of the user or role whose policies count.
    pub(crate) fn owner(&self) -> &str {
        match &self.holder {
            Holder::User { .. } => &self.user_id,
            Holder::Session { .. } => self.user_id.split(':').next().unwrap_or_default(),
            Holder::Federated { user, .. } => user,
        }
    }

    /// Whether these are an IAM user's own keys.
    pub(crate) fn is_long_term(&self) -> bool {
        self.session_token.is_none()
    }

    pub(crate) fn account(&self) -> &str {
        match &self.holder {
            Holder::User { account, .. }
            | Holder::Session { account, .. }
            | Holder::Federated { account, .. } => account,
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
                Holder::Federated { arn, user_arn, .. } => Identity::FederatedUser {
                    user: user_arn.clone(),
                    session: arn.clone(),
                },
            },
        }
    }

    /// The condition keys every request carries (AWS reference §6.3).
    pub(crate) fn context(&self, organization: Option<&str>, now: i64) -> Context {
        let principal = match &self.holder {
            Holder::User { arn, .. } | Holder::Federated { arn, .. } => arn,
            Holder::Session { role, .. } => role,
        };
        let name = match &self.holder {
            Holder::User { name, .. } => Some(name.clone()),
            Holder::Session { .. } | Holder::Federated { .. } => None,
        };
        let mut context = Context::new()
            .with("aws:PrincipalArn", principal.clone())
            .with("aws:PrincipalAccount", self.account())
            .with(
                "aws:PrincipalType",
                match &self.holder {
                    Holder::User { .. } => "User",
                    Holder::Session { .. } => "AssumedRole",
                    Holder::Federated { .. } => "FederatedUser",
                },
            )
            .with("aws:userid", self.user_id.clone())
            .with("aws:CurrentTime", crate::clock::iso(now))
            .with("aws:EpochTime", now.div_euclid(1_000_000).to_string())
            .with("aws:SecureTransport", "true")
            .with_option("aws:username", name)
            .with_option("aws:SourceIdentity", self.source_identity.clone())
            .with_option("aws:PrincipalOrgID", organization)
            .with_option("aws:TokenIssueTime", self.issued_at.map(crate::clock::iso))
            // In every session Identity Center opens (AWS reference §5.6 [D]).
            .with_option("identitystore:UserId", self.store_user.clone());
        // Absent for a user's own keys (AWS reference §6.3).
        if !self.is_long_term() {
            let shown = if self.mfa_at.is_some() {
                "true"
            } else {
                "false"
            };
            context.set("aws:MultiFactorAuthPresent", [shown.to_owned()]);
        }
        if let Some(at) = self.mfa_at {
            let age = now.saturating_sub(at).div_euclid(1_000_000);
            context.set("aws:MultiFactorAuthAge", [age.to_string()]);
        }
        for (key, value) in &self.tags {
            context.set(&format!("aws:PrincipalTag/{key}"), [value.clone()]);
        }
        context
    }
}

/// Everybody who can call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    pub(crate) keys: Book<String, Key>,
    /// What users, groups and roles hold; whoever is not here may do nothing.
    pub(crate) held: AllHeld,
    pub(crate) managed: ManagedPolicies,
    /// For which services each user and role (by id) called last, when, and where.
    pub(crate) uses: HashMap<String, BTreeMap<&'static str, (i64, String)>>,
}

/// The name of the inline policy the owner of the simulator gives and replaces.
const OWNERS: &str = "Permissions";

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
        let mut access = Access {
            managed: ManagedPolicies::of_aws(BEGINNING),
            ..Access::default()
        };
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
            permissions(
                &management,
                Own::User {
                    arn: None,
                    rotates: true,
                },
            ),
            Judge::Virtual,
            Party::Stint,
        );
        let external_id = format!(
            "stint-{}",
            Seeded::new(estate.seed, "external id", 0).lower(24)
        );
        let mut role = |estate: &mut Estate, account: &str| {
            let arn = format!("arn:aws:iam::{account}:role/{CONNECTOR_ROLE}");
            let mut stream = Seeded::new(estate.seed, &arn, 0);
            let id = format!("AROA{}", stream.upper(17));
            access.permit(&id, permissions(account, Own::Role(arn.clone())));
            estate.iam.add_role(IamRole {
                entity: Entity {
                    account: account.to_owned(),
                    path: "/".to_owned(),
                    name: CONNECTOR_ROLE.to_owned(),
                    id,
                    created_at: BEGINNING,
                    removed: false,
                },
                trust: Document::of(trust_policy(&host.arn, &external_id)),
                description: None,
                longest_session: 3_600,
                tags: Vec::new(),
            });
            arn
        };
        let connector_role = role(estate, &management);
        let ids = estate.accounts.iter().skip(1).map(|account| &account.id);
        let member = ids.clone().nth(1).or_else(|| ids.clone().next()).cloned();
        let member_role = member.map(|account| role(estate, &account));
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

/// What Stint asks for where everything is switched on but the management account's block, so
/// that a call added to the connector without its action fails at once.
fn permissions(account: &str, own: Own) -> Policy {
    let mut features = Features::of("aws", account);
    features.identity_center = true;
    features.faster = true;
    features.account_tags = true;
    features.iam = Some(IamScope::everything());
    features.iam_roles = true;
    features.iam_user_life = Some(UserLife::default());
    features.change_events = Some(format!("arn:aws:sqs:*:{account}:*"));
    features.member_role = Some(CONNECTOR_ROLE.to_owned());
    features.own = own;
    features.policy()
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
            credentials: Credentials::default(),
            judge,
            party,
        };
        self.permit(&user.entity.id, permissions);
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
        if let Some(key) = self.keys.get_mut_unnoticed(&authorization.access_key) {
            key.last_used = Some(Use {
                at,
                service: service.scope(),
                region: authorization.region.clone(),
            });
            let region = authorization.region.clone();
            match self.uses.get_mut(key.owner()) {
                Some(uses) => {
                    uses.insert(service.scope(), (at, region));
                }
                None => {
                    let uses = BTreeMap::from([(service.scope(), (at, region))]);
                    self.uses.insert(key.owner().to_owned(), uses);
                }
            }
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
        let near = |clock: i64| signed.abs_diff(clock) <= window.unsigned_abs();
        let now = if key.judge == Judge::Either && near(moment.wall) {
            moment.wall
        } else {
            now
        };
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

    /// Gives somebody, by id, what the owner of the simulator says, instead of what was said
    /// before.
    pub(crate) fn permit(&mut self, id: &str, permissions: Policy) {
        let held = self.held.get_or_default(id.to_owned());
        held.inline
            .insert(OWNERS.to_owned(), Document::of(permissions));
    }

    /// What somebody holds, by id.
    pub(crate) fn held(&self, id: &str) -> Option<&Held> {
        self.held.get(id)
    }

    /// Everything that was held by or handed out to a user or role ends with it.
    pub(crate) fn gone(&mut self, id: &str) {
        self.held.remove(&id.to_owned());
        for key in self.keys.each_mut(|key| key.owner() == id) {
            key.active = false;
        }
    }
}
