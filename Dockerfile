FROM node:24.21.0-bookworm-slim

WORKDIR /ferry
COPY package.json package-lock.json .npmrc ./
# The image brings Node itself, so the packages that bring it to a machine with an older one are not kept.
RUN npm ci --omit=dev --ignore-scripts \
  && rm -rf node_modules/node-linux-* node_modules/.bin/node /root/.npm

COPY src src
COPY commands commands
COPY jobs jobs

USER node
ENV NODE_ENV=production
EXPOSE 3000

# What can be asked from outside: whether the settings in this container are usable. A bot that cannot go on exits, and
# is started again; Redis, Kafka or Slack being away is not its illness, and shows in the log and in the channel.
HEALTHCHECK --interval=60s --timeout=20s --start-period=20s --retries=3 CMD ["node", "src/main.ts", "--check"]

# A smaller young generation, as in package.json: docs/performance.md, "A lag sweep".
CMD ["node", "--disable-warning=TimeoutNegativeWarning", "--max-semi-space-size=8", "src/main.ts"]
