//! Contents and audience by condition.

use stint_domain::condition::Condition;

use super::*;

fn rule(name: &str, when: &str) -> ContentRule {
    ContentRule {
        name: name.to_owned(),
        when: Condition::new(when),
    }
}

fn ruled(name: &str, rules: Rules) -> NewCatalog {
    NewCatalog {
        name: name.to_owned(),
        rules,
        ..NewCatalog::default()
    }
}

/// What is offered, and for how long at most.
async fn lengths(house: &House, user: &User) -> Vec<(String, Span)> {
    let found = offers(&house.by(user), "", &Paging::default()).await;
    let items = found.expect("offers").page.items.into_iter();
    items
        .map(|it| (it.entitlement.name, it.max_duration))
        .collect()
}

#[tokio::test]
async fn who_waits_for_what_is_on_offer_leaves_the_database_to_others() {
    let house = House::new().await;
    let ana = house.user("Ana", &[]).await;
    let devs = house.group("Devs", &[&ana]).await;
    let estate = house.connection().await;
    let auto = policy(&house, "Auto", body(vec![])).await;
    let rules = Rules {
        contents: vec![rule("All", "true")],
        terms: Some(DefaultTerms {
            policy: auto,
            max_duration: None,
            until_revoked: false,
        }),
        ..Rules::default()
    };
    let new = NewCatalog {
        audience: [devs].into(),
        ..ruled("All", rules)
    };
    create(&house.system(), new).await.expect("created");
    house.entitlement(estate, "ReadOnly").await;
    let cx = house.by(&ana);
    let turn = super::super::stock::turn(&cx).await;
    let waiting = (0..40).map(|_| {
        let cx = cx.clone();
        tokio::spawn(async move { offers(&cx, "", &Paging::default()).await })
    });
    let waiting: Vec<_> = waiting.collect();
    let long = std::time::Duration::from_millis(300);
    let _ = tokio::time::timeout(long, std::future::pending::<()>()).await;
    for _ in 0..5 {
        let reader = tokio::time::timeout(std::time::Duration::from_secs(5), cx.read()).await;
        reader.expect("one is free").expect("a reader");
    }
    drop(turn);
    for one in waiting {
        assert_eq!(one.await.expect("no panic").expect("offers").total, 1);
    }
}

/// #62, #63, #64: one condition instead of a row for each account, and no edit for a new one.
#[tokio::test]
async fn what_comes_tomorrow_is_covered_without_an_edit() {
    let house = House::new().await;
    let ana = house.user("Ana", &[]).await;
    let bo = house.user("Bo", &[]).await;
    let devs = house.group("Devs", &[&ana]).await;
    let estate = house.connection().await;
    house.entitlement(estate, "ReadOnly on dev").await;
    house.entitlement(estate, "Admin on dev").await;
    let cx = house.system();
    let auto = policy(&house, "Auto", body(vec![])).await;
    let rules = Rules {
        contents: vec![rule("Readers", "resource.name like \"ReadOnly*\"")],
        terms: Some(DefaultTerms {
            policy: auto,
            max_duration: Some(Span::hours(1)),
            until_revoked: false,
        }),
        ..Rules::default()
    };
    let new = NewCatalog {
        audience: [devs].into(),
        ..ruled("Readers", rules)
    };
    let catalog = create(&cx, new).await.expect("created");
    let hour = |name: &str| (name.to_owned(), Span::hours(1));
    assert_eq!(lengths(&house, &ana).await, [hour("ReadOnly on dev")]);
    let new = house.entitlement(estate, "ReadOnly on new").await;
    assert_eq!(
        lengths(&house, &ana).await,
        [hour("ReadOnly on dev"), hour("ReadOnly on new")]
    );
    assert!(offer(&house.by(&ana), new).await.is_ok());
    assert_eq!(
        offer(&house.by(&bo), new).await.expect_err("hidden").code(),
        "not_found"
    );
    assert!(names(&house, &bo, "").await.is_empty());
    // Its own access control wins, whatever the catalog says.
    set_access_control(&cx, new, auto, Some(Span::hours(3)), None)
        .await
        .expect("set");
    assert_eq!(lengths(&house, &ana).await[1].1, Span::hours(3));
    let one = offer(&house.by(&ana), new).await.expect("offered");
    assert_eq!(one.max_duration, Span::hours(3));
    house.entitlement_gone(new).await;
    assert_eq!(lengths(&house, &ana).await, [hour("ReadOnly on dev")]);
    assert!(offer(&house.by(&ana), new).await.is_err());
    // Without terms, what has no access control of its own cannot be asked for.
    let change = Change {
        terms: Some(None),
        ..Change::default()
    };
    update(&cx, catalog.id, change, None)
        .await
        .expect("changed");
    assert!(lengths(&house, &ana).await.is_empty());
    let (held, by_rule) = count_matched(&cx, catalog.id).await.expect("counted");
    assert_eq!((held, by_rule), (1, vec![1]));
    house.verified().await;
}

#[tokio::test]
async fn an_audience_is_what_people_are_now() {
    let house = House::new().await;
    let ana = house.user("Ana", &[]).await;
    let bo = house.user("Bo", &[]).await;
    let estate = house.connection().await;
    let id = house.entitlement(estate, "ReadOnly on dev").await;
    let cx = house.system();
    let auto = policy(&house, "Auto", body(vec![])).await;
    let rules = Rules {
        audience_when: Some(Condition::new(
            "principal has department && principal.department == \"Platform\"",
        )),
        terms: Some(DefaultTerms {
            policy: auto,
            max_duration: None,
            until_revoked: false,
        }),
        ..Rules::default()
    };
    let catalog = create(&cx, ruled("Platform", rules))
        .await
        .expect("created");
    add(&cx, catalog.id, &[id]).await.expect("added");
    assert!(names(&house, &ana, "").await.is_empty());
    house.department(&ana, Some("Platform")).await;
    assert_eq!(names(&house, &ana, "").await, ["ReadOnly on dev"]);
    assert!(offer(&house.by(&ana), id).await.is_ok());
    assert!(names(&house, &bo, "").await.is_empty());
    assert!(offer(&house.by(&bo), id).await.is_err());
    let judged = judge(&cx, catalog.id, Some(id), Some(ana.id)).await;
    let judged = judged.expect("judged");
    assert!(judged.holds && judged.person.is_some_and(|it| it.sees));
    assert_eq!(
        judged.offered,
        Some((true, vec![(catalog.id, "Platform".to_owned())]))
    );
    let judged = judge(&cx, catalog.id, Some(id), Some(bo.id)).await;
    assert_eq!(judged.expect("judged").offered, Some((false, vec![])));
    house.department(&ana, None).await;
    assert!(names(&house, &ana, "").await.is_empty());
    assert!(offer(&house.by(&ana), id).await.is_err());
}

/// #62: the same group in two catalogs. Which of them says how, is said.
#[tokio::test]
async fn of_two_catalogs_the_one_with_the_lower_rank_says_how() {
    let house = House::new().await;
    let ana = house.user("Ana", &[]).await;
    let devs = house.group("Devs", &[&ana]).await;
    let others = house.group("Others", &[]).await;
    let estate = house.connection().await;
    let id = house.entitlement(estate, "ReadOnly on dev").await;
    let cx = house.system();
    let auto = policy(&house, "Auto", body(vec![])).await;
    let mut catalogs = Vec::new();
    for (name, hours, rank, group) in [
        ("Older", 1, RANK, devs),
        ("Newer", 2, RANK, devs),
        ("First", 3, 1, others),
    ] {
        let rules = Rules {
            contents: vec![rule("All", "true")],
            terms: Some(DefaultTerms {
                policy: auto,
                max_duration: Some(Span::hours(hours)),
                until_revoked: false,
            }),
            rank,
            ..Rules::default()
        };
        let new = NewCatalog {
            audience: [group].into(),
            ..ruled(name, rules)
        };
        catalogs.push(create(&cx, new).await.expect("created").id);
    }
    let both = async || {
        let one = offer(&house.by(&ana), id).await.expect("offered");
        let all = lengths(&house, &ana).await;
        assert_eq!(all, [("ReadOnly on dev".to_owned(), one.max_duration)]);
        one.max_duration
    };
    // The one she does not see says nothing about her.
    assert_eq!(both().await, Span::hours(1));
    let change = |rank| Change {
        rank: Some(rank),
        ..Change::default()
    };
    update(&cx, catalogs[1], change(5), None)
        .await
        .expect("changed");
    assert_eq!(both().await, Span::hours(2));
    house.join(&cx, others, ana.id).await;
    assert_eq!(both().await, Span::hours(3));
    // One that says nothing leaves it to the next.
    let silent = Change {
        terms: Some(None),
        ..Change::default()
    };
    update(&cx, catalogs[2], silent, None)
        .await
        .expect("changed");
    assert_eq!(both().await, Span::hours(2));
}

#[tokio::test]
async fn what_cannot_be_saved_is_said_at_its_field_and_place() {
    let house = House::new().await;
    let cx = house.system();
    let nobody: GroupId = house.app.new_id();
    let rules = Rules {
        contents: vec![
            rule("Typo", "resource.name ==\n  resource.nam"),
            rule("Person", "principal.department == \"x\""),
            rule("Person", "resource.permission_set == \"x\""),
            rule("", "context.minutes > 1"),
        ],
        audience_when: Some(Condition::new(&format!(
            "principal in\nGroup::\"{nobody}\""
        ))),
        terms: Some(DefaultTerms {
            policy: house.app.new_id(),
            max_duration: Some(Span::seconds(1)),
            until_revoked: false,
        }),
        rank: 0,
    };
    let Err(Error::Rules(faults)) = create(&cx, ruled("Bad", rules)).await else {
        panic!("it was saved");
    };
    let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let said = said.join("\n").replace(&nobody.to_string(), "grp_");
    for part in [
        "contents[0].when: line 2, character 3: attribute `nam`",
        "contents[1].when: line 1, character 1: attribute `department` on entity type `Catalog` not found",
        "contents[2].name: another condition of this catalog has this name",
        "contents[2].when: line 1, character 1: unable to guarantee safety of access to optional attribute `permission_set`",
        "contents[3].name: a name has 1 to 80",
        "contents[3].when: line 1, character 1: attribute `minutes`",
        "audience_when: line 2, character 9: it names grp_, which does not exist",
        "default_terms.policy: there is no policy",
        "default_terms.max_duration_seconds: the longest duration must be at least 1 min",
        "rank: a rank is 1 to 1000",
    ] {
        assert!(said.contains(part), "{part}\nis not in\n{said}");
    }
    let many = Rules {
        contents: (0..17).map(|n| rule(&n.to_string(), "true")).collect(),
        ..Rules::default()
    };
    let error = create(&cx, ruled("Many", many)).await.expect_err("17");
    assert_eq!(error.code(), "too_many_rules");
}

#[tokio::test]
async fn what_conditions_would_be_true_of_is_said_before_they_are_saved() {
    let house = House::new().await;
    let ana = house.user("Ana", &[]).await;
    house.user("Bo", &[]).await;
    house.department(&ana, Some("Platform")).await;
    let estate = house.connection().await;
    for n in 0..12 {
        house.entitlement(estate, &format!("Admin on {n:02}")).await;
    }
    let rules = Rules {
        contents: vec![
            rule("Some", "resource.name like \"* on 0*\""),
            rule("None", "resource has account"),
        ],
        audience_when: Some(Condition::new("principal has department")),
        ..Rules::default()
    };
    let found = check(&house.system(), &rules).await.expect("checked");
    assert!(found.faults.is_empty(), "{:?}", found.faults);
    assert_eq!(
        (found.contents[0].count, found.contents[0].first.len()),
        (10, 8)
    );
    assert_eq!(found.contents[0].first[0], "Admin on 00");
    assert_eq!(
        (found.contents[1].count, found.contents[1].first.len()),
        (0, 0)
    );
    let audience = found.audience.expect("asked");
    assert_eq!(
        (audience.count, audience.first),
        (1, vec!["Ana".to_owned()])
    );
}

#[tokio::test]
async fn everything_a_catalog_holds_is_listed_with_why() {
    let house = House::new().await;
    let estate = house.connection().await;
    let cx = house.system();
    let mut ids = Vec::new();
    for name in ["a reader", "b admin", "c reader"] {
        ids.push(house.entitlement(estate, name).await);
    }
    let rules = Rules {
        contents: vec![
            rule("Readers", "resource.name like \"*reader\""),
            rule("A", "resource.name like \"a*\""),
        ],
        ..Rules::default()
    };
    let id = create(&cx, ruled("Mixed", rules))
        .await
        .expect("created")
        .id;
    add(&cx, id, &ids[..2]).await.expect("added");
    let list = async |filter: ContentFilter, paging: Paging| {
        let (page, total) = contents(&cx, id, &filter, &paging).await.expect("listed");
        let rows: Vec<String> = (page.items.iter())
            .map(|it| {
                format!(
                    "{} {} {}",
                    it.entitlement.name,
                    it.listed,
                    it.rules.join("+")
                )
            })
            .collect();
        (rows, total, page.next)
    };
    let (all, total, _) = list(ContentFilter::default(), Paging::default()).await;
    assert_eq!(
        all,
        [
            "a reader true Readers+A",
            "b admin true ",
            "c reader false Readers"
        ]
    );
    assert_eq!(total, 3);
    let down = ContentFilter {
        sort: Some("-name".into()),
        rule: Some(0),
        ..ContentFilter::default()
    };
    let (first, total, next) = list(down.clone(), Paging::first(1)).await;
    assert_eq!(
        (first, total),
        (vec!["c reader false Readers".to_owned()], 2)
    );
    let (second, _, next) = list(down, Paging::after_cursor(1, next)).await;
    assert_eq!((second.len(), next), (1, None));
    assert!(second[0].starts_with("a reader"));
    let found = catalogs_with(&cx, ids[2]).await.expect("found");
    assert_eq!(found.iter().map(|it| it.id).collect::<Vec<_>>(), [id]);
}
