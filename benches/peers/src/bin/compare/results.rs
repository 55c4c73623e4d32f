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
    /// The figures of each round; `None` where it failed.
    pub rounds: Vec<Option<Figures>>,
    /// Why it did.
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

    /// A row's figure over another's: the median of what it was in each round, for two rounds of one row may differ by more
    /// than two rows of one round.
    pub fn ratio(&self, table: &str, case: &str, row: &str, to: &str, figure: &str) -> Option<f64> {
        let (row, to) = (self.cell(table, case, row)?, self.cell(table, case, to)?);
        let ratio = |(row, to): (&Option<Figures>, &Option<Figures>)| {
            Some(row.as_ref()?.get(figure)? / to.as_ref()?.get(figure)?)
        };
        median(row.rounds.iter().zip(&to.rounds).filter_map(ratio).collect())
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
        self.rounds.iter().flatten().filter_map(|round| round.get(figure)).collect()
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
    fn ratios_are_of_the_same_round() {
        let cell = |row: &str, rates: [Option<f64>; 3]| Cell {
            table: "echo",
            case: String::new(),
            row: row.to_string(),
            rounds: rates.map(|rate| Some(Figures::default().with("rate", rate?))).into(),
            failure: None,
        };
        let mut results = Results::default();
        results.add(cell("raw", [Some(100.0), Some(50.0), Some(10.0)]));
        results.add(cell("ours", [Some(75.0), None, Some(5.0)]));
        assert_eq!(results.ratio("echo", "", "ours", "raw", "rate"), Some(0.625));
    }

    #[test]
    fn numbers_for_people() {
        let read = [2_423_111.0, 156_123.0, 3157.0, 99.96, 13.14, 0.973].map(human);
        assert_eq!(read, ["2.42 M", "156 k", "3157", "100", "13.1", "0.97"]);
    }
}
