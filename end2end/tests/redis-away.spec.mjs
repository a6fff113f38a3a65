// Redis away, on the page of the cache. The check's Redis is stopped for a moment; the project of this file runs last, for the
// others would feel it.
import { connect } from "node:net";
import { expect, test } from "@playwright/test";
import { hydrated, signIn } from "./support.mjs";

/** The process of the check's Redis, which is on this machine. */
async function redisProcess() {
  const { hostname, port } = new URL(process.env.REDIS_URL);
  const socket = connect(Number(port), hostname);
  try {
    const answer = await new Promise((resolve, reject) => {
      let text = "";
      socket.setEncoding("utf8").on("error", reject).on("data", (chunk) => {
        text += chunk;
        const found = /^process_id:(\d+)/m.exec(text);
        if (found) resolve(found[1]);
      });
      socket.write("INFO server\r\n");
    });
    return Number(answer);
  } finally {
    socket.destroy();
  }
}

test("a Redis that does not answer is told in words, and so is its return", async ({ page }) => {
  test.setTimeout(90_000);
  await signIn(page);
  await page.goto("/admin/cache");
  await hydrated(page);
  const tile = page.locator(".tile", { has: page.getByRole("heading", { name: "Redis" }) });
  await expect(tile.locator(".figure")).toHaveText("Connected");
  const pid = await redisProcess();
  process.kill(pid, "SIGSTOP");
  try {
    await expect(tile.locator(".figure")).toHaveText("Unavailable", { timeout: 30_000 });
    await expect(tile).toHaveClass(/tile-alarm/);
    // What Redis itself says is in English, and says so on pages of another language.
    await expect(tile.locator(".note")).toHaveAttribute("lang", "en");
    await expect(page.locator(".node-down")).toHaveCount(1);
    await expect(page.locator(".node-down .node-state")).toHaveText("not reached");
    await page.getByRole("button", { name: "Clear charts…" }).click();
    const dialog = page.getByRole("dialog");
    await expect(dialog.getByText(/One node of Redis could not be looked at|Redis, which stores the invalidation log, is unavailable/)).toBeVisible({ timeout: 20_000 });
    await page.keyboard.press("Escape");
    // Readers notice nothing.
    const prices = await page.context().request.get("/api/latest_prices");
    expect(prices.status()).toBe(200);
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await expect(tile.locator(".figure")).toHaveText("Connected", { timeout: 30_000 });
  await expect(tile).not.toHaveClass(/tile-alarm/);
});
