-- People: users, their product roles, groups of users, sign-ins and API tokens.
-- The *_key columns hold the folded form by which names and e-mail addresses are unique
-- and ordered; the program folds, so that both engines agree on every letter.
-- Times in sign_ins, sign_in_failures and api_tokens are wall-clock times.

-- A manager decides on what their people ask for where a policy says so: who made them one is kept.
-- `others_set_at`: when this user last changed who others are, so that a step may have lost its approvers.
create table users (
    id               uuid    not null primary key,
    name             text    not null,
    email            text    not null,
    email_key        text    collate "C" not null,
    search_text      text    not null,
    department       text,
    title            text,
    manager_id       uuid    references users (id),
    profile_set_at   bigint,
    profile_set_by   uuid    references users (id),
    others_set_at    bigint,
    manager_set_at   bigint,
    manager_set_by   uuid    references users (id),
    active           boolean not null,
    password_hash    text,
    created_at       bigint  not null,
    deactivated_at   bigint,
    version          bigint  not null
);
create unique index users_email_key on users (email_key);
create index users_manager on users (manager_id);

-- A role without a scope holds everywhere. Everybody has the role User; it is not stored.
create table user_roles (
    user_id          uuid    not null references users (id),
    role             text    not null,
    scope_kind       text,
    scope_id         uuid,
    granted_at       bigint  not null,
    granted_by       uuid    references users (id),
    check (role in ('super_admin', 'connection_admin', 'policy_admin', 'helpdesk', 'auditor')),
    check (scope_kind in ('application', 'connection')),
    check ((scope_kind is null) = (scope_id is null))
);
create unique index user_roles_unscoped on user_roles (user_id, role) where scope_id is null;
create unique index user_roles_scoped on user_roles (user_id, role, scope_kind, scope_id) where scope_id is not null;
create index user_roles_role on user_roles (role);

create table groups (
    id               uuid    not null primary key,
    name             text    not null,
    name_key         text    collate "C" not null,
    description      text    not null,
    created_at       bigint  not null,
    version          bigint  not null
);
create unique index groups_name_key on groups (name_key);

-- Who added whom, and when: somebody who let themselves into an approver group after a
-- request was made cannot decide on it.
create table group_members (
    group_id         uuid    not null references groups (id),
    user_id          uuid    not null references users (id),
    added_at         bigint  not null,
    added_by         uuid    references users (id),
    primary key (group_id, user_id)
);
create index group_members_user on group_members (user_id);

-- Only the SHA-256 of the cookie's value is here. `proved_at`: when the password was last given with
-- this sign-in; empty once the password was changed.
create table sign_ins (
    id               uuid    not null primary key,
    user_id          uuid    not null references users (id),
    secret_hash      bytea   not null,
    method           text    not null,
    created_at       bigint  not null,
    seen_at          bigint  not null,
    proved_at        bigint,
    ends_at          bigint  not null,
    ended_at         bigint,
    end_reason       text,
    check (method in ('password', 'demo')),
    check (end_reason in ('signed_out', 'ended', 'password_changed', 'deactivated')),
    check ((ended_at is null) = (end_reason is null))
);
create unique index sign_ins_secret_hash on sign_ins (secret_hash);
create index sign_ins_user on sign_ins (user_id, ended_at);

-- Tries since the last success, by the SHA-256 of the folded e-mail address, so that an
-- address nobody has is counted, and locked, like one somebody has. What somebody who is signed in
-- gives of their own password is counted apart, by "own" and the bytes of their id.
create table sign_in_failures (
    email_hash       bytea   not null primary key,
    failures         bigint  not null,
    last_at          bigint  not null,
    locked_until     bigint
);
create index sign_in_failures_last on sign_in_failures (last_at);

-- Only the SHA-256 of the token is here.
create table api_tokens (
    id               uuid    not null primary key,
    user_id          uuid    not null references users (id),
    name             text    not null,
    secret_hash      bytea   not null,
    created_at       bigint  not null,
    expires_at       bigint  not null,
    last_used_at     bigint,
    revoked_at       bigint,
    revoke_reason    text,
    check (revoke_reason in ('revoked', 'deactivated')),
    check ((revoked_at is null) = (revoke_reason is null))
);
create unique index api_tokens_secret_hash on api_tokens (secret_hash);
create index api_tokens_user on api_tokens (user_id, id);
