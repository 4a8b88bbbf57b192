//! Every table, for whoever takes all of it along: its columns, and the statements that read and write whole rows.
//!
//! A table whose columns change gets one more entry, and keeps the old one: a backup of before is read with it, and so is a
//! database that has not been brought up to date. What is done with the rows is in `dump.rs`.

use crate::Sql;
use crate::dump::Table;

/// All of them but `migrations`, which every database writes for itself. What refers to another comes after it.
pub(crate) const TABLES: &[Table] = &[
    Table {
        name: "keys",
        since: 8,
        columns: "id TEXT, purpose TEXT, sealed TEXT, active BOOLEAN, created_at BIGINT",
        key: &[0],
        count: Sql::new("SELECT count(*) FROM keys"),
        page: Sql::new(
            "SELECT id, purpose, sealed, active, created_at
             FROM keys WHERE id > $1 ORDER BY id LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO keys (id, purpose, sealed, active, created_at)
             VALUES ($1, $2, $3, $4, $5)",
        ),
    },
    Table {
        name: "policies",
        since: 8,
        columns: "name TEXT, value TEXT, since BIGINT",
        key: &[0],
        count: Sql::new("SELECT count(*) FROM policies"),
        page: Sql::new(
            "SELECT name, value, since
             FROM policies WHERE name > $1 ORDER BY name LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO policies (name, value, since)
             VALUES ($1, $2, $3)",
        ),
    },
    Table {
        name: "claims",
        since: 8,
        columns: "name TEXT, claimed_at BIGINT",
        key: &[0],
        count: Sql::new("SELECT count(*) FROM claims"),
        page: Sql::new(
            "SELECT name, claimed_at
             FROM claims WHERE name > $1 ORDER BY name LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO claims (name, claimed_at)
             VALUES ($1, $2)",
        ),
    },
    Table {
        name: "leases",
        since: 8,
        columns: "name TEXT, holder TEXT, fence BIGINT, until BIGINT",
        key: &[0],
        count: Sql::new("SELECT count(*) FROM leases"),
        page: Sql::new(
            "SELECT name, holder, fence, until
             FROM leases WHERE name > $1 ORDER BY name LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO leases (name, holder, fence, until)
             VALUES ($1, $2, $3, $4)",
        ),
    },
    Table {
        name: "revocations",
        since: 9,
        columns: "slot TEXT, number BIGINT",
        key: &[0],
        count: Sql::new("SELECT count(*) FROM revocations"),
        page: Sql::new(
            "SELECT slot, number
             FROM revocations WHERE slot > $1 ORDER BY slot LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO revocations (slot, number)
             VALUES ($1, $2)",
        ),
    },
    Table {
        name: "rule_books",
        since: 8,
        columns: "slot TEXT, revision BIGINT, rules TEXT, changed_at BIGINT",
        key: &[0],
        count: Sql::new("SELECT count(*) FROM rule_books"),
        page: Sql::new(
            "SELECT slot, revision, rules, changed_at
             FROM rule_books WHERE slot > $1 ORDER BY slot LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO rule_books (slot, revision, rules, changed_at)
             VALUES ($1, $2, $3, $4)",
        ),
    },
    Table {
        name: "users",
        since: 8,
        columns: "id TEXT, name TEXT, name_key TEXT, role TEXT, password TEXT, epoch BIGINT, disabled BOOLEAN,
                  wrong_codes BIGINT, created_at BIGINT, signed_in_at BIGINT, password_due BIGINT",
        key: &[0],
        count: Sql::new("SELECT count(*) FROM users"),
        page: Sql::new(
            "SELECT id, name, name_key, role, password, epoch, disabled, wrong_codes, created_at, signed_in_at,
             password_due
             FROM users WHERE id > $1 ORDER BY id LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO users (id, name, name_key, role, password, epoch, disabled, wrong_codes, created_at,
             signed_in_at, password_due)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        ),
    },
    Table {
        name: "registrations",
        since: 8,
        columns: "name_key TEXT, name TEXT, role TEXT, password TEXT, secret TEXT, token_mac TEXT,
                  link_mac TEXT, name_fixed BOOLEAN, address TEXT, next_path TEXT, created_at BIGINT,
                  expires_at BIGINT, sealed_by TEXT",
        key: &[0],
        count: Sql::new("SELECT count(*) FROM registrations"),
        page: Sql::new(
            "SELECT name_key, name, role, password, secret, token_mac, link_mac, name_fixed, address, next_path,
             created_at, expires_at, sealed_by
             FROM registrations WHERE name_key > $1 ORDER BY name_key LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO registrations (name_key, name, role, password, secret, token_mac, link_mac, name_fixed,
             address, next_path, created_at, expires_at, sealed_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        ),
    },
    Table {
        name: "groups",
        since: 8,
        columns: "id TEXT, name TEXT, name_key TEXT, created_at BIGINT",
        key: &[0],
        count: Sql::new("SELECT count(*) FROM groups"),
        page: Sql::new(
            "SELECT id, name, name_key, created_at
             FROM groups WHERE id > $1 ORDER BY id LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO groups (id, name, name_key, created_at)
             VALUES ($1, $2, $3, $4)",
        ),
    },
    Table {
        name: "members",
        since: 8,
        columns: "group_id TEXT, user_id TEXT, joined_at BIGINT",
        key: &[0, 1],
        count: Sql::new("SELECT count(*) FROM members"),
        page: Sql::new(
            "SELECT group_id, user_id, joined_at
             FROM members WHERE (group_id, user_id) > ($1, $2) ORDER BY group_id, user_id LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO members (group_id, user_id, joined_at)
             VALUES ($1, $2, $3)",
        ),
    },
    Table {
        name: "authenticators",
        since: 8,
        columns: "id TEXT, user_id TEXT, label TEXT, secret TEXT, algorithm TEXT, digits BIGINT, period BIGINT,
                  last_step BIGINT, created_at BIGINT, last_used_at BIGINT, name TEXT, drift BIGINT,
                  drift_votes BIGINT, retires_at BIGINT, sealed_by TEXT",
        key: &[0],
        count: Sql::new("SELECT count(*) FROM authenticators"),
        page: Sql::new(
            "SELECT id, user_id, label, secret, algorithm, digits, period, last_step, created_at, last_used_at,
             name, drift, drift_votes, retires_at, sealed_by
             FROM authenticators WHERE id > $1 ORDER BY id LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO authenticators (id, user_id, label, secret, algorithm, digits, period, last_step,
             created_at, last_used_at, name, drift, drift_votes, retires_at, sealed_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        ),
    },
    Table {
        name: "enrollments",
        since: 8,
        columns: "user_id TEXT, token_mac TEXT, secret TEXT, epoch BIGINT, keep BOOLEAN, next_path TEXT,
                  created_at BIGINT, expires_at BIGINT, purpose TEXT, name TEXT, session_id TEXT, moves TEXT,
                  password TEXT, level BIGINT, sealed_by TEXT",
        key: &[0],
        count: Sql::new("SELECT count(*) FROM enrollments"),
        page: Sql::new(
            "SELECT user_id, token_mac, secret, epoch, keep, next_path, created_at, expires_at, purpose, name,
             session_id, moves, password, level, sealed_by
             FROM enrollments WHERE user_id > $1 ORDER BY user_id LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO enrollments (user_id, token_mac, secret, epoch, keep, next_path, created_at,
             expires_at, purpose, name, session_id, moves, password, level, sealed_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        ),
    },
    Table {
        name: "recovery_codes",
        since: 8,
        columns: "user_id TEXT, mac TEXT",
        key: &[0, 1],
        count: Sql::new("SELECT count(*) FROM recovery_codes"),
        page: Sql::new(
            "SELECT user_id, mac
             FROM recovery_codes WHERE (user_id, mac) > ($1, $2) ORDER BY user_id, mac LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO recovery_codes (user_id, mac)
             VALUES ($1, $2)",
        ),
    },
    Table {
        name: "recovery_sheets",
        since: 8,
        columns: "user_id TEXT, codes TEXT, next_path TEXT, expires_at BIGINT, sealed_by TEXT",
        key: &[0],
        count: Sql::new("SELECT count(*) FROM recovery_sheets"),
        page: Sql::new(
            "SELECT user_id, codes, next_path, expires_at, sealed_by
             FROM recovery_sheets WHERE user_id > $1 ORDER BY user_id LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO recovery_sheets (user_id, codes, next_path, expires_at, sealed_by)
             VALUES ($1, $2, $3, $4, $5)",
        ),
    },
    Table {
        name: "logins",
        since: 8,
        columns: "token_mac TEXT, user_id TEXT, epoch BIGINT, keep BOOLEAN, next_path TEXT, created_at BIGINT,
                  expires_at BIGINT, owes TEXT",
        key: &[0],
        count: Sql::new("SELECT count(*) FROM logins"),
        page: Sql::new(
            "SELECT token_mac, user_id, epoch, keep, next_path, created_at, expires_at, owes
             FROM logins WHERE token_mac > $1 ORDER BY token_mac LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO logins (token_mac, user_id, epoch, keep, next_path, created_at, expires_at, owes)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        ),
    },
    Table {
        name: "sessions",
        since: 8,
        columns: "id TEXT, token_mac TEXT, user_id TEXT, epoch BIGINT, keep BOOLEAN, created_at BIGINT,
                  seen_at BIGINT, idle_at BIGINT, expires_at BIGINT, proved_at BIGINT, address TEXT, agent TEXT,
                  level BIGINT",
        key: &[0],
        count: Sql::new("SELECT count(*) FROM sessions"),
        page: Sql::new(
            "SELECT id, token_mac, user_id, epoch, keep, created_at, seen_at, idle_at, expires_at, proved_at,
             address, agent, level
             FROM sessions WHERE id > $1 ORDER BY id LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO sessions (id, token_mac, user_id, epoch, keep, created_at, seen_at, idle_at,
             expires_at, proved_at, address, agent, level)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        ),
    },
    Table {
        name: "devices",
        since: 8,
        columns: "id TEXT, user_id TEXT, token_mac TEXT, address TEXT, agent TEXT, created_at BIGINT,
                  seen_at BIGINT, expires_at BIGINT",
        key: &[0],
        count: Sql::new("SELECT count(*) FROM devices"),
        page: Sql::new(
            "SELECT id, user_id, token_mac, address, agent, created_at, seen_at, expires_at
             FROM devices WHERE id > $1 ORDER BY id LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO devices (id, user_id, token_mac, address, agent, created_at, seen_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        ),
    },
    Table {
        name: "setup_links",
        since: 8,
        columns: "slot TEXT, token_mac TEXT, name TEXT, role TEXT, created_at BIGINT, expires_at BIGINT",
        key: &[0],
        count: Sql::new("SELECT count(*) FROM setup_links"),
        page: Sql::new(
            "SELECT slot, token_mac, name, role, created_at, expires_at
             FROM setup_links WHERE slot > $1 ORDER BY slot LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO setup_links (slot, token_mac, name, role, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        ),
    },
    Table {
        name: "user_links",
        since: 8,
        columns: "user_id TEXT, token_mac TEXT, purpose TEXT, epoch BIGINT, created_at BIGINT, expires_at BIGINT",
        key: &[0],
        count: Sql::new("SELECT count(*) FROM user_links"),
        page: Sql::new(
            "SELECT user_id, token_mac, purpose, epoch, created_at, expires_at
             FROM user_links WHERE user_id > $1 ORDER BY user_id LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO user_links (user_id, token_mac, purpose, epoch, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        ),
    },
    Table {
        name: "tickets",
        since: 8,
        columns: "token_mac TEXT, session_id TEXT, origin TEXT, nonce_mac TEXT, expires_at BIGINT",
        key: &[0],
        count: Sql::new("SELECT count(*) FROM tickets"),
        page: Sql::new(
            "SELECT token_mac, session_id, origin, nonce_mac, expires_at
             FROM tickets WHERE token_mac > $1 ORDER BY token_mac LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO tickets (token_mac, session_id, origin, nonce_mac, expires_at)
             VALUES ($1, $2, $3, $4, $5)",
        ),
    },
    Table {
        name: "app_sessions",
        since: 8,
        columns: "token_mac TEXT, session_id TEXT, origin TEXT, created_at BIGINT",
        key: &[0],
        count: Sql::new("SELECT count(*) FROM app_sessions"),
        page: Sql::new(
            "SELECT token_mac, session_id, origin, created_at
             FROM app_sessions WHERE token_mac > $1 ORDER BY token_mac LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO app_sessions (token_mac, session_id, origin, created_at)
             VALUES ($1, $2, $3, $4)",
        ),
    },
    Table {
        name: "api_tokens",
        since: 8,
        columns: "id TEXT, token_mac TEXT, name TEXT, scopes TEXT, created_at BIGINT, expires_at BIGINT,
                  used_at BIGINT, user_id TEXT, epoch BIGINT, level BIGINT, hosts TEXT",
        key: &[0],
        count: Sql::new("SELECT count(*) FROM api_tokens"),
        page: Sql::new(
            "SELECT id, token_mac, name, scopes, created_at, expires_at, used_at, user_id, epoch, level, hosts
             FROM api_tokens WHERE id > $1 ORDER BY id LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO api_tokens (id, token_mac, name, scopes, created_at, expires_at, used_at, user_id,
             epoch, level, hosts)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        ),
    },
    Table {
        name: "attempts",
        since: 8,
        columns: "kind TEXT, name_mac TEXT, failures BIGINT, free_at BIGINT, tried_at BIGINT, in_row BIGINT,
                  of_user BOOLEAN",
        key: &[0, 1],
        count: Sql::new("SELECT count(*) FROM attempts"),
        page: Sql::new(
            "SELECT kind, name_mac, failures, free_at, tried_at, in_row, of_user
             FROM attempts WHERE (kind, name_mac) > ($1, $2) ORDER BY kind, name_mac LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO attempts (kind, name_mac, failures, free_at, tried_at, in_row, of_user)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        ),
    },
    Table {
        name: "quotas",
        since: 8,
        columns: "kind TEXT, address TEXT, used BIGINT, began_at BIGINT",
        key: &[0, 1],
        count: Sql::new("SELECT count(*) FROM quotas"),
        page: Sql::new(
            "SELECT kind, address, used, began_at
             FROM quotas WHERE (kind, address) > ($1, $2) ORDER BY kind, address LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO quotas (kind, address, used, began_at)
             VALUES ($1, $2, $3, $4)",
        ),
    },
    Table {
        name: "seals_removed",
        since: 8,
        columns: "slot TEXT, through BIGINT, last TEXT, events BIGINT, older BIGINT, at BIGINT, mac TEXT",
        key: &[0],
        count: Sql::new("SELECT count(*) FROM seals_removed"),
        page: Sql::new(
            "SELECT slot, through, last, events, older, at, mac
             FROM seals_removed WHERE slot > $1 ORDER BY slot LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO seals_removed (slot, through, last, events, older, at, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        ),
    },
    Table {
        name: "seals",
        since: 8,
        columns: "number BIGINT, kind TEXT, at BIGINT, newest BIGINT, count BIGINT, listed TEXT, previous TEXT,
                  mac TEXT",
        key: &[0],
        count: Sql::new("SELECT count(*) FROM seals"),
        page: Sql::new(
            "SELECT number, kind, at, newest, count, listed, previous, mac
             FROM seals WHERE number > $1 ORDER BY number LIMIT 50",
        ),
        insert: Sql::new(
            "INSERT INTO seals (number, kind, at, newest, count, listed, previous, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        ),
    },
    Table {
        name: "events",
        since: 8,
        columns: "id TEXT, at BIGINT, kind TEXT, user_id TEXT, name TEXT, address TEXT, detail TEXT,
                  gather TEXT, count BIGINT, mac TEXT, seal BIGINT",
        key: &[0],
        count: Sql::new("SELECT count(*) FROM events"),
        page: Sql::new(
            "SELECT id, at, kind, user_id, name, address, detail, gather, count, mac, seal
             FROM events WHERE id > $1 ORDER BY id LIMIT 500",
        ),
        insert: Sql::new(
            "INSERT INTO events (id, at, kind, user_id, name, address, detail, gather, count, mac, seal)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        ),
    },
];
