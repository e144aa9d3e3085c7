-- Policies with their immutable versions; catalogs with their audience and entitlements;
-- how each entitlement may be asked for. name_key is the folded name, folded by the program.

-- room: policies
create table policies (
    id                uuid    not null primary key,
    name              text    not null,
    name_key          text    collate "C" not null,
    latest_number     bigint  not null,
    created_at        bigint  not null,
    version           bigint  not null
);
create unique index policies_name_key on policies (name_key);

-- Never updated, never deleted: requests point at the version they were asked under.
create table policy_versions (
    id                uuid    not null primary key,
    policy_id         uuid    not null references policies (id),
    number            bigint  not null,
    body              jsonb   not null,
    note              text    not null,
    created_at        bigint  not null,
    created_by        uuid    references users (id)
);
create unique index policy_versions_number on policy_versions (policy_id, number);

-- To which other policies the deadlines of a policy's latest version lead.
create table policy_others (
    policy_id         uuid    not null references policies (id),
    other_id          uuid    not null references policies (id),
    primary key (policy_id, other_id)
);
create index policy_others_other on policy_others (other_id);

-- room: catalog
-- `contents` are conditions over entitlements, `audience_when` one over people: what they are true of
-- is in it, and sees it, beside the lists. Policy and longest duration are for what has no access
-- control of its own; of several catalogs of one person the one with the lower rank says it.
create table catalogs (
    id                uuid    not null primary key,
    name              text    not null,
    name_key          text    collate "C" not null,
    description       text    not null,
    contents          jsonb   not null,
    audience_when     text,
    policy_id         uuid    references policies (id),
    max_duration      bigint,
    until_revoked     boolean not null,
    rank              bigint  not null,
    created_at        bigint  not null,
    version           bigint  not null,
    check (max_duration is null or policy_id is not null)
);
create unique index catalogs_name_key on catalogs (name_key);
create index catalogs_policy on catalogs (policy_id) where policy_id is not null;

create table catalog_audience (
    catalog_id        uuid    not null references catalogs (id),
    group_id          uuid    not null references groups (id),
    primary key (catalog_id, group_id)
);
create index catalog_audience_group on catalog_audience (group_id);

create table catalog_entitlements (
    catalog_id        uuid    not null references catalogs (id),
    entitlement_id    uuid    not null references entitlements (id),
    added_at          bigint  not null,
    primary key (catalog_id, entitlement_id)
);
create index catalog_entitlements_entitlement on catalog_entitlements (entitlement_id);

-- An entitlement without a row here is asked for as its catalog says; where that says nothing, not at all. Without
-- `emergency_policy_id` not in an emergency. `until_revoked`: the time limit is off where the policy allows that.
create table access_controls (
    entitlement_id    uuid    not null primary key references entitlements (id),
    policy_id         uuid    not null references policies (id),
    max_duration      bigint,
    until_revoked     boolean not null,
    emergency_policy_id uuid   references policies (id),
    set_at            bigint  not null,
    set_by            uuid    references users (id),
    version           bigint  not null
);
create index access_controls_policy on access_controls (policy_id);
create index access_controls_emergency on access_controls (emergency_policy_id) where emergency_policy_id is not null;

-- Counts the changes of catalogs and access controls, as `directory_version` does those of the
-- directory.
create table catalog_version (
    one               bigint not null primary key,
    version           bigint not null,
    check (one = 1)
);
insert into catalog_version (one, version) values (1, 1);

create function catalog_moved() returns trigger language plpgsql as $$
begin
    if current_setting('stint.catalog_moved', true) is distinct from 'yes' then
        perform set_config('stint.catalog_moved', 'yes', true);
        update catalog_version set version = version + 1;
    end if;
    return null;
end $$;

create trigger catalogs_came after insert on catalogs for each row execute function catalog_moved();
create trigger catalogs_moved after update on catalogs for each row execute function catalog_moved();
create trigger catalogs_left after delete on catalogs for each row execute function catalog_moved();
create trigger catalog_audience_came after insert on catalog_audience for each row execute function catalog_moved();
create trigger catalog_audience_moved after update on catalog_audience for each row execute function catalog_moved();
create trigger catalog_audience_left after delete on catalog_audience for each row execute function catalog_moved();
create trigger catalog_entitlements_came after insert on catalog_entitlements for each row execute function catalog_moved();
create trigger catalog_entitlements_moved after update on catalog_entitlements for each row execute function catalog_moved();
create trigger catalog_entitlements_left after delete on catalog_entitlements for each row execute function catalog_moved();
create trigger access_controls_came after insert on access_controls for each row execute function catalog_moved();
create trigger access_controls_moved after update on access_controls for each row execute function catalog_moved();
create trigger access_controls_left after delete on access_controls for each row execute function catalog_moved();
