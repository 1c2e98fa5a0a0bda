//! What the generator promises.

// Clippy's leave to unwrap in tests covers the test functions, not what they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::LazyLock;

use atelier_train::data::{
    CELL, CellLabel, Colour, Colours, Curriculum, DataError, Decorate, Face, Geometry, LayoutError, Lead,
    Ornament, Painter, Phrase, Picture, PromptFile, Row, Sample, Scene, Side, Size, Split, Style, Words,
    parse, prompt,
};

const GEOMETRIES: [fn() -> Geometry; 4] =
    [Geometry::column, Geometry::cell, Geometry::half, Geometry::natural];

static PAINTER: LazyLock<Painter> =
    LazyLock::new(|| Painter::new(&Geometry::column(), &Painter::font_folders()).unwrap());

fn development() -> PromptFile {
    let path = Path::new("../../tests/data/mini/prompts-dev.json");
    PromptFile::read(path).unwrap()
}

fn development_words() -> BTreeSet<String> {
    let records = development().data_list;
    let texts = records.iter().flat_map(|record| &record.regions).map(|region| region.text.to_lowercase());
    texts.flat_map(|text| text.split(' ').map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn stages() -> [Curriculum; 4] {
    [Curriculum::word(), Curriculum::regions(), Curriculum::full(), Curriculum::like_development()]
}

fn samples(curriculum: &Curriculum, number: u64) -> impl Iterator<Item = Sample> + '_ {
    (0..number).map(|index| Sample::generate(5, index, curriculum).unwrap())
}

#[test]
fn grammar_writes_every_development_prompt() {
    let records = development().data_list;
    assert_eq!(records.len(), 100);
    for record in records {
        let description = record.description().unwrap();
        assert!(record.agrees(&description), "{}", record.prompt);
        assert_eq!(prompt(&description), record.prompt);
        for region in &description.regions {
            assert!(description.background.inks().contains(&region.colour), "{}", record.prompt);
            assert!(region.text.len() <= region.size.max_characters(), "{}", record.prompt);
            assert!(!matches!(region.phrase, Phrase::InText | Phrase::RoleLetters(_)));
        }
        let style = Style::of(&description);
        for geometry in GEOMETRIES {
            Scene::place(&description, &geometry(), [512, 512], style).unwrap();
        }
    }
}

#[test]
fn development_phrases_and_colours_are_all_drawn() {
    // What the grammar can say, the sampler does say: every part of every development prompt turns up.
    let curriculum = Curriculum::like_development();
    let mut seen = BTreeSet::new();
    let parts = |description: &atelier_train::data::Description| {
        let lead = (description.lead, description.carrier, description.background);
        let mut parts = vec![format!("{lead:?}")];
        for region in &description.regions {
            let count = description.regions.len();
            parts.push(format!("{count} {:?} {:?} {:?}", region.row, region.side, region.size));
            parts.push(format!("{:?} {:?} {:?}", region.phrase, region.row, region.side));
            parts.push(format!("{:?} {:?}", description.background, region.colour));
        }
        parts
    };
    for sample in samples(&curriculum, 8000) {
        seen.extend(parts(&sample.description));
    }
    for record in development().data_list {
        for part in parts(&record.description().unwrap()) {
            assert!(seen.contains(&part), "{part} of {}", record.prompt);
        }
    }
}

#[test]
fn proportions_are_the_development_file_s() {
    let shares = |descriptions: Vec<atelier_train::data::Description>| {
        let mut counts: HashMap<String, f32> = HashMap::new();
        let prompts = descriptions.len() as f32;
        let regions = descriptions.iter().map(|item| item.regions.len()).sum::<usize>() as f32;
        let mut add = |name: String, of: f32| *counts.entry(name).or_default() += 1. / of;
        for description in &descriptions {
            add(format!("{:?}", description.lead), prompts);
            for region in &description.regions {
                let phrase = match region.phrase {
                    Phrase::Role(_) => "role".to_owned(),
                    phrase => format!("{phrase:?}"),
                };
                let text = &region.text;
                let case = if text.chars().all(|c| c.is_ascii_digit()) {
                    "number"
                } else if !text.chars().any(|c| c.is_ascii_lowercase()) {
                    "upper"
                } else if text.chars().any(|c| c.is_ascii_uppercase()) {
                    "title"
                } else {
                    "lower"
                };
                for name in [&phrase, region.size.name(), region.side.name(), region.row.name(), case] {
                    add(name.to_owned(), regions);
                }
                if text.contains(' ') {
                    add("two words".to_owned(), regions);
                }
            }
        }
        counts
    };
    let wanted = shares(development().data_list.iter().map(|record| record.description().unwrap()).collect());
    let curriculum = Curriculum::like_development();
    let ours = shares(samples(&curriculum, 3000).map(|sample| sample.description).collect());
    for (name, share) in &wanted {
        let ours = ours.get(name).copied().unwrap_or_default();
        assert!((share - ours).abs() < 0.08, "{name}: {share} in the file, {ours} here");
    }
}

#[test]
fn no_word_of_the_development_prompts() {
    let held_out = development_words();
    let lines = |text: &'static str| text.lines().filter(|line| !line.starts_with('#'));
    let listed: BTreeSet<&str> = lines(include_str!("../data/held-out.txt")).collect();
    assert!(held_out.iter().all(|word| listed.contains(word.as_str())));
    for word in lines(include_str!("../data/words.txt")) {
        assert!(!held_out.contains(word), "{word}");
        assert!(word.len() <= 8 && word.bytes().all(|byte| byte.is_ascii_lowercase()), "{word}");
    }
    for curriculum in stages() {
        for sample in samples(&curriculum, 4000) {
            for region in sample.description.regions {
                for word in region.text.split(' ') {
                    assert!(!held_out.contains(&word.to_lowercase()), "{word} in {}", sample.prompt);
                }
            }
        }
    }
}

#[test]
fn texts_keep_their_limits() {
    let curriculum = Curriculum { long_titles: 0., ..Curriculum::full() };
    for sample in samples(&curriculum, 4000) {
        for region in sample.description.regions {
            assert!(region.text.len() <= region.size.max_characters(), "{}", sample.prompt);
            assert!(region.text.split(' ').all(|word| (1..=8).contains(&word.len())), "{}", sample.prompt);
        }
    }
}

#[test]
fn no_word_is_in_training_and_in_validation() {
    let words = Words::built_in();
    let train = Curriculum { marks: 0., numbers: 0., ..Curriculum::full() };
    let validation = Curriculum { split: Split::Validation, ..train.clone() };
    let all = |curriculum: &Curriculum| -> BTreeSet<String> {
        let texts = samples(curriculum, 3000).flat_map(|sample| sample.description.regions);
        let words = texts
            .flat_map(|region| region.text.to_lowercase().split(' ').map(str::to_owned).collect::<Vec<_>>());
        words.filter(|word| word.len() > 2 && word.chars().all(|c| c.is_ascii_lowercase())).collect()
    };
    let (train, validation) = (all(&train), all(&validation));
    assert!(train.len() > 3000 && validation.len() > 500);
    assert_eq!(train.intersection(&validation).next(), None);
    assert!(train.iter().all(|word| words.allowed(word, Split::Train)));
}

#[test]
fn prompts_are_read_back() {
    for curriculum in stages() {
        for sample in samples(&curriculum, 1500) {
            assert_eq!(parse(&sample.prompt).as_ref(), Some(&sample.description), "{}", sample.prompt);
        }
    }
    for text in ["", "A white sign with .", "A white sign with 'X' at the top in black, large and.", "A dog."]
    {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn the_readme_s_prompt_is_understood() {
    let text = "A navy poster with the title 'OPEN STUDIO' in large white letters at the top and 'Friday 7pm' in small \
                yellow text at the bottom right";
    let description = parse(text).unwrap();
    for geometry in GEOMETRIES {
        let scene = Scene::place(&description, &geometry(), [512, 512], Style::of(&description)).unwrap();
        assert_eq!(scene.regions.len(), 2);
    }
    let scene = Scene::place(&description, &Geometry::column(), [512, 512], Style::of(&description)).unwrap();
    assert_eq!(PAINTER.paint(&scene).unwrap().boxes.len(), 2);
}

#[test]
fn samples_are_the_same_for_ever() {
    let curriculum = Curriculum::full();
    let prompts: Vec<_> =
        (0..3).map(|index| Sample::generate(1, index, &curriculum).unwrap().prompt).collect();
    assert_eq!(prompts, GOLDEN);
    assert_eq!(Sample::generate(1, 2, &curriculum).unwrap(), Sample::generate(1, 2, &curriculum).unwrap());
    assert_ne!(Sample::generate(2, 2, &curriculum).unwrap(), Sample::generate(1, 2, &curriculum).unwrap());
}

const GOLDEN: [&str; 3] = [
    "Label on a pink background: the small black text 'GEAR' at the top left and 'Fz' in large black letters at the \
     bottom right.",
    "A yellow banner with \"WIVE FIWU\" at the top left in red, small, \"Jlh Clog\" at the upper middle in navy, \
     medium, \"76\" at the lower middle in black, small and \"zejuces if\" at the bottom left in black, medium.",
    "Slide on a sky blue background: 'Rikyroqu' at the top right in white, large, '20.49' at the center right in \
     navy, small and 'Ruin Wujyda' at the bottom left in navy, small.",
];

#[test]
fn regions_stand_apart_and_where_they_should() {
    for geometry in GEOMETRIES {
        let curriculum = Curriculum { geometry: geometry(), ..Curriculum::full() };
        for sample in samples(&curriculum, 2500) {
            let scene = &sample.scene;
            let (columns, rows) = (scene.width / CELL, scene.height / CELL);
            for (index, region) in scene.regions.iter().enumerate() {
                let cells = region.cells;
                assert!(cells.column + cells.columns <= columns, "{}", sample.prompt);
                assert!(cells.row + cells.rows <= rows, "{}", sample.prompt);
                for other in &scene.regions[..index] {
                    assert!(!cells.overlaps(&other.cells), "{}", sample.prompt);
                }
                let (left, right) = (cells.column, columns - cells.column - cells.columns);
                match region.side {
                    Side::Left => assert!(left <= 1, "{}", sample.prompt),
                    Side::Center => assert!(right - left <= 1, "{}", sample.prompt),
                    Side::Right => assert!(right <= 1, "{}", sample.prompt),
                }
            }
        }
    }
}

/// The row whose middle (a tenth, three tenths, … of the height) is nearest to a box's.
fn row_of(top: u32, bottom: u32, height: u32) -> Row {
    Row::ALL[((top + bottom) * 5 / (2 * height)).min(4) as usize]
}

#[test]
fn ink_is_in_its_row_and_apart() {
    let curriculum = Curriculum::full();
    for sample in samples(&curriculum, 60) {
        let picture = PAINTER.paint(&sample.scene).unwrap();
        for (index, (region, ink)) in sample.description.regions.iter().zip(&picture.boxes).enumerate() {
            assert_eq!(row_of(ink.top, ink.bottom, 512), region.row, "{}", sample.prompt);
            let cells = sample.scene.regions[index].cells;
            let (right, bottom) = (cells.column + cells.columns, cells.row + cells.rows);
            assert!(ink.left >= cells.column * CELL && ink.right <= right * CELL, "{ink:?} {region:?}");
            assert!(
                ink.top >= cells.row * CELL && ink.bottom <= bottom * CELL,
                "{ink:?} {region:?} {cells:?}"
            );
        }
        labels_spell(&sample, &picture);
    }
}

#[test]
fn no_letter_leaves_its_line() {
    for geometry in [Geometry::column(), Geometry::cell(), Geometry::half()] {
        let painter = Painter::new(&geometry, &Painter::font_folders()).unwrap();
        for face in ["sign", "card"] {
            for size in Size::ALL.iter().map(|size| size.name()) {
                for text in [
                    "ABCDEFGH", "IJKLMNOP", "QRSTUVWX", "YZabcdef", "ghijklmn", "opqrstuv", "wxyz0123",
                    "456789:$",
                ] {
                    let text = format!("A red {face} with '{text}' at the center in black, {size}.");
                    let description = parse(&text).unwrap();
                    let style = Style::of(&description);
                    let scene = Scene::place(&description, &geometry, [512, 256], style).unwrap();
                    let (ink, cells) = (painter.paint(&scene).unwrap().boxes[0], scene.regions[0].cells);
                    assert!(ink.left >= cells.column * CELL, "{text}");
                    assert!(ink.right <= (cells.column + cells.columns) * CELL, "{text}");
                    assert!(ink.top >= cells.row * CELL, "{text}: {ink:?} {cells:?}");
                    assert!(ink.bottom <= (cells.row + cells.rows) * CELL, "{text}: {ink:?} {cells:?}");
                }
            }
        }
    }
}

/// Every character of every region labels a cell, in order and in place, and decoration stands beside the text.
fn labels_spell(sample: &Sample, picture: &Picture) {
    let columns = picture.width / CELL;
    let mut spelled: Vec<Vec<Option<char>>> = sample
        .description
        .regions
        .iter()
        .map(|region| region.text.chars().map(|c| (c == ' ').then_some(' ')).collect())
        .collect();
    for (place, label) in picture.cells.iter().enumerate() {
        let (column, row) = (place as u32 % columns, place as u32 / columns);
        let inside = sample.scene.regions.iter().position(|region| region.cells.contains(column, row));
        match *label {
            CellLabel::Ground => {}
            CellLabel::Decoration => assert_eq!(inside, None, "{}", sample.prompt),
            CellLabel::Character { region, index, character, part } => {
                assert_eq!(inside, Some(region as usize), "{}", sample.prompt);
                let line = &sample.scene.regions[region as usize].lines[0];
                assert_eq!(column, line.cells.column + u32::from(index), "{}", sample.prompt);
                assert_eq!(part, (0, (row - line.cells.row) as u8), "{}", sample.prompt);
                spelled[region as usize][index as usize] = Some(character);
            }
        }
    }
    for (region, spelled) in sample.description.regions.iter().zip(spelled) {
        let spelled: Option<String> = spelled.into_iter().collect();
        assert_eq!(spelled.as_ref(), Some(&region.text), "{}", sample.prompt);
    }
}

#[test]
fn borders_keep_the_background_s_colour() {
    let text = "A white sign with 'WWWWWWWW' at the top in black, large, 'mm' at the center left in black, large \
                and 'WWWWWWWW' at the bottom right in black, large.";
    let mut description = parse(text).unwrap();
    for &background in Colour::ALL {
        for &ornament in Ornament::ALL {
            description.background = background;
            for region in &mut description.regions {
                region.colour = background.inks()[0];
            }
            let style = Style { face: Face::Serif, ornament };
            let scene = Scene::place(&description, &Geometry::column(), [512, 512], style).unwrap();
            assert!(scene.decoration.is_empty() == (ornament == Ornament::None), "{ornament:?}");
            let picture = PAINTER.paint(&scene).unwrap();
            if matches!(ornament, Ornament::Sun | Ornament::Dots) {
                let ring = |place: usize| [0, 15].contains(&(place % 16)) || [0, 15].contains(&(place / 16));
                let labels = picture.cells.iter().enumerate();
                let mut edge =
                    labels.filter(|(place, label)| ring(*place) && **label == CellLabel::Decoration);
                assert_eq!(edge.next(), None, "{ornament:?}");
            }
            for width in [1, 4, 8, 16, 32] {
                for (channel, wanted) in background.rgb().into_iter().enumerate() {
                    let (mut sum, mut count) = (0, 0);
                    for y in 0..512 {
                        let step = if y < width || y >= 512 - width { 1 } else { 512 - width };
                        for x in (0..512).step_by(step).chain((0..width).filter(|_| step > 1)) {
                            sum += u32::from(picture.rgb[3 * (y * 512 + x) + channel]);
                            count += 1;
                        }
                    }
                    let mean = sum as f32 / count as f32;
                    let off = (mean - f32::from(wanted)).abs();
                    // With the 10 levels that a colour may be off by itself, within the scorer's 30.
                    assert!(off < 20., "{background:?} {ornament:?}: {width} px are off by {off}");
                }
            }
        }
    }
}

#[test]
fn a_wide_character_is_labelled_in_parts() {
    let description = parse("A red sign with 'HM' at the top left in black, large.").unwrap();
    let scene = Scene::place(&description, &Geometry::cell(), [512, 512], Style::of(&description)).unwrap();
    let painter = Painter::new(&Geometry::cell(), &Painter::font_folders()).unwrap();
    let picture = painter.paint(&scene).unwrap();
    for (place, index, character, part) in [(17, 0, 'H', (0, 0)), (18, 0, 'H', (1, 0)), (36, 1, 'M', (1, 1))]
    {
        let wanted = CellLabel::Character { region: 0, index, character, part };
        assert_eq!(picture.cells[place], wanted);
    }
}

#[test]
fn colours_are_near_those_of_their_names() {
    let web = [
        [255, 255, 255],
        [0, 0, 0],
        [0, 0, 128],
        [255, 253, 208],
        [255, 0, 0],
        [0, 128, 0],
        [255, 255, 0],
        [128, 128, 128],
        [135, 206, 235],
        [255, 192, 203],
    ];
    for (colour, web) in Colour::ALL.iter().zip(web) {
        let off = colour.rgb().iter().zip(web).map(|(a, b)| a.abs_diff(b)).max().unwrap();
        assert!(off <= 10, "{colour:?} is {off} levels off");
    }
}

#[test]
fn inks_differ_from_backgrounds_and_names_are_unique() {
    for colour in Colour::ALL {
        for ink in colour.inks() {
            let far = colour.rgb().iter().zip(ink.rgb()).map(|(a, b)| a.abs_diff(b)).max().unwrap_or(0);
            assert!(far >= 100, "{ink:?} on {colour:?}");
        }
        assert_eq!(Colour::named(colour.name()), Some(*colour));
    }
}

#[test]
fn stages_are_what_they_say() {
    for sample in samples(&Curriculum::word(), 300) {
        let [region] = sample.description.regions.as_slice() else { panic!("{}", sample.prompt) };
        assert!(region.text.len() <= 5 && region.size == Size::Medium);
        assert_eq!((sample.scene.background, region.colour), (Colour::White, Colour::Black));
    }
    for sample in samples(&Curriculum::regions(), 300) {
        assert!(sample.scene.decoration.is_empty());
    }
    let random = Curriculum { decorate: Decorate::Random, colours: Colours::Plain, ..Curriculum::full() };
    let mut decorated = 0;
    for sample in samples(&random, 300) {
        decorated += usize::from(!sample.scene.decoration.is_empty());
        assert_eq!(sample.scene.background, Colour::White);
    }
    assert!(decorated > 150);
    for sample in samples(&Curriculum::full(), 300) {
        assert_eq!(sample.scene.face, Style::of(&sample.description).face);
        assert!(sample.description.lead != Lead::Simple || sample.scene.decoration.is_empty());
    }
}

#[test]
fn other_sizes_and_impossible_ones() {
    let small = Curriculum { width: 256, height: 256, ..Curriculum::word() };
    let wide = Curriculum { width: 1024, height: 512, ..Curriculum::full() };
    for curriculum in [small, wide] {
        for sample in samples(&curriculum, 300) {
            assert_eq!(
                [sample.scene.width, sample.scene.height],
                [curriculum.width, curriculum.height],
                "{}",
                sample.prompt
            );
        }
    }
    for (width, height) in [(500, 512), (512, 0), (96, 512)] {
        let curriculum = Curriculum { width, height, ..Curriculum::full() };
        assert_eq!(Sample::generate(0, 0, &curriculum), Err(LayoutError::Sides { width, height }));
    }
    let clash =
        parse("A red card with 'A' at the top in black, large and 'B' at the top in black, large.").unwrap();
    let placed = Scene::place(&clash, &Geometry::column(), [512, 512], Style::of(&clash));
    assert!(matches!(placed, Err(LayoutError::Overlap { .. })));
}

#[test]
fn a_missing_font_names_its_package() {
    let error = Painter::new(&Geometry::column(), &["/nowhere".into()]).unwrap_err().to_string();
    assert!(error.contains("fonts-dejavu-core") && error.contains("/nowhere"), "{error}");
    let description = parse("A red card with 'ß' at the top in black, large.").unwrap();
    let scene = Scene::place(&description, &Geometry::column(), [512, 512], Style::of(&description)).unwrap();
    assert!(matches!(PAINTER.paint(&scene), Err(DataError::Character { character: 'ß', .. })));
}

#[test]
fn a_free_square_does_not_depend_on_how_long_a_text_is() {
    for (carrier, ornament) in [("poster", Ornament::Sun), ("flyer", Ornament::Dots)] {
        let decoration = |text: &str| {
            let prompt = format!(
                "A navy {carrier} with the title 'OPEN' in large white letters at the top and '{text}' in small \
                 yellow text at the bottom right."
            );
            let description = parse(&prompt).unwrap();
            let style = Style::of(&description);
            assert_eq!(style.ornament, ornament);
            Scene::place(&description, &Geometry::column(), [512, 512], style).unwrap().decoration
        };
        let short = decoration("7");
        assert!(!short.is_empty());
        assert_eq!(short, decoration("Friday 7pm"));
    }
}
