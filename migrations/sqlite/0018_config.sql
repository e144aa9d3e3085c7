-- room: config
-- How things were applied last by configuration as code: the digest of their fields, so that a change by
-- hand is seen. What was applied is in the audit log.
create table config_applied (
    object     text    not null primary key,
    digest     text    not null,
    applied_at integer not null,
    applied_by blob    references users (id)
) strict;
