// The same pages taken over by the browser, under the strict policy, with an empty console.
import { expect, test } from "@playwright/test";
import { complaints, doctored, refreshed } from "./support.mjs";

test("markets hydrate, refresh and sort in place", async ({ page }) => {
  const list = complaints(page);
  await page.goto("/");
  await refreshed(page);
  await page.evaluate(() => {
    window.stayed = true;
  });
  await page.getByRole("link", { name: "Price", exact: true }).click();
  await expect(page).toHaveURL(/sort=price&dir=desc/);
  await expect(page.locator("tbody .coin-symbol").first()).toHaveText("BTC");
  await page.getByRole("columnheader", { name: "Price" }).getByRole("link").click();
  await expect(page.locator("tbody .coin-symbol").last()).toHaveText("BTC");
  await page.goBack();
  await expect(page.locator("tbody .coin-symbol").first()).toHaveText("BTC");
  expect(await page.evaluate(() => window.stayed)).toBe(true);
  expect(list).toEqual([]);
});

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
  await page.getByRole("link", { name: "Price", exact: true }).click();
  await page.getByRole("columnheader", { name: "Price" }).getByRole("link").click();
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
  await page.getByRole("link", { name: /Litecoin/ }).last().click();
  await expect(page.getByRole("img", { name: /Litecoin/ })).toBeVisible();
  release();
  await refreshed(page);
  expect(list).toEqual([]);
});

test("the interval switch draws the chart anew without leaving the page", async ({ page }) => {
  const list = complaints(page);
  await page.goto("/coin/ETH");
  await refreshed(page);
  await page.evaluate(() => {
    window.stayed = true;
  });
  const chart = page.getByRole("img", { name: /Ethereum/ });
  const before = await chart.innerHTML();
  await page.getByRole("navigation", { name: "Interval" }).getByRole("link", { name: "1w" }).click();
  await expect(page).toHaveURL(/interval=1w/);
  await expect(page.locator(".choice[aria-current]")).toHaveText("1w");
  await expect.poll(() => chart.innerHTML()).not.toBe(before);
  // What the browser draws is what the server draws.
  const drawn = await page.locator(".chart-wide").innerHTML();
  expect(await page.evaluate(() => window.stayed)).toBe(true);
  await page.reload();
  expect(await page.locator(".chart-wide").innerHTML()).toBe(drawn);
  expect(list).toEqual([]);
});

test("from the table to a coin and back, by keyboard", async ({ page }) => {
  const list = complaints(page);
  await page.goto("/");
  await refreshed(page);
  await page.getByRole("link", { name: /Litecoin/ }).last().focus();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/coin\/LTC/);
  await expect(page.getByRole("img", { name: /Litecoin/ })).toBeVisible();
  await page.goBack();
  await expect(page.locator("tbody tr")).toHaveCount(5);
  expect(list).toEqual([]);
});

test("the policy is strict, and each answer has a nonce of its own", async ({ request }) => {
  const policies = [];
  for (let i = 0; i < 2; i += 1) {
    const response = await request.get("/");
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
