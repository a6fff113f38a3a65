//! The colours of `style/tokens.css` can be read on what they stand on: 4.5:1 at least (WCAG 2.2, 1.4.3).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::HashMap;

const TOKENS: &str = include_str!("../../style/tokens.css");
const LEAST: f64 = 4.5;

/// Red, green, blue and opacity, each 0 to 1.
type Colour = [f64; 4];
type Palette = HashMap<&'static str, Colour>;

/// The custom properties of this text that are colours by their digits.
fn colours(css: &'static str) -> Palette {
    css.split(['{', ';', '}'])
        .filter_map(|declaration| declaration.trim().strip_prefix("--")?.split_once(": #"))
        .map(|(name, digits)| {
            let channel = |i: usize| digits.get(i..i + 2).map(|hex| u8::from_str_radix(hex, 16).unwrap());
            let [r, g, b, a] = [0, 2, 4, 6].map(|i| f64::from(channel(i).unwrap_or(255)) / 255.0);
            (name, [r, g, b, a])
        })
        .collect()
}

/// The declarations of the first block after `selector`.
fn block(selector: &str) -> &'static str {
    let (_, rest) = TOKENS.split_once(&format!("{selector} {{")).unwrap();
    rest.split_once('}').unwrap().0
}

/// Both schemes, with the names of directions as they are by default. The dark one changes what it names.
fn schemes() -> [(&'static str, Palette); 2] {
    let light = colours(block(":root"));
    let mut dark = light.clone();
    dark.extend(colours(block(":root[data-theme=\"dark\"]")));
    [("light", light), ("dark", dark)].map(|(name, mut palette)| {
        for (direction, colour) in
            [("up", "green"), ("down", "red"), ("up-wash", "green-wash"), ("down-wash", "red-wash")]
        {
            palette.insert(direction, palette[colour]);
        }
        (name, palette)
    })
}

#[test]
fn a_dark_device_and_a_chosen_dark_look_the_same() {
    let declarations = |selector: &str| -> Vec<&str> { block(selector).split(';').map(str::trim).collect() };
    assert_eq!(declarations(":root[data-theme=\"dark\"]"), declarations(":root:not([data-theme=\"light\"])"));
}

fn luminance(colour: Colour) -> f64 {
    let linear = |c: f64| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
    0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2])
}

fn contrast(a: Colour, b: Colour) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// What a translucent colour makes of the one below it.
fn over(top: Colour, below: Colour) -> Colour {
    let mix = |i: usize| top[i] * top[3] + below[i] * (1.0 - top[3]);
    [mix(0), mix(1), mix(2), 1.0]
}

#[test]
fn text_can_be_read_on_every_ground_it_stands_on() {
    for (scheme, palette) in schemes() {
        let card = palette["card"];
        let washed = |wash: &str| over(palette[wash], card);
        // A hovered row, the pill and the chosen interval have the accent's wash.
        for ground in [palette["page"], card, washed("accent-wash")] {
            for text in ["ink", "muted", "accent", "up", "down", "danger"] {
                let found = contrast(palette[text], ground);
                assert!(found >= LEAST, "{scheme}: --{text} has {found:.2} on {ground:?}");
            }
        }
        // A changed price.
        for wash in ["up-wash", "down-wash"] {
            assert!(contrast(palette["ink"], washed(wash)) >= LEAST, "{scheme}: ink on {wash}");
        }
        // Edges of fields, stars and lines over a chart: 3:1 (1.4.11).
        for mark in ["edge", "star", "overlay-1"] {
            assert!(contrast(palette[mark], card) >= 3.0, "{scheme}: {mark}");
        }
        assert!(contrast(palette["on-accent"], palette["accent"]) >= LEAST, "{scheme}: on-accent");
    }
}

#[test]
fn letters_can_be_read_on_every_coin() {
    let [(_, light), _] = schemes();
    let letter = light["badge-ink"];
    let hues: Vec<&str> = TOKENS.lines().filter(|line| line.starts_with(".hue-")).collect();
    assert_eq!(hues.len(), 8);
    for line in hues {
        let found = contrast(letter, colours(line)["hue"]);
        assert!(found >= LEAST, "{line} has {found:.2}");
    }
}
