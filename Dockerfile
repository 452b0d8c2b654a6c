# One image for web, worker, beat and flower; what it runs is the compose file's or your own command.
FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /app
COPY requirements/base.txt requirements/base.txt
RUN python -m venv /venv && /venv/bin/pip install -r requirements/base.txt

FROM python:3.11-slim-bookworm
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 DJANGO_SETTINGS_MODULE=config.settings.prod DATA_DIR=/data \
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
RUN useradd --system --uid 10001 --home-dir /data secureretail \
    && install -d -o secureretail -g secureretail -m 0700 /data
COPY --from=build /venv /venv
WORKDIR /app
COPY manage.py LICENSE NOTICE ./
COPY config config
COPY detection detection
COPY api api
COPY realtime realtime
COPY tasks tasks
COPY frontend_templates frontend_templates
RUN python -m compileall -q /app
USER secureretail
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["daphne", "-v", "0", "-b", "0.0.0.0", "-p", "8000", "--no-server-name", \
     "--ping-interval", "20", "--ping-timeout", "20", "--websocket_timeout", "43200", \
     "--websocket-max-message-size", "4096", "--websocket-max-frame-size", "4096", \
     "--http-timeout", "30", "--application-close-timeout", "5", "config.asgi:application"]
