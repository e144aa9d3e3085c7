//! The bench for mutants, tried on a small workspace of its own.

use std::fs;
use std::path::Path;

use xtask::mutants::{self, Bench, Fate};

const LIB: &str = "\
/// Adds.
pub fn add(a: u32, b: u32) -> u32 {
    a + b
}

#[cfg(test)]
mod tests {
    #[test]
    fn adds() {
        assert_eq!(super::add(1, 2), 3);
    }

    #[test]
    fn adds_nothing() {
        assert_eq!(super::add(1, 0), 1);
    }
}
";

fn patch(name: &str, line: &str, kills: &[&str]) -> String {
    let kills: String = kills.iter().map(|t| format!("# kills: {t}\n")).collect();
    format!(
        "# mutant: {name}\n# breaks: Sums are wrong.\n{kills}\
         --- a/small/src/lib.rs\n+++ b/small/src/lib.rs\n@@ -2,3 +2,3 @@\n \
         pub fn add(a: u32, b: u32) -> u32 {{\n-    a + b\n+    {line}\n }}\n"
    )
}

fn workspace(root: &Path, patches: &[(&str, String)]) {
    let write = |path: &str, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("has a folder")).expect("makes a folder");
        fs::write(path, text).expect("writes a file");
    };
    write(
        "Cargo.toml",
        "[workspace]\nmembers = [\"small\"]\nresolver = \"3\"\n",
    );
    let manifest = "[package]\nname = \"small\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    write("small/Cargo.toml", manifest);
    write("small/src/lib.rs", LIB);
    for (name, text) in patches {
        write(&format!("mutants/{name}.patch"), text);
    }
}

#[test]
fn mutants_are_killed_survive_or_are_unusable() {
    const ADDS: &str = "small::tests::adds";
    const NOTHING: &str = "small::tests::adds_nothing";
    let folder = tempfile::tempdir().expect("makes a folder");
    let root = folder.path();
    let patches = [
        ("a-killed", patch("a-killed", "a - b.min(a)", &[ADDS])),
        (
            "b-survives",
            patch("b-survives", "a - b.min(a)", &[ADDS, NOTHING]),
        ),
        ("c-no-build", patch("c-no-build", "a +", &[ADDS])),
        (
            "d-old",
            patch("d-old", "a", &[ADDS]).replace("-    a + b", "-    b + a"),
        ),
        ("e-again", patch("e-again", "a", &[ADDS])),
    ];
    workspace(root, &patches);
    let mutants = mutants::all(root).expect("reads the patches");
    assert_eq!(mutants.len(), patches.len());
    let bench = Bench::new(root, &root.join("target/mutants")).expect("copies the tree");
    bench
        .passes_unchanged(&mutants.iter().collect::<Vec<_>>())
        .expect("the small workspace passes");
    let fates: Vec<Fate> = mutants
        .iter()
        .map(|mutant| bench.fate(mutant).expect("can be tried"))
        .collect();
    assert_eq!(fates[0], Fate::Killed);
    assert!(
        matches!(&fates[1], Fate::Survived(tests) if tests.len() == 1 && tests[0].to_string() == NOTHING),
        "{:?}",
        fates[1]
    );
    assert_eq!(fates[2], Fate::Unusable("does not build".into()));
    assert!(matches!(&fates[3], Fate::Unusable(why) if why.contains("does not apply")));
    // After the others: the files were put back, and cargo saw it.
    assert_eq!(fates[4], Fate::Killed);
    bench
        .passes_unchanged(&mutants.iter().collect::<Vec<_>>())
        .expect("passes again once all are put back");
    // The checkout itself was never touched.
    let lib = fs::read_to_string(root.join("small/src/lib.rs")).expect("still there");
    assert_eq!(lib, LIB);
}

#[test]
fn tests_that_fail_anyway_or_are_not_there_prove_nothing() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let root = folder.path();
    workspace(root, &[("a", patch("a", "a", &["small::tests::gone"]))]);
    let mutants = mutants::all(root).expect("reads the patches");
    let chosen: Vec<_> = mutants.iter().collect();
    let bench = Bench::new(root, &root.join("target/mutants")).expect("copies the tree");
    let error = bench.passes_unchanged(&chosen).expect_err("no such test");
    drop(bench);
    assert!(
        error
            .to_string()
            .contains("there is no test `small::tests::gone`"),
        "{error}"
    );
    let broken = LIB.replace("a + b", "a");
    fs::write(root.join("small/src/lib.rs"), broken).expect("breaks it");
    fs::write(
        root.join("mutants/a.patch"),
        patch("a", "a", &["small::tests::adds"]),
    )
    .expect("names another test");
    let mutants = mutants::all(root).expect("reads the patches");
    let chosen: Vec<_> = mutants.iter().collect();
    let bench = Bench::new(root, &root.join("target/mutants")).expect("copies the tree");
    let error = bench
        .passes_unchanged(&chosen)
        .expect_err("fails without any mutant");
    assert!(
        error.to_string().contains("fails without any mutant"),
        "{error}"
    );
}

#[test]
fn of_two_benches_in_one_place_one_waits() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let root = folder.path().to_path_buf();
    workspace(&root, &[]);
    let place = root.join("target/mutants");
    let first = Bench::new(&root, &place).expect("copies the tree");
    let (done, waits) = std::sync::mpsc::channel();
    let second = std::thread::spawn(move || {
        let bench = Bench::new(&root, &place);
        done.send(()).expect("somebody listens");
        bench.map(drop)
    });
    let too_early = waits.recv_timeout(std::time::Duration::from_millis(500));
    assert!(too_early.is_err(), "the second did not wait");
    drop(first);
    waits.recv().expect("goes on once the first is gone");
    second.join().expect("ends").expect("copies the tree");
}
