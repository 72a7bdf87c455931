use proptest::prelude::*;

use super::*;
use crate::model::{AgeBand, CatStatusKind, Gender, RequestStatus};

fn today() -> Day {
    Day::from_ymd(2026, 11, 22).unwrap()
}

fn cats(line: &str) -> CatQuery {
    let parsed = CatQuery::parse(line, today());
    assert_eq!(parsed.errors, [], "{line}");
    parsed.query
}

fn error(line: &str) -> (String, String) {
    let parsed = CatQuery::parse(line, today());
    assert_eq!(parsed.errors.len(), 1, "{line}: {:?}", parsed.errors);
    let error = &parsed.errors[0];
    (line[error.span.clone()].to_owned(), error.message.clone())
}

#[test]
fn the_line_of_the_design() {
    let q = cats(r#"status:available breed:"maine coon" age<2y waiting>60d requests>=3 sort:waiting miso"#);
    assert_eq!(q.status, Choice::of([CatStatusKind::Available]));
    assert_eq!(q.breed, Choice::of([NameTerm::Contains("maine coon".into())]));
    assert_eq!(q.age, [Compared { compare: Compare::Less, with: Span::parse("2y").unwrap() }]);
    assert_eq!(q.waiting[0].with.days(), 60);
    assert_eq!(q.requests, [Compared { compare: Compare::MoreOrEqual, with: 3 }]);
    assert_eq!(q.sort, Sort { key: CatSort::Waiting, reversed: false });
    assert_eq!(q.text.words, ["miso"]);
    assert_eq!(q.to_line(), r#"status:available breed:"maine coon" age<2y waiting>60d requests>=3 miso"#);
}

#[test]
fn an_empty_line_is_the_default() {
    assert_eq!(cats("  "), CatQuery::default());
    assert_eq!(CatQuery::default().to_line(), "");
    assert_eq!(CatQuery::default().archived, Some(false));
}

#[test]
fn alternatives_negations_and_groups() {
    let q = cats("status:in-care -gender:male band:baby,young band:young hold:any archived:any -foster:yes");
    assert_eq!(q.status.any, [CatStatusKind::Available, CatStatusKind::OnHold, CatStatusKind::Pending]);
    assert_eq!(q.gender, Choice { any: vec![], none: vec![Gender::Male] });
    assert_eq!(q.band.any, [AgeBand::Baby, AgeBand::Young]);
    assert_eq!((q.archived, q.foster), (None, Some(false)));
    assert_eq!(q.to_line(), "status:in-care -gender:male band:baby,young foster:no hold:any archived:any");
    assert!(q.gender.accepts(&Gender::Unknown) && !q.gender.accepts(&Gender::Male));
    assert_eq!(cats("-age<2y").to_line(), "age>=2y");
    assert_eq!(cats("-requests=0").to_line(), "-requests:0");
    assert_eq!(cats("sort:-name").sort, Sort { key: CatSort::Name, reversed: true });
}

#[test]
fn quotes_make_text_of_anything() {
    let q = cats(r#"breed:none breed="None" -breed:"none" "age<2y" "-x" "say \"hi\"" 12:30 -loud tail" of"#);
    assert_eq!(
        q.breed.any,
        [NameTerm::Missing, NameTerm::Contains("None".into())].map(|t| match t {
            NameTerm::Contains(s) => NameTerm::Is(s),
            t => t,
        })
    );
    assert_eq!(q.breed.none, [NameTerm::Contains("none".into())]);
    assert_eq!(q.text.words, ["age<2y", "-x", "say \"hi\"", "12:30", "tail of"]);
    assert_eq!(q.text.without, ["loud"]);
}

#[test]
fn dates_compare_as_far_as_they_are_known() {
    let day = |s| Day::parse(s, today()).unwrap();
    let accepts = |line: &str, s| cats(line).intake[0].accepts(day(s));
    assert!(accepts("intake:2024-05", "2024-05-31") && !accepts("intake:2024-05", "2024-06-01"));
    assert!(accepts("intake>2024", "2025-01-01") && !accepts("intake>2024", "2024-12-31"));
    assert!(accepts("intake>=2024", "2024-01-01") && !accepts("intake<2024", "2024-01-01"));
    assert_eq!(cats("intake>-1w").to_line(), "intake>2026-11-15");
}

#[test]
fn wrong_terms_say_what_would_do_and_where_they_stand() {
    let (at, message) = error("miso colr:red tabby");
    assert_eq!(at, "colr:red");
    assert!(message.contains("there is no key \"colr\"") && message.contains("breed, health, gender"), "{message}");
    let (at, message) = error("é status:gone,lost");
    assert_eq!(at, "status:gone,lost");
    assert!(message.contains("\"lost\"") && message.contains("available, on-hold, pending"), "{message}");
    assert!(error("breed:").1.contains("needs a value"));
    assert!(error("age:2y").1.contains("age<2y or age>2y"));
    assert!(error("age<soon").1.contains("90d, 12w, 8m or 2y"));
    assert!(error("requests>=many").1.contains("requests>=3"));
    assert!(error("gender>male").1.contains("cannot be compared"));
    assert!(error("sort:size").1.contains("waiting, name, age, newest"));
    assert_eq!(CatQuery::parse("status:gone,lost", today()).query, CatQuery::default());
}

#[test]
fn requests_and_users_have_their_own_keys() {
    let q = RequestQuery::parse("status:open cat:#12 user:ana overdue:yes sort:cat", today());
    assert_eq!(q.errors, []);
    assert_eq!(q.query.status.any, [RequestStatus::Pending, RequestStatus::Approved, RequestStatus::Waitlisted]);
    assert_eq!(q.query.cat.any, [Pick::Number(12)]);
    assert_eq!(q.query.to_line(), "status:open cat:#12 user:ana overdue:yes sort:cat");
    let q = UserQuery::parse("role:staff,admin locked:yes -banned:yes requests:0", today());
    assert_eq!(q.errors, []);
    assert_eq!(q.query.to_line(), "role:staff,admin locked:yes banned:no requests:0");
}

#[test]
fn completions_of_keys_and_values() {
    let names = |key: &str| match key {
        "breed" => vec!["Maine Coon".to_owned(), "Siamese".to_owned(), "Domestic Shorthair".to_owned()],
        _ => Vec::new(),
    };
    let texts = |line: &str| {
        let found = CatQuery::complete(line, line.len(), &names)?;
        Some((line[found.span.clone()].to_owned(), found.items.into_iter().map(|i| i.text).collect::<Vec<_>>()))
    };
    let own = |typed: &str, items: &[&str]| Some((typed.to_owned(), items.iter().map(|s| (*s).to_owned()).collect()));
    assert_eq!(texts("miso a"), own("a", &["altered:", "age", "archived:"]));
    assert_eq!(texts("-gen"), own("gen", &["gender:"]));
    assert_eq!(texts("status:gone,ava"), own("ava", &["available"]));
    assert_eq!(texts("sort:-n"), own("-n", &["-name", "-newest", "-waiting"]));
    assert_eq!(texts("breed:m"), own("m", &["\"Maine Coon\"", "Siamese", "\"Domestic Shorthair\""]));
    assert_eq!(texts("breed:\"Maine"), own("\"Maine", &["\"Maine Coon\""]));
    assert_eq!(texts("waiting>"), None);
    assert_eq!(texts("zzz"), None);
    assert_eq!(texts("miso ").unwrap().1.len(), CatQuery::KEYS.len());
}

fn round_trip<Q: Query>(line: &str) {
    let first = Q::parse(line, today());
    for error in &first.errors {
        assert!(line.get(error.span.clone()).is_some(), "{line}");
    }
    let printed = first.query.to_line();
    let second = Q::parse(&printed, today());
    assert_eq!(second.errors, [], "{line} -> {printed}");
    assert_eq!(first.query, second.query, "{line} -> {printed}");
    for cursor in 0..=line.len() + 1 {
        if let Some(found) = Q::complete(line, cursor, &|_| vec!["a \"b\"".to_owned()]) {
            assert!(line.get(found.span).is_some());
        }
    }
}

/// Lines that look like queries, so that most terms are taken.
fn likely() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "status", "breed", "health", "gender", "age", "band", "waiting", "intake", "requests", "colour", "foster",
        "hold", "archived", "tag", "sort", "cat", "user", "overdue", "role", "locked", "banned", "nonsense", "",
    ]);
    let op = prop::sample::select(vec![":", "=", "<", "<=", ">", ">=", " "]);
    let value = prop_oneof![
        prop::sample::select(vec![
            "available",
            "in-care",
            "none",
            "\"none\"",
            "yes",
            "no",
            "any",
            "2y",
            "60d",
            "3",
            "2024-05",
            "-1w",
            "name",
            "-name",
            "-date",
            "#7",
            "\"#7\"",
            "open",
            "staff",
            "male,female",
            "baby",
            "medical",
            "a,\"b c\"",
        ])
        .prop_map(str::to_owned),
        "[a-z\"\\\\ ,:<>=#é-]{0,8}",
    ];
    let term = (any::<bool>(), key, op, value)
        .prop_map(|(minus, key, op, value)| format!("{}{key}{op}{value}", if minus { "-" } else { "" }));
    prop::collection::vec(term, 0..6).prop_map(|terms| terms.join(" "))
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(line in prop_oneof![likely(), "\\PC{0,40}", any::<String>()]) {
        round_trip::<CatQuery>(&line);
        round_trip::<RequestQuery>(&line);
        round_trip::<UserQuery>(&line);
    }
}
