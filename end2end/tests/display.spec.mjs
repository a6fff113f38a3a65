// Theme, colours of rise and fall, and the reader's time zone.
import { expect, test } from "@playwright/test";
import { complaints, GROUND, hydrated, open } from "./support.mjs";

/** The colours that the browser gives to its own bars, of the metas whose media hold. */
const BARS = { light: ["#fffdf9"], dark: ["#111b25"] };
const bars = (page) =>
  page.locator("meta[name=theme-color]").evaluateAll((all) => all.filter((meta) => matchMedia(meta.media).matches).map((meta) => meta.content));
const ground = (page) => page.locator("html");
const menu = (page) => page.locator("#display");

for (const device of ["light", "dark"]) {
  test.describe(`on a ${device} device`, () => {
    test.use({ colorScheme: device });

    test("the theme is the device's, or the chosen one, and kept", async ({ page }) => {
      const list = complaints(page);
      await open(page, "/");
      const html = page.locator("html");
      await expect(html).toHaveAttribute("data-theme", "system");
      await expect(ground(page)).toHaveCSS("background-color", GROUND[device]);
      expect(await bars(page)).toEqual(BARS[device]);
      for (const theme of ["dark", "light"]) {
        await page.getByRole("button", { name: "Display" }).click();
        await expect(menu(page)).toBeVisible();
        await page.getByRole("radio", { name: theme === "dark" ? "Dark" : "Light" }).check();
        await expect(html).toHaveAttribute("data-theme", theme);
        await expect(ground(page)).toHaveCSS("background-color", GROUND[theme]);
        expect(await bars(page)).toEqual(BARS[theme]);
        await page.keyboard.press("Escape");
        await expect(menu(page)).toBeHidden();
        await expect(page.getByRole("button", { name: "Display" })).toBeFocused();
        const answer = await page.goto("/coin/BTC");
        // The first mark-up has it: nothing flashes.
        expect(await answer.text()).toMatch(new RegExp(`<html[^>]* data-theme="${theme}"`));
        await expect(ground(page)).toHaveCSS("background-color", GROUND[theme]);
        expect(await bars(page)).toEqual(BARS[theme]);
        await hydrated(page);
        await expect(html).toHaveAttribute("data-theme", theme);
      }
      await page.getByRole("button", { name: "Display" }).click();
      await expect(page.getByRole("radio", { name: "Light" })).toBeChecked();
      await page.getByRole("radio", { name: "System" }).check();
      await expect(ground(page)).toHaveCSS("background-color", GROUND[device]);
      expect(list).toEqual([]);
    });
  });
}

/** The colour of the first rise or fall that is shown. */
const hue = (page) =>
  page.locator("tbody .change.up, tbody .change.down").first().evaluate((change) => {
    const [r, g] = getComputedStyle(change).color.match(/\d+/g).map(Number);
    return `${change.classList.contains("up") ? "up" : "down"} ${r > g ? "red" : "green"}`;
  });

test("rises are green or red as the reader has it, in table and chart", async ({ page }) => {
  const list = complaints(page);
  await open(page, "/");
  const before = await hue(page);
  expect(["up green", "down red"]).toContain(before);
  await page.getByRole("button", { name: "Display" }).click();
  await page.getByRole("radio", { name: "Red up" }).check();
  await expect(page.locator("html")).toHaveAttribute("data-rising", "red");
  await expect.poll(() => hue(page)).toBe(before === "up green" ? "up red" : "down green");
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-rising", "red");
  await open(page, "/coin/BTC");
  await page.getByRole("application").waitFor();
  const picture = () => page.locator("canvas").first().evaluate((canvas) => canvas.toDataURL());
  const red = await picture();
  await page.getByRole("button", { name: "Display" }).click();
  await page.getByRole("radio", { name: "Green up" }).check();
  await expect.poll(picture).not.toBe(red);
  const green = await picture();
  await page.getByRole("radio", { name: "Dark" }).check();
  await expect.poll(picture).not.toBe(green);
  expect(list).toEqual([]);
});

test.describe("without scripts", () => {
  test.use({ javaScriptEnabled: false });

  test("the menu is a form", async ({ page }) => {
    await page.goto("/coin/BTC");
    await page.getByRole("button", { name: "Display" }).click();
    await page.getByRole("radio", { name: "Dark" }).check();
    await page.getByRole("radio", { name: "Red up" }).check();
    await page.getByRole("button", { name: "Apply" }).click();
    await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
    await page.goto("/");
    await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
    await expect(page.locator("html")).toHaveAttribute("data-rising", "red");
    await expect(ground(page)).toHaveCSS("background-color", GROUND.dark);
  });

  test("times are UTC, and say so", async ({ page }) => {
    await page.goto("/");
    await expect(page.locator(".card-foot")).toContainText("1 Apr 2019, 00:00 UTC");
  });
});

for (const [timezoneId, time, zone] of [
  ["Asia/Shanghai", "1 Apr 2019, 08:00 UTC+8", "UTC+8"],
  ["America/St_Johns", "31 Mar 2019, 21:30 UTC−2:30", "UTC−2:30"],
]) {
  test.describe(`in the zone ${timezoneId}`, () => {
    test.use({ timezoneId });

    test("times are the reader's once hydrated", async ({ page }) => {
      const list = complaints(page);
      const answer = await page.goto("/");
      expect(await answer.text()).toMatch(/1 Apr 2019, 00:00\sUTC/);
      await expect(page.locator(".card-foot")).toContainText(`Prices as of ${time}`);
      await page.goto("/coin/BTC");
      await expect(page.locator(".figures")).toContainText(time);
      await expect(page.locator(".card-foot")).toContainText(`· ${zone}`);
      expect(list).toEqual([]);
    });
  });
}

test("a choice outlives the address that named another", async ({ page }) => {
  await page.goto("/coin/ETH?theme=dark&interval=1d");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await hydrated(page);
  await page.locator("button[popovertarget=display]").click();
  await page.getByRole("radio", { name: "Light" }).check();
  await expect(page).toHaveURL(/\/coin\/ETH[?]interval=1d$/);
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
});

test("a single key can be switched off, for later pages too", async ({ page }) => {
  await open(page, "/");
  const field = page.getByRole("searchbox");
  await page.locator("button[popovertarget=display]").click();
  await page.getByRole("checkbox", { name: "/ goes to the filter" }).uncheck();
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  await expect(field).not.toBeFocused();
  await open(page, "/?sort=coin");
  await page.keyboard.press("/");
  await expect(field).not.toBeFocused();
  await page.locator("button[popovertarget=display]").click();
  await page.getByRole("checkbox", { name: "/ goes to the filter" }).check();
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  await expect(field).toBeFocused();
});

test("what an address asks for in vain is not kept", async ({ request }) => {
  const named = async (path) => {
    const headers = (await request.get(path)).headersArray();
    return headers.filter(({ name }) => name.toLowerCase() === "set-cookie").map(({ value }) => value.split(";")[0]);
  };
  expect(await named("/?lang=fr&theme=pink")).toEqual([]);
  expect(await named("/?lang=zh&theme=dark")).toEqual(["lang=zh-CN", "theme=dark"]);
});

test.describe("without scripts", () => {
  test.use({ javaScriptEnabled: false });

  test("a choice keeps the rest of the address", async ({ page }) => {
    await page.goto("/?sort=coin&q=o");
    await page.locator("button[popovertarget=display]").click();
    await page.getByRole("radio", { name: "Dark" }).check();
    await page.getByRole("button", { name: "Apply" }).click();
    await expect(page).toHaveURL(/[?]sort=coin&q=o&theme=dark/);
    await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  });
});

test("two tabs share stars and theme: none is lost, and each shows what the other chose", async ({ context }) => {
  const [one, two] = [await context.newPage(), await context.newPage()];
  for (const page of [one, two]) await open(page, "/");
  const star = (page, name) => page.getByRole("button", { name: `Watch ${name}` });
  await star(one, "Bitcoin").click();
  await expect(star(two, "Bitcoin")).toHaveAttribute("aria-pressed", "true");
  await star(two, "Ethereum").click();
  await expect(star(one, "Ethereum")).toHaveAttribute("aria-pressed", "true");
  const kept = async () => (await context.cookies()).find(({ name }) => name === "watch")?.value;
  await expect.poll(kept).toBe("BTC|ETH");
  // A message that was missed costs nothing either: the cookie is read before it is written.
  // For two seconds after a message its value counts, as the cookie may be an older one.
  await two.waitForTimeout(2_500);
  await two.evaluate(() => {
    document.cookie = "watch=XRP; path=/";
  });
  await expect.poll(kept).toBe("XRP");
  await star(one, "Litecoin").click();
  await expect.poll(kept).toBe("XRP|LTC");
  await one.getByRole("button", { name: "Display" }).click();
  await one.getByRole("radio", { name: "Dark" }).check();
  await expect(two.locator("html")).toHaveAttribute("data-theme", "dark");
  await expect(ground(two)).toHaveCSS("background-color", GROUND.dark);
  await one.getByRole("radio", { name: "Red up" }).check();
  await expect(two.locator("html")).toHaveAttribute("data-rising", "red");
});
