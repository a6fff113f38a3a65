// Pictures of the pages for the documentation, by hand: BASE_URL=… TIDEMARK_ADMIN_PASSWORD_FILE=… node pictures.mjs
import { mkdirSync, writeFileSync } from "node:fs";
import { chromium } from "@playwright/test";
import { address, LANGUAGES, signIn, THEMES } from "./tests/support.mjs";

const OUT = new URL("../docs/pictures/", import.meta.url).pathname;
const PAGES = {
  markets: { path: "/" },
  coin: { path: "/coin/BTC", wait: "[role=application]" },
  "not-found": { path: "/nope" },
  "sign-in": { path: "/admin" },
  cache: { path: "/admin/cache", signedIn: true },
  clear: { path: "/admin/cache", signedIn: true, dialog: true },
};

/** WebP by the browser itself, which needs no other tool. */
async function webp(context, png) {
  const page = await context.newPage();
  const data = await page.evaluate(async (picture) => {
    const bytes = Uint8Array.from(atob(picture), (c) => c.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const canvas = Object.assign(document.createElement("canvas"), { width: bitmap.width, height: bitmap.height });
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    return canvas.toDataURL("image/webp", 0.82).split(",")[1];
  }, png.toString("base64"));
  await page.close();
  return Buffer.from(data, "base64");
}

mkdirSync(OUT, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
for (const lang of LANGUAGES) {
  for (const theme of THEMES) {
    for (const width of [390, 1440]) {
      const context = await browser.newContext({ baseURL: process.env.BASE_URL, viewport: { width, height: width === 390 ? 844 : 900 } });
      const session = await context.newPage();
      await signIn(session);
      const signedIn = await context.storageState();
      await context.clearCookies();
      for (const [name, { path, wait, signedIn: operator, dialog }] of Object.entries(PAGES)) {
        if (operator) await context.addCookies(signedIn.cookies);
        else await context.clearCookies();
        const page = await context.newPage();
        await page.goto(address(path, { lang, theme }), { waitUntil: "networkidle" });
        if (wait) await page.locator(wait).waitFor();
        if (dialog) {
          await page.locator("tbody .button-danger").first().click();
          await page.locator("dialog .preview b").waitFor();
        }
        const png = await page.screenshot({ animations: "disabled" });
        writeFileSync(`${OUT}${name}-${width}-${theme}-${lang}.webp`, await webp(context, png));
        await page.close();
      }
      await context.close();
    }
  }
}
await browser.close();
