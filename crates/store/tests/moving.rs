//! Moves from one engine to the other: every row arrives once and as it was, wherever the move is broken off, and of the two places
//! one at most is a house.
#![expect(clippy::unwrap_used, reason = "a test says what went wrong by its name")]

use std::collections::BTreeMap;

use store::dump::{self, Cell, Type};
use store::keys::{self, SealedKey};
use store::moving::Move;
use store::scratch::Scratch;
use store::{Db, Error, Kind, Result, Sql, Time, Tx, users};

const NOW: Time = Time::from_millis(7);
const BOTH_WAYS: [(Kind, Kind); 2] = [(Kind::Sqlite, Kind::Postgres), (Kind::Postgres, Kind::Sqlite)];

/// What may be NULL, and what refers to what, as the engine says it: by table and column.
struct Shape {
    nullable: Vec<(String, String)>,
    parents: BTreeMap<(String, String), (String, String)>,
}

async fn shape() -> Shape {
    let scratch = Scratch::new(Kind::Sqlite);
    drop(scratch.open().await);
    let conn = rusqlite::Connection::open(scratch.url().strip_prefix("sqlite:").unwrap()).unwrap();
    let rows = |text: &str| -> Vec<[String; 4]> {
        let mut statement = conn.prepare(text).unwrap();
        let row = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]);
        statement.query_map([], row).unwrap().map(Result::unwrap).collect()
    };
    let nullable = rows(
        "SELECT m.name, c.name, '', '' FROM sqlite_schema m JOIN pragma_table_info(m.name) c
         WHERE m.type = 'table' AND c.\"notnull\" = 0 AND c.pk = 0",
    );
    let parents = rows(
        "SELECT m.name, f.\"from\", f.\"table\", coalesce(f.\"to\", 'id') FROM sqlite_schema m
         JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'",
    );
    Shape {
        nullable: nullable.into_iter().map(|[table, column, ..]| (table, column)).collect(),
        parents: parents.into_iter().map(|[table, column, of, at]| ((table, column), (of, at))).collect(),
    }
}

/// Two rows of every table: one with every NULL there can be and the lowest numbers, one with the highest and strange letters.
async fn rows() -> Vec<(&'static str, Vec<Cell>)> {
    let shape = shape().await;
    let mut made: BTreeMap<(String, String, usize), Cell> = BTreeMap::new();
    let mut all = Vec::new();
    for table in dump::tables(Db::SCHEMA) {
        for which in 0..2 {
            let mut row = Vec::new();
            for (column, holds) in table.columns() {
                let place = (table.name.to_owned(), column.to_owned());
                let cell = if let Some((of, at)) = shape.parents.get(&place) {
                    made[&(of.clone(), at.clone(), which)].clone()
                } else if which == 0 && shape.nullable.contains(&place) {
                    Cell::Null
                } else {
                    match holds {
                        Type::Text if (table.name, column, which) == ("keys", "purpose", 0) => {
                            Cell::Text("canary".into())
                        }
                        Type::Text => Cell::Text(format!(
                            "{}.{column} {which} ä\u{1f511}\u{202e}'\"\n\u{1}",
                            table.name
                        )),
                        Type::Bool => Cell::Bool(which == 1),
                        // The first of a key is never the lowest number there is.
                        Type::Int if column == "number" => Cell::Int([-5, i64::MAX][which]),
                        Type::Int => Cell::Int([i64::MIN, i64::MAX][which]),
                    }
                };
                made.insert((place.0, place.1, which), cell.clone());
                row.push(cell);
            }
            all.push((table.name, row));
        }
    }
    all
}

/// A house with every kind of row in it, and more people than fit into one commit of a move.
async fn house(kind: Kind, people: i64) -> Scratch {
    const USERS: Sql = Sql::new(
        "WITH RECURSIVE n (i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1)
         INSERT INTO users (id, name, name_key, role, disabled, created_at)
         SELECT CAST(i AS TEXT), 'N' || CAST(i AS TEXT), 'n' || CAST(i AS TEXT), 'user', i = 3, i FROM n",
    );
    let (scratch, rows) = (Scratch::new(kind), rows().await);
    let db = scratch.open().await;
    db.write(move |tx| {
        for (name, row) in &rows {
            dump::tables(Db::SCHEMA).find(|table| table.name == *name).unwrap().insert(tx, row)?;
        }
        tx.execute(USERS, &[people.into()])
    })
    .await
    .unwrap();
    scratch
}

/// Everything that is in a house.
async fn all(scratch: &Scratch) -> Vec<(&'static str, Vec<Cell>)> {
    let db = Db::open_as_it_is(scratch.url()).await.unwrap();
    db.scan(|conn| {
        let mut all = Vec::new();
        for table in dump::tables(Db::SCHEMA) {
            let mut page = table.page(conn, None)?;
            while let Some(last) = page.last().cloned() {
                all.extend(page.into_iter().map(|row| (table.name, row)));
                page = table.page(conn, Some(&last))?;
            }
        }
        Ok::<_, Error>(all)
    })
    .await
    .unwrap()
}

/// On a thread of its own, as a command does it.
fn on_a_thread<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(f).join().unwrap())
}

fn open(from: &Scratch, to: &Scratch) -> Result<Move> {
    Move::open((from.url(), to.url()), ("the old one", "the new one"), NOW)
}

fn copy(from: &Scratch, to: &Scratch) -> Move {
    let mut moving = open(from, to).unwrap();
    moving.copy(&mut |_| Ok(())).unwrap();
    moving
}

fn finish(moving: &mut Move) -> Result<Vec<store::moving::Sum>> {
    moving.finish(&mut |_| {}, |_| Ok::<_, Error>(()))
}

async fn refusal(scratch: &Scratch) -> String {
    Db::open(scratch.url(), NOW).await.map(|_| ()).unwrap_err().to_string()
}

#[tokio::test]
async fn every_row_of_every_table_arrives_as_it_was_and_the_old_house_is_closed() {
    for (kind, other) in BOTH_WAYS {
        let (from, to) = (house(kind, 12_345).await, Scratch::new(other));
        let before = all(&from).await;
        let (counted, sums) = on_a_thread(|| {
            let mut moving = copy(&from, &to);
            (moving.rows().unwrap().0, finish(&mut moving).unwrap())
        });
        assert_eq!(counted, before.len() as u64);
        assert!(sums.iter().all(|sum| sum.rows >= 2), "every table has rows: {sums:?}");
        assert!(all(&to).await == before, "{kind:?}: something is another thing there");
        assert!(all(&from).await == before, "{kind:?}: what was left has changed");
        drop(to.open().await);
        let refused = refusal(&from).await;
        assert!(refused.contains("was moved to the new one") && refused.contains("the past"), "{refused}");
        assert_eq!(Db::schema(from.url()).unwrap(), Some(Db::SCHEMA), "a backup of it can be made");
    }
}

#[tokio::test]
async fn a_move_that_is_broken_off_at_every_commit_goes_on_and_nothing_is_doubled_or_missing() {
    for (kind, other) in BOTH_WAYS {
        let (from, to) = (house(kind, 25_000).await, Scratch::new(other));
        let before = all(&from).await;
        let mut broken_off = 0;
        loop {
            let is_over = on_a_thread(|| {
                let mut moving = open(&from, &to).unwrap();
                let mut is_first = true;
                let copied = moving.copy(&mut |_| match std::mem::take(&mut is_first) {
                    true => Ok(()),
                    false => Err(Error::Busy),
                });
                copied.is_ok()
            });
            for refused in [refusal(&to).await, Db::schema(to.url()).unwrap_err().to_string()] {
                assert!(refused.contains("half of a house") && refused.contains("migrate-db"), "{refused}");
            }
            drop(from.open().await);
            if is_over {
                break;
            }
            broken_off += 1;
        }
        assert!(broken_off >= 10, "{broken_off}");
        on_a_thread(|| finish(&mut copy(&from, &to)).unwrap());
        assert!(all(&to).await == before, "{kind:?}: a row was doubled or lost");
    }
}

#[tokio::test]
async fn a_move_that_is_broken_off_between_leaving_and_arriving_is_finished_by_running_it_again() {
    for (kind, other) in BOTH_WAYS {
        let (from, to) = (house(kind, 10).await, Scratch::new(other));
        on_a_thread(|| {
            let mut moving = copy(&from, &to);
            let killed = moving.finish(&mut |_| {}, |_| Err::<(), _>(Error::Busy));
            assert!(matches!(killed, Err(Error::Busy)), "{killed:?}");
        });
        assert!(refusal(&from).await.contains("moved to the new one"));
        assert!(refusal(&to).await.contains("half of a house"));
        on_a_thread(|| finish(&mut copy(&from, &to)).unwrap());
        drop(to.open().await);
        let again = on_a_thread(|| open(&from, &to).map(|_| ())).unwrap_err().to_string();
        assert!(again.contains("was moved to the new one"), "{again}");
    }
}

/// Sets back or forward how far a move says it has come, as if that were not written together with the rows.
fn pretend(to: &Scratch, table: &str, after: &str) {
    let conn = rusqlite::Connection::open(to.url().strip_prefix("sqlite:").unwrap()).unwrap();
    let mark: String = conn
        .query_row("SELECT checksum FROM migrations ORDER BY version DESC LIMIT 1", [], |row| row.get(0))
        .unwrap();
    let house = mark.split(' ').next().unwrap();
    let mark = format!("{house} {table} 500 {after}");
    conn.execute(
        "UPDATE migrations SET checksum = ?1 WHERE checksum LIKE ?2",
        [&mark, &format!("{house} %")],
    )
    .unwrap();
}

/// The control: what becomes of a move whose place is not written in the transaction that writes the rows.
#[tokio::test]
async fn a_place_that_is_not_the_one_of_the_rows_doubles_or_loses_some_and_that_is_noticed() {
    let from = house(Kind::Postgres, 25_000).await;
    // The first ten thousand are there, in the order of letters: up to 18.... After 5 there are some that are not.
    for (after, expected) in [("5", None), ("1", Some("taken"))] {
        let to = Scratch::new(Kind::Sqlite);
        on_a_thread(|| {
            let mut moving = open(&from, &to).unwrap();
            assert!(moving.copy(&mut |rows| if rows > 5_000 { Err(Error::Busy) } else { Ok(()) }).is_err());
        });
        pretend(&to, "users", after);
        let ended = on_a_thread(|| {
            let mut moving = open(&from, &to)?;
            moving.copy(&mut |_| Ok(()))?;
            finish(&mut moving)
        });
        let said = ended.unwrap_err().to_string();
        match expected {
            // Set back: rows that are there come once more.
            Some(expected) => assert_eq!(said, expected),
            // Set forward: some are missing, and the comparison finds that.
            None => assert!(
                said.contains("changed since it was copied, in ") && said.contains("users:"),
                "{said}"
            ),
        }
        assert!(refusal(&to).await.contains("half of a house"));
        drop(from.open().await);
    }
}

#[tokio::test]
async fn what_changes_after_it_was_copied_is_noticed_and_the_old_house_stays_open() {
    for (kind, other) in BOTH_WAYS {
        let (from, to) = (house(kind, 10).await, Scratch::new(other));
        on_a_thread(|| drop(copy(&from, &to)));
        let db = from.open().await;
        db.write(|tx| {
            const CHANGE: Sql = Sql::new("UPDATE users SET wrong_codes = 1 WHERE id = '7'");
            tx.execute(CHANGE, &[])
        })
        .await
        .unwrap();
        drop(db);
        let said = on_a_thread(|| finish(&mut copy(&from, &to))).unwrap_err().to_string();
        assert!(said.contains("changed since it was copied, in ") && said.contains("users:"), "{said}");
        drop(from.open().await);
        assert!(refusal(&to).await.contains("half of a house"));
    }
}

#[tokio::test]
async fn a_house_in_which_somebody_works_is_not_moved() {
    for (kind, other) in BOTH_WAYS {
        let (from, to) = (house(kind, 10).await, Scratch::new(other));
        let server = from.open().await;
        server.read(users::count).await.unwrap();
        let refused = on_a_thread(|| open(&from, &to).map(|_| ())).unwrap_err().to_string();
        assert!(refused.contains("stop every server"), "{refused}");
        drop(server);
        on_a_thread(|| drop(copy(&from, &to)));
    }
}

#[tokio::test]
async fn while_a_move_runs_nobody_gets_into_the_old_file() {
    let (from, to) = (house(Kind::Sqlite, 10).await, Scratch::new(Kind::Postgres));
    let moving = on_a_thread(|| copy(&from, &to));
    let refused = refusal(&from).await;
    assert!(refused.contains("lets nobody else in") && refused.contains("migrate-db"), "{refused}");
    on_a_thread(|| drop(moving));
    drop(from.open().await);
}

fn another_canary(tx: &mut Tx<'_>) -> Result<bool> {
    let key = SealedKey {
        id: "another".into(),
        purpose: "canary".into(),
        sealed: String::new(),
        active: true,
        created_at: NOW,
    };
    keys::insert(tx, &key)
}

#[tokio::test]
async fn nothing_is_moved_over_anything_or_from_nothing() {
    for (kind, other) in BOTH_WAYS {
        let (from, to) = (house(kind, 10).await, house(other, 1).await);
        let refused = on_a_thread(|| open(&from, &to).map(|_| ())).unwrap_err().to_string();
        assert!(refused.contains("nothing is ever moved over it"), "{refused}");
        let nothing = Scratch::new(other);
        let refused =
            on_a_thread(|| open(&nothing, &Scratch::new(kind)).map(|_| ())).unwrap_err().to_string();
        assert!(refused.contains("there is no Latchkey"), "{refused}");
        // Half of one is no beginning for another, and is not moved on.
        let half = Scratch::new(other);
        on_a_thread(|| drop(copy(&from, &half)));
        let stranger = Scratch::new(kind);
        stranger.open().await.write(another_canary).await.unwrap();
        let refused = on_a_thread(|| open(&stranger, &half).map(|_| ())).unwrap_err().to_string();
        assert!(refused.contains("half of another house"), "{refused}");
        let refused = on_a_thread(|| open(&half, &Scratch::new(kind)).map(|_| ())).unwrap_err().to_string();
        assert!(refused.contains("half of a house"), "{refused}");
    }
}

#[tokio::test]
async fn a_server_that_was_not_seen_is_not_ready_any_more_and_says_why() {
    let (from, to) = (house(Kind::Postgres, 10).await, Scratch::new(Kind::Sqlite));
    let hidden = format!("{}&application_name=another", from.url());
    let server = Db::open(&hidden, NOW).await.unwrap();
    server.health().await.unwrap();
    on_a_thread(|| finish(&mut copy(&from, &to)).unwrap());
    let said = server.health().await.unwrap_err().to_string();
    assert!(said.contains("was moved to the new one"), "{said}");
}
