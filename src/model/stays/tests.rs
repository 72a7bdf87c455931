use super::*;
use proptest::prelude::*;

const ADOPTION: OutcomeKind = OutcomeKind::Adoption;

fn intake(day: i32, exit: Exit) -> Piece {
    Piece { start: Day(day), entry: Entry::Intake(IntakeKind::Stray), exit }
}
fn back(day: i32, exit: Exit) -> Piece {
    Piece { start: Day(day), entry: Entry::Back, exit }
}
fn event(day: i32, exit: Exit) -> Piece {
    Piece { start: Day(day), entry: Entry::Event, exit }
}
fn foster(day: i32) -> Exit {
    Exit::Foster(Day(day))
}
fn ends(day: i32, kind: OutcomeKind) -> Exit {
    Exit::Ends(Outcome { date: Some(Day(day)), kind })
}
fn spell(out: i32, back: Option<i32>) -> FosterSpell {
    FosterSpell { out: Day(out), back: back.map(Day) }
}

#[test]
fn foster_loops_are_one_stay_in_any_order() {
    let rows = [back(20, ends(25, ADOPTION)), intake(1, foster(3)), back(10, foster(12)), back(5, foster(5))];
    let merged = merge(&[], &rows);
    let stay = &merged.stays[0];
    assert_eq!(merged.stays.len(), 1);
    assert_eq!(stay.fosters, [spell(3, Some(5)), spell(5, Some(10)), spell(12, Some(20))]);
    assert_eq!(stay.outcome, Some(Outcome { date: Some(Day(25)), kind: ADOPTION }));
    assert_eq!(merged.fates, [Fate::Continued, Fate::Began, Fate::Continued, Fate::Continued]);
    assert_eq!(merged.oddities, []);
    for end in 1..=rows.len() {
        let first = merge(&[], &rows[..end]).stays;
        assert_eq!(merge(&first, &rows[end..]).stays, merged.stays, "split at {end}");
    }
}

#[test]
fn a_return_after_adoption_is_a_new_stay() {
    let rows = [
        intake(1, ends(9, ADOPTION)),
        Piece { start: Day(30), entry: Entry::Intake(IntakeKind::Return), exit: Exit::Stays },
    ];
    let merged = merge(&[], &rows);
    assert_eq!(merged.stays.len(), 2);
    assert_eq!(merged.stays[1], Stay::open(Day(30), IntakeKind::Return));
    let again = merge(&merged.stays, &rows);
    assert_eq!(again.stays, merged.stays);
    assert_eq!(again.fates, [Fate::Known, Fate::Known]);
}

#[test]
fn the_end_of_an_open_stay_is_added() {
    let open = merge(&[], &[intake(1, Exit::Stays)]).stays;
    let merged = merge(&open, &[intake(1, ends(9, ADOPTION))]);
    assert_eq!(merged.stays.len(), 1);
    assert_eq!(merged.stays[0].outcome.unwrap().kind, ADOPTION);
    assert_eq!(merged.fates, [Fate::Known]);
}

#[test]
fn a_death_in_foster_ends_the_stay_and_a_body_alone_is_nothing() {
    let died = event(8, ends(8, OutcomeKind::Died));
    let merged = merge(&[], &[intake(1, foster(3)), died]);
    assert_eq!(merged.stays[0].outcome, Some(Outcome { date: Some(Day(8)), kind: OutcomeKind::Died }));
    assert_eq!(merged.stays[0].fosters, [spell(3, None)]);
    assert_eq!(merge(&[], &[died]).fates, [Fate::Loose]);
    assert_eq!(merge(&merged.stays, &[died]).fates, [Fate::Continued]);
}

#[test]
fn adopted_and_returned_on_one_day() {
    let rows = [
        intake(1, Exit::Stays),
        event(5, ends(5, ADOPTION)),
        Piece { start: Day(5), entry: Entry::Intake(IntakeKind::Return), exit: Exit::Stays },
    ];
    let merged = merge(&[], &rows);
    assert_eq!(merged.stays.len(), 2);
    assert_eq!(merged.oddities, []);
}

#[test]
fn contradictions_are_told_and_settled() {
    let odd = |known: &[Stay], rows: &[Piece]| merge(known, rows).oddities;
    assert_eq!(odd(&[], &[back(2, Exit::Stays)]), [(0, Oddity::NoIntake)]);
    assert_eq!(odd(&[], &[intake(1, foster(2)), intake(9, Exit::Stays)]), [(1, Oddity::IntakeInFoster)]);
    assert_eq!(odd(&[], &[intake(1, Exit::Stays), intake(9, Exit::Stays)]), [(1, Oddity::EndUnknown)]);
    assert_eq!(odd(&[], &[intake(1, ends(20, ADOPTION)), intake(9, ends(30, ADOPTION))]), [(1, Oddity::Overlap)]);
    let by_staff = merge(&[], &[intake(1, ends(20, ADOPTION))]).stays;
    let other = merge(&by_staff, &[intake(1, ends(22, OutcomeKind::Died))]);
    assert_eq!(other.oddities, [(0, Oddity::EndKept)]);
    assert_eq!(other.stays, by_staff);
    let unknown = merge(&[], &[intake(1, Exit::Ends(Outcome { date: None, kind: OutcomeKind::Other }))]).stays;
    assert_eq!(merge(&unknown, &[intake(1, ends(22, ADOPTION))]).stays[0].outcome.unwrap().date, Some(Day(22)));
}

fn any_piece() -> impl Strategy<Value = Piece> {
    let entry = prop_oneof![
        Just(Entry::Intake(IntakeKind::Stray)),
        Just(Entry::Intake(IntakeKind::Return)),
        Just(Entry::Back),
        Just(Entry::Event),
    ];
    (0..12i32, entry, 0..4u8, 0..5i32).prop_map(|(start, entry, exit, more)| {
        let kind = if more % 2 == 0 { ADOPTION } else { OutcomeKind::Died };
        let exit = match exit {
            0 => Exit::Stays,
            1 => foster(start + more),
            2 => ends(start + more, kind),
            _ => Exit::Ends(Outcome { date: None, kind }),
        };
        Piece { start: Day(start), entry, exit }
    })
}

fn sound(stays: &[Stay]) {
    for (i, stay) in stays.iter().enumerate() {
        assert!(stay.outcome.is_some() || i + 1 == stays.len(), "an open stay before the last");
        let mut day = stay.intake;
        for (j, s) in stay.fosters.iter().enumerate() {
            assert!(s.out >= day && s.back.is_none_or(|b| b >= s.out), "fosters out of order: {stay:?}");
            assert!(s.back.is_some() || j + 1 == stay.fosters.len(), "a foster without return before the last");
            day = s.back.unwrap_or(s.out);
        }
        assert!(stay.outcome.and_then(|o| o.date).is_none_or(|end| end >= day), "ends too early: {stay:?}");
    }
    assert!(stays.is_sorted_by_key(|s| s.intake));
}

proptest! {
    #[test]
    fn whatever_a_file_says_the_stays_are_sound_and_twice_is_once(rows in prop::collection::vec(any_piece(), 0..9)) {
        let once = merge(&[], &rows);
        sound(&once.stays);
        let twice = merge(&once.stays, &rows);
        prop_assert_eq!(&twice.stays, &once.stays);
        prop_assert!(twice.fates.iter().all(|f| *f != Fate::Began));
        prop_assert_eq!(merge(&once.stays, &[]).stays, once.stays);
    }

    #[test]
    fn a_file_twice_is_once_on_top_of_another(
        before in prop::collection::vec(any_piece(), 0..5),
        rows in prop::collection::vec(any_piece(), 0..5),
    ) {
        let known = merge(&[], &before).stays;
        let once = merge(&known, &rows);
        sound(&once.stays);
        prop_assert_eq!(&merge(&once.stays, &rows).stays, &once.stays);
    }

    #[test]
    fn the_order_of_the_rows_does_not_matter(rows in prop::collection::vec(any_piece(), 0..9), seed in any::<usize>()) {
        let mut other = rows.clone();
        other.rotate_left(if rows.is_empty() { 0 } else { seed % rows.len() });
        other.reverse();
        prop_assert_eq!(merge(&[], &other).stays, merge(&[], &rows).stays);
    }
}
