-- What Stint keeps in AWS beside bindings: IAM users it makes, locks out and deletes, and
-- rotations of the access keys it enters by; every attempt to change AWS for them, and what
-- happened, in order. The model: docs/managed-objects.md.

-- `state` is derived from the others, kept to narrow lists by. `hanging` is what the last full
-- look found on the user, for people: no rule reads it.
create table managed_users (
    id             uuid    not null primary key,
    connection_id  uuid    not null references connections (id),
    account        text    not null,
    name           text    not null,
    name_key       text    collate "C" not null,
    path           text    not null,
    boundary       text,
    origin         text    not null,
    user_id        text,
    wanted         text    not null,
    asked_at       bigint  not null,
    settled_at     bigint,
    how            text,
    failure        text,
    last_present   bigint,
    state          text    not null,
    hanging        jsonb,
    generation     bigint  not null,
    lease_until    bigint,
    due            bigint,
    again_at       bigint,
    failures       bigint  not null,
    stuck_since    bigint,
    stuck_reason   text,
    created_by     uuid    references users (id),
    created_at     bigint  not null,
    reason         text    not null,
    check (origin in ('made', 'found')),
    check (wanted in ('seen', 'active', 'disabled', 'deleted')),
    check (how in ('seen', 'active', 'disabled', 'deleted', 'failed', 'gone'))
);
create index managed_users_due on managed_users (due, id);
create index managed_users_connection on managed_users (connection_id, name_key, id);
-- One that is not over holds its name.
create unique index managed_users_name on managed_users (connection_id, account, name_key)
    where how is null or how in ('seen', 'active', 'disabled');

-- The secret of the new key is sealed from the moment AWS tells it; erased when it is over.
create table key_rotations (
    id             uuid    not null primary key,
    connection_id  uuid    not null references connections (id),
    old_key        text    not null,
    user_arn       text,
    stood          jsonb   not null,
    new_key        text,
    new_sealed     bytea,
    new_sealed_by  text,
    began_at       bigint  not null,
    began_by       uuid    references users (id),
    added_at       bigint,
    tested_at      bigint,
    switched_at    bigint,
    deactivated_at bigint,
    failure        text,
    ended_at       bigint,
    settle         bigint  not null,
    generation     bigint  not null,
    lease_until    bigint,
    due            bigint,
    again_at       bigint,
    failures       bigint  not null,
    stuck_since    bigint,
    stuck_reason   text
);
create index key_rotations_due on key_rotations (due, id);
create index key_rotations_connection on key_rotations (connection_id, id);
create unique index key_rotations_one on key_rotations (connection_id) where ended_at is null;

-- `sent_as` is the name of the user the call goes by, in lower case: names come back for others.
create table object_attempts (
    id             uuid    not null primary key,
    object_id      uuid    not null,
    connection_id  uuid    not null references connections (id),
    account        text    not null,
    change         text    not null,
    target         text,
    sent_as        text    not null,
    name_key       text    collate "C" not null,
    sign_at        bigint  not null,
    outcome        text    not null,
    outcome_at     bigint,
    note           text,
    aws_request_id text
);
create index object_attempts_object on object_attempts (object_id, sign_at);
create index object_attempts_name on object_attempts (name_key, sign_at);

create table object_moments (
    id             uuid    not null primary key,
    object_id      uuid    not null,
    at             bigint  not null,
    what           text    not null,
    text           text    not null,
    aws_request_id text
);
create index object_moments_object on object_moments (object_id, at, id);
