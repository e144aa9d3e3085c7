//! Mistakes in forms: said at the field, with what to do, and what was typed kept.

/// The mistakes of one submission, by field name. `""` is the form as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mistakes {
    all: Vec<(&'static str, String)>,
}

impl Mistakes {
    /// No mistake yet.
    pub const fn none() -> Self {
        Self { all: Vec::new() }
    }

    /// One mistake at one field.
    pub fn at(field: &'static str, message: impl Into<String>) -> Self {
        let mut mistakes = Self::none();
        mistakes.add(field, message);
        mistakes
    }

    /// Adds a mistake.
    pub fn add(&mut self, field: &'static str, message: impl Into<String>) {
        self.all.push((field, message.into()));
    }

    /// Whether there is any.
    pub fn any(&self) -> bool {
        !self.all.is_empty()
    }

    /// The first message at this field.
    pub fn of(&self, field: &str) -> Option<&str> {
        self.all
            .iter()
            .find(|(at, _)| *at == field)
            .map(|(_, message)| message.as_str())
    }

    /// Whether this field has one.
    pub fn has(&self, field: &str) -> bool {
        self.of(field).is_some()
    }
}
