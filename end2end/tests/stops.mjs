// The stops of the Tab key.

/** Where the focus is: its role and name as a screen reader has them, and whether it is seen there. */
const stop = async (page) => {
  const focused = page.locator(":focus");
  const seen = await focused.evaluate((element) => {
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    const ring = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
    const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
    return (ring || element.matches(".skip")) && inside && box.width > 0;
  });
  const [, role, name] = /^- (\w+)(?: "((?:[^"\\]|\\.)*)")?/.exec(await focused.ariaSnapshot()) ?? [null, "", ""];
  return { role, name: name ?? "", seen };
};

/** Walks through a page from its beginning until the focus leaves it. */
export async function stops(page) {
  const all = [];
  await page.evaluate(() => {
    document.activeElement?.blur();
    getSelection().removeAllRanges();
    scrollTo(0, 0);
  });
  // From the beginning, wherever the page had put the focus.
  await page.locator(".skip").evaluate((link) => {
    link.focus();
    link.blur();
  });
  await page.keyboard.press("Tab");
  if (!(await page.locator(".skip").evaluate((link) => link === document.activeElement))) await page.locator(".skip").focus();
  for (let i = 0; i < 100; i += 1) {
    // Beyond the last stop nothing of the page has the focus.
    if (await page.evaluate(() => document.activeElement === document.body)) break;
    const first = i > 0 && (await page.locator(".skip").evaluate((link) => link === document.activeElement));
    if (first) break;
    all.push(await stop(page));
    await page.keyboard.press("Tab");
  }
  return all;
}
