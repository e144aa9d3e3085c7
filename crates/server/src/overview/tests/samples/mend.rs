//! A refusal that is pasted, and what mends it.

use crate::mend::pages::view::{MatchRow, Mend, Read};
use crate::web::fields::Field;
use crate::web::{Chip, Copyable, Fact, Facts, Mistakes, Note, Tone};

pub(super) fn form(read: bool) -> Mend {
    let row = |name: &str, certain: bool, why: &str, through: Option<&str>| MatchRow {
        href: "/request/ent_1".into(),
        name: name.into(),
        place: "4012-7788-0131".into(),
        chip: match certain {
            true => Chip::new(Tone::Live, "circle-check", "Allows it"),
            false => Chip::new(Tone::Wait, "hourglass", "May allow it"),
        },
        why: why.into(),
        through: through.map(str::to_owned),
    };
    let arn = "arn:aws:sts::401277880131:assumed-role/AWSReservedSSO_ReadOnlyAccess_0123456789abcdef/ana.reyes@example.com";
    Mend {
        parts: vec![
            Field::text("message", "What AWS said")
                .required()
                .mono()
                .into(),
            Field::line("account", "In which account").mono().into(),
        ],
        mistakes: Mistakes::none(),
        read: read.then(|| Read {
            facts: Facts {
                facts: vec![
                    Fact::new("Who", "")
                        .copy(Copyable::new(arn, "who was refused"))
                        .faint("ana.reyes@example.com, with the permission set ReadOnlyAccess"),
                    Fact::new("Wanted to", "s3:PutObject"),
                    Fact::new("In the account", "401277880131"),
                ],
            },
            note: Note::info("No policy of theirs allows it: access that does mends it."),
            rows: vec![
                row(
                    "ReportsWriter on prod-payments",
                    true,
                    "Its inline policy allows it.",
                    None,
                ),
                row(
                    "Identity Center group payments-writers-of-the-old-platform",
                    false,
                    "What AWS's policy AmazonS3FullAccess says is not known to Stint.",
                    Some("Writer on prod-payments"),
                ),
            ],
            more: 3,
        }),
    }
}
