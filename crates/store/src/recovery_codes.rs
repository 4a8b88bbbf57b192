//! Recovery codes: keyed MACs, and the sealed sheet that can be shown until it is saved.

use crate::{Conn, Id, Result, Sql, Time, Tx, sealed};

/// Adds a code.
pub fn insert(tx: &mut Tx<'_>, user_id: &Id, mac: &str) -> Result<()> {
    const INSERT: Sql = Sql::new("INSERT INTO recovery_codes (user_id, mac) VALUES ($1, $2)");
    tx.execute(INSERT, &[user_id.into(), mac.into()]).map(|_| ())
}

/// Spends a code. False when there is none such, or it was spent.
pub fn spend(tx: &mut Tx<'_>, user_id: &Id, mac: &str) -> Result<bool> {
    const SPEND: Sql = Sql::new("DELETE FROM recovery_codes WHERE user_id = $1 AND mac = $2");
    Ok(tx.execute(SPEND, &[user_id.into(), mac.into()])? == 1)
}

/// How many are left.
pub fn count_of_user(conn: &mut Conn<'_>, user_id: &Id) -> Result<i64> {
    const COUNT: Sql = Sql::new("SELECT count(*) FROM recovery_codes WHERE user_id = $1");
    Ok(conn.one(COUNT, &[user_id.into()], |row| row.int(0))?.unwrap_or(0))
}

/// Voids all codes of a user.
pub fn remove_of_user(tx: &mut Tx<'_>, user_id: &Id) -> Result<u64> {
    const REMOVE: Sql = Sql::new("DELETE FROM recovery_codes WHERE user_id = $1");
    tx.execute(REMOVE, &[user_id.into()])
}

/// The codes as they were made, for as long as they may be shown.
pub struct Sheet {
    /// Sealed.
    pub codes: String,
    /// Where the person was going.
    pub next_path: String,
    /// When it is void.
    pub expires_at: Time,
}

/// Keeps the sheet of a user, instead of an older one.
pub fn keep_sheet(tx: &mut Tx<'_>, user_id: &Id, sheet: &Sheet) -> Result<()> {
    const KEEP: Sql = Sql::new(
        "INSERT INTO recovery_sheets (user_id, codes, next_path, expires_at, sealed_by) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (user_id) DO UPDATE SET codes = $2, next_path = $3, expires_at = $4, sealed_by = $5",
    );
    let values = [
        user_id.into(),
        (&sheet.codes).into(),
        (&sheet.next_path).into(),
        sheet.expires_at.into(),
        sealed::key_of(&sheet.codes).into(),
    ];
    tx.execute(KEEP, &values).map(|_| ())
}

/// The sheet of a user, unless it is void.
pub fn sheet_of_user(conn: &mut Conn<'_>, user_id: &Id, now: Time) -> Result<Option<Sheet>> {
    const SHEET: Sql = Sql::new(
        "SELECT codes, next_path, expires_at FROM recovery_sheets WHERE user_id = $1 AND expires_at > $2",
    );
    conn.one(SHEET, &[user_id.into(), now.into()], |row| {
        Ok(Sheet { codes: row.text(0)?, next_path: row.text(1)?, expires_at: row.time(2)? })
    })
}

/// Removes the sheet: it was saved. Answers where the person was going, or `None` when there was none.
pub fn take_sheet(tx: &mut Tx<'_>, user_id: &Id) -> Result<Option<String>> {
    const TAKE: Sql = Sql::new("DELETE FROM recovery_sheets WHERE user_id = $1 RETURNING next_path");
    tx.one(TAKE, &[user_id.into()], |row| row.text(0))
}

/// Removes sheets that are void.
pub fn sweep_sheets(tx: &mut Tx<'_>, now: Time) -> Result<u64> {
    const SWEEP: Sql = Sql::new("DELETE FROM recovery_sheets WHERE expires_at <= $1");
    tx.execute(SWEEP, &[now.into()])
}
