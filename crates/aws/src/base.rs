//! This process as AWS knows it, before it assumes any role.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::config::retry::{RetryConfig, RetryPartition};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use secrecy::{ExposeSecret, SecretString};
use stint_domain::{Clock, ConnectionId, Span};
use tokio::sync::OnceCell;

use crate::clock::SdkClock;
use crate::error::AwsError;
use crate::estate::{Estate, EstateSpec};
use crate::governor::{Ask, Governor, Lane, Service};
use crate::{arn, call};

/// As whom this process calls AWS before assuming anything.
pub enum Base {
    /// Whatever the machine offers: environment, profile, container or instance role.
    Host,
    /// Keys given by hand.
    Keys {
        /// `AKIA…`.
        access_key_id: String,
        /// The secret to it.
        secret_access_key: SecretString,
        /// For temporary keys only.
        session_token: Option<SecretString>,
    },
}

/// How an [`Aws`] is made.
pub struct AwsOptions {
    /// As whom.
    pub base: Base,
    /// The region whose STS is asked.
    pub region: String,
    /// Another address for every service: the simulated AWS.
    pub endpoint: Option<String>,
    /// Another way for calls to leave; the SDK's own when absent.
    pub http: Option<SharedHttpClient>,
    /// By what requests are signed and credentials run out.
    pub clock: Arc<dyn Clock>,
    /// The door every call passes.
    pub governor: Governor,
    /// How long a call may take, connecting included. Must stay below the worker's lease.
    pub timeout: Span,
}

impl AwsOptions {
    /// The real AWS in `us-east-1`, AWS's limits, 20 s a call.
    pub fn new(base: Base, clock: Arc<dyn Clock>) -> Self {
        Self {
            base,
            region: "us-east-1".to_owned(),
            endpoint: None,
            http: None,
            governor: Governor::standard(clock.clone()),
            clock,
            timeout: Span::seconds(20),
        }
    }
}

/// As whom AWS sees a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The AWS account of the caller.
    pub account: String,
    /// The caller's ARN; for a role, that of the session.
    pub arn: String,
    /// The unique id behind the ARN.
    pub user_id: String,
    /// AWS's id of the call.
    pub request_id: Option<String>,
}

impl CallerIdentity {
    /// The ARN a trust policy has to name for this caller: a session of a role stands for
    /// its role. A role's path is not part of what AWS tells and is lost.
    pub fn trusted_arn(&self) -> String {
        arn::trusted(&self.arn)
    }

    /// Whether it is the root user of its account.
    pub fn is_root(&self) -> bool {
        self.resource() == Some("root")
    }

    /// Whether it is an IAM user: one that can have access keys and a console password.
    pub fn is_user(&self) -> bool {
        self.resource()
            .is_some_and(|rest| rest.starts_with("user/"))
    }

    fn resource(&self) -> Option<&str> {
        let mut parts = self.arn.splitn(6, ':');
        (parts.nth(2)? == "iam").then(|| parts.nth(2))?
    }
}

struct Inner {
    options: AwsOptions,
    base: OnceCell<SharedCredentialsProvider>,
    sts: OnceCell<aws_sdk_sts::Client>,
    estates: Mutex<HashMap<ConnectionId, Estate>>,
}

/// The process's way to AWS. Clones share everything.
#[derive(Clone)]
pub struct Aws(Arc<Inner>);

/// The budget of calls made as the base identity.
const SCOPE: &str = "base";
const IDENTITY: &str = "sts:GetCallerIdentity";

impl Aws {
    /// Makes no call yet.
    pub fn new(options: AwsOptions) -> Self {
        Self(Arc::new(Inner {
            options,
            base: OnceCell::new(),
            sts: OnceCell::new(),
            estates: Mutex::default(),
        }))
    }

    /// As whom this process calls AWS: needs no permission (AWS reference §4).
    pub async fn base_identity(&self) -> Result<CallerIdentity, AwsError> {
        let sts = self.sts().await;
        let send = || sts.get_caller_identity().send();
        let ask = self.base_ask(Lane::Interactive);
        let answer = call::repeated(self.governor(), ask, IDENTITY, send).await?;
        call::caller(&answer)
    }

    /// One estate. The same `spec` gets the same credentials, kept until near their end;
    /// another spec for a connection replaces the former.
    pub fn estate(&self, spec: EstateSpec) -> Estate {
        let mut estates = self
            .0
            .estates
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match estates.get(&spec.connection) {
            Some(known) if *known.spec() == spec => known.clone(),
            _ => {
                let estate = Estate::new(self.clone(), spec.clone());
                estates.insert(spec.connection, estate.clone());
                estate
            }
        }
    }

    /// Forgets the credentials of an estate: its connection was removed.
    pub fn forget(&self, connection: ConnectionId) {
        let estates = self.0.estates.lock();
        let mut estates = estates.unwrap_or_else(PoisonError::into_inner);
        estates.remove(&connection);
    }

    /// Whether calls go to another address than AWS's: the simulated AWS.
    pub fn is_simulated(&self) -> bool {
        self.0.options.endpoint.is_some()
    }

    /// The door every call passes.
    pub fn governor(&self) -> &Governor {
        &self.0.options.governor
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.options.clock
    }

    pub(crate) fn base_ask(&self, lane: Lane) -> Ask<'static> {
        Ask {
            scope: SCOPE,
            lane,
            service: Service::Sts,
            account: None,
        }
    }

    /// The credentials of the base identity.
    pub(crate) async fn base(&self) -> SharedCredentialsProvider {
        let options = &self.0.options;
        let provider = self.0.base.get_or_init(|| async {
            match &options.base {
                Base::Host => {
                    let chain = DefaultCredentialsChain::builder();
                    let chain = chain.region(Region::new(options.region.clone()));
                    SharedCredentialsProvider::new(chain.build().await)
                }
                Base::Keys {
                    access_key_id,
                    secret_access_key,
                    session_token,
                } => fixed(
                    access_key_id,
                    secret_access_key.expose_secret(),
                    session_token.as_ref().map(|t| t.expose_secret().to_owned()),
                ),
            }
        });
        provider.await.clone()
    }

    /// STS as the base identity.
    pub(crate) async fn sts(&self) -> aws_sdk_sts::Client {
        let client = self.0.sts.get_or_init(|| async {
            let config = self.config(self.base().await, &self.0.options.region);
            let config = aws_sdk_sts::config::Builder::from(&config)
                .retry_partition(RetryPartition::new(format!("stint-{SCOPE}")));
            aws_sdk_sts::Client::from_conf(config.build())
        });
        client.await.clone()
    }

    /// What all clients have in common: our clock, no retries of the SDK's own, timeouts.
    pub(crate) fn config(&self, provider: SharedCredentialsProvider, region: &str) -> SdkConfig {
        let options = &self.0.options;
        let limit = Duration::from_micros(options.timeout.as_micros().unsigned_abs());
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(limit.min(Duration::from_secs(5)))
            .operation_timeout(limit)
            .build();
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(region.to_owned()))
            .credentials_provider(provider)
            .time_source(SdkClock(options.clock.clone()))
            .sleep_impl(TokioSleep::new())
            .retry_config(RetryConfig::standard().with_max_attempts(1))
            // The SDK would learn from AWS's answers how far our clock is off and move the
            // time it signs with, also where we pinned it: a write signed with its intent's
            // time would leave with the present, and AWS would take it however old it is.
            .disable_clock_skew_correction(true)
            // The timeout above ends a stalled answer; this one measures by the time source,
            // which may stand still.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .timeout_config(timeouts);
        config.set_app_name(AppName::new("stint").ok());
        config.set_endpoint_url(options.endpoint.clone());
        config.set_http_client(options.http.clone());
        config.build()
    }
}

/// Keys that stay as they are. No expiry for the SDK: ours is the clock that replaces them.
pub(crate) fn fixed(id: &str, secret: &str, token: Option<String>) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new(id, secret, token, None, "stint"))
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws")
            .field("region", &self.0.options.region)
            .field("endpoint", &self.0.options.endpoint)
            .finish_non_exhaustive()
    }
}
