//! The demo's clock: moved forward by a button on every page, to watch access end.
//!
//! **Tables**: none. **Audit events**: none: no state of Stint's changes, only the time that
//! the demo plays. Outside the demo there is no such address.
//!
//! What it does not do: sign anybody in (`identity`), or move the clock back.

mod http;

use stint_domain::rights::{Relation, Verb};
use stint_domain::{Span, Time};

use crate::cx::{Cx, Denied};
use crate::grants;
use crate::http::{Fault, Kind};

pub(crate) use http::routes as page_routes;

/// How far to move the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// An hour on.
    Hour,
    /// To a second after the next window is over.
    NextEnd,
}

/// Why the clock was not moved.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not allowed, or nobody is signed in.
    #[error("not allowed")]
    Denied(#[from] Denied),
    /// This is not the demo.
    #[error("this is not the demo")]
    NotFound,
    /// The word for how far is none.
    #[error("no such place to move the clock to")]
    BadTarget,
    /// No window is open.
    #[error("no access is about to end")]
    NothingEnds,
    /// The database.
    #[error("the database failed")]
    Db(#[from] stint_db::Error),
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Denied(e) => e.kind(),
            Self::NotFound => Kind::Invisible,
            Self::BadTarget => Kind::Invalid,
            Self::NothingEnds => Kind::Conflict,
            Self::Db(e) => e.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Denied(e) => e.code(),
            Self::NotFound => "not_found",
            Self::BadTarget => "bad_value",
            Self::NothingEnds => "nothing_ends",
            Self::Db(e) => e.code(),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Denied(e) => e.detail(),
            Self::NotFound => "There is no such thing, or you may not see it.".to_owned(),
            Self::BadTarget => "Use to=hour or to=next_end.".to_owned(),
            Self::NothingEnds => "Nobody holds access that ends. Ask for some first.".to_owned(),
            Self::Db(e) => e.detail(),
        }
    }
}

/// Moves the demo's clock forward and wakes the background work. Answers the new time.
pub async fn move_clock(cx: &Cx, to: To) -> Result<Time, Error> {
    let clock = match &cx.app.demo_clock {
        Some(clock) if cx.app.config.demo => clock,
        _ => return Err(Error::NotFound),
    };
    cx.authorize(Verb::DemoClock, Relation::None)?;
    let by = match to {
        To::Hour => Span::hours(1),
        To::NextEnd => {
            let end = grants::next_end(&mut cx.read().await?, cx.now)
                .await?
                .ok_or(Error::NothingEnds)?;
            end.since(cx.now) + Span::seconds(1)
        }
    };
    clock.advance(by);
    cx.app.nudges.nudge_all();
    Ok(cx.app.clock.now())
}
