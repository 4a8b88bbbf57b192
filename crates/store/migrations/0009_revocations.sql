-- How often anything was ended or taken from anybody, so that every node hears of it by reading one number.

CREATE TABLE revocations (
    slot   TEXT   NOT NULL PRIMARY KEY,   -- always `all`
    number BIGINT NOT NULL
);
