// What several files need.
import { readFileSync } from "node:fs";
import { expect } from "@playwright/test";

/** The coins of the sample, in alphabetical order. */
export const SAMPLE = ["BTC", "EOS", "ETH", "LTC", "XRP"];
export const LANGUAGES = ["en", "zh-CN"];
export const THEMES = ["light", "dark"];
/** The ground of a page in each theme. */
export const GROUND = { light: "rgb(246, 244, 239)", dark: "rgb(11, 18, 25)" };
/** The zone of the tests' reader (see the settings): a time of it shows that the page was hydrated. */
const ZONE = "UTC+5:30";

/**
 * Collects everything that the console or the page complains of, and each request that fails. Without scripts a browser
 * fails the requests for them that the page's head asks to be made early.
 */
export function complaints(page, { scripts = true } = {}) {
  const list = [];
  page.on("console", (message) => list.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => list.push(`error: ${error.message}`));
  page.on("requestfailed", (request) => {
    // Leaving a page ends its open refresh: that is no failure.
    const wanted = scripts || !request.url().endsWith(".js");
    if (wanted && request.failure()?.errorText !== "net::ERR_ABORTED") list.push(`failed: ${request.url()}`);
  });
  return list;
}

/** Waits until the page is the browser's: its times are then of the reader's zone. For pages that show a time. */
export const hydrated = (page) => expect(page.locator("main")).toContainText(ZONE, { timeout: 15_000 });

/** Opens a page that shows a time, and waits for its hydration. */
export async function open(page, path) {
  const response = await page.goto(path);
  await hydrated(page);
  return response;
}

/** What asks for prices again: a coin's page for its own, the markets page for the whole table and for what changed of it. */
const REFRESHES = ["**/api/latest_prices*", "**/api/price_changes*"];

/** A refresh of the prices: it comes only from a page that was hydrated. */
export const refreshed = (page) =>
  page.waitForResponse((r) => /\/api\/(latest_prices|price_changes)/.test(r.url()) && (r.ok() || r.status() === 304));

/** Has each refresh from now on handled by `handle`. */
export async function intercepted(page, handle) {
  for (const refresh of REFRESHES) await page.route(refresh, handle);
}

/** Has the refreshes from now on answered by the server again. */
export async function unintercepted(page) {
  for (const refresh of REFRESHES) await page.unroute(refresh);
}

/** Changes of a source that no page shows: it reads the whole table then. */
export const ELSEWHERE = {
  version: 1,
  as_of: 0,
  changes: [],
  provenance: { tier: "l1", source: "elsewhere", age_ms: 0, stale: false, simulated: false },
};

/** Has the refreshes from now on changed by `change` before the page sees them. */
export function doctored(page, change) {
  return intercepted(page, async (route) => {
    if (route.request().url().includes("/price_changes")) return route.fulfill({ json: ELSEWHERE });
    const response = await route.fetch();
    const answer = await response.json();
    change(answer);
    return route.fulfill({ response, json: answer });
  });
}

/** A path with parameters: `null` leaves one out. */
export function address(path, parameters) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== null));
  return query.size === 0 ? path : `${path}${path.includes("?") ? "&" : "?"}${query}`;
}

/** The symbols of the rows, from the top down. */
export const symbols = (page) => page.locator("tbody .coin-symbol").allTextContents();

/** The operator's password, from the file that the check writes. */
export const password = () => readFileSync(process.env.TIDEMARK_ADMIN_PASSWORD_FILE, "utf8").trim();

const SESSION = "tidemark";
/** The cookie of an operator's session, if the context has one. */
export const session = async (context) => (await context.cookies()).find(({ name }) => name === SESSION);

/** The session of this worker's tests: to check a password is slow on purpose. */
let shared;

/** Signs the page's context in without a form. Whoever ends the session asks for one of its own. */
export async function signIn(page, { own = false } = {}) {
  const context = page.context();
  if (shared && !own) return context.addCookies([shared]);
  const response = await context.request.post("/api/session", { data: { user: "admin", password: password() } });
  expect(response.status()).toBeLessThan(300);
  if (!own) shared = await session(context);
}

/** Has something in the cache to be cleared. */
export async function warm(page) {
  for (const path of ["/api/chart_data?symbol=BTC&interval=1d", "/api/latest_prices"]) {
    const response = await page.context().request.get(path);
    expect(response.status()).toBe(200);
  }
}

/** The next two frames are painted. */
export const frames = (page) =>
  page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

/** What can be pressed and is less than 24 pixels wide or high, with its size (WCAG 2.5.8). */
export const small = (page) =>
  page.locator("a[href]:not(.skip), button, input:not([type=hidden]), select").evaluateAll((all) =>
    all
      .filter((control) => control.checkVisibility({ visibilityProperty: true }))
      .map((control) => [control, control.getBoundingClientRect()])
      .filter(([, box]) => box.width > 0 && (box.width < 24 || box.height < 24))
      .map(([control, box]) => `${control.textContent.trim() || control.ariaLabel} ${box.width.toFixed(1)} × ${box.height.toFixed(1)}`),
  );

/** The boxes whose content is wider than they are. A box ends at the edge of the window however far its content goes. */
export const overfull = (page, boxes) =>
  page.evaluate(
    (selector) =>
      [document.documentElement, ...document.querySelectorAll(selector)]
        .filter((box) => box.scrollWidth > box.clientWidth)
        .map((box) => `${box.className || box.tagName}: ${box.scrollWidth} in ${box.clientWidth}`),
    boxes,
  );
