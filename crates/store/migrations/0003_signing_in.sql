-- Several authenticators, known browsers, links from an administrator, and signing in by a code alone.

-- Until when somebody without a password may choose one by a code alone. NULL: not by a code alone.
ALTER TABLE users ADD COLUMN password_due BIGINT;
CREATE INDEX users_by_password_due ON users (password_due);

ALTER TABLE authenticators ADD COLUMN name        TEXT   NOT NULL DEFAULT '';  -- what its owner calls it
ALTER TABLE authenticators ADD COLUMN drift       BIGINT NOT NULL DEFAULT 0;   -- steps its clock is ahead, as learned
ALTER TABLE authenticators ADD COLUMN drift_votes BIGINT NOT NULL DEFAULT 0;   -- codes in a row that speak for another drift
ALTER TABLE authenticators ADD COLUMN retires_at  BIGINT;                      -- from then on its codes are only recognized
CREATE INDEX authenticators_by_retirement ON authenticators (retires_at);

ALTER TABLE enrollments ADD COLUMN purpose       TEXT    NOT NULL DEFAULT 'replace';  -- replace, add, move, swap
ALTER TABLE enrollments ADD COLUMN name          TEXT    NOT NULL DEFAULT '';  -- what the new authenticator will be called
ALTER TABLE enrollments ADD COLUMN session_id    TEXT;                         -- that began it: add, move, swap
ALTER TABLE enrollments ADD COLUMN moves         TEXT;                         -- the authenticator it takes the place of
ALTER TABLE enrollments ADD COLUMN password      TEXT;                         -- PHC string, set when it is confirmed
ALTER TABLE enrollments ADD COLUMN level         BIGINT  NOT NULL DEFAULT 2;   -- what was proven before: 1 no password, 2 a password

ALTER TABLE logins   ADD COLUMN owes  TEXT   NOT NULL DEFAULT 'code';          -- code, password
ALTER TABLE sessions ADD COLUMN level BIGINT NOT NULL DEFAULT 2;               -- 1: a code alone; 2: password and code

-- Browsers in which somebody has signed in.
CREATE TABLE devices (
    id         TEXT   NOT NULL PRIMARY KEY,
    user_id    TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_mac  TEXT   NOT NULL,
    address    TEXT   NOT NULL,
    agent      TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,                 -- when a sign-in was last completed there
    expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX devices_by_token ON devices (token_mac, user_id);
CREATE INDEX devices_of_user ON devices (user_id);
CREATE INDEX devices_by_expiry ON devices (expires_at);

-- One-time links by which an administrator helps somebody who has lost something. One a person: a new one voids the older.
CREATE TABLE user_links (
    user_id    TEXT   NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    token_mac  TEXT   NOT NULL,
    purpose    TEXT   NOT NULL,                 -- enroll, password, both
    epoch      BIGINT NOT NULL,                 -- of the user when it was made; void in a later one
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX user_links_by_token ON user_links (token_mac);
CREATE INDEX user_links_by_expiry ON user_links (expires_at);

-- What the place asks for, as the last start found it: a change is a switch, and begins a time of grace.
CREATE TABLE policies (
    name  TEXT   NOT NULL PRIMARY KEY,
    value TEXT   NOT NULL,
    since BIGINT NOT NULL
);
