// <time data-relative> reads "3 minutes ago"; its title says exactly when, here and in UTC.
const UNITS = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const exact = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short",
});

export function relativeText(moment, now = Date.now()) {
  const seconds = (moment - now) / 1000;
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return relative.format(Math.round(seconds / length), unit);
  }
  return seconds > 0 ? "in less than a minute" : "just now";
}

export function refreshTimes(root = document) {
  for (const each of root.querySelectorAll("time[data-relative]")) {
    const moment = new Date(each.dateTime);
    const inZone = (each.dataset.exact ??= each.title || each.textContent);
    each.textContent = relativeText(moment.getTime());
    each.title = `${inZone} · ${exact.format(moment)} where you are`;
  }
}

refreshTimes();
setInterval(refreshTimes, 20_000);
