//! What the page of this room shows: plain words, ready. Nothing here knows the domain.

use askama::Template;

use crate::web::fields::Part;
use crate::web::filters;
use crate::web::{Chip, Facts, Mistakes, Note};

/// `GET /mend`, `POST /mend`
#[derive(Debug, Clone, Template)]
#[template(path = "mend/form.html")]
pub(crate) struct Mend {
    pub(crate) parts: Vec<Part>,
    pub(crate) mistakes: Mistakes,
    /// What came of it, where something was pasted.
    pub(crate) read: Option<Read>,
}

/// What came of reading a message.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    pub(crate) facts: Facts,
    pub(crate) note: Note,
    pub(crate) rows: Vec<MatchRow>,
    /// How much more would let it through.
    pub(crate) more: usize,
}

/// Something to ask for.
#[derive(Debug, Clone)]
pub(crate) struct MatchRow {
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) place: String,
    pub(crate) chip: Chip,
    pub(crate) why: String,
    /// What the group to be joined holds, where that lets it through.
    pub(crate) through: Option<String>,
}
