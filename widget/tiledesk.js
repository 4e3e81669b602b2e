/**
 * The browser SDK: one visitor's chat on a page, and the proof of who the visitor is.
 *
 * A token is in memory while it is on its way, and nowhere else: decision 0012.
 */
(() => {
  "use strict";

  const PROTOCOL = "widget-auth.v1";
  const MAX_TOKEN = 8192 + "JWT ".length;
  const MAX_TEXT = 4000;
  const MAX_FRAME_BYTES = 16384;
  const SILENCE_MS = 15_000;
  const STEADY_MS = 10_000;
  const ANSWER_MS = 8_000;
  const STOPPED = 4404;
  const REVOKED = 4401;
  const SIGNED_OUT = 4403;
  const WORTHLESS = new Set(["key_revoked", "token_expired", "token_superseded"]);

  /** @type {Texts} */
  const TEXTS = {
    title: "Chat",
    open: "Open chat",
    close: "Close chat",
    unread: "unread",
    log: "Conversation",
    greeting: "Write to us. We answer here.",
    field: "Your message",
    send: "Send",
    you: "You",
    connecting: "Connecting…",
    connected: "Connected",
    waiting: "Not connected. Trying again…",
    stopped: "Chat is not available.",
    anonymous: "You are not signed in.",
    signedIn: "Signed in as",
    sending: "sending…",
    failed: "Not sent.",
    again: "Try again",
  };

  /** What was asked for did not come about; `code` is the contract's, or one of the SDK's own. */
  class Refused extends Error {
    /** @param {string} code @param {string} [message] */
    constructor(code, message = code) {
      super(message);
      this.name = "TiledeskRefused";
      this.code = code;
    }
  }

  /** Ever longer pauses, by chance a part of that, so that widgets do not come all at once. */
  class Pauses {
    /** @param {number} firstMs @param {number} longestMs */
    constructor(firstMs, longestMs) {
      this.firstMs = firstMs;
      this.longestMs = longestMs;
      this.count = 0;
    }

    /** The next pause in milliseconds. */
    next() {
      const longest = Math.min(this.longestMs, this.firstMs * 2 ** this.count++);
      return 100 + Math.random() * longest;
    }
  }

  function newId() {
    return crypto.getRandomValues(new Uint32Array(4)).join("-");
  }

  /** A promise that a caller may ignore, and what settles it. @template T */
  class Deferred {
    constructor() {
      /** @type {(value: T) => void} */
      this.resolve = () => {};
      /** @type {(error: Refused) => void} */
      this.reject = () => {};
      /** @type {Promise<T>} */
      this.promise = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
      this.promise.catch(() => {});
    }
  }

  // ---- what is kept in the browser

  /** Device ids: anonymous tabs share one, signed-in ones do not, as a sign-in ends its device. */
  class Shelf {
    /** @param {string} project @param {boolean} shared whether other tabs see it */
    constructor(project, shared) {
      this.key = `tiledesk:${project}`;
      this.shared = shared;
      /** @type {Map<string, string>} */
      this.memory = new Map();
      /** This tab's own device, once it has signed in. @type {string | null} */
      this.own = null;
    }

    /** Stored from page to page only, as a duplicated tab takes along what is stored. */
    lend() {
      this.#write(`${this.key}:tab`, this.own, false);
    }

    take() {
      const lent = this.#text(`${this.key}:tab`, false);
      this.#write(`${this.key}:tab`, null, false);
      this.own = lent ?? this.own;
    }

    /** What all tabs know. @returns {Kept} */
    get kept() {
      const nothing = { device: null, person: null, change: "" };
      try {
        return { ...nothing, ...JSON.parse(this.#text(this.key, this.shared) || "{}") };
      } catch {
        return nothing;
      }
    }

    /** @param {Partial<Kept>} changes */
    keep(changes) {
      this.#write(this.key, JSON.stringify({ ...this.kept, ...changes }), this.shared);
    }

    /** @param {string} key @param {boolean} shared */
    #text(key, shared) {
      try {
        return (shared ? localStorage : sessionStorage).getItem(key);
      } catch {
        return this.memory.get(key) ?? null;
      }
    }

    /** @param {string} key @param {string | null} text @param {boolean} shared */
    #write(key, text, shared) {
      try {
        const storage = shared ? localStorage : sessionStorage;
        if (text === null) storage.removeItem(key);
        else storage.setItem(key, text);
      } catch {
        if (text === null) this.memory.delete(key);
        else this.memory.set(key, text);
      }
    }
  }

  // ---- one socket at a time

  /** The socket: opened, kept alive, and its end told once. */
  class Link {
    /** @param {string} url @param {LinkEvents} events */
    constructor(url, events) {
      this.url = url;
      this.events = events;
      /** @type {WebSocket | null} */
      this.socket = null;
      this.beat = 0;
      this.deadline = 0;
      this.isOpen = false;
      this.number = 0;
    }

    open() {
      this.drop();
      this.number++;
      const socket = new WebSocket(this.url, PROTOCOL);
      this.socket = socket;
      const current = () => this.socket === socket;
      socket.onopen = () => current() && this.events.opened();
      socket.onmessage = (event) => current() && this.#heard(event.data);
      socket.onclose = (event) => current() && this.#ended(readClosing(event));
      this.#expect();
    }

    /** @param {Said} frame */
    say(frame) {
      if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
    }

    /** It is not heard any more. */
    drop() {
      const socket = this.socket;
      this.socket = null;
      this.isOpen = false;
      clearInterval(this.beat);
      clearTimeout(this.deadline);
      this.deadline = 0;
      socket?.close();
    }

    /** Asks whether the connection still lives. */
    probe() {
      if (!this.isOpen) return;
      this.say({ type: "ping" });
      this.#expect();
    }

    #expect() {
      const silent = { code: 1006, reason: "silent", retryAfterMs: null };
      this.deadline ||= setTimeout(() => this.#ended(silent), SILENCE_MS);
    }

    /** @param {string} text */
    #heard(text) {
      clearTimeout(this.deadline);
      this.deadline = 0;
      /** @type {Heard} */
      const frame = JSON.parse(text);
      if (frame.type === "welcome") {
        this.isOpen = true;
        this.beat = setInterval(() => this.probe(), frame.heartbeat_seconds * 1000);
      }
      this.events.heard(frame);
    }

    /** @param {Closing} why */
    #ended(why) {
      this.drop();
      this.events.ended(why);
    }
  }

  /** @param {CloseEvent} event @returns {Closing} */
  function readClosing(event) {
    try {
      const { code, retry_after_ms: wait = null } = JSON.parse(event.reason);
      return { code: event.code, reason: String(code), retryAfterMs: wait };
    } catch {
      return { code: event.code, reason: "connection_lost", retryAfterMs: null };
    }
  }

  // ---- the visitor's words

  /** One message; `sentBy` is the device of the socket that took it. @extends {Deferred<string>} */
  class Letter extends Deferred {
    /** @param {string} text @param {string | null} owner */
    constructor(text, owner) {
      super();
      this.id = newId();
      this.text = text;
      this.owner = owner;
      /** @type {string | null} */
      this.sentBy = null;
      this.sentOn = 0;
    }

    get frame() {
      return { type: "message", id: this.id, text: this.text };
    }
  }

  /** Messages until `sent`. A person's words go out only while that person is signed in. */
  class Outbox {
    /** @param {Link} link */
    constructor(link) {
      this.link = link;
      /** @type {Letter[]} */
      this.letters = [];
    }

    /** @param {string} text @param {string | null} owner @returns {Promise<string>} */
    add(text, owner) {
      const encoder = new TextEncoder();
      // Half a surrogate pair would be no text to the gateway.
      const letter = new Letter(new TextDecoder().decode(encoder.encode(text)), owner);
      const { length } = encoder.encode(JSON.stringify(letter.frame));
      if (typeof text === "string" && text && text.length <= MAX_TEXT && length <= MAX_FRAME_BYTES)
        this.letters.push(letter);
      else letter.reject(new Refused("message_invalid", `A message is 1 to ${MAX_TEXT} characters.`));
      return letter.promise;
    }

    /** Nobody's words go out, and the owner's. @param {string} device @param {string | null} owner */
    flush(device, owner) {
      for (const letter of this.letters)
        if (letter.sentBy === null && (letter.owner ?? owner) === owner) this.#send(letter, device);
    }

    /**
     * Sent again without `sent`: the same device's id is stored once; for another's, ask.
     * @param {string} device @param {(letter: Letter) => boolean} isDue
     */
    repeat(device, isDue) {
      for (const letter of this.letters) {
        if (letter.sentBy === null || letter.sentOn === this.link.number) continue;
        if (letter.sentBy !== device)
          this.#settle(letter.id)?.reject(new Refused("unconfirmed"));
        else if (isDue(letter)) this.#send(letter, device);
      }
    }

    /** @param {string} id @param {string} messageId */
    sent(id, messageId) {
      this.#settle(id)?.resolve(messageId);
    }

    /** @param {Heard} frame @param {() => void} later */
    refused(frame, later) {
      const letter = this.letters.find((each) => each.id === frame.id);
      if (!letter) return false;
      if (frame.retry_after_ms !== undefined || frame.code === "key_revoked") {
        letter.sentBy = null;
        if (frame.retry_after_ms !== undefined) setTimeout(later, frame.retry_after_ms);
      } else this.#settle(frame.id)?.reject(new Refused(frame.code, frame.message));
      return true;
    }

    /** These words never will go out. @param {string} [code] @param {(letter: Letter) => unknown} [isLost] */
    forget(code = "signed_out", isLost = ({ sentBy }) => sentBy === null) {
      for (const letter of this.letters)
        if (isLost(letter)) this.#settle(letter.id)?.reject(new Refused(code));
    }

    /** @param {Letter} letter @param {string} device */
    #send(letter, device) {
      letter.sentBy = device;
      letter.sentOn = this.link.number;
      this.link.say(letter.frame);
    }

    /** @param {string} id */
    #settle(id) {
      const letter = this.letters.find((each) => each.id === id);
      this.letters = this.letters.filter((each) => each !== letter);
      return letter;
    }
  }

  // ---- who the visitor is

  /** Whom the page wants signed in: a provider to ask, or a text. @extends {Deferred<Visitor>} */
  class Wish extends Deferred {
    /** @param {Provider | string} source @param {number} longestMs */
    constructor(source, longestMs) {
      super();
      this.provider = typeof source === "function" ? source : null;
      this.text = typeof source === "function" ? null : source;
      /** In hand, to be presented once. @type {string | null} */
      this.token = null;
      /** @type {Promise<void> | null} */
      this.asking = null;
      this.stop = new AbortController();
      this.pauses = new Pauses(1000, longestMs);
      this.timer = 0;
      this.mayHurry = false;
      /** Whether another tab's change is being followed: no news to the others. */
      this.follows = false;
    }

    /** A token, or null: nobody is logged in. @param {string} reason @param {number} patienceMs */
    async ask(reason, patienceMs) {
      const { provider } = this;
      if (!provider) return this.text;
      const stop = (this.stop = new AbortController());
      const { signal } = stop;
      const late = new Refused("provider_timeout");
      const timer = setTimeout(() => stop.abort(late), patienceMs);
      /** @type {Promise<never>} */
      const stopped = new Promise((_, reject) => {
        signal.onabort = () => reject(signal.reason);
      });
      try {
        return await Promise.race([(async () => provider({ signal, reason }))(), stopped]);
      } catch (error) {
        throw error instanceof Refused ? error : new Refused("provider_failed");
      } finally {
        clearTimeout(timer);
      }
    }

    /** Nothing comes of it any more. @param {Refused} why */
    end(why) {
      clearTimeout(this.timer);
      this.stop.abort(why);
      this.token = null;
      this.reject(why);
    }
  }

  /** @param {unknown} token @returns {string} */
  function checkToken(token) {
    if (typeof token !== "string" || !token.trim())
      throw new Refused("token_malformed", "A token is text, as a JWT library returns it.");
    if (token.length > MAX_TOKEN) throw new Refused("token_too_large");
    return token;
  }

  /** The visitor on this page: reconnected, and signed in with a fresh token each time. */
  class Session {
    /** @param {Settings} settings @param {string} gateway @param {(type: string, detail: object) => void} tell */
    constructor(settings, gateway, tell) {
      const project = settings.projectid ?? "";
      const url = new URL(`${gateway.replace(/\/$/, "")}/v1/socket`);
      url.protocol = url.protocol.replace("http", "ws");
      url.searchParams.set("project", project);
      this.tell = tell;
      this.patienceMs = (settings.tokenTimeoutSeconds ?? 10) * 1000;
      this.longestMs = (settings.longestPauseSeconds ?? 60) * 1000;
      this.shelf = new Shelf(project, settings.persistence !== "session");
      this.link = new Link(url.href, {
        opened: () => this.link.say({ type: "hello", device: this.shelf.own ?? this.shelf.kept.device }),
        heard: (frame) => this.#heard(frame),
        ended: (why) => this.#ended(why),
      });
      this.outbox = new Outbox(this.link);
      this.pauses = new Pauses(500, Math.min(this.longestMs, 30_000));
      this.state = "idle";
      /** @type {Visitor | null} */
      this.visitor = null;
      /** Whom this socket's device speaks for. @type {Visitor | null} */
      this.anonymous = null;
      /** The device of this socket. @type {string} */
      this.device = "";
      /** Whether this socket, while open, is signed in itself. */
      this.vouched = false;
      this.hasTold = false;
      /** @type {Wish | null} */
      this.wish = null;
      /** Asked again when another tab signs in after a sign-out. @type {Provider | null} */
      this.parked = null;
      /** The change of identity that it has not answered. @type {{id: string, wish: Wish | null} | null} */
      this.pending = null;
      /** Whether somebody has yet to leave. */
      this.isLeaving = false;
      /** @type {((visitor: Visitor | null) => void)[]} */
      this.leaving = [];
      /** Texts whose key or time is over: never presented again. @type {Set<string | null>} */
      this.spent = new Set();
      this.change = this.shelf.kept.change;
      this.timer = 0;
      this.mayHurry = false;
      this.welcomedAt = 0;
    }

    start() {
      if (this.state !== "idle") return;
      this.#become("connecting");
      this.shelf.take();
      addEventListener("online", () => this.#wake());
      addEventListener("offline", () => this.link.probe());
      document.addEventListener("visibilitychange", () => document.hidden || this.#wake());
      addEventListener("storage", ({ key }) => key === this.shelf.key && this.#follow());
      addEventListener("pagehide", () => this.#pause());
      addEventListener("pageshow", ({ persisted }) => persisted && this.#wake());
      this.link.open();
    }

    /** @param {Provider | string} source @returns {Promise<Visitor>} */
    signIn(source) {
      const wish = new Wish(source, this.longestMs);
      this.wish?.end(new Refused("superseded"));
      this.wish = wish;
      if (this.spent.has(wish.text ?? "")) this.#rejected(wish, new Refused("key_revoked"));
      else if (this.state === "stopped") this.#rejected(wish, new Refused("unknown_project"));
      else {
        this.start();
        this.#prove(wish, "sign_in");
      }
      return wish.promise;
    }

    /** @returns {Promise<Visitor | null>} */
    signOut() {
      /** @type {Promise<Visitor | null>} */
      const left = new Promise((resolve) => this.leaving.push(resolve));
      this.shelf.take();
      if (this.wish || this.#somebody) this.#signOut();
      if ((this.visitor && !this.isLeaving) || this.state === "idle" || this.state === "stopped") this.#left();
      return left;
    }

    /** @param {string} text @returns {Promise<string>} */
    send(text) {
      this.start();
      const sent = this.outbox.add(text, this.#owner);
      this.#goOn();
      return sent;
    }

    /** Whether anybody is, or was, signed in here. */
    get #somebody() {
      return this.visitor?.authenticated || this.shelf.own || this.shelf.kept.person;
    }

    /** Whose words are written now. */
    get #owner() {
      return this.visitor?.authenticated ? this.visitor.id : null;
    }

    // ---- the socket

    /** @param {Heard} frame */
    #heard(frame) {
      if (frame.type === "welcome") this.#welcomed(frame);
      else if (frame.type === "signed_in") this.#signedIn(frame);
      else if (frame.type === "signed_out") this.#signedOut(frame);
      else if (frame.type === "refused" || frame.type === "error") this.#refused(frame);
      else if (frame.type === "sent") this.outbox.sent(frame.id, frame.message_id);
      else if (this.isLeaving) return; // meant for who is leaving
      else if (frame.type === "reauthenticate") this.#reauthenticate(frame);
      else if (frame.type === "visitor") this.#changed(frame.visitor);
      else if (frame.type === "message") this.tell("onMessage", { from: frame.from, text: frame.text, at: frame.at });
    }

    /** @param {Heard} frame */
    #welcomed({ device, visitor }) {
      const { shelf, wish, isLeaving } = this;
      this.device = device;
      this.anonymous = visitor;
      this.pending = null;
      this.vouched = false;
      this.#left();
      this.welcomedAt = Date.now();
      if (shelf.own !== device) {
        shelf.own = null;
        shelf.keep({ device });
      }
      this.#become("connected");
      this.outbox.repeat(device, (letter) => letter.owner === null);
      if (wish && (!this.hasTold || (wish.token && !isLeaving))) this.visitor ??= visitor;
      else this.#is(visitor, this.visitor?.authenticated ? "token_unavailable" : "anonymous");
      this.#goOn();
      if (wish && !this.pending && !wish.asking && !wish.timer) this.#prove(wish, "reconnect");
    }

    /** @param {Closing} why */
    #ended(why) {
      if (this.welcomedAt && Date.now() - this.welcomedAt > STEADY_MS) this.pauses.count = 0;
      this.welcomedAt = 0;
      if (why.code === STOPPED) {
        this.#become("stopped", why.reason);
        if (this.wish) this.#rejected(this.wish, new Refused(why.reason));
        this.#goOn();
        this.#left();
        return;
      }
      if (!this.isLeaving && (why.code === REVOKED || why.code === SIGNED_OUT)) this.#expelled(why);
      this.mayHurry = why.retryAfterMs === null;
      this.#become("waiting", why.reason);
      this.timer = setTimeout(() => this.#return(why.code), why.retryAfterMs ?? this.pauses.next());
    }

    /** A person who was signed in comes back with a fresh token. @param {number} [code] */
    async #return(code) {
      clearTimeout(this.timer);
      this.#become("connecting");
      const { wish, link } = this;
      const number = link.number;
      if (wish && code !== SIGNED_OUT) await this.#obtain(wish, "reconnect");
      if (this.state === "connecting" && link.number === number) link.open();
    }

    /** Hello again, as the socket's identity is another. */
    #restart() {
      clearTimeout(this.timer);
      if (this.state === "idle" || this.state === "stopped") return;
      this.link.open();
      this.#become("connecting");
    }

    #pause() {
      this.shelf.lend();
      clearTimeout(this.timer);
      this.link.drop();
      this.mayHurry = true;
      if (this.state !== "stopped") this.#become("waiting", "page_hidden");
    }

    /** The page is looked at again, or the network is back. */
    #wake() {
      const { wish } = this;
      this.shelf.take();
      this.#follow();
      this.link.probe();
      if (this.state === "waiting" && this.mayHurry) this.#return();
      else if (wish?.timer && wish.mayHurry) this.#prove(wish, "retry");
    }

    // ---- signing in

    /** @param {Wish} wish @param {string} reason */
    async #prove(wish, reason) {
      await this.#obtain(wish, reason);
      this.#goOn();
    }

    /** The wish has a fresh token in hand, or is tried again later. @param {Wish} wish @param {string} reason */
    #obtain(wish, reason) {
      clearTimeout(wish.timer);
      wish.timer = 0;
      wish.asking ??= this.#ask(wish, reason).finally(() => (wish.asking = null));
      return wish.asking;
    }

    /** @param {Wish} wish @param {string} reason */
    async #ask(wish, reason) {
      wish.token = null;
      try {
        const token = await wish.ask(reason, this.patienceMs);
        if (wish !== this.wish) return;
        if (token === null && wish.provider) this.#nobody(wish);
        else wish.token = checkToken(token);
      } catch (error) {
        if (wish === this.wish) this.#rejected(wish, /** @type {Refused} */ (error));
      }
    }

    /** The page says that nobody is logged in. @param {Wish} wish */
    #nobody(wish) {
      wish.reject(new Refused("not_logged_in"));
      if (this.#somebody && !wish.follows) return this.#signOut();
      this.parked = wish.provider;
      this.wish = null;
      if (this.link.isOpen && this.anonymous && !this.hasTold) this.#is(this.anonymous, "anonymous");
    }

    /** What waits goes out, words first; nothing while a change of identity is unanswered. */
    #goOn() {
      const { wish, device, outbox } = this;
      if (this.state === "stopped") outbox.forget("unknown_project", () => true);
      if (!this.link.isOpen || this.pending) return;
      outbox.flush(device, this.vouched ? this.#owner : null);
      if (!wish?.token) return;
      outbox.repeat(device, () => true);
      this.#request(wish, { type: "sign_in", token: wish.token });
      wish.token = null;
    }

    /** A sign-out not answered in time ends with its socket. @param {Wish | null} wish @param {Said} frame */
    #request(wish, frame) {
      const id = newId();
      this.pending = { id, wish };
      this.link.say({ ...frame, id });
      setTimeout(() => !wish && this.link.isOpen && this.pending?.id === id && this.#restart(), ANSWER_MS);
    }

    /** Given up meanwhile, it ends with its socket. @param {Heard} frame */
    #signedIn({ device, visitor }) {
      const { shelf, pending, wish } = this;
      if (this.isLeaving) return;
      if (!wish || wish !== pending?.wish) {
        this.isLeaving = true;
        return this.#restart();
      }
      const before = shelf.kept;
      const endsShared = before.device === this.device;
      const isNews = (endsShared || before.person !== visitor.id) && !wish.follows;
      this.device = shelf.own = device;
      this.pending = null;
      this.vouched = true;
      this.change = isNews ? newId() : before.change;
      shelf.keep({ device: endsShared ? null : before.device, person: visitor.id, change: this.change });
      wish.pauses.count = 0;
      wish.follows = false;
      this.#is(visitor, "signed_in");
      this.outbox.forget("signed_out", ({ owner }) => owner && owner !== visitor.id);
      this.#goOn();
      wish.resolve(visitor);
    }

    /** @param {Heard} frame */
    #refused(frame) {
      if (this.outbox.refused(frame, () => this.#goOn()) || !this.pending || this.pending.id !== frame.id) return;
      const { wish } = this.pending;
      this.pending = null;
      if (!wish) this.#restart();
      else if (frame.retry_after_ms !== undefined) this.#tryLater(wish, frame.retry_after_ms, false);
      else this.#rejected(wish, new Refused(frame.code, frame.message));
      this.#goOn();
    }

    /** A text is given up; a provider is asked again, ever more slowly. @param {Wish} wish @param {Refused} why */
    #rejected(wish, why) {
      wish.reject(why);
      if (wish !== this.wish) return;
      if (wish.provider && this.state !== "stopped") this.#tryLater(wish, wish.pauses.next(), true);
      else {
        if (WORTHLESS.has(why.code)) this.spent.add(wish.text);
        this.wish = null;
      }
      if (this.link.isOpen && this.anonymous && !this.vouched && (this.visitor?.authenticated || !this.hasTold))
        this.#is(this.anonymous, why.code);
    }

    /** @param {Wish} wish @param {number} pauseMs @param {boolean} mayHurry */
    #tryLater(wish, pauseMs, mayHurry) {
      wish.mayHurry = mayHurry;
      clearTimeout(wish.timer);
      wish.timer = setTimeout(() => {
        wish.timer = 0;
        if (wish === this.wish && this.link.isOpen) this.#prove(wish, "retry");
      }, pauseMs);
    }

    /** @param {Heard} frame */
    #reauthenticate({ reason, deadline }) {
      if (this.wish?.provider) this.#prove(this.wish, "reauthenticate");
      else this.tell("onTokenNeeded", { reason, deadline });
    }

    /** @param {Visitor} visitor */
    #changed(visitor) {
      const ended = this.vouched && !visitor.authenticated;
      this.#is(visitor, ended ? "proof_ended" : "changed");
      if (!ended) return;
      this.vouched = false;
      this.#needsToken("proof_ended");
    }

    /** The gateway has ended the proof, for good or for now. @param {Closing} why */
    #expelled({ code, reason }) {
      if (code === SIGNED_OUT) {
        this.shelf.own = null;
        this.shelf.keep({ person: null });
        this.outbox.forget();
      }
      if (this.wish) this.wish.token = null;
      this.#is(bare(this.visitor), reason);
      if (!this.wish?.provider) this.#needsToken(reason);
    }

    /** A provider is asked; a page that gave a text is told. @param {string} reason */
    #needsToken(reason) {
      const { wish } = this;
      if (wish?.provider) return void this.#prove(wish, reason);
      if (wish) this.spent.add(wish.text);
      this.wish = null;
      wish?.reject(new Refused(reason));
      this.tell("onTokenNeeded", { reason });
    }

    // ---- signing out, and the other tabs

    /** The page is told last, as it may speak then. */
    #signOut() {
      this.isLeaving = true;
      this.change = newId();
      this.shelf.keep({ device: null, person: null, change: this.change });
      if (this.link.isOpen) this.#request(null, { type: "sign_out" });
      else if (this.state === "connecting") this.#restart();
      this.#leave("signed_out");
    }

    /** @param {Heard} frame */
    #signedOut({ id, device, visitor }) {
      if (this.pending?.id !== id) return;
      this.pending = null;
      this.device = device;
      this.anonymous = visitor;
      this.shelf.keep({ device });
      this.#is(visitor, "anonymous");
      this.#goOn();
      this.#left();
    }

    /** The person is nobody's business here any more. @param {string} event */
    #leave(event) {
      const { wish } = this;
      this.parked = wish?.provider ?? this.parked;
      this.wish = null;
      wish?.end(new Refused(event));
      this.vouched = false;
      this.shelf.own = null;
      this.outbox.forget();
      if (this.visitor) this.#is(bare(this.visitor), event);
    }

    #left() {
      this.isLeaving = false;
      for (const resolve of this.leaving.splice(0)) resolve(this.anonymous);
    }

    /** Another tab signed in or out: so does this one. Anonymous tabs meet on the device kept last. */
    #follow() {
      const { change, person, device } = this.shelf.kept;
      if (!change || change === this.change) {
        const isAlone = this.link.isOpen && !this.wish && !this.pending && this.shelf.own === null;
        if (isAlone && device && device !== this.device) this.#restart();
        return;
      }
      this.change = change;
      const owner = this.#owner;
      if (person !== null && (owner === person || (this.wish && !owner))) return;
      this.#restart();
      this.#leave(person === null ? "signed_out_elsewhere" : "signed_in_elsewhere");
      if (person !== null && this.parked) {
        this.wish = new Wish(this.parked, this.longestMs);
        this.wish.follows = true;
      } else if (person !== null) this.tell("onTokenNeeded", { reason: "signed_in_elsewhere" });
    }

    // ---- what the page is told

    /** @param {string} state @param {string} [reason] */
    #become(state, reason = "") {
      if (this.state === state) return;
      this.state = state;
      this.tell("onConnectionChanged", { state, reason });
    }

    /** @param {Visitor} visitor @param {string} event */
    #is(visitor, event) {
      const before = JSON.stringify(this.visitor);
      this.visitor = Object.freeze({ ...visitor });
      if (this.hasTold && before === JSON.stringify(visitor)) return;
      this.hasTold = true;
      this.tell("onAuthStateChanged", {
        event,
        isLogged: visitor.authenticated,
        user_id: visitor.id,
        visitor: this.visitor,
      });
    }
  }

  /** Nobody in particular: what was signed is gone. @param {Visitor | null} visitor @returns {Visitor} */
  function bare(visitor) {
    return { id: visitor?.id ?? "", authenticated: false };
  }

  // ---- the bubble and the panel

  const STYLE = `
    :host {
      --accent: var(--tiledesk-accent, light-dark(#2450a4, #9cbcff));
      --on-accent: var(--tiledesk-on-accent, light-dark(#fff, #0d1729));
      --paper: light-dark(#fff, #161c26); --ink: light-dark(#1b2330, #e8edf5);
      --soft: light-dark(#5a6575, #a5b0c0); --line: light-dark(#d9dfe8, #323c4b);
      position: fixed; inset: auto 20px 20px auto; z-index: 2147483000;
      font: 15px/1.45 system-ui, sans-serif; color: var(--ink); color-scheme: light dark;
    }
    * { box-sizing: border-box; }
    [hidden] { display: none !important; }
    button, textarea { font: inherit; color: inherit; }
    button { cursor: pointer; border: 0; background: none; }
    :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
    .bubble {
      display: grid; place-items: center; width: 56px; height: 56px; margin-left: auto;
      border-radius: 50%; background: var(--accent); color: var(--on-accent);
      box-shadow: 0 4px 16px rgb(0 0 0 / .28); position: relative;
    }
    .bubble svg { width: 28px; height: 28px; fill: currentColor; }
    .count {
      position: absolute; top: -4px; right: -4px; min-width: 22px; padding: 0 6px;
      border-radius: 11px; background: #b3261e; color: #fff; font-size: 13px; font-weight: 600;
    }
    .panel {
      display: flex; flex-direction: column; width: min(360px, calc(100vw - 40px));
      height: min(520px, calc(100vh - 116px)); margin-bottom: 12px; overflow: hidden;
      border: 1px solid var(--line); border-radius: 16px; background: var(--paper);
      box-shadow: 0 4px 16px rgb(0 0 0 / .28);
    }
    @keyframes rise { from { opacity: 0; transform: translateY(12px); } }
    @media (prefers-reduced-motion: no-preference) { .panel { animation: rise .18s; } }
    header {
      display: grid; grid-template-columns: 1fr auto; align-items: center;
      padding: 12px 8px 12px 16px; background: var(--accent); color: var(--on-accent);
    }
    h2 { margin: 0; font-size: 16px; }
    header p { margin: 0; font-size: 13px; }
    header button { width: 40px; height: 40px; border-radius: 8px; font-size: 22px; }
    header :focus-visible { outline-color: currentColor; outline-offset: -4px; }
    .who { margin: 0; padding: 8px 16px; border-bottom: 1px solid var(--line); color: var(--soft); font-size: 13px; }
    .who b { color: var(--ink); }
    .log { flex: 1; margin: 0; padding: 12px 16px; overflow-y: auto; }
    .log p { max-width: 85%; margin: 0 0 10px; overflow-wrap: anywhere; white-space: pre-wrap; }
    .log .mine { width: fit-content; margin-left: auto; padding: 7px 11px; border-radius: 12px; background: light-dark(#e6edfb, #22304a); }
    .log small { display: block; color: var(--soft); font-size: 12px; }
    .log button { padding: 0; text-decoration: underline; }
    form { display: flex; gap: 8px; align-items: end; padding: 10px 12px; border-top: 1px solid var(--line); }
    label { flex: 1; color: var(--soft); font-size: 12px; }
    textarea {
      display: block; width: 100%; margin-top: 4px; padding: 7px 9px; border: 1px solid var(--soft); border-radius: 8px;
      background: var(--paper); color: var(--ink); font-size: 15px; resize: none;
    }
    form button { height: 38px; padding: 0 14px; border-radius: 8px; background: var(--accent); color: var(--on-accent); font-weight: 600; }
  `;
  const DRAWING = "M4 3h16a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2H9l-5 4v-4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2z";
  const FORGETS = new Set(["signed_out", "signed_out_by_operator", "merge_undone", "signed_out_elsewhere", "signed_in_elsewhere"]);

  /**
   * An element; attributes are set as such, so no markup is ever read from text.
   * @template {keyof HTMLElementTagNameMap} Tag
   * @param {Tag} tag @param {Record<string, string>} attributes @param {(Node | string)[]} children
   */
  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  function drawing() {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const path = document.createElementNS(svg.namespaceURI, "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", DRAWING);
    svg.append(path);
    return svg;
  }

  /** Knows what any page could know. */
  class Panel {
    /** @param {Texts} texts @param {(text: string) => Promise<string>} send */
    constructor(texts, send) {
      this.texts = texts;
      this.send = send;
      this.unread = 0;
      /** @type {string | null} */
      this.person = null;
      this.host = document.createElement("tiledesk-chat");
      this.count = element("span", { class: "count", hidden: "", "aria-hidden": "true" });
      this.bubble = element("button", { class: "bubble", type: "button", "aria-controls": "panel" }, drawing(), this.count);
      this.status = element("p", { role: "status" });
      this.who = element("p", { class: "who" }, texts.anonymous);
      this.log = element("div", { class: "log", role: "log", "aria-live": "polite", "aria-label": texts.log, tabindex: "0" });
      this.field = element("textarea", { rows: "2", maxlength: String(MAX_TEXT), required: "" });
      this.form = element("form", {}, element("label", {}, texts.field, this.field), element("button", {}, texts.send));
      const close = element("button", { type: "button", "aria-label": texts.close }, "×");
      const title = element("h2", { id: "title" }, texts.title);
      this.panel = element(
        "section",
        { class: "panel", id: "panel", role: "dialog", "aria-labelledby": "title", hidden: "" },
        element("header", {}, element("div", {}, title, this.status), close),
        this.who,
        this.log,
        this.form,
      );
      this.bubble.onclick = () => (this.panel.hidden ? this.open() : this.close());
      close.onclick = () => this.close();
      this.panel.onkeydown = (event) => {
        if (event.key === "Escape") this.close();
      };
      this.field.onkeydown = (event) => this.#key(event);
      this.form.onsubmit = (event) => this.#submit(event);
      this.#clear();
      this.#label();
    }

    show() {
      const root = this.host.attachShadow({ mode: "open" });
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet];
      root.append(this.panel, this.bubble);
      document.body.append(this.host);
    }

    open() {
      this.panel.hidden = false;
      this.unread = 0;
      this.#label();
      this.field.focus();
    }

    close() {
      const focused = this.host.shadowRoot?.activeElement;
      this.panel.hidden = true;
      this.#label();
      if (focused) this.bubble.focus();
    }

    /** @param {{state: "connecting" | "connected" | "waiting" | "stopped"}} detail */
    connection({ state }) {
      this.status.textContent = this.texts[state];
    }

    /** @param {{event: string, visitor: Visitor}} detail */
    auth({ event, visitor }) {
      const other = visitor.authenticated && this.person !== null && this.person !== visitor.id;
      if (FORGETS.has(event) || other) this.#clear();
      if (visitor.authenticated) this.person = visitor.id;
      else if (FORGETS.has(event)) this.person = null;
      const name = element("b", {}, visitor.name || visitor.custom_id || "");
      this.who.replaceChildren(...(visitor.authenticated ? [`${this.texts.signedIn} `, name, " ✓"] : [this.texts.anonymous]));
    }

    /** @param {{from: {name: string}, text: string}} detail */
    message({ from, text }) {
      this.#add(element("p", {}, element("small", {}, from.name), text));
      if (this.panel.hidden) this.unread++;
      this.#label();
    }

    #clear() {
      this.log.replaceChildren(element("p", {}, this.texts.greeting));
    }

    #label() {
      const { texts, unread } = this;
      const label = this.panel.hidden ? texts.open : texts.close;
      this.bubble.setAttribute("aria-label", unread ? `${label}, ${unread} ${texts.unread}` : label);
      this.bubble.setAttribute("aria-expanded", String(!this.panel.hidden));
      this.count.textContent = String(unread);
      this.count.hidden = !unread;
    }

    /** @param {KeyboardEvent} event */
    #key(event) {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.form.requestSubmit();
    }

    /** @param {Event} event */
    #submit(event) {
      event.preventDefault();
      const text = this.field.value.trim();
      this.field.value = "";
      if (text) this.#deliver(text);
    }

    /** @param {string} text */
    #deliver(text) {
      const state = element("small", {}, this.texts.sending);
      const item = element("p", { class: "mine" }, text, state);
      this.#add(item);
      this.send(text).then(
        () => state.replaceChildren(this.texts.you),
        () => {
          const again = element("button", { type: "button" }, this.texts.again);
          again.onclick = () => {
            item.remove();
            this.field.focus();
            this.#deliver(text);
          };
          state.replaceChildren(this.texts.failed, " ", again);
        },
      );
    }

    /** @param {HTMLElement} item */
    #add(item) {
      this.log.append(item);
      this.log.scrollTop = this.log.scrollHeight;
    }
  }

  // ---- what the page uses

  const script = /** @type {HTMLScriptElement | null} */ (document.currentScript);
  const events = new EventTarget();
  /** @type {Session | null} */
  let session = null;
  /** @type {Panel | null} */
  let panel = null;

  /** @param {string} type @param {object} detail */
  function tell(type, detail) {
    events.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** @param {string} type @param {(event: CustomEvent) => void} listener */
  function on(type, listener) {
    const heard = /** @type {EventListener} */ (listener);
    events.addEventListener(type, heard);
    return () => events.removeEventListener(type, heard);
  }

  /** The session, made when first needed: settings may come after this script. */
  function current() {
    if (session) return session;
    const settings = window.tiledeskSettings ?? {};
    if (!settings.projectid) throw new Refused("not_configured", "projectid is missing");
    const gateway = settings.gateway ?? new URL(script?.src || location.href).origin;
    session = new Session(settings, gateway, tell);
    if (settings.ui !== false) panel = show({ ...TEXTS, ...settings.texts });
    return session;
  }

  /** @param {Texts} texts */
  function show(texts) {
    const shown = new Panel(texts, (text) => current().send(text));
    on("onConnectionChanged", ({ detail }) => shown.connection(detail));
    on("onAuthStateChanged", ({ detail }) => shown.auth(detail));
    on("onMessage", ({ detail }) => shown.message(detail));
    if (document.body) shown.show();
    else addEventListener("DOMContentLoaded", () => shown.show());
    return shown;
  }

  /** @template T @param {(session: Session) => Promise<T>} act @returns {Promise<T>} */
  function attempt(act) {
    try {
      return act(current());
    } catch (error) {
      const refused = Promise.reject(error);
      refused.catch(() => {});
      return refused;
    }
  }

  /** @type {Tiledesk} */
  const tiledesk = {
    get visitor() {
      return session?.visitor ?? null;
    },
    start: () => current().start(),
    signInWithCustomToken: (source) => attempt((session) => session.signIn(source)),
    signOut: () => attempt((session) => session.signOut()),
    send: (text) => attempt((session) => session.send(text)),
    on,
    open: () => {
      current();
      panel?.open();
    },
    close: () => panel?.close(),
    show: () => setHidden(false),
    hide: () => setHidden(true),
  };

  /** @param {boolean} hidden */
  function setHidden(hidden) {
    current();
    if (panel) panel.host.hidden = hidden;
  }

  /** As the original system's pages call: `Tiledesk("open")`. @param {string} name @param {any} argument */
  function command(name, argument) {
    if (name.startsWith("on")) return on(name, argument);
    const methods = /** @type {Record<string, any>} */ (tiledesk);
    return methods[name === "logout" ? "signOut" : name]?.(argument);
  }

  function begin() {
    window.tileDeskAsyncInit?.();
    for (const [name, argument] of queue) command(name, argument);
    const settings = window.tiledeskSettings;
    if (settings?.projectid && settings.autoStart !== false) current().start();
  }

  if (window.tiledesk) return;
  const queue = window.Tiledesk?.q ?? [];
  window.Tiledesk = command;
  window.tiledesk = Object.freeze(tiledesk);
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", begin);
  else queueMicrotask(begin);
})();
