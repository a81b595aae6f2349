#!/bin/sh
# The tests on every Python from 3.11 up that PATH and pyenv have; a virtual environment for each in .venvs/.
# Names what it found; ends with 1 if any of them fails, or none was found. PYTHONS="3.12 3.13" takes only those.
set -u
cd "$(dirname "$0")/.." || exit 1
failed="" passed=""

pythons() {
  for minor in 11 12 13 14 15 16; do
    case " ${PYTHONS:-3.$minor} " in *" 3.$minor "*) ;; *) continue ;; esac
    found=""
    for python in "python3.$minor" python3 python $(pyenv root 2>/dev/null | sed "s|\$|/versions/3.$minor.*/bin/python|"); do
      # Not every name that is there runs: pyenv has one for each version, and answers for some only.
      if [ -z "$found" ] && "$python" -c "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, $minor))" 2>/dev/null; then
        found=$("$python" -c 'import sys; print(sys.executable)')
        echo "3.$minor $found"
      fi
    done
  done
}

all=$(pythons)
if [ -z "$all" ]; then
  echo "No Python ${PYTHONS:-from 3.11 up} was found in PATH or pyenv."
  exit 1
fi
echo "Found:"
echo "$all" | sed 's/^/  Python /'
for wanted in ${PYTHONS:-}; do
  case "$all" in *"$wanted "*) ;; *) echo "  Python $wanted: not found"; failed="$failed $wanted" ;; esac
done

while read -r version python; do
  venv=".venvs/$version"
  echo "--- Python $version: $("$python" --version 2>&1)"
  if [ ! -x "$venv/bin/python" ]; then "$python" -m venv "$venv" || { failed="$failed $version"; continue; }; fi
  begun=$(date +%s)
  if ! cmp -s requirements-dev.txt "$venv/.installed"; then
    echo "Installing what the tests need…"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt \
      && cp requirements-dev.txt "$venv/.installed" || { failed="$failed $version"; continue; }
  fi
  if "$venv/bin/python" -m pytest -n auto "$@" </dev/null; then passed="$passed $version"; else failed="$failed $version"; fi
  echo "--- Python $version took $(($(date +%s) - begun)) s"
done <<END
$all
END

echo "Passed:${passed:- none}. Failed:${failed:- none}."
[ -z "$failed" ]
