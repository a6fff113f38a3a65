// Every drawn candle is the API's candle of the interval that the chart is labelled with: at each width, interval and range,
// as reached by address and by clicks. The chart is walked by keys, candle by candle, as a screen reader's user walks it.
import { expect, test } from "@playwright/test";
import { complaints } from "./support.mjs";

const WIDTHS = [320, 390, 768, 1440, 1920];
const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;
const LENGTHS = {
  "1m": MINUTE,
  "5m": 5 * MINUTE,
  "15m": 15 * MINUTE,
  "30m": 30 * MINUTE,
  "1h": 60 * MINUTE,
  "4h": 240 * MINUTE,
  "1d": DAY,
  "1w": 7 * DAY,
};
const INTERVALS = ["30m", "1h", "4h", "1d", "1w"];
/** Ranges by their text in the address: label and days; null is all that is stored. */
const RANGES = {
  "1d": ["1D", 1],
  "1w": ["1W", 7],
  "1m": ["1M", 30],
  "3m": ["3M", 91],
  "1y": ["1Y", 365],
  all: ["All", null],
};
/** The open time of the candle that holds a time; weeks begin on Mondays. */
const bucket = (interval, time) => {
  const offset = interval === "1w" ? 4 * DAY : 0;
  return time - ((((time - offset) % LENGTHS[interval]) + LENGTHS[interval]) % LENGTHS[interval]);
};

// Times are read out as the clock of UTC shows them, which a script can read.
test.use({ timezoneId: "UTC" });

/** What the page says of its chart, once it has settled: the label of the button and the name of the drawing agree then. */
async function settled(page) {
  const label = () =>
    page.evaluate(() => {
      const button = document.querySelector(".choice-group:not(.choice-spans) [aria-current]").innerText.trim();
      const stage = document.querySelector("[role=application]");
      const busy = document.querySelector(".chart-live").ariaBusy;
      const name = stage?.ariaLabel?.match(/, (\S+) candles$/)?.[1];
      const [asked, drawn = asked] = button.split(" → ");
      return { asked, drawn, settled: busy === "false" && name === drawn };
    });
  await expect.poll(async () => (await label()).settled).toBe(true);
  return label();
}

/** Walks the whole chart by keys. Each candle as it is read out, with the figures of the legend. */
function walked(page) {
  return page.evaluate(async () => {
    const stage = document.querySelector("[role=application]");
    const said = document.querySelector(".chart-figure p[aria-live=polite]");
    const legend = () => [...document.querySelectorAll(".legend b")].map((b) => b.textContent);
    const channel = new MessageChannel();
    const turn = () =>
      new Promise((done) => {
        channel.port1.onmessage = done;
        channel.port2.postMessage(0);
      });
    const press = async (key) => {
      stage.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
      await turn();
    };
    stage.focus();
    await press("Home");
    const candles = [];
    for (let i = 0; i < 5_001; i += 1) {
      const text = said.textContent;
      if (text === candles.at(-1)?.text) break;
      candles.push({ text, legend: legend() });
      await press("ArrowRight");
    }
    await press("Escape");
    return {
      candles,
      says: document.querySelector("#chart-says").textContent,
      interval: document.querySelector(".legend-interval").textContent,
      link: [...document.querySelectorAll("a[href^='/api/export']")].map((link) => link.getAttribute("href")),
      width: stage.clientWidth,
    };
  });
}

const number = (text) => Number(text.replaceAll(",", ""));
const MULTIPLES = { "": 1, K: 1e3, M: 1e6, B: 1e9, T: 1e12 };

/** A candle from what is read out. */
function heard(text) {
  const parts = text.match(
    /^(.*?): Open ([\d,.]+), High ([\d,.]+), Low ([\d,.]+), Close ([\d,.]+), Volume in coins ([\d,.]+)([KMBT]?)$/,
  );
  expect(parts, text).not.toBeNull();
  const clock = parts[1].replace(/\s+/g, " ").replace(",", "");
  return {
    time: Date.parse(clock.endsWith("UTC") ? clock : `${clock} UTC`),
    prices: parts.slice(2, 6),
    volume: number(parts[6]) * MULTIPLES[parts[7]],
    unit: MULTIPLES[parts[7]],
  };
}

/** Compares a chart with the API. What it was asked for: interval and range, by their texts in the address. */
async function checked(page, range, counted) {
  const { asked, drawn } = await settled(page);
  const chart = await walked(page);
  const where = `${page.url()} at ${page.viewportSize().width} px: ${asked} drawn as ${drawn}`;
  expect(chart.interval, where).toBe(drawn);
  expect(Number(chart.says.match(/^\d+/)[0]), where).toBe(chart.candles.length);
  expect(chart.says, where).toContain(` of ${drawn} from `);
  expect(chart.link, where).toHaveLength(1);
  const link = new URL(chart.link[0], page.url()).searchParams;
  expect(link.get("interval"), where).toBe(drawn);
  const query = new URLSearchParams({ symbol: "BTC", interval: drawn, source: link.get("source"), limit: "5000" });
  for (const end of ["from", "to"]) query.set(end, link.get(end));
  const api = page.context().request;
  const answer = await (await api.get(`/api/chart_data?${query}`)).json();
  expect(answer.candles.length, where).toBe(chart.candles.length);
  const wrong = [];
  const decimals = new Set();
  chart.candles.forEach(({ text, legend }, i) => {
    const candle = heard(text);
    const [time, ...figures] = answer.candles[i];
    const digits = candle.prices.map((price) => price.split(".")[1]?.length ?? 0);
    for (const count of digits) decimals.add(count);
    const off = candle.prices.filter((price, j) => Math.abs(number(price) - figures[j]) > 0.500001 * 10 ** -digits[j]);
    const isOff = Math.abs(candle.volume - figures[4]) > 0.00501 * candle.unit;
    const same = legend.slice(0, 4).every((figure, j) => figure === candle.prices[j]);
    if (candle.time !== time || off.length > 0 || isOff || !same) wrong.push([text, legend, answer.candles[i]]);
  });
  expect(wrong, where).toEqual([]);
  expect(decimals.size, `${where}: one number of decimals`).toBe(1);
  // All of the range is drawn, and no more.
  const { as_of: asOf } = (await (await api.get("/api/latest_prices?symbols=BTC")).json()).prices[0];
  const reach = async (interval) => {
    const whole = new URLSearchParams({ symbol: "BTC", interval, source: link.get("source"), limit: "5000" });
    if (range && RANGES[range][1] !== null) whole.set("from", bucket(interval, asOf - RANGES[range][1] * DAY));
    return (await (await api.get(`/api/chart_data?${whole}`)).json()).candles;
  };
  if (range === null) {
    const last = await reach(asked);
    const usual = page.viewportSize().width <= 560 ? 64 : 150;
    expect(drawn, where).toBe(asked);
    expect(answer.candles, where).toEqual(last.slice(-usual));
  } else {
    expect(answer.candles, where).toEqual(await reach(drawn));
    // A coarser interval stands in only where the asked one has no room.
    const room = chart.width / 2;
    if (drawn !== asked) expect((await reach(asked)).length, where).toBeGreaterThan(room - 60);
    if (drawn !== "1w") expect(chart.candles.length, where).toBeLessThanOrEqual(room);
  }
  counted.charts += 1;
  counted.candles += chart.candles.length;
  if (drawn !== asked) counted.coarser += 1;
}

for (const width of WIDTHS) {
  test(`every candle is the API's of the labelled interval, ${width} px`, async ({ page }, info) => {
    test.setTimeout(240_000);
    const list = complaints(page);
    const counted = { charts: 0, candles: 0, coarser: 0 };
    await page.setViewportSize({ width, height: 900 });
    for (const interval of INTERVALS) {
      for (const range of [null, ...Object.keys(RANGES)]) {
        await page.goto(`/coin/BTC?interval=${interval}${range ? `&range=${range}` : ""}`);
        await checked(page, range, counted);
      }
      // The same by clicks: each range from the plain chart of the interval.
      await page.goto(`/coin/BTC?interval=${interval}`);
      for (const [range, [label]] of Object.entries(RANGES)) {
        await page.getByRole("navigation", { name: "Range" }).getByRole("link", { name: label, exact: true }).click();
        await expect(page).toHaveURL(new RegExp(`range=${range}$`));
        await checked(page, range, counted);
      }
    }
    const line = `${counted.candles} candles of ${counted.charts} charts compared, ${counted.coarser} drawn coarser than asked`;
    console.log(`  ${width} px: ${line}`);
    info.annotations.push({ type: "candles", description: line });
    expect(list).toEqual([]);
  });
}

test("a chart that is resized reads the candles of its width, once it has settled", async ({ page }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.goto("/coin/BTC?interval=1d&range=1y");
  expect(await settled(page)).toMatchObject({ asked: "1d", drawn: "1d" });
  const reads = [];
  page.on("request", (request) => {
    if (request.url().includes("/fn/chart")) reads.push(request.url());
  });
  for (let width = 1400; width >= 400; width -= 100) await page.setViewportSize({ width, height: 900 });
  await expect(page.locator(".legend-interval")).toHaveText("1w");
  expect(await settled(page)).toMatchObject({ asked: "1d", drawn: "1w" });
  // One for the width at the end, and the refresh that may come meanwhile.
  expect(reads.length, reads.join("\n")).toBeLessThanOrEqual(3);
  await page.setViewportSize({ width: 1440, height: 900 });
  await expect(page.locator(".legend-interval")).toHaveText("1d");
  expect(await settled(page)).toMatchObject({ asked: "1d", drawn: "1d" });
});

test("without scripts each of both drawings is labelled with its own interval", async ({ browser }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  for (const [width, drawing, drawn] of [
    [1440, ".chart-wide", "4h"],
    [390, ".chart-narrow", "1d"],
  ]) {
    await page.setViewportSize({ width, height: 900 });
    await page.goto("/coin/BTC?interval=30m&range=1m");
    await expect(page.locator(drawing)).toBeVisible();
    await expect(page.locator(`${drawing} title`)).toHaveText(`Bitcoin, ${drawn} candles`);
    await expect(page.locator(`${drawing} desc`)).toHaveText(new RegExp(`^\\d+ candles of ${drawn} from `));
    await expect(page.locator(".legend-interval").filter({ visible: true })).toHaveText([drawn]);
    const button = page.locator(".choice-group [aria-current]").first();
    expect(await button.innerText()).toBe(`30m → ${drawn}`);
    const link = page.locator("a[href^='/api/export']").filter({ visible: true });
    await expect(link).toHaveCount(1);
    await expect(link).toHaveAttribute("href", new RegExp(`interval=${drawn}&from=\\d+&to=\\d+&source=recorded`));
  }
  await context.close();
});
