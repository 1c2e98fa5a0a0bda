# The program in a container. Builds anywhere:
#   docker build -t atelier .
#   docker run --rm -v "$PWD:/pictures" atelier generate "A poster that says 'OPEN STUDIO'" -o poster.png
# With a GPU that Vulkan reaches, add `--device /dev/dri` (AMD, Intel) or `--gpus all -e NVIDIA_DRIVER_CAPABILITIES=all` (NVIDIA).
FROM rust:1.95.0-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
WORKDIR /atelier
COPY . .
RUN cargo build --release --locked --bin atelier && strip target/release/atelier

FROM debian:bookworm-slim
# The loader and the drivers of AMD and Intel; NVIDIA's come with the container's runtime. Without a GPU the CPU is used.
RUN apt-get update && apt-get install -y --no-install-recommends libvulkan1 mesa-vulkan-drivers && rm -rf /var/lib/apt/lists/*
COPY --from=build /atelier/target/release/atelier /usr/local/bin/atelier
RUN useradd --create-home atelier
USER atelier
WORKDIR /pictures
ENTRYPOINT ["atelier"]
CMD ["--help"]
