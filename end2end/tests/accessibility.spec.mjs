// What a keyboard and a screen reader find.
import { expect, test } from "@playwright/test";
import { refreshed } from "./support.mjs";

test("the skip link takes the focus past the head, once hydrated too", async ({ page }) => {
  await page.goto("/");
  await refreshed(page);
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/#content$/);
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.querySelector("main").contains(document.activeElement))).toBe(true);
});

test("only the markets page is called the present one", async ({ page }) => {
  const link = page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Markets" });
  await page.goto("/");
  await refreshed(page);
  await expect(link).toHaveAttribute("aria-current", "page");
  await page.getByRole("link", { name: /Litecoin/ }).last().click();
  await expect(page).toHaveURL(/\/coin\/LTC/);
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Litecoin");
  await expect(link).not.toHaveAttribute("aria-current");
  await page.goto("/no/such/page");
  await expect(link).not.toHaveAttribute("aria-current");
});

test("a row has a cell under every head, and its changes have a direction in words", async ({ page }) => {
  await page.goto("/");
  const heads = await page.getByRole("columnheader").count();
  const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: /Bitcoin/ }) });
  expect(await row.getByRole("cell").count()).toBe(heads - 1);
  await expect(row.getByRole("cell", { name: /^(up |down )?[\d.,]+%$/ })).toHaveCount(2);
  await expect(page.getByRole("cell", { name: /^(up|down) [\d.,]+%$/ }).first()).toBeVisible();
});
