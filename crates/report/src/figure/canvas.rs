//! A drawing as a list of marks, in points (1/72 inch) with y downwards.
//!
//! Figures are drawn once, onto a [`Canvas`]; the vector and the bitmap file are two renderings of
//! the same marks, so they cannot disagree.

/// Width of every figure: a single journal column, 85 mm.
pub const COLUMN_WIDTH: f64 = 241.0;
/// Size of all text but titles.
pub const TEXT_SIZE: f64 = 8.0;

/// An sRGB colour with opacity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Color {
    /// Red, green, blue.
    pub rgb: [u8; 3],
    /// 0 is invisible, 1 opaque.
    pub alpha: f64,
}

impl Color {
    /// An opaque colour from `0xRRGGBB`.
    pub const fn hex(code: u32) -> Self {
        Self { rgb: [(code >> 16) as u8, (code >> 8) as u8, code as u8], alpha: 1.0 }
    }

    /// The same colour at another opacity.
    pub const fn alpha(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }
}

/// Text and axes.
pub const INK: Color = Color::hex(0x1a1a1a);
/// Guides that should stay behind the data.
pub const GREY: Color = Color::hex(0x8a8a8a);

/// Colours of categories, distinguishable for colour-blind readers (Okabe & Ito 2008).
pub const PALETTE: [Color; 7] = [
    Color::hex(0x0072b2),
    Color::hex(0xd55e00),
    Color::hex(0x009e73),
    Color::hex(0xcc79a7),
    Color::hex(0xe69f00),
    Color::hex(0x56b4e9),
    Color::hex(0x4d4d4d),
];

/// Where the given x lies on a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// At its start.
    Start,
    /// At its middle.
    Middle,
    /// At its end.
    End,
}

/// One element of a drawing.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    /// A line through points.
    Line {
        /// `(x, y)`.
        points: Vec<(f64, f64)>,
        /// Stroke width.
        width: f64,
        /// Stroke colour.
        color: Color,
        /// Lengths of dash and gap; solid where `None`.
        dash: Option<(f64, f64)>,
    },
    /// A filled polygon.
    Polygon {
        /// `(x, y)`, closed by itself.
        points: Vec<(f64, f64)>,
        /// Fill colour.
        color: Color,
    },
    /// A filled disc.
    Disc {
        /// Centre.
        center: (f64, f64),
        /// Radius.
        radius: f64,
        /// Fill colour.
        color: Color,
    },
    /// One line of text.
    Text {
        /// Where the baseline meets the anchor.
        at: (f64, f64),
        /// The text.
        text: String,
        /// Font size (em).
        size: f64,
        /// What `at` refers to.
        anchor: Anchor,
        /// Whether it reads upwards (turned by 90° against the clock).
        upward: bool,
        /// Colour.
        color: Color,
    },
}

/// A drawing.
#[derive(Debug, Clone, PartialEq)]
pub struct Canvas {
    /// Width, pt.
    pub width: f64,
    /// Height, pt.
    pub height: f64,
    /// What was drawn, back to front.
    pub marks: Vec<Mark>,
}

impl Canvas {
    /// An empty single-column drawing.
    pub fn new(height: f64) -> Self {
        Self { width: COLUMN_WIDTH, height, marks: vec![] }
    }

    /// A solid line.
    pub fn line(&mut self, points: Vec<(f64, f64)>, width: f64, color: Color) {
        self.marks.push(Mark::Line { points, width, color, dash: None });
    }

    /// A dashed line.
    pub fn dashed(&mut self, points: Vec<(f64, f64)>, width: f64, color: Color) {
        self.marks.push(Mark::Line { points, width, color, dash: Some((3.0, 2.0)) });
    }

    /// A filled polygon.
    pub fn polygon(&mut self, points: Vec<(f64, f64)>, color: Color) {
        self.marks.push(Mark::Polygon { points, color });
    }

    /// A filled rectangle from corner to corner.
    pub fn rectangle(&mut self, (x0, y0): (f64, f64), (x1, y1): (f64, f64), color: Color) {
        self.polygon(vec![(x0, y0), (x1, y0), (x1, y1), (x0, y1)], color);
    }

    /// A filled disc.
    pub fn disc(&mut self, center: (f64, f64), radius: f64, color: Color) {
        self.marks.push(Mark::Disc { center, radius, color });
    }

    /// A filled triangle around `center` that points down.
    pub fn triangle(&mut self, center: (f64, f64), color: Color) {
        self.polygon(triangle(center), color);
    }

    /// The same, open.
    pub fn open_triangle(&mut self, center: (f64, f64), color: Color) {
        self.polygon(triangle(center), Color::hex(0xff_ffff));
        let mut outline = triangle(center);
        outline.extend_from_within(..2);
        self.line(outline, 0.8, color);
    }

    /// Horizontal text of the usual size.
    pub fn text(&mut self, at: (f64, f64), text: impl Into<String>, anchor: Anchor, color: Color) {
        self.marks.push(Mark::Text { at, text: text.into(), size: TEXT_SIZE, anchor, upward: false, color });
    }

    /// Text of the usual size that reads upwards.
    pub fn upward_text(&mut self, at: (f64, f64), text: impl Into<String>, anchor: Anchor, color: Color) {
        self.marks.push(Mark::Text { at, text: text.into(), size: TEXT_SIZE, anchor, upward: true, color });
    }
}

/// Corners of a small triangle that points down.
fn triangle((x, y): (f64, f64)) -> Vec<(f64, f64)> {
    const HALF: f64 = 2.7;
    vec![(x, y + HALF), (x - HALF, y - HALF), (x + HALF, y - HALF)]
}
