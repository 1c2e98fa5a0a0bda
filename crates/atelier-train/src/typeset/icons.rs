//! The decorations as shapes: discs, ellipses, polygons and strokes, filled or cut out, in boxes of 32×32 or 64×64 pixels.

use crate::brief::Kind;

/// Sample points a pixel has in each direction.
const SAMPLES: usize = 6;

type Point = (f32, f32);

/// A shape in pixels from the upper left corner of its box.
#[derive(Debug, Clone)]
enum Shape {
    /// Centre and radii.
    Ellipse(Point, f32, f32),
    /// Corners.
    Polygon(Vec<Point>),
    /// A line with round ends: from, to, thickness.
    Stroke(Point, Point, f32),
}

impl Shape {
    fn contains(&self, (x, y): Point) -> bool {
        match self {
            Self::Ellipse(centre, wide, high) => {
                let (dx, dy) = ((x - centre.0) / wide, (y - centre.1) / high);
                dx * dx + dy * dy <= 1.
            }
            Self::Polygon(corners) => {
                let mut inside = false;
                for (place, &(ax, ay)) in corners.iter().enumerate() {
                    let (bx, by) = corners[(place + 1) % corners.len()];
                    if (ay > y) != (by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax {
                        inside = !inside;
                    }
                }
                inside
            }
            Self::Stroke(from, to, thick) => {
                let (dx, dy) = (to.0 - from.0, to.1 - from.1);
                let along = ((x - from.0) * dx + (y - from.1) * dy) / (dx * dx + dy * dy).max(1e-6);
                let along = along.clamp(0., 1.);
                let (ox, oy) = (x - from.0 - along * dx, y - from.1 - along * dy);
                ox * ox + oy * oy <= thick * thick / 4.
            }
        }
    }
}

/// Shapes painted one over the other; `false` cuts out.
type Drawing = Vec<(bool, Shape)>;

fn disc(x: f32, y: f32, radius: f32) -> Shape {
    Shape::Ellipse((x, y), radius, radius)
}

fn oval(x: f32, y: f32, wide: f32, high: f32) -> Shape {
    Shape::Ellipse((x, y), wide, high)
}

fn polygon(corners: &[Point]) -> Shape {
    Shape::Polygon(corners.to_vec())
}

fn rectangle(left: f32, top: f32, right: f32, bottom: f32) -> Shape {
    polygon(&[(left, top), (right, top), (right, bottom), (left, bottom)])
}

fn stroke(ax: f32, ay: f32, bx: f32, by: f32, thick: f32) -> Shape {
    Shape::Stroke((ax, ay), (bx, by), thick)
}

/// The point at an angle in turns, clockwise from the top.
fn around(centre: Point, radius: f32, turn: f32) -> Point {
    let angle = turn * std::f32::consts::TAU;
    (centre.0 + radius * angle.sin(), centre.1 - radius * angle.cos())
}

fn fill(shapes: impl IntoIterator<Item = Shape>) -> Drawing {
    shapes.into_iter().map(|shape| (true, shape)).collect()
}

fn cut(shapes: impl IntoIterator<Item = Shape>) -> Drawing {
    shapes.into_iter().map(|shape| (false, shape)).collect()
}

/// The coverage of a drawing in a square box, 0 to 255.
fn coverage(drawing: &Drawing, side: usize) -> Vec<u8> {
    let mut pixels = vec![0; side * side];
    for (place, pixel) in pixels.iter_mut().enumerate() {
        let (row, column) = (place / side, place % side);
        let mut inside = 0;
        for sample in 0..SAMPLES * SAMPLES {
            let step = |index: usize| (index as f32 + 0.5) / SAMPLES as f32;
            let point = (column as f32 + step(sample % SAMPLES), row as f32 + step(sample / SAMPLES));
            let mut painted = false;
            for (paint, shape) in drawing {
                if *paint != painted && shape.contains(point) {
                    painted = *paint;
                }
            }
            inside += usize::from(painted);
        }
        *pixel = (inside * 255 / (SAMPLES * SAMPLES)) as u8;
    }
    pixels
}

/// The coverage of every piece of a kind, each 32×32 pixels. A frame's upper left corner is the last.
pub(super) fn pieces(kind: Kind) -> Vec<Vec<u8>> {
    const CELL: usize = 32;
    let cell = |drawing: Drawing| coverage(&drawing, CELL);
    let flip = |piece: &Vec<u8>, horizontal: bool, vertical: bool| -> Vec<u8> {
        let at = |place: usize| {
            let (row, column) = (place / CELL, place % CELL);
            let row = if vertical { CELL - 1 - row } else { row };
            let column = if horizontal { CELL - 1 - column } else { column };
            piece[row * CELL + column]
        };
        (0..CELL * CELL).map(at).collect()
    };
    match kind {
        Kind::Frame => {
            let mut corner = fill([disc(32., 32., 20.)]);
            corner.extend(cut([disc(32., 32., 15.)]));
            // The rest of the ring is in other cells.
            let corner = cell(corner);
            let top = cell(fill([rectangle(0., 12., 32., 17.)]));
            let left = cell(fill([rectangle(12., 0., 17., 32.)]));
            let corners = [(true, false), (false, true), (true, true)];
            let mut pieces: Vec<Vec<u8>> =
                corners.iter().map(|&(horizontal, vertical)| flip(&corner, horizontal, vertical)).collect();
            let (right, bottom) = (flip(&left, true, false), flip(&top, false, true));
            pieces.extend([top, left, right, bottom, corner]);
            pieces
        }
        Kind::Rule => {
            let line = rectangle(0., 14., 32., 18.);
            let left = cell(fill([disc(8., 16., 6.), rectangle(8., 14., 32., 18.)]));
            let right = flip(&left, true, false);
            vec![left, cell(fill([line])), right]
        }
        Kind::Stripes => {
            // Two stripes a cell, which go on in the next one.
            let stripe =
                |left: f32| polygon(&[(left + 16., 6.), (left + 24., 6.), (left + 8., 26.), (left, 26.)]);
            vec![cell(fill([-32., -16., 0., 16., 32.].map(stripe)))]
        }
        Kind::Dots => vec![cell(fill([disc(16., 16., 8.)]))],
        _ => {
            let whole = coverage(&icon(kind), 2 * CELL);
            let part = |part: usize| {
                let at = |place: usize| {
                    let row = part / 2 * CELL + place / CELL;
                    let column = part % 2 * CELL + place % CELL;
                    whole[row * 2 * CELL + column]
                };
                (0..CELL * CELL).map(at).collect()
            };
            (0..4).map(part).collect()
        }
    }
}

fn icon(kind: Kind) -> Drawing {
    match kind {
        Kind::Heart => {
            let curve = |step: usize| {
                let t = step as f32 / 80. * std::f32::consts::TAU;
                let x = 16. * t.sin().powi(3);
                let y = 13. * t.cos() - 5. * (2. * t).cos() - 2. * (3. * t).cos() - (4. * t).cos();
                (32. + 1.75 * x, 29.5 - 1.75 * y)
            };
            fill([Shape::Polygon((0..80).map(curve).collect())])
        }
        Kind::Star => {
            let corner = |step: usize| {
                around((32., 34.), if step.is_multiple_of(2) { 29. } else { 11.8 }, step as f32 / 10.)
            };
            fill([Shape::Polygon((0..10).map(corner).collect())])
        }
        Kind::Sun => {
            let ray = |step: usize| {
                let turn = step as f32 / 8.;
                let (from, to) = (around((32., 32.), 20.5, turn), around((32., 32.), 27., turn));
                Shape::Stroke(from, to, 5.)
            };
            fill((0..8).map(ray).chain([disc(32., 32., 14.)]))
        }
        Kind::Moon => [fill([disc(30., 32., 26.)]), cut([disc(42., 25., 21.)])].concat(),
        Kind::Tree => fill([
            polygon(&[(32., 3.), (47., 22.), (17., 22.)]),
            polygon(&[(32., 13.), (52., 37.), (12., 37.)]),
            polygon(&[(32., 25.), (57., 52.), (7., 52.)]),
            rectangle(28., 50., 36., 61.),
        ]),
        Kind::House => [
            fill([
                polygon(&[(32., 5.), (60., 31.), (4., 31.)]),
                rectangle(11., 30., 53., 58.),
                rectangle(43., 9., 50., 26.),
            ]),
            cut([
                rectangle(27., 40., 37., 58.),
                rectangle(16., 36., 23., 43.),
                rectangle(41., 36., 48., 43.),
            ]),
        ]
        .concat(),
        Kind::Cup => [
            fill([disc(46., 34., 11.)]),
            cut([disc(46., 34., 6.)]),
            fill([
                polygon(&[(8., 22.), (46., 22.), (43., 46.), (38., 51.), (16., 51.), (11., 46.)]),
                stroke(8., 57., 48., 57., 4.),
                stroke(20., 6., 20., 15., 4.),
                stroke(34., 6., 34., 15., 4.),
            ]),
        ]
        .concat(),
        Kind::Flower => {
            let petal = |step: usize| {
                let (x, y) = around((32., 32.), 17.5, step as f32 / 6.);
                disc(x, y, 10.5)
            };
            [
                fill((0..6).map(petal).chain([disc(32., 32., 14.)])),
                cut([disc(32., 32., 10.)]),
                fill([disc(32., 32., 6.5)]),
            ]
            .concat()
        }
        Kind::Fish => [
            fill([
                oval(28., 32., 23., 15.),
                polygon(&[(42., 32.), (60., 16.), (55., 32.), (60., 48.)]),
                polygon(&[(22., 20.), (36., 9.), (38., 21.)]),
            ]),
            cut([disc(15., 28., 3.), stroke(25., 24., 25., 40., 2.5)]),
        ]
        .concat(),
        Kind::Bird => [
            fill([
                oval(30., 34., 18., 13.),
                disc(45., 22., 10.),
                polygon(&[(53., 18.), (62., 23.), (53., 26.)]),
                polygon(&[(17., 28.), (3., 22.), (4., 34.), (16., 40.)]),
                stroke(27., 46., 27., 58., 3.),
                stroke(35., 46., 35., 58., 3.),
                stroke(27., 58., 33., 58., 3.),
                stroke(35., 58., 41., 58., 3.),
            ]),
            cut([disc(47., 20., 2.5), stroke(18., 33., 26., 37., 2.5), stroke(26., 37., 35., 32., 2.5)]),
        ]
        .concat(),
        Kind::Car => [
            fill([polygon(&[
                (4., 31.),
                (14., 29.),
                (22., 16.),
                (44., 16.),
                (52., 29.),
                (60., 33.),
                (60., 45.),
                (4., 45.),
            ])]),
            cut([
                polygon(&[(20., 29.), (25., 20.), (31., 20.), (31., 29.)]),
                polygon(&[(35., 20.), (42., 20.), (47., 29.), (35., 29.)]),
                disc(17., 45., 9.5),
                disc(47., 45., 9.5),
            ]),
            fill([disc(17., 45., 7.), disc(47., 45., 7.)]),
            cut([disc(17., 45., 2.5), disc(47., 45., 2.5)]),
        ]
        .concat(),
        Kind::Bell => fill([
            disc(32., 8., 4.),
            disc(32., 25., 16.),
            polygon(&[(16., 25.), (48., 25.), (50., 40.), (57., 48.), (7., 48.), (14., 40.)]),
            disc(32., 53., 6.),
        ]),
        Kind::Arrow => fill([rectangle(5., 26., 38., 38.), polygon(&[(34., 11.), (60., 32.), (34., 53.)])]),
        Kind::Check => fill([stroke(10., 34., 25., 50., 9.), stroke(25., 50., 54., 15., 9.)]),
        Kind::Cloud => fill([
            disc(17., 39., 12.),
            disc(29., 27., 14.),
            disc(44., 34., 11.),
            disc(50., 42., 9.),
            rectangle(17., 38., 50., 51.),
        ]),
        Kind::Snowflake => {
            let mut lines = Vec::new();
            for step in 0..6 {
                let turn = step as f32 / 6.;
                let middle = (32., 32.);
                lines.push(Shape::Stroke(middle, around(middle, 27., turn), 3.5));
                let fork = around(middle, 16., turn);
                lines.extend(
                    [-1., 1.].map(|side| Shape::Stroke(fork, around(fork, 9., turn + side / 7.), 3.)),
                );
            }
            fill(lines)
        }
        Kind::Leaf => {
            let edge = |step: usize| {
                let t = step as f32 / 20.;
                // Two arcs between the tip at the upper right and the stem at the lower left.
                let (along, bulge) = if t <= 1. { (t, 1.) } else { (2. - t, -1.) };
                let out = bulge * 17. * (along * std::f32::consts::PI).sin().powf(0.8);
                let (x, y) = (58. - 44. * along, 6. + 44. * along);
                (x - out * 0.707, y - out * 0.707)
            };
            [
                fill([Shape::Polygon((0..40).map(edge).collect())]),
                cut([
                    stroke(48., 16., 12., 52., 2.5),
                    stroke(38., 26., 38., 15., 2.),
                    stroke(38., 26., 49., 26., 2.),
                    stroke(28., 36., 28., 24., 2.),
                    stroke(28., 36., 40., 36., 2.),
                ]),
                fill([stroke(16., 48., 6., 58., 4.)]),
            ]
            .concat()
        }
        Kind::Key => [
            fill([disc(18., 32., 14.)]),
            cut([disc(18., 32., 7.5)]),
            fill([
                rectangle(30., 28., 60., 35.),
                rectangle(53., 34., 60., 47.),
                rectangle(42., 34., 48., 43.),
            ]),
        ]
        .concat(),
        Kind::Gift => [
            fill([oval(22., 13., 11., 7.5), oval(42., 13., 11., 7.5)]),
            cut([oval(22., 13., 6., 3.5), oval(42., 13., 6., 3.5)]),
            fill([rectangle(5., 20., 59., 32.), rectangle(9., 35., 55., 60.)]),
            cut([rectangle(26., 20., 28.5, 60.), rectangle(35.5, 20., 38., 60.)]),
        ]
        .concat(),
        Kind::Music => fill([
            oval(15., 50., 10., 8.),
            oval(47., 44., 10., 8.),
            rectangle(20., 12., 25., 50.),
            rectangle(52., 6., 57., 44.),
            polygon(&[(20., 12.), (57., 5.), (57., 16.), (20., 23.)]),
        ]),
        Kind::Frame | Kind::Rule | Kind::Stripes | Kind::Dots => Vec::new(),
    }
}
