// Nothing runs out of its box: from phones to wide screens, in both languages, over the real style sheet. What can be pressed
// is large enough there. The console stays empty meanwhile.
import { expect, test } from "@playwright/test";
import { address, complaints, doctored, hydrated, LANGUAGES, overfull, refreshed, signIn, small, unintercepted } from "./support.mjs";

const BOXES = ".head-in, .card, .table-wrap, .choices, .figure, .tile, .note, .card-foot, .page-head, .node, .chart-stage";
/** 320 is what 1280 is at a zoom of 400 % (WCAG 1.4.10), and 720 what 1440 is at 200 %. */
const WIDTHS = [320, 390, 720, 768, 1024, 1440, 2560];
/** A table of figures may scroll in its own box where it is wider than the window: that of prices not on a phone of 390 pixels. */
const scrolls = (path, width) => path === "/admin/cache" || width < 390 || (width > 640 && width < 1320);
const PAGES = [
  { paths: ["/"], times: true },
  { paths: ["/coin/ETH"], times: true },
  // A browser itself notes the status of such a page.
  { paths: ["/coin/NOPE", "/nope"], status: 404 },
  { paths: ["/admin"] },
  { paths: ["/admin/cache"], times: true, signedIn: true },
];

for (const { paths, times, signedIn, status = 200 } of PAGES) {
  for (const lang of LANGUAGES) {
    test(`${paths.join(" and ")} fits all widths, ${lang}, without a word in the console`, async ({ page }) => {
      test.setTimeout(60_000);
      if (signedIn) await signIn(page);
      for (const path of paths) {
        const list = complaints(page);
        const code = page.waitForResponse((response) => response.url().endsWith(".wasm"));
        // A page that shows no time does not tell when it is hydrated.
        const answer = await page.goto(address(path, { lang }), { waitUntil: times ? "load" : "networkidle" });
        expect(answer.status()).toBe(status);
        expect((await code).ok()).toBe(true);
        if (times) await hydrated(page);
        for (const width of WIDTHS) {
          await page.setViewportSize({ width, height: 900 });
          await expect(page.locator("main")).toBeVisible();
          const spilt = async () => {
            const boxes = await overfull(page, BOXES);
            return scrolls(path, width) ? boxes.filter((box) => !box.startsWith("table-wrap")) : boxes;
          };
          await expect.poll(spilt, { message: `${path} at ${width} px` }).toEqual([]);
          if ([390, 1440].includes(width)) expect(await small(page), `${path} at ${width} px`).toEqual([]);
        }
        const noted = list.filter((line) => line.includes(`status of ${status}`));
        expect(noted.length).toBeLessThanOrEqual(status === 200 ? 0 : 1);
        expect(list.filter((line) => !noted.includes(line))).toEqual([]);
        page.removeAllListeners("console");
      }
    });
  }
}

test("a source with a long name and large prices fit a phone", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 800 });
  await doctored(page, (answer) => {
    answer.provenance.source = "an-archive-of-another-exchange-with-a-long-name";
    for (const quote of answer.prices) Object.assign(quote, { price: "95123.45", price_decimals: 2 });
  });
  await page.goto("/");
  await refreshed(page);
  await expect(page.locator("tbody .price").first()).toHaveText(/^95,123\.4/);
  await expect(page.locator(".pill")).toContainText("Prices from an-archive");
  // Nor is a coin's name cut short.
  expect(await overfull(page, ".head-in, .card, .table-wrap, .coin-name")).toEqual([]);
});

test("prices of fourteen decimals and of fifteen digits keep the table's width", async ({ page }) => {
  await page.goto("/");
  await refreshed(page);
  await doctored(page, (answer) => {
    for (const [i, quote] of answer.prices.entries()) {
      const [price, price_decimals] = i % 2 ? ["0.00000000111332", 14] : ["999999999999999.99", 2];
      Object.assign(quote, { price, price_decimals, open_24h: price, high_24h: price, low_24h: price });
    }
  });
  const prices = page.locator("tbody .price");
  await expect(prices.filter({ hasText: "0.00000000111332" })).toHaveCount(2);
  for (const width of [1440, 1280, 390]) {
    await page.setViewportSize({ width, height: 900 });
    expect(await overfull(page, ".card, .table-wrap"), `${width}`).toEqual([]);
  }
  // What is cut off is in the title, and read out whole.
  await expect(page.getByTitle("999,999,999,999,999.99", { exact: true })).toHaveCount(3);
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
  await unintercepted(page);
  await expect(page.getByText("Recorded prices")).toBeVisible();
  await expect(page.locator("tbody .sparkline")).toHaveCount(5);
});

for (const size of [24, 32]) {
  test(`letters of ${size} px by the browser's own setting are followed, and nothing leaves its card`, async ({ playwright, baseURL }) => {
    test.setTimeout(60_000);
    const { executablePath, args } = test.info().project.use.launchOptions;
    const browser = await playwright.chromium.launch({ executablePath, args: [...args, `--blink-settings=defaultFontSize=${size}`] });
    try {
      const page = await browser.newPage({ baseURL });
      for (const width of [1440, 1920]) {
        await page.setViewportSize({ width, height: 900 });
        for (const path of ["/", "/?lang=zh-CN", "/coin/BTC", "/coin/BTC?lang=zh-CN", "/nope", "/admin"]) {
          await page.goto(path);
          await expect(page.locator("main")).toBeVisible();
          const body = await page.locator("body").evaluate((element) => parseFloat(getComputedStyle(element).fontSize));
          expect(body).toBe(size * 0.875);
          // The table scrolls within its card where it is wider.
          expect(await overfull(page, ".head-in, .card, .tile, .figures, .figures dl > div, .figures dd"), `${path} at ${width} px`).toEqual([]);
        }
      }
    } finally {
      await browser.close();
    }
  });
}
