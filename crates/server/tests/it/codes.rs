//! Every code a refusal can have stands in the table behind `/docs/errors`, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use stint_server::http::CODES;
use stint_testkit::both_engines;

fn sources(dir: &Path, all: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|end| end == "rs") {
            all.push(path);
        }
    }
}

/// What is a code's word and stands in quotes in `text`, unless it is a pattern (`"x" =>`).
fn words(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('"') {
        let Some((word, after)) = after.split_once('"') else {
            break;
        };
        let sound = word.len() > 3 && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if sound && !after.trim_start().starts_with("=>") {
            found.push(word.to_owned());
        }
        rest = after;
    }
    found
}

/// The block that begins after `text`'s first `{`.
fn block(text: &str) -> &str {
    let mut depth = 0;
    for (i, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return &text[..i],
            '}' => depth -= 1,
            _ => {}
        }
    }
    text
}

/// The codes in the source: what `code()` of an error answers, and what a [`Failure`] is
/// made with, and the tuples of `failure.rs`.
///
/// [`Failure`]: stint_server::http::Failure
fn used() -> BTreeMap<String, BTreeSet<String>> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    sources(&crates.join("server/src"), &mut files);
    sources(&crates.join("domain/src"), &mut files);
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files {
        let name = file.to_string_lossy().into_owned();
        if name.contains("/tests") {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("a source");
        let mut found = Vec::new();
        for (at, _) in text.match_indices("fn code(&self) -> &'static str {") {
            found.extend(words(block(&text[at..])));
        }
        for (at, _) in text.match_indices("Failure::new(") {
            // The kind, then the code.
            let call: String = text[at..].chars().take(160).collect();
            found.extend(words(&call).into_iter().take(1));
        }
        if name.ends_with("http/failure.rs") {
            for (at, _) in text.match_indices("(&str, &str) = ") {
                let tuples: String = text[at..].split_inclusive(';').take(1).collect();
                for (at, _) in tuples.match_indices("(\n") {
                    found.extend(words(&tuples[at..]).into_iter().take(1));
                }
            }
            for (at, _) in text.match_indices("(&'static str, &str) = ") {
                let tuples = block(&text[at..]);
                for (at, _) in tuples.match_indices("(\n") {
                    found.extend(words(&tuples[at..]).into_iter().take(1));
                }
            }
        }
        for word in found {
            used.entry(word).or_default().insert(name.clone());
        }
    }
    used
}

#[test]
fn every_code_has_its_row_and_every_row_its_code() {
    let used = used();
    assert!(used.len() > 90, "only {} codes are seen", used.len());
    let listed: BTreeSet<_> = CODES.iter().map(|code| code.word.to_owned()).collect();
    let missing: Vec<_> = (used.iter())
        .filter(|(word, _)| !listed.contains(*word))
        .map(|(word, files)| format!("`{word}` is used in {files:?} and has no row"))
        .collect();
    let unused: Vec<_> = (listed.iter())
        .filter(|word| !used.contains_key(*word))
        .map(|word| format!("`{word}` has a row and is used nowhere"))
        .collect();
    assert!(
        missing.is_empty() && unused.is_empty(),
        "crates/server/src/http/codes.rs:\n{}\n{}",
        missing.join("\n"),
        unused.join("\n")
    );
}

#[test]
fn the_rows_are_in_order_and_say_something() {
    let order: Vec<_> = CODES.iter().map(|code| (code.status, code.word)).collect();
    assert!(order.is_sorted(), "by status and word");
    let words: BTreeSet<_> = CODES.iter().map(|code| code.word).collect();
    assert_eq!(words.len(), CODES.len(), "a word twice");
    for code in CODES {
        for text in [code.means, code.remedy] {
            let whole = text.len() > 8 && (text.ends_with(['.', '"']) || text.contains("type: "));
            assert!(whole, "{}: {text}", code.word);
        }
    }
}

both_engines! {
    async fn where_a_problem_points_there_is_a_page_for_everybody(world) {
        let problem = world.as_nobody().get("/api/v1/me").await.refused(401, "not_signed_in");
        let place = problem["type"].as_str().expect("a place").to_owned();
        assert_eq!(place, "/docs/errors/not_signed_in");
        for door in [world.as_nobody(), world.in_browser("ana").await] {
            let page = door.get(&place).await.is(200).text();
            assert!(page.contains("not_signed_in") && page.contains("401"), "{page}");
            let index = door.get("/docs/errors").await.is(200).text();
            for code in CODES {
                assert!(index.contains(&format!("/docs/errors/{}\"", code.word)), "{}", code.word);
                door.get(&format!("/docs/errors/{}", code.word)).await.is(200);
            }
            door.get("/docs/errors/no_such_code").await.is(404);
        }
    }
}

/// Before there is a user nearly everything is refused, and the refusal's page can be read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_not_initialised_means_can_be_read_before_there_is_a_user() {
    let world = stint_testkit::World::builder().empty().build().await;
    let nobody = world.as_nobody();
    let problem = nobody
        .get("/api/v1/me")
        .await
        .refused(503, "not_initialised");
    let place = problem["type"].as_str().expect("a place").to_owned();
    let page = nobody.get(&place).await.is(200).text();
    assert!(page.contains("create-admin"), "{page}");
    world.finish().await;
}
