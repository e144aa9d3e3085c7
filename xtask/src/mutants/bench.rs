//! Where mutants are tried: a copy of the tree with a target folder of its own.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io};

use anyhow::{Context, Result, bail};

use super::{FOLDER, Mutant, TestName};
use crate::install::cargo;
use crate::{postgres, run};

/// What became of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Every named test failed.
    Killed,
    /// These passed.
    Survived(Vec<TestName>),
    /// It could not be tried: why.
    Unusable(String),
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Killed => f.write_str("killed"),
            Self::Survived(tests) => {
                let tests: Vec<String> = tests.iter().map(TestName::to_string).collect();
                write!(f, "SURVIVED: passed with it: {}", tests.join(", "))
            }
            Self::Unusable(why) => write!(f, "UNUSABLE: {why}"),
        }
    }
}

/// A copy of a tree with a target folder of its own, on which mutants are tried.
pub struct Bench {
    root: PathBuf,
    copy: PathBuf,
    target: PathBuf,
    /// The server tests may use, if there is one.
    pub postgres: Option<String>,
}

impl Bench {
    /// Brings the copy under `place` up to date with the tree under `root`.
    ///
    /// # Errors
    /// When files cannot be read or written.
    pub fn new(root: &Path, place: &Path) -> Result<Self> {
        let bench = Self {
            root: root.to_path_buf(),
            copy: place.join("tree"),
            target: place.join("target"),
            postgres: None,
        };
        fs::create_dir_all(&bench.copy)?;
        mirror(&bench.root, &bench.copy).context("copying the tree")?;
        Ok(bench)
    }

    /// Sees that every test these mutants name is there and passes without them.
    ///
    /// # Errors
    /// When one does not.
    pub fn passes_unchanged(&self, mutants: &[&Mutant]) -> Result<()> {
        let tests: BTreeSet<&TestName> = mutants.iter().flat_map(|m| &m.kills).collect();
        println!("running {} tests without mutants", tests.len());
        for test in tests {
            match self.run(test)? {
                Ran::Passed => {}
                Ran::Failed => bail!("`{test}` fails without any mutant"),
                Ran::Nothing => bail!("there is no test `{test}`"),
                Ran::NotBuilt => bail!("the tree does not build"),
            }
        }
        Ok(())
    }

    /// Applies a mutant, runs its tests, puts the files back.
    ///
    /// # Errors
    /// When the copy cannot be changed or cargo cannot be started.
    pub fn fate(&self, mutant: &Mutant) -> Result<Fate> {
        if let Err(error) = self.apply(mutant) {
            return Ok(Fate::Unusable(format!("does not apply: {error:#}")));
        }
        let fate = self.judge(mutant);
        for file in &mutant.files {
            let original = self.root.join(file);
            if original.is_file() {
                put_back(&original, &self.copy.join(file))?;
            } else {
                fs::remove_file(self.copy.join(file))?;
            }
        }
        fate
    }

    fn judge(&self, mutant: &Mutant) -> Result<Fate> {
        let mut survived = Vec::new();
        for test in &mutant.kills {
            match self.run(test)? {
                Ran::Failed => {}
                Ran::Passed => survived.push(test.clone()),
                Ran::Nothing => return Ok(Fate::Unusable(format!("there is no test `{test}`"))),
                Ran::NotBuilt => return Ok(Fate::Unusable("does not build".to_owned())),
            }
        }
        if survived.is_empty() {
            Ok(Fate::Killed)
        } else {
            Ok(Fate::Survived(survived))
        }
    }

    fn apply(&self, mutant: &Mutant) -> Result<()> {
        let patch = self
            .root
            .join(FOLDER)
            .join(format!("{}.patch", mutant.name));
        let mut apply = Command::new("git");
        // The copy is no repository: git must not take it for a part of the one around it.
        apply
            .current_dir(&self.copy)
            .env("GIT_CEILING_DIRECTORIES", self.copy.join(".."))
            .args(super::GIT_APPLY)
            .arg(patch);
        run::output(&mut apply).map(drop)
    }

    fn run(&self, test: &TestName) -> Result<Ran> {
        let filter = format!("package(={}) & test(={})", test.package, test.test);
        let mut command = cargo();
        command
            .current_dir(&self.copy)
            .env("CARGO_TARGET_DIR", &self.target)
            .args(["nextest", "run", "--package", &test.package])
            .args(["--cargo-quiet", "--filterset", &filter])
            .stdin(Stdio::null())
            .env_remove(postgres::URL);
        if let Some(url) = &self.postgres {
            command.env(postgres::URL, url);
        }
        let shown = run::shown(&command);
        let out = command
            .output()
            .with_context(|| format!("cannot start `{shown}`"))?;
        match out.status.code() {
            Some(0) => Ok(Ran::Passed),
            // nextest's documented codes: a test failed, none matched, the build failed.
            Some(100) => Ok(Ran::Failed),
            Some(4) => Ok(Ran::Nothing),
            Some(101) => Ok(Ran::NotBuilt),
            _ => bail!(
                "`{shown}` ended with {}: {}",
                out.status,
                String::from_utf8_lossy(&out.stderr)
            ),
        }
    }
}

enum Ran {
    Passed,
    Failed,
    Nothing,
    NotBuilt,
}

/// Makes `to` the same as `from`, without `target` and `.git`; files that are the same keep
/// their time, so that cargo does not build them again.
fn mirror(from: &Path, to: &Path) -> io::Result<()> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == "target" || name == ".git" {
            continue;
        }
        let kind = entry.file_type()?;
        let there = to.join(&name);
        if kind.is_dir() {
            fs::create_dir_all(&there)?;
            mirror(&entry.path(), &there)?;
        } else if kind.is_file() {
            put_back(&entry.path(), &there)?;
        }
        names.insert(name);
    }
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if !names.contains(&entry.file_name()) {
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

/// Writes `to` from `from` unless it is the same already. The time is today's: cargo must see
/// that a mutated file was put back.
fn put_back(from: &Path, to: &Path) -> io::Result<()> {
    let wanted = fs::read(from)?;
    if fs::read(to).is_ok_and(|have| have == wanted) {
        return Ok(());
    }
    fs::write(to, wanted)
}
