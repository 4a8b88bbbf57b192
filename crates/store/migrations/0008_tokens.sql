-- Tokens of people, beside those of programs.

ALTER TABLE api_tokens ADD COLUMN user_id TEXT REFERENCES users (id) ON DELETE CASCADE;   -- none: of a program
ALTER TABLE api_tokens ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;          -- the user's when it was made; void in a later one
ALTER TABLE api_tokens ADD COLUMN level BIGINT NOT NULL DEFAULT 2;          -- what the user had proven: 1 a code, 2 both
ALTER TABLE api_tokens ADD COLUMN hosts TEXT NOT NULL DEFAULT '';           -- where it opens programs, with spaces between

DROP INDEX api_tokens_by_name;
CREATE UNIQUE INDEX api_tokens_by_name ON api_tokens (COALESCE(user_id, ''), name);
CREATE INDEX api_tokens_of_user ON api_tokens (user_id);
