//! What a command prints: tables for people, JSON for programs, both on standard output;
//! remarks on standard error.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;
use serde_json::Value;

use crate::exit::Failure;

/// Prints one line.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        // `stint requests | head` is not an error.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done.map_err(Failure::from),
    }
}

/// Says something beside what was asked for.
pub(crate) fn remark(text: &str) {
    // Nothing is left to do when standard error is gone.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Prints a value as JSON, indented.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text =
        serde_json::to_string_pretty(value).map_err(|e| Failure::from(anyhow::Error::from(e)))?;
    line(&text)
}

/// Prints rows under a heading, columns aligned; with no rows, `empty` instead.
///
/// On a terminal that is too narrow the widest columns are shortened, but never an id:
/// what is shown can be copied. Into a pipe or a file everything is written whole.
pub(crate) fn table<const N: usize>(
    head: [&str; N],
    rows: &[[String; N]],
    empty: &str,
) -> Result<(), Failure> {
    if rows.is_empty() {
        // Nobody counts a sentence as a row.
        if io::stdout().is_terminal() {
            return line(empty);
        }
        remark(empty);
        return Ok(());
    }
    for text in laid_out(head, rows, width()) {
        line(&text)?;
    }
    Ok(())
}

/// Columns of the terminal; none where nobody looks.
fn width() -> Option<usize> {
    let out = io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&out).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// The least a shortened column has.
const LEAST: usize = 12;
const GAP: usize = 2;

fn laid_out<const N: usize>(
    head: [&str; N],
    rows: &[[String; N]],
    width: Option<usize>,
) -> Vec<String> {
    let cells = |i: usize| rows.iter().filter_map(move |row| row.get(i));
    let mut widths: Vec<usize> = (0..N)
        .map(|i| {
            let column = cells(i).map(|cell| cell.chars().count());
            column
                .chain(head.get(i).map(|h| h.chars().count()))
                .max()
                .unwrap_or(0)
        })
        .collect();
    let may_shrink: Vec<bool> = (0..N).map(|i| !cells(i).any(|cell| is_id(cell))).collect();
    if let Some(width) = width {
        let gaps = GAP * N.saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > width {
            let widest = (widths.iter_mut().zip(&may_shrink))
                .filter(|(column, may)| **may && **column > LEAST)
                .map(|(column, _)| column)
                .max();
            let Some(widest) = widest else {
                break;
            };
            *widest -= 1;
        }
    }
    let render = |cells: &[String]| {
        let padded = (cells.iter().zip(&widths)).map(|(cell, width)| {
            let cell = shortened(cell, *width);
            format!("{cell:<width$}")
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let head = head.map(str::to_uppercase);
    std::iter::once(render(&head))
        .chain(rows.iter().map(|row| render(row)))
        .collect()
}

/// `req_` and 26 characters, or an ARN.
fn is_id(text: &str) -> bool {
    let id = text
        .split_once('_')
        .is_some_and(|(prefix, rest)| prefix.len() == 3 && rest.len() == 26);
    id || text.starts_with("arn:")
}

/// On one line, at most so wide.
fn shortened(cell: &str, width: usize) -> String {
    let cell: String = cell
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if cell.chars().count() <= width {
        return cell;
    }
    let kept: String = cell.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// A field of an answer as a person reads it: nothing for what is absent.
pub(crate) fn field(value: &Value, name: &str) -> String {
    let found = name
        .split('.')
        .try_fold(value, |value, part| value.get(part));
    match found {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        Some(Value::Array(items)) => {
            let words: Vec<_> = items
                .iter()
                .map(|item| match item {
                    Value::String(text) => text.clone(),
                    Value::Object(_) => field(item, "name"),
                    other => other.to_string(),
                })
                .collect();
            words.join(", ")
        }
        Some(other) => other.to_string(),
    }
}

/// Prints a thing, one field a line: `(word, text)`, without those that are empty.
pub(crate) fn facts(facts: &[(&str, String)]) -> Result<(), Failure> {
    let widest = facts.iter().map(|(word, _)| word.chars().count()).max();
    let width = widest.unwrap_or(0);
    for (word, text) in facts.iter().filter(|(_, text)| !text.is_empty()) {
        line(&format!("{word:<width$}  {text}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows() -> Vec<[String; 3]> {
        vec![[
            format!("req_{}", "0".repeat(26)),
            "AdministratorAccess on prod-payments-and-settlements".to_owned(),
            "Ana Moreno".to_owned(),
        ]]
    }

    #[test]
    fn a_narrow_terminal_shortens_words_and_never_an_id() {
        let lines = laid_out(["request", "what", "who"], &rows(), Some(72));
        assert!(
            lines.iter().all(|line| line.chars().count() <= 72),
            "{lines:?}"
        );
        assert!(lines[1].starts_with(&format!("req_{}  ", "0".repeat(26))));
        assert!(
            lines[1].contains('…') && lines[1].ends_with("Ana Moreno"),
            "{lines:?}"
        );
        // However narrow: ids stay whole.
        let lines = laid_out(["request", "what", "who"], &rows(), Some(20));
        assert!(lines[1].contains(&"0".repeat(26)), "{lines:?}");
    }

    #[test]
    fn into_a_pipe_everything_is_written_whole() {
        let lines = laid_out(["request", "what", "who"], &rows(), None);
        assert!(lines[1].contains("prod-payments-and-settlements"));
        assert!(!lines[1].contains('…'));
    }

    #[test]
    fn a_name_with_a_line_break_stays_on_its_line() {
        let rows = [["a\nb\x1b[31m".to_owned()]];
        let lines = laid_out(["what"], &rows, None);
        assert_eq!(lines, ["WHAT", "a b [31m"]);
    }

    #[test]
    fn fields_are_read_as_people_say_them() {
        let value = json!({"a": {"b": "c"}, "n": 3, "yes": true, "many": ["x", "y"], "people": [{"name": "Ana"}], "no": null});
        let say = |name| field(&value, name);
        assert_eq!(
            (say("a.b"), say("n"), say("yes")),
            ("c".to_owned(), "3".to_owned(), "yes".to_owned())
        );
        assert_eq!(
            (say("many"), say("people"), say("no"), say("gone")),
            (
                "x, y".to_owned(),
                "Ana".to_owned(),
                String::new(),
                String::new()
            )
        );
    }
}
