//! The stream of prompts.

use std::collections::{HashMap, HashSet};

use atelier_train::brief::{Brief, Family, Ink, Kind, Size, Split};

const MANY: u64 = 6000;

fn briefs(split: Split) -> impl Iterator<Item = Brief> {
    (0..MANY).map(move |index| Brief::generate(7, index, split))
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

/// The words of a text, lower case.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|character: char| !character.is_alphanumeric() && !matches!(character, '\'' | '’'))
        .filter(|word| !word.is_empty())
        .map(|word| word.to_lowercase().replace('’', "'"))
}

#[test]
fn a_prompt_depends_on_seed_and_index_alone() {
    let one: Vec<Brief> = (0..200).map(|index| Brief::generate(3, index, Split::Train)).collect();
    for index in (0..200).rev() {
        assert_eq!(Brief::generate(3, index, Split::Train), one[index as usize]);
    }
    assert_ne!(Brief::generate(4, 0, Split::Train), one[0]);
    assert_ne!(Brief::generate(3, 0, Split::Check), one[0]);
}

#[test]
fn the_first_fifty_stay_as_they_are() -> Result<(), serde_json::Error> {
    let mut lines = Vec::new();
    for index in 0..50 {
        serde_json::to_writer(&mut lines, &Brief::generate(0, index, Split::Train))?;
    }
    assert_eq!(hash(&lines), GOLDEN, "a new generator makes other data: say so in the commit");
    Ok(())
}

const GOLDEN: u64 = 9_326_065_635_352_363_232;

#[test]
fn every_prompt_is_sound() {
    for split in [Split::Train, Split::Check] {
        for brief in briefs(split) {
            assert_eq!(brief.check(), Ok(()));
        }
    }
}

#[test]
fn check_finds_what_is_wrong() {
    let sound = Brief::of_family(Family::Regions, 0, 0, Split::Train);
    let broken = |change: fn(&mut Brief)| {
        let mut brief = sound.clone();
        change(&mut brief);
        assert!(brief.check().is_err(), "{brief:?}");
    };
    broken(|brief| brief.texts[0].span.end += 1);
    broken(|brief| brief.texts[0].content.push('x'));
    broken(|brief| brief.texts = vec![brief.texts[0].clone(); 2]);
    broken(|brief| brief.width = 500);
    broken(|brief| brief.ground = Some(Ink::Gold));
}

#[test]
fn held_out_words_are_never_drawn() {
    let held_out: HashSet<&str> = include_str!("../data/held-out.txt").lines().collect();
    for brief in briefs(Split::Train) {
        for word in brief.texts.iter().flat_map(|text| words(&text.content)) {
            assert!(!held_out.contains(word.as_str()), "{word} in {:?}", brief.prompt);
        }
    }
}

#[test]
fn the_splits_share_no_word_of_letters() {
    let long = |split| -> HashSet<String> {
        briefs(split)
            .flat_map(|brief| brief.texts)
            .flat_map(|text| words(&text.content).collect::<Vec<_>>())
            .filter(|word| word.len() > 3 && word.bytes().all(|byte| byte.is_ascii_lowercase()))
            .collect()
    };
    let (train, check) = (long(Split::Train), long(Split::Check));
    assert!(train.len() > 5000 && check.len() > 500);
    assert_eq!(train.intersection(&check).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn everything_occurs_in_its_share() {
    let mut families: HashMap<Family, u64> = HashMap::new();
    let (mut quotes, mut kinds, mut inks, mut grounds) =
        (HashSet::new(), HashSet::new(), HashSet::new(), HashSet::new());
    let (mut characters, mut counts, mut sizes, mut without) =
        (HashSet::new(), HashSet::new(), HashSet::new(), 0);
    for (index, brief) in briefs(Split::Train).enumerate() {
        *families.entry(Family::of(7, index as u64)).or_default() += 1;
        for text in &brief.texts {
            let before = brief.prompt[..text.span.start].trim_end_matches(' ').chars().next_back();
            quotes.extend(before);
            characters.extend(text.content.chars());
            inks.extend(text.ink);
        }
        kinds.extend(brief.adornments.iter().map(|one| one.kind));
        grounds.extend(brief.ground);
        counts.insert(brief.texts.len());
        sizes.insert((brief.width, brief.height));
        without += usize::from(brief.texts.is_empty());
    }
    for (family, share) in Family::ALL.iter().zip([0.22, 0.3, 0.24, 0.24]) {
        let found = families[family] as f32 / MANY as f32;
        assert!((found - share).abs() < 0.03, "{family:?}: {found}");
    }
    for mark in "'\"“”‘„«»「『".chars() {
        assert!(quotes.contains(&mark), "{mark}");
    }
    assert_eq!(kinds.len(), Kind::ALL.len());
    assert_eq!(inks.len(), Ink::ALL.len());
    assert_eq!(grounds.len(), Ink::GROUNDS);
    assert!((0..=Brief::MAX_TEXTS).all(|count| counts.contains(&count)), "{counts:?}");
    assert!(sizes.len() > 20);
    assert!((0.01..0.06).contains(&(without as f32 / MANY as f32)), "{without}");
    let alphabet = "ABCXYZabcxyz0123456789.,:;!?'-–—…&$%/()+#@*=€£°àáâãäåæçèéêëìíîïñòóôõöøœùúûüýßšžÄÉÖÜ";
    let missing: String = alphabet.chars().filter(|one| !characters.contains(one)).collect();
    assert_eq!(missing, "");
}

#[test]
fn what_is_asked_for_stands_in_the_prompt() {
    for brief in briefs(Split::Train) {
        let prompt = brief.prompt.to_lowercase();
        let german = [
            "ein ",
            "eine ",
            "bitte ",
            "schreibe ",
            "mach ",
            "einladung ",
            "un",
            "écris",
            "fais",
            "escribe",
            "haz",
        ];
        if german.iter().any(|start| prompt.starts_with(start)) {
            continue;
        }
        let said = |ink: Ink| match ink {
            Ink::Gray => prompt.contains("gray") || prompt.contains("grey"),
            Ink::SkyBlue => ["sky blue", "sky-blue", "light blue"].iter().any(|name| prompt.contains(name)),
            Ink::Navy => prompt.contains("navy") || prompt.contains("dark blue"),
            ink => prompt.contains(ink.name()),
        };
        let inks = brief.texts.iter().map(|text| text.ink).chain(brief.adornments.iter().map(|one| one.ink));
        for ink in inks.chain([brief.ground]).flatten() {
            assert!(said(ink), "{ink:?} in {:?}", brief.prompt);
        }
        if brief.texts.iter().any(|text| text.size == Some(Size::Large)) {
            assert!(["large", "big", "huge"].iter().any(|word| prompt.contains(word)), "{:?}", brief.prompt);
        }
    }
}
