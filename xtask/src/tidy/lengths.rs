//! How long files are, without their tests: at most 800 lines, 400 to aim at.

use super::{Report, Tree};

const TARGET: usize = 400;
const LIMIT: usize = 800;

pub(super) fn look(tree: &Tree, report: &mut Report) {
    for folder in ["crates/", "xtask/"] {
        for (path, source) in tree.sources(folder) {
            if tree.is_test(path) {
                continue;
            }
            let lines = source.lines_without_tests();
            if lines > LIMIT {
                let what = format!("{lines} lines without tests, {LIMIT} is the limit: split it");
                report.problem("length", path, what);
            } else if lines > TARGET {
                report.note(format!("{path} has {lines} lines ({TARGET} is the target)"));
            }
        }
    }
}
