use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher as _;

use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;

/// Good enough to tell texts apart in tests; the product uses SHA-256.
fn mix(bytes: &[u8]) -> Hash {
    let mut out = [0; 32];
    for (i, part) in out.chunks_mut(8).enumerate() {
        let mut hasher = DefaultHasher::new();
        hasher.write_usize(i);
        hasher.write(bytes);
        part.copy_from_slice(&hasher.finish().to_be_bytes());
    }
    out
}

fn event(n: u64) -> Event {
    Event {
        action: "request.submitted",
        actor: ActorRef::System {
            task: "grants.reconcile".into(),
        },
        subject: vec![crate::RequestId(Uuid::from_u128(u128::from(n))).into()],
        detail: json!({"n": n}),
        at: Time::from_micros(1_000_000),
        request_id: None,
    }
}

fn log(len: u64) -> Vec<Link> {
    let mut head = Head::EMPTY;
    (0..len)
        .map(|n| {
            let link = chain(
                head,
                &event(n),
                AuditId(Uuid::from_u128(u128::from(n))),
                &mix,
            );
            head = link.head();
            link
        })
        .collect()
}

#[test]
fn a_body_is_written_in_one_way_only() {
    let link = chain(Head::EMPTY, &event(7), AuditId(Uuid::from_u128(1)), &mix);
    assert_eq!(
        link.body,
        concat!(
            r#"{"action":"request.submitted","actor":{"kind":"system","task":"grants.reconcile"},"#,
            r#""at":"1970-01-01T00:00:01Z","detail":{"n":7},"id":"aud_00000000000000000000000001","#,
            r#""request_id":null,"seq":1,"#,
            r#""subject":[{"id":"req_00000000000000000000000007","kind":"request"}]}"#
        )
    );
}

#[test]
fn canonical_sorts_escapes_and_writes_fractions_as_text() {
    let value = json!({"b": [1, -2, 1.5, null, true], "a": {"ü": "line\n\u{1}\"\\", "Z": ""}});
    assert_eq!(
        canonical(&value),
        "{\"a\":{\"Z\":\"\",\"ü\":\"line\\n\\u0001\\\"\\\\\"},\"b\":[1,-2,\"1.5\",null,true]}"
    );
    let back: Value = serde_json::from_str(&canonical(&value)).expect("canonical JSON is JSON");
    assert_eq!(canonical(&back), canonical(&value));
}

#[test]
fn subjects_say_what_they_are() {
    let subject = Subject::from(crate::PolicyVersionId(Uuid::nil()));
    assert_eq!(subject.kind, "policy_version");
    assert_eq!(subject.id, "pov_00000000000000000000000000");
}

#[test]
fn an_untouched_log_ends_at_its_head() {
    let links = log(20);
    assert_eq!(verify(&links, &mix), Ok(links[19].head()));
    assert_eq!(verify(&[], &mix), Ok(Head::EMPTY));
}

#[test]
fn loss_at_the_end_is_not_found_by_the_chain_alone() {
    let links = log(5);
    assert_eq!(verify(&links[..3], &mix).map(|head| head.seq), Ok(3));
}

#[test]
fn the_first_wrong_event_is_named() {
    let mut links = log(9);
    links[4].body = links[4].body.replace("\"n\":4", "\"n\":5");
    assert_eq!(
        verify(&links, &mix),
        Err(Broken {
            seq: 5,
            why: Why::Hash
        })
    );
    let mut links = log(9);
    links.remove(3);
    assert_eq!(
        verify(&links, &mix),
        Err(Broken {
            seq: 4,
            why: Why::Order {
                expected: 4,
                found: 5
            }
        })
    );
}

#[test]
fn renumbering_after_a_removal_is_found() {
    let mut links = log(9);
    links.remove(3);
    for (n, link) in links.iter_mut().enumerate() {
        link.seq = i64::try_from(n).expect("small") + 1;
    }
    assert_eq!(
        verify(&links, &mix),
        Err(Broken {
            seq: 4,
            why: Why::Previous
        })
    );
}

#[derive(Debug, Clone)]
enum Meddling {
    EditBody {
        at: usize,
        byte: usize,
    },
    EditHash {
        at: usize,
        byte: usize,
    },
    EditPrev {
        at: usize,
        byte: usize,
    },
    EditSeq {
        at: usize,
        to: i64,
    },
    Remove {
        at: usize,
    },
    Swap {
        a: usize,
        b: usize,
    },
    SwapBodies {
        a: usize,
        b: usize,
    },
    Insert {
        at: usize,
        copy: usize,
        renumber: bool,
    },
    Forge {
        at: usize,
    },
}

fn meddling(len: usize) -> impl Strategy<Value = Meddling> {
    let at = 0..len;
    prop_oneof![
        (at.clone(), 0..10_000usize).prop_map(|(at, byte)| Meddling::EditBody { at, byte }),
        (at.clone(), 0..32usize).prop_map(|(at, byte)| Meddling::EditHash { at, byte }),
        (at.clone(), 0..32usize).prop_map(|(at, byte)| Meddling::EditPrev { at, byte }),
        (at.clone(), -5..40i64).prop_map(|(at, to)| Meddling::EditSeq { at, to }),
        (0..len - 1).prop_map(|at| Meddling::Remove { at }),
        (at.clone(), at.clone()).prop_map(|(a, b)| Meddling::Swap { a, b }),
        (at.clone(), at.clone()).prop_map(|(a, b)| Meddling::SwapBodies { a, b }),
        (at.clone(), at.clone(), any::<bool>()).prop_map(|(at, copy, renumber)| Meddling::Insert {
            at,
            copy,
            renumber
        }),
        (0..len - 1).prop_map(|at| Meddling::Forge { at }),
    ]
}

fn meddle(links: &mut Vec<Link>, how: &Meddling) {
    match *how {
        Meddling::EditBody { at, byte } => {
            let mut bytes = std::mem::take(&mut links[at].body).into_bytes();
            let byte = byte % bytes.len();
            bytes[byte] = if bytes[byte] == b'x' { b'y' } else { b'x' };
            links[at].body = String::from_utf8(bytes).expect("ASCII stays ASCII");
        }
        Meddling::EditHash { at, byte } => links[at].hash[byte] ^= 1,
        Meddling::EditPrev { at, byte } => links[at].prev[byte] ^= 1,
        Meddling::EditSeq { at, to } => links[at].seq = to,
        Meddling::Remove { at } => drop(links.remove(at)),
        Meddling::Swap { a, b } => links.swap(a, b),
        Meddling::SwapBodies { a, b } => {
            let body = links[a].body.clone();
            links[a].body = std::mem::replace(&mut links[b].body, body);
        }
        Meddling::Insert { at, copy, renumber } => {
            links.insert(at, links[copy].clone());
            if renumber {
                for (n, link) in links.iter_mut().enumerate() {
                    link.seq = i64::try_from(n).expect("small") + 1;
                }
            }
        }
        // A well-made replacement: right number, right link back, right hash of its own.
        Meddling::Forge { at } => {
            let head = at
                .checked_sub(1)
                .map_or(Head::EMPTY, |before| links[before].head());
            links[at] = chain(head, &event(999), AuditId(Uuid::nil()), &mix);
        }
    }
}

proptest! {
    #[test]
    fn any_single_edit_removal_swap_or_insertion_is_found(
        (len, how) in (2usize..25).prop_flat_map(|len| (Just(len), meddling(len)))
    ) {
        let untouched = log(len as u64);
        let mut links = untouched.clone();
        meddle(&mut links, &how);
        prop_assume!(links != untouched);
        prop_assert!(verify(&links, &mix).is_err(), "{how:?} was not found");
    }
}
