"""A login as it is pasted into a Django project, with what `startproject` puts around it.

Users in SQLite, sessions in the local-memory cache: each of gunicorn's workers knows its own sessions only.
"""

import hashlib
import os
import time

import requests
from django.conf import settings

WECHAT = os.environ["WECHAT_BASE_URL"]
APP_ID = os.environ["APP_ID"]
APP_SECRET = os.environ["APP_SECRET"]
MONTH = 60 * 60 * 24 * 30

settings.configure(
    SECRET_KEY="of a benchmark",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}},
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "django.contrib.staticfiles",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
)

# Nothing of Django's may be imported before it has its settings.
from django.core.cache import cache  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402

application = get_wsgi_application()

from django.contrib.auth.models import User  # noqa: E402


@csrf_exempt
def login(request):
    code = request.POST.get("code")
    if not code:
        return JsonResponse({"code": 404, "msg": "缺少参数", "data": None})
    query = {"appid": APP_ID, "secret": APP_SECRET, "js_code": code, "grant_type": "authorization_code"}
    answer = requests.get(f"{WECHAT}/sns/jscode2session", params=query, timeout=5).json()
    openid = answer.get("openid")
    if not openid:
        return JsonResponse({"code": 404, "msg": "无效的code", "data": None})
    User.objects.get_or_create(username=openid)
    token = hashlib.md5(f"{openid}{time.time()}".encode()).hexdigest()
    cache.set(token, {"openid": openid, "session_key": answer["session_key"]}, MONTH)
    return JsonResponse({"code": 200, "msg": "ok", "data": {"token": token, "openid": openid}})


urlpatterns = [path("login", login)]

if __name__ == "__main__":
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
