//! Estates from a file: an organization written down by hand, in YAML.
//!
//! What AWS would refuse is refused here by the same code and in the same words, with where it
//! stands in the file.

mod build;
mod iam;
mod shapes;

use std::fmt;

use serde_saphyr::{Location, Spanned};

use self::shapes::Shape;
use super::{AccountState, EstateError, EstateSpec};
use crate::options::Knobs;
use crate::wire::ApiError;
use crate::world::World;

/// An estate as a file describes it: read, and not yet built.
#[derive(Debug, Clone)]
pub struct EstateFile(Shape);

/// What is wrong with an estate's file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileError {
    /// From 1; none where it is about the file as a whole.
    pub line: Option<u64>,
    /// From 1, see [`FileError::line`].
    pub column: Option<u64>,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(&self.problem)
    }
}

impl std::error::Error for FileError {}

impl FileError {
    fn at(location: Location, problem: impl Into<String>) -> FileError {
        let known = location != Location::UNKNOWN;
        FileError {
            line: known.then(|| location.line()),
            column: known.then(|| location.column()),
            problem: problem.into(),
        }
    }

    fn of<T>(what: &Spanned<T>, problem: impl Into<String>) -> FileError {
        FileError::at(what.referenced, problem)
    }
}

impl EstateFile {
    /// Reads a file's text. Fields that are not known are refused.
    pub fn read(text: &str) -> Result<EstateFile, FileError> {
        let read: Result<Shape, _> = serde_saphyr::from_str(text);
        read.map(EstateFile).map_err(|wrong| {
            let wrong = wrong.without_snippet();
            let location = wrong.location().unwrap_or(Location::UNKNOWN);
            let problem = wrong.to_string();
            // Said once, in front.
            let said = problem.split(" at line ").next().unwrap_or(&problem);
            FileError::at(location, said)
        })
    }
}

impl World {
    /// A world with what the file describes.
    pub(crate) fn from_file(file: &EstateFile, knobs: Knobs) -> Result<World, FileError> {
        build::world(&file.0, knobs)
    }
}

fn count(n: usize) -> Result<u32, FileError> {
    u32::try_from(n).map_err(|_| FileError::at(Location::UNKNOWN, "too many of one kind"))
}

/// An organization of so many accounts and nothing else.
fn bare(seed: u64, accounts: usize) -> Result<EstateSpec, FileError> {
    Ok(EstateSpec {
        seed,
        accounts: count(accounts)?,
        permission_sets: 0,
        users: 0,
        groups: 0,
        memberships: 0,
        assignments: 0,
        ..EstateSpec::default()
    })
}

fn as_it_is(error: &EstateError) -> FileError {
    FileError::at(Location::UNKNOWN, error.to_string())
}

/// What AWS said of something in the file.
fn refused<T>(what: &Spanned<T>, kind: &str, name: &str, error: &ApiError) -> FileError {
    let said = if error.message.is_empty() {
        error.code.clone()
    } else {
        format!("{}: {}", error.code, error.message)
    };
    FileError::of(what, format!("{kind} `{name}`: {said}"))
}

impl From<shapes::State> for AccountState {
    fn from(state: shapes::State) -> Self {
        match state {
            shapes::State::Active => AccountState::Active,
            shapes::State::Suspended => AccountState::Suspended,
            shapes::State::PendingClosure => AccountState::PendingClosure,
        }
    }
}
