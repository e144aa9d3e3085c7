//! Trying policies and catalogs out.

use super::{at, link, now, sample_list};
use crate::catalog::pages::held::HELD_COLUMNS;
use crate::catalog::pages::view as catalogs;
use crate::requests::replay::pages as replay;
use crate::web::fields::{Choice, Choose, Field, Item, Length};
use crate::web::{Chain, Fact, Facts, Mistakes, Note, Picked, Stage, When};

fn chosen(name: &str, label: &str, title: &str, faint: &str) -> Choose {
    let item = Item {
        id: "ent_1".into(),
        title: title.into(),
        faint: faint.into(),
    };
    let picked = Picked::of(["ent_1"]);
    Choose::new(name, label, "entitlements", "/policies/try")
        .one()
        .with(&picked, vec![item], None, false)
}

pub(super) fn dry_run(answered: bool) -> replay::dry_run::View {
    let mistakes = match answered {
        true => Mistakes::none(),
        false => Mistakes::at("length", "Give a whole number above 0."),
    };
    let who = chosen(
        "user",
        "Who would ask?",
        "Ana Reyes",
        "ana.reyes@example.com",
    );
    let what = chosen(
        "entitlement",
        "For what?",
        "AdministratorAccess on prod-payments",
        "4012-7788-0131, management",
    );
    let policies = vec![
        Choice::new("", "The one it is asked for under"),
        Choice::new("pol_1", "Production"),
    ];
    replay::dry_run::View {
        action: "/policies/try",
        parts: vec![
            who.into(),
            what.into(),
            Length::new("length", "For how long?")
                .hint("Leave it empty for as long as is allowed.")
                .value(("two".into(), "hours".into()))
                .wrong(&mistakes)
                .into(),
            Field::moment("start", "From when?").into(),
            Field::one_of("policy", "Under which policy?", policies).into(),
        ],
        answer: answered.then(|| replay::dry_run::Answer {
            what: "AdministratorAccess on prod-payments".into(),
            notes: vec![
                Note::info("It would be asked for, in 2 steps."),
                Note::warning("They cannot ask for it: no catalog of theirs holds it with a policy. This is what the policy would say."),
            ],
            chain: Chain {
                links: vec![
                    link(Stage::Now, "One of Platform", "Bo Lindqvist, Mei Tan", "denied after 2 d"),
                    link(Stage::Later, "One of Security", "Cy Okafor", ""),
                ],
            },
            facts: Facts {
                facts: vec![
                    Fact::new("At most", "4 h"),
                    Fact::new("Rule", "“Half an hour of reading”: does not apply"),
                    Fact::new("Rule", "“Outside working hours, on production accounts only”: applies"),
                    Fact::new("Could not decide", "Platform: Ana Reyes (would ask for it), Jonas Weber (is not active, or may not decide)"),
                ],
            },
        }),
        mistakes,
    }
}

pub(super) fn draft(any: bool) -> replay::View {
    let row = |what: &str, before: &str, after: &str| replay::Row {
        href: "/requests/req_1".into(),
        what: what.into(),
        who: "Ana Reyes, for 3 h".into(),
        asked: When::relative(at("2026-11-20T02:12:00Z"), now()),
        before: before.into(),
        after: after.into(),
    };
    replay::View {
        policy: "Production".into(),
        back: "/policies/pol_1/edit".into(),
        wrong: match any {
            true => vec![],
            false => vec!["The longest access is at least 5 min.".into()],
        },
        found: any.then(|| replay::Found {
            lead: "Of 212 requests of the last 30 days 3 would be answered otherwise, and 209 as they were.".into(),
            rules: vec![("Short".into(), 2), ("Contractors".into(), 0)],
            otherwise: 210,
            rows: vec![
                row("AdministratorAccess on prod-payments", "1 of Platform", "Approved at once (rule “Short”)"),
                row("ReadOnly on data-warehouse", "1 of Platform", "1 of Platform, but other people or times"),
            ],
            unnamed: 1,
        }),
    }
}

pub(super) fn held(any: bool) -> catalogs::ShowHeld {
    let row = |name: &str, why: &str, default: bool| catalogs::HeldRow {
        name: name.into(),
        place: "4012-7788-0131".into(),
        why: why.into(),
        policy: Some(("/policies/pol_1".into(), "Production".into())),
        default,
        at_most: "4 h".into(),
        ask: "/catalogs/cat_1/try?entitlement=ent_1".into(),
    };
    catalogs::ShowHeld {
        path: "/catalogs/cat_1".into(),
        name: "Sandboxes of the platform teams in Europe and everything they read".into(),
        total: if any { 2 } else { 0 },
        list: sample_list(
            "/catalogs/cat_1/contents",
            HELD_COLUMNS,
            "name",
            if any { 2 } else { 0 },
        )
        .search("Names of permission sets, accounts and groups"),
        rows: match any {
            true => vec![
                row(
                    "AdministratorAccess on sandbox-payments-eu-central-1",
                    "by “Sandboxes”",
                    true,
                ),
                row(
                    "ReadOnly on prod-payments",
                    "in the list, by “Readers of everything below Workloads”",
                    false,
                ),
            ],
            false => vec![],
        },
    }
}

pub(super) fn try_catalog() -> catalogs::TryCatalog {
    let answer = |what: &str, note: Note, facts: &[(&'static str, &'static str)]| {
        let facts = facts.iter();
        let facts = facts.map(|(label, says)| Fact::new(label, *says)).collect();
        (what.to_owned(), note, Facts { facts })
    };
    catalogs::TryCatalog {
        path: "/catalogs/cat_1".into(),
        name: "Sandboxes".into(),
        action: "/catalogs/cat_1/try".into(),
        mistakes: Mistakes::none(),
        parts: vec![
            chosen(
                "entitlement",
                "Is this in the catalog?",
                "ReadOnly on prod-payments",
                "4012-7788-0131, management",
            )
            .into(),
            chosen(
                "user",
                "Does this person see it?",
                "Ana Reyes",
                "ana.reyes@example.com",
            )
            .into(),
        ],
        answers: vec![
            answer(
                "ReadOnly on prod-payments",
                Note::warning("It is not in “Sandboxes”."),
                &[
                    ("In the list", "no"),
                    ("By condition", "“Sandboxes”: not true"),
                    ("Asked for under", "a policy of its own"),
                ],
            ),
            answer(
                "Ana Reyes",
                Note::info("Ana Reyes sees “Sandboxes”."),
                &[("Groups of its audience", "Platform")],
            ),
            answer(
                "Both together",
                Note::warning("This person cannot ask for it, and does not learn that it exists."),
                &[("Catalogs of theirs that hold it", "none")],
            ),
        ],
    }
}
