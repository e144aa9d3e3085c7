//! Every code a refusal can have: what it means and what to do, for people.
//!
//! One row per code, kept beside the mapping ([`failure`](super::failure)) that sends it.
//! `/docs/errors/<code>`, where a problem's `type` leads, is made of this, and so is the list
//! of codes in the API's description. A test reads the source: a code without a row fails,
//! and so does a row without a code.

/// A code, and what there is to say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The HTTP status it comes with.
    pub status: u16,
    /// The stable word.
    pub word: &'static str,
    /// What it means.
    pub means: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

impl Code {
    /// The row of a code.
    pub fn of(word: &str) -> Option<&'static Self> {
        CODES.iter().find(|code| code.word == word)
    }
}

const fn row(status: u16, word: &'static str, means: &'static str, remedy: &'static str) -> Code {
    Code {
        status,
        word,
        means,
        remedy,
    }
}

/// All of them, by status and word.
#[rustfmt::skip]
pub const CODES: &[Code] = &[
    row(400, "bad_request", "The request could not be read as HTTP with a JSON body.", "Check how it is written: method, headers, encoding of the address."),

    row(401, "invalid_token", "The API token is unknown, expired or revoked.", "Issue a new one on your page in Stint, or type `stint login`, and use that."),
    row(401, "not_signed_in", "The call needs to know who is asking, and nobody is signed in.", "Sign in on the page, or send an API token as `Authorization: Bearer stint_pat_…`."),
    row(401, "sign_in_over", "The sign-in has ended: by the clock, by a new password, or because somebody ended it.", "Sign in again."),
    row(401, "sign_in_refused", "Address or password is wrong, or the user is deactivated; which of them is never told.", "Try again, or ask a Super Admin to set a new password."),

    row(403, "became_approver_after_submission", "The caller put themselves among the approvers while the request was waiting.", "Another approver has to decide."),
    row(403, "cross_site", "The form was sent from another site's page, or a proxy changes Host or Origin.", "Open Stint's own page and do it there. Behind a proxy, set `public_url` to the address people use."),
    row(403, "forbidden", "The caller may know of the thing, and none of their roles allows this with it.", "Ask an administrator to do it, or for the role it takes."),
    row(403, "member_of_the_group", "The request is for an Identity Center group, and the caller is in it: they would hold the access.", "An approver who is no member has to decide."),
    row(403, "not_an_approver", "The current step of the request names others.", "Wait for your step, or leave it to those who are asked now; the request's page names them."),
    row(403, "not_loopback", "A persona of the demo was asked for from another machine.", "Open the demo's page at http://127.0.0.1 on the machine it runs on."),
    row(403, "self_approval", "Nobody decides a request they made or that is for them, unless the policy says so.", "Another approver has to decide; you can cancel the request."),
    row(403, "token_from_token", "API tokens are issued to people, not to tokens: a stolen one could otherwise outlive itself.", "Sign in with your password (the page, or `stint login`) and issue it there."),

    row(404, "not_found", "It does not exist, or the caller may not know that it does. Both answer the same, byte for byte.", "Check the address or the id, or ask whoever gave it to you."),

    row(405, "method_not_allowed", "The address is right, and does not take this method.", "`Allow` in the answer names the methods; the API is described at /api/v1/openapi.json."),

    row(409, "all_answered", "Nothing of what was asked for together waits any more.", "Look at the requests one by one."),
    row(409, "already_decided", "The caller has decided on this request before.", "Nothing: one person counts once. Others have to decide now."),
    row(409, "approval_not_needed", "The caller's part of the step has all the approvals it needs.", "Nothing: the other approvers of the step have to decide now."),
    row(409, "audit_broken", "An event of the audit log was edited, removed, inserted or moved.", "Keep a copy of the database as it is, and compare with backups from before and after the event that is named. Treat it as an incident."),
    row(409, "beneficiary_inactive", "Whom the access would be for has been deactivated meanwhile.", "Make them active again, or deny the request."),
    row(409, "cannot_extend", "The access is over, not there yet, or has no end.", "Ask for it anew, or wait until it is there."),
    row(409, "connection_draining", "The connection is being taken out of service and gives no new access.", "Ask for access through another connection, or have this one resumed."),
    row(409, "connection_in_use", "Grants, bindings or requests still hold the connection, so it cannot be removed.", "Drain it and wait: what remains is listed under the connection."),
    row(409, "connection_not_ready", "The connection's test has not passed yet, so it is not known which Identity Center to read.", "Test the connection; it says what is missing in AWS."),
    row(409, "connection_removed", "The connection was removed; what it led to is on record only.", "Connect the estate anew."),
    row(409, "credential_already_connected", "Another connection enters by this role, this access key or the host's own credentials.", "Change that connection, or make a role or an IAM user of its own for this one."),
    row(409, "email_taken", "A user with this address exists, active or not.", "Use another address, or change that user."),
    row(409, "estate_already_connected", "Another connection manages this Identity Center instance, and one estate has one connection.", "Use that connection."),
    row(409, "extended_already", "The access goes on already, by another grant.", "Extend that one; the answer names it."),
    row(409, "extends_closed", "The access this would extend was returned or ended early meanwhile.", "Deny or cancel the request; ask again if the access is still needed."),
    row(409, "group_gone", "The Identity Center group the access is for no longer exists in AWS.", "Choose another group; deny or cancel a request that waits."),
    row(409, "group_owned_by_directory", "A directory provisions this Identity Center group and decides who is in it.", "Change its members in that directory, or offer a group that was made in Identity Center itself."),
    row(409, "iam_other_account", "The connection now speaks for another account than the one whose IAM users and groups are known.", "Give it credentials of the former account again, and connect the other by a connection of its own."),
    row(409, "iam_switched_off", "IAM users and groups are switched off for the connection, so nobody can ask for them.", "Have a Connection Admin switch them on, or ask for other access."),
    row(409, "idempotency_answer_lost", "The call with this key was carried out, and its answer was lost before it was kept.", "Do not repeat it: look at the list to see what it made."),
    row(409, "idempotency_in_progress", "A call with this key is under way.", "Wait a moment and repeat the same call with the same key."),
    row(409, "last_super_admin", "The last active Super Admin would be gone.", "Make somebody else Super Admin first."),
    row(409, "member_accounts_off", "The IAM of member accounts is not this connection's business, or no longer.", "Have a Connection Admin switch it on."),
    row(409, "name_taken", "Another thing of this kind has the name; capitals make no difference.", "Use another name."),
    row(409, "no_access_key", "The connection enters by a role or by the host's own credentials: there is no access key to rotate.", "Nothing: a role's credentials are renewed by themselves."),
    row(409, "not_offered", "The access may not be asked for by its holder any more.", "A Policy Admin can put it back into a catalog they see."),
    row(409, "not_yet_fallback", "The caller stands in for approvers who can decide and still have time.", "Leave it to them; once too few of them could, or the step is late, it is yours too."),
    row(409, "nothing_ends", "The demo's clock was to go to the next end of access, and nobody holds any that ends.", "Ask for some access first, or move the clock by an hour."),
    row(409, "nothing_to_return", "The request gave nothing, or what it gave is over.", "Nothing: the request's page shows how each grant ended."),
    row(409, "principal_changed", "The beneficiary's AWS identity changed between asking and approving.", "Cancel or deny this request and ask again, so that who approves sees the right identity."),
    row(409, "principal_moved", "Who asks is linked to another AWS identity than the one that holds the access.", "Let it end, and ask for it anew."),
    row(409, "principal_taken", "This AWS identity is confirmed to be another user's.", "Reject that link first, if it is wrong."),
    row(409, "queue_already_read", "Another connection reads this queue, and the two would take each other's messages.", "Make a queue of its own for this connection."),
    row(409, "rotation_under_way", "The access key of the connection is being rotated.", "Wait until that is over, or call it off; it is among the connection's key rotations."),
    row(409, "sync_failed", "AWS refused a page of the reading; nothing was taken for ended.", "Test the connection: it says which permission is missing."),
    row(409, "sync_not_held", "The sync does not wait for a decision: it was decided, or a later one took its place.", "Look at the connection's syncs for the one that is held."),
    row(409, "sync_running", "A sync of this connection is under way.", "Wait for it to end; its progress is among the connection's runs."),
    row(409, "too_many_comments", "The request has as many comments as it can have.", "Talk about it elsewhere, or ask for it anew."),
    row(409, "too_many_tokens", "The caller has as many usable API tokens as one may have.", "Revoke one that is no longer needed."),
    row(409, "wrong_state", "The thing is not in a state in which this can be done; somebody may have been faster.", "Read it again and see how it stands."),

    row(412, "stale", "Somebody changed it since it was read: it is no longer at the version in `If-Match`.", "Read it again, look at what changed, and repeat the change with the new `ETag`."),

    row(413, "too_large", "The body is larger than 1 MiB.", "Send less at once."),

    row(415, "unsupported_media_type", "The body is not marked as JSON.", "Send JSON with `Content-Type: application/json`."),

    row(422, "approver_unable", "A step names a user who is deactivated or may not decide.", "Name an active user who is neither Helpdesk nor Auditor."),
    row(422, "asked_twice", "The same thing is named twice among several.", "Leave one out."),
    row(422, "auto_approve_with_steps", "A policy that approves by itself asks nobody, and this one has steps too.", "Leave out `auto_approve` or the steps."),
    row(422, "bad_value", "A word is none of those the call takes.", "Use one of the words the answer's `detail` names."),
    row(422, "comment_empty", "A comment says nothing.", "Say something."),
    row(422, "comment_too_long", "The comment is longer than is kept.", "Shorten it."),
    row(422, "denied_by_policy", "A rule of the policy refuses what is asked.", "Read `detail`: the policy's author says why, and what to do instead."),
    row(422, "deny_message", "What is refused by itself needs words for whoever asks.", "Say why, in at most 500 characters."),
    row(422, "duration_over_policy", "Longer than the policy or the entitlement allows.", "Ask for at most the longest duration, which `detail` and a preview name."),
    row(422, "duration_too_short", "Shorter than can be given and taken away in order.", "Ask for at least the duration that `detail` names."),
    row(422, "how_many", "Too many entitlements at once, or none.", "Send between one and the number that `detail` names."),
    row(422, "how_many_items", "Too many things are asked for at once, or none.", "Ask for 1 to 20."),
    row(422, "idempotency_key_reused", "The key was sent before with another body.", "Use a fresh key for every call that is meant."),
    row(422, "invalid_access_key_id", "The value is not an Access Key ID that can be used.", "Copy it from IAM: AKIA and sixteen characters, of an IAM user for Stint alone."),
    row(422, "invalid_account", "The value is not the number of an AWS account.", "Twelve digits: the account the credential has to be in."),
    row(422, "invalid_application", "The value is not the id of an application.", "Send an id that begins with `app_`, from the list of applications."),
    row(422, "invalid_body", "The body is not what this call takes: not JSON, a field that is missing, unknown or of another kind.", "Correct the field that `detail` names; the API's description shows the body."),
    row(422, "invalid_condition", "A condition cannot be saved: no expression, a name or a type that is not in the schema, or something that may be absent and is not asked for with `has`.", "Correct it where `detail` says; `GET /api/v1/policies/schema` lists what there is."),
    row(422, "invalid_credential", "A connection cannot be entered like that.", "Use role, access_key or host, with the fields that belong to it."),
    row(422, "invalid_cursor", "The cursor was not given by this list, or under another order or filter.", "Leave it out to begin again; pass on `next` unchanged."),
    row(422, "invalid_days", "A token cannot live for so many days.", "Ask for 1 to 366."),
    row(422, "invalid_description", "The description is too long.", "Shorten it."),
    row(422, "invalid_email", "The value is not an e-mail address.", "Write it as `ana@example.com`."),
    row(422, "invalid_filter", "A filter of the list has no such value.", "Use one of the words that `detail` names."),
    row(422, "invalid_iam_groups", "The value names no IAM group of the connection's account.", "Write its name, a path such as stint/*, or its ARN."),
    row(422, "invalid_iam_user_boundary", "The value is not the ARN of a policy of the connection's account or of AWS.", "Copy it from the policy's page in IAM."),
    row(422, "invalid_iam_user_path", "The value is not a path of IAM users.", "Write it as /stint/; / means every path."),
    row(422, "invalid_iam_user_prefix", "The value cannot begin the name of an IAM user.", "Use letters, digits and _+=,.@-, as in app-."),
    row(422, "invalid_idempotency_key", "`Idempotency-Key` is empty, longer than 200 characters, or not ASCII.", "A fresh UUID per call does."),
    row(422, "invalid_if_match", "`If-Match` is not a version.", "Send back the `ETag` as it came with the thing: \"7\"."),
    row(422, "invalid_kms_key", "The value is not the ARN of a KMS key of the connection's partition.", "Copy it from the key's page in KMS; an alias will not do."),
    row(422, "invalid_limit", "A page cannot have so many rows.", "Ask for 1 to 200."),
    row(422, "invalid_manager", "The manager named is not an active user, or is the user themselves.", "Send an id that begins with `usr_`, from the list of users; empty for none."),
    row(422, "invalid_name", "The name is empty, too long, or has characters that cannot be shown.", "Choose another as `detail` says."),
    row(422, "invalid_note", "The note of the version is too long.", "Shorten it."),
    row(422, "invalid_owner", "The value is not the id of a user.", "Send an id that begins with `usr_`, from the list of users."),
    row(422, "invalid_policy", "The policy's rules cannot be saved.", "Correct what `detail` names."),
    row(422, "invalid_query", "The part of the address after the question mark is not what it takes.", "Check the names and values of the parameters in the API's description."),
    row(422, "invalid_queue_url", "The value is not the URL of a standard SQS queue in the connection's own account and region.", "Copy it from the queue's page in the SQS console; make the queue where `detail` says."),
    row(422, "invalid_region", "The value is not an AWS Region.", "Write it as `eu-central-1`: the home Region of Identity Center."),
    row(422, "invalid_role", "The value is not a product role.", "Use super_admin, connection_admin, policy_admin, helpdesk or auditor."),
    row(422, "invalid_role_arn", "The value is not the ARN of an IAM role.", "Copy it from the role's page in AWS: arn:aws:iam::123456789012:role/stint."),
    row(422, "invalid_scim_endpoint", "The value is not the SCIM endpoint of the connection's Identity Center.", "Copy it from the automatic provisioning settings of the Identity Center console."),
    row(422, "invalid_scim_token", "The token to the SCIM endpoint is missing or cut short.", "Paste the whole access token, as AWS showed it when it was made."),
    row(422, "invalid_secret_access_key", "The value is not a secret access key.", "Copy it from where the access key was made; AWS shows it once."),
    row(422, "invalid_sort", "The list cannot be sorted like that.", "Use one of the orders that `detail` names."),
    row(422, "invalid_state", "The list knows no such state.", "Use pending, approved, denied or cancelled."),
    row(422, "invalid_user", "The value is not the id of a user.", "Send an id that begins with `usr_`."),
    row(422, "invalid_value", "A field holds a value that cannot be used.", "Correct the field that `detail` names."),
    row(422, "items_refused", "Some of several things cannot be asked for like this; nothing was asked for.", "The detail says of each what to do."),
    row(422, "max_duration", "The longest duration of an access control is out of bounds.", "Choose one between the bounds that `detail` names, or leave it to the policy."),
    row(422, "needs_nobody", "A step needs no approval at all.", "Let it need at least one, leave the step out, or use a policy that approves by itself."),
    row(422, "needs_too_many", "A step needs more people than it names.", "Let it need fewer, or add approvers."),
    row(422, "no_approver", "A step names nobody.", "Name users or groups who may approve it."),
    row(422, "no_groups", "A step asks each of its groups and names none.", "Name groups, or let the step need so many of all together."),
    row(422, "no_linked_principal", "The beneficiary has no confirmed AWS identity in this connection.", "Somebody named in `detail` can confirm a link; then ask again."),
    row(422, "no_owner", "Nobody would be answerable for it.", "Name at least one owner."),
    row(422, "no_possible_approver", "Nobody, or not enough different people, could approve it.", "Ask a Policy Admin to add approvers to the policy or its groups."),
    row(422, "no_steps", "A policy without steps would ask nobody.", "Add a step, or say `auto_approve`."),
    row(422, "not_a_group", "The principal is a person's, and `principal` of a request names an Identity Center group.", "Leave it out to ask for yourself, or choose a group of the connection."),
    row(422, "not_a_person", "The principal is a group, and a group is nobody's identity.", "Choose a user in AWS."),
    row(422, "not_for_groups", "Only a permission set on an account can be held by an Identity Center group.", "Ask for it for yourself, or for a permission set on an account."),
    row(422, "owner_unable", "The owner is neither Connection Admin nor Super Admin, and could not mend the connection.", "Give them the role first, or name somebody else."),
    row(422, "policy_duration", "The policy's longest duration is out of bounds.", "Choose one between the bounds that `detail` names."),
    row(422, "principal_gone", "The beneficiary's AWS identity no longer exists in AWS.", "Sync the connection, confirm the link to the new identity, then ask again."),
    row(422, "reason_length", "The shortest reason a policy wants is longer than is kept, or set where none is required.", "Lower it, or set it to 0."),
    row(422, "reason_required", "This has to be done with a reason: it is kept, and people are told.", "Give a reason with it."),
    row(422, "reason_too_long", "The reason is longer than is kept.", "Shorten it; refer to a ticket for the rest."),
    row(422, "reason_too_short", "The policy wants a longer reason.", "Say more: who decides reads it."),
    row(422, "refused", "The policy refuses the request.", "Read `detail`, or preview the request: it lists every obstacle."),
    row(422, "rule_name", "A rule has no name, one that is too long, or that of another.", "Give each rule a name of its own."),
    row(422, "rule_unanswered", "A condition of the policy could not be asked about this, so nothing can be approved under it.", "Tell a Policy Admin what `detail` says; they can mend the rule."),
    row(422, "start_in_past", "The start lies in the past.", "Leave it out to begin as soon as it is approved."),
    row(422, "start_too_far", "The start is further ahead than may be asked for.", "Ask again nearer to it."),
    row(422, "step_name", "A step has no name, or one that is too long.", "Name it as people should read it: Platform."),
    row(422, "step_times", "A time of a step is out of bounds, or comes to nothing.", "Correct it as `detail` says."),
    row(422, "step_wait", "A step that waits names somebody, or does not wait.", "Leave out its approvers, and give between a minute and 30 days."),
    row(422, "steps_share_approvers", "Together the steps need more different people than they name: nobody counts for two steps.", "Add approvers, or let the steps need fewer."),
    row(422, "too_many_rules", "The policy has more rules than may be.", "Join some of them."),
    row(422, "too_many_steps", "The policy has more steps than may be.", "Join some of them."),
    row(422, "unknown_application", "There is no application with this id.", "Look it up in the list, or create one first."),
    row(422, "unknown_entitlement", "There is no entitlement with this id.", "Sync the connection, and look it up in its list."),
    row(422, "unknown_group", "There is no group with this id.", "Look it up in the list of groups."),
    row(422, "unknown_notice_kind", "There is no such kind of notice.", "Use one that `GET /api/v1/notices/kinds` lists."),
    row(422, "unknown_owner", "An owner is no active user.", "Name users who may be told when something fails."),
    row(422, "unknown_persona", "The demo has no such persona.", "Use one that the sign-in page shows."),
    row(422, "unknown_policy", "There is no policy with this id.", "Look it up in the list of policies."),
    row(422, "unknown_principal", "The connection has no Identity Center group with this id.", "Look it up in `GET /api/v1/requests/groups`, or sync the connection."),
    row(422, "unknown_user", "There is no user with this id.", "Look it up in the list of users."),
    row(422, "unknown_zone", "There is no such time zone.", "Write it as `Europe/Berlin` or `UTC`."),
    row(422, "unreachable_rule", "A rule before this one applies whenever it would.", "Move it up, or narrow the other one."),
    row(422, "user_inactive", "The user named is deactivated.", "Make them active again first."),
    row(422, "user_not_named", "Stint did not make this IAM user, and its name was not sent to confirm that it is meant.", "Send the user's name as `confirm`."),
    row(422, "weak_password", "The password is too short, too long, or known to be guessed.", "Choose another as `detail` says; a few random words do well."),
    row(422, "wrong_password", "The current password given is wrong.", "Try again."),

    row(429, "locked_out", "Too many sign-ins failed for this address.", "Wait as long as `Retry-After` says, or ask a Super Admin to set a new password."),
    row(429, "too_many_requests", "More calls than one token, sign-in or address may make in a minute.", "Wait as long as `Retry-After` says and go on. Revoking and returning access is never limited."),

    row(500, "internal", "Stint failed at this; it is in the server's log under the answer's `request_id`.", "Try again, and give an administrator the `request_id` if it stays so."),
    row(500, "secret_unreadable", "A sealed secret does not open: it was changed in the database, or belongs to another record.", "Enter it anew, and find out who changes the database."),

    row(503, "database_not_ready", "The database did not answer in time; nothing was changed.", "Try again in a moment. Administrators: look at `/readyz` and at the database."),
    row(503, "master_key_missing", "A secret is sealed under a master key that the file does not hold.", "Put that key's line back into the file of STINT_MASTER_KEY_FILE, or enter the secret anew."),
    row(503, "no_base_identity", "AWS did not tell as whom Stint itself calls it.", "Give the machine Stint runs on AWS credentials, and try again."),
    row(503, "no_master_key", "Secrets are kept sealed under a master key, and none is set.", "Make one with `stint master-key create`, set STINT_MASTER_KEY_FILE for every Stint process, and start them anew."),
    row(503, "not_initialised", "Stint has no user yet.", "On the machine it runs on, type: stint users create-admin --email you@example.com"),
];
