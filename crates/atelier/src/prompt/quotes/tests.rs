//! Examples of prompts; `web/app/quotes.test.ts` reads them.

use proptest::prelude::*;

use super::QuoteRule::{Reference, Typographic};
use super::*;

#[test]
fn ordinary_prompts_raise_no_doubt() {
    for prompt in [
        "",
        "a red bicycle",
        "A poster that says 'OPEN STUDIO' and \"Friday 7pm\"",
        "“Café au lait” beside 「開店」",
        "it’s a dog’s life with 'OPEN'",
        "the number '7' and 'route 66'",
        "写着'你好'的海报",
        "‘",
        "5 « 6",
        "the girls' room",
        "a '90s party",
        "ol' man",
        "the number '99' and the word 'til'",
        "'n'",
        "the letter 'n' in red",
    ] {
        for rule in [Reference, Typographic] {
            assert_eq!(rule.doubts(prompt), [""; 0], "{prompt}");
        }
        assert_eq!(Typographic.texts(prompt), Reference.texts(prompt), "{prompt}");
    }
}

#[test]
fn texts_are_read_as_a_reader_does() {
    for (prompt, texts) in [
        ("It's a poster with 'Don't stop'", &["Don't stop"][..]),
        ("A 6' tall sign 'OPEN'", &["OPEN"]),
        ("a 6'2\" tall sign \"OPEN\"", &["OPEN"]),
        ("a 24\" x 36\" poster, or 24\"x36\"", &[]),
        ("the dogs' bowl says 'WOOF'", &["WOOF"]),
        ("'tis the season: 'Merry Christmas'", &["Merry Christmas"]),
        ("'rock'n'roll'", &["rock'n'roll"]),
        ("a 'OPEN'sign", &["OPEN"]),
        ("'Don't stop", &["Don"]),
        ("l'été d'Anna", &[]),
        ("une affiche « L'été » de l'année", &["L'été"]),
        ("Ein Plakat mit „Guten Tag“", &["Guten Tag"]),
        ("„A“, „B” und „C\" mit \"D\"", &["D", "A", "B", "C"]),
        ("»Guten Tag« und »Bis bald«", &["Guten Tag", "Bis bald"]),
        ("«Oui» et « Non »: « Peut-être »", &["Oui", "Non", "Peut-être"]),
        ("‹a› ›b‹ ‚c‘ ‚d’", &["c", "d", "b", "a"]),
        ("a shop sign that says ‘OPEN’, it’s ‘Don’t stop’", &["OPEN", "Don’t stop"]),
        ("『開店』と「本日」", &["本日", "開店"]),
        ("「開店『本日』」", &["開店『本日』"]),
        ("en affisch med ”Öppet” och »Stängt»", &["Stängt", "Öppet"]),
        ("Home » Shop » Cart", &[]),
        ("写着'你好'和‘再见’的海报", &["你好", "再见"]),
        ("'안녕'이라고 쓴 포스터", &["안녕"]),
        ("'say \"hi\"' and „say 'ho'“", &["say \"hi\"", "ho", "hi", "say 'ho'"]),
        ("\"open and 'closed'", &["closed"]),
        ("“a “b” c”", &["b"]),
        ("''", &[""]),
        ("„“ «»", &[]),
        ("a sign says'OPEN'", &["OPEN"]),
        ("a sign says'OPEN'now", &["OPEN"]),
        ("a sign saying'we don't open'", &["we don't open"]),
        ("a sign‘OPEN’now", &["OPEN"]),
        ("a sign'GRAND OPENING'here", &["GRAND OPENING"]),
        ("'OPEN'and'CLOSED'", &["OPEN", "CLOSED"]),
        ("‘OPEN’and‘CLOSED’", &["OPEN", "CLOSED"]),
        ("'Hawai'i and Xi'an' and a 10'x12' room", &["Hawai'i and Xi'an"]),
        ("nell'acqua dell'oceano di Xi'an, aujourd'hui", &[]),
        ("a 6'' pipe and a 5″ × 7″ card, 5′ tall", &[]),
        ("'Class of '99' in red", &["Class of '99"]),
        ("a '90s sign 'OPEN '24'", &["OPEN '24"]),
        ("'rock 'n' roll' in gold", &["rock 'n' roll"]),
        ("rock 'n' roll, drum ‘n’ bass and 'OPEN'", &["OPEN"]),
        ("a big 'n' on a wall", &["n"]),
        ("« Il a dit « Oui » hier »", &["Il a dit « Oui » hier"]),
        ("« A « B »", &["B"]),
        ("『本日『開店』中』", &["本日『開店』中"]),
        ("שלט של צה״ל ״פתוח״ וב״סגור״", &["פתוח", "סגור"]),
        ("צה\"ל ו\"פתוח\"", &["פתוח"]),
        ("צ׳ק ׳פתוח׳", &["פתוח"]),
        ("❝A❞ ❛B❜ ﹁C﹂ ﹃D﹄ ｢E｣ ″F″ ′G′", &["A", "B", "C", "D", "E", "F", "G"]),
        ("‟A” ‛B’ and en skylt ’ÖPPET’ at the girls’ room", &["ÖPPET", "A", "B"]),
        ("the ’90s at the girls’ room", &[]),
    ] {
        assert_eq!(Typographic.texts(prompt), texts, "{prompt}");
    }
}

#[test]
fn each_text_that_may_be_lost_is_named() {
    for (prompt, words) in [
        ("a sign 'OPEN", &["one ' has no partner"][..]),
        ("a sign says'OPEN'", &["the apostrophe of says'OPEN counts"]),
        ("a sign says'OPEN'now", &["says'OPEN'now"]),
        ("a sign says'OPEN", &["one ' has no partner"]),
        ("'OPEN'and'CLOSED'", &["the apostrophe of OPEN'and'CLOSED counts"]),
        ("‘OPEN’and‘CLOSED’", &["the ’ of OPEN’and‘CLOSED counts"]),
        ("‘Don’t stop", &["one ‘ has no ’"]),
        ("the dogs' bowl beside 'fresh eggs' of the farm", &["one ' has no partner"]),
        ("OPEN DOORS'", &["one ' has no partner"]),
        ("'OPEN and 'CLOSED'", &["one ' has no partner"]),
        ("'The girls' room' in gold", &["one ' has no partner"]),
        ("the '90s at the girls' room", &["the apostrophe of '90s counts"]),
        ("Smith 'n' Sons", &["the apostrophe of 'n counts"]),
        ("'Class of '99 in red", &["one ' has no partner"]),
        ("« A « B »", &["one « has no »"]),
        ("un panneau « OUVERT", &["one « has no »"]),
        ("en skylt med Öppet»", &["one » has no «"]),
        ("﹁A", &["one ﹁ has no ﹂"]),
        ("״A", &["one ״ has no partner"]),
        ("''", &["one quoted text is empty"]),
        ("a \" \" and “\u{200b}”", &["one quoted text is empty"]),
        ("„“", &["one quoted text is empty"]),
        ("【A】 ⟪B⟫ ´C´", &["´C´ is not spelled", "【A】 is not spelled", "⟪B⟫ is not spelled"]),
        ("rock 'n' roll, rockin' beats, drum ‘n’ bass, Home » Shop", &[]),
        ("a '90s party, and the '80s", &[]),
        ("a \"sign", &["one \" has no partner"]),
        ("a “sign", &["one “ has no ”"]),
        ("a 」sign", &["one 」 has no 「"]),
        ("ein „Schild", &["one „ has no “"]),
        ("'Don't stop", &["Don't"]),
        ("a `sign` of 《書》 and 'a `b`'", &["`sign` is not spelled", "《書》 is not spelled"]),
        ("“the dogs' bowl” and \"5” x 7”\"", &[]),
    ] {
        let doubts = Typographic.doubts(prompt);
        assert_eq!(doubts.len(), words.len(), "{prompt}: {doubts:?}");
        for (doubt, word) in doubts.iter().zip(words) {
            assert!(doubt.contains(word), "{prompt}: {doubt}");
        }
    }
}

#[test]
fn each_text_that_the_references_rule_loses_is_named() {
    for (prompt, words) in [
        ("It's a poster with 'OPEN'", &["It's", "one ' has no partner"][..]),
        ("It's a poster with 'Don't stop'", &["It's"]),
        ("A 6' tall sign 'OPEN'", &["6'", "one ' has no partner"]),
        ("a 24\" x 36\" poster", &["the \" after a number"]),
        ("the dogs' and cats' home", &["dogs'"]),
        ("Ein Plakat mit „Guten Tag“", &["„Guten Tag“ is not spelled"]),
        ("Ein Plakat mit „Guten Tag”", &["„Guten Tag” is not spelled"]),
        ("une affiche « Bonjour »", &["« Bonjour » is not spelled"]),
        ("»Guten Tag«", &["»Guten Tag« is not spelled"]),
        ("a shop sign that says ‘OPEN’", &["‘OPEN’ is not spelled"]),
        ("『開店』", &["『開店』 is not spelled"]),
        ("rock 'n' roll", &["the apostrophe of 'n counts"]),
        ("צה\"ל \"פתוח", &["the \" of צה\"ל counts"]),
        ("'' and „A“", &["„A“ is not spelled", "one quoted text is empty"]),
    ] {
        let doubts = Reference.doubts(prompt);
        assert_eq!(doubts.len(), words.len(), "{prompt}: {doubts:?}");
        for (doubt, word) in doubts.iter().zip(words) {
            assert!(doubt.contains(word), "{prompt}: {doubt}");
        }
    }
}

#[test]
fn a_mark_before_a_word_is_none_of_it() {
    let doubts = Reference.doubts("A sign that says 'It's OPEN'");
    assert_eq!(doubts[0], "the apostrophe of It's counts as a quotation mark: ’ does not");
}

#[test]
fn what_is_spelled_is_shown() {
    let spelled = |prompt| spelled(&Reference.texts(prompt));
    assert_eq!(spelled("A 6' tall sign 'OPEN'"), "\" tall sign \"");
    assert_eq!(spelled("'a' and “b”"), "\"a\", \"b\"");
    assert_eq!(spelled("„a“"), "nothing");
}

#[test]
fn only_what_differs_from_the_reference_is_noted() {
    assert_eq!(Typographic.noted("'a' and “b”"), Reference);
    assert_eq!(Typographic.noted("„a“"), Typographic);
    assert_eq!(Reference.noted("„a“"), Reference);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Whoever writes for the reference gets what the reference draws.
    #[test]
    fn the_rules_agree_wherever_the_references_leaves_no_doubt(
        prompt in "[a-bs\u{e9}6xn '\"“”„‘’‚«»‹›「」『』＂＇〝〟`.,人의 ]{0,14}"
    ) {
        let typographic = Typographic.texts(&prompt);
        if Reference.doubts(&prompt).is_empty() {
            prop_assert_eq!(&typographic, &Reference.texts(&prompt));
        }
        for text in typographic {
            prop_assert!(prompt.contains(&text));
        }
    }
}
