//! The whole journey without scripts: by links and forms only.

use crate::browser::Window;
use crate::story::Story;

const WITHOUT_SCRIPTS: Window = Window { scripts: false, ..Window::DESKTOP };

#[test]
fn everything_works_without_javascript() {
    let story = Story::begin(WITHOUT_SCRIPTS);
    story.newcomer("ada", &mut |story, page| {
        story.browser.keeps_picture("newcomer-without-scripts", page);
        for needs_a_script in ["Copy", "Print", "Show"] {
            assert!(
                !story.browser.offers(needs_a_script),
                "{page} offers “{needs_a_script}”, which would do nothing"
            );
        }
    });
}

#[test]
fn a_lost_phone_is_replaced_without_javascript() {
    let story = Story::begin(WITHOUT_SCRIPTS);
    let (_, codes) = story.becomes_a_user("ada");
    story.signs_out();
    story.gives_the_password("ada");
    story.browser.press(story.says.lost);
    story.browser.fill(story.says.recovery_field, &codes[0]);
    story.browser.press(story.says.next);
    story.browser.arrives_at("/enroll", story.says.enroll_again);
    let app = story.scans();
    story.confirms(&app);
    story.keeps_the_codes();
    story.is_signed_in_as("ada");
}
