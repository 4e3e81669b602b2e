/** The page as it is now, fetched by itself: that is no sign of anybody being here. */
export function refetch() {
  const headers = { Accept: "text/html", "X-Unattended": "1" };
  return fetch(location.href, { headers, cache: "no-store" });
}
