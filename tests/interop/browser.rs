//! A peer that is a page in Chromium, with the WebSocket that pages have.

use crate::certificates::LOCALHOST;
use crate::devtools::Tab;
use crate::install::scripts;
use crate::peers::Absence;
use crate::processes::{Chromium, Deadline};
use crate::talk::{Outcome, Talk, TheirClient};
use clearsocket::http::HeaderValue;
use clearsocket::{Response, Server, ServerHandle};
use serde_json::{Value, json};
use std::time::Duration;

/// A page that has the script. The order of the fields is that in which they end.
pub struct Tabs {
    tab: Tab,
    _chromium: Chromium,
    _site: ServerHandle,
}

impl Tabs {
    pub fn open() -> Result<Tabs, Absence> {
        let deadline = Deadline::after(Duration::from_secs(180));
        let chromium = Chromium::start(&LOCALHOST.public_key_hash(), deadline)
            .ok_or("chromium is not installed".to_string())?;
        let (site, url) = site()?;
        let mut tab = Tab::open(&chromium, &url, deadline);
        tab.wait_until("'converse' in window");
        Ok(Tabs { tab, _chromium: chromium, _site: site })
    }
}

impl TheirClient for Tabs {
    fn connect(&mut self, url: &str, talk: &Talk) -> Outcome<()> {
        let (url, offered) = (json!(url), json!(talk.subprotocols));
        self.tab.evaluate(&format!("void (report = converse(WebSocket, {url}, {offered}))"));
        Ok(())
    }

    fn report(&mut self) -> Outcome<Value> {
        Ok(self.tab.evaluate("report"))
    }
}

/// Serves the page and its script.
fn site() -> Outcome<(ServerHandle, String)> {
    let script = std::fs::read(scripts().join("whatwg.mjs"))?;
    let server = Server::bind("127.0.0.1:0")?.on_http(move |request| {
        let (body, content_type) = match request.path() {
            "/whatwg.mjs" => (script.clone(), "text/javascript; charset=utf-8"),
            _ => (PAGE.into(), "text/html; charset=utf-8"),
        };
        let mut response = Response::new(body);
        response.headers_mut().insert("content-type", HeaderValue::from_static(content_type));
        response
    });
    let server = server.spawn(|_, _| Ok(()))?;
    let url = format!("http://{}/", server.local_addr()?);
    Ok((server, url))
}

const PAGE: &str = "<!doctype html><title>a peer</title>\
    <script type=module>import { converse } from './whatwg.mjs'; window.converse = converse; window.report = null</script>";
