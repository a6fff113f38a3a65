// Two languages: how one is chosen, and that all of a page is of it.
import { expect, test } from "@playwright/test";
import { complaints, hydrated, open, signIn } from "./support.mjs";

const html = (page) => page.locator("html");

test("the address wins over the cookie, the cookie over the browser", async ({ browser, baseURL }) => {
  const context = await browser.newContext({ baseURL, locale: "zh-CN" });
  const page = await context.newPage();
  const list = complaints(page);
  await page.goto("/");
  await expect(html(page)).toHaveAttribute("lang", "zh-CN");
  const response = await page.goto("/?lang=en");
  expect(response.headers()["content-language"]).toBe("en");
  await expect(html(page)).toHaveAttribute("lang", "en");
  const cookie = (await context.cookies()).find(({ name }) => name === "lang");
  expect(cookie).toMatchObject({ value: "en", sameSite: "Lax" });
  await page.goto("/coin/BTC");
  await expect(html(page)).toHaveAttribute("lang", "en");
  await page.goto("/?lang=fr");
  await expect(html(page)).toHaveAttribute("lang", "en");
  expect(list).toEqual([]);
  await context.close();
});

for (const [header, lang] of [
  ["zh-TW,zh;q=0.9,en;q=0.1", "zh-CN"],
  ["en-GB,en;q=0.9,zh;q=0.8", "en"],
  ["fr, zh;q=0.5, en;q=0.4", "zh-CN"],
  ["fr", "en"],
]) {
  test(`Accept-Language ${header} is answered in ${lang}`, async ({ request }) => {
    const response = await request.get("/", { headers: { "accept-language": header } });
    expect(await response.text()).toContain(`<html lang="${lang}"`);
    expect(response.headers()["content-language"]).toBe(lang);
    // No cache between keeps a page of one reader for another.
    expect(response.headers()["cache-control"]).toContain("private");
  });
}

test("links go on naming the language where the address does, and only there", async ({ page }) => {
  const list = complaints(page);
  const links = () => page.locator("header nav a, .chips a, tbody a, .choices nav a").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
  await open(page, "/?lang=zh-CN");
  for (const href of await links()) expect(href).toContain("lang=zh-CN");
  await page.getByRole("button", { name: "价格", exact: true }).click();
  await expect(page).toHaveURL(/sort=-price&lang=zh-CN/);
  await page.getByRole("link", { name: /莱特币/ }).click();
  await expect(page).toHaveURL(/\/coin\/LTC[?]lang=zh-CN$/);
  await hydrated(page);
  for (const href of await links()) expect(href).toContain("lang=zh-CN");
  await page.getByRole("group", { name: "语言" }).getByRole("link", { name: "English" }).click();
  await expect(html(page)).toHaveAttribute("lang", "en");
  await expect(page).toHaveURL(/\/coin\/LTC[?]lang=en$/);
  // The cookie keeps it: an address that does not name it has links that do not.
  await open(page, "/");
  await expect(html(page)).toHaveAttribute("lang", "en");
  for (const href of await links()) expect(href).not.toContain("lang=");
  expect(list).toEqual([]);
});

test("the switch keeps what the page shows", async ({ page }) => {
  await open(page, "/?sort=coin&q=o&show=losers");
  await page.getByRole("group", { name: "Language" }).getByRole("link", { name: "简体中文" }).click();
  await expect(page).toHaveURL(/sort=coin&q=o&show=losers&lang=zh-CN$/);
  await expect(page.getByRole("link", { name: "下跌" })).toHaveAttribute("aria-current", "true");
});

test("numbers and dates are written the Chinese way", async ({ page }) => {
  await open(page, "/?lang=zh-CN");
  await expect(page.locator(".tile .figure").first()).toHaveText(/^\$[\d,.]+亿$/);
  const row = page.locator("tbody tr", { hasText: "BTC" });
  await expect(row.locator("td").nth(8)).toHaveText(/^\$[\d,.]+亿$/);
  const volumes = await page.locator("tbody tr td:nth-child(9)").allTextContents();
  for (const volume of volumes) expect(volume).toMatch(/^\$[\d,.]+(万|亿)$/);
  await expect(page.locator(".card-foot")).toContainText(/2019年4月1日 05:30\sUTC\+5:30/);
  await expect(page.locator(".card-foot")).toContainText(/市值采用.*20\d\d年\d+月\d+日/);
  await expect(page).toHaveTitle("行情 · Tidemark");
});

test("coins have their Chinese names, and are found by those and by the English ones, in both languages", async ({ page }) => {
  const found = page.locator("tbody .coin-symbol");
  for (const [text, symbol] of [
    ["比特", "BTC"],
    ["以太坊", "ETH"],
    ["萊特幣", "LTC"],
    ["litecoin", "LTC"],
    ["柚子", "EOS"],
  ]) {
    for (const lang of ["zh-CN", "en"]) {
      await page.goto(`/?lang=${lang}&q=${encodeURIComponent(text)}`);
      await expect(found).toHaveText([symbol]);
    }
  }
  await open(page, "/?lang=zh-CN");
  await expect(page.locator("tbody tr", { hasText: "BTC" }).locator(".coin-name")).toHaveText("比特币");
  await page.getByRole("searchbox").fill("瑞波");
  await expect(found).toHaveText(["XRP"]);
  await open(page, "/coin/BTC?lang=zh-CN");
  await expect(page.getByRole("heading", { level: 1 })).toContainText("比特币");
  await expect(page).toHaveTitle(/比特币/);
  await open(page, "/coin/BTC?lang=en");
  await expect(page).toHaveTitle(/Bitcoin/);
});

test("who tells a supply is said in the page's language", async ({ page }) => {
  for (const [lang, note] of [
    ["zh-CN", "供应量日期 2019年3月31日：按当时公布的数据（取整）"],
    ["en", "Supply as of 31 Mar 2019: figures published at the time (rounded)"],
  ]) {
    await open(page, `/coin/ETH?lang=${lang}`);
    await expect(page.locator(".figures-note")).toHaveText(note);
    // Marked only where it is of another language.
    await expect(page.locator(".figures-note [lang]")).toHaveCount(0);
  }
});

/** Latin words that a Chinese page has too: names, symbols, units, terms of the field, commands. */
const KEPT = [
  /Tidemark|Bitcoin|Ethereum|Litecoin|Ripple|EOS(?:\.IO)?|Binance/g,
  /\b(?:BTC|ETH|EOS|LTC|XRP|USD|UTC|CSV|L1|L2|Redis|Postgres|Home|End|Esc|EN|English)\b/g,
  /\b\d+(?:\.\d+)? ?(?:m|h|d|w|ms|µs|s|B|KiB|MiB|GiB|K)\b/g,
  /TIDEMARK_[A-Z_]+|cargo deploy up|tidemark (?:admin password|import FILE)/g,
  // What the address itself holds: a text searched for, a coin that there is not, a parameter.
  /“nothing”|\bNOPE\b|(?<=有误：)interval/g,
  // Keys and categories of the cache, addresses of nodes, the source of a supply as its table names it.
  /[a-z]+:[A-Za-z0-9/:_.-]+|\b(?:prices|charts|analysis|market|coin|coins|series|sparklines|backdrop|supply|directory|admin)\b/g,
];

/** All that a page says: visible texts, and what names and describes its parts. */
const texts = (page) =>
  page.evaluate(() => {
    const all = [document.title];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      if (!node.parentElement.closest("script, style, code, .node, .scriptless, [lang='en']:not(html)")) all.push(node.data);
    }
    for (const name of ["aria-label", "title", "placeholder", "alt", "aria-description"]) {
      for (const element of document.body.querySelectorAll(`[${name}]:not([lang='en'])`)) all.push(element.getAttribute(name));
    }
    return all.map((text) => text.trim()).filter(Boolean);
  });

for (const path of ["/", "/?q=nothing", "/?show=watchlist", "/coin/ETH", "/coin/XRP?range=all", "/coin/NOPE", "/coin/BTC?interval=1m", "/nope", "/admin", "/admin?error=too_many_guesses&retry_after_s=3", "/admin/cache"]) {
  test(`every text of ${path} is Chinese`, async ({ page }) => {
    if (path === "/admin/cache") await signIn(page);
    await page.goto(path.includes("?") ? `${path}&lang=zh-CN` : `${path}?lang=zh-CN`);
    await expect(page.locator("main")).toBeVisible();
    if (path === "/admin/cache") {
      await hydrated(page);
      await page.getByRole("button", { name: "全部清除……" }).click();
      await expect(page.getByRole("dialog")).toBeVisible();
    }
    const english = [];
    for (const text of await texts(page)) {
      const rest = KEPT.reduce((left, pattern) => left.replace(pattern, ""), text);
      if (/[A-Za-z]{2,}/.test(rest)) english.push(text);
    }
    expect([...new Set(english)]).toEqual([]);
  });
}
