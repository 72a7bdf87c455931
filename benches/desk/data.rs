//! Invented cats, the same in every run.

use clowder::model::{
    Altered, BreedId, Cat, CatStatus, Day, Gender, HealthId, Hold, HoldKind, IntakeKind, Outcome, OutcomeKind,
    PartialDate, Stay,
};

pub const BREEDS: &[&str] = &[
    "Domestic Shorthair",
    "Domestic Mediumhair",
    "Domestic Longhair",
    "Siamese",
    "Maine Coon",
    "Ragdoll",
    "Bengal",
    "Persian",
    "Russian Blue",
    "Norwegian Forest Cat",
    "Abyssinian",
    "Sphynx",
    "Birman",
    "Manx",
    "Burmese",
];
pub const HEALTH: &[&str] = &["Healthy", "Upper respiratory infection", "Ringworm", "Injured", "Kidney disease"];
const NAMES: &[&str] = &[
    "Miso", "Luna", "Tabby", "Pepper", "Mango", "Olive", "Biscuit", "Clover", "Juniper", "Pickle", "Waffles", "Maple",
    "Figaro", "Hazel", "Noodle", "Pumpkin", "Mochi", "Sage", "Ziggy", "Poppy", "Domino", "Marble", "Shadow", "Ginger",
    "Smokey", "Willow", "Bandit", "Cinnamon", "Dusty", "Echo", "Fern", "Gizmo", "Honey", "Indigo", "Jasper", "Kiki",
];
const COLOURS: &[&str] = &[
    "Black",
    "Brown tabby",
    "Grey tabby",
    "Orange tabby",
    "Tortoiseshell",
    "Calico",
    "White",
    "Black and white",
    "Grey and white",
    "Seal point",
    "Blue point",
    "Cream",
    "Grey",
    "Orange and white",
    "Torbie",
];
const WORDS: &[&str] = &[
    "friendly",
    "shy",
    "playful",
    "gentle",
    "calm",
    "curious",
    "lap",
    "kitten",
    "adult",
    "loves",
    "people",
    "children",
    "dogs",
    "windows",
    "sun",
    "toys",
    "string",
    "quiet",
    "home",
    "garden",
    "indoor",
    "only",
    "bonded",
    "sister",
    "brother",
    "found",
    "stray",
    "farm",
    "street",
    "porch",
    "needs",
    "patience",
    "time",
    "diet",
    "wet",
    "food",
    "dry",
    "thyroid",
    "medication",
    "daily",
    "teeth",
    "extracted",
    "chipped",
    "scared",
    "confident",
    "talkative",
    "purrs",
    "loudly",
    "sleeps",
    "under",
    "blanket",
    "warm",
    "tree",
    "climbs",
    "high",
    "shelves",
    "greets",
    "visitors",
    "hides",
    "first",
    "then",
    "warms",
    "up",
    "slowly",
    "after",
    "treats",
    "tuna",
    "chicken",
    "brushing",
    "belly",
    "rubs",
    "scratches",
    "post",
    "uses",
    "box",
    "well",
    "with",
    "other",
    "cats",
    "alone",
    "best",
    "single",
    "pet",
    "family",
    "senior",
    "couple",
    "experienced",
    "owner",
    "special",
    "care",
    "eye",
    "drops",
    "limp",
    "healed",
    "fracture",
];

/// A small generator, so that no run differs from another.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % most as u64) as usize
    }

    fn one<'a>(&mut self, of: &'a [&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// The last day of the invented history.
pub const TODAY: Day = Day(20_779);

/// Cats with the numbers from 1: a fifth on offer, the others held, reserved, or gone over eight years.
pub fn cats(many: u32) -> Vec<Cat> {
    let mut dice = Dice::new(7);
    (1..=many).map(|n| cat(n, many, &mut dice)).collect()
}

fn cat(n: u32, many: u32, dice: &mut Dice) -> Cat {
    let mut cat = Cat::new(match dice.below(10) {
        0 => String::new(),
        1..4 => format!("{} {}", dice.one(NAMES), dice.one(NAMES)),
        _ => dice.one(NAMES).to_owned(),
    });
    cat.tag = Some(format!("A{}", 1_000_000 + n));
    // The first breeds far more often than the others.
    let breed = dice.below(BREEDS.len()).min(dice.below(BREEDS.len())).min(dice.below(BREEDS.len()));
    cat.breed = (dice.below(20) > 0).then(|| BreedId(breed as u32 + 1));
    cat.health = (dice.below(3) == 0).then(|| HealthId(dice.below(HEALTH.len()) as u32 + 1));
    cat.gender = [Gender::Female, Gender::Male, Gender::Unknown][dice.below(5).min(2)];
    cat.altered = [Altered::Yes, Altered::No, Altered::Unknown][dice.below(3)];
    cat.colour = dice.one(COLOURS).to_owned();
    let words = 8 + dice.below(20);
    cat.description = (0..words).map(|_| dice.one(WORDS)).collect::<Vec<_>>().join(" ");
    let intake = Day(TODAY.0 - 2_920 + (i64::from(n) * 2_900 / i64::from(many)) as i32 + dice.below(20) as i32);
    cat.born = (dice.below(10) > 0).then(|| PartialDate::Day(Day((intake.0 - dice.below(3_000) as i32).max(0))));
    let mut stay = Stay::open(intake, IntakeKind::ALL[dice.below(4)]);
    cat.status = match dice.below(100) {
        0..20 => CatStatus::Available,
        20..24 => CatStatus::OnHold(Hold { kind: HoldKind::Medical, reason: "surgery".into(), until: None }),
        24..26 => CatStatus::Pending { held: None },
        26..80 => CatStatus::Adopted,
        _ => CatStatus::Departed(OutcomeKind::TransferOut),
    };
    let outcome = match cat.status {
        CatStatus::Adopted => Some(OutcomeKind::Adoption),
        CatStatus::Departed(kind) => Some(kind),
        _ => None,
    };
    stay.outcome = outcome.map(|kind| Outcome { date: Some(Day(intake.0 + 10)), kind });
    cat.stays.push(stay);
    cat
}
