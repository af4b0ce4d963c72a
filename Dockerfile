# The image: one static binary, the database of libmagic, a first page, and nothing else.
#
#   make docker                         wherry:latest, with its sizes
#   docker build --target test .        every test, inside
#
# What is in it, what is not, and what each part costs: docs/decisions/0009-what-is-in-the-image.md

ARG BASE=debian:trixie-slim

# ---- what builds -----------------------------------------------------------------------------
FROM ${BASE} AS tools
ENV DEBIAN_FRONTEND=noninteractive
# Sources, too: of OpenSSL and libmagic only what a server needs is built.
RUN sed -i 's/^Types: deb$/Types: deb deb-src/' /etc/apt/sources.list.d/debian.sources \
 && apt-get update -qq \
 && apt-get install -qq --no-install-recommends \
        dpkg-dev gcc libc6-dev make perl pkg-config python3-minimal \
        libbrotli-dev libinih-dev libxxhash-dev zlib1g-dev >/dev/null

# ---- OpenSSL and libmagic, smaller -------------------------------------------------------------
FROM tools AS libraries
# As wherry itself is built (BUILD=static in the Makefile).
ENV CFLAGS="-O2 -fPIE -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=3 \
            -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables"
WORKDIR /source
COPY image/fetch-source /image/
RUN /image/fetch-source openssl && /image/fetch-source file
COPY image/build-openssl /image/
RUN /image/build-openssl /source/openssl /opt/wherry
COPY image/build-libmagic image/trim-magic /image/
RUN /image/build-libmagic /source/file /opt/wherry

# ---- wherry --------------------------------------------------------------------------------------
FROM tools AS build
COPY --from=libraries /opt/wherry /opt/wherry
ENV PKG_CONFIG_PATH=/opt/wherry/lib/pkgconfig
WORKDIR /wherry
COPY Makefile ./
COPY include include
COPY src src
RUN make -j"$(nproc)" BUILD=static build/static/wherry \
 && install -D -m 755 -s build/static/wherry /image/wherry \
 && install -D -m 644 /opt/wherry/magic.mgc /image/usr/share/misc/magic.mgc \
 && install -d -m 700 -o 65532 -g 65532 /image/certs
COPY image/site /image/site
# Everything is as old as the commit: the same commit makes the same image.
ARG SOURCE_DATE_EPOCH=0
RUN find /image -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

# ---- the image -----------------------------------------------------------------------------------
FROM scratch AS image
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=
LABEL org.opencontainers.image.title="wherry" \
      org.opencontainers.image.description="A small, fast, safe web server that carries a folder of files to those who ask for it" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.documentation="${SOURCE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=build /image /
# This user may write to /certs, for what wherry makes itself, and nowhere else.
USER 65532:65532
ENV WHERRY_ADDRESS=* \
    WHERRY_TLS=yes \
    WHERRY_ROOT=/site \
    WHERRY_CERT_DIR=/certs \
    WHERRY_DRAIN=9s
EXPOSE 8080 8443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["/wherry", "--healthcheck"]
ENTRYPOINT ["/wherry"]

# ---- every test ----------------------------------------------------------------------------------
FROM build AS test
COPY scripts/setup scripts/
# Debian's slim image leaves out all documentation; a manual of Python's is a site that tests serve.
RUN rm -f /etc/dpkg/dpkg.cfg.d/* && scripts/setup --test
# Types are told by the image's database, at the place where the image has it.
RUN ln -sf /opt/wherry/magic.mgc /usr/share/misc/magic.mgc
COPY . .
RUN CI=true make test BUILD=static


# Without a target: the image.
FROM image
