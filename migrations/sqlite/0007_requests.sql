-- Requests: what was asked, under which policy version, by whom it may be decided, and the
-- decisions. What became of it in AWS is with the grants.
-- `extends`: the grant that would go on, where it is asked for an extension.
-- `emergency`: whether the policy it was asked under is one for emergencies. `raised_from`: the request
-- that was raised to this one, and cancelled by that.
-- `review_every`: how often it is asked whether it is still needed, where it is asked for until it is revoked.
-- `conflicts`: what duty rules said against it when it was asked, and it went on all the same.
-- `others`: the versions of the policies to which deadlines lead, each with the rule of it that applied.
-- `ticket`: what whoever asked wrote as the number of one, if they did. `search_key`: the reason, that, and the names of what and who it was about when it was asked, in lower case.

-- Several things asked for together: each is a request of its own.
create table submissions (
    id                blob    not null primary key,
    requester_id      blob    not null references users (id),
    submitted_at      integer not null
) strict;

create table requests (
    id                blob    not null primary key,
    requester_id      blob    not null references users (id),
    beneficiary_id    blob    not null references users (id),
    connection_id     blob    not null references connections (id),
    principal_id      blob    not null references principals (id),
    principal_kind    text    not null,
    entitlement_id    blob    not null references entitlements (id),
    policy_version_id blob    not null references policy_versions (id),
    reason            text    not null,
    ticket            text,
    search_key        text    not null,
    duration          integer not null,
    review_every      integer,
    start_at          integer,
    via               text    not null,
    submitted_at      integer not null,
    state             text    not null,
    rule              integer,
    step              integer,
    step_since        integer,
    carried           integer not null,
    late              integer not null,
    reminded          integer not null,
    due_at            integer,
    ended_because     text,
    ended_at_step     integer,
    closed_at         integer,
    closed_by         blob    references users (id),
    extends           blob    references grants (id),
    emergency         integer not null,
    raised_from       blob    references requests (id),
    conflicts         text    not null,
    others            text    not null,
    submission_id     blob    references submissions (id),
    version           integer not null,
    check (principal_kind in ('identity_center_user', 'identity_center_group', 'iam_user')),
    check (state in ('pending', 'approved', 'denied', 'cancelled')),
    check ((state = 'pending') = (step is not null)),
    check ((state = 'pending') = (step_since is not null)),
    check ((state = 'pending') = (closed_at is null))
) strict;
create index requests_requester on requests (requester_id, id);
create index requests_beneficiary on requests (beneficiary_id, id);
create index requests_state on requests (state, id);
-- One question at a time about the same extension, whoever clicks how often.
create unique index requests_extending on requests (extends) where state = 'pending';
-- What is asked in an emergency waits once for each who asks; what is raised is raised once.
create unique index requests_emergency on requests (requester_id, entitlement_id, principal_id) where state = 'pending' and emergency;
create unique index requests_raised on requests (raised_from) where raised_from is not null;
create index requests_submission on requests (submission_id, id) where submission_id is not null;
create index requests_extends on requests (extends) where extends is not null;
create index requests_policy on requests (policy_version_id, id);
create index requests_entitlement on requests (entitlement_id);
create index requests_due on requests (due_at) where due_at is not null;

-- Whom each step names, copied from the pinned version: finds what waits for somebody. A role is
-- `manager`, `application_owner` or `connection_owner`, or `condition` where one says who.
create table request_approvers (
    request_id        blob    not null references requests (id),
    step              integer not null,
    user_id           blob    references users (id),
    group_id          blob    references groups (id),
    role              text,
    check ((role is null and (user_id is null) <> (group_id is null)) or (role is not null and user_id is null and group_id is null))
) strict;
create index request_approvers_request on request_approvers (request_id, step);
create index request_approvers_user on request_approvers (user_id, request_id);
create index request_approvers_group on request_approvers (group_id, request_id);

-- Nobody decides twice on one request, on whichever step.
create table decisions (
    id                blob    not null primary key,
    request_id        blob    not null references requests (id),
    step              integer not null,
    user_id           blob    not null references users (id),
    answer            text    not null,
    comment           text    not null,
    parts             text    not null,
    via               text    not null,
    decided_at        integer not null,
    on_behalf_of      blob    references users (id),
    check (answer in ('approve', 'deny'))
) strict;
create unique index decisions_once on decisions (request_id, user_id);
-- Nor by two for the same person.
create unique index decisions_once_for on decisions (request_id, on_behalf_of) where on_behalf_of is not null;
create index decisions_user on decisions (user_id, id);

-- Places in a step that were handed on: never changed, never taken back. `from_id` is nobody where an
-- administrator named somebody beside those who were asked. Who has which place follows from their order,
-- which is the `number`: the clocks of replicas, and so ids, may differ.
create table request_handovers (
    id                blob    not null primary key,
    request_id        blob    not null references requests (id),
    number            integer not null,
    step              integer not null,
    from_id           blob    references users (id),
    to_id             blob    not null references users (id),
    by_id             blob    not null references users (id),
    administrator     integer not null,
    parts             text    not null,
    reason            text    not null,
    via               text    not null,
    handed_at         integer not null,
    check (from_id is null or from_id <> to_id),
    check (from_id is not null or administrator)
) strict;
create unique index request_handovers_number on request_handovers (request_id, number);
create index request_handovers_to on request_handovers (to_id, request_id);

-- What people say about a request: never changed, never taken back.
create table request_comments (
    id                blob    not null primary key,
    request_id        blob    not null references requests (id),
    user_id           blob    not null references users (id),
    text              text    not null,
    question          integer not null,
    via               text    not null,
    said_at           integer not null
) strict;
create index request_comments_request on request_comments (request_id, id);

-- What the clock did to a request while it waited: never changed. `step` counts through all policies pinned
-- with it; of what moved on it is the one that began.
create table request_moments (
    request_id        blob    not null references requests (id),
    at                integer not null,
    position          integer not null,
    what              text    not null,
    step              integer not null,
    carried           integer not null,
    primary key (request_id, at, position),
    check (what in ('reminded', 'late', 'moved_on'))
) strict;

-- What was given in an emergency is reviewed afterwards, once for each request: from the moment its
-- grant is opened until somebody it is not about says whether it was justified.
create table emergency_reviews (
    request_id        blob    not null primary key references requests (id),
    grant_id          blob    not null references grants (id),
    opened_at         integer not null,
    due_at            integer not null,
    reminded          integer not null,
    state             text    not null,
    verdict           text,
    note              text,
    closed_by         blob    references users (id),
    closed_at         integer,
    via               text,
    version           integer not null,
    check (state in ('open', 'closed')),
    check (verdict in ('justified', 'not_justified')),
    check ((state = 'closed') = (verdict is not null and note is not null and closed_by is not null and closed_at is not null and via is not null))
) strict;
create index emergency_reviews_state on emergency_reviews (state, request_id);
create index emergency_reviews_due on emergency_reviews (reminded, due_at, request_id) where state = 'open';
-- Whom each names, copied from the pinned version: finds what waits for somebody.
create table emergency_reviewers (
    request_id        blob    not null references emergency_reviews (request_id),
    group_id          blob    not null references groups (id),
    primary key (request_id, group_id)
) strict;
create index emergency_reviewers_group on emergency_reviewers (group_id, request_id);
-- Who held it as members of a group when it was given: none of them closes the review, whatever group they
-- are in by then.
create table emergency_beneficiaries (
    request_id        blob    not null references emergency_reviews (request_id),
    user_id           blob    not null references users (id),
    primary key (request_id, user_id)
) strict;

-- Whether access until it is revoked is still needed: asked once for each of its grants, so long before
-- its end. Who is asked are those who own its connection, or the application that belongs to, by then.
create table until_revoked_reviews (
    grant_id          blob    not null primary key references grants (id),
    request_id        blob    not null references requests (id),
    connection_id     blob    not null references connections (id),
    opened_at         integer not null,
    due_at            integer not null,
    reminded          integer not null,
    state             text    not null,
    note              text,
    answered_by       blob    references users (id),
    answered_at       integer,
    via               text,
    version           integer not null,
    check (state in ('open', 'kept', 'closed', 'over')),
    check ((state in ('kept', 'closed')) = (note is not null and answered_by is not null and answered_at is not null and via is not null))
) strict;
create index until_revoked_reviews_request on until_revoked_reviews (request_id, grant_id);
create index until_revoked_reviews_state on until_revoked_reviews (state, grant_id);
create index until_revoked_reviews_due on until_revoked_reviews (due_at, grant_id) where state = 'open';
