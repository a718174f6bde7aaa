/** A real Firefox, headless, whose push service is the server under test. */
import puppeteer, { type Page } from 'puppeteer-core';

/** Where Debian's package firefox-esr puts it. */
const FIREFOX_PATH = '/usr/bin/firefox-esr';

/** Firefox takes two or three seconds to start, and several times that beside other tests. */
const START_WAIT_MS_MAX = 30_000;

/**
 * Sends whatever Firefox wants of another machine to port 9 (discard) of this one, where nobody listens: unresolved, and without a
 * second try past the proxy. Loopback, where page and server are, is reached directly.
 */
const NETWORK_PREFS = {
  'network.proxy.type': 1,
  'network.proxy.http': '127.0.0.1',
  'network.proxy.http_port': 9,
  'network.proxy.ssl': '127.0.0.1',
  'network.proxy.ssl_port': 9,
  'network.proxy.failover_direct': false,
  'network.proxy.allow_bypass': false,
  'network.proxy.allow_hijacking_localhost': false,
  // These two ask the network by ways of their own.
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
};

/** Milliseconds; the defaults are made for the field. */
const PUSH_TIMES = {
  'dom.push.retryBaseInterval': 200,
  'dom.push.requestTimeout': 10_000,
};

export interface Firefox extends AsyncDisposable {
  openPage(url: string): Promise<Page>;
  /** Ends it as a user would; the profile keeps subscriptions and service workers. Also the end of the scope of `await using`. */
  close(): Promise<void>;
}

/** Opens Firefox with the profile in `profileFolder`, made when missing. @throws when Firefox is not installed. */
export async function openFirefox(options: {
  readonly profileFolder: string;
  /** The server's WebSocket URL. */
  readonly pushUrl: string;
}): Promise<Firefox> {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    protocol: 'webDriverBiDi',
    executablePath: FIREFOX_PATH,
    headless: true,
    userDataDir: options.profileFolder,
    timeout: START_WAIT_MS_MAX,
    extraPrefsFirefox: {
      ...NETWORK_PREFS,
      ...PUSH_TIMES,
      'dom.push.connection.enabled': true,
      'dom.push.serverURL': options.pushUrl,
      'dom.push.testing.allowInsecureServerURL': true,
      // Granted, so that nobody has to answer a question on the screen.
      'permissions.default.desktop-notification': 1,
    },
  });
  return {
    async openPage(url) {
      const page = await browser.newPage();
      await page.goto(url);
      return page;
    },
    close: () => browser.close(),
    async [Symbol.asyncDispose]() {
      await browser.close();
    },
  };
}
