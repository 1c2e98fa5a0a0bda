/** The package's version, written in by the build. */
declare const __VERSION__: string;
/** The SHA-256 of the built-in model's manifest. */
declare const __MINI__: string;
/** The built-in model's card of abilities: the page knows it before the model is there. */
declare const __CARD__: import("atelier-web").Card &
  Required<Pick<import("atelier-web").Card, "sizes" | "default_steps" | "default_guidance">>;
