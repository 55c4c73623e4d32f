//! The ledger and the sources agree (RFC 6455 and RFC 7692, all of them).
//!
//! `spec-notes.md` lists every rule of the two RFCs and says which we keep. This test reads it, and the
//! comments of every `.rs` file in `src`, `tests` and `examples`, and names each disagreement by
//! file and line. Its first lines explain the notation; in short:
//!
//! ```text
//! spec-notes.md    - **§5.1/b** MUST · server · Close the connection when … — *open: a reason*
//! a comment        RFC 6455 §5.1/b §5.3/a        or, for the rules of HTTP:   HTTP/a
//!
//! spec-notes.md    - **RFC 7692 §7.2.1/b** MUST · both · Take its last four bytes …
//! a comment        RFC 7692 §7.2.1/b §7.2.1/h
//! ```
//!
//! A § alone is RFC 6455's in the ledger; in a comment it is that of the RFC named last before it.
//!
//!
//! - A rule without a mark is kept: cited in `src`, and if it is a MUST, in a test as well.
//! - A rule that is `open` or `not ours` is not cited in `src`: a citation there means "kept".
//!   One that is `not used` may be, at the place where one would look for it.
//! - Every citation names a rule of the ledger. Mentions in a `//!` head do not count as citations.
//! - `SECTIONS`, at the end, has the number of rules in each section. Whoever adds a rule, or closes
//!   an open one, changes a number there; a rule that gets lost is noticed.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn the_ledger_and_the_sources_agree() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("spec-notes.md")).expect("spec-notes.md is readable");
    let (ledger, mut faults) = Ledger::parse(&text);
    faults.extend(ledger.check_counts(SECTIONS));

    let mut citations = Vec::new();
    for file in rust_files(root) {
        let name = file.strip_prefix(root).expect("a file below the root");
        let name = name.to_string_lossy().replace('\\', "/");
        if name != "tests/spec_ledger.rs" {
            let source = fs::read_to_string(&file).expect("a source file is readable");
            collect_citations(&name, &source, &mut citations, &mut faults);
        }
    }
    faults.extend(ledger.check_citations(&citations));
    let count = faults.len();
    assert!(faults.is_empty(), "{count} faults:\n  {}\n", faults.join("\n  "));
}

// ---- The ledger ----

#[derive(Debug, PartialEq)]
enum Mark {
    Kept,
    Open,
    NotOurs,
    NotUsed,
}

#[derive(Debug)]
struct Rule {
    id: String,
    section: String,
    level: String,
    mark: Mark,
    line: usize,
}

#[derive(Default)]
struct Ledger {
    rules: Vec<Rule>,
    sections: Vec<String>,
}

impl Ledger {
    /// Reads the ledger. Every fault is a line of text that begins with the place.
    fn parse(text: &str) -> (Ledger, Vec<String>) {
        let mut ledger = Ledger::default();
        let mut faults = Vec::new();
        let mut prose = false;
        for (line, block) in blocks(text) {
            let fault = if let Some(title) = block.strip_prefix("## ") {
                prose = false;
                ledger.add_section(title)
            } else if ledger.sections.is_empty() {
                Ok(())
            } else if let Some(item) = block.strip_prefix("- ") {
                ledger.add_rule(item, line, prose)
            } else {
                prose = true;
                Ok(())
            };
            if let Err(fault) = fault {
                faults.push(format!("spec-notes.md:{line}: {fault}"));
            }
        }
        (ledger, faults)
    }

    fn add_section(&mut self, title: &str) -> Result<(), String> {
        let name = section_name(title);
        let ordered = match self.sections.last() {
            Some(last) => section_key(last) < section_key(name),
            None => true,
        };
        self.sections.push(name.to_string());
        if section_key(name).is_none() {
            return Err(format!(
                "`{title}` does not begin with a section such as §5.1, RFC 7692 §5.1, or HTTP"
            ));
        }
        if !ordered {
            return Err(format!("section {name} is out of order, or stands twice"));
        }
        Ok(())
    }

    fn add_rule(&mut self, item: &str, line: usize, prose: bool) -> Result<(), String> {
        let rule = parse_rule(item, line)?;
        let (id, section) = (rule.id.clone(), rule.section.clone());
        let twin = self.rules.iter().find(|other| other.id == id);
        let twin = twin.map(|other| other.line);
        let earlier = self.rules.iter().filter(|r| r.section == section).count();
        self.rules.push(rule);

        if let Some(first) = twin {
            return Err(format!("{id} stands twice (first in line {first})"));
        }
        if self.sections.last() != Some(&section) {
            return Err(format!("{id} stands under the heading of another section"));
        }
        let expected = format!("{section}/{}", letters(earlier));
        if id != expected {
            return Err(format!("{id} is out of order: the next letter is {expected}"));
        }
        if !prose && earlier == 0 {
            return Err(format!("section {section} needs a sentence before its first rule"));
        }
        Ok(())
    }

    /// Compares each section with the number of its MUSTs, of those kept, and of all its rules.
    fn check_counts(&self, expected: &[(&str, usize, usize, usize)]) -> Vec<String> {
        let mut faults = Vec::new();
        for &(section, musts, kept_musts, all) in expected {
            let rules = || self.rules.iter().filter(|rule| rule.section == section);
            let kept = |rule: &&Rule| rule.mark == Mark::Kept;
            let must = |rule: &&Rule| rule.level == "MUST";
            let found =
                (rules().filter(must).count(), rules().filter(must).filter(kept).count(), rules().count());
            if found != (musts, kept_musts, all) {
                faults.push(format!(
                    "spec-notes.md: {section} has (MUSTs, kept MUSTs, rules) = {found:?}, but \
                     SECTIONS in tests/spec_ledger.rs says {:?}",
                    (musts, kept_musts, all)
                ));
            }
        }
        let listed = |name: &String| expected.iter().any(|(section, ..)| section == name);
        for name in self.sections.iter().filter(|name| !listed(name)) {
            faults.push(format!("tests/spec_ledger.rs: SECTIONS has no line for {name}"));
        }
        faults
    }

    fn check_citations(&self, citations: &[Citation]) -> Vec<String> {
        let mut faults = Vec::new();
        let mut places: HashMap<&str, Vec<Place>> = HashMap::new();
        for Citation { id, file, line, place } in citations {
            places.entry(id).or_default().push(*place);
            let in_source = *place == Place::Source;
            match self.rules.iter().find(|rule| rule.id == *id).map(|rule| &rule.mark) {
                None => faults.push(format!("{file}:{line}: {id} is not in spec-notes.md")),
                Some(Mark::Open) if in_source => faults
                    .push(format!("{file}:{line}: {id} is open in spec-notes.md, but cited here as if kept")),
                Some(Mark::NotOurs) if in_source => faults.push(format!(
                    "{file}:{line}: {id} is not ours in spec-notes.md, but cited here as if kept"
                )),
                Some(_) => {}
            }
        }
        for Rule { id, level, line, .. } in self.rules.iter().filter(|r| r.mark == Mark::Kept) {
            let cited = |place| places.get(id.as_str()).is_some_and(|all| all.contains(&place));
            if !cited(Place::Source) {
                faults.push(format!("spec-notes.md:{line}: {id} is kept, but not cited in src"));
            }
            if level == "MUST" && !cited(Place::Test) {
                faults.push(format!("spec-notes.md:{line}: {id} is a MUST without a test"));
            }
        }
        faults
    }
}

/// `**§5.1/b** MUST · server · Text. — *mark: reason*`
fn parse_rule(item: &str, line: usize) -> Result<Rule, String> {
    let (id, rest) = item
        .strip_prefix("**")
        .and_then(|rest| rest.split_once("** "))
        .ok_or("a rule begins with its id, such as **§5.1/b**")?;
    let section = match id.split_once('/') {
        Some((section, letters)) if section_key(section).is_some() && is_letters(letters) => section,
        _ => return Err(format!("`{id}` is not an id such as §5.1/b, RFC 7692 §5.1/b or HTTP/b")),
    };
    let mut parts = rest.splitn(3, " · ");
    let mut next = || parts.next().unwrap_or_default();
    let (level, who, text) = (next(), next(), next());
    if !["MUST", "SHOULD", "MAY"].contains(&level) {
        return Err(format!("{id}: `{level}` is not MUST, SHOULD or MAY"));
    }
    if !["client", "server", "both", "intermediary"].contains(&who) {
        return Err(format!("{id}: `{who}` is not client, server, both or intermediary"));
    }
    let mark = parse_mark(text).map_err(|fault| format!("{id}: {fault}"))?;
    if mark == Mark::NotUsed && level != "MAY" {
        return Err(format!("{id}: only a MAY can be `not used`"));
    }
    if mark == Mark::Kept && who == "intermediary" {
        return Err(format!("{id}: a rule for intermediaries is not ours"));
    }
    let (id, section, level) = (id.to_string(), section.to_string(), level.to_string());
    Ok(Rule { id, section, level, mark, line })
}

fn parse_mark(text: &str) -> Result<Mark, String> {
    let Some((rule, mark)) = text.split_once("— *") else {
        return Ok(Mark::Kept);
    };
    let mark = mark.strip_suffix('*').ok_or("the mark is not the end of the line")?;
    let (word, reason) = mark.split_once(':').unwrap_or((mark, ""));
    if rule.trim().is_empty() || reason.trim().is_empty() {
        return Err(format!("`{mark}` needs a reason, and a rule before it"));
    }
    match word {
        "open" => Ok(Mark::Open),
        "not ours" => Ok(Mark::NotOurs),
        "not used" => Ok(Mark::NotUsed),
        _ => Err(format!("`{word}` is not one of open, not ours, not used")),
    }
}

/// Joins the lines of each paragraph and each list item; leaves out what stands between fences.
fn blocks(text: &str) -> Vec<(usize, String)> {
    let mut blocks: Vec<(usize, String)> = Vec::new();
    let mut fenced = false;
    let mut joining = false;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            fenced = !fenced;
            joining = false;
        } else if fenced || line.trim().is_empty() {
            joining = false;
        } else if joining && !line.starts_with("- ") && !line.starts_with('#') {
            if let Some((_, block)) = blocks.last_mut() {
                block.push(' ');
                block.push_str(line.trim());
            }
        } else {
            blocks.push((index + 1, line.trim_end().to_string()));
            joining = !line.starts_with('#');
        }
    }
    blocks
}

// ---- The sources ----

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Source,
    Test,
    Example,
}

#[derive(Debug)]
struct Citation {
    id: String,
    file: String,
    line: usize,
    place: Place,
}

/// Finds the ids in the comments of one file.
fn collect_citations(file: &str, source: &str, citations: &mut Vec<Citation>, faults: &mut Vec<String>) {
    let mut place = match file.split('/').next() {
        Some("src") if !file.ends_with("/tests.rs") => Place::Source,
        Some("examples") => Place::Example,
        _ => Place::Test,
    };
    let mut test_attribute = false;
    for (index, line) in source.lines().enumerate() {
        // The private tests of a file are its last part.
        if test_attribute && line.starts_with("mod ") && line.ends_with('{') {
            place = Place::Test;
        }
        test_attribute = line == "#[cfg(test)]" || (test_attribute && line.starts_with("#["));

        let Some((_, comment)) = line.split_once("//") else { continue };
        if comment.starts_with('!') {
            continue;
        }
        for (id, rfc) in ids(comment) {
            let (file, line) = (file.to_string(), index + 1);
            let id = match rfc {
                _ if id.starts_with("HTTP") => id,
                Some("6455") => id,
                Some("7692") => format!("{RFC_7692}{id}"),
                Some(_) => continue,
                None => {
                    faults.push(format!("{file}:{line}: write `RFC 6455` or `RFC 7692` before {id}"));
                    continue;
                }
            };
            citations.push(Citation { id, file, line, place });
        }
    }
}

/// The ids in a comment, each with the number of the RFC that was named last before it.
fn ids(comment: &str) -> Vec<(String, Option<&str>)> {
    let mut found = Vec::new();
    let mut rfc = None;
    for (at, _) in comment.char_indices() {
        let rest = &comment[at..];
        if let Some(number) = rest.strip_prefix("RFC ") {
            rfc = Some(take_while(number, |c| c.is_ascii_digit()));
        } else if let Some(section) = rest.strip_prefix('§') {
            let number = take_while(section, |c| c.is_ascii_digit() || c == '.');
            if let Some(after) = section[number.len()..].strip_prefix('/') {
                let letters = take_while(after, |c| c.is_ascii_alphanumeric());
                found.push((format!("§{number}/{letters}"), rfc));
            }
        } else if let Some(after) = rest.strip_prefix("HTTP/") {
            let letters = take_while(after, |c| c.is_ascii_alphanumeric());
            if is_letters(letters) {
                found.push((format!("HTTP/{letters}"), rfc));
            }
        }
    }
    found
}

fn take_while(text: &str, wanted: impl Fn(char) -> bool) -> &str {
    text.split(|c| !wanted(c)).next().unwrap_or_default()
}

fn rust_files(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root.join("src"), root.join("tests"), root.join("examples")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

// ---- Ids ----

/// What an id of RFC 7692 begins with. One of RFC 6455 begins with its section.
const RFC_7692: &str = "RFC 7692 ";

/// What a heading begins with: `§5.1`, `HTTP` or `RFC 7692 §7.2.1`.
fn section_name(title: &str) -> &str {
    let rfc = if title.starts_with(RFC_7692) { RFC_7692.len() } else { 0 };
    let end = title[rfc..].find([' ', ':']).map_or(title.len(), |len| rfc + len);
    &title[..end]
}

/// Orders sections as the ledger does: those of RFC 6455, then HTTP, then those of RFC 7692.
/// `None` if it is no section.
fn section_key(section: &str) -> Option<(u32, Vec<u32>)> {
    let (part, section) = match section.strip_prefix(RFC_7692) {
        Some(section) => (7692, section),
        None if section == "HTTP" => return Some((6455, vec![u32::MAX])),
        None => (6455, section),
    };
    let numbers = section.strip_prefix('§')?.split('.').map(|number| number.parse().ok());
    Some((part, numbers.collect::<Option<_>>()?))
}

/// 0 is a, 25 is z, 26 is aa.
fn letters(index: usize) -> String {
    let letter = |n: usize| char::from(b'a' + u8::try_from(n % 26).expect("a letter"));
    match index / 26 {
        0 => letter(index).to_string(),
        first => format!("{}{}", letter(first - 1), letter(index)),
    }
}

fn is_letters(text: &str) -> bool {
    (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

// ---- The test of the test: each kind of fault is found, and nothing else ----

const SMALL_LEDGER: &str = "\
# A ledger

- not a rule

## §5.1 Overview

Some words.

- **§5.1/a** MUST · client · Mask every
  frame.
- **§5.1/b** SHOULD · server · Be kind. — *open: not yet*

## HTTP: beneath

More words.

- **HTTP/a** MAY · both · Be terse. — *not used: we talk*

# Part two

## RFC 7692 §5.1 Flow

Last words.

- **RFC 7692 §5.1/a** MUST · both · Be small.
";

const SMALL_COUNTS: &[(&str, usize, usize, usize)] =
    &[("§5.1", 1, 1, 2), ("HTTP", 0, 0, 1), ("RFC 7692 §5.1", 1, 1, 1)];

/// All faults of a ledger with one source file and one test file, as one text.
fn faults_of(ledger: &str, source: &str, test: &str) -> String {
    let (ledger, mut faults) = Ledger::parse(ledger);
    let mut citations = Vec::new();
    collect_citations("src/frame.rs", source, &mut citations, &mut faults);
    collect_citations("tests/frame.rs", test, &mut citations, &mut faults);
    faults.extend(ledger.check_counts(SMALL_COUNTS));
    faults.extend(ledger.check_citations(&citations));
    faults.join("\n")
}

const CITED: &str = "// RFC 6455 §5.1/a\n// RFC 7692 §5.1/a\n";

#[test]
fn a_ledger_that_agrees_with_its_sources_has_no_faults() {
    assert_eq!(faults_of(SMALL_LEDGER, CITED, CITED), "");
    let source = "x(); // Says why. RFC 6455 §5.1/a HTTP/a, over HTTP/1.1; RFC 7692 §5.1/a\n//! §9/z\n";
    let test = "/// RFC 7692 §5.1/a; RFC 6455 §5.1/b §5.1/a.\n";
    assert_eq!(faults_of(SMALL_LEDGER, source, test), "");
    let both = format!("{CITED}#[cfg(test)]\n#[allow(x)]\nmod tests {{\n{CITED}}}");
    assert_eq!(faults_of(SMALL_LEDGER, &both, ""), "");
    let other = format!("{CITED}// RFC 9110 §7/a\n");
    assert_eq!(faults_of(SMALL_LEDGER, &other, CITED), "");
}

#[test]
fn a_citation_that_is_missing_or_wrong_is_found() {
    for (source, test, fault) in [
        ("", CITED, "spec-notes.md:9: §5.1/a is kept, but not cited in src"),
        ("//! RFC 6455 §5.1/a\n", CITED, "§5.1/a is kept, but not cited in src"),
        ("\"RFC 6455 §5.1/a\"\n", CITED, "§5.1/a is kept, but not cited in src"),
        (CITED, "", "spec-notes.md:9: §5.1/a is a MUST without a test"),
        ("// RFC 6455 §5.1/a\n", CITED, "spec-notes.md:25: RFC 7692 §5.1/a is kept, but not cited in src"),
        (CITED, "// RFC 6455 §5.1/a\n", "spec-notes.md:25: RFC 7692 §5.1/a is a MUST without a test"),
        ("// RFC 7692 §5.1/a\n", CITED, "spec-notes.md:9: §5.1/a is kept, but not cited in src"),
        (CITED, "// RFC 7692 §5.1/b\n", "tests/frame.rs:1: RFC 7692 §5.1/b is not in spec-notes.md"),
        (CITED, "\n// RFC 6455 §5.1/c §5.1/a\n", "tests/frame.rs:2: §5.1/c is not in spec-notes.md"),
        (CITED, "// RFC 6455 §5.1/a HTTP/b\n", "tests/frame.rs:1: HTTP/b is not in spec-notes.md"),
        (CITED, "// RFC 6455 §5.1/a §5.1/a2\n", "§5.1/a2 is not in spec-notes.md"),
        ("// §5.1/a\n", CITED, "src/frame.rs:1: write `RFC 6455` or `RFC 7692` before §5.1/a"),
        ("// RFC 6455 §5.1/a §5.1/b\n", CITED, "§5.1/b is open in spec-notes.md, but cited"),
    ] {
        let faults = faults_of(SMALL_LEDGER, source, test);
        assert!(faults.contains(fault), "{source:?}, {test:?}: {fault:?} is not in:\n{faults}");
    }
}

#[test]
fn a_line_that_is_malformed_or_lost_is_found() {
    for (from, to, fault) in [
        ("§5.1/b**", "§5.1/a**", "spec-notes.md:11: §5.1/a stands twice (first in line 9)"),
        ("§5.1/b**", "§5.1/c**", "§5.1/c is out of order: the next letter is §5.1/b"),
        ("§5.1/b**", "§5.2/a**", "§5.2/a stands under the heading of another section"),
        ("§5.1/b**", "5.1.b**", "`5.1.b` is not an id"),
        ("**HTTP/a** ", "", "a rule begins with its id"),
        ("SHOULD", "OUGHT", "§5.1/b: `OUGHT` is not MUST, SHOULD or MAY"),
        ("client", "browser", "§5.1/a: `browser` is not client, server, both or intermediary"),
        ("client", "intermediary", "§5.1/a: a rule for intermediaries is not ours"),
        ("open: not yet", "later: not yet", "§5.1/b: `later` is not one of open"),
        ("open: not yet", "open: ", "§5.1/b: `open: ` needs a reason"),
        ("open: not yet", "open", "§5.1/b: `open` needs a reason"),
        ("not yet*", "not yet* But.", "§5.1/b: the mark is not the end of the line"),
        ("open: not yet", "not used: tired", "§5.1/b: only a MAY can be `not used`"),
        ("Mask every\n  frame.", "— *open: tired*", "§5.1/a: `open: tired` needs a reason, and a rule"),
        ("Some words.\n", "", "section §5.1 needs a sentence before its first rule"),
        ("## HTTP", "## §4.9", "section §4.9 is out of order"),
        ("## HTTP", "## Else", "does not begin with a section"),
        ("## RFC 7692 §5.1", "## RFC 7692 5.1", "does not begin with a section"),
        ("## RFC 7692 §5.1", "## §5.1", "section §5.1 is out of order"),
        ("**RFC 7692 §5.1/a**", "**§5.1/c**", "§5.1/c stands under the heading of another section"),
        ("**RFC 7692 §5.1/a**", "**RFC 7692 5.1/a**", "`RFC 7692 5.1/a` is not an id"),
        ("MUST", "SHOULD", "§5.1 has (MUSTs, kept MUSTs, rules) = (0, 0, 2)"),
        ("frame.", "frame. — *open: tired*", "= (1, 0, 2)"),
        ("## HTTP", "## §6\n\n## HTTP", "SECTIONS has no line for §6"),
        ("- **HTTP/a**", "**HTTP/a**", "HTTP has (MUSTs, kept MUSTs, rules) = (0, 0, 0)"),
    ] {
        let broken = SMALL_LEDGER.replacen(from, to, 1);
        assert_ne!(broken, SMALL_LEDGER, "{from:?} is in the small ledger");
        let faults = faults_of(&broken, CITED, CITED);
        assert!(faults.contains(fault), "{from:?} -> {to:?}: {fault:?} is not in:\n{faults}");
    }
}

#[test]
fn letters_go_on_after_z() {
    let found: Vec<String> = [0, 25, 26, 51, 52].map(letters).into();
    assert_eq!(found, ["a", "z", "aa", "az", "ba"]);
}

/// For each section: its MUSTs, those of them that we keep, and all its rules.
#[rustfmt::skip]
const SECTIONS: &[(&str, usize, usize, usize)] = &[
    ("§2", 0, 0, 1), ("§2.1", 0, 0, 1),
    ("§3", 5, 5, 5),
    ("§4.1", 35, 33, 44), ("§4.2", 0, 0, 1), ("§4.2.1", 10, 10, 11), ("§4.2.2", 13, 13, 20),
    ("§4.3", 5, 5, 5), ("§4.4", 1, 1, 2),
    ("§5.1", 4, 4, 7), ("§5.2", 8, 7, 9), ("§5.3", 6, 6, 6), ("§5.4", 12, 8, 14), ("§5.5", 2, 2, 2),
    ("§5.5.1", 7, 6, 15), ("§5.5.2", 1, 1, 4), ("§5.5.3", 1, 1, 3), ("§5.6", 1, 1, 1), ("§5.7", 0, 0, 0),
    ("§5.8", 1, 1, 1),
    ("§6.1", 7, 7, 8), ("§6.2", 5, 5, 6),
    ("§7.1.1", 0, 0, 6), ("§7.1.2", 1, 1, 2), ("§7.1.3", 1, 1, 1), ("§7.1.4", 2, 2, 2),
    ("§7.1.5", 3, 3, 3), ("§7.1.6", 2, 2, 2), ("§7.1.7", 3, 3, 8), ("§7.2.1", 2, 2, 3),
    ("§7.2.2", 1, 1, 1), ("§7.2.3", 0, 0, 4), ("§7.3", 1, 1, 3), ("§7.4", 0, 0, 1), ("§7.4.1", 3, 3, 6),
    ("§7.4.2", 2, 2, 4),
    ("§8.1", 2, 2, 2),
    ("§9", 2, 2, 4), ("§9.1", 4, 4, 7), ("§9.2", 0, 0, 1),
    ("§10.1", 0, 0, 1), ("§10.2", 0, 0, 2), ("§10.3", 2, 2, 2), ("§10.4", 1, 1, 2), ("§10.5", 0, 0, 0),
    ("§10.6", 1, 1, 2), ("§10.7", 1, 1, 4), ("§10.8", 0, 0, 0),
    ("§11.1.1", 2, 2, 2), ("§11.1.2", 2, 2, 2), ("§11.3.1", 1, 1, 1), ("§11.3.2", 1, 1, 3),
    ("§11.3.3", 1, 1, 1), ("§11.3.4", 1, 1, 2), ("§11.3.5", 1, 1, 2),
    ("HTTP", 10, 9, 10),
    ("RFC 7692 §5", 7, 7, 9), ("RFC 7692 §5.1", 1, 0, 2),
    ("RFC 7692 §6", 6, 6, 7), ("RFC 7692 §6.1", 2, 2, 2), ("RFC 7692 §6.2", 2, 2, 2),
    ("RFC 7692 §7", 8, 8, 8), ("RFC 7692 §7.1.1.1", 2, 2, 5), ("RFC 7692 §7.1.1.2", 1, 1, 5),
    ("RFC 7692 §7.1.2.1", 2, 2, 4), ("RFC 7692 §7.1.2.2", 3, 3, 6),
    ("RFC 7692 §7.2.1", 9, 9, 14), ("RFC 7692 §7.2.2", 5, 4, 7),
    ("RFC 7692 §7.2.3.3", 1, 1, 1), ("RFC 7692 §7.2.3.4", 1, 1, 1), ("RFC 7692 §7.2.3.5", 1, 1, 1),
    ("RFC 7692 §7.2.3.6", 1, 1, 1), ("RFC 7692 §7.3", 0, 0, 2), ("RFC 7692 §8", 0, 0, 1),
];
