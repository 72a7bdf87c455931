//! Bytes that were stored by each format, and the records they must be read as for ever.

use super::*;
use crate::model::{
    AdoptionRequest, AgeBand, Altered, Ban, Breed, BreedId, Cat, CatId, CatStatus, Day, Decision, FosterSpell, Gender,
    HealthId, HealthStatus, HistoryEvent, HistoryItem, Hold, HoldKind, IntakeKind, Lock, Outcome, OutcomeKind,
    PartialDate, Preferences, RequestId, RequestStatus, Role, SshKey, Stamp, Stay, User, UserId, Version, Who,
};
use crate::store::seal::{from_hex, to_hex};

const VERSION: Version = Version { rev: 3, created_at: Stamp(1_700_000_000_000), updated_at: Stamp(1_700_000_100_000) };

fn breed() -> Breed {
    Breed { id: BreedId(7), version: VERSION, name: "Maine Coon".into(), description: "Large, gentle.".into() }
}

fn health() -> HealthStatus {
    HealthStatus {
        id: HealthId(2),
        version: VERSION,
        name: "FeLV+".into(),
        description: "Alone or with others like it.".into(),
        prevents_adoption: true,
    }
}

fn cat() -> Cat {
    Cat {
        id: CatId(300),
        version: VERSION,
        tag: Some("A-1".into()),
        name: "Miso".into(),
        breed: Some(BreedId(7)),
        born: Some(PartialDate::Month { year: 2022, month: 5 }),
        gender: Gender::Male,
        altered: Altered::Unknown,
        colour: "grey tabby".into(),
        health: Some(HealthId(2)),
        status: CatStatus::Pending {
            held: Some(Hold { kind: HoldKind::Medical, reason: "teeth".into(), until: Some(Day(20_000)) }),
        },
        description: "Shy at first.\nThen not.".into(),
        image_url: Some("https://example.org/miso.jpg".into()),
        stays: vec![
            Stay {
                intake: Day(19_000),
                kind: IntakeKind::Stray,
                outcome: Some(Outcome { date: None, kind: OutcomeKind::Adoption }),
                fosters: vec![],
            },
            Stay {
                intake: Day(19_500),
                kind: IntakeKind::Return,
                outcome: None,
                fosters: vec![FosterSpell { out: Day(19_510), back: Some(Day(19_520)) }],
            },
        ],
        archived: false,
    }
}

fn user() -> User {
    User {
        id: UserId(12),
        version: VERSION,
        username: "ana".into(),
        full_name: "Ana Élan".into(),
        email: Some("ana@example.org".into()),
        password: Some("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".into()),
        role: Role::Staff,
        phone: "+1 555 0100".into(),
        registered_at: Stamp(1_700_000_000_000),
        preferences: Preferences {
            breeds: vec![BreedId(7)],
            ages: vec![AgeBand::ALL[1]],
            genders: vec![Gender::Female],
            altered: Some(Altered::Yes),
        },
        favourites: vec![CatId(300)],
        ssh_keys: vec![SshKey {
            key: "ssh-ed25519 AAAA".into(),
            comment: "laptop".into(),
            added_at: Stamp(5),
            last_used: None,
        }],
        locked: Some(Lock { at: Stamp(6), by: Who::Console, reason: String::new() }),
        banned: Some(Ban { at: Stamp(7), by: Who::User(UserId(1)), reason: "twice".into() }),
        anonymised: false,
    }
}

fn request() -> AdoptionRequest {
    AdoptionRequest {
        id: RequestId(9),
        version: VERSION,
        cat: CatId(300),
        user: UserId(12),
        requested_at: Stamp(1_700_000_000_000),
        status: RequestStatus::Waitlisted,
        waitlisted_from: Some(RequestStatus::Pending),
        awaiting_reply: true,
        notes: "A garden.".into(),
        decision: Some(Decision { at: Stamp(8), by: Who::Program, reason: "in order".into() }),
        history: vec![HistoryItem {
            at: Stamp(8),
            by: Who::User(UserId(12)),
            event: HistoryEvent::Requested,
            note: String::new(),
        }],
    }
}

/// Stored by format 1 of each kind. These never change; a later format adds its own beside them.
const BREED_1: &str =
    "01000703fd00d0ca9f17030000fd40ddcd9f170300000a4d61696e6520436f6f6e0e4c617267652c2067656e746c652e";
const HEALTH_1: &str = "01000203fd00d0ca9f17030000fd40ddcd9f170300000546654c562b1d416c6f6e65206f722077697468206f746865727320\
    6c696b652069742e01";
const CAT_1: &str = "0100fb2c0103fd00d0ca9f17030000fd40ddcd9f170300000103412d31044d69736f01070101fbcc0f0501020a6772657920\
    7461626279010202010105746565746801fb409c175368792061742066697273742e0a5468656e206e6f742e011c68747470\
    733a2f2f6578616d706c652e6f72672f6d69736f2e6a706702fb70940001000000fb5898050001fb6c9801fb809800";
const USER_1: &str = "01000c03fd00d0ca9f17030000fd40ddcd9f1703000003616e6109416e6120c3896c616e010f616e61406578616d706c652e\
    6f7267012c246172676f6e32696424763d3139246d3d31393435362c743d322c703d3124633246736441246147467a614101\
    0b2b31203535352030313030fd00d0ca9f17030000010701010100010001fb2c0101107373682d6564323535313920414141\
    41066c6170746f700a00010c0000010e010105747769636500";
const REQUEST_1: &str = "01000903fd00d0ca9f17030000fd40ddcd9f17030000fb2c010cfd00d0ca9f170300000501000109412067617264656e2e01\
    100208696e206f726465720110010c0000";

fn stored(hex: &str) -> Vec<u8> {
    from_hex(hex).unwrap()
}

#[test]
fn records_stored_by_format_1_are_read() {
    assert_eq!(decode::<Breed>(&stored(BREED_1)).unwrap(), breed());
    assert_eq!(decode::<HealthStatus>(&stored(HEALTH_1)).unwrap(), health());
    assert_eq!(decode::<Cat>(&stored(CAT_1)).unwrap(), cat());
    assert_eq!(decode::<User>(&stored(USER_1)).unwrap(), user());
    assert_eq!(decode::<AdoptionRequest>(&stored(REQUEST_1)).unwrap(), request());
}

/// A shape that changed without a new version would be written differently from the stored bytes.
#[test]
fn what_is_written_now_is_the_present_format() {
    assert_eq!(to_hex(&encode(&breed()).unwrap()), BREED_1);
    assert_eq!(to_hex(&encode(&health()).unwrap()), HEALTH_1);
    assert_eq!(to_hex(&encode(&cat()).unwrap()), CAT_1);
    assert_eq!(to_hex(&encode(&user()).unwrap()), USER_1);
    assert_eq!(to_hex(&encode(&request()).unwrap()), REQUEST_1);
}

#[test]
fn cut_lengthened_newer_and_older_bytes_are_refused() {
    let right = encode(&cat()).unwrap();
    for n in 0..right.len() {
        assert!(matches!(decode::<Cat>(&right[..n]), Err(StoreError::Damaged(_))), "cut at {n}");
    }
    let longer = [&right[..], &[0]].concat();
    assert!(matches!(decode::<Cat>(&longer), Err(StoreError::Damaged(_))));
    let version = |v: u16| [&v.to_le_bytes()[..], &right[2..]].concat();
    assert!(matches!(decode::<Cat>(&version(0)), Err(StoreError::Damaged(why)) if why.contains("no version")));
    assert!(matches!(decode::<Cat>(&version(2)), Err(StoreError::Damaged(why)) if why.contains("newer version")));
}
