//! Who may change whom: the command line, owners, administrators, programs and everybody else, on both engines.

use auth::api_token::{self, ApiToken, Scope, Wanted};
use auth::link::Purpose;
use auth::session::Session;
use auth::users::Change;
use auth::{Acting, By, Error, Result, Role, Visit, account, groups, link, session, setup, users};
use serde_json::Value;
use store::Sql;

use crate::house::{House, on_both};

/// Somebody who came from there.
fn visit() -> Visit {
    let mut visit = Visit::default();
    visit.address = Some([203, 0, 113, 9].into());
    visit
}

impl House {
    /// Somebody with that role, signed in a moment ago.
    async fn signed_in(&self, name: &str, role: Role) -> By {
        let token = self.registers(name).await;
        let session = session::find(&self.app, &token).await.unwrap().unwrap();
        // Given behind the back of the rules, which end the session.
        let (id, role) = (session.user_id.clone(), role.text());
        let given = self.db.write(move |tx| {
            store::users::update_role(tx, &id, role)?;
            store::sessions::update_epoch(tx, &session.id, 1)
        });
        given.await.unwrap();
        let session: Session = session::find(&self.app, &token).await.unwrap().unwrap();
        By::Session(Box::new(session))
    }

    async fn program(&self) -> By {
        By::Program(self.token("wiki", Scope::PeopleWrite, None).await)
    }

    async fn token(&self, name: &str, scope: Scope, owner: Option<&str>) -> ApiToken {
        let wanted = Wanted { name: name.to_owned(), scopes: vec![scope], hosts: Vec::new(), days: 30 };
        api_token::add(&self.app, wanted, owner, &Visit::default()).await.unwrap().token
    }

    fn as_(&self, by: &By) -> Acting<'_> {
        Acting::new(&self.app, by.clone(), &visit())
    }

    /// Of everything that can be done to somebody, what this one is let do; each is undone by the command line.
    async fn done_by(&self, by: &By, name: &str) -> Vec<&'static str> {
        let role = users::show(&self.app, name).await.unwrap().person.role;
        let other = if role == Role::User { Role::Admin } else { Role::User };
        let people = [name.to_owned()];
        let mut done = Vec::new();
        let mut note = |what, answer: Result<()>| match answer {
            Ok(()) => done.push(what),
            Err(Error::Forbidden) => {}
            Err(error) => panic!("{what}: {error:?}"),
        };
        note("join", groups::join(self.as_(by), "family", &people).await.map(|_| ()));
        note("leave", groups::leave(self.as_(by), "family", &people).await.map(|_| ()));
        note("link", link::make(self.as_(by), name, Purpose::Both).await.map(|_| ()));
        note("reset", link::reset_factor(self.as_(by), name).await.map(|_| ()));
        note("end", session::end_all(self.as_(by), name).await.map(|_| ()));
        note("disable", users::disable(self.as_(by), name).await);
        note("enable", users::enable(self.as_(by), name).await);
        note("role", users::set_role(self.as_(by), name, other).await);
        users::set_role(&self.app, name, role).await.unwrap();
        note("remove", users::remove(self.as_(by), name).await);
        done
    }

    /// Of each event since the last look its kind and its details.
    async fn details(&self, kind: &'static str) -> Vec<Value> {
        const EVENTS: Sql = Sql::new("SELECT detail FROM events WHERE kind = $1 ORDER BY id");
        let rows =
            self.db.scan(move |conn| conn.all(EVENTS, &[kind.into()], |row| row.text(0))).await.unwrap();
        rows.iter().map(|row| serde_json::from_str(row).unwrap()).collect()
    }
}

const ALL: [&str; 9] = ["join", "leave", "link", "reset", "end", "disable", "enable", "role", "remove"];
const OF_USERS: [&str; 8] = ["join", "leave", "link", "reset", "end", "disable", "enable", "remove"];

#[tokio::test]
async fn an_administrator_looks_after_people_and_an_owner_after_administrators_too() {
    for house in on_both().await {
        groups::add(&house.app, "family").await.unwrap();
        let (owner, admin) =
            (house.signed_in("olga", Role::Owner).await, house.signed_in("adam", Role::Admin).await);
        let (user, program) = (house.signed_in("uwe", Role::User).await, house.program().await);
        let of_owner = By::Program(house.token("wiki", Scope::PeopleWrite, Some("olga")).await);
        for (by, role, may) in [
            (&of_owner, Role::User, &OF_USERS[..]),
            (&of_owner, Role::Admin, &[]),
            (&of_owner, Role::Owner, &[]),
            (&user, Role::User, &[]),
            (&user, Role::Owner, &[]),
            (&program, Role::User, &OF_USERS),
            (&program, Role::Admin, &[]),
            (&program, Role::Owner, &[]),
            (&admin, Role::User, &OF_USERS),
            (&admin, Role::Admin, &[]),
            (&admin, Role::Owner, &[]),
            (&owner, Role::User, &ALL),
            (&owner, Role::Admin, &ALL),
            (&owner, Role::Owner, &ALL),
            (&By::Command, Role::Owner, &ALL),
        ] {
            house.registers("somebody").await;
            users::set_role(&house.app, "somebody", role).await.unwrap();
            assert_eq!(house.done_by(by, "somebody").await, may, "{by:?} to {role}");
            if !may.contains(&"remove") {
                users::remove(&house.app, "somebody").await.unwrap();
            }
        }
        // An administrator is none of their own to look after, not even to get into a group.
        assert_eq!(house.done_by(&admin, "adam").await, [""; 0]);
    }
}

#[tokio::test]
async fn somebody_new_gets_no_role_from_whoever_may_not_give_it_nor_loses_the_link_for_one() {
    for house in on_both().await {
        let (owner, admin) =
            (house.signed_in("olga", Role::Owner).await, house.signed_in("adam", Role::Admin).await);
        let program = house.program().await;
        for by in [&admin, &program] {
            setup::user_link(house.as_(by), "nora", Role::User).await.unwrap();
            for role in [Role::Admin, Role::Owner] {
                let refused = setup::user_link(house.as_(by), "nora", role).await;
                assert!(matches!(refused.map(|_| ()), Err(Error::Forbidden)), "{by:?} {role}");
            }
        }
        setup::user_link(house.as_(&owner), "nora", Role::Admin).await.unwrap();
        let refused = setup::user_link(house.as_(&admin), "NORA", Role::User).await;
        assert!(matches!(refused.map(|_| ()), Err(Error::Forbidden)));
        house.app.clock.advance(setup::USER_LINK);
        setup::user_link(house.as_(&program), "nora", Role::User).await.unwrap();
    }
}

#[tokio::test]
async fn whoever_was_demoted_or_signed_out_or_has_proven_nothing_lately_changes_nothing() {
    for house in on_both().await {
        house.registers("bob").await;
        let admin = house.signed_in("adam", Role::Admin).await;
        users::disable(house.as_(&admin), "bob").await.unwrap();

        house.app.clock.advance(5 * 60);
        let stale = users::enable(house.as_(&admin), "bob").await;
        assert!(matches!(stale, Err(Error::ProofNeeded)), "{stale:?}");
        house.app.clock.advance(-5 * 60);

        users::set_role(&house.app, "adam", Role::User).await.unwrap();
        let demoted = users::enable(house.as_(&admin), "bob").await;
        assert!(matches!(demoted, Err(Error::Expired)), "{demoted:?}");
        assert!(matches!(groups::add(house.as_(&admin), "family").await, Err(Error::Expired)));
        assert!(users::show(&house.app, "bob").await.unwrap().person.disabled);

        // Where the session goes on, as no command lets it, the role is looked at all the same.
        let user = house.signed_in("eve", Role::User).await;
        assert!(matches!(users::enable(house.as_(&user), "bob").await, Err(Error::Forbidden)));
        assert!(matches!(groups::add(house.as_(&user), "family").await, Err(Error::Forbidden)));
        assert_eq!(house.count("groups").await, 0);
    }
}

#[tokio::test]
async fn a_token_that_was_revoked_or_is_for_something_else_or_whose_owner_fell_changes_nothing() {
    for house in on_both().await {
        house.registers("bob").await;
        house.signed_in("adam", Role::Admin).await;
        let token = async |name, scope, owner| By::Program(house.token(name, scope, owner).await);
        let program = token("wiki", Scope::PeopleWrite, None).await;
        let of_adam = token("wiki", Scope::PeopleWrite, Some("adam")).await;
        for good in [&program, &of_adam] {
            users::disable(house.as_(good), "bob").await.unwrap();
        }
        for by in [token("a", Scope::PeopleRead, None).await, token("b", Scope::Verify, None).await] {
            assert!(matches!(users::enable(house.as_(&by), "bob").await, Err(Error::Expired)));
        }
        // Each is judged by what is true at the change, not by what was true when it was shown.
        api_token::revoke(&house.app, ("wiki", None), &Visit::default()).await.unwrap();
        users::set_role(&house.app, "adam", Role::User).await.unwrap();
        for void in [&program, &of_adam] {
            assert!(matches!(users::enable(house.as_(void), "bob").await, Err(Error::Expired)));
        }
        assert!(users::show(&house.app, "bob").await.unwrap().person.disabled);
    }
}

#[tokio::test]
async fn what_was_done_is_written_down_with_who_did_it_from_where_and_shown_without_where() {
    for house in on_both().await {
        let bob = house.registers("bob").await;
        let (admin, program) = (house.signed_in("Adam", Role::Admin).await, house.program().await);
        groups::add(house.as_(&admin), "family").await.unwrap();
        groups::join(house.as_(&admin), "family", &["bob".to_owned()]).await.unwrap();
        groups::leave(house.as_(&program), "family", &["bob".to_owned()]).await.unwrap();
        groups::remove(&house.app, "family").await.unwrap();
        assert_eq!(house.details("group.created").await[0]["by"], "Adam");
        assert_eq!(house.details("group.joined").await[0]["by"], "Adam");
        let by_program = &house.details("group.left").await[0];
        assert_eq!((&by_program["by"], &by_program["token"]), (&Value::Null, &"wiki".into()));
        assert_eq!(house.details("group.removed").await[0]["by"], Value::Null, "the command line");

        let session = session::find(&house.app, &bob).await.unwrap().unwrap();
        let activity = account::activity(&house.app, &session).await.unwrap();
        let joined = activity.iter().find(|activity| activity.kind == "group.joined").unwrap();
        assert_eq!(joined.address, "", "where the administrator was is not bob's to know");
        const ADDRESS: Sql = Sql::new("SELECT address FROM events WHERE kind = 'group.joined'");
        let address = house.db.scan(|conn| conn.one(ADDRESS, &[], |row| row.text(0))).await.unwrap();
        assert_eq!(address.as_deref(), Some("203.0.113.9"), "the audit log has it");
    }
}

#[tokio::test]
async fn two_changes_at_once_are_made_both_or_not_at_all() {
    for house in on_both().await {
        house.registers("ada").await;
        house.registers("bob").await;
        users::set_role(&house.app, "ada", Role::Owner).await.unwrap();
        let both = |role, disabled| Change { role: Some(role), disabled: Some(disabled) };
        // The only owner can neither go nor be locked out, and is not half of it.
        assert!(matches!(
            users::update(&house.app, "ada", both(Role::Owner, true)).await,
            Err(Error::Refused(_))
        ));
        users::update(&house.app, "bob", both(Role::Owner, false)).await.unwrap();
        users::update(&house.app, "ada", both(Role::User, true)).await.unwrap();
        let ada = users::show(&house.app, "ada").await.unwrap().person;
        assert_eq!((ada.role, ada.disabled), (Role::User, true));
        users::update(&house.app, "ada", both(Role::Admin, false)).await.unwrap();
        // Somebody without a password becomes no administrator, and stays locked in or out.
        house.imports("carol").await;
        assert!(users::update(&house.app, "carol", both(Role::Admin, true)).await.is_err());
        let carol = users::show(&house.app, "carol").await.unwrap().person;
        assert_eq!((carol.role, carol.disabled), (Role::User, false));
        users::update(&house.app, "carol", Change::default()).await.unwrap();
    }
}

#[tokio::test]
async fn people_are_found_by_the_beginning_of_their_names_whatever_is_typed() {
    for house in on_both().await {
        let names = ["a", "Ab", "ab.c", "ab@x", "ab_d", "abc", "ac", "b"].map(str::to_owned);
        house.import_all(&names).await;
        let found = async |prefix: &str, after: &str, most| -> Vec<String> {
            let found = users::search(&house.app, prefix, (after, most)).await.unwrap();
            found.into_iter().map(|person| person.name).collect()
        };
        assert_eq!(found("aB", "", 50).await, ["Ab", "ab.c", "ab@x", "ab_d", "abc"]);
        assert_eq!(found("ab", "ab.c", 2).await, ["ab@x", "ab_d"]);
        assert_eq!(found("", "ab_d", 50).await, ["abc", "ac", "b"]);
        assert_eq!(found("ab", "b", 50).await, [""; 0]);
        for odd in ["%", "a%", "_", "a\0", "\u{ff}", "a'", "a b", "é", &"a".repeat(65), "a\u{202e}"] {
            assert!(found(odd, "", 50).await.is_empty(), "{odd:?}");
            if odd != "_" {
                let refused = users::search(&house.app, "", (odd, 50)).await;
                assert!(matches!(refused, Err(Error::Rules(_))), "{odd:?}");
                let refused = groups::piece(&house.app, odd, 50).await;
                assert!(matches!(refused, Err(Error::Rules(_))), "{odd:?}");
            }
        }
    }
}
