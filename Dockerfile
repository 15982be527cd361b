# Both programs in one image: `tributary-worker` (the default) and `tributary`.
#
#   docker build --build-arg VERSION=$(git describe --tags --always --dirty) -t tributary .
#   docker run -v ./config:/etc/tributary:ro tributary

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=dev
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    go build -trimpath -tags duckdb_arrow -ldflags "-s -w -X tributary/internal/version.Version=${VERSION}" \
    -o /out/tributary ./starter && \
    go build -trimpath -tags duckdb_arrow -ldflags "-s -w -X tributary/internal/version.Version=${VERSION}" \
    -o /out/tributary-worker ./worker

# DuckDB is linked in with cgo: it needs glibc and libstdc++, so no Alpine and no empty image.
FROM debian:bookworm-slim
RUN apt-get update && \
    apt-get install -y --no-install-recommends ca-certificates libstdc++6 tzdata && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --system --uid 10001 --home-dir /var/lib/tributary --create-home tributary
COPY --from=build /out/ /usr/local/bin/
# A volume mounted here begins with this owner.
WORKDIR /var/lib/tributary
USER tributary
CMD ["tributary-worker", "--config", "/etc/tributary"]
