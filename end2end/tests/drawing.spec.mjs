// The server's drawing and the browser's canvas of the same state, pixel by pixel.
//
// Both are shown at the drawing's own size, where a unit is a pixel. Texts are measured apart: the two ways smooth letters
// differently. The comparison without texts makes their inks transparent in both.
import { expect, test } from "@playwright/test";
import { compared, easel, LOOKS, NARROW, photographed, WIDE } from "./drawings.mjs";

for (const [what, size] of Object.entries({ wide: WIDE, narrow: NARROW })) {
  test(`the ${what} canvas is the ${what} drawing, in any theme and colours`, async ({ browser, baseURL, page }, info) => {
    test.setTimeout(60_000);
    const easels = [];
    try {
      for (const scripts of [false, true]) easels.push(await easel(browser, { baseURL, size, scripts }));
      for (const look of LOOKS) {
        const result = await compared(page, [await photographed(easels[0], look), await photographed(easels[1], look)]);
        const share = (result.differing / result.pixels) * 100;
        const line = `${result.differing} of ${result.pixels} pixels differ (${share.toFixed(3)} %), by ${result.most} of 255 at most`;
        const which = `${what}, ${look.theme}, ${look.rising} up, ${look.texts ? "with" : "without"} texts`;
        console.log(`  ${which}: ${line}`);
        info.annotations.push({ type: "pixels", description: `${which}: ${line}` });
        expect([result.width, result.height], which).toEqual([size.width, size.height]);
        expect(result.painted, `${which}: there is something to compare`).toBeGreaterThan(result.pixels / 100);
        expect(share, which).toBeLessThanOrEqual(0.25);
      }
    } finally {
      await Promise.all(easels.map(({ context }) => context.close()));
    }
  });
}
