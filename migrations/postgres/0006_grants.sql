-- Grants (who is to hold what, from when to when), the bindings that make AWS agree, every
-- attempt to change AWS, and what happened, in order. The model: docs/grants.md.

create table bindings (
    id                uuid    not null primary key,
    connection_id     uuid    not null references connections (id),
    principal_id      uuid    not null references principals (id),
    entitlement_id    uuid    not null references entitlements (id),
    kind              text    not null,
    generation        bigint  not null,
    lease_until       bigint,
    due               bigint,
    epoch             bigint  not null,
    epoch_open        boolean not null,
    adopted           boolean not null,
    reopened_at       bigint,
    read_began        bigint,
    read_present      boolean,
    read_membership   text,
    last_present_seen bigint,
    inflight_clear    bigint,
    removal_decision  bigint,
    quarantine_until  bigint,
    interrupted       bigint,
    stuck_since       bigint,
    stuck_reason      text,
    again_at          bigint,
    failures          bigint  not null,
    created_at        bigint  not null,
    check (kind in ('account_assignment', 'group_membership', 'iam_group_membership'))
);
create unique index bindings_pair on bindings (principal_id, entitlement_id);
create index bindings_due on bindings (due, id);
create index bindings_stuck on bindings (stuck_since);

-- `ends_at` is the end of the window as it stands: derived, kept to search by. `reminded_at`: when
-- its end was announced, once. `emergency`: whether it was asked for in an emergency. `review_every`: how
-- often it is asked whether it is still needed, where it is had until it is revoked; `asked_at`: when that was asked.
create table grants (
    id                uuid    not null primary key,
    binding_id        uuid    not null references bindings (id),
    user_id           uuid    not null references users (id),
    origin            text    not null,
    origin_id         uuid,
    opened_at         bigint  not null,
    start_at          bigint  not null,
    duration          bigint,
    latest_end        bigint,
    confirmed_at      bigint,
    closed_at         bigint,
    close_reason      text,
    close_note        text,
    predecessor       uuid    references grants (id),
    ended_at          bigint,
    remains           text,
    ends_at           bigint,
    reminded_at       bigint,
    emergency         boolean not null,
    review_every      bigint,
    asked_at          bigint,
    check (origin in ('request'))
);
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
    id                uuid    not null primary key,
    binding_id        uuid    not null references bindings (id),
    kind              text    not null,
    epoch             bigint  not null,
    sign_at           bigint  not null,
    under_removal     boolean not null,
    request_id        text,
    membership        text,
    polled_at         bigint,
    outcome           text    not null,
    outcome_at        bigint,
    note              text,
    sent_as           text,
    check (kind in ('create', 'delete'))
);
create index attempts_binding on attempts (binding_id, sign_at);
create index attempts_sent_as on attempts (sent_as, sign_at);

-- What happened to a binding and its grants, for people: never changed, never read by rules.
create table moments (
    id                uuid    not null primary key,
    binding_id        uuid    not null references bindings (id),
    grant_id          uuid    references grants (id),
    at                bigint  not null,
    what              text    not null,
    text              text    not null,
    aws_request_id    text
);
create index moments_binding on moments (binding_id, at, id);
