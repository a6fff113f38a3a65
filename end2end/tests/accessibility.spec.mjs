// What a keyboard and a screen reader find.
import AxeBuilder from "@axe-core/playwright";
import { expect, test } from "@playwright/test";
import { address, hydrated, LANGUAGES, open, refreshed, signIn, THEMES } from "./support.mjs";
import { stops } from "./stops.mjs";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** The findings of axe, one line each; within one part of the page if it is named. */
export async function findings(page, part) {
  const axe = new AxeBuilder({ page }).withTags(RULES);
  const { violations } = await (part ? axe.include(part) : axe).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")}`));
}

const PAGES = [
  { path: "/", times: true },
  { path: "/?show=watchlist", times: true },
  { path: "/coin/BTC", times: true },
  { path: "/coin/NOPE" },
  { path: "/nope" },
  { path: "/admin" },
  { path: "/admin?error=wrong_password" },
  { path: "/admin/cache", times: true, signedIn: true },
];

for (const lang of LANGUAGES) {
  for (const { path, times, signedIn } of PAGES) {
    test(`axe finds nothing on ${path}, ${lang}, in any theme`, async ({ page }) => {
      if (signedIn) await signIn(page);
      for (const theme of THEMES) {
        await page.goto(address(path, { lang, theme }));
        if (times) await hydrated(page);
        if (path.startsWith("/coin/BTC")) await expect(page.getByRole("application")).toBeVisible();
        expect(await findings(page), theme).toEqual([]);
        await page.locator("button[popovertarget=display]").click();
        await expect(page.locator("#display")).toBeVisible();
        expect(await findings(page, "#display"), theme).toEqual([]);
        if (!signedIn) continue;
        await page.keyboard.press("Escape");
        await page.locator(".card-actions .button-danger").click();
        await expect(page.getByRole("dialog").locator(".preview b")).toBeVisible();
        expect(await findings(page, "dialog"), theme).toEqual([]);
      }
    });
  }
}

test("axe finds nothing on a phone", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  for (const path of ["/", "/coin/BTC"]) {
    await open(page, path);
    expect(await findings(page), path).toEqual([]);
  }
});

test("the skip link takes the focus past the head, once hydrated too", async ({ page }) => {
  await open(page, "/");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/#content$/);
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.querySelector("main").contains(document.activeElement))).toBe(true);
});

test("only the markets page is called the present one", async ({ page }) => {
  const link = page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Markets" });
  await open(page, "/");
  await expect(link).toHaveAttribute("aria-current", "page");
  await page.getByRole("link", { name: /Litecoin/ }).click();
  await expect(page).toHaveURL(/\/coin\/LTC/);
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Litecoin");
  await expect(link).not.toHaveAttribute("aria-current");
  await page.goto("/no/such/page");
  await expect(link).not.toHaveAttribute("aria-current");
});

test("a row has a cell under every head, and its changes have a direction in words", async ({ page }) => {
  await open(page, "/");
  const heads = await page.getByRole("columnheader").count();
  const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: /Bitcoin/ }) });
  expect(await row.getByRole("cell").count()).toBe(heads - 1);
  await expect(row.getByRole("cell", { name: /^(up |down )?[\d.,]+%$/ })).toHaveCount(3);
  await expect(page.getByRole("cell", { name: /^(up|down) [\d.,]+%$/ }).first()).toBeVisible();
});

test("the pages are built as a screen reader expects", async ({ page }) => {
  await open(page, "/");
  await expect(page.getByRole("banner")).toMatchAriaSnapshot(`
    - banner:
      - link "Tidemark"
      - navigation "Main":
        - link "Markets"
        - link "Cache"
      - text: Recorded prices
      - group "Language":
        - link "English"
        - link "简体中文"
      - button "Display"
  `);
  await expect(page.getByRole("main")).toMatchAriaSnapshot(`
    - main:
      - region "Market overview":
        - heading "Market cap" [level=2]
        - heading "Volume 24h" [level=2]
        - heading "Breadth" [level=2]
        - heading "Dominance" [level=2]
      - region "Markets":
        - heading "Markets" [level=1]
        - search:
          - searchbox "Filter coins"
        - navigation "Show":
          - link "All"
          - link "Watchlist"
          - link "Gainers"
          - link "Losers"
        - status: 5 coins shown
        - table "Latest prices, with the change over one hour, 24 hours and seven days"
  `);
  await open(page, "/coin/BTC");
  await expect(page.getByRole("main")).toMatchAriaSnapshot(`
    - main:
      - heading "Bitcoin BTC / USD" [level=1]
      - button "Watch"
      - region "Chart":
        - navigation "Interval":
          - link "30m"
          - link "1h"
          - link "4h"
          - link "1d"
          - link "1w"
        - navigation "Range":
          - link "One day"
          - link "One week"
          - link "One month"
          - link "Three months"
          - link "One year"
          - link "All that is stored"
        - link "Export"
        - figure:
          - application "Bitcoin, 4h candles"
      - complementary:
        - region "Key figures":
          - heading "Key figures" [level=2]
          - term: Open 24h
          - definition: /[\\d,.]+/
  `);
  await page.goto("/admin");
  await expect(page.getByRole("main")).toMatchAriaSnapshot(`
    - main:
      - region "Sign in":
        - heading "Sign in" [level=1]
        - paragraph: The cache can be looked at and cleared by its operator.
        - text: User
        - textbox "User": admin
        - text: Password
        - textbox "Password"
        - button "Sign in"
  `);
});

for (const { path, times, signedIn } of PAGES) {
  test(`Tab reaches every control of ${path}, and the focus is seen`, async ({ page }) => {
    if (signedIn) await signIn(page);
    await page.goto(path);
    if (times) await hydrated(page);
    if (path === "/coin/BTC") await expect(page.getByRole("application")).toBeVisible();
    const walked = await stops(page);
    expect(walked.filter((stop) => !stop.seen)).toEqual([]);
    expect(walked.filter((stop) => stop.name === "")).toEqual([]);
    // What can be pressed and is shown is among the stops: each once.
    const controls = await page
      .locator("a[href], button, input:not([type=hidden]), select, [tabindex='0']")
      .evaluateAll((all) => all.filter((control) => control.checkVisibility({ visibilityProperty: true }) && !control.disabled).length);
    expect(walked.map(({ role, name }) => `${role} ${name}`)).toHaveLength(controls);
  });
}

test("what can be pressed is at least 24 pixels each way, or stands in a text", async ({ page }) => {
  await signIn(page);
  for (const width of [390, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    for (const path of ["/", "/coin/BTC", "/nope", "/admin/cache"]) {
      await page.goto(path);
      await expect(page.locator("main")).toBeVisible();
      const small = await page.locator("a[href]:not(.skip), button, input:not([type=hidden]), select").evaluateAll((all) =>
        all
          .filter((control) => control.checkVisibility({ visibilityProperty: true }))
          .map((control) => [control, control.getBoundingClientRect()])
          .filter(([, box]) => box.width > 0 && (box.width < 24 || box.height < 24))
          .map(([control, box]) => `${control.textContent.trim() || control.ariaLabel} ${box.width.toFixed(1)} × ${box.height.toFixed(1)}`),
      );
      expect(small, `${path} at ${width}`).toEqual([]);
    }
  }
});

test("nothing moves for one who asked for less motion", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.goto("/");
  await refreshed(page);
  const moving = await page.evaluate(() => document.getAnimations().length);
  expect(moving).toBe(0);
});

test("with forced colours, what is chosen and where a price stands is still seen", async ({ page }) => {
  await page.emulateMedia({ forcedColors: "active" });
  await open(page, "/coin/BTC");
  await expect(page.getByRole("application")).toBeVisible();
  // The chart is drawn in colours of the user's own.
  const colours = await page.locator("canvas").first().evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(Array.from({ length: data.length / 4 }, (_, i) => data.slice(4 * i, 4 * i + 4).join())).size;
  });
  expect(colours).toBeGreaterThan(3);
  await page.getByRole("link", { name: "1d", exact: true }).focus();
  const outline = await page.getByRole("link", { name: "1d", exact: true }).evaluate((link) => getComputedStyle(link).outlineStyle);
  expect(outline).not.toBe("none");
});
