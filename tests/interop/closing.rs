//! How conversations end (RFC 6455 §7).

use super::words::{end, expect, hear};
use super::{Need, Talk, open};
use clearsocket::{Message, Role};
use serde_json::json;
use std::time::Duration;

pub fn closes() -> Vec<Talk> {
    let mut talks = vec![open("1001", |mut ws, _| {
        match ws.sender().role() {
            Role::Server => {
                ws.close(1001, "")?;
                end(&mut ws)?;
            }
            Role::Client => drop(ws), // says that it goes away
        }
        Ok(json!({"code": 1001, "reason": ""}))
    })];
    talks.extend(codes_and_reasons().map(|(code, reason)| {
        open(&code.to_string(), move |mut ws, _| {
            ws.close(code, &reason)?;
            end(&mut ws)?;
            Ok(json!({"code": code, "reason": reason}))
        })
    }));
    talks
}

pub fn peers_closes() -> Vec<Talk> {
    let talk = |code: u16, reason: String| {
        open(&format!("/close {code}"), move |mut ws, _| {
            ws.send(format!("/close {code} {reason}").trim_end())?;
            hear(&mut ws, &Message::from("closing"))?;
            end(&mut ws)?;
            let event = ws.close_event();
            expect("the end", &(event.code.get(), &*event.reason), &(code, &*reason))?;
            Ok(json!({"code": code})) // our answer
        })
    };
    let mut talks: Vec<_> = codes_and_reasons().map(|(code, reason)| talk(code, reason)).collect();
    talks.push(talk(1001, "going away".into()).needs(Need::GoingAway));
    talks
}

/// The last reason is as long as one can be.
fn codes_and_reasons() -> impl Iterator<Item = (u16, String)> {
    let reasons = [(1000, ""), (1000, "all is said"), (3000, "Grüße"), (4000, "你好, 🦀"), (4999, "")];
    let longest = "ä".repeat(61) + "!";
    reasons.into_iter().map(|(code, reason)| (code, reason.to_string())).chain([(4999, longest)])
}

pub fn peers_close_without_a_code() -> Talk {
    let talk = open("/close", |mut ws, _| {
        ws.send("/close")?;
        hear(&mut ws, &Message::from("closing"))?;
        end(&mut ws)?;
        expect("the code", &ws.close_event().code.get(), &1005)?;
        Ok(json!({"code": 1005}))
    });
    talk.needs(Need::NoCode)
}

/// Ours leaves before theirs is looked at, and theirs has left before ours came: each end hears the other's. A peer with
/// several threads may look at ours before it sends its own, and only answers then; hence the pause and the attempts.
pub fn both_close() -> Talk {
    let talk = open("/close", |mut ws, _| {
        ws.send("/close 4001 theirs")?;
        hear(&mut ws, &Message::from("closing"))?;
        std::thread::sleep(Duration::from_millis(10));
        ws.close(4002, "ours")?;
        end(&mut ws)?;
        let event = ws.close_event();
        expect("the end", &(event.code.get(), &*event.reason), &(4001, "theirs"))?;
        Ok(json!({"code": 4002, "reason": "ours"}))
    });
    Talk { attempts: 10, ..talk }.needs(Need::CrossingClose)
}
