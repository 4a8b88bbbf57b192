//! The short run of this crate's fuzzers: some thousands of inputs for each, the same ones every time.

use super::short_run::tried;

#[test]
fn what_people_type_keeps_its_promises() {
    tried("auth_recovery_words", 10_000, super::recovery_words);
    tried("auth_username", 10_000, super::username);
    // Each is judged by how it would be guessed, which takes a while.
    tried("auth_password", 400, super::password);
}

#[test]
fn what_browsers_and_proxies_send_keeps_its_promises() {
    tried("auth_token", 10_000, super::token);
    tried("auth_forwarded", 10_000, super::forwarded);
    tried("auth_agent", 5_000, super::agent);
    tried("auth_access_target", 10_000, super::access_target);
}

#[test]
fn what_operators_write_keeps_its_promises() {
    tried("auth_public_url", 10_000, super::public_url);
    tried("auth_listen", 10_000, super::listen);
    tried("auth_networks", 10_000, super::networks);
    tried("auth_master_key", 5_000, super::master_key);
    tried("auth_config_file", 5_000, super::config_file);
    tried("auth_config_value", 10_000, super::config_value);
    tried("auth_database_url", 3_000, super::database_url);
}

#[test]
fn what_the_database_holds_keeps_its_promises() {
    tried("auth_password_hash", 10_000, super::password_hash);
}

#[test]
fn files_of_others_keep_their_promises() {
    tried("auth_import_otpauth", 5_000, super::import_otpauth);
    tried("auth_import_sqlite", 1_500, super::import_sqlite);
    tried("auth_logo", 10_000, super::logo);
}
