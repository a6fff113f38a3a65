// The markets page: tiles, columns, order, search, choice of coins, watchlist.
import { expect, test } from "@playwright/test";
import { complaints, doctored, ELSEWHERE, hydrated, intercepted, open, refreshed, SAMPLE, symbols } from "./support.mjs";

/** Column heads by their names, with what the address calls them and whether the first click sorts upwards. */
const COLUMNS = [
  { name: "Watchlist", key: "watch" },
  { name: "Rank by market cap, then by volume where the supply is unknown", short: "#", key: "rank", up: true },
  { name: "Coin", key: "coin", up: true },
  { name: "Price", key: "price", cell: ".price" },
  { name: "1h", key: "1h" },
  { name: "24h", key: "24h" },
  { name: "7d", key: "7d" },
  { name: "24h range", key: "range" },
  { name: "Volume 24h", key: "volume" },
  { name: "Market cap", key: "cap" },
  { name: "Last 7 days", key: "line" },
];

/** The number of a shown figure: `▲ 1.25%`, `$73.43B`. */
const number = (text) => {
  const size = { K: 1e3, M: 1e6, B: 1e9, T: 1e12 }[text.trim().at(-1)] ?? 1;
  return Number(text.replace(/[^\d.]/g, "")) * size * (text.includes("▼") ? -1 : 1);
};

const shownSort = (page) =>
  page.locator("thead th[aria-sort]").evaluateAll((heads) =>
    heads.map((head) => `${head.textContent.replace(/[↑↓]/g, "").trim()} ${head.ariaSort}`),
  );

for (const scripts of [true, false]) {
  test.describe(scripts ? "with scripts" : "without scripts", () => {
    test.use({ javaScriptEnabled: scripts });
    const go = (page, path) => (scripts ? open(page, path) : page.goto(path));

    test("the tiles and every cell hold figures", async ({ page }) => {
      const list = complaints(page, { scripts });
      await go(page, "/");
      await expect(page.locator(".tile")).toHaveCount(4);
      await expect(page.locator(".tile .figure").nth(0)).toHaveText(/^\$[\d.]+B$/);
      await expect(page.locator(".tile .note").nth(0)).toHaveText(/^(up|down) [▲▼] [\d.]+% 24h · of 5 coins$/);
      await expect(page.locator(".tile .figure").nth(1)).toHaveText(/^\$[\d.]+[MB]$/);
      await expect(page.locator(".tile .note").nth(1)).toHaveText("of 5 coins");
      await expect(page.locator(".tile .figure").nth(2)).toHaveText(/^\d up · \d down/);
      await expect(page.locator(".tile-share .note")).toHaveText(/^BTC [\d.]+% · [A-Z]+ [\d.]+% · [A-Z]+ [\d.]+%$/);
      await expect(page.locator("thead th")).toHaveCount(11);
      const rows = await page.locator("tbody tr").evaluateAll((all) =>
        all.map((row) => [...row.children].map((cell) => (cell.querySelector("svg.sparkline") ? "line" : cell.textContent.trim()))),
      );
      expect(rows).toHaveLength(SAMPLE.length);
      const change = /^(up|down)? ?[▲▼]? ?[\d.]+%$/;
      for (const [i, row] of rows.entries()) {
        const [, rank, coin, price, hour, day, week, range, volume, cap, line] = row;
        expect(rank).toBe(String(i + 1));
        expect(coin).toMatch(/[A-Z]{3}$/);
        expect(price).toMatch(/^[\d,]+\.\d{1,5}$/);
        for (const figure of [hour, day, week]) expect(figure).toMatch(change);
        expect(range).toMatch(/^[\d,.]+$/);
        expect(volume).toMatch(/^\$[\d.]+[KMB]$/);
        expect(cap).toMatch(/^\$[\d.]+[MB]$/);
        expect(line).toBe("line");
      }
      // Where the figures come from, how fresh they are, and of which day the supplies.
      await expect(page.locator(".pill")).toHaveText("Recorded prices");
      const foot = page.locator(".card-foot");
      // Without scripts an age would stand still: a time does not.
      const origin = scripts
        ? /Served from (memory|Redis) \(L[12]\), [\d.]+ (s|min|h) old|Read from the database just now/
        : /Served from (memory|Redis) \(L[12]\), as of \d\d:\d\d\sUTC|Read from the database at \d\d:\d\d\sUTC/;
      await expect(foot).toContainText(origin);
      await expect(foot).toContainText(/Prices as of \d+ (Mar|Apr) 2019, \d\d:\d\d\sUTC/);
      await expect(foot).toContainText(/Market cap uses suppl(y as of|ies of) \d+ \w{3} 2019/);
      // Few rows are all shown.
      await expect(page.locator("a[href*='rows=all']")).toHaveCount(0);
      expect(list).toEqual([]);
    });
  });
}

/** What a row shows, by which a column sorts: the same for what is on the page and what the server sent. */
const rowsOf = (page, html = null) =>
  page.evaluate((text) => {
    const place = text === null ? document : new DOMParser().parseFromString(text, "text/html");
    const number = (of) => Number(of.replace(/[^\d.]/g, ""));
    return [...place.querySelectorAll("tbody tr")].map((row) => {
      const [low, high] = [...row.querySelectorAll(".range > span:not(.drawing)")].map((figure) => number(figure.textContent));
      return {
        symbol: row.querySelector(".coin-symbol").textContent,
        name: row.querySelector(".coin-name").textContent,
        watched: row.querySelector(".star").getAttribute("aria-pressed") === "true",
        place: (number(row.querySelector(".price").textContent) - low) / (high - low),
        cells: [...row.children].map((cell) => cell.textContent),
      };
    });
  }, html);

/** The rows stand in the order of this column; those that are equal by their ranks. */
function inOrder(rows, key, column, ascending) {
  // The line sorts by the change that the seventh column writes.
  if (key === "line") return inOrder(rows, "7d", columnOf("7d"), ascending);
  expect(rows.map((row) => row.symbol).toSorted()).toEqual(SAMPLE);
  const value = (row) => {
    if (key === "watch") return row.watched ? 1 : 0;
    if (key === "range") return row.place;
    return key === "coin" ? row.name : number(row.cells[column]);
  };
  const order = (a, b) => (a === b ? 0 : a < b === ascending ? -1 : 1);
  const sorted = rows.toSorted((a, b) => order(value(a), value(b)) || Number(a.cells[1]) - Number(b.cells[1]));
  expect(rows.map((row) => row.symbol), `${key}, ${ascending ? "up" : "down"}`).toEqual(sorted.map((row) => row.symbol));
}

/** The place of a column. */
const columnOf = (key) => COLUMNS.findIndex((column) => column.key === key);

/** Two coins on the watchlist, so that its column has something to sort. */
const watching = (page) =>
  page.context().addCookies([{ name: "watch", value: "EOS.XRP", url: process.env.BASE_URL ?? "http://127.0.0.1:3000" }]);

test("every column sorts both ways, its head says so, and one step back leads to the page before", async ({ page }) => {
  const list = complaints(page);
  await watching(page);
  await page.goto("/coin/BTC");
  await open(page, "/?sort=coin");
  await page.evaluate(() => {
    window.stayed = true;
  });
  for (const { name, key, up } of COLUMNS) {
    // Another column is the sorted one, so that the first click is a first one.
    if (key === "coin") {
      await page.getByRole("button", { name: "Price", exact: true }).click();
      await expect(page).toHaveURL(/sort=-price$/);
    }
    const button = page.getByRole("columnheader").getByRole("button", { name, exact: true });
    const orders = up ? [key, `-${key}`] : [`-${key}`, key];
    for (const order of orders) {
      await button.click();
      // The order of the plain address is not named in it.
      await expect(page).toHaveURL(order === "-cap" ? /\/$/ : new RegExp(`[?]sort=${order}$`));
      const direction = order.startsWith("-") ? "descending" : "ascending";
      const head = COLUMNS[columnOf(key)];
      const said = head.short ?? head.name;
      await expect.poll(() => shownSort(page)).toEqual([`${said} ${direction}`]);
      inOrder(await rowsOf(page), key, columnOf(key), direction === "ascending");
    }
  }
  expect(await page.evaluate(() => window.stayed)).toBe(true);
  await page.goBack();
  await expect(page).toHaveURL(/\/coin\/BTC$/);
  expect(list).toEqual([]);
});

test("a slash leads to the filter, typing filters and is in the address, Escape empties it", async ({ page }) => {
  const list = complaints(page);
  await open(page, "/?sort=coin");
  const field = page.getByRole("searchbox", { name: "Filter coins" });
  await page.keyboard.press("/");
  await expect(field).toBeFocused();
  await expect(field).toHaveValue("");
  await page.keyboard.type("LiTe");
  await expect.poll(() => symbols(page)).toEqual(["LTC"]);
  await expect(page).toHaveURL(/[?]sort=coin&q=LiTe$/);
  await expect(page.getByRole("status").filter({ hasText: "One coin shown" })).toHaveCount(1);
  // A slash within a text is a slash.
  await page.keyboard.type("/");
  await expect(field).toHaveValue("LiTe/");
  await expect(page.getByText("No coins match “LiTe/”.")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(field).toHaveValue("");
  await expect(page).toHaveURL(/[?]sort=coin$/);
  expect(await symbols(page)).toHaveLength(5);
  await page.keyboard.type("xrp");
  await expect.poll(() => symbols(page)).toEqual(["XRP"]);
  await page.reload();
  await hydrated(page);
  await expect(field).toHaveValue("xrp");
  expect(await symbols(page)).toEqual(["XRP"]);
  // The way back empties the field with the table.
  await page.getByRole("link", { name: "Losers" }).click();
  await expect(page).toHaveURL(/q=xrp&show=losers/);
  await page.goBack();
  await expect(page).toHaveURL(/q=xrp$/);
  await expect(field).toHaveValue("xrp");
  expect(list).toEqual([]);
});

test("chips show gainers and losers, and where none are, say so", async ({ page }) => {
  const list = complaints(page);
  await open(page, "/");
  const chips = page.getByRole("navigation", { name: "Show" });
  const counts = {};
  for (const [chip, word, empty] of [
    ["Gainers", "up", "No coin has risen in 24 hours."],
    ["Losers", "down", "No coin has fallen in 24 hours."],
  ]) {
    await chips.getByRole("link", { name: chip }).click();
    await expect(page).toHaveURL(new RegExp(`show=${chip.toLowerCase()}$`));
    await expect(chips.locator("[aria-current]")).toHaveText([chip]);
    const days = page.locator("tbody tr td:nth-child(6) .change");
    const none = page.getByText(empty);
    await expect(none.or(days.first())).toBeVisible();
    const texts = await days.allTextContents();
    for (const text of texts) expect(text).toContain(word);
    if (texts.length === 0) await expect(none).toBeVisible();
    counts[chip] = texts.length;
  }
  expect(counts.Gainers + counts.Losers).toBeLessThanOrEqual(5);
  const tile = await page.locator(".tile .figure").nth(2).textContent();
  expect(tile).toContain(`${counts.Gainers} up · ${counts.Losers} down`);
  await chips.getByRole("link", { name: "All" }).click();
  await expect(page).toHaveURL(/\/$/);
  await expect.poll(() => symbols(page)).toHaveLength(5);
  expect(list).toEqual([]);
});

test("stars make the watchlist, which the server knows too", async ({ page, browser }) => {
  const list = complaints(page);
  await open(page, "/?show=watchlist");
  await expect(page.getByText("Your watchlist is empty.")).toBeVisible();
  await page.getByRole("link", { name: "Show all coins" }).click();
  await expect.poll(() => symbols(page)).toHaveLength(5);
  const star = (name) => page.getByRole("button", { name: `Watch ${name}` });
  await expect(star("Litecoin")).toHaveAttribute("aria-pressed", "false");
  await star("Litecoin").click();
  await star("EOS").press("Space");
  await expect(star("Litecoin")).toHaveAttribute("aria-pressed", "true");
  await page.reload();
  await hydrated(page);
  await expect(star("Litecoin")).toHaveAttribute("aria-pressed", "true");
  await expect(star("Bitcoin")).toHaveAttribute("aria-pressed", "false");
  await page.getByRole("link", { name: "Watchlist" }).click();
  await expect.poll(async () => (await symbols(page)).toSorted()).toEqual(["EOS", "LTC"]);
  await page.goto("/coin/LTC");
  const button = page.getByRole("button", { name: "Watch", exact: true });
  await expect(button).toHaveAttribute("aria-pressed", "true");
  await hydrated(page);
  await button.click();
  await expect(button).toHaveAttribute("aria-pressed", "false");
  // The same reader without scripts.
  const plain = await browser.newContext({ javaScriptEnabled: false, storageState: await page.context().storageState() });
  const other = await plain.newPage();
  await other.goto("/?show=watchlist");
  expect(await symbols(other)).toEqual(["EOS"]);
  await plain.close();
  expect(list).toEqual([]);
});

test("a long table shows its first hundred rows, and all when asked to", async ({ page }) => {
  const list = complaints(page);
  await page.goto("/");
  await refreshed(page);
  await doctored(page, (answer) => {
    const [first] = answer.prices;
    for (let i = 0; i < 145; i += 1) answer.prices.push({ ...first, symbol: `X${i}`, name: `Coin ${i}` });
  });
  const rows = page.locator("tbody tr");
  await expect(rows).toHaveCount(100);
  await expect(page.locator(".more").getByText("100 of 150 coins")).toBeVisible();
  await page.getByRole("link", { name: "Show all 150" }).click();
  await expect(page).toHaveURL(/[?]rows=all$/);
  await expect(rows).toHaveCount(150);
  await expect(page.locator(".more")).toHaveCount(0);
  // The sort and the filter are of all of them, and keep the choice.
  await page.getByRole("button", { name: "Coin", exact: true }).click();
  await expect(page).toHaveURL(/sort=coin&rows=all$/);
  await expect(rows).toHaveCount(150);
  await page.getByRole("searchbox").fill("coin 14");
  await expect(rows).toHaveCount(6);
  expect(list).toEqual([]);
});

test.describe("without scripts", () => {
  test.use({ javaScriptEnabled: false });

  test("every column sorts both ways, by a form whose page is in that order", async ({ page }) => {
    await watching(page);
    await page.goto("/?sort=coin");
    for (const { name, key, up } of COLUMNS) {
      const first = key === "coin" ? "-coin" : up ? key : `-${key}`;
      const button = page.getByRole("columnheader").getByRole("button", { name, exact: true });
      await expect(button).toHaveAttribute("name", "sort");
      await expect(button).toHaveAttribute("value", first);
      for (const order of [key, `-${key}`]) {
        const answer = await page.context().request.get(`/?sort=${order}`);
        inOrder(await rowsOf(page, await answer.text()), key, columnOf(key), order === key);
      }
    }
    for (const [name, order] of [
      ["Price", "-price"],
      ["Price", "price"],
      ["Watchlist", "-watch"],
    ]) {
      await page.getByRole("columnheader").getByRole("button", { name, exact: true }).click();
      // A form names the order of the plain address too.
      await expect(page).toHaveURL(new RegExp(`[?]sort=${order}$`));
      const key = order.replace("-", "");
      inOrder(await rowsOf(page), key, columnOf(key), order === key);
    }
  });

  test("the filter is a form that keeps the order, and the order keeps the filter", async ({ page }) => {
    await page.goto("/?sort=-price&lang=en");
    await page.getByRole("searchbox").fill("o");
    await page.getByRole("button", { name: "Filter" }).click();
    await expect(page).toHaveURL(/sort=-price/);
    await expect(page).toHaveURL(/q=o/);
    await expect(page).toHaveURL(/lang=en/);
    const found = await symbols(page);
    expect(found).toContain("BTC");
    expect(found).not.toContain("ETH");
    await page.getByRole("button", { name: "Coin", exact: true }).click();
    await expect(page).toHaveURL(/q=o/);
    await expect(page).toHaveURL(/sort=coin/);
    await expect(page).toHaveURL(/lang=en/);
    expect((await symbols(page)).toSorted()).toEqual(found.toSorted());
    await page.getByRole("searchbox").fill("nothing is called so");
    await page.getByRole("button", { name: "Filter" }).click();
    await expect(page.getByText("No coins match “nothing is called so”.")).toBeVisible();
    await page.getByRole("link", { name: "Show all coins" }).click();
    expect(await symbols(page)).toHaveLength(5);
  });
});

const HOUR = 3_600_000;

/**
 * Has the refreshes answered by a market of many coins. `market.quotes` may be moved; each question and its answer is noted in
 * `market.asked`. As the server, it answers with what changed since, and with 304 where that is what the caller's tag says.
 */
async function crowd(page, count) {
  const asOf = Date.UTC(2026, 0, 2);
  const quotes = Array.from({ length: count }, (_, i) => {
    const price = String(1_000 - i);
    return {
      symbol: i === 0 ? "BTC" : `C${i}`, name: i === 0 ? "Bitcoin" : `Coin ${i}`, price, price_decimals: 2,
      open_1h: price, change_1h_pct: 0.5, open_24h: price, change_24h_pct: -1, high_24h: String(1_001 - i), low_24h: String(999 - i),
      volume_24h: "10", open_7d: price, change_7d_pct: 2, as_of: asOf,
    };
  });
  const market = { quotes, version: 1, changed: new Map(), asked: [] };
  const provenance = { tier: "l1", source: "recorded", age_ms: 0, stale: false, simulated: false };
  const short = ({ symbol, price, price_decimals, open_1h, open_24h, high_24h, low_24h, volume_24h, open_7d, as_of }) =>
    [symbol, price, price_decimals, open_1h, open_24h, high_24h, low_24h, volume_24h, open_7d, as_of];
  market.move = (symbol, price) => {
    market.version += 1;
    market.changed.set(symbol, market.version);
    quotes.find((quote) => quote.symbol === symbol).price = price;
  };
  let isWhole = false;
  await intercepted(page, async (route) => {
    const url = new URL(route.request().url());
    if (url.pathname.endsWith("/latest_prices")) {
      isWhole = true;
      return route.fulfill({ json: { prices: quotes, provenance } });
    }
    // The page began with the server's own coins.
    if (!isWhole) return route.fulfill({ json: ELSEWHERE });
    const symbols = url.searchParams.get("symbols").split(",");
    const since = url.searchParams.has("since") ? Number(url.searchParams.get("since")) : null;
    const rows = symbols.map((symbol) => quotes.find((quote) => quote.symbol === symbol));
    const tag = `W/"${rows.map(({ symbol, price }) => symbol + price).join()}"`;
    const status = route.request().headers()["if-none-match"] === tag ? 304 : 200;
    const changes = rows.filter(({ symbol }) => since === null || (market.changed.get(symbol) ?? 0) > since).map(short);
    market.asked.push({ symbols, since, status, changed: changes.map(([symbol]) => symbol) });
    if (status === 304) return route.fulfill({ status, headers: { etag: tag } });
    return route.fulfill({ headers: { etag: tag }, json: { version: market.version, as_of: asOf, changes, provenance } });
  });
  return market;
}

/** The symbols of the rows that the window shows. */
const inWindow = (page) =>
  page.locator("tbody tr").evaluateAll((rows) =>
    rows
      .filter((row) => row.getBoundingClientRect().bottom > 0 && row.getBoundingClientRect().top < innerHeight)
      .map((row) => row.querySelector(".coin-symbol").textContent),
  );

test("of many coins only the rows in view are asked for, and only what changed of them is sent", async ({ page }) => {
  const list = complaints(page);
  await page.goto("/?sort=-price&rows=all");
  const market = await crowd(page, 300);
  await expect(page.locator("tbody tr")).toHaveCount(300);
  const last = () => market.asked.at(-1);
  await expect.poll(() => market.asked.length).toBeGreaterThan(1);
  let shown = await inWindow(page);
  expect(shown.length).toBeGreaterThan(5);
  for (const symbol of shown) expect(last().symbols).toContain(symbol);
  expect(last().symbols.length).toBeLessThanOrEqual(shown.length + 6);
  // The first answer has all of them, for the page knew of no version.
  expect(market.asked[0].since).toBeNull();
  expect(market.asked[0].changed).toEqual(market.asked[0].symbols);
  // Nothing moves: the answers are empty.
  await expect.poll(() => last().status).toBe(304);
  // A price in view moves: it alone is sent, and shown.
  market.move(shown[2], "5000");
  await expect(page.locator("tbody tr", { hasText: shown[2] }).first().locator(".price")).toHaveText("5,000.00");
  expect(market.asked.filter(({ status }) => status === 200).at(-1).changed).toEqual([shown[2]]);
  // Out of view it is not asked for, until it is scrolled into view.
  market.move("C250", "0.5");
  await expect.poll(() => last().status).toBe(304);
  expect(last().symbols).not.toContain("C250");
  await page.locator("tbody tr", { hasText: "C250" }).scrollIntoViewIfNeeded();
  await expect(page.locator("tbody tr", { hasText: "C250" }).locator(".price")).toHaveText("0.50");
  shown = await inWindow(page);
  expect(last().symbols.length).toBeLessThanOrEqual(shown.length + 6);
  expect(last().symbols).not.toContain("BTC");
  expect(list).toEqual([]);
});

test("of three hundred coins each row has its figures, and the tiles say of how many they are", async ({ page }) => {
  await page.goto("/?rows=all&sort=-7d");
  const market = await crowd(page, 300);
  await expect(page.locator("tbody tr")).toHaveCount(300);
  const holes = await page.locator("tbody tr").evaluateAll((rows) =>
    rows.flatMap((row) => [...row.children].slice(1, 9).filter((cell) => cell.textContent.trim() === "–").map(() => row.textContent)),
  );
  expect(holes).toEqual([]);
  // Of one coin the supply is known.
  const notes = page.locator(".tile .note");
  await expect(notes.nth(0)).toContainText("24h · of 1 of 300 coins");
  await expect(notes.nth(1)).toHaveText("of 300 coins");
  await expect(page.locator(".tile-share .among")).toHaveText("among listed coins of known supply");
  await expect(page.locator(".late")).toHaveCount(0);
  // Some prices are of another time: each says of which, and no sum counts them.
  for (const quote of market.quotes.slice(10, 40)) quote.as_of -= HOUR + 60_000;
  market.quotes[50].as_of -= HOUR - 60_000;
  for (const quote of market.quotes.slice(60, 64)) Object.assign(quote, { volume_24h: null, change_24h_pct: null, open_24h: null });
  market.quotes[70].change_24h_pct = 0.004;
  // Another order has the whole table read again.
  await page.waitForTimeout(10_000);
  await page.getByRole("button", { name: "Price", exact: true }).click();
  await expect(page.locator(".late")).toHaveCount(30);
  await expect(page.locator(".late").first()).toHaveText("as of 2 Jan 2026");
  await expect(notes.nth(1)).toHaveText("of 266 of 300 coins");
  await expect(page.locator(".tile .figure").nth(2)).toHaveText(/^0 up · 265 down/);
  await expect(notes.nth(2)).toHaveText("1 unchanged · of 266 of 300 coins");
  await expect(page.locator(".card-foot")).toContainText(/Prices as of 2 Jan 2026, 04:29\sUTC\+5:30 – 2 Jan 2026, 05:30\sUTC\+5:30/);
  // What is not known is last in both directions.
  for (const direction of ["ascending", "descending"]) {
    await page.getByRole("button", { name: "24h", exact: true }).click();
    await expect(page.getByRole("columnheader", { name: "24h", exact: true })).toHaveAttribute("aria-sort", /ascending|descending/);
    const days = await page.locator("tbody tr td:nth-child(6)").allTextContents();
    expect(days.slice(-4).map((text) => text.trim()), direction).toEqual(["–", "–", "–", "–"]);
  }
});

test("the line of seven days has the colour of the change beside it", async ({ page }) => {
  await page.goto("/");
  await refreshed(page);
  for (const [pct, name] of [[3, "--up"], [-3, "--down"]]) {
    await doctored(page, (answer) => {
      for (const quote of answer.prices) quote.change_7d_pct = pct;
    });
    await expect(page.locator("tbody tr td:nth-child(7)").first()).toContainText(pct > 0 ? "▲ 3.00%" : "▼ 3.00%");
    const colours = await page.locator("tbody .sparkline path").evaluateAll((paths, variable) => {
      const probe = document.createElement("i");
      probe.className = variable === "--up" ? "up" : "down";
      document.body.append(probe);
      return [getComputedStyle(probe).color, ...paths.map((path) => getComputedStyle(path).stroke)];
    }, name);
    expect(new Set(colours).size, name).toBe(1);
    expect(colours).toHaveLength(6);
  }
});
