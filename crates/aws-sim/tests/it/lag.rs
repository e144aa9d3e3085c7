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
