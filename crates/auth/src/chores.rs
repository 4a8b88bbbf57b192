//! What happens every minute: whatever is over is removed, by one node for all, and each writes down who was told to wait and who
//! was seen. Every few seconds the audit log is sealed.

use std::time::Duration;

use store::{
    Time, authenticators, enrollments, leases, logins, quotas, recovery_codes, registrations, setup_links,
    tickets, user_links,
};

use crate::audit::seal::Sealer;
use crate::audit::{Happened, Whom};
use crate::broom::Broom;
use crate::{App, Result, SOON, Visit, limits, seen};

/// How long the codes of an authenticator that has retired are recognized, in milliseconds.
const RECOGNIZED: i64 = 90 * 24 * 60 * 60 * 1000;

/// The lease of what is done for all nodes, and for how long it is taken: a little less than a minute.
const LEASE: &str = "chores";
const LEASE_SECONDS: i64 = 50;

/// Pieces of a large table that are looked through in a minute.
const PIECES: usize = 10;

/// How often the audit log is sealed.
const SEALED: Duration = Duration::from_secs(2);
/// How often what is too old is removed from it, and its end is said in the server's log.
const LOOKED_THROUGH: Duration = Duration::from_secs(3600);

/// Seals the audit log every few seconds and removes what is too old every hour, for as long as it is polled.
pub async fn keep_log(app: App) {
    let mut sealer = Sealer::new(&app);
    let (mut seconds, mut hour) = (tokio::time::interval(SEALED), tokio::time::interval(LOOKED_THROUGH));
    for timer in [&mut seconds, &mut hour] {
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    }
    loop {
        let hourly = tokio::select! {
            _ = hour.tick() => true,
            _ = seconds.tick() => false,
        };
        let done = async {
            sealer.seal().await?;
            if hourly {
                sealer.look_at_end().await?;
                sealer.remove_old().await?;
            }
            sealer.release().await
        };
        if let Err(error) = done.await {
            tracing::warn!(%error, "the audit log was not sealed; it is tried again in a moment");
        }
        if let Some(head) = sealer.head().filter(|_| hourly) {
            // Whoever cuts off the end of the log cannot take this line back, where logs are kept elsewhere.
            tracing::info!(%head, "the end of the audit log");
        }
    }
}

/// A file that is larger is looked through by `latchkey verify` only: this much takes a second.
const LOOKED_INSIDE: u64 = 64 << 20;

/// Looks once whether the file of the database is damaged inside. When it is, nothing more is written, and that is said.
pub async fn look_inside(app: App) {
    if let Err(error) = app.db.look_inside(LOOKED_INSIDE).await {
        tracing::error!(%error, "`latchkey verify` names everything that is wrong");
    }
}

/// How often it is looked whether this program may still work on the database.
const WATCHED: Duration = Duration::from_secs(1);

/// Watches whether a newer program has brought the database to a schema on which this one may not work, or everything was moved elsewhere.
/// From then on whatever is asked of it here is refused, and that is said once.
pub async fn watch_database(app: App) {
    let mut second = tokio::time::interval(WATCHED);
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let db = app.db.with_deadline(SOON);
    loop {
        second.tick().await;
        // A database that is away is not news: whoever needs it says so.
        if let Err(error) = db.health().await
            && db.is_shut_out()
        {
            return tracing::error!(%error, "nobody is served here any more");
        }
    }
}

/// Does the chores every minute, for as long as it is polled. What is there for all nodes is done by one of them.
pub async fn every_minute(app: App) {
    let (mut minute, holder) = (tokio::time::interval(Duration::from_secs(60)), app.random.holder());
    minute.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        minute.tick().await;
        if let Err(error) = turn(&app, &holder).await {
            tracing::warn!(%error, "the chores were not done; they are tried again in a minute");
        }
    }
}

/// Does the chores of this node, and those of all nodes unless another one has done them in this minute. Answers whether it did.
pub async fn turn(app: &App, holder: &str) -> Result<bool> {
    // By a clock that has jumped everything may seem to be over.
    app.jumped()?;
    write_down(app).await?;
    let (now, holder) = (app.clock.now(), holder.to_owned());
    let until = now.plus_seconds(LEASE_SECONDS);
    let lease = app.db.write(move |tx| leases::take(tx, LEASE, &holder, (now, until))).await?;
    if lease.is_none() {
        return Ok(false);
    }
    sweep(app).await?;
    app.broom.sweep(app, PIECES).await?;
    Ok(true)
}

/// Does the chores once, whoever else does them.
pub async fn once(app: &App) -> Result<()> {
    app.jumped()?;
    write_down(app).await?;
    sweep(app).await?;
    Broom::default().sweep(app, usize::MAX).await
}

/// Writes down what this node has seen and counted.
async fn write_down(app: &App) -> Result<()> {
    seen::write_all(app).await?;
    let rested = app.rested.take();
    if rested == 0 {
        return Ok(());
    }
    let scribe = app.scribe(&Visit::default(), app.clock.now());
    let nobody = Whom { id: None, name: "" };
    let done = app
        .db
        .write(move |tx| scribe.record_many(tx, Happened::Rested, nobody, (rested, &[])).map(drop))
        .await;
    if done.is_err() {
        // It was not written: those who rested are counted in the next minute.
        app.rested.add(rested);
    }
    done
}

/// Removes what is over of what people do not pile up, or what an index finds.
async fn sweep(app: &App) -> Result<()> {
    let now = app.clock.now();
    let ago = |millis: i64| Time::from_millis(now.millis() - millis);
    let (hour_ago, unrecognized) = (ago(3_600_000), ago(RECOGNIZED));
    app.db
        .write(move |tx| {
            registrations::sweep(tx, now)?;
            tickets::sweep(tx, now)?;
            enrollments::sweep(tx, now)?;
            recovery_codes::sweep_sheets(tx, now)?;
            logins::sweep(tx, now)?;
            setup_links::sweep(tx, now)?;
            user_links::sweep(tx, now)?;
            authenticators::sweep(tx, unrecognized)?;
            limits::shed_nobodies(tx, now)?;
            quotas::sweep(tx, hour_ago)?;
            Ok(())
        })
        .await
}
