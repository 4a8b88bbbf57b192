//! What the server logs while a test runs: of ours everything, at the most talkative level; of others their warnings.
//!
//! There is one listener for the whole program, and each thread hears its own. With a listener for a thread alone, whichever
//! thread comes by a line first decides for all of them whether anybody hears it, and may be one where nobody does.

use std::cell::RefCell;
use std::fmt::{Debug, Write as _};
use std::sync::Once;

use tracing::field::Field;
use tracing::{Event, Level, Metadata, Subscriber, span, subscriber};

thread_local! {
    static HEARD: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Hears what is logged on this thread, until it is dropped.
pub(crate) struct Listening;

impl Listening {
    pub(crate) fn begin() -> Listening {
        static EARS: Once = Once::new();
        EARS.call_once(|| subscriber::set_global_default(Ears).expect("one listener"));
        HEARD.set(Some(String::new()));
        Listening
    }

    /// Everything so far: a line for each field.
    pub(crate) fn text(&self) -> String {
        HEARD.with_borrow(|heard| heard.clone().unwrap_or_default())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        HEARD.set(None);
    }
}

struct Ears;

fn note(field: &Field, value: &dyn Debug) {
    HEARD.with_borrow_mut(|heard| {
        if let Some(heard) = heard {
            let _ = writeln!(heard, "{field}={value:?}");
        }
    });
}

impl Subscriber for Ears {
    fn enabled(&self, of: &Metadata<'_>) -> bool {
        let ours =
            of.target().split("::").next().is_some_and(|name| matches!(name, "web" | "auth" | "store"));
        ours || *of.level() <= Level::WARN
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        attributes.record(&mut note);
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut note);
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut note);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
