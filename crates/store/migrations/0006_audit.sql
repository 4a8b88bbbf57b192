-- The audit log is sealed: each event is vouched for by the program that wrote it, and each seal by the one before.

ALTER TABLE events ADD COLUMN mac  TEXT NOT NULL DEFAULT '';  -- of what it says, but for the count; '' before there were seals
ALTER TABLE events ADD COLUMN seal BIGINT;                    -- the number of its seal; NULL until then
CREATE INDEX events_unsealed ON events (id) WHERE seal IS NULL;
CREATE INDEX events_by_seal ON events (seal) WHERE seal IS NOT NULL;

CREATE TABLE seals (
    number   BIGINT NOT NULL PRIMARY KEY,
    kind     TEXT   NOT NULL,                   -- events; adopted: written before there were seals
    at       BIGINT NOT NULL,
    newest   BIGINT NOT NULL,                   -- when the last of its events happened
    count    BIGINT NOT NULL,
    listed   TEXT   NOT NULL,                   -- JSON: the ids of its events, in their order
    previous TEXT   NOT NULL,                   -- the MAC of the seal before
    mac      TEXT   NOT NULL
);

-- Up to where seals have been removed with their events, since they were old. One row.
CREATE TABLE seals_removed (
    slot    TEXT   NOT NULL PRIMARY KEY,
    through BIGINT NOT NULL,                    -- the number of the last seal that is gone
    last    TEXT   NOT NULL,                    -- its MAC, from which the next one goes on
    events  BIGINT NOT NULL,                    -- how many are gone in all
    older   BIGINT NOT NULL,                    -- what had happened before then was old
    at      BIGINT NOT NULL,
    mac     TEXT   NOT NULL
);

-- Chores that one node does for all. Whoever takes one gets a number that nobody had before.
CREATE TABLE leases (
    name   TEXT   NOT NULL PRIMARY KEY,
    holder TEXT   NOT NULL,
    fence  BIGINT NOT NULL,
    until  BIGINT NOT NULL
);
