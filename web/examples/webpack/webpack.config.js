export default {
  mode: "production",
  entry: "./main.js",
  output: { path: `${import.meta.dirname}/dist`, clean: true },
  // The engine is large, and fetched only when it is used.
  performance: { hints: false },
};
