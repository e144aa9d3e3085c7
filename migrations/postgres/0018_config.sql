-- room: config
-- How things were applied last by configuration as code: the digest of their fields, so that a change by
-- hand is seen. What was applied is in the audit log.
create table config_applied (
    object     text    collate "C" not null primary key,
    digest     text    not null,
    applied_at bigint  not null,
    applied_by uuid    references users (id)
);
