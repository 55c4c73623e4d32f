//! The chat demo in a real browser: what people see and do there, from the door to a server that goes
//! away and comes back.
//!
//! ```text
//!   this test ── DevTools over our WebSocket client ──▶ Chromium: Ada, Bob, Cleo, a stranger
//!                                                          │  their WebSockets
//!   this test ── starts, stops, starts ──▶ examples/chat ◀─┘
//! ```
//!
//! The chat begins with a thread for each visitor, comes back with an event loop, and ends encrypted. Screenshots of the
//! way go to `target/browser/`. Without Chromium the test says so and passes; where CI=true is set it
//! fails instead. The variable CHROMIUM names the program if it is not on the PATH.
//!
//! For the next editor: the page is known here only by the ids and classes in its markup, and its
//! connections by what the browser itself reports of them. Wait for conditions; the one deadline is far
//! away, for slow machines.

#![cfg(unix)]

mod common;
#[path = "browser/devtools.rs"]
mod devtools;
#[path = "common/example.rs"]
mod example;
#[path = "browser/processes.rs"]
mod processes;
#[path = "browser/tap.rs"]
mod tap;
#[path = "common/tls.rs"]
mod tls_peer;

use clearsocket::http::HeaderValue;
use clearsocket::{Response, Server, ServerHandle};
use devtools::Tab;
use processes::{Chat, Chromium, Deadline, announce};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;
use tap::Tap;
use tls_peer::Identity;

#[test]
fn the_chat_works_in_a_browser() {
    let program = example::example("chat");
    let deadline = Deadline::after(Duration::from_secs(90));
    let identity = Identity::self_signed(&["127.0.0.1"], |_| {});
    let Some(chromium) = Chromium::start(&identity.public_key_hash(), deadline) else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "chromium is not installed");
        return announce("skipped: chromium is not installed");
    };
    let chat = Chat::start(&program, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), &[], deadline);
    let address = chat.address;
    let mut ada = Tab::open(&chromium, chat.url(), deadline);
    let mut bob = Tab::open(&chromium, chat.url(), deadline);

    two_people_talk(&mut ada, &mut bob);
    markup_is_only_text(&mut ada, &mut bob);
    the_browser_saw_frames(&mut ada);
    how_it_looks(&mut ada, &mut bob);

    the_server_goes_away(chat, &mut ada, &mut bob, deadline);
    let chat = Chat::start(&program, address, &["--event-loop"], deadline);
    the_server_is_back(&mut ada, &mut bob);

    let mut cleo = Tab::open(&chromium, chat.url(), deadline);
    a_newcomer_reads_what_was_said(&mut cleo, &mut ada);
    other_origins_are_refused(&chromium, &chat, &mut ada, deadline);
    messages_are_compressed_on_the_way(&chromium, &chat, deadline);

    for tab in [&mut ada, &mut bob, &mut cleo] {
        assert_eq!(tab.devtools.events("Runtime.exceptionThrown"), Vec::<Value>::new());
    }
    assert_eq!(chat.interrupt(deadline), Some(0));

    nobody_else_can_read_it(&chromium, &program, &identity, deadline);
}

fn two_people_talk(ada: &mut Tab, bob: &mut Tab) {
    ada.wait_until("document.getElementById('state').textContent === 'CLOSED'");
    ada.screenshot("join");
    join(ada, "Ada");
    join(bob, "Bob");
    wait_for_members(ada, &["Ada", "Bob"]);
    wait_for_members(bob, &["Ada", "Bob"]);

    ada.type_into("#text", "Hello, Bob. Which section are you reading?");
    ada.press_enter();
    wait_for_message(bob, "Ada", "Hello, Bob. Which section are you reading?");
    bob.type_into("#text", "5.3, masking: καλημέρα, 𝕌𝕋𝔽-8");
    bob.click("#send");
    wait_for_message(ada, "Bob", "5.3, masking: καλημέρα, 𝕌𝕋𝔽-8");
    wait_for_message(bob, "Bob", "5.3, masking: καλημέρα, 𝕌𝕋𝔽-8");
    bob.wait_until("document.getElementById('text').value === ''");
}

fn markup_is_only_text(ada: &mut Tab, bob: &mut Tab) {
    let markup =
        r#"<script>window.ran = true</script><img src="data:," onerror="window.ran = true"> & "so on""#;
    say(ada, markup);
    for tab in [&mut *ada, bob] {
        wait_for_message(tab, "Ada", markup);
        let made = tab.evaluate("document.querySelectorAll('#messages :is(script, img)').length");
        assert_eq!(made, 0, "a message has become markup");
        // An <img> would tell of its failure by an event, a little later; this one does so, too.
        tab.evaluate(
            "new Promise((done) => { const img = new Image(); img.onerror = done; img.src = 'data:,'; })",
        );
        assert_eq!(tab.evaluate("'ran' in window"), false, "a message has run");
    }
}

/// What the browser itself reports of Ada's connection.
fn the_browser_saw_frames(ada: &mut Tab) {
    let devtools = &mut ada.devtools;
    let handshake = devtools.wait_for_event("Network.webSocketHandshakeResponseReceived", |_| true);
    assert_eq!(handshake["response"]["status"], 101);
    assert_eq!(handshake["response"]["headers"]["Sec-WebSocket-Protocol"], "clearsocket-chat");
    // RFC 7692 §5.1: the browser has offered it, and a browser fails if it was not. The payloads that it reports
    // below are decompressed.
    let extensions = &handshake["response"]["headers"]["Sec-WebSocket-Extensions"];
    let extensions = extensions.as_str().unwrap_or_default();
    assert!(extensions.starts_with("permessage-deflate"), "the extensions are {extensions:?}");

    let says_hello = |event: &Value| text_of(event).contains("Hello, Bob.");
    let sent = devtools.wait_for_event("Network.webSocketFrameSent", says_hello);
    let received = devtools.wait_for_event("Network.webSocketFrameReceived", says_hello);
    for (frame, masked) in [(&sent["response"], true), (&received["response"], false)] {
        assert_eq!(frame["opcode"], 1, "JSON goes in text frames");
        assert_eq!(frame["mask"], masked, "a client masks, a server does not");
    }
    let bob_was_heard = |event: &Value| text_of(event).contains("καλημέρα, 𝕌𝕋𝔽-8");
    devtools.wait_for_event("Network.webSocketFrameReceived", bob_was_heard);
    assert_eq!(devtools.events("Network.webSocketFrameError"), Vec::<Value>::new());
}

fn how_it_looks(ada: &mut Tab, bob: &mut Tab) {
    say(ada, "Why does only the client mask?");
    say(
        bob,
        "So that a page cannot choose the bytes on the wire: an old proxy might take them for a request.\n\n\
         A server has nothing to fear from itself.",
    );
    wait_for_message(bob, "Ada", "Why does only the client mask?");
    ada.wait_until("document.getElementById('messages').textContent.includes('to fear from itself')");
    ada.screenshot("conversation-light");
    bob.color_scheme("dark");
    bob.screenshot("conversation-dark");
    bob.resize(360, 740);
    bob.wait_until("innerWidth === 360 && document.documentElement.scrollWidth === 360");
    bob.wait_until("document.getElementById('send').getBoundingClientRect().bottom < 740");
    bob.screenshot("phone-dark");
    ada.resize(360, 740);
    ada.wait_until("innerWidth === 360 && document.documentElement.scrollWidth === 360");
    ada.screenshot("phone-light");
    ada.resize(1200, 800);
    bob.resize(1200, 800);
}

fn the_server_goes_away(chat: Chat, ada: &mut Tab, bob: &mut Tab, deadline: Deadline) {
    // The page waits for a random part of a few seconds before it tries again. Ada's luck is such that
    // she will press the button; Bob is patient, and lucky.
    ada.evaluate("Math.random = () => 12");
    bob.evaluate("Math.random = () => 0.1");
    assert_eq!(chat.interrupt(deadline), Some(0));

    wait_for_state(ada, "CLOSED", 3);
    ada.wait_until("document.getElementById('closed').checkVisibility()");
    ada.wait_until("document.getElementById('closed').textContent.includes('1001')");
    let draft = "Typed while nobody was there";
    ada.type_into("#text", draft);
    ada.press_enter(); // cannot be sent now
    ada.wait_until(&format!("document.getElementById('text').value.trim() === {}", json!(draft)));
    ada.screenshot("disconnected-light");
    ada.color_scheme("dark");
    ada.resize(360, 740);
    ada.screenshot("disconnected-phone-dark");
    ada.color_scheme("light");
    ada.resize(1200, 800);
}

fn the_server_is_back(ada: &mut Tab, bob: &mut Tab) {
    ada.click("#reconnect");
    for tab in [&mut *ada, &mut *bob] {
        wait_for_state(tab, "OPEN", 1);
        tab.wait_until("!document.getElementById('closed').checkVisibility()");
        wait_for_members(tab, &["Ada", "Bob"]);
        wait_for_message(tab, "Ada", "Why does only the client mask?"); // from before
    }
    ada.click("#send"); // the draft
    wait_for_message(bob, "Ada", "Typed while nobody was there");
    say(bob, "Good to have you back.");
    wait_for_message(ada, "Bob", "Good to have you back.");
}

fn a_newcomer_reads_what_was_said(cleo: &mut Tab, ada: &mut Tab) {
    join(cleo, "Cleo");
    wait_for_message(cleo, "Ada", "Typed while nobody was there");
    wait_for_message(cleo, "Bob", "Good to have you back.");
    wait_for_members(cleo, &["Ada", "Bob", "Cleo"]);
    wait_for_members(ada, &["Ada", "Bob", "Cleo"]);
    say(cleo, "I am new here.");
    wait_for_message(ada, "Cleo", "I am new here.");
    cleo.screenshot("newcomer");
}

/// A page from elsewhere asks for the chat's WebSocket, with exactly what works on the chat's own page.
fn other_origins_are_refused(chromium: &Chromium, chat: &Chat, ada: &mut Tab, deadline: Deadline) {
    let attempt = format!(
        "new Promise((done) => {{
           const ws = new WebSocket('ws://{}/chat', 'clearsocket-chat');
           ws.onopen = () => {{ ws.close(); done('open'); }};
           ws.onclose = (event) => done(event.code);
         }})",
        chat.address
    );
    assert_eq!(ada.evaluate(&attempt), "open");

    let (_elsewhere, url) = another_site();
    let mut stranger = Tab::open(chromium, &url, deadline);
    assert_eq!(stranger.evaluate(&attempt), 1006, "all that a page may learn of a refusal");
    let refusal = stranger.devtools.wait_for_event("Network.webSocketFrameError", |_| true);
    let message = refusal["errorMessage"].as_str().unwrap_or_default();
    assert!(message.contains("403"), "the browser says: {message}");
    assert!(chat.line_with("refused", deadline).is_some(), "the server's log tells of it");
}

/// The browser reports what was said, not how; so this looks at the bytes between it and the chat.
fn messages_are_compressed_on_the_way(chromium: &Chromium, chat: &Chat, deadline: Deadline) {
    let tap = Tap::before(chat.address);
    let mut dora = Tab::open(chromium, &format!("http://{}/", tap.address), deadline);
    dora.type_into("#name", "Dora");
    dora.type_into("#room", "compressed");
    dora.click("#enter");
    wait_for_state(&mut dora, "OPEN", 1);
    let text = "So much of what people say they have said before. ".repeat(10);
    say(&mut dora, text.trim());
    wait_for_message(&mut dora, "Dora", text.trim());

    let (sent, received) = tap.frames();
    for (frames, opcode, masked) in [(sent, 1, true), (received, 1, false)] {
        // RFC 7692 §6.1
        let compressed = frames.iter().filter(|frame| frame.rsv == 4);
        let smaller = compressed.filter(|frame| {
            frame.opcode == opcode && frame.mask.is_some() == masked && frame.payload.len() < text.len() / 2
        });
        assert!(smaller.count() > 0, "a compressed message is among {frames:?}");
        assert!(
            frames.iter().all(|frame| frame.payload.len() < text.len()),
            "nothing of that length has gone uncompressed"
        );
    }
}

/// The page over https, and its WebSocket over wss, because the page is.
fn nobody_else_can_read_it(chromium: &Chromium, program: &Path, identity: &Identity, deadline: Deadline) {
    let [certificate, key] = identity.files("browser");
    let options = ["--tls-cert", &certificate, "--tls-key", &key];
    let chat = Chat::start(program, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), &options, deadline);
    assert!(chat.url().starts_with("https://"));
    let mut eve = Tab::open(chromium, chat.url(), deadline);
    join(&mut eve, "Eve");
    say(&mut eve, "Behind closed doors.");
    wait_for_message(&mut eve, "Eve", "Behind closed doors.");
    let made = eve.devtools.wait_for_event("Network.webSocketCreated", |_| true);
    assert_eq!(made["url"], format!("wss://{}/chat", chat.address));
    assert_eq!(eve.devtools.events("Runtime.exceptionThrown"), Vec::<Value>::new());
    assert_eq!(chat.interrupt(deadline), Some(0));
}

/// A site on another port, hence of another origin, with an empty page.
fn another_site() -> (ServerHandle, String) {
    let server = Server::bind("127.0.0.1:0").expect("there is a free port").on_http(|_| {
        let mut page = Response::new(b"<!doctype html><title>elsewhere</title>".to_vec());
        page.headers_mut().insert("content-type", HeaderValue::from_static("text/html"));
        page
    });
    let server = server.spawn(|_, _| Ok(())).expect("it can be served");
    let url = format!("http://{}/", server.local_addr().expect("it has an address"));
    (server, url)
}

// ---- What a person does, and sees --------------------------------------------------------------------

fn join(tab: &mut Tab, name: &str) {
    tab.type_into("#name", name);
    tab.type_into("#room", "reading");
    tab.click("#enter");
    wait_for_state(tab, "OPEN", 1);
}

fn say(tab: &mut Tab, text: &str) {
    tab.wait_until("!document.getElementById('send').disabled");
    tab.type_into("#text", text);
    tab.press_enter();
}

fn wait_for_message(tab: &mut Tab, author: &str, text: &str) {
    tab.wait_until(&format!(
        "[...document.querySelectorAll('#messages .message')].some((message) =>
           message.querySelector('.author').textContent === {}
           && message.querySelector('.text').textContent === {})",
        json!(author),
        json!(text)
    ));
}

/// In any order, and with any mark beside a name.
fn wait_for_members(tab: &mut Tab, names: &[&str]) {
    tab.wait_until(&format!(
        "JSON.stringify([...document.querySelectorAll('#members li')].map((item) => item.textContent).sort())
           === JSON.stringify({})",
        json!(names)
    ));
}

fn wait_for_state(tab: &mut Tab, name: &str, number: u8) {
    tab.wait_until(&format!(
        "document.getElementById('state').textContent === '{name}'
           && document.body.dataset.readyState === '{number}'"
    ));
}

/// The payload of a frame that the browser reports.
fn text_of(event: &Value) -> &str {
    event["response"]["payloadData"].as_str().unwrap_or_default()
}
