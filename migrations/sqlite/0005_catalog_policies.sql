-- Policies with their immutable versions; catalogs with their audience and entitlements;
-- how each entitlement may be asked for. name_key is the folded name, folded by the program.

-- room: policies
create table policies (
    id                blob    not null primary key,
    name              text    not null,
    name_key          text    not null,
    latest_number     integer not null,
    created_at        integer not null,
    version           integer not null
) strict;
create unique index policies_name_key on policies (name_key);

-- Never updated, never deleted: requests point at the version they were asked under.
create table policy_versions (
    id                blob    not null primary key,
    policy_id         blob    not null references policies (id),
    number            integer not null,
    body              text    not null,
    note              text    not null,
    created_at        integer not null,
    created_by        blob    references users (id)
) strict;
create unique index policy_versions_number on policy_versions (policy_id, number);

-- room: catalog
create table catalogs (
    id                blob    not null primary key,
    name              text    not null,
    name_key          text    not null,
    description       text    not null,
    created_at        integer not null,
    version           integer not null
) strict;
create unique index catalogs_name_key on catalogs (name_key);

create table catalog_audience (
    catalog_id        blob    not null references catalogs (id),
    group_id          blob    not null references groups (id),
    primary key (catalog_id, group_id)
) strict;
create index catalog_audience_group on catalog_audience (group_id);

create table catalog_entitlements (
    catalog_id        blob    not null references catalogs (id),
    entitlement_id    blob    not null references entitlements (id),
    added_at          integer not null,
    primary key (catalog_id, entitlement_id)
) strict;
create index catalog_entitlements_entitlement on catalog_entitlements (entitlement_id);

-- An entitlement without a row here cannot be asked for, whatever catalog it is in; without
-- `emergency_policy_id` not in an emergency.
create table access_controls (
    entitlement_id    blob    not null primary key references entitlements (id),
    policy_id         blob    not null references policies (id),
    max_duration      integer,
    emergency_policy_id blob   references policies (id),
    set_at            integer not null,
    set_by            blob    references users (id),
    version           integer not null
) strict;
create index access_controls_policy on access_controls (policy_id);
create index access_controls_emergency on access_controls (emergency_policy_id) where emergency_policy_id is not null;
