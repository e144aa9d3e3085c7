//! Embeds `/migrations/{sqlite,postgres}/NNNN_name.sql` as two lists of texts.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use std::fmt::Write as _;
use std::path::Path;

fn main() {
    // Asked when it runs: a target folder that was copied holds the script of another checkout.
    let here = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let root = Path::new(&here).join("../../migrations");
    let mut code = String::new();
    for engine in ["sqlite", "postgres"] {
        let folder = root.join(engine);
        println!("cargo::rerun-if-changed={}", folder.display());
        let mut files: Vec<_> = std::fs::read_dir(&folder)
            .expect("the migrations folder exists")
            .map(|entry| entry.expect("the migrations folder can be read").path())
            .filter(|path| path.extension().is_some_and(|e| e == "sql"))
            .collect();
        files.sort();
        let constant = engine.to_uppercase();
        writeln!(
            code,
            "pub(crate) const {constant}: &[(i64, &str, &str)] = &["
        )
        .unwrap();
        for path in files {
            println!("cargo::rerun-if-changed={}", path.display());
            let stem = path
                .file_stem()
                .and_then(|s| s.to_str())
                .expect("a file name in UTF-8");
            let (number, name) = stem
                .split_once('_')
                .and_then(|(n, name)| Some((n.parse::<i64>().ok()?, name)))
                .unwrap_or_else(|| panic!("{stem}.sql: name a migration NNNN_name.sql"));
            let file = path.canonicalize().expect("the migration exists");
            writeln!(code, "    ({number}, {name:?}, include_str!({file:?})),").unwrap();
        }
        writeln!(code, "];").unwrap();
    }
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    std::fs::write(Path::new(&out).join("migrations.rs"), code).expect("OUT_DIR can be written");
}
