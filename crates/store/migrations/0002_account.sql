-- What people see and change of their own account: where a session began, and when all its factors were last given.

ALTER TABLE sessions ADD COLUMN proved_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN address   TEXT   NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN agent     TEXT   NOT NULL DEFAULT '';   -- what the browser calls itself
