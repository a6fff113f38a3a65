// Nothing runs out of its box: from phones to wide screens, light and dark, in both languages, over the real style sheet.
import { expect, test } from "@playwright/test";
import { address, complaints, doctored, hydrated, LANGUAGES, overfull, refreshed, signIn, THEMES } from "./support.mjs";

const GROUND = { light: "rgb(246, 244, 239)", dark: "rgb(11, 18, 25)" };
const BOXES = ".head-in, .card, .table-wrap, .choices, .figure, .tile, .note, .card-foot, .page-head, .node, .chart-stage";
/** 320 is what 1280 is at a zoom of 400 % (WCAG 1.4.10), and 720 what 1440 is at 200 %. */
const WIDTHS = [320, 390, 720, 768, 1440, 2560];
/** A table of figures may scroll in its own box where it is wider than the window: that of prices from 390 pixels does not. */
const scrolls = (path, width) => path === "/admin/cache" || width < 390;
const PAGES = [
  { path: "/", times: true },
  { path: "/coin/ETH", times: true },
  { path: "/coin/NOPE" },
  { path: "/nope" },
  { path: "/admin" },
  { path: "/admin/cache", times: true, signedIn: true },
];

for (const { path, times, signedIn } of PAGES) {
  for (const lang of LANGUAGES) {
    test(`${path} fits all widths, light and dark, ${lang}`, async ({ page }) => {
      test.setTimeout(60_000);
      const list = complaints(page);
      if (signedIn) await signIn(page);
      await page.goto(address(path, { lang }));
      if (times) await hydrated(page);
      for (const colorScheme of THEMES) {
        await page.emulateMedia({ colorScheme });
        await expect(page.locator("html")).toHaveCSS("background-color", GROUND[colorScheme]);
        for (const width of WIDTHS) {
          await page.setViewportSize({ width, height: 900 });
          await expect(page.locator("main")).toBeVisible();
          const spilt = async () => {
            const boxes = await overfull(page, BOXES);
            return scrolls(path, width) ? boxes.filter((box) => !box.startsWith("table-wrap")) : boxes;
          };
          await expect.poll(spilt, { message: `${width} px, ${colorScheme}` }).toEqual([]);
        }
      }
      expect(list.filter((line) => !line.includes("404"))).toEqual([]);
    });
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

test.describe("without scripts", () => {
  test.use({ javaScriptEnabled: false });

  test("the chart's text is not shrunk on a tablet, and its newest bars are in sight", async ({ page }) => {
    await page.setViewportSize({ width: 700, height: 900 });
    await page.goto("/coin/ETH");
    const shown = page.locator(".chart-stage svg").filter({ visible: true });
    await expect(shown).toHaveCount(1);
    const box = await shown.boundingBox();
    const width = Number(await shown.getAttribute("width"));
    expect(box.width / width).toBeGreaterThanOrEqual(0.6);
    expect(box.x + box.width).toBeLessThanOrEqual(700);
  });
});

test("no recorded past stands beside prices of another source", async ({ page }) => {
  await page.goto("/");
  await refreshed(page);
  await expect(page.locator("tbody .sparkline")).toHaveCount(5);
  await doctored(page, (answer) => {
    Object.assign(answer.provenance, { tier: "simulated", source: "simulated", simulated: true });
  });
  await expect(page.getByText("Simulated prices")).toBeVisible();
  await expect(page.locator("tbody .sparkline")).toHaveCount(0);
  // Neither do its changes over an hour and a week.
  await expect(page.locator("tbody td:nth-child(5)")).toHaveText(["–", "–", "–", "–", "–"]);
  await expect(page.locator("tbody td:nth-child(7)")).toHaveText(["–", "–", "–", "–", "–"]);
  await page.unroute("**/fn/latest_prices*");
  await expect(page.getByText("Recorded prices")).toBeVisible();
  await expect(page.locator("tbody .sparkline")).toHaveCount(5);
});
