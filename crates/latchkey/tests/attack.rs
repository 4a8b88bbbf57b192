//! The fast part of the hostile suite, against the program that was just built: so neither what it attacks nor the suite itself
//! can rot unseen. All of it is `cargo xtask attack`.

use attack::{Options, Size, Verdict, run};

/// Runs rows, and fails with the table's line when one does not hold.
fn hold(rows: &[&str]) {
    let options = Options {
        size: Size::Suite,
        program: Some(env!("CARGO_BIN_EXE_latchkey").into()),
        postgres: postgres(),
        url: None,
        host: None,
        database: None,
        rows: rows.iter().map(|row| (*row).to_owned()).collect(),
        json: None,
    };
    let findings = run(&options).expect("the suite can be run");
    assert!(findings.len() >= rows.len(), "{findings:?}");
    for finding in findings {
        assert_eq!(finding.verdict, Verdict::Held, "{finding:?}");
    }
}

#[expect(clippy::disallowed_methods, reason = "the suite says in the environment where its PostgreSQL is")]
fn postgres() -> Option<String> {
    Some(std::env::var("LATCHKEY_TEST_POSTGRES").expect("a PostgreSQL; `cargo xtask test` starts one"))
}

#[test]
fn of_a_flood_of_wrong_codes_at_most_five_are_judged_on_one_process_and_on_two() {
    hold(&["guessing"]);
}

#[test]
fn a_victim_signs_in_from_a_known_browser_while_strangers_guess() {
    hold(&["victim"]);
}

#[test]
fn one_code_lets_one_sign_in_through_on_one_process_and_on_two() {
    hold(&["race"]);
}

#[test]
fn nothing_acknowledged_is_lost_by_kill_9_and_nothing_spent_is_good_again() {
    hold(&["killed"]);
}

#[test]
fn strangers_leave_little_behind() {
    hold(&["strangers"]);
}

#[test]
fn a_crowd_of_sign_ins_takes_no_more_memory_than_is_allowed() {
    hold(&["hashing"]);
}

#[test]
fn a_name_that_exists_is_answered_like_one_that_does_not() {
    hold(&["alike"]);
}

#[test]
fn nobody_is_led_away_and_floods_in_one_request_are_refused() {
    hold(&["redirects", "hostile"]);
}

#[test]
fn no_secret_is_found_in_what_is_written_down() {
    hold(&["secrets"]);
}

#[test]
fn no_answer_of_the_api_is_a_5xx_or_one_that_its_document_does_not_describe() {
    hold(&["api"]);
}
