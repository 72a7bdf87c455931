use super::*;

const LEAST: &str = "profile = \"t\"\n[tag]\ncolumn = \"ID\"\n";

fn wrong(text: &str) -> String {
    Profile::parse("t.toml", text).unwrap_err().to_string()
}

#[test]
fn what_ships_can_be_read() {
    for name in Profile::names() {
        let profile = Profile::named(name).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(profile.name, name);
        assert!(!profile.about.is_empty());
    }
    assert!(Profile::named("SanJose").is_ok());
}

#[test]
fn the_example_in_the_documentation_can_be_read() {
    let docs = include_str!("../profile.rs");
    let lines = docs.lines().map(|l| l.strip_prefix("//!").unwrap_or("").trim_start());
    let example: Vec<&str> = lines.skip_while(|l| *l != "```toml").skip(1).take_while(|l| *l != "```").collect();
    assert!(example.len() > 60);
    let text = example.join("\n").replace("visits\" ", "movements\" ");
    let profile = Profile::parse("docs", &text).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(profile.delimiter, b';');
}

#[test]
fn errors_name_the_file_the_line_and_the_key() {
    let cases = [
        ("profile = ", "t.toml: line 1"),
        ("profile = \"t\"\ncolor = 3\n", "line 2: unknown field `color`"),
        ("profile = \"t\"\n", "[tag] column or [name] column is needed"),
        ("profile = \"t\"\n\n[tag]\ncolumn = \"\"\n", "line 4: tag.column: \"\": a column has a name"),
        (
            &format!("{LEAST}[file]\nencoding = \"utf-9\""),
            "line 5: file.encoding: \"utf-9\": there is no such encoding",
        ),
        (&format!("{LEAST}[file]\ndelimiter = \",,\""), "file.delimiter"),
        (&format!("{LEAST}[file]\nformat = \"xlsx\""), "use one of csv, ndjson"),
        (&format!("{LEAST}[file]\noptional = [\"Nmae\"]"), "no other part of the profile names this column"),
        (
            &format!("{LEAST}[dates]\nformats = [\"dd/mm/yyyy\"]"),
            "line 5: dates.formats: \"dd/mm/yyyy\": it is no date format",
        ),
        (&format!("{LEAST}[dates]\nformats = []"), "dates.formats is empty"),
        (
            &format!("{LEAST}[gender]\ncolumn = \"S\"\nmap = {{ F = \"femal\" }}"),
            "line 6: gender.map \"F\": \"femal\": \"femal\" is no gender; use one of: female, male, unknown",
        ),
        (&format!("{LEAST}[gender]\ncolumn = \"S\"\nmap = {{ F = \"female\", f = \"male\" }}"), "\"f\" is there twice"),
        (
            &format!("{LEAST}[intake]\ndate = \"D\"\nkind = \"K\"\nmap = {{ S = \"stry\" }}"),
            "foster-back, dead-on-arrival, skip",
        ),
        (&format!("{LEAST}[intake]\ndate = \"D\"\nmap = {{ S = \"stray\" }}"), "[intake]: detail and map need kind"),
        (&format!("{LEAST}[outcome]\ndate = \"D\""), "an outcome needs an [intake] table"),
        (&format!("{LEAST}[intake]\ndate = \"D\"\n[outcome]\nback = \"B\""), "only a file of movements has it"),
        (&format!("{LEAST}[breed]\ncase = \"title\""), "[breed]: give either column or columns"),
        (&format!("{LEAST}[born]\nformats = [\"%Y\"]"), "[born]: give column, age_years or both"),
        (
            &format!("{LEAST}[description]\ncolumns = [\"A\"]\nlabels = {{ B = \"b\" }}"),
            "\"B\" is not among the columns",
        ),
        (&format!("{LEAST}[rows]\nonly = [{{ column = \"A\", values = [] }}]"), "nothing could match"),
        (&format!("{LEAST}[rows]\nare = \"moves\""), "use one of visits, movements"),
        (&format!("{LEAST}[[hold]]\ncolumn = \"H\"\nmap = {{ Q = \"quaranteen\" }}"), "is no kind of hold"),
    ];
    for (text, wanted) in cases {
        let message = wrong(text);
        assert!(message.starts_with("t.toml"), "{message}");
        assert!(message.contains(wanted), "wanted {wanted:?} in {message:?}");
    }
}

#[test]
fn profiles_by_name_or_path() {
    let message = Profile::load("sanjoze").unwrap_err().to_string();
    assert!(message.contains("sanjose, longbeach, asm3, clowder"), "{message}");
    assert!(Profile::load("./no/such.toml").unwrap_err().to_string().contains("cannot be read"));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mine.toml");
    std::fs::write(&path, format!("\u{feff}{LEAST}")).unwrap();
    assert_eq!(Profile::load(path.to_str().unwrap()).unwrap().columns[0].name, "ID");
}
