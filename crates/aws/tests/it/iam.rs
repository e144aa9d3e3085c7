//! Membership of an IAM group: whose the names are is asked before anything is sent.

use stint_aws::{Answer, ErrorKind, IamGroup, Lane, Outcome, PairKey, Reach, Written};
use stint_aws_sim::{Effect, EstateSpec, Fault};
use stint_domain::Span;
use stint_iam_policy::IamScope;

use crate::world::World;

const PROVISION: Lane = Lane::Provision;
const REVOKE: Lane = Lane::Revoke;
const SYNC: Lane = Lane::Sync;

fn estate() -> EstateSpec {
    EstateSpec {
        seed: 5,
        accounts: 4,
        permission_sets: 3,
        users: 8,
        groups: 2,
        memberships: 2,
        assignments: 2,
        iam_users: 12,
        iam_groups: 12,
        iam_roles: 0,
        iam_memberships: 4,
    }
}

struct Rig {
    world: World,
    group: String,
    user: String,
    key: PairKey,
}

impl Rig {
    /// The first user, who is in no group, and the first group.
    async fn new() -> Self {
        Self::of(estate()).await
    }

    async fn of(spec: EstateSpec) -> Self {
        let world = World::of(spec);
        let users = world.estate.iam_users(None, SYNC).all().await.unwrap();
        let user = users.iter().find(|u| u.name == "ana.moreno").unwrap();
        let groups = world.estate.iam_groups(None, SYNC).all().await.unwrap();
        let group = &groups[0];
        let key = PairKey::IamMembership {
            account: world.facts.management_account.clone(),
            group: group.id.clone(),
            group_name: group.name.clone(),
            user: user.id.clone(),
            user_name: user.name.clone(),
        };
        Self {
            group: group.name.clone(),
            user: user.name.clone(),
            world,
            key,
        }
    }

    async fn create(&self) -> Written {
        let now = self.world.now();
        self.world.estate.create(&self.key, now, PROVISION).await
    }

    async fn delete(&self) -> Written {
        let now = self.world.now();
        self.world.estate.delete(&self.key, None, now, REVOKE).await
    }

    async fn present(&self) -> bool {
        let read = self.world.estate.read(&self.key, PROVISION).await;
        read.unwrap().present
    }

    fn iam(&self) -> aws_sdk_iam::Client {
        self.world.onlooker_iam()
    }

    async fn rename_user(&self, from: &str, to: &str) {
        let rename = self.iam().update_user().user_name(from).new_user_name(to);
        rename.send().await.unwrap();
    }

    async fn rename_group(&self, from: &str, to: &str) {
        let rename = self.iam().update_group().group_name(from);
        rename.new_group_name(to).send().await.unwrap();
    }

    async fn add(&self, group: &str, user: &str) {
        let add = self.iam().add_user_to_group().group_name(group);
        add.user_name(user).send().await.unwrap();
    }

    async fn is_in(&self, group: &str, user: &str) -> bool {
        let get = self.iam().get_group().group_name(group);
        let members = get.max_items(1000).send().await.unwrap();
        members.users().iter().any(|u| u.user_name() == user)
    }

    /// What Stint called from this call on, of IAM.
    fn called(&self, since: u64) -> Vec<String> {
        let mut called = self.world.called(since);
        // What the credential may do is asked whatever is switched on.
        called.retain(|name| name.starts_with("iam:") && name != "iam:SimulatePrincipalPolicy");
        called
    }
}

fn refused(written: &Written) -> (&str, &str, bool) {
    match &written.answer {
        Answer::Refused {
            code,
            message,
            permanent,
        } => (code, message, *permanent),
        other => panic!("{other:?}"),
    }
}

fn done(written: &Written) -> bool {
    matches!(
        written.answer,
        Answer::Succeeded {
            membership_id: None
        }
    )
}

#[tokio::test]
async fn a_membership_comes_and_goes_and_success_says_nothing_of_whose_it_is() {
    let rig = Rig::new().await;
    assert!(!rig.present().await);
    let since = rig.world.mark();
    let written = rig.create().await;
    assert!(done(&written));
    let add = rig.world.calls(since).pop().unwrap();
    assert_eq!(
        written.aws_request_id.as_deref(),
        Some(add.request_id.as_str())
    );
    assert_eq!(
        rig.called(since),
        ["iam:GetUser", "iam:GetGroup", "iam:AddUserToGroup"]
    );
    assert!(rig.present().await && rig.world.seen(&rig.key).await);
    assert!(done(&rig.create().await), "a member is added with success");
    assert!(done(&rig.delete().await));
    assert!(!rig.present().await && !rig.world.seen(&rig.key).await);
    assert!(done(&rig.delete().await), "nobody is removed with success");
}

#[tokio::test]
async fn a_renamed_user_is_not_added_and_is_removed_by_the_present_name() {
    let rig = Rig::new().await;
    rig.create().await;
    rig.rename_user(&rig.user, "ana.new").await;
    let since = rig.world.mark();
    let written = rig.create().await;
    let (code, message, permanent) = refused(&written);
    assert_eq!((code, permanent), ("renamed", true));
    assert!(message.contains("ana.new"), "{message}");
    assert!(!rig.called(since).contains(&"iam:AddUserToGroup".to_owned()));
    assert!(rig.present().await, "a reading goes by ids");
    assert!(done(&rig.delete().await));
    assert!(!rig.is_in(&rig.group, "ana.new").await);
    // Somebody else bears the old name by now: nobody but the one meant is removed.
    rig.add(&rig.group, "ana.new").await;
    rig.iam()
        .create_user()
        .user_name(&rig.user)
        .send()
        .await
        .unwrap();
    rig.add(&rig.group, &rig.user).await;
    let written = rig.create().await;
    let (code, message, _) = refused(&written);
    assert_eq!(code, "renamed");
    assert!(message.contains("another's today"), "{message}");
    assert!(done(&rig.delete().await));
    assert!(!rig.is_in(&rig.group, "ana.new").await);
    assert!(rig.is_in(&rig.group, &rig.user).await, "another person's");
}

#[tokio::test]
async fn a_name_that_came_back_is_not_the_person_that_was_meant() {
    let rig = Rig::new().await;
    let delete = rig.iam().delete_user().user_name(&rig.user);
    delete.send().await.unwrap();
    let gone = rig.create().await;
    assert_eq!(refused(&gone).0, "NoSuchEntity");
    assert!(refused(&gone).2);
    rig.iam()
        .create_user()
        .user_name(&rig.user)
        .send()
        .await
        .unwrap();
    let since = rig.world.mark();
    let written = rig.create().await;
    assert_eq!(
        (refused(&written).0, refused(&written).2),
        ("name_reused", true)
    );
    rig.add(&rig.group, &rig.user).await;
    assert!(
        !rig.present().await,
        "the member is another, of the same name"
    );
    let removed = rig.delete().await;
    assert_eq!(removed.answer, Answer::NotFound);
    assert!(removed.aws_request_id.is_some(), "the look-up's");
    assert!(rig.is_in(&rig.group, &rig.user).await);
    let writes = ["iam:AddUserToGroup", "iam:RemoveUserFromGroup"];
    let called = rig.called(since);
    assert!(!called.iter().any(|name| writes.contains(&name.as_str())));
}

#[tokio::test]
async fn a_group_is_known_by_its_id_too() {
    let rig = Rig::new().await;
    rig.create().await;
    rig.rename_group(&rig.group, "old-team").await;
    assert!(rig.present().await, "found under its present name");
    assert_eq!(refused(&rig.create().await).0, "renamed");
    rig.iam()
        .create_group()
        .group_name(&rig.group)
        .send()
        .await
        .unwrap();
    rig.add(&rig.group, &rig.user).await;
    assert!(rig.present().await);
    assert!(done(&rig.delete().await));
    assert!(!rig.is_in("old-team", &rig.user).await);
    assert!(rig.is_in(&rig.group, &rig.user).await, "another group");
    assert!(!rig.present().await);
    let delete = rig.iam().delete_group().group_name("old-team");
    delete.send().await.unwrap();
    assert!(!rig.present().await, "nobody is in a group that is gone");
    assert_eq!(rig.delete().await.answer, Answer::NotFound);
    assert_eq!(refused(&rig.create().await).0, "name_reused");
    assert!(rig.is_in(&rig.group, &rig.user).await);
}

#[tokio::test]
async fn what_is_not_there_is_told_apart_where_the_code_is_the_same() {
    let rig = Rig::new().await;
    rig.create().await;
    // Not a member, as others than AWS put it: both exist, under the names used.
    let fault = rig.world.sim.faults().add(
        Fault::on("iam:RemoveUserFromGroup"),
        Effect::refuse("NoSuchEntity"),
    );
    assert_eq!(rig.delete().await.answer, Answer::NotFound);
    rig.world.sim.faults().remove(fault);
    // An add of what AWS just said exists is worth another try.
    let fault = rig.world.sim.faults().add(
        Fault::on("iam:AddUserToGroup"),
        Effect::refuse("NoSuchEntity"),
    );
    assert!(!refused(&rig.create().await).2);
    rig.world.sim.faults().remove(fault);
    for code in ["ConcurrentModification", "EntityTemporarilyUnmodifiable"] {
        for operation in ["iam:AddUserToGroup", "iam:RemoveUserFromGroup"] {
            let fault = Fault::on(operation);
            let fault = rig.world.sim.faults().add(fault, Effect::refuse(code));
            let written = if operation.contains("Add") {
                rig.create().await
            } else {
                rig.delete().await
            };
            assert_eq!((refused(&written).0, refused(&written).2), (code, false));
            rig.world.sim.faults().remove(fault);
        }
    }
    // Who may not ask whose the names are does not go on.
    for operation in ["iam:GetUser", "iam:ListUsers"] {
        let denied = Effect::refuse("AccessDenied");
        rig.world.sim.faults().add(Fault::on(operation), denied);
    }
    assert!(refused(&rig.create().await).2);
    assert_eq!(refused(&rig.delete().await).0, "unsent");
    assert!(rig.present().await, "a reading does not need it");
}

#[tokio::test]
async fn ten_groups_and_no_more_is_refused_for_good_with_what_helps() {
    let rig = Rig::new().await;
    let groups = rig.world.estate.iam_groups(None, SYNC).all().await.unwrap();
    for group in groups.iter().skip(1).take(10) {
        rig.add(&group.name, &rig.user).await;
    }
    let written = rig.create().await;
    let (code, message, permanent) = refused(&written);
    assert_eq!((code, permanent), ("LimitExceeded", true));
    assert!(
        message.contains("take ana.moreno out of a group"),
        "{message}"
    );
    assert!(!rig.present().await);
}

#[tokio::test]
async fn a_call_whose_worker_slept_is_refused_by_aws() {
    let rig = Rig::new().await;
    let intended = rig.world.now();
    rig.world.advance(Span::minutes(20));
    let written = rig.world.estate.create(&rig.key, intended, PROVISION).await;
    assert_eq!(refused(&written).0, "signature_expired");
    assert!(!rig.world.seen(&rig.key).await);
    rig.create().await;
    let written = rig
        .world
        .estate
        .delete(&rig.key, None, intended, REVOKE)
        .await;
    assert_eq!(refused(&written).0, "signature_expired");
    assert!(rig.world.seen(&rig.key).await);
}

#[tokio::test]
async fn a_lost_call_may_have_happened() {
    let rig = Rig::new().await;
    for effect in [Effect::LoseAfter, Effect::LoseBefore, Effect::Broken] {
        let fault = Fault::on("iam:AddUserToGroup");
        let fault = rig.world.sim.faults().add(fault, effect);
        let written = rig.create().await;
        assert!(
            matches!(written.answer, Answer::Unknown { .. }),
            "{written:?}"
        );
        rig.world.sim.faults().remove(fault);
    }
}

#[tokio::test]
async fn a_role_that_leads_elsewhere_finds_nobody_gone() {
    let rig = Rig::new().await;
    let member = rig.world.facts.member_role_arn.clone().unwrap();
    let elsewhere = rig.world.estate(|spec| {
        spec.reach = Reach::Role {
            role_arn: member,
            external_id: rig.world.facts.connector_external_id.clone(),
        };
    });
    let error = elsewhere.read(&rig.key, REVOKE).await.unwrap_err();
    assert_eq!(error.code, "other_account");
    let now = rig.world.now();
    let written = elsewhere.delete(&rig.key, None, now, REVOKE).await;
    assert_eq!(
        (refused(&written).0, refused(&written).2),
        ("unsent", false)
    );
    let written = elsewhere.create(&rig.key, now, PROVISION).await;
    assert_eq!(refused(&written).0, "unsent");
}

#[tokio::test]
async fn every_list_is_read_to_its_end_or_not_at_all() {
    let spec = EstateSpec {
        iam_users: 1_100,
        iam_groups: 3,
        iam_memberships: 3_200,
        ..estate()
    };
    let rig = Rig::of(spec).await;
    let since = rig.world.mark();
    let users = rig.world.estate.iam_users(None, SYNC).all().await.unwrap();
    assert!(users.len() >= 1_100, "{}", users.len());
    assert_eq!(rig.called(since), ["iam:ListUsers"; 2]);
    let groups = rig.world.estate.iam_groups(None, SYNC).all().await.unwrap();
    assert_eq!(groups.len(), 3);
    let since = rig.world.mark();
    let members = rig.world.estate.iam_members(&groups[0], None, SYNC);
    let members = members.all().await.unwrap();
    assert!(members.len() > 1_000, "{}", members.len());
    assert_eq!(rig.called(since), ["iam:GetGroup"; 2]);
    // The one looked for is on the first page: the second must come all the same.
    let fault = Fault::on("iam:GetGroup").nth(2);
    let denied = Effect::refuse("AccessDenied");
    rig.world.sim.faults().add(fault, denied);
    let error = rig.world.estate.read(&rig.key, REVOKE).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    let other = IamGroup {
        id: groups[1].id.clone(),
        name: groups[0].name.clone(),
    };
    let wrong = rig.world.estate.iam_members(&other, None, SYNC).all().await;
    assert_eq!(wrong.unwrap_err().code, "other_group");
}

#[tokio::test]
async fn the_test_of_a_connection_looks_at_iam_where_it_is_switched_on() {
    let rig = Rig::new().await;
    let on = rig.world.estate(|spec| spec.iam = true);
    let report = on.test().await;
    assert!(report.passed(), "{report:?}");
    let check = report.check("iam").unwrap();
    assert_eq!((check.outcome, check.request_ids.len()), (Outcome::Ok, 3));
    let off = &rig.world.estate;
    let since = rig.world.mark();
    let report = off.test().await;
    assert!(report.passed() && report.check("iam").is_none());
    assert_eq!(rig.called(since), Vec::<String>::new());
    for action in ["ListUsers", "ListGroups", "GetGroup"] {
        let fault = Fault::on(&format!("iam:{action}"));
        let denied = Effect::refuse("AccessDenied");
        let fault = rig.world.sim.faults().add(fault, denied);
        let report = on.test().await;
        let check = report.check("iam").unwrap();
        assert_eq!(check.outcome, Outcome::Failed);
        let mend = check.mend.as_deref().unwrap();
        assert!(mend.contains(&format!("iam:{action} ")), "{mend}");
        rig.world.sim.faults().remove(fault);
    }
}

/// What limits a connection.
type Limit = fn(&mut IamScope);

/// The same pair, through a connection with these limits.
fn limited(rig: &Rig, change: impl FnOnce(&mut IamScope)) -> stint_aws::Estate {
    let mut scope = IamScope::everything();
    change(&mut scope);
    rig.world.estate(|s| {
        s.iam = true;
        s.features.iam = Some(scope);
    })
}

#[tokio::test]
async fn nobody_outside_the_limits_is_added_and_who_is_in_is_still_taken_out() {
    let rig = Rig::new().await;
    let account = rig.world.facts.management_account.clone();
    let group = |name: &str| format!("arn:aws:iam::{account}:group/{name}");
    let here = group(&rig.group);
    let cases: [(Limit, &str); 4] = [
        (
            |it| it.user_prefix = "app-".to_owned(),
            "the IAM user ana.moreno",
        ),
        (
            |it| it.user_path = "/stint/".to_owned(),
            "the IAM user ana.moreno",
        ),
        (
            |it| {
                it.user_prefix = "ana".to_owned();
                it.user_path = "/stint/".to_owned();
            },
            "the IAM user ana.moreno",
        ),
        (
            |it| it.groups = vec!["arn:aws:iam::*:group/somebody-elses".to_owned()],
            "the IAM group",
        ),
    ];
    for (change, named) in cases {
        let since = rig.world.mark();
        let estate = limited(&rig, change);
        let written = estate.create(&rig.key, rig.world.now(), PROVISION).await;
        let (code, message, permanent) = refused(&written);
        assert_eq!((code, permanent), ("outside_limits", true), "{message}");
        assert!(message.starts_with(named), "{message}");
        assert!(
            !rig.called(since)
                .iter()
                .any(|it| it == "iam:AddUserToGroup")
        );
        assert!(!rig.is_in(&rig.group, &rig.user).await);
    }
    let estate = limited(&rig, |it| {
        it.user_path = "/people/".to_owned();
        it.user_prefix = "ana".to_owned();
        it.groups = vec![here];
    });
    let written = estate.create(&rig.key, rig.world.now(), PROVISION).await;
    assert!(
        matches!(written.answer, Answer::Succeeded { .. }),
        "{written:?}"
    );
    assert!(rig.is_in(&rig.group, &rig.user).await);
    // Limits that were drawn tighter since keep nobody in.
    let estate = limited(&rig, |it| it.user_prefix = "app-".to_owned());
    let written = estate.delete(&rig.key, None, rig.world.now(), REVOKE).await;
    assert!(
        matches!(written.answer, Answer::Succeeded { .. }),
        "{written:?}"
    );
    assert!(!rig.is_in(&rig.group, &rig.user).await);
}

#[tokio::test]
async fn a_user_that_may_not_be_looked_at_alone_is_found_in_the_list() {
    let rig = Rig::new().await;
    let denied = Effect::refuse("AccessDenied");
    rig.world.sim.faults().add(Fault::on("iam:GetUser"), denied);
    let written = rig.create().await;
    assert!(
        matches!(written.answer, Answer::Succeeded { .. }),
        "{written:?}"
    );
    assert!(rig.present().await);
    let written = rig.delete().await;
    assert!(
        matches!(written.answer, Answer::Succeeded { .. }),
        "{written:?}"
    );
    assert!(!rig.present().await);
    // Renamed, it is not taken for another; gone, it is said to be gone.
    rig.rename_user(&rig.user, "ana.m").await;
    let written = rig.create().await;
    assert_eq!(refused(&written).0, "renamed");
    rig.iam()
        .delete_user()
        .user_name("ana.m")
        .send()
        .await
        .unwrap();
    let written = rig.create().await;
    assert_eq!(refused(&written).0, "NoSuchEntity");
}

#[tokio::test]
async fn limits_hold_by_the_list_where_a_user_may_not_be_looked_at_alone() {
    let rig = Rig::new().await;
    let denied = Effect::refuse("AccessDenied");
    rig.world.sim.faults().add(Fault::on("iam:GetUser"), denied);
    // Outside by its name, and twice by its path, which only AWS tells.
    let outside: [Limit; 3] = [
        |it| it.user_prefix = "app-".to_owned(),
        |it| it.user_path = "/stint/".to_owned(),
        |it| it.user_prefix = "ana".to_owned(),
    ];
    for change in outside {
        let since = rig.world.mark();
        let estate = limited(&rig, change);
        let written = estate.create(&rig.key, rig.world.now(), PROVISION).await;
        let (code, message, permanent) = refused(&written);
        assert_eq!((code, permanent), ("outside_limits", true), "{message}");
        let called = rig.called(since);
        assert!(!called.iter().any(|it| it == "iam:AddUserToGroup"));
        assert!(!rig.is_in(&rig.group, &rig.user).await);
    }
    let estate = limited(&rig, |it| {
        it.user_path = "/people/".to_owned();
        it.user_prefix = "ana".to_owned();
    });
    let written = estate.create(&rig.key, rig.world.now(), PROVISION).await;
    assert!(
        matches!(written.answer, Answer::Succeeded { .. }),
        "{written:?}"
    );
    assert!(rig.is_in(&rig.group, &rig.user).await);
    // Who bears the name no longer, the list tells too.
    let estate = limited(&rig, |it| it.user_path = "/people/".to_owned());
    rig.rename_user(&rig.user, "ana.m").await;
    let written = estate.create(&rig.key, rig.world.now(), PROVISION).await;
    assert_eq!(refused(&written).0, "renamed");
}
