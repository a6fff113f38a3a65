// The pages are complete without JavaScript.
import { expect, test } from "@playwright/test";
import { SAMPLE } from "./support.mjs";

test.use({ javaScriptEnabled: false });

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

test("the coin page has its chart, its intervals and its ranges", async ({ page }) => {
  await page.goto("/coin/BTC");
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Bitcoin");
  const chart = page.getByRole("img", { name: /Bitcoin/ });
  await expect(chart).toBeVisible();
  // Nothing says that it can be walked: it cannot.
  await expect(page.getByRole("application")).toHaveCount(0);
  const before = await chart.innerHTML();
  await page.getByRole("navigation", { name: "Interval" }).getByRole("link", { name: "1d" }).click();
  await expect(page).toHaveURL(/interval=1d/);
  await expect(page.locator(".choice[aria-current]")).toHaveText(["1d"]);
  const days = await chart.innerHTML();
  expect(days).not.toBe(before);
  await page.getByRole("navigation", { name: "Range" }).getByRole("link", { name: "1Y" }).click();
  // What is seen: the label of the narrow drawing is on the page too.
  await expect(page.locator(".choice[aria-current]")).toHaveText(["1d", "1Y"], { useInnerText: true });
  expect(await chart.innerHTML()).not.toBe(days);
});

test("an unknown coin and an unknown path answer 404 in words", async ({ page }) => {
  const coin = await page.goto("/coin/NOPE");
  expect(coin.status()).toBe(404);
  await expect(page.getByRole("heading", { name: "No coin called NOPE" })).toBeVisible();
  for (const [lang, heading] of [
    ["en", "There is no such page"],
    ["zh-CN", "没有这个页面"],
  ]) {
    const path = await page.goto(`/no/such/page?lang=${lang}`);
    expect(path.status()).toBe(404);
    await expect(page.getByRole("heading", { name: heading })).toBeVisible();
  }
});
