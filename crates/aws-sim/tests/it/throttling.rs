//! Throttling by itself: every service in its own words, each account by itself, and clients
//! that get through all the same.

use std::time::Duration;

use aws_sdk_sts::config::StalledStreamProtectionConfig;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, Sleep};
use aws_smithy_types::retry::RetryConfig;
use serde_json::json;
use stint_aws_sim::{Answered, Effect, Fault, Gate, Rate, SimClock, Throttling};

use crate::control::ask;
use crate::rig::{Clients, Rig, SECOND, both, code, long_term, refusal, small};

fn throttled(rig: &Rig) {
    rig.sim
        .knobs(|knobs| knobs.throttling = Throttling::of_aws());
}

/// Calls until one is refused; gives how many were taken and what the refusal was.
async fn until_refused<T, E, F>(mut call: impl FnMut() -> F) -> (usize, (u16, String, String))
where
    F: Future<
        Output = Result<
            T,
            aws_smithy_runtime_api::client::result::SdkError<
                E,
                aws_smithy_runtime_api::client::orchestrator::HttpResponse,
            >,
        >,
    >,
    E: aws_smithy_types::error::metadata::ProvideErrorMetadata + std::fmt::Debug,
{
    for taken in 0..2_000 {
        match call().await {
            Ok(_) => {}
            refused => return (taken, refusal(refused)),
        }
    }
    panic!("never refused");
}

fn said(code: &str, message: &str) -> (u16, String, String) {
    (400, code.to_owned(), message.to_owned())
}

both!(each_service_throttles_in_its_own_words, small(), |rig| {
    throttled(&rig);
    let admin = rig.admin();
    let store = &rig.facts.identity_store_id;
    let rate = said("ThrottlingException", "Rate exceeded");

    // Twenty a second for all of Identity Center (AWS reference §2 [D]).
    let instances = || admin.sso.list_instances().send();
    assert_eq!(until_refused(instances).await, (20, rate.clone()));
    let sets = admin.sso.list_permission_sets();
    let sets = || sets.clone().instance_arn(&rig.facts.instance_arn).send();
    assert_eq!(code(sets().await), "ThrottlingException");
    rig.clock.advance(SECOND / 2);
    assert_eq!(until_refused(sets).await, (10, rate.clone()));

    let users = || admin.store.list_users().identity_store_id(store).send();
    assert_eq!(until_refused(users).await, (20, rate));

    // IAM counts operation by operation, and reads apart from writes.
    let refused = said("Throttling", "Rate exceeded");
    let list = || admin.iam.list_users().send();
    assert_eq!(until_refused(list).await, (15, refused.clone()));
    let mut n = 0;
    let create = || {
        n += 1;
        admin
            .iam
            .create_user()
            .user_name(format!("user-{n}"))
            .send()
    };
    assert_eq!(until_refused(create).await, (3, refused.clone()));
    assert!(admin.iam.list_groups().send().await.is_ok());
    let user = admin.iam.get_user().user_name("user-4").send().await;
    assert_eq!(code(user), "NoSuchEntity", "a refused call changes nothing");
    // One known to be tighter.
    let arn = format!("arn:aws:iam::{}:user/user-1", rig.facts.management_account);
    let job = || {
        let job = admin.iam.generate_service_last_accessed_details();
        job.arn(&arn).send()
    };
    assert_eq!(until_refused(job).await, (2, refused.clone()));

    let (taken, (status, code, _)) =
        until_refused(|| admin.organizations.list_roots().send()).await;
    assert_eq!(
        (taken, status, code.as_str()),
        (5, 400, "TooManyRequestsException")
    );

    let who = || admin.sts.get_caller_identity().send();
    assert_eq!(until_refused(who).await, (600, refused));

    let journal = rig.sim.journal();
    let last = journal.last().unwrap();
    assert_eq!(last.weather, ["rate"]);
    assert_eq!(last.fault, None);
    let answer = Answered::Error {
        status: 400,
        code: "Throttling".to_owned(),
    };
    assert_eq!(last.answer, answer);
    let met = journal.iter().filter(|call| !call.weather.is_empty());
    assert_eq!(met.count(), 9);
});

both!(
    accounts_and_regions_have_buckets_of_their_own,
    small(),
    |rig| {
        throttled(&rig);
        let slow = Some(Rate::every_second(2));
        rig.sim.knobs(|knobs| {
            knobs.throttling.sts = slow;
            knobs.throttling.iam_reads = slow;
        });
        let (admin, host) = (rig.admin(), rig.host());
        let who = |clients: &Clients| clients.sts.get_caller_identity().send();
        let by_admin = || who(&admin);
        assert_eq!(until_refused(by_admin).await.0, 2);
        // The host is in another account, and STS counts against the caller's.
        assert!(who(&host).await.is_ok());
        // Of the same account, whoever calls takes from the same bucket.
        let other = rig.connector_user();
        assert_eq!(code(who(&other).await), "Throttling");
        // STS is there in every Region by itself; IAM is one for all.
        let elsewhere = |clients: &str| {
            let config = rig.config(long_term(&rig.facts.admin), false).to_builder();
            let region = aws_sdk_sts::config::Region::new(clients.to_owned());
            config.region(region).build()
        };
        let ireland = elsewhere("eu-west-1");
        let ireland_sts = aws_sdk_sts::Client::new(&ireland);
        assert!(ireland_sts.get_caller_identity().send().await.is_ok());
        let groups = || admin.iam.list_groups().send();
        assert_eq!(until_refused(groups).await.0, 2);
        let iam = aws_sdk_iam::Client::new(&ireland);
        assert_eq!(code(iam.list_groups().send().await), "Throttling");
        // Who is not known takes nothing from anybody.
        rig.clock.advance(SECOND);
        let nobody = rig.clients(crate::rig::keyed("AKIANOBODY", "x", None), false);
        for _ in 0..5 {
            assert_eq!(code(who(&nobody).await), "InvalidClientTokenId");
        }
        assert!(who(&admin).await.is_ok());
    }
);

both!(organizations_takes_two_calls_at_once, small(), |rig| {
    throttled(&rig);
    let (admin, gate) = (rig.admin(), Gate::new());
    let held = Fault::on("organizations:*").first(2);
    rig.sim.faults().add(held, Effect::Hold(gate.clone()));
    let roots = || {
        let organizations = admin.organizations.clone();
        async move { organizations.list_roots().send().await }
    };
    let first = tokio::spawn(roots());
    gate.arrived().await;
    let second = tokio::spawn(roots());
    gate.arrived().await;
    let (status, code, words) = refusal(roots().await);
    assert_eq!((status, code.as_str()), (400, "TooManyRequestsException"));
    assert!(
        words.contains("another request is already in progress"),
        "{words}"
    );
    assert_eq!(rig.sim.journal().last().unwrap().weather, ["at_once"]);
    // Other services are none of its business, and who was there first is served.
    assert!(admin.iam.list_users().send().await.is_ok());
    gate.release();
    gate.release();
    assert!(first.await.unwrap().is_ok() && second.await.unwrap().is_ok());
    assert!(roots().await.is_ok());
});

both!(without_being_told_nothing_is_throttled, small(), |rig| {
    let admin = rig.admin();
    for _ in 0..50 {
        assert!(admin.organizations.list_roots().send().await.is_ok());
    }
});

both!(the_store_says_when_to_come_back, small(), |rig| {
    throttled(&rig);
    rig.sim.knobs(|knobs| {
        knobs.throttling.identitystore = Some(Rate {
            per_second: 0.1,
            burst: 1,
        });
    });
    let admin = rig.admin();
    let users = || {
        let users = admin.store.list_users();
        users.identity_store_id(&rig.facts.identity_store_id).send()
    };
    users().await.unwrap();
    rig.clock.advance(3 * SECOND);
    let refused = users().await.unwrap_err().into_service_error();
    let aws_sdk_identitystore::operation::list_users::ListUsersError::ThrottlingException(refused) =
        refused
    else {
        panic!("throttled");
    };
    assert_eq!(refused.retry_after_seconds(), 7);
    rig.clock.advance(7 * SECOND);
    users().await.unwrap();
});

const BACKOFF: Duration = Duration::from_secs(2);

/// Between two tries it sleeps by moving the clock; longer sleeps are its patience, which is endless.
#[derive(Debug)]
struct Moving(SimClock);

impl AsyncSleep for Moving {
    fn sleep(&self, duration: Duration) -> Sleep {
        if duration > BACKOFF {
            return Sleep::new(std::future::pending());
        }
        self.0
            .advance(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX));
        Sleep::new(async {})
    }
}

both!(the_sdks_own_retries_get_through, small(), |rig| {
    throttled(&rig);
    rig.sim.knobs(|knobs| {
        let one = Some(Rate::every_second(1));
        (knobs.throttling.organizations, knobs.throttling.iam_writes) = (one, one);
    });
    let config = rig.config(long_term(&rig.facts.admin), false).to_builder();
    let config = config
        .sleep_impl(SharedAsyncSleep::new(Moving(rig.clock.clone())))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(20)
                .with_initial_backoff(Duration::from_millis(100))
                .with_max_backoff(BACKOFF),
        )
        .build();
    let organizations = aws_sdk_organizations::Client::new(&config);
    for _ in 0..15 {
        organizations.list_roots().send().await.expect("in the end");
    }
    let iam = aws_sdk_iam::Client::new(&config);
    for n in 0..5 {
        let name = format!("user-{n}");
        iam.create_user().user_name(&name).send().await.unwrap();
    }
    // No more than one gets through at once, however long the SDK waited.
    let throttled = rig.sim.journal();
    let throttled = throttled.iter().filter(|call| call.weather == ["rate"]);
    let refused = throttled.count();
    assert!(refused >= 14 + 4, "{refused}");
});

#[tokio::test]
async fn rates_are_turned_from_outside() {
    let rig = Rig::over_tcp(small()).await;
    let on = json!({ "throttling": { "on": true, "sso": { "per_second": 0.5, "burst": 3 }, "sts": null } });
    let (status, after) = ask(&rig, "PATCH /_sim/knobs", &on.to_string()).await;
    assert_eq!(status, 200, "{after}");
    assert_eq!(
        after["throttling"]["sso"],
        json!({ "per_second": 0.5, "burst": 3 })
    );
    assert_eq!(after["throttling"]["sts"], json!(null));
    // What was not named stays.
    assert_eq!(
        after["throttling"]["organizations"],
        json!({ "per_second": 5.0, "burst": 5 })
    );
    let admin = rig.admin();
    let (taken, _) = until_refused(|| admin.sso.list_instances().send()).await;
    assert_eq!(taken, 3);
    let (_, journal) = ask(&rig, "GET /_sim/journal?after=3", "").await;
    assert_eq!(journal["calls"][0]["weather"], json!(["rate"]));
    for (wrong, why) in [
        (
            json!({ "throttling": { "sso": { "per_second": -1.0 } } }),
            "per_second",
        ),
        (json!({ "throttling": { "sso": { "burst": 0 } } }), "burst"),
        (
            json!({ "throttling": { "ec2": null } }),
            "unknown field `ec2`",
        ),
        (
            json!({ "throttling": { "sso": 20 } }),
            "expected struct Rate",
        ),
    ] {
        let (status, told) = ask(&rig, "PATCH /_sim/knobs", &wrong.to_string()).await;
        assert_eq!(status, 400, "{wrong}");
        let words = told["error"].as_str().unwrap();
        assert!(words.contains(why), "{words}");
    }
}
