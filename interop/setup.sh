#!/bin/sh
# Makes interop/.venv with the pinned clients. Runs again at no cost: a stamp holds the installed list.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
venv=$here/.venv
stamp=$venv/requirements.installed

if cmp -s "$here/requirements.txt" "$stamp"; then
    exit 0
fi
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --requirement "$here/requirements.txt"
cp "$here/requirements.txt" "$stamp"
