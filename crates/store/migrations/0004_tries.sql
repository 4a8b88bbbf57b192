-- A hundred in a row at the front door, and which tries are of names that nobody has: of those only so many are kept.

ALTER TABLE attempts ADD COLUMN in_row  BIGINT  NOT NULL DEFAULT 0;      -- at the front door, not forgotten after a day
ALTER TABLE attempts ADD COLUMN of_user BOOLEAN NOT NULL DEFAULT FALSE;  -- somebody had that name at the last try
CREATE INDEX attempts_of_nobody ON attempts (in_row, tried_at) WHERE of_user = FALSE;
