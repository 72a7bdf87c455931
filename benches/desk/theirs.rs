//! The same work on SQLite, as somebody who knows it would do it.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clowder::model::{Cat, CatStatusKind, Stamp};
use rusqlite::{Connection, Row, Transaction, TransactionBehavior, params};

use crate::data::{BREEDS, HEALTH};
use crate::measure::seconds;

const SCHEMA: &str = "
    CREATE TABLE breed (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE health (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE cat (
        id INTEGER PRIMARY KEY, rev INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
        tag TEXT UNIQUE, name TEXT NOT NULL, breed INTEGER REFERENCES breed, born INTEGER, gender INTEGER NOT NULL,
        altered INTEGER NOT NULL, colour TEXT NOT NULL, health INTEGER REFERENCES health, status INTEGER NOT NULL,
        hold TEXT, description TEXT NOT NULL, image_url TEXT, intake INTEGER, stays BLOB NOT NULL,
        archived INTEGER NOT NULL, open_requests INTEGER NOT NULL);
    CREATE INDEX cat_waiting ON cat (archived, status, intake, id);
    CREATE INDEX cat_breed ON cat (breed);
    CREATE INDEX cat_health ON cat (health);
    CREATE TABLE counter (what TEXT NOT NULL, which INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (what, which))
        WITHOUT ROWID;
    CREATE TABLE audit (no INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, door TEXT NOT NULL,
        action TEXT NOT NULL, note TEXT NOT NULL);
    CREATE TABLE touched (no INTEGER NOT NULL REFERENCES audit, kind INTEGER NOT NULL, id INTEGER NOT NULL,
        before BLOB, after BLOB);
    CREATE INDEX touched_record ON touched (kind, id, no);
    CREATE VIRTUAL TABLE cat_text USING fts5 (name, tag, breed, colour, description,
        content='', contentless_delete=1, prefix='1 2 3', tokenize='unicode61 remove_diacritics 2');
";

const COLUMNS: &str = "cat.id, cat.tag, cat.name, breed.name, cat.born, cat.gender, cat.altered, cat.colour,
    health.name, cat.status, cat.intake, cat.open_requests, cat.archived";
const NAMES: &str = "LEFT JOIN breed ON breed.id = cat.breed LEFT JOIN health ON health.id = cat.health";

/// A line of the list, as it would be shown.
#[allow(dead_code, reason = "read from the database, as a screen would")]
struct Line {
    id: u32,
    tag: Option<String>,
    name: String,
    breed: Option<String>,
    born: Option<i32>,
    gender: u8,
    altered: u8,
    colour: String,
    health: Option<String>,
    status: u8,
    intake: Option<i32>,
    requests: u16,
    archived: bool,
}

fn line(row: &Row<'_>) -> rusqlite::Result<Line> {
    Ok(Line {
        id: row.get(0)?,
        tag: row.get(1)?,
        name: row.get(2)?,
        breed: row.get(3)?,
        born: row.get(4)?,
        gender: row.get(5)?,
        altered: row.get(6)?,
        colour: row.get(7)?,
        health: row.get(8)?,
        status: row.get(9)?,
        intake: row.get(10)?,
        requests: row.get(11)?,
        archived: row.get(12)?,
    })
}

/// The stored form of a record, as the audit log keeps it.
fn body(cat: &Cat) -> Vec<u8> {
    bincode::serde::encode_to_vec(cat, bincode::config::standard()).expect("a record that can be written")
}

fn connect(file: &Path) -> Connection {
    let db = Connection::open(file).expect("a database");
    db.busy_timeout(Duration::from_secs(30)).expect("a setting");
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
        PRAGMA cache_size = -48000;",
    )
    .expect("settings");
    db.set_prepared_statement_cache_capacity(64);
    db
}

fn audit(tx: &Transaction<'_>, action: &str, note: &str) -> rusqlite::Result<i64> {
    tx.prepare_cached("INSERT INTO audit (at, who, door, action, note) VALUES (?, 'console', 'command', ?, ?)")?
        .execute(params![Stamp::now().0, action, note])?;
    Ok(tx.last_insert_rowid())
}

fn touch(tx: &Transaction<'_>, no: i64, id: u32, before: Option<&[u8]>, after: &[u8]) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT INTO touched (no, kind, id, before, after) VALUES (?, 3, ?, ?, ?)")?
        .execute(params![no, id, before, after])?;
    Ok(())
}

fn count(tx: &Transaction<'_>, what: &str, which: u32, by: i32) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT INTO counter (what, which, n) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET n = n + ?3")?
        .execute(params![what, which, by])?;
    Ok(())
}

pub struct Theirs {
    file: PathBuf,
    db: Connection,
}

impl Theirs {
    pub fn open(dir: &Path) -> Self {
        let file = dir.join("cats.db");
        let db = connect(&file);
        Self { file, db }
    }

    /// Makes the tables and writes everything, 100 cats a commit; answers how long the cats took.
    pub fn import(&mut self, cats: &[Cat]) -> f64 {
        self.db.execute_batch(SCHEMA).expect("tables");
        for (table, names) in [("breed", BREEDS), ("health", HEALTH)] {
            for name in names {
                self.db.execute(&format!("INSERT INTO {table} (name) VALUES (?)"), [name]).expect("a row");
            }
        }
        seconds(|| {
            for (n, chunk) in cats.chunks(100).enumerate() {
                self.import_some(n as u32 * 100 + 1, chunk).expect("a commit");
            }
        })
    }

    fn import_some(&mut self, first: u32, cats: &[Cat]) -> rusqlite::Result<()> {
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let no = audit(&tx, "import", "cats")?;
        for (cat, id) in cats.iter().zip(first..) {
            let stays = bincode::serde::encode_to_vec(&cat.stays, bincode::config::standard()).unwrap_or_default();
            let status = cat.status.kind();
            tx.prepare_cached(
                "INSERT INTO cat VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, NULL, ?, ?, 0, 0)",
            )?
            .execute(params![
                id,
                Stamp::now().0,
                Stamp::now().0,
                cat.tag,
                cat.name,
                cat.breed.map(|b| b.0),
                cat.born.map(|b| b.middle().0),
                cat.gender.code(),
                cat.altered.code(),
                cat.colour,
                cat.health.map(|h| h.0),
                status.code(),
                cat.description,
                cat.intake().map(|d| d.0),
                stays,
            ])?;
            let breed = cat.breed.map_or("", |b| BREEDS[b.0 as usize - 1]);
            tx.prepare_cached(
                "INSERT INTO cat_text (rowid, name, tag, breed, colour, description) VALUES (?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![id, cat.name, cat.tag, breed, cat.colour, cat.description])?;
            count(&tx, "status", u32::from(status.code()), 1)?;
            count(&tx, "breed", cat.breed.map_or(0, |b| b.0), 1)?;
            count(&tx, "health", cat.health.map_or(0, |h| h.0), 1)?;
            count(&tx, "records", 3, 1)?;
            touch(&tx, no, id, None, &body(cat))?;
        }
        tx.commit()
    }

    /// Closes the database and answers how long it takes to open it again and read a first page.
    pub fn reopen(&mut self, dir: &Path) -> f64 {
        self.db = Connection::open_in_memory().expect("a database");
        seconds(|| {
            *self = Self::open(dir);
            self.first_page();
        })
    }

    /// The list of cats on offer, longest waiting first.
    pub fn first_page(&self) -> f64 {
        self.page_after(i32::MIN, 0)
    }

    /// The page after a place well below the top, by its key.
    pub fn next_page(&self) -> f64 {
        let place = "SELECT intake, id FROM cat WHERE archived = 0 AND status = 1 ORDER BY intake, id
            LIMIT 1 OFFSET 999";
        let (intake, id) =
            self.db.query_row(place, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("a cat further down");
        self.page_after(intake, id)
    }

    fn page_after(&self, intake: i32, id: u32) -> f64 {
        let sql = format!(
            "SELECT {COLUMNS} FROM cat {NAMES} WHERE archived = 0 AND status = 1 AND (intake, cat.id) > (?, ?)
            ORDER BY intake, cat.id LIMIT 50"
        );
        seconds(|| {
            let mut query = self.db.prepare_cached(&sql).expect("a query");
            let lines: Vec<Line> =
                query.query_map(params![intake, id], line).expect("rows").map(|l| l.expect("a row")).collect();
            assert_eq!(black_box(lines).len(), 50);
        })
    }

    /// What one key press in the search line asks for: all words, as prefixes, among the cats on offer.
    pub fn search(&self, typed: &str) -> f64 {
        let sql = format!(
            "SELECT {COLUMNS} FROM cat_text JOIN cat ON cat.id = cat_text.rowid {NAMES}
            WHERE cat_text MATCH ? AND archived = 0 AND status = 1 ORDER BY intake, cat.id LIMIT 50"
        );
        seconds(|| {
            let wanted: Vec<String> = typed.split_whitespace().map(|w| format!("\"{w}\"*")).collect();
            let mut query = self.db.prepare_cached(&sql).expect("a query");
            let lines: Vec<Line> =
                query.query_map([wanted.join(" ")], line).expect("rows").map(|l| l.expect("a row")).collect();
            black_box(lines);
        })
    }

    /// Durable commits a second: every session, on a connection of its own, puts cats of its own on hold and releases
    /// them.
    pub fn commits(&self, sessions: usize, time: Duration) -> f64 {
        let ids: Vec<u32> = self
            .db
            .prepare("SELECT id FROM cat WHERE archived = 0 AND status = 1 ORDER BY intake, id LIMIT 1000")
            .expect("a query")
            .query_map([], |row| row.get(0))
            .expect("rows")
            .map(|id| id.expect("a row"))
            .collect();
        let connections: Vec<_> = (0..sessions).map(|_| connect(&self.file)).collect();
        let start = Instant::now();
        let commits: u32 = std::thread::scope(|scope| {
            let session = |(n, db): (usize, Connection)| {
                let own: Vec<u32> = ids.iter().copied().skip(n).step_by(sessions).take(100).collect();
                scope.spawn(move || work(db, &own, start, time).expect("a session that ends well"))
            };
            let sessions: Vec<_> = connections.into_iter().enumerate().map(session).collect();
            sessions.into_iter().map(|s| s.join().expect("a session that ends well")).sum()
        });
        f64::from(commits) / start.elapsed().as_secs_f64()
    }
}

fn work(mut db: Connection, own: &[u32], start: Instant, time: Duration) -> rusqlite::Result<u32> {
    let rev = "SELECT rev FROM cat WHERE id = ?";
    let mut own = own
        .iter()
        .map(|id| Ok((*id, db.query_row(rev, [id], |row| row.get(0))?)))
        .collect::<rusqlite::Result<Vec<(u32, u32)>>>()?;
    let mut commits = 0;
    while start.elapsed() < time {
        let n = commits as usize / 2 % own.len();
        let (id, rev) = &mut own[n];
        for hold in [true, false] {
            edit(&mut db, *id, *rev, hold)?;
            *rev += 1;
            commits += 1;
        }
    }
    Ok(commits)
}

/// One edit: the record if nobody changed it since, its index, the counters, and the audit log with before and after.
fn edit(db: &mut Connection, id: u32, rev: u32, hold: bool) -> rusqlite::Result<()> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (before, status): (Vec<u8>, u8) = tx
        .prepare_cached(
            "SELECT CAST(rev || tag || name || colour || ifnull(hold, '') || description || stays AS BLOB), status
            FROM cat WHERE id = ? AND rev = ?",
        )?
        .query_row(params![id, rev], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let kind = if hold { CatStatusKind::OnHold } else { CatStatusKind::Available };
    tx.prepare_cached("UPDATE cat SET rev = rev + 1, updated_at = ?, status = ?, hold = ? WHERE id = ? AND rev = ?")?
        .execute(params![Stamp::now().0, kind.code(), hold.then_some("behaviour: settling in"), id, rev])?;
    count(&tx, "status", u32::from(status), -1)?;
    count(&tx, "status", u32::from(kind.code()), 1)?;
    let no = audit(&tx, "edit-cat", "status")?;
    touch(&tx, no, id, Some(&before), &before)?;
    tx.commit()
}
