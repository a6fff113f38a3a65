// What the pages weigh and how fast they come, by hand: BASE_URL=… TIDEMARK_ADMIN_PASSWORD_FILE=… node figures.mjs
// Prints tables for docs/pages.md. See lighthouse.mjs for the scores.
import AxeBuilder from "@axe-core/playwright";
import { chromium } from "@playwright/test";
import { stops } from "./tests/stops.mjs";
import { address, LANGUAGES, signIn, THEMES } from "./tests/support.mjs";
import { compared, easel, LOOKS, NARROW, photographed, WIDE } from "./tests/drawings.mjs";

const PAGES = ["/", "/coin/BTC", "/admin", "/admin/cache", "/nope"];
const baseURL = process.env.BASE_URL;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
const kinds = ["html", "wasm", "js", "css", "other"];
const kind = (type) => kinds.find((name) => type.includes(name === "js" ? "javascript" : name)) ?? "other";
const kB = (bytes) => (bytes / 1_000).toFixed(1);

console.log("| page | language | theme | axe | html | wasm | js | css | other | long tasks | blocking, ms | CLS | LCP, ms |");
console.log("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
for (const path of PAGES) {
  for (const lang of LANGUAGES) {
    for (const theme of THEMES) {
      const context = await browser.newContext({ baseURL, viewport: { width: 1440, height: 900 } });
      const page = await context.newPage();
      if (path === "/admin/cache") await signIn(page);
      await page.addInitScript(() => {
        window.seen = { tasks: [], shift: 0, paint: 0 };
        const watch = (type, each) => new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true });
        watch("longtask", (task) => window.seen.tasks.push(task.duration));
        watch("layout-shift", (shift) => {
          if (!shift.hadRecentInput) window.seen.shift += shift.value;
        });
        watch("largest-contentful-paint", (paint) => {
          window.seen.paint = paint.startTime;
        });
      });
      const sent = Object.fromEntries(kinds.map((name) => [name, 0]));
      const wire = await context.newCDPSession(page);
      const types = new Map();
      await wire.send("Network.enable");
      wire.on("Network.responseReceived", ({ requestId, response }) => types.set(requestId, kind(response.mimeType)));
      wire.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
        sent[types.get(requestId) ?? "other"] += encodedDataLength;
      });
      await page.goto(address(path, { lang, theme }), { waitUntil: "networkidle" });
      const seen = await page.evaluate(() => window.seen);
      const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]).analyze();
      const blocking = seen.tasks.reduce((sum, task) => sum + task - 50, 0);
      const bytes = kinds.map((name) => kB(sent[name])).join(" | ");
      console.log(
        `| ${path} | ${lang} | ${theme} | ${violations.length} | ${bytes} | ${seen.tasks.length} | ${blocking.toFixed(0)} | ${seen.shift.toFixed(3)} | ${seen.paint.toFixed(0)} |`,
      );
      await context.close();
    }
  }
}

const counting = await browser.newPage();
console.log("\n| drawing | theme | rises | differing, without texts | with texts |\n|---|---|---|---|---|");
for (const [what, size] of Object.entries({ "1040 × 540": WIDE, "366 × 400": NARROW })) {
  const easels = [];
  for (const scripts of [false, true]) easels.push(await easel(browser, { baseURL, size, scripts }));
  const shares = new Map();
  for (const look of LOOKS) {
    const shots = [];
    for (const one of easels) shots.push(await photographed(one, look));
    const { differing, pixels } = await compared(counting, shots);
    const row = `| ${what} | ${look.theme} | ${look.rising}`;
    const share = `${differing} of ${pixels} (${((differing / pixels) * 100).toFixed(3)} %)`;
    // Those with texts come first, and stand last.
    shares.set(row, [share, ...(shares.get(row) ?? [])]);
  }
  for (const [row, both] of shares) console.log(`${row} | ${both.join(" | ")} |`);
  for (const { context } of easels) await context.close();
}

for (const path of PAGES) {
  const context = await browser.newContext({ baseURL, viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  if (path === "/admin/cache") await signIn(page);
  await page.goto(path, { waitUntil: "networkidle" });
  console.log(`\n${path}: ${(await stops(page)).map(({ role, name }) => `${role} “${name}”`).join(", ")}`);
  await context.close();
}
await browser.close();
