PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE migrations (
    version        BIGINT NOT NULL PRIMARY KEY,
    name           TEXT   NOT NULL,
    checksum       TEXT   NOT NULL,
    min_compatible BIGINT NOT NULL,
    applied_at     BIGINT NOT NULL
);
INSERT INTO migrations VALUES(1,'first','3b4ae1318b4fab7bbe7063e198c20889704c50ccd3c7f71a659a6077309f017b',1,1795529132000);
INSERT INTO migrations VALUES(2,'account','56868c826aeeee879799332b9be4d9d435b34c331f8ee20affd9c155f5c05a33',1,1795529132000);
INSERT INTO migrations VALUES(3,'signing_in','be516331973689a34cd65f3a9a89cbce785215fd5f7878fc78c083ffb602ab19',3,1795529132000);
CREATE TABLE users (
    id           TEXT    NOT NULL PRIMARY KEY,
    name         TEXT    NOT NULL,              -- as typed
    name_key     TEXT    NOT NULL,              -- lower case: how names are compared
    role         TEXT    NOT NULL,              -- user, admin, owner
    password     TEXT,                          -- PHC string of Argon2id; NULL for people without one
    epoch        BIGINT  NOT NULL DEFAULT 0,    -- raised by whatever ends all sessions
    disabled     BOOLEAN NOT NULL DEFAULT FALSE,
    wrong_codes  BIGINT  NOT NULL DEFAULT 0,    -- in a row, never forgotten
    created_at   BIGINT  NOT NULL,
    signed_in_at BIGINT
, password_due BIGINT);
INSERT INTO users VALUES('06h0ro27s072htrvala3b2j52g','Ada','ada','user','$argon2id$v=19$m=64,t=1,p=1$+0RL4pQvAatAePQWSaSq0w$SIsGw8u/5m+xXzddQjWrJ2V9e37vrUTVdQ6r34aKWaA',0,0,0,1795529132000,1795529132000,NULL);
INSERT INTO users VALUES('06h0ro9i82b5gl7rb0nsp6duec','olga','olga','owner','$argon2id$v=19$m=64,t=1,p=1$4B0Gph6IhpKnKwTXHLjUVw$aXgn65dJDqilAykg2/hZjbv7ezl4tBfntZjLlu/yFb0',1,0,0,1795529192000,1795529252000,NULL);
INSERT INTO users VALUES('06h0rod7e2cioq1th72t4mg4fg','carol','carol','user',NULL,0,0,0,1795529222000,NULL,1827065222000);
INSERT INTO users VALUES('06h0rod7e0qqafnt1f3d690lg4','dora.d@example.org','dora.d@example.org','user','$argon2id$v=19$m=64,t=1,p=1$T43/XSdmeSa/csOH5FE0Ig$yAU3SaSVzSjZXFqsleYC4qDyLc84n4yOoILXedoCbpw',0,0,1,1795529222000,1795529222000,NULL);
CREATE TABLE registrations (
    name_key   TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    role       TEXT   NOT NULL,
    password   TEXT,
    secret     TEXT   NOT NULL,                 -- sealed by auth::vault
    token_mac  TEXT   NOT NULL,                 -- of the browser that enrolls
    link_mac   TEXT,                            -- of the one-time link it began with
    name_fixed BOOLEAN NOT NULL,                -- by that link
    address    TEXT,                            -- NULL where no address budget applies
    next_path  TEXT   NOT NULL,                 -- where the person was going
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
INSERT INTO registrations VALUES('eve','eve','user','$argon2id$v=19$m=64,t=1,p=1$wV6mPUXCrbIyOekNhNlD4g$ptdBamnjZH2FupfE0tMB73k/KBGF44DLio/1VUbazHo','seal-1.ulmBo945sZGlSysKZvRp4wpRIgHtyLsECrB8/M47VwojeYZgt2HBL8NwIkoYhL3ySFk6k0jDlszgrqmN','tnlhY899tW9BZp7Xvarvgq0xVo77X0mhAMALheM98nw=',NULL,0,'203.0.113.9','',1795529252000,1795531052000);
CREATE TABLE authenticators (
    id           TEXT   NOT NULL PRIMARY KEY,
    user_id      TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    label        TEXT   NOT NULL,
    secret       TEXT   NOT NULL,               -- sealed by auth::vault
    algorithm    TEXT   NOT NULL,
    digits       BIGINT NOT NULL,
    period       BIGINT NOT NULL,               -- seconds
    last_step    BIGINT NOT NULL,               -- only grows; a step at or below it is spent
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT
, name        TEXT   NOT NULL DEFAULT '', drift       BIGINT NOT NULL DEFAULT 0, drift_votes BIGINT NOT NULL DEFAULT 0, retires_at  BIGINT);
INSERT INTO authenticators VALUES('06h0ro27s3m582rn6qtp53c24g','06h0ro27s072htrvala3b2j52g','Latchkey: Ada','seal-1.4tg+77gMjDhGODKiYPdYNI/nc19iPPC1bBccj7WnqRdkQlqhyWgVOGrr3qqweSGPg8ukuXmWP5Auzahw','SHA1',6,30,59850971,1795529132000,1795529132000,'',0,0,NULL);
INSERT INTO authenticators VALUES('06h0ro5t21800oe156t3hhjem0','06h0ro27s072htrvala3b2j52g','Latchkey: Ada (iPad)','seal-1.I2pewFoE8qHhGvVm54nKqn3ywxFSpOS/3s7oEmsIhJXeK3LEX1iXz9TDJsv7BPOe4ugcVzp9lsjpKRq1','SHA1',6,30,59850972,1795529162000,1795529162000,'iPad',0,0,NULL);
INSERT INTO authenticators VALUES('06h0ro9i80g469j8qaim1rhtqg','06h0ro27s072htrvala3b2j52g','Latchkey: Ada (Gone)','seal-1.IeVv+vJSIQcpmvmYnAhTCf6K1kwhWFjPqLprSuK100koN/hD10lL/NKPQKzVOj27aroLLZ3YJd+4LvwU','SHA1',6,30,59850973,1795529192000,1795529192000,'Gone',0,0,1795529192000);
INSERT INTO authenticators VALUES('06h0ro9i82j30q1da3cqn94bk0','06h0ro9i82b5gl7rb0nsp6duec','Latchkey: olga','seal-1.iJhmpvLCe/j05oP4X7tV2Pm2nErZiVbJXKBwG8koqthKImcys+kCZ7HFiXnyRNMfLuzldc4Y0FrIz4eQ','SHA1',6,30,59850975,1795529192000,1795529252000,'',0,0,NULL);
INSERT INTO authenticators VALUES('06h0rod7e14ktgqm09pckn4ssg','06h0rod7e2cioq1th72t4mg4fg','YourApp: carol','seal-1.v+Hpfs0MiQ7EXUdHmur6rwhvyI4es/N/PhossFn8k1lnwDukzyUskaXWmool1xqCJggSsmBOONSu3pMG','SHA1',6,30,59850972,1795529222000,NULL,'',0,0,NULL);
INSERT INTO authenticators VALUES('06h0rod7e2rn36c8b2p6h578u8','06h0rod7e0qqafnt1f3d690lg4','Latchkey: dora.d@example.org','seal-1.SJ2fWtBdTnBuhAnxaeN8PSX4WybKlmAFKM/nxL3enRZh2Mpsv+qDoDJqKcgAexJ4meaOekVCNngjjCs3','SHA1',6,30,59850974,1795529222000,1795529222000,'',0,0,NULL);
CREATE TABLE enrollments (
    user_id    TEXT   NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    token_mac  TEXT   NOT NULL,
    secret     TEXT   NOT NULL,                 -- sealed by auth::vault
    epoch      BIGINT NOT NULL,                 -- of the user when it began
    keep       BOOLEAN NOT NULL,
    next_path  TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
, purpose       TEXT    NOT NULL DEFAULT 'replace', name          TEXT    NOT NULL DEFAULT '', session_id    TEXT, moves         TEXT, password      TEXT, level         BIGINT  NOT NULL DEFAULT 2);
INSERT INTO enrollments VALUES('06h0ro27s072htrvala3b2j52g','cnEw34JzUZdGUSnKjYGOjt45fRhIgUfgBgcuZ02GQB4=','seal-1.Gasr+ZITzncWxfnoBgvzqUJFwEd4GIAa2QKtCF+wBzl9CKq1wt6Z1Y7uQpaew9/ygmbGUXDEFS1xgYSf',0,0,'',1795529192000,1795530992000,'add','Waits','06h0ro27s1pidfl1fcgtd4v2vs',NULL,NULL,2);
CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    mac     TEXT NOT NULL,
    PRIMARY KEY (user_id, mac)
);
INSERT INTO recovery_codes VALUES('06h0ro27s072htrvala3b2j52g','Ny5KVg8781y71tVL+AUf5iaiJ3zYYABPrf/y6PtxtIk=');
INSERT INTO recovery_codes VALUES('06h0ro27s072htrvala3b2j52g','hF9Yo0Xjm1NOCY8E7rhP9xUD6qURz1kLCAJdQ5Xx/BQ=');
INSERT INTO recovery_codes VALUES('06h0ro27s072htrvala3b2j52g','8i85zbNgq0Q5wEANhaRUmeFlKlJwELbuZSgrcXXGpG4=');
INSERT INTO recovery_codes VALUES('06h0ro27s072htrvala3b2j52g','VAoH5MgckDPSLMm/EBxcHj5y3Ro/sMVPrBREpwCbb1Y=');
INSERT INTO recovery_codes VALUES('06h0ro27s072htrvala3b2j52g','C+3g8Q8Q48qnSqBZ4maX8TdYkfYXWsQoRisS2BOWrjY=');
INSERT INTO recovery_codes VALUES('06h0ro27s072htrvala3b2j52g','5hW99Fa0IRscwgUvSAjdkH9Juh9HJcBWeFFRyt9QS2w=');
INSERT INTO recovery_codes VALUES('06h0ro27s072htrvala3b2j52g','+ahKx7EkwDiKSgoYJa28tFjmjpd2fMphU2TE+O6DSLM=');
INSERT INTO recovery_codes VALUES('06h0ro27s072htrvala3b2j52g','9SyfpUv0YAyI09SfdKLTt65zTNhMdIQ9DXzaGpZLcSo=');
INSERT INTO recovery_codes VALUES('06h0ro27s072htrvala3b2j52g','a2pfF9A5kWDeId628OeUL97CwHNpt3ecmYxNg+iyCwI=');
INSERT INTO recovery_codes VALUES('06h0ro27s072htrvala3b2j52g','BVdhcNE1nyUWJ/i6xAyjYSIwdci5gi5BRufxf1wv5kQ=');
INSERT INTO recovery_codes VALUES('06h0ro9i82b5gl7rb0nsp6duec','CgKRvFp2tvgQ6/Bs6v5AjXInuQfTdHB40NqrB594F8w=');
INSERT INTO recovery_codes VALUES('06h0ro9i82b5gl7rb0nsp6duec','0nv/zaiIO9Ds2sfTKpAhF6LFGjI1y0ofDZJtCUIoRSs=');
INSERT INTO recovery_codes VALUES('06h0ro9i82b5gl7rb0nsp6duec','dBXBaq8DNUn1xjMMPU7VHy6qaq8EKvLM0wYpSkJ00Dk=');
INSERT INTO recovery_codes VALUES('06h0ro9i82b5gl7rb0nsp6duec','TMbsZiR6u+MZbG3I5qL7PHeHCrljUKqhPfAHTGdcLFY=');
INSERT INTO recovery_codes VALUES('06h0ro9i82b5gl7rb0nsp6duec','tlo7eX/nahcQKTYXaa1XYKTHBFnAEygG33JeTCUzcKE=');
INSERT INTO recovery_codes VALUES('06h0ro9i82b5gl7rb0nsp6duec','4fnJjxZAXDfWp6KVw55pH/FidspzuTdF41w0HXVFz4Q=');
INSERT INTO recovery_codes VALUES('06h0ro9i82b5gl7rb0nsp6duec','bYspQNomCR5MEgl97XKKZbf8Sz73f9WwHux+EP/4EJM=');
INSERT INTO recovery_codes VALUES('06h0ro9i82b5gl7rb0nsp6duec','stqoYu+WxXf61TjnyY8Ndj0uVfUqc47PLvqAqcCuEv8=');
INSERT INTO recovery_codes VALUES('06h0ro9i82b5gl7rb0nsp6duec','pDypSx6aJ5Q4r7/lT1Eo7fKEP29NpYjpfLQo8AoehWw=');
INSERT INTO recovery_codes VALUES('06h0ro9i82b5gl7rb0nsp6duec','y/hQPK/u6E7D9XWQBDVuEJ0M6jI6cnCQp4+d5MGqNxE=');
INSERT INTO recovery_codes VALUES('06h0rod7e0qqafnt1f3d690lg4','+xjOJ7P4zeJruCxdZnEAs5Oj+4SDg1FkuN97liOGmN0=');
INSERT INTO recovery_codes VALUES('06h0rod7e0qqafnt1f3d690lg4','4FeHtKzRCfuhrs2OtbeLBcNkz6ZCKNU6Nh3BzwE90Lg=');
INSERT INTO recovery_codes VALUES('06h0rod7e0qqafnt1f3d690lg4','DGl9czm0BFo7DiX7y+0zfPjShiDmxwEQKVgwWDFnf9U=');
INSERT INTO recovery_codes VALUES('06h0rod7e0qqafnt1f3d690lg4','HArIrKxZPy4PnsGrxrbywRUQwF/2vOkMKRYmKnmpjyo=');
INSERT INTO recovery_codes VALUES('06h0rod7e0qqafnt1f3d690lg4','kYnOp315d3OxkrF9Wv32n0VrQBc9PTttmiCtJAaxSIw=');
INSERT INTO recovery_codes VALUES('06h0rod7e0qqafnt1f3d690lg4','3ddKsOx2W64UwjspHfYAQxIwqxC9SmMGXtB0pgsF9mM=');
INSERT INTO recovery_codes VALUES('06h0rod7e0qqafnt1f3d690lg4','SrRy/WKSYPrRtaAVrL44fYkeIobXDmKI8IyD57QfHNs=');
INSERT INTO recovery_codes VALUES('06h0rod7e0qqafnt1f3d690lg4','4IEQ7P5mXQn00BgheSK48P1CQVj+KrGRKjkcU894LZ4=');
INSERT INTO recovery_codes VALUES('06h0rod7e0qqafnt1f3d690lg4','lhoeTj2vPp3WmRTs4jJJNPYAZqipxLDSQ3PudKetu0A=');
INSERT INTO recovery_codes VALUES('06h0rod7e0qqafnt1f3d690lg4','ysu2dzc2/V1rhKuK5LEBgXaUQLlcn3oLDLQ36/PM1tU=');
CREATE TABLE recovery_sheets (
    user_id    TEXT   NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    codes      TEXT   NOT NULL,                 -- sealed by auth::vault
    next_path  TEXT   NOT NULL,
    expires_at BIGINT NOT NULL
);
INSERT INTO recovery_sheets VALUES('06h0ro27s072htrvala3b2j52g','seal-1.plErJTLYZxNPo2eUuhPnVyM2wUKs1HBHSHUUluAzyWe+hqcpWcpeZcayzzndzI0Lj1cK4oMxd7k1AazYyDkuveOnafkuOLDE/cFH2lkQNqF/eb66B7xCfimaVkXLxvrryURBwSBFq70lkK2pIgMivW/Jo8QE4gOudQaDMZObABvyvg616FCc84Wlnw4bjVI5bVuS19eD/Kb8smZxPXt7CDP5NnzHqrlW/t9VIekHZ2f83U4HRv1hPoDvhE0dYwQE2sNGmBnhhYzrKv6c+XZWe8Nu/1jrzxtbL4Wvq8g5+qw26mDFOTn7svcVdVn8tN8=','/account',1795530092000);
CREATE TABLE logins (
    token_mac  TEXT    NOT NULL PRIMARY KEY,
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    epoch      BIGINT  NOT NULL,
    keep       BOOLEAN NOT NULL,
    next_path  TEXT    NOT NULL,
    created_at BIGINT  NOT NULL,
    expires_at BIGINT  NOT NULL
, owes  TEXT   NOT NULL DEFAULT 'code');
INSERT INTO logins VALUES('HbkCO9gnavNyHzKzb3+3WrHUJBfNxsU707OQtdVPkHk=','06h0rod7e0qqafnt1f3d690lg4',0,0,'',1795529252000,1795529852000,'code');
CREATE TABLE sessions (
    id         TEXT    NOT NULL PRIMARY KEY,
    token_mac  TEXT    NOT NULL,
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    epoch      BIGINT  NOT NULL,
    keep       BOOLEAN NOT NULL,
    created_at BIGINT  NOT NULL,
    seen_at    BIGINT  NOT NULL,
    idle_at    BIGINT  NOT NULL,                -- over when nobody has been seen until then
    expires_at BIGINT  NOT NULL                 -- over in any case
, proved_at BIGINT NOT NULL DEFAULT 0, address   TEXT   NOT NULL DEFAULT '', agent     TEXT   NOT NULL DEFAULT '', level BIGINT NOT NULL DEFAULT 2);
INSERT INTO sessions VALUES('06h0ro27s1pidfl1fcgtd4v2vs','lCL0lou6sm+7CfC/OzDHuVNWyNEbLfO+uTimU1QC6u4=','06h0ro27s072htrvala3b2j52g',0,0,1795529132000,1795529192000,1795530992000,1795572332000,1795529132000,'127.0.0.1','',2);
INSERT INTO sessions VALUES('06h0rogsk1k91gosdk2lf7rd3g','NqLU9Ns5+NI+G8dASvH65e9Uv40kez9LPhDOTSO0my8=','06h0ro9i82b5gl7rb0nsp6duec',1,1,1795529252000,1795529252000,1798121252000,1798121252000,1795529252000,'127.0.0.1','',2);
CREATE TABLE attempts (
    kind     TEXT   NOT NULL,                   -- password, code, recovery
    name_mac TEXT   NOT NULL,                   -- the same for names that exist and that do not
    failures BIGINT NOT NULL,
    free_at  BIGINT NOT NULL,
    tried_at BIGINT NOT NULL,
    PRIMARY KEY (kind, name_mac)
);
INSERT INTO attempts VALUES('password','LPSQwvKQYq0dWtLjPLre5PQ8d6kvnqTF9dUXjfJGulI=',0,1795529252000,1795529252000);
INSERT INTO attempts VALUES('code','LPSQwvKQYq0dWtLjPLre5PQ8d6kvnqTF9dUXjfJGulI=',1,1795529252000,1795529252000);
CREATE TABLE quotas (
    kind      TEXT   NOT NULL,
    address   TEXT   NOT NULL,
    used      BIGINT NOT NULL,
    began_at  BIGINT NOT NULL,
    PRIMARY KEY (kind, address)
);
INSERT INTO quotas VALUES('registration','203.0.113.9',1,1795529252000);
CREATE TABLE setup_links (
    slot       TEXT   NOT NULL PRIMARY KEY,     -- 'owner', or 'user ' and the name: a new link voids the older one
    token_mac  TEXT   NOT NULL,
    name       TEXT,                            -- NULL: the person chooses
    role       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
INSERT INTO setup_links VALUES('user frank','jljBuznRyfgD0GLTW3cnva6y+qLfRSS3UGCXvW7rGKQ=','frank','admin',1795529252000,1795788452000);
CREATE TABLE events (
    id      TEXT   NOT NULL PRIMARY KEY,        -- sortable by birth
    at      BIGINT NOT NULL,
    kind    TEXT   NOT NULL,
    user_id TEXT,                               -- no reference: events outlive people
    name    TEXT   NOT NULL,
    address TEXT   NOT NULL,
    detail  TEXT   NOT NULL,                    -- JSON
    gather  TEXT,                               -- failures of one kind, name and place in one minute share a row
    count   BIGINT NOT NULL DEFAULT 1
);
INSERT INTO events VALUES('06h0ro27s2e3ki50cmgmp26228',1795529132000,'registration.started',NULL,'Ada','127.0.0.1','{}',NULL,1);
INSERT INTO events VALUES('06h0ro27s1d2di96c73k1dab8c',1795529132000,'user.created','06h0ro27s072htrvala3b2j52g','Ada','127.0.0.1','{"role":"user"}',NULL,1);
INSERT INTO events VALUES('06h0ro27s0sju65tvebtfeei88',1795529132000,'recovery.codes_saved','06h0ro27s072htrvala3b2j52g','Ada','127.0.0.1','{}',NULL,1);
INSERT INTO events VALUES('06h0ro5t227bg82se8veogr00o',1795529162000,'authenticator.added','06h0ro27s072htrvala3b2j52g','Ada','127.0.0.1','{"name":"iPad"}',NULL,1);
INSERT INTO events VALUES('06h0ro9i82i1s2c8alv99h4ts4',1795529192000,'authenticator.added','06h0ro27s072htrvala3b2j52g','Ada','127.0.0.1','{"name":"Gone"}',NULL,1);
INSERT INTO events VALUES('06h0ro9i827damoumrb46k780s',1795529192000,'authenticator.removed','06h0ro27s072htrvala3b2j52g','Ada','127.0.0.1','{"label":"Latchkey: Ada (Gone)"}',NULL,1);
INSERT INTO events VALUES('06h0ro9i81r9sbrbfi7rishc3g',1795529192000,'recovery.codes_renewed','06h0ro27s072htrvala3b2j52g','Ada','127.0.0.1','{}',NULL,1);
INSERT INTO events VALUES('06h0ro9i802entsjc5e3h0mfsg',1795529192000,'registration.started',NULL,'olga','127.0.0.1','{}',NULL,1);
INSERT INTO events VALUES('06h0ro9i801u5503n7g3aa7t3o',1795529192000,'user.created','06h0ro9i82b5gl7rb0nsp6duec','olga','127.0.0.1','{"role":"user"}',NULL,1);
INSERT INTO events VALUES('06h0ro9i83grk2ji0dva7brm1k',1795529192000,'recovery.codes_saved','06h0ro9i82b5gl7rb0nsp6duec','olga','127.0.0.1','{}',NULL,1);
INSERT INTO events VALUES('06h0ro9i814b105mjpo2j01vjs',1795529192000,'session.ended','06h0ro9i82b5gl7rb0nsp6duec','olga','127.0.0.1','{}',NULL,1);
INSERT INTO events VALUES('06h0rod7e2jmmp9o40abdfhmhk',1795529222000,'user.role_changed','06h0ro9i82b5gl7rb0nsp6duec','olga','','{"to":"owner"}',NULL,1);
INSERT INTO events VALUES('06h0rod7e3afoot8k8ov72632g',1795529222000,'user.imported','06h0rod7e2cioq1th72t4mg4fg','carol','','{"authenticators":"1","from":"otpauth"}',NULL,1);
INSERT INTO events VALUES('06h0rod7e1m7255ljltqtvfvqc',1795529222000,'registration.started',NULL,'dora.d@example.org','127.0.0.1','{}',NULL,1);
INSERT INTO events VALUES('06h0rod7e3ql6cq4mpc6n4gtro',1795529222000,'user.created','06h0rod7e0qqafnt1f3d690lg4','dora.d@example.org','127.0.0.1','{"role":"user"}',NULL,1);
INSERT INTO events VALUES('06h0rod7e14n5jenvrn13ab8tg',1795529222000,'recovery.codes_saved','06h0rod7e0qqafnt1f3d690lg4','dora.d@example.org','127.0.0.1','{}',NULL,1);
INSERT INTO events VALUES('06h0rod7e03l66khkrqdf92ogc',1795529222000,'session.ended','06h0rod7e0qqafnt1f3d690lg4','dora.d@example.org','127.0.0.1','{}',NULL,1);
INSERT INTO events VALUES('06h0rogsk3qhl0g899hbi8jt38',1795529252000,'sign_in.password_right','06h0rod7e0qqafnt1f3d690lg4','dora.d@example.org','127.0.0.1','{}',NULL,1);
INSERT INTO events VALUES('06h0rogsk11ciqgqclpnmmbcqc',1795529252000,'sign_in.code_wrong','06h0rod7e0qqafnt1f3d690lg4','dora.d@example.org','127.0.0.1','{}','sign_in.code_wrong dora.d@example.org 127.0.0.1 29925487',1);
INSERT INTO events VALUES('06h0rogsk1r0ruvp68ti8adtcs',1795529252000,'registration.started',NULL,'eve','203.0.113.9','{}',NULL,1);
INSERT INTO events VALUES('06h0rogsk247unde9sc0fr0070',1795529252000,'link.made',NULL,'frank','','{"role":"admin"}',NULL,1);
INSERT INTO events VALUES('06h0rogsk24vs4shfokvmhho34',1795529252000,'link.made','06h0rod7e0qqafnt1f3d690lg4','dora.d@example.org','','{"for":"password"}',NULL,1);
INSERT INTO events VALUES('06h0rogsk3ijpgq2pqh83h4ifo',1795529252000,'sign_in.password_right','06h0ro9i82b5gl7rb0nsp6duec','olga','127.0.0.1','{}',NULL,1);
INSERT INTO events VALUES('06h0rogsk0vqot69245jlupdjo',1795529252000,'sign_in.completed','06h0ro9i82b5gl7rb0nsp6duec','olga','127.0.0.1','{}',NULL,1);
CREATE TABLE keys (
    id         TEXT    NOT NULL PRIMARY KEY,
    purpose    TEXT    NOT NULL,                -- canary, mac, pepper, seal
    sealed     TEXT    NOT NULL,                -- under the master key
    active     BOOLEAN NOT NULL,
    created_at BIGINT  NOT NULL
);
INSERT INTO keys VALUES('canary','canary','zkVhYgQm0EySGKYXFQT9Ggd8yEQ2ugv5no4jwv210Rw1mCHGetRht4TJADtEk/lr',1,1795529132000);
INSERT INTO keys VALUES('mac-1','mac','WwIhlSdq+lNyh0iKccnf5ct/0zWBjtXZcGCLavQxN+vmNEYRh6FgjWEM7zYQYDoyDcshCFgpMQvZN/pSIXzofB3v0kpu8rt1',1,1795529132000);
INSERT INTO keys VALUES('pepper-1','pepper','KtpAHdXdP4so6JyJzEVVUpSO2EmhiTssH/Yv+GiT+k246fJr3xoHMVync3x227TD3XhleFQLEMZNFcA8Rpvduup/yqtfOJJe',1,1795529132000);
INSERT INTO keys VALUES('seal-1','seal','ZbUoG/CQMEqgJV0q85HxZMuB1Yekx7Wy0W/SCgROAcr1BqDOAK/tMmq2VqRCEZ8P4JR47N7JP9OebNCj8HFq9ySyM+heD4/n',1,1795529132000);
CREATE TABLE claims (
    name       TEXT   NOT NULL PRIMARY KEY,
    claimed_at BIGINT NOT NULL
);
INSERT INTO claims VALUES('people',1795529222000);
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
INSERT INTO devices VALUES('06h0ro27s1bitdhan5rke6br14','06h0ro27s072htrvala3b2j52g','zgqmknNxG54ayUZwEeEh4s7pBq1KGPS1n+xfopftWgU=','127.0.0.1','',1795529132000,1795529132000,1827065132000);
INSERT INTO devices VALUES('06h0ro9i83b0olitsh5uof4fmc','06h0ro9i82b5gl7rb0nsp6duec','y2/5yrpDjNha3SoUGSLAT1floRcZ4AC78U2oyt7q77o=','127.0.0.1','',1795529192000,1795529192000,1827065192000);
INSERT INTO devices VALUES('06h0rod7e19lg89hkgclc9vcio','06h0rod7e0qqafnt1f3d690lg4','mSYFzN/9n4lON5M8NHQDBW7595R9c59gJl+Y1tC/DnQ=','127.0.0.1','',1795529222000,1795529222000,1827065222000);
INSERT INTO devices VALUES('06h0rogsk2ge4lmsec9o195nf0','06h0ro9i82b5gl7rb0nsp6duec','quUJtTxnzl6qSBjrAMPfNOrL2u8I9+HvmmGc+urIPeU=','127.0.0.1','',1795529252000,1795529252000,1827065252000);
CREATE TABLE user_links (
    user_id    TEXT   NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    token_mac  TEXT   NOT NULL,
    purpose    TEXT   NOT NULL,                 -- enroll, password, both
    epoch      BIGINT NOT NULL,                 -- of the user when it was made; void in a later one
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
INSERT INTO user_links VALUES('06h0rod7e0qqafnt1f3d690lg4','ZWXZOUL9eM3QnYmBlby9wbHQbYG313m627g45PL6Bck=','password',0,1795529252000,1795532852000);
CREATE TABLE policies (
    name  TEXT   NOT NULL PRIMARY KEY,
    value TEXT   NOT NULL,
    since BIGINT NOT NULL
);
INSERT INTO policies VALUES('login.factors','password+code',1795529132000);
CREATE UNIQUE INDEX users_by_name ON users (name_key);
CREATE UNIQUE INDEX registrations_by_token ON registrations (token_mac);
CREATE INDEX registrations_by_address ON registrations (address);
CREATE INDEX registrations_by_expiry ON registrations (expires_at);
CREATE INDEX authenticators_of_user ON authenticators (user_id);
CREATE UNIQUE INDEX enrollments_by_token ON enrollments (token_mac);
CREATE INDEX enrollments_by_expiry ON enrollments (expires_at);
CREATE INDEX recovery_sheets_by_expiry ON recovery_sheets (expires_at);
CREATE INDEX logins_of_user ON logins (user_id);
CREATE INDEX logins_by_expiry ON logins (expires_at);
CREATE UNIQUE INDEX sessions_by_token ON sessions (token_mac);
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_by_idle ON sessions (idle_at);
CREATE INDEX attempts_by_age ON attempts (tried_at);
CREATE INDEX quotas_by_age ON quotas (began_at);
CREATE UNIQUE INDEX setup_links_by_token ON setup_links (token_mac);
CREATE UNIQUE INDEX events_gathered ON events (gather);
CREATE INDEX events_of_user ON events (user_id, at);
CREATE INDEX users_by_password_due ON users (password_due);
CREATE INDEX authenticators_by_retirement ON authenticators (retires_at);
CREATE UNIQUE INDEX devices_by_token ON devices (token_mac, user_id);
CREATE INDEX devices_of_user ON devices (user_id);
CREATE INDEX devices_by_expiry ON devices (expires_at);
CREATE UNIQUE INDEX user_links_by_token ON user_links (token_mac);
CREATE INDEX user_links_by_expiry ON user_links (expires_at);
COMMIT;
