# /data holds what lasts: the database, and policy.toml. Settings come from the environment, secrets from files
# (SLACK_BOT_TOKEN_FILE and so on). Nothing but /data is written to: run it with --read-only --tmpfs /tmp.
#
# A name and a version, no digest: whose registry is the builder's choice, and digests can't be looked up without one.
# Where builds have to repeat: --build-arg BASE=python:3.13-slim@sha256:…
ARG BASE=python:3.13-slim
FROM ${BASE}

RUN groupadd --system --gid 10001 imei-lock \
 && useradd --system --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin imei-lock \
 && install -d -o imei-lock -g imei-lock -m 700 /data

WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.txt \
 && pip uninstall --yes --quiet pip
COPY bot ./bot

ENV PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HEALTH_PORT=8081
USER 10001:10001
WORKDIR /data
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-m", "bot", "health", "--alive"]
ENTRYPOINT ["python", "-m", "bot"]
