export default {
  // A static site, in out/; the packages are as happy on a server.
  output: "export",
};
