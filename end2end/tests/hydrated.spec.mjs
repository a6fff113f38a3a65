// The same pages taken over by the browser, under the strict policy, with an empty console.
import { expect, test } from "@playwright/test";
import { complaints, doctored, frames, intercepted, open, overfull, refreshed, unintercepted } from "./support.mjs";

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
  await expect(price).toHaveText("9,999.50");
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
  await expect(page.getByText("Connection lost")).toBeVisible();
  await unintercepted(page);
  await expect(page.getByText("Recorded prices")).toBeVisible();
});

test("says so when the server takes the question and never answers", async ({ page }) => {
  await page.clock.install();
  await page.goto("/coin/ETH");
  await refreshed(page);
  let asked = 0;
  // Neither answered nor refused: what a stopped process or a dropped connection looks like.
  await page.route("**/fn/latest_prices*", () => {
    asked += 1;
  });
  await page.clock.runFor(4_000);
  await expect.poll(() => asked).toBe(1);
  await expect(page.getByText("Recorded prices")).toBeVisible();
  await page.clock.runFor(12_000);
  await expect(page.getByText("Connection lost")).toBeVisible();
  // The one given up, and the one asked since.
  expect(asked).toBeLessThanOrEqual(2);
  await page.unroute("**/fn/latest_prices*");
  await page.clock.runFor(14_000);
  await expect(page.getByText("Recorded prices")).toBeVisible();
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
  ["/coin/LTC", "/", "Markets", /\/fn\/(chart|latest_prices[?]symbols=LTC)/, /\/api\/price_changes/],
  ["/", "/coin/LTC", /Litecoin/, /\/fn\/backdrop|\/api\//, /\/fn\/latest_prices[?]symbols=LTC/],
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
