//! Tickets: the way of a browser from the portal to the host of a program.

use store::Kind;

use crate::forward_auth::{ada, worlds};
use crate::proxied::{APP, PORTAL, Traveler, behind_a_proxy, query_of};
use crate::races::{count, released};
use crate::world::{Person, Seen, World};

/// As far as the portal's answer with a ticket: where the browser is sent with it, and the traveler.
async fn with_a_ticket(world: &World, ada: &Person) -> (Traveler, String) {
    let mut traveler = Traveler::new(world);
    let at = traveler.goes_to(&format!("{APP}/")).await.is_at_the_portal("/login").0.to_owned();
    let browser = traveler.portal();
    let rd = query_of(&at, "rd");
    let fields = [("username", ada.name.as_str()), ("password", crate::world::PASSWORD), ("rd", rd.as_str())];
    browser.post("/login", &fields).await.lands_on("/login/code");
    let onward = browser.post("/login/code", &[("otp", &ada.code())]).await.header("location");
    let start = browser.get(&onward).await.header("location");
    let nonce = traveler.at(APP).get(start.strip_prefix(APP).unwrap()).await.header("location");
    let done = browser.get(nonce.strip_prefix(PORTAL).unwrap()).await.header("location");
    let path = done.strip_prefix(APP).expect("back to the program").to_owned();
    (traveler, path)
}

/// Whether that opened the program.
fn opened(seen: &Seen) -> bool {
    seen.headers.get_all("set-cookie").iter().any(|cookie| {
        cookie.to_str().unwrap().contains("-app=") && !cookie.to_str().unwrap().contains("Max-Age=0")
    })
}

#[tokio::test]
async fn a_ticket_is_good_once_on_its_host_in_its_browser_and_for_half_a_minute() {
    worlds(async |world| {
        let ada = ada(&world).await;
        let (mut traveler, done) = with_a_ticket(&world, &ada).await;
        let browser = traveler.at(APP);
        // Another browser has not the nonce, whether it asked for one of its own or not.
        let other = Traveler::new(&world).at(APP);
        assert!(!opened(&other.get(&done).await));
        other.get("/.latchkey/start?rd=/").await;
        assert!(!opened(&other.get(&done).await));
        // Another host is another host, even with the same nonce.
        let elsewhere = browser.copy().with("host", "wiki.other.example");
        assert!(!opened(&elsewhere.get(&done).await));
        let copy = browser.copy();
        assert!(opened(&browser.get(&done).await), "here it is good");
        assert!(!opened(&copy.get(&done).await), "and spent");

        world.wait(30);
        let (mut traveler, done) = with_a_ticket(&world, &ada).await;
        world.wait(30);
        assert!(!opened(&traveler.at(APP).get(&done).await), "half a minute is over");

        let (mut traveler, done) = with_a_ticket(&world, &ada).await;
        traveler.portal().post("/logout", &[]).await.lands_on("/login");
        assert!(!opened(&traveler.at(APP).get(&done).await), "nobody is signed in any more");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_uses_of_one_ticket_at_once_one_signs_in() {
    worlds(async |world| {
        let ada = ada(&world).await;
        let other = world.reopened(behind_a_proxy).await.unwrap();
        for round in 0..10 {
            world.wait(30);
            let (mut traveler, done) = with_a_ticket(&world, &ada).await;
            let browser = traveler.at(APP);
            let browsers =
                (0..64).map(|n| if n % 2 == 0 { browser.copy() } else { browser.copy().at(&other) });
            let seen = released(browsers.collect(), |browser| {
                let done = done.clone();
                async move { browser.get(&done).await }
            })
            .await;
            assert_eq!(
                (count(&seen, 303), seen.iter().filter(|seen| opened(seen)).count()),
                (64, 1),
                "{round}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_arrives_without_what_they_left_with_is_told_and_not_sent_around() {
    let world = World::with(Kind::Sqlite, behind_a_proxy).await;
    let ada = ada(&world).await;
    let (mut traveler, _) = with_a_ticket(&world, &ada).await;
    let lost = traveler.at(APP).without("cookie").get("/.latchkey/done?rd=/photos").await.header("location");
    let page = traveler.portal().get(lost.strip_prefix(PORTAL).unwrap()).await;
    page.is(400).says("your browser did not arrive at app.example.org in time");
    page.says("href=\"/?rd=https%3A%2F%2Fapp.example.org%2Fphotos\"");
}
