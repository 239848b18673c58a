# The service, slim and not root. Build: docker build -t painpoints .
FROM python:3.11-slim AS build
# For instance PyTorch's index of CPU wheels: leaves several GB of CUDA libraries out.
ARG PIP_EXTRA_INDEX_URL=
WORKDIR /src
COPY . .
RUN python -m venv /opt/painpoints \
 && /opt/painpoints/bin/pip install --no-cache-dir -c constraints.txt ".[serve]"

FROM python:3.11-slim
RUN useradd --uid 10001 --create-home painpoints \
 && install -d -o painpoints -g painpoints /data
COPY --from=build /opt/painpoints /opt/painpoints
ENV PATH=/opt/painpoints/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CACHE_DIR=/tmp/numba \
    PAINPOINTS_SERVE_DATA=/data \
    PAINPOINTS_SERVE_HOST=0.0.0.0
USER painpoints
# Own models lie in ./painpoints-models.
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["painpoints", "serve"]
