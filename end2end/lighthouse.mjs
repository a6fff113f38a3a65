// Lighthouse's scores, by hand: npm install --no-save lighthouse@12.8.2, then
// BASE_URL=… TIDEMARK_ADMIN_PASSWORD_FILE=… node lighthouse.mjs
// Prints a table for docs/pages.md. Not part of `npm test`: scores depend on the machine.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import lighthouse, { desktopConfig } from "lighthouse";

const base = process.env.BASE_URL;
const profile = mkdtempSync(join(tmpdir(), "lighthouse-"));
const browser = spawn(
  process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
  ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", `--user-data-dir=${profile}`, "about:blank"],
  { stdio: ["ignore", "ignore", "pipe"] },
);
const port = await new Promise((resolve) => {
  browser.stderr.setEncoding("utf8").on("data", (chunk) => {
    const found = /ws:\/\/127\.0\.0\.1:(\d+)/.exec(chunk);
    if (found) resolve(Number(found[1]));
  });
});
const secret = readFileSync(process.env.TIDEMARK_ADMIN_PASSWORD_FILE, "utf8").trim();
const signed = await fetch(`${base}/api/session`, {
  method: "POST",
  headers: { "content-type": "application/json", origin: base },
  body: JSON.stringify({ user: "admin", password: secret }),
});
const session = signed.headers.get("set-cookie")?.split(";")[0] ?? "";

const categories = ["performance", "accessibility", "best-practices", "seo"];
const languages = (process.env.LANGUAGES ?? "en,zh-CN").split(",");
const themes = (process.env.THEMES ?? "light,dark").split(",");
console.log("| page | language | theme | preset | performance | accessibility | best practices | SEO |\n|---|---|---|---|---|---|---|---|");
for (const path of ["/", "/coin/BTC", "/admin", "/admin/cache", "/nope"]) {
  for (const lang of languages) {
    for (const theme of themes) {
      for (const preset of ["desktop", "mobile"]) {
        const extraHeaders = path === "/admin/cache" ? { Cookie: session } : undefined;
        const settings = { port, output: "json", logLevel: "error", onlyCategories: categories, extraHeaders };
        // A page that answers 404 is measured all the same.
        const run = await lighthouse(`${base}${path}?lang=${lang}&theme=${theme}`, { ...settings, ignoreStatusCode: true }, preset === "desktop" ? desktopConfig : undefined);
        const scores = categories.map((name) => run?.lhr.categories[name]?.score);
        console.log(`| ${path} | ${lang} | ${theme} | ${preset} | ${scores.map((score) => (typeof score === "number" ? Math.round(score * 100) : "–")).join(" | ")} |`);
      }
    }
  }
}
browser.kill();
browser.once("exit", () => rmSync(profile, { recursive: true, force: true, maxRetries: 5 }));
