//! IAM users and key rotations, through their doors and against the simulated AWS.

pub(crate) mod keys;
mod users;

use stint_domain::{ConnectionId, Span};
use stint_server::connections::{self, NewApplication, NewConnection, NewCredential};
use stint_testkit::World;
use stint_testkit::sim::{EstateSpec, Party};

pub(crate) fn small() -> EstateSpec {
    EstateSpec {
        seed: 5,
        accounts: 4,
        permission_sets: 5,
        users: 6,
        groups: 3,
        memberships: 4,
        assignments: 6,
        iam_users: 6,
        iam_groups: 3,
        iam_roles: 0,
        iam_memberships: 2,
    }
}

/// Connects the estate by a credential, with IAM, and tests it.
pub(crate) async fn connect(world: &World, credential: NewCredential) -> ConnectionId {
    let cx = world.cx("cy");
    let application = NewApplication {
        name: "AWS".to_owned(),
        description: String::new(),
        owners: Vec::new(),
    };
    let application = connections::create_application(&cx, application).await;
    let new = NewConnection {
        application: application.expect("an application").id,
        name: "prod".to_owned(),
        credential,
        region: world.facts().region.clone(),
        iam: true,
        owners: Vec::new(),
    };
    let connection = connections::create(&cx, new).await.expect("a connection");
    world.sim().trust_connector(&connection.external_id);
    let tested = connections::test(&cx, connection.id).await.expect("tested");
    assert!(tested.last_test.expect("a report").passed);
    connection.id
}

pub(crate) async fn by_role(world: &World) -> ConnectionId {
    let arn = world.facts().connector_role_arn;
    connect(world, NewCredential::role(arn)).await
}

/// What Stint called of IAM that changes something, in order, with what it named.
pub(crate) fn changes(world: &World, since: u64) -> Vec<String> {
    let calls = world.sim().journal_since(since).into_iter();
    calls
        .filter(|call| call.party == Party::Stint && call.operation.starts_with("iam:"))
        .map(|call| call.operation.trim_start_matches("iam:").to_owned())
        .filter(|name| {
            !["Get", "List", "Simulate"]
                .iter()
                .any(|it| name.starts_with(it))
        })
        .collect()
}

pub(crate) const HOUR: Span = Span::hours(1);
