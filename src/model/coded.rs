//! One macro for enumerations that have a stored code, a word for scripts and a label for people.

/// Defines a field-less enum whose variants carry a stable one-byte code (used in index keys), a
/// slug (used on the command line, in files and in queries) and a label (used on screens).
///
/// The order of the variants is part of the stored format (bincode writes the variant's position):
/// new ones go at the end, none is ever moved or removed.
macro_rules! coded {
    (
        $(#[$meta:meta])*
        pub enum $name:ident($noun:literal) {
            $( $(#[$vmeta:meta])* $variant:ident = $code:literal, $slug:literal, $label:literal; )+
        }
    ) => {
        $(#[$meta])*
        #[allow(missing_docs, reason = "where a variant has no comment, its label says what it means")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name { $( $(#[$vmeta])* #[doc = concat!("(", $label, ")")] $variant, )+ }

        impl $name {
            /// Every variant, in the order in which lists and pickers show them.
            pub const ALL: &'static [$name] = &[ $( $name::$variant, )+ ];

            /// The stable code used in index keys.
            pub const fn code(self) -> u8 { match self { $( $name::$variant => $code, )+ } }

            /// The variant of a stored code.
            pub fn from_code(code: u8) -> Option<Self> {
                match code { $( $code => Some($name::$variant), )+ _ => None }
            }

            /// The word for scripts, files and queries.
            pub const fn slug(self) -> &'static str { match self { $( $name::$variant => $slug, )+ } }

            /// The words for people.
            pub const fn label(self) -> &'static str { match self { $( $name::$variant => $label, )+ } }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.pad(self.label()) }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            /// Reads a slug or a label, whatever the case; blanks, `-` and `_` count as the same.
            fn from_str(s: &str) -> std::result::Result<Self, String> {
                let wanted = crate::model::coded::normal(s);
                Self::ALL
                    .iter()
                    .copied()
                    .find(|v| crate::model::coded::normal(v.slug()) == wanted || crate::model::coded::normal(v.label()) == wanted)
                    .ok_or_else(|| {
                        let words: Vec<_> = Self::ALL.iter().map(|v| v.slug()).collect();
                        format!("\"{s}\" is no {}; use one of: {}", $noun, words.join(", "))
                    })
            }
        }
    };
}
pub(crate) use coded;

/// The form in which two spellings of a slug are compared.
pub(crate) fn normal(s: &str) -> String {
    s.trim().chars().map(|c| if c == '_' || c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}
