//! What those who run the place do to people: it holds at once, and leaves nothing behind that it should not.

use crate::house::on_both;
use auth::register::{self, NewUser};
use auth::{Error, Password, Role, Visit, enroll, session, setup, users};

#[tokio::test]
async fn whoever_is_removed_leaves_only_what_happened_to_them() {
    for house in on_both().await {
        let token = house.registers("ada").await;
        house.registers("bob").await;
        users::remove(&house.app, "ADA").await.unwrap();

        assert!(session::find(&house.app, &token).await.unwrap().is_none(), "signed out at once");
        let rows = [
            "authenticators",
            "recovery_codes",
            "recovery_sheets",
            "sessions",
            "logins",
            "enrollments",
            "registrations",
        ];
        for table in rows {
            let left = house.count(table).await;
            let expected = match table {
                "authenticators" | "sessions" | "recovery_sheets" => 1,
                "recovery_codes" => 10,
                _ => 0,
            };
            assert_eq!(left, expected, "{table}: what is left is bob's");
        }
        assert_eq!(house.happened("user.created").await, 2);
        assert_eq!(house.happened("user.removed").await, 1);

        // The next one of that name is somebody else, with an authenticator of their own.
        let before = house.id_of("bob").await;
        house.registers("ada").await;
        assert_eq!(users::show(&house.app, "ada").await.unwrap().recovery_codes, 10);
        assert_eq!(house.id_of("bob").await, before);
    }
}

#[tokio::test]
async fn a_link_or_a_registration_of_that_name_does_not_outlive_its_person() {
    for house in on_both().await {
        setup::user_link(&house.app, "ada", Role::User).await.unwrap();
        // A registration that was begun before the account existed, and waits for its code.
        let password = Password::new("engine of analysis".to_owned());
        let new =
            NewUser { username: "ada".to_owned(), password: Some(password), link: None, next: String::new() };
        let waiting = register::reserve(&house.app, new, None, Visit::default()).await.unwrap();
        house.imports("ada").await;
        users::remove(&house.app, "ada").await.unwrap();
        assert!(matches!(enroll::pending(&house.app, &waiting).await, Err(Error::Expired)));
        assert_eq!((house.count("setup_links").await, house.count("registrations").await), (0, 0));
    }
}

#[tokio::test]
async fn the_last_owner_stays() {
    for house in on_both().await {
        house.registers("ada").await;
        house.registers("bob").await;
        users::set_role(&house.app, "ada", Role::Owner).await.unwrap();
        assert!(matches!(users::remove(&house.app, "ada").await, Err(Error::Refused(_))));
        users::set_role(&house.app, "bob", Role::Owner).await.unwrap();
        users::remove(&house.app, "ada").await.unwrap();
        assert!(matches!(users::remove(&house.app, "bob").await, Err(Error::Refused(_))));
        assert!(matches!(users::remove(&house.app, "ada").await, Err(Error::NotFound(_))));
    }
}

#[tokio::test]
async fn a_list_in_pieces_has_everybody_once_and_by_name() {
    for house in on_both().await {
        let names: Vec<String> = (0..2_345).map(|number| format!("User{number:04}")).collect();
        house.import_all(&names).await;
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let page = users::page(&house.app, &after).await.unwrap();
            let Some(last) = page.last() else { break };
            assert!(page.len() <= 1000);
            after.clone_from(&last.name);
            found.extend(page.into_iter().map(|person| person.name));
        }
        assert_eq!(found, names);
    }
}
