// Pictures of the chart's stage, and how much two of them differ.
import { expect } from "@playwright/test";

export const WIDE = { width: 1040, height: 540, window: 1440 };
export const NARROW = { width: 366, height: 400, window: 390 };

/** A picture of the stage at the drawing's own size: the server's drawing without scripts, the canvas with them. */
export async function photographed(browser, { baseURL, size, theme, rising, scripts, texts }) {
  const context = await browser.newContext({
    baseURL,
    javaScriptEnabled: scripts,
    deviceScaleFactor: 1,
    timezoneId: "UTC",
    viewport: { width: size.window, height: 1000 },
  });
  try {
    const page = await context.newPage();
    const unseen = texts ? "" : ".c-axis, .c-tag-text { fill: transparent !important }";
    await page.route("**/*.css", async (route) => {
      const response = await route.fetch();
      // In the corner of the window, so that its edges are those of pixels.
      const place = `position: fixed; inset: 0 auto auto 0; z-index: 9; background: var(--card)`;
      const box = `width: ${size.width}px; height: ${size.height}px; aspect-ratio: auto`;
      const rules = `.chart-stage { ${place}; ${box} } .legend { visibility: hidden } ${unseen}`;
      await route.fulfill({ response, body: `${await response.text()}\n${rules}` });
    });
    await page.goto(`/coin/BTC?theme=${theme}&rising=${rising}`);
    const stage = page.locator(".chart-stage");
    if (scripts) await expect(page.getByRole("application")).toBeVisible();
    await expect(page.locator(".painted")).toHaveCount(scripts ? 1 : 0);
    if (scripts) {
      const first = page.locator("canvas").first();
      await expect(first).toHaveAttribute("width", String(size.width));
      await expect(first).toHaveAttribute("height", String(size.height));
    }
    await page.mouse.move(size.window - 1, 999);
    return (await stage.screenshot({ animations: "disabled" })).toString("base64");
  } finally {
    await context.close();
  }
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
