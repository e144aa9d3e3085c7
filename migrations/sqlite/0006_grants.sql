-- Grants (who is to hold what, from when to when), the bindings that make AWS agree, every
-- attempt to change AWS, and what happened, in order. The model: docs/grants.md.

create table bindings (
    id                blob    not null primary key,
    connection_id     blob    not null references connections (id),
    principal_id      blob    not null references principals (id),
    entitlement_id    blob    not null references entitlements (id),
    kind              text    not null,
    generation        integer not null,
    lease_until       integer,
    due               integer,
    epoch             integer not null,
    epoch_open        integer not null,
    adopted           integer not null,
    reopened_at       integer,
    read_began        integer,
    read_present      integer,
    read_membership   text,
    last_present_seen integer,
    inflight_clear    integer,
    removal_decision  integer,
    quarantine_until  integer,
    interrupted       integer,
    stuck_since       integer,
    stuck_reason      text,
    again_at          integer,
    failures          integer not null,
    created_at        integer not null,
    check (kind in ('account_assignment', 'group_membership', 'iam_group_membership'))
) strict;
create unique index bindings_pair on bindings (principal_id, entitlement_id);
create index bindings_due on bindings (due, id);
create index bindings_stuck on bindings (stuck_since);

-- `ends_at` is the end of the window as it stands: derived, kept to search by. `reminded_at`: when
-- its end was announced, once. `emergency`: whether it was asked for in an emergency. `review_every`: how
-- often it is asked whether it is still needed, where it is had until it is revoked; `asked_at`: when that was asked.
create table grants (
    id                blob    not null primary key,
    binding_id        blob    not null references bindings (id),
    user_id           blob    not null references users (id),
    origin            text    not null,
    origin_id         blob,
    opened_at         integer not null,
    start_at          integer not null,
    duration          integer,
    latest_end        integer,
    confirmed_at      integer,
    closed_at         integer,
    close_reason      text,
    close_note        text,
    predecessor       blob    references grants (id),
    ended_at          integer,
    remains           text,
    ends_at           integer,
    reminded_at       integer,
    emergency         integer not null,
    review_every      integer,
    asked_at          integer,
    check (origin in ('request'))
) strict;
create index grants_binding on grants (binding_id, ended_at);
create index grants_user on grants (user_id, id);
create index grants_origin on grants (origin_id);
create index grants_emergency on grants (id) where emergency;
create index grants_predecessor on grants (predecessor) where predecessor is not null;
create index grants_remind on grants (ends_at) where ended_at is null and closed_at is null and reminded_at is null;
create index grants_review on grants (ends_at, id) where review_every is not null and ended_at is null and closed_at is null and asked_at is null;
create index grants_ends on grants (ended_at, ends_at);

-- `sent_as` is the name an IAM user was added to a group under: another person may bear it
-- before the call arrives.
create table attempts (
    id                blob    not null primary key,
    binding_id        blob    not null references bindings (id),
    kind              text    not null,
    epoch             integer not null,
    sign_at           integer not null,
    under_removal     integer not null,
    request_id        text,
    membership        text,
    polled_at         integer,
    outcome           text    not null,
    outcome_at        integer,
    note              text,
    sent_as           text,
    check (kind in ('create', 'delete'))
) strict;
create index attempts_binding on attempts (binding_id, sign_at);
create index attempts_sent_as on attempts (sent_as, sign_at);

-- What happened to a binding and its grants, for people: never changed, never read by rules.
create table moments (
    id                blob    not null primary key,
    binding_id        blob    not null references bindings (id),
    grant_id          blob    references grants (id),
    at                integer not null,
    what              text    not null,
    text              text    not null,
    aws_request_id    text
) strict;
create index moments_binding on moments (binding_id, at, id);
