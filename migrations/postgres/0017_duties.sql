-- room: duties
-- What one person should not hold together. A side is a name, a list of entitlements and a condition
-- over entitlements. An exception is made by the members of a group of Stint's.
create table duties (
    id               uuid    not null primary key,
    name             text    not null,
    name_key         text    collate "C" not null,
    message          text    not null,
    side_one         jsonb    not null,
    side_two         jsonb    not null,
    action           text    not null,
    group_id         uuid    references groups (id),
    emergency_passes boolean not null,
    active           boolean not null,
    created_at       bigint not null,
    version          bigint not null,
    check (action in ('block', 'exception')),
    check (action = 'block' or group_id is not null)
);
create unique index duties_name_key on duties (name_key);
