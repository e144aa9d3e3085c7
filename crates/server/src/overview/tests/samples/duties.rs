//! Duty rules, and who is in conflict with them.

use super::{at, now, sample_list};
use crate::duties::pages::view::{ConflictRow, Conflicts, Duties, DutyRow, ShowDuty, SideShown};
use crate::duties::pages::{COLUMNS, CONFLICT_COLUMNS};
use crate::web::{Chip, Fact, Facts, Tone, When};

fn in_force() -> Chip {
    Chip::new(Tone::Live, "circle-check", "In force")
}

pub(super) fn list(any: bool) -> Duties {
    let row = |name: &str, chip: Chip, sides: &str| DutyRow {
        href: "/duties/dut_1".into(),
        name: name.into(),
        chip,
        sides: sides.into(),
        happens: "It needs an exception".into(),
        since: When::both(at("2026-11-20T02:12:00Z"), now()),
    };
    let long = "Who may change the production databases of every subsidiary reads no audit trail";
    Duties {
        list: sample_list("/duties", COLUMNS, "name", if any { 2 } else { 0 }),
        rows: match any {
            true => vec![
                row(
                    "Four eyes on payments",
                    in_force(),
                    "Payments: write and Payments: release",
                ),
                row(
                    long,
                    Chip::new(Tone::Idle, "ban", "Switched off"),
                    "Databases and Audit",
                ),
            ],
            false => Vec::new(),
        },
        may_add: true,
        may_see_conflicts: true,
    }
}

fn rows() -> Vec<ConflictRow> {
    let row = |who: Option<&str>, name: &str, first: &[&str]| ConflictRow {
        who: who.map(str::to_owned),
        name: name.into(),
        rule: "/duties/dut_1".into(),
        rule_name: "Four eyes on payments".into(),
        first: first.iter().map(|it| (*it).to_owned()).collect(),
        second: vec!["Release on prod-payments, granted".into()],
    };
    vec![
        row(
            Some("/people/usr_1"),
            "Ana Reyes",
            &["Write on prod-payments, through the group payments-writers"],
        ),
        row(
            None,
            "IAM user build-agent-of-the-old-pipeline",
            &[
                "Write on prod-payments",
                "Write on prod-ledger",
                "and 12 more",
            ],
        ),
    ]
}

pub(super) fn show(active: bool) -> ShowDuty {
    let side = |name: &str, when: Option<&str>| SideShown {
        name: name.into(),
        listed: match when {
            Some(_) => Vec::new(),
            None => vec![
                "Write on prod-payments".into(),
                "Identity Center group payments-writers".into(),
            ],
        },
        more: if when.is_some() { 0 } else { 3 },
        when: when.map(str::to_owned),
    };
    ShowDuty {
        path: "/duties/dut_1".into(),
        name: "Four eyes on payments".into(),
        chip: in_force(),
        message: "Whoever writes payments does not release them: ask the other team.".into(),
        first: side("Payments: write", None),
        second: side(
            "Payments: release",
            Some("resource has permission_set && resource.permission_set like \"Release*\""),
        ),
        facts: Facts {
            facts: vec![
                Fact::new("What happens", "It needs an exception"),
                Fact::new("Exceptions are made by", "members of")
                    .link("/people/groups/grp_1", "Security"),
            ],
        },
        conflicts: active.then(|| (2, rows())),
        all: "/duties/conflicts?rule=dut_1".into(),
        may_change: true,
    }
}

pub(super) fn conflicts(any: bool) -> Conflicts {
    let rows = if any { rows() } else { Vec::new() };
    Conflicts {
        list: sample_list("/duties/conflicts", CONFLICT_COLUMNS, "", rows.len()),
        total: rows.len(),
        rows,
    }
}
