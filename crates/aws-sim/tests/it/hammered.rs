//! Spoiled requests of every operation, past the socket and through it, and policies of a
//! megabyte: never a panic, never a failure that was not asked for, and the next call is fine.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::raw::{Target, with};

/// What a harness sends must be real, or it tries nothing: nearly every operation takes its
/// good request for what it is.
#[tokio::test]
async fn the_good_requests_are_real_ones() {
    let (mut done, mut malformed) = (0, Vec::new());
    let many = Target::new().count();
    for n in 0..many {
        let target = Target::new();
        let (status, answer) = target.send(&target.signed(&target.good(n))).await.unwrap();
        done += usize::from(status == 200 || status == 302);
        let broken = [
            "Signature",
            "UnknownOperation",
            "InvalidAction",
            "Serialization",
        ];
        let provisioned = !target.name(n).starts_with("identitystore-scim:") || status < 300;
        if !provisioned || broken.iter().any(|word| answer.contains(word)) {
            malformed.push(format!("{}: {answer}", target.name(n)));
        }
    }
    assert!(malformed.is_empty(), "{malformed:#?}");
    assert!(done * 2 > many, "{done} of {many}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]
    #[test]
    fn spoiled_requests_are_answered(scripts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..4)) {
        let runtime = Runtime::new().unwrap();
        let target = Target::new();
        for script in scripts {
            runtime.block_on(target.take(&script));
        }
    }
}

/// The same over a socket, where the server's own reading comes first.
#[tokio::test]
async fn a_spoiled_connection_leaves_the_others_fine() {
    let panics = Arc::new(AtomicUsize::new(0));
    let (seen, before) = (Arc::clone(&panics), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |panic| {
        seen.fetch_add(1, SeqCst);
        before(panic);
    }));
    let target = Target::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let sim = target.sim.clone();
    tokio::spawn(async move { sim.serve(listener).await });
    // A stream of numbers that is always the same.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()
    };
    let mut answered = 0;
    for n in 0..400_u32 {
        let mut script: Vec<u8> = (0..n % 5).flat_map(|_| draw()).collect();
        if let Some(mode) = script.get_mut(2)
            && n % 2 == 0
        {
            *mode = 255;
        }
        let mut stream = TcpStream::connect(address).await.unwrap();
        // It may have heard enough before all was said.
        let _ = stream.write_all(&target.spoiled(&script)).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let _ = tokio::time::timeout(Duration::from_secs(20), read)
            .await
            .expect("the connection ends");
        let answer = String::from_utf8_lossy(&answer);
        if !answer.is_empty() {
            assert!(answer.starts_with("HTTP/1."), "{answer}");
            let status = answer.split(' ').nth(1).unwrap_or_default();
            assert!(!status.starts_with('5'), "{answer}");
            answered += 1;
        }
        target.next_is_fine().await;
    }
    assert!(answered > 300, "{answered}");
    assert_eq!(panics.load(SeqCst), 0);
}

/// Everywhere a policy is taken.
const TAKERS: &[(&str, &str)] = &[
    ("iam:CreatePolicy", "PolicyDocument"),
    ("iam:CreatePolicyVersion", "PolicyDocument"),
    ("iam:CreateRole", "AssumeRolePolicyDocument"),
    ("iam:PutGroupPolicy", "PolicyDocument"),
    ("iam:PutRolePolicy", "PolicyDocument"),
    ("iam:PutUserPolicy", "PolicyDocument"),
    ("iam:UpdateAssumeRolePolicy", "PolicyDocument"),
    ("sts:AssumeRole", "Policy"),
    ("sts:GetFederationToken", "Policy"),
    ("sso:PutInlinePolicyToPermissionSet", "InlinePolicy"),
    ("organizations:CreatePolicy", "Content"),
    ("organizations:UpdatePolicy", "Content"),
    ("sqs:CreateQueue", "Attributes"),
];

/// Texts of about this length that are no good policy.
fn heavy(length: usize) -> [String; 6] {
    let statement = r#"{"Effect":"Allow","Action":["iam:Get*","sts:*"],"Resource":"arn:aws:iam::*:user/${aws:username}"}"#;
    let list = vec![statement; length / statement.len()].join(",");
    [
        format!(r#"{{"Version":"2012-10-17","Statement":[{list}]}}"#),
        // As deep as it is long.
        "[".repeat(length),
        r#"{"Statement":"#.repeat(length / 13),
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"{}","Resource":"*"}}}}"#,
            "*a".repeat(length / 2)
        ),
        format!(r#"{{"Version":"2012-10-17"{}}}"#, " ".repeat(length)),
        "x".repeat(length),
    ]
}

/// A megabyte, and as much as gets past the first look at the length.
#[tokio::test]
async fn policies_of_a_megabyte_are_refused() {
    let target = Target::new();
    for (name, member) in TAKERS {
        let n = (0..target.count())
            .find(|n| target.name(*n) == *name)
            .unwrap();
        for policy in heavy(1 << 20).iter().take(3).chain(&heavy(100_000)) {
            let mut raw = target.good(n);
            with(&mut raw, member, policy);
            let (status, answer) = target.send(&target.signed(&raw)).await.unwrap();
            let shown = &answer[..answer.len().min(500)];
            assert!((400..500).contains(&status), "{name}: {status} {shown}");
        }
        target.next_is_fine().await;
    }
}
