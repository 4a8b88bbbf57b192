-- Which key has sealed what. The engine keeps a key for as long as anything needs it, whatever races with its removal.

ALTER TABLE registrations   ADD COLUMN sealed_by TEXT REFERENCES keys (id);
ALTER TABLE authenticators  ADD COLUMN sealed_by TEXT REFERENCES keys (id);
ALTER TABLE enrollments     ADD COLUMN sealed_by TEXT REFERENCES keys (id);
ALTER TABLE recovery_sheets ADD COLUMN sealed_by TEXT REFERENCES keys (id);

-- Until now there was one key.
UPDATE registrations   SET sealed_by = (SELECT id FROM keys WHERE id = 'seal-1') WHERE secret LIKE 'seal-1.%';
UPDATE authenticators  SET sealed_by = (SELECT id FROM keys WHERE id = 'seal-1') WHERE secret LIKE 'seal-1.%';
UPDATE enrollments     SET sealed_by = (SELECT id FROM keys WHERE id = 'seal-1') WHERE secret LIKE 'seal-1.%';
UPDATE recovery_sheets SET sealed_by = (SELECT id FROM keys WHERE id = 'seal-1') WHERE codes LIKE 'seal-1.%';

CREATE INDEX registrations_by_key   ON registrations (sealed_by, name_key);
CREATE INDEX authenticators_by_key  ON authenticators (sealed_by, id);
CREATE INDEX enrollments_by_key     ON enrollments (sealed_by, user_id);
CREATE INDEX recovery_sheets_by_key ON recovery_sheets (sealed_by, user_id);
