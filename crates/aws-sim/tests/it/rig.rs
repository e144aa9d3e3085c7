//! A simulated AWS and SDK clients for everybody in it.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::config::{BehaviorVersion, Region};
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use stint_aws_sim::{EstateSpec, Facts, Keys, Sim, SimClock, SimOptions};
use tokio::net::TcpListener;

/// 2026-01-02T03:04:05Z
pub(crate) const START: i64 = 1_767_323_045_000_000;
pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;

/// Runs one test over both ways in.
macro_rules! both {
    ($name:ident, $spec:expr, |$rig:ident| $body:block) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn run($rig: crate::rig::Rig) $body

            #[tokio::test]
            async fn in_memory() {
                run(crate::rig::Rig::in_memory($spec)).await;
            }

            #[tokio::test]
            async fn over_tcp() {
                run(crate::rig::Rig::over_tcp($spec).await).await;
            }
        }
    };
}
pub(crate) use both;

pub(crate) struct Rig {
    pub(crate) sim: Sim,
    pub(crate) facts: Facts,
    pub(crate) clock: SimClock,
    url: String,
    tcp: bool,
}

/// The SDK's clients for one caller.
#[derive(Clone)]
pub(crate) struct Clients {
    pub(crate) sts: aws_sdk_sts::Client,
    pub(crate) organizations: aws_sdk_organizations::Client,
    pub(crate) sso: aws_sdk_ssoadmin::Client,
    pub(crate) store: aws_sdk_identitystore::Client,
    pub(crate) iam: aws_sdk_iam::Client,
}

#[derive(Debug)]
struct Virtual(SimClock);

impl TimeSource for Virtual {
    fn now(&self) -> SystemTime {
        let micros = u64::try_from(self.0.now_micros()).expect("after 1970");
        SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
    }
}

const EVERYTHING: &str = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow",
    "Action": ["organizations:*", "sso:*", "identitystore:*", "iam:List*", "iam:Get*", "iam:*UserToGroup", "iam:*UserFromGroup"], "Resource": "*"}}"#;

/// Twelve accounts, sixty assignments; nothing fills a page.
pub(crate) fn small() -> EstateSpec {
    EstateSpec {
        seed: 11,
        accounts: 12,
        permission_sets: 10,
        users: 40,
        groups: 8,
        memberships: 60,
        assignments: 60,
        iam_users: 0,
        iam_groups: 0,
        iam_roles: 0,
        iam_memberships: 0,
    }
}

impl Rig {
    pub(crate) fn in_memory(spec: EstateSpec) -> Rig {
        let clock = SimClock::frozen(START);
        let sim = Sim::new(SimOptions::new(spec, clock.clone())).expect("an estate");
        Rig::of(sim, clock)
    }

    /// Around one that is there, with a clock of its own.
    pub(crate) fn of(sim: Sim, clock: SimClock) -> Rig {
        Rig {
            facts: sim.facts(),
            sim,
            clock,
            url: "http://aws.sim".to_owned(),
            tcp: false,
        }
    }

    pub(crate) async fn over_tcp(spec: EstateSpec) -> Rig {
        let mut rig = Rig::in_memory(spec);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        rig.url = format!("http://{}", listener.local_addr().expect("an address"));
        rig.tcp = true;
        let sim = rig.sim.clone();
        tokio::spawn(async move { sim.serve(listener).await });
        rig
    }

    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").expect("plain HTTP")
    }

    pub(crate) fn config(&self, credentials: Credentials, on_virtual_time: bool) -> SdkConfig {
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-central-1"))
            .endpoint_url(&self.url)
            .retry_config(RetryConfig::disabled())
            .credentials_provider(SharedCredentialsProvider::new(credentials));
        if on_virtual_time {
            config = config.time_source(Virtual(self.clock.clone()));
        }
        if !self.tcp {
            config = config.http_client(self.sim.http_client());
        }
        config.build()
    }

    pub(crate) fn clients(&self, credentials: Credentials, on_virtual_time: bool) -> Clients {
        let config = self.config(credentials, on_virtual_time);
        Clients {
            sts: aws_sdk_sts::Client::new(&config),
            organizations: aws_sdk_organizations::Client::new(&config),
            sso: aws_sdk_ssoadmin::Client::new(&config),
            store: aws_sdk_identitystore::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
        }
    }

    /// The estate's administrator, on the wall clock.
    pub(crate) fn admin(&self) -> Clients {
        self.clients(long_term(&self.facts.admin), false)
    }

    /// The Stint host, on the virtual clock.
    pub(crate) fn host(&self) -> Clients {
        self.clients(long_term(&self.facts.host), true)
    }

    /// A session of a role, opened by the host with the External ID.
    pub(crate) async fn session(&self, role: &str) -> Clients {
        self.clients(self.session_credentials(role).await, true)
    }

    pub(crate) async fn session_credentials(&self, role: &str) -> Credentials {
        let assumed = self
            .host()
            .sts
            .assume_role()
            .role_arn(role)
            .role_session_name("stint")
            .external_id(&self.facts.connector_external_id)
            .send()
            .await
            .expect("the host may assume the role");
        credentials(&assumed)
    }

    /// A session of the connector's role, which is allowed to read everything there is and
    /// change what Stint changes: these tests ask for more than Stint does.
    pub(crate) async fn connector(&self) -> Clients {
        let role = &self.facts.connector_role_arn;
        self.sim
            .put_role_permissions(role, EVERYTHING)
            .expect("a policy");
        self.session(role).await
    }

    /// The connector's own IAM user, on the virtual clock, with no more than Stint asks for.
    pub(crate) fn connector_user(&self) -> Clients {
        self.clients(long_term(&self.facts.connector_user), true)
    }

    pub(crate) fn account(&self, name: &str) -> String {
        self.sim.account_id(name).expect("an account")
    }

    pub(crate) fn set(&self, name: &str) -> String {
        self.sim.permission_set_arn(name).expect("a permission set")
    }

    pub(crate) fn ana(&self) -> String {
        self.facts.ana.clone().expect("Ana").user_id
    }

    /// Calls of one operation so far.
    pub(crate) fn calls_of(&self, operation: &str) -> usize {
        self.sim
            .journal()
            .iter()
            .filter(|call| call.operation == operation)
            .count()
    }
}

pub(crate) fn long_term(keys: &Keys) -> Credentials {
    keyed(&keys.access_key_id, &keys.secret_access_key, None)
}

pub(crate) fn keyed(access_key: &str, secret: &str, token: Option<String>) -> Credentials {
    Credentials::new(access_key, secret, token, None, "test")
}

pub(crate) fn credentials(
    assumed: &aws_sdk_sts::operation::assume_role::AssumeRoleOutput,
) -> Credentials {
    let given = assumed.credentials().expect("credentials");
    keyed(
        given.access_key_id(),
        given.secret_access_key(),
        Some(given.session_token().to_owned()),
    )
}

/// Status, code and words of an answer that must be an error.
pub(crate) fn refusal<T, E>(result: Result<T, SdkError<E, HttpResponse>>) -> (u16, String, String)
where
    E: ProvideErrorMetadata + std::fmt::Debug,
{
    match result {
        Ok(_) => panic!("was not refused"),
        Err(error) => {
            let status = error
                .raw_response()
                .map_or(0, |response| response.status().as_u16());
            let code = error.code().unwrap_or("").to_owned();
            (status, code, error.message().unwrap_or("").to_owned())
        }
    }
}

/// The code alone.
pub(crate) fn code<T, E>(result: Result<T, SdkError<E, HttpResponse>>) -> String
where
    E: ProvideErrorMetadata + std::fmt::Debug,
{
    refusal(result).1
}
