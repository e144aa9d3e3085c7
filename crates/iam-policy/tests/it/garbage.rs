//! Garbage of all kinds, always the same: nothing may panic, hang, or be read as something else.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};
use stint_iam_policy::Policy;

use crate::take::take;

const SEEDS: [&str; 4] = [
    r#"{"Version":"2012-10-17","Id":"a","Statement":[{"Sid":"One","Effect":"Allow","Principal":{"AWS":["111122223333","*"],"Service":"ec2.amazonaws.com"},"Action":["sts:AssumeRole","iam:*User"],"Resource":"arn:aws:iam::*:user/${aws:username, 'x'}","Condition":{"ForAnyValue:StringLike":{"aws:TagKeys":["a*","${*}"]},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"DateLessThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"}}}]}"#,
    r#"{"Statement":{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:role/x"},"NotAction":"s3:*","NotResource":["*"],"Condition":{"Null":{"aws:TokenIssueTime":true},"NumericLessThan":{"s3:max-keys":1.5e3},"BinaryEquals":{"k:b":"QUJD"}}}}"#,
    r#"{"Id":"\u00e9\ud83d\ude00\n\"","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    "{ \"Version\" : \"2012-10-17\" ,\n\t\"Statement\" : [ ] }",
];

/// A seed with pieces cut out, put in and doubled.
fn mangled() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\\",
        "\\u",
        "\\ud83d",
        "${",
        "}",
        "*",
        "?",
        "'",
        "null",
        "true",
        "-",
        "1e999",
        "0",
        "é",
        "\u{0}",
        "\n",
        "\u{feff}",
        "\"Action\":",
        "\"Condition\":{}",
        "ForAllValues:",
        "IfExists",
        "arn:",
        ":::::",
        "2008-10-17",
        "",
    ]);
    let edit = (0.0..1.0_f64, 0..20_usize, piece);
    (
        proptest::sample::select(SEEDS.to_vec()),
        proptest::collection::vec(edit, 0..6),
    )
        .prop_map(|(seed, edits)| {
            let mut text: Vec<char> = seed.chars().collect();
            for (place, cut, piece) in edits {
                #[allow(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    clippy::cast_precision_loss
                )]
                let from = (place * text.len() as f64) as usize;
                let to = (from + cut).min(text.len());
                text.splice(from..to, piece.chars());
            }
            text.into_iter().collect()
        })
}

#[test]
fn mangled_policies_are_read_or_refused_and_nothing_else() {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let (mut read, mut refused) = (0, 0);
    for _ in 0..4_000 {
        let text = mangled().new_tree(&mut runner).expect("a text").current();
        take(&text);
        match Policy::parse(&text) {
            Ok(_) => read += 1,
            Err(_) => refused += 1,
        }
    }
    // A generator that makes only one of the two tries nothing.
    assert!(read > 200 && refused > 1_000, "{read} {refused}");
}
