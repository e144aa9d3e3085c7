//! `cargo xtask mutants`: small committed faults, each killed by a test it names.
//!
//! The tree is copied to `target/mutants/tree`, which keeps a target folder of its own; there
//! each patch is applied, the named tests are run, and the files are put back. A mutant is
//! killed when *every* test it names fails; those tests must pass on the unchanged copy first,
//! or a failure would prove nothing.
//!
//! What it does not do: touch the checkout, except for the table it generates.

mod bench;

use std::fmt::{self, Write as _};
use std::fs;
use std::path::Path;
use std::process::ExitCode;

pub use bench::{Bench, Fate};

use anyhow::{Context, Result, bail, ensure};

use crate::install;
use crate::postgres::Postgres;

/// Where the patches stand, from the root.
pub const FOLDER: &str = "mutants/";

/// The generated table, from the root.
pub const TABLE: &str = "docs/mutants.md";

/// How git is asked to apply a patch; also in a checkout that belongs to somebody else.
pub const GIT_APPLY: [&str; 4] = ["-c", "safe.directory=*", "apply", "--whitespace=nowarn"];

/// A test by package and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TestName {
    /// The cargo package.
    pub package: String,
    /// The name within it, as nextest prints it.
    pub test: String,
}

impl fmt::Display for TestName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.package, self.test)
    }
}

/// One committed fault.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// The patch's file name without `.patch`.
    pub name: String,
    /// What goes wrong with it, in a sentence.
    pub breaks: String,
    /// The tests that must fail.
    pub kills: Vec<TestName>,
    /// The files it changes, from the root.
    pub files: Vec<String>,
}

impl Mutant {
    /// Reads a patch: header lines `# mutant:`, `# breaks:`, `# kills:` (may be repeated), then
    /// a unified diff whose paths begin with `a/` and `b/`.
    ///
    /// # Errors
    /// Says what is missing or wrong in the header.
    pub fn read(path: &str, text: &str) -> Result<Self> {
        let file = path.rsplit('/').next().unwrap_or(path);
        let file = file.strip_suffix(".patch").unwrap_or(file);
        let said = |key: &str| -> Vec<&str> {
            let start = format!("# {key}:");
            let header = text.lines().take_while(|line| !line.starts_with("--- "));
            header
                .filter_map(|line| line.strip_prefix(start.as_str()))
                .map(str::trim)
                .collect()
        };
        let one = |key: &str| -> Result<String> {
            match said(key).as_slice() {
                [value] if !value.is_empty() => Ok((*value).to_owned()),
                _ => bail!("needs one line `# {key}: …` above the diff"),
            }
        };
        let name = one("mutant")?;
        ensure!(
            name == file,
            "calls itself `{name}`, its file says `{file}`"
        );
        let kills = said("kills").into_iter().map(|test| {
            let (package, test) = test
                .split_once("::")
                .with_context(|| format!("`# kills: {test}` is no package::test_name"))?;
            Ok(TestName {
                package: package.to_owned(),
                test: test.to_owned(),
            })
        });
        let kills: Vec<TestName> = kills.collect::<Result<_>>()?;
        ensure!(
            !kills.is_empty(),
            "needs a line `# kills: package::test_name` above the diff"
        );
        let files = text.lines().filter_map(|line| line.strip_prefix("+++ b/"));
        let files = files.map(|l| l.split('\t').next().unwrap_or(l).to_owned());
        let files: Vec<String> = files.collect();
        ensure!(!files.is_empty(), "changes no file (`+++ b/…`)");
        Ok(Self {
            name,
            breaks: one("breaks")?,
            kills,
            files,
        })
    }
}

/// All mutants under a root, by name.
///
/// # Errors
/// When one cannot be read.
pub fn all(root: &Path) -> Result<Vec<Mutant>> {
    let folder = root.join(FOLDER);
    let mut mutants = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "patch") {
            let shown = path.display().to_string();
            let text = fs::read_to_string(&path)?;
            mutants.push(Mutant::read(&shown, &text).with_context(|| shown.clone())?);
        }
    }
    mutants.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(mutants)
}

/// The document of the mutants.
#[must_use]
pub fn table(mutants: &[Mutant]) -> String {
    let mut text = String::from(
        "# Mutants\n\n\
         Small faults that are committed as patches in `mutants/`. `cargo xtask mutants` applies \
         each to a copy of the tree and sees that every test it names fails. This page is what \
         the patches say of themselves; `cargo xtask mutants --table` writes it.\n\n\
         | mutant | what it breaks | killed by |\n|---|---|---|\n",
    );
    let mut mutants: Vec<&Mutant> = mutants.iter().collect();
    mutants.sort_by_key(|mutant| &mutant.name);
    for mutant in mutants {
        let kills: Vec<String> = mutant.kills.iter().map(|t| format!("`{t}`")).collect();
        let Mutant { name, breaks, .. } = mutant;
        // Writing to a String does not fail.
        let _ = writeln!(text, "| {name} | {breaks} | {} |", kills.join("<br>"));
    }
    text
}

/// `cargo xtask mutants --list`.
///
/// # Errors
/// When a patch cannot be read.
pub fn list(root: &Path) -> Result<ExitCode> {
    for mutant in all(root)? {
        println!("{}: {}", mutant.name, mutant.breaks);
        for test in mutant.kills {
            println!("    {test}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `cargo xtask mutants --table`: writes the table from what the patches say.
///
/// # Errors
/// When a patch cannot be read, or the table not be written.
pub fn write_table(root: &Path) -> Result<ExitCode> {
    fs::write(root.join(TABLE), table(&all(root)?))?;
    println!("wrote {TABLE}");
    Ok(ExitCode::SUCCESS)
}

/// `cargo xtask mutants`: tries those named, or all.
///
/// # Errors
/// When a name is unknown, or the unchanged tree does not pass the named tests.
pub fn command(root: &Path, names: &[String]) -> Result<ExitCode> {
    let mutants = all(root)?;
    for name in names {
        ensure!(
            mutants.iter().any(|mutant| mutant.name == *name),
            "there is no mutants/{name}.patch"
        );
    }
    install::nextest()?;
    install::postgres()?;
    let server = Postgres::start()?;
    let chosen: Vec<&Mutant> = (mutants.iter())
        .filter(|mutant| names.is_empty() || names.contains(&mutant.name))
        .collect();
    let mut bench = Bench::new(root, &root.join("target/mutants"))?;
    bench.postgres = Some(server.url().to_owned());
    bench.passes_unchanged(&chosen)?;
    let mut fates = Vec::new();
    for mutant in chosen {
        let fate = bench.fate(mutant)?;
        println!("{}: {fate}", mutant.name);
        fates.push((mutant, fate));
    }
    drop(server);
    let alive: Vec<&str> = (fates.iter())
        .filter(|(_, fate)| *fate != Fate::Killed)
        .map(|(mutant, _)| mutant.name.as_str())
        .collect();
    println!(
        "{} tried, {} killed",
        fates.len(),
        fates.len() - alive.len()
    );
    if !alive.is_empty() {
        println!("not killed: {}", alive.join(", "));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
