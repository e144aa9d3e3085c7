-- Users by name, a page at a time.

create index users_search_text on users (search_text);
