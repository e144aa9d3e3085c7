-- In-app notices: what each person was told, by news of the outbox, and what they do not want to
-- be told. What a notice says is looked up when it is read; nothing here is the only copy of anything.

-- `kind` is a word of the program's list, which grows. `part` tells questions about one thing
-- apart (the step of a request). New: neither read nor settled; settled is what needs no answer any more.
create table notices (
    id                blob    not null primary key,
    user_id           blob    not null references users (id),
    kind              text    not null,
    thing             text    not null,
    thing_id          blob    not null,
    part              integer not null,
    times             integer not null,
    first_at          integer not null,
    last_at           integer not null,
    read_at           integer,
    settled_at        integer,
    check (thing in ('request', 'grant', 'delegation', 'connection'))
) strict;
create unique index notices_new on notices (user_id, kind, thing_id) where read_at is null and settled_at is null;
create index notices_user on notices (user_id, last_at, id);
create index notices_thing on notices (thing_id, kind);
create index notices_last on notices (last_at);

-- By which news somebody was told: each piece tells each person once, however often it comes.
create table notice_causes (
    news_id           blob    not null,
    user_id           blob    not null references users (id),
    notice_id         blob    not null references notices (id),
    primary key (news_id, user_id)
) strict;
create index notice_causes_notice on notice_causes (notice_id);

-- What somebody does not want to be told.
create table notice_switches (
    user_id           blob    not null references users (id),
    kind              text    not null,
    off_at            integer not null,
    primary key (user_id, kind)
) strict;
