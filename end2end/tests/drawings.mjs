// Pictures of the chart's stage, and how much two of them differ.
import { expect } from "@playwright/test";
import { frames } from "./support.mjs";

export const WIDE = { width: 1040, height: 540, window: 1440 };
export const NARROW = { width: 366, height: 400, window: 390 };

/**
 * All looks of a drawing, each a step in theme or colours from the one before: the canvas reads the style sheet anew only
 * then.
 */
export const LOOKS = [true, false].flatMap((texts) => [
  { theme: "light", rising: "green", texts },
  { theme: "dark", rising: "green", texts },
  { theme: "dark", rising: "red", texts },
  { theme: "light", rising: "red", texts },
]);

/** A page on which the stage has the drawing's own size: without scripts it shows the server's, with them the canvas. */
export async function easel(browser, { baseURL, size, scripts }) {
  const context = await browser.newContext({
    baseURL,
    javaScriptEnabled: scripts,
    deviceScaleFactor: 1,
    timezoneId: "UTC",
    viewport: { width: size.window, height: 1000 },
  });
  const page = await context.newPage();
  await page.route("**/*.css", async (route) => {
    const response = await route.fetch();
    // In the corner of the window, so that its edges are those of pixels.
    const place = `position: fixed; inset: 0 auto auto 0; z-index: 9; background: var(--card)`;
    const box = `width: ${size.width}px; height: ${size.height}px; aspect-ratio: auto`;
    const unseen = "[data-texts=false] :is(.c-axis, .c-tag-text) { fill: transparent !important }";
    const rules = `.chart-stage { ${place}; ${box} } .legend { visibility: hidden } ${unseen}`;
    await route.fulfill({ response, body: `${await response.text()}\n${rules}` });
  });
  return { context, page, size, scripts, look: null };
}

/** The canvas of the chart, as text. */
const painted = (page) => page.locator("canvas").first().evaluate((canvas) => canvas.toDataURL());

/** Opens the page in its first look. */
async function opened({ page, size, scripts }, { theme, rising }) {
  await page.goto(`/coin/BTC?theme=${theme}&rising=${rising}`);
  if (scripts) await expect(page.getByRole("application")).toBeVisible();
  await expect(page.locator(".painted")).toHaveCount(scripts ? 1 : 0);
  if (scripts) {
    const first = page.locator("canvas").first();
    await expect(first).toHaveAttribute("width", String(size.width));
    await expect(first).toHaveAttribute("height", String(size.height));
  }
  await page.mouse.move(size.window - 1, 999);
}

/** Gives the page its next look: by the menu, or as the server would have written it where there are no scripts. */
async function changed({ page, scripts, look: last }, look) {
  const before = scripts && (await painted(page));
  await page.evaluate(
    ([next, menu]) => {
      const root = document.documentElement;
      root.dataset.texts = String(next.texts);
      for (const name of ["theme", "rising"]) {
        if (root.dataset[name] === next[name]) continue;
        if (menu) document.querySelector(`input[name=${name}][value=${next[name]}]`).click();
        else root.dataset[name] = next[name];
      }
    },
    [look, scripts],
  );
  for (const name of ["theme", "rising"]) await expect(page.locator("html")).toHaveAttribute(`data-${name}`, look[name]);
  if (!scripts) return;
  expect([last.theme, last.rising], "a look that is painted anew").not.toEqual([look.theme, look.rising]);
  await expect.poll(() => painted(page)).not.toBe(before);
  await frames(page);
}

/** A picture of the stage in this look, as text. The first look shows its texts. */
export async function photographed(easel, look) {
  await (easel.look === null ? opened : changed)(easel, look);
  easel.look = look;
  return (await easel.page.locator(".chart-stage").screenshot({ animations: "disabled" })).toString("base64");
}

/** Pixels that differ by more than 2 of 255 in any channel, which is what rounding of an opacity makes. Counted in an empty page. */
export function compared(page, shots) {
  return page.evaluate(async (pictures) => {
    const data = await Promise.all(
      pictures.map(async (picture) => {
        const bytes = Uint8Array.from(atob(picture), (c) => c.charCodeAt(0));
        const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
        const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
        const context = canvas.getContext("2d");
        context.drawImage(bitmap, 0, 0);
        return context.getImageData(0, 0, bitmap.width, bitmap.height);
      }),
    );
    const [a, b] = data;
    let [differing, most, painted] = [0, 0, 0];
    for (let i = 0; i < a.data.length; i += 4) {
      const apart = (one, other, j) => Math.abs(one.data[i + j] - other.data[j + i]);
      const gap = Math.max(apart(a, b, 0), apart(a, b, 1), apart(a, b, 2));
      most = Math.max(most, gap);
      if (gap > 2) differing += 1;
      if ([0, 1, 2].some((j) => a.data[i + j] !== a.data[j])) painted += 1;
    }
    return { width: a.width, height: a.height, pixels: a.data.length / 4, differing, most, painted };
  }, shots);
}
