//! An operator's own look: on every page, by files of its own, and nothing of it where nothing is set.

use auth::Config;
use auth::config::Logo;
use store::Kind;

use crate::world::World;

const PICTURE: &str =
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 2 1\"><path d=\"M0 0h2v1z\"/></svg>";

async fn branded(help: &str) -> World {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("logo.svg");
    std::fs::write(&path, PICTURE).unwrap();
    let logo = Logo::read(&path).unwrap();
    World::with(Kind::Sqlite, |config: &mut Config| {
        config.logo = Some(logo);
        config.set("branding.accent", "#0B5345").unwrap();
        config.set("branding.help", help).unwrap();
    })
    .await
}

/// What stands between `before` and the next quotation mark.
fn quoted<'a>(text: &'a str, before: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{before} in {text}"));
    rest.split('"').next().unwrap()
}

#[tokio::test]
async fn a_page_has_the_operators_logo_color_and_help_and_is_otherwise_as_without() {
    let (world, plain) = (branded("mailto:help@example.org").await, World::on(Kind::Sqlite).await);
    let (page, plain) = (world.browser().get("/login").await, plain.browser().get("/login").await);
    let logo = quoted(&page.text, "<img class=\"logo\" src=\"");
    let css = quoted(&page.text, "<link rel=\"stylesheet\" href=\"/assets/brand");
    let additions = [
        format!("\n  <link rel=\"stylesheet\" href=\"/assets/brand{css}\">"),
        "\n    <p class=\"help\">Help: <a href=\"mailto:help@example.org\">help@example.org</a></p>"
            .to_owned(),
    ];
    let mut without = page.text.clone();
    for addition in &additions {
        assert!(without.contains(addition), "{addition} in {}", page.text);
        without = without.replace(addition, "");
    }
    let mark = |text: &str| {
        let (before, rest) = text.split_once("<a class=\"brand\" href=\"/\">").unwrap();
        let (_, after) = rest.split_once("<span>").unwrap();
        format!("{before}{after}")
    };
    assert_eq!(mark(&without), mark(&plain.text));
    for absent in ["brand.", "class=\"logo\"", "class=\"help\""] {
        assert!(!plain.text.contains(absent), "{absent}");
    }

    let logo = world.browser().get(logo).await;
    assert_eq!((logo.status.as_u16(), logo.text.as_str()), (200, PICTURE));
    assert_eq!(logo.header("content-type"), "image/svg+xml");
    assert_eq!(
        logo.header("content-security-policy"),
        "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    );
    assert_eq!(logo.header("x-content-type-options"), "nosniff");
    assert!(logo.header("cache-control").contains("immutable"));
    let css = world.browser().get(&format!("/assets/brand{css}")).await;
    assert_eq!(css.header("content-type"), "text/css; charset=utf-8");
    assert!(
        css.text.contains("--brass: #0B5345;") && css.text.contains("prefers-color-scheme: dark"),
        "{}",
        css.text
    );
    assert!(css.header("content-security-policy").starts_with("default-src 'none'; script-src 'self'"));
    assert_eq!(world.browser().get("/assets/brand.0000000000000000.css").await.status.as_u16(), 404);
}

#[tokio::test]
async fn words_are_shown_as_words_in_the_language_of_the_page() {
    let world = branded("Ask <Ada> & co").await;
    let page = world.browser().get("/register?lang=de").await;
    assert!(page.text.contains("<p class=\"help\">Hilfe: Ask &#60;Ada&#62; &#38; co</p>"), "{}", page.text);
    // Also where something went wrong, which is when people look for it.
    assert!(world.browser().get("/nowhere").await.text.contains("class=\"help\""));
}
