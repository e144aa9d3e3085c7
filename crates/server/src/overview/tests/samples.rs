//! Every page with invented facts.

mod duties;
mod emergency;
mod mend;
mod objects;
mod rules;

use askama::Template;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use stint_domain::{Span, Time};

use crate::connections::pages::view as connections;
use crate::directory::pages::view as directory;
use crate::grants::pages::view as grants;
use crate::identity::pages::view as identity;
use crate::notices::pages::view as notices;
use crate::overview::pages::audit_view as audit;
use crate::overview::pages::view as overview;
use crate::requests::pages::view as requests;
use crate::web::fields::Field;
use crate::web::frame::{Area, DemoBar, Frame, FramePerson};
use crate::web::{
    Chain, ChainLink, Chip, Column, Copyable, Deed, Empty, Fact, Facts, Filter, Flash, List,
    Listing, Mistakes, Moment, Note, Pager, Snippet, Stage, Tab, Tabs, TimeLeft, Timeline, Tone,
    When, bare_page, error_page, page, page_with,
};

fn at(text: &str) -> Time {
    text.parse().expect("a time")
}

fn now() -> Time {
    at("2026-11-23T14:12:00Z")
}

fn frame(path: &str) -> Frame {
    let person = FramePerson {
        name: "Ana Reyes".into(),
        email: "ana.reyes@example.com".into(),
        role: "Super Admin".into(),
    };
    let areas: Vec<(Area, u64)> = Area::ALL
        .into_iter()
        .map(|area| (area, if area == Area::Approvals { 3 } else { 0 }))
        .collect();
    Frame::new(path, &HeaderMap::new())
        .with_person(person, &areas)
        .with_demo(DemoBar {
            clock: When::exact(now()),
            next_end: Some(When::short(at("2026-11-23T14:30:00Z"), now())),
        })
}

fn link(stage: Stage, title: &str, who: &str, detail: &str) -> ChainLink {
    ChainLink {
        stage,
        title: title.into(),
        who: who.into(),
        detail: detail.into(),
    }
}

fn moment(time: &str, deed: Deed, text: &str, detail: &str, aws: Option<&str>) -> Moment {
    let time = at(time);
    Moment {
        day: crate::web::time::day(time),
        at: When::clock(time),
        deed,
        text: text.into(),
        detail: detail.into(),
        aws_request_id: aws.map(|id| Copyable::new(id, "the AWS request id")),
    }
}

fn held() -> Vec<overview::Held> {
    let give_back = |action: &str| {
        Some(requests::AskOnce {
            action: action.into(),
            says: "Stint removes AdministratorAccess on prod-payments (401277880131) from ana.reyes in Identity Center. Sessions already open may last up to an hour longer.".into(),
        })
    };
    vec![
        overview::Held {
            key: "g1".into(),
            what: "AdministratorAccess on prod-payments".into(),
            place: "4012-7788-0131".into(),
            origin: "INC-2291, approved by Bo Lindqvist".into(),
            href: Some("/requests/req_1".into()),
            chip: Chip::ends_soon(),
            left: TimeLeft::running(
                at("2026-11-23T12:30:00Z"),
                at("2026-11-23T14:30:00Z"),
                now(),
            ),
            console: Some(
                "https://d-90672b.awsapps.com/start/#/console?account_id=401277880131".into(),
            ),
            give_back: give_back("/requests/req_1/return"),
            extend: Some("/grants/grt_1/extend".into()),
        },
        overview::Held {
            key: "g2".into(),
            what: "ReadOnlyAccess on prod-payments".into(),
            place: "4012-7788-0131".into(),
            origin: "approved by policy “Read access”".into(),
            href: Some("/requests/req_2".into()),
            chip: Chip::active(),
            left: TimeLeft::running(
                at("2026-11-23T12:52:00Z"),
                at("2026-11-23T20:52:00Z"),
                now(),
            ),
            console: None,
            give_back: give_back("/requests/req_2/return"),
            extend: None,
        },
        overview::Held {
            key: "g3".into(),
            what: "PowerUserAccess on staging-eu".into(),
            place: "7710-2200-4410".into(),
            origin: "approved by Mei Tan".into(),
            href: Some("/requests/req_3".into()),
            chip: Chip::new(Tone::Wait, "refresh", "Being set up"),
            left: TimeLeft::not_confirmed(Some(Span::hours(2))),
            console: None,
            give_back: None,
            extend: None,
        },
        overview::Held {
            key: "g4".into(),
            what: "Identity Center group Data-Platform".into(),
            place: "AWS Prod".into(),
            origin: "since 3 Feb 2025".into(),
            href: None,
            chip: Chip::active(),
            left: TimeLeft::no_end(),
            console: None,
            give_back: None,
            extend: None,
        },
    ]
}

fn request_rows() -> Vec<requests::RequestRow> {
    let row = |what: &str, line: &str, chip: Chip, asked: &str| requests::RequestRow {
        href: "/requests/req_1".into(),
        what: what.into(),
        line: line.into(),
        emergency: what.starts_with("Admin").then(Chip::emergency),
        chip,
        asked: When::both(at(asked), now()),
    };
    vec![
        row(
            "PowerUserAccess on staging-eu",
            "waiting for one of Platform: Bo Lindqvist, Mei Tan, Jonas Weber",
            Chip::new(Tone::Wait, "hourglass", "Step 1 of 2"),
            "2026-11-23T14:02:00Z",
        ),
        row(
            "AdministratorAccess on prod-payments",
            "2 h, “INC-2291 card declines”",
            Chip::ends_soon(),
            "2026-11-23T12:04:10Z",
        ),
        row(
            "DatabaseAdmin on data-warehouse",
            "denied by Cy Okafor: “use the finance dashboard, link below”",
            Chip::new(Tone::Stop, "circle-x", "Denied"),
            "2026-11-20T09:00:00Z",
        ),
    ]
}

fn decide(key: &str, mistakes: Mistakes) -> requests::Decide {
    requests::Decide {
        key: key.into(),
        approve: "/requests/req_9/approve".into(),
        deny: "/requests/req_9/deny".into(),
        back: "/approvals".into(),
        step: "Step 1 of 2, one of Platform".into(),
        comment: String::new(),
        password: true,
        mistakes,
        word: "Approve 2 h".into(),
        hand_on: Some("/requests/req_9/reassign".into()),
    }
}

fn context() -> Facts {
    Facts {
        facts: vec![
            Fact::new("Allows", "AdministratorAccess on prod-payments")
                .faint("AWS managed policy AdministratorAccess"),
            Fact::new("History", "12 requests in 90 days, 11 approved")
                .faint("had this 3 times, last on 14 Nov 2026"),
            Fact::new(
                "Holds it now",
                "Jonas Weber until 16:00 UTC, Mei Tan until 18:30 UTC",
            ),
            Fact::new("Policy", "Production, version 3")
                .faint("one of Platform, then one of Security; at most 4 h"),
        ],
    }
}

fn inbox() -> requests::Inbox {
    let card = |key: &str, what: &str, who: &str, reason: &str| requests::InboxCard {
        href: "/requests/req_9".into(),
        what: what.into(),
        place: "4012-7788-0131".into(),
        who: who.into(),
        initials: crate::web::frame::initials(who),
        email: "someone@example.com".into(),
        emergency: (key == "c1").then(Chip::emergency),
        asked: When::relative(at("2026-11-23T14:08:00Z"), now()),
        reason: reason.into(),
        duration: "2 h, from when it is approved".into(),
        context: context(),
        decide: decide(
            key,
            if key == "c2" {
                Mistakes::at("comment", "Say why you deny it: Jonas reads this.")
            } else {
                Mistakes::none()
            },
        ),
    };
    requests::Inbox {
        cards: vec![
            card(
                "c1",
                "AdministratorAccess on prod-payments",
                "Ana Reyes",
                "INC-2291 card declines: need to roll back the gateway task definition by hand.",
            ),
            card(
                "c2",
                "DatabaseAdmin on data-warehouse",
                "Jonas Weber",
                "Vacuum is stuck on the orders table",
            ),
        ],
        pager: Pager::new("/approvals", &[], None, Some("next")),
        empty: Empty::new("checks", "", ""),
    }
}

fn show(settled: bool) -> requests::Show {
    requests::Show {
        path: "/requests/req_1".into(),
        id: Copyable::new("req_01jd4n7k2m9x0v5t3q8w6y1z4a", "the request's id"),
        what: "AdministratorAccess on prod-payments".into(),
        chip: Chip::ends_soon(),
        emergency: settled.then(Chip::emergency),
        reassign: None,
        raise: (!settled).then(|| "/requests/req_1/raise".into()),
        left: Some(TimeLeft::running(
            at("2026-11-23T12:06:41Z"),
            at("2026-11-23T14:30:00Z"),
            now(),
        )),
        policy: "policy “Production”, version 3".into(),
        chain: Chain {
            links: vec![
                link(
                    Stage::Done,
                    "Asked",
                    "Ana Reyes",
                    "12:04 UTC, “INC-2291 card declines”",
                ),
                link(
                    Stage::Done,
                    "One of Platform",
                    "Bo Lindqvist",
                    "12:06 UTC, “go”",
                ),
                link(
                    Stage::Done,
                    "In AWS",
                    "Confirmed",
                    "12:06:41 UTC, 38 s after approval",
                ),
                link(Stage::Now, "Ends", "14:30 UTC", "latest possible 15:04 UTC"),
            ],
        },
        notes: vec![Note::warning(
            "Sessions opened with this permission set may go on until 15:30 UTC, one hour after the end.",
        )],
        timeline: Timeline {
            moments: vec![
                moment(
                    "2026-11-22T23:58:10Z",
                    Deed::Said,
                    "Ana Reyes asked for 2 h",
                    "INC-2291 card declines",
                    None,
                ),
                moment(
                    "2026-11-23T12:06:02Z",
                    Deed::Agreed,
                    "Bo Lindqvist approved. Nobody else was needed",
                    "“go”",
                    None,
                ),
                moment(
                    "2026-11-23T12:06:03Z",
                    Deed::Asked,
                    "CreateAccountAssignment accepted by AWS",
                    "ana.reyes, AdministratorAccess, 401277880131",
                    Some("a91c0e2e-5b0f-4c4e-9a4e-2f7d1c0b9e11"),
                ),
                moment(
                    "2026-11-23T12:06:33Z",
                    Deed::Answered,
                    "Status SUCCEEDED",
                    "",
                    Some("0b9e11a9-1c0e-2e5b-0f4c-4e9a4e2f7d1c"),
                ),
                moment(
                    "2026-11-23T12:06:41Z",
                    Deed::Seen,
                    "Read back: the assignment is there. The 2 h start now",
                    "",
                    Some("7d1c0b9e-11a9-1c0e-2e5b-0f4c4e9a4e2f"),
                ),
                moment(
                    "2026-11-23T14:30:01Z",
                    Deed::AwsRefused,
                    "DeleteAccountAssignment refused by AWS",
                    "AccessDeniedException: not authorized to perform sso:DeleteAccountAssignment. Next try 14:46 UTC",
                    Some("11a91c0e-2e5b-0f4c-4e9a-4e2f7d1c0b9e"),
                ),
                moment(
                    "2026-11-23T14:31:01Z",
                    Deed::Ended,
                    "Ended: it is proved that nothing of it remains in AWS",
                    "",
                    None,
                ),
            ],
        },
        facts: Facts {
            facts: vec![
                Fact::new("For", "Ana Reyes").faint("ana.reyes@example.com"),
                Fact::new("Account", "prod-payments")
                    .copy(Copyable::new("401277880131", "the account's number")),
                Fact::new("Permission set", "AdministratorAccess").copy(Copyable::new(
                    "arn:aws:sso:::permissionSet/ssoins-7223b02f8a5b9c31/ps-6b4c1d0a9e8f7a25",
                    "the ARN",
                )),
                Fact::new("Principal", "ana.reyes").copy(Copyable::new(
                    "90672b8c4d-1f0e9d3c-2b4a-4f6e",
                    "the principal's id",
                )),
                Fact::new("Reason", "INC-2291 card declines"),
                Fact::new("Starts", "").when(When::both(at("2026-11-23T12:06:41Z"), now())),
                Fact::new("Console", "").outside(
                    "https://d-90672b.awsapps.com/start",
                    "Open in the AWS access portal",
                ),
                Fact::new("Evidence", "").link("/audit", "9 audit events"),
            ],
        },
        context: (!settled).then(context),
        decide: (!settled).then(|| decide("d", Mistakes::none())),
        cancel: (!settled).then(|| requests::AskOnce {
            action: "/requests/req_1/cancel".into(),
            says: "Nobody is asked any more. Nothing was changed in AWS.".into(),
        }),
        comment: Some(("/requests/req_1/comments".into(), settled)),
        again: settled.then(|| "/request/ent_1?again=req_1".into()),
        extend: settled.then(|| requests::Extend {
            action: "/grants/grt_1/extend".into(),
            back: "/requests/req_1".into(),
            length: crate::web::fields::Length::new("length", "For how much longer?")
                .value(("2".into(), "hours".into())),
            reason: "INC-2291".into(),
            ticket: Some("CHG-123".into()),
            password: true,
        }),
        give_back: settled.then(|| requests::AskOnce {
            action: "/requests/req_1/return".into(),
            says: "Stint removes AdministratorAccess on prod-payments from ana.reyes.".into(),
        }),
        revoke: settled.then(revoke),
        poll: Some(3),
    }
}

fn revoke() -> grants::Revoke {
    grants::Revoke {
        action: "/grants/grt_1/revoke".into(),
        back: "/grants".into(),
        says: "Stint takes AdministratorAccess on prod-payments away from ana.reyes in AWS now, unless another grant or standing access holds it.".into(),
        cut_off: Some("/grants/grt_1/cut-off".into()),
    }
}

fn whom() -> requests::Whom {
    requests::Whom {
        id: "usr_1".into(),
        name: "Ana Reyes".into(),
        email: "ana.reyes@acme.example".into(),
    }
}

fn for_whom(many: bool) -> requests::ForWhom {
    requests::ForWhom {
        q: String::new(),
        what: many.then(|| "ent_1".into()),
        back: "/request".into(),
        rows: many
            .then(|| requests::ForWhomRow {
                href: "/request/ent_1?beneficiary=usr_1".into(),
                name: "Ana Reyes".into(),
                email: "ana.reyes@acme.example".into(),
            })
            .into_iter()
            .collect(),
        pager: Pager::new("/request/people", &[], None, many.then_some("next")),
        empty: Empty::new(
            "users-group",
            "There is nobody you may ask for",
            "Managers ask for theirs.",
        ),
    }
}

fn ask(mistakes: Mistakes, blocked: bool) -> requests::Ask {
    let choice = |value: &str, word: &str, chosen| requests::Choice {
        value: value.into(),
        word: word.into(),
        chosen,
    };
    requests::Ask {
        special: false,
        emergency: mistakes.any().then(|| {
            Note::warning("You ask for emergency access. 4 people are told at once.")
        }),
        way_in: (!mistakes.any())
            .then(|| ("/request/ent_1?emergency=yes".into(), "1 h".into())),
        action: "/request/ent_1".into(),
        what: "AdministratorAccess on prod-payments".into(),
        longest: "4 h".into(),
        whom: mistakes.any().then(whom),
        others: Some("/request/people?what=ent_1".into()),
        whose: None,
        reason_wanted: true,
        choices: vec![choice("900", "15 min", false), choice("3600", "1 h", !mistakes.any()), choice("7200", "2 h", false), choice("14400", "4 h", false)],
        may_last: true,
        until_revoked: false,
        other: mistakes.any(),
        hours: if mistakes.any() { "9".into() } else { String::new() },
        minutes: String::new(),
        reason: String::new(),
        ticket: Some(
            Field::line("ticket", "Which ticket is it about?")
                .hint("A change in our tracker, such as CHG-123.")
                .needed()
                .wrong(&mistakes),
        ),
        password: mistakes.any().then(|| {
            Field::password("password", "Your password", "current-password")
                .hint("This policy may want it again from whoever asks.")
                .needed()
        }),
        later: false,
        start: String::new(),
        earliest: "2026-11-23T14:12".into(),
        now: When::exact(now()),
        mistakes,
        verdict: requests::Verdict {
            title: "Two people, one after the other".into(),
            why: "Policy “Production”, version 3, decides about this.".into(),
            chain: Chain {
                links: vec![
                    link(Stage::Now, "One of Platform", "Bo Lindqvist, Mei Tan, Jonas Weber", "any one of them is enough"),
                    link(Stage::Later, "One of Security", "Cy Okafor", "asked after Platform approved"),
                ],
            },
            notes: vec![Note::info("You cannot approve your own request: Ana Reyes is left out of Platform.")],
        },
        facts: Facts {
            facts: vec![
                Fact::new("Account", "prod-payments").copy(Copyable::new("401277880131", "the account's number")),
                Fact::new("Permission set", "AdministratorAccess").copy(Copyable::new("arn:aws:sso:::permissionSet/ssoins-7223b02f8a5b9c31/ps-6b4c1d0a9e8f7a25", "the ARN")),
                Fact::new("For", "ana.reyes in Identity Center"),
            ],
        },
        blocked: blocked.then(|| Note::refusal("No principal in AWS Prod is linked to you, so there is nobody to give this to. An administrator of the connection (Cy Okafor) can confirm the proposed link under People.")),
    }
}

fn connection(fresh: bool) -> directory::ShowConnection {
    let check = |name: &str, chip: Chip, what: &str, mend: &str| directory::CheckRow {
        name: name.into(),
        chip,
        what: what.into(),
        mend: mend.into(),
        add: None,
        aws_request_ids: vec![Copyable::new(
            "a91c0e2e-5b0f-4c4e-9a4e-2f7d1c0b9e11",
            "the AWS request id",
        )],
    };
    let run = |started: &str, chip: Chip, took: &str, saw: &str| directory::RunRow {
        started: When::both(at(started), now()),
        chip,
        took: took.into(),
        saw: saw.into(),
    };
    directory::ShowConnection {
        path: "/connections/con_1".into(),
        application: "AWS Prod".into(),
        name: "management".into(),
        chip: if fresh {
            Chip::new(Tone::Idle, "plug-connected", "Not connected")
        } else {
            Chip::new(Tone::Wait, "refresh", "Syncing")
        },
        iam: !fresh,
        by_key: !fresh,
        test: Some("/connections/con_1/test".into()),
        sync: (!fresh).then(|| "/connections/con_1/sync".into()),
        changes: "/connections/con_1/changes".into(),
        replace: Some("/connections/con_1/credential".into()),
        drain: Some("/connections/con_1/drain".into()),
        fresh,
        notes: if fresh {
            vec![Note::info(
                "Set up the role in AWS, test the connection, then sync it for the first time.",
            )]
        } else {
            vec![]
        },
        held: None,
        progress: (!fresh).then(|| directory::Progress {
            doing: "reading who holds what".into(),
            strong: "1 380".into(),
            faint: "of about 2 214 calls · 18 940 assignments seen".into(),
            bar: Some((1380, 2214)),
        }),
        tested: (!fresh).then(|| When::relative(at("2026-11-23T14:09:00Z"), now())),
        checks: if fresh {
            vec![]
        } else {
            vec![
                check(
                    "Assume the role",
                    Chip::new(Tone::Live, "circle-check", "Works"),
                    "Assumed arn:aws:iam::401277880131:role/stint",
                    "",
                ),
                check(
                    "Only with the External ID",
                    Chip::new(Tone::Soon, "alert-triangle", "Warning"),
                    "The role was assumed without the External ID too",
                    "Add the condition to the trust policy.",
                ),
                check(
                    "Organization",
                    Chip::new(Tone::Stop, "circle-x", "Failed"),
                    "organizations:ListAccounts was denied",
                    "Add this action to the role's permission policy.",
                ),
            ]
        },
        plan: if fresh {
            vec![]
        } else {
            let row =
                |question: &str, how: &str, calls: &str, advice: Option<&str>| directory::PlanRow {
                    question: question.into(),
                    how: how.into(),
                    calls: calls.into(),
                    advice: advice.map(str::to_owned),
                };
            vec![
                row(
                    "Which permission set is on which account",
                    "permission set by permission set",
                    "40",
                    None,
                ),
                row(
                    "Who holds them",
                    "each permission set on each account",
                    "2 500",
                    Some(
                        "Allow sso:ListAccountAssignmentsForPrincipal: asking user by user and group by group saves 300 calls a sync, about a minute at the rate AWS bears.",
                    ),
                ),
            ]
        },
        actions: if fresh {
            vec![]
        } else {
            vec![directory::ActionRow {
                action: "organizations:ListAccounts".into(),
                purpose: "find the accounts of the organization".into(),
                chip: Chip::new(Tone::Stop, "circle-x", "Missing"),
                note: String::new(),
            }]
        },
        facts: Facts {
            facts: vec![
                Fact::new("Management account", "")
                    .copy(Copyable::new("401277880131", "the account's number")),
                Fact::new("Role", "").copy(Copyable::new(
                    "arn:aws:iam::401277880131:role/stint",
                    "the ARN",
                )),
                Fact::new("Identity Center", "eu-central-1").copy(Copyable::new(
                    "arn:aws:sso:::instance/ssoins-7223b02f8a5b9c31",
                    "the ARN",
                )),
                Fact::new("Last sync", "").when(When::both(at("2026-11-23T13:12:00Z"), now())),
            ],
        },
        runs: if fresh {
            vec![]
        } else {
            vec![
                run(
                    "2026-11-23T14:11:00Z",
                    Chip::new(Tone::Wait, "refresh", "Running"),
                    "",
                    "",
                ),
                run(
                    "2026-11-23T13:12:00Z",
                    Chip::new(Tone::Live, "circle-check", "Complete"),
                    "1 min 52 s",
                    "42 accounts, 18 permission sets, 310 users, 24 groups, 18 940 assignments; 2 214 calls",
                ),
                run(
                    "2026-11-22T13:12:00Z",
                    Chip::new(Tone::Stop, "circle-x", "Failed"),
                    "12 s",
                    "AccessDeniedException on sso:ListInstances. Nothing was taken for removed",
                ),
            ]
        },
        pager: Pager::default(),
        no_runs: Empty::new(
            "refresh",
            "Never synced",
            "A sync reads accounts, permission sets, people, groups and who holds what.",
        ),
        poll: (!fresh).then_some(2),
    }
}

fn draining(begun: bool) -> crate::draining::pages::view::Draining {
    crate::draining::pages::view::Draining {
        href: "/connections/con_1".into(),
        name: "management".into(),
        since: begun.then(|| When::both(at("2026-11-23T14:30:01Z"), now())),
        reason: if begun {
            "moving to the new organization".into()
        } else {
            String::new()
        },
        removed: None,
        left: if begun {
            "1 grant that has not ended, 1 request nobody has answered".into()
        } else {
            String::new()
        },
        rows: if begun {
            vec![crate::draining::pages::view::GrantRow {
                href: "/requests/req_1".into(),
                what: "prod-admin on prod-payments".into(),
                who: "Ana Reyes".into(),
                group: "Identity Center group data".into(),
                chip: Chip::new(Tone::Live, "circle-check", "Active"),
                ends: Some(When::both(at("2026-11-23T16:30:01Z"), now())),
            }]
        } else {
            vec![]
        },
        more: 0,
        drain: (!begun).then(|| "/connections/con_1/drain".into()),
        resume: begun.then(|| "/connections/con_1/resume".into()),
        remove: (!begun).then(|| "/connections/con_1/remove".into()),
    }
}

fn new_connection(by: &'static str) -> connections::NewConnection {
    let tab = |word, value: &str| Tab {
        href: format!("/connections/new?by={value}"),
        word,
        count: None,
        current: by == value,
    };
    connections::NewConnection {
        application: String::new(),
        applications: Vec::new(),
        name: String::new(),
        region: "eu-central-1".into(),
        iam: false,
        way: connections::Way {
            ways: Tabs {
                label: "As whom Stint enters",
                tabs: vec![
                    tab("IAM role", "role"),
                    tab("Access key", "access_key"),
                    tab("This host's credentials", "host"),
                ],
            },
            note: (by == "access_key").then(|| {
                Note::refusal("Stint keeps secrets sealed under a master key, and none is set.")
            }),
            by,
            role_arn: "arn:aws:iam::12345:role/stint".into(),
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            account_id: "401277880131".into(),
            mistakes: Mistakes::at(
                "role_arn",
                "An account has twelve digits, as in arn:aws:iam::123456789012:role/stint: this one has 5.",
            ),
        },
    }
}

fn setup(known: bool) -> connections::SetUp {
    let trust = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\",\n      \"Principal\": { \"AWS\": \"arn:aws:iam::210987654321:user/stint\" },\n      \"Action\": \"sts:AssumeRole\",\n      \"Condition\": { \"StringEquals\": { \"sts:ExternalId\": \"stint-7f0c2a91d4e84b6c\" } }\n    }\n  ]\n}";
    connections::SetUp {
        href: "/connections/con_1".into(),
        name: "management".into(),
        test: Some("/connections/con_1/test".into()),
        any_group: known,
        does: vec!["Reads and changes Identity Center assignments and groups.".into()],
        change: Some("/connections/con_1/scope".into()),
        by: "role",
        role_name: "stint".into(),
        access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
        external_id: Copyable::new("stint-7f0c2a91d4e84b6c", "the External ID"),
        account: "401277880131".into(),
        paste: known.then(|| connections::Paste {
            shapes: crate::web::Tabs { label: "How you set it up", tabs: vec![crate::web::Tab { href: "/connections/con_1/setup?as=json".into(), word: "By hand (JSON)", count: None, current: true }] },
            code: None,
            base_identity: "arn:aws:iam::210987654321:user/stint".into(),
            trust_policy: Some(Snippet::new("Trust policy", trust)),
            permission_policy: Snippet::new("Permission policy", "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [ … ]\n}"),
        }),
        trouble: (!known).then(|| Note::refusal("AWS did not tell as whom Stint calls it (no credentials). Give this machine AWS credentials, and try again.")),
    }
}

fn grants_list() -> grants::Grants {
    let row =
        |key: &str, what: &str, chip: Chip, why: &str, left: Option<TimeLeft>| grants::GrantRow {
            key: key.into(),
            href: Some("/requests/req_1".into()),
            what: what.into(),
            place: "4012-7788-0131".into(),
            who: "Ana Reyes".into(),
            email: "ana.reyes@example.com".into(),
            group: None,
            emergency: (key == "s").then(Chip::emergency),
            chip,
            why: why.into(),
            at: left
                .is_none()
                .then(|| When::both(at("2026-11-23T14:30:01Z"), now())),
            left,
            retry: (key == "s").then(|| "/grants/grt_1/retry".into()),
            again: None,
            revoke: Some(revoke()),
        };
    let tab = |href: &str, word, count, current| Tab {
        href: href.into(),
        word,
        count,
        current,
    };
    grants::Grants {
        tabs: Tabs {
            label: "Grants",
            tabs: vec![
                tab("/grants", "Live", Some(24), true),
                tab("/grants?show=stuck", "Stuck", Some(1), false),
                tab("/grants?show=failed", "Failed", None, false),
                tab("/grants?show=ended", "Ended", None, false),
            ],
        },
        lead: "Access that is in force, or on its way into AWS.",
        rows: vec![
            row(
                "a",
                "AdministratorAccess on prod-payments",
                Chip::ends_soon(),
                "",
                Some(TimeLeft::running(
                    at("2026-11-23T12:30:00Z"),
                    at("2026-11-23T14:30:00Z"),
                    now(),
                )),
            ),
            row(
                "b",
                "Identity Center group Data-Platform",
                Chip::active(),
                "",
                Some(TimeLeft::running(
                    at("2026-11-23T12:00:00Z"),
                    at("2026-11-23T20:00:00Z"),
                    now(),
                )),
            ),
            row(
                "s",
                "PowerUserAccess on staging-eu",
                Chip::stuck(),
                "AWS refuses the removal: AccessDeniedException on sso:DeleteAccountAssignment. Next try in 14 min",
                None,
            ),
        ],
        list: sample_list("/grants", crate::grants::pages::COLUMNS, "", 3),
    }
}

/// A list on its second page, with more to come.
fn sample_list(path: &str, columns: &'static [Column], sort: &str, rows: usize) -> List {
    let mut asked = Listing::default();
    asked.cursor = Some("c".into());
    let page = stint_api::Page {
        items: vec![(); rows],
        next: Some("next".into()),
    };
    List::new(path, &asked, columns, Empty::new("search", "", ""))
        .sorted(sort)
        .answered(&page)
}

fn people_tabs(current: &'static str) -> Tabs {
    let tab = |href: &str, word: &'static str, count| Tab {
        href: href.into(),
        word,
        count,
        current: word == current,
    };
    Tabs {
        label: "People",
        tabs: vec![
            tab("/people", "Users", None),
            tab("/people/groups", "Groups", None),
            tab("/people/links", "Links", Some(2)),
        ],
    }
}

fn held_sync() -> directory::HeldSync {
    let row = |who: &str, what: &str, place: &str| directory::EndingRow {
        who: who.into(),
        who_href: "/explore?principal=prn_1".into(),
        what: what.into(),
        what_href: "/explore?entitlement=ent_1".into(),
        place: place.into(),
        since: When::both(at("2026-02-03T09:00:00Z"), now()),
        seen: When::both(at("2026-11-23T12:00:00Z"), now()),
    };
    directory::HeldSync {
        connection: "management".into(),
        href: "/connections/con_1".into(),
        chip: Chip::new(Tone::Soon, "alert-triangle", "Waits for a decision"),
        began: When::relative(at("2026-11-23T13:00:00Z"), now()),
        why: Some("It would end 412 of the 1,040 assignments known here. A sync takes no more than 20 % or 1,000 of them for ended by itself: look at what AWS no longer shows, and say whether it is right.".into()),
        count: "412".into(),
        list: sample_list("/connections/con_1/syncs/syn_1", crate::directory::HELD_COLUMNS, "", 3),
        rows: vec![
            row("ana.reyes", "AdministratorAccess on prod-payments", "4012-7788-0131"),
            row("data-engineers", "ReadOnlyAccess on data-lake", "4716-6135-3352"),
            row("old.hand", "Identity Center group on-call", "group membership"),
        ],
        accept: Some("/connections/con_1/syncs/syn_1/accept".into()),
        set_aside: Some("/connections/con_1/syncs/syn_1/set-aside".into()),
    }
}

fn estate_tabs(shown: &str) -> Tabs {
    let views = [
        ("Who holds what", "/explore"),
        ("Accounts", "/explore/accounts"),
        ("IAM users", "/explore/iam-users"),
        ("IAM roles", "/explore/iam-roles"),
    ];
    let tab = |(word, href): (&'static str, &str)| Tab {
        href: href.into(),
        word,
        count: None,
        current: href == shown,
    };
    Tabs {
        label: "What AWS has",
        tabs: views.into_iter().map(tab).collect(),
    }
}

fn cell(chip: Option<Chip>, lines: &[&str]) -> directory::Cell {
    directory::Cell {
        chip,
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
    }
}

fn accounts() -> directory::FactsList {
    let row = |name: &str, id: &str, said: &str, place: &str, iam: directory::Cell, root: &str| {
        directory::FactsRow {
            name: name.into(),
            href: Some(format!("/explore?account={id}")),
            copy: Copyable::new(id, "the account's number"),
            said: said.into(),
            cells: [
                ("Where", directory::Cell::of(place)),
                ("IAM", iam),
                ("Root user", directory::Cell::of(root)),
            ],
        }
    };
    let read = |by: &str| cell(Some(Chip::new(Tone::Live, "circle-check", "Read")), &[by]);
    let refused = cell(
        Some(Chip::new(Tone::Stop, "circle-x", "Not let in")),
        &[
            "AWS did not let Stint become the member role in this account: User is not authorized to perform: sts:AssumeRole. AWS does not say why; usually the role is not there yet, its trust policy names somebody else, or it asks for another External ID. Since 21 Nov, 09:14.",
        ],
    );
    directory::FactsList {
        tabs: estate_tabs("/explore/accounts"),
        title: "Accounts",
        lead: "Every account of your organizations.",
        list: sample_list(
            "/explore/accounts",
            crate::directory::ACCOUNT_COLUMNS,
            "name",
            3,
        )
        .search("Names, numbers, addresses, aliases, units"),
        rows: vec![
            row(
                "management",
                "401277880131",
                "alias acme",
                "Root",
                read("with the connection's own credentials"),
                "MFA",
            ),
            row(
                "prod-payments",
                "471661353352",
                "alias acme-payments",
                "Root/Workloads/Prod",
                read("by the member role"),
                "no MFA, an active access key",
            ),
            row(
                "legacy-shop",
                "520011223344",
                "suspended",
                "Root/Graveyard",
                refused,
                "not known",
            ),
        ],
    }
}

fn iam_users() -> directory::FactsList {
    let row = |name: &str, second, third, fourth: &str| directory::FactsRow {
        name: name.into(),
        href: Some("/explore?principal=prn_1".into()),
        copy: Copyable::new("AIDAIOSFODNN7EXAMPLE1", "the IAM user's id"),
        said: "in prod-payments".into(),
        cells: [
            ("Password", second),
            ("Access keys", third),
            ("Last signed in", directory::Cell::of(fourth)),
        ],
    };
    let old = Chip::new(Tone::Soon, "alert-triangle", "Older than 90 days");
    let without = Chip::new(Tone::Soon, "alert-triangle", "Without MFA");
    directory::FactsList {
        tabs: estate_tabs("/explore/iam-users"),
        title: "IAM users",
        lead: "Every IAM user, with what the credential report of its account says.",
        list: sample_list(
            "/explore/iam-users",
            crate::directory::USER_COLUMNS,
            "name",
            2,
        ),
        rows: vec![
            row(
                "ana.reyes",
                cell(Some(without), &[]),
                directory::Cell::of("none"),
                "23 Nov, 08:02",
            ),
            row(
                "svc-backup",
                directory::Cell::of("none"),
                cell(
                    Some(old),
                    &[
                        "active for 412 days, last used 23 Nov, 02:00 with s3",
                        "inactive for 30 days, never used",
                    ],
                ),
                "never, without a password",
            ),
        ],
    }
}

fn iam_roles() -> directory::FactsList {
    let row = |name: &str, trusts: &[&str], session: &str, used: &str| directory::FactsRow {
        name: name.into(),
        href: None,
        copy: Copyable::new(
            format!("arn:aws:iam::471661353352:role/{name}"),
            "the role's ARN",
        ),
        said: "in prod-payments · What web needs to deploy".into(),
        cells: [
            ("Who may assume it", cell(None, trusts)),
            ("Longest session", directory::Cell::of(session)),
            ("Last used", directory::Cell::of(used)),
        ],
    };
    directory::FactsList {
        tabs: estate_tabs("/explore/iam-roles"),
        title: "IAM roles",
        lead: "Every IAM role, and whom its trust policy lets in.",
        list: sample_list(
            "/explore/iam-roles",
            crate::directory::ROLE_COLUMNS,
            "name",
            2,
        ),
        rows: vec![
            row(
                "web-deploy-role",
                &["ec2.amazonaws.com"],
                "1 h",
                "23 Nov, 11:40 in eu-central-1",
            ),
            row(
                "partner-access",
                &[
                    "arn:aws:iam::520011223344:root",
                    "arn:aws:iam::520011223344:user/integration-with-a-long-name",
                ],
                "12 h",
                "not known",
            ),
        ],
    }
}

fn member_accounts(on: bool) -> connections::MemberAccounts {
    connections::MemberAccounts {
        href: "/connections/con_1".into(),
        name: "management".into(),
        accounts: "/explore/accounts?connection=con_1".into(),
        iam: on,
        on,
        role: "StintMember".into(),
        change: Some("/connections/con_1/member-accounts".into()),
        paste: on.then(|| connections::MemberPaste {
            trusted: "arn:aws:iam::401277880131:role/StintConnector".into(),
            external_id: Copyable::new("stint-m-3k2v9x-ACCOUNT_ID", "the form of the External IDs"),
            entering: Snippet::new("Statement", "{\n  \"Action\": \"sts:AssumeRole\"\n}"),
            shapes: Tabs::default(),
            texts: vec![Snippet::new("CloudFormation", "{\n  \"Resources\": {}\n}")],
        }),
        trouble: None,
    }
}

fn changes(heard: bool) -> directory::Changes {
    let row = |class: &str, chip: Chip, waiting: &str, since: Option<&str>| directory::ClassRow {
        class: class.into(),
        chip,
        read: heard.then(|| When::both(at("2026-11-23T09:00:00Z"), now())),
        why: (class == "Policies")
            .then(|| "AWS refused sso:GetInlinePolicyForPermissionSet.".to_owned()),
        waiting: waiting.into(),
        since: since.map(|it| When::both(at(it), now())),
    };
    let read = || Chip::new(Tone::Live, "circle-check", "Read");
    directory::Changes {
        name: "management".into(),
        href: "/connections/con_1".into(),
        action: "/connections/con_1/changes".into(),
        note: heard.then(|| Note::refusal("Something an event named could not be read again, and is tried again: AWS refused identitystore:ListGroupMemberships.")),
        classes: vec![
            row("Accounts", read(), "0", None),
            row("Policies", Chip::new(Tone::Soon, "alert-triangle", "Not read whole"), "0", None),
            row("Memberships", Chip::new(Tone::Stop, "circle-x", "Cannot be read"), "1,204", Some("2026-11-23T13:58:00Z")),
            row("Assignments", Chip::new(Tone::Wait, "refresh", "To be read again"), "3", Some("2026-11-23T14:08:00Z")),
        ],
        facts: heard.then(|| Facts {
            facts: vec![
                Fact::new("Last event", "").when(When::both(at("2026-11-23T14:08:00Z"), now())),
                Fact::new("Not known to Stint", "12").faint("the last was aws.sso: AssociateDirectory"),
            ],
        }),
        no_feed: Empty::new("refresh", "No change events", "Full syncs find what changes in AWS."),
        form: Some(vec![
            Field::line("queue_url", "Queue URL")
                .hint("A standard SQS queue in account 401277880131 and eu-central-1.")
                .value("https://sqs.eu-central-1.amazonaws.com/401277880131/stint-changes")
                .mono(),
        ]),
        shapes: Tabs {
            label: "How you set it up",
            tabs: vec![Tab {
                href: "/connections/con_1/changes?as=terraform".into(),
                word: "Terraform",
                count: None,
                current: true,
            }],
        },
        code: Snippet::new("Terraform", "resource \"aws_sqs_queue\" \"stint_changes\" {}"),
        queue_url: "https://sqs.eu-central-1.amazonaws.com/401277880131/stint-changes".into(),
        region: "eu-central-1".into(),
        global_region: Some("us-east-1".into()),
    }
}

fn users() -> identity::Users {
    let row = |name: &str, email: &str, roles: &str, chip: Chip| identity::UserRow {
        href: "/people/users/usr_1".into(),
        name: name.into(),
        initials: crate::web::frame::initials(name),
        email: email.into(),
        roles: roles.into(),
        chip,
        since: When::both(at("2026-02-03T09:00:00Z"), now()),
    };
    identity::Users {
        may_add: true,
        tabs: people_tabs("Users"),
        list: sample_list("/people", crate::identity::pages::USER_COLUMNS, "name", 3)
            .search("Name or e-mail address")
            .filter(Filter::choice(
                "role",
                "Role",
                "Any role",
                [("auditor", "Auditor")],
            )),
        rows: vec![
            row("Ana Reyes", "ana.reyes@example.com", "", Chip::active()),
            row(
                "Cy Okafor",
                "cy.okafor@example.com",
                "Super Admin, Auditor",
                Chip::active(),
            ),
            row(
                "Old Hand",
                "old.hand@example.com",
                "",
                Chip::new(Tone::Idle, "ban", "Deactivated"),
            ),
        ],
    }
}

fn links() -> directory::Links {
    let row = |key: &str, who: &str, chip: Chip, line: &str, open: bool| {
        directory::LinkRow {
        key: key.into(),
        who: who.into(),
        email: "someone@example.com".into(),
        principal: who.to_lowercase().replace(' ', "."),
        principal_id: Copyable::new("90672b8c4d-1f0e9d3c-2b4a-4f6e-9a1c-0d2e4f6a8b1c", "the principal's id"),
        connection: "management".into(),
        proposed: "3 Feb 2026".into(),
        chip,
        line: line.into(),
        confirm: open.then(|| "/people/links/lnk_1/confirm".into()),
        primary: None,
        again: None,
        remove: Some(directory::RemoveLink {
            action: "/people/links/lnk_1/reject".into(),
            word: if open { "Reject" } else { "Remove" },
            says: "Ana Reyes can then ask for nothing in this connection. What she holds stays until it ends.".into(),
        }),
    }
    };
    directory::Links {
        may_propose: true,
        tabs: people_tabs("Links"),
        shown: Tabs {
            label: "State of the link",
            tabs: vec![
                Tab {
                    href: "/people/links".into(),
                    word: "Proposed",
                    count: None,
                    current: true,
                },
                Tab {
                    href: "/people/links?show=confirmed".into(),
                    word: "Confirmed",
                    count: None,
                    current: false,
                },
            ],
        },
        rows: vec![
            row(
                "l1",
                "Mei Tan",
                Chip::new(Tone::Wait, "hourglass", "Proposed"),
                "the e-mail address is the same",
                true,
            ),
            row(
                "l2",
                "Ana Reyes",
                Chip::new(Tone::Live, "link", "Confirmed"),
                "by Cy Okafor, 3 Feb 2026",
                false,
            ),
        ],
        list: sample_list(
            "/people/links",
            crate::directory::pages::links::COLUMNS,
            "created",
            2,
        )
        .search("Name or address of the principal"),
    }
}

fn audit_list() -> audit::Audit {
    audit::Audit {
        list: sample_list("/audit", crate::overview::audit::COLUMNS, "", 1)
            .search("Words in events, or an id")
            .filter(Filter::moment("since", "From (UTC)")),
        rows: vec![audit::AuditRow {
            number: "#48 211".into(),
            at: When::both(at("2026-11-23T14:08:00Z"), now()),
            who: "Ana Reyes".into(),
            who_href: Some("/audit?actor=usr_1".into()),
            via: String::new(),
            said: "asked for access".into(),
            why: "INC-2291 card payments are declined".into(),
            action: "request.submitted".into(),
            subjects: vec![audit::AuditSubject {
                kind: "request".into(),
                name: "…9x3v5c".into(),
                href: "/requests/req_1".into(),
            }],
            changes: vec![("name".into(), "Old".into(), "New".into())],
            detail: "{}".into(),
            hash: Copyable::new("9f2c", "the hash"),
            request_id: "01jd4n7k2m9x".into(),
        }],
        may_verify: true,
    }
}

fn offers(q: &str, any: bool) -> requests::Offers {
    let row = |what: &str, place: &str, by: &str, longest: &str| requests::OfferRow {
        value: "ent_1".into(),
        href: "/request/ent_1".into(),
        what: what.into(),
        place: place.into(),
        decided_by: by.into(),
        longest: longest.into(),
        emergency: what.starts_with("Admin").then(|| "1 h".into()),
    };
    requests::Offers {
        q: q.into(),
        total: "3 things you may ask for".into(),
        whom: any.then(whom),
        others: any.then(|| "/request/people".into()),
        rows: if any { vec![
            row("AdministratorAccess on prod-payments", "4012-7788-0131", "one of Platform, then one of Security", "4 h"),
            row("ReadOnlyAccess on prod-payments", "4012-7788-0131", "nobody: approved at once", "8 h"),
            row("Identity Center group Data-Platform", "AWS Prod", "one of Data, then one of Platform", "8 h"),
        ] } else { vec![] },
        pager: Pager::new("/request", &[("q", q)], None, any.then_some("next")),
        empty: Empty::new("search", "Nothing found for “prod-admni”", "Search by account, permission set or group. What you may ask for depends on the catalogs you are in; an administrator can add you to one.").leading_to("/request", "Show everything"),
    }
}

fn home(any: bool) -> overview::Home {
    overview::Home {
        first_name: "Ana".into(),
        held: if any { held() } else { vec![] },
        nothing_held: Empty::new(
            "clock",
            "You hold no access through Stint",
            "When you need some, search for it above. It ends by itself.",
        )
        .leading_to("/request", "Request access"),
        requests: if any { request_rows() } else { vec![] },
        nothing_asked: Empty::new(
            "key",
            "No open requests",
            "What you ask for shows here until it is decided.",
        ),
        inbox: if any {
            vec![overview::Waiting {
                href: "/requests/req_9".into(),
                what: "Jonas Weber asks for DatabaseAdmin on data-warehouse".into(),
                line: "90 min, 4 min ago".into(),
            }]
        } else {
            vec![]
        },
        nothing_waits: Empty::new(
            "checks",
            "Nothing waits for you",
            "Requests you may decide on show here.",
        ),
        reviews: any.then(|| {
            (
                "2 emergency reviews to close, 1 overdue".into(),
                "/emergency-reviews?state=open",
            )
        }),
        answers: any.then(|| {
            (
                "Access until revoked: 1 review to answer".into(),
                "/until-revoked?state=open",
            )
        }),
        inbox_count: if any { 3 } else { 0 },
        poll: Some(20),
    }
}

fn several() -> requests::Several {
    let row = |value: &str, what: &str, wrong: Vec<String>| requests::SeveralRow {
        value: value.into(),
        what: what.into(),
        place: "4012-7788-0131".into(),
        decided_by: "one of Platform".into(),
        longest: "4 h".into(),
        wrong,
    };
    let why = "9 h is longer than the 4 h allowed here: ask for 4 h or less.";
    requests::Several {
        whom: Some(whom()),
        rows: vec![
            row(
                "ent_1",
                "AdministratorAccess on prod-payments",
                vec![why.into()],
            ),
            row("ent_2", "ReadOnlyAccess on prod-payments", Vec::new()),
        ],
        length: crate::web::fields::Length::new("length", "For how long?"),
        reason: Field::text("reason", "Why do you need it?"),
        ticket: Some(Field::line("ticket", "Which ticket is it about?")),
        password: None,
        start: Field::line("start", "Not before (UTC)"),
        mistakes: Mistakes::at("", "Nothing was sent."),
    }
}

fn notices(rows: usize) -> notices::Notices {
    let all = vec![
        notices::Row {
            title: "Ana Reyes asks for AdministratorAccess on prod-payments".into(),
            text: "For 2 h: “INC-2291: the settlement job fails since the deployment of this morning, and only an administrator can read its dead-letter queue”".into(),
            link: "/requests/req_1".into(),
            chip: Chip::new(Tone::Wait, "bell", "New"),
            times: None,
            when: When::both(at("2026-11-23T14:02:00Z"), now()),
            read: Some("/notices/ntc_1/read".into()),
            extend: Some("/grants/grt_1/extend".into()),
        },
        notices::Row {
            title: "The access is there: ReadOnlyAccess on prod-payments".into(),
            text: "Until 23 Nov 2026, 20:52 UTC.".into(),
            link: "/requests/req_2".into(),
            chip: Chip::new(Tone::Idle, "check", "Read"),
            times: Some("3 times".into()),
            when: When::both(at("2026-11-23T12:52:00Z"), now()),
            read: None,
            extend: None,
        },
        notices::Row {
            title: "x".into(),
            text: String::new(),
            link: "/requests/req_3".into(),
            chip: Chip::new(Tone::Idle, "circle-check", "Settled"),
            times: None,
            when: When::both(at("2026-11-20T12:52:00Z"), now()),
            read: None,
            extend: None,
        },
    ];
    notices::Notices {
        any_new: rows > 0,
        list: sample_list("/notices", crate::notices::pages::COLUMNS, "-when", rows),
        rows: all.into_iter().take(rows).collect(),
    }
}

pub(super) fn everything() -> Vec<(&'static str, Response)> {
    let view = |path: &str, title: &str, view: &dyn Fn(&Frame, &str) -> Response| {
        view(&frame(path), title)
    };
    fn put<T: Template>(view: T) -> impl Fn(&Frame, &str) -> Response {
        move |frame, title| page(frame, title, &view)
    }
    let mut flash = frame("/requests/req_1");
    flash.flash = Some(Flash::done(
        "Sent. Bo Lindqvist, Mei Tan or Jonas Weber can approve it now.",
    ));
    let bare = |path: &str| Frame::new(path, &HeaderMap::new());
    let trouble = |status: StatusCode, code: &str, detail: &str| crate::http::Trouble {
        status,
        code: code.to_owned().into(),
        detail: detail.into(),
    };
    let personas = vec![
        identity::Persona {
            key: "ana",
            name: "Ana Reyes",
            initials: "AR".into(),
            about: "Engineer: asks for access, returns it",
        },
        identity::Persona {
            key: "bo",
            name: "Bo Lindqvist",
            initials: "BL".into(),
            about: "Approver: decides what Platform is asked",
        },
        identity::Persona {
            key: "cy",
            name: "Cy Okafor",
            initials: "CO".into(),
            about: "Super Admin: connections, people, grants",
        },
        identity::Persona {
            key: "dee",
            name: "Dee Marsh",
            initials: "DM".into(),
            about: "Auditor: reads everything, changes nothing",
        },
    ];
    vec![
        ("home", view("/", "Home", &put(home(true)))),
        ("home-empty", view("/", "Home", &put(home(false)))),
        ("offers", view("/request?q=prod", "Request access", &put(offers("prod", true)))),
        ("offers-empty", view("/request?q=prod-admni", "Request access", &put(offers("prod-admni", false)))),
        ("ask", view("/request/ent_1", "Request access", &put(ask(Mistakes::none(), false)))),
        ("ask-mistakes", {
            let mut mistakes = Mistakes::at("duration", "9 h is longer than this policy allows: choose at most 4 h.");
            mistakes.add("reason", "Say why you need it: who decides reads this.");
            page_with(StatusCode::UNPROCESSABLE_ENTITY, &frame("/request/ent_1"), "Request access", &ask(mistakes, false))
        }),
        ("ask-blocked", view("/request/ent_1", "Request access", &put(ask(Mistakes::none(), true)))),
        ("mine", view("/requests", "My requests", &put(requests::Mine { tabs: None, list: sample_list("/requests", crate::requests::pages::COLUMNS, "-asked", 3).search("Access, group or reason"), rows: request_rows() }))),
        ("several", view("/request", "Request access", &put(several()))),
        ("for-whom", view("/request/people", "For whom?", &put(for_whom(true)))),
        ("for-whom-nobody", view("/request/people", "For whom?", &put(for_whom(false)))),
        ("submission", view("/submissions/sub_1", "Asked together", &put(requests::Submission {
            path: "/submissions/sub_1".into(),
            who: "Ana Reyes".into(),
            when: When::both(at("2026-11-23T14:02:00Z"), now()),
            rows: request_rows(),
            cancel: Some("/submissions/sub_1/cancel".into()),
            poll: Some(5),
        }))),
        ("notices", view("/notices", "Notices", &put(notices(3)))),
        ("notices-empty", view("/notices", "Notices", &put(notices(0)))),
        ("reviews", view("/emergency-reviews", "Emergency reviews", &put(emergency::reviews(true)))),
        ("reviews-empty", view("/emergency-reviews", "Emergency reviews", &put(emergency::reviews(false)))),
        ("review", view("/emergency-reviews/req_1", "Emergency review", &put(emergency::review(true, Mistakes::none())))),
        ("review-mistakes", view("/emergency-reviews/req_1", "Emergency review", &put(emergency::review(true, Mistakes::at("note", "Say what you found."))))),
        ("kept-reviews", view("/until-revoked", "Until revoked", &put(emergency::kept_reviews(true)))),
        ("kept-reviews-empty", view("/until-revoked", "Until revoked", &put(emergency::kept_reviews(false)))),
        ("kept-review", view("/until-revoked/req_1", "Until revoked", &put(emergency::kept_review(true, Mistakes::none())))),
        ("kept-review-mistakes", view("/until-revoked/req_1", "Until revoked", &put(emergency::kept_review(true, Mistakes::at("note", "Say what you found."))))),
        ("kept-review-not-mine", view("/until-revoked/req_1", "Until revoked", &put(emergency::kept_review(false, Mistakes::none())))),
        ("review-not-mine", view("/emergency-reviews/req_1", "Emergency review", &put(emergency::review(false, Mistakes::none())))),
        ("dry-run", view("/policies/try", "What if somebody asked", &put(rules::dry_run(true)))),
        ("dry-run-mistakes", view("/policies/try", "What if somebody asked", &put(rules::dry_run(false)))),
        ("replay", view("/policies/pol_1/replay", "What the draft would change", &put(rules::draft(true)))),
        ("replay-wrong", view("/policies/pol_1/replay", "What the draft would change", &put(rules::draft(false)))),
        ("held", view("/catalogs/cat_1/contents", "What the catalog holds", &put(rules::held(true)))),
        ("held-empty", view("/catalogs/cat_1/contents", "What the catalog holds", &put(rules::held(false)))),
        ("try", view("/catalogs/cat_1/try", "Try the catalog", &put(rules::try_catalog()))),
        ("duties", view("/duties", "Duties", &put(duties::list(true)))),
        ("duties-empty", view("/duties", "Duties", &put(duties::list(false)))),
        ("duty", view("/duties/dut_1", "Four eyes on payments", &put(duties::show(true)))),
        ("duty-off", view("/duties/dut_1", "Four eyes on payments", &put(duties::show(false)))),
        ("conflicts", view("/duties/conflicts", "Conflicts", &put(duties::conflicts(true)))),
        ("conflicts-none", view("/duties/conflicts", "Conflicts", &put(duties::conflicts(false)))),
        ("mend", view("/mend", "Find what mends a refusal", &put(mend::form(false)))),
        ("mend-read", view("/mend", "Find what mends a refusal", &put(mend::form(true)))),
        ("inbox", view("/approvals", "Approvals", &put(inbox()))),
        ("show", page(&flash, "Request", &show(true))),
        ("show-open", view("/requests/req_1", "Request", &put(show(false)))),
        ("grants", view("/grants", "Grants", &put(grants_list()))),
        ("connections", view("/connections", "Connections", &put(connections::Connections {
        tabs: Tabs::default(),
            rows: vec![connections::ConnectionRow { href: "/connections/con_1".into(), name: "management".into(), application: "AWS Prod".into(), account: "401277880131".into(), chip: Chip::new(Tone::Live, "circle-check", "Connected"), why: String::new(), synced: Some(When::both(at("2026-11-23T13:12:00Z"), now())) }],
            list: sample_list("/connections", crate::connections::pages::COLUMNS, "name", 1).search("Name of the connection"), may_add: true }))),
        ("connections-empty", view("/connections", "Connections", &put(connections::Connections {
        tabs: Tabs::default(),
            rows: vec![], may_add: true,
            list: List::new("/connections", &Listing::default(), crate::connections::pages::COLUMNS, Empty::new("plug-connected", "Not connected to AWS yet", "Stint reads who holds what, and gives and takes access, through a role in your organization's management account. Setting it up takes a few minutes.").leading_to("/connections/new", "Connect AWS")) }))),
        ("connection-new", view("/connections/new", "Connect AWS", &put(new_connection("role")))),
        ("connection-new-key", view("/connections/new", "Connect AWS", &put(new_connection("access_key")))),
        ("connection-new-host", view("/connections/new", "Connect AWS", &put(new_connection("host")))),
        ("draining", view("/connections/con_1/drain", "Take out of service", &put(draining(true)))),
        ("draining-not-yet", view("/connections/con_1/drain", "Take out of service", &put(draining(false)))),
        ("credential", view("/connections/con_1/credential", "Replace the credential", &put(connections::Credential {
            href: "/connections/con_1".into(), action: "/connections/con_1/credential".into(), name: "management".into(),
            now: "Stint enters by the access key AKIAIOSFODNN7EXAMPLE, which it has had for 41 days.".into(),
            way: new_connection("access_key").way }))),
        ("connection", view("/connections/con_1", "management", &put(connection(false)))),
        ("sync-held", view("/connections/con_1/syncs/syn_1", "What a sync found gone", &put(held_sync()))),
        ("accounts", view("/explore/accounts", "Accounts", &put(accounts()))),
        ("iam-users", view("/explore/iam-users", "IAM users", &put(iam_users()))),
        ("iam-roles", view("/explore/iam-roles", "IAM roles", &put(iam_roles()))),
        ("member-accounts", view("/connections/con_1/member-accounts", "IAM of member accounts", &put(member_accounts(true)))),
        ("member-accounts-off", view("/connections/con_1/member-accounts", "IAM of member accounts", &put(member_accounts(false)))),
        ("changes", view("/connections/con_1/changes", "Change events", &put(changes(true)))),
        ("changes-none", view("/connections/con_1/changes", "Change events", &put(changes(false)))),
        ("connection-fresh", view("/connections/con_1", "management", &put(connection(true)))),
        ("setup", view("/connections/con_1/setup", "Set up", &put(setup(true)))),
        ("setup-key", view("/connections/con_1/setup", "Set up", &put(connections::SetUp { by: "access_key", ..setup(true) }))),
        ("setup-host", view("/connections/con_1/setup", "Set up", &put(connections::SetUp { by: "host", ..setup(true) }))),
        ("setup-trouble", view("/connections/con_1/setup", "Set up", &put(setup(false)))),
        ("iam-users", view("/connections/con_1/iam-users", "IAM users", &put(objects::users(true)))),
        ("iam-users-off", view("/connections/con_1/iam-users", "IAM users", &put(objects::users(false)))),
        ("iam-user-found", view("/iam-users/mob_1", "old-robot", &put(objects::user(true)))),
        ("iam-user-stuck", view("/iam-users/mob_1", "old-robot", &put(objects::user(false)))),
        ("key", view("/connections/con_1/key", "Access key", &put(objects::key(false)))),
        ("key-rotating", view("/connections/con_1/key", "Access key", &put(objects::key(true)))),
        ("people", view("/people", "People", &put(users()))),
        ("groups", view("/people/groups", "Groups", &put(identity::Groups { may_add: true, tabs: people_tabs("Groups"), rows: vec![identity::GroupRow { since: When::both(at("2026-02-03T09:00:00Z"), now()), href: "/people/groups/grp_1".into(), name: "Platform".into(), description: "On call for production".into(), members: "Bo Lindqvist, Mei Tan, Jonas Weber".into(), count: 3 }, identity::GroupRow { since: When::both(at("2026-02-03T09:00:00Z"), now()), href: "/people/groups/grp_2".into(), name: "Security".into(), description: String::new(), members: String::new(), count: 0 }], list: sample_list("/people/groups", crate::identity::pages::GROUP_COLUMNS, "name", 2).search("Name of the group") }))),
        ("links", view("/people/links", "Links", &put(links()))),
        ("audit", view("/audit", "Audit", &put(audit_list()))),
        ("sign-in", bare_page(StatusCode::OK, &bare("/sign-in"), "Sign in", &identity::SignIn { personas, ..Default::default() })),
        ("sign-in-wrong", bare_page(StatusCode::UNPROCESSABLE_ENTITY, &bare("/sign-in"), "Sign in", &identity::SignIn { email: "ana@example.com".into(), mistakes: Mistakes::at("", "That e-mail and password do not go together. After 10 wrong tries the account is locked for a while."), ..Default::default() })),
        ("error", error_page(&frame("/requests/req_0"), &trouble(StatusCode::NOT_FOUND, "not_found", "There is nothing here, or nothing you may see. Check the address, or ask whoever gave it to you."), "01jd4n7k2m9x")),
        ("error-bare", error_page(&bare("/x"), &trouble(StatusCode::SERVICE_UNAVAILABLE, "not_initialised", "Stint has no user yet. On the machine it runs on, type: stint users create-admin --email you@example.com"), "01jd4n7k2m9x")),
    ]
}
