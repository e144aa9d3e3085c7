//! The files of a checkout, read once.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use anyhow::{Context, Result};

use super::source::{Source, is_test_place};

/// Folders that are not ours to judge.
const SKIPPED: [&str; 3] = ["target", ".git", "node_modules"];

/// Every text file under a root by its path from there, with `/`; Rust files also as tokens.
#[derive(Default)]
pub struct Tree {
    texts: BTreeMap<String, String>,
    sources: BTreeMap<String, Source>,
    /// Files and folders that are modules declared under `#[cfg(test)]`.
    tests: Vec<String>,
}

impl Tree {
    /// Reads a checkout. Files that are no UTF-8 are left out.
    ///
    /// # Errors
    /// When a folder or file cannot be read.
    pub fn read(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        tree.folder(root, "")
            .with_context(|| format!("reading {}", root.display()))?;
        Ok(tree)
    }

    /// A tree of these files: for tests.
    #[must_use]
    pub fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.add((*path).to_owned(), (*text).to_owned());
        }
        tree
    }

    fn folder(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if !SKIPPED.contains(&name.as_str()) {
                    self.folder(&entry.path(), &format!("{path}/"))?;
                }
            } else if kind.is_file() {
                match fs::read_to_string(entry.path()) {
                    Ok(text) => self.add(path, text),
                    // Pictures and the like; and files that went away under our eyes.
                    Err(e) if e.kind() == io::ErrorKind::InvalidData => {}
                    Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                    Err(e) => return Err(e),
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, path: String, text: String) {
        if path.ends_with(".rs") {
            let source = Source::read(&path, &text);
            let folder = folder_of_modules(&path);
            for module in &source.test_modules {
                self.tests.push(format!("{folder}{module}.rs"));
                self.tests.push(format!("{folder}{module}/"));
            }
            self.sources.insert(path.clone(), source);
        }
        self.texts.insert(path, text);
    }

    /// The text of a file.
    #[must_use]
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// Every file whose path begins with `prefix`.
    pub(super) fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        (self.texts.iter())
            .filter(move |(path, _)| path.starts_with(prefix))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Every Rust file whose path begins with `prefix`.
    pub(super) fn sources<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Source)> {
        (self.sources.iter())
            .filter(move |(path, _)| path.starts_with(prefix))
            .map(|(path, source)| (path.as_str(), source))
    }

    /// Whether a file holds nothing but tests: by its place, or because the module it is was
    /// declared under `#[cfg(test)]`.
    #[must_use]
    pub(super) fn is_test(&self, path: &str) -> bool {
        is_test_place(path) || self.tests.iter().any(|test| path.starts_with(test))
    }

    /// Whether there is such a file, or a folder with a file in it.
    #[must_use]
    pub(super) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let folder = format!("{path}/");
        path.is_empty()
            || self.texts.contains_key(path)
            || self.texts.keys().any(|file| file.starts_with(&folder))
    }
}

/// The folder in which the modules declared by a file are looked for.
fn folder_of_modules(path: &str) -> String {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    match file.strip_suffix(".rs").unwrap_or(file) {
        "mod" | "lib" | "main" => format!("{folder}/"),
        own => format!("{folder}/{own}/"),
    }
}
