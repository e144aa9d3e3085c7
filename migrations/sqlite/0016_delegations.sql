-- room: identity
-- Who decides for whom while they are away. Never changed but to end it. `proved`: whether whoever made
-- it had just given their password.
create table delegations (
    id               blob    not null primary key,
    user_id          blob    not null references users (id),
    delegate_id      blob    not null references users (id),
    starts_at        integer not null,
    ends_at          integer not null,
    note             text    not null,
    created_at       integer not null,
    created_by       blob    references users (id),
    proved           integer not null,
    ended_at         integer,
    ended_by         blob    references users (id),
    check (user_id <> delegate_id),
    check (starts_at < ends_at)
) strict;
create index delegations_user on delegations (user_id, ends_at);
create index delegations_delegate on delegations (delegate_id, ends_at);
