//! The pages of managed objects with invented facts.

use stint_domain::managed::user::State;

use super::{at, moment, now, sample_list};
use crate::objects::pages::view;
use crate::web::{Chip, Copyable, Deed, Fact, Facts, Filter, Note, Timeline, Tone, When};

const BROKEN: &str = "iam:DeleteUserPolicy is not allowed to Stint. Add this statement to the IAM policy of the connection's credential: {\"Effect\":\"Allow\",\"Action\":\"iam:DeleteUserPolicy\",\"Resource\":\"*\"}. AWS said: AccessDenied";

pub(super) fn users(iam: bool) -> view::IamUsers {
    let row = |name: &str, chip: Chip, why: &str| view::UserRow {
        href: "/iam-users/mob_1".into(),
        name: name.into(),
        path: "/stint/robots/".into(),
        chip,
        why: why.into(),
        by: "Cy Okafor".into(),
        since: When::both(at("2026-11-20T09:12:00Z"), now()),
    };
    let states = State::ALL
        .iter()
        .map(|state| (state.as_str(), state.as_str()));
    view::IamUsers {
        connection: "management".into(),
        href: "/connections/con_1".into(),
        note: (!iam).then(|| Note::info("IAM is switched off for this connection.")),
        list: sample_list(
            "/connections/con_1/iam-users",
            crate::objects::pages::COLUMNS,
            "name",
            2,
        )
        .search("Name of the IAM user")
        .filter(Filter::choice("state", "State", "Any state", states)),
        rows: vec![
            row(
                "deploy-bot-of-the-payments-platform-in-eu-central-1",
                Chip::new(Tone::Live, "circle-check", "There"),
                "",
            ),
            row("old-robot", Chip::stuck(), BROKEN),
        ],
        add: iam.then(|| "/connections/con_1/iam-users".into()),
    }
}

pub(super) fn user(found: bool) -> view::IamUser {
    let act = |verb: &str| {
        view::Act {
        action: format!("/iam-users/mob_1/{verb}"),
        says: "Stint makes every access key of old-robot inactive and takes its console password away.".into(),
        confirm: found.then(|| "old-robot".into()),
    }
    };
    view::IamUser {
        list: "/connections/con_1/iam-users".into(),
        connection: "management".into(),
        name: "old-robot".into(),
        chip: if found {
            Chip::new(Tone::Idle, "info-circle", "Not made by Stint")
        } else {
            Chip::stuck()
        },
        notes: vec![if found {
            Note::info("Stint did not make this user and has changed nothing.")
        } else {
            Note::refusal(format!("{BROKEN}. Next try in 4 min."))
        }],
        facts: Facts {
            facts: vec![
                Fact::new("Account", "401277880131"),
                Fact::new("AWS id", "").copy(Copyable::new("AIDAQX4EXAMPLE7K2M9XA", "the AWS id")),
                Fact::new("Asked for by", "Cy Okafor")
                    .when(When::both(at("2026-11-20T09:12:00Z"), now())),
            ],
        },
        hanging: Some(if found {
            vec![
                "access key AKIAIOSFODNN7EXAMPLE".into(),
                "console password".into(),
            ]
        } else {
            Vec::new()
        }),
        timeline: timeline(),
        retry: (!found).then(|| "/iam-users/mob_1/retry".into()),
        disable: found.then(|| act("disable")),
        delete: found.then(|| act("delete")),
        poll: None,
        path: "/iam-users/mob_1".into(),
    }
}

fn timeline() -> Timeline {
    Timeline {
        moments: vec![
            moment(
                "2026-11-23T14:01:00Z",
                Deed::Said,
                "Cy Okafor asked to delete it: left",
                "",
                None,
            ),
            moment(
                "2026-11-23T14:01:02Z",
                Deed::Asked,
                "Stint is going to make the access key AKIAIOSFODNN7EXAMPLE inactive",
                "",
                None,
            ),
            moment(
                "2026-11-23T14:01:03Z",
                Deed::Answered,
                "AWS says that it is done: make the access key AKIAIOSFODNN7EXAMPLE inactive",
                "",
                Some("a91c0e2e-5b0f-4c4e-9a4e-2f7d1c0b9e11"),
            ),
            moment(
                "2026-11-23T14:01:09Z",
                Deed::AwsRefused,
                "It does not go on",
                BROKEN,
                None,
            ),
        ],
    }
}

pub(super) fn key(rotating: bool) -> view::AccessKey {
    view::AccessKey {
        connection: "management".into(),
        href: "/connections/con_1".into(),
        notes: vec![Note::warning(
            "The key is 112 days old. Rotate it: Stint does all of it.",
        )],
        facts: Facts {
            facts: vec![
                Fact::new("Access key", "")
                    .copy(Copyable::new("AKIAIOSFODNN7EXAMPLE", "the access key id")),
                Fact::new("Rotated by itself", "never"),
            ],
        },
        rotate: (!rotating).then(|| "/connections/con_1/rotate-key".into()),
        newest: rotating.then(|| view::Rotation {
            chip: Chip::new(Tone::Wait, "refresh", "Trying the new key"),
            facts: Facts {
                facts: vec![Fact::new("Begun by", "Cy Okafor")],
            },
            timeline: timeline(),
            retry: Some("/key-rotations/mob_2/retry".into()),
            cancel: Some("/key-rotations/mob_2/cancel".into()),
        }),
        earlier: if rotating {
            vec![view::RotationRow {
                began: When::both(at("2026-08-20T09:12:00Z"), now()),
                chip: Chip::new(Tone::Stop, "circle-x", "Given up"),
                keys: "AKIAIOSFODNN7EXAMPLE".into(),
                why: "arn:aws:iam::401277880131:user/stint has two access keys, which is as many as AWS allows".into(),
            }]
        } else {
            Vec::new()
        },
        poll: rotating.then_some(3),
        path: "/connections/con_1/key".into(),
    }
}
