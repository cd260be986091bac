"""A page that counts its visits in MongoDB and says which container made it."""

import os
import socket

from flask import Flask, Response
from pymongo import MongoClient, ReturnDocument
from pymongo.errors import PyMongoError

NAME = socket.gethostname()
PATIENCE = 2000
"""Milliseconds to wait for the database before saying that it is away."""

app = Flask(__name__)
visits = MongoClient(os.environ.get("MONGO_URL", "mongodb://db:27017"), serverSelectionTimeoutMS=PATIENCE).demo.visits


@app.get("/")
def page() -> Response:
    try:
        counted = visits.find_one_and_update(
            {"_id": "page"}, {"$inc": {"count": 1}}, upsert=True, return_document=ReturnDocument.AFTER
        )
        told = f"visit {counted['count']}"
    except PyMongoError:
        told = "visits are not counted just now: the database is away"
    answer = Response(f"{told}, served by {NAME}\n", mimetype="text/plain")
    answer.headers["X-Server"] = NAME
    return answer


@app.get("/health")
def health() -> str:
    """Whether this container can serve; the database's health is not its own."""
    return "ok\n"
