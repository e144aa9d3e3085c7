-- What AWS holds: accounts, permission sets, principals, entitlements, and who holds what,
-- with its history. Everything here is observed; nothing is intended.

-- `tags` are those of the organization, as a reading begun at `tags_read_at` had them: both are absent
-- while they are not known. A reading counts that began at `tags_tried_at` or later: that is when the
-- last one began, or until when an older one would show what is doubted. `tags_refused_at`: since AWS
-- refused to tell, it has not.
create table accounts (
    id              uuid    not null primary key,
    connection_id   uuid    not null references connections (id),
    aws_id          text    not null,
    name            text    not null,
    email           text,
    state           text    not null,
    tags            jsonb,
    tags_read_at    bigint,
    tags_tried_at   bigint,
    tags_refused_at bigint,
    first_seen      bigint not null,
    last_seen       bigint not null,
    gone_at         bigint,
    check (state in ('active', 'suspended', 'pending', 'closed'))
);
create unique index accounts_aws_id on accounts (connection_id, aws_id);

create table permission_sets (
    connection_id    uuid    not null references connections (id),
    arn              text    not null,
    name             text    not null,
    description      text,
    session_duration text,
    policies         jsonb,
    policies_read_at bigint,
    first_seen       bigint not null,
    last_seen        bigint not null,
    gone_at          bigint,
    primary key (connection_id, arn)
);

-- `account` is that of an IAM user, and empty for others.
create table principals (
    id              uuid    not null primary key,
    connection_id   uuid    not null references connections (id),
    kind            text    not null,
    aws_id          text    not null,
    name            text    not null,
    display_name    text,
    email           text,
    active          boolean,
    sort_key        text    collate "C" not null,
    first_seen      bigint not null,
    last_seen       bigint not null,
    gone_at         bigint,
    account         text    not null default '',
    check (kind in ('identity_center_user', 'identity_center_group', 'iam_user'))
);
create unique index principals_aws_id on principals (connection_id, kind, aws_id);
create index principals_account on principals (connection_id, account) where account <> '';
create index principals_who on principals (sort_key, id);
create index principals_sort on principals (connection_id, sort_key, id);

-- `account` is empty for an Identity Center group. `name` is what people see, `sort_key` its
-- lower case; `aws_name` is what AWS calls an IAM group now: its calls go by names, while
-- `target` is the id, which never comes back for another. `owned_by` is the issuer of the external ids of an Identity Center
-- group that a directory provisions: its members come and go there, and nowhere else.
create table entitlements (
    id              uuid    not null primary key,
    connection_id   uuid    not null references connections (id),
    kind            text    not null,
    account         text    not null,
    target          text    not null,
    aws_name        text,
    name            text    not null,
    sort_key        text    collate "C" not null,
    owned_by        text,
    first_seen      bigint not null,
    last_seen       bigint not null,
    gone_at         bigint,
    check (kind in ('account_assignment', 'group_membership', 'iam_group_membership'))
);
create unique index entitlements_key on entitlements (connection_id, kind, account, target);
create index entitlements_what on entitlements (sort_key, id);
create index entitlements_account on entitlements (account, id);
create index entitlements_sort on entitlements (connection_id, sort_key, id);

-- One row for each time a principal was seen to hold an entitlement. It began after
-- `absent_before` (unknown: null) and at the latest at `first_seen`; it ended after
-- `last_seen` and at the latest at `ended_at`. All four are the begin of a reading.
create table assignments (
    id              uuid    not null primary key,
    connection_id   uuid    not null references connections (id),
    principal_id    uuid    not null references principals (id),
    entitlement_id  uuid    not null references entitlements (id),
    membership      text,
    absent_before   bigint,
    first_seen      bigint not null,
    last_seen       bigint not null,
    ended_at        bigint
);
create unique index assignments_held on assignments (principal_id, entitlement_id) where ended_at is null;
create index assignments_entitlement on assignments (entitlement_id, principal_id, ended_at, first_seen, absent_before);
create index assignments_principal on assignments (principal_id, entitlement_id, ended_at, first_seen, absent_before);
create index assignments_since on assignments (first_seen, id);
create index assignments_connection on assignments (connection_id, id);
create index assignments_membership on assignments (membership) where membership is not null;

create table sync_runs (
    id              uuid    not null primary key,
    connection_id   uuid    not null references connections (id),
    state           text    not null,
    phase           text    not null,
    done            bigint not null,
    expected        bigint not null,
    calls           bigint not null,
    seen            bigint not null,
    appeared        bigint not null,
    ended           bigint not null,
    unread          bigint not null,
    digest          text,
    error           text,
    started_at      bigint not null,
    moved_at        bigint not null,
    finished_at     bigint,
    attempt         bigint not null,
    plan            jsonb,
    check (state in ('running', 'held', 'ending', 'complete', 'set_aside', 'failed'))
);
create unique index sync_runs_one on sync_runs (connection_id) where state = 'running';
create index sync_runs_connection on sync_runs (connection_id, started_at, id);
create index sync_runs_open on sync_runs (connection_id, state) where state in ('held', 'ending');

-- What a run found gone, until it is written down or set aside: a reading begun at `began` did not
-- show it, which counts unless it was seen after `seen_until`.
create table sync_endings (
    sync_id         uuid    not null references sync_runs (id),
    assignment_id   uuid    not null references assignments (id),
    began           bigint not null,
    seen_until      bigint not null,
    primary key (sync_id, assignment_id)
);

-- What of a run is read whole, until it ends: whoever takes it over goes on from there. Of a list it
-- is known when its reading began: what was last seen before is not in it.
create table sync_scopes (
    sync_id         uuid    not null references sync_runs (id),
    scope           text    not null,
    began           bigint not null,
    digest          text    not null,
    primary key (sync_id, scope)
);

-- That a connection has had no full sync since for longer than it may: noticed first, and told once it
-- is still so a while later. Gone with the next full sync.
create table sync_overdue (
    connection_id   uuid    not null primary key references connections (id),
    since           bigint not null,
    noticed_at      bigint not null,
    told_at         bigint
);

-- When each kind of object was last read whole, by a run that is believed: the begin of that reading. `why`: the
-- last run, begun at `told_at`, did not read all of it. What changes between syncs does not count here.
create table class_readings (
    connection_id   uuid    not null references connections (id),
    class           text    not null,
    read_at         bigint,
    why             text,
    told_at         bigint not null,
    primary key (connection_id, class)
);

create table links (
    id              uuid    not null primary key,
    user_id         uuid    not null references users (id),
    principal_id    uuid    not null references principals (id),
    principal_kind  text    not null,
    account         text    not null,
    connection_id   uuid    not null references connections (id),
    state           text    not null,
    is_primary      boolean not null,
    why             text    not null,
    proposed_by     uuid    references users (id),
    proposed_at     bigint not null,
    decided_by      uuid    references users (id),
    decided_at      bigint,
    version         bigint not null,
    check (state in ('proposed', 'confirmed', 'rejected'))
);
create unique index links_pair on links (user_id, principal_id);
create unique index links_confirmed on links (principal_id) where state = 'confirmed';
create unique index links_primary on links (user_id, connection_id, principal_kind, account) where is_primary;
create index links_state on links (state, id);

-- The units of the organizations, to say by names where an account is.
create table organization_units (
    connection_id   uuid    not null references connections (id),
    aws_id          text    not null,
    name            text    not null,
    parent          text,
    seen_at         bigint  not null,
    primary key (connection_id, aws_id)
);

-- What else is known of an account: where it is (`path` by ids, `units` by names), and of its
-- IAM: whether it was read with the connection's own credentials (`iam_own`), whether it was read
-- the last time or why not, and its root user as the credential report of `report_at` has it.
-- `iam_read_at` is the begin of the last reading that left nothing out; `words` is what a search
-- looks through.
create table account_facts (
    connection_id   uuid    not null references connections (id),
    account         text    not null,
    name            text    not null,
    name_key        text    collate "C" not null,
    words           text    not null,
    path            text,
    units           text,
    alias           text,
    iam             text    not null,
    iam_own         boolean not null,
    iam_code        text,
    iam_why         text,
    iam_changed_at  bigint ,
    iam_read_at     bigint ,
    iam_listing     text,
    report_at       bigint ,
    root_mfa        boolean,
    root_keys       boolean,
    root_signed_in_at bigint ,
    primary key (connection_id, account),
    check (iam in ('not_read', 'read', 'refused'))
);
create index account_facts_name on account_facts (name_key, account, connection_id);

-- What AWS refused lately in an account (empty: in the organization), so that it is not asked
-- again at every sync.
create table denied_actions (
    connection_id   uuid    not null references connections (id),
    account         text    not null,
    action          text    not null,
    denied_at       bigint  not null,
    primary key (connection_id, account, action)
);

-- IAM roles, with who may assume them: `trust` lists the principals that the trust policy allows.
create table iam_roles (
    connection_id   uuid    not null references connections (id),
    aws_id          text    not null,
    account         text    not null,
    name            text    not null,
    path            text    not null,
    arn             text    not null,
    description     text,
    trust           jsonb   not null,
    max_session     bigint ,
    boundary        text,
    used_at         bigint ,
    used_in         text,
    made_at         bigint  not null,
    sort_key        text    collate "C" not null,
    first_seen      bigint  not null,
    last_seen       bigint  not null,
    gone_at         bigint ,
    primary key (connection_id, aws_id)
);
create index iam_roles_account on iam_roles (connection_id, account);
create index iam_roles_name on iam_roles (sort_key, aws_id, connection_id);

-- What is known of an IAM user's credentials, as the credential report of `report_at` has it, or a
-- reading after a change event that began then;
-- `keys` is a list. Without a report only `signed_in_at` may be known.
create table iam_users (
    principal_id    uuid    not null primary key references principals (id),
    path            text    not null,
    made_at         bigint  not null,
    signed_in_at    bigint ,
    password        boolean,
    mfa             boolean,
    keys            jsonb,
    oldest_key_at   bigint ,
    report_at       bigint 
);

-- What is to be read again because an event said that it may have changed: one row for each object,
-- however many events there were. `account` and `target` name it, by what its kind needs; empty
-- where it needs nothing. A reading counts from `settled_at` on; `generation` grows with every event.
create table changes (
    connection_id   uuid    not null references connections (id),
    kind            text    not null,
    account         text    not null,
    target          text    not null,
    first_at        bigint not null,
    heard_at        bigint not null,
    settled_at      bigint not null,
    due_at          bigint not null,
    events          bigint not null,
    generation      bigint not null,
    tries           bigint not null,
    error           text,
    primary key (connection_id, kind, account, target),
    check (kind in ('everything', 'accounts', 'account_tags', 'permission_set', 'assignments', 'users', 'user', 'groups', 'group', 'members', 'membership', 'iam_users', 'iam_user', 'iam_group', 'iam_credentials', 'iam_roles', 'iam_role', 'iam_account', 'units'))
);
create index changes_due on changes (connection_id, due_at);

-- What came of a connection's events. `ended` counts what readings after events have ended since
-- the whole estate was last read, at `ended_since`.
create table change_feeds (
    connection_id   uuid    not null primary key references connections (id),
    polled_at       bigint,
    messages        bigint not null,
    hints           bigint not null,
    ignored         bigint not null,
    unknown         bigint not null,
    malformed       bigint not null,
    last_unknown    text,
    error           text,
    error_at        bigint,
    ended           bigint not null,
    ended_since     bigint
);

-- Counts the changes of what conditions ask about entitlements: whoever keeps answers knows by it
-- whether they still hold. The triggers count, so that nothing that writes can forget to; what only
-- says when something was last seen does not count. A transaction counts once.
create table directory_version (
    one             bigint not null primary key,
    version         bigint not null,
    check (one = 1)
);
insert into directory_version (one, version) values (1, 1);

create function directory_moved() returns trigger language plpgsql as $$
begin
    if current_setting('stint.directory_moved', true) is distinct from 'yes' then
        perform set_config('stint.directory_moved', 'yes', true);
        update directory_version set version = version + 1;
    end if;
    return null;
end $$;

create trigger entitlements_came after insert on entitlements for each row execute function directory_moved();
create trigger entitlements_moved after update on entitlements for each row when (old.name is distinct from new.name or old.sort_key is distinct from new.sort_key or old.aws_name is distinct from new.aws_name or old.owned_by is distinct from new.owned_by or (old.gone_at is null) is distinct from (new.gone_at is null)) execute function directory_moved();
create trigger accounts_came after insert on accounts for each row execute function directory_moved();
create trigger accounts_moved after update on accounts for each row when (old.name is distinct from new.name or old.tags is distinct from new.tags) execute function directory_moved();
create trigger account_facts_came after insert on account_facts for each row execute function directory_moved();
create trigger account_facts_moved after update on account_facts for each row when (old.path is distinct from new.path) execute function directory_moved();
create trigger account_facts_left after delete on account_facts for each row execute function directory_moved();
create trigger permission_sets_came after insert on permission_sets for each row execute function directory_moved();
create trigger permission_sets_moved after update on permission_sets for each row when (old.name is distinct from new.name) execute function directory_moved();
create trigger principals_came after insert on principals for each row when (new.kind = 'identity_center_group') execute function directory_moved();
create trigger principals_moved after update on principals for each row when (new.kind = 'identity_center_group' and old.name is distinct from new.name) execute function directory_moved();
create trigger connections_came after insert on connections for each row execute function directory_moved();
create trigger connections_moved after update on connections for each row when (old.name is distinct from new.name or old.application_id is distinct from new.application_id or old.scope is distinct from new.scope or (old.removed_at is null) is distinct from (new.removed_at is null)) execute function directory_moved();
create trigger applications_came after insert on applications for each row execute function directory_moved();
create trigger applications_moved after update on applications for each row when (old.name is distinct from new.name) execute function directory_moved();

-- Whether tags are read was switched: what was read before is not believed, now or when it is switched back.
create function account_tags_switched() returns trigger language plpgsql as $$
begin
    update accounts set tags = null, tags_read_at = null, tags_refused_at = null where connection_id = new.id;
    return null;
end $$;

create trigger connections_tags_switched after update on connections for each row when ((old.scope -> 'account_tags') is distinct from (new.scope -> 'account_tags')) execute function account_tags_switched();
