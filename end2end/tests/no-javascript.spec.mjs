// The pages are complete without JavaScript.
import { expect, test } from "@playwright/test";

test.use({ javaScriptEnabled: false });

const SAMPLE = ["BTC", "EOS", "ETH", "LTC", "XRP"];

test("the table lists every coin of the sample", async ({ page }) => {
  await page.goto("/");
  const rows = page.locator("tbody tr");
  await expect(rows).toHaveCount(SAMPLE.length);
  for (const symbol of SAMPLE) {
    await expect(page.locator("tbody tr", { hasText: symbol }).locator(".price")).toHaveText(/^[\d,]+\.\d+$/);
  }
  await expect(page.getByText("Recorded prices")).toBeVisible();
  await expect(page.locator(".card-foot")).toContainText(/Served from|Read from the database/);
});

test("a column head sorts by a plain link", async ({ page }) => {
  await page.goto("/");
  await page.getByRole("link", { name: "Coin", exact: true }).click();
  await expect(page).toHaveURL(/sort=coin&dir=asc/);
  const names = await page.locator("tbody .coin-name").allTextContents();
  expect(names).toEqual([...names].sort((a, b) => (a < b ? -1 : 1)));
  await expect(page.getByRole("columnheader", { name: "Coin" })).toHaveAttribute("aria-sort", "ascending");
});

test("the coin page has its chart and its intervals", async ({ page }) => {
  await page.goto("/coin/BTC");
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Bitcoin");
  const chart = page.getByRole("img", { name: /Bitcoin/ });
  await expect(chart).toBeVisible();
  const before = await chart.innerHTML();
  await page.getByRole("navigation", { name: "Interval" }).getByRole("link", { name: "1d" }).click();
  await expect(page).toHaveURL(/interval=1d/);
  await expect(page.locator(".choice[aria-current]")).toHaveText("1d");
  expect(await chart.innerHTML()).not.toBe(before);
});

test("an unknown coin and an unknown path answer 404 in words", async ({ page }) => {
  const coin = await page.goto("/coin/NOPE");
  expect(coin.status()).toBe(404);
  await expect(page.getByRole("heading", { name: "No coin called NOPE" })).toBeVisible();
  const path = await page.goto("/no/such/page");
  expect(path.status()).toBe(404);
  await expect(page.getByRole("heading", { name: "There is no such page" })).toBeVisible();
});
