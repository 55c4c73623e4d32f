//! A small client for Chromium's DevTools protocol, which is JSON in the text messages of a WebSocket.
//! The WebSocket is our own: everything that the test sees of the browser has come through it.
//!
//! ```text
//!   us -> browser   {"id":7,"method":"Runtime.evaluate","params":{...}}
//!   browser -> us   {"id":7,"result":{...}} or {"id":7,"error":{...}}        the answer to number 7
//!                   {"method":"Network.webSocketFrameSent","params":{...}}   an event, at any time
//! ```
//!
//! A [`Tab`] is a visitor: it has a browser context of its own, hence its own storage, and one
//! connection. A thread reads that connection, so that all waiting here is for a channel and has a
//! deadline. Whatever goes wrong panics, as in a test.

use crate::example::target_dir;
use crate::processes::{Chromium, Deadline};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clearsocket::{Client, Config, Sender};
use serde_json::{Value, json};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

/// One connection to the browser itself or to one of its pages.
pub struct DevTools {
    sender: Sender,
    incoming: Receiver<Value>,
    events: Vec<Value>,
    last_id: u64,
    deadline: Deadline,
}

impl DevTools {
    pub fn connect(url: &str, deadline: Deadline) -> DevTools {
        let mut config = Config::default();
        config.handshake_timeout = deadline.left();
        config.max_message_size = 64 << 20; // a screenshot is one message of base64
        config.max_frame_size = config.max_message_size;
        let (ws, _response) = Client::new().config(config).connect(url).expect("the DevTools accept us");
        let (mut receiver, sender) = ws.split();
        let (arrived, incoming) = mpsc::channel();
        std::thread::spawn(move || {
            while let Ok(Some(message)) = receiver.read() {
                let text = message.as_text().expect("DevTools speak text");
                let value = serde_json::from_str(text).expect("DevTools speak JSON");
                // Nobody may be interested any more; Pings and the Close are to be answered still.
                let _: Result<(), _> = arrived.send(value);
            }
        });
        DevTools { sender, incoming, events: Vec::new(), last_id: 0, deadline }
    }

    /// Has a command done, and returns its result.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let command = json!({"id": self.last_id, "method": method, "params": params});
        self.sender.send(command.to_string()).expect("the DevTools still listen");
        loop {
            let mut message = self.next().unwrap_or_else(|| panic!("no answer to {command}"));
            if message["id"] == self.last_id {
                assert!(message["error"].is_null(), "{command} failed: {}", message["error"]);
                return message["result"].take();
            }
            self.events.push(message);
        }
    }

    /// Waits for an event, which may have come long ago, and returns its parameters.
    pub fn wait_for_event(&mut self, method: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let wanted = |event: &&Value| event["method"] == method && is_it(&event["params"]);
        loop {
            if let Some(event) = self.events.iter().find(wanted) {
                return event["params"].clone();
            }
            let event = self.next().unwrap_or_else(|| panic!("no such event: {method}"));
            self.events.push(event);
        }
    }

    /// The parameters of all events of this kind up to now.
    pub fn events(&mut self, method: &str) -> Vec<Value> {
        self.events.extend(self.incoming.try_iter());
        let wanted = self.events.iter().filter(|event| event["method"] == method);
        wanted.map(|event| event["params"].clone()).collect()
    }

    fn next(&self) -> Option<Value> {
        self.incoming.recv_timeout(self.deadline.left() + GRACE).ok()
    }
}

impl Drop for DevTools {
    fn drop(&mut self) {
        let _ = self.sender.close(1000, "");
    }
}

/// A page, and what a person could do there: look, click and type.
pub struct Tab {
    pub devtools: DevTools,
}

impl Tab {
    /// Opens a page as somebody who has never been here.
    pub fn open(chromium: &Chromium, url: &str, deadline: Deadline) -> Tab {
        let mut browser = DevTools::connect(&chromium.devtools, deadline);
        let context = browser.call("Target.createBrowserContext", json!({"disposeOnDetach": false}));
        let context = &context["browserContextId"];
        let target = json!({"url": "about:blank", "browserContextId": context});
        let target = browser.call("Target.createTarget", target);
        let id = target["targetId"].as_str().expect("a page has an id");
        let (address, _) = chromium.devtools.split_once("/devtools/").expect("the address is as documented");
        let mut devtools = DevTools::connect(&format!("{address}/devtools/page/{id}"), deadline);
        for domain in ["Page", "Runtime", "Network"] {
            devtools.call(&format!("{domain}.enable"), json!({})); // from now on its events come
        }
        let mut tab = Tab { devtools };
        tab.resize(1200, 800);
        tab.color_scheme("light");
        tab.devtools.call("Page.navigate", json!({"url": url}));
        // Not asked of the page, as about:blank would have to answer while it goes away.
        tab.devtools.wait_for_event("Page.frameNavigated", |event| event["frame"]["url"] == url);
        tab.wait_until("document.readyState === 'complete'");
        tab
    }

    /// The value of a JavaScript expression; of a promise, the value it resolves to.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let mut answer = self.devtools.call("Runtime.evaluate", params);
        let exception = &answer["exceptionDetails"];
        assert!(exception.is_null(), "{expression} has thrown: {exception}");
        answer["result"]["value"].take()
    }

    /// Waits until a JavaScript expression is true.
    pub fn wait_until(&mut self, expression: &str) {
        let deadline = self.devtools.deadline;
        if deadline.poll(|| (self.evaluate(expression) == true).then_some(())).is_none() {
            let page = self.evaluate("document.documentElement.innerText");
            self.screenshot("failure");
            panic!("this never came true: {expression}\non this page (see also browser/failure.png): {page}");
        }
    }

    /// Presses the mouse button in the middle of an element, as soon as it can be reached there.
    pub fn click(&mut self, selector: &str) {
        let element = format!("document.querySelector({})", json!(selector));
        let middle = format!(
            "(() => {{ const box = {element}.getBoundingClientRect();
               return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        );
        self.wait_until(&format!(
            "!{element}.disabled && {element}.contains(document.elementFromPoint(...{middle}))"
        ));
        let middle = self.evaluate(&middle);
        for event in ["mousePressed", "mouseReleased"] {
            let params =
                json!({"type": event, "x": middle[0], "y": middle[1], "button": "left", "clickCount": 1});
            self.devtools.call("Input.dispatchMouseEvent", params);
        }
    }

    /// Types into a field, in place of what was there.
    pub fn type_into(&mut self, selector: &str, text: &str) {
        self.click(selector);
        self.evaluate(&format!("document.querySelector({}).select()", json!(selector)));
        self.devtools.call("Input.insertText", json!({"text": text}));
    }

    pub fn press_enter(&mut self) {
        for event in ["keyDown", "keyUp"] {
            let text = if event == "keyDown" { "\r" } else { "" };
            let key = json!({
                "type": event, "key": "Enter", "code": "Enter", "text": text, "windowsVirtualKeyCode": 13
            });
            self.devtools.call("Input.dispatchKeyEvent", key);
        }
    }

    pub fn resize(&mut self, width: u32, height: u32) {
        let phone = width < 500;
        let scale = if phone { 2 } else { 1 };
        let params = json!({"width": width, "height": height, "deviceScaleFactor": scale, "mobile": phone});
        self.devtools.call("Emulation.setDeviceMetricsOverride", params);
    }

    /// `light` or `dark`; without animations either way, so that screenshots show a page at rest.
    pub fn color_scheme(&mut self, scheme: &str) {
        let features = json!([
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.devtools.call("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// Saves what the page looks like as `target/browser/NAME.png`.
    pub fn screenshot(&mut self, name: &str) {
        let answer = self.devtools.call("Page.captureScreenshot", json!({"format": "png"}));
        let png = BASE64_STANDARD.decode(answer["data"].as_str().expect("a picture")).expect("base64");
        let directory = target_dir().join("browser");
        std::fs::create_dir_all(&directory).expect("the target directory can be written");
        std::fs::write(directory.join(format!("{name}.png")), png).expect("the picture can be written");
    }
}

/// How long after the deadline the browser is still heard, to tell what the page was like.
const GRACE: Duration = Duration::from_secs(5);
