"""Settings of the orchestrator: first all that the environment decides, then what follows from it."""

import sys
from datetime import timedelta
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from gateway.conf import Issuer
from gateway.doorbell import Rank
from orchestrator import caches, databases, logs, parts, production, queues
from orchestrator.environment import Environment, installable

_above = Path(__file__).resolve().parent.parent
BASE_DIR = _above if (_above / "manage.py").exists() else Path.cwd()  # a clone, or wherever an installed one is run

# --- The environment -------------------------------------------------------------------------------------------------

env = Environment()

MODE = env.str("MODE", "development")  # development | production
SERVES = env.list("SERVES", default=list(parts.APPS))  # which of our apps this process is: both, or one of them alone
ALONE = SERVES == ["notifications"]
DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", production.DEVELOPMENT_SECRET_KEY)
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])  # earlier ones; what they signed still counts
API_KEY = env.str("API_KEY", "" if MODE == "production" else production.DEVELOPMENT_API_KEY)  # opens every door
API_RATE = env.number("API_RATE", 6000 if MODE == "production" else 0)  # requests a minute of one caller; 0 is no limit
VAULT_KEYS = env.list("VAULT_KEYS", default=[])  # what secrets are stored under, the newest first
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[] if MODE == "production" else ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
WEB_PORT = env.number("WEB_PORT", 8001 if ALONE else 8000)
_here = f"http://127.0.0.1:{WEB_PORT}"
_site = f"https://{ALLOWED_HOSTS[0]}" if MODE == "production" and ALLOWED_HOSTS else _here
PUBLIC_URL = env.str("PUBLIC_URL", _site)  # where participants and people reach this site
BEHIND_HTTPS_PROXY = env.bool("BEHIND_HTTPS_PROXY", False)
DATA_DIR = Path(env.str("DATA_DIR", str(BASE_DIR / "var"))).resolve() / ("notifications" if ALONE else "")
DATABASE_POOL = env.number("DATABASE_POOL", 10)  # connections of one process, at most; 0 without a pool
BROKER_URL = env.str("BROKER_URL", "memory://")
QUEUES = env.list("QUEUES", default=SERVES)
WEB_THREADS = env.number("WEB_THREADS", 256)  # of one web process; most of them may wait for a saga
CACHE_URL = env.str("CACHE_URL", "")  # where requests are counted; else the broker, if it is Redis, or local memory
JWT_ISSUER = env.str("JWT_ISSUER", "")  # whose tokens are taken; none without one
METRICS_TOKEN = env.str("METRICS_TOKEN", "")  # opens /metrics, and so does coming from one of these networks
METRICS_NETWORKS = env.list("METRICS_NETWORKS", default=[] if MODE == "production" else ["127.0.0.0/8", "::1/128"])
SHOP = env.bool("SHOP", MODE != "production" and _above == BASE_DIR)  # the example is not installed
APPS = installable("APPS", env.list("APPS", default=[]))  # Django apps besides ours: a team's own, with its sagas.py
KEEP_DAYS = {  # so long after the end of a notification: its words and addresses, its attempts, itself; 0 is for ever
    name: env.number(f"NOTIFICATION_{name}_DAYS", usual)
    for name, usual in {"KEEP_CONTENTS": 30, "KEEP_ATTEMPTS": 90, "KEEP": 365}.items()
}
LOG_FORMAT = env.str("LOG_FORMAT", "json" if MODE == "production" else "console")
LOG_LEVEL = env.str("LOG_LEVEL", "INFO").upper()

_file = DATA_DIR / f"{'notifications' if ALONE else 'orchestrator'}.sqlite3"
_database = env.database("DATABASE_URL") if "DATABASE_URL" in env else databases.sqlite_file(_file)
_email = (
    env.email_url("EMAIL_URL")
    if "EMAIL_URL" in env
    else {"EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend"}
)

NOTIFICATION_PROVIDERS = env.document(
    "NOTIFICATION_PROVIDERS",
    {"mail": {"channel": "email", "path": "notifications.channels.email.Email", "options": {"host": "..."}}},
)
NOTIFICATION_CATEGORIES = env.document(
    "NOTIFICATION_CATEGORIES", {"comments": {"digest": {"every": "PT30M"}, "per_hour": 5}}
)
NOTIFICATION_LIMITS = env.document("NOTIFICATION_LIMITS", {"sms": 10})
SAGA_SERVICES = env.document("SAGA_SERVICES", {"payments": {"url": "https://payments.example.org", "token": "..."}})
SAGA_ALERTS = env.document(
    "SAGA_ALERTS",
    {"url": "https://example.org/api/v1/notifications/", "key": "...", "receivers": [{"receiver": {"email": "..."}}]},
)
EVENT_TARGETS = env.document("EVENT_TARGETS", {"bus": {"kind": "rabbitmq", "url": "amqp://...", "events": ["saga.*"]}})
EVENT_SOURCES = env.document("EVENT_SOURCES", {"shop": {"kind": "rabbitmq", "url": "amqp://...", "queue": "orders"}})
if not SERVES or set(SERVES) - set(parts.APPS):
    raise ImproperlyConfigured(
        f"SERVES is {','.join(SERVES)!r}: set it to one of {', '.join(parts.APPS)}, or leave it out."
    )
if MODE == "development" and SERVES == ["sagas"]:  # `make up` runs the notification service there
    _beside = {"url": f"http://127.0.0.1:{WEB_PORT + 1}", "token": API_KEY}
    SAGA_SERVICES = {"notifications": _beside, **SAGA_SERVICES}
if MODE not in ("development", "production"):
    raise ImproperlyConfigured(f"MODE is {MODE!r}: set it to development or production.")
if MODE == "production" and (
    _objections := production.objections(
        production.Deployment(
            secret_key=SECRET_KEY,
            api_key=API_KEY,
            vault_keys=VAULT_KEYS,
            debug=DEBUG,
            allowed_hosts=ALLOWED_HOSTS,
            database=_database,
            broker_url=BROKER_URL,
            email_backend=_email["EMAIL_BACKEND"],
            seals="notifications" in SERVES,
        )
    )
):
    raise ImproperlyConfigured("Not fit for MODE=production.\n  " + "\n  ".join(_objections))

# --- Django ----------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",  # the docs page loads nothing from outside
    "gateway",
    "sagas",
    "notifications",
    *(["examples.shop"] if SHOP and not ALONE else []),
    *(APPS if not ALONE else []),
    "orchestrator",
]
INSTALLED_APPS = parts.served(INSTALLED_APPS, SERVES)

MIDDLEWARE = [
    "gateway.requests.RequestMiddleware",  # around everything, so that no answer goes unnoted
    "gateway.headers.HeadersMiddleware",  # around all others, so that no answer is without them
    "gateway.problems.ProblemMiddleware",  # before the rest, so that whatever fails below it becomes a problem
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "gateway.hosts.HostMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

ROOT_URLCONF = "orchestrator.urls"
WSGI_APPLICATION = "orchestrator.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": databases.configured(_database, pool_size=DATABASE_POOL)}
CACHES = {"default": caches.configured(CACHE_URL, BROKER_URL)}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # files are served from the installed apps; there is no collectstatic to forget

EMAIL_FILE_PATH = str(DATA_DIR / "mail")
EMAIL_TIMEOUT = 10
globals().update(_email)

SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_HTTPONLY = True
if ALONE:  # browsers send cookies to every port of a host: two consoles on one machine must not log each other out
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "notifications_sessionid", "notifications_csrftoken"
X_FRAME_OPTIONS = "DENY"
if BEHIND_HTTPS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = ["^livez$", "^readyz$", "^metrics$"]  # probes come from inside, without the proxy
    SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds())
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

LOGGING = logs.configured(LOG_FORMAT, LOG_LEVEL)

# --- The apps --------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Saga orchestrator",
    "DESCRIPTION": "Start sagas, follow them, signal them and repair them.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "POSTPROCESSING_HOOKS": [],
}
if ALONE:
    SPECTACULAR_SETTINGS |= {
        "TITLE": "Notifications",
        "DESCRIPTION": "Tell people something, and ask what became of it.",
    }
GATEWAY = {
    "API_KEY": API_KEY,
    "RATE": API_RATE,
    "VAULT_KEYS": tuple(VAULT_KEYS) if VAULT_KEYS or MODE == "production" else None,
    "READINESS": parts.served(
        (
            "gateway.health.migrated",
            "gateway.health.broker",
            "sagas.health.swept",
            "sagas.health.alive",
            "sagas.health.heard",
            "notifications.health.swept",
        ),
        SERVES,
    ),
    "METRICS": parts.served(
        ("sagas.metrics.figures", "sagas.events.metrics.figures", "notifications.metrics.figures"), SERVES
    ),
    "METRICS_TOKEN": METRICS_TOKEN,
    "METRICS_NETWORKS": tuple(METRICS_NETWORKS),
    "SEALED": parts.served(("sagas.engine.resealing.columns", "notifications.resealing.columns"), SERVES),
    "SCOPES": {  # what an API key, or a token, may be good for; "admin" is everything
        "read": (
            "sagas.view_saga",
            "notifications.view_notification",
            "notifications.view_receiver",
            "notifications.view_suppression",
            "notifications.view_providerhealth",
            "notifications.view_messagetemplate",
            "notifications.view_inboxitem",
            "notifications.view_erasure",
        ),
        "start": ("sagas.add_saga",),
        "signal": ("sagas.add_signal",),
        "operate": ("sagas.change_saga",),
        "reveal": ("sagas.reveal_saga",),
        "notify": (
            "notifications.add_notification",
            "notifications.change_notification",
            "notifications.change_receiver",
            "notifications.delete_receiver",
            "notifications.add_suppression",
            "notifications.delete_suppression",
            "notifications.add_messagetemplate",
            "notifications.change_messagetemplate",
            "notifications.change_inboxitem",
            "notifications.add_erasure",
        ),
    },
    "ISSUER": (
        Issuer(
            name=JWT_ISSUER,
            audience=env.str("JWT_AUDIENCE"),
            keys=env.str("JWT_KEYS"),  # a JSON Web Key Set, or its address
            algorithms=tuple(env.list("JWT_ALGORITHMS", default=["RS256", "ES256"])),
            tenant_claim=env.str("JWT_TENANT_CLAIM", "tenant"),
        )
        if JWT_ISSUER
        else None
    ),
}
SAGAS = {
    "SERVICES": SAGA_SERVICES,
    "EVENT_TARGETS": EVENT_TARGETS,
    "EVENT_SOURCES": EVENT_SOURCES,
    "EVENT_SOURCE": env.str("EVENT_SOURCE", "/sagas"),
    "PUBLIC_URL": PUBLIC_URL,
    "TRACE_URL": env.str("TRACE_URL", ""),  # where the console leads from a saga to its trace: …/{trace}
    "TELL": env.str("SAGA_TELL", ""),
    "ALERTS": SAGA_ALERTS,
    "SECOND_PERSON_FOR": tuple(env.list("SECOND_PERSON_FOR", default=[])),  # verbs that another person must approve
    "SECOND_PERSON_OVER": env.number("SECOND_PERSON_OVER", 0) or None,  # more sagas at once need another person, too
    "LONG_POLLS": max(WEB_THREADS - 16, WEB_THREADS // 2),
    "CALLBACK_NETWORKS": tuple(env.list("ALLOWED_NETWORKS", default=[])),  # private ones that callbacks may lead to
    "CALLBACK_SECRETS": tuple(env.list("WEBHOOK_SECRETS", default=[])),  # whsec_…; two while one is rotated
}
NOTIFICATIONS = {
    "PUBLIC_URL": PUBLIC_URL,
    "PROVIDERS": NOTIFICATION_PROVIDERS,
    "CATEGORIES": NOTIFICATION_CATEGORIES,
    "PER_HOUR": NOTIFICATION_LIMITS,  # by channel, to one receiver
    "OUTBOX": None if MODE == "production" else DATA_DIR / "outbox",  # SMS, push and chat as files
    "WEBHOOK_SECRETS": tuple(env.list("WEBHOOK_SECRETS", default=[])),  # whsec_…; two while one is rotated
    "ALLOWED_NETWORKS": tuple(env.list("ALLOWED_NETWORKS", default=[])),  # private ones that webhooks may lead to
    "LOOKUP_KEYS": tuple(env.list("NOTIFICATION_LOOKUP_KEYS", default=[])),  # what addresses are found by
    **{name: timedelta(days=days) if days else None for name, days in KEEP_DAYS.items()},
}

# --- Celery: the database is the truth, the broker a doorbell --------------------------------------------------------

CELERY_BROKER_URL = "memory://localhost" if BROKER_URL.startswith("memory:") else BROKER_URL
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its broker for ever
CELERY_BROKER_HEARTBEAT = 10
CELERY_BROKER_POOL_LIMIT = 10
CELERY_BROKER_TRANSPORT_OPTIONS = queues.transport_options(BROKER_URL)

CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_SEND_SENT_EVENT = False
CELERY_WORKER_SEND_TASK_EVENTS = False

CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = (
    False  # a step that kills its process would be started for ever; sagas count crashes
)
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False  # a lost broker is no reason to stop work
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 20.0
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = not BROKER_URL.startswith("memory:")  # in one process stdout is the web server's, too
CELERY_DB_REUSE_MAX = sys.maxsize  # Celery's fixup would close the connections, and in prefork the pool, at every task

CELERY_TASK_DEFAULT_PRIORITY = int(Rank.NORMAL)  # kombu takes none for the first
CELERY_TASK_DEFAULT_QUEUE = "notifications" if ALONE else "sagas"
CELERY_TASK_QUEUES = queues.declared(QUEUES)
CELERY_TASK_CREATE_MISSING_QUEUES = True  # a definition may name a queue of its own
CELERY_TASK_ROUTES = {"notifications.*": {"queue": "notifications"}}

CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"  # keeps its schedule in memory: every entry is a short interval
_SWEEP = {"expires": 30, "priority": int(Rank.FIRST)}
CELERY_BEAT_SCHEDULE = {
    # Sweeps that nobody took within half a minute are of no use; one that waits in a backlog for less still is.
    "sagas look after": {"task": "sagas.tasks.look_after", "schedule": timedelta(seconds=2), "options": _SWEEP},
    "sagas sweep": {"task": "sagas.tasks.sweep", "schedule": timedelta(seconds=2), "options": _SWEEP},
    "notifications sweep": {"task": "notifications.tasks.sweep", "schedule": timedelta(seconds=2), "options": _SWEEP},
    "gateway prune": {"task": "gateway.tasks.prune", "schedule": timedelta(minutes=10), "options": _SWEEP},
    "notifications prune": {"task": "notifications.tasks.prune", "schedule": timedelta(minutes=10), "options": _SWEEP},
}
CELERY_BEAT_SCHEDULE = {
    name: entry for name, entry in CELERY_BEAT_SCHEDULE.items() if parts.served([str(entry["task"])], SERVES)
}
