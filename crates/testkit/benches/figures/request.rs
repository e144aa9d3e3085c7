//! `bench request`: how many requests are taken, and how many approvals, each second.
//!
//! Rounds of bare audited transactions, submissions and approvals follow each other, so that
//! what else the machine does meets all three alike.

use stint_domain::{EntitlementId, RequestId, Span};
use stint_server::audit;
use stint_server::cx::Cx;
use stint_server::requests;
use stint_testkit::Engine;

use crate::audited::audited;
use crate::crowd::{Crowd, PEOPLE, ask};
use crate::said::{Said, seconds};

/// How many ask at once, and how many requests they make in a round.
const CASES: [(usize, usize); 2] = [(1, 200), (16, 480)];
/// Rounds that count. One before them does not: it warms caches.
const ROUNDS: usize = 5;

pub(crate) async fn measure(engine: Engine) {
    let every: usize = CASES.iter().map(|(_, round)| round * (ROUNDS + 1)).sum();
    eprintln!("{}: a crowd is gathered", engine.as_str());
    let crowd = Crowd::gather(engine, every.div_ceil(PEOPLE), |it| it.approved).await;
    let mut pairs = crowd.pairs.clone().into_iter();
    for (callers, round) in CASES {
        let said = Said {
            bench: "request",
            case: format!("{}, {callers} at once", engine.as_str()),
        };
        let (mut bare, mut submitting, mut approving) = (0.0, 0.0, 0.0);
        for number in 0..=ROUNDS {
            let work: Vec<_> = pairs.by_ref().take(round).collect();
            assert_eq!(work.len(), round, "every request is for another pair");
            let plain = audited(&crowd.world, callers, round).await;
            let (asked, took) = submit(&crowd, callers, work).await;
            let decided = approve(&crowd, callers, asked).await;
            if number > 0 {
                bare += plain;
                submitting += took;
                approving += decided;
            }
        }
        let count = (round * ROUNDS) as f64;
        let against = count / bare;
        said.figure("submits_per_s", count / submitting, "1/s", against);
        said.figure("approvals_per_s", count / approving, "1/s", against);
    }
    done(&crowd, every).await;
    crowd.leave().await;
}

/// Each asks for one thing, whose policy wants one approval.
async fn submit(
    crowd: &Crowd,
    callers: usize,
    work: Vec<(String, EntitlementId)>,
) -> (Vec<RequestId>, f64) {
    let (sender, receiver) = std::sync::mpsc::channel();
    let work: Vec<(Cx, EntitlementId)> = (work.into_iter())
        .map(|(who, what)| (crowd.world.cx(&who), what))
        .collect();
    let took = seconds(callers, work, move |(cx, what)| {
        let sender = sender.clone();
        async move {
            let made = ask(&cx, what, Span::hours(1)).await;
            assert_eq!(made.state(), "pending");
            sender.send(made.id).unwrap();
        }
    })
    .await;
    (receiver.iter().collect(), took)
}

/// Bo approves each; with that the grant is open.
async fn approve(crowd: &Crowd, callers: usize, asked: Vec<RequestId>) -> f64 {
    let cx = crowd.world.cx("bo");
    seconds(callers, asked, move |id| {
        let cx = cx.clone();
        async move {
            let answered = stint_db::retrying(|| requests::approve(&cx, id, "fine")).await;
            assert_eq!(answered.expect("the approval counts").state(), "approved");
        }
    })
    .await
}

/// What was timed is there: every request with an open grant, and one unbroken chain.
async fn done(crowd: &Crowd, every: usize) {
    let cx = crowd.world.cx("cy");
    let filter = requests::Filter {
        state: Some("approved".to_owned()),
        ..requests::Filter::default()
    };
    let (mut found, mut cursor) = (0, None);
    loop {
        let paging = stint_server::http::Paging::after_cursor(200, cursor);
        let page = requests::list(&cx, &filter, &paging).await.unwrap();
        found += page.items.len();
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, every, "every request is approved");
    let report = audit::verify(&crowd.world.app().db).await;
    let events = report.expect("the audit log is one chain").events;
    eprintln!("{found} requests approved; {events} audit events verified");
}
