//! Rows of CSV and NDJSON files, one at a time.

use std::{
    cell::Cell,
    collections::HashMap,
    fs::File,
    hash::{DefaultHasher, Hasher},
    io::{self, BufRead, BufReader, Read},
    ops::Range,
    path::Path,
    rc::Rc,
};

use encoding_rs::UTF_8;
use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};

use super::import::ImportError;
use super::profile::{Col, Format, Profile};
use crate::model::text;

/// The longest row that is read, in bytes: beyond it a quote was left open, or it is no such file.
const LONGEST: u64 = 4 << 20;

/// Where rows come from.
pub struct Source {
    /// What messages call it.
    pub name: String,
    /// How many bytes it has, when that is known.
    pub size: Option<u64>,
    format: Format,
    bytes: Box<dyn Read>,
}

impl Source {
    /// A file.
    ///
    /// # Errors
    /// When it cannot be opened or is a directory.
    pub fn open(path: &Path) -> Result<Self, ImportError> {
        let name = path.display().to_string();
        let cannot = |e: &dyn std::fmt::Display| ImportError::File(format!("{name} cannot be read: {e}"));
        let file = File::open(path).map_err(|e| cannot(&e))?;
        let meta = file.metadata().map_err(|e| cannot(&e))?;
        if meta.is_dir() {
            return Err(cannot(&"it is a directory"));
        }
        let size = meta.is_file().then_some(meta.len());
        Ok(Self { format: Format::of(path), bytes: Box::new(file), size, name })
    }

    /// Anything that can be read, such as the standard input.
    pub fn new(name: impl Into<String>, format: Format, bytes: impl Read + 'static) -> Self {
        Self { name: name.into(), size: None, format, bytes: Box::new(bytes) }
    }
}

/// Counts the bytes that were read, and refuses more than one row may have.
struct Metered {
    bytes: Box<dyn Read>,
    meter: Rc<Meter>,
}

#[derive(Default)]
struct Meter {
    read: Cell<u64>,
    allowed: Cell<u64>,
}

impl Meter {
    fn next_row(&self) {
        self.allowed.set(self.read.get() + LONGEST);
    }
}

impl Read for Metered {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.meter.read.get() > self.meter.allowed.get() {
            return Err(io::Error::other("a row of more than 4 MiB; perhaps a quotation mark is left open"));
        }
        let n = self.bytes.read(buf)?;
        self.meter.read.set(self.meter.read.get() + n as u64);
        Ok(n)
    }
}

/// Makes every line end with `\n` alone, the last one too, so that lines can be counted by it.
struct Newlines<R> {
    text: R,
    after_return: bool,
    last: u8,
}

impl<R: Read> Read for Newlines<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.text.read(buf)?;
            if n == 0 {
                let open = self.last != b'\n' && !buf.is_empty();
                if open {
                    (buf[0], self.last) = (b'\n', b'\n');
                }
                return Ok(usize::from(open));
            }
            let mut kept = 0;
            for at in 0..n {
                let byte = buf[at];
                if !(byte == b'\n' && self.after_return) {
                    buf[kept] = if byte == b'\r' { b'\n' } else { byte };
                    kept += 1;
                }
                self.after_return = byte == b'\r';
            }
            if kept > 0 {
                self.last = buf[kept - 1];
                return Ok(kept);
            }
        }
    }
}

type Decoded = BufReader<Newlines<DecodeReaderBytes<Metered, Vec<u8>>>>;

/// One row of a file, cut down to the columns of the profile.
pub(super) struct Row {
    /// The line on which it begins.
    pub line: u64,
    /// A fingerprint of the whole row, to find the same one again.
    pub print: u64,
    /// Why it cannot be used at all.
    pub broken: Option<String>,
    values: Vec<String>,
}

impl Row {
    /// The value in a column, without blanks around it; empty when there is none.
    pub fn get(&self, column: Col) -> &str {
        self.values.get(column).map_or("", |v| v.trim())
    }
}

/// Reads rows.
pub(super) struct Reader {
    name: String,
    meter: Rc<Meter>,
    columns: Vec<String>,
    rows: Rows,
}

enum Rows {
    Csv { csv: csv::Reader<Decoded>, record: csv::StringRecord, width: usize, places: Vec<Option<usize>> },
    Ndjson { lines: Decoded, line: u64, pending: Vec<Row> },
}

impl Reader {
    /// Opens a source by a profile.
    ///
    /// # Errors
    /// When the file is empty, or lacks a column that the profile names.
    pub fn open(source: Source, profile: &Profile) -> Result<Self, ImportError> {
        let meter = Rc::new(Meter::default());
        meter.next_row();
        let metered = Metered { bytes: source.bytes, meter: Rc::clone(&meter) };
        let text = DecodeReaderBytesBuilder::new()
            .encoding(Some(profile.encoding.unwrap_or(UTF_8)))
            .bom_override(true)
            .strip_bom(true)
            .build(metered);
        let text = Newlines { text, after_return: false, last: b'\n' };
        let decoded = BufReader::with_capacity(64 << 10, text);
        let columns: Vec<String> = profile.columns.iter().map(|c| c.name.clone()).collect();
        let name = source.name;
        let rows = match profile.format.unwrap_or(source.format) {
            Format::Ndjson => Rows::Ndjson { lines: decoded, line: 0, pending: Vec::new() },
            Format::Csv => {
                let mut csv =
                    csv::ReaderBuilder::new().delimiter(profile.delimiter).flexible(true).from_reader(decoded);
                let header = csv.headers().map_err(|e| ImportError::File(format!("{name}: {}", plain(&e))))?;
                if header.is_empty() {
                    return Err(ImportError::File(format!("{name} is empty: there is not even a header line")));
                }
                let places = places(&name, header, profile)?;
                Rows::Csv { width: header.len(), places, csv, record: csv::StringRecord::new() }
            }
        };
        Ok(Self { name, meter, columns, rows })
    }

    /// How many bytes were read so far.
    pub fn bytes(&self) -> u64 {
        self.meter.read.get()
    }

    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// When the file cannot be read on.
    pub fn next(&mut self) -> Result<Option<Row>, ImportError> {
        self.meter.next_row();
        let wrong = |e: &dyn std::fmt::Display| ImportError::File(format!("{}: {e}", self.name));
        match &mut self.rows {
            Rows::Csv { csv, record, width, places } => {
                let from = csv.position().line();
                if !csv.read_record(record).map_err(|e| wrong(&plain(&e)))? {
                    return Ok(None);
                }
                Ok(Some(csv_row(from..csv.position().line(), record, *width, places)))
            }
            Rows::Ndjson { lines, line, pending } => loop {
                if let Some(row) = pending.pop() {
                    return Ok(Some(row));
                }
                let mut text = String::new();
                *line += 1;
                if lines.read_line(&mut text).map_err(|e| wrong(&e))? == 0 {
                    return Ok(None);
                }
                if !text.trim().is_empty() {
                    *pending = json_rows(*line, text.trim(), &self.columns);
                    pending.reverse();
                }
            },
        }
    }
}

fn plain(e: &csv::Error) -> String {
    match e.kind() {
        csv::ErrorKind::Io(io) => io.to_string(),
        _ => e.to_string(),
    }
}

/// Where the columns of the profile are in the header: by exact name, else without regard to case.
fn places(file: &str, header: &csv::StringRecord, profile: &Profile) -> Result<Vec<Option<usize>>, ImportError> {
    if header.iter().any(|name| name.contains('\0')) {
        return Err(ImportError::File(format!(
            "{file}: the header has NUL bytes: perhaps the file's encoding is UTF-16, which the profile then says"
        )));
    }
    let names: Vec<String> = header.iter().map(text::clean_line).collect();
    let mut places = Vec::with_capacity(profile.columns.len());
    let mut missing = Vec::new();
    for column in &profile.columns {
        let find = |same: &dyn Fn(&str) -> bool| -> Vec<usize> {
            names.iter().enumerate().filter(|(_, n)| same(n)).map(|(i, _)| i).collect()
        };
        let mut found = find(&|n| n == column.name);
        if found.is_empty() {
            let folded = text::fold(&column.name);
            found = find(&|n| text::fold(n) == folded);
        }
        match found[..] {
            [] if column.optional => places.push(None),
            [] => missing.push(format!("\"{}\"", column.name)),
            [one] => places.push(Some(one)),
            _ => {
                return Err(ImportError::File(format!(
                    "{file}: the header has the column \"{}\" {} times, so it is not clear which one is meant",
                    column.name,
                    found.len()
                )));
            }
        }
    }
    if missing.is_empty() {
        return Ok(places);
    }
    let mut there = names.join(", ");
    super::values::cut(&mut there, 400);
    Err(ImportError::File(format!(
        "{file}: the header has no column {}, which the profile {} needs; it has: {there}",
        missing.join(", "),
        profile.name
    )))
}

/// `at` is from the line after the row before to the line after this one. The line on which the row begins is
/// counted back from there, because the CSV reader counts empty lines before a row as the row's own; not beyond
/// its beginning, because a quote that is left open takes in the end of the last line.
fn csv_row(at: Range<u64>, record: &csv::StringRecord, width: usize, places: &[Option<usize>]) -> Row {
    let mut hasher = DefaultHasher::new();
    let mut lines = 1;
    for field in record {
        hasher.write_usize(field.len());
        hasher.write(field.as_bytes());
        lines += field.bytes().filter(|b| *b == b'\n').count() as u64;
    }
    let line = at.end.saturating_sub(lines).max(at.start);
    let fields = record.len();
    let spills_over = fields > width && record.iter().skip(width).any(|f| !f.trim().is_empty());
    let broken = (fields < width || spills_over).then(|| {
        let open = if lines > 20 {
            format!(", and {lines} lines: perhaps a quotation mark is left open")
        } else {
            String::new()
        };
        format!("the row has {fields} fields where the header has {width}{open}")
    });
    let values = match broken {
        Some(_) => Vec::new(),
        None => places.iter().map(|p| p.and_then(|p| record.get(p)).unwrap_or("").to_owned()).collect(),
    };
    Row { line, print: hasher.finish(), broken, values }
}

/// The rows of one JSON object: one, or one for each of its `stays`, which then have the fields of the cat too.
fn json_rows(line: u64, text: &str, columns: &[String]) -> Vec<Row> {
    use serde_json::{Map, Value};
    let broken = |why: String| vec![Row { line, print: 0, broken: Some(why), values: Vec::new() }];
    let cat: Map<String, Value> = match serde_json::from_str(text) {
        Ok(cat) => cat,
        Err(e) => return broken(format!("the line is no JSON object: {e}")),
    };
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    let print = hasher.finish();
    let row = |fields: &HashMap<&str, String>, nth: u64| Row {
        line,
        print: print.wrapping_add(nth),
        broken: None,
        values: columns.iter().map(|c| fields.get(&**c).cloned().unwrap_or_default()).collect(),
    };
    let mut fields: HashMap<&str, String> = HashMap::new();
    for (name, value) in &cat {
        if name != "stays" {
            fields.insert(name, json_text(value));
        }
    }
    let Some(Value::Array(stays)) = cat.get("stays").filter(|s| s.as_array().is_some_and(|s| !s.is_empty())) else {
        return vec![row(&fields, 0)];
    };
    let mut rows = Vec::with_capacity(stays.len());
    for (nth, stay) in (0..).zip(stays) {
        let Value::Object(stay) = stay else { return broken("a stay is no JSON object".to_owned()) };
        let mut fields = fields.clone();
        fields.extend(stay.iter().map(|(name, value)| (name.as_str(), json_text(value))));
        rows.push(row(&fields, nth));
    }
    rows
}

/// A JSON value as a CSV field would have it; a list of foster spells as [`super::values::fosters`] reads it.
fn json_text(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Null => String::new(),
        Value::String(s) => s.clone(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Number(n) => n.to_string(),
        Value::Array(items) => items.iter().map(json_text).collect::<Vec<_>>().join("; "),
        Value::Object(spell) => {
            let part = |name: &str| spell.get(name).map(json_text).unwrap_or_default();
            format!("{}..{}", part("out"), part("back"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(columns: &str) -> Profile {
        Profile::parse(
            "test",
            &format!("profile = \"t\"\n[tag]\ncolumn = \"tag\"\n[name]\ncolumn = \"name\"\n{columns}"),
        )
        .unwrap()
    }

    fn rows(bytes: &[u8], format: Format, extra: &str) -> Result<Vec<(u64, String, String)>, ImportError> {
        let source = Source::new("file", format, io::Cursor::new(bytes.to_vec()));
        let mut reader = Reader::open(source, &profile(extra))?;
        let mut out = Vec::new();
        while let Some(row) = reader.next()? {
            out.push((row.line, row.get(0).to_owned(), row.broken.clone().unwrap_or_else(|| row.get(1).to_owned())));
        }
        Ok(out)
    }

    fn csv(bytes: &[u8]) -> Vec<(u64, String, String)> {
        rows(bytes, Format::Csv, "").unwrap()
    }

    #[test]
    fn encodings_and_byte_order_marks() {
        let text = "tag,name\nA1,Zoé\n";
        let wanted = vec![(2, "A1".to_owned(), "Zoé".to_owned())];
        assert_eq!(csv(text.as_bytes()), wanted);
        assert_eq!(csv(&[b"\xef\xbb\xbf", text.as_bytes()].concat()), wanted);
        let wide: Vec<u16> = std::iter::once(0xfeff).chain(text.encode_utf16()).collect();
        assert_eq!(csv(&wide.iter().flat_map(|u| u.to_le_bytes()).collect::<Vec<_>>()), wanted);
        assert_eq!(csv(&wide.iter().flat_map(|u| u.to_be_bytes()).collect::<Vec<_>>()), wanted);
        let latin = b"tag,name\nA1,Zo\xe9\n";
        assert_eq!(rows(latin, Format::Csv, "[file]\nencoding = \"latin1\"").unwrap(), wanted);
        assert_eq!(csv(latin)[0].2, "Zo\u{fffd}");
    }

    #[test]
    fn quotes_lines_and_ragged_rows() {
        let found = csv(b"tag,name\r\nA1,\"Mia \"\"Mimi\"\", the\nsecond\"\r\n\r\nA2\nA3,b,c\nA4,d,,\n");
        assert_eq!(found[0], (2, "A1".into(), "Mia \"Mimi\", the\nsecond".into()));
        assert!(found[1].2.contains("1 fields where the header has 2"), "{found:?}");
        assert_eq!(found[1].0, 5);
        assert!(found[2].2.contains("3 fields"), "{found:?}");
        assert_eq!(found[3], (7, "A4".into(), "d".into()));
        let open = csv(b"tag,name\nA1,\"b\nA3,c\n");
        assert_eq!((open.len(), open[0].0), (1, 2), "{open:?}");
    }

    #[test]
    fn headers_that_do_not_fit() {
        let wrong = |bytes: &[u8]| rows(bytes, Format::Csv, "").unwrap_err().to_string();
        assert!(wrong(b"").contains("empty"));
        assert!(wrong(b"tag,colour\n").contains("no column \"name\""));
        assert!(wrong(b"tag,name,tag\n").contains("2 times"));
        assert!(wrong(&"tag,name\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()).contains("UTF-16"));
        assert_eq!(csv(b"x,x,TAG, Name \n1,2,A1,Miso\n")[0].2, "Miso");
        assert_eq!(csv(b"tag,name\n"), []);
    }

    #[test]
    fn an_open_quote_does_not_fill_the_memory() {
        let mut bytes = b"tag,name\nA1,\"Miso\n".to_vec();
        bytes.resize(12 << 20, b'x');
        let error = rows(&bytes, Format::Csv, "").unwrap_err().to_string();
        assert!(error.contains("quotation mark"), "{error}");
    }

    #[test]
    fn json_lines() {
        let text =
            "{\"tag\":\"A1\",\"name\":\"Miso\"}\n\nno\n{\"tag\":2,\"stays\":[{\"name\":\"a\"},{\"name\":null}]}\n";
        let found = rows(text.as_bytes(), Format::Ndjson, "").unwrap();
        assert_eq!(found[0], (1, "A1".into(), "Miso".into()));
        assert!(found[1].0 == 3 && found[1].2.contains("no JSON"));
        assert_eq!(found[2..], [(4, "2".into(), "a".into()), (4, "2".into(), String::new())]);
    }
}
