//! A simulated AWS, a connector in front of it, and an onlooker.

use std::sync::Arc;

use aws_sdk_identitystore::types::MemberId;
use stint_aws::{
    Answer, AttemptKind, Aws, AwsOptions, Base, Estate, EstateSpec, Governor, Lane, PairKey,
    Polled, Reach,
};
use stint_aws_sim::{
    Call, EstateSpec as SimEstate, Facts, Knobs, Party, Sim, SimClock, SimOptions,
};
use stint_domain::entitlement::PrincipalKind;
use stint_domain::{Clock, ConnectionId, Span, Time};
use stint_iam_policy::{Features, Own};

pub(crate) const START: i64 = 1_795_440_600_000_000;
const ENDPOINT: &str = "http://aws.sim";

/// The simulator's clock, as the product sees it.
pub(crate) struct SimTime(pub(crate) SimClock);

impl Clock for SimTime {
    fn now(&self) -> Time {
        Time::from_micros(self.0.now_micros())
    }
}

pub(crate) struct World {
    pub(crate) sim: Sim,
    pub(crate) facts: Facts,
    pub(crate) clock: Arc<SimTime>,
    pub(crate) aws: Aws,
    pub(crate) estate: Estate,
}

/// More of everything than fits one page of any listing.
pub(crate) fn large() -> SimEstate {
    SimEstate {
        seed: 11,
        accounts: 45,
        permission_sets: 110,
        users: 230,
        groups: 104,
        memberships: 400,
        assignments: 500,
        ..SimEstate::default()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(SimEstate::default())
    }

    pub(crate) fn of(estate: SimEstate) -> Self {
        let clock = SimClock::frozen(START);
        let options = SimOptions {
            estate,
            clock: clock.clone(),
            knobs: Knobs::default(),
        };
        let sim = Sim::new(options).expect("the counts can be met");
        let facts = sim.facts();
        let clock = Arc::new(SimTime(clock));
        let aws = Aws::new(AwsOptions {
            endpoint: Some(ENDPOINT.to_owned()),
            http: Some(sim.http_client()),
            governor: Governor::unlimited(clock.clone()),
            ..AwsOptions::new(
                Base::Keys {
                    access_key_id: facts.host.access_key_id.clone(),
                    secret_access_key: facts.host.secret_access_key.clone().into(),
                    session_token: None,
                },
                clock.clone(),
            )
        });
        let estate = aws.estate(spec(&facts));
        Self {
            sim,
            facts,
            clock,
            aws,
            estate,
        }
    }

    /// Another estate of the same simulator.
    pub(crate) fn estate(&self, change: impl FnOnce(&mut EstateSpec)) -> Estate {
        let mut spec = spec(&self.facts);
        spec.connection = ConnectionId::from(uuid(99));
        change(&mut spec);
        self.aws.estate(spec)
    }

    /// The same estate by this role.
    pub(crate) fn role(&self, role_arn: &str, external_id: &str) -> Estate {
        self.estate(|s| {
            s.reach = Reach::Role {
                role_arn: role_arn.to_owned(),
                external_id: external_id.to_owned(),
            };
        })
    }

    /// A process whose base identity these keys are.
    pub(crate) fn as_base(&self, keys: &stint_aws_sim::Keys) -> Aws {
        let clock = self.clock.clone();
        Aws::new(AwsOptions {
            endpoint: Some("http://aws.sim".to_owned()),
            http: Some(self.sim.http_client()),
            governor: Governor::unlimited(clock.clone()),
            ..AwsOptions::new(
                Base::Keys {
                    access_key_id: keys.access_key_id.clone(),
                    secret_access_key: keys.secret_access_key.clone().into(),
                    session_token: None,
                },
                clock,
            )
        })
    }

    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    pub(crate) fn advance(&self, by: Span) {
        self.clock.0.advance(by.as_micros());
    }

    pub(crate) fn knobs(&self, change: impl FnOnce(&mut Knobs)) {
        self.sim.knobs(change);
    }

    /// What Stint called since `from`, by name.
    pub(crate) fn called(&self, from: u64) -> Vec<String> {
        self.calls(from).into_iter().map(|c| c.operation).collect()
    }

    pub(crate) fn calls(&self, from: u64) -> Vec<Call> {
        let calls = self.sim.journal_since(from).into_iter();
        calls.filter(|c| c.party == Party::Stint).collect()
    }

    /// The last call so far.
    pub(crate) fn mark(&self) -> u64 {
        self.sim.journal().last().map_or(0, |c| c.no)
    }

    /// prod-admin on prod-payments for Bo, who holds nothing.
    pub(crate) fn assignment(&self) -> PairKey {
        self.assignment_of(
            &self.facts.bo.as_ref().unwrap().user_id,
            "prod-admin",
            "prod-payments",
        )
    }

    pub(crate) fn assignment_of(&self, user: &str, set: &str, account: &str) -> PairKey {
        PairKey::Assignment {
            instance_arn: self.facts.instance_arn.clone(),
            account: self.sim.account_id(account).unwrap(),
            permission_set: self.sim.permission_set_arn(set).unwrap(),
            principal_kind: PrincipalKind::IdentityCenterUser,
            principal_id: user.to_owned(),
        }
    }

    /// Bo in the group platform, in which Bo is not.
    pub(crate) fn membership(&self) -> PairKey {
        PairKey::Membership {
            identity_store: self.facts.identity_store_id.clone(),
            group: self.sim.group_id("platform").unwrap(),
            user: self.facts.bo.as_ref().unwrap().user_id.clone(),
        }
    }

    /// Whether the pair is so, as the onlooker sees it.
    pub(crate) async fn seen(&self, key: &PairKey) -> bool {
        match key {
            PairKey::Assignment {
                instance_arn,
                account,
                permission_set,
                principal_id,
                ..
            } => {
                let rows = self
                    .onlooker_sso()
                    .list_account_assignments()
                    .instance_arn(instance_arn)
                    .account_id(account)
                    .permission_set_arn(permission_set)
                    .into_paginator()
                    .items()
                    .send()
                    .try_collect()
                    .await
                    .unwrap();
                rows.iter().any(|r| r.principal_id() == Some(principal_id))
            }
            PairKey::Membership {
                identity_store,
                group,
                user,
            } => self
                .onlooker_store()
                .get_group_membership_id()
                .identity_store_id(identity_store)
                .group_id(group)
                .member_id(MemberId::UserId(user.clone()))
                .send()
                .await
                .is_ok(),
            PairKey::IamMembership { group, user, .. } => {
                let iam = self.onlooker_iam();
                let groups = iam.list_groups().max_items(1000).send().await.unwrap();
                let named = groups.groups().iter().find(|g| g.group_id() == group);
                let Some(named) = named else { return false };
                let members = iam.get_group().group_name(named.group_name());
                let members = members.max_items(1000).send().await.unwrap();
                members.users().iter().any(|u| u.user_id() == user)
            }
        }
    }

    pub(crate) fn onlooker_sso(&self) -> aws_sdk_ssoadmin::Client {
        aws_sdk_ssoadmin::Client::new(&self.onlooker())
    }

    pub(crate) fn onlooker_iam(&self) -> aws_sdk_iam::Client {
        aws_sdk_iam::Client::new(&self.onlooker())
    }

    pub(crate) fn onlooker_store(&self) -> aws_sdk_identitystore::Client {
        aws_sdk_identitystore::Client::new(&self.onlooker())
    }

    pub(crate) fn onlooker_organizations(&self) -> aws_sdk_organizations::Client {
        aws_sdk_organizations::Client::new(&self.onlooker())
    }

    pub(crate) fn onlooker(&self) -> aws_config::SdkConfig {
        let keys = &self.facts.admin;
        let keys = aws_credential_types::Credentials::new(
            &keys.access_key_id,
            &keys.secret_access_key,
            None,
            None,
            "onlooker",
        );
        self.onlooker_with(keys)
    }

    /// Somebody else's calls, with these keys.
    pub(crate) fn onlooker_with(
        &self,
        keys: aws_credential_types::Credentials,
    ) -> aws_config::SdkConfig {
        aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
            .region(aws_config::Region::new(self.facts.region.clone()))
            .endpoint_url(ENDPOINT)
            .http_client(self.sim.http_client())
            .credentials_provider(
                aws_credential_types::provider::SharedCredentialsProvider::new(keys),
            )
            .build()
    }

    /// Creates the pair and follows it to its end.
    pub(crate) async fn make(&self, key: &PairKey) {
        let written = self.estate.create(key, self.now(), Lane::Provision).await;
        self.follow(key, AttemptKind::Create, written.answer).await;
    }

    pub(crate) async fn follow(&self, key: &PairKey, kind: AttemptKind, answer: Answer) {
        let request_id = match answer {
            Answer::Succeeded { .. } => return,
            Answer::Accepted { request_id } => request_id,
            other => panic!("{other:?}"),
        };
        for _ in 0..20 {
            let poll = self
                .estate
                .poll(key, kind, &request_id, Lane::Provision)
                .await
                .unwrap();
            match poll.state {
                Polled::InProgress => self.advance(Span::seconds(1)),
                Polled::Succeeded => return,
                Polled::Failed { reason, .. } => panic!("{reason}"),
            }
        }
        panic!("never finished");
    }
}

fn uuid(n: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(n)
}

fn spec(facts: &Facts) -> EstateSpec {
    EstateSpec {
        connection: ConnectionId::from(uuid(1)),
        reach: Reach::Role {
            role_arn: facts.connector_role_arn.clone(),
            external_id: facts.connector_external_id.clone(),
        },
        region: facts.region.clone(),
        iam: false,
        features: Features {
            identity_center: true,
            faster: true,
            own: Own::Role(facts.connector_role_arn.clone()),
            ..Features::of("aws", &facts.management_account)
        },
        members: None,
        session_name: "stint-test".to_owned(),
    }
}
