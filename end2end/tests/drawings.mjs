// Pictures of the chart's stage, and how much two of them differ.
import { expect } from "@playwright/test";

export const WIDE = { width: 1040, height: 540, window: 1440 };
export const NARROW = { width: 366, height: 400, window: 390 };

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
  const state = { texts: true };
  await page.route("**/*.css", async (route) => {
    const response = await route.fetch();
    // In the corner of the window, so that its edges are those of pixels.
    const place = `position: fixed; inset: 0 auto auto 0; z-index: 9; background: var(--card)`;
    const box = `width: ${size.width}px; height: ${size.height}px; aspect-ratio: auto`;
    const unseen = state.texts ? "" : ".c-axis, .c-tag-text { fill: transparent !important }";
    const rules = `.chart-stage { ${place}; ${box} } .legend { visibility: hidden } ${unseen}`;
    // Not kept: the next picture may want other rules.
    const headers = { ...response.headers(), "cache-control": "no-store" };
    await route.fulfill({ response, headers, body: `${await response.text()}\n${rules}` });
  });
  return { context, page, state, size, scripts };
}

/** A picture of the stage, as text. */
export async function photographed({ page, state, size, scripts }, { theme, rising, texts }) {
  state.texts = texts;
  await page.goto(`/coin/BTC?theme=${theme}&rising=${rising}`);
  if (scripts) await expect(page.getByRole("application")).toBeVisible();
  await expect(page.locator(".painted")).toHaveCount(scripts ? 1 : 0);
  if (scripts) {
    const first = page.locator("canvas").first();
    await expect(first).toHaveAttribute("width", String(size.width));
    await expect(first).toHaveAttribute("height", String(size.height));
  }
  await page.mouse.move(size.window - 1, 999);
  return (await page.locator(".chart-stage").screenshot({ animations: "disabled" })).toString("base64");
}

/** Pixels that differ by more than 2 of 255 in any channel, which is what rounding of an opacity makes. */
export async function compared(browser, shots) {
  const page = await browser.newPage();
  try {
    return await page.evaluate(async (pictures) => {
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
  } finally {
    await page.close();
  }
}
