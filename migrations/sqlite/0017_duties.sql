-- room: duties
-- What one person should not hold together. A side is a name, a list of entitlements and a condition
-- over entitlements. An exception is made by the members of a group of Stint's.
create table duties (
    id               blob    not null primary key,
    name             text    not null,
    name_key         text    not null,
    message          text    not null,
    side_one         text    not null,
    side_two         text    not null,
    action           text    not null,
    group_id         blob    references groups (id),
    emergency_passes integer not null,
    active           integer not null,
    created_at       integer not null,
    version          integer not null,
    check (action in ('block', 'exception')),
    check (action = 'block' or group_id is not null)
) strict;
create unique index duties_name_key on duties (name_key);
