//! A connected estate for tests of grants: read once, with Ana's link confirmed, and grants
//! opened by the room's own verb, as an approved request does.

use stint_domain::binding::AttemptKind;
use stint_domain::entitlement::{EntitlementKey, Pair};
use stint_domain::{EntitlementId, GrantId, PrincipalId, RequestId, Span};
use stint_server::connections::{self, Connection, NewApplication, NewConnection, NewCredential};
use stint_server::directory::{self, Entitlement};
use stint_server::grants::{self, Grant, NewGrant, Origin};
use stint_testkit::World;
use stint_testkit::sim::{Answered, Party};

pub(crate) struct Estate {
    pub(crate) connection: Connection,
    /// Ana, in Identity Center.
    pub(crate) user: String,
    pub(crate) principal: PrincipalId,
    /// What Ana does not hold: permission sets on member accounts, by name. (The management
    /// account wants rights of its own, which this connector does not have.)
    pub(crate) assignments: Vec<Entitlement>,
    /// Identity Center groups that Ana is not in, by name.
    pub(crate) groups: Vec<Entitlement>,
    /// Ana, in IAM, where the estate has IAM users.
    pub(crate) iam_user: Option<(String, PrincipalId)>,
    /// IAM groups that Ana is not in, by name.
    pub(crate) iam_groups: Vec<Entitlement>,
}

/// What AWS calls an entitlement.
pub(crate) enum Place<'a> {
    Set(&'a str, &'a str),
    Group(&'a str),
    IamGroup(&'a str),
}

pub(crate) fn place(entitlement: &Entitlement) -> Place<'_> {
    match &entitlement.key {
        EntitlementKey::AccountAssignment {
            account,
            permission_set,
        } => Place::Set(account, permission_set),
        EntitlementKey::GroupMembership { group } => Place::Group(group),
        EntitlementKey::IamGroupMembership { group, .. } => Place::IamGroup(group),
    }
}

impl Estate {
    /// Connects the estate of this world, reads it, and links Ana.
    pub(crate) async fn connect(world: &World) -> Self {
        Self::connect_as(world, false).await
    }

    /// The same, with IAM users and groups.
    pub(crate) async fn connect_with_iam(world: &World) -> Self {
        Self::connect_as(world, true).await
    }

    async fn connect_as(world: &World, iam: bool) -> Self {
        let cx = world.cx("cy");
        let application = NewApplication {
            name: "AWS".to_owned(),
            description: String::new(),
            owners: Vec::new(),
        };
        let application = connections::create_application(&cx, application).await;
        let facts = world.facts();
        let new = NewConnection {
            application: application.expect("an application").id,
            name: "prod".to_owned(),
            credential: NewCredential::role(&facts.connector_role_arn),
            region: facts.region.clone(),
            iam,
            owners: Vec::new(),
        };
        let connection = connections::create(&cx, new).await.expect("a connection");
        world.sim().trust_connector(&connection.external_id);
        connections::test(&cx, connection.id).await.expect("tested");
        directory::sync(&cx, connection.id).await.expect("read");
        let ana = facts.ana.expect("Ana is in the estate");
        let user = ana.user_id;
        let mut q = cx.read().await.expect("a reader");
        let found = directory::principal_by_aws_id(&mut q, connection.id, &user).await;
        let principal = found.expect("read").expect("seen by the sync").id;
        let mut iam_user = None;
        if iam {
            let id = world.aws().iam_user_id(&ana.user_name).await;
            let found = directory::principal_by_aws_id(&mut q, connection.id, &id).await;
            iam_user = Some((id, found.expect("read").expect("seen by the sync").id));
        }
        let all = directory::all_entitlements(&mut q, connection.id).await;
        let mut free = Vec::new();
        for entitlement in all.expect("read") {
            let holder = match (&entitlement.key, &iam_user) {
                (EntitlementKey::IamGroupMembership { .. }, Some((_, iam))) => *iam,
                _ => principal,
            };
            let pair = Pair {
                connection: connection.id,
                principal: holder,
                entitlement: entitlement.id,
            };
            let management = matches!(&entitlement.key,
                EntitlementKey::AccountAssignment { account, .. } if *account == facts.management_account);
            if !management && !directory::holds(&mut q, &pair).await.expect("read") {
                free.push(entitlement);
            }
        }
        drop(q);
        let principals = [Some(principal), iam_user.as_ref().map(|(_, id)| *id)];
        for principal in principals.into_iter().flatten() {
            let link = directory::propose_link(&cx, world.person("ana").id, principal).await;
            directory::confirm_link(&cx, link.expect("a link").id)
                .await
                .expect("confirmed");
        }
        let (mut assignments, mut groups, mut iam_groups) = (Vec::new(), Vec::new(), Vec::new());
        for entitlement in free {
            match place(&entitlement) {
                Place::Set(..) => assignments.push(entitlement),
                Place::Group(_) => groups.push(entitlement),
                Place::IamGroup(_) => iam_groups.push(entitlement),
            }
        }
        Self {
            connection,
            user,
            principal,
            assignments,
            groups,
            iam_user,
            iam_groups,
        }
    }

    pub(crate) fn pair(&self, entitlement: EntitlementId) -> Pair {
        let iam = self.iam_groups.iter().any(|e| e.id == entitlement);
        let iam = self.iam_user.as_ref().filter(|_| iam);
        Pair {
            connection: self.connection.id,
            principal: iam.map_or(self.principal, |(_, id)| *id),
            entitlement,
        }
    }

    /// Opens a grant for Ana. Fails where the program dies.
    pub(crate) async fn open(
        &self,
        world: &World,
        entitlement: EntitlementId,
        request: RequestId,
        duration: Span,
    ) -> Result<GrantId, grants::Error> {
        let cx = world.system();
        let new = NewGrant {
            emergency: false,
            review_every: None,
            pair: self.pair(entitlement),
            user: world.person("ana").id,
            origin: Origin::Request(request),
            start: cx.now,
            duration: Some(duration),
            approved_at: cx.now,
            extends: None,
        };
        let mut tx = cx.begin(stint_db::Priority::Interactive).await?;
        let id = grants::open(&cx, &mut tx, new).await?;
        tx.commit().await?;
        grants::nudge(&cx.app);
        Ok(id)
    }

    /// A new grant for Ana.
    pub(crate) async fn grant(&self, world: &World, what: EntitlementId, length: Span) -> GrantId {
        let request = world.app().new_id();
        let opened = self.open(world, what, request, length).await;
        opened.expect("opened")
    }

    /// Whether Ana holds it in AWS, as the estate's administrator sees it.
    pub(crate) async fn has(&self, world: &World, entitlement: &Entitlement) -> bool {
        match place(entitlement) {
            Place::Set(account, set) => world.aws().has(account, set, &self.user).await,
            Place::Group(group) => {
                let members = world.aws().members(group).await;
                members.contains(&self.user)
            }
            Place::IamGroup(group) => {
                let members = world.aws().iam_members(group).await;
                self.iam_user
                    .as_ref()
                    .is_some_and(|(id, _)| members.contains(id))
            }
        }
    }
}

pub(crate) async fn grant(world: &World, id: GrantId) -> Grant {
    let found = grants::get(&world.system(), id).await;
    found.expect("the grant is there")
}

/// Writes of access that reached AWS from Stint's keys, from this call on.
pub(crate) fn writes(world: &World, since: u64) -> Vec<(AttemptKind, stint_testkit::sim::Call)> {
    let calls = world.sim().journal_since(since);
    (calls.into_iter())
        .filter(|call| call.party == Party::Stint)
        .filter(|call| !matches!(call.answer, Answered::Lost { done: false, .. }))
        .filter_map(|call| {
            let kind = match call.operation.as_str() {
                "sso:CreateAccountAssignment"
                | "identitystore:CreateGroupMembership"
                | "iam:AddUserToGroup" => AttemptKind::Create,
                "sso:DeleteAccountAssignment"
                | "identitystore:DeleteGroupMembership"
                | "iam:RemoveUserFromGroup" => AttemptKind::Delete,
                _ => return None,
            };
            Some((kind, call))
        })
        .collect()
}
