// The pages are complete without JavaScript.
import { expect, test } from "@playwright/test";
import { SAMPLE, signIn } from "./support.mjs";

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
    ["en", "Page not found"],
    ["zh-CN", "找不到页面"],
  ]) {
    const path = await page.goto(`/no/such/page?lang=${lang}`);
    expect(path.status()).toBe(404);
    await expect(page.getByRole("heading", { name: heading })).toBeVisible();
  }
});

test("a star is a form: it leads back to the page and is kept", async ({ page }) => {
  await page.goto("/?sort=coin&q=i");
  const star = page.getByRole("button", { name: "Watch Litecoin" });
  await expect(star).toHaveAttribute("aria-pressed", "false");
  await star.click();
  await expect(page).toHaveURL(/\/\?sort=coin&q=i$/);
  await expect(star).toHaveAttribute("aria-pressed", "true");
  await page.goto("/?show=watchlist");
  await expect(page.locator("tbody .coin-symbol")).toHaveText(["LTC"]);
  await page.goto("/coin/LTC");
  await page.getByRole("button", { name: "Watch", exact: true }).click();
  await expect(page).toHaveURL(/\/coin\/LTC$/);
  await expect(page.getByRole("button", { name: "Watch", exact: true })).toHaveAttribute("aria-pressed", "false");
});

test("nothing claims to be live: figures have a time, and a link that loads the page again", async ({ page }) => {
  await page.goto("/");
  const foot = page.locator(".card-foot");
  await expect(foot).toContainText(/(as of|at) \d\d:\d\d\sUTC/);
  await expect(foot).not.toContainText(/\bold\b|just now/);
  await expect(page.locator(".pill")).toHaveClass(/pill-still/);
  await foot.getByRole("link", { name: "Refresh" }).click();
  await expect(page.locator("tbody tr")).toHaveCount(SAMPLE.length);
});

test("the kind of prices is explained", async ({ page }) => {
  await page.goto("/");
  await expect(page.locator("#source-note")).toBeHidden();
  await page.getByRole("button", { name: "Recorded prices" }).click();
  await expect(page.locator("#source-note")).toBeVisible();
  await expect(page.locator("#source-note")).toContainText("imported from files");
});

test("the console shows nothing that cannot be pressed", async ({ page }) => {
  await signIn(page);
  await page.goto("/admin/cache");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Cache");
  await expect(page.getByRole("button", { name: /Clear|Undo/ })).toHaveCount(0);
  await expect(page.getByText("Clearing needs JavaScript here.")).toBeVisible();
});

test("a path that looks like another site is left by links to this site only", async ({ page, baseURL }) => {
  // Not by way of the address bar, which would take it for a path of this site already.
  const response = await page.goto(`${baseURL}//evil.example/x`);
  expect(response.status()).toBe(404);
  const links = await page.locator("a[href]").evaluateAll((all) => all.map((link) => link.href));
  expect(links.length).toBeGreaterThan(3);
  for (const link of links) expect(new URL(link).origin).toBe(new URL(baseURL).origin);
  expect(await page.locator("#watchlist input[name=next]").inputValue()).toBe("/");
});

test("old browsers find an icon", async ({ request }) => {
  const icon = await request.get("/favicon.ico");
  expect(icon.status()).toBe(200);
  expect(icon.headers()["content-type"]).toContain("image/svg+xml");
});
