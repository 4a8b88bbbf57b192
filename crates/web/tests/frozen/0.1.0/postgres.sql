SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.attempts (
    kind text NOT NULL,
    name_mac text NOT NULL,
    failures bigint NOT NULL,
    free_at bigint NOT NULL,
    tried_at bigint NOT NULL
);
CREATE TABLE public.authenticators (
    id text NOT NULL,
    user_id text NOT NULL,
    label text NOT NULL,
    secret text NOT NULL,
    algorithm text NOT NULL,
    digits bigint NOT NULL,
    period bigint NOT NULL,
    last_step bigint NOT NULL,
    created_at bigint NOT NULL,
    last_used_at bigint,
    name text DEFAULT ''::text NOT NULL,
    drift bigint DEFAULT 0 NOT NULL,
    drift_votes bigint DEFAULT 0 NOT NULL,
    retires_at bigint
);
CREATE TABLE public.claims (
    name text NOT NULL,
    claimed_at bigint NOT NULL
);
CREATE TABLE public.devices (
    id text NOT NULL,
    user_id text NOT NULL,
    token_mac text NOT NULL,
    address text NOT NULL,
    agent text NOT NULL,
    created_at bigint NOT NULL,
    seen_at bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE TABLE public.enrollments (
    user_id text NOT NULL,
    token_mac text NOT NULL,
    secret text NOT NULL,
    epoch bigint NOT NULL,
    keep boolean NOT NULL,
    next_path text NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    purpose text DEFAULT 'replace'::text NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    session_id text,
    moves text,
    password text,
    level bigint DEFAULT 2 NOT NULL
);
CREATE TABLE public.events (
    id text NOT NULL,
    at bigint NOT NULL,
    kind text NOT NULL,
    user_id text,
    name text NOT NULL,
    address text NOT NULL,
    detail text NOT NULL,
    gather text,
    count bigint DEFAULT 1 NOT NULL
);
CREATE TABLE public.keys (
    id text NOT NULL,
    purpose text NOT NULL,
    sealed text NOT NULL,
    active boolean NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE public.logins (
    token_mac text NOT NULL,
    user_id text NOT NULL,
    epoch bigint NOT NULL,
    keep boolean NOT NULL,
    next_path text NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    owes text DEFAULT 'code'::text NOT NULL
);
CREATE TABLE public.migrations (
    version bigint NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    min_compatible bigint NOT NULL,
    applied_at bigint NOT NULL
);
CREATE TABLE public.policies (
    name text NOT NULL,
    value text NOT NULL,
    since bigint NOT NULL
);
CREATE TABLE public.quotas (
    kind text NOT NULL,
    address text NOT NULL,
    used bigint NOT NULL,
    began_at bigint NOT NULL
);
CREATE TABLE public.recovery_codes (
    user_id text NOT NULL,
    mac text NOT NULL
);
CREATE TABLE public.recovery_sheets (
    user_id text NOT NULL,
    codes text NOT NULL,
    next_path text NOT NULL,
    expires_at bigint NOT NULL
);
CREATE TABLE public.registrations (
    name_key text NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    password text,
    secret text NOT NULL,
    token_mac text NOT NULL,
    link_mac text,
    name_fixed boolean NOT NULL,
    address text,
    next_path text NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE TABLE public.sessions (
    id text NOT NULL,
    token_mac text NOT NULL,
    user_id text NOT NULL,
    epoch bigint NOT NULL,
    keep boolean NOT NULL,
    created_at bigint NOT NULL,
    seen_at bigint NOT NULL,
    idle_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    proved_at bigint DEFAULT 0 NOT NULL,
    address text DEFAULT ''::text NOT NULL,
    agent text DEFAULT ''::text NOT NULL,
    level bigint DEFAULT 2 NOT NULL
);
CREATE TABLE public.setup_links (
    slot text NOT NULL,
    token_mac text NOT NULL,
    name text,
    role text NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE TABLE public.user_links (
    user_id text NOT NULL,
    token_mac text NOT NULL,
    purpose text NOT NULL,
    epoch bigint NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE TABLE public.users (
    id text NOT NULL,
    name text NOT NULL,
    name_key text NOT NULL,
    role text NOT NULL,
    password text,
    epoch bigint DEFAULT 0 NOT NULL,
    disabled boolean DEFAULT false NOT NULL,
    wrong_codes bigint DEFAULT 0 NOT NULL,
    created_at bigint NOT NULL,
    signed_in_at bigint,
    password_due bigint
);
INSERT INTO public.attempts VALUES ('password', 'LPSQwvKQYq0dWtLjPLre5PQ8d6kvnqTF9dUXjfJGulI=', 0, 1795529252000, 1795529252000);
INSERT INTO public.attempts VALUES ('code', 'LPSQwvKQYq0dWtLjPLre5PQ8d6kvnqTF9dUXjfJGulI=', 1, 1795529252000, 1795529252000);
INSERT INTO public.authenticators VALUES ('06h0ro27s3m582rn6qtp53c24g', '06h0ro27s072htrvala3b2j52g', 'Latchkey: Ada', 'seal-1.4tg+77gMjDhGODKiYPdYNI/nc19iPPC1bBccj7WnqRdkQlqhyWgVOGrr3qqweSGPg8ukuXmWP5Auzahw', 'SHA1', 6, 30, 59850971, 1795529132000, 1795529132000, '', 0, 0, NULL);
INSERT INTO public.authenticators VALUES ('06h0ro5t21800oe156t3hhjem0', '06h0ro27s072htrvala3b2j52g', 'Latchkey: Ada (iPad)', 'seal-1.I2pewFoE8qHhGvVm54nKqn3ywxFSpOS/3s7oEmsIhJXeK3LEX1iXz9TDJsv7BPOe4ugcVzp9lsjpKRq1', 'SHA1', 6, 30, 59850972, 1795529162000, 1795529162000, 'iPad', 0, 0, NULL);
INSERT INTO public.authenticators VALUES ('06h0ro9i80g469j8qaim1rhtqg', '06h0ro27s072htrvala3b2j52g', 'Latchkey: Ada (Gone)', 'seal-1.IeVv+vJSIQcpmvmYnAhTCf6K1kwhWFjPqLprSuK100koN/hD10lL/NKPQKzVOj27aroLLZ3YJd+4LvwU', 'SHA1', 6, 30, 59850973, 1795529192000, 1795529192000, 'Gone', 0, 0, 1795529192000);
INSERT INTO public.authenticators VALUES ('06h0rod7e14ktgqm09pckn4ssg', '06h0rod7e2cioq1th72t4mg4fg', 'YourApp: carol', 'seal-1.v+Hpfs0MiQ7EXUdHmur6rwhvyI4es/N/PhossFn8k1lnwDukzyUskaXWmool1xqCJggSsmBOONSu3pMG', 'SHA1', 6, 30, 59850972, 1795529222000, NULL, '', 0, 0, NULL);
INSERT INTO public.authenticators VALUES ('06h0rod7e2rn36c8b2p6h578u8', '06h0rod7e0qqafnt1f3d690lg4', 'Latchkey: dora.d@example.org', 'seal-1.SJ2fWtBdTnBuhAnxaeN8PSX4WybKlmAFKM/nxL3enRZh2Mpsv+qDoDJqKcgAexJ4meaOekVCNngjjCs3', 'SHA1', 6, 30, 59850974, 1795529222000, 1795529222000, '', 0, 0, NULL);
INSERT INTO public.authenticators VALUES ('06h0ro9i82j30q1da3cqn94bk0', '06h0ro9i82b5gl7rb0nsp6duec', 'Latchkey: olga', 'seal-1.iJhmpvLCe/j05oP4X7tV2Pm2nErZiVbJXKBwG8koqthKImcys+kCZ7HFiXnyRNMfLuzldc4Y0FrIz4eQ', 'SHA1', 6, 30, 59850975, 1795529192000, 1795529252000, '', 0, 0, NULL);
INSERT INTO public.claims VALUES ('people', 1795529222000);
INSERT INTO public.devices VALUES ('06h0ro27s1bitdhan5rke6br14', '06h0ro27s072htrvala3b2j52g', 'zgqmknNxG54ayUZwEeEh4s7pBq1KGPS1n+xfopftWgU=', '127.0.0.1', '', 1795529132000, 1795529132000, 1827065132000);
INSERT INTO public.devices VALUES ('06h0ro9i83b0olitsh5uof4fmc', '06h0ro9i82b5gl7rb0nsp6duec', 'y2/5yrpDjNha3SoUGSLAT1floRcZ4AC78U2oyt7q77o=', '127.0.0.1', '', 1795529192000, 1795529192000, 1827065192000);
INSERT INTO public.devices VALUES ('06h0rod7e19lg89hkgclc9vcio', '06h0rod7e0qqafnt1f3d690lg4', 'mSYFzN/9n4lON5M8NHQDBW7595R9c59gJl+Y1tC/DnQ=', '127.0.0.1', '', 1795529222000, 1795529222000, 1827065222000);
INSERT INTO public.devices VALUES ('06h0rogsk2ge4lmsec9o195nf0', '06h0ro9i82b5gl7rb0nsp6duec', 'quUJtTxnzl6qSBjrAMPfNOrL2u8I9+HvmmGc+urIPeU=', '127.0.0.1', '', 1795529252000, 1795529252000, 1827065252000);
INSERT INTO public.enrollments VALUES ('06h0ro27s072htrvala3b2j52g', 'cnEw34JzUZdGUSnKjYGOjt45fRhIgUfgBgcuZ02GQB4=', 'seal-1.Gasr+ZITzncWxfnoBgvzqUJFwEd4GIAa2QKtCF+wBzl9CKq1wt6Z1Y7uQpaew9/ygmbGUXDEFS1xgYSf', 0, false, '', 1795529192000, 1795530992000, 'add', 'Waits', '06h0ro27s1pidfl1fcgtd4v2vs', NULL, NULL, 2);
INSERT INTO public.events VALUES ('06h0ro27s2e3ki50cmgmp26228', 1795529132000, 'registration.started', NULL, 'Ada', '127.0.0.1', '{}', NULL, 1);
INSERT INTO public.events VALUES ('06h0ro27s1d2di96c73k1dab8c', 1795529132000, 'user.created', '06h0ro27s072htrvala3b2j52g', 'Ada', '127.0.0.1', '{"role":"user"}', NULL, 1);
INSERT INTO public.events VALUES ('06h0ro27s0sju65tvebtfeei88', 1795529132000, 'recovery.codes_saved', '06h0ro27s072htrvala3b2j52g', 'Ada', '127.0.0.1', '{}', NULL, 1);
INSERT INTO public.events VALUES ('06h0ro5t227bg82se8veogr00o', 1795529162000, 'authenticator.added', '06h0ro27s072htrvala3b2j52g', 'Ada', '127.0.0.1', '{"name":"iPad"}', NULL, 1);
INSERT INTO public.events VALUES ('06h0ro9i82i1s2c8alv99h4ts4', 1795529192000, 'authenticator.added', '06h0ro27s072htrvala3b2j52g', 'Ada', '127.0.0.1', '{"name":"Gone"}', NULL, 1);
INSERT INTO public.events VALUES ('06h0ro9i827damoumrb46k780s', 1795529192000, 'authenticator.removed', '06h0ro27s072htrvala3b2j52g', 'Ada', '127.0.0.1', '{"label":"Latchkey: Ada (Gone)"}', NULL, 1);
INSERT INTO public.events VALUES ('06h0ro9i81r9sbrbfi7rishc3g', 1795529192000, 'recovery.codes_renewed', '06h0ro27s072htrvala3b2j52g', 'Ada', '127.0.0.1', '{}', NULL, 1);
INSERT INTO public.events VALUES ('06h0ro9i802entsjc5e3h0mfsg', 1795529192000, 'registration.started', NULL, 'olga', '127.0.0.1', '{}', NULL, 1);
INSERT INTO public.events VALUES ('06h0ro9i801u5503n7g3aa7t3o', 1795529192000, 'user.created', '06h0ro9i82b5gl7rb0nsp6duec', 'olga', '127.0.0.1', '{"role":"user"}', NULL, 1);
INSERT INTO public.events VALUES ('06h0ro9i83grk2ji0dva7brm1k', 1795529192000, 'recovery.codes_saved', '06h0ro9i82b5gl7rb0nsp6duec', 'olga', '127.0.0.1', '{}', NULL, 1);
INSERT INTO public.events VALUES ('06h0ro9i814b105mjpo2j01vjs', 1795529192000, 'session.ended', '06h0ro9i82b5gl7rb0nsp6duec', 'olga', '127.0.0.1', '{}', NULL, 1);
INSERT INTO public.events VALUES ('06h0rod7e2jmmp9o40abdfhmhk', 1795529222000, 'user.role_changed', '06h0ro9i82b5gl7rb0nsp6duec', 'olga', '', '{"to":"owner"}', NULL, 1);
INSERT INTO public.events VALUES ('06h0rod7e3afoot8k8ov72632g', 1795529222000, 'user.imported', '06h0rod7e2cioq1th72t4mg4fg', 'carol', '', '{"authenticators":"1","from":"otpauth"}', NULL, 1);
INSERT INTO public.events VALUES ('06h0rod7e1m7255ljltqtvfvqc', 1795529222000, 'registration.started', NULL, 'dora.d@example.org', '127.0.0.1', '{}', NULL, 1);
INSERT INTO public.events VALUES ('06h0rod7e3ql6cq4mpc6n4gtro', 1795529222000, 'user.created', '06h0rod7e0qqafnt1f3d690lg4', 'dora.d@example.org', '127.0.0.1', '{"role":"user"}', NULL, 1);
INSERT INTO public.events VALUES ('06h0rod7e14n5jenvrn13ab8tg', 1795529222000, 'recovery.codes_saved', '06h0rod7e0qqafnt1f3d690lg4', 'dora.d@example.org', '127.0.0.1', '{}', NULL, 1);
INSERT INTO public.events VALUES ('06h0rod7e03l66khkrqdf92ogc', 1795529222000, 'session.ended', '06h0rod7e0qqafnt1f3d690lg4', 'dora.d@example.org', '127.0.0.1', '{}', NULL, 1);
INSERT INTO public.events VALUES ('06h0rogsk3qhl0g899hbi8jt38', 1795529252000, 'sign_in.password_right', '06h0rod7e0qqafnt1f3d690lg4', 'dora.d@example.org', '127.0.0.1', '{}', NULL, 1);
INSERT INTO public.events VALUES ('06h0rogsk11ciqgqclpnmmbcqc', 1795529252000, 'sign_in.code_wrong', '06h0rod7e0qqafnt1f3d690lg4', 'dora.d@example.org', '127.0.0.1', '{}', 'sign_in.code_wrong dora.d@example.org 127.0.0.1 29925487', 1);
INSERT INTO public.events VALUES ('06h0rogsk1r0ruvp68ti8adtcs', 1795529252000, 'registration.started', NULL, 'eve', '203.0.113.9', '{}', NULL, 1);
INSERT INTO public.events VALUES ('06h0rogsk247unde9sc0fr0070', 1795529252000, 'link.made', NULL, 'frank', '', '{"role":"admin"}', NULL, 1);
INSERT INTO public.events VALUES ('06h0rogsk24vs4shfokvmhho34', 1795529252000, 'link.made', '06h0rod7e0qqafnt1f3d690lg4', 'dora.d@example.org', '', '{"for":"password"}', NULL, 1);
INSERT INTO public.events VALUES ('06h0rogsk3ijpgq2pqh83h4ifo', 1795529252000, 'sign_in.password_right', '06h0ro9i82b5gl7rb0nsp6duec', 'olga', '127.0.0.1', '{}', NULL, 1);
INSERT INTO public.events VALUES ('06h0rogsk0vqot69245jlupdjo', 1795529252000, 'sign_in.completed', '06h0ro9i82b5gl7rb0nsp6duec', 'olga', '127.0.0.1', '{}', NULL, 1);
INSERT INTO public.keys VALUES ('canary', 'canary', 'zkVhYgQm0EySGKYXFQT9Ggd8yEQ2ugv5no4jwv210Rw1mCHGetRht4TJADtEk/lr', true, 1795529132000);
INSERT INTO public.keys VALUES ('mac-1', 'mac', 'WwIhlSdq+lNyh0iKccnf5ct/0zWBjtXZcGCLavQxN+vmNEYRh6FgjWEM7zYQYDoyDcshCFgpMQvZN/pSIXzofB3v0kpu8rt1', true, 1795529132000);
INSERT INTO public.keys VALUES ('pepper-1', 'pepper', 'KtpAHdXdP4so6JyJzEVVUpSO2EmhiTssH/Yv+GiT+k246fJr3xoHMVync3x227TD3XhleFQLEMZNFcA8Rpvduup/yqtfOJJe', true, 1795529132000);
INSERT INTO public.keys VALUES ('seal-1', 'seal', 'ZbUoG/CQMEqgJV0q85HxZMuB1Yekx7Wy0W/SCgROAcr1BqDOAK/tMmq2VqRCEZ8P4JR47N7JP9OebNCj8HFq9ySyM+heD4/n', true, 1795529132000);
INSERT INTO public.logins VALUES ('HbkCO9gnavNyHzKzb3+3WrHUJBfNxsU707OQtdVPkHk=', '06h0rod7e0qqafnt1f3d690lg4', 0, false, '', 1795529252000, 1795529852000, 'code');
INSERT INTO public.migrations VALUES (1, 'first', '3b4ae1318b4fab7bbe7063e198c20889704c50ccd3c7f71a659a6077309f017b', 1, 1795529132000);
INSERT INTO public.migrations VALUES (2, 'account', '56868c826aeeee879799332b9be4d9d435b34c331f8ee20affd9c155f5c05a33', 1, 1795529132000);
INSERT INTO public.migrations VALUES (3, 'signing_in', 'be516331973689a34cd65f3a9a89cbce785215fd5f7878fc78c083ffb602ab19', 3, 1795529132000);
INSERT INTO public.policies VALUES ('login.factors', 'password+code', 1795529132000);
INSERT INTO public.quotas VALUES ('registration', '203.0.113.9', 1, 1795529252000);
INSERT INTO public.recovery_codes VALUES ('06h0ro27s072htrvala3b2j52g', 'Ny5KVg8781y71tVL+AUf5iaiJ3zYYABPrf/y6PtxtIk=');
INSERT INTO public.recovery_codes VALUES ('06h0ro27s072htrvala3b2j52g', 'hF9Yo0Xjm1NOCY8E7rhP9xUD6qURz1kLCAJdQ5Xx/BQ=');
INSERT INTO public.recovery_codes VALUES ('06h0ro27s072htrvala3b2j52g', '8i85zbNgq0Q5wEANhaRUmeFlKlJwELbuZSgrcXXGpG4=');
INSERT INTO public.recovery_codes VALUES ('06h0ro27s072htrvala3b2j52g', 'VAoH5MgckDPSLMm/EBxcHj5y3Ro/sMVPrBREpwCbb1Y=');
INSERT INTO public.recovery_codes VALUES ('06h0ro27s072htrvala3b2j52g', 'C+3g8Q8Q48qnSqBZ4maX8TdYkfYXWsQoRisS2BOWrjY=');
INSERT INTO public.recovery_codes VALUES ('06h0ro27s072htrvala3b2j52g', '5hW99Fa0IRscwgUvSAjdkH9Juh9HJcBWeFFRyt9QS2w=');
INSERT INTO public.recovery_codes VALUES ('06h0ro27s072htrvala3b2j52g', '+ahKx7EkwDiKSgoYJa28tFjmjpd2fMphU2TE+O6DSLM=');
INSERT INTO public.recovery_codes VALUES ('06h0ro27s072htrvala3b2j52g', '9SyfpUv0YAyI09SfdKLTt65zTNhMdIQ9DXzaGpZLcSo=');
INSERT INTO public.recovery_codes VALUES ('06h0ro27s072htrvala3b2j52g', 'a2pfF9A5kWDeId628OeUL97CwHNpt3ecmYxNg+iyCwI=');
INSERT INTO public.recovery_codes VALUES ('06h0ro27s072htrvala3b2j52g', 'BVdhcNE1nyUWJ/i6xAyjYSIwdci5gi5BRufxf1wv5kQ=');
INSERT INTO public.recovery_codes VALUES ('06h0ro9i82b5gl7rb0nsp6duec', 'CgKRvFp2tvgQ6/Bs6v5AjXInuQfTdHB40NqrB594F8w=');
INSERT INTO public.recovery_codes VALUES ('06h0ro9i82b5gl7rb0nsp6duec', '0nv/zaiIO9Ds2sfTKpAhF6LFGjI1y0ofDZJtCUIoRSs=');
INSERT INTO public.recovery_codes VALUES ('06h0ro9i82b5gl7rb0nsp6duec', 'dBXBaq8DNUn1xjMMPU7VHy6qaq8EKvLM0wYpSkJ00Dk=');
INSERT INTO public.recovery_codes VALUES ('06h0ro9i82b5gl7rb0nsp6duec', 'TMbsZiR6u+MZbG3I5qL7PHeHCrljUKqhPfAHTGdcLFY=');
INSERT INTO public.recovery_codes VALUES ('06h0ro9i82b5gl7rb0nsp6duec', 'tlo7eX/nahcQKTYXaa1XYKTHBFnAEygG33JeTCUzcKE=');
INSERT INTO public.recovery_codes VALUES ('06h0ro9i82b5gl7rb0nsp6duec', '4fnJjxZAXDfWp6KVw55pH/FidspzuTdF41w0HXVFz4Q=');
INSERT INTO public.recovery_codes VALUES ('06h0ro9i82b5gl7rb0nsp6duec', 'bYspQNomCR5MEgl97XKKZbf8Sz73f9WwHux+EP/4EJM=');
INSERT INTO public.recovery_codes VALUES ('06h0ro9i82b5gl7rb0nsp6duec', 'stqoYu+WxXf61TjnyY8Ndj0uVfUqc47PLvqAqcCuEv8=');
INSERT INTO public.recovery_codes VALUES ('06h0ro9i82b5gl7rb0nsp6duec', 'pDypSx6aJ5Q4r7/lT1Eo7fKEP29NpYjpfLQo8AoehWw=');
INSERT INTO public.recovery_codes VALUES ('06h0ro9i82b5gl7rb0nsp6duec', 'y/hQPK/u6E7D9XWQBDVuEJ0M6jI6cnCQp4+d5MGqNxE=');
INSERT INTO public.recovery_codes VALUES ('06h0rod7e0qqafnt1f3d690lg4', '+xjOJ7P4zeJruCxdZnEAs5Oj+4SDg1FkuN97liOGmN0=');
INSERT INTO public.recovery_codes VALUES ('06h0rod7e0qqafnt1f3d690lg4', '4FeHtKzRCfuhrs2OtbeLBcNkz6ZCKNU6Nh3BzwE90Lg=');
INSERT INTO public.recovery_codes VALUES ('06h0rod7e0qqafnt1f3d690lg4', 'DGl9czm0BFo7DiX7y+0zfPjShiDmxwEQKVgwWDFnf9U=');
INSERT INTO public.recovery_codes VALUES ('06h0rod7e0qqafnt1f3d690lg4', 'HArIrKxZPy4PnsGrxrbywRUQwF/2vOkMKRYmKnmpjyo=');
INSERT INTO public.recovery_codes VALUES ('06h0rod7e0qqafnt1f3d690lg4', 'kYnOp315d3OxkrF9Wv32n0VrQBc9PTttmiCtJAaxSIw=');
INSERT INTO public.recovery_codes VALUES ('06h0rod7e0qqafnt1f3d690lg4', '3ddKsOx2W64UwjspHfYAQxIwqxC9SmMGXtB0pgsF9mM=');
INSERT INTO public.recovery_codes VALUES ('06h0rod7e0qqafnt1f3d690lg4', 'SrRy/WKSYPrRtaAVrL44fYkeIobXDmKI8IyD57QfHNs=');
INSERT INTO public.recovery_codes VALUES ('06h0rod7e0qqafnt1f3d690lg4', '4IEQ7P5mXQn00BgheSK48P1CQVj+KrGRKjkcU894LZ4=');
INSERT INTO public.recovery_codes VALUES ('06h0rod7e0qqafnt1f3d690lg4', 'lhoeTj2vPp3WmRTs4jJJNPYAZqipxLDSQ3PudKetu0A=');
INSERT INTO public.recovery_codes VALUES ('06h0rod7e0qqafnt1f3d690lg4', 'ysu2dzc2/V1rhKuK5LEBgXaUQLlcn3oLDLQ36/PM1tU=');
INSERT INTO public.recovery_sheets VALUES ('06h0ro27s072htrvala3b2j52g', 'seal-1.plErJTLYZxNPo2eUuhPnVyM2wUKs1HBHSHUUluAzyWe+hqcpWcpeZcayzzndzI0Lj1cK4oMxd7k1AazYyDkuveOnafkuOLDE/cFH2lkQNqF/eb66B7xCfimaVkXLxvrryURBwSBFq70lkK2pIgMivW/Jo8QE4gOudQaDMZObABvyvg616FCc84Wlnw4bjVI5bVuS19eD/Kb8smZxPXt7CDP5NnzHqrlW/t9VIekHZ2f83U4HRv1hPoDvhE0dYwQE2sNGmBnhhYzrKv6c+XZWe8Nu/1jrzxtbL4Wvq8g5+qw26mDFOTn7svcVdVn8tN8=', '/account', 1795530092000);
INSERT INTO public.registrations VALUES ('eve', 'eve', 'user', '$argon2id$v=19$m=64,t=1,p=1$wV6mPUXCrbIyOekNhNlD4g$ptdBamnjZH2FupfE0tMB73k/KBGF44DLio/1VUbazHo', 'seal-1.ulmBo945sZGlSysKZvRp4wpRIgHtyLsECrB8/M47VwojeYZgt2HBL8NwIkoYhL3ySFk6k0jDlszgrqmN', 'tnlhY899tW9BZp7Xvarvgq0xVo77X0mhAMALheM98nw=', NULL, false, '203.0.113.9', '', 1795529252000, 1795531052000);
INSERT INTO public.sessions VALUES ('06h0ro27s1pidfl1fcgtd4v2vs', 'lCL0lou6sm+7CfC/OzDHuVNWyNEbLfO+uTimU1QC6u4=', '06h0ro27s072htrvala3b2j52g', 0, false, 1795529132000, 1795529192000, 1795530992000, 1795572332000, 1795529132000, '127.0.0.1', '', 2);
INSERT INTO public.sessions VALUES ('06h0rogsk1k91gosdk2lf7rd3g', 'NqLU9Ns5+NI+G8dASvH65e9Uv40kez9LPhDOTSO0my8=', '06h0ro9i82b5gl7rb0nsp6duec', 1, true, 1795529252000, 1795529252000, 1798121252000, 1798121252000, 1795529252000, '127.0.0.1', '', 2);
INSERT INTO public.setup_links VALUES ('user frank', 'jljBuznRyfgD0GLTW3cnva6y+qLfRSS3UGCXvW7rGKQ=', 'frank', 'admin', 1795529252000, 1795788452000);
INSERT INTO public.user_links VALUES ('06h0rod7e0qqafnt1f3d690lg4', 'ZWXZOUL9eM3QnYmBlby9wbHQbYG313m627g45PL6Bck=', 'password', 0, 1795529252000, 1795532852000);
INSERT INTO public.users VALUES ('06h0ro27s072htrvala3b2j52g', 'Ada', 'ada', 'user', '$argon2id$v=19$m=64,t=1,p=1$+0RL4pQvAatAePQWSaSq0w$SIsGw8u/5m+xXzddQjWrJ2V9e37vrUTVdQ6r34aKWaA', 0, false, 0, 1795529132000, 1795529132000, NULL);
INSERT INTO public.users VALUES ('06h0rod7e2cioq1th72t4mg4fg', 'carol', 'carol', 'user', NULL, 0, false, 0, 1795529222000, NULL, 1827065222000);
INSERT INTO public.users VALUES ('06h0rod7e0qqafnt1f3d690lg4', 'dora.d@example.org', 'dora.d@example.org', 'user', '$argon2id$v=19$m=64,t=1,p=1$T43/XSdmeSa/csOH5FE0Ig$yAU3SaSVzSjZXFqsleYC4qDyLc84n4yOoILXedoCbpw', 0, false, 1, 1795529222000, 1795529222000, NULL);
INSERT INTO public.users VALUES ('06h0ro9i82b5gl7rb0nsp6duec', 'olga', 'olga', 'owner', '$argon2id$v=19$m=64,t=1,p=1$4B0Gph6IhpKnKwTXHLjUVw$aXgn65dJDqilAykg2/hZjbv7ezl4tBfntZjLlu/yFb0', 1, false, 0, 1795529192000, 1795529252000, NULL);
ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT attempts_pkey PRIMARY KEY (kind, name_mac);
ALTER TABLE ONLY public.authenticators
    ADD CONSTRAINT authenticators_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.claims
    ADD CONSTRAINT claims_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.enrollments
    ADD CONSTRAINT enrollments_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.keys
    ADD CONSTRAINT keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.logins
    ADD CONSTRAINT logins_pkey PRIMARY KEY (token_mac);
ALTER TABLE ONLY public.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.policies
    ADD CONSTRAINT policies_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.quotas
    ADD CONSTRAINT quotas_pkey PRIMARY KEY (kind, address);
ALTER TABLE ONLY public.recovery_codes
    ADD CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, mac);
ALTER TABLE ONLY public.recovery_sheets
    ADD CONSTRAINT recovery_sheets_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT registrations_pkey PRIMARY KEY (name_key);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.setup_links
    ADD CONSTRAINT setup_links_pkey PRIMARY KEY (slot);
ALTER TABLE ONLY public.user_links
    ADD CONSTRAINT user_links_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
CREATE INDEX attempts_by_age ON public.attempts USING btree (tried_at);
CREATE INDEX authenticators_by_retirement ON public.authenticators USING btree (retires_at);
CREATE INDEX authenticators_of_user ON public.authenticators USING btree (user_id);
CREATE INDEX devices_by_expiry ON public.devices USING btree (expires_at);
CREATE UNIQUE INDEX devices_by_token ON public.devices USING btree (token_mac, user_id);
CREATE INDEX devices_of_user ON public.devices USING btree (user_id);
CREATE INDEX enrollments_by_expiry ON public.enrollments USING btree (expires_at);
CREATE UNIQUE INDEX enrollments_by_token ON public.enrollments USING btree (token_mac);
CREATE UNIQUE INDEX events_gathered ON public.events USING btree (gather);
CREATE INDEX events_of_user ON public.events USING btree (user_id, at);
CREATE INDEX logins_by_expiry ON public.logins USING btree (expires_at);
CREATE INDEX logins_of_user ON public.logins USING btree (user_id);
CREATE INDEX quotas_by_age ON public.quotas USING btree (began_at);
CREATE INDEX recovery_sheets_by_expiry ON public.recovery_sheets USING btree (expires_at);
CREATE INDEX registrations_by_address ON public.registrations USING btree (address);
CREATE INDEX registrations_by_expiry ON public.registrations USING btree (expires_at);
CREATE UNIQUE INDEX registrations_by_token ON public.registrations USING btree (token_mac);
CREATE INDEX sessions_by_idle ON public.sessions USING btree (idle_at);
CREATE UNIQUE INDEX sessions_by_token ON public.sessions USING btree (token_mac);
CREATE INDEX sessions_of_user ON public.sessions USING btree (user_id);
CREATE UNIQUE INDEX setup_links_by_token ON public.setup_links USING btree (token_mac);
CREATE INDEX user_links_by_expiry ON public.user_links USING btree (expires_at);
CREATE UNIQUE INDEX user_links_by_token ON public.user_links USING btree (token_mac);
CREATE UNIQUE INDEX users_by_name ON public.users USING btree (name_key);
CREATE INDEX users_by_password_due ON public.users USING btree (password_due);
ALTER TABLE ONLY public.authenticators
    ADD CONSTRAINT authenticators_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.enrollments
    ADD CONSTRAINT enrollments_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.logins
    ADD CONSTRAINT logins_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.recovery_codes
    ADD CONSTRAINT recovery_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.recovery_sheets
    ADD CONSTRAINT recovery_sheets_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.user_links
    ADD CONSTRAINT user_links_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
