//! Several processes on one database: servers beside each other, and the command line beside a server.

use store::Kind;

use crate::person::Person;
use crate::server::{Place, Server};

#[test]
fn two_servers_share_one_database() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let place = Place::new(kind);
        let (one, two) = (Server::start(&place), Server::start(&place));
        let mut ada = Person::new("ada");
        let mut browser = one.browser();
        ada.registers(&mut browser);
        browser.address = two.address;
        browser.get("/").is(200);

        // A code that one of them has taken is spent at the other.
        ada.signs_in(&mut two.browser()).lands_on("/");
        let mut thief = one.browser();
        ada.gives_password(&mut thief);
        let code = ada.codes.last().unwrap().clone();
        assert!(thief.post("/login/code", &[("otp", &code)]).is(422).contains("has been used"), "{kind:?}");

        // Signed out at one is signed out at the other.
        browser.address = one.address;
        browser.post("/logout", &[]).lands_on("/login");
        browser.address = two.address;
        browser.get("/").lands_on("/login");
        one.stop();
        two.stop();
    }
}

#[test]
fn the_command_line_works_beside_a_running_server() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let place = Place::new(kind);
        let server = Server::start(&place);
        let mut browser = server.browser();
        let mut ada = Person::new("ada");
        ada.registers(&mut browser);
        let run = |arguments: &[&str]| {
            let ended = place.run(arguments);
            let said = String::from_utf8(ended.stdout).unwrap();
            assert!(ended.status.success(), "{said}{}", String::from_utf8_lossy(&ended.stderr));
            said
        };
        assert!(run(&["doctor"]).contains("1 person"));
        assert!(run(&["user", "show", "ada"]).contains("Recovery codes   10 left"));

        run(&["user", "disable", "ada"]);
        browser.get("/").lands_on("/login");
        let fields = [("username", "ada"), ("password", ada.password.as_str())];
        browser.post("/login", &fields).is(422);
        run(&["user", "enable", "ada"]);
        ada.signs_in(&mut browser).lands_on("/");

        // Sessions end at the server's next request: one by its id, or all of somebody's, and those on their way.
        let [mut carol, mut dora] = ["carol", "dora"].map(Person::new);
        let [mut carols, mut doras, mut half_way] = [(); 3].map(|()| server.browser());
        carol.registers(&mut carols);
        dora.registers(&mut doras);
        dora.gives_password(&mut half_way);
        let listed = run(&["session", "list", "carol"]);
        let id = listed.lines().nth(1).unwrap().rsplit(' ').next().unwrap();
        assert!(run(&["session", "end", id]).starts_with("carol is signed out of "));
        carols.get("/").lands_on("/login");
        doras.get("/").is(200);
        assert!(run(&["session", "end", "dora", "--all"]).contains("1 session"));
        doras.get("/").lands_on("/login");
        half_way.get("/login/code").lands_on("/login");

        // A link that the command line makes is good at the server, once, and only for its name.
        let made = run(&["user", "add", "bob", "--role", "admin"]);
        let (_, path) = made.split_once("http://localhost:0").unwrap();
        let path = path.trim();
        let mut bob = Person::new("bob");
        let mut bobs = server.browser();
        bobs.get(path).is(200);
        bobs.post(path, &[("username", "bob"), ("password", &bob.password)]).lands_on("/enroll");
        bob.enrolls(&mut bobs);
        assert!(run(&["user", "list"]).contains("bob     admin   active"), "{}", run(&["user", "list"]));
        server.browser().get(path).is(410);

        // Removed is removed, in the middle of a session.
        browser.get("/").is(200);
        run(&["user", "remove", "ada", "--yes"]);
        browser.get("/").lands_on("/login");
        let mut next = Person::new("ada");
        next.registers(&mut server.browser());
        server.stop();
    }
}
