//! People of another program: taken along once, with the entry on their phone going on, and nobody here touched.

use auth::import::{self, Grace, Plan, Report};
use auth::trial::{self, Verdict};
use auth::{App, users};

use crate::house::{code, on_both};

const ADA: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
const BOB: &str = "GEZDGNBVGY3TQOJQ";

fn plan(lines: &[String]) -> Plan {
    import::otpauth(lines.join("\n").as_bytes()).unwrap()
}

fn uri(name: &str, secret: &str) -> String {
    format!("otpauth://totp/Acme:{name}?secret={secret}&issuer=Acme")
}

async fn apply(app: &App, plan: Plan) -> Report {
    import::apply(app, plan, Grace::default(), &mut |_| {}).await.unwrap()
}

async fn preview(app: Option<&App>, plan: Plan) -> Report {
    import::preview(app, plan, &mut |_| {}).await.unwrap()
}

async fn tried(app: &App, name: &str, code: &str) -> Option<Verdict> {
    trial::code(app, name, code).await.unwrap().verdict.map(|(verdict, _)| verdict)
}

#[tokio::test]
async fn the_entry_on_the_phone_goes_on_and_no_code_of_the_past_is_good() {
    for house in on_both().await {
        let app = &house.app;
        let lines = [uri("Ada", ADA), uri("bob", BOB), uri("Ada", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")];
        let report = apply(app, plan(&lines)).await;
        assert_eq!((report.people, report.authenticators, report.there), (2, 3, 0));
        assert_eq!(report.weak.len(), 1);
        assert_eq!((report.weak[0].name.as_str(), report.weak[0].bits), ("bob", 80));

        let ada = users::show(app, "ada").await.unwrap();
        assert_eq!(ada.authenticators, ["Acme: Ada", "Acme: Ada (2)"]);
        assert_eq!((ada.recovery_codes, ada.person.signed_in_at), (0, None));
        assert_eq!(ada.person.role, auth::Role::User);
        for (offset, expected) in
            [(-30, Verdict::Good), (0, Verdict::Good), (30, Verdict::Good), (-60, Verdict::Used)]
        {
            assert_eq!(tried(app, "ada", &code(ADA, offset)).await, Some(expected), "{offset}");
        }
        assert_eq!(tried(app, "ada", &code(BOB, 0)).await, None);
        assert_eq!(tried(app, "bob", &code(BOB, 0)).await, Some(Verdict::Good));
    }
}

#[tokio::test]
async fn a_second_run_changes_nothing_and_a_dry_run_says_the_same_as_the_real_one() {
    for house in on_both().await {
        let app = &house.app;
        let lines = [uri("ada", ADA), uri("bob", BOB), uri("Bob", ADA), uri("a da", ADA)];
        let expected = (2, 2, 0, 2);
        let of = |report: &Report| (report.people, report.authenticators, report.there, report.refused.len());
        assert_eq!(of(&preview(None, plan(&lines)).await), expected);
        assert_eq!(of(&preview(Some(app), plan(&lines)).await), expected);
        assert_eq!(users::count(app).await.unwrap().people, 0);
        assert_eq!(of(&apply(app, plan(&lines)).await), expected);
        let again = (0, 0, 2, 2);
        assert_eq!(of(&preview(Some(app), plan(&lines)).await), again);
        assert_eq!(of(&apply(app, plan(&lines)).await), again);
        assert_eq!(users::count(app).await.unwrap().people, 2);
        assert_eq!(users::show(app, "ada").await.unwrap().authenticators.len(), 1);
    }
}

#[tokio::test]
async fn whoever_is_here_with_another_key_is_somebody_else() {
    for house in on_both().await {
        let app = &house.app;
        apply(app, plan(&[uri("ada", ADA)])).await;
        // Their own key among others gives nobody a second one: it may have been removed here on purpose.
        for lines in [vec![uri("ADA", BOB)], vec![uri("ada", ADA), uri("ada", BOB)]] {
            let report = apply(app, plan(&lines)).await;
            assert_eq!((report.people, report.refused.len()), (0, 1));
            assert!(report.refused[0].reason.contains("taken here"), "{:?}", report.refused);
        }
        assert_eq!(users::show(app, "ada").await.unwrap().authenticators, ["Acme: ada"]);
    }
}

#[tokio::test]
async fn more_than_one_batch_is_taken_and_who_was_disabled_stays_so() {
    for house in on_both().await {
        let app = &house.app;
        let mut csv = String::from("username;otpauth_uri;enabled\n");
        for number in 0..2_500 {
            let enabled = if number == 7 { "false" } else { "" };
            csv += &format!("user{number};{};{enabled}\n", uri("x", ADA));
        }
        let mut steps = Vec::new();
        let plan = import::otpauth(csv.as_bytes()).unwrap();
        let report = import::apply(app, plan, Grace { days: 0 }, &mut |done| steps.push(done)).await.unwrap();
        assert_eq!((report.people, steps), (2_500, vec![1000, 2000, 2500]));
        let disabled: Vec<String> =
            users::all(app).await.unwrap().into_iter().filter(|p| p.disabled).map(|p| p.name).collect();
        assert_eq!(disabled, ["user7"]);
        assert_eq!(tried(app, "user2499", &code(ADA, 0)).await, Some(Verdict::Good));
    }
}

#[tokio::test]
async fn each_of_them_is_in_the_audit_log() {
    for house in on_both().await {
        let app = &house.app;
        apply(app, plan(&[uri("ada", ADA), uri("bob", BOB)])).await;
        assert_eq!(house.happened("user.imported").await, 2);
    }
}

#[test]
fn refused_rows_as_a_csv_compute_nothing() {
    let report = Report {
        refused: vec![import::Refusal { row: 3, name: "=1+1".into(), reason: "a \"reason\"".into() }],
        ..Report::default()
    };
    assert_eq!(report.refused_as_csv(), "row,name,reason\r\n3,\"'=1+1\",\"a \"\"reason\"\"\"\r\n");
}
