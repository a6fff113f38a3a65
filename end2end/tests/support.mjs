// What several files need.

/** Collects everything that the console or the page complains of. */
export function complaints(page) {
  const list = [];
  page.on("console", (message) => list.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => list.push(`error: ${error.message}`));
  page.on("requestfailed", (request) => {
    // Leaving a page ends its open refresh: that is no failure.
    if (request.failure()?.errorText !== "net::ERR_ABORTED") list.push(`failed: ${request.url()}`);
  });
  return list;
}

/** A refresh of the prices: it comes only from a page that was hydrated. */
export const refreshed = (page) => page.waitForResponse((r) => r.url().includes("/fn/latest_prices") && r.ok());

/** Has the refreshes from now on changed by `change` before the page sees them. */
export function doctored(page, change) {
  return page.route("**/fn/latest_prices*", async (route) => {
    const response = await route.fetch();
    const answer = await response.json();
    change(answer);
    await route.fulfill({ response, json: answer });
  });
}
