//! A Rust file as a flat list of tokens that know their line, whether they are test code, and
//! in which inline modules they stand. Tokens, not syntax trees: so that the bodies of macros
//! (our SQL stands in one) are seen as well.

use std::str::FromStr;

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or keyword, without `r#`.
    Ident(String),
    /// One character of an operator; `::` comes as [`Kind::PathSep`].
    Punct(char),
    /// `::`
    PathSep,
    /// The value of a string literal.
    Text(String),
    /// Another literal.
    Literal,
    /// An opening bracket: `(`, `[`, `{`, or a space for an invisible one.
    Open(char),
    /// The bracket that closes it, by its opening form.
    Close(char),
}

/// A token with where it stands.
#[derive(Clone, Debug)]
pub(super) struct Token {
    /// What it is.
    pub(super) kind: Kind,
    /// From 1.
    pub(super) line: usize,
    /// In test code: under `#[cfg(test)]`, or a file of tests.
    pub(super) test: bool,
    /// In an attribute, documentation comments included.
    pub(super) attribute: bool,
    /// How many inline modules are around it.
    pub(super) depth: usize,
}

/// A test: a function under an attribute that ends in `test`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Test {
    /// The inline modules it stands in.
    pub(super) modules: Vec<String>,
    /// The function's name.
    pub(super) name: String,
}

/// Where a macro of ours is used: the names among what it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Use {
    /// The macro.
    pub(super) name: String,
    /// The inline modules it is used in.
    pub(super) modules: Vec<String>,
    /// The names it is given, without those in brackets.
    pub(super) given: Vec<String>,
}

/// One Rust file.
#[derive(Clone, Debug, Default)]
pub(super) struct Source {
    /// All tokens in order.
    pub(super) tokens: Vec<Token>,
    /// Its tests.
    pub(super) tests: Vec<Test>,
    /// The tests its macros make, by macro; what the macro is given stands there as `$name`.
    pub(super) made: Vec<(String, Test)>,
    /// Where macros are used.
    pub(super) uses: Vec<Use>,
    /// How many lines it has.
    pub(super) lines: usize,
    /// Modules in files of their own that are declared under `#[cfg(test)]`.
    pub(super) test_modules: Vec<String>,
    /// Lines from … to that are `#[cfg(test)]` blocks.
    pub(super) test_lines: Vec<(usize, usize)>,
    /// Why it could not be read, when it could not.
    pub(super) broken: Option<String>,
}

impl Source {
    /// Reads a file's text; its path tells whether all of it is test code.
    #[must_use]
    pub(super) fn read(path: &str, text: &str) -> Self {
        let mut source = Self {
            lines: text.lines().count(),
            ..Self::default()
        };
        match TokenStream::from_str(text) {
            Ok(stream) => {
                let mut reader = Reader {
                    source: &mut source,
                    modules: Vec::new(),
                    in_macro: None,
                };
                reader.stream(stream, is_test_place(path));
            }
            Err(error) => source.broken = Some(error.to_string()),
        }
        source
    }

    /// Lines that are not in a `#[cfg(test)]` block.
    #[must_use]
    pub(super) fn lines_without_tests(&self) -> usize {
        let tests: usize = self.test_lines.iter().map(|(from, to)| to - from + 1).sum();
        self.lines.saturating_sub(tests)
    }
}

/// Files that by their place hold nothing but tests.
#[must_use]
pub(super) fn is_test_place(path: &str) -> bool {
    path.ends_with("/tests.rs")
        || path.contains("/tests/")
        || path.starts_with("tests/")
        || path.contains("/benches/")
        || path.starts_with("crates/testkit/")
}

struct Reader<'a> {
    source: &'a mut Source,
    modules: Vec<String>,
    /// The macro whose definition is being read.
    in_macro: Option<String>,
}

/// What attributes say about the item that follows them.
#[derive(Clone, Copy, Default)]
struct Ahead {
    cfg_test: bool,
    is_test: bool,
}

impl Reader<'_> {
    fn stream(&mut self, stream: TokenStream, mut test: bool) {
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        let mut ahead = Ahead::default();
        let mut at = 0;
        while let Some(tree) = trees.get(at) {
            let line = tree.span().start().line;
            let in_test = test || ahead.cfg_test;
            at += 1;
            match tree {
                TokenTree::Punct(p) if p.as_char() == '#' => {
                    let inner = is_punct(trees.get(at), '!');
                    if let Some(TokenTree::Group(group)) = trees.get(at + usize::from(inner))
                        && group.delimiter() == Delimiter::Bracket
                    {
                        at += 1 + usize::from(inner);
                        let said = attribute(group);
                        if inner {
                            test |= said.cfg_test;
                        } else {
                            ahead.cfg_test |= said.cfg_test;
                            ahead.is_test |= said.is_test;
                        }
                        self.attribute_tokens(group.stream(), in_test);
                    } else {
                        self.push(Kind::Punct('#'), line, in_test);
                    }
                }
                TokenTree::Punct(p) => {
                    let double = p.as_char() == ':'
                        && p.spacing() == Spacing::Joint
                        && is_punct(trees.get(at), ':');
                    if double {
                        at += 1;
                        self.push(Kind::PathSep, line, in_test);
                    } else {
                        self.push(Kind::Punct(p.as_char()), line, in_test);
                    }
                    if p.as_char() == ';' {
                        if ahead.cfg_test {
                            self.source.test_modules.extend(declared_module(&trees, at));
                        }
                        ahead = Ahead::default();
                    }
                }
                TokenTree::Ident(ident) => {
                    let name = plain(&ident.to_string());
                    if name == "fn" && ahead.is_test {
                        self.found_test(&trees, at);
                    }
                    self.push(Kind::Ident(name), line, in_test);
                }
                TokenTree::Literal(literal) => {
                    let kind = text_value(&literal.to_string()).map_or(Kind::Literal, Kind::Text);
                    self.push(kind, line, in_test);
                }
                TokenTree::Group(group) => {
                    self.named_group(&trees, at - 1, group, in_test);
                    if group.delimiter() == Delimiter::Brace {
                        if ahead.cfg_test && !test {
                            let last = group.span_close().end().line;
                            self.source.test_lines.push((line, last));
                        }
                        ahead = Ahead::default();
                    }
                }
            }
        }
    }

    fn found_test(&mut self, trees: &[TokenTree], at: usize) {
        let Some(name) = name_at(trees, at) else {
            return;
        };
        let test = Test {
            modules: self.modules.clone(),
            name,
        };
        match &self.in_macro {
            Some(made_by) => self.source.made.push((made_by.clone(), test)),
            None => self.source.tests.push(test),
        }
    }

    /// A group with what its neighbours before it make of it: a module's body, a macro's
    /// definition, the use of one.
    fn named_group(&mut self, trees: &[TokenTree], at: usize, group: &Group, test: bool) {
        let word = |back: usize| match trees.get(at.checked_sub(back)?)? {
            TokenTree::Ident(ident) => Some(plain(&ident.to_string())),
            _ => None,
        };
        let bang = |back: usize| is_punct(at.checked_sub(back).and_then(|i| trees.get(i)), '!');
        if word(3).as_deref() == Some("macro_rules") && bang(2) {
            self.in_macro = word(1);
            self.group(group, test);
            self.in_macro = None;
            return;
        }
        if bang(1)
            && let Some(name) = word(2)
        {
            let given = group.stream().into_iter().filter_map(|tree| match tree {
                TokenTree::Ident(ident) => Some(plain(&ident.to_string())),
                _ => None,
            });
            self.source.uses.push(Use {
                name,
                modules: self.modules.clone(),
                given: given.collect(),
            });
        }
        let module = module_name(trees, at, group);
        let named = module.is_some();
        self.modules.extend(module);
        self.group(group, test);
        if named {
            self.modules.pop();
        }
    }

    fn group(&mut self, group: &Group, test: bool) {
        let open = bracket(group.delimiter());
        self.push(Kind::Open(open), group.span_open().start().line, test);
        self.stream(group.stream(), test);
        self.push(Kind::Close(open), group.span_close().start().line, test);
    }

    /// An attribute's tokens are kept for the paths in them, marked.
    fn attribute_tokens(&mut self, stream: TokenStream, test: bool) {
        let from = self.source.tokens.len();
        self.stream(stream, test);
        for token in self.source.tokens.iter_mut().skip(from) {
            token.attribute = true;
        }
    }

    fn push(&mut self, kind: Kind, line: usize, test: bool) {
        self.source.tokens.push(Token {
            kind,
            line,
            test,
            attribute: false,
            depth: self.modules.len(),
        });
    }
}

/// The name of the inline module whose body is the group at `at`.
fn module_name(trees: &[TokenTree], at: usize, group: &Group) -> Option<String> {
    if group.delimiter() != Delimiter::Brace {
        return None;
    }
    let given = is_punct(trees.get(at.checked_sub(2)?), '$');
    let back = if given { 3 } else { 2 };
    let TokenTree::Ident(keyword) = trees.get(at.checked_sub(back)?)? else {
        return None;
    };
    (keyword == "mod")
        .then(|| name_at(trees, at + 1 - back))
        .flatten()
}

/// The name at a place; `$name` for what a macro is given.
fn name_at(trees: &[TokenTree], at: usize) -> Option<String> {
    match trees.get(at)? {
        TokenTree::Ident(ident) => Some(plain(&ident.to_string())),
        TokenTree::Punct(p) if p.as_char() == '$' => match trees.get(at + 1)? {
            TokenTree::Ident(ident) => Some(format!("${ident}")),
            _ => None,
        },
        _ => None,
    }
}

/// The name of the module that `mod name;` declares, whose `;` stands before `at`.
fn declared_module(trees: &[TokenTree], at: usize) -> Option<String> {
    let TokenTree::Ident(name) = trees.get(at.checked_sub(2)?)? else {
        return None;
    };
    let TokenTree::Ident(keyword) = trees.get(at.checked_sub(3)?)? else {
        return None;
    };
    (keyword == "mod").then(|| plain(&name.to_string()))
}

/// What an attribute says: `cfg(test)` in any form but `not(test)`; a path that ends in `test`.
fn attribute(group: &Group) -> Ahead {
    let trees: Vec<TokenTree> = group.stream().into_iter().collect();
    let mut path = Vec::new();
    let mut arguments = None;
    for tree in &trees {
        match tree {
            TokenTree::Ident(ident) => path.push(ident.to_string()),
            TokenTree::Punct(p) if p.as_char() == ':' => {}
            TokenTree::Group(inner) => {
                arguments = Some(inner.stream().to_string());
                break;
            }
            _ => break,
        }
    }
    let words = arguments.unwrap_or_default();
    let words: Vec<&str> = words
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .collect();
    Ahead {
        cfg_test: path == ["cfg"] && words.contains(&"test") && !words.contains(&"not"),
        is_test: path.last().is_some_and(|last| last == "test"),
    }
}

fn is_punct(tree: Option<&TokenTree>, wanted: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(p)) if p.as_char() == wanted)
}

fn bracket(delimiter: Delimiter) -> char {
    match delimiter {
        Delimiter::Parenthesis => '(',
        Delimiter::Brace => '{',
        Delimiter::Bracket => '[',
        Delimiter::None => ' ',
    }
}

fn plain(ident: &str) -> String {
    ident.strip_prefix("r#").unwrap_or(ident).to_owned()
}

/// The value of a string literal as it is written; none for other literals.
fn text_value(literal: &str) -> Option<String> {
    let open = literal.find('"')?;
    let (prefix, rest) = literal.split_at_checked(open)?;
    if !prefix.chars().all(|c| "rbc#".contains(c)) {
        return None;
    }
    if prefix.contains('r') {
        let hashes = prefix.matches('#').count();
        let body = rest.get(1..rest.len().checked_sub(1 + hashes)?)?;
        return Some(body.to_owned());
    }
    let body = rest.get(1..rest.len().checked_sub(1)?)?;
    let mut value = String::new();
    let mut chars = body.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            value.push(c);
            continue;
        }
        match chars.next() {
            // A line continued: what indents the next one is no part of it.
            Some('\n') => while chars.next_if(|c| c.is_whitespace()).is_some() {},
            Some('n' | 't' | 'r') => value.push(' '),
            Some(other) => value.push(other),
            None => {}
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_tests_modules_and_lines() {
        let text = r##"
//! crate::not::a::path in words, "select a from b"
fn plain() { let _ = "a\
    b"; }
#[cfg(not(test))]
fn shipped() {}
#[cfg(test)]
mod tests {
    mod inner {
        #[tokio::test]
        async fn sees() { crate::x(); }
    }
    fn no_test() {}
}
fn after() {}
#[cfg(test)]
mod beside;
mod shipped_beside;
"##;
        let source = Source::read("src/a.rs", text);
        assert!(source.broken.is_none());
        let test = Test {
            modules: vec!["tests".into(), "inner".into()],
            name: "sees".into(),
        };
        assert_eq!(source.tests, [test]);
        assert_eq!(source.test_lines, [(8, 14)]);
        assert_eq!(source.test_modules, ["beside"]);
        let ident = |name: &str| {
            let wanted = Kind::Ident(name.into());
            source.tokens.iter().find(|t| t.kind == wanted).expect(name)
        };
        assert!(!ident("plain").test);
        assert!(!ident("shipped").test);
        assert!(ident("no_test").test);
        assert!(!ident("after").test);
        assert_eq!(ident("sees").depth, 2);
        assert!((source.tokens.iter()).any(|t| t.kind == Kind::Text("ab".into()) && !t.attribute));
        assert!(
            (source.tokens.iter())
                .all(|t| !matches!(&t.kind, Kind::Text(s) if s.contains("select")) || t.attribute)
        );
    }

    #[test]
    fn knows_the_tests_a_macro_makes() {
        let text = "macro_rules! both { ($name:ident, $body:block) => { mod $name { \
                    #[tokio::test] async fn sqlite() { $body } } } }
                    macro_rules! on { ($($name:ident)*) => { mod here { \
                    $(#[test] fn $name() { super::$name() })* } } }
                    mod inner { both!(lives, { x }); }
                    on!(a b);";
        let source = Source::read("tests/it/a.rs", text);
        let made: Vec<String> = (source.made.iter())
            .map(|(by, t)| format!("{by}: {}::{}", t.modules.join("::"), t.name))
            .collect();
        assert_eq!(made, ["both: $name::sqlite", "on: here::$name"]);
        let uses: Vec<_> = (source.uses.iter())
            .map(|u| (u.name.as_str(), u.modules.join("::"), u.given.join(" ")))
            .collect();
        let inner = ("both", "inner".to_owned(), "lives".to_owned());
        assert_eq!(uses, [inner, ("on", String::new(), "a b".to_owned())]);
        assert!(source.tests.is_empty());
    }

    #[test]
    fn says_when_a_file_is_no_rust() {
        assert!(Source::read("src/a.rs", "fn (").broken.is_some());
    }
}
