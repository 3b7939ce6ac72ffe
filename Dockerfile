# An image of codex-pool: docker compose up --build, or docker build --tag codex-pool . (docs/operations.md).
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build
# The image brings Node, and Node brings SQLite: no optional package is needed to run.
RUN npm prune --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:24-bookworm-slim
WORKDIR /app
COPY --from=build /src/package.json ./
COPY --from=build /src/node_modules ./node_modules
COPY --from=build /src/dist ./dist
RUN bin="$(node -p 'require("/app/package.json").bin["codex-pool"]')" && chmod 755 "$bin" && ln -s "/app/$bin" /usr/local/bin/codex-pool
# New volumes take over owner and mode.
RUN install -d -o node -g node -m 700 /pool /data
ENV NODE_ENV=production
ENV PROXY_LISTEN_ADDR=0.0.0.0:8989
ENV POOL_DIR=/pool
ENV PROXY_DB_PATH=/data/proxy.db
USER node
VOLUME ["/pool", "/data"]
EXPOSE 8989
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["node", "-e", "const { port } = new URL(`http://${process.env.PROXY_LISTEN_ADDR}`); fetch(`http://127.0.0.1:${port || 80}/healthz`).then((it) => process.exit(it.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "/app/dist/main.js"]
