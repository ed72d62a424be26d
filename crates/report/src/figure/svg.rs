//! A drawing as scalable vector graphics.

use std::fmt::Write;

use super::canvas::{Anchor, Canvas, Color, Mark};
use super::font;

/// A complete file with the font inside.
pub(crate) fn file(canvas: &Canvas, title: &str) -> String {
    let header = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    format!("{header}{}\n", element(canvas, title, &format!("<style>{}</style>", font::css())))
}

/// An `<svg>` element for a page that has the font already.
pub(crate) fn inline(canvas: &Canvas, title: &str) -> String {
    element(canvas, title, "")
}

/// `text` with the characters that mean something to XML replaced.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn element(canvas: &Canvas, title: &str, style: &str) -> String {
    let (w, h) = (canvas.width, canvas.height);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}pt\" height=\"{h}pt\" viewBox=\"0 0 {w} {h}\" \
         role=\"img\" font-family=\"'{}',sans-serif\"><title>{}</title>{style}\
         <rect width=\"{w}\" height=\"{h}\" fill=\"#ffffff\"/>",
        font::FAMILY,
        escape(title),
    );
    for mark in &canvas.marks {
        svg.push('\n');
        push(&mut svg, mark);
    }
    svg.push_str("\n</svg>");
    svg
}

fn push(svg: &mut String, mark: &Mark) {
    // Writing to a String cannot fail.
    let _ = match mark {
        Mark::Line { points, width, color, dash } => {
            let dash = dash.map_or(String::new(), |(on, off)| format!(" stroke-dasharray=\"{on} {off}\""));
            let stroke = paint("stroke", *color);
            write!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" {stroke} stroke-width=\"{width}\" stroke-linejoin=\"round\"{dash}/>",
                list(points)
            )
        }
        Mark::Polygon { points, color } => {
            write!(svg, "<polygon points=\"{}\" {}/>", list(points), paint("fill", *color))
        }
        Mark::Disc { center, radius, color } => {
            let fill = paint("fill", *color);
            write!(svg, "<circle cx=\"{:.2}\" cy=\"{:.2}\" r=\"{radius:.2}\" {fill}/>", center.0, center.1)
        }
        Mark::Text { at: (x, y), text, size, anchor, upward, color } => {
            let anchor = match anchor {
                Anchor::Start => "start",
                Anchor::Middle => "middle",
                Anchor::End => "end",
            };
            let turn = if *upward { format!(" transform=\"rotate(-90 {x:.2} {y:.2})\"") } else { String::new() };
            write!(
                svg,
                "<text x=\"{x:.2}\" y=\"{y:.2}\" font-size=\"{size}\" text-anchor=\"{anchor}\" {}{turn}>{}</text>",
                paint("fill", *color),
                escape(text)
            )
        }
    };
}

fn paint(property: &str, color: Color) -> String {
    let [r, g, b] = color.rgb;
    let opacity = if color.alpha < 1.0 { format!(" {property}-opacity=\"{:.3}\"", color.alpha) } else { String::new() };
    format!("{property}=\"#{r:02x}{g:02x}{b:02x}\"{opacity}")
}

fn list(points: &[(f64, f64)]) -> String {
    points.iter().map(|(x, y)| format!("{x:.2},{y:.2}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::canvas::{Canvas, INK};
    use super::*;

    #[test]
    fn text_is_escaped_and_the_font_is_inside() {
        let mut canvas = Canvas::new(100.0);
        canvas.text((1.0, 2.0), "a<b & c", Anchor::Middle, INK);
        let svg = file(&canvas, "x > y");
        assert!(svg.contains("a&lt;b &amp; c</text>") && svg.contains("<title>x &gt; y</title>"));
        assert!(svg.contains("@font-face"));
        assert!(!inline(&canvas, "").contains("@font-face"));
    }
}
