# Interlock with a HAProxy and an NGINX of its own. Any base with Python 3.11 or newer and util-linux (for setpriv) is a good one:
#   docker build --build-arg BASE=registry.example.com/python:3.12 --tag interlock .
# Without a registry at hand: scripts/build-image, which makes a base from the machine's own packages.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
COPY . /src
RUN sh /src/scripts/install-in-image /src /opt/interlock

FROM ${BASE}
LABEL org.opencontainers.image.title="Interlock" \
      org.opencontainers.image.description="Watches Docker and keeps HAProxy or NGINX routing to the containers that are up" \
      org.opencontainers.image.licenses="Apache-2.0" \
      interlock.app="main"
COPY --from=build /opt/interlock /opt/interlock
# Interlock and its proxy run as this user where they can. Written by hand, since slim bases have no useradd.
RUN echo 'interlock:x:980:980:Interlock:/var/lib/interlock:/usr/sbin/nologin' >> /etc/passwd \
    && echo 'interlock:x:980:' >> /etc/group \
    && mkdir -p /var/lib/interlock /run/interlock \
    && chown interlock:interlock /var/lib/interlock /run/interlock \
    && ln -s /opt/interlock/bin/interlock /opt/interlock/bin/interlock-entrypoint /usr/local/bin/
ENV PYTHONUNBUFFERED=1 \
    XDG_STATE_HOME=/var/lib \
    XDG_RUNTIME_DIR=/run
VOLUME ["/var/lib/interlock"]
EXPOSE 80 443
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/interlock-entrypoint"]
