-- What Stint is connected to: applications (what requesters see) and their connections
-- (one AWS estate each, by an IAM role with a generated External ID, by an access key or by the
-- host's own credentials), with their owners.

create table applications (
    id                 blob    not null primary key,
    name               text    not null,
    name_key           text    not null,
    description        text    not null,
    created_at         integer not null,
    version            integer not null
) strict;
create unique index applications_name_key on applications (name_key);

create table application_owners (
    application_id     blob    not null references applications (id),
    user_id            blob    not null references users (id),
    added_at           integer not null,
    added_by           blob    references users (id),
    primary key (application_id, user_id)
) strict;
create index application_owners_user on application_owners (user_id);

-- `iam`: whether Stint also reads and changes IAM users and groups of the credential's account.
-- `members`: the IAM of the organization's other accounts too, by `member_role` in each, with an
-- External ID that begins with `member_external_id`.
-- An External ID is no secret, but it is unique and never chosen. One way in (`reach_key`: the
-- role, the access key, or `host`) and one Identity Center instance belong to one connection: two
-- would manage the same pairs. The secret of an access key is sealed, and goes with the removal
-- of the connection; the row itself stays, since grants and the audit log name it.
create table connections (
    id                 blob    not null primary key,
    application_id     blob    not null references applications (id),
    name               text    not null,
    name_key           text    not null,
    credential         text    not null,
    reach_key          text,
    role_arn           text,
    account            text,
    access_key_id      text,
    key_sealed         blob,
    key_sealed_by      text,
    key_set_at         integer,
    external_id        text    not null,
    region             text    not null,
    iam                integer not null,
    scope              text    not null default '{}',
    members            integer not null,
    member_role        text,
    member_external_id text,
    status             text    not null,
    status_detail      text,
    instance_arn       text,
    identity_store_id  text,
    management_account text,
    last_test          text,
    tested_at          integer,
    last_sync_at       integer,
    draining_since     integer,
    draining_reason    text,
    removed_at         integer,
    created_at         integer not null,
    version            integer not null,
    check (status in ('not_connected', 'syncing', 'connected', 'failing')),
    check (credential in ('role', 'access_key', 'host'))
) strict;
create unique index connections_name_key on connections (name_key) where removed_at is null;
create unique index connections_reach_key on connections (reach_key);
create unique index connections_external_id on connections (external_id);
create unique index connections_instance_arn on connections (instance_arn) where removed_at is null;
create index connections_application on connections (application_id);

create table connection_owners (
    connection_id      blob    not null references connections (id),
    user_id            blob    not null references users (id),
    added_at           integer not null,
    added_by           blob    references users (id),
    primary key (connection_id, user_id)
) strict;
create index connection_owners_user on connection_owners (user_id);

-- What a connection hears of changes by, when it last heard any, and where its SCIM endpoint is: each
-- may be absent. One queue belongs to one connection: two would take each other's messages. The token is sealed.
create table connection_feeds (
    connection_id      blob    not null primary key references connections (id),
    queue_url          text,
    queue_set_at       integer,
    heard_at           integer,
    scim_endpoint      text,
    scim_sealed        blob,
    scim_sealed_by     text,
    scim_set_at        integer,
    scim_read_at       integer,
    scim_error         text
) strict;
create unique index connection_feeds_queue on connection_feeds (queue_url);
