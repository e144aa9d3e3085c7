//! A connected organization, made by the real verbs: what most journeys start from.

use std::collections::BTreeSet;

use stint_domain::entitlement::EntitlementKey;
use stint_domain::policy::{Approvers, PolicyBody, Route, Step};
use stint_domain::{
    CatalogId, ConnectionId, EntitlementId, GroupId, PolicyId, PrincipalId, RequestId, Span,
};
use stint_server::{catalog, connections, directory, identity, policies, requests};

use crate::world::World;

/// A connected estate with everybody linked, a catalog for all, and two policies.
#[derive(Debug, Clone)]
pub struct Organization {
    /// The connection; tested and synced once.
    pub connection: ConnectionId,
    /// Everybody.
    pub everyone: GroupId,
    /// Bo.
    pub platform: GroupId,
    /// What everyone may ask for; empty until [`offer`](Organization::offer).
    pub catalog: CatalogId,
    /// One of Platform has to approve; at most 4 h.
    pub approved: PolicyId,
    /// Nobody has to approve; at most 8 h.
    pub auto: PolicyId,
}

impl World {
    /// Connects the estate, reads it, links the four people, and makes the catalog and the
    /// policies.
    pub async fn organize(&self) -> Organization {
        self.organize_as(false).await
    }

    /// The same, with IAM users and groups switched on, and the four people linked to the IAM
    /// users of their names.
    pub async fn organize_with_iam(&self) -> Organization {
        let organization = self.organize_as(true).await;
        let facts = self.facts();
        for (word, person) in [
            ("ana", &facts.ana),
            ("bo", &facts.bo),
            ("cy", &facts.cy),
            ("dee", &facts.dee),
        ] {
            if let Some(person) = person {
                let id = self.aws().iam_user_id(&person.user_name).await;
                self.link(organization.connection, word, &id).await;
            }
        }
        organization
    }

    async fn organize_as(&self, iam: bool) -> Organization {
        let cx = self.cx("cy");
        let facts = self.facts();
        let application = connections::create_application(
            &cx,
            connections::NewApplication {
                name: "AWS".to_owned(),
                description: String::new(),
                owners: Vec::new(),
            },
        )
        .await
        .expect("an application");
        let connection = connections::create(
            &cx,
            connections::NewConnection {
                application: application.id,
                name: "prod".to_owned(),
                credential: connections::NewCredential::role(&facts.connector_role_arn),
                region: facts.region.clone(),
                iam,
                owners: Vec::new(),
            },
        )
        .await
        .expect("a connection");
        self.sim().trust_connector(&connection.external_id);
        connections::test(&cx, connection.id)
            .await
            .expect("the connection is tested");
        directory::sync(&cx, connection.id)
            .await
            .expect("the estate is read");
        for (word, person) in [
            ("ana", &facts.ana),
            ("bo", &facts.bo),
            ("cy", &facts.cy),
            ("dee", &facts.dee),
        ] {
            if let Some(person) = person {
                self.link(connection.id, word, &person.user_id).await;
            }
        }
        let everyone = self.group("Everyone", &["ana", "bo", "cy", "dee"]).await;
        let platform = self.group("Platform", &["bo"]).await;
        let catalog = catalog::create(
            &cx,
            catalog::NewCatalog {
                name: "For everyone".to_owned(),
                description: String::new(),
                audience: BTreeSet::from([everyone]),
                ..catalog::NewCatalog::default()
            },
        )
        .await
        .expect("a catalog");
        let approvers = Approvers {
            groups: BTreeSet::from([platform]),
            ..Approvers::default()
        };
        let step = Step::new("Platform", approvers, 1);
        Organization {
            connection: connection.id,
            everyone,
            platform,
            catalog: catalog.id,
            approved: self
                .policy("prod", Route::Steps(vec![step]), Span::hours(4))
                .await,
            auto: self
                .policy("read", Route::AutoApprove, Span::hours(8))
                .await,
        }
    }

    /// Cy makes a group with these members.
    pub async fn group(&self, name: &str, members: &[&str]) -> GroupId {
        let cx = self.cx("cy");
        let new = identity::NewGroup {
            name: name.to_owned(),
            description: String::new(),
        };
        let group = identity::create_group(&cx, new).await.expect("a group");
        for word in members {
            identity::add_member(&cx, group.id, self.person(word).id)
                .await
                .expect("a member");
        }
        group.id
    }

    /// Cy makes a policy that asks for no reason.
    pub async fn policy(&self, name: &str, route: Route, max_duration: Span) -> PolicyId {
        let body = PolicyBody::new(route, max_duration);
        let first = policies::NewVersion {
            body,
            note: String::new(),
        };
        let new = policies::NewPolicy {
            name: name.to_owned(),
            first,
        };
        policies::create(&self.cx("cy"), new)
            .await
            .expect("a policy")
            .id
    }

    /// Links somebody to an Identity Center user or an IAM user, and confirms it.
    pub async fn link(&self, connection: ConnectionId, word: &str, aws_user: &str) -> PrincipalId {
        let cx = self.cx("cy");
        let mut reader = cx.read().await.expect("the database can be read");
        let principal = directory::principal_by_aws_id(&mut reader, connection, aws_user)
            .await
            .expect("the directory can be read")
            .expect("the sync has seen this user");
        drop(reader);
        let link = directory::propose_link(&cx, self.person(word).id, principal.id)
            .await
            .expect("a link is proposed");
        directory::confirm_link(&cx, link.id)
            .await
            .expect("the link is confirmed");
        principal.id
    }

    /// Somebody asks.
    pub async fn ask(&self, word: &str, entitlement: EntitlementId, duration: Span) -> RequestId {
        let new = requests::NewRequest {
            entitlement,
            duration,
            reason: "INC-2291".to_owned(),
            ticket: None,
            beneficiary: None,
            start: None,
            principal: None,
            emergency: false,
            until_revoked: false,
        };
        requests::submit(&self.cx(word), new)
            .await
            .expect("the request is taken")
            .id
    }

    /// Somebody approves.
    pub async fn approve(&self, word: &str, request: RequestId) {
        requests::approve(&self.cx(word), request, "")
            .await
            .expect("the approval counts");
    }
}

impl Organization {
    /// A permission set on an account, by their names.
    pub async fn entitlement(
        &self,
        world: &World,
        account: &str,
        permission_set: &str,
    ) -> EntitlementId {
        let known = "a name in the estate";
        let key = EntitlementKey::AccountAssignment {
            account: world.sim().account_id(account).expect(known),
            permission_set: world.sim().permission_set_arn(permission_set).expect(known),
        };
        self.find(world, &key).await
    }

    /// Membership of an Identity Center group, by its name.
    pub async fn membership(&self, world: &World, group: &str) -> EntitlementId {
        let group = world.sim().group_id(group).expect("a name in the estate");
        self.find(world, &EntitlementKey::GroupMembership { group })
            .await
    }

    /// Membership of an IAM group of the management account, by its name.
    pub async fn iam_membership(&self, world: &World, group: &str) -> EntitlementId {
        let key = EntitlementKey::IamGroupMembership {
            account: world.facts().management_account,
            group: world.aws().iam_group_id(group).await,
        };
        self.find(world, &key).await
    }

    async fn find(&self, world: &World, key: &EntitlementKey) -> EntitlementId {
        let mut reader = world
            .app()
            .db
            .reader()
            .await
            .expect("the database can be read");
        let all = directory::all_entitlements(&mut reader, self.connection)
            .await
            .expect("the directory can be read");
        all.into_iter()
            .find(|e| e.key == *key)
            .expect("the sync has seen it")
            .id
    }

    /// Puts an entitlement into the catalog under a policy.
    pub async fn offer(&self, world: &World, entitlement: EntitlementId, policy: PolicyId) {
        let cx = world.cx("cy");
        catalog::add(&cx, self.catalog, &[entitlement])
            .await
            .expect("it is in the catalog");
        catalog::set_access_control(&cx, entitlement, policy, None, None)
            .await
            .expect("it has an access control");
    }
}
