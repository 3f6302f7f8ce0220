# A small image of skep: the static binary and nothing else.
#
# scripts/release builds the binary into target/dist; then
#   docker build --tag skep --file Dockerfile target/dist
#   docker run --rm -v /var/run/docker.sock:/var/run/docker.sock -v "$PWD/stacks:/stacks:ro" skep plan /stacks
#
# A static musl binary does as well:
#   cargo build --release --target x86_64-unknown-linux-musl
FROM scratch
LABEL org.opencontainers.image.title="skep" \
      org.opencontainers.image.description="A declarative GitOps reconciler for Docker Swarm" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY skep /skep
# Root, because the Docker socket is root's; nothing else in here could use it.
ENTRYPOINT ["/skep"]
