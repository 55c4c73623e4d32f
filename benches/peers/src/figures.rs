//! What a program has measured, as lines of a name and a number: how the programs of this package speak to each other.

use crate::Result;
use std::collections::BTreeMap;
use std::fmt;

/// Measured figures by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// The same with one figure more.
    pub fn with(mut self, name: &str, value: f64) -> Figures {
        self.0.insert(name.to_string(), value);
        self
    }

    /// The figure of this name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// Reads what [`Display`](fmt::Display) has written.
    pub fn parse(text: &str) -> Result<Figures> {
        let mut figures = Figures::default();
        for line in text.lines() {
            let (name, value) = line.split_once(' ').ok_or_else(|| format!("no figure: {line:?}"))?;
            figures = figures.with(name, value.parse()?);
        }
        Ok(figures)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, value)| writeln!(f, "{name} {value}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_survive_the_way_through_text() {
        let figures = Figures::default().with("rate", 1234.5).with("fairness", 0.25);
        assert_eq!(Figures::parse(&figures.to_string()).unwrap(), figures);
        assert!(Figures::parse("rate").is_err());
        assert!(Figures::parse("rate high").is_err());
    }
}
