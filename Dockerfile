# One image for the daemon and the dashboard:
#     docker build -t nightshift .
#     docker run --network host nightshift run
# compose.yaml puts it together with Kafka and PostgreSQL.

FROM python:3.12-slim-bookworm AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never
RUN pip install --no-cache-dir --disable-pip-version-check uv==0.13.9
WORKDIR /source
# Requirements change less often than the source, and so have a layer of their own. NCCL (491 MB) is for several GPUs.
COPY setup.cfg pyproject.toml constraints.txt ./
RUN uv venv /opt/nightshift && \
    uv pip install --python /opt/nightshift/bin/python --requirements setup.cfg --extra train --extra actions \
        --constraint constraints.txt && \
    uv pip uninstall --python /opt/nightshift/bin/python nvidia-nccl-cu12
COPY README.md LICENSE ./
COPY conf conf
COPY streams streams
COPY dqm dqm
COPY rl_cache rl_cache
COPY opint opint
RUN uv pip install --python /opt/nightshift/bin/python --no-deps --constraint constraints.txt .

FROM python:3.12-slim-bookworm
RUN groupadd --system --gid 10001 nightshift && \
    useradd --system --uid 10001 --gid nightshift --home-dir /var/lib/nightshift --create-home nightshift
COPY --from=build /opt/nightshift /opt/nightshift
ENV PATH=/opt/nightshift/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HEALTH_URL=http://127.0.0.1:9110/healthz
USER 10001:10001
WORKDIR /var/lib/nightshift
VOLUME /var/lib/nightshift
# The daemon's by default; a dashboard sets HEALTH_URL=http://127.0.0.1:8080/healthz.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(os.environ['HEALTH_URL'], timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["nightshift"]
CMD ["run"]
