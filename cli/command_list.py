"""Every command, where it is, and what it is for in one line."""

from cli.lazy_group import LazyGroup, Place

_HELP = """Prove visitors' identities to a chat platform, and take the proof back.

\b
PROJECT is a project's id, or its name where only one is called so.
Exit codes: 0 done, 1 refused, 2 wrong use, 3 unavailable.

With --json the answer is one JSON document on standard output, and so is a failure:
{"error":{"code","message"}}.

Settings come from WIDGET_AUTH_… variables, .env, or the file that `make run` leaves in its
data directory (WIDGET_AUTH_DATA_DIR, ordinarily .data). That file is left alone where
WIDGET_AUTH_DATABASE_URL names another database. No secret or token is ever an argument.
"""

_PROJECT = {
    "create": Place("cli.projects:create", "Create a project and an API key of it."),
    "list": Place("cli.projects:list_all", "List every project."),
    "show": Place("cli.projects:show", "Show a project with its settings."),
    "settle": Place("cli.settling:settle", "Let a project go on whose database lost commits."),
}
_MEMBER = {
    "add": Place("cli.members:add", "Let somebody sign in with an e-mail address and a password."),
    "list": Place("cli.members:list_all", "List a project's members, or the owners."),
    "remove": Place("cli.members:remove", "Remove a member, and sign them out at once."),
}
_API_KEY = {
    "add": Place("cli.api_keys:add", "Make an API key for a program, shown this once."),
    "list": Place("cli.api_keys:list_newest", "List a project's API keys, newest first."),
    "revoke": Place("cli.api_keys:revoke", "Revoke an API key; it is refused at once."),
}
_SECRET = {
    "rotate": Place(
        "cli.rotating:rotate", "Generate a new secret; revoke earlier ones at once or later."
    ),
    "reveal": Place("cli.revealing:reveal", "Show a waiting secret, one time."),
    "reseal": Place("cli.revealing:reseal", "Seal every secret with the first sealing key."),
    "list": Place("cli.signing_secrets:list_all", "List a project's secrets, newest first."),
}
_ROTATION = {
    "list": Place("cli.rotations:list_newest", "List a project's rotations, newest first."),
    "show": Place("cli.rotations:show", "Show how far a rotation is: its receipt."),
    "cancel": Place(
        "cli.rotation_changes:cancel",
        "Take its date away; both secrets stay valid, one never revealed is revoked.",
    ),
    "run": Place("cli.rotation_changes:run", "Revoke its old secret now."),
    "reschedule": Place("cli.rotation_changes:reschedule", "Give it another date."),
    "policy": Place("cli.rotation_changes:policy", "Have a new secret made every so many days."),
}
_HOURS = {
    "show": Place("cli.hours:show", "Show when chat is open."),
    "set": Place("cli.hours:set_hours", "Say when chat is open; planned rotations follow."),
    "preview": Place("cli.hours:preview", "Show when chat is offline next."),
}
_TOKEN = {
    "mint": Place("cli.tokens:mint", "Sign a token as a site's back end would."),
    "inspect": Place("cli.tokens:inspect", "Say what a sign-in with a token would be answered."),
}
_VISITOR = {
    "show": Place("cli.visitors:show", "Show a person with their devices and merges."),
    "sign-out": Place("cli.visitor_changes:sign_out", "Sign a person out everywhere."),
    "unmerge": Place(
        "cli.visitor_changes:unmerge", "Split an absorbed record off its person, for good."
    ),
}
_OUTBOX = {
    "list": Place("cli.outbox:list_undone", "List events that wait, or what is parked."),
    "replay": Place("cli.outbox:replay", "Have an event carried out once more."),
    "dismiss": Place("cli.outbox:dismiss", "Take a parked message off the list."),
}

COMMANDS = LazyGroup(
    "widget-auth",
    _HELP,
    {
        "dev": Place("cli.dev:dev", "Run everything on this machine, behind one port."),
        "gateway": Place("cli.gateway_command:gateway", "Run a gateway node, for the widgets."),
        "dashboard": Place("cli.dashboard_command:dashboard", "Run the dashboard and admin API."),
        "migrate": Place("cli.migrating:migrate", "Bring the database to this version's tables."),
        "doctor": Place("cli.doctor:doctor", "Say whether the system does its work."),
        "metrics": Place("cli.doctor:metrics", "Print the figures of the whole system."),
        "project": LazyGroup("project", "Create and look at projects.", _PROJECT),
        "member": LazyGroup("member", "Say who may sign in to the dashboard.", _MEMBER),
        "api_key": LazyGroup("api_key", "Make and revoke programs' API keys.", _API_KEY),
        "secret": LazyGroup("secret", "Rotate, reveal and list shared secrets.", _SECRET),
        "rotation": LazyGroup("rotation", "Watch, date and run rotations.", _ROTATION),
        "hours": LazyGroup("hours", "Say when chat is open, and look at off-hours.", _HOURS),
        "token": LazyGroup("token", "Mint a token, or ask why one is refused.", _TOKEN),
        "visitor": LazyGroup("visitor", "Look at a person's record.", _VISITOR),
        "outbox": LazyGroup("outbox", "Look at events on their way, and replay one.", _OUTBOX),
        "sessions": Place("cli.sessions:sessions", "Show the live sessions of a project."),
    },
)
