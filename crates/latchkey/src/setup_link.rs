//! `latchkey setup-link`: the way in for the first owner. The terminal of `latchkey serve` shows one by itself.

use auth::{setup, timestamp};
use serde_json::json;

use crate::exit::Result;
use crate::settings::Flags;
use crate::terminal::{print, print_json};

/// Prints a new link, and voids the one before.
pub(crate) fn run(flags: &Flags, json: bool) -> Result<()> {
    let made = flags.with_new_or_existing(async |app| setup::owner_link(app).await)?;
    if json {
        print_json(&json!({ "url": made.url, "role": "owner", "expires_at": timestamp(made.expires_at) }));
        return Ok(());
    }
    let until = auth::date_and_time(made.expires_at);
    print(&format!(
        "Open this to become the owner. It works once, until {until}, and voids the link before it:\n\n  {}\n",
        made.url
    ));
    Ok(())
}
