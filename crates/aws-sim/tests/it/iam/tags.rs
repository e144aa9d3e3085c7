//! Tags of users.

use aws_sdk_iam::types::Tag;

use super::*;

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

both!(
    tags_are_set_changed_and_taken_off_whatever_their_case,
    small(),
    |rig| {
        let iam = rig.admin().iam;
        made_user(&iam, "emil").await;
        let tags = || async {
            let listed = iam.list_user_tags().user_name("emil").send().await.unwrap();
            let tags = listed.tags().iter();
            tags.map(|tag| format!("{}={}", tag.key(), tag.value()))
                .collect::<Vec<_>>()
        };
        let set = |tags: Vec<Tag>| iam.tag_user().user_name("emil").set_tags(Some(tags)).send();
        set(vec![tag("Owner", "ana"), tag("cost", "")])
            .await
            .unwrap();
        assert_eq!(tags().await, ["Owner=ana", "cost="]);
        set(vec![tag("owner", "bo")]).await.unwrap();
        assert_eq!(tags().await, ["owner=bo", "cost="]);
        iam.untag_user()
            .user_name("emil")
            .tag_keys("OWNER")
            .tag_keys("other")
            .send()
            .await
            .unwrap();
        assert_eq!(tags().await, ["cost="]);

        assert_eq!(
            code(set(vec![tag("a", "1"), tag("A", "2")]).await),
            "InvalidInput"
        );
        assert_eq!(code(set(vec![tag("aws:x", "1")]).await), "InvalidInput");
        assert_eq!(
            code(set(vec![tag(&"k".repeat(129), "1")]).await),
            "ValidationError"
        );
        assert_eq!(tags().await, ["cost="]);
        set((0..49).map(|n| tag(&format!("t{n}"), "v")).collect())
            .await
            .unwrap();
        let (status, code, _) = refusal(set(vec![tag("more", "v")]).await);
        assert_eq!((status, code.as_str()), (409, "LimitExceeded"));
        let page = iam
            .list_user_tags()
            .user_name("emil")
            .max_items(49)
            .send()
            .await
            .unwrap();
        let rest = iam
            .list_user_tags()
            .user_name("emil")
            .marker(page.marker().unwrap());
        assert_eq!(
            (page.tags().len(), rest.send().await.unwrap().tags().len()),
            (49, 1)
        );
    }
);
