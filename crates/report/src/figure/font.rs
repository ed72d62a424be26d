//! The embedded font: a subset of DejaVu Sans (Latin, Greek, superscripts, arrows, mathematical
//! signs), so that figures look the same everywhere. Its licence lies beside it in `assets/`.

use std::sync::LazyLock;

use base64::Engine;
use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};

/// Family name in figures; unlike that of an installed font, so that the embedded one is used.
pub(crate) const FAMILY: &str = "Surprisal Sans";

const BYTES: &[u8] = include_bytes!("../../assets/DejaVuSans-subset.ttf");

/// Ascent plus descent over em of DejaVu Sans; plotters counts font sizes in the former.
const HEIGHT_PER_EM: f64 = (1901.0 + 483.0) / 2048.0;

/// Whether the font could be registered, which is done at the first use. Where it could not, drawing
/// says that the font is unavailable.
static REGISTERED: LazyLock<bool> = LazyLock::new(|| register_font(FAMILY, FontStyle::Normal, BYTES).is_ok());

/// The font at `em` pixels.
pub(crate) fn font(em: f64) -> FontDesc<'static> {
    LazyLock::force(&REGISTERED);
    FontDesc::new(FontFamily::Name(FAMILY), em * HEIGHT_PER_EM, FontStyle::Normal)
}

/// Distance from the point that plotters' ab_glyph renderer is given to the baseline, for text of
/// `em` pixels: half the font's height.
pub(crate) fn baseline(em: f64) -> f64 {
    0.5 * em * HEIGHT_PER_EM
}

/// Width of a text set at `em`, in the unit of `em`.
pub(crate) fn width(text: &str, em: f64) -> f64 {
    // Measured large, because plotters rounds to whole pixels.
    const MEASURED_AT: f64 = 1000.0;
    let pixels = font(MEASURED_AT).layout_box(text).map_or(0, |((x0, _), (x1, _))| x1 - x0);
    f64::from(pixels) / MEASURED_AT * em
}

/// A CSS rule that embeds the font.
pub(crate) fn css() -> String {
    let data = base64::engine::general_purpose::STANDARD.encode(BYTES);
    format!("@font-face{{font-family:'{FAMILY}';src:url(data:font/ttf;base64,{data}) format('truetype')}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_the_figures_use_has_a_glyph() {
        let missing = width("\u{1f600}", 10.0);
        assert!(*REGISTERED);
        for sign in "Åσµ√²³⁰¹⁴⁵⁶⁷⁸⁹⁻·−×→↓≤≥±∂²αβνγλ".chars() {
            assert!(width(&sign.to_string(), 10.0) != missing, "{sign}");
        }
        assert!((width("mm", 8.0) - 2.0 * width("m", 8.0)).abs() < 0.05);
    }
}
