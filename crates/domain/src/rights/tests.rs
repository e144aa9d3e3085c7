use super::*;

#[test]
fn words_and_roles_are_unique_and_read_back() {
    let mut words: Vec<_> = Verb::ALL.iter().map(|v| v.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Verb::ALL.len());
    for role in Role::ALL {
        assert_eq!(role.as_str().parse(), Ok(*role));
    }
    assert!("root".parse::<Role>().is_err());
}

#[test]
fn nobody_may_call_only_what_is_public() {
    let public: Vec<_> = (Verb::ALL.iter())
        .filter(|v| {
            Relation::ALL
                .iter()
                .all(|r| allowed(&[], **v, *r) == Answer::Yes)
        })
        .collect();
    assert_eq!(
        public,
        [&Verb::ReadPublic, &Verb::SignIn, &Verb::DemoSignIn]
    );
}

#[test]
fn out_of_catalog_is_invisible_to_every_role() {
    for role in Role::ALL {
        for verb in [Verb::SubmitRequest, Verb::PreviewRequest, Verb::GetOffer] {
            assert_eq!(
                allowed(&[*role], verb, Relation::OutOfCatalog),
                Answer::Invisible
            );
        }
    }
}

#[test]
fn helpdesk_and_auditor_decide_nothing_whatever_else_they_are() {
    for taken in [Role::Helpdesk, Role::Auditor] {
        for verb in [
            Verb::ApproveRequest,
            Verb::DenyRequest,
            Verb::ReassignRequest,
        ] {
            for other in Role::ALL {
                assert_eq!(
                    allowed(&[taken, *other], verb, Relation::Involved),
                    Answer::No
                );
            }
        }
    }
    let user = &[Role::User];
    assert_eq!(
        allowed(user, Verb::ApproveRequest, Relation::Involved),
        Answer::Yes
    );
    assert_eq!(
        allowed(user, Verb::ApproveRequest, Relation::Others),
        Answer::Invisible
    );
}

#[test]
fn being_an_administrator_is_not_being_an_approver() {
    assert_eq!(
        allowed(&[Role::SuperAdmin], Verb::ApproveRequest, Relation::Others),
        Answer::No
    );
}

#[test]
fn an_auditor_changes_nothing_of_others() {
    let reads = [
        "list", "get", "verify", "mine", "inbox", "home", "figures", "me", "export",
        // What is said about a request changes nothing of it.
        "comment",
    ];
    for verb in Verb::ALL {
        let name = verb.as_str().split_once('.').map_or("", |(_, name)| name);
        let public = allowed(&[], *verb, Relation::None) == Answer::Yes;
        // Asking for oneself, and the demo's clock, are everybody's.
        let everybody = allowed(&[Role::User], *verb, Relation::Others) == Answer::Yes;
        if public || everybody || reads.iter().any(|r| name.starts_with(r)) {
            continue;
        }
        assert_ne!(
            allowed(&[Role::Auditor], *verb, Relation::Others),
            Answer::Yes,
            "{verb}"
        );
    }
}

#[test]
fn a_hidden_thing_answers_the_same_to_every_verb_about_it() {
    for verb in [
        Verb::GetRequest,
        Verb::ApproveRequest,
        Verb::CancelRequest,
        Verb::ReturnRequest,
        Verb::GetGrant,
        Verb::RevokeGrant,
        Verb::GetPolicy,
        Verb::NewPolicyVersion,
    ] {
        assert_eq!(
            allowed(&[Role::User], verb, Relation::Others),
            Answer::Invisible,
            "{verb}"
        );
    }
}

#[test]
fn owners_and_their_administrators_ask_for_groups_and_nobody_else() {
    for role in Role::ALL {
        let own = allowed(&[*role], Verb::AskForGroup, Relation::Own);
        assert_eq!(own, Answer::Yes, "{role}");
        let others = allowed(&[*role], Verb::AskForGroup, Relation::Others);
        let administers = matches!(role, Role::SuperAdmin | Role::ConnectionAdmin);
        let expected = if administers { Answer::Yes } else { Answer::No };
        assert_eq!(others, expected, "{role}");
    }
}
