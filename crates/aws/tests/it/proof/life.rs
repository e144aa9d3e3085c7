//! What is made and taken apart to prove the policies for IAM users, keys, events and member
//! accounts.

use stint_aws::{Answer, Lane, NewUser, PairKey, Queue, UserRef, Written};
use stint_domain::managed::Change;
use stint_domain::managed::user::{Hanging, Scope};

use stint_iam_policy::trust_policy;

use super::Doing;
use crate::world::World;

/// The permissions boundary of users that are made.
pub(super) const BOUNDARY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

/// A queue with a message in it.
pub(super) async fn make_queue(world: &World) -> Queue {
    let sqs = aws_sdk_sqs::Client::new(&world.onlooker());
    let made = sqs.create_queue().queue_name("stint-changes").send().await;
    let made = made.expect("the administrator may make queues");
    let url = made.queue_url().expect("a URL");
    let sent = sqs.send_message().queue_url(url).message_body("{}");
    sent.send().await.expect("the administrator may send");
    Queue::parse_simulated(url, &world.facts.region).expect("a queue")
}

/// An account of the organization that Stint enters.
#[derive(Clone)]
pub(super) struct Member {
    /// Its twelve digits.
    pub(super) account: String,
    /// The role Stint assumes.
    pub(super) role_arn: String,
    /// A membership that may be changed.
    pub(super) group: PairKey,
}

/// An account with a user, a group, and the role as the set-up of member accounts has it, but for
/// its permissions.
pub(super) async fn make_member(world: &World) -> Member {
    let organizations = world.onlooker_organizations();
    let asked = organizations.create_account().account_name("one");
    let asked = asked.email("one@accounts.acme.example").send().await;
    let asked = asked.expect("the administrator may make accounts");
    let request = asked.create_account_status().and_then(|it| it.id());
    let request = request.expect("a request").to_owned();
    let account = loop {
        let status = organizations.describe_create_account_status();
        let status = status.create_account_request_id(&request).send().await;
        let status = status.expect("the administrator may look");
        let made = status
            .create_account_status()
            .and_then(|it| it.account_id());
        if let Some(id) = made {
            break id.to_owned();
        }
    };
    let role = format!("arn:aws:iam::{account}:role/OrganizationAccountAccessRole");
    let sts = aws_sdk_sts::Client::new(&world.onlooker());
    let entered = sts.assume_role().role_arn(role).role_session_name("admin");
    let entered = entered.send().await.expect("the administrator may enter");
    let keys = entered.credentials().expect("credentials");
    let keys = aws_credential_types::Credentials::new(
        keys.access_key_id(),
        keys.secret_access_key(),
        Some(keys.session_token().to_owned()),
        None,
        "the account's administrator",
    );
    let iam = aws_sdk_iam::Client::new(&world.onlooker_with(keys));
    let trust = trust_policy(
        &world.facts.connector_role_arn,
        &format!("stint-m-{account}"),
    );
    let role = iam.create_role().role_name(super::MEMBER);
    let role = role.assume_role_policy_document(trust.to_text());
    let role = role
        .send()
        .await
        .expect("made")
        .role()
        .expect("a role")
        .clone();
    let user = iam.create_user().user_name("mia").send().await;
    let user = user.expect("made").user().expect("a user").clone();
    let group = iam.create_group().group_name("Builders").send().await;
    let group = group.expect("made").group().expect("a group").clone();
    Member {
        role_arn: role.arn().to_owned(),
        group: PairKey::IamMembership {
            account: account.clone(),
            group: group.group_id().to_owned(),
            group_name: group.group_name().to_owned(),
            user: user.user_id().to_owned(),
            user_name: user.user_name().to_owned(),
        },
        account,
    }
}

const NAME: &str = "robot";
const DEVICE: &str = "robot-device";

/// Hangs on the user what AWS wants gone before it is deleted, as somebody else does.
async fn burden(world: &World) {
    let iam = world.onlooker_iam();
    let key = iam.create_access_key().user_name(NAME).send().await;
    key.expect("a key");
    let profile = iam.create_login_profile().user_name(NAME);
    let profile = profile.password("Correct-Horse-9").send().await;
    profile.expect("a password");
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}"#;
    let put = iam.put_user_policy().user_name(NAME).policy_name("reads");
    let put = put.policy_document(policy).send().await;
    put.expect("an inline policy");
    let attach = iam.attach_user_policy().user_name(NAME);
    let attach = attach.policy_arn(BOUNDARY).send().await;
    attach.expect("attached");
    let add = iam.add_user_to_group().user_name(NAME);
    let add = add.group_name("Developers").send().await;
    add.expect("a member");
    let service = iam.create_service_specific_credential().user_name(NAME);
    let service = service
        .service_name("codecommit.amazonaws.com")
        .send()
        .await;
    service.expect("a credential");
    let device = iam.create_virtual_mfa_device();
    let device = device.virtual_mfa_device_name(DEVICE).send().await;
    device.expect("a device");
}

impl Doing<'_> {
    fn written(&mut self, what: &Change, written: Written) {
        // Of what is not there AWS says so only to whoever may remove it.
        match written.answer {
            Answer::Succeeded { .. } | Answer::NotFound => {}
            other => self.failed.push(format!("{what:?}: {other:?}")),
        }
    }

    /// Made, looked at, locked out and taken apart.
    pub(super) async fn life_of_a_user(&mut self) {
        let account = self.world.facts.management_account.clone();
        let user = UserRef {
            account: &account,
            name: NAME,
            id: None,
        };
        let new = NewUser {
            path: "/",
            mark: "an object's id",
            boundary: Some(BOUNDARY),
        };
        let lane = Lane::Provision;
        let estate = self.estate;
        let change = Change::CreateUser;
        let made = estate
            .change_user(user, &change, Some(new), self.world.now(), lane)
            .await;
        let there = matches!(made.answer, Answer::Succeeded { .. });
        self.written(&change, made);
        if !there {
            return;
        }
        burden(self.world).await;
        let read = estate.read_user(user, Scope::Everything, lane).await;
        let found = self.note(read).and_then(|it| it.seen.user);
        let Some(found) = found else { return };
        self.failed.extend(found.unseen);
        let device = format!("arn:aws:iam::{account}:mfa/{DEVICE}");
        let mut hanging = found.hanging;
        // Assigned it would have to show codes; and there is none of the other two.
        hanging.extend([
            Hanging::Mfa(device),
            Hanging::Certificate("CERTIFICATE0000000000000".to_owned()),
            Hanging::SshKey("APKA0000000000000000".to_owned()),
        ]);
        hanging.sort();
        let changes = hanging.into_iter().flat_map(|it| match it {
            Hanging::ActiveKey(id) => vec![Change::DeactivateKey(id)],
            Hanging::LoginProfile => vec![Change::DeleteLoginProfile],
            Hanging::Key(id) => vec![Change::DeleteKey(id)],
            Hanging::Certificate(id) => vec![Change::DeleteCertificate(id)],
            Hanging::SshKey(id) => vec![Change::DeleteSshKey(id)],
            Hanging::ServiceCredential(id) => vec![Change::DeleteServiceCredential(id)],
            Hanging::Mfa(id) => vec![
                Change::DeactivateMfa(id.clone()),
                Change::DeleteVirtualMfa(id),
            ],
            Hanging::InlinePolicy(name) => vec![Change::DeleteInlinePolicy(name)],
            Hanging::AttachedPolicy(arn) => vec![Change::DetachPolicy(arn)],
            Hanging::Group(name) => vec![Change::LeaveGroup(name)],
        });
        for change in changes.chain([Change::DeleteUser]) {
            let now = self.world.now();
            let written = estate.change_user(user, &change, None, now, lane).await;
            self.written(&change, written);
        }
    }

    /// Its own keys: seen, made, deactivated and deleted.
    pub(super) async fn rotation(&mut self) {
        let (estate, lane) = (self.estate, Lane::Provision);
        let keys = estate.own_keys(lane).await;
        self.note(keys);
        let arn = &self.world.facts.connector_user.arn;
        let name = arn.rsplit('/').next().expect("a name").to_owned();
        let (written, made) = estate.create_key(&name, self.world.now(), lane).await;
        self.written(&Change::CreateKey, written);
        let Some(made) = made else { return };
        let account = self.world.facts.management_account.clone();
        let user = UserRef {
            account: &account,
            name: &name,
            id: None,
        };
        for change in [
            Change::DeactivateKey(made.id.clone()),
            Change::DeleteKey(made.id),
        ] {
            let now = self.world.now();
            let written = estate.change_user(user, &change, None, now, lane).await;
            self.written(&change, written);
        }
    }

    /// Messages are received and taken out; what they name is read by itself.
    pub(super) async fn change_events(&mut self, queue: &Queue) {
        let state = self.estate.queue_state(queue).await;
        self.note(state);
        let received = self.estate.receive(queue).await;
        let received = self.note(received).unwrap_or_default();
        let receipts: Vec<String> = received.into_iter().map(|it| it.receipt).collect();
        // A receipt nobody gave is refused to whoever may take out, for another reason.
        if !receipts.is_empty() {
            let taken = self.estate.take_out(queue, &receipts).await;
            self.note(taken);
        }
        let store = self.world.facts.identity_store_id.clone();
        let bo = super::person(&self.world.facts.bo);
        let user = self.estate.user(&store, &bo, Lane::Sync).await;
        self.note(user);
        let group = self.world.sim.group_id("platform").expect("there");
        let group = self.estate.group(&store, &group, Lane::Sync).await;
        self.note(group);
    }
}
