//! Reads that answer from an older state.

use aws_sdk_identitystore::types::MemberId;
use stint_aws_sim::{Effect, Fault, Reads};

use crate::assignments::Triple;
use crate::rig::{SECOND, both, code, small};

both!(reads_lag_behind_writes, small(), |rig| {
    rig.sim.knobs(|knobs| {
        knobs.settle.polls = 0;
        knobs.read_lag_micros = 20 * SECOND;
    });
    let connector = rig.connector().await;
    let triple = Triple::of(&rig, &connector);
    triple.create().await.unwrap();
    assert!(!triple.is_there().await);
    rig.clock.advance(10 * SECOND);
    triple.delete().await.unwrap();
    rig.clock.advance(10 * SECOND);
    // The state of twenty seconds ago: created, not yet deleted.
    assert!(triple.is_there().await);
    rig.clock.advance(10 * SECOND);
    assert!(!triple.is_there().await);

    // Memberships lag too; writes see what is.
    let store = &rig.facts.identity_store_id;
    let group = rig.sim.group_id("data").unwrap();
    let join = || {
        connector
            .store
            .create_group_membership()
            .identity_store_id(store)
            .group_id(&group)
            .member_id(MemberId::UserId(rig.ana()))
            .send()
    };
    let find = || {
        connector
            .store
            .get_group_membership_id()
            .identity_store_id(store)
            .group_id(&group)
            .member_id(MemberId::UserId(rig.ana()))
            .send()
    };
    join().await.unwrap();
    assert_eq!(code(find().await), "ResourceNotFoundException");
    assert_eq!(code(join().await), "ConflictException");
    rig.clock.advance(20 * SECOND);
    assert!(find().await.is_ok());
});

both!(one_replica_may_lag_and_another_not, small(), |rig| {
    rig.sim.knobs(|knobs| {
        knobs.settle.polls = 0;
        knobs.read_lag_micros = 20 * SECOND;
        knobs.reads = Reads::Alternating;
    });
    let triple = Triple::of(&rig, &rig.connector().await);
    triple.create().await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(triple.is_there().await);
    }
    assert_eq!(seen, [false, true, false, true]);
    rig.sim.knobs(|knobs| knobs.read_lag_micros = 0);
    assert!(triple.is_there().await && triple.is_there().await);
});

both!(a_fault_picks_the_read_that_is_stale, small(), |rig| {
    rig.sim.knobs(|knobs| {
        knobs.settle.polls = 0;
        knobs.read_lag_micros = 20 * SECOND;
        knobs.reads = Reads::Fresh;
    });
    let triple = Triple::of(&rig, &rig.connector().await);
    triple.create().await.unwrap();
    assert!(triple.is_there().await);
    rig.sim.faults().add(
        Fault::on("sso:ListAccountAssignments").nth(1),
        Effect::Stale,
    );
    assert!(!triple.is_there().await);
    assert!(triple.is_there().await);
});

both!(users_policies_and_keys_are_seen_later, small(), |rig| {
    rig.sim.knobs(|knobs| knobs.entity_lag_micros = 20 * SECOND);
    let iam = rig.admin().iam;
    let named = |name: &str| iam.get_user().user_name(name).send();
    let create = || iam.create_user().user_name("kim").send();
    create().await.unwrap();
    assert_eq!(code(named("kim").await), "NoSuchEntity");
    let users = iam.list_users().send().await.unwrap();
    assert!(users.users().iter().all(|user| user.user_name() != "kim"));
    // Writes see what is.
    assert_eq!(code(create().await), "EntityAlreadyExists");
    iam.create_group().group_name("night").send().await.unwrap();
    let key = iam.create_access_key().user_name("kim").send();
    let key = key.await.unwrap().access_key.unwrap();
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:*","Resource":"*"}}"#;
    let put = iam.put_user_policy().user_name("kim").policy_name("p");
    put.policy_document(policy).send().await.unwrap();
    let made = iam
        .create_policy()
        .policy_name("own")
        .policy_document(policy);
    let arn = made.send().await.unwrap().policy.unwrap().arn.unwrap();
    assert_eq!(
        code(iam.get_group().group_name("night").send().await),
        "NoSuchEntity"
    );
    assert_eq!(
        code(iam.get_policy().policy_arn(&arn).send().await),
        "NoSuchEntity"
    );

    rig.clock.advance(10 * SECOND);
    iam.delete_user_policy()
        .user_name("kim")
        .policy_name("p")
        .send()
        .await
        .unwrap();
    let rename = iam.update_user().user_name("kim").new_user_name("kit");
    rename.send().await.unwrap();
    rig.clock.advance(10 * SECOND);
    // As it was twenty seconds ago: there, under the old name, with key and policy.
    assert!(named("kim").await.is_ok());
    assert_eq!(code(named("kit").await), "NoSuchEntity");
    let keys = || iam.list_access_keys().user_name("kim").send();
    let listed = keys().await.unwrap();
    assert_eq!(
        listed.access_key_metadata()[0].access_key_id(),
        Some(key.access_key_id())
    );
    let policies = iam.list_user_policies().user_name("kim").send();
    assert_eq!(policies.await.unwrap().policy_names(), ["p"]);
    assert!(iam.get_policy().policy_arn(&arn).send().await.is_ok());
    assert!(iam.get_group().group_name("night").send().await.is_ok());
    let lagged = rig.sim.journal().last().unwrap().weather.clone();
    assert_eq!(lagged, ["lag"]);

    rig.clock.advance(10 * SECOND);
    assert_eq!(code(named("kim").await), "NoSuchEntity");
    let policies = iam.list_user_policies().user_name("kit").send();
    assert!(policies.await.unwrap().policy_names().is_empty());
    assert!(rig.sim.journal().last().unwrap().weather.is_empty());
});

both!(people_and_permission_sets_are_seen_later, small(), |rig| {
    rig.sim.knobs(|knobs| knobs.entity_lag_micros = 20 * SECOND);
    let admin = rig.admin();
    let store = &rig.facts.identity_store_id;
    let user = admin.store.create_user().identity_store_id(store);
    let user = user.user_name("kim").display_name("Kim");
    let name = aws_sdk_identitystore::types::Name::builder();
    let user = user.name(name.given_name("Kim").family_name("Lee").build());
    let user = user.send().await.unwrap().user_id;
    let find = || {
        let find = admin.store.describe_user().identity_store_id(store);
        find.user_id(&user).send()
    };
    assert_eq!(code(find().await), "ResourceNotFoundException");
    let set = admin.sso.create_permission_set().name("night");
    let set = set
        .instance_arn(&rig.facts.instance_arn)
        .send()
        .await
        .unwrap();
    let set = set.permission_set.unwrap().permission_set_arn.unwrap();
    let describe = || {
        let describe = admin.sso.describe_permission_set().permission_set_arn(&set);
        describe.instance_arn(&rig.facts.instance_arn).send()
    };
    assert_eq!(code(describe().await), "ResourceNotFoundException");
    rig.clock.advance(20 * SECOND);
    assert!(find().await.is_ok() && describe().await.is_ok());

    let delete = admin.store.delete_user().identity_store_id(store);
    delete.user_id(&user).send().await.unwrap();
    let update = admin.sso.update_permission_set().permission_set_arn(&set);
    let update = update.instance_arn(&rig.facts.instance_arn);
    update.description("after dark").send().await.unwrap();
    let description = async || {
        let set = describe().await.unwrap().permission_set.unwrap();
        set.description
    };
    assert!(find().await.is_ok());
    assert_eq!(description().await, None);
    // The other replica is up to date.
    rig.sim.knobs(|knobs| knobs.reads = Reads::Fresh);
    assert_eq!(code(find().await), "ResourceNotFoundException");
    assert_eq!(description().await.as_deref(), Some("after dark"));
    let stale = Fault::on("sso:DescribePermissionSet").nth(1);
    rig.sim.faults().add(stale, Effect::Stale);
    assert_eq!(description().await, None);
    assert_eq!(description().await.as_deref(), Some("after dark"));
    // Nothing is remembered once nothing lags.
    rig.sim.knobs(|knobs| {
        knobs.reads = Reads::Lagging;
        knobs.entity_lag_micros = 0;
    });
    assert_eq!(description().await.as_deref(), Some("after dark"));
});
