-- room: identity
-- Who decides for whom while they are away. Never changed but to end it. `proved`: whether whoever made
-- it had just given their password.
create table delegations (
    id               uuid    not null primary key,
    user_id          uuid    not null references users (id),
    delegate_id      uuid    not null references users (id),
    starts_at        bigint  not null,
    ends_at          bigint  not null,
    note             text    not null,
    created_at       bigint  not null,
    created_by       uuid    references users (id),
    proved           boolean not null,
    ended_at         bigint,
    ended_by         uuid    references users (id),
    check (user_id <> delegate_id),
    check (starts_at < ends_at)
);
create index delegations_user on delegations (user_id, ends_at);
create index delegations_delegate on delegations (delegate_id, ends_at);
