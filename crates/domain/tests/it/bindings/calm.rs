//! When nothing goes wrong: how fast it is, and how few calls it takes.

use stint_domain::Span;
use stint_domain::grant::Remains;

use super::aws::{By, HOUR, MINUTE};
use super::run::{History, Mode};

fn undisturbed(seed: u64, mode: Mode) -> History {
    let mut history = History::new(seed, mode);
    (history.lossy, history.sleepy, history.mortal, history.quiet) = (0, 0, 0, true);
    history
}

#[test]
fn access_is_there_in_seconds_and_gone_on_time() {
    for seed in 0..60 {
        for mode in [Mode::Assignment, Mode::Membership, Mode::Iam] {
            let mut history = undisturbed(seed, mode);
            let id = history.open_for(0, Some(Span::minutes(30)));
            history.play(14 * MINUTE);
            let confirmed = history.grants[&id]
                .confirmed_at
                .expect("confirmed")
                .micros();
            history.play(4 * HOUR);
            let grant = &history.grants[&id];
            assert_eq!(grant.end().unwrap().micros(), confirmed + 30 * MINUTE);
            let ended = grant.ended.expect("ended");
            assert_eq!(ended.remains, Remains::Removed);
            assert!(history.aws.row.is_none());
            assert!(
                history.oracle.wrong.is_empty(),
                "{:?}",
                history.oracle.diary
            );
            if mode == Mode::Membership && history.attempts.len() == 2 {
                assert!(confirmed < 40 * 1_000_000, "{confirmed}");
                assert!(ended.at.micros() < confirmed + 32 * MINUTE);
            }
        }
    }
}

#[test]
fn standing_access_serves_the_grant_and_stays() {
    for seed in 0..60 {
        for mode in [Mode::Assignment, Mode::Membership, Mode::Iam] {
            let mut history = undisturbed(seed, mode);
            history.aws.add(By::Admin, -HOUR);
            let id = history.open_for(0, Some(Span::minutes(30)));
            history.play(4 * HOUR);
            let grant = &history.grants[&id];
            assert!(grant.confirmed_at.is_some());
            assert_eq!(grant.ended.expect("ended").remains, Remains::Standing);
            assert!(history.aws.row.is_some());
            assert!(history.attempts.is_empty(), "no write at all");
        }
    }
}

#[test]
fn the_last_one_out_removes() {
    for seed in 0..60 {
        let mut history = undisturbed(seed, Mode::Assignment);
        let short = history.open_for(0, Some(Span::minutes(20)));
        let long = history.open_for(0, Some(Span::minutes(60)));
        history.play(40 * MINUTE);
        let remains = history.grants[&short].ended.expect("ended").remains;
        assert_eq!(remains, Remains::AnotherGrant);
        assert!(history.aws.row.is_some());
        history.play(4 * HOUR);
        assert_eq!(
            history.grants[&long].ended.expect("ended").remains,
            Remains::Removed
        );
        assert!(history.aws.row.is_none());
    }
}
