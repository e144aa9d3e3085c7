//! How a command ends: the exit codes that scripts may rely on.

use std::fmt;

/// Exit codes. Stable: 0 done, 1 failed, 2 usage, 3 denied, 4 not found, 5 conflict,
/// 6 timed out waiting. `stint plan` ends with 2, and says nothing more, where files change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did not work, for a reason that is none of the others.
    Failed = 1,
    /// The command or the configuration was wrong.
    Usage = 2,
    /// Not signed in, or not allowed.
    Denied = 3,
    /// There is no such thing, or it may not be seen.
    NotFound = 4,
    /// The thing is not in the state that this needs, or somebody changed it first.
    Conflict = 5,
    /// What was waited for did not happen in time.
    TimedOut = 6,
}

/// Why a command did not work, ready to print.
#[derive(Debug)]
pub(crate) struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// What happened and what to do, in one or two sentences; empty where the exit code says it all.
    pub message: String,
    /// The stable word the API gave it; empty where it came from elsewhere.
    pub code: String,
}

impl Failure {
    /// A failure with its exit code.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            code: String::new(),
        }
    }

    /// With the stable word the API gave it.
    pub(crate) fn coded(mut self, code: String) -> Self {
        self.code = code;
        self
    }

    /// The command or configuration was wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// What an API answer's status means for the exit code.
    pub(crate) fn exit_of(status: u16) -> Exit {
        match status {
            401 | 403 => Exit::Denied,
            404 => Exit::NotFound,
            409 | 412 => Exit::Conflict,
            _ => Exit::Failed,
        }
    }
}

impl From<stint_server::sealed::KeyFileError> for Failure {
    fn from(error: stint_server::sealed::KeyFileError) -> Self {
        Self::new(Exit::Failed, error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Exit::Failed, format!("{error:#}"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Failed, error.to_string())
    }
}
