// The operator's pages: sessions, and clears of the cache.
import { expect, test } from "@playwright/test";
import { complaints, hydrated, password, signIn } from "./support.mjs";

const fill = async (page, secret) => {
  await page.getByLabel("User", { exact: true }).fill("admin");
  await page.getByLabel("Password").fill(secret);
  await page.getByRole("button", { name: "Sign in" }).click();
};
const cookie = async (context) => (await context.cookies()).find(({ name }) => name === "tidemark");

for (const scripts of [true, false]) {
  test.describe(scripts ? "with scripts" : "without scripts", () => {
    test.use({ javaScriptEnabled: scripts });

    test("a guarded page leads to the form and back, signing out ends the session", async ({ page, context }) => {
      const list = complaints(page, { scripts });
      // A cookie that somebody planted is not taken over.
      const planted = "A".repeat(43);
      await context.addCookies([{ name: "tidemark", value: planted, url: process.env.BASE_URL, httpOnly: true }]);
      await page.goto("/admin/cache");
      await expect(page).toHaveURL(/\/admin[?]next=\/admin\/cache$/);
      await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
      await fill(page, password());
      await expect(page).toHaveURL(/\/admin\/cache$/);
      await expect(page.getByText("Signed in as admin")).toBeVisible();
      const session = await cookie(context);
      expect(session.value).not.toBe(planted);
      expect(session).toMatchObject({ httpOnly: true, sameSite: "Strict" });
      await expect(page.getByRole("heading", { name: "Categories" })).toBeVisible();
      await page.getByRole("button", { name: "Sign out" }).click();
      await expect(page).toHaveURL(/\/admin$/);
      // The cookie of before opens nothing any more.
      await context.addCookies([session]);
      await page.goto("/admin/cache");
      await expect(page).toHaveURL(/\/admin[?]next=/);
      expect(list.filter((line) => !/status of 401/.test(line))).toEqual([]);
    });

    for (const [next, to] of [
      ["/coin/BTC?interval=1d", /\/coin\/BTC[?]interval=1d$/],
      ["https://evil.example/", /\/admin\/cache$/],
      ["//evil.example/", /\/admin\/cache$/],
      ["/\\evil.example/", /\/admin\/cache$/],
    ]) {
      test(`next=${next} is followed only if it is of this site`, async ({ page, baseURL }) => {
        await page.goto(`/admin?next=${encodeURIComponent(next)}`);
        await fill(page, password());
        await expect(page).toHaveURL(to);
        expect(new URL(page.url()).origin).toBe(new URL(baseURL).origin);
      });
    }
  });
}

test("a form cannot name another site either", async ({ request, baseURL }) => {
  const answer = await request.post("/fn/sign_in", {
    form: { user: "admin", password: password(), next: "https://evil.example/" },
    headers: { accept: "text/html", origin: baseURL, referer: `${baseURL}/admin` },
    maxRedirects: 0,
  });
  expect([302, 303]).toContain(answer.status());
  expect(answer.headers().location).toBe("/admin/cache");
});

test("changes that another site's page asks for are refused", async ({ page, context }) => {
  await signIn(page);
  const request = context.request;
  for (const headers of [
    { origin: "https://evil.example" },
    { origin: "null" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site", origin: "https://evil.example" },
  ]) {
    for (const [path, body] of [
      ["/fn/clear_cache", { data: { scope: { all: true } } }],
      ["/fn/sign_out", { form: {} }],
      ["/fn/sign_in", { form: { user: "admin", password: "wrong wrong wrong" } }],
      ["/api/cache/clear", { data: { scope: { all: true } } }],
      ["/api/session", { data: { user: "admin", password: "wrong wrong wrong" } }],
    ]) {
      const answer = await request.post(path, { ...body, headers, maxRedirects: 0 });
      expect(answer.status(), `${path} with ${JSON.stringify(headers)}`).toBe(403);
    }
  }
  await page.goto("/admin/cache");
  await expect(page.getByText("Signed in as admin")).toBeVisible();
});

test("nothing of the cache is told to one who is not signed in", async ({ request }) => {
  for (const path of ["/fn/cache_stats", "/fn/cache_entry?key=prices:recorded", "/api/cache/stats"]) {
    const answer = await request.get(path);
    expect(answer.status(), path).toBe(401);
    expect(await answer.text()).not.toContain("prices:");
  }
  const page = await request.get("/admin/cache", { maxRedirects: 0 });
  expect(page.status()).toBe(303);
  expect(page.headers().location).toBe("/admin?next=/admin/cache");
  expect(await page.text()).not.toContain("Categories");
});

for (const [scripts, lang, wrong, slowed] of [
  [true, "en", "Incorrect user name or password.", /^Too many incorrect passwords\. Try again in [\d.]+ (s|min)\.$/],
  [false, "zh-CN", "用户名或密码错误。", /^密码错误次数过多：请在 [\d.]+ (秒|分钟)后重试。$/],
]) {
  test.describe(`guesses ${scripts ? "with scripts" : "without scripts"}`, () => {
    // An address of its own, which the check's server takes from a proxy: other tests sign in meanwhile.
    test.use({ javaScriptEnabled: scripts, extraHTTPHeaders: { "x-forwarded-for": `192.0.2.${1 + Math.floor(Math.random() * 250)}` } });

    test(`a wrong password is told, guesses are slowed, ${lang}`, async ({ page }) => {
      await page.goto(`/admin?lang=${lang}&next=/coin/BTC`);
      const alarm = page.getByRole("alert");
      for (let guess = 1; ; guess += 1) {
        await page.locator("input[name=password]").fill(`not the password ${guess}`);
        await page.locator("main button[type=submit]").click();
        await expect(page).toHaveURL(/error=/);
        await expect(alarm).not.toHaveText("");
        // What was tried is neither in the address nor on the page.
        expect(page.url()).not.toContain("not");
        const text = await alarm.textContent();
        if (slowed.test(text)) break;
        expect(text).toBe(wrong);
        expect(guess).toBeLessThanOrEqual(6);
      }
      // Where it led is kept.
      await expect(page.locator("main input[name=next]")).toHaveValue("/coin/BTC");
    });
  });
}

test("the figures refresh by themselves, also while the focus is in them", async ({ page }) => {
  const list = complaints(page);
  await signIn(page);
  await page.goto("/admin/cache");
  await hydrated(page);
  const button = page.getByRole("button", { name: "Clear prices…" });
  await button.focus();
  const foot = page.locator(".page-foot");
  const reads = page.locator("tr", { hasText: "prices" }).locator("td").nth(4);
  const before = Number((await reads.textContent()).replace(/,/g, ""));
  for (let i = 0; i < 3; i += 1) await page.context().request.get("/api/latest_prices");
  await expect.poll(async () => Number((await reads.textContent()).replace(/,/g, ""))).toBeGreaterThanOrEqual(before + 3);
  await expect(button).toBeFocused();
  await expect(foot).toContainText("Since the start of this server");
  for (const title of ["Hit ratio", "Database reads avoided", "Served stale", "Memory", "Redis"]) {
    await expect(page.locator(".tile h2", { hasText: title })).toBeVisible();
  }
  await expect(page.locator(".node")).toHaveCount(1);
  expect(list).toEqual([]);
});

test("the way to the console from another page asks for a session too", async ({ page }) => {
  await page.goto("/coin/BTC");
  await hydrated(page);
  await page.getByRole("link", { name: "Cache", exact: true }).click();
  await expect(page).toHaveURL(/\/admin[?]next=\/admin\/cache$/);
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await fill(page, password());
  await expect(page.getByText("Signed in as admin")).toBeVisible();
});

test("a session that ends while the console is open is told, with the way back", async ({ page }) => {
  await signIn(page, { own: true });
  await page.goto("/admin/cache");
  await hydrated(page);
  const ended = await page.context().request.delete("/api/session");
  expect(ended.ok()).toBe(true);
  await expect(page.locator(".alarm")).toBeVisible();
  await page.locator(".alarm-link a").click();
  await expect(page).toHaveURL(/\/admin[?]next=\/admin\/cache$/);
  await fill(page, password());
  await expect(page.getByText("Signed in as admin")).toBeVisible();
});

test("Enter in the name looks at what it covers", async ({ page }) => {
  await signIn(page);
  await page.context().request.get("/api/latest_prices");
  await page.goto("/admin/cache");
  await hydrated(page);
  await page.getByRole("button", { name: "Clear by prefix, key or tag…" }).click();
  const dialog = page.getByRole("dialog", { name: "Clear the cache" });
  await dialog.getByLabel("Name").fill("prices:");
  await dialog.getByLabel("Name").press("Enter");
  await expect(dialog.locator(".preview")).not.toHaveText("");
});

test.describe("clears", () => {
  // One after the other: what one clears another would miss.
  test.describe.configure({ mode: "serial" });

  /** Has something in the cache to be cleared. */
  const warm = async (page) => {
    await page.context().request.get("/api/chart_data?symbol=BTC&interval=1d");
    await page.context().request.get("/api/latest_prices");
  };
  const clears = (page) => page.locator("section", { has: page.getByRole("heading", { name: "Clears" }) });

  test.beforeEach(async ({ page }) => {
    await signIn(page);
    await warm(page);
    await page.goto("/admin/cache");
    await hydrated(page);
  });

  test("a category: preview, clear, undo", async ({ page }) => {
    const list = complaints(page);
    const button = page.getByRole("button", { name: "Clear charts…" });
    await button.click();
    const dialog = page.getByRole("dialog", { name: "Clear the cache" });
    await expect(dialog.getByLabel("What")).toHaveValue("category");
    await expect(dialog.locator("select").nth(1)).toHaveValue("charts");
    await expect(dialog.locator(".preview b")).toHaveText(/^[\d,]+ keys? in Redis, [\d.,]+ (B|KiB|MiB)$/);
    await expect(dialog.locator(".preview code").first()).toHaveText(/^charts:/);
    // Escape closes it, nothing is cleared, and the focus is where it was.
    await page.keyboard.press("Escape");
    await expect(dialog).toBeHidden();
    await expect(button).toBeFocused();
    await expect(page.locator(".toast")).toHaveCount(0);
    await page.keyboard.press("Enter");
    await expect(dialog).toBeVisible();
    await expect(dialog.locator(".preview b")).toBeVisible();
    await dialog.getByRole("button", { name: "Clear", exact: true }).click();
    await expect(dialog).toBeHidden();
    const toast = page.locator(".toast");
    await expect(toast).toContainText(/^Cleared charts: [\d,]+ keys?, .* Expected cost: up to [\d,]+ loads? from Postgres\./);
    await expect(clears(page).locator("tbody tr").first()).toContainText("category charts");
    await toast.getByRole("button", { name: /^Undo/ }).click();
    await expect(toast).toContainText(/^Undone: [\d,]+ keys? restored, [\d,]+ already loaded again\./);
    await expect(clears(page).locator("tbody tr").first()).toContainText("undone");
    await expect(toast).toBeFocused();
    await toast.getByRole("button", { name: "Close" }).click();
    await expect(toast).toHaveCount(0);
    await expect(page.locator("#content")).toBeFocused();
    expect(list).toEqual([]);
  });

  test("a prefix and a key, each looked at first; a bad name is told", async ({ page }) => {
    await page.getByRole("button", { name: "Clear by prefix, key or tag…" }).click();
    const dialog = page.getByRole("dialog", { name: "Clear the cache" });
    const go = dialog.getByRole("button", { name: "Clear", exact: true });
    await expect(go).toBeDisabled();
    await dialog.getByLabel("Name").fill("nonsense");
    await dialog.getByRole("button", { name: "Preview" }).click();
    await expect(dialog.getByRole("alert")).toContainText("Prefix: must begin with charts:");
    await expect(go).toBeDisabled();
    await dialog.getByLabel("Name").fill("charts:no-such-thing");
    await dialog.getByRole("button", { name: "Preview" }).click();
    await expect(dialog.getByText("Nothing is there to clear.")).toBeVisible();
    await expect(go).toBeDisabled();
    await dialog.getByLabel("Name").fill("charts:");
    await dialog.getByRole("button", { name: "Preview" }).click();
    const sample = dialog.locator(".preview code").first();
    await expect(sample).toHaveText(/^charts:/);
    const key = await sample.textContent();
    await go.click();
    await expect(page.locator(".toast")).toContainText("Cleared charts:");
    await warm(page);
    await page.getByRole("button", { name: "Clear by prefix, key or tag…" }).click();
    await dialog.getByLabel("What").selectOption("key");
    await dialog.getByLabel("Name").fill(key);
    await dialog.getByRole("button", { name: "Preview" }).click();
    await expect(dialog.locator(".preview")).not.toHaveText("");
    await page.keyboard.press("Escape");
    await expect(dialog).toBeHidden();
  });

  test("everything goes only after the typed word", async ({ page }) => {
    await page.getByRole("button", { name: "Clear all…" }).click();
    const dialog = page.getByRole("dialog", { name: "Clear the cache" });
    const go = dialog.getByRole("button", { name: "Clear", exact: true });
    await expect(dialog.locator(".preview b")).toBeVisible();
    await expect(go).toBeDisabled();
    const word = dialog.getByLabel("Type “clear all” to clear everything");
    await word.fill("clear");
    await expect(go).toBeDisabled();
    await word.press("Enter");
    await expect(dialog).toBeVisible();
    await word.fill("clear all");
    await expect(go).toBeEnabled();
    await word.press("Enter");
    await expect(dialog).toBeHidden();
    await expect(page.locator(".toast")).toContainText(/^Cleared everything: /);
    await expect(clears(page).locator("tbody tr").first()).toContainText(/all|everything/);
    await page.locator(".toast").getByRole("button", { name: /^Undo/ }).click();
    await expect(page.locator(".toast")).toContainText(/^Undone: /);
  });
});
