// The server's drawing and the browser's canvas of the same state, pixel by pixel.
//
// Both are shown at the drawing's own size, where a unit is a pixel. Texts are measured apart: the two ways smooth letters
// differently. The comparison without texts makes their inks transparent in both.
import { expect, test } from "@playwright/test";
import { compared, NARROW, photographed, WIDE } from "./drawings.mjs";

for (const [what, size] of Object.entries({ wide: WIDE, narrow: NARROW })) {
  for (const theme of ["light", "dark"]) {
    for (const rising of ["green", "red"]) {
      test(`the ${what} canvas is the ${what} drawing, ${theme}, ${rising} up`, async ({ browser, baseURL }, info) => {
        for (const texts of [false, true]) {
          const shots = [];
          for (const scripts of [false, true]) {
            shots.push(await photographed(browser, { baseURL, size, theme, rising, scripts, texts }));
          }
          const result = await compared(browser, shots);
          const share = (result.differing / result.pixels) * 100;
          const line = `${result.differing} of ${result.pixels} pixels differ (${share.toFixed(3)} %), by ${result.most} of 255 at most`;
          console.log(`  ${what}, ${theme}, ${rising} up, ${texts ? "with" : "without"} texts: ${line}`);
          info.annotations.push({ type: "pixels", description: line });
          expect([result.width, result.height]).toEqual([size.width, size.height]);
          expect(result.painted, "there is something to compare").toBeGreaterThan(result.pixels / 100);
          expect(share).toBeLessThanOrEqual(0.25);
        }
      });
    }
  }
}
