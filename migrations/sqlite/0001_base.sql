-- room: audit
-- The audit log: a chain of hashes over canonical texts. The columns beside `body` repeat
-- parts of it for searching; verifying compares them.
create table audit_events (
    seq integer not null primary key,
    id blob not null unique,
    at integer not null,
    action text not null,
    actor_kind text not null check (actor_kind in ('user', 'system', 'nobody')),
    actor_id blob,
    prev blob not null,
    hash blob not null,
    body text not null
) strict;
create index audit_events_action on audit_events (action, seq);
create index audit_events_actor on audit_events (actor_id, seq);

-- What each event is about, to find the events of a thing.
create table audit_subjects (
    seq integer not null references audit_events (seq),
    kind text not null,
    id text not null,
    primary key (id, seq)
) strict;

-- Where the chain stands: one row, locked while a commit adds to it.
create table audit_head (
    id integer not null primary key check (id = 1),
    seq integer not null,
    hash blob not null
) strict;
insert into audit_head (id, seq, hash) values (1, 0, zeroblob(32));

-- room: outbox
-- News on its way to whoever wants to know, in order, at least once.
create table outbox (
    seq integer not null primary key autoincrement,
    id blob not null unique,
    kind text not null,
    body text not null,
    actor_id blob,
    created_at integer not null,
    delivered_at integer
) strict;
create index outbox_waiting on outbox (seq) where delivered_at is null;

-- room: http
-- Keys under which a caller may repeat a call without repeating its effect.
create table idempotency (
    id blob not null primary key,
    actor text not null,
    route text not null,
    key text not null,
    body_hash blob not null,
    -- begun: nothing committed yet; done: committed, no answer stored; answered
    state text not null check (state in ('begun', 'done', 'answered')),
    begun_at integer not null,
    status integer,
    headers text,
    response blob,
    unique (actor, route, key)
) strict;
create index idempotency_begun on idempotency (begun_at);

-- room: processes
-- The processes on this database, and the writes to AWS they have open together. Nothing of it
-- is state: every row lapses by itself.
create table processes (
    id blob not null primary key,
    seen_at integer not null
);
create table budget_scopes (
    scope text not null primary key
);
create table write_slots (
    scope text not null,
    account text not null,
    holder text not null,
    lane text not null,
    until_at integer not null,
    primary key (scope, account)
);
create table write_turns (
    scope text not null,
    account text not null,
    until_at integer not null,
    primary key (scope, account)
);
