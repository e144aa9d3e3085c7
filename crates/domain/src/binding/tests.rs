//! The rows of the table, one by one, and the rules for recording.

use uuid::Uuid;

use super::*;
use crate::grant::{CloseReason, Remains};
use crate::{AttemptId, BindingId, ConnectionId, EntitlementId, GrantId, PrincipalId, Span};

/// Seconds after the start of every table test.
fn at(seconds: i64) -> Time {
    Time::default() + Span::seconds(seconds)
}

fn id(n: u128) -> AttemptId {
    AttemptId(Uuid::from_u128(n))
}

fn pair() -> Pair {
    Pair {
        connection: ConnectionId(Uuid::from_u128(1)),
        principal: PrincipalId(Uuid::from_u128(2)),
        entitlement: EntitlementId(Uuid::from_u128(3)),
    }
}

fn kind(kind: BindingKind) -> Ledger {
    let mut binding = Binding::new(BindingId(Uuid::from_u128(9)), pair(), kind);
    (binding.generation, binding.lease_until) = (1, Some(at(1_000_000)));
    Ledger {
        binding,
        grants: vec![],
        attempts: vec![],
    }
}

/// A binding of an account assignment, in epoch 1, which is open.
fn open() -> Ledger {
    let mut ledger = kind(BindingKind::AccountAssignment);
    (ledger.binding.epoch, ledger.binding.epoch_open) = (1, true);
    ledger
}

fn nothing() -> Ledger {
    kind(BindingKind::AccountAssignment)
}

fn membership() -> Ledger {
    let mut ledger = open();
    ledger.binding.kind = BindingKind::GroupMembership;
    ledger
}

impl Ledger {
    /// A grant from 0 for 1 h that is not confirmed.
    fn granted(mut self) -> Self {
        let n = self.grants.len() as u128 + 1;
        let id = GrantId(Uuid::from_u128(n));
        let grant = Grant::open(id, pair(), at(0), Some(Span::hours(1)), at(0));
        self.grants.push(grant);
        self
    }

    fn confirmed(mut self, seconds: i64) -> Self {
        let last = self.grants.pop().expect("granted");
        self.grants.push(last.confirm(at(seconds)).expect("live"));
        self
    }

    /// The last grant, closed.
    fn returned(mut self, seconds: i64) -> Self {
        let last = self.grants.pop().expect("granted");
        let closed = last.close(CloseReason::Returned, None, at(seconds));
        self.grants.push(closed.expect("live"));
        self
    }

    fn attempt(mut self, kind: AttemptKind, signed: i64, outcome: Outcome) -> Self {
        self.attempts.push(Attempt {
            id: id(self.attempts.len() as u128 + 1),
            kind,
            epoch: self.binding.epoch,
            sign_at: at(signed),
            under_removal: false,
            request_id: None,
            membership: None,
            polled_at: None,
            outcome,
            note: None,
        });
        self
    }

    fn create(self, signed: i64, outcome: Outcome) -> Self {
        self.attempt(AttemptKind::Create, signed, outcome)
    }

    fn delete(self, signed: i64, outcome: Outcome) -> Self {
        self.attempt(AttemptKind::Delete, signed, outcome)
    }

    /// The last attempt's membership.
    fn of(mut self, membership: &str) -> Self {
        let last = self.attempts.last_mut().expect("an attempt");
        last.membership = Some(membership.to_owned());
        self
    }

    fn read(self, began: i64, present: bool) -> Self {
        self.observe(Reading {
            began: at(began),
            present,
            membership: None,
        })
    }

    fn read_membership(self, began: i64, membership: &str) -> Self {
        self.observe(Reading {
            began: at(began),
            present: true,
            membership: Some(membership.to_owned()),
        })
    }

    /// The plan at `now` of a claim made at `claimed`.
    fn at(&self, claimed: i64, now: i64) -> Step {
        let claim = Claim {
            generation: 1,
            began: at(claimed),
        };
        self.plan(&claim, at(now), &Config::default())
    }
}

fn done(seconds: i64) -> Outcome {
    Outcome::Succeeded { at: at(seconds) }
}

fn gone(seconds: i64) -> Outcome {
    Outcome::Failed {
        at: at(seconds),
        gone: true,
    }
}

fn failed(seconds: i64) -> Outcome {
    Outcome::Failed {
        at: at(seconds),
        gone: false,
    }
}

fn not_found(seconds: i64) -> Outcome {
    Outcome::NotFound { at: at(seconds) }
}

fn refused(seconds: i64) -> Outcome {
    Outcome::Refused { at: at(seconds) }
}

fn presumed(seconds: i64) -> Outcome {
    Outcome::Presumed { at: at(seconds) }
}

fn until(seconds: i64) -> Step {
    Step::Rest {
        until: Some(at(seconds)),
    }
}

const DELETE: Step = Step::Delete { membership: None };
const UNKNOWN: Outcome = Outcome::Unknown;

fn delete_of(membership: &str) -> Step {
    Step::Delete {
        membership: Some(membership.to_owned()),
    }
}

fn table(rows: &[(&str, Step, Step)]) {
    for (what, planned, expected) in rows {
        assert_eq!(planned, expected, "{what}");
    }
}

#[test]
fn access_that_is_to_be_there() {
    let granted = || nothing().granted();
    let write = Step::Write;
    table(&[
        ("no reading", granted().at(0, 1), Step::Read),
        (
            "an old reading",
            granted().read(5, false).at(10, 11),
            Step::Read,
        ),
        (
            "found",
            granted().read(5, true).at(5, 6),
            write(Decision::Confirm),
        ),
        (
            "found and confirmed: look again at the drift period",
            granted().confirmed(6).read(10, true).at(10, 11),
            until(611),
        ),
        (
            "found, but our delete was done less than LAG before",
            open()
                .granted()
                .delete(0, done(4))
                .read(10, true)
                .at(10, 11),
            until(34),
        ),
        (
            "found LAG after our delete was done",
            open()
                .granted()
                .delete(0, done(4))
                .read(34, true)
                .at(34, 35),
            write(Decision::Confirm),
        ),
        ("not there", granted().read(5, false).at(5, 6), Step::Create),
        (
            "not there, just after our create was done: look again, do not confirm",
            open().granted().create(1, done(4)).read(5, false).at(5, 6),
            until(11),
        ),
        (
            "not there, LAG after our create was done",
            open()
                .granted()
                .create(1, done(4))
                .read(60, false)
                .at(60, 60),
            Step::Create,
        ),
        (
            "not there, but it was a moment ago",
            granted().read(5, true).read(20, false).at(20, 21),
            until(35),
        ),
        (
            "not there, our last create nothing is known of, just now",
            open()
                .granted()
                .create(20, UNKNOWN)
                .read(21, false)
                .at(21, 22),
            // 5 s, 24 % less by the attempt's id
            Step::Rest {
                until: Some(at(20) + Span::millis(3_800)),
            },
        ),
        (
            "an accepted attempt is asked about first",
            open().granted().create(1, Outcome::Accepted).at(2, 3),
            Step::Poll(id(1)),
        ),
        (
            "15 minutes without",
            granted().at(900, 900),
            write(Decision::FailUnconfirmed),
        ),
    ]);
}

#[test]
fn access_that_somebody_took_away() {
    let held = || {
        open()
            .granted()
            .create(1, done(4))
            .read(10, true)
            .confirmed(11)
    };
    let taken = |mut l: Ledger| {
        l.binding.interrupted = Some(at(200));
        l.binding.epoch_open = false;
        l
    };
    let write = Step::Write;
    table(&[
        (
            "gone, LAG after it was last seen",
            held().read(60, false).at(60, 61),
            write(Decision::Interrupt),
        ),
        (
            "gone, less than LAG after it was last seen",
            held().read(39, false).at(39, 39),
            until(40),
        ),
        (
            "gone, and a lost delete of ours may have done it",
            held().delete(2, UNKNOWN).read(60, false).at(60, 61),
            Step::Create,
        ),
        (
            "gone, and a delete a worker slept over came to its end",
            held().delete(2, done(50)).read(90, false).at(90, 91),
            Step::Create,
        ),
        (
            "a lost delete: look again when it can no longer land",
            held().delete(9, UNKNOWN).read(600, true).at(600, 601),
            until(9 + 930),
        ),
        (
            "taken away: only look",
            taken(held()).read(250, false).at(250, 251),
            until(851),
        ),
        (
            "taken away: it is back",
            taken(held()).read(250, true).at(250, 251),
            write(Decision::ClearInterruption),
        ),
        (
            "taken away: a reading of before",
            taken(held()).read(229, true).at(229, 229),
            until(829),
        ),
        (
            "taken away, and nobody waits any more",
            taken(held()).returned(300).at(300, 301),
            write(Decision::EndGrants),
        ),
    ]);
}

#[test]
fn access_that_is_to_be_gone() {
    let over = || {
        open()
            .granted()
            .create(1, done(4))
            .confirmed(5)
            .returned(100)
    };
    let write = Step::Write;
    table(&[
        ("at once, without a reading", over().at(100, 100), DELETE),
        (
            "a delete signed before our create was closed proves nothing",
            over().delete(3, done(6)).at(100, 100),
            DELETE,
        ),
        (
            "RETRY apart",
            over().delete(100, refused(101)).at(101, 101),
            // 5 s, 23 % less by the attempt's id
            Step::Rest {
                until: Some(at(100) + Span::millis(3_850)),
            },
        ),
        (
            "refused: again",
            over().delete(100, refused(101)).at(110, 110),
            DELETE,
        ),
        (
            "failed, and not because it is gone: again",
            over().delete(100, failed(101)).at(110, 110),
            DELETE,
        ),
        (
            "done: LAG, then a reading",
            over().delete(100, done(102)).at(103, 103),
            until(132),
        ),
        (
            "a reading begun before that does not count",
            over().delete(100, done(102)).read(131, false).at(131, 132),
            Step::Read,
        ),
        (
            "still there",
            over().delete(100, done(102)).read(132, true).at(132, 133),
            DELETE,
        ),
        (
            "gone",
            over().delete(100, done(102)).read(132, false).at(132, 133),
            write(Decision::End),
        ),
        (
            "there was nothing to delete, and a reading agrees",
            over().delete(100, gone(102)).read(132, false).at(132, 133),
            write(Decision::End),
        ),
        (
            "a 404 will do where every create is closed",
            over()
                .delete(100, not_found(102))
                .read(132, false)
                .at(132, 133),
            write(Decision::End),
        ),
        (
            "standing access was never ours",
            nothing().granted().confirmed(5).returned(100).at(100, 100),
            write(Decision::EndGrants),
        ),
        (
            "nor with a create that was refused",
            open()
                .granted()
                .create(1, refused(2))
                .confirmed(5)
                .returned(100)
                .at(100, 100),
            write(Decision::EndGrants),
        ),
    ]);
}

#[test]
fn a_create_nothing_is_known_of() {
    let over = || open().granted().create(10, UNKNOWN).returned(100);
    let deleted = || over().delete(100, done(102));
    let write = Step::Write;
    // 10 s + 15 min + 30 s
    let fence = 940;
    table(&[
        ("delete at once", over().at(100, 100), DELETE),
        ("keep reading", deleted().at(140, 140), Step::Read),
        (
            "not there: look again",
            deleted().read(140, false).at(140, 141),
            until(201),
        ),
        ("it landed", deleted().read(140, true).at(140, 141), DELETE),
        (
            "near the fence: until then",
            deleted().read(930, false).at(930, 931),
            until(fence),
        ),
        (
            "a later delete does not close it before the fence",
            deleted().read(939, false).at(939, 939),
            until(fence),
        ),
        ("then delete once more", deleted().at(fence, fence), DELETE),
        (
            "which AWS accepted after the fence and is through with",
            deleted().delete(fence, gone(950)).at(951, 951),
            write(Decision::Presume(id(1))),
        ),
        (
            "a 404 alone proves nothing: list what is in progress",
            deleted().delete(fence, not_found(941)).at(942, 942),
            Step::ListCreations,
        ),
        (
            "none of ours is",
            (deleted().delete(fence, not_found(941)))
                .creations(at(942), vec![])
                .at(942, 943),
            write(Decision::Presume(id(1))),
        ),
        (
            "once presumed, a delete signed after that",
            open()
                .granted()
                .create(10, presumed(951))
                .returned(100)
                .delete(fence, gone(950))
                .at(951, 952),
            DELETE,
        ),
    ]);
}

#[test]
fn memberships() {
    let over = || {
        membership()
            .granted()
            .create(1, done(2))
            .of("m1")
            .confirmed(3)
            .returned(100)
    };
    let lost = || membership().granted().create(10, UNKNOWN).returned(100);
    let write = Step::Write;
    table(&[
        (
            "by its id, without a reading",
            over().at(100, 100),
            delete_of("m1"),
        ),
        (
            "LAG, then a reading",
            over().delete(100, done(101)).of("m1").at(102, 102),
            until(131),
        ),
        (
            "gone",
            (over().delete(100, done(101)).of("m1").read(131, false)).at(131, 132),
            write(Decision::End),
        ),
        (
            "another is there: somebody else's",
            (over()
                .delete(100, done(101))
                .of("m1")
                .read_membership(131, "m2"))
            .at(131, 132),
            write(Decision::End),
        ),
        (
            "our own is there all the same: again",
            (over()
                .delete(100, done(101))
                .of("m1")
                .read_membership(131, "m1"))
            .at(131, 132),
            delete_of("m1"),
        ),
        (
            "the delete of another proves nothing",
            over().delete(100, done(101)).of("m0").at(120, 120),
            delete_of("m1"),
        ),
        ("a lost one: look for it", lost().at(100, 100), Step::Read),
        (
            "found",
            lost().read_membership(100, "m1").at(100, 101),
            delete_of("m1"),
        ),
        (
            "not found: until it can no longer land",
            lost().read(100, false).at(100, 101),
            until(161),
        ),
        (
            "not found after that",
            lost().read(940, false).at(940, 941),
            write(Decision::Presume(id(1))),
        ),
        (
            "there before us: not ours",
            (membership()
                .granted()
                .create(1, refused(2))
                .confirmed(9)
                .returned(100))
            .at(100, 100),
            write(Decision::EndGrants),
        ),
    ]);
}

#[test]
fn nothing_to_do_with_us() {
    let quarantine = |mut l: Ledger| {
        l.binding.quarantine_until = Some(at(50_000));
        l
    };
    let ours = || quarantine(open().granted().create(1, done(4)).read(5, true));
    let write = Step::Write;
    table(&[
        ("idle", nothing().at(0, 1), Step::Rest { until: None }),
        (
            "until the next window opens",
            nothing().granted().at(-100, -50),
            until(0),
        ),
        (
            "quarantine: look",
            quarantine(nothing()).at(0, 1),
            Step::Read,
        ),
        (
            "quarantine: look again",
            quarantine(nothing()).read(1, false).at(1, 2),
            until(3602),
        ),
        (
            "quarantine: there",
            quarantine(nothing()).read(1, true).at(1, 2),
            write(Decision::Reopen),
        ),
        (
            "quarantine, and a grant: adopted before it is used",
            quarantine(nothing()).granted().read(1, true).at(1, 2),
            write(Decision::Adopt),
        ),
        (
            "quarantine, and known to be ours",
            ours().at(5, 6),
            write(Decision::Confirm),
        ),
    ]);
    let over = quarantine(nothing()).read(50_000, false);
    assert_eq!(over.binding.quarantine_until, None);
    let early = quarantine(nothing()).read(49_999, false);
    assert!(early.binding.quarantine_until.is_some());
}

#[test]
fn a_removal_decision_waits_for_its_own_delete() {
    let (standing, facts) = nothing()
        .granted()
        .read(5, true)
        .decide_removal(Some("leaver".to_owned()), at(10));
    assert_eq!(standing.grants[0].end(), Some(at(10)));
    assert!(facts.contains(&Fact::RemovalDecided) && facts.len() == 2);
    assert_eq!(standing.at(10, 10), DELETE);
    // A grant approved meanwhile waits.
    let waiting = standing.granted();
    assert_eq!(waiting.wanted(at(20)), Wanted::Absent);
    let proved = waiting.delete(11, done(12)).read(42, false);
    assert_eq!(proved.at(42, 43), Step::Write(Decision::End));
    let claim = Claim {
        generation: 1,
        began: at(42),
    };
    let turn = proved
        .advance(&claim, id(77), at(43), &Config::default())
        .expect("claimed");
    assert!(turn.facts.contains(&Fact::AbsenceProved { removal: true }));
    assert!(
        matches!(turn.action, Action::Send(a) if a.kind == AttemptKind::Create && a.epoch == 2)
    );
}

#[test]
fn the_newest_reading_wins_and_present_on_a_tie() {
    let read = nothing().read(10, false).read(5, true);
    let newest = read.binding.observation.as_ref().expect("read");
    assert!(!newest.present && newest.read_began == at(10));
    assert_eq!(read.binding.last_present_seen, Some(at(5)));
    for ledger in [
        nothing().read(10, true).read(10, false),
        nothing().read(10, false).read(10, true),
    ] {
        assert!(ledger.binding.observation.expect("read").present);
    }
}

#[test]
fn what_is_closed_stays_closed_but_a_presumption_gives_way() {
    let record = |l: Ledger, answer| l.record(id(1), answer, at(50)).expect("known").0;
    let accepted = || Answer::Accepted {
        request_id: "r".to_owned(),
    };
    let silence = || Answer::Unknown {
        why: "no answer".to_owned(),
    };
    let outcome = |l: Ledger| l.attempts[0].outcome;
    assert_eq!(
        outcome(record(open().create(1, UNKNOWN), accepted())),
        Outcome::Accepted
    );
    assert_eq!(
        outcome(record(open().create(1, Outcome::Accepted), silence())),
        Outcome::Accepted
    );
    assert_eq!(
        outcome(record(open().create(1, presumed(9)), accepted())),
        Outcome::Accepted
    );
    for closed in [done(2), failed(2), refused(2), not_found(2)] {
        let l = record(open().create(1, closed), accepted());
        assert_eq!(outcome(l), closed);
    }
}

#[test]
fn a_refusal_for_good_fails_the_grant_and_names_the_reason() {
    let denied = || Answer::Refused {
        permanent: true,
        why: "not authorized".to_owned(),
    };
    let (ledger, facts) = open()
        .granted()
        .create(1, UNKNOWN)
        .record(id(1), denied(), at(2))
        .expect("known");
    let closed = ledger.grants[0].closed.as_ref().expect("closed");
    assert_eq!(closed.reason, CloseReason::Refused);
    assert_eq!(closed.note.as_deref(), Some("not authorized"));
    assert!(matches!(facts[..], [Fact::Closed { .. }]));
    // The same, brought by a worker that slept, after it was there.
    let (late, _) = open()
        .granted()
        .create(1, UNKNOWN)
        .create(3, done(4))
        .record(id(1), denied(), at(5))
        .expect("known");
    assert!(late.grants[0].closed.is_none());
}

#[test]
fn a_refused_removal_is_stuck_until_it_goes_on() {
    let over = open()
        .granted()
        .create(1, done(4))
        .confirmed(5)
        .returned(100);
    let denied = Answer::Refused {
        permanent: true,
        why: "not authorized".to_owned(),
    };
    let (stuck, facts) = (over.delete(100, UNKNOWN).record(id(2), denied, at(101))).expect("known");
    assert!(matches!(facts[..], [Fact::Stuck { .. }]));
    assert_eq!(stuck.binding.stuck.as_ref().expect("stuck").since, at(101));
    assert_eq!(stuck.at(110, 110), until(400));
    assert_eq!(stuck.at(400, 400), DELETE);
    let again = stuck.retry(at(100)).expect("stuck");
    assert_eq!(again.at(120, 120), DELETE);
    assert!(nothing().retry(at(1)).is_err());
}

#[test]
fn removals_in_vain_are_shown_but_waiting_for_another_write_is_not() {
    let over = || {
        open()
            .granted()
            .create(1, done(4))
            .confirmed(5)
            .returned(100)
    };
    let tried = |outcome: Outcome| (0..4).fold(over(), |l, n| l.delete(100 + n, outcome));
    let silence = || Answer::Unknown {
        why: "no answer in 20 s".to_owned(),
    };
    let record = |l: Ledger, answer| l.delete(110, UNKNOWN).record(id(6), answer, at(130));
    let (stuck, _) = record(tried(UNKNOWN), silence()).expect("known");
    let reason = stuck.binding.stuck.as_ref().map(|s| s.reason.clone());
    assert_eq!(reason.as_deref(), Some("no answer in 20 s"));
    let held = Outcome::Held { at: at(104) };
    let (waiting, _) = record(tried(held), silence()).expect("known");
    assert!(waiting.binding.stuck.is_none());
    // Held: soon again, and not ever later.
    let again = tried(held).at(104, 104);
    assert!(matches!(again, Step::Rest { until: Some(t) } if t <= at(110)));
}

#[test]
fn every_grant_and_every_successor_is_cut_off() {
    let mut ledger = open().granted().confirmed(5).granted();
    let next = ledger.grants[0].extend(GrantId(Uuid::from_u128(7)), Span::hours(1), at(6));
    ledger.grants.push(next.expect("confirmed"));
    let (closed, facts) = (ledger.clone())
        .close(ledger.grants[0].id, CloseReason::Returned, None, at(10))
        .expect("live");
    assert_eq!(facts.len(), 2);
    assert!(closed.grants[1].closed.is_none());
    assert_eq!(closed.grants[2].end(), Some(at(10)));
    let (cut, facts) = ledger.cut_off(None, at(10));
    assert_eq!(facts.len(), 3);
    assert!(cut.grants.iter().all(|g| g.is_over(at(10))));
    assert_eq!(cut.remains(at(10)), Remains::Nothing);
}

#[test]
fn only_who_holds_the_lease_goes_on() {
    let config = Config::default();
    let mut ledger = nothing().granted();
    ledger.binding.lease_until = None;
    ledger.binding.due = Some(at(0));
    let (claimed, first) = ledger.binding.clone().claim(at(1), &config).expect("due");
    assert!(claimed.clone().claim(at(30), &config).is_none());
    ledger.binding = claimed;
    let slept = ledger.clone().advance(&first, id(1), at(61), &config);
    assert_eq!(slept.expect_err("lapsed"), Lost::Lease);
    let (again, second) = ledger
        .binding
        .clone()
        .claim(at(61), &config)
        .expect("lapsed");
    ledger.binding = again;
    let overtaken = ledger.clone().advance(&first, id(1), at(62), &config);
    assert_eq!(
        overtaken.expect_err("overtaken"),
        Lost::Generation { mine: 2, now: 3 }
    );
    let turn = ledger
        .advance(&second, id(1), at(62), &config)
        .expect("held");
    assert_eq!(turn.action, Action::Read);
    assert_eq!(turn.ledger.binding.lease_until, Some(at(122)));
}

#[test]
fn provision_again_is_a_decision() {
    let config = Config::default();
    let held = open()
        .granted()
        .create(1, done(4))
        .read(10, true)
        .confirmed(11);
    let claim = Claim {
        generation: 1,
        began: at(60),
    };
    let turn = held
        .read(60, false)
        .advance(&claim, id(50), at(61), &config);
    let taken = turn.expect("held").ledger;
    assert!(taken.binding.interrupted.is_some() && !taken.binding.epoch_open);
    assert_eq!(taken.wanted(at(62)), Wanted::LeaveAlone);
    let (again, facts) = taken.provision_again(at(70)).expect("interrupted");
    assert_eq!(facts, [Fact::ProvisionAgain]);
    assert_eq!(again.clone().read(71, false).at(71, 72), Step::Create);
    assert!(again.provision_again(at(80)).is_err());
}

#[test]
fn a_lost_create_of_an_epoch_that_was_left_holds_up_the_next_proof() {
    let config = Config::default();
    let turn = |ledger: Ledger, began: i64, now: i64| {
        let claim = Claim {
            generation: 1,
            began: at(began),
        };
        let mut ledger = ledger;
        ledger.binding.lease_until = Some(at(1_000_000));
        let n = u128::try_from(now).expect("after the start");
        (ledger.advance(&claim, id(1000 + n), at(now), &config)).expect("held")
    };
    let held = open()
        .granted()
        .create(1, UNKNOWN)
        .create(3, done(4))
        .read(10, true)
        .confirmed(11);
    let taken = turn(held.read(60, false), 60, 61).ledger;
    assert!(taken.binding.interrupted.is_some() && taken.binding.quarantine_until.is_some());
    let back = turn(taken.read(120, true), 120, 121).ledger;
    assert!(back.binding.adopted && back.binding.epoch == 2);
    let over = turn(back.returned(130), 130, 131);
    assert!(matches!(over.action, Action::Send(ref a) if a.kind == AttemptKind::Delete));
    let answer = Answer::Succeeded { membership: None };
    let sent = over.ledger.attempts.last().expect("sent").id;
    let (deleted, _) = (over.ledger.record(sent, answer, at(132))).expect("known");
    // Closed, LAG, read and gone; but the first create of all may still land.
    assert_eq!(deleted.read(170, false).at(170, 171), until(231));
}

#[test]
fn words_read_back() {
    for outcome in [
        Outcome::Unknown,
        Outcome::Accepted,
        done(1),
        failed(1),
        gone(1),
        not_found(1),
        refused(1),
        presumed(1),
        Outcome::Held { at: at(1) },
    ] {
        assert_eq!(
            Outcome::parse(outcome.as_str(), outcome.at()),
            Some(outcome)
        );
    }
    assert_eq!(Outcome::parse("succeeded", None), None);
    assert_eq!(AttemptKind::parse("create"), Some(AttemptKind::Create));
}

#[test]
fn who_waits_for_a_turn_waits_longer_in_a_crowd_and_never_past_a_change_of_mind() {
    let config = Config::default();
    let claim = Claim {
        generation: 1,
        began: at(100),
    };
    let wait = |ledger: &Ledger, asked, waiting, salt| {
        let is = (ledger.clone()).wait_for_turn(&claim, asked, waiting, salt, at(101), &config);
        let due = is.expect("the claim holds").binding.due.expect("due");
        due - at(101)
    };
    let over = open()
        .granted()
        .create(5, done(6))
        .confirmed(10)
        .returned(100);
    let wanted = over.wanted(at(101));
    assert_eq!(wanted, Wanted::Absent);
    let alone = wait(&over, wanted, 1, 7);
    assert!(alone <= Span::seconds(7), "{alone}");
    let mut longest = Span::seconds(0);
    for salt in 0..1_000u128 {
        let crowd = wait(&over, wanted, 1_000, salt * 1_000_003);
        // A refused removal keeps its turn for two minutes.
        assert!(crowd < Span::minutes(2), "{crowd}");
        longest = longest.max(crowd);
    }
    assert!(longest > Span::minutes(1), "{longest}");
    // Asked for a provision, and meanwhile it is a removal.
    assert_eq!(wait(&over, Wanted::Present, 1_000, 5), Span::seconds(0));
    // Somebody woke it since the claim.
    let mut woken = over.clone();
    woken.binding.due = Some(at(101));
    assert_eq!(wait(&woken, wanted, 1_000, 5), Span::seconds(0));
    // The window ends before the turn comes.
    let live = open().granted().confirmed(10);
    let soon = live.wait_for_turn(
        &claim,
        Wanted::Present,
        1_000,
        80_000_000,
        at(3_600),
        &config,
    );
    assert_eq!(soon.expect("holds").binding.due, Some(at(3_610)));
}
