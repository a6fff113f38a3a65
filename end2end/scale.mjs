// What the markets page costs with many coins that all move, by hand: node scale.mjs
// It starts servers of its own with the simulation as their feed, and prints a table for docs/pages.md.
// TIDEMARK names the binary, SITE the built site; SECONDS is how long each page is watched untouched.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { chromium } from "@playwright/test";

const path = (from) => fileURLToPath(new URL(from, import.meta.url));
const binary = process.env.TIDEMARK ?? path("../target/release/tidemark");
const site = process.env.SITE ?? path("../target/site");
const watched = Number(process.env.SECONDS ?? 60);

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** A server over so many simulated coins. */
async function serve(coins) {
  const address = `127.0.0.1:${await freePort()}`;
  const env = {
    PATH: process.env.PATH,
    TIDEMARK_FEED: "simulated",
    TIDEMARK_SIMULATED_SYMBOLS: String(coins),
    LEPTOS_OUTPUT_NAME: "tidemark",
    LEPTOS_SITE_ROOT: site,
    LEPTOS_SITE_PKG_DIR: "pkg",
    LEPTOS_SITE_ADDR: address,
    LEPTOS_HASH_FILES: process.env.LEPTOS_HASH_FILES ?? "true",
    LEPTOS_HASH_FILE_NAME: "hash.txt",
    LEPTOS_ENV: "PROD",
  };
  const process_ = spawn(binary, ["serve"], { env, stdio: "ignore" });
  const baseURL = `http://${address}`;
  for (let i = 0; ; i += 1) {
    const answer = await fetch(`${baseURL}/readyz`).catch(() => null);
    if (answer?.ok) break;
    if (i > 200 || process_.exitCode !== null) throw new Error(`${binary} does not come up`);
    await new Promise((done) => setTimeout(done, 100));
  }
  return { baseURL, stop: () => process_.kill("SIGTERM") };
}

/** Seconds of the main thread by kind, since the page began. */
async function spent(wire) {
  const { metrics } = await wire.send("Performance.getMetrics");
  return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
const kB = (bytes) => (bytes / 1_000).toFixed(1);
const share = (part, whole) => `${((part / whole) * 100).toFixed(2)} %`;
const median = (times) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)].toFixed(0);

console.log("| coins | rows | figures missing | html | first data | MB an hour | answers 200, 304 | main thread | script | style and layout | sort, ms | show all, ms |");
console.log("|---|---|---|---|---|---|---|---|---|---|---|---|");
for (const coins of [300, 1_000]) {
  const server = await serve(coins);
  for (const every of [false, true]) {
    const page = await browser.newPage({ baseURL: server.baseURL, viewport: { width: 1440, height: 900 } });
    const wire = await page.context().newCDPSession(page);
    await wire.send("Network.enable");
    // The processor's time, not the clock's: other work on the machine does not count.
    await wire.send("Performance.enable", { timeDomain: "threadTicks" });
    const sent = { html: 0, wasm: 0, rest: 0, api: 0 };
    const kinds = new Map();
    const answers = { 200: 0, 304: 0 };
    wire.on("Network.responseReceived", ({ requestId, response }) => {
      const { pathname } = new URL(response.url);
      const kind = pathname === "/" ? "html" : /^[/](api|fn)[/]/.test(pathname) ? "api" : "rest";
      kinds.set(requestId, kind);
      if (kind === "api") answers[response.status] = (answers[response.status] ?? 0) + 1;
    });
    wire.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      sent[kinds.get(requestId) ?? "rest"] += encodedDataLength;
    });
    await page.goto(every ? "/?rows=all" : "/");
    await page.waitForResponse((response) => response.url().includes("/api/price_changes"));
    const data = await page.evaluate(() => [...document.scripts].map(({ text }) => text.length).reduce((a, b) => a + b));
    const rows = await page.locator("tbody tr").count();
    const holes = await page.locator("tbody tr").evaluateAll((all) =>
      all.flatMap((row) =>
        [...row.children].filter((cell, i) => ![0, 9, 10].includes(i) && cell.textContent.trim().startsWith("–")),
      ).length,
    );
    await page.waitForTimeout(5_000);
    Object.assign(answers, { 200: 0, 304: 0 });
    sent.api = 0;
    const begun = performance.now();
    const from = await spent(wire);
    await page.waitForTimeout(watched * 1_000);
    const to = await spent(wire);
    const wall = (performance.now() - begun) / 1_000;
    const hourly = (sent.api / wall) * 3_600;
    const counted = `${answers[200]}, ${answers[304]}`;
    const cost = (name) => to[name] - from[name];
    const sorts = [];
    for (let i = 0; i < 7; i += 1) {
      sorts.push(
        await page.evaluate(async () => {
          const button = [...document.querySelectorAll("thead button")].find((each) => each.textContent.startsWith("Price"));
          const begun = performance.now();
          button.click();
          await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
          return performance.now() - begun;
        }),
      );
      await page.waitForTimeout(500);
    }
    const all = every
      ? "–"
      : await page.evaluate(async () => {
          const begun = performance.now();
          document.querySelector(".more a").click();
          const first = await new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun))));
          while (document.querySelector(".more") || document.querySelectorAll("tbody tr").length <= 100) await new Promise(requestAnimationFrame);
          return `${first.toFixed(0)} to the next paint`;
        });
    console.log(
      `| ${coins} | ${rows} | ${holes} | ${kB(sent.html)} | ${kB(data)} raw | ${(hourly / 1e6).toFixed(2)} | ${counted} | ${share(cost("TaskDuration"), wall)} | ` +
        `${share(cost("ScriptDuration"), wall)} | ${share(cost("RecalcStyleDuration") + cost("LayoutDuration"), wall)} | ${median(sorts)} | ${all} |`,
    );
    await page.close();
  }
  server.stop();
}
await browser.close();
