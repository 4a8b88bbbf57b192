//! The engine that does as it is told: each ending is what it says. What it is for is in `auth/tests/sim`.
#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, which helpers lack")]

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use store::scratch::Scratch;
use store::sim::{Done, Ending, Fault, Sim};
use store::{Db, Error, Kind, Result, Sql};

const COUNT: Sql = Sql::new("SELECT count(*) FROM claims");

async fn sim() -> (Sim, Scratch) {
    let scratch = Scratch::new(Kind::Sqlite);
    drop(scratch.open().await);
    (Sim::open(&scratch.dir().join("latchkey.db")).unwrap(), scratch)
}

/// Claims something, and then as much again.
async fn claim(db: Db, name: &'static str) -> Result<()> {
    db.write(move |tx| {
        store::claims::lock(tx, name, store::Time::from_millis(1))?;
        store::claims::lock(tx, &format!("{name} again"), store::Time::from_millis(1))
    })
    .await
}

fn poll<T>(future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// How many rows there are.
fn claims(sim: &Sim) -> i64 {
    sim.look(|conn| conn.one(COUNT, &[], |row| row.int(0))).unwrap().unwrap()
}

#[tokio::test]
async fn a_job_waits_until_it_is_told_to_run_and_ends_as_it_is_told() {
    let endings = [
        (Ending::Answered, true, Poll::Ready(true)),
        (Ending::Lost, true, Poll::Ready(false)),
        (Ending::Refused, false, Poll::Ready(false)),
        // Whoever waited is gone with the rest, and hears nothing of the commit.
        (Ending::CrashBefore, false, Poll::Ready(false)),
        (Ending::CrashAfter, true, Poll::Ready(false)),
    ];
    for (ending, committed, answer) in endings {
        let (sim, _scratch) = sim().await;
        let mut asked = pin!(claim(sim.node(), "one"));
        assert!(poll(asked.as_mut()).is_pending() && claims(&sim) == 0, "{ending:?}");
        sim.run(&[0], None, ending).unwrap();
        assert_eq!(claims(&sim), if committed { 2 } else { 0 }, "{ending:?}");
        assert_eq!(poll(asked.as_mut()).map(|answer| answer.is_ok()), answer, "{ending:?}");
        // It goes on: also after a crash.
        let mut next = pin!(claim(sim.node(), "two"));
        assert!(poll(next.as_mut()).is_pending());
        sim.run(&[1], None, Ending::Answered).unwrap();
        assert!(matches!(poll(next.as_mut()), Poll::Ready(Ok(()))), "{ending:?}");
    }
}

#[tokio::test]
async fn jobs_of_one_transaction_fail_alone() {
    let (sim, _scratch) = sim().await;
    let (mut one, mut two) = (pin!(claim(sim.node(), "one")), pin!(claim(sim.node(), "two")));
    assert!(poll(one.as_mut()).is_pending() && poll(two.as_mut()).is_pending());
    let fault = Fault { after: 1, error: Error::Broken("the disk is full".into()) };
    let ran = sim.run(&[1, 0], Some(fault), Ending::Answered).unwrap();
    assert_eq!(ran, [(1, Done::Undone), (0, Done::Kept)]);
    assert!(matches!(poll(one.as_mut()), Poll::Ready(Ok(()))));
    assert!(matches!(poll(two.as_mut()), Poll::Ready(Err(Error::Broken(_)))));
    assert_eq!(claims(&sim), 2);
}

#[tokio::test]
async fn what_cannot_be_serialized_waits_again_and_is_busy_in_the_end() {
    let (sim, _scratch) = sim().await;
    let mut asked = pin!(claim(sim.node(), "one"));
    assert!(poll(asked.as_mut()).is_pending());
    let fault = || Some(Fault { after: 1, error: Error::Busy });
    assert_eq!(sim.run(&[0], fault(), Ending::Answered).unwrap(), [(0, Done::Again)]);
    assert_eq!(sim.run(&[0], fault(), Ending::Answered).unwrap(), [(0, Done::Again)]);
    assert_eq!(sim.run(&[0], fault(), Ending::Answered).unwrap(), [(0, Done::Undone)]);
    assert!(matches!(poll(asked.as_mut()), Poll::Ready(Err(Error::Busy))));
    assert_eq!(claims(&sim), 0);
}

#[tokio::test]
async fn whoever_has_gone_is_passed_over() {
    let (sim, _scratch) = sim().await;
    {
        let mut asked = pin!(claim(sim.node(), "one"));
        assert!(poll(asked.as_mut()).is_pending());
    }
    assert_eq!(sim.waiting().len(), 1);
    assert_eq!(sim.run(&[0], None, Ending::Answered).unwrap(), [(0, Done::Skipped)]);
    assert_eq!((claims(&sim), sim.waiting().len()), (0, 0));
}
