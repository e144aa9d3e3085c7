//! Wildcards (`*`, `?`) and policy variables (`${aws:username}`).

use crate::context::Context;

/// Does `text` match `pattern`, where `*` stands for any run of characters (also none, also
/// across `/` and `:`) and `?` for exactly one? Case-sensitive.
pub fn glob(pattern: &str, text: &str) -> bool {
    walk(pattern, text, |a, b| a == b)
}

/// The same without regard to the case of ASCII letters, as actions are compared.
pub(crate) fn glob_any_case(pattern: &str, text: &str) -> bool {
    walk(pattern, text, |a, b| a.eq_ignore_ascii_case(&b))
}

/// Two walking positions and one to fall back to: linear in practice, never exponential, and
/// nothing is allocated.
fn walk(pattern: &str, text: &str, same: impl Fn(char, char) -> bool) -> bool {
    let (mut p, mut t) = (pattern.chars(), text.chars());
    let mut fallback: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let before = (p.clone(), t.clone());
        match (p.next(), t.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                fallback = Some((p.clone(), before.1.clone()));
                t = before.1;
                continue;
            }
            (Some('?'), Some(_)) => continue,
            (Some(wanted), Some(found)) if same(wanted, found) => continue,
            _ => {}
        }
        let Some((after_run, from)) = &mut fallback else {
            return false;
        };
        if from.next().is_none() {
            return false;
        }
        p = after_run.clone();
        t = from.clone();
    }
}

/// One character of a pattern after its variables were put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Any run of characters.
    Run,
    /// Any run of characters but a colon.
    RunInside,
    One,
    /// One character, but no colon.
    OneInside,
    Literal(char),
}

impl Piece {
    pub(crate) fn wild(c: char) -> Piece {
        match c {
            '*' => Piece::Run,
            '?' => Piece::One,
            other => Piece::Literal(other),
        }
    }

    fn is_run(self) -> bool {
        matches!(self, Piece::Run | Piece::RunInside)
    }

    fn takes(self, c: char) -> bool {
        match self {
            Piece::Run | Piece::One => true,
            Piece::RunInside | Piece::OneInside => c != ':',
            Piece::Literal(own) => own == c,
        }
    }
}

/// Whether the text fits. Every place of the pattern that may be reached is followed at once:
/// length times length at the worst.
pub(crate) fn matches(pattern: &[Piece], text: &str) -> bool {
    let mut reached = vec![false; pattern.len() + 1];
    let mut next = reached.clone();
    mark(&mut reached, pattern, 0);
    for c in text.chars() {
        next.fill(false);
        for (n, piece) in pattern.iter().enumerate() {
            if reached.get(n) == Some(&true) && piece.takes(c) {
                mark(&mut next, pattern, if piece.is_run() { n } else { n + 1 });
            }
        }
        std::mem::swap(&mut reached, &mut next);
    }
    reached.last() == Some(&true)
}

/// Notes a place, and those behind it that a run of nothing leads to.
fn mark(reached: &mut [bool], pattern: &[Piece], from: usize) {
    let mut n = from;
    while let Some(place) = reached.get_mut(n) {
        if *place {
            return;
        }
        *place = true;
        if !pattern.get(n).is_some_and(|piece| piece.is_run()) {
            return;
        }
        n += 1;
    }
}

/// Whether any text fits both. Colons are not told apart here: it may say yes where the strict
/// answer is no, never the other way round.
pub(crate) fn overlap(one: &[Piece], other: &[Piece]) -> bool {
    let width = other.len() + 1;
    let mut reached = vec![false; width];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    for n in 0..=one.len() {
        let piece = one.get(n).copied();
        let mut next = vec![false; width];
        for m in 0..width {
            if reached.get(m) != Some(&true) {
                continue;
            }
            let across = other.get(m).copied();
            let mut go = |down: bool, right: bool| {
                let row = if down { &mut next } else { &mut reached };
                if let Some(place) = row.get_mut(m + usize::from(right)) {
                    *place = true;
                }
            };
            match (piece, across) {
                (Some(a), Some(b)) => {
                    if a.is_run() {
                        go(true, false);
                        go(false, true);
                    }
                    if b.is_run() {
                        go(false, true);
                        go(true, false);
                    }
                    let meet = match (a, b) {
                        (Piece::Literal(a), Piece::Literal(b)) => a == b,
                        _ => true,
                    };
                    if meet && !a.is_run() && !b.is_run() {
                        go(true, true);
                    }
                }
                (Some(a), None) if a.is_run() => go(true, false),
                (None, Some(b)) if b.is_run() => go(false, true),
                _ => {}
            }
        }
        if n == one.len() {
            return reached.last() == Some(&true);
        }
        reached = next;
    }
    false
}

/// The same for ARNs, part by part: nobody writes a `*` so that it reaches into the next part.
pub(crate) fn overlap_arns(one: &[Piece], other: &[Piece]) -> bool {
    let parts = |pieces: &[Piece]| -> Vec<Vec<Piece>> {
        pieces
            .splitn(6, |piece| *piece == Piece::Literal(':'))
            .map(<[Piece]>::to_vec)
            .collect()
    };
    let (a, b) = (parts(one), parts(other));
    if a.len() == 6 && b.len() == 6 {
        a.iter().zip(&b).all(|(a, b)| overlap(a, b))
    } else {
        overlap(one, other)
    }
}

/// The pattern with its variables put in. `None` when a variable has neither a value nor a
/// default: such a pattern matches nothing. With `variables` false (policies older than
/// 2012-10-17) `${` is ordinary text.
pub(crate) fn compile(text: &str, context: &Context, variables: bool) -> Option<Vec<Piece>> {
    let mut pieces = Vec::with_capacity(text.len());
    for part in parts(text, variables) {
        match part {
            Part::Plain(plain) => pieces.extend(plain.chars().map(Piece::wild)),
            Part::Variable(variable) => {
                pieces.extend(value_of(variable, context)?.chars().map(Piece::Literal));
            }
        }
    }
    Some(pieces)
}

/// Whether a resource fits a pattern of `Resource`. In the five parts of an ARN before the
/// resource's own name, a wildcard stays inside its part, but a `*` at the end of a part
/// reaches on (IAM user guide, *Resource* [D]).
pub(crate) fn resource_fits(
    pattern: &str,
    resource: &str,
    context: &Context,
    variables: bool,
) -> bool {
    if pattern == "*" {
        return true;
    }
    let Some(mut pieces) = compile(pattern, context, variables) else {
        return false;
    };
    let mut part = 0;
    for n in 0..pieces.len() {
        let ends = matches!(pieces.get(n + 1), None | Some(Piece::Literal(':')));
        let Some(piece) = pieces.get_mut(n) else {
            break;
        };
        match piece {
            Piece::Literal(':') => part += 1,
            Piece::Run if !ends => *piece = Piece::RunInside,
            Piece::One => *piece = Piece::OneInside,
            _ => {}
        }
        if part == 5 {
            break;
        }
    }
    matches(&pieces, resource)
}

/// The same for operators without wildcards: the text itself.
pub(crate) fn expand(text: &str, context: &Context, variables: bool) -> Option<String> {
    let mut whole = String::with_capacity(text.len());
    for part in parts(text, variables) {
        match part {
            Part::Plain(plain) => whole.push_str(plain),
            Part::Variable(variable) => whole.push_str(&value_of(variable, context)?),
        }
    }
    Some(whole)
}

pub(crate) enum Part<'a> {
    Plain(&'a str),
    /// What stands between `${` and `}`.
    Variable(&'a str),
}

/// A text taken apart at its variables. A `${` that is never closed is ordinary text.
pub(crate) fn parts(text: &str, variables: bool) -> Vec<Part<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((before, inside, after)) = first_variable(rest).filter(|_| variables) {
        if !before.is_empty() {
            found.push(Part::Plain(before));
        }
        found.push(Part::Variable(inside));
        rest = after;
    }
    if !rest.is_empty() {
        found.push(Part::Plain(rest));
    }
    found
}

/// A brace inside the quotes of a default does not close the variable.
fn first_variable(text: &str) -> Option<(&str, &str, &str)> {
    let (before, from) = text.split_once("${")?;
    let mut quoted = false;
    let end = from.char_indices().find_map(|(n, c)| {
        quoted ^= c == '\'';
        (c == '}' && !quoted).then_some(n)
    });
    // An apostrophe without its partner: the first brace closes.
    let end = end.or_else(|| from.find('}'))?;
    Some((before, from.get(..end)?, from.get(end + 1..)?))
}

/// The key of a variable and its default.
pub(crate) fn variable(inside: &str) -> (&str, Option<&str>) {
    match inside.split_once(',') {
        Some((key, default)) => {
            let default = default.trim();
            let bare = default
                .strip_prefix('\'')
                .and_then(|rest| rest.strip_suffix('\''));
            (key.trim(), Some(bare.unwrap_or(default)))
        }
        None => (inside.trim(), None),
    }
}

fn value_of(inside: &str, context: &Context) -> Option<String> {
    if let "*" | "?" | "$" = inside {
        return Some(inside.to_owned());
    }
    let (key, default) = variable(inside);
    match context.get(key) {
        Some([one]) => Some(one.clone()),
        // Keys with several values cannot be variables.
        Some(_) => None,
        None => default.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::{Piece, compile, overlap, overlap_arns, resource_fits};
    use crate::context::Context;

    fn pieces(text: &str) -> Vec<Piece> {
        compile(text, &Context::new(), false).unwrap_or_default()
    }

    #[test]
    fn patterns_overlap_when_one_text_fits_both() {
        for (one, other, expected) in [
            ("a*", "*b", true),
            ("a*c", "ab*", true),
            ("a*", "b*", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
            ("**", "*", true),
            ("", "a", false),
            ("arn:aws:iam::*:user/*", "arn:*:iam::*:group/*", true),
            ("arn:aws:iam::*:user/*", "arn:*:iam::*:user/*", true),
        ] {
            assert_eq!(
                overlap(&pieces(one), &pieces(other)),
                expected,
                "{one} {other}"
            );
            assert_eq!(
                overlap(&pieces(other), &pieces(one)),
                expected,
                "{other} {one}"
            );
        }
    }

    #[test]
    fn arns_overlap_part_by_part() {
        for (one, other, expected) in [
            ("arn:aws:iam::*:user/*", "arn:*:iam::*:group/*", false),
            ("arn:aws:iam::1:user/a", "arn:*:iam::*:user/*", true),
            ("arn:aws:iam::*:*", "arn:*:iam::*:user/*", true),
            ("*", "arn:*:iam::*:user/*", true),
        ] {
            let found = overlap_arns(&pieces(one), &pieces(other));
            assert_eq!(found, expected, "{one} {other}");
        }
    }

    #[test]
    fn a_wildcard_stays_inside_its_part_unless_it_ends_it() {
        let context = Context::new();
        for (pattern, resource, expected) in [
            ("arn:aws:iam::1*:user/a", "arn:aws:iam::12:user/a", true),
            ("arn:aws:iam::*:user/a", "arn:aws:iam::1:x:user/a", true),
            ("arn:aws:iam::*1:user/a", "arn:aws:iam::0:1:user/a", false),
            ("arn:aws:iam::*1:user/a", "arn:aws:iam::01:user/a", true),
            ("arn:aws:sqs:?:1:q", "arn:aws:sqs:::1:q", false),
            ("arn:aws:s3:::a*c", "arn:aws:s3:::a:b/c", true),
            ("arn:aws:s3:::a?c", "arn:aws:s3:::a:c", true),
            ("*", "anything", true),
        ] {
            assert_eq!(
                resource_fits(pattern, resource, &context, true),
                expected,
                "{pattern} {resource}"
            );
        }
    }
}
