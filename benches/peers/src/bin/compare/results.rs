//! What was measured, over all rounds: medians and spread.

use clearsocket_peers::figures::Figures;

/// All that was measured.
#[derive(Debug, Default)]
pub struct Results {
    cells: Vec<Cell>,
}

/// The rounds of one row in one case of one table.
#[derive(Debug)]
pub struct Cell {
    /// The table's id.
    pub table: &'static str,
    /// The case's id.
    pub case: String,
    /// The row's name.
    pub row: String,
    /// The figures of the rounds that succeeded.
    pub rounds: Vec<Figures>,
    /// Why others did not.
    pub failure: Option<String>,
}

impl Results {
    /// Notes a cell.
    pub fn add(&mut self, cell: Cell) {
        self.cells.push(cell);
    }

    /// The cell of this table, case and row.
    pub fn cell(&self, table: &str, case: &str, row: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.table == table && cell.case == case && cell.row == row)
    }

    /// The median of a figure.
    pub fn median(&self, table: &str, case: &str, row: &str, figure: &str) -> Option<f64> {
        self.cell(table, case, row)?.median(figure)
    }

    /// The median of a row's figure over that of another's.
    pub fn ratio(&self, table: &str, case: &str, row: &str, to: &str, figure: &str) -> Option<f64> {
        Some(self.median(table, case, row, figure)? / self.median(table, case, to, figure)?)
    }

    /// How many cells lack a round.
    pub fn failures(&self) -> usize {
        self.cells.iter().filter(|cell| cell.failure.is_some()).count()
    }

    /// How far apart the rounds of a rate were: the distance of lowest and highest over the median, itself the median
    /// over all cells.
    pub fn typical_spread(&self) -> Option<f64> {
        let spread = |cell: &Cell| {
            let (lowest, highest) = cell.spread("rate")?;
            Some((highest - lowest) / cell.median("rate")?)
        };
        median(self.cells.iter().filter_map(spread).collect())
    }
}

impl Cell {
    /// The median of a figure over the rounds.
    pub fn median(&self, figure: &str) -> Option<f64> {
        median(self.values(figure))
    }

    /// The lowest and the highest.
    pub fn spread(&self, figure: &str) -> Option<(f64, f64)> {
        let values = self.values(figure);
        let lowest = values.iter().copied().reduce(f64::min)?;
        let highest = values.iter().copied().reduce(f64::max)?;
        Some((lowest, highest))
    }

    fn values(&self, figure: &str) -> Vec<f64> {
        self.rounds.iter().filter_map(|round| round.get(figure)).collect()
    }
}

/// The middle one; between the two middle ones if their number is even.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        length if length % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

/// A number with three digits that count, as people read them: `2.42 M`, `156 k`, `13.1`, `0.97`.
pub fn human(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        size if size >= 999.5e6 => (value / 1e9, " G"),
        size if size >= 999.5e3 => (value / 1e6, " M"),
        size if size >= 9_999.5 => (value / 1e3, " k"),
        _ => (value, ""),
    };
    let decimals = match scaled.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    format!("{scaled:.decimals$}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn numbers_for_people() {
        let read = [2_423_111.0, 156_123.0, 3157.0, 99.96, 13.14, 0.973].map(human);
        assert_eq!(read, ["2.42 M", "156 k", "3157", "100", "13.1", "0.97"]);
    }
}
