//! A simulated AWS that speaks AWS's wire protocols.
//!
//! An HTTP service for the official SDKs and the `aws` command: STS and IAM (awsQuery),
//! Organizations, Identity Center and the identity store (awsJson1.1), a person's sign-in and
//! the access portal (rest-json), provisioning by SCIM, queues (awsJson1.0) with
//! the events of what is changed, all with AWS's paging, errors, and asynchronous writes. It lives by a virtual clock, is generated from a seed down to the last
//! id, keeps a journal, and does what a script of faults says. Many accounts stand behind one
//! port: who calls, and from which account, follows from the access key.
//!
//! Signatures are verified, every call is judged by the policies that apply, and calls are
//! throttled as AWS throttles them where that is turned on ([`Throttling`]).
//!
//! Reached over TCP ([`Sim::serve`]) or in memory ([`Sim::http_client`]).

mod access;
mod browse;
mod client;
mod clock;
pub mod command;
mod control;
mod door;
mod estate;
mod events;
mod facts;
mod fault;
mod held;
mod history;
mod iam;
mod ids;
mod journal;
mod judge;
mod lag;
mod ops;
mod options;
mod pages;
mod past;
mod queues;
mod relations;
mod reserved;
mod scim;
mod serve;
mod sign_in;
mod sim;
mod throttle;
mod tree;
mod weather;
mod wire;
mod world;
mod writes;

/// Everything the simulator serves, as policies name it (`iam:ListUsers`), in order. What is
/// not here is refused as AWS refuses what it does not know.
pub fn operations() -> Vec<String> {
    ops::all()
}

pub use clock::SimClock;
pub use estate::{AccountState, EstateError, EstateFile, EstateSpec, FileError};
pub use events::EventRule;
pub use facts::{Facts, Keys, Person};
pub use fault::{Effect, Fault, FaultId, Faults, Gate, Seen, Told};
pub use history::{Changed, Row};
pub use journal::{Answered, Call, Outcome, Party, Wanted};
pub use ops::ConsoleSession;
pub use options::{AbsentDelete, Knobs, OverLimit, Reads, Settle, SimOptions};
pub use scim::ScimToken;
pub use sim::{AssignmentRow, ControlError, IamMembershipRow, Sim, Snapshot};
pub use throttle::{Rate, Throttling};
pub use weather::forecast;
