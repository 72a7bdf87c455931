//! Query lines on the command line.

use super::Failure;
use crate::model::{
    Day, Error,
    query::{Parsed, Query, Values},
};

/// Reads a query from words. Unlike on a screen, where somebody still types, a wrong term is an error.
///
/// # Errors
/// `Invalid` with each wrong term.
pub fn parse<Q: Query>(words: &[String]) -> Result<Q, Failure> {
    let line = words.iter().map(|word| whole::<Q>(word)).collect::<Vec<_>>().join(" ");
    let Parsed { query, errors } = Q::parse(&line, Day::today());
    if errors.is_empty() {
        return Ok(query);
    }
    let errors = errors.iter().map(|e| {
        let term = line.get(e.span.clone()).unwrap_or_default();
        crate::model::FieldError { field: "query", message: format!("{term}: {}", e.message) }
    });
    Err(Error::Invalid(errors.collect()).into())
}

/// The shell takes the quotes away: `breed:"maine coon"` arrives as one word with a blank in it. Where one term
/// with a name or text makes up the whole word, its value gets the quotes back.
fn whole<Q: Query>(word: &str) -> String {
    if !word.contains(' ') || word.contains('"') {
        return word.to_owned();
    }
    let Some(at) = word.find([':', '=']) else { return word.to_owned() };
    let (key, value) = (word[..at].trim_start_matches('-'), &word[at + 1..]);
    let takes_text =
        Q::KEYS.iter().any(|k| k.name.eq_ignore_ascii_case(key) && matches!(k.values, Values::Names | Values::Text));
    if takes_text && !value.contains([':', '=', '<', '>', ',', '\\']) {
        format!("{}\"{value}\"", &word[..=at])
    } else {
        word.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::query::{CatQuery, NameTerm};

    fn cats(words: &[&str]) -> Result<CatQuery, Failure> {
        parse(&words.iter().map(|&w| w.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn quotes_that_the_shell_took_come_back() {
        let query = cats(&["breed:maine coon", "miso"]).unwrap();
        assert_eq!(query.breed.any, [NameTerm::Contains("maine coon".to_owned())]);
        assert_eq!(query.text.words, ["miso"]);
    }

    #[test]
    fn a_whole_line_in_one_word_is_a_line() {
        let query = cats(&["status:available breed:\"maine coon\" age<2y miso"]).unwrap();
        assert_eq!(query, cats(&["status:available", "breed:maine coon", "age<2y", "miso"]).unwrap());
        let query = cats(&["breed:siamese status:available"]).unwrap();
        assert_eq!(query.breed.any, [NameTerm::Contains("siamese".to_owned())]);
    }

    #[test]
    fn a_wrong_term_is_named() {
        let Err(Failure::Desk(Error::Invalid(errors))) = cats(&["status:lost", "colour:"]) else {
            panic!("taken");
        };
        assert!(errors[0].message.starts_with("status:lost: "));
        assert_eq!(errors.len(), 2);
    }
}
