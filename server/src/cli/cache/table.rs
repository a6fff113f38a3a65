//! Tables for a terminal.

/// Columns as wide as their widest cell; the first is aligned to the left, the others to the right.
pub(in crate::cli) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(in crate::cli) fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(|cell| (*cell).to_owned()).collect()] }
    }

    pub(in crate::cli) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| visible(&cell)).collect());
    }

    /// A line a row; nothing but the head becomes `none`.
    pub(in crate::cli) fn text(&self) -> String {
        if self.rows.len() < 2 {
            return "none\n".to_owned();
        }
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width =
            |column: usize| self.rows.iter().filter_map(|r| r.get(column)).map(|c| c.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (i, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let width = *width;
                line.push_str(&if i == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") });
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// A name may hold what a terminal would obey.
pub(super) fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_obey_nobody() {
        let mut table = Table::new(&["key", "reads"]);
        assert_eq!(table.text(), "none\n");
        table.row(["a\x1b[2J".to_owned(), "5".to_owned()]);
        table.row(["b".to_owned(), "1234567".to_owned()]);
        assert_eq!(table.text(), "key      reads\na\u{fffd}[2J        5\nb      1234567\n");
    }
}
