//! Emergency access on the pages: a policy for it, the choice of it, asking, raising, reviewing.

use stint_domain::Span;
use stint_testkit::both_engines;

use super::{button, filled, goes, send, sound};

both_engines! {
    async fn a_policy_for_emergencies_is_made_chosen_asked_under_raised_to_and_reviewed(world) {
        let there = world.organize().await;
        let what = there.entitlement(&world, "prod-payments", "prod-admin").await;
        there.offer(&world, what, there.approved).await;
        let cy = world.in_browser("cy").await;
        let new = "/policies/new";
        let page = sound(cy.get(new).await, 200);
        let typed = [("name", "Break glass"), ("route", "auto"), ("emergency", "yes"), ("max", "1"), ("max.unit", "hours")];
        let page = sound(send(&cy, new, &page, &typed).await, 422);
        assert!(page.contains("id=\"tell-mistake\"") && page.contains("Name at least one group"), "{page}");
        let page = sound(send(&cy, new, &page, &[("tell.q", "plat")]).await, 200);
        let add = button(&page, "tell.add:", "Platform");
        let page = sound(send(&cy, new, &page, &[("do", &add)]).await, 200);
        let wrong = sound(send(&cy, new, &page, &[("within", "31"), ("within.unit", "days")]).await, 422);
        assert!(wrong.contains("id=\"within-mistake\""), "{wrong}");
        // A box for the reason that is not ticked says nothing: emergencies always need one.
        let fields = filled(&page, &[]);
        let fields: Vec<(&str, &str)> = fields.iter().filter(|(name, _)| name != "reason").map(|(k, v)| (&**k, &**v)).collect();
        let place = goes(cy.form(new, &fields).await);
        let page = sound(cy.get(&place).await, 200);
        assert!(page.contains("the members of Platform are told at once") && page.contains("within 3 d"), "{page}");
        assert!(page.contains("<dt>Reason</dt><dd>needed</dd>"), "{page}");
        assert!(sound(cy.get("/policies").await, 200).contains("for emergencies: approved at once"));
        let edit = format!("{place}/edit");
        let page = sound(cy.get(&edit).await, 200);
        assert!(page.contains("type=\"hidden\" name=\"emergency\"") && !page.contains("type=\"checkbox\" id=\"emergency\""), "{page}");
        let changed = [("within", "1"), ("within.unit", "days")];
        assert_eq!(goes(send(&cy, &edit, &page, &changed).await), place);
        let ordinary = format!("/policies/{}/edit", there.approved);
        assert!(!sound(cy.get(&ordinary).await, 200).contains("name=\"tell.q\""));

        // It is chosen beside the ordinary one, and offered as nothing else.
        let policy = place.trim_start_matches("/policies/").to_owned();
        let control = format!("/catalogs/{}/entitlements/{what}", there.catalog);
        let page = sound(cy.get(&control).await, 200);
        let select = page.split("<select ").find(|it| it.contains("name=\"policy\"")).expect("policies");
        assert!(!select.split("</select>").next().expect("its end").contains("Break glass"), "{page}");
        let longer = sound(send(&cy, &control, &page, &[("emergency", &policy), ("max", "30"), ("max.unit", "minutes")]).await, 422);
        assert!(longer.contains("id=\"emergency-mistake\""), "{longer}");
        goes(send(&cy, &control, &page, &[("emergency", &policy)]).await);

        let ana = world.in_browser("ana").await;
        let ask = format!("/request/{what}");
        let page = sound(ana.get(&ask).await, 200);
        let way_in = format!("{ask}?emergency=yes");
        assert!(page.contains(&way_in) && page.contains("Is it an emergency?"), "{page}");
        assert!(page.contains("From when?"), "{page}");
        let page = sound(ana.get(&way_in).await, 200);
        assert!(page.contains("One person is told at once") && page.contains("Ask for emergency access"), "{page}");
        let page = sound(send(&ana, &ask, &page, &[]).await, 422);
        assert!(page.contains("id=\"reason-mistake\"") && page.contains("Ask for emergency access"), "{page}");
        // It begins at once: the form does not ask from when, and says so to whom it is sent with a start.
        assert!(!page.contains("From when?"), "{page}");
        let tomorrow = (world.now() + Span::hours(24)).to_string();
        let planned = [("emergency", "yes"), ("duration", "3600"), ("reason", "down"), ("when", "later"), ("start", &tomorrow[..16])];
        let wrong = sound(ana.form(&ask, &planned).await, 422);
        assert!(wrong.contains("id=\"start-mistake\""), "{wrong}");
        let request = goes(send(&ana, &ask, &page, &[("reason", "the gateway is down")]).await);
        let page = sound(ana.get(&request).await, 200);
        assert!(page.contains("Emergency</span>") && page.contains("Emergency review"), "{page}");
        let list = sound(ana.get("/requests?emergency=yes").await, 200);
        assert!(list.contains("st-chip soon"), "{list}");
        assert!(!sound(ana.get("/requests?emergency=no").await, 200).contains("st-chip soon"));

        // A request that waits is raised; both say so.
        let old = world.ask("ana", what, Span::hours(2)).await;
        let place = format!("/requests/{old}");
        let raise = format!("{place}/raise");
        assert!(sound(ana.get(&place).await, 200).contains(&raise));
        let page = sound(ana.get(&raise).await, 200);
        let wrong = sound(send(&ana, &raise, &page, &[("length", "3"), ("length.unit", "hours"), ("reason", "")]).await, 422);
        assert!(wrong.contains("id=\"length-mistake\"") && wrong.contains("id=\"reason-mistake\""), "{wrong}");
        let raised = goes(send(&ana, &raise, &page, &[("reason", "worse now")]).await);
        assert_ne!(raised, place);
        let page = sound(ana.get(&raised).await, 200);
        assert!(page.contains("Raised from") && page.contains(&place), "{page}");
        let page = sound(ana.get(&place).await, 200);
        assert!(page.contains("Raised to") && page.contains(&raised) && !page.contains(&raise), "{page}");
        assert_eq!(goes(ana.get(&raise).await), raised);

        // Bo, who was told, says what he thinks of it.
        let bo = world.in_browser("bo").await;
        assert!(sound(bo.get("/").await, 200).contains("2 emergency reviews to close"));
        let list = sound(bo.get("/emergency-reviews").await, 200);
        let review = request.replace("/requests/", "/emergency-reviews/");
        assert!(list.contains(&review) && list.contains("the gateway is down"), "{list}");
        let page = sound(ana.get(&review).await, 200);
        assert!(page.contains("This review is about what you asked for") && !page.contains("Close the review"), "{page}");
        let close = format!("{review}/close");
        goes(ana.form(&close, &[("verdict", "justified"), ("note", "fine")]).await);
        assert!(sound(ana.get(&review).await, 200).contains("hourglass"));
        let page = sound(bo.get(&review).await, 200);
        let wrong = sound(send(&bo, &close, &page, &[("note", "I saw it")]).await, 422);
        assert!(wrong.contains("id=\"verdict-mistake\"") && wrong.contains("I saw it"), "{wrong}");
        let wrong = sound(send(&bo, &close, &page, &[("verdict", "not_justified")]).await, 422);
        assert!(wrong.contains("id=\"note-mistake\""), "{wrong}");
        let done = goes(send(&bo, &close, &wrong, &[("verdict", "not_justified"), ("note", "it was not down")]).await);
        let page = sound(bo.get(&done).await, 200);
        assert!(page.contains("Not justified") && page.contains("it was not down") && !page.contains("Close the review"), "{page}");
        let closed = sound(bo.get("/emergency-reviews?state=closed").await, 200);
        assert!(closed.contains("Bo Lindqvist: “it was not down”"), "{closed}");
        let csv = bo.get("/emergency-reviews?format=csv").await.is(200).text();
        assert!(csv.contains("it was not down") && csv.contains("worse now"), "{csv}");
    }
}
