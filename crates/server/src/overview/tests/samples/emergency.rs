//! The reviews of emergency access, and of access until it is revoked.

use super::{at, now, sample_list};
use crate::requests::pages::emergency::COLUMNS;
use crate::requests::pages::until;
use crate::requests::pages::view as requests;
use crate::web::fields::{Choice, Field, Several};
use crate::web::{Chip, Fact, Facts, Mistakes, Note, Tone, When};

pub(super) fn reviews(any: bool) -> requests::Reviews {
    let row = |what: &str, chip: Chip, said: &str| requests::ReviewRow {
        href: "/emergency-reviews/req_1".into(),
        what: what.into(),
        place: "4012-7788-0131".into(),
        who: "Ana Reyes".into(),
        reason: "INC-2291 card declines, the gateway is down".into(),
        chip,
        said: said.into(),
        began: When::both(at("2026-11-20T02:12:00Z"), now()),
        due: When::both(at("2026-11-23T02:12:00Z"), now()),
    };
    let rows = match any {
        true => vec![
            row(
                "AdministratorAccess on prod-payments",
                Chip::new(Tone::Stop, "alert-triangle", "Overdue"),
                "",
            ),
            row(
                "DatabaseAdmin on data-warehouse",
                Chip::new(Tone::Live, "check", "Justified"),
                "Mei Tan: “the runbook says so, and she was alone”",
            ),
        ],
        false => vec![],
    };
    let list = sample_list("/emergency-reviews", COLUMNS, "", rows.len());
    requests::Reviews::emergency(list, rows)
}

pub(super) fn review(mine: bool, mistakes: Mistakes) -> requests::ShowReview {
    let choices = vec![
        Choice::new("justified", "It was justified"),
        Choice::new("not_justified", "It was not justified"),
    ];
    requests::ShowReview {
        what: "AdministratorAccess on prod-payments".into(),
        chip: Chip::new(Tone::Wait, "hourglass", "Open"),
        facts: Facts {
            facts: vec![
                Fact::new("Asked by", "Ana Reyes").faint("ana.reyes@example.com"),
                Fact::new("Reason", "INC-2291 card declines, the gateway is down"),
                Fact::new("Who can close it", "Mei Tan, Jonas Weber"),
            ],
        },
        why_not: (!mine).then(|| Note::info("You are in none of the groups that review this.")),
        form: mine.then(|| requests::CloseReview {
            action: "/emergency-reviews/req_1/close".into(),
            parts: vec![
                Several::one("verdict", "Was it justified?", choices)
                    .wrong(&mistakes)
                    .into(),
                Field::text("note", "What did you find?")
                    .required()
                    .wrong(&mistakes)
                    .into(),
            ],
        }),
        mistakes,
    }
}

pub(super) fn kept_reviews(any: bool) -> requests::Reviews {
    let row = |what: &str, chip: Chip, said: &str| requests::ReviewRow {
        href: "/until-revoked/req_1".into(),
        what: what.into(),
        place: "4012-7788-0131".into(),
        who: "Ana Reyes".into(),
        reason: "on call for payments".into(),
        chip,
        said: said.into(),
        began: When::both(at("2026-11-20T02:12:00Z"), now()),
        due: When::both(at("2026-12-04T02:12:00Z"), now()),
    };
    let rows = match any {
        true => vec![
            row(
                "ReadOnlyAccess on prod-payments",
                Chip::new(Tone::Wait, "hourglass", "To be answered"),
                "",
            ),
            row(
                "logs-read on data-warehouse",
                Chip::new(Tone::Live, "check", "Kept"),
                "Mei Tan: “she is still on call for it”",
            ),
        ],
        false => vec![],
    };
    let list = sample_list("/until-revoked", until::COLUMNS, "", rows.len());
    requests::Reviews::kept(list, rows)
}

pub(super) fn kept_review(mine: bool, mistakes: Mistakes) -> requests::ShowKept {
    requests::ShowKept {
        what: "ReadOnlyAccess on prod-payments".into(),
        chip: Chip::new(Tone::Wait, "hourglass", "To be answered"),
        facts: Facts {
            facts: vec![
                Fact::new("Asked by", "Ana Reyes").faint("ana.reyes@example.com"),
                Fact::new("Reason", "on call for payments"),
                Fact::new("For", "until revoked, reviewed every 90 d"),
                Fact::new("Who can answer", "Mei Tan, Jonas Weber"),
            ],
        },
        why_not: (!mine).then(|| {
            Note::info("You asked for this access or hold it: somebody else says whether it is still needed.")
        }),
        form: mine.then(|| requests::AnswerKept {
            keep: "/until-revoked/req_1/keep".into(),
            close: "/until-revoked/req_1/close".into(),
            grant: "grt_1".into(),
            parts: vec![
                Field::text("note", "Why is it still needed, or why not?")
                    .required()
                    .wrong(&mistakes)
                    .into(),
            ],
        }),
        mistakes,
    }
}
