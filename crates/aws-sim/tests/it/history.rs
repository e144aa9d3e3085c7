//! Who added what and when, as the simulator's owner sees it.

use stint_aws_sim::{Party, Row, Settle};

use crate::assignments::Triple;
use crate::rig::{SECOND, both, small};

both!(
    every_row_that_came_or_went_is_told_with_its_call,
    small(),
    |rig| {
        rig.sim.knobs(|knobs| {
            knobs.settle = Settle {
                polls: 2,
                micros: 3 * SECOND,
            };
        });
        let (stint, admin) = (rig.connector().await, rig.admin());
        let (ours, theirs) = (Triple::of(&rig, &stint), Triple::of(&rig, &admin));
        ours.create().await.unwrap();
        let intended = rig.sim.calls();
        assert_eq!(rig.sim.history(), [], "accepted is not carried out");
        let accepted = rig.clock.now_micros();
        rig.clock.advance(5 * SECOND);
        // There already: nothing comes.
        theirs.create().await.unwrap();
        rig.clock.advance(5 * SECOND);
        theirs.delete().await.unwrap();
        rig.clock.advance(5 * SECOND);
        let told = rig.sim.history();
        let row = Row::Assignment {
            account: ours.account.clone(),
            permission_set: ours.set.clone(),
            principal_type: "USER".to_owned(),
            principal: ours.principal.clone(),
        };
        assert_eq!(told.len(), 2);
        assert!(told.iter().all(|changed| changed.row == row));
        let brief: Vec<_> = (told.iter())
            .map(|changed| (changed.came, changed.by, changed.at - accepted))
            .collect();
        assert_eq!(
            brief,
            [
                (true, Party::Stint, 3 * SECOND),
                (false, Party::Admin, 13 * SECOND)
            ]
        );
        assert_eq!(told[0].call, Some(intended));
    }
);
