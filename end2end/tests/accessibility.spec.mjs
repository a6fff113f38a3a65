// What a keyboard and a screen reader find.
import AxeBuilder from "@axe-core/playwright";
import { expect, test } from "@playwright/test";
import { address, doctored, frames, GROUND, hydrated, LANGUAGES, open, refreshed, signIn, THEMES, warm } from "./support.mjs";
import { stops } from "./stops.mjs";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
/** Those that a theme can break: nothing else of a page depends on it. */
const COLOUR_RULES = ["color-contrast", "link-in-text-block"];

/** The findings of axe, one line each; within one part of the page if it is named. */
async function findings(page, { colours = false, part = null } = {}) {
  let axe = new AxeBuilder({ page });
  axe = colours ? axe.withRules(COLOUR_RULES) : axe.withTags(RULES);
  const { violations } = await (part ? axe.include(part) : axe).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")}`));
}

/** Finds nothing by any rule, nor by those of colours in the other theme. */
async function clean(page, part) {
  for (const colorScheme of THEMES) {
    await page.emulateMedia({ colorScheme });
    await expect(page.locator("html")).toHaveCSS("background-color", GROUND[colorScheme]);
    expect(await findings(page, { colours: colorScheme !== THEMES[0], part }), `${part ?? "page"}, ${colorScheme}`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: THEMES[0] });
}

/** Opens the dialog with something to show in it. */
async function openedPreview(page) {
  await expect(async () => {
    // Another test may clear what this one has warmed.
    await warm(page);
    await page.keyboard.press("Escape");
    await page.locator(".card-actions .button-danger").click();
    await expect(page.getByRole("dialog").locator(".preview b")).toBeVisible({ timeout: 5_000 });
  }).toPass({ timeout: 20_000 });
}

/** Tab reaches what can be pressed and is shown: each once, with a name, and seen. */
async function walked(page) {
  const walk = await stops(page);
  expect(walk.filter((stop) => !stop.seen)).toEqual([]);
  expect(walk.filter((stop) => stop.name === "")).toEqual([]);
  const controls = await page
    .locator("a[href], button, input:not([type=hidden]), select, [tabindex='0']")
    .evaluateAll((all) => all.filter((control) => control.checkVisibility({ visibilityProperty: true }) && !control.disabled).length);
  expect(walk.map(({ role, name }) => `${role} ${name}`)).toHaveLength(controls);
}

const PAGES = [
  // The head is the same everywhere: its menu is looked at once with the markets, once with the operator's page.
  { path: "/", times: true, menu: true },
  { path: "/?show=watchlist", times: true },
  { path: "/coin/BTC", times: true, chart: true },
  { path: "/coin/NOPE" },
  { path: "/nope" },
  { path: "/admin" },
  { path: "/admin?error=wrong_password" },
  { path: "/admin/cache", times: true, menu: true, signedIn: true },
];

for (const lang of LANGUAGES) {
  for (const { path, times, chart, menu, signedIn } of PAGES) {
    const tab = lang === "en";
    test(`axe finds nothing on ${path}, ${lang}, in any theme${tab ? "; Tab reaches every control, and the focus is seen" : ""}`, async ({
      page,
    }) => {
      test.setTimeout(60_000);
      if (signedIn) await signIn(page);
      await page.goto(address(path, { lang }));
      if (times) await hydrated(page);
      if (chart) await expect(page.getByRole("application")).toBeVisible();
      if (tab) await walked(page);
      await clean(page);
      if (menu) {
        await page.locator("button[popovertarget=display]").click();
        await expect(page.locator("#display")).toBeVisible();
        await clean(page, "#display");
        await page.keyboard.press("Escape");
      }
      if (signedIn) {
        await openedPreview(page);
        await clean(page, "dialog");
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
      - status:
        - button "Recorded prices"
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
          - link "1D"
          - link "1W"
          - link "1M"
          - link "3M"
          - link "1Y"
          - link "All"
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
        - paragraph: Only the operator can see and clear the cache.
        - text: User
        - textbox "User": admin
        - text: Password
        - textbox "Password"
        - button "Sign in"
  `);
});

test("nothing moves for one who asked for less motion", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.goto("/");
  await refreshed(page);
  await page.evaluate(() => {
    window.moved = [];
    for (const type of ["animationstart", "transitionrun"]) {
      document.addEventListener(type, (event) => window.moved.push(`${type}: ${event.target.className}`));
    }
  });
  await doctored(page, (answer) => {
    for (const quote of answer.prices) quote.price = "9999.50";
  });
  await expect(page.locator("tbody .price")).toHaveText(Array(5).fill(/^9,999\.50*$/));
  await frames(page);
  expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
  expect(await page.evaluate(() => window.moved)).toEqual([]);
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
  // A chosen link has an outline without the focus; the others have none.
  const outline = (link) => link.evaluate((it) => getComputedStyle(it).outlineStyle);
  const intervals = page.getByRole("navigation", { name: "Interval" });
  await expect(intervals.locator("[aria-current]")).toHaveText("4h");
  expect(await outline(intervals.locator("[aria-current]"))).toBe("solid");
  expect(await outline(intervals.getByRole("link", { name: "1d" }))).toBe("none");
  await page.goto("/");
  expect(await outline(page.locator(".nav-link[aria-current]"))).toBe("solid");
});
