//! The grammar of Sec-WebSocket-Extensions (RFC 6455 §9.1).
//!
//! ```text
//!   permessage-deflate; client_max_window_bits; server_max_window_bits="10", other
//!   └─ name            └─ parameter            └─ parameter           └ value   └─ the next extension
//! ```
//!
//! A value is a token, or a quoted string that *unescapes to a token*. A token has no comma,
//! semicolon or equals sign, and so neither has a valid quoted string. That is why splitting the
//! text at these characters first, quotes or not, takes every valid value apart correctly and turns
//! every invalid one into pieces that are refused. It is also what keeps the time proportional to
//! the length, whatever the text.
//!
//! For the next editor: a client's list is an offer, a server's list is what is in use (§9.1).
//! Order matters in both.

use super::http::{list, token};
use crate::HandshakeError;
use http::header::{HeaderMap, SEC_WEBSOCKET_EXTENSIONS};

/// One extension of the list, as a client offers it or a server accepts it (§9.1).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extension {
    /// Its registered name, such as `permessage-deflate`.
    pub name: String,
    /// Its parameters in order, each with its value if it has one; quotes are taken off.
    pub params: Vec<(String, Option<String>)>,
}

/// All the extensions in these headers, over several lines too. Empty when there is no such header.
///
/// # Errors
///
/// [`HandshakeError::MalformedExtensions`] if the text does not follow the grammar.
pub(super) fn parse_extensions(fields: &HeaderMap) -> Result<Vec<Extension>, HandshakeError> {
    // RFC 6455 §9.1/b §11.3.2/a
    let extensions = list(fields, SEC_WEBSOCKET_EXTENSIONS)
        .map(parse_extension)
        .collect::<Option<Vec<_>>>()
        // RFC 6455 §9.1/a: the recipient of a malformed value fails at once.
        .ok_or(HandshakeError::MalformedExtensions)?;
    // RFC 6455 §4.3/c §9.1/a: `1#extension`, so the list has at least one.
    if extensions.is_empty() && fields.contains_key(SEC_WEBSOCKET_EXTENSIONS) {
        return Err(HandshakeError::MalformedExtensions);
    }
    Ok(extensions)
}

fn parse_extension(text: &[u8]) -> Option<Extension> {
    // RFC 6455 §9.1 uses RFC 2616's grammar: blanks may stand between any two parts.
    let mut parts = text.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    let name = token(parts.next()?)?.to_owned();
    let params = parts.map(parse_param).collect::<Option<Vec<_>>>()?;
    Some(Extension { name, params })
}

fn parse_param(text: &[u8]) -> Option<(String, Option<String>)> {
    let mut halves = text.splitn(2, |&byte| byte == b'=').map(<[u8]>::trim_ascii);
    let name = token(halves.next()?)?.to_owned();
    match halves.next() {
        None => Some((name, None)),
        Some(value) => Some((name, Some(parse_value(value)?))),
    }
}

fn parse_value(text: &[u8]) -> Option<String> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        return token(text).map(str::to_owned);
    };
    let mut unescaped = Vec::new();
    let mut bytes = quoted.strip_suffix(b"\"")?.iter();
    while let Some(&byte) = bytes.next() {
        // A backslash quotes the next character; one before the closing quote has taken that quote
        // away.
        unescaped.push(if byte == b'\\' { *bytes.next()? } else { byte });
    }
    // RFC 6455 §4.3/a: after unescaping it must be a token.
    token(&unescaped).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::HeaderValue;

    fn parse(lines: &[&str]) -> Option<Vec<Extension>> {
        let mut fields = HeaderMap::new();
        for line in lines {
            fields.append(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_str(line).unwrap());
        }
        parse_extensions(&fields).ok()
    }

    fn show(extensions: &[Extension]) -> String {
        let param = |(name, value): &(String, Option<String>)| match value {
            Some(value) => format!(";{name}={value}"),
            None => format!(";{name}"),
        };
        let one = |it: &Extension| it.name.clone() + &it.params.iter().map(param).collect::<String>();
        extensions.iter().map(one).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn what_the_grammar_allows() {
        // RFC 6455 §4.3/a §4.3/c
        for (text, meaning) in [
            ("deflate-stream", "deflate-stream"),
            (
                "mux; max-channels=4; flow-control,\t deflate-stream",
                "mux;max-channels=4;flow-control,deflate-stream",
            ),
            ("a ; b = c", "a;b=c"),
            ("a;b=\"c\"", "a;b=c"),
            (r#"a;b="\c\d""#, "a;b=cd"),
            (",, a ,,b,", "a,b"),
            ("a;b;b=1;b=2", "a;b;b=1;b=2"),
            ("A;B=C", "A;B=C"),
        ] {
            assert_eq!(parse(&[text]).as_deref().map(show).as_deref(), Some(meaning), "{text}");
        }
    }

    #[test]
    fn several_lines_are_one_list() {
        // RFC 6455 §9.1/b
        assert_eq!(parse(&["foo", "bar; baz=2"]), parse(&["foo, bar; baz=2"]));
        assert_eq!(parse(&[]), Some(vec![]));
    }

    #[test]
    fn what_it_does_not_allow() {
        // RFC 6455 §4.3/a §4.3/c §9.1/a
        for text in [
            "",
            ",",
            " , ",
            ";",
            "a;",
            ";a",
            "a;;b",
            "a;=b",
            "a;b=",
            "a;b==c",
            "a=b",
            "a b",
            "a;b c",
            "a/b",
            "a;b=c d",
            "a;b=\"\"",
            "a;b=\"c",
            "a;b=c\"",
            "a;b=\"c d\"",
            "a;b=\"c,d\"",
            "a;b=\"c;d\"",
            "a;b=\"c=d\"",
            "a;b=\"c\"d",
            r#"a;b="c\""#,
            r#"a;b="\""#,
            r#"a;b="c\,d""#,
            r#"a;b="\"""#,
            "a;b=\"",
            "\"a\"",
            "a;\"b\"=c",
            "ä",
            "a;b=ä",
        ] {
            assert_eq!(parse(&[text]), None, "{text}");
        }
    }
}
