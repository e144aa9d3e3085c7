//! Looking at an IAM user while others rename it; and taking messages out of a queue that keeps some.

use stint_aws::{ErrorKind, Lane, Queue, UserRef};
use stint_aws_sim::{Effect, Fault, Gate, Party};
use stint_domain::managed::user::{Hanging, Scope};
use stint_iam_policy::{Features, IamScope, Own, UserLife};

use crate::world::World;

/// The connector with what the life of IAM users and change events take.
fn permitted(world: &World) {
    let account = &world.facts.management_account;
    let features = Features {
        iam: Some(IamScope::everything()),
        iam_user_life: Some(UserLife::default()),
        change_events: Some(format!("arn:aws:sqs:{}:{account}:*", world.facts.region)),
        own: Own::Role(world.facts.connector_role_arn.clone()),
        ..Features::of("aws", account)
    };
    let put = world.sim.put_role_permissions(
        &world.facts.connector_role_arn,
        &features.policy().to_text(),
    );
    put.expect("taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_hangs_on_the_next_bearer_of_a_name_is_not_taken_for_the_users() {
    let world = World::new();
    permitted(&world);
    let iam = world.onlooker_iam();
    let made = iam.create_user().user_name("robot").send().await;
    let id = made
        .expect("made")
        .user()
        .expect("a user")
        .user_id()
        .to_owned();
    let account = world.facts.management_account.clone();
    let gate = Gate::new();
    let keys = Fault::on("iam:ListAccessKeys").by(Party::Stint).nth(1);
    world.sim.faults().add(keys, Effect::Hold(gate.clone()));
    let estate = world.estate.clone();
    let looking = tokio::spawn(async move {
        let user = UserRef {
            account: &account,
            name: "robot",
            id: None,
        };
        let first = estate.read_user(user, Scope::Locks, Lane::Provision).await;
        let again = estate.read_user(user, Scope::Locks, Lane::Provision).await;
        (first, again)
    });
    // Found by its name; before its keys are listed the name is another's.
    gate.arrived().await;
    let rename = iam.update_user().user_name("robot").new_user_name("former");
    rename.send().await.expect("renamed");
    let made = iam.create_user().user_name("robot").send().await;
    let other = made
        .expect("made")
        .user()
        .expect("a user")
        .user_id()
        .to_owned();
    let key = iam.create_access_key().user_name("robot").send().await;
    let key = key
        .expect("made")
        .access_key()
        .expect("a key")
        .access_key_id()
        .to_owned();
    gate.release();
    let (first, again) = looking.await.expect("looked");
    let error = first.expect_err("whose keys they are is not known");
    assert_eq!(
        (error.kind, error.code.as_str()),
        (ErrorKind::Conflict, "moved_meanwhile")
    );
    let again = again.expect("nobody moves");
    let found = again.seen.user.expect("the other");
    assert!(found.id == other && found.id != id, "{found:?}");
    assert!(found.hanging.contains(&Hanging::Key(key)), "{found:?}");
    assert_eq!(again.path.as_deref(), Some("/"));
}

#[tokio::test]
async fn a_message_that_stays_in_the_queue_is_said_to() {
    let world = World::new();
    permitted(&world);
    let sqs = aws_sdk_sqs::Client::new(&world.onlooker());
    let made = sqs.create_queue().queue_name("stint-changes").send().await;
    let made = made.expect("made");
    let url = made.queue_url().expect("a URL");
    let sent = sqs.send_message().queue_url(url).message_body("{}");
    sent.send().await.expect("sent");
    let queue = Queue::parse_simulated(url, &world.facts.region).expect("a queue");
    let received = world.estate.receive(&queue).await.expect("received");
    let good = received[0].receipt.clone();
    let receipts = ["of no message".to_owned(), good];
    let error = world.estate.take_out(&queue, &receipts).await;
    let error = error.expect_err("one of them stays");
    assert!(error.message.contains("1 of 2 messages stay"), "{error:?}");
    let (state, _) = world.estate.queue_state(&queue).await.expect("looked");
    assert_eq!((state.waiting, state.hidden), (0, 0), "the other is gone");
}
