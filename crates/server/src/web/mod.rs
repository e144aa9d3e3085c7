//! The web page's hand: frame, components, assets, and the way from a view to a response.
//!
//! Pages themselves live in the rooms (`pages.rs`, with view structs in `pages/view.rs` and
//! templates in `templates/<room>/`). A page handler calls its room's verbs, turns what they
//! answer into a view of plain words, and hands it to [`page`]. Every form works without
//! script: a POST answers 303 with a [`Flash`], or the page again with [`Mistakes`] at the
//! fields. htmx only refreshes pieces that are in motion.
//!
//! Owns no table, knows no room, decides no right.

pub mod answer;
pub mod assets;
mod cookies;
pub mod csv;
mod errors;
pub mod fields;
pub mod filters;
pub mod flash;
pub mod form;
pub mod frame;
pub mod list;
#[cfg(test)]
mod tests;
pub mod time;
pub mod ui;

pub use answer::{bare_page, error_page, go, go_with, local, page, page_with, routes};
pub use flash::Flash;
pub use form::{Mistakes, Picked, Sent};

pub use csv::{csv, json_lines};
pub use frame::{Area, DemoBar, Frame, FramePerson, Theme};
pub use list::{Column, Filter, List, Listing};
pub use time::{TimeLeft, When, WhenBoth};
pub use ui::{
    Chain, ChainLink, Chip, Copyable, Deed, Empty, Fact, Facts, Moment, Note, Pager, Snippet,
    Stage, Tab, Tabs, Timeline, Tone,
};
