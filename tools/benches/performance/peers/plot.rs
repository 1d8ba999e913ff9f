//! The plot: two panels of bars, as SVG.

use std::fmt::Write;

/// A name and a value in seconds.
type Bar<'a> = (&'a str, f64);

const WIDTH: f64 = 760.0;
const LEFT: f64 = 170.0;
const RIGHT: f64 = 90.0;
const BAR: f64 = 18.0;
const STEP: f64 = 28.0;
const HEAD: f64 = 40.0;

/// Draws the time to the first answer and the CPU of a warm login. The background is part of it, so that it can be read on
/// any page.
pub fn draw(start: &[Bar], warm: &[Bar]) -> String {
    let panels = [("From start to the first answer, in ms", start), ("CPU a login, warm, in ms", warm)];
    let mut body = String::new();
    let mut top = 24.0;
    for (title, bars) in panels {
        panel(&mut body, title, bars, top);
        #[expect(clippy::cast_precision_loss, reason = "a handful")]
        let rows = bars.len() as f64;
        top += HEAD + rows * STEP + 14.0;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{top}\" viewBox=\"0 0 {WIDTH} {top}\" \
         font-family=\"-apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif\" font-size=\"14\" fill=\"#1f2328\">\n\
         <title>Cold start and warm cost of a login, beside what teams run instead</title>\n\
         <rect width=\"{WIDTH}\" height=\"{top}\" rx=\"8\" fill=\"#f6f8fa\"/>\n{body}</svg>\n"
    )
}

fn panel(body: &mut String, title: &str, bars: &[Bar], top: f64) {
    let longest = bars.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
    let mut line = |text: String| writeln!(body, "{text}").expect("a text grows");
    line(format!("<text x=\"24\" y=\"{:.0}\" font-weight=\"600\">{title}</text>", top + 8.0));
    let mut y = top + HEAD - 14.0;
    for (name, value) in bars {
        let length = (WIDTH - LEFT - RIGHT) * value / longest;
        let color = if *name == "this login" { "#1a7f37" } else { "#8c959f" };
        let middle = y + BAR / 2.0 + 5.0;
        let milliseconds = value * 1e3;
        let digits = if milliseconds < 10.0 { 2 } else { 0 };
        line(format!("<text x=\"{}\" y=\"{middle:.0}\" text-anchor=\"end\">{name}</text>", LEFT - 10.0));
        line(format!(
            "<rect x=\"{LEFT}\" y=\"{y:.0}\" width=\"{:.1}\" height=\"{BAR}\" rx=\"2\" fill=\"{color}\"/>",
            length.max(1.5)
        ));
        let x = LEFT + length.max(1.5) + 8.0;
        line(format!("<text x=\"{x:.1}\" y=\"{middle:.0}\">{milliseconds:.digits$}</text>"));
        y += STEP;
    }
}
