//! Files of a closed store are damaged: it is refused, or what is read is right.

use std::{
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use clowder::store::backup;

use crate::{
    disk::Dice,
    jobs::{CATS, Job},
    work::{Worker, asked, copy_of, record, rounds, stocked},
};

#[derive(Debug, Clone, Copy)]
pub enum Damage {
    /// One bit is another.
    Bit,
    /// A block of that size is zeros.
    Zeros(usize),
    /// The end is gone.
    CutShort,
    /// The file is gone.
    Deleted,
}

pub fn damage(path: &Path, how: Damage, dice: &mut Dice) {
    let bytes = fs::read(path).unwrap();
    let length = bytes.len();
    // Files are filled up with zeros; what is wanted are the places where something is.
    let places: Vec<usize> = (0..64).map(|_| dice.below(length)).collect();
    let at = *places.iter().find(|&&at| bytes[at] != 0).unwrap_or(&places[0]);
    let mut file = File::options().read(true).write(true).open(path).unwrap();
    match how {
        Damage::Deleted => fs::remove_file(path).unwrap(),
        Damage::CutShort => file.set_len(at as u64).unwrap(),
        Damage::Bit => {
            let mut byte = [0];
            file.seek(SeekFrom::Start(at as u64)).unwrap();
            if file.read(&mut byte).unwrap() == 1 {
                byte[0] ^= 1 << dice.below(8);
                file.seek(SeekFrom::Start(at as u64)).unwrap();
                file.write_all(&byte).unwrap();
            }
        }
        Damage::Zeros(size) => {
            let at = at / size * size;
            file.seek(SeekFrom::Start(at as u64)).unwrap();
            file.write_all(&vec![0; size.min(length - at)]).unwrap();
        }
    }
}

pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else if entry.file_name() != "lock" {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

#[derive(Debug, Default)]
struct Sum {
    trials: usize,
    whole: usize,
    refused: usize,
    told: usize,
    /// Something is gone or older, and nothing was said.
    silent: usize,
}

#[test]
fn damaged_files_never_give_a_wrong_value_or_an_empty_store() {
    let rounds = rounds(1, 50);
    let base = stocked();
    let keys = base.open().key_source().clone();
    let mut dice = Dice::new(3);
    for (n, file) in files(&base.data()).into_iter().enumerate() {
        let name = file.strip_prefix(base.data()).unwrap();
        let mut sum = Sum::default();
        let all = [Damage::Bit, Damage::Zeros(512), Damage::CutShort, Damage::Deleted, Damage::Zeros(4096)];
        // The usual tests do two kinds to each file, in turn.
        let kinds: Vec<Damage> =
            all.into_iter().cycle().skip(n).take(if asked().is_some() { all.len() } else { 2 }).collect();
        for how in kinds {
            let rounds = if matches!(how, Damage::Deleted) { 1 } else { rounds };
            for round in 0..rounds {
                let home = copy_of(&base);
                damage(&home.data().join(name), how, &mut dice);
                // Half of the time as after a kill: what is damaged is then tried on a copy.
                if dice.percent(50) {
                    let _ = fs::remove_file(home.data().join("clean"));
                }
                let when = format!("{} {how:?} {round}", name.display());
                let damaged = home.data().join(name);
                if name.starts_with("backups") && damaged.exists() {
                    let same = fs::read(&damaged).unwrap() == fs::read(&file).unwrap();
                    let verified = backup::verify(&damaged, Some(&keys), &mut |_| true);
                    assert_eq!(verified.is_ok(), same, "{when}: a damaged backup was held to be whole");
                }
                look_at(&Worker::start(&home, Job::Look, |_| {}).end().1, &when, &mut sum);
            }
        }
        record(&format!("{} damaged: {sum:?}", name.display()));
        assert_eq!(sum.silent, 0, "{}: something was gone, and nothing was said", name.display());
    }
}

fn look_at(lines: &[String], when: &str, sum: &mut Sum) {
    sum.trials += 1;
    if lines.iter().any(|line| line.starts_with("refused ")) {
        sum.refused += 1;
        return;
    }
    let told = lines.iter().find_map(|line| line.strip_prefix("open ")).unwrap_or_else(|| panic!("{when}: {lines:?}"));
    let words: Vec<&str> = told.split(' ').collect();
    assert_eq!(words[0], "false", "{when}: a damaged store was taken for a new one");
    let [counted, missing, older, wrong, unreadable, told] =
        <[u32; 6]>::try_from(words[1..].iter().map(|w| w.parse().unwrap()).collect::<Vec<_>>()).unwrap();
    assert_eq!(wrong, 0, "{when}: a wrong value was read");
    assert!(missing < CATS && counted > 0, "{when}: the store is empty");
    if missing + older + unreadable == 0 {
        sum.whole += 1;
    } else if told > 0 {
        sum.told += 1;
    } else {
        sum.silent += 1;
    }
}
