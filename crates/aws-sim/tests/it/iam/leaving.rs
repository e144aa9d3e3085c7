//! What must be gone before a user can go, and what goes with a role.

use super::*;
use aws_sdk_iam::types::StatusType;

const READ: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:List*","Resource":"*"}}"#;
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";

both!(everything_of_a_user_stands_in_the_way, small(), |rig| {
    let iam = rig.admin().iam;
    let account = rig.facts.management_account.clone();
    made_user(&iam, "emil").await;
    made_group(&iam, "Developers").await;
    let name = || "emil".to_owned();
    iam.create_login_profile()
        .user_name("emil")
        .password("Correct-Horse-9")
        .send()
        .await
        .unwrap();
    let key = iam
        .create_access_key()
        .user_name("emil")
        .send()
        .await
        .unwrap();
    let key = key.access_key().unwrap().access_key_id().to_owned();
    iam.enable_mfa_device()
        .user_name("emil")
        .serial_number("GAHT12345678")
        .authentication_code1("123456")
        .authentication_code2("234567")
        .send()
        .await
        .unwrap();
    let certificate = iam
        .upload_signing_certificate()
        .user_name("emil")
        .certificate_body(CERTIFICATE)
        .send()
        .await
        .unwrap();
    let certificate = certificate
        .certificate()
        .unwrap()
        .certificate_id()
        .to_owned();
    let ssh = iam
        .upload_ssh_public_key()
        .user_name("emil")
        .ssh_public_key_body("ssh-rsa AAAA emil")
        .send()
        .await
        .unwrap();
    let ssh = ssh.ssh_public_key().unwrap().ssh_public_key_id().to_owned();
    let service = iam
        .create_service_specific_credential()
        .user_name("emil")
        .service_name("codecommit.amazonaws.com")
        .send()
        .await
        .unwrap();
    let service = service.service_specific_credential().unwrap();
    assert_eq!(service.service_user_name(), format!("emil-at-{account}"));
    let service = service.service_specific_credential_id().to_owned();
    iam.attach_user_policy()
        .user_name("emil")
        .policy_arn("arn:aws:iam::aws:policy/IAMReadOnlyAccess")
        .send()
        .await
        .unwrap();
    iam.put_user_policy()
        .user_name("emil")
        .policy_name("read")
        .policy_document(READ)
        .send()
        .await
        .unwrap();
    iam.add_user_to_group()
        .group_name("Developers")
        .user_name("emil")
        .send()
        .await
        .unwrap();
    iam.put_user_permissions_boundary()
        .user_name("emil")
        .permissions_boundary("arn:aws:iam::aws:policy/PowerUserAccess")
        .send()
        .await
        .unwrap();
    let delete = || iam.delete_user().user_name("emil").send();
    let conflict = |what: &str| {
        (
            409,
            text("DeleteConflict"),
            format!("Cannot delete entity, must {what} first."),
        )
    };
    assert_eq!(refusal(delete().await), conflict("delete login profile"));
    iam.delete_login_profile()
        .user_name("emil")
        .send()
        .await
        .unwrap();
    assert_eq!(refusal(delete().await), conflict("delete access keys"));
    iam.delete_access_key()
        .user_name("emil")
        .access_key_id(key)
        .send()
        .await
        .unwrap();
    assert_eq!(refusal(delete().await), conflict("delete MFA device"));
    iam.deactivate_mfa_device()
        .user_name("emil")
        .serial_number("GAHT12345678")
        .send()
        .await
        .unwrap();
    assert_eq!(
        refusal(delete().await),
        conflict("delete signing certificates")
    );
    // Switched off, it is still there.
    iam.update_signing_certificate()
        .user_name("emil")
        .certificate_id(&certificate)
        .status(StatusType::Inactive)
        .send()
        .await
        .unwrap();
    assert_eq!(
        refusal(delete().await),
        conflict("delete signing certificates")
    );
    iam.delete_signing_certificate()
        .user_name("emil")
        .certificate_id(&certificate)
        .send()
        .await
        .unwrap();
    assert_eq!(
        refusal(delete().await),
        conflict("remove referenced objects")
    );
    iam.delete_ssh_public_key()
        .user_name("emil")
        .ssh_public_key_id(&ssh)
        .send()
        .await
        .unwrap();
    assert_eq!(
        refusal(delete().await),
        conflict("remove referenced objects")
    );
    iam.delete_service_specific_credential()
        .user_name("emil")
        .service_specific_credential_id(&service)
        .send()
        .await
        .unwrap();
    assert_eq!(refusal(delete().await), conflict("detach all policies"));
    iam.detach_user_policy()
        .user_name("emil")
        .policy_arn("arn:aws:iam::aws:policy/IAMReadOnlyAccess")
        .send()
        .await
        .unwrap();
    assert_eq!(refusal(delete().await), conflict("delete policies"));
    iam.delete_user_policy()
        .user_name("emil")
        .policy_name("read")
        .send()
        .await
        .unwrap();
    assert_eq!(refusal(delete().await), conflict("remove users from group"));
    iam.remove_user_from_group()
        .group_name("Developers")
        .user_name("emil")
        .send()
        .await
        .unwrap();
    // The boundary does not keep anybody (AWS reference §1.1 [K]).
    delete().await.unwrap();
    assert_eq!(
        code(iam.get_user().user_name(name()).send().await),
        "NoSuchEntity"
    );
});

both!(a_virtual_device_stays_until_it_is_deleted, small(), |rig| {
    let iam = rig.admin().iam;
    let account = rig.facts.management_account.clone();
    made_user(&iam, "emil").await;
    let made = iam
        .create_virtual_mfa_device()
        .virtual_mfa_device_name("emil")
        .send()
        .await
        .unwrap();
    let serial = made
        .virtual_mfa_device()
        .unwrap()
        .serial_number()
        .to_owned();
    assert_eq!(serial, format!("arn:aws:iam::{account}:mfa/emil"));
    let (status, wrong, _) = refusal(
        iam.enable_mfa_device()
            .user_name("emil")
            .serial_number(&serial)
            .authentication_code1("000000")
            .authentication_code2("000000")
            .send()
            .await,
    );
    assert_eq!((status, wrong.as_str()), (403, "InvalidAuthenticationCode"));
    let unassigned = iam.list_virtual_mfa_devices().send().await.unwrap();
    assert!(unassigned.virtual_mfa_devices()[0].user().is_none());
    iam.delete_virtual_mfa_device()
        .serial_number(&serial)
        .send()
        .await
        .unwrap();
    let again = iam.delete_virtual_mfa_device().serial_number(&serial);
    assert_eq!(code(again.send().await), "NoSuchEntity");
    iam.delete_user().user_name("emil").send().await.unwrap();
});

both!(
    a_new_login_profile_settles_first_if_told_so,
    small(),
    |rig| {
        rig.sim.knobs(|knobs| knobs.new_logins_settle = true);
        let iam = rig.admin().iam;
        made_user(&iam, "emil").await;
        let weak = iam
            .create_login_profile()
            .user_name("emil")
            .password("weak");
        assert_eq!(code(weak.send().await), "PasswordPolicyViolation");
        let make = || {
            let make = iam.create_login_profile().user_name("emil");
            make.password("Correct-Horse-9").send()
        };
        make().await.unwrap();
        assert_eq!(code(make().await), "EntityAlreadyExists");
        let delete = || iam.delete_login_profile().user_name("emil").send();
        assert_eq!(
            refusal(delete().await),
            (
                409,
                text("EntityTemporarilyUnmodifiable"),
                text(
                    "Login Profile for User emil cannot be modified while login profile is being created."
                )
            )
        );
        rig.clock.advance(5_000_000);
        delete().await.unwrap();
        assert_eq!(code(delete().await), "NoSuchEntity");
        // Passwords are nowhere in the journal.
        let journal = serde_json::to_string(&rig.sim.journal()).unwrap();
        assert!(!journal.contains("Correct-Horse"), "{journal}");
    }
);

both!(
    a_role_goes_with_its_sessions_and_is_not_forgotten_for_its_name,
    small(),
    |rig| {
        let admin = rig.admin();
        let iam = &admin.iam;
        let account = rig.facts.management_account.clone();
        let trust = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"sts:AssumeRole"}}}}"#,
            rig.facts.host.arn
        );
        let make = || {
            let make = iam.create_role().role_name("Deployer");
            make.assume_role_policy_document(&trust).send()
        };
        let made = make().await.unwrap();
        let role = made.role().unwrap().clone();
        assert!(role.role_id().starts_with("AROA"));
        assert_eq!(
            refusal(make().await),
            (
                409,
                text("EntityAlreadyExists"),
                text("Role with name Deployer already exists.")
            )
        );
        let assumed = rig
            .host()
            .sts
            .assume_role()
            .role_arn(role.arn())
            .role_session_name("me")
            .send()
            .await
            .unwrap();
        let session = rig.clients(crate::rig::credentials(&assumed), true);
        session.sts.get_caller_identity().send().await.unwrap();
        // It may what its policies say, from the next call on.
        assert_eq!(code(session.iam.list_users().send().await), "AccessDenied");
        iam.put_role_policy()
            .role_name("deployer")
            .policy_name("read")
            .policy_document(READ)
            .send()
            .await
            .unwrap();
        session.iam.list_users().send().await.unwrap();
        let used = iam.get_role().role_name("Deployer").send().await.unwrap();
        let used = used.role().unwrap().role_last_used().unwrap().clone();
        assert_eq!(used.region(), Some("eu-central-1"));
        // Another role trusts this one; the namesake to come is not meant.
        let trusts = |arn: &str| {
            format!(
                r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{arn}"}},"Action":"sts:AssumeRole"}}}}"#
            )
        };
        iam.create_role()
            .role_name("Target")
            .assume_role_policy_document(trusts(role.arn()))
            .send()
            .await
            .unwrap();
        let nobody = iam
            .create_role()
            .role_name("Other")
            .assume_role_policy_document(trusts(&format!("arn:aws:iam::{account}:role/Nobody")));
        let (_, wrong, words) = refusal(nobody.send().await);
        assert_eq!(wrong, "MalformedPolicyDocument");
        assert!(words.starts_with("Invalid principal in policy:"), "{words}");
        let delete = || iam.delete_role().role_name("Deployer").send();
        assert_eq!(
            refusal(delete().await).2,
            "Cannot delete entity, must delete policies first."
        );
        iam.delete_role_policy()
            .role_name("Deployer")
            .policy_name("read")
            .send()
            .await
            .unwrap();
        delete().await.unwrap();
        assert_eq!(
            code(session.sts.get_caller_identity().send().await),
            "InvalidClientTokenId"
        );
        let target = iam.get_role().role_name("Target").send().await.unwrap();
        let document = target
            .role()
            .unwrap()
            .assume_role_policy_document()
            .unwrap()
            .to_owned();
        assert!(document.contains(role.role_id()), "{document}");
        let again = make().await.unwrap();
        assert_ne!(again.role().unwrap().role_id(), role.role_id());
    }
);

both!(
    identity_centers_roles_come_and_go_with_the_assignments,
    small(),
    |rig| {
        let admin = rig.admin();
        let triple = |create: bool| {
            let (instance, account) = (&rig.facts.instance_arn, &rig.facts.management_account);
            let set = rig.set("prod-admin");
            let (sso, ana) = (admin.sso.clone(), rig.ana());
            async move {
                use aws_sdk_ssoadmin::types::{PrincipalType, TargetType};
                if create {
                    let call = sso.create_account_assignment().instance_arn(instance);
                    let call = call.target_id(account).target_type(TargetType::AwsAccount);
                    let call = call
                        .permission_set_arn(set)
                        .principal_type(PrincipalType::User);
                    call.principal_id(ana).send().await.unwrap();
                } else {
                    let call = sso.delete_account_assignment().instance_arn(instance);
                    let call = call.target_id(account).target_type(TargetType::AwsAccount);
                    let call = call
                        .permission_set_arn(set)
                        .principal_type(PrincipalType::User);
                    call.principal_id(ana).send().await.unwrap();
                }
            }
        };
        let reserved = || async {
            let listed = admin.iam.list_roles().path_prefix("/aws-reserved/").send();
            let listed = listed.await.unwrap();
            listed
                .roles()
                .iter()
                .map(|role| role.role_name().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(reserved().await, Vec::<String>::new());
        triple(true).await;
        rig.clock.advance(10_000_000);
        let first = reserved().await;
        assert!(
            first.len() == 1 && first[0].starts_with("AWSReservedSSO_prod-admin_"),
            "{first:?}"
        );
        assert_eq!(first[0].len(), "AWSReservedSSO_prod-admin_".len() + 16);
        let name = first[0].as_str();
        let (status, wrong, words) = refusal(
            admin
                .iam
                .put_role_policy()
                .role_name(name)
                .policy_name("AWSRevokeOlderSessions")
                .policy_document(READ)
                .send()
                .await,
        );
        assert_eq!((status, wrong.as_str()), (400, "UnmodifiableEntity"));
        assert!(words.contains("only modifiable by AWS"), "{words}");
        assert_eq!(
            code(admin.iam.delete_role().role_name(name).send().await),
            "UnmodifiableEntity"
        );
        let role = admin.iam.get_role().role_name(name).send().await.unwrap();
        assert_eq!(role.role().unwrap().max_session_duration(), Some(43_200));
        triple(false).await;
        rig.clock.advance(10_000_000);
        assert_eq!(reserved().await, Vec::<String>::new());
        triple(true).await;
        rig.clock.advance(10_000_000);
        let second = reserved().await;
        assert_eq!(second.len(), 1);
        assert_ne!(second, first);
    }
);
