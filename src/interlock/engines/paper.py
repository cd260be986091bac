"""Containers from a file: a JSON list of documents as engines write them, inspect form or list form, also mixed."""

import msgspec

from interlock.core.model import Container
from interlock.core.problems import InterlockError, PermanentError, Problem, shown
from interlock.engines.containers import Kept, inspected_container, listed_container
from interlock.engines.documents import decode_entry, decode_inspected
from interlock.engines.mending import decode_leniently

_HOW_TO_MAKE_ONE = "write it with: docker inspect $(docker ps -q)"


class _Form(msgspec.Struct):
    """Only a list entry has Names; only an inspect document has one Name that means something."""

    Names: msgspec.Raw = msgspec.Raw()


_list = msgspec.json.Decoder(list[msgspec.Raw])
_form = msgspec.json.Decoder(_Form)


def read_containers(data: bytes, *, engine: str, kept: Kept) -> tuple[list[Container], list[Problem]]:
    """Every container that could be read, and a problem for each document that could not; its key is the index.

    A single document counts as a list of one. Raises PermanentError when the whole is no JSON list.
    """
    containers: list[Container] = []
    problems: list[Problem] = []
    for index, document in enumerate(_documents(data)):
        try:
            containers.append(_container(document, engine=engine, kept=kept))
        except (InterlockError, ValueError) as error:
            problems.append(
                Problem(
                    container="",
                    key=f"document {index}",
                    value=shown(bytes(document).decode("utf-8", "replace")),
                    what=shown(str(error)),
                    fix=_HOW_TO_MAKE_ONE,
                    engine=engine,
                )
            )
    return containers, problems


def _documents(data: bytes) -> list[msgspec.Raw]:
    if data.lstrip().startswith(b"{"):
        data = b"[" + data + b"]"
    try:
        return decode_leniently(_list, data)
    except ValueError as error:
        raise PermanentError(
            f"no JSON list of container documents: {shown(str(error))}", fix=_HOW_TO_MAKE_ONE
        ) from error


def _container(document: msgspec.Raw, *, engine: str, kept: Kept) -> Container:
    if bytes(decode_leniently(_form, bytes(document)).Names):
        return listed_container(decode_entry(document), engine=engine, kept=kept)
    return inspected_container(decode_inspected(document), engine=engine, kept=kept)
