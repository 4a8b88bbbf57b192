-- The doors of other programs: who belongs to which group, what the rules are, and which browsers have come through.

CREATE TABLE groups (
    id         TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,                 -- as typed: programs are told it so
    name_key   TEXT   NOT NULL,                 -- lower case: how names are compared
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX groups_by_name ON groups (name_key);

CREATE TABLE members (
    group_id  TEXT   NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id   TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    joined_at BIGINT NOT NULL,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX members_of_user ON members (user_id);

-- The access rules that were made by command, in their order. One row, so that one look tells whether anything has changed.
CREATE TABLE rule_books (
    slot       TEXT   NOT NULL PRIMARY KEY,
    revision   BIGINT NOT NULL,                 -- raised by every change
    rules      TEXT   NOT NULL,                 -- JSON
    changed_at BIGINT NOT NULL
);

-- A way from the portal to the host of a program, for a browser that is signed in. Good once, for half a minute.
CREATE TABLE tickets (
    token_mac  TEXT   NOT NULL PRIMARY KEY,
    session_id TEXT   NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    origin     TEXT   NOT NULL,                 -- https://app.example.org: good there only
    nonce_mac  TEXT   NOT NULL,                 -- of the browser that asked there
    expires_at BIGINT NOT NULL
);
CREATE INDEX tickets_of_session ON tickets (session_id);
CREATE INDEX tickets_by_expiry ON tickets (expires_at);

-- A browser that is signed in at a program's host. True while the session that it came from is.
CREATE TABLE app_sessions (
    token_mac  TEXT   NOT NULL PRIMARY KEY,
    session_id TEXT   NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    origin     TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX app_sessions_of_session ON app_sessions (session_id, created_at);

-- What other programs show who ask us something.
CREATE TABLE api_tokens (
    id         TEXT   NOT NULL PRIMARY KEY,
    token_mac  TEXT   NOT NULL,
    name       TEXT   NOT NULL,                 -- of the program, for whoever looks after it
    scopes     TEXT   NOT NULL,                 -- what it may do, with spaces between
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT                           -- to the minute
);
CREATE UNIQUE INDEX api_tokens_by_token ON api_tokens (token_mac);
CREATE UNIQUE INDEX api_tokens_by_name ON api_tokens (name);
