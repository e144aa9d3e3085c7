//! One connection's AWS estate: as whom it is entered, and the clients that speak as them.

mod member;

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use aws_config::{Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::config::retry::RetryPartition;
use aws_sdk_sts::operation::assume_role::AssumeRoleOutput;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::request_id::RequestId;
use stint_domain::{ConnectionId, Span, Time};
use stint_iam_policy::Features;
use tokio::sync::{Mutex, OnceCell};

use crate::arn::RoleArn;
use crate::base::{Aws, CallerIdentity, fixed};
use crate::call;
use crate::clock::time_of;
use crate::error::{AwsError, ErrorKind};
use crate::governor::{Ask, Governor, Lane, Permit, Service};
use crate::queue::POLL_TIMEOUT;
use crate::reach::{AccessKey, Reach};
pub use member::Members;

/// Which estate, and how to get into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EstateSpec {
    /// The connection this is; its budget and its credentials go by it.
    pub connection: ConnectionId,
    /// As whom it is entered.
    pub reach: Reach,
    /// The region of the Identity Center instance.
    pub region: String,
    /// Whether IAM users and groups of the role's own account are Stint's business, too.
    pub iam: bool,
    /// What is switched on: what a test of the connection looks for, and the limits that Stint
    /// itself holds to.
    pub features: Features,
    /// How the IAM of the organization's other accounts is entered, where it is Stint's business.
    pub members: Option<Members>,
    /// How the sessions are named in CloudTrail: 2 to 64 of letters, digits and `_+=,.@-`.
    pub session_name: String,
}

/// The Identity Center instance of an estate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// `arn:aws:sso:::instance/ssoins-…`.
    pub instance_arn: String,
    /// `d-…`.
    pub identity_store_id: String,
    /// The account it lives in: the management account, for an organization's instance.
    pub owner_account: String,
    /// Its home region, where AWS tells it.
    pub primary_region: Option<String>,
    /// AWS's id of the call.
    pub request_id: Option<String>,
}

/// The clients that speak in the estate: as the assumed role, the key's user, or the host.
pub(crate) struct Session {
    number: u64,
    expires: Time,
    pub(crate) sts: aws_sdk_sts::Client,
    pub(crate) organizations: aws_sdk_organizations::Client,
    pub(crate) sso: aws_sdk_ssoadmin::Client,
    pub(crate) store: aws_sdk_identitystore::Client,
    pub(crate) iam: aws_sdk_iam::Client,
    /// What clients of SQS are made of: a queue may be in any region.
    config: SdkConfig,
    queues: StdMutex<HashMap<String, aws_sdk_sqs::Client>>,
}

impl Session {
    /// SQS in a region.
    pub(crate) fn sqs(&self, region: &str) -> aws_sdk_sqs::Client {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let client = queues.entry(region.to_owned()).or_insert_with(|| {
            // A poll waits as long as any other call may take in all.
            let timeouts = TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(5))
                .operation_timeout(POLL_TIMEOUT);
            let config = aws_sdk_sqs::config::Builder::from(&self.config)
                .region(Region::new(region.to_owned()))
                .timeout_config(timeouts.build())
                .retry_partition(RetryPartition::new(format!("stint-sqs-{region}")));
            aws_sdk_sqs::Client::from_conf(config.build())
        });
        client.clone()
    }
}

/// The credentials an estate has now.
type Slot = Arc<Mutex<Option<Arc<Session>>>>;

struct Inner {
    aws: Aws,
    spec: EstateSpec,
    scope: String,
    session: Slot,
    sessions: Arc<AtomicU64>,
    calls: Arc<AtomicU64>,
    account: OnceCell<String>,
    /// Of a member account: through which estate it is entered, and as whom.
    via: Option<member::Via>,
    /// The credentials of the member accounts entered through this one, by account.
    entered: std::sync::Mutex<HashMap<String, Slot>>,
}

/// One AWS estate. Clones share credentials and counters.
#[derive(Clone)]
pub struct Estate(Arc<Inner>);

/// How long before their end credentials are replaced.
const MARGIN: Span = Span::minutes(5);
/// What a session lasts. An hour is what a role may give another role, whatever its own
/// maximum (AWS reference §4, role chaining).
const SESSION_SECONDS: i32 = 3600;
const ASSUME: &str = "sts:AssumeRole";
const IDENTITY: &str = "sts:GetCallerIdentity";

impl Estate {
    pub(crate) fn new(aws: Aws, spec: EstateSpec) -> Self {
        Self(Arc::new(Inner {
            scope: spec.connection.to_string(),
            aws,
            spec,
            session: Slot::default(),
            sessions: Arc::default(),
            calls: Arc::default(),
            account: OnceCell::new(),
            via: None,
            entered: std::sync::Mutex::default(),
        }))
    }

    /// How it is reached.
    pub fn spec(&self) -> &EstateSpec {
        &self.0.spec
    }

    /// Every call that left for this estate so far, sign-ins included; without those for its queues.
    pub fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::Relaxed)
    }

    /// As whom Stint speaks there.
    pub async fn identity(&self) -> Result<CallerIdentity, AwsError> {
        self.identity_in(Lane::Interactive).await
    }

    /// The account whose IAM is read and changed: that of whoever Stint is here. Asked once.
    pub async fn account(&self, lane: Lane) -> Result<String, AwsError> {
        let ask = || async { self.identity_in(lane).await.map(|me| me.account) };
        self.0.account.get_or_try_init(ask).await.cloned()
    }

    pub(crate) async fn identity_in(&self, lane: Lane) -> Result<CallerIdentity, AwsError> {
        let service = Service::Sts;
        let send = |s: &Session| s.sts.get_caller_identity().send();
        let answer = self.look(lane, service, IDENTITY, send).await?;
        call::caller(&answer)
    }

    /// The Identity Center instance in the connection's region. None, or more than one that
    /// could be meant, is an error of kind `Invalid` with code `no_instance`.
    pub async fn instance(&self) -> Result<Instance, AwsError> {
        const LIST: &str = "sso:ListInstances";
        let mut found = Vec::new();
        let mut token: Option<String> = None;
        let mut request_id = None;
        loop {
            let answer = self
                .look(
                    Lane::Interactive,
                    Service::IdentityCenter,
                    LIST,
                    |s: &Session| s.sso.list_instances().set_next_token(token.clone()).send(),
                )
                .await?;
            request_id = answer.request_id().map(str::to_owned).or(request_id);
            found.extend(answer.instances().iter().cloned());
            match answer.next_token() {
                Some(next) if token.as_deref() != Some(next) => token = Some(next.to_owned()),
                _ => break,
            }
        }
        let region = &self.0.spec.region;
        let refuse = |message| {
            let error = AwsError::ours(ErrorKind::Invalid, LIST, "no_instance", message);
            Err(error.about(request_id.clone()))
        };
        match found.as_slice() {
            [] => refuse(format!("there is no Identity Center instance in {region}")),
            [one] => Ok(Instance {
                instance_arn: required(one.instance_arn(), LIST, "InstanceArn")?,
                identity_store_id: required(one.identity_store_id(), LIST, "IdentityStoreId")?,
                owner_account: required(one.owner_account_id(), LIST, "OwnerAccountId")?,
                primary_region: one.primary_region().map(str::to_owned),
                request_id,
            }),
            several => refuse(format!(
                "{} Identity Center instances answer in {region}; only an organization's one instance is supported",
                several.len()
            )),
        }
    }

    /// Becomes the role once, keeping nothing: with the connection's External ID, or without
    /// any, to see whether the role asks for it.
    pub(crate) async fn try_role(
        &self,
        role_arn: &str,
        external_id: Option<&str>,
    ) -> Result<Option<String>, AwsError> {
        let answer = self.assume(role_arn, external_id).await?;
        Ok(answer.request_id().map(str::to_owned))
    }

    /// Makes a call that changes nothing, as the role: again while the failure may pass,
    /// and once more with fresh credentials when AWS calls the present ones expired.
    pub(crate) async fn look<T, E, F, Fut>(
        &self,
        lane: Lane,
        service: Service,
        operation: &'static str,
        send: F,
    ) -> Result<T, AwsError>
    where
        F: Fn(&Session) -> Fut,
        Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        T: RequestId,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let mut tries = call::Tries::default();
        loop {
            match self.send(lane, service, operation, &send).await {
                Ok((answer, _)) => return Ok(answer),
                Err(error) => match tries.again(&error, lane) {
                    Some(tries) => self.governor().back_off(tries).await,
                    None => return Err(error),
                },
            }
        }
    }

    /// Makes one call as the role, and a second time only where the first certainly had no
    /// effect because its credentials had expired.
    pub(crate) async fn send<T, E, F, Fut>(
        &self,
        lane: Lane,
        service: Service,
        operation: &'static str,
        send: F,
    ) -> Result<(T, Permit), AwsError>
    where
        F: Fn(&Session) -> Fut,
        Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        T: RequestId,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let ask = Ask {
            scope: &self.0.scope,
            lane,
            service,
            account: None,
        };
        self.send_as(ask, None, operation, send).await
    }

    /// What a write of assignments on this account asks the governor for.
    pub(crate) fn assignment_write<'a>(&'a self, lane: Lane, account: &'a str) -> Ask<'a> {
        Ask {
            scope: &self.0.scope,
            lane,
            service: Service::IdentityCenter,
            account: Some(account),
        }
    }

    /// Makes one call as [`Estate::send`] does, with a permit that was got for it before or with
    /// one of its own.
    pub(crate) async fn send_as<T, E, F, Fut>(
        &self,
        ask: Ask<'_>,
        mut permit: Option<Permit>,
        operation: &'static str,
        send: F,
    ) -> Result<(T, Permit), AwsError>
    where
        F: Fn(&Session) -> Fut,
        Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        T: RequestId,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let mut stale = None;
        loop {
            let session = match self.session(stale).await {
                Ok(session) => session,
                Err(error) => {
                    if let Some(unused) = permit {
                        unused.ended().await;
                    }
                    return Err(error);
                }
            };
            let counted = || {
                if ask.service != Service::Sqs {
                    self.0.calls.fetch_add(1, Ordering::Relaxed);
                }
                send(&session)
            };
            match call::once(self.governor(), ask, permit.take(), operation, counted).await {
                Err(error) if error.wants_fresh_credentials() && stale.is_none() => {
                    stale = Some(session.number);
                }
                other => return other,
            }
        }
    }

    pub(crate) fn governor(&self) -> &Governor {
        self.0.aws.governor()
    }

    pub(crate) fn aws(&self) -> &Aws {
        &self.0.aws
    }

    pub(crate) fn scope(&self) -> &str {
        &self.0.scope
    }

    pub(crate) fn now(&self) -> Time {
        self.0.aws.clock().now()
    }

    /// The estate's clients: the kept ones, unless near their end or known to be stale.
    pub(crate) async fn session(&self, stale: Option<u64>) -> Result<Arc<Session>, AwsError> {
        let mut kept = self.0.session.lock().await;
        if let Some(session) = kept.as_ref()
            && Some(session.number) != stale
            && session.expires - MARGIN > self.now()
        {
            return Ok(session.clone());
        }
        let session = Arc::new(self.enter().await?);
        *kept = Some(session.clone());
        Ok(session)
    }

    /// Signs in anew. A key and the host's own credentials are looked at once for every
    /// session: in another account than the connection's they would read, and change,
    /// somebody else's estate.
    async fn enter(&self) -> Result<Session, AwsError> {
        if let Some(via) = &self.0.via {
            return via.enter(self).await;
        }
        let expires = self.now() + Span::seconds(i64::from(SESSION_SECONDS));
        let session = match &self.0.spec.reach {
            Reach::Role {
                role_arn,
                external_id,
            } => {
                let answer = self
                    .assume(role_arn, Some(external_id))
                    .await
                    .map_err(|e| e.while_signing_in(ASSUME))?;
                let keys = answer.credentials().ok_or_else(|| {
                    AwsError::unreadable(ASSUME, "Credentials").while_signing_in(ASSUME)
                })?;
                let (id, secret) = (keys.access_key_id(), keys.secret_access_key());
                let token = keys.session_token().to_owned();
                let expires = time_of(keys.expiration());
                return Ok(self.clients(fixed(id, secret, Some(token)), expires));
            }
            Reach::AccessKey(key) => self.clients(key.provider(), expires),
            Reach::Host { .. } => self.clients(self.0.aws.base().await, expires),
        };
        let me = self.speaks_as(&session).await;
        let me = me.map_err(|e| e.while_signing_in(IDENTITY))?;
        match self.0.spec.reach.account() {
            Some(expected) if expected != me.account => Err(AwsError::ours(
                ErrorKind::Credentials,
                IDENTITY,
                "account_mismatch",
                format!(
                    "these credentials belong to AWS account {}, and the connection is to {expected}",
                    me.account
                ),
            )
            .about(me.request_id)),
            _ => Ok(session),
        }
    }

    /// As whom the credentials of this estate speak, before anything is made of them. Only
    /// where no role is assumed.
    pub(crate) async fn own_identity(&self) -> Result<CallerIdentity, AwsError> {
        match &self.0.spec.reach {
            Reach::AccessKey(key) => {
                let session = self.clients(key.provider(), self.now());
                self.speaks_as(&session).await
            }
            Reach::Role { .. } | Reach::Host { .. } => self.0.aws.base_identity().await,
        }
    }

    /// As whom an access key speaks, of an estate entered by another.
    pub(crate) async fn identity_of(&self, key: &AccessKey) -> Result<CallerIdentity, AwsError> {
        let session = self.clients(key.provider(), self.now());
        self.speaks_as(&session).await
    }

    /// The same estate entered by this access key, with nothing kept of it.
    #[must_use]
    pub fn entered_by(&self, key: AccessKey) -> Self {
        let spec = EstateSpec {
            reach: Reach::AccessKey(key),
            ..self.0.spec.clone()
        };
        Self::new(self.0.aws.clone(), spec)
    }

    async fn speaks_as(&self, session: &Session) -> Result<CallerIdentity, AwsError> {
        let ask = Ask {
            scope: &self.0.scope,
            lane: Lane::Revoke,
            service: Service::Sts,
            account: None,
        };
        let send = || {
            self.0.calls.fetch_add(1, Ordering::Relaxed);
            session.sts.get_caller_identity().send()
        };
        call::caller(&call::repeated(self.governor(), ask, IDENTITY, send).await?)
    }

    /// Whoever needs the role needs it at once, and everybody shares it: the call goes in
    /// the most urgent lane.
    async fn assume(
        &self,
        role_arn: &str,
        external_id: Option<&str>,
    ) -> Result<AssumeRoleOutput, AwsError> {
        let role = RoleArn::parse(role_arn).map_err(|e| {
            AwsError::ours(
                ErrorKind::Invalid,
                ASSUME,
                "malformed_role_arn",
                e.to_string(),
            )
        })?;
        let sts = self.0.aws.sts().await;
        let send = || {
            self.0.calls.fetch_add(1, Ordering::Relaxed);
            sts.assume_role()
                .role_arn(role.as_str())
                .role_session_name(&self.0.spec.session_name)
                .set_external_id(external_id.map(str::to_owned))
                .duration_seconds(SESSION_SECONDS)
                .send()
        };
        call::repeated(
            self.governor(),
            self.0.aws.base_ask(Lane::Revoke),
            ASSUME,
            send,
        )
        .await
    }

    fn clients(&self, provider: SharedCredentialsProvider, expires: Time) -> Session {
        let config = self.0.aws.config(provider, &self.0.spec.region);
        let partition = || RetryPartition::new(format!("stint-{}", self.0.scope));
        let iam = aws_sdk_iam::config::Builder::from(&config).retry_partition(partition());
        let sts = aws_sdk_sts::config::Builder::from(&config).retry_partition(partition());
        let organizations =
            aws_sdk_organizations::config::Builder::from(&config).retry_partition(partition());
        let sso = aws_sdk_ssoadmin::config::Builder::from(&config).retry_partition(partition());
        let store =
            aws_sdk_identitystore::config::Builder::from(&config).retry_partition(partition());
        Session {
            number: self.0.sessions.fetch_add(1, Ordering::Relaxed),
            expires,
            iam: aws_sdk_iam::Client::from_conf(iam.build()),
            sts: aws_sdk_sts::Client::from_conf(sts.build()),
            organizations: aws_sdk_organizations::Client::from_conf(organizations.build()),
            sso: aws_sdk_ssoadmin::Client::from_conf(sso.build()),
            store: aws_sdk_identitystore::Client::from_conf(store.build()),
            config,
            queues: StdMutex::default(),
        }
    }
}

impl fmt::Debug for Estate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Estate").field(&self.0.spec).finish()
    }
}

/// A field AWS promises to send.
pub(crate) fn required(
    value: Option<&str>,
    operation: &'static str,
    what: &str,
) -> Result<String, AwsError> {
    value
        .map(str::to_owned)
        .ok_or_else(|| AwsError::unreadable(operation, what))
}
