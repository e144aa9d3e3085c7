use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::*;
use crate::entitlement::EntitlementKey;
use crate::{ApplicationId, EntitlementId, Span, Time, UserId};

fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

fn group(n: u128) -> GroupId {
    GroupId(Uuid::from_u128(n))
}

fn person(n: u128, name: &str) -> Person {
    Person {
        id: user(n),
        name: name.to_owned(),
        email: format!("{}@example.com", name.to_lowercase()),
        department: None,
        title: None,
        manager: None,
        groups: BTreeSet::new(),
    }
}

fn tags(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    of.iter().map(own).collect()
}

fn thing() -> Thing {
    Thing {
        id: EntitlementId(Uuid::from_u128(7)),
        name: "Admin on prod".to_owned(),
        key: EntitlementKey::AccountAssignment {
            account: "111122223333".to_owned(),
            permission_set: "arn:aws:sso:::permissionSet/ssoins-1/ps-1".to_owned(),
        },
        account_name: Some("prod".to_owned()),
        lost: false,
        tags: Some(tags(&[("env", "prod"), ("Team", "payments")])),
        path: vec!["r-abcd".to_owned(), "ou-abcd-prod".to_owned()],
        permission_set: Some("Admin".to_owned()),
        group: None,
        application: ApplicationId(Uuid::from_u128(8)),
        application_name: "AWS".to_owned(),
        connection: "AWS Prod".to_owned(),
    }
}

/// A Monday, 08:30 in Berlin.
fn how() -> Circumstances {
    Circumstances {
        duration: Span::hours(2),
        start: None,
        for_group: false,
        now: "2027-03-29T06:30:00Z".parse().expect("a time"),
        zone: "Europe/Berlin".to_owned(),
    }
}

fn scene() -> Scene {
    let ana = Person {
        department: Some("Platform".to_owned()),
        manager: Some(user(2)),
        groups: BTreeSet::from([group(5)]),
        ..person(1, "Ana")
    };
    let bo = Person {
        title: Some("Lead".to_owned()),
        ..person(2, "Bo")
    };
    Scene::new(&ana, &ana, &[bo], &thing(), &how()).expect("one world")
}

fn rule(text: &str) -> Result<Compiled, Vec<Fault>> {
    Compiled::of(&Condition::new(text), About::Rule)
}

fn holds(text: &str) -> bool {
    let rule = rule(text).unwrap_or_else(|why| panic!("{text}: {why:?}"));
    rule.holds(&scene()).expect("answered")
}

#[test]
fn conditions_are_asked_about_people_things_and_times() {
    let group = group(5);
    for (text, is) in [
        ("context.minutes > 60", true),
        ("context.minutes > 120", false),
        ("context.hour == 8 && context.weekday == \"monday\"", true),
        ("context.now < datetime(\"2027-03-29T06:30:01Z\")", true),
        ("context.start == context.now", true),
        ("resource.name like \"* on prod\"", true),
        (
            "resource has account && resource.account == Account::\"111122223333\"",
            true,
        ),
        (
            "resource has account && resource.account in OrganizationalUnit::\"r-abcd\"",
            true,
        ),
        (
            "resource has account && resource.account in OrganizationalUnit::\"ou-other\"",
            false,
        ),
        (
            "resource has permission_set && resource.permission_set == \"Admin\"",
            true,
        ),
        (
            "principal has department && principal.department == \"Platform\"",
            true,
        ),
        ("principal has title", false),
        (
            "principal has manager && principal.manager has title && principal.manager.title == \"Lead\"",
            true,
        ),
        ("context.beneficiary == principal", true),
        (&format!("principal in Group::\"{group}\""), true),
        (
            &format!(
                "context.beneficiary in Group::\"{}\"",
                GroupId(Uuid::from_u128(6))
            ),
            false,
        ),
        ("resource.kind == \"group_membership\"", false),
        (
            "resource has account && resource.account.hasTag(\"env\") && resource.account.getTag(\"env\") == \"prod\"",
            true,
        ),
        (
            "resource has account && [\"payments\", \"web\"].contains(if resource.account.hasTag(\"Team\") then resource.account.getTag(\"Team\") else \"\")",
            true,
        ),
        (
            "resource has account && resource.account.hasTag(\"team\")",
            false,
        ),
    ] {
        assert_eq!(holds(text), is, "{text}");
    }
}

#[test]
fn what_is_wrong_is_said_where_it_stands() {
    let said = |text: &str| -> String {
        match rule(text) {
            Ok(_) => "fine".to_owned(),
            Err(faults) => faults.first().map(ToString::to_string).unwrap_or_default(),
        }
    };
    for (text, at, part) in [
        ("", "line 1, character 1", "says something"),
        ("context.minuts > 60", "line 1, character 1", "minuts"),
        (
            "context.minutes > 60 &&\n  principal.departmnt == \"x\"",
            "line 2, character 3",
            "departmnt",
        ),
        (
            "principal.department == \"x\"",
            "line 1, character 1",
            "optional attribute `department`",
        ),
        (
            "context.minutes > \"60\"",
            "line 1, character 1",
            "expected",
        ),
        (
            "context.minutes >",
            "line 1, character 18",
            "unexpected end",
        ),
        (
            "true }; permit(principal, action, resource) when { true",
            "line 1, character 6",
            "unexpected token",
        ),
        (
            "principal in Group::\"platform\"",
            "line 1, character 1",
            "named by its id",
        ),
        (
            "principal in Grup::\"grp_1\"",
            "line 1, character 1",
            "Grup",
        ),
        (
            "datetime(\"yesterday\") < context.now",
            "line 1, character 1",
            "yesterday",
        ),
        // A tag that may not be there is asked for first, and only accounts have any.
        (
            "context.hour > 1 &&\n  resource has account && resource.account.getTag(\"env\") == \"prod\"",
            "line 2, character",
            "tag",
        ),
        (
            "resource.getTag(\"env\") == \"prod\"",
            "line 1, character 1",
            "tag",
        ),
        (
            "resource has account && resource.account.hasTag(\"env\") && resource.account.getTag(\"env\") > 1",
            "line 1, character",
            "expected",
        ),
        (
            "resource.name == \"ä\" && context.minuts > 1",
            "line 1, character 25",
            "minuts",
        ),
    ] {
        let said = said(text);
        assert!(said.starts_with(at), "{text:?} at {at}: {said}");
        assert!(said.contains(part), "{text:?} says {part}: {said}");
    }
    let long = "true && ".repeat(400) + "true";
    assert!(said(&long).contains("at most"));
}

#[test]
fn a_question_that_cannot_be_answered_is_no_answer() {
    let rule = rule("context.minutes * 9223372036854775807 > 1").expect("checked");
    let why = rule.holds(&scene()).expect_err("an overflow");
    assert!(why.contains("overflow"), "{why}");
}

#[test]
fn a_candidate_is_who_it_is_about() {
    let lead = Compiled::of(
        &Condition::new(
            "principal has title && principal.title == \"Lead\" && principal != context.requester",
        ),
        About::Candidate,
    )
    .expect("checked");
    let scene = scene();
    let bo = Person {
        title: Some("Lead".to_owned()),
        ..person(2, "Bo")
    };
    let eve = person(9, "Eve");
    let asked = |who: &Person| {
        let scene = scene.with(std::slice::from_ref(who)).expect("one world");
        lead.holds_of(&scene, who.id).expect("answered")
    };
    assert!(asked(&bo));
    assert!(!asked(&eve));
}

#[test]
fn groups_are_named_by_their_ids_and_known() {
    let text = format!("principal in Group::\"{}\"", group(5));
    assert_eq!(rule(&text).expect("checked").groups(), [group(5)]);
}

#[test]
fn hours_are_those_of_the_zone() {
    assert!(super::scene::is_zone("America/New_York"));
    assert!(!super::scene::is_zone("Europe/Atlantis"));
    let at = |zone: &str, now: &str| {
        let how = Circumstances {
            zone: zone.to_owned(),
            now: now.parse::<Time>().expect("a time"),
            ..how()
        };
        let ana = person(1, "Ana");
        let scene = Scene::new(&ana, &ana, &[], &thing(), &how).expect("one world");
        let rule = rule("context.hour >= 9 && context.hour < 17").expect("checked");
        rule.holds(&scene).expect("answered")
    };
    // Before and after Berlin's clocks went forward on 28 March 2027.
    assert!(!at("Europe/Berlin", "2027-03-26T07:30:00Z"));
    assert!(at("Europe/Berlin", "2027-03-29T07:30:00Z"));
    assert!(!at("UTC", "2027-03-29T07:30:00Z"));
}

#[test]
fn nothing_is_nested_so_deeply_that_reading_it_ends_badly() {
    let deep = |n: usize| "(".repeat(n) + "true" + &")".repeat(n);
    assert!(rule(&deep(15)).is_ok());
    for text in [
        deep(990),
        "[".repeat(900),
        "if true then ".repeat(60) + "true" + &" else true".repeat(60),
    ] {
        let faults = rule(&text).expect_err("too deep");
        assert!(faults[0].message.contains("nested"), "{faults:?}");
    }
    // Long without being deep.
    assert!(rule(&("context.hour > 1 && ".repeat(90) + "true")).is_ok());
    assert!(rule(&("!".repeat(1_900) + "true")).is_err());
    assert!(rule(&("context".to_owned() + &".now".repeat(480))).is_err());
    // What the validator gives up on is not taken for checked.
    let late = "context.hour > 1 && ".repeat(95) + "context.minuts > 1";
    assert!(rule(&late).is_err());
    // What is quoted is no bracket.
    assert!(rule(&format!("resource.name == \"{}\\\"(\"", "(".repeat(100))).is_ok());
}

#[test]
fn what_a_catalog_asks_is_not_so_long_that_reading_it_ends_badly() {
    let of = |text: &str, about| Compiled::of(&Condition::new(text), about).map(drop);
    let many = |part: &str, n: usize| format!("{}false", part.repeat(n));
    let named = "resource.name == \"a\" || ";
    assert_eq!(of(&many(named, 80), About::Contents), Ok(()));
    for joined in ["true && ", "true || "] {
        let most = many(joined, (LONGEST - 5) / joined.len());
        for text in [many(joined, 101), most] {
            let faults = of(&text, About::Contents).expect_err("too much");
            assert!(faults[0].message.contains("joins"), "{faults:?}");
        }
        assert_eq!(of(&many(joined, 90), About::Contents), Ok(()), "{joined}");
        // On a stack as small as threads have, saved ones too.
        let small = std::thread::Builder::new().stack_size(1 << 20);
        let saved = many(joined, 90);
        let read = small
            .spawn(move || Compiled::saved(&Condition::new(&saved), About::Contents).map(drop));
        assert_eq!(read.expect("a thread").join().expect("no panic"), Ok(()));
    }
    let sum = |n: usize| format!("{}1 == 2", "1 + ".repeat(n));
    assert!(of(&sum(400), About::Contents).is_err());
    assert_eq!(of(&sum(90), About::Contents), Ok(()));
    // Of people it is not taken apart, and Cedar says when it is too much.
    let audience = many("principal.name == \"a\" || ", 70);
    assert_eq!(of(&audience, About::Audience), Ok(()));
    let quoted = format!("resource.name == \"{}\"", "&&||+".repeat(60));
    assert_eq!(of(&quoted, About::Contents), Ok(()));
}

#[test]
fn what_asks_for_a_unit_is_not_answered_while_it_is_not_known_where_the_account_is() {
    let lost = Thing {
        lost: true,
        path: Vec::new(),
        ..thing()
    };
    let beyond =
        "!(resource has account && resource.account in OrganizationalUnit::\"ou-abcd-prod\")";
    let asked = rule(beyond).expect("checked");
    let ana = person(1, "Ana");
    let of = |thing: &Thing| Scene::new(&ana, &ana, &[], thing, &how()).expect("one world");
    assert_eq!(asked.holds(&of(&thing())), Ok(false));
    let why = asked.holds(&of(&lost)).expect_err("not told");
    assert!(why.contains("not known where"), "{why}");
    assert!(asked.holds_of(&of(&lost), user(1)).is_err());
    // An account that is in no organization is in none of its units.
    let alone = Thing {
        lost: false,
        ..lost.clone()
    };
    assert_eq!(asked.holds(&of(&alone)), Ok(true));
    // A group is nowhere, known or not.
    let group = Thing {
        key: EntitlementKey::GroupMembership {
            group: "g-1".to_owned(),
        },
        ..lost.clone()
    };
    assert_eq!(asked.holds(&of(&group)), Ok(true));
    let contents = |text: &str| Compiled::of(&Condition::new(text), About::Contents).expect("ok");
    let (units, name) = (contents(beyond), contents("resource.name like \"Admin*\""));
    for (thing, holds) in [(&lost, [false, true]), (&alone, [true, true])] {
        let many = Many::things([thing]).expect("one world");
        assert_eq!(units.holds_of_each(&many), [holds[0]]);
        let found = Compiled::hold_of_things(&[&units, &name], &[thing]).expect("one world");
        assert_eq!(found, [[holds[0]], [holds[1]]]);
    }
}

#[test]
fn what_asks_for_tags_is_not_answered_while_they_are_not_known() {
    let unread = Thing {
        tags: None,
        ..thing()
    };
    let untagged = Thing {
        tags: Some(BTreeMap::new()),
        ..thing()
    };
    let other = "!(resource has account && resource.account.hasTag(\"env\") && resource.account.getTag(\"env\") == \"prod\")";
    let asked = rule(other).expect("checked");
    let ana = person(1, "Ana");
    let of = |thing: &Thing| Scene::new(&ana, &ana, &[], thing, &how()).expect("one world");
    assert_eq!(asked.holds(&of(&thing())), Ok(false));
    // That there is none is an answer; that nobody has looked is not.
    assert_eq!(asked.holds(&of(&untagged)), Ok(true));
    let why = asked.holds(&of(&unread)).expect_err("not told");
    assert!(why.contains("tags of the account are not known"), "{why}");
    assert!(asked.holds_of(&of(&unread), user(1)).is_err());
    assert!(asked.leaves_open(&unread) && !asked.leaves_open(&untagged));
    // What does not ask for tags is told all the same, and so is what is on no account.
    let name = rule("resource.name like \"Admin*\"").expect("checked");
    assert_eq!(name.holds(&of(&unread)), Ok(true));
    assert!(!name.leaves_open(&unread));
    let group = Thing {
        key: EntitlementKey::GroupMembership {
            group: "g-1".to_owned(),
        },
        ..unread.clone()
    };
    assert_eq!(asked.holds(&of(&group)), Ok(true));
    let contents = |text: &str| Compiled::of(&Condition::new(text), About::Contents).expect("ok");
    let saved = Compiled::saved(&Condition::new(other), About::Contents).expect("saved");
    let (tags, name) = (contents(other), contents("resource.name like \"Admin*\""));
    for (thing, holds) in [(&unread, [false, true]), (&untagged, [true, true])] {
        let many = Many::things([thing]).expect("one world");
        assert_eq!(tags.holds_of_each(&many), [holds[0]]);
        assert_eq!(saved.holds_of_each(&many), [holds[0]]);
        let found = Compiled::hold_of_things(&[&tags, &name, &saved], &[thing]);
        assert_eq!(
            found.expect("one world"),
            [[holds[0]], [holds[1]], [holds[0]]]
        );
    }
    // However it is written.
    for text in [
        "resource has account && resource.account . hasTag ( \"env\" )",
        "resource has account && // its \"tags\n resource.account.hasTag(\"env\")",
    ] {
        assert!(contents(text).leaves_open(&unread), "{text}");
    }
}

#[test]
fn one_text_whoever_sends_it() {
    assert_eq!(Condition::new(" a &&\r\nb\r\n"), Condition::new("a &&\nb"));
}

#[test]
fn a_minute_that_was_begun_counts() {
    let how = Circumstances {
        duration: Span::seconds(3_601),
        ..how()
    };
    let ana = person(1, "Ana");
    let scene = Scene::new(&ana, &ana, &[], &thing(), &how).expect("one world");
    let rule = rule("context.minutes > 60").expect("checked");
    assert_eq!(rule.holds(&scene), Ok(true));
}

#[test]
fn that_somebody_has_a_manager_is_known_of_candidates_too() {
    let heads = Compiled::of(
        &Condition::new("!(principal has manager)"),
        About::Candidate,
    );
    let heads = heads.expect("checked");
    let eve = Person {
        manager: Some(user(77)),
        ..person(9, "Eve")
    };
    let scene = scene().with(std::slice::from_ref(&eve)).expect("one world");
    assert_eq!(heads.holds_of(&scene, eve.id), Ok(false));
    let of = Compiled::of(
        &Condition::new("principal has manager && principal.manager has title"),
        About::Candidate,
    );
    // Nothing is known of whoever that is.
    assert!(of.expect("checked").holds_of(&scene, eve.id) != Ok(true));
}
