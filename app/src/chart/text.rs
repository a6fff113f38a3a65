//! Text as the chart measures it: by a table, not by the DOM, so that server and browser agree.

/// Size of every text in a chart, px. `style/chart.css` says the same.
pub const FONT_PX: u32 = 11;

/// Width of a character in thousandths of an em: Inter with tabular figures, and a little more than the common system
/// faces need, so that a label is rather left out than laid over another.
const fn char_width(c: char) -> u32 {
    match c {
        '0'..='9' | '+' | '\u{2212}' | '–' => 640,
        '.' | ',' | ':' | '\'' | 'i' | 'l' | 'j' | '|' => 290,
        ' ' | 'I' => 290,
        'f' | 'r' | 't' | '-' | '(' | ')' | '/' => 400,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 890,
        'A'..='Z' => 720,
        ' '..='~' => 600,
        // Chinese, Japanese, Korean and full-width forms.
        '\u{2e80}'.. => 1000,
        _ => 700,
    }
}

/// Width of a text at a font size, px, rounded up.
#[must_use]
pub fn text_width(text: &str, font_px: u32) -> u32 {
    let thousandths: u64 = text.chars().map(|c| u64::from(char_width(c))).sum();
    let px = (thousandths * u64::from(font_px)).div_ceil(1000);
    u32::try_from(px).unwrap_or(u32::MAX)
}

/// Width of a text in bold, px, rounded up: for tags, which may not cut their first digit off in any system face.
#[must_use]
pub fn bold_width(text: &str, font_px: u32) -> u32 {
    // 0.696 em a digit in the widest common face, DejaVu Sans Bold.
    text_width(text, font_px).saturating_mul(110).div_ceil(100)
}

/// Height of capitals and figures, px: 0.727 em in Inter.
#[must_use]
pub const fn cap_height(font_px: u32) -> u32 {
    (font_px * 727 + 500) / 1000
}

/// Appends text to mark-up. Control characters, which neither HTML nor XML takes, are left out.
pub fn push_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\n' && c != '\t' => {}
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_grow_with_text_and_size() {
        assert_eq!(text_width("", 11), 0);
        assert_eq!(text_width("100", 10), 20);
        assert!(text_width("1,000.00", 11) > text_width("100.00", 11));
        assert_eq!(text_width("日", 12), 12);
        assert_eq!(cap_height(11), 8);
    }

    #[test]
    fn mark_up_in_text_stays_text() {
        let mut out = String::new();
        push_escaped(&mut out, "<a href=\"x\">&'\u{1}</a>");
        assert_eq!(out, "&lt;a href=&quot;x&quot;&gt;&amp;&#39;&lt;/a&gt;");
    }

    #[test]
    fn the_style_sheet_has_the_same_font_size() {
        let css = include_str!("../../../style/chart.css");
        assert!(css.contains(&format!("font-size: {FONT_PX}px;")));
    }
}
