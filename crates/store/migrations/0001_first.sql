-- Valid in SQLite and in PostgreSQL. Three types: TEXT, BIGINT, BOOLEAN. Ids are made by us, times are Unix milliseconds,
-- sealed secrets and keyed MACs are base64 text.

CREATE TABLE users (
    id           TEXT    NOT NULL PRIMARY KEY,
    name         TEXT    NOT NULL,              -- as typed
    name_key     TEXT    NOT NULL,              -- lower case: how names are compared
    role         TEXT    NOT NULL,              -- user, admin, owner
    password     TEXT,                          -- PHC string of Argon2id; NULL for people without one
    epoch        BIGINT  NOT NULL DEFAULT 0,    -- raised by whatever ends all sessions
    disabled     BOOLEAN NOT NULL DEFAULT FALSE,
    wrong_codes  BIGINT  NOT NULL DEFAULT 0,    -- in a row, never forgotten
    created_at   BIGINT  NOT NULL,
    signed_in_at BIGINT
);
CREATE UNIQUE INDEX users_by_name ON users (name_key);

CREATE TABLE registrations (
    name_key   TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    role       TEXT   NOT NULL,
    password   TEXT,
    secret     TEXT   NOT NULL,                 -- sealed by auth::vault
    token_mac  TEXT   NOT NULL,                 -- of the browser that enrolls
    link_mac   TEXT,                            -- of the one-time link it began with
    name_fixed BOOLEAN NOT NULL,                -- by that link
    address    TEXT,                            -- NULL where no address budget applies
    next_path  TEXT   NOT NULL,                 -- where the person was going
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX registrations_by_token ON registrations (token_mac);
CREATE INDEX registrations_by_address ON registrations (address);
CREATE INDEX registrations_by_expiry ON registrations (expires_at);

CREATE TABLE authenticators (
    id           TEXT   NOT NULL PRIMARY KEY,
    user_id      TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    label        TEXT   NOT NULL,
    secret       TEXT   NOT NULL,               -- sealed by auth::vault
    algorithm    TEXT   NOT NULL,
    digits       BIGINT NOT NULL,
    period       BIGINT NOT NULL,               -- seconds
    last_step    BIGINT NOT NULL,               -- only grows; a step at or below it is spent
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX authenticators_of_user ON authenticators (user_id);

-- A new authenticator for somebody who exists: pending until its first code. One a user; a second start replaces the first.
CREATE TABLE enrollments (
    user_id    TEXT   NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    token_mac  TEXT   NOT NULL,
    secret     TEXT   NOT NULL,                 -- sealed by auth::vault
    epoch      BIGINT NOT NULL,                 -- of the user when it began
    keep       BOOLEAN NOT NULL,
    next_path  TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX enrollments_by_token ON enrollments (token_mac);
CREATE INDEX enrollments_by_expiry ON enrollments (expires_at);

CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    mac     TEXT NOT NULL,
    PRIMARY KEY (user_id, mac)
);

-- The ten codes as they were shown, sealed, until the person has saved them or the time is up.
CREATE TABLE recovery_sheets (
    user_id    TEXT   NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    codes      TEXT   NOT NULL,                 -- sealed by auth::vault
    next_path  TEXT   NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX recovery_sheets_by_expiry ON recovery_sheets (expires_at);

CREATE TABLE logins (
    token_mac  TEXT    NOT NULL PRIMARY KEY,
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    epoch      BIGINT  NOT NULL,
    keep       BOOLEAN NOT NULL,
    next_path  TEXT    NOT NULL,
    created_at BIGINT  NOT NULL,
    expires_at BIGINT  NOT NULL
);
CREATE INDEX logins_of_user ON logins (user_id);
CREATE INDEX logins_by_expiry ON logins (expires_at);

CREATE TABLE sessions (
    id         TEXT    NOT NULL PRIMARY KEY,
    token_mac  TEXT    NOT NULL,
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    epoch      BIGINT  NOT NULL,
    keep       BOOLEAN NOT NULL,
    created_at BIGINT  NOT NULL,
    seen_at    BIGINT  NOT NULL,
    idle_at    BIGINT  NOT NULL,                -- over when nobody has been seen until then
    expires_at BIGINT  NOT NULL                 -- over in any case
);
CREATE UNIQUE INDEX sessions_by_token ON sessions (token_mac);
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_by_idle ON sessions (idle_at);

CREATE TABLE attempts (
    kind     TEXT   NOT NULL,                   -- password, code, recovery
    name_mac TEXT   NOT NULL,                   -- the same for names that exist and that do not
    failures BIGINT NOT NULL,
    free_at  BIGINT NOT NULL,
    tried_at BIGINT NOT NULL,
    PRIMARY KEY (kind, name_mac)
);
CREATE INDEX attempts_by_age ON attempts (tried_at);

CREATE TABLE quotas (
    kind      TEXT   NOT NULL,
    address   TEXT   NOT NULL,
    used      BIGINT NOT NULL,
    began_at  BIGINT NOT NULL,
    PRIMARY KEY (kind, address)
);
CREATE INDEX quotas_by_age ON quotas (began_at);

CREATE TABLE setup_links (
    slot       TEXT   NOT NULL PRIMARY KEY,     -- 'owner', or 'user ' and the name: a new link voids the older one
    token_mac  TEXT   NOT NULL,
    name       TEXT,                            -- NULL: the person chooses
    role       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX setup_links_by_token ON setup_links (token_mac);

CREATE TABLE events (
    id      TEXT   NOT NULL PRIMARY KEY,        -- sortable by birth
    at      BIGINT NOT NULL,
    kind    TEXT   NOT NULL,
    user_id TEXT,                               -- no reference: events outlive people
    name    TEXT   NOT NULL,
    address TEXT   NOT NULL,
    detail  TEXT   NOT NULL,                    -- JSON
    gather  TEXT,                               -- failures of one kind, name and place in one minute share a row
    count   BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX events_gathered ON events (gather);
CREATE INDEX events_of_user ON events (user_id, at);

CREATE TABLE keys (
    id         TEXT    NOT NULL PRIMARY KEY,
    purpose    TEXT    NOT NULL,                -- canary, mac, pepper, seal
    sealed     TEXT    NOT NULL,                -- under the master key
    active     BOOLEAN NOT NULL,
    created_at BIGINT  NOT NULL
);

-- Things that only one may be the first to do: a row here is locked by whoever tries.
CREATE TABLE claims (
    name       TEXT   NOT NULL PRIMARY KEY,
    claimed_at BIGINT NOT NULL
);
