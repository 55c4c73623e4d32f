//! Command lines: words, `--switches`, and `--name value` or `--name=value`.

use crate::Result;
use std::collections::BTreeMap;
use std::str::FromStr;

/// A command line, taken apart.
#[derive(Debug)]
pub struct Flags {
    words: Vec<String>,
    named: BTreeMap<String, String>,
}

impl Flags {
    /// Takes `args` apart. `switches` have no value, all of `valued` have one; anything else with two dashes is refused.
    pub fn read(args: impl IntoIterator<Item = String>, switches: &[&str], valued: &[&str]) -> Result<Flags> {
        let mut flags = Flags { words: Vec::new(), named: BTreeMap::new() };
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let Some(flag) = arg.strip_prefix("--") else {
                flags.words.push(arg);
                continue;
            };
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_string())),
                None => (flag, None),
            };
            let value = if switches.contains(&name) && value.is_none() {
                String::new()
            } else if valued.contains(&name) {
                value.or_else(|| args.next()).ok_or_else(|| format!("--{name} wants a value"))?
            } else {
                return Err(format!("there is no option {arg}").into());
            };
            flags.named.insert(name.to_string(), value);
        }
        Ok(flags)
    }

    /// What is no option.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Whether `--name` was there.
    pub fn has(&self, name: &str) -> bool {
        self.named.contains_key(name)
    }

    /// The value of `--name`, or `default`.
    pub fn get<T: FromStr>(&self, name: &str, default: T) -> Result<T> {
        match self.named.get(name) {
            None => Ok(default),
            Some(value) => value.parse().map_err(|_| format!("--{name} does not take {value:?}").into()),
        }
    }

    /// The values of `--name a,b,c`; none if it was not there.
    pub fn list(&self, name: &str) -> Vec<String> {
        let values = self.named.get(name).map(String::as_str).unwrap_or_default();
        values.split(',').filter(|value| !value.is_empty()).map(str::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Flags> {
        Flags::read(line.split(' ').map(str::to_string), &["raw"], &["size", "only"])
    }

    #[test]
    fn words_switches_and_values() {
        let flags = read("echo --raw --size 16 --only=a,b").unwrap();
        assert_eq!(flags.words(), ["echo"]);
        assert!(flags.has("raw") && !flags.has("text"));
        assert_eq!(flags.get("size", 0).unwrap(), 16);
        assert_eq!(flags.list("only"), ["a", "b"]);
        assert_eq!(flags.get("rounds", 5).unwrap(), 5);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert!(read("--size").is_err());
        assert!(read("--quick").is_err());
        assert!(read("--raw=1").is_err());
        assert!(read("--size many").unwrap().get("size", 0).is_err());
    }
}
