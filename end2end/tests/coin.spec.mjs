// The coin's page: intervals, ranges, the chart under pointer and keys, export, print.
import { readFileSync } from "node:fs";
import { expect, test } from "@playwright/test";
import { complaints, doctored, hydrated, open, overfull, refreshed, unintercepted } from "./support.mjs";

const stage = (page) => page.getByRole("application");
const figures = (page) => page.locator(".legend b").allTextContents();
const said = (page) => page.locator(".chart-figure p[aria-live=polite]");
/** What a layer shows: 0 is the chart, 1 the crosshair. */
const picture = (page, layer) => page.locator("canvas").nth(layer).evaluate((canvas) => canvas.toDataURL());

test("a canvas takes the drawing's place, of one size and sharp", async ({ page }) => {
  const list = complaints(page);
  await page.goto("/coin/BTC");
  await hydrated(page);
  await expect(stage(page)).toHaveAccessibleName("Bitcoin, 4h candles");
  await expect(stage(page)).toHaveAccessibleDescription(/^\d+ candles of 4h from .* Open .* Arrow keys walk/);
  await expect(page.locator("canvas").first()).toBeVisible();
  await expect(page.locator(".chart-wide")).toBeHidden();
  expect(await page.getByRole("img").count()).toBe(0);
  expect(list).toEqual([]);
});

test.describe("on a screen of two device pixels a pixel", () => {
  test.use({ deviceScaleFactor: 2 });

  test("the canvas is sharp, also after a resize", async ({ page }) => {
    await open(page, "/coin/BTC");
    for (const width of [1440, 1100, 700, 390, 2560]) {
      await page.setViewportSize({ width, height: 900 });
      await expect
        .poll(() =>
          page.locator("canvas").evaluateAll((all) =>
            all.map((canvas) => [canvas.width - 2 * canvas.clientWidth, canvas.height - 2 * canvas.clientHeight]),
          ),
        )
        .toEqual([
          [0, 0],
          [0, 0],
        ]);
    }
  });
});

test("interval and range are in the address and kept by a reload", async ({ page }) => {
  const list = complaints(page);
  await open(page, "/coin/ETH");
  await page.evaluate(() => {
    window.stayed = true;
  });
  const interval = (name) => page.getByRole("navigation", { name: "Interval" }).getByRole("link", { name, exact: true });
  const range = (name) => page.getByRole("navigation", { name: "Range" }).getByRole("link", { name, exact: true });
  const current = page.locator(".choices [aria-current]");
  await expect(current).toHaveText(["4h"]);
  let before = await picture(page, 0);
  for (const [link, url, shown] of [
    [interval("1d"), /[?]interval=1d$/, ["1d"]],
    [range("1Y"), /[?]interval=1d&range=1y$/, ["1d", "1Y"]],
    [range("1D"), /[?]interval=30m&range=1d$/, ["30m", "1D"]],
    [range("1M"), /[?]interval=30m&range=1m$/, ["30m → 4h", "1M"]],
    [interval("1w"), /[?]interval=1w$/, ["1w"]],
    [range("3M"), /[?]interval=1w&range=3m$/, ["1w", "3M"]],
  ]) {
    await link.click();
    await expect(page).toHaveURL(url);
    await expect(current).toHaveText(shown);
    await expect(stage(page)).toHaveAccessibleName(`Ethereum, ${shown[0].split(" ").at(-1)} candles`);
    await expect.poll(() => picture(page, 0)).not.toBe(before);
    before = await picture(page, 0);
  }
  expect(await page.evaluate(() => window.stayed)).toBe(true);
  await page.reload();
  await hydrated(page);
  await expect(current).toHaveText(["1w", "3M"]);
  await expect.poll(() => picture(page, 0)).toBe(before);
  await page.goBack();
  await expect(current).toHaveText(["1w"]);
  expect(list).toEqual([]);
});

test("the legend follows the pointer, which is not read out", async ({ page }) => {
  await open(page, "/coin/BTC");
  const last = await figures(page);
  expect(last).toHaveLength(5);
  const empty = await picture(page, 1);
  const box = await stage(page).boundingBox();
  await page.mouse.move(box.x + box.width / 3, box.y + box.height / 2);
  await expect.poll(() => figures(page)).not.toEqual(last);
  const third = await figures(page);
  await expect.poll(() => picture(page, 1)).not.toBe(empty);
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await expect.poll(() => figures(page)).not.toEqual(third);
  await expect(said(page)).toHaveText("");
  await page.mouse.move(box.x + box.width / 2, box.y - 100);
  await expect.poll(() => figures(page)).toEqual(last);
  await expect.poll(() => picture(page, 1)).toBe(empty);
});

test("keys walk along the bars, and each bar is said", async ({ page }) => {
  const list = complaints(page);
  await open(page, "/coin/BTC?interval=1d");
  const last = await figures(page);
  await stage(page).focus();
  await expect(said(page)).toHaveText("");
  await page.keyboard.press("ArrowLeft");
  await expect(said(page)).toHaveText(/^31 Mar 2019.*: Open [\d,.]+, High [\d,.]+, Low [\d,.]+, Close [\d,.]+, Volume in coins /);
  expect(await figures(page)).toEqual(last);
  await page.keyboard.press("ArrowLeft");
  await expect(said(page)).toHaveText(/^30 Mar 2019/);
  await page.keyboard.press("PageUp");
  await expect(said(page)).toHaveText(/^20 Mar 2019/);
  await page.keyboard.press("ArrowRight");
  await expect(said(page)).toHaveText(/^21 Mar 2019/);
  await page.keyboard.press("Home");
  await expect(said(page)).toHaveText(/^2 Nov 2018/);
  const first = await figures(page);
  expect(first).not.toEqual(last);
  await page.keyboard.press("ArrowLeft");
  expect(await figures(page)).toEqual(first);
  await page.keyboard.press("End");
  await expect(said(page)).toHaveText(/^31 Mar 2019/);
  await page.keyboard.press("Home");
  await page.keyboard.press("Escape");
  await expect(said(page)).toHaveText("");
  await expect.poll(() => figures(page)).toEqual(last);
  // Other keys are the page's: the focus moves on, and the crosshair goes with it.
  await page.keyboard.press("Home");
  await page.keyboard.press("Tab");
  await expect(stage(page)).not.toBeFocused();
  await expect(said(page)).toHaveText("");
  expect(list).toEqual([]);
});

test("the last candle follows prices of its own source, not made-up ones", async ({ page }) => {
  await open(page, "/coin/BTC");
  const last = await figures(page);
  await doctored(page, (answer) => {
    answer.provenance.simulated = true;
    answer.provenance.source = "simulated";
    for (const quote of answer.prices) quote.price = "9999.50";
  });
  const price = page.locator("main").getByText(/^9,999\.5$/).first();
  await expect(price).toBeVisible();
  await refreshed(page);
  expect(await figures(page)).toEqual(last);
  await unintercepted(page);
  await doctored(page, (answer) => {
    for (const quote of answer.prices) quote.price = "8888.50";
  });
  await expect.poll(() => figures(page)).toContain("8,888.5");
});

test("a price that is of the next candle already has it read at once", async ({ page }) => {
  await page.route("**/fn/chart*", async (route) => {
    const response = await route.fetch();
    const answer = await response.json();
    const [time] = answer.candles.at(-1);
    answer.candles.push([time + 4 * 3_600_000, 4_167.5, 4_170.3, 4_166.5, 4_169.8, 3.5]);
    answer.partial.push(time + 4 * 3_600_000);
    await route.fulfill({ response, json: answer });
  });
  await open(page, "/coin/BTC");
  await doctored(page, (answer) => {
    for (const quote of answer.prices) {
      quote.as_of += 60_000;
      quote.price = "4169.8";
    }
  });
  // Sooner than the next refresh of the candles.
  await expect.poll(() => figures(page), { timeout: 8_000 }).toEqual(["4,167.5", "4,170.3", "4,166.5", "4,169.8", "3.50"]);
  await expect(page.locator(".chart-live .card-foot")).toContainText("The last candle is running");
});

test("the export is a CSV file of the candles on screen", async ({ page }) => {
  await open(page, "/coin/LTC?interval=4h&range=3m");
  const link = page.getByRole("link", { name: "Export" });
  await expect(link).toHaveAttribute("title", "Export the 1d candles on screen as CSV");
  const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
  expect(download.suggestedFilename()).toMatch(/LTC.*1d.*\.csv$/);
  const lines = readFileSync(await download.path(), "utf8").trim().split("\n");
  expect(lines[0]).toMatch(/open_time,open,high,low,close,volume/);
  const drawn = Number((await page.locator("#chart-says").textContent()).match(/^\d+/)[0]);
  expect(lines.length - 1).toBe(drawn);
});

test("shortcuts of the browser are left to it", async ({ page }) => {
  await open(page, "/coin/BTC");
  await stage(page).focus();
  const last = await figures(page);
  for (const keys of ["Control+Home", "Meta+ArrowLeft", "Control+End"]) {
    await page.keyboard.press(keys);
    expect(await figures(page)).toEqual(last);
    await expect(said(page)).toHaveText("");
  }
  const taken = await stage(page).evaluate((node) =>
    ["altKey", "ctrlKey", "metaKey", "shiftKey"].map((modifier) => {
      const event = new KeyboardEvent("keydown", { key: "ArrowLeft", [modifier]: true, bubbles: true, cancelable: true });
      node.dispatchEvent(event);
      return event.defaultPrevented;
    }),
  );
  expect(taken).toEqual([false, false, false, true]);
});

test.describe("under a finger", () => {
  test.use({ hasTouch: true, viewport: { width: 390, height: 844 } });

  test("the values of a tapped candle stay until the next tap", async ({ page }) => {
    await open(page, "/coin/BTC");
    const last = await figures(page);
    const box = await stage(page).boundingBox();
    await page.touchscreen.tap(box.x + 60, box.y + box.height / 2);
    await expect.poll(() => figures(page)).not.toEqual(last);
    const tapped = await figures(page);
    await refreshed(page);
    expect(await figures(page)).toEqual(tapped);
    await page.touchscreen.tap(box.x + 200, box.y + box.height / 2);
    await expect.poll(() => figures(page)).not.toEqual(tapped);
    await page.getByRole("heading", { level: 1 }).tap();
    await expect.poll(() => figures(page)).toEqual(last);
  });
});

test("on paper the drawing stands, as the server draws it", async ({ browser }) => {
  const clock = { timezoneId: "UTC" };
  const plain = await browser.newContext({ ...clock, javaScriptEnabled: false });
  const unscripted = await plain.newPage();
  await unscripted.goto("/coin/ETH?interval=1d&range=3m");
  const drawn = await unscripted.locator(".chart-wide").innerHTML();
  expect(drawn).toContain("<svg");
  await plain.close();
  const context = await browser.newContext(clock);
  const page = await context.newPage();
  await page.goto("/coin/ETH");
  await expect(stage(page)).toBeVisible();
  await page.getByRole("link", { name: "1d", exact: true }).click();
  await page.getByRole("link", { name: "3M", exact: true }).click();
  await expect(page).toHaveURL(/interval=1d&range=3m/);
  await expect(stage(page)).toHaveAccessibleName("Ethereum, 1d candles");
  await expect(page.locator(".choices [aria-current]")).toHaveText(["1d", "3M"]);
  await page.waitForResponse((r) => r.url().includes("/api/latest_prices"));
  await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
  await expect.poll(() => page.locator(".chart-wide").innerHTML()).toBe(drawn);
  await page.emulateMedia({ media: "print" });
  await expect(page.locator(".chart-wide svg")).toBeVisible();
  await expect(page.locator("canvas").first()).toBeHidden();
  // Only what was chosen stands beside it.
  await expect(page.locator(".choice").filter({ visible: true })).toHaveText(["1d", "3M"]);
  await context.close();
});

for (const [what, decimals, shown] of [
  ["large", 2, "999,999,999,999,999.00"],
  ["tiny", 14, "0.00000000002448"],
]) {
  test(`a ${what} price stays in its place at any width`, async ({ page }) => {
    const plain = shown.replaceAll(",", "");
    await page.route("**/fn/chart*", async (route) => {
      const response = await route.fetch();
      const answer = await response.json();
      answer.price_decimals = decimals;
      const scale = Number(plain) / answer.candles.at(-1)[4];
      for (const candle of answer.candles) for (const i of [1, 2, 3, 4]) candle[i] *= scale;
      await route.fulfill({ response, json: answer });
    });
    await doctored(page, (answer) => {
      for (const quote of answer.prices) {
        Object.assign(quote, { price: plain, price_decimals: decimals });
        Object.assign(quote, { open_24h: plain, high_24h: plain, low_24h: plain });
      }
    });
    await open(page, "/coin/BTC?interval=1d");
    await expect(page.locator(".coin-price")).toContainText(shown);
    // Another choice is read from the server, and then of these prices.
    await page.getByRole("link", { name: "3M", exact: true }).click();
    await expect(page.locator(".legend")).toContainText(shown);
    for (const width of [320, 390, 768, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      await expect.poll(() => overfull(page, ".card, .figures, .figures dd, .figures-range, .coin-head, .legend")).toEqual([]);
    }
  });
}

for (const [lang, title, hint, way] of [
  ["en", "No coin called NOPE", "It may be spelt differently, or its prices have not been imported.", "All markets"],
  ["zh-CN", "没有名为 NOPE 的币种", "可能拼写不同，或其价格尚未导入。", "全部行情"],
]) {
  test(`an unknown coin is told with status 404, ${lang}`, async ({ page }) => {
    const response = await page.goto(`/coin/nope?lang=${lang}`);
    expect(response.status()).toBe(404);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText(title);
    await expect(page.getByText(hint)).toBeVisible();
    await page.getByRole("link", { name: way }).click();
    await expect(page.locator("tbody tr")).toHaveCount(5);
  });
}

test("a bad interval is told with what is off", async ({ page }) => {
  const response = await page.goto("/coin/BTC?interval=1m");
  expect(response.status()).toBe(400);
  await expect(page.getByRole("heading", { name: "That cannot be shown" })).toBeVisible();
});

test("a phone shows a range whole: each its own picture, and its description says from when", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const says = new Set();
  for (const [range, count] of [["1d", 48], ["1w", 42], ["1m", 30], ["3m", 91], ["1y", 52]]) {
    await page.goto(`/coin/BTC?range=${range}`);
    await expect(page.getByRole("application")).toBeVisible();
    const text = await page.locator("#chart-says").textContent();
    expect(Number(text.match(/^\d+/)[0]), text).toBeGreaterThanOrEqual(count);
    says.add(text.match(/from (.*?) to/)[1]);
  }
  expect(says.size).toBe(5);
});

test("paper has all of the chart and of the table", async ({ page }) => {
  await page.emulateMedia({ media: "print" });
  await page.setViewportSize({ width: 718, height: 1000 });
  for (const path of ["/coin/BTC?interval=1d&range=3m", "/"]) {
    await page.goto(path);
    await expect(page.locator("main")).toBeVisible();
    const cut = await page.evaluate(() =>
      [...document.querySelectorAll(".chart-wide svg, .prices")]
        .map((part) => [part.getBoundingClientRect(), part.closest(".card").getBoundingClientRect()])
        .filter(([part, card]) => part.left < card.left - 1 || part.right > card.right + 1)
        .map(([part, card]) => `${part.left} to ${part.right} in ${card.left} to ${card.right}`),
    );
    expect(cut, path).toEqual([]);
  }
});

test.describe("west of Greenwich", () => {
  test.use({ timezoneId: "America/New_York" });

  test("a bar of a day is of one day for eye and ear", async ({ page }) => {
    await page.goto("/coin/BTC?interval=1d");
    await expect(page.getByRole("application")).toBeVisible();
    await expect(page.locator(".figures")).toContainText("UTC−");
    await page.getByRole("application").focus();
    await page.keyboard.press("End");
    await expect(page.locator("[aria-live=polite]").filter({ hasText: "Open" })).toContainText(/^31 Mar 2019: Open/);
    await expect(page.locator("#chart-says")).toContainText("to 31 Mar 2019.");
    await expect(page.locator(".chart-live .card-foot")).toContainText(/· UTC$/);
  });
});
