//! People: names, roles, passwords, and the epoch that every session copies.

use crate::{Conn, Id, Result, Row, Sql, Time, Tx};

/// A row of `users`.
#[derive(Clone)]
pub struct User {
    /// Made by us.
    pub id: Id,
    /// As typed when it was registered.
    pub name: String,
    /// `user`, `admin` or `owner`.
    pub role: String,
    /// The PHC string; `None` for people who have no password.
    pub password: Option<String>,
    /// Raised by whatever ends all sessions.
    pub epoch: i64,
    /// May not sign in.
    pub disabled: bool,
    /// Wrong codes in a row.
    pub wrong_codes: i64,
    /// When the first code was confirmed.
    pub created_at: Time,
    /// When a sign-in was last completed.
    pub signed_in_at: Option<Time>,
    /// Until when somebody without a password may choose one by a code alone.
    pub password_due: Option<Time>,
}

fn user(row: &Row<'_>) -> Result<User> {
    Ok(User {
        id: row.id(0)?,
        name: row.text(1)?,
        role: row.text(2)?,
        password: row.opt_text(3)?,
        epoch: row.int(4)?,
        disabled: row.bool(5)?,
        wrong_codes: row.int(6)?,
        created_at: row.time(7)?,
        signed_in_at: row.opt_time(8)?,
        password_due: row.opt_time(9)?,
    })
}

/// A user to be inserted; epoch 0, enabled.
pub struct NewUser<'a> {
    /// Made by us.
    pub id: &'a Id,
    /// As typed.
    pub name: &'a str,
    /// In lower case.
    pub name_key: &'a str,
    /// `user`, `admin` or `owner`.
    pub role: &'a str,
    /// The PHC string.
    pub password: Option<&'a str>,
    /// Until when somebody without a password may choose one by a code alone.
    pub password_due: Option<Time>,
    /// When a sign-in was completed; `None` for whoever comes from another program.
    pub signed_in_at: Option<Time>,
}

/// Inserts a user. False when the name is in use.
pub fn insert(tx: &mut Tx<'_>, new: &NewUser<'_>, now: Time) -> Result<bool> {
    const INSERT: Sql = Sql::new(
        "INSERT INTO users (id, name, name_key, role, password, password_due, created_at, signed_in_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (name_key) DO NOTHING",
    );
    let values = [
        new.id.into(),
        new.name.into(),
        new.name_key.into(),
        new.role.into(),
        new.password.into(),
        new.password_due.into(),
        now.into(),
        new.signed_in_at.into(),
    ];
    Ok(tx.execute(INSERT, &values)? == 1)
}

/// The user of that name, which must be in lower case.
pub fn by_name(conn: &mut Conn<'_>, name_key: &str) -> Result<Option<User>> {
    const BY_NAME: Sql = Sql::new(
        "SELECT id, name, role, password, epoch, disabled, wrong_codes, created_at, signed_in_at, password_due
         FROM users WHERE name_key = $1",
    );
    conn.one(BY_NAME, &[name_key.into()], user)
}

/// The user with that id.
pub fn by_id(conn: &mut Conn<'_>, id: &Id) -> Result<Option<User>> {
    const BY_ID: Sql = Sql::new(
        "SELECT id, name, role, password, epoch, disabled, wrong_codes, created_at, signed_in_at, password_due
         FROM users WHERE id = $1",
    );
    conn.one(BY_ID, &[id.into()], user)
}

/// Everybody, by name.
pub fn all(conn: &mut Conn<'_>) -> Result<Vec<User>> {
    const ALL: Sql = Sql::new(
        "SELECT id, name, role, password, epoch, disabled, wrong_codes, created_at, signed_in_at, password_due
         FROM users ORDER BY name_key",
    );
    conn.all(ALL, &[], user)
}

/// Those whose names begin with `prefix` and come after `after`, both in lower case, by name: a list in pieces, from `""` on.
pub fn page(conn: &mut Conn<'_>, (prefix, after): (&str, &str), most: i64) -> Result<Vec<User>> {
    // Names are ASCII, so whatever begins with `prefix` stands between it and it with the last of ASCII.
    const PAGE: Sql = Sql::new(
        "SELECT id, name, role, password, epoch, disabled, wrong_codes, created_at, signed_in_at, password_due
         FROM users WHERE name_key >= $1 AND name_key < $2 AND name_key > $3 ORDER BY name_key LIMIT $4",
    );
    let end = format!("{prefix}\u{7f}");
    conn.all(PAGE, &[prefix.into(), (&end).into(), after.into(), most.into()], user)
}

/// How many people there are.
pub fn count(conn: &mut Conn<'_>) -> Result<i64> {
    const COUNT: Sql = Sql::new("SELECT count(*) FROM users");
    Ok(conn.one(COUNT, &[], |row| row.int(0))?.unwrap_or(0))
}

/// How many people there are, counted as far as a thousand and one: that takes the same time however many there are.
pub fn count_some(conn: &mut Conn<'_>) -> Result<i64> {
    const COUNT: Sql = Sql::new("SELECT count(*) FROM (SELECT id FROM users LIMIT 1001) AS few");
    Ok(conn.one(COUNT, &[], |row| row.int(0))?.unwrap_or(0))
}

/// How many password hashes have something in them, as a pattern for LIKE, those included that wait for a first code.
/// Without a pattern: those that name no pepper.
pub fn count_hashes(conn: &mut Conn<'_>, mark: Option<&str>) -> Result<i64> {
    const MARKED: Sql = Sql::new(
        "SELECT (SELECT count(*) FROM users WHERE password LIKE $1)
              + (SELECT count(*) FROM registrations WHERE password LIKE $1)
              + (SELECT count(*) FROM enrollments WHERE password LIKE $1)",
    );
    const UNMARKED: Sql = Sql::new(
        "SELECT (SELECT count(*) FROM users WHERE password NOT LIKE $1)
              + (SELECT count(*) FROM registrations WHERE password NOT LIKE $1)
              + (SELECT count(*) FROM enrollments WHERE password NOT LIKE $1)",
    );
    let (sql, pattern) = mark.map_or((UNMARKED, "%keyid=%"), |mark| (MARKED, mark));
    Ok(conn.one(sql, &[pattern.into()], |row| row.int(0))?.unwrap_or(0))
}

/// How many people have that role, disabled ones left out. Not for the role `user`, which has no index.
pub fn count_enabled(conn: &mut Conn<'_>, role: &str) -> Result<i64> {
    const COUNT: Sql =
        Sql::new("SELECT count(*) FROM users WHERE role = $1 AND role <> 'user' AND disabled = FALSE");
    Ok(conn.one(COUNT, &[role.into()], |row| row.int(0))?.unwrap_or(0))
}

/// Whether anybody has that role, disabled or not. Not for the role `user`, which has no index.
pub fn any_with_role(conn: &mut Conn<'_>, role: &str) -> Result<bool> {
    const ANY: Sql = Sql::new("SELECT count(*) FROM users WHERE role = $1 AND role <> 'user'");
    Ok(conn.one(ANY, &[role.into()], |row| row.int(0))?.unwrap_or(0) > 0)
}

/// Gives another role and ends all sessions. False when there is no such user.
pub fn update_role(tx: &mut Tx<'_>, id: &Id, role: &str) -> Result<bool> {
    const UPDATE: Sql = Sql::new("UPDATE users SET role = $1, epoch = epoch + 1 WHERE id = $2");
    Ok(tx.execute(UPDATE, &[role.into(), id.into()])? == 1)
}

/// Locks somebody out, and everything they have open with them. False when they were disabled already.
pub fn disable(tx: &mut Tx<'_>, id: &Id) -> Result<bool> {
    const DISABLE: Sql =
        Sql::new("UPDATE users SET disabled = TRUE, epoch = epoch + 1 WHERE id = $1 AND disabled = FALSE");
    Ok(tx.execute(DISABLE, &[id.into()])? == 1)
}

/// Lets somebody in again: not disabled, and no wrong codes held against them.
pub fn enable(tx: &mut Tx<'_>, id: &Id) -> Result<bool> {
    const ENABLE: Sql =
        Sql::new("UPDATE users SET disabled = FALSE, wrong_codes = 0 WHERE id = $1").revoking_nothing();
    Ok(tx.execute(ENABLE, &[id.into()])? == 1)
}

/// Starts a new epoch, whoever it is: every session, and every sign-in on its way, is void.
pub fn end_everything(tx: &mut Tx<'_>, id: &Id) -> Result<bool> {
    const END: Sql = Sql::new("UPDATE users SET epoch = epoch + 1 WHERE id = $1");
    Ok(tx.execute(END, &[id.into()])? == 1)
}

/// Removes somebody, and with them everything that is theirs; what happened to them stays. False when there is no such user.
pub fn remove(tx: &mut Tx<'_>, id: &Id) -> Result<bool> {
    const REMOVE: Sql = Sql::new("DELETE FROM users WHERE id = $1");
    Ok(tx.execute(REMOVE, &[id.into()])? == 1)
}

/// Sets another password and starts a new epoch. `None` when the old epoch is over already or the user is disabled.
pub fn update_password(tx: &mut Tx<'_>, id: &Id, password: &str, epoch: i64) -> Result<Option<i64>> {
    const UPDATE: Sql = Sql::new(
        "UPDATE users SET password = $1, password_due = NULL, epoch = epoch + 1
         WHERE id = $2 AND epoch = $3 AND disabled = FALSE RETURNING epoch",
    );
    tx.one(UPDATE, &[password.into(), id.into(), epoch.into()], |row| row.int(0))
}

/// Replaces a password hash by one of the same password at another cost. False when it changed in the meantime.
pub fn update_hash(tx: &mut Tx<'_>, id: &Id, old: &str, new: &str) -> Result<bool> {
    const UPDATE: Sql =
        Sql::new("UPDATE users SET password = $1 WHERE id = $2 AND password = $3").revoking_nothing();
    Ok(tx.execute(UPDATE, &[new.into(), id.into(), old.into()])? == 1)
}

/// Counts a wrong code.
pub fn add_wrong_code(tx: &mut Tx<'_>, id: &Id) -> Result<()> {
    const ADD: Sql =
        Sql::new("UPDATE users SET wrong_codes = wrong_codes + 1 WHERE id = $1").revoking_nothing();
    tx.execute_later(ADD, &[id.into()])
}

/// Notes a completed sign-in, which forgives the wrong codes. False when the user was disabled, or everything was ended,
/// after the sign-in began.
pub fn sign_in(tx: &mut Tx<'_>, id: &Id, epoch: i64, now: Time) -> Result<bool> {
    const SIGN_IN: Sql = Sql::new(
        "UPDATE users SET wrong_codes = 0, signed_in_at = $1 WHERE id = $2 AND epoch = $3 AND disabled = FALSE",
    ).revoking_nothing();
    Ok(tx.execute(SIGN_IN, &[now.into(), id.into(), epoch.into()])? == 1)
}

/// Starts a new epoch, with another password if there is one: everything begun in the old one is void. `None` when the old
/// one is over already or the user is disabled; else the new one.
pub fn next_epoch(
    tx: &mut Tx<'_>,
    id: &Id,
    (epoch, password): (i64, Option<&str>),
    now: Time,
) -> Result<Option<i64>> {
    const NEXT: Sql = Sql::new(
        "UPDATE users SET epoch = epoch + 1, wrong_codes = 0, signed_in_at = $1,
             password = COALESCE(CAST($2 AS TEXT), password),
             password_due = CASE WHEN CAST($2 AS TEXT) IS NULL THEN password_due ELSE NULL END
         WHERE id = $3 AND epoch = $4 AND disabled = FALSE RETURNING epoch",
    );
    tx.one(NEXT, &[now.into(), password.into(), id.into(), epoch.into()], |row| row.int(0))
}

/// Starts a new epoch, so that everything begun in the old one is void, and forgives the wrong codes.
pub fn start_over(tx: &mut Tx<'_>, id: &Id) -> Result<()> {
    const END: Sql = Sql::new("UPDATE users SET epoch = epoch + 1, wrong_codes = 0 WHERE id = $1");
    tx.execute(END, &[id.into()]).map(|_| ())
}

/// Locks a user's row until the transaction ends: of many who change what they have, each sees what the one before left.
pub fn lock(tx: &mut Tx<'_>, id: &Id) -> Result<()> {
    const LOCK: Sql = Sql::new("UPDATE users SET epoch = epoch WHERE id = $1").revoking_nothing();
    tx.execute(LOCK, &[id.into()]).map(|_| ())
}

/// Lets somebody without a password choose one by a code alone, until then.
pub fn give_grace(tx: &mut Tx<'_>, id: &Id, until: Time) -> Result<()> {
    const GIVE: Sql =
        Sql::new("UPDATE users SET password_due = $1 WHERE id = $2 AND password IS NULL").revoking_nothing();
    tx.execute(GIVE, &[until.into(), id.into()]).map(|_| ())
}

/// The same for everybody without a password.
pub fn give_grace_to_all(tx: &mut Tx<'_>, until: Time) -> Result<u64> {
    const GIVE: Sql =
        Sql::new("UPDATE users SET password_due = $1 WHERE password IS NULL").revoking_nothing();
    tx.execute(GIVE, &[until.into()])
}

/// Whether anybody may still choose a password by a code alone.
pub fn any_grace(conn: &mut Conn<'_>, now: Time) -> Result<bool> {
    const ANY: Sql = Sql::new("SELECT id FROM users WHERE password_due > $1 LIMIT 1");
    Ok(conn.one(ANY, &[now.into()], |row| row.id(0))?.is_some())
}
