/** The types of the browser SDK: what a page uses, and what goes over the widget socket. */

/** Who the visitor is, as far as anybody has proved it. */
interface Visitor {
  id: string;
  custom_id?: string | null;
  name?: string | null;
  email?: string | null;
  authenticated: boolean;
}

/** Gives a fresh token, or null when nobody is logged in; `reason` says what it is needed for. */
type Provider = (asked: { signal: AbortSignal; reason: string }) => string | null | Promise<string | null>;

interface Texts {
  title: string;
  open: string;
  close: string;
  unread: string;
  log: string;
  greeting: string;
  field: string;
  send: string;
  you: string;
  connecting: string;
  connected: string;
  waiting: string;
  stopped: string;
  anonymous: string;
  signedIn: string;
  sending: string;
  failed: string;
  again: string;
}

/** `window.tiledeskSettings`, read when the SDK starts. */
interface Settings {
  /** The project's id. */
  projectid?: string;
  /** The gateway's address; by default whence the script came. */
  gateway?: string;
  /** Whether to connect at once (the default) or at the first sign-in, message or `start()`. */
  autoStart?: boolean;
  /** Whether to show the bubble and the panel; by default so. */
  ui?: boolean;
  /** How long device ids are kept: for good and by all tabs (the default), or by this tab alone. */
  persistence?: "local" | "session";
  /** How long a provider may take, 10 by default. */
  tokenTimeoutSeconds?: number;
  /** The longest pause between two attempts, 60 by default (connecting: at most 30). */
  longestPauseSeconds?: number;
  /** Other words, or another language. */
  texts?: Partial<Texts>;
}

/** What `onAuthStateChanged` says. */
interface AuthState {
  event: string;
  isLogged: boolean;
  user_id: string;
  visitor: Visitor;
}

/** `window.tiledesk`. A promise may be ignored; what it is rejected with has a `code`. */
interface Tiledesk {
  readonly visitor: Visitor | null;
  start(): void;
  signInWithCustomToken(source: Provider | string): Promise<Visitor>;
  signOut(): Promise<Visitor | null>;
  send(text: string): Promise<string>;
  on(type: "onAuthStateChanged", listener: (event: CustomEvent<AuthState>) => void): () => void;
  on(type: string, listener: (event: CustomEvent) => void): () => void;
  open(): void;
  close(): void;
  show(): void;
  hide(): void;
}

/** The original system's form: `Tiledesk("open")`; what came before the script waits in `q`. */
interface TiledeskCommand {
  (name: string, argument?: any): any;
  q?: Iterable<[string, any]>;
}

interface Window {
  tiledesk?: Tiledesk;
  Tiledesk?: TiledeskCommand;
  tiledeskSettings?: Settings;
  tileDeskAsyncInit?: () => void;
}

/** A frame to the gateway. */
interface Said {
  type: string;
  id?: string;
  token?: string;
  text?: string;
  device?: string | null;
}

/** A frame from the gateway: the members of all its types. */
interface Heard {
  type: string;
  id: string;
  device: string;
  visitor: Visitor;
  code: string;
  message: string;
  message_id: string;
  retry_after_ms?: number;
  heartbeat_seconds: number;
  reason: string;
  deadline: string;
  text: string;
  at: string;
  from: { name: string };
}

/** Why a socket was closed. */
interface Closing {
  code: number;
  reason: string;
  retryAfterMs: number | null;
}

/** Who is told what becomes of a socket. */
interface LinkEvents {
  opened: () => void;
  heard: (frame: Heard) => void;
  ended: (why: Closing) => void;
}

/** What all tabs of a browser know. */
interface Kept {
  /** The anonymous device that they share. */
  device: string | null;
  /** Which visitor signed in last, until somebody signs out. */
  person: string | null;
  /** Another text at every change of identity. */
  change: string;
}
