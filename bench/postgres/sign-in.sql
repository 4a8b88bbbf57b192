-- What a sign-in by code asks of PostgreSQL, for pgbench: the statements that the server logs while one is judged, in their order and in
-- the same transaction, with other values. They stand in crates/store: attempts, users, authenticators, sessions, devices, events.
-- The one read before it asks whether the budget rests. pgbench waits for each; the server sends some with the next one. `:people` is how many
-- there are.
\set number random(0, :people - 1)
\set now 1800000000000 + :client_id
\set high random(0, 9000000000000000000)
\set low random(0, 9000000000000000000)
SELECT free_at, in_row FROM attempts WHERE kind = 'code_alone' AND name_mac = 'mac-of-person' || :number;
BEGIN;
INSERT INTO attempts AS a (kind, name_mac, failures, free_at, tried_at, in_row, of_user)
VALUES ('code_alone', 'mac-of-person' || :number, 1, 0, CAST(:now AS BIGINT), 1,
        EXISTS (SELECT 1 FROM users WHERE name_key = 'person' || :number))
ON CONFLICT (kind, name_mac) DO UPDATE SET
    failures = a.failures + 1, tried_at = excluded.tried_at, in_row = a.in_row + excluded.in_row, of_user = excluded.of_user, free_at = 0
WHERE a.free_at <= excluded.tried_at AND a.in_row < 100
RETURNING failures, in_row, of_user;
SELECT id AS user_id, name, role, password, epoch, disabled, wrong_codes, created_at, signed_in_at, password_due
FROM users WHERE name_key = 'person' || :number \gset
SAVEPOINT inner_job;
SELECT id AS authenticator_id, user_id AS of_user, name, label, secret, algorithm, digits, period, last_step, drift, drift_votes
FROM authenticators WHERE user_id = :user_id AND (retires_at IS NULL OR retires_at > :now) ORDER BY id \gset
UPDATE authenticators SET last_step = last_step + 1, last_used_at = :now, drift = 0, drift_votes = 0
WHERE id = :authenticator_id AND last_step < 9000000000000000000 AND (retires_at IS NULL OR retires_at > :now);
UPDATE users SET wrong_codes = 0, signed_in_at = :now WHERE id = :user_id AND epoch = 0 AND disabled = FALSE;
INSERT INTO sessions (id, token_mac, user_id, epoch, keep, created_at, seen_at, proved_at, idle_at, expires_at, address, agent, level)
VALUES ('session-' || :high || '-' || :low, 'mac-of-a-session-' || :high || '-' || :low, :user_id, 0, FALSE, :now, :now, :now,
        CAST(:now AS BIGINT) + 1800000, CAST(:now AS BIGINT) + 43200000, '127.0.0.1', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0)', 1);
SELECT count(*) FROM sessions WHERE user_id = :user_id;
INSERT INTO devices (id, user_id, token_mac, address, agent, created_at, seen_at, expires_at)
VALUES ('device-' || :high || '-' || :low, :user_id, 'mac-of-a-device-' || :high || '-' || :low, '127.0.0.1',
        'Mozilla/5.0 (X11; Linux x86_64; rv:140.0)', :now, :now, CAST(:now AS BIGINT) + 31536000000)
ON CONFLICT (token_mac, user_id) DO UPDATE SET
    address = excluded.address, agent = excluded.agent, seen_at = excluded.seen_at, expires_at = excluded.expires_at;
SELECT count(*) FROM devices WHERE user_id = :user_id;
UPDATE attempts SET in_row = 0 WHERE name_mac = 'mac-of-person' || :number AND kind IN ('password', 'code_alone') AND in_row > 0;
INSERT INTO events AS e (id, at, kind, user_id, name, address, detail, gather, count, mac)
VALUES ('event-' || :high || '-' || :low, :now, 'sign_in.completed', :user_id, 'person' || :number, '127.0.0.1', '{}', NULL, 1, 'mac')
ON CONFLICT (gather) WHERE gather IS NOT NULL DO UPDATE SET count = e.count + 1 RETURNING id;
DELETE FROM attempts WHERE kind = 'code_alone' AND name_mac = 'mac-of-person' || :number;
RELEASE SAVEPOINT inner_job;
COMMIT;
