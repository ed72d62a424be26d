//! A drawing as a PNG, rasterised by plotters at three times the size and averaged down.

use plotters::backend::{BitMapBackend, DrawingBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontTransform, RGBAColor, ShapeStyle, TextStyle};

use super::canvas::{Anchor, Canvas, Color, Mark};
use super::font;

/// Pixels of the file per point: 288 dots per inch.
const PIXELS_PER_POINT: f64 = 4.0;
/// Drawn pixels per pixel of the file, in each direction.
const SUPERSAMPLING: usize = 3;

/// Why a bitmap could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BitmapError {
    /// plotters refused a mark.
    #[error("cannot draw a figure: {reason}")]
    Draw {
        /// What plotters said.
        reason: String,
    },
    /// The encoder refused the image.
    #[error("cannot encode a figure: {source}")]
    Encode {
        /// What the encoder said.
        #[from]
        source: png::EncodingError,
    },
}

/// The bytes of a PNG file.
pub(crate) fn png(canvas: &Canvas) -> Result<Vec<u8>, BitmapError> {
    let size = |points: f64| (points * PIXELS_PER_POINT).round() as usize;
    let (width, height) = (size(canvas.width), size(canvas.height));
    let drawn_size = ((width * SUPERSAMPLING) as u32, (height * SUPERSAMPLING) as u32);
    let mut pixels = vec![255u8; 3 * (drawn_size.0 * drawn_size.1) as usize];
    {
        let mut backend = BitMapBackend::with_buffer(&mut pixels, drawn_size);
        for mark in &canvas.marks {
            draw(&mut backend, mark)?;
        }
        drawn(backend.present())?;
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let per_metre = (PIXELS_PER_POINT * 72.0 / 0.0254).round() as u32;
    encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: per_metre, yppu: per_metre, unit: png::Unit::Meter }));
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&averaged(&pixels, width, height))?;
    writer.finish()?;
    Ok(bytes)
}

/// Box average of blocks of `SUPERSAMPLING`² pixels.
fn averaged(drawn: &[u8], width: usize, height: usize) -> Vec<u8> {
    let stride = 3 * width * SUPERSAMPLING;
    let mut sums = vec![0u16; 3 * width];
    let mut image = Vec::with_capacity(3 * width * height);
    for block in drawn.chunks_exact(stride * SUPERSAMPLING) {
        sums.fill(0);
        for row in block.chunks_exact(stride) {
            for (sum, pixels) in sums.chunks_exact_mut(3).zip(row.chunks_exact(3 * SUPERSAMPLING)) {
                for pixel in pixels.chunks_exact(3) {
                    sum.iter_mut().zip(pixel).for_each(|(s, p)| *s += u16::from(*p));
                }
            }
        }
        let n = (SUPERSAMPLING * SUPERSAMPLING) as u16;
        image.extend(sums.iter().map(|s| ((s + n / 2) / n) as u8));
    }
    image
}

const UNIT: f64 = PIXELS_PER_POINT * SUPERSAMPLING as f64;

fn pixel((x, y): (f64, f64)) -> (i32, i32) {
    ((x * UNIT).round() as i32, (y * UNIT).round() as i32)
}

fn rgba(color: Color) -> RGBAColor {
    RGBAColor(color.rgb[0], color.rgb[1], color.rgb[2], color.alpha)
}

fn draw<B: DrawingBackend>(backend: &mut B, mark: &Mark) -> Result<(), BitmapError> {
    match mark {
        Mark::Polygon { points, color } => {
            drawn(backend.fill_polygon(points.iter().map(|&p| pixel(p)).collect::<Vec<_>>(), &fill(*color)))
        }
        Mark::Disc { center, radius, color } => {
            drawn(backend.draw_circle(pixel(*center), (radius * UNIT).round().max(1.0) as u32, &fill(*color), true))
        }
        Mark::Line { points, width, color, dash } => {
            let strokes = match dash {
                Some(dash) => dashes(points, *dash),
                None => vec![points.clone()],
            };
            for stroke in strokes {
                for pair in stroke.windows(2) {
                    drawn(backend.fill_polygon(segment(pair[0], pair[1], *width), &fill(*color)))?;
                }
                // Round joins; a translucent line would show them.
                if color.alpha >= 1.0 && stroke.len() > 2 {
                    for &joint in &stroke[1..stroke.len() - 1] {
                        let radius = (0.5 * width * UNIT) as u32;
                        drawn(backend.draw_circle(pixel(joint), radius, &fill(*color), true))?;
                    }
                }
            }
            Ok(())
        }
        Mark::Text { at: (x, y), text, size, anchor, upward, color } => {
            let em = size * UNIT;
            let along = font::width(text, *size)
                * match anchor {
                    Anchor::Start => 0.0,
                    Anchor::Middle => 0.5,
                    Anchor::End => 1.0,
                };
            let down = font::baseline(em) / UNIT;
            let (at, turn) = if *upward {
                ((x - down, y + along), FontTransform::Rotate270)
            } else {
                ((x - along, y - down), FontTransform::None)
            };
            let color = rgba(*color);
            let style =
                TextStyle::from(font::font(em).transform(turn)).color(&color).pos(Pos::new(HPos::Left, VPos::Top));
            drawn(backend.draw_text(text, &style, pixel(at)))
        }
    }
}

/// plotters' own error type is not exported where it is needed, so its words are kept.
fn drawn<E: std::fmt::Display>(result: Result<(), E>) -> Result<(), BitmapError> {
    result.map_err(|e| BitmapError::Draw { reason: e.to_string() })
}

fn fill(color: Color) -> ShapeStyle {
    ShapeStyle { color: rgba(color), filled: true, stroke_width: 0 }
}

/// The corners of a stroked segment.
fn segment(a: (f64, f64), b: (f64, f64), width: f64) -> Vec<(i32, i32)> {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length = dx.hypot(dy).max(1e-9);
    let (nx, ny) = (-dy / length * 0.5 * width, dx / length * 0.5 * width);
    [(a.0 + nx, a.1 + ny), (b.0 + nx, b.1 + ny), (b.0 - nx, b.1 - ny), (a.0 - nx, a.1 - ny)].map(pixel).to_vec()
}

/// A line cut into its dashes.
fn dashes(points: &[(f64, f64)], (on, off): (f64, f64)) -> Vec<Vec<(f64, f64)>> {
    let mut strokes = vec![];
    let (mut drawing, mut left) = (true, on);
    let mut stroke: Vec<(f64, f64)> = points.first().copied().into_iter().collect();
    for pair in points.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let length = (b.0 - a.0).hypot(b.1 - a.1);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let at = (a.0 + (b.0 - a.0) * done / length, a.1 + (b.1 - a.1) * done / length);
            if drawing {
                stroke.push(at);
                strokes.push(std::mem::take(&mut stroke));
            } else {
                stroke = vec![at];
            }
            drawing = !drawing;
            left = if drawing { on } else { off };
        }
        left -= length - done;
        if drawing {
            stroke.push(b);
        }
    }
    if stroke.len() > 1 {
        strokes.push(stroke);
    }
    strokes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_alternate_and_keep_the_ends() {
        let strokes = dashes(&[(0.0, 0.0), (10.0, 0.0)], (3.0, 2.0));
        assert_eq!(strokes, [[(0.0, 0.0), (3.0, 0.0)], [(5.0, 0.0), (8.0, 0.0)]]);
    }

    #[test]
    fn averaging_keeps_flat_colour() {
        assert_eq!(averaged(&[7; 3 * 9 * 2], 2, 1), vec![7; 6]);
    }
}
