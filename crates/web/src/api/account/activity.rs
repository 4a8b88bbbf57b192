//! `/api/v1/account/activity`: what happened to an account in ninety days.

use auth::account::{self, Activity};
use auth::{Id, Time, timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::account::Whose;
use crate::api::ask::{Call, Page, Paged, is_id};
use crate::api::caller::Asker;
use crate::api::{ApiResult, answer};
use crate::error::Trouble;

/// Something that happened to an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct Event {
    /// Its id.
    id: String,
    /// When; the first time, where it happened more than once in a minute.
    #[schema(format = DateTime)]
    at: String,
    /// What, such as `sign_in.completed`.
    event: String,
    /// How often.
    #[schema(minimum = 1)]
    count: i64,
    /// From where; empty for the command line.
    address: String,
}

/// Lists it in pieces, newest first.
#[utoipa::path(
    get, path = "", responses((status = 200, body = Paged<Event>)),
    params(
        ("after" = Option<String>, Query, max_length = 256, min_length = 1, description = "What the answer before had as `next`."),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 200, description = "How many entries; 50 when left out."),
    )
)]
pub(crate) async fn list(call: Call, asker: Asker, page: Page) -> ApiResult {
    let whose = Whose::try_from(asker)?;
    let last = page.after.as_deref().map(|cursor| place(cursor).ok_or(Trouble::BadPage)).transpose()?;
    let found = account::activity_after(&call.app, &whose.id, last, page.limit + 1).await?;
    let page = Paged::of(found, page.limit, |last| format!("{}.{}", last.at.millis(), last.id));
    answer(&Paged { items: page.items.into_iter().map(of).collect::<Vec<_>>(), next: page.next })
}

fn of(activity: Activity) -> Event {
    Event {
        id: activity.id.to_string(),
        at: timestamp(activity.at),
        event: activity.kind,
        count: activity.count,
        address: activity.address,
    }
}

/// Where a cursor of ours points.
fn place(cursor: &str) -> Option<(Time, Id)> {
    let (at, id) = cursor.split_once('.')?;
    let plain = at.bytes().all(|b| b.is_ascii_digit()) && is_id(id);
    let at = at.parse().ok().filter(|_| plain)?;
    Some((Time::from_millis(at), Id::new(id)))
}
