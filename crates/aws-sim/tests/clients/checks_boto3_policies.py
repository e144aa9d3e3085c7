"""boto3, on IAM's policies, roles, credentials and reports, and on STS."""

import base64
import hashlib
import hmac
import json
import struct
import time

from checks_boto3 import admin, client, refused
from estate import equal

CLIENT = "boto3"
CHECKS = []


def check(name):
    def add(function):
        CHECKS.append((name, function))
        return function

    return add


def allow(action):
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def trust(principal):
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


READ_ONLY = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"


def listed(api, operation, member, **inputs):
    pages = api.get_paginator(operation).paginate(PaginationConfig={"PageSize": 1}, **inputs)
    return [row for page in pages for row in page[member]]


def inline_and_attached(iam, kind, name):
    """Everything that can hang on a user, group or role."""
    lower = kind.lower()
    who = {f"{kind}Name": name}
    nobody = {f"{kind}Name": "nobody-here"}

    def call(verb, noun, **more):
        return getattr(iam, f"{verb}_{lower}_{noun}")(**more)

    document = allow("iam:ListUsers")
    call("put", "policy", PolicyName="one", PolicyDocument=document, **who)
    call("put", "policy", PolicyName="two", PolicyDocument=document, **who)
    refused(
        lambda: call("put", "policy", PolicyName="one", PolicyDocument="{", **who),
        "MalformedPolicyDocument",
        400,
    )
    read = call("get", "policy", PolicyName="one", **who)
    equal(read["PolicyDocument"], json.loads(document))
    refused(lambda: call("get", "policy", PolicyName="no", **who), "NoSuchEntity", 404)
    equal(listed(iam, f"list_{lower}_policies", "PolicyNames", **who), ["one", "two"])
    refused(lambda: call("list", "policies", **nobody), "NoSuchEntity", 404)
    for policy in ("one", "two"):
        call("delete", "policy", PolicyName=policy, **who)
    refused(lambda: call("delete", "policy", PolicyName="one", **who), "NoSuchEntity", 404)
    for policy in ("IAMReadOnlyAccess", "ReadOnlyAccess"):
        call("attach", "policy", PolicyArn=f"arn:aws:iam::aws:policy/{policy}", **who)
    refused(
        lambda: call("attach", "policy", PolicyArn="arn:aws:iam::aws:policy/No", **who),
        "NoSuchEntity",
        404,
    )
    attached = f"list_attached_{lower}_policies"
    rows = listed(iam, attached, "AttachedPolicies", **who)
    equal([row["PolicyName"] for row in rows], ["IAMReadOnlyAccess", "ReadOnlyAccess"])
    refused(lambda: getattr(iam, attached)(**nobody), "NoSuchEntity", 404)
    for policy in ("IAMReadOnlyAccess", "ReadOnlyAccess"):
        call("detach", "policy", PolicyArn=f"arn:aws:iam::aws:policy/{policy}", **who)
    refused(lambda: call("detach", "policy", PolicyArn=READ_ONLY, **who), "NoSuchEntity", 404)


def boundaries(iam, kind, name):
    lower = kind.lower()
    who = {f"{kind}Name": name}
    put = getattr(iam, f"put_{lower}_permissions_boundary")
    delete = getattr(iam, f"delete_{lower}_permissions_boundary")
    put(PermissionsBoundary=READ_ONLY, **who)
    told = getattr(iam, f"get_{lower}")(**who)[kind]
    equal(told["PermissionsBoundary"]["PermissionsBoundaryArn"], READ_ONLY)
    refused(
        lambda: put(PermissionsBoundary="arn:aws:iam::aws:policy/No", **who), "NoSuchEntity", 404
    )
    delete(**who)
    refused(lambda: delete(**who), "NoSuchEntity", 404)


@check("policies of users, groups and roles, and boundaries")
def bearers(estate):
    iam = admin(estate, "iam")
    iam.create_user(UserName="bearer")
    iam.create_group(GroupName="bearers")
    iam.create_role(
        RoleName="bearer", AssumeRolePolicyDocument=trust(estate.facts["management_account"])
    )
    try:
        inline_and_attached(iam, "User", "bearer")
        inline_and_attached(iam, "Group", "bearers")
        inline_and_attached(iam, "Role", "bearer")
        boundaries(iam, "User", "bearer")
        boundaries(iam, "Role", "bearer")
    finally:
        iam.delete_role(RoleName="bearer")
        iam.delete_group(GroupName="bearers")
        iam.delete_user(UserName="bearer")


@check("managed policies and their versions")
def managed(estate):
    iam = admin(estate, "iam")
    made = iam.create_policy(
        PolicyName="Boto", Path="/own/", PolicyDocument=allow("iam:Get*"), Description="for boto"
    )["Policy"]
    arn = made["Arn"]
    refused(
        lambda: iam.create_policy(PolicyName="boto", PolicyDocument=allow("iam:Get*")),
        "EntityAlreadyExists",
        409,
    )
    no = "arn:aws:iam::aws:policy/No"
    equal(iam.get_policy(PolicyArn=arn)["Policy"]["Description"], "for boto")
    refused(lambda: iam.get_policy(PolicyArn=no), "NoSuchEntity", 404)
    two = iam.create_policy_version(PolicyArn=arn, PolicyDocument=allow("iam:List*"))
    equal(two["PolicyVersion"]["VersionId"], "v2")
    refused(
        lambda: iam.create_policy_version(PolicyArn=arn, PolicyDocument="no"),
        "MalformedPolicyDocument",
        400,
    )
    versions = listed(iam, "list_policy_versions", "Versions", PolicyArn=arn)
    equal([row["VersionId"] for row in versions], ["v2", "v1"])
    refused(lambda: iam.list_policy_versions(PolicyArn=no), "NoSuchEntity", 404)
    read = iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]
    equal(read["Document"], json.loads(allow("iam:List*")))
    refused(lambda: iam.get_policy_version(PolicyArn=arn, VersionId="v9"), "NoSuchEntity", 404)
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    refused(
        lambda: iam.set_default_policy_version(PolicyArn=arn, VersionId="v9"), "NoSuchEntity", 404
    )
    refused(lambda: iam.delete_policy_version(PolicyArn=arn, VersionId="v2"), "DeleteConflict", 409)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    local = listed(iam, "list_policies", "Policies", Scope="Local")
    equal([row["PolicyName"] for row in local], ["Boto"])
    refused(lambda: iam.list_policies(PathPrefix="own"), "ValidationError", 400)
    iam.create_user(UserName="bearer")
    iam.attach_user_policy(UserName="bearer", PolicyArn=arn)
    borne = iam.list_entities_for_policy(PolicyArn=arn)
    equal([row["UserName"] for row in borne["PolicyUsers"]], ["bearer"])
    refused(lambda: iam.list_entities_for_policy(PolicyArn=no), "NoSuchEntity", 404)
    refused(lambda: iam.delete_policy(PolicyArn=arn), "DeleteConflict", 409)
    iam.detach_user_policy(UserName="bearer", PolicyArn=arn)
    iam.delete_user(UserName="bearer")
    iam.delete_policy(PolicyArn=arn)


@check("a role from its making to its end")
def roles(estate):
    iam = admin(estate, "iam")
    account = estate.facts["management_account"]
    tags = [{"Key": "team", "Value": "core"}]
    made = iam.create_role(
        RoleName="Job", Path="/jobs/", AssumeRolePolicyDocument=trust(account), Tags=tags
    )["Role"]
    equal(made["AssumeRolePolicyDocument"], json.loads(trust(account)))
    refused(
        lambda: iam.create_role(RoleName="job", AssumeRolePolicyDocument=trust(account)),
        "EntityAlreadyExists",
        409,
    )
    nobody = {"RoleName": "nobody-here"}
    told = iam.get_role(RoleName="JOB")["Role"]
    equal((told["Tags"], told["MaxSessionDuration"]), (tags, 3600))
    refused(lambda: iam.get_role(**nobody), "NoSuchEntity", 404)
    iam.get_waiter("role_exists").wait(RoleName="Job")
    names = [row["RoleName"] for row in listed(iam, "list_roles", "Roles")]
    equal("Job" in names and "StintConnector" in names, True)
    refused(lambda: iam.list_roles(PathPrefix="jobs"), "ValidationError", 400)
    iam.update_role(RoleName="Job", MaxSessionDuration=7200, Description="first")
    refused(lambda: iam.update_role(**nobody), "NoSuchEntity", 404)
    changed = iam.update_role_description(RoleName="Job", Description="second")["Role"]
    equal((changed["Description"], changed["MaxSessionDuration"]), ("second", 7200))
    refused(
        lambda: iam.update_role_description(Description="x", **nobody), "NoSuchEntity", 404
    )
    iam.update_assume_role_policy(RoleName="Job", PolicyDocument=trust(account))
    refused(
        lambda: iam.update_assume_role_policy(RoleName="Job", PolicyDocument=allow("iam:Get*")),
        "MalformedPolicyDocument",
        400,
    )
    iam.tag_role(RoleName="Job", Tags=[{"Key": "cost", "Value": "7"}])
    refused(
        lambda: iam.tag_role(RoleName="Job", Tags=[{"Key": "aws:x", "Value": "7"}]),
        "InvalidInput",
        400,
    )
    rows = listed(iam, "list_role_tags", "Tags", RoleName="Job")
    equal([row["Key"] for row in rows], ["team", "cost"])
    refused(lambda: iam.list_role_tags(**nobody), "NoSuchEntity", 404)
    iam.untag_role(RoleName="Job", TagKeys=["TEAM"])
    refused(lambda: iam.untag_role(TagKeys=["a"], **nobody), "NoSuchEntity", 404)
    equal(iam.list_role_tags(RoleName="Job")["Tags"], [{"Key": "cost", "Value": "7"}])
    equal(iam.list_instance_profiles_for_role(RoleName="Job")["InstanceProfiles"], [])
    refused(lambda: iam.list_instance_profiles_for_role(**nobody), "NoSuchEntity", 404)
    iam.attach_role_policy(RoleName="Job", PolicyArn=READ_ONLY)
    answer = refused(lambda: iam.delete_role(RoleName="Job"), "DeleteConflict", 409)
    equal(answer["Error"]["Message"], "Cannot delete entity, must detach all policies first.")
    iam.detach_role_policy(RoleName="Job", PolicyArn=READ_ONLY)
    iam.delete_role(RoleName="Job")
    refused(lambda: iam.delete_role(RoleName="Job"), "NoSuchEntity", 404)


def digits(seed, at):
    """What a virtual device shows."""
    key = base64.b32decode(seed)
    mac = hmac.new(key, struct.pack(">Q", at // 30), hashlib.sha1).digest()
    start = mac[-1] & 15
    number = struct.unpack(">I", mac[start : start + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


@check("a user's credentials, one kind after the other")
def credentials(estate):
    iam = admin(estate, "iam")
    iam.create_user(UserName="bearer")
    who = {"UserName": "bearer"}
    nobody = {"UserName": "nobody-here"}

    made = iam.create_login_profile(Password="Correct-Horse-9", PasswordResetRequired=True, **who)
    equal(made["LoginProfile"]["PasswordResetRequired"], True)
    refused(
        lambda: iam.create_login_profile(Password="Correct-Horse-9", **who),
        "EntityAlreadyExists",
        409,
    )
    iam.update_login_profile(PasswordResetRequired=False, **who)
    refused(
        lambda: iam.update_login_profile(Password="short", **who), "PasswordPolicyViolation", 400
    )
    equal(iam.get_login_profile(**who)["LoginProfile"]["PasswordResetRequired"], False)
    refused(lambda: iam.get_login_profile(**nobody), "NoSuchEntity", 404)
    iam.delete_login_profile(**who)
    refused(lambda: iam.delete_login_profile(**who), "NoSuchEntity", 404)

    body = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
    made = iam.upload_signing_certificate(CertificateBody=body, **who)["Certificate"]
    refused(
        lambda: iam.upload_signing_certificate(CertificateBody="no", **who),
        "MalformedCertificate",
        400,
    )
    one = {"CertificateId": made["CertificateId"], **who}
    iam.update_signing_certificate(Status="Inactive", **one)
    rows = listed(iam, "list_signing_certificates", "Certificates", **who)
    equal([row["Status"] for row in rows], ["Inactive"])
    refused(lambda: iam.list_signing_certificates(**nobody), "NoSuchEntity", 404)
    iam.delete_signing_certificate(**one)
    refused(lambda: iam.delete_signing_certificate(**one), "NoSuchEntity", 404)
    refused(
        lambda: iam.update_signing_certificate(Status="Active", **one), "NoSuchEntity", 404
    )

    made = iam.upload_ssh_public_key(SSHPublicKeyBody="ssh-rsa AAAA x", **who)["SSHPublicKey"]
    refused(
        lambda: iam.upload_ssh_public_key(SSHPublicKeyBody="no", **who), "InvalidPublicKey", 400
    )
    one = {"SSHPublicKeyId": made["SSHPublicKeyId"], **who}
    equal(iam.get_ssh_public_key(Encoding="SSH", **one)["SSHPublicKey"]["Status"], "Active")
    iam.update_ssh_public_key(Status="Inactive", **one)
    rows = listed(iam, "list_ssh_public_keys", "SSHPublicKeys", **who)
    equal([row["Status"] for row in rows], ["Inactive"])
    refused(lambda: iam.list_ssh_public_keys(**nobody), "NoSuchEntity", 404)
    iam.delete_ssh_public_key(**one)
    refused(lambda: iam.delete_ssh_public_key(**one), "NoSuchEntity", 404)
    refused(lambda: iam.get_ssh_public_key(Encoding="SSH", **one), "NoSuchEntity", 404)
    refused(lambda: iam.update_ssh_public_key(Status="Active", **one), "NoSuchEntity", 404)

    made = iam.create_service_specific_credential(ServiceName="codecommit.amazonaws.com", **who)
    made = made["ServiceSpecificCredential"]
    refused(
        lambda: iam.create_service_specific_credential(ServiceName="no", **who),
        "NotSupportedService",
        404,
    )
    one = {"ServiceSpecificCredentialId": made["ServiceSpecificCredentialId"], **who}
    iam.update_service_specific_credential(Status="Inactive", **one)
    reset = iam.reset_service_specific_credential(**one)["ServiceSpecificCredential"]
    equal(reset["ServicePassword"] != made["ServicePassword"], True)
    rows = iam.list_service_specific_credentials(**who)["ServiceSpecificCredentials"]
    equal([row["Status"] for row in rows], ["Inactive"])
    refused(lambda: iam.list_service_specific_credentials(**nobody), "NoSuchEntity", 404)
    iam.delete_service_specific_credential(**one)
    refused(lambda: iam.delete_service_specific_credential(**one), "NoSuchEntity", 404)
    refused(lambda: iam.reset_service_specific_credential(**one), "NoSuchEntity", 404)
    refused(
        lambda: iam.update_service_specific_credential(Status="Active", **one),
        "NoSuchEntity",
        404,
    )
    iam.delete_user(**who)


@check("a virtual device, and a session that shows it")
def devices(estate):
    iam = admin(estate, "iam")
    iam.create_user(UserName="bearer")
    who = {"UserName": "bearer"}
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="bearer")["VirtualMFADevice"]
    refused(
        lambda: iam.create_virtual_mfa_device(VirtualMFADeviceName="bearer"),
        "EntityAlreadyExists",
        409,
    )
    serial, seed = made["SerialNumber"], made["Base32StringSeed"]
    equal(made["QRCodePNG"][:4], b"\x89PNG")
    now = int(time.time())
    codes = {
        "AuthenticationCode1": digits(seed, now - 30),
        "AuthenticationCode2": digits(seed, now),
    }
    wrong = {"AuthenticationCode1": "000000", "AuthenticationCode2": "000000"}
    refused(
        lambda: iam.enable_mfa_device(SerialNumber=serial, **wrong, **who),
        "InvalidAuthenticationCode",
        403,
    )
    iam.enable_mfa_device(SerialNumber=serial, **codes, **who)
    rows = listed(iam, "list_virtual_mfa_devices", "VirtualMFADevices", AssignmentStatus="Assigned")
    equal([row["User"]["UserName"] for row in rows], ["bearer"])
    refused(lambda: iam.list_virtual_mfa_devices(MaxItems=1001), "ValidationError", 400)
    equal(listed(iam, "list_mfa_devices", "MFADevices", **who)[0]["SerialNumber"], serial)
    refused(lambda: iam.list_mfa_devices(UserName="nobody-here"), "NoSuchEntity", 404)
    refused(lambda: iam.delete_virtual_mfa_device(SerialNumber=serial), "DeleteConflict", 409)

    iam.put_user_policy(PolicyName="p", PolicyDocument=allow("iam:ListUsers"), **who)
    key = iam.create_access_key(**who)["AccessKey"]
    own = {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}
    sts = client(estate, "sts", own)
    shown = sts.get_session_token(
        SerialNumber=serial, TokenCode=digits(seed, int(time.time())), DurationSeconds=900
    )
    client(estate, "iam", session(shown)).list_users(MaxItems=1)
    bare = sts.get_session_token()
    refused(client(estate, "iam", session(bare)).list_users, "InvalidClientTokenId", 403)

    iam.deactivate_mfa_device(SerialNumber=serial, **who)
    refused(lambda: iam.deactivate_mfa_device(SerialNumber=serial, **who), "NoSuchEntity", 404)
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    iam.delete_user_policy(PolicyName="p", **who)
    iam.delete_access_key(AccessKeyId=key["AccessKeyId"], **who)
    iam.delete_user(**who)


def session(answer):
    given = answer["Credentials"]
    return {
        "access_key_id": given["AccessKeyId"],
        "secret_access_key": given["SecretAccessKey"],
        "session_token": given["SessionToken"],
    }


@check("federated users, and what a key tells")
def federation(estate):
    iam = admin(estate, "iam")
    iam.create_user(UserName="bearer")
    who = {"UserName": "bearer"}
    everything = allow(["sts:*", "sso:ListInstances", "iam:ListUsers"])
    iam.put_user_policy(PolicyName="p", PolicyDocument=everything, **who)
    key = iam.create_access_key(**who)["AccessKey"]
    own = {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}
    sts = client(estate, "sts", own)
    made = sts.get_federation_token(Name="vendor", Policy=allow("sso:*"))
    account = estate.facts["management_account"]
    equal(made["FederatedUser"]["Arn"], f"arn:aws:sts::{account}:federated-user/vendor")
    vendor = session(made)
    equal(made["PackedPolicySize"] > 0, True)
    client(estate, "sso-admin", vendor).list_instances()
    refused(client(estate, "organizations", vendor).list_accounts, "AccessDeniedException", 400)
    refused(client(estate, "iam", vendor).list_users, "InvalidClientTokenId", 403)
    refused(lambda: sts.get_federation_token(Name="vendor", Policy="{"), "MalformedPolicyDocument", 400)
    told = sts.get_access_key_info(AccessKeyId=estate.facts["admin"]["access_key_id"])
    equal(told["Account"], account)
    refused(lambda: sts.get_access_key_info(AccessKeyId="AKIANOBODYNOBODYNOBO"), "ValidationError", 400)
    iam.delete_access_key(AccessKeyId=key["AccessKeyId"], **who)
    iam.delete_user_policy(PolicyName="p", **who)
    iam.delete_user(**who)


@check("what an account tells of itself")
def account(estate):
    iam = admin(estate, "iam")
    nobody = client(estate, "iam", estate.facts["host"])
    iam.create_account_alias(AccountAlias="acme-root")
    refused(lambda: nobody.create_account_alias(AccountAlias="other"), "AccessDenied", 403)
    equal(iam.list_account_aliases()["AccountAliases"], ["acme-root"])
    refused(nobody.list_account_aliases, "AccessDenied", 403)
    iam.delete_account_alias(AccountAlias="acme-root")
    refused(lambda: iam.delete_account_alias(AccountAlias="acme-root"), "NoSuchEntity", 404)
    summary = iam.get_account_summary()["SummaryMap"]
    equal((summary["Users"], summary["Groups"]), (232, 120))
    refused(nobody.get_account_summary, "AccessDenied", 403)
    pages = iam.get_paginator("get_account_authorization_details").paginate(
        PaginationConfig={"PageSize": 1000}
    )
    pages = list(pages)
    equal(sum(len(page["UserDetailList"]) for page in pages), 232)
    equal(sum(len(page["GroupDetailList"]) for page in pages), 120)
    equal(len(pages) > 1, True)
    refused(nobody.get_account_authorization_details, "AccessDenied", 403)


@check("the credential report, and who used what")
def reports(estate):
    iam = admin(estate, "iam")
    nobody = client(estate, "iam", estate.facts["host"])
    refused(iam.get_credential_report, "ReportNotPresent", 410)
    refused(nobody.generate_credential_report, "AccessDenied", 403)
    equal(iam.generate_credential_report()["State"], "STARTED")
    states = []
    while "COMPLETE" not in states:
        states.append(iam.generate_credential_report()["State"])
    report = iam.get_credential_report()
    lines = report["Content"].decode().splitlines()
    equal(len(lines), 2 + 232)
    equal({len(line.split(",")) for line in lines}, {22})
    role = estate.facts["connector_role_arn"]
    job = iam.generate_service_last_accessed_details(Arn=role)["JobId"]
    refused(
        lambda: iam.generate_service_last_accessed_details(Arn=role + "x"), "NoSuchEntity", 404
    )
    told = {"JobStatus": "IN_PROGRESS"}
    while told["JobStatus"] == "IN_PROGRESS":
        told = iam.get_service_last_accessed_details(JobId=job)
    used = {row["ServiceNamespace"]: row for row in told["ServicesLastAccessed"]}
    equal(used["sso"]["LastAuthenticatedEntity"], role)
    refused(
        lambda: iam.get_service_last_accessed_details(JobId="0" * 36), "NoSuchEntity", 404
    )


@check("what somebody may is told before they try")
def simulations(estate):
    iam = admin(estate, "iam")
    role = estate.facts["connector_role_arn"]
    asked = {"PolicySourceArn": role, "ActionNames": ["sso:ListInstances", "iam:CreateUser"]}
    told = [page for page in iam.get_paginator("simulate_principal_policy").paginate(**asked, PaginationConfig={"PageSize": 1})]
    results = [row for page in told for row in page["EvaluationResults"]]
    equal([row["EvalDecision"] for row in results], ["allowed", "implicitDeny"])
    refused(
        lambda: iam.simulate_principal_policy(**{**asked, "PolicySourceArn": role + "x"}), "NoSuchEntity", 404
    )
    deny = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'
    told = iam.simulate_custom_policy(PolicyInputList=[deny], ActionNames=["iam:GetUser"])
    equal(told["EvaluationResults"][0]["EvalDecision"], "explicitDeny")
    equal(told["EvaluationResults"][0]["MatchedStatements"][0]["SourcePolicyId"], "PolicyInputList.1")
    refused(
        lambda: iam.simulate_custom_policy(PolicyInputList=["{"], ActionNames=["iam:GetUser"]), "InvalidInput", 400
    )
