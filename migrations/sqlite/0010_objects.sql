-- What Stint keeps in AWS beside bindings: IAM users it makes, locks out and deletes, and
-- rotations of the access keys it enters by; every attempt to change AWS for them, and what
-- happened, in order. The model: docs/managed-objects.md.

-- `state` is derived from the others, kept to narrow lists by. `hanging` is what the last full
-- look found on the user, for people: no rule reads it.
create table managed_users (
    id             blob    not null primary key,
    connection_id  blob    not null references connections (id),
    account        text    not null,
    name           text    not null,
    name_key       text    not null,
    path           text    not null,
    boundary       text,
    origin         text    not null,
    user_id        text,
    wanted         text    not null,
    asked_at       integer not null,
    settled_at     integer,
    how            text,
    failure        text,
    last_present   integer,
    state          text    not null,
    hanging        text,
    generation     integer not null,
    lease_until    integer,
    due            integer,
    again_at       integer,
    failures       integer not null,
    stuck_since    integer,
    stuck_reason   text,
    created_by     blob    references users (id),
    created_at     integer not null,
    reason         text    not null,
    check (origin in ('made', 'found')),
    check (wanted in ('seen', 'active', 'disabled', 'deleted')),
    check (how in ('seen', 'active', 'disabled', 'deleted', 'failed', 'gone'))
) strict;
create index managed_users_due on managed_users (due, id);
create index managed_users_connection on managed_users (connection_id, name_key, id);
-- One that is not over holds its name.
create unique index managed_users_name on managed_users (connection_id, account, name_key)
    where how is null or how in ('seen', 'active', 'disabled');

-- The secret of the new key is sealed from the moment AWS tells it; erased when it is over.
create table key_rotations (
    id             blob    not null primary key,
    connection_id  blob    not null references connections (id),
    old_key        text    not null,
    user_arn       text,
    stood          text    not null,
    new_key        text,
    new_sealed     blob,
    new_sealed_by  text,
    began_at       integer not null,
    began_by       blob    references users (id),
    added_at       integer,
    tested_at      integer,
    switched_at    integer,
    deactivated_at integer,
    failure        text,
    ended_at       integer,
    settle         integer not null,
    generation     integer not null,
    lease_until    integer,
    due            integer,
    again_at       integer,
    failures       integer not null,
    stuck_since    integer,
    stuck_reason   text
) strict;
create index key_rotations_due on key_rotations (due, id);
create index key_rotations_connection on key_rotations (connection_id, id);
create unique index key_rotations_one on key_rotations (connection_id) where ended_at is null;

-- `sent_as` is the name of the user the call goes by, in lower case: names come back for others.
create table object_attempts (
    id             blob    not null primary key,
    object_id      blob    not null,
    connection_id  blob    not null references connections (id),
    account        text    not null,
    change         text    not null,
    target         text,
    sent_as        text    not null,
    name_key       text    not null,
    sign_at        integer not null,
    outcome        text    not null,
    outcome_at     integer,
    note           text,
    aws_request_id text
) strict;
create index object_attempts_object on object_attempts (object_id, sign_at);
create index object_attempts_name on object_attempts (name_key, sign_at);

create table object_moments (
    id             blob    not null primary key,
    object_id      blob    not null,
    at             integer not null,
    what           text    not null,
    text           text    not null,
    aws_request_id text
) strict;
create index object_moments_object on object_moments (object_id, at, id);
