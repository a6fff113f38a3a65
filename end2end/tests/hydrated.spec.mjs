// The same pages taken over by the browser, under the strict policy, with an empty console.
import { expect, test } from "@playwright/test";
import {
  complaints, doctored, frames, intercepted, open, overfull, refreshed, SAMPLE, signIn, unintercepted,
} from "./support.mjs";

test("a changed price shows within the refresh, in its row alone, and is washed once", async ({ page }) => {
  await page.goto("/");
  await refreshed(page);
  await page.evaluate(() => {
    window.rows = [...document.querySelectorAll("tbody tr")];
    window.washed = [];
    document.addEventListener("animationstart", (event) => window.washed.push(event.target.className));
  });
  await doctored(page, (answer) => {
    answer.prices.find((p) => p.symbol === "BTC").price = "9999.50";
  });
  const price = page.locator("tbody tr", { hasText: "BTC" }).locator(".price");
  await expect(price).toHaveText("9,999.5");
  await expect.poll(() => page.evaluate(() => window.washed)).toEqual([expect.stringContaining("wash-up")]);
  expect(await page.evaluate(() => window.rows.every((row) => row.isConnected))).toBe(true);
  // The class goes with the wash, or a row that a sort moves would be washed again.
  await expect(price).not.toHaveClass(/wash/);
  await page.getByRole("button", { name: "Price", exact: true }).click();
  await expect(page).toHaveURL(/sort=-price/);
  await page.getByRole("button", { name: "Price", exact: true }).click();
  await expect(page.locator("tbody .coin-symbol").last()).toHaveText("BTC");
  await frames(page);
  expect(await page.evaluate(() => window.washed)).toHaveLength(1);
});

test("a refresh brings a price with its changes, and a coin that stands still is counted, on a phone too", async ({ page }) => {
  await page.goto("/");
  await refreshed(page);
  const row = page.locator("tbody tr", { hasText: "BTC" });
  const change = (column) => row.locator(`td:nth-child(${column}) .change`);
  await doctored(page, (answer) => {
    const bitcoin = answer.prices.find(({ symbol }) => symbol === "BTC");
    bitcoin.price = bitcoin.open_24h = "8000";
    Object.assign(bitcoin, { change_1h_pct: 1.5, change_24h_pct: 0.004, change_7d_pct: null });
  });
  await expect(row.locator(".price")).toHaveText(/^8,000\.0+$/);
  await expect(change(5)).toHaveText("up ▲ 1.50%");
  // What reads as zero has no direction; what is not known is no number.
  await expect(change(6)).toHaveText("0.00%");
  await expect(change(7)).toHaveText("–");
  const breadth = page.locator(".tile").nth(2);
  await expect(breadth.locator(".note")).toHaveText("1 unchanged");
  await page.setViewportSize({ width: 390, height: 800 });
  await expect(breadth.locator(".note")).toBeVisible();
  expect(await overfull(page, ".tile, .card, .table-wrap")).toEqual([]);
});

test("an error of the server is not a lost connection", async ({ page }) => {
  await page.goto("/");
  await refreshed(page);
  for (const [status, said] of [[429, "Too many requests"], [500, "an error (HTTP 500)"]]) {
    await intercepted(page, (route) => route.fulfill({ status, json: {} }));
    await expect(page.locator(".card-foot")).toContainText(said);
    await expect(page.getByText("Connection lost")).toHaveCount(0);
    await unintercepted(page);
    await expect(page.locator(".card-foot")).toContainText(/Served from|Read from/);
  }
});

test("says so when the server stops answering, and recovers", async ({ page }) => {
  await page.goto("/");
  await refreshed(page);
  await intercepted(page, (route) => route.abort());
  await expect(page.locator(".pill")).toHaveText("Connection lost");
  await unintercepted(page);
  await expect(page.getByText("Recorded prices")).toBeVisible();
});

test("says so when the server takes the question and never answers", async ({ page }) => {
  await page.clock.install();
  await page.goto("/coin/ETH");
  await refreshed(page);
  let asked = 0;
  // Neither answered nor refused: what a stopped process or a dropped connection looks like.
  await page.route("**/api/latest_prices*", () => {
    asked += 1;
  });
  await page.clock.runFor(4_000);
  await expect.poll(() => asked).toBe(1);
  await expect(page.getByText("Recorded prices")).toBeVisible();
  await page.clock.runFor(12_000);
  await expect(page.locator(".pill")).toHaveText("Connection lost");
  // The one given up, and the one asked since.
  expect(asked).toBeLessThanOrEqual(2);
  await page.unroute("**/api/latest_prices*");
  await page.clock.runFor(14_000);
  await expect(page.getByText("Recorded prices")).toBeVisible();
});

test("a star that another tab sets while a page loads is shown", async ({ page, baseURL }) => {
  const list = complaints(page);
  await page.route(/show=watchlist|coin\/BTC/, async (route) => {
    const response = await route.fetch();
    // The server has answered without the star; the browser takes the page over with it.
    await page.context().addCookies([{ name: "watch", value: "BTC", url: baseURL }]);
    return route.fulfill({ response });
  });
  await page.goto("/?show=watchlist");
  await expect(page.locator("tbody tr")).toHaveCount(1);
  await expect(page.locator("tbody tr", { hasText: "BTC" }).locator(".star")).toHaveAttribute("aria-pressed", "true");
  await page.context().clearCookies({ name: "watch" });
  // Its code loads later.
  await page.goto("/coin/BTC");
  await expect(page.locator(".coin-actions button[name=toggle]")).toHaveAttribute("aria-pressed", "true");
  expect(list).toEqual([]);
});

/** Has a replay of the sample begin on the page, as far as prices go; what it plays is what `told` gives. */
async function replays(page, told) {
  await page.route(/\/fn\/(coin|backdrop)/, async (route) => {
    const response = await route.fetch();
    const answer = await response.json();
    if (answer.quote) answer.provenance.source = "replay";
    return route.fulfill({ response, json: { ...answer, replay: told() } });
  });
  await doctored(page, (answer) => {
    answer.provenance.source = "replay";
  });
}

const replayed = (day) => ({ first: Date.UTC(2017, 9, 1), end: Date.UTC(2019, 3, 1), playing: Date.UTC(2018, 1, day) });

test("a page that is open when a replay begins says what is replayed", async ({ page }) => {
  await page.clock.install();
  const note = page.locator(".replay-note");
  for (const path of ["/", "/coin/LTC"]) {
    await page.goto(path);
    await refreshed(page);
    await expect(note).toBeHidden();
    await replays(page, () => replayed(12));
    await page.clock.runFor(15_000);
    await expect(note).toHaveText("Recorded 1 Oct 2017 – 31 Mar 2019, replayed as if live. Now playing 12 Feb 2018.");
    await unintercepted(page);
    await page.clock.runFor(4_000);
    await expect(note).toBeHidden();
  }
});

test("the day that a replay plays stays current, also when the server cannot tell for a while", async ({ page }) => {
  await page.clock.install();
  let told = replayed(12);
  await page.goto("/coin/LTC");
  await refreshed(page);
  await replays(page, () => told);
  const note = page.locator(".replay-note");
  await page.clock.runFor(15_000);
  await expect(note).toContainText("Now playing 12 Feb 2018.");
  told = null;
  const asked = page.waitForResponse(/\/fn\/coin/);
  await page.clock.fastForward(610_000);
  await asked;
  await expect(note).toContainText("Now playing 12 Feb 2018.");
  told = replayed(13);
  await page.clock.runFor(15_000);
  await expect(note).toContainText("Now playing 13 Feb 2018.");
});

/** The network of the context, cut or back. */
const offline = (page, cut) => page.context().setOffline(cut);

test("a click without a network keeps a page's last data, dimmed and with their age, and recovers by itself", async ({ page }) => {
  await open(page, "/");
  await page.getByRole("link", { name: /Litecoin/ }).click();
  await expect(page.getByRole("application", { name: /Litecoin/ })).toBeVisible();
  await offline(page, true);
  await page.getByRole("link", { name: "Markets" }).click();
  const note = page.locator(".kept");
  await expect(note).toContainText("Connection lost. Showing the last data received.");
  await expect(note).toContainText(/\d+ (s|min) old/);
  await expect(page.locator("tbody tr")).toHaveCount(SAMPLE.length);
  expect(Number(await page.locator("main").evaluate((main) => getComputedStyle(main).opacity))).toBeLessThan(1);
  await expect(page.locator(".pill")).toHaveText("Connection lost");
  await offline(page, false);
  await expect(note).toHaveCount(0, { timeout: 15_000 });
  await expect(page.locator(".pill")).toHaveText("Recorded prices");
  await expect(page.locator("tbody tr")).toHaveCount(SAMPLE.length);
});

test("without a network a page shows what it received last, not what it was loaded with", async ({ page }) => {
  // A width at which a range has other candles than in the drawing that the server makes.
  await page.setViewportSize({ width: 700, height: 900 });
  await open(page, "/");
  await page.getByRole("link", { name: /Litecoin/ }).click();
  const chart = page.getByRole("application", { name: /Litecoin/ });
  await expect(chart).toBeVisible();
  // A choice that was looked at, besides the one that the page begins with.
  await page.locator(".choice-spans a").nth(3).click();
  await expect(page).toHaveURL(/range=/);
  await expect(page.locator(".chart-live")).toHaveAttribute("aria-busy", "false");
  const ranged = await chart.getAttribute("aria-label");
  const coin = page.locator(".coin-price .big");
  const price = await coin.textContent();
  await doctored(page, ({ prices }) => {
    prices.find(({ symbol }) => symbol === "LTC").price = "77.123";
  });
  await expect(coin).toHaveText("77.123");
  await intercepted(page, (route) => route.abort());
  await page.getByRole("link", { name: "Markets" }).click();
  const row = page.locator("tbody tr", { hasText: "LTC" }).locator(".price");
  await expect(row).toHaveText(price);
  await unintercepted(page);
  await doctored(page, ({ prices }) => {
    prices.find(({ symbol }) => symbol === "LTC").price = "88.345";
  });
  await expect(row).toHaveText("88.345");
  await intercepted(page, (route) => route.abort());
  await offline(page, true);
  await page.getByRole("link", { name: /Litecoin/ }).click();
  await expect(page.locator(".kept")).toContainText("Showing the last data received.");
  await expect(page.locator(".kept")).toContainText(/\d+ (s|min) old/);
  await expect(coin).toHaveText("77.123");
  await expect(chart).toBeVisible();
  await expect(page.getByText(/Connection lost[.] Candles received .* UTC[+]5:30/)).toBeVisible();
  await page.locator(".choice-spans a").nth(3).click();
  await expect(chart).toHaveAccessibleName(ranged);
  // One that was not looked at cannot be shown.
  await page.getByRole("link", { name: "1d", exact: true }).click();
  await expect(page.locator(".card .problem, .card [role=alert]").first()).toBeVisible();
  await page.getByRole("link", { name: "Markets" }).click();
  await expect(row).toHaveText("88.345");
  await unintercepted(page);
  await offline(page, false);
  await expect(page.locator(".kept")).toHaveCount(0, { timeout: 15_000 });
  await expect(row).toHaveText(price);
});

test("a click without a network to a page that was never shown says so, and shows it once the network is back", async ({ page }) => {
  await open(page, "/");
  // The code of a coin's page is there, the data of this coin are not.
  await page.getByRole("link", { name: /Litecoin/ }).click();
  await expect(page.getByRole("application", { name: /Litecoin/ })).toBeVisible();
  await page.getByRole("link", { name: "Markets" }).click();
  await expect(page.locator("tbody tr")).toHaveCount(SAMPLE.length);
  await offline(page, true);
  await page.getByRole("link", { name: /Bitcoin/ }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("The server cannot be reached");
  await expect(page.locator(".pill")).toHaveText("Connection lost");
  await expect(page.getByRole("button", { name: "Retry" })).toBeVisible();
  // One border: no card within a card.
  await expect(page.locator(".card .card")).toHaveCount(0);
  await offline(page, false);
  await expect(page.getByRole("application", { name: /Bitcoin/ })).toBeVisible({ timeout: 15_000 });
});

test("a click without a network to a page whose code is not there yet waits for the network", async ({ page }) => {
  const list = complaints(page);
  await open(page, "/");
  await offline(page, true);
  await page.getByRole("link", { name: /Bitcoin/ }).click();
  await expect(page.locator(".pill")).toHaveText("Connection lost");
  await offline(page, false);
  await expect(page.getByRole("application", { name: /Bitcoin/ })).toBeVisible({ timeout: 15_000 });
  expect(list.filter((line) => /panicked|unreachable/.test(line))).toEqual([]);
});

test("the button tries at once", async ({ page }) => {
  await page.clock.install();
  await open(page, "/coin/ETH");
  await page.route("**/fn/**", (route) => route.abort());
  await page.getByRole("link", { name: "Markets" }).click();
  const retry = page.getByRole("button", { name: "Retry" });
  await expect(retry).toBeVisible();
  await page.unroute("**/fn/**");
  await retry.click();
  await expect(page.locator("tbody tr")).toHaveCount(SAMPLE.length);
});

test("the console comes by itself once the server can be reached", async ({ page }) => {
  await signIn(page);
  await page.goto("/admin");
  // Its scripts are there by then.
  await page.waitForLoadState("networkidle");
  await page.route("**/fn/**", (route) => route.abort());
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Cache" }).click();
  await expect(page.getByRole("button", { name: "Retry" })).toBeVisible();
  await expect(page.locator(".pill")).toHaveText("Connection lost");
  await page.unroute("**/fn/**");
  await expect(page.getByRole("heading", { name: "Categories" })).toBeVisible({ timeout: 15_000 });
});

test("an interval that cannot be read stays within the chart's card", async ({ page }) => {
  await open(page, "/coin/ETH");
  await page.route("**/fn/chart*", (route) => route.abort());
  await page.getByRole("navigation", { name: "Interval" }).getByRole("link", { name: "1d" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "The server cannot be reached" })).toBeVisible();
  await expect(page.locator(".card .card")).toHaveCount(0);
});

test("after a navigation the focus is on the new page and its title is read out, not at first, not for a query", async ({ page }) => {
  await open(page, "/");
  const announcer = page.locator("[aria-live=polite][aria-atomic=true]");
  for (const path of ["/admin", "/coin/BTC", "/"]) {
    await page.goto(path);
    await page.waitForLoadState("networkidle");
    await page.waitForTimeout(2_500);
    await expect(announcer).toHaveText("");
  }
  await expect(page.locator("body")).toBeFocused();
  await page.getByRole("link", { name: /Litecoin/ }).focus();
  await page.keyboard.press("Enter");
  await expect(announcer).toHaveText(/Litecoin.* · Tidemark/);
  await expect(page.locator("main")).toBeFocused();
  const days = page.getByRole("navigation", { name: "Interval" }).getByRole("link", { name: "1d" });
  await days.click();
  await expect(page).toHaveURL(/interval=1d/);
  await frames(page);
  await expect(announcer).toHaveText(/Litecoin/);
  await expect(page.locator("main")).not.toBeFocused();
  await page.goBack();
  await page.goBack();
  await expect(announcer).toHaveText("Markets · Tidemark");
  await expect(page.locator("main")).toBeFocused();
  await page.getByRole("button", { name: "Price", exact: true }).click();
  await expect(page).toHaveURL(/sort=-price/);
  await expect(page.getByRole("button", { name: "Price", exact: true })).toBeFocused();
});

test("a replay is explained where it is named, with the dates of the recording", async ({ page }) => {
  await open(page, "/coin/BTC");
  await doctored(page, (answer) => {
    answer.provenance.source = "replay";
  });
  await page.route("**/fn/markets*", async (route) => {
    const response = await route.fetch();
    const answer = await response.json();
    const [prices, backdrop] = answer;
    prices.provenance.source = "replay";
    backdrop.replay = { first: Date.UTC(2017, 9, 1), end: Date.UTC(2019, 3, 1), playing: Date.UTC(2018, 1, 12, 3) };
    await route.fulfill({ response, json: answer });
  });
  await page.getByRole("link", { name: "Markets" }).click();
  const pill = page.getByRole("button", { name: "Replayed prices" });
  await expect(pill).toBeVisible();
  const sentence = "Recorded 1 Oct 2017 – 31 Mar 2019, replayed as if live. Now playing 12 Feb 2018.";
  await expect(page.locator(".replay-note")).toHaveText(sentence);
  const note = page.locator("#source-note");
  await expect(note).toBeHidden();
  await pill.focus();
  await page.keyboard.press("Enter");
  await expect(note).toBeVisible();
  await expect(note).toContainText(sentence);
  await expect(note).toContainText("tidemark import FILE");
  await page.keyboard.press("Escape");
  await expect(note).toBeHidden();
  // A phone names it in full, too.
  for (const width of [390, 320]) {
    await page.setViewportSize({ width, height: 800 });
    const text = page.locator(".pill-text");
    expect(await text.evaluate((box) => [box.scrollHeight - box.clientHeight, box.scrollWidth - box.clientWidth])).toEqual([0, 0]);
    expect(await overfull(page, ".head-in")).toEqual([]);
  }
});

test("a page left while its refresh is under way ends without a complaint", async ({ page }) => {
  const list = complaints(page);
  await page.goto("/");
  await refreshed(page);
  let release;
  const held = new Promise((resolve) => {
    release = resolve;
  });
  // Only the table asks for changes; the coin's page asks for its own price.
  await page.route(/\/api\/price_changes/, async (route) => {
    await held;
    // The request is gone when the page gave it up.
    await route.continue().catch(() => {});
  });
  await page.waitForRequest(/\/api\/price_changes/);
  await page.getByRole("link", { name: /Litecoin/ }).click();
  await expect(page.getByRole("application", { name: /Litecoin/ })).toBeVisible();
  release();
  await refreshed(page);
  expect(list).toEqual([]);
});

test("from the table to a coin and back, by keyboard", async ({ page }) => {
  const list = complaints(page);
  await page.goto("/");
  await refreshed(page);
  await page.getByRole("link", { name: /Litecoin/ }).focus();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/coin\/LTC/);
  await expect(page.getByRole("application", { name: /Litecoin/ })).toBeVisible();
  await page.goBack();
  await expect(page.locator("tbody tr")).toHaveCount(5);
  expect(list).toEqual([]);
});

test("the markets page does without the wasm of the others", async ({ page }) => {
  const pieces = [];
  page.on("request", (request) => {
    if (request.url().endsWith(".wasm")) pieces.push(new URL(request.url()).pathname);
  });
  await open(page, "/");
  expect(pieces.filter((piece) => /coin_view|console_view|sign_in_view/.test(piece))).toEqual([]);
  await page.getByRole("link", { name: /Litecoin/ }).click();
  await expect(page.getByRole("application", { name: /Litecoin/ })).toBeVisible();
  expect(pieces.filter((piece) => /coin_view/.test(piece))).toHaveLength(1);
  expect(pieces.filter((piece) => /console_view|sign_in_view/.test(piece))).toEqual([]);
});

/** What the page asks for from now on, without what only the browser asks for. */
const asked = (page) => {
  const list = [];
  page.on("request", (request) => {
    const { pathname, search } = new URL(request.url());
    if (pathname.startsWith("/fn/") || pathname.startsWith("/api/")) list.push(pathname + search);
  });
  return list;
};

for (const [from, to, way, own, others] of [
  ["/coin/LTC", "/", "Markets", /\/(fn\/chart|api\/latest_prices[?]symbols=LTC)/, /\/api\/price_changes/],
  ["/", "/coin/LTC", /Litecoin/, /\/fn\/backdrop|\/api\/price_changes/, /\/api\/latest_prices[?]symbols=LTC/],
]) {
  test(`the refreshes of ${from} end when it is left for ${to}`, async ({ page }) => {
    const list = asked(page);
    await page.goto(from);
    await refreshed(page);
    await page.getByRole("link", { name: way }).click();
    await expect(page).toHaveURL(to);
    await expect(page.locator(to === "/" ? "tbody tr" : ".chart-stage").first()).toBeVisible();
    await refreshed(page);
    list.length = 0;
    // By the time of three of the new page's, the old one would have asked too.
    await expect.poll(() => list.filter((path) => others.test(path)).length).toBeGreaterThan(2);
    expect(list.filter((path) => own.test(path))).toEqual([]);
  });
}

for (const path of ["/", "/coin/BTC", "/nope", "/admin"]) {
  test(`the policy of ${path} is strict, and each answer has a nonce of its own`, async ({ request }) => {
    const policies = [];
    for (let i = 0; i < 2; i += 1) {
      const response = await request.get(path);
      policies.push(response.headers()["content-security-policy"]);
      const html = await response.text();
      expect(html).not.toMatch(/ style=/);
      expect(html).not.toMatch(/ on[a-z]+="/);
    }
    expect(policies[0]).toContain("default-src 'none'");
    expect(policies[0]).not.toContain("unsafe-inline");
    expect(policies[0]).not.toContain("'unsafe-eval'");
    expect(policies[0]).not.toBe(policies[1]);
  });
}
