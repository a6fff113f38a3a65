// Browser tests against a running Tidemark. `cargo deploy test` starts one over the sample and names it in BASE_URL.
import { defineConfig } from "@playwright/test";

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export default defineConfig({
  testDir: "tests",
  outputDir: "out",
  timeout: 30_000,
  expect: { timeout: 10_000 },
  workers: 2,
  retries: 0,
  forbidOnly: Boolean(process.env.CI),
  reporter: [["list"]],
  projects: [
    { name: "pages", testIgnore: "redis-away.spec.mjs" },
    // It stops Redis, which the others would feel.
    { name: "redis away", testMatch: "redis-away.spec.mjs", dependencies: ["pages"] },
  ],
  use: {
    baseURL: process.env.BASE_URL ?? "http://127.0.0.1:3000",
    launchOptions: { executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium", args: flags },
    viewport: { width: 1440, height: 900 },
    // Not UTC: the tests see by it when the page became the browser's.
    timezoneId: "Asia/Kolkata",
    screenshot: "only-on-failure",
  },
});
