/** The package's version, written in by the build. */
declare const __VERSION__: string;
/** The SHA-256 of the built-in model's manifest. */
declare const __MINI__: string;
