-- A sign-in writes fewer pages. What is over is found in pieces by the primary key, so no index is kept for that alone; and of the
-- events only those that are gathered stand in the index of the gathered.

DROP INDEX sessions_by_idle;
DROP INDEX devices_by_expiry;
DROP INDEX attempts_by_age;

CREATE UNIQUE INDEX events_gathered_once ON events (gather) WHERE gather IS NOT NULL;
DROP INDEX events_gathered;

-- Whether there is an owner is asked at every start.
CREATE INDEX users_with_role ON users (role) WHERE role <> 'user';
