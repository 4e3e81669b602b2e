"""The Celery app of workers and beat: `celery -A workers.app worker -Q verification`."""

import sys

from config.celery_app import make_celery
from config.logs import configure_logs
from config.publisher import Publisher
from config.settings import SettingsInvalid, WorkerSettings, load
from workers.beat import beat_schedule
from workers.listening import listen
from workers.runtime import Runtime
from workers.tasks import register_tasks

try:
    settings = load(WorkerSettings)
except SettingsInvalid as error:
    sys.exit(str(error))

configure_logs(settings.log_format, settings.log_level)
app = make_celery(settings.broker_url)
app.conf.beat_schedule = beat_schedule(settings.sweep_seconds)
app.conf.beat_scheduler = "celery.beat:Scheduler"  # it only ticks; the calendar is in SQL
app.conf.worker_consumer = "workers.consumer:PromptConsumer"
runtime = Runtime(settings, Publisher(app))
register_tasks(app, runtime)
listen(app, runtime)
