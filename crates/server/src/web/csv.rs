//! Lists as CSV (RFC 4180): every row of what is shown, a page of rows at a time.
//!
//! Spreadsheets take a cell that begins with `=`, `+`, `-` or `@` for a formula, and names in
//! AWS are written by others: such a cell gets an apostrophe before it, which spreadsheets show
//! as text. The file is read with the same verb, filters and order as the page. It is not one
//! moment's view: each page of rows is read when it is sent, and no row comes twice.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::stream;
use http::{HeaderValue, header};
use stint_api::Page;

use crate::http::{Failure, Paging};

/// How many rows are read at once: what is held in memory.
const ROWS: i64 = 200;

/// A file `stint-<name>.csv` with this head and the lines `fetch` gives, page by page. What
/// goes wrong at the first page is an answer like any other; later it breaks the download off,
/// so that half a list is not taken for a whole one.
pub async fn csv<F, Fut>(name: &str, head: &[&str], fetch: F) -> Result<Response, Failure>
where
    F: Fn(Paging) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Page<Vec<String>>, Failure>> + Send,
{
    let body = all_of(line(head.iter().copied()), fetch, |cells| {
        line(cells.iter().map(String::as_str))
    });
    let kind = "text/csv; charset=utf-8; header=present";
    Ok(file(body.await?, kind, &format!("stint-{name}.csv")))
}

/// A file `stint-<name>.jsonl`: one JSON document a line.
pub async fn json_lines<F, Fut>(name: &str, fetch: F) -> Result<Response, Failure>
where
    F: Fn(Paging) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Page<serde_json::Value>, Failure>> + Send,
{
    let body = all_of(String::new(), fetch, |value| format!("{value}\n"));
    let kind = "application/jsonl; charset=utf-8";
    Ok(file(body.await?, kind, &format!("stint-{name}.jsonl")))
}

/// The head, then every row `fetch` gives, a page at a time.
async fn all_of<T, F, Fut>(head: String, fetch: F, write: fn(&T) -> String) -> Result<Body, Failure>
where
    T: 'static,
    F: Fn(Paging) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Page<T>, Failure>> + Send,
{
    let first = fetch(Paging::first(ROWS)).await?;
    let mut text = head;
    text.extend(first.items.iter().map(write));
    let begun = stream::once(async move { Ok::<_, std::io::Error>(Bytes::from(text)) });
    let rest = stream::try_unfold((first.next, fetch), move |(next, fetch)| async move {
        let Some(cursor) = next else { return Ok(None) };
        let page = match fetch(Paging::after_cursor(ROWS, Some(cursor))).await {
            Ok(page) => page,
            Err(failure) => {
                tracing::error!(error = ?failure, "file.broken_off");
                return Err(std::io::Error::other("the list could not be read on"));
            }
        };
        let text: String = page.items.iter().map(write).collect();
        Ok(Some((Bytes::from(text), (page.next, fetch))))
    });
    Ok(Body::from_stream(futures::StreamExt::chain(begun, rest)))
}

/// An answer that is saved under a name instead of shown.
pub(crate) fn file(body: Body, kind: &'static str, name: &str) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// One line with its end.
fn line<'c>(cells: impl Iterator<Item = &'c str>) -> String {
    let mut out = String::new();
    for (at, text) in cells.enumerate() {
        if at > 0 {
            out.push(',');
        }
        cell(&mut out, text);
    }
    out.push_str("\r\n");
    out
}

/// One cell: never a formula, quoted where it has to be.
fn cell(out: &mut String, text: &str) {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let quoted = formula || text.contains([',', '"', '\r', '\n', '\t', ';']);
    if !quoted {
        out.push_str(text);
        return;
    }
    out.push('"');
    if formula {
        out.push('\'');
    }
    out.push_str(&text.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[test]
    fn a_cell_is_never_a_formula() {
        for begin in ["=", "+", "-", "@", "\t", "\r", "\n", "＝"] {
            let text = format!("{begin}cmd|' /C calc'!A0");
            let mut out = String::new();
            cell(&mut out, &text);
            assert!(out.starts_with("\"'"), "{out:?}");
        }
        let said = line(["a", "b,c", "say \"hi\"", "two\nlines", "", "x=1"].into_iter());
        assert_eq!(said, "a,\"b,c\",\"say \"\"hi\"\"\",\"two\nlines\",,x=1\r\n");
    }

    #[tokio::test]
    async fn all_pages_are_in_the_file_and_a_failure_breaks_it_off() {
        let pages = |paging: Paging| async move {
            let at = paging.after::<usize>().map_err(Failure::from)?.unwrap_or(0);
            if at == 900 {
                return Err(Failure::not_found());
            }
            let rows: Vec<usize> = (at..at + 201).collect();
            let page = paging.page(rows, |row| row + 1);
            let next = page.next.filter(|_| at != 400);
            let items = page.items.iter().map(|row| vec![row.to_string()]);
            Ok(Page {
                items: items.collect(),
                next,
            })
        };
        let whole = csv("rows", &["Row"], pages).await.expect("a file");
        assert_eq!(
            whole.headers()["content-disposition"],
            "attachment; filename=\"stint-rows.csv\""
        );
        let bytes = whole.into_body().collect().await.expect("whole").to_bytes();
        let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let rows: Vec<String> = (0..600).map(|row| row.to_string()).collect();
        assert_eq!(text, format!("Row\r\n{}\r\n", rows.join("\r\n")));

        let fails = |paging: Paging| async move {
            match paging.after::<usize>().map_err(Failure::from)? {
                None => Ok(Page {
                    items: vec![vec!["0".to_owned()]],
                    next: paging.page(vec![1; 201], |row| *row).next,
                }),
                Some(_) => Err(Failure::not_found()),
            }
        };
        let broken = csv("rows", &["Row"], fails).await.expect("it begins");
        assert!(broken.into_body().collect().await.is_err());
        let refused = csv("rows", &["Row"], |_| async { Err(Failure::not_found()) }).await;
        assert!(refused.is_err(), "refused at once");
    }
}
