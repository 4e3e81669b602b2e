// Asks the admin API as whoever is signed in.
const csrfToken = document.querySelector("meta[name=csrf-token]")?.content ?? "";

export class Refusal extends Error {
  constructor(status, error, retryAfterSeconds) {
    super(error.message);
    this.status = status;
    this.code = error.code;
    this.details = error.details;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The answer's JSON. Throws a Refusal; who is signed out is led to the sign-in page. */
export async function ask(method, path, body) {
  const answer = await fetch(`/api/v1${path}`, {
    method,
    headers: {
      Accept: "application/json",
      "X-CSRF-Token": csrfToken,
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (answer.status === 401) {
    const here = location.pathname + location.search;
    location.assign(`/sign-in?next=${encodeURIComponent(here)}`);
  }
  const told = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) {
    throw new Refusal(answer.status, told.error, Number(answer.headers.get("Retry-After") ?? 0));
  }
  return told;
}
