/** The version of this package: its script, its worker and its WebAssembly modules are of one build, and compare it. */

export const VERSION = "0.1.0";
