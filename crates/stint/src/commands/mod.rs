//! The commands: what `cli` names, done.

pub(crate) mod ask;
pub(crate) mod local;
pub(crate) mod serve;
pub(crate) mod sim;
