//! The inside of an awsQuery result, written element by element.

use std::fmt::Write as _;

use super::escape;

/// Elements in the order they were added, indented as AWS does.
#[derive(Debug, Default)]
pub(crate) struct Xml {
    text: String,
    depth: usize,
}

impl Xml {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    fn line(&mut self, line: &str) {
        let indent = 4 + 2 * self.depth;
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{:indent$}{line}", "");
    }

    /// `<name>text</name>`
    pub(crate) fn text(&mut self, name: &str, text: &str) -> &mut Self {
        self.line(&format!("<{name}>{}</{name}>", escape(text)));
        self
    }

    /// `<name>` around what `inside` adds.
    pub(crate) fn element(&mut self, name: &str, inside: impl FnOnce(&mut Xml)) -> &mut Self {
        self.line(&format!("<{name}>"));
        self.depth += 1;
        inside(self);
        self.depth -= 1;
        self.line(&format!("</{name}>"));
        self
    }

    /// `<name>` around one `<member>` for every item.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        write: impl Fn(&mut Xml, T),
    ) -> &mut Self {
        self.element(name, |xml| {
            for item in items {
                xml.element("member", |xml| write(xml, item));
            }
        })
    }

    /// `<name>` around one `<member>` with a text for every item.
    pub(crate) fn words(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> &mut Self {
        self.element(name, |xml| {
            for item in items {
                xml.text("member", item.as_ref());
            }
        })
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }
}
