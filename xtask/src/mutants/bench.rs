//! Where mutants are tried: a copy of the tree with a target folder of its own.

use std::collections::{BTreeMap, BTreeSet};
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
    /// Held, so that nobody else changes the copy meanwhile.
    _lock: fs::File,
}

impl Bench {
    /// Brings the copy under `place` up to date with the tree under `root`; waits while another
    /// bench stands there.
    ///
    /// # Errors
    /// When files cannot be read or written.
    pub fn new(root: &Path, place: &Path) -> Result<Self> {
        fs::create_dir_all(place)?;
        let lock = fs::File::create(place.join("lock"))?;
        // Two at once would run their tests on each other's mutants.
        if lock.try_lock().is_err() {
            println!("waiting for another `cargo xtask mutants`");
            lock.lock()?;
        }
        let bench = Self {
            root: root.to_path_buf(),
            copy: place.join("tree"),
            target: place.join("target"),
            postgres: None,
            _lock: lock,
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
        let Some(ran) = self.run(&tests)? else {
            bail!("the tree does not build");
        };
        for test in tests {
            match ran.get(test) {
                Some(Ended::Passed) => {}
                Some(Ended::Failed) => bail!("`{test}` fails without any mutant"),
                None => bail!("there is no test `{test}`"),
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
        let Some(ran) = self.run(&mutant.kills.iter().collect())? else {
            return Ok(Fate::Unusable("does not build".to_owned()));
        };
        let mut survived = Vec::new();
        for test in &mutant.kills {
            match ran.get(test) {
                Some(Ended::Failed) => {}
                Some(Ended::Passed) => survived.push(test.clone()),
                None => return Ok(Fate::Unusable(format!("there is no test `{test}`"))),
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

    /// Runs these tests, in one go; how each that is there ended. None when the tree does not
    /// build.
    fn run(&self, tests: &BTreeSet<&TestName>) -> Result<Option<BTreeMap<TestName, Ended>>> {
        let mut command = cargo();
        command
            .current_dir(&self.copy)
            .env("CARGO_TARGET_DIR", &self.target)
            .args(["nextest", "run", "--cargo-quiet", "--color", "never"])
            .args(["--no-fail-fast", "--no-tests", "pass"])
            .args(["--status-level", "pass", "--failure-output", "never"])
            .stdin(Stdio::null())
            .env_remove(postgres::URL);
        let packages: BTreeSet<&str> = tests.iter().map(|test| test.package.as_str()).collect();
        for package in packages {
            command.args(["--package", package]);
        }
        let filters = tests.iter().map(|test| {
            let TestName { package, test } = test;
            format!("(package(={package}) & test(={test}))")
        });
        command.args(["--filterset", &filters.collect::<Vec<_>>().join(" + ")]);
        if let Some(url) = &self.postgres {
            command.env(postgres::URL, url);
        }
        let shown = run::shown(&command);
        let out = (command.output()).with_context(|| format!("cannot start `{shown}`"))?;
        let said = String::from_utf8_lossy(&out.stderr);
        match out.status.code() {
            // nextest's documented codes: all passed, one failed, the build failed.
            Some(0 | 100) => Ok(Some(endings(&said, tests))),
            Some(101) => Ok(None),
            _ => bail!("`{shown}` ended with {}: {said}", out.status),
        }
    }
}

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Passed,
    Failed,
}

/// Reads nextest's status lines: `PASS [ 0.010s] (1/2) package::binary test::name`.
fn endings(said: &str, tests: &BTreeSet<&TestName>) -> BTreeMap<TestName, Ended> {
    let mut endings = BTreeMap::new();
    for line in said.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (Some(status), Some(name)) = (words.first(), words.last()) else {
            continue;
        };
        let binary = words.iter().rev().nth(1).copied().unwrap_or_default();
        let package = binary.split("::").next().unwrap_or_default();
        let known = (tests.iter()).find(|test| test.test == *name && test.package == package);
        let ended = match *status {
            "PASS" => Ended::Passed,
            // Not an ending: it is said while the test goes on.
            "SLOW" => continue,
            _ => Ended::Failed,
        };
        if let Some(known) = known {
            endings.insert((*known).clone(), ended);
        }
    }
    endings
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_read_from_the_status_lines() {
        let test = |package: &str, test: &str| TestName {
            package: package.to_owned(),
            test: test.to_owned(),
        };
        let passes = test("small", "a::passes");
        let fails = test("small-too", "it::fails");
        let slow = test("small", "slow");
        let gone = test("small", "gone");
        let tests = BTreeSet::from([&passes, &fails, &slow, &gone]);
        let said = "    Starting 3 tests across 2 binaries
        PASS [   0.010s] (1/3) small a::passes
        SLOW [> 20.000s] (---) small slow
     TIMEOUT [  60.004s] (2/3) small slow
        FAIL [   0.011s] (3/3) small-too::it it::fails
        FAIL [   0.011s] (3/3) other::it gone
     Summary [   0.012s] 3 tests run: 1 passed, 2 failed, 0 skipped";
        let read = endings(said, &tests);
        assert_eq!(read.get(&passes), Some(&Ended::Passed));
        assert_eq!(read.get(&fails), Some(&Ended::Failed));
        assert_eq!(read.get(&slow), Some(&Ended::Failed));
        assert_eq!(read.get(&gone), None);
    }
}
