//! What the asks are about: one world per role, in which every relation there is has its
//! thing. `me` is who asks.

use std::collections::BTreeSet;

use stint_db::{Priority, args};
use stint_domain::condition::Condition;
use stint_domain::policy::{Approvers, PolicyBody, Route, Step};
use stint_domain::rights::Role;
use stint_domain::{
    EntitlementId, GrantId, GroupId, PolicyId, RequestId, Span, SubmissionId, UserId,
};
use stint_server::cx::Cx;
use stint_server::http::Paging;
use stint_server::{
    catalog, connections, directory, duties, grants, identity, notices, objects, policies, requests,
};
use stint_testkit::{Answer, Door, World};

use super::asks::{Ask, Through};
use super::matrix::Line;

stint_db::statements! {
    quiet ASKED = "insert into until_revoked_reviews (grant_id, request_id, connection_id, opened_at, due_at, reminded, state, version) \
        values ($1, $2, $3, $4, $5, $6, 'open', 1)";
}

/// What World::in_browser sets for whoever it signs in.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) role: Option<Role>,
    /// The caller by token, or nobody.
    token: Door,
    /// The caller by cookie, or nobody.
    cookie: Door,
    pub(crate) me: UserId,
    pub(crate) other: UserId,
    /// Somebody nobody needs.
    pub(crate) spare: UserId,
    pub(crate) other_email: String,
    pub(crate) group: GroupId,
    pub(crate) sign_ins: [String; 2],
    pub(crate) tokens: [String; 2],
    pub(crate) application: String,
    pub(crate) connection: String,
    /// A sync of it that is complete.
    pub(crate) run: String,
    pub(crate) role_arn: String,
    /// An IAM user Stint was told of, and the rotation of another connection's key.
    pub(crate) iam_user: String,
    pub(crate) rotation: String,
    pub(crate) principals: [String; 2],
    pub(crate) links: [String; 2],
    /// May be asked for by the caller; may not.
    pub(crate) offered: EntitlementId,
    pub(crate) hidden: EntitlementId,
    pub(crate) catalog: String,
    pub(crate) duty: String,
    pub(crate) policy: PolicyId,
    /// Own, involved, another's; nobody has decided on them.
    pub(crate) requests: [RequestId; 3],
    by_bo: EntitlementId,
    by_approvers: EntitlementId,
    /// What nobody waits for, and whose emergencies the caller reviews.
    watched: EntitlementId,
    pub(crate) grants: [String; 3],
    /// That access is there: the caller's, and the other's.
    pub(crate) notices: [String; 2],
    pub(crate) delegations: [String; 2],
    pub(crate) asset: String,
}

fn steps(name: &str, users: &[UserId], groups: &[GroupId]) -> Route {
    let approvers = Approvers {
        users: users.iter().copied().collect(),
        groups: groups.iter().copied().collect(),
        ..Approvers::default()
    };
    Route::Steps(vec![Step::new(name, approvers, 1)])
}

async fn policy(cx: &Cx, name: &str, route: Route) -> PolicyId {
    let body = PolicyBody::new(route, Span::hours(8));
    let new = policies::NewPolicy {
        name: name.to_owned(),
        first: policies::NewVersion {
            body,
            note: String::new(),
        },
    };
    policies::create(cx, new).await.expect("a policy").id
}

async fn group(cx: &Cx, name: &str, members: &[UserId]) -> GroupId {
    let new = identity::NewGroup {
        name: name.to_owned(),
        description: String::new(),
    };
    let made = identity::create_group(cx, new).await.expect("a group");
    for member in members {
        identity::add_member(cx, made.id, *member)
            .await
            .expect("a member");
    }
    made.id
}

async fn submit(world: &World, who: &str, what: EntitlementId) -> RequestId {
    let new = requests::NewRequest {
        entitlement: what,
        duration: Span::hours(2),
        reason: "to see who hears what".to_owned(),
        ticket: None,
        beneficiary: None,
        start: None,
        principal: None,
        emergency: false,
        until_revoked: false,
    };
    requests::submit(&world.cx(who), new)
        .await
        .expect("submitted")
        .id
}

async fn delegation(world: &World, who: &str) -> String {
    let new = identity::NewDelegation {
        user: None,
        delegate: world.person("cy").email.clone(),
        starts_at: None,
        ends_at: world.now() + Span::hours(8),
        note: String::new(),
    };
    let made = identity::delegate(&world.cx(who), new).await;
    made.expect("a delegation").id.to_string()
}

async fn emergency(world: &World, who: &str, what: EntitlementId) -> RequestId {
    let new = requests::NewRequest {
        entitlement: what,
        duration: Span::minutes(10),
        reason: "to see who hears what".to_owned(),
        ticket: None,
        beneficiary: None,
        start: None,
        principal: None,
        emergency: true,
        until_revoked: false,
    };
    let made = requests::submit(&world.cx(who), new).await;
    made.expect("given").id
}

/// An IAM user that is looked at, and a rotation.
async fn objects_of(
    world: &World,
    application: stint_domain::ApplicationId,
    connection: stint_domain::ConnectionId,
) -> (String, String) {
    let cy = world.cx("cy");
    let iam = |on| connections::ConnectionChange {
        iam: Some(on),
        ..connections::ConnectionChange::default()
    };
    let on = connections::update(&cy, connection, iam(true), None).await;
    on.expect("switched on");
    let new = objects::NewManagedUser {
        name: "nobody-there".to_owned(),
        existing: true,
        reason: "to see who hears what".to_owned(),
        ..objects::NewManagedUser::default()
    };
    let user = objects::create(&cy, connection, new)
        .await
        .expect("told of");
    let off = connections::update(&cy, connection, iam(false), None).await;
    off.expect("switched off");
    let facts = world.facts();
    let by_key = connections::NewConnection {
        application,
        name: "By key".to_owned(),
        credential: connections::NewCredential::AccessKey {
            id: facts.connector_user.access_key_id,
            secret: facts.connector_user.secret_access_key.into(),
            account: facts.management_account,
        },
        region: facts.region,
        iam: false,
        owners: vec![],
    };
    let by_key = connections::create(&cy, by_key).await.expect("connected");
    let begun = objects::begin(&cy, by_key.id).await.expect("begun");
    (user.user.id.to_string(), begun.rotation.id.to_string())
}

async fn grant_of(world: &World, request: RequestId) -> String {
    let mut reader = world.app().db.reader().await.expect("read");
    let opened = grants::of_request(&mut reader, request)
        .await
        .expect("read");
    opened.first().expect("a grant").id.to_string()
}

async fn token(world: &World, who: &str) -> String {
    let new = identity::NewToken {
        name: "spare".to_owned(),
        days: None,
    };
    let issued = identity::issue_token(&world.cx(who), new)
        .await
        .expect("a token");
    issued.token.id.to_string()
}

async fn notice(world: &World, who: &str) -> String {
    let ready = notices::Filter {
        kind: Some(notices::Kind::AccessReady),
        ..notices::Filter::default()
    };
    let found = notices::list(&world.cx(who), &ready, &Paging::default()).await;
    let found = found.expect("listed").items;
    found.first().expect("a notice").notice.id.to_string()
}

async fn sign_in(world: &World, who: &str) -> String {
    let rows = identity::list_sign_ins(&world.cx(who), world.person(who).id).await;
    rows.expect("listed")
        .first()
        .expect("a sign-in")
        .id
        .to_string()
}

async fn pending(
    world: &World,
    by_bo: EntitlementId,
    by_approvers: EntitlementId,
) -> [RequestId; 3] {
    [
        submit(world, "me", by_bo).await,
        submit(world, "other", by_approvers).await,
        submit(world, "ana", by_bo).await,
    ]
}

/// What the demo's own addresses say to this role, on this machine and from elsewhere.
pub(crate) async fn in_the_demo(role: Option<Role>) -> Vec<Line> {
    let mut world = World::builder().demo().build().await;
    let roles: Vec<Role> = role
        .into_iter()
        .filter(|role| *role != Role::User)
        .collect();
    world.add_person("me", &roles).await;
    let door = match role {
        Some(_) => world.as_user("me"),
        None => world.as_nobody(),
    };
    let mut lines = Vec::new();
    for ask in super::asks::demo() {
        for (relation, host) in [("here", "127.0.0.1:8480"), ("afar", "stint.example.com")] {
            let answer = door.clone().with("host", host).raw(ask.request()).await;
            lines.push(Line {
                route: ask.route.clone(),
                relation: relation.to_owned(),
                heard: super::heard(&ask, &answer),
            });
        }
    }
    world.finish().await;
    lines
}

impl Stage {
    /// Requests nobody has decided on yet: own, involved, another's.
    pub(crate) async fn fresh_requests(&self) -> [RequestId; 3] {
        pending(&self.world, self.by_bo, self.by_approvers).await
    }

    /// Emergency access to be reviewed: the caller's own, another's that they review, and another's
    /// that others do.
    pub(crate) async fn emergencies(&self) -> [RequestId; 3] {
        [
            emergency(&self.world, "me", self.offered).await,
            emergency(&self.world, "other", self.watched).await,
            emergency(&self.world, "ana", self.offered).await,
        ]
    }

    /// Submissions nobody has decided on yet: own, another's.
    pub(crate) async fn submissions(&self) -> [SubmissionId; 2] {
        let mut made = Vec::new();
        for who in ["me", "ana"] {
            let new = requests::NewRequest {
                entitlement: self.by_bo,
                duration: Span::hours(2),
                reason: "to see who hears what".to_owned(),
                ticket: None,
                beneficiary: None,
                start: None,
                principal: None,
                emergency: false,
                until_revoked: false,
            };
            let done = requests::submit_several(&self.world.cx(who), vec![new]).await;
            made.push(done.expect("submitted").0.id);
        }
        [made[0], made[1]]
    }

    /// Requests that were approved and gave access: own, involved, another's.
    pub(crate) async fn approved_requests(&self) -> [RequestId; 3] {
        let involved = submit(&self.world, "other", self.by_approvers).await;
        let cx = self.world.cx("bo");
        requests::approve(&cx, involved, "")
            .await
            .expect("approved");
        [
            submit(&self.world, "me", self.offered).await,
            involved,
            submit(&self.world, "ana", self.offered).await,
        ]
    }

    /// Access that was given and whether it is still needed is asked: own, involved, another's. As if it
    /// had been given until it is revoked, and its review had come.
    pub(crate) async fn kept_reviews(&self) -> [RequestId; 3] {
        let all = self.approved_requests().await;
        let cx = self.world.cx("cy");
        let due = cx.now + Span::hours(24 * 10);
        let mut tx = cx.begin(Priority::Interactive).await.expect("begun");
        for request in all {
            let given = grants::of_request(&mut tx, request).await.expect("read");
            let grant = given.first().expect("a grant");
            let connection = grant.pair.connection;
            let values = args![grant.id, request, connection, cx.now, due, false];
            tx.run(&ASKED, values).await.expect("written");
        }
        tx.commit().await.expect("committed");
        all
    }

    /// What a request gave, by its id in the address.
    pub(crate) async fn grant_of(&self, request: &str) -> GrantId {
        let request = request.parse().expect("a request");
        let cx = self.world.cx("cy");
        let mut tx = cx.begin(Priority::Interactive).await.expect("begun");
        let given = grants::of_request(&mut tx, request).await.expect("read");
        given.first().expect("a grant").id
    }

    pub(crate) async fn new(role: Option<Role>) -> Self {
        let mut world = World::new_sqlite().await;
        let roles: Vec<Role> = role
            .into_iter()
            .filter(|role| *role != Role::User)
            .collect();
        let me = world.add_person("me", &roles).await.id;
        let other = world.add_person("other", &[]).await;
        let spare = world.add_person("spare", &[]).await.id;
        let browser = world.in_browser("me").await;
        world.in_browser("other").await;
        let cy = world.cx("cy");
        let (ana, bo) = (world.person("ana").id, world.person("bo").id);

        let staff = group(&cy, "Staff", &[me, other.id, ana]).await;
        let approvers = group(&cy, "Approvers", &[me, bo]).await;

        let application = connections::NewApplication {
            name: "AWS".to_owned(),
            description: String::new(),
            // Bo can answer for it, whatever the caller changes.
            owners: vec![bo],
        };
        let application = connections::create_application(&cy, application).await;
        let application = application.expect("an application").id;
        let role_arn = world.facts().connector_role_arn;
        let connection = connections::NewConnection {
            application,
            name: "Everything".to_owned(),
            credential: connections::NewCredential::role(&role_arn),
            region: world.facts().region,
            iam: false,
            owners: vec![world.person("cy").id],
        };
        let connection = connections::create(&cy, connection)
            .await
            .expect("a connection");
        world.sim().trust_connector(&connection.external_id);
        connections::test(&cy, connection.id).await.expect("tested");
        let run = directory::sync(&cy, connection.id).await.expect("synced");

        let (iam_user, rotation) = objects_of(&world, application, connection.id).await;

        let mut principals = Vec::new();
        let found = directory::principals(&cy, connection.id, "", &Paging::first(200)).await;
        for principal in found.expect("listed").items {
            if principal.kind == stint_domain::entitlement::PrincipalKind::IdentityCenterUser {
                principals.push(principal.id);
            }
        }
        let mut links = Vec::new();
        for (user, principal) in [me, other.id, ana].into_iter().zip(&principals) {
            let link = directory::propose_link(&cy, user, *principal)
                .await
                .expect("proposed");
            directory::confirm_link(&cy, link.id)
                .await
                .expect("confirmed");
            links.push(link.id.to_string());
        }

        let mut reader = world.app().db.reader().await.expect("read");
        let all = directory::all_entitlements(&mut reader, connection.id)
            .await
            .expect("read");
        drop(reader);
        let accounts: Vec<_> = all
            .iter()
            .filter(|e| e.key.kind() == "account_assignment")
            .map(|e| e.id)
            .collect();
        let &[by_bo, by_approvers, at_once, hidden, spare_one, watched, ..] = accounts.as_slice()
        else {
            panic!("the estate has six entitlements");
        };
        let bos = policy(&cy, "Bo", steps("Bo", &[bo], &[])).await;
        let mine = policy(&cy, "Approvers", steps("Approvers", &[], &[approvers])).await;
        let auto = policy(&cy, "At once", Route::AutoApprove).await;
        let new = |name: &str, audience: &[GroupId]| catalog::NewCatalog {
            name: name.to_owned(),
            description: String::new(),
            audience: audience.iter().copied().collect::<BTreeSet<_>>(),
            ..catalog::NewCatalog::default()
        };
        let seen = catalog::create(&cy, new("Seen", &[staff]))
            .await
            .expect("a catalog")
            .id;
        let unseen = catalog::create(&cy, new("Unseen", &[]))
            .await
            .expect("a catalog")
            .id;
        catalog::add(&cy, seen, &[by_bo, by_approvers, at_once, watched])
            .await
            .expect("added");
        catalog::add(&cy, unseen, &[hidden, spare_one])
            .await
            .expect("added");
        for (what, policy) in [
            (by_bo, bos),
            (by_approvers, mine),
            (at_once, auto),
            (hidden, auto),
        ] {
            let set = catalog::set_access_control(&cy, what, policy, None, None).await;
            set.expect("an access control");
        }

        let watch = group(&cy, "Watch", &[bo, spare]).await;
        for (name, told, whats) in [
            ("Watched", watch, [(by_bo, bos), (at_once, auto)].as_slice()),
            ("Watched by approvers", approvers, &[(watched, mine)]),
        ] {
            let hour = Span::hours(1);
            let route = Route::AutoApprove;
            let policy = crate::emergency::policy(&world, name, route, hour, told).await;
            for (what, ordinary) in whats {
                let terms = catalog::Terms {
                    policy: *ordinary,
                    max_duration: None,
                    emergency: Some(policy),
                    until_revoked: false,
                    replace: true,
                };
                let set = catalog::set_terms(&cy, *what, terms, None).await;
                set.expect("emergency access");
            }
        }

        let involved = submit(&world, "other", by_approvers).await;
        requests::approve(&world.cx("bo"), involved, "")
            .await
            .expect("approved");
        let given = [
            submit(&world, "me", at_once).await,
            involved,
            submit(&world, "ana", at_once).await,
        ];
        let pending = pending(&world, by_bo, by_approvers).await;
        world.settle().await;
        let grants = [
            grant_of(&world, given[0]).await,
            grant_of(&world, given[1]).await,
            grant_of(&world, given[2]).await,
        ];

        let page = world.as_nobody().get("/sign-in").await.is(200).text();
        let asset = page
            .split('"')
            .find(|part| part.starts_with("/assets/stint."));
        let asset = asset.expect("the page has a stylesheet").to_owned();
        let (token_door, cookie_door) = match role {
            Some(_) => (world.as_user("me"), browser),
            None => (world.as_nobody(), world.as_nobody()),
        };
        let same_id = |door: Door| door.with("x-request-id", "the-same");
        Self {
            role,
            token: same_id(token_door),
            cookie: same_id(cookie_door),
            me,
            spare,
            other_email: other.email.clone(),
            group: approvers,
            sign_ins: [sign_in(&world, "me").await, sign_in(&world, "other").await],
            tokens: [token(&world, "me").await, token(&world, "other").await],
            application: application.to_string(),
            connection: connection.id.to_string(),
            run: run.id.to_string(),
            role_arn,
            iam_user,
            rotation,
            principals: [principals[0].to_string(), principals[1].to_string()],
            links: [links[0].clone(), links[1].clone()],
            offered: at_once,
            hidden,
            catalog: seen.to_string(),
            duty: duty(&world, hidden).await,
            policy: bos,
            requests: pending,
            by_bo,
            by_approvers,
            watched,
            grants,
            notices: [notice(&world, "me").await, notice(&world, "other").await],
            delegations: [
                delegation(&world, "me").await,
                delegation(&world, "other").await,
            ],
            asset,
            other: other.id,
            world,
        }
    }

    /// Sends an ask.
    pub(crate) async fn send(&self, ask: &Ask) -> Answer {
        self.door(ask).raw(ask.request()).await
    }

    /// Sends an ask about a thing that does not exist, if it is about a thing.
    pub(crate) async fn send_for_absent(&self, ask: &Ask) -> Option<Answer> {
        let request = ask.request_for_absent()?;
        Some(self.door(ask).raw(request).await)
    }

    fn door(&self, ask: &Ask) -> &Door {
        match ask.through {
            Through::Token => &self.token,
            Through::Cookie => &self.cookie,
        }
    }
}

/// A rule that keeps what nobody asks for apart from what is not there.
async fn duty(world: &World, what: EntitlementId) -> String {
    let side = |name: &str| duties::Side {
        name: name.to_owned(),
        ..duties::Side::default()
    };
    let new = duties::NewDuty {
        name: "Apart".to_owned(),
        message: "Ask the other team.".to_owned(),
        first: duties::Side {
            entitlements: [what].into(),
            ..side("One")
        },
        second: duties::Side {
            when: Some(Condition::new("resource.name == \"nothing\"")),
            ..side("Other")
        },
        action: stint_domain::duty::Action::Block,
        group: None,
        emergency_passes: false,
        active: true,
    };
    let made = duties::create(&world.cx("cy"), new).await;
    made.expect("a rule").id.to_string()
}
