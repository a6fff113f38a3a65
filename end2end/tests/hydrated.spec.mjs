// The same pages taken over by the browser, under the strict policy, with an empty console.
import { expect, test } from "@playwright/test";
import { complaints, doctored, open, refreshed } from "./support.mjs";

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
  const frames = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  await page.evaluate(frames);
  expect(await page.evaluate(() => window.washed)).toHaveLength(1);
});

test("says so when the server stops answering, and recovers", async ({ page }) => {
  await page.goto("/");
  await refreshed(page);
  await page.route("**/fn/latest_prices*", (route) => route.abort());
  await expect(page.getByText("Connection lost")).toBeVisible();
  await page.unroute("**/fn/latest_prices*");
  await expect(page.getByText("Recorded prices")).toBeVisible();
});

test("says so when the server takes the question and never answers", async ({ page }) => {
  test.setTimeout(60_000);
  await page.goto("/coin/ETH");
  await refreshed(page);
  let asked = 0;
  // Neither answered nor refused: what a stopped process or a dropped connection looks like.
  await page.route("**/fn/latest_prices*", () => {
    asked += 1;
  });
  await expect(page.getByText("Connection lost")).toBeVisible({ timeout: 30_000 });
  // The one given up, and the one asked since.
  expect(asked).toBeLessThanOrEqual(2);
  await page.unroute("**/fn/latest_prices*");
  await expect(page.getByText("Recorded prices")).toBeVisible({ timeout: 30_000 });
});

test("a page left while its refresh is under way ends without a complaint", async ({ page }) => {
  const list = complaints(page);
  await page.goto("/");
  await refreshed(page);
  let release;
  const held = new Promise((resolve) => {
    release = resolve;
  });
  // Only the table asks for all prices; the coin's page asks for its own.
  await page.route(/\/fn\/latest_prices(\?(symbols=)?)?$/, async (route) => {
    await held;
    // The request is gone when the page gave it up.
    await route.continue().catch(() => {});
  });
  await page.waitForRequest(/\/fn\/latest_prices/);
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

for (const path of ["/", "/coin/BTC", "/coin/NOPE", "/nope", "/admin"]) {
  test(`${path} comes without a word in the console, without a failed request`, async ({ page }) => {
    const list = complaints(page);
    const statuses = [];
    page.on("response", (response) => statuses.push([response.status(), new URL(response.url()).pathname]));
    await page.goto(path, { waitUntil: "networkidle" });
    const [first, ...rest] = statuses;
    expect(first).toEqual([path === "/nope" || path === "/coin/NOPE" ? 404 : 200, path]);
    expect(rest.filter(([status]) => status >= 400)).toEqual([]);
    expect(rest.map(([, at]) => at).filter((at) => at.endsWith(".wasm")).length).toBeGreaterThan(0);
    // A browser itself notes the status of the page.
    expect(list.filter((line) => !/status of 404/.test(line))).toEqual([]);
    expect(list.length).toBeLessThanOrEqual(first[0] === 404 ? 1 : 0);
  });
}

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
