// Nothing runs out of its box: on phones, tablets and desktops, light and dark, over the real style sheet.
import { expect, test } from "@playwright/test";
import { doctored, refreshed } from "./support.mjs";

const PAGES = { light: "rgb(246, 244, 239)", dark: "rgb(11, 18, 25)" };

/** The boxes whose content is wider than they are. A box ends at the edge of the window however far its content goes. */
const overfull = (page, boxes) =>
  page.evaluate(
    (selector) =>
      [document.documentElement, ...document.querySelectorAll(selector)]
        .filter((box) => box.scrollWidth > box.clientWidth)
        .map((box) => `${box.className || box.tagName}: ${box.scrollWidth} in ${box.clientWidth}`),
    boxes,
  );

for (const [colorScheme, ground] of Object.entries(PAGES)) {
  for (const width of [390, 768, 1440]) {
    for (const path of ["/", "/coin/ETH"]) {
      test(`${path} fits ${width} pixels, ${colorScheme}`, async ({ page }) => {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 800 });
        await page.goto(path);
        await expect(page.locator("main")).toBeVisible();
        expect(await overfull(page, ".head-in, .card, .table-wrap, .choices, .figure")).toEqual([]);
        await expect(page.locator("html")).toHaveCSS("background-color", ground);
      });
    }
  }
}

test("a source with a long name and large prices fit a phone", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 800 });
  await doctored(page, (answer) => {
    answer.provenance.source = "an-archive-of-another-exchange-with-a-long-name";
    for (const quote of answer.prices) quote.price = "95123.45";
  });
  await page.goto("/");
  await refreshed(page);
  await expect(page.locator("tbody .price").first()).toHaveText("95,123.45");
  await expect(page.locator(".pill")).toContainText("Prices from an-archive");
  expect(await overfull(page, ".head-in, .card, .table-wrap")).toEqual([]);
});

test("the chart's text is not shrunk on a tablet, and its newest bars are in sight", async ({ page }) => {
  await page.setViewportSize({ width: 700, height: 900 });
  await page.goto("/coin/ETH");
  const drawing = await page.locator(".chart-wide svg").evaluate((svg) => {
    const box = svg.getBoundingClientRect();
    return { scale: box.width / svg.viewBox.baseVal.width, right: box.right };
  });
  expect(drawing.scale).toBeGreaterThanOrEqual(0.9);
  expect(drawing.right).toBeLessThanOrEqual(700);
});

test("no recorded week stands beside prices of another source", async ({ page }) => {
  await page.goto("/");
  await refreshed(page);
  await expect(page.locator("tbody .sparkline")).toHaveCount(5);
  await doctored(page, (answer) => {
    Object.assign(answer.provenance, { tier: "simulated", source: "simulated", simulated: true });
  });
  await expect(page.getByText("Simulated prices")).toBeVisible();
  await expect(page.locator("tbody .sparkline")).toHaveCount(0);
  await page.unroute("**/fn/latest_prices*");
  await expect(page.getByText("Recorded prices")).toBeVisible();
  await expect(page.locator("tbody .sparkline")).toHaveCount(5);
});
