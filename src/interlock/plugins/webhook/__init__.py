"""The webhook plugin, as the entry-point group ``interlock.plugins`` finds it."""

from interlock.plugins.contract import ObserverPlugin
from interlock.plugins.webhook.observer import Webhook
from interlock.plugins.webhook.settings import WebhookSettings
from interlock.version import __version__

PLUGIN = ObserverPlugin(
    name="webhook",
    version=__version__,
    description="tells URLs what happens, in signed POSTs",
    url="https://www.standardwebhooks.com/",
    settings=WebhookSettings,
    build=Webhook,
)
