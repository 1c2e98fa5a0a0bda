/**
 * mini, the small model of Atelier, as `createEngine` of `atelier-web` takes it: every file of the pack by its path, with the address
 * where the bundler or the server has it, and the SHA-256 of the pack's manifest, which has those of the files.
 */
export const mini: {
  readonly name: "mini";
  readonly manifest: string;
  readonly urls: Readonly<Record<string, URL>>;
};
