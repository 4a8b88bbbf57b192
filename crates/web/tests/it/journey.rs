//! The main job, from the door to the sign-in.

use crate::world::{PASSWORD, World};

#[tokio::test]
async fn a_newcomer_registers_scans_saves_the_codes_signs_out_and_signs_in() {
    World::on_both(|world| async move {
        let browser = world.browser();
        browser.get("/").await.lands_on("/login");
        browser.get("/login").await.is(200).says("Create an account");
        browser.get("/register").await.is(200).says("Step 1 of 3").says("64 at most");
        browser.post("/register", &[("username", "Ada"), ("password", PASSWORD)]).await.lands_on("/enroll");

        let mut ada = world.person("Ada");
        browser.get("/enroll").await.is(200).says("Step 2 of 3").says("Latchkey: Ada");
        ada.scan(&browser).await;
        let picture = browser.get("/enroll/qr.png").await;
        assert_eq!((picture.status.as_u16(), picture.header("cache-control").as_str()), (200, "no-store"));
        assert!(picture.body.starts_with(b"\x89PNG"));
        browser.post("/enroll", &[("otp", &ada.code())]).await.lands_on("/enroll/recovery-codes");
        browser.get("/enroll/qr.png").await.is(410);
        browser.get("/enroll").await.is(410);

        let sheet = browser.get("/enroll/recovery-codes").await;
        sheet.is(200).says("Step 3 of 3");
        assert_eq!(sheet.recovery_codes().len(), 10);
        let file = browser.get("/enroll/recovery-codes.txt").await;
        assert!(sheet.recovery_codes().iter().all(|code| file.text.contains(code)));
        assert!(file.header("content-disposition").contains("latchkey-recovery-codes-Ada.txt"));
        browser.post("/enroll/recovery-codes", &[]).await.is(422).says("Tick the box");
        browser.post("/enroll/recovery-codes", &[("saved", "on")]).await.lands_on("/");
        browser.get("/enroll/recovery-codes").await.is(410);

        browser.get("/").await.is(200).says("Ada").says("10 of 10 left");
        browser.post("/logout", &[]).await.lands_on("/login");
        browser.get("/").await.lands_on("/login");

        world.wait(30);
        browser.give_password("ada", PASSWORD).await.lands_on("/login/code");
        browser.get("/login/code").await.is(200).says("Latchkey: Ada");
        browser.give_code(&ada.code()).await.lands_on("/");
        browser.get("/").await.is(200).says("You are signed in as");
    })
    .await;
}

#[tokio::test]
async fn a_code_works_once() {
    World::on_both(|world| async move {
        let ada = world.person("ada").enrolled().await;
        let code = ada.code();
        ada.half_signed_in().await.give_code(&code).await.lands_on("/");
        let refused = ada.half_signed_in().await.give_code(&code).await;
        refused.is(422);
        assert_eq!(refused.problem_texts(), ["That code has been used already. Wait for the next one."]);
    })
    .await;
}
